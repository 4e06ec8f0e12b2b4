// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_unwind_blob.c - any bytes as a blob, with a right checksum and the key they have, so that
 * only the checks of what it says stand between them and whoever uses the table.
 */
#include "unwind_blob.h"

#include <stdlib.h>
#include <string.h>

#define KEY_AT 48 /* behind magic, eight numbers and the base */

/* What the users of a table rely on. */
static void use(const struct unwind_table *table)
{
	if (table->n_segments > UNWIND_SEGMENTS_MAX || table->base & 255)
		abort();
	for (uint32_t i = 0; i < table->n_rows; i++)
		if ((table->rows[i].kind & 15) >= UNWIND_CFA_MAX ||
		    table->rows[i].kind >> 4 >= UNWIND_FP_MAX ||
		    (i && table->rows[i].pc <= table->rows[i - 1].pc))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct unwind_table table;
	struct unwind_key key = {};
	uint8_t *bytes = malloc(size + 1);

	if (!bytes)
		return 0;
	memcpy(bytes, data, size);
	if (size >= UNWIND_BLOB_HEAD_SIZE) {
		const void *rows = bytes + UNWIND_BLOB_HEAD_SIZE;
		uint32_t n = (uint32_t)((size - UNWIND_BLOB_HEAD_SIZE) / sizeof(struct unwind_row));

		memcpy(&key, bytes + KEY_AT, sizeof(key));
		unwind_blob_seal(bytes, rows, n);
	}
	if (unwind_blob_decode(bytes, size, &key, &table) == 0)
		use(&table);
	else if (table.rows)
		abort();
	unwind_table_done(&table);
	free(bytes);
	return 0;
}
