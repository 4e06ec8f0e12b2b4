// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * switch_cost.c - holds a program at the switch hook until its input ends, and tells what it cost.
 *
 * Usage: switch-cost empty
 *   Says "ready" once it is attached, and at the end "NS RUNS": the kernel's count of its run time
 *   since then (kernel.bpf_stats_enabled; 0 without).
 */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#include "empty_switch.skel.h"
#pragma GCC diagnostic pop

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void wait_for_end(void)
{
	char byte;

	printf("ready\n");
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

static void print_cost(const struct bpf_program *program)
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) < 0)
		err(1, "bpf_obj_get_info_by_fd");
	printf("%llu %llu\n", (unsigned long long)info.run_time_ns,
	       (unsigned long long)info.run_cnt);
}

int main(int argc, char **argv)
{
	struct empty_switch_bpf *empty;

	if (argc != 2 || strcmp(argv[1], "empty") != 0)
		errx(2, "usage: switch-cost empty");
	empty = empty_switch_bpf__open_and_load();
	if (!empty || empty_switch_bpf__attach(empty) < 0)
		err(1, "cannot attach the program");
	wait_for_end();
	print_cost(empty->progs.empty_switch);
	empty_switch_bpf__destroy(empty);
	return 0;
}
