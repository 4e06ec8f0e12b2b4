// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dump_rows.c - what the tables of files hold, for tests and benchmarks: dump-rows FILE... prints a
 * line for each file that has a table, "rows N bytes N fdes N broken N unsupported N source NAME ms
 * N.NNN FILE", and at last the total. With - the files are those on standard input, one a line.
 * dump-rows --rows FILE prints the rows instead: address, kind of CFA, cfa, kind of rbp, fp.
 */
#include "unwind_row.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const source_names[] = {
	[UNWIND_SOURCE_NONE] = "none",
	[UNWIND_SOURCE_EH_FRAME] = "eh_frame",
	[UNWIND_SOURCE_EH_FRAME_HDR] = "eh_frame_hdr",
	[UNWIND_SOURCE_DEBUG_FRAME] = "debug_frame",
};

static const char *const cfa_names[UNWIND_CFA_MAX] = {
	[UNWIND_CFA_NONE] = "none",
	[UNWIND_CFA_SP] = "sp",
	[UNWIND_CFA_FP] = "fp",
	[UNWIND_CFA_PLT] = "plt",
	[UNWIND_CFA_DEREF_SP] = "deref_sp",
	[UNWIND_CFA_DEREF_FP] = "deref_fp",
	[UNWIND_CFA_SIGNAL] = "signal",
	[UNWIND_CFA_STOP] = "stop",
	[UNWIND_CFA_UNSUPPORTED] = "unsupported",
	[UNWIND_CFA_REGISTER] = "register",
	[UNWIND_CFA_RA_REGISTER] = "ra_register",
};

static const char *const fp_names[UNWIND_FP_MAX] = {
	[UNWIND_FP_SAME] = "same",
	[UNWIND_FP_CFA] = "cfa",
	[UNWIND_FP_FP] = "fp",
	[UNWIND_FP_UNKNOWN] = "unknown",
};

struct total {
	uint64_t files, refused, rows, fdes, broken, unsupported, ns, cpu_ns;
};

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int open_file(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static void print_rows(const struct unwind_table *table)
{
	for (uint32_t i = 0; i < table->n_rows; i++) {
		const struct unwind_row *row = &table->rows[i];

		printf("%" PRIx64 " %s %u %s %d\n", table->base + row->pc,
		       cfa_names[row->kind & 15], row->cfa, fp_names[row->kind >> 4], row->fp);
	}
}

static int dump_rows(const char *path)
{
	struct unwind_table table;
	int fd = open_file(path), r;

	r = fd < 0 ? -errno : unwind_table_read(fd, &table);
	if (fd >= 0)
		close(fd);
	if (r < 0) {
		fprintf(stderr, "dump-rows: %s: %s\n", path, strerror(-r));
		return 1;
	}
	print_rows(&table);
	unwind_table_done(&table);
	return 0;
}

/* Not counted: what is no ELF file at all. */
static bool is_elf(int fd)
{
	char magic[4];

	return pread(fd, magic, sizeof(magic), 0) == sizeof(magic) &&
	       memcmp(magic, "\177ELF", sizeof(magic)) == 0;
}

static void sum_up_file(const char *path, struct total *total)
{
	struct unwind_table table;
	int fd = open_file(path), r;
	uint64_t ns, cpu_ns;

	if (fd < 0 || !is_elf(fd)) {
		if (fd >= 0)
			close(fd);
		return;
	}
	ns = now_ns(CLOCK_MONOTONIC);
	cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	r = unwind_table_read(fd, &table);
	ns = now_ns(CLOCK_MONOTONIC) - ns;
	total->cpu_ns += now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns;
	close(fd);
	total->ns += ns;
	if (r < 0) {
		printf("refused %d ms %.3f %s\n", -r, (double)ns / 1e6, path);
		total->refused++;
		return;
	}
	printf("rows %u bytes %zu fdes %u broken %u unsupported %u source %s ms %.3f %s\n",
	       table.n_rows, table.n_rows * sizeof(struct unwind_row), table.n_fdes,
	       table.n_fdes_broken, table.n_unsupported, source_names[table.source],
	       (double)ns / 1e6, path);
	total->files++;
	total->rows += table.n_rows;
	total->fdes += table.n_fdes;
	total->broken += table.n_fdes_broken;
	total->unsupported += table.n_unsupported;
	unwind_table_done(&table);
}

int main(int argc, char **argv)
{
	struct total total = {};
	char path[4096];

	if (argc == 3 && strcmp(argv[1], "--rows") == 0)
		return dump_rows(argv[2]);
	if (argc < 2) {
		fprintf(stderr, "usage: dump-rows FILE... | - | --rows FILE\n");
		return 2;
	}
	if (strcmp(argv[1], "-") != 0) {
		for (int i = 1; i < argc; i++)
			sum_up_file(argv[i], &total);
	} else {
		while (fgets(path, sizeof(path), stdin)) {
			path[strcspn(path, "\n")] = '\0';
			sum_up_file(path, &total);
		}
	}
	printf("files %" PRIu64 " refused %" PRIu64 " rows %" PRIu64 " fdes %" PRIu64
	       " broken %" PRIu64 " unsupported %" PRIu64
	       " seconds %.3f cpu_seconds %.3f rows_per_s %.0f\n",
	       total.files, total.refused, total.rows, total.fdes, total.broken, total.unsupported,
	       (double)total.ns / 1e9, (double)total.cpu_ns / 1e9,
	       total.ns ? (double)total.rows / ((double)total.ns / 1e9) : 0.0);
	return 0;
}
