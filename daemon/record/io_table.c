// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * io_table.c - see io_table.h. Looked through from the end to the beginning: there are few devices,
 * and what is asked for is mostly what was asked for last.
 */
#include "record/io_table.h"

#include "growable.h"
#include "io_sum.h"

#include <errno.h>
#include <string.h>

void io_table_init(struct io_table *table)
{
	*table = (struct io_table){.n_devices = 1};
}

void io_table_done(struct io_table *table)
{
	free(table->devices);
	free(table->rows);
}

static void put_number(uint8_t *to, uint64_t number, int n_bytes)
{
	for (int i = 0; i < n_bytes; i++)
		to[i] = (uint8_t)(number >> 8 * i);
}

int io_table_device(struct io_table *table, const struct io_device *device, struct texts *texts,
		    uint32_t *ret)
{
	struct profile_file file = {.kind = FILE_DEVICE,
				    .identity_len = PROFILE_DEVICE_IDENTITY_LEN,
				    .trust_uid = PROFILE_TRUST_SYSTEM};
	int r;

	put_number(file.identity, device->major, 4);
	put_number(file.identity + 4, device->minor, 4);
	put_number(file.identity + 8, device->diskseq, 8);
	file.identity[PROFILE_DEVICE_STACKED] = device->is_stacked;
	for (uint32_t i = table->n_devices - 1; i > 0; i--) {
		const struct profile_file *have = &table->devices[i];

		if (memcmp(have->identity, file.identity, sizeof(file.identity)) == 0 &&
		    strcmp(have->path, device->name) == 0) {
			*ret = i;
			return 0;
		}
	}
	r = table->n_devices >= IO_TABLE_DEVICES_MAX ? -ENOSPC : GROWABLE_RESERVE(table, devices);
	if (r < 0)
		return r;
	file.path = texts_copy(texts, device->name);
	if (!file.path)
		return -ENOMEM;
	table->devices[table->n_devices] = file;
	*ret = table->n_devices++;
	return 0;
}

int io_table_add(struct io_table *table, const struct profile_io *row)
{
	struct profile_io sum = {.device = row->device, .op = row->op, .flags = row->flags};
	int r;

	for (uint32_t i = table->n_rows; i > 0; i--) {
		struct profile_io *have = &table->rows[i - 1];

		if (have->device != row->device || have->op != row->op || have->flags != row->flags)
			continue;
		sum = *have;
		if (!io_sum_add(&sum, row))
			return -ERANGE;
		*have = sum;
		return 0;
	}
	r = table->n_rows >= IO_TABLE_ROWS_MAX ? -ENOSPC : GROWABLE_RESERVE(table, rows);
	if (r < 0)
		return r;
	if (!io_sum_add(&sum, row))
		return -ERANGE;
	table->rows[table->n_rows++] = sum;
	return 0;
}
