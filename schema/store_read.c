// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * store_read.c - reads a window: finds its buckets partition by partition, with their losses, and
 * what of each is asked for. A partition's dictionary is loaded only when it has a bucket in the
 * window and somebody wants its rows. Rows are store_read_rows.c's, store_read_held.c's,
 * store_read_ledger.c's and store_read_io.c's.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "series_filter.h"
#include "store_reading.h"

#define LOSSES_MAX 10000u

void store_summary_done(struct store_summary *summary)
{
	free(summary->losses);
	*summary = (struct store_summary){};
}

int reading_damaged(const struct reading *reading, uint64_t seq, struct store_error *error)
{
	return store_fail(error, -EBADMSG, "%s: bucket %" PRIu64 " is damaged", reading->name, seq);
}

/* What a visitor could not take of a partition. */
static int visited(const struct reading *reading, int r, struct store_error *error)
{
	return r == -EBADMSG ? store_fail(error, r, "%s: the partition is damaged", reading->name)
			     : r;
}

/* Loads the dictionary, marks the wanted series, and tells the visitor. */
static int begin_partition(struct reading *reading, struct store_error *error)
{
	const struct store_filter *filter = reading->filter;
	const struct dictionary *dictionary;
	int r = dictionary_load(reading->db, reading->name, reading->visitor->series_only,
				reading->unpacker, &reading->loaded, error);

	if (r < 0)
		return r;
	dictionary = loaded_dictionary(reading->loaded);
	if (series_filter_is_set(filter)) {
		reading->wanted = calloc(dictionary->n_series, 1);
		if (!reading->wanted)
			return store_fail(error, -ENOMEM, "out of memory");
		for (uint32_t i = 1; i < dictionary->n_series; i++)
			reading->wanted[i] = series_filter_passes(filter, &dictionary->series[i]);
	}
	if (!reading->visitor->begin)
		return 0;
	return visited(reading, reading->visitor->begin(reading->ctx, dictionary), error);
}

/* The columns of read_buckets(); false for what no writer writes. */
static bool get_head(sqlite3_stmt *select, struct bucket_head *head)
{
	uint64_t *const numbers[] = {&head->seq,	&head->start_ns, &head->duration_ns,
				     &head->covered_ns, &head->n_cpus,	 &head->period_ns,
				     &head->n_rows,	&head->count,	 &head->value};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		*numbers[i] = (uint64_t)sqlite3_column_int64(select, (int)i);
		if (*numbers[i] > INT64_MAX)
			return false;
	}
	head->enc = sqlite3_column_int(select, 9);
	return head->duration_ns <= BUCKET_WIDTH_MAX_NS &&
	       head->start_ns <= INT64_MAX - head->duration_ns && head->n_cpus <= UINT32_MAX;
}

/* For what is held: which buckets are in the window, and what they cover. */
static int note_bucket(struct reading *reading, const struct bucket_head *head)
{
	if (GROWABLE_RESERVE(&reading->covered, buckets) < 0)
		return -ENOMEM;
	reading->covered.buckets[reading->covered.n_buckets++] = (struct covered_bucket){
		head->seq, head->covered_ns, {head->start_ns, head->number}};
	return 0;
}

static bool add_head(struct reading *reading, struct bucket_head *head)
{
	struct store_summary *summary = &reading->summary;
	uint64_t until_ns = head->start_ns + head->duration_ns;

	if (!summary->n_buckets || head->start_ns < summary->since_ns)
		summary->since_ns = head->start_ns;
	if (until_ns > summary->until_ns)
		summary->until_ns = until_ns;
	head->number = ++summary->n_buckets;
	summary->n_cpus = (uint32_t)head->n_cpus;
	summary->period_ns = head->period_ns;
	return reading_add(&summary->covered_ns, head->covered_ns) &&
	       (!reading->kind->has_sums || (reading_add(&summary->machine_count, head->count) &&
					     reading_add(&summary->machine_value, head->value)));
}

/* Takes the bucket at hand of read_buckets() into the summary, and what it has to the visitor. */
static int read_bucket(struct reading *reading, sqlite3_stmt *select, struct store_error *error)
{
	struct bucket_head head = {};
	int type = sqlite3_column_type(select, 10);

	if (!get_head(select, &head) || !add_head(reading, &head))
		return reading_damaged(reading, head.seq, error);
	if (reading->kind->partition && note_bucket(reading, &head) < 0)
		return store_fail(error, -ENOMEM, "out of memory");
	if (reading->decode && !reading->loaded) {
		int r = begin_partition(reading, error);

		if (r < 0)
			return r;
	}
	if (type == SQLITE_NULL)
		return 0; /* nothing of what is asked for */
	if (type != SQLITE_BLOB)
		return reading_damaged(reading, head.seq, error);
	head.data = sqlite3_column_blob(select, 10);
	head.len = (size_t)sqlite3_column_bytes(select, 10);
	return reading->kind->bucket(reading, &head, error);
}

static void bind_window(sqlite3_stmt *select, const struct store_filter *filter)
{
	const uint64_t max = INT64_MAX;
	uint64_t since = filter->since_real_ns, until = filter->until_real_ns;

	(void)sqlite3_bind_int64(select, 1, (sqlite3_int64)(since < max ? since : max));
	(void)sqlite3_bind_int64(select, 2, (sqlite3_int64)(until < max ? until : max));
}

/* The kind's SELECT for a partition that is older than its table. */
static const char select_nothing[] = "SELECT " READING_BUCKET_COLUMNS ", 0, 0, 0, 0, NULL "
				     "FROM bucket b " READING_WINDOW;

static int read_buckets(struct reading *reading, struct store_error *error)
{
	_cleanup_(sqlite3_finalize_p) sqlite3_stmt *select = NULL;
	bool has_table = reading->version >= reading->kind->since_version;
	int rc, r = database_prepare(reading->db,
				     has_table ? reading->kind->select : select_nothing,
				     reading->name, &select, error);

	if (r < 0)
		return r;
	bind_window(select, reading->filter);
	(void)sqlite3_bind_int(select, 3, (int)reading->filter->type);
	while ((rc = sqlite3_step(select)) == SQLITE_ROW) {
		r = read_bucket(reading, select, error);
		if (r < 0)
			return r;
	}
	return rc == SQLITE_DONE ? 0 : database_fail(reading->db, rc, reading->name, error);
}

static int add_loss(struct store_summary *summary, const char *name, uint64_t count,
		    uint64_t weight_ns)
{
	struct store_loss *losses, *loss;

	if (count > INT64_MAX || weight_ns > INT64_MAX ||
	    !reading_add(&summary->lost_ns, profile_loss_is_missing(name) ? weight_ns : 0))
		return -EBADMSG;
	for (uint32_t i = 0; i < summary->n_losses; i++) {
		loss = &summary->losses[i];
		if (strncmp(loss->name, name, sizeof(loss->name) - 1) == 0) {
			return reading_add(&loss->count, count) &&
					       reading_add(&loss->weight_ns, weight_ns)
				       ? 0
				       : -EBADMSG;
		}
	}
	if (summary->n_losses == LOSSES_MAX)
		return -EBADMSG;
	losses = reallocarray(summary->losses, summary->n_losses + 1, sizeof(*losses));
	if (!losses)
		return -ENOMEM;
	summary->losses = losses;
	loss = &losses[summary->n_losses++];
	*loss = (struct store_loss){.count = count, .weight_ns = weight_ns};
	snprintf(loss->name, sizeof(loss->name), "%s", name);
	return 0;
}

static int read_losses(struct reading *reading, struct store_error *error)
{
	_cleanup_(sqlite3_finalize_p) sqlite3_stmt *select = NULL;
	int rc, r = database_prepare(reading->db,
				     "SELECT l.name, sum(l.count), sum(l.weight_ns) "
				     "FROM bucket b JOIN loss l ON l.bucket = b.seq "
				     "WHERE b.start_ns >= ?1 AND b.start_ns < ?2 GROUP BY l.name",
				     reading->name, &select, error);

	if (r < 0)
		return r;
	bind_window(select, reading->filter);
	while ((rc = sqlite3_step(select)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(select, 0);

		r = add_loss(&reading->summary, name ? name : "",
			     (uint64_t)sqlite3_column_int64(select, 1),
			     (uint64_t)sqlite3_column_int64(select, 2));
		if (r < 0)
			return store_fail(error, r, "%s: the losses cannot be read", reading->name);
	}
	return rc == SQLITE_DONE ? 0 : database_fail(reading->db, rc, reading->name, error);
}

static int read_version(struct reading *reading, struct store_error *error)
{
	_cleanup_(sqlite3_finalize_p) sqlite3_stmt *select = NULL;
	int rc, r = database_prepare(reading->db, "PRAGMA user_version", reading->name, &select,
				     error);

	if (r < 0)
		return r;
	rc = sqlite3_step(select);
	if (rc != SQLITE_ROW)
		return database_fail(reading->db, rc, reading->name, error);
	reading->version = sqlite3_column_int(select, 0);
	return 0;
}

static int read_partition(struct reading *reading, struct store *store, size_t i,
			  struct store_error *error)
{
	int r = store_open_partition(store, i, &reading->db, error);

	if (r <= 0)
		return r;
	reading->name = store->list.entries[i].name;
	r = read_version(reading, error);
	if (r == 0)
		r = read_buckets(reading, error);
	if (r == 0)
		r = read_losses(reading, error);
	if (r == 0 && reading->kind->partition && reading->covered.n_buckets &&
	    reading->version >= READING_HELD_SINCE)
		r = reading->kind->partition(reading, error);
	if (r == 0 && reading->loaded && reading->visitor->end)
		r = visited(reading,
			    reading->visitor->end(reading->ctx, loaded_dictionary(reading->loaded)),
			    error);
	return r < 0 ? r : 0;
}

static void end_partition(struct reading *reading)
{
	reading->loaded = loaded_free(reading->loaded);
	free(reading->wanted);
	reading->wanted = NULL;
	reading->covered.n_buckets = 0;
	sqlite3_close(reading->db);
	reading->db = NULL;
}

static int by_name(const void *a, const void *b)
{
	const struct store_loss *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int reading_run(struct reading *reading, struct store *store, struct store_summary *ret,
		struct store_error *error)
{
	const struct store_filter *filter = reading->filter;
	int r = 0;

	if (error)
		error->text[0] = '\0';
	for (size_t i = 0; r == 0 && i < store->list.n; i++) {
		if (!store_may_hold(store, i, filter->since_real_ns, filter->until_real_ns))
			continue;
		r = read_partition(reading, store, i, error);
		end_partition(reading);
	}
	byte_buf_done(&reading->rows);
	free(reading->covered.buckets);
	if (r < 0) {
		store_summary_done(&reading->summary);
		return r;
	}
	if (reading->summary.n_losses)
		qsort(reading->summary.losses, reading->summary.n_losses,
		      sizeof(*reading->summary.losses), by_name);
	*ret = reading->summary;
	return 0;
}
