// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cpu.bpf.c - the CPU collector: one sample per tick of a cpu-clock perf event on each CPU.
 *
 * The weight of a sample is the period of the event that ticked, in nanoseconds by definition of
 * cpu-clock, so that a change of the rate never biases a window. Idle ticks are excluded by the
 * event (exclude_idle) and tested again here, first, because they are the most frequent.
 */
#include "emit.bpf.h"

#include <stdbool.h>

#define X86_USER_RPL 3 /* the low two bits of cs: 3 in user mode */

SEC("perf_event")
int cpu_tick(struct perf_context *ctx)
{
	bool user_mode = (ctx->regs.cs & X86_USER_RPL) == X86_USER_RPL;

	if (!(__u32)bpf_get_current_pid_tgid())
		return 0;
	emit_sample(ctx, WIRE_CPU, user_mode ? ctx : NULL, ctx->sample_period);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
