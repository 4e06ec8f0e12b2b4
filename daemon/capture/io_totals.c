// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * io_totals.c - see io_totals.h.
 */
#include "capture/io_totals.h"

#include "growable.h"
#include "wait_class.h"

#include <errno.h>
#include <string.h>

_Static_assert(WIRE_IO_BIN_FIRST + WIRE_IO_BINS <= PROFILE_IO_BINS, "bins find room");
_Static_assert((int)WIRE_IO_SYNC == PROFILE_IO_SYNC && (int)WIRE_IO_META == PROFILE_IO_META &&
		       (int)WIRE_IO_READAHEAD == PROFILE_IO_READAHEAD &&
		       (int)WIRE_IO_FUA == PROFILE_IO_FUA,
	       "flags of the wire are those of the store");

/* An entry as it was. */
struct seen {
	struct wire_io_key key;
	struct wire_io_sums sums; /* of all CPUs; the name is the device's */
	uint32_t n_idle;	  /* looks without a change */
	bool is_there;		  /* in the look at hand */
};

struct io_totals {
	struct io_devices *devices;
	struct seen *seen;
	uint32_t n_seen, cap_seen;
};

int io_totals_new(struct io_devices *devices, struct io_totals **ret)
{
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	(*ret)->devices = devices;
	return 0;
}

struct io_totals *io_totals_free(struct io_totals *totals)
{
	if (totals)
		free(totals->seen);
	free(totals);
	return NULL;
}

void io_totals_begin(struct io_totals *totals)
{
	for (uint32_t i = 0; i < totals->n_seen; i++)
		totals->seen[i].is_there = false;
}

static struct seen *find(const struct io_totals *totals, const struct wire_io_key *key)
{
	for (uint32_t i = 0; i < totals->n_seen; i++)
		if (memcmp(&totals->seen[i].key, key, sizeof(*key)) == 0)
			return &totals->seen[i];
	return NULL;
}

static int find_or_add(struct io_totals *totals, const struct wire_io_key *key, struct seen **ret)
{
	*ret = find(totals, key);
	if (*ret)
		return 0;
	if (GROWABLE_RESERVE(totals, seen) < 0)
		return -ENOMEM;
	*ret = &totals->seen[totals->n_seen++];
	**ret = (struct seen){.key = *key};
	return 0;
}

static void sum_time(struct wire_io_time *sum, const struct wire_io_time *time)
{
	sum->known += time->known;
	sum->sum_ns += time->sum_ns;
	for (uint32_t i = 0; i < WIRE_IO_BINS; i++)
		sum->bins[i] += time->bins[i];
}

static void sum_cpus(const struct wire_io_sums *sums, uint32_t n, struct wire_io_sums *ret)
{
	*ret = (struct wire_io_sums){};
	for (uint32_t i = 0; i < n; i++) {
		ret->ios += sums[i].ios;
		ret->bytes += sums[i].bytes;
		ret->errors += sums[i].errors;
		sum_time(&ret->queue, &sums[i].queue);
		sum_time(&ret->service, &sums[i].service);
		sum_time(&ret->total, &sums[i].total);
		if (!ret->name[0])
			memcpy(ret->name, sums[i].name, sizeof(ret->name));
	}
	ret->name[sizeof(ret->name) - 1] = '\0';
}

/* What the bins say it is known of: while programs run, a count and its bin are not read as one,
 * and what is not there yet comes with the next look. */
static void take_time(struct wire_io_time *seen, const struct wire_io_time *now, uint64_t ios_left,
		      struct profile_io_time *ret)
{
	for (uint32_t i = 0; i < WIRE_IO_BINS && ret->known < ios_left; i++) {
		uint32_t n = now->bins[i] - seen->bins[i];

		if (n > ios_left - ret->known)
			n = (uint32_t)(ios_left - ret->known);
		ret->bins[WIRE_IO_BIN_FIRST + i] = n;
		ret->known += n;
		seen->bins[i] += n;
	}
	seen->known += ret->known;
	if (ret->known) {
		ret->sum_ns = now->sum_ns - seen->sum_ns;
		seen->sum_ns = now->sum_ns;
	}
}

/* What is new becomes a row, and what was seen is now that much more. */
static void take(struct seen *seen, const struct wire_io_sums *now, struct profile_io *ret)
{
	struct wire_io_sums *before = &seen->sums;

	/* Removed, and begun anew: each sum only grows otherwise. */
	if (now->ios < before->ios || now->bytes < before->bytes)
		*before = (struct wire_io_sums){};
	ret->ios = now->ios - before->ios;
	ret->bytes = now->bytes - before->bytes;
	ret->errors = now->errors - before->errors;
	if (ret->errors > ret->ios) /* told of before the end of its request was */
		ret->errors = ret->ios;
	before->ios += ret->ios;
	before->bytes += ret->bytes;
	before->errors += ret->errors;
	take_time(&before->queue, &now->queue, ret->ios, &ret->queue);
	take_time(&before->service, &now->service, ret->ios, &ret->service);
	take_time(&before->total, &now->total, ret->ios, &ret->total);
}

int io_totals_add(struct io_totals *totals, const struct wire_io_key *key,
		  const struct wire_io_sums *sums, uint32_t n, struct bucket *bucket)
{
	struct profile_io row = {.op = (enum io_op)key->op, .flags = key->flags};
	struct io_device device;
	struct wire_io_sums now;
	struct seen *seen, before;
	int r;

	if (key->op == WIRE_IO_OP_NONE || key->op >= WIRE_IO_OP_MAX || key->flags & ~WIRE_IO_FLAGS)
		return -EBADMSG;
	r = find_or_add(totals, key, &seen);
	if (r < 0)
		return r;
	sum_cpus(sums, n, &now);
	seen->is_there = true;
	before = *seen;
	take(seen, &now, &row);
	seen->n_idle = row.ios || row.bytes ? 0 : seen->n_idle + 1;
	if (seen->n_idle)
		return 0;
	device = io_devices_get(totals->devices, &key->device, now.name);
	r = bucket_device(bucket, &device, &row.device);
	if (r == 0)
		r = bucket_io(bucket, &row);
	if (r < 0)
		*seen = before;
	return r;
}

void io_totals_end(struct io_totals *totals)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < totals->n_seen; i++)
		if (totals->seen[i].is_there)
			totals->seen[n++] = totals->seen[i];
	totals->n_seen = n;
}

void io_totals_forget(struct io_totals *totals, const struct wire_io_key *key)
{
	struct seen *seen = find(totals, key);

	if (seen)
		*seen = totals->seen[--totals->n_seen];
}

bool io_totals_is_idle(const struct io_totals *totals, const struct wire_io_key *key,
		       uint32_t n_looks)
{
	const struct seen *seen = find(totals, key);

	return seen && seen->n_idle >= n_looks;
}
