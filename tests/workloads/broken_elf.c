/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * broken_elf.c - a workload: runs code out of a mapped file that says it is ELF and is not.
 *
 * The file begins with the ELF magic, then headers whose offsets and counts point nowhere; its
 * second page holds a loop. Whoever names the loop has to open and parse that file.
 *
 * Usage: broken_elf CPU_SECONDS FILE   (FILE is made, and left for the profiler to find)
 */
#include "burn.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE_BYTES 4096

#ifdef __x86_64__
/* push rbp; mov rbp, rsp; 1: dec rdi; jnz 1b; mov rax, rdi; pop rbp; ret */
static const unsigned char loop_code[] = {0x55, 0x48, 0x89, 0xe5, 0x48, 0xff, 0xcf,
					  0x75, 0xfb, 0x48, 0x89, 0xf8, 0x5d, 0xc3};
#else
#error "loop_code is known for x86-64 only"
#endif

/* Returns the mapped loop, or NULL. */
static burner map_broken_file(const char *path)
{
	static unsigned char content[2 * PAGE_BYTES];
	burner code = NULL;
	void *map;
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	if (fd < 0)
		return NULL;
	memset(content, 0xee, PAGE_BYTES);
	memcpy(content,
	       "\177ELF\002\001\001\0\0\0\0\0\0\0\0\0"
	       "\003\0\076\0\001\0\0\0",
	       24);
	memcpy(content + PAGE_BYTES, loop_code, sizeof(loop_code));
	if (write(fd, content, sizeof(content)) == (ssize_t)sizeof(content)) {
		map = mmap(NULL, sizeof(content), PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
		if (map != MAP_FAILED) {
			map = (char *)map + PAGE_BYTES;
			memcpy(&code, &map, sizeof(code));
		}
	}
	(void)close(fd);
	return code;
}

int main(int argc, char **argv)
{
	uint64_t total_ns = argc == 3 ? strtoull(argv[1], NULL, 10) * NSEC_PER_SEC : 0;
	uint64_t rounds;
	burner code;

	if (!total_ns) {
		fprintf(stderr, "usage: broken_elf CPU_SECONDS FILE\n");
		return 2;
	}
	code = map_broken_file(argv[2]);
	if (!code) {
		perror(argv[2]);
		return 1;
	}
	rounds = calibrate(code, 1000000);
	while (thread_cpu_ns() < total_ns)
		(void)code(rounds);
	printf("{\"pid\":%d,\"cpu_ns\":%" PRIu64 "}\n", getpid(), thread_cpu_ns());
	return 0;
}
