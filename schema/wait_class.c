// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wait_class.c - see wait_class.h. Bits 0-7 bin, 8-10 state, 11 exact, 12 gate, 13 kernel only,
 * 14-17 weight.
 */
#include "wait_class.h"

#include <errno.h>

#define STATE_SHIFT  8
#define EXACT_BIT    (1u << 11)
#define GATE_BIT     (1u << 12)
#define KERNEL_BIT   (1u << 13)
#define WEIGHT_SHIFT 14
#define WEIGHT_MAX   15u

uint32_t latency_bin_of(uint64_t ns)
{
	uint32_t octave = ns ? 63 - (uint32_t)__builtin_clzll(ns) : 0;
	bool upper = octave && (ns >> (octave - 1) & 1);

	return 1 + 2 * octave + upper;
}

uint64_t latency_bin_from_ns(uint32_t bin)
{
	uint32_t octave = (bin - 1) / 2;

	if (bin == LATENCY_BIN_NONE || bin > LATENCY_BIN_MAX || bin == 1)
		return 0;
	if (bin == 2) /* there is nothing between 1 and 2 */
		return 2;
	return (1ull << octave) + ((bin - 1) % 2 ? 1ull << octave >> 1 : 0);
}

uint64_t latency_bin_until_ns(uint32_t bin)
{
	if (bin == LATENCY_BIN_NONE || bin > LATENCY_BIN_MAX)
		return 0;
	return bin == LATENCY_BIN_MAX ? UINT64_MAX : latency_bin_from_ns(bin + 1);
}

uint32_t wait_class_pack(const struct wait_class *class)
{
	uint32_t weight = class->weight_log2 < WEIGHT_MAX ? class->weight_log2 : WEIGHT_MAX;

	return (class->bin & 0xff) | (uint32_t) class->state << STATE_SHIFT |
	       (class->exact ? EXACT_BIT : 0) | (class->gate ? GATE_BIT : 0) |
	       (class->kernel_only ? KERNEL_BIT : 0) | weight << WEIGHT_SHIFT;
}

int wait_class_unpack(uint32_t packed, struct wait_class *ret)
{
	*ret = (struct wait_class){.bin = packed & 0xff,
				   .state = (enum wait_state)(packed >> STATE_SHIFT & 7),
				   .exact = packed & EXACT_BIT,
				   .gate = packed & GATE_BIT,
				   .kernel_only = packed & KERNEL_BIT,
				   .weight_log2 = packed >> WEIGHT_SHIFT};
	if (ret->weight_log2 > WEIGHT_MAX || ret->state >= WAIT_STATE_MAX ||
	    (ret->bin > LATENCY_BIN_MAX && ret->bin != LATENCY_BIN_OPEN))
		return -EBADMSG;
	return 0;
}
