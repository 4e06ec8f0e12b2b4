/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * draw.bpf.h - which switches have their stacks taken: draws of known probability, about
 * `stacks_per_s` a second and CPU.
 *
 * A thread is drawn with q = multiplier * predicted wait / WIRE_LONG_WAIT_NS, rounded down to a
 * power of two, at least 2^-10. The multiplier is the CPU's. It is set when a window of 100 ms
 * ends, from the captures of that one, and halved at once when a window has had its share; always
 * between draws, so that each q is fixed before its draw and nothing that was drawn is refused:
 * both would bias the weights. A storm is thus bounded by the least q alone, which is what gate
 * mode is for.
 *
 * What was not drawn and is expected to be long, because the thread's wait before was, may have its
 * stacks taken too, as often as a window's second budget allows: a long wait is exact without a
 * draw, and this one has all of its stack then. If it is short it counts nothing.
 */
#ifndef PROFD_DRAW_BPF_H
#define PROFD_DRAW_BPF_H

#include "switch_cpu.h"
#include "thread.bpf.h"

#include <bpf/bpf_helpers.h>

/* Set before loading. */
const volatile __u32 stacks_per_s = 50;

#define DRAW_WINDOW_NS	     100000000ull
#define DRAW_WINDOWS_PER_S   10
#define DRAW_WEIGHT_LOG2_MAX 10
#define DRAW_ONE	     (1u << 16)
#define DRAW_MULTIPLIER_MAX  (1u << 31)
/* Of long waits that were not drawn, in a window: at their beginnings with user stacks, at their
 * ends without; beside what is drawn, whatever `stacks_per_s` is: they are exact, and a few. */
#define DRAW_LONG_BEGINS     5
#define DRAW_LONG_STACKS     20
#define DRAW_LONG_RECORDS    100

/* A prediction times the multiplier is q in units of 2^-32. */
_Static_assert(WIRE_LONG_WAIT_NS >> THREAD_PREDICTED_SHIFT == 1ull << 16, "q of one");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* set before loading: the possible CPUs */
	__type(key, __u32);
	__type(value, struct switch_cpu);
} switch_cpus SEC(".maps");

static __always_inline __u32 halving_step(void)
{
	return (stacks_per_s + DRAW_WINDOWS_PER_S - 1) / DRAW_WINDOWS_PER_S;
}

static __attribute__((noinline, unused)) int begin_window(struct switch_cpu *c, __u64 clock_ns)
{
	__u64 n_windows = (clock_ns - c->window_end_ns) / DRAW_WINDOW_NS + 1;
	__u64 multiplier = c->multiplier ? c->multiplier : DRAW_ONE, expected, captured;
	struct thread_clock *offset;
	__u32 zero = 0;

	if (n_windows > DRAW_WINDOWS_PER_S)
		n_windows = DRAW_WINDOWS_PER_S;
	expected = stacks_per_s * n_windows;
	captured = (__u64)c->captures * DRAW_WINDOWS_PER_S;
	/* What was halved in the window was set already. */
	if (captured * 2 <= expected)
		multiplier *= 2;
	else if (!c->is_halved)
		multiplier = multiplier * expected / captured;
	c->multiplier = multiplier > DRAW_MULTIPLIER_MAX ? DRAW_MULTIPLIER_MAX
			: multiplier			 ? multiplier
							 : 1;
	c->captures = 0;
	c->is_halved = 0;
	c->halve_at = halving_step();
	c->begins_left = DRAW_LONG_BEGINS;
	c->stacks_left = DRAW_LONG_STACKS;
	c->records_left = DRAW_LONG_RECORDS;
	c->window_end_ns = clock_ns + DRAW_WINDOW_NS;
	c->random = bpf_get_prandom_u32() | 1;
	offset = bpf_map_lookup_elem(&clock_offset, &zero);
	if (offset)
		offset->offset_ns = bpf_ktime_get_ns() - clock_ns;
	return 0;
}

/* The least w with 2^-w <= q. */
static __always_inline __u32 weight_of(const struct switch_cpu *c, __u32 predicted)
{
	__u64 q = (__u64)c->multiplier * predicted;
	__u32 w = 0;

	if (q < 1ull << 24) {
		q <<= 8;
		w += 8;
	}
	if (q < 1ull << 28) {
		q <<= 4;
		w += 4;
	}
	if (q < 1ull << 30) {
		q <<= 2;
		w += 2;
	}
	if (q < 1ull << 31) {
		q <<= 1;
		w += 1;
	}
	if (q < 1ull << 32)
		w += 1;
	return w < DRAW_WEIGHT_LOG2_MAX ? w : DRAW_WEIGHT_LOG2_MAX;
}

/* True with a probability of 2^-w. The generator is Marsaglia's xorshift32, seeded anew in each
 * window, at a third of the price of bpf_get_prandom_u32(). */
static __always_inline bool toss(struct switch_cpu *c, __u32 w)
{
	__u32 x = c->random;

	if (!w)
		return true;
	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	c->random = x;
	return !(x >> ((32 - w) & 31));
}

static __always_inline void count_capture(struct switch_cpu *c)
{
	if (++c->captures < c->halve_at)
		return;
	c->halve_at += halving_step();
	c->is_halved = 1;
	if (c->multiplier > 1)
		c->multiplier /= 2;
}

#endif
