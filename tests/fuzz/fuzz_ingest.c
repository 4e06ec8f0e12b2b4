// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_ingest.c - any bytes as a record of the ring buffer, and as the stream of a pass.
 */
#include "capture/ingest.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sample sample;
	size_t length;

	if (ingest_length(data, size, &length) == 0 && length > size)
		abort();
	if (ingest_decode(data, size, &sample) < 0)
		return 0;
	if (length == 0 || sample.kind == WIRE_NONE || sample.kind >= WIRE_KIND_MAX ||
	    sample.n_kernel > WIRE_KERNEL_FRAMES_MAX || sample.n_user > WIRE_USER_FRAMES_MAX)
		abort();
	if (sample.kind == WIRE_WAIT_END &&
	    (sample.wait.state >= WIRE_STATE_MAX || sample.wait.weight_log2 > INGEST_WEIGHT_MAX ||
	     sample.wait.blocked_ns > INGEST_VALUE_MAX ||
	     (sample.wait.weight_log2 && sample.wait.blocked_ns > INGEST_SAMPLED_NS_MAX)))
		abort();
	if (sample.kind == WIRE_LEDGER && (sample.ledger.open_state >= WIRE_STATE_MAX ||
					   sample.ledger.unsent_ns > INGEST_VALUE_MAX))
		abort();
	return 0;
}
