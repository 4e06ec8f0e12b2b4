// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_sideband.c - any bytes as a side-band record: what is decoded lies inside of them.
 */
#include "capture/sideband_record.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sideband_record record;

	if (sideband_record_decode(data, size, &record) < 0)
		return 0;
	if (record.mapping.end < record.mapping.start ||
	    record.mapping.build_id_len > MAPPING_BUILD_ID_MAX)
		abort();
	if (*record.path && ((const uint8_t *)record.path < data ||
			     (const uint8_t *)record.path + strlen(record.path) >= data + size))
		abort();
	return 0;
}
