/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * io_class.h - what is known of the block I/O in a row besides its sum: which device was asked for
 * what, how long it took (a bin of wait_class.h), and for how many others each one stands. Packed
 * into profile_row.bin of SAMPLE_BLOCKIO and SAMPLE_BLOCKIO_BYTES, so that I/O that differs in it
 * is in different rows. The layout is stored; never change it.
 *
 * These rows are samples: what devices did in all is exact and stands beside them (struct
 * profile_io), and they say how it is to be divided.
 */
#ifndef PROFD_IO_CLASS_H
#define PROFD_IO_CLASS_H

#include "profile.h"

#define IO_CLASS_DEVICE_MAX ((1u << 18) - 1)
#define IO_CLASS_WEIGHT_MAX 15u

struct io_class {
	uint32_t bin;	 /* latency bin of the total time; 0: it is unknown */
	uint32_t device; /* a file: of the bucket, or in the store of the partition's dictionary */
	enum io_op op;
	/* Each sample stands for 2^weight_log2 of its kind, in count and value; at most 15. */
	uint32_t weight_log2;
};

/* A bin above PROFILE_IO_BINS - 1 becomes that, a weight above 15 that; a device above
 * IO_CLASS_DEVICE_MAX becomes 0, none. */
uint32_t io_class_pack(const struct io_class *class);
/* Returns 0, or -EBADMSG for what no io_class_pack() returned. Whether the device is one is for the
 * caller to see. */
int io_class_unpack(uint32_t packed, struct io_class *ret);

/* The same class of another device, whose number is that much more; none stays none. */
uint32_t io_class_shift(uint32_t packed, uint32_t n_devices);

#endif
