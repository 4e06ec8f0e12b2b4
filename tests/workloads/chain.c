/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chain.c - a workload: burns CPU time, or makes cheap system calls, at the end of a chain of 23
 * functions whose frames are laid out in all the ways that compilers have.
 *
 * Usage: chain burn|syscall     runs until it is killed
 */
#include "burn.h"

#include <alloca.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

DEFINE_BURNER(chain_burn, 2862933555777941757ull);

uint64_t chain_end(int syscalls);
KEPT_FUNCTION uint64_t chain_end(int syscalls)
{
	uint64_t x = 0;

	for (;;) {
		if (syscalls)
			x += (uint64_t)syscall(SYS_getppid);
		else
			x += chain_burn(300000);
		__asm__ volatile("" : "+r"(x));
	}
	return x;
}

/* The sum after the call keeps it from becoming a jump. */
#define LINK(name, next, locals)                                                                   \
	uint64_t name(int syscalls);                                                               \
	KEPT_FUNCTION uint64_t name(int syscalls)                                                  \
	{                                                                                          \
		volatile uint64_t kept = (uint64_t)syscalls;                                       \
		locals;                                                                            \
		return next(syscalls) + kept;                                                      \
	}

/* A frame of that size, one of a size that only the program knows, and one that is aligned: the
 * first is found from rsp, the second from rbp, the third by an expression. */
#define SIZED(bytes)                                                                               \
	char local[bytes];                                                                         \
	__asm__ volatile("" : : "r"(local) : "memory")
#define DYNAMIC                                                                                    \
	char *local = alloca((size_t)(kept + 3) * 40);                                             \
	__asm__ volatile("" : : "r"(local) : "memory")
#define ALIGNED                                                                                    \
	char local[256] __attribute__((aligned(64)));                                              \
	char *more = alloca((size_t)(kept + 5) * 24);                                              \
	__asm__ volatile("" : : "r"(local), "r"(more) : "memory")
/* All registers that a callee saves, in a build without frame pointers also rbp. */
#ifdef FRAMELESS
#define SAVING __asm__ volatile("xor %%ebp, %%ebp" : : : "rbx", "rbp", "r12", "r13", "r14", "r15")
#else
#define SAVING __asm__ volatile("" : : : "rbx", "r12", "r13", "r14", "r15")
#endif

LINK(chain_22, chain_end, SIZED(24))
LINK(chain_21, chain_22, SIZED(200))
LINK(chain_20, chain_21, DYNAMIC)
LINK(chain_19, chain_20, SAVING)
LINK(chain_18, chain_19, SIZED(4000))
LINK(chain_17, chain_18, ALIGNED)
LINK(chain_16, chain_17, SIZED(8))
LINK(chain_15, chain_16, SAVING)
LINK(chain_14, chain_15, SIZED(120))
LINK(chain_13, chain_14, SIZED(16))
LINK(chain_12, chain_13, DYNAMIC)
LINK(chain_11, chain_12, SAVING)
LINK(chain_10, chain_11, ALIGNED)
LINK(chain_09, chain_10, SIZED(1000))
LINK(chain_08, chain_09, SAVING)
LINK(chain_07, chain_08, SIZED(40))
LINK(chain_06, chain_07, SIZED(72))
LINK(chain_05, chain_06, DYNAMIC)
LINK(chain_04, chain_05, SIZED(24))
LINK(chain_03, chain_04, SAVING)
LINK(chain_02, chain_03, SIZED(12))
LINK(chain_01, chain_02, ALIGNED)

int main(int argc, char **argv)
{
	return (int)chain_01(argc > 1 && strcmp(argv[1], "syscall") == 0);
}
