// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * store_write_held.c - the waits that were held over a whole bucket: new ones are inserted, those
 * that ended get their last bucket, those that go on cost nothing.
 */
#include <errno.h>

#include "store_writer.h"

struct writing {
	struct live *live;
	uint64_t seq;
	struct store_error *error;
};

static int run(const struct writing *writing, enum live_statement which, const struct held_run *run)
{
	live_bind(writing->live, which, 1,
		  (uint64_t[]){run->first, run->series, run->node, run->type, run->class}, 5);
	return live_run(writing->live, which, writing->error);
}

static int ended(void *ctx, const struct held_run *held)
{
	const struct writing *writing = ctx;

	live_bind(writing->live, LIVE_HELD_LAST, 6, (uint64_t[]){writing->seq - 1}, 1);
	return run(writing, LIVE_HELD_LAST, held);
}

static int begun(void *ctx, const struct held_run *held)
{
	return run(ctx, LIVE_HELD_FIRST, held);
}

static bool is_valid(const struct profile_bucket *bucket, const struct profile_held *held)
{
	return held->type != SAMPLE_NONE && held->type < SAMPLE_TYPE_MAX && held->series &&
	       held->series < bucket->n_series && held->stack && held->stack < bucket->n_stacks;
}

int live_write_held(struct live *live, uint64_t seq, const struct profile_bucket *bucket,
		    const struct intern_map *map, struct store_error *error)
{
	struct writing writing = {live, seq, error};
	_cleanup_free_ struct held_run *runs = calloc((size_t)bucket->n_held + 1, sizeof(*runs));
	uint32_t n = 0;

	if (!runs)
		return store_fail(error, -ENOMEM, "out of memory");
	for (; n < bucket->n_held; n++) {
		const struct profile_held *held = &bucket->held[n];

		if (!is_valid(bucket, held))
			return store_fail(error, -EINVAL,
					  "a held wait of the bucket has no series or stack, or is "
					  "out of range");
		runs[n] = (struct held_run){map->series[held->series], map->nodes[held->stack],
					    held->type, held->bin, seq};
	}
	return held_set_next(&live->held, take_ptr(runs), n, ended, begun, &writing);
}
