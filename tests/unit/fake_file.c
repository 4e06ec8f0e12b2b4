// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fake_file.c - see fake_file.h.
 */
#include "fake_file.h"

#include "cleanup.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

static void open_program(const char *variable, struct resolver_program *program)
{
	const char *path = getenv(variable);

	if (!path)
		fail_msg("%s is not set; run this by meson test", variable);
	assert_int_equal(resolver_program_open(path, program), 0);
}

void open_real(struct resolver_program *program)
{
	open_program("PROFD_RESOLVER", program);
}

void open_fake(struct resolver_program *program)
{
	open_program("FAKE_RESOLVER", program);
}

int fake_file(const char *word)
{
	int fd = memfd_create("fake", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, word, strlen(word)), strlen(word));
	return fd;
}

int own_file(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

uint64_t own_offset(const void *function)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/maps", "re");
	uintptr_t addr = (uintptr_t)function;
	char line[512];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		unsigned long start, end, offset;

		if (sscanf(line, "%lx-%lx %*s %lx", &start, &end, &offset) == 3 && addr >= start &&
		    addr < end)
			return addr - start + offset;
	}
	fail_msg("no mapping holds the function");
	return 0;
}
