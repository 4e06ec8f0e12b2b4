// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_ingest.c - any bytes as a record of the ring buffer.
 */
#include "capture/ingest.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sample sample;

	if (ingest_decode(data, size, &sample) < 0)
		return 0;
	if (sample.n_kernel > WIRE_KERNEL_FRAMES_MAX || sample.n_user > WIRE_USER_FRAMES_MAX ||
	    sample.type == SAMPLE_NONE)
		abort();
	return 0;
}
