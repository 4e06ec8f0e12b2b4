/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bucket.h - the bucket being filled: samples with equal type, thread and stack become one row.
 *
 * While it is filled, a location is (kind, file number, offset), numbers being the caller's; names
 * come in the background. bucket_finish() asks the caller once for each file and location, copies
 * what it says, and then the bucket is a struct profile_bucket that depends on nothing else, so
 * that it can be given to the writer's thread.
 */
#ifndef PROFD_BUCKET_H
#define PROFD_BUCKET_H

#include "cleanup.h"
#include "profile.h"
#include "record/io_table.h"

/* Limits of one bucket; what finds no room is refused with -ENOSPC and counted by the caller. */
#define BUCKET_LOCATIONS_MAX (1u << 20)
#define BUCKET_STACKS_MAX    (1u << 18)
#define BUCKET_SERIES_MAX    (1u << 16)

struct bucket;

int bucket_new(struct bucket **ret);
struct bucket *bucket_free(struct bucket *bucket);
DEFINE_CLEANUP(struct bucket *, bucket_free);

/* The index of a location. `unknown` is kept for a location whose file is 0. `*ret_new` (may be
 * NULL) says whether it was added. Errors of all these: -ENOSPC a limit, -ENOMEM. */
int bucket_location(struct bucket *bucket, enum location_kind kind, uint32_t file, uint64_t offset,
		    enum unknown_reason unknown, uint32_t *ret, bool *ret_new);

/* The index of a thread's series; strings are copied, cgroup, unit and container may be "". */
int bucket_series(struct bucket *bucket, const struct profile_series *series, uint32_t *ret);
/* Whether it has that one, and how many it has by now. */
bool bucket_has_series(const struct bucket *bucket, const struct profile_series *series);
uint32_t bucket_n_series(const struct bucket *bucket);

/* The index of a stack of `n` location indices, leaf first. */
int bucket_stack(struct bucket *bucket, const uint32_t *locations, uint32_t n, uint32_t *ret);

/* Adds to the row of that type, series, stack and bin. */
int bucket_add(struct bucket *bucket, const struct profile_row *sample);

/* The index of a location that is a text and no code, for the outer end of a stack. A stack's mark
 * may stand before it. */
int bucket_label(struct bucket *bucket, const char *text, uint32_t *ret);

/* Adds a wait that lasted over the whole bucket; one a thread. */
int bucket_hold(struct bucket *bucket, const struct profile_held *held);

/* Adds to the ledger's row of that series. */
int bucket_ledger(struct bucket *bucket, const struct profile_ledger *row);

/* The index of a block device, for the rows of what it did, and for io_class.h in the bin of
 * samples of it. Errors as above. */
int bucket_device(struct bucket *bucket, const struct io_device *device, uint32_t *ret);
/* Adds to the row of that device, operation and flags; -ERANGE when a sum would be out of range. */
int bucket_io(struct bucket *bucket, const struct profile_io *row);

/* What the bucket asks when it is finished. */
struct bucket_answers {
	void *ctx;
	/* The file of a number, or NULL when it is not known: then the location's file is 0. */
	const struct profile_file *(*file)(void *ctx, uint32_t number);
	/* The function at a location of a known file, or a reason. */
	enum unknown_reason (*name)(void *ctx, enum location_kind kind, uint32_t file,
				    uint64_t offset, const char **ret_function);
	/* Whether a user stack that ends with these two locations (`outer` the outermost; `inner`
	 * 0 when it has just one) is whole. Asked for stacks whose last location is a mark:
	 * SYNTHETIC_NONE or a truncation, but for that of the frame limit. The mark of a whole
	 * stack is removed; of another one SYNTHETIC_NONE becomes SYNTHETIC_TRUNCATED_ROOT, and
	 * others stay. */
	bool (*is_whole)(void *ctx, const struct profile_location *inner,
			 const struct profile_location *outer);
};

/* Head and losses; `losses` is copied, names must be constants. */
struct bucket_head {
	uint64_t start_real_ns, duration_ns, covered_ns, start_boot_ns, period_ns;
	uint32_t n_cpus;
	const struct profile_loss *losses;
	uint32_t n_losses;
};

/* Nothing may be added after it. Returns 0 or -ENOMEM. */
int bucket_finish(struct bucket *bucket, const struct bucket_head *head,
		  const struct bucket_answers *answers);

/* After bucket_finish(): valid as long as the bucket. */
const struct profile_bucket *bucket_profile(const struct bucket *bucket);

/* How many locations it has by now. */
uint32_t bucket_n_locations(const struct bucket *bucket);

/* What the bucket weighs in memory, about, for the writer's limit. */
size_t bucket_bytes(const struct bucket *bucket);

#endif
