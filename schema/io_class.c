// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * io_class.c - see io_class.h. Bits 0-6 bin, 7-9 operation, 10-13 weight, 14-31 device.
 */
#include "io_class.h"

#include <errno.h>

#define OP_SHIFT     7
#define WEIGHT_SHIFT 10
#define DEVICE_SHIFT 14

uint32_t io_class_pack(const struct io_class *class)
{
	uint32_t bin = class->bin < PROFILE_IO_BINS ? class->bin : PROFILE_IO_BINS - 1;
	uint32_t weight =
		class->weight_log2 < IO_CLASS_WEIGHT_MAX ? class->weight_log2 : IO_CLASS_WEIGHT_MAX;
	uint32_t device = class->device <= IO_CLASS_DEVICE_MAX ? class->device : 0;

	return bin | (uint32_t) class->op << OP_SHIFT | weight << WEIGHT_SHIFT |
	       device << DEVICE_SHIFT;
}

int io_class_unpack(uint32_t packed, struct io_class *ret)
{
	*ret = (struct io_class){.bin = packed & (PROFILE_IO_BINS - 1),
				 .op = (enum io_op)(packed >> OP_SHIFT & 7),
				 .weight_log2 = packed >> WEIGHT_SHIFT & IO_CLASS_WEIGHT_MAX,
				 .device = packed >> DEVICE_SHIFT};
	return ret->op == IO_OP_NONE || ret->op >= IO_OP_MAX ? -EBADMSG : 0;
}

uint32_t io_class_shift(uint32_t packed, uint32_t n_devices)
{
	uint32_t device = packed >> DEVICE_SHIFT;

	if (!device || n_devices > IO_CLASS_DEVICE_MAX - device)
		return packed & ((1u << DEVICE_SHIFT) - 1);
	return packed + (n_devices << DEVICE_SHIFT);
}
