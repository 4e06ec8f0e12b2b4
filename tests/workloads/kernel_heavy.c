/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernel_heavy.c - a workload: nearly all its time is spent in the kernel, in read(2) of /dev/zero.
 *
 * The system call is made by zero_reader itself, not by the C library, whose read() sets up no
 * frame: so zero_reader is the first user frame below the kernel's. Prints its user and system
 * time as JSON.
 *
 * Usage: kernel_heavy CPU_SECONDS
 */
#include "burn.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Large: on a paravirtual machine entering the kernel costs as much as clearing 100 KB. */
static char block[4 * 1024 * 1024];

static inline __attribute__((always_inline)) long read_directly(int fd, char *buf, size_t len)
{
#ifdef __x86_64__
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "0"((long)SYS_read), "D"((long)fd), "S"(buf), "d"(len)
			 : "rcx", "r11", "memory");
	return result;
#else
	return syscall(SYS_read, fd, buf, len);
#endif
}

long zero_reader(int fd, unsigned int blocks);
KEPT_FUNCTION long zero_reader(int fd, unsigned int blocks)
{
	long sum = 0;

	for (unsigned int i = 0; i < blocks; i++)
		sum += read_directly(fd, block, sizeof(block));
	return sum;
}

static uint64_t timeval_ns(struct timeval tv)
{
	return (uint64_t)tv.tv_sec * NSEC_PER_SEC + (uint64_t)tv.tv_usec * 1000;
}

int main(int argc, char **argv)
{
	uint64_t total_ns = argc == 2 ? strtoull(argv[1], NULL, 10) * NSEC_PER_SEC : 0;
	struct rusage usage = {0};
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	if (!total_ns || fd < 0) {
		fprintf(stderr, "usage: kernel_heavy CPU_SECONDS, with /dev/zero readable\n");
		return 2;
	}
	while (thread_cpu_ns() < total_ns) {
		if (zero_reader(fd, 8) <= 0)
			return 1;
	}
	(void)getrusage(RUSAGE_SELF, &usage);
	printf("{\"pid\":%d,\"user_ns\":%" PRIu64 ",\"system_ns\":%" PRIu64 ",\"cpu_ns\":%" PRIu64
	       "}\n",
	       getpid(), timeval_ns(usage.ru_utime), timeval_ns(usage.ru_stime), thread_cpu_ns());
	return 0;
}
