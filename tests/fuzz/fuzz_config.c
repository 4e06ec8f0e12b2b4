// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_config.c - any text as profd.conf: what is accepted is in range.
 */
#include "config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config config;
	struct config_error error;

	config_init(&config);
	if (config_parse(&config, (const char *)data, size, "fuzz", &error) == 0 &&
	    (config.frequency_hz < 19 || config.frequency_hz > 999 || !config.bucket_s ||
	     3600 % config.bucket_s || config.directory[0] != '/' ||
	     config.control_directory[0] != '/' || config.exclude_units.n > CONFIG_PATTERNS_MAX ||
	     config.exclude_units.used > CONFIG_PATTERNS_BYTES_MAX))
		abort();
	return 0;
}
