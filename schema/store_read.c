// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * store_read.c - reads a window: finds its buckets partition by partition, unpacks their rows, and
 * hands what passes the filter to a visitor. A partition's dictionary is loaded only when it has a
 * bucket in the window and somebody wants its rows.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "codec_blob.h"
#include "series_filter.h"
#include "store_reader.h"
#include "units.h"

#define LOSSES_MAX 10000u

/* One call of store_read(). */
struct reading {
	const struct store_filter *filter;
	const struct store_visitor *visitor;
	void *ctx;
	struct unpacker *unpacker;
	struct byte_buf rows; /* unpacked, of one bucket */
	struct store_summary summary;
	/* of the partition at hand */
	sqlite3 *db;
	const char *name;
	struct loaded *loaded; /* NULL until its first bucket */
	uint8_t *wanted;       /* by series; NULL: all */
};

/* A bucket and its header of the type asked for, from the SELECT in read_buckets(). */
struct bucket_head {
	uint64_t seq, start_ns, duration_ns, covered_ns, n_cpus, period_ns;
	uint64_t n_rows, count, value; /* 0 when it has no row of this type */
	int enc;
	const void *data;
	size_t len;
};

static const struct store_visitor no_visitor = {.series_only = true};

void store_summary_done(struct store_summary *summary)
{
	free(summary->losses);
	*summary = (struct store_summary){};
}

static int damaged(const struct reading *reading, uint64_t seq, struct store_error *error)
{
	return store_fail(error, -EBADMSG, "%s: bucket %" PRIu64 " is damaged", reading->name, seq);
}

/* False when the sum is out of range. */
static bool add(uint64_t *sum, uint64_t more)
{
	return !__builtin_add_overflow(*sum, more, sum) && *sum <= INT64_MAX;
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

static int visit_rows(struct reading *reading, const struct bucket_head *head,
		      struct store_error *error)
{
	const struct dictionary *dictionary = loaded_dictionary(reading->loaded);
	int (*visit)(void *, const struct store_row *) = reading->visitor->row;
	uint32_t n_nodes = reading->visitor->series_only ? UINT32_MAX : dictionary->n_nodes;
	uint64_t n_rows = 0, count = 0, value = 0;
	struct blob_reader reader;
	struct blob_row row;
	int r = unpacker_unpack(reading->unpacker, head->enc, head->data, head->len,
				&reading->rows);

	if (r == -ENOMEM)
		return store_fail(error, r, "out of memory");
	if (r < 0 || blob_reader_init(&reader, reading->rows.data, reading->rows.len,
				      dictionary->n_series, n_nodes, reading->wanted) < 0)
		return damaged(reading, head->seq, error);
	while ((r = blob_reader_next(&reader, &row)) > 0) {
		n_rows++;
		if (!row.series || !add(&count, row.count) || !add(&value, row.value))
			return damaged(reading, head->seq, error);
		if (!visit)
			continue;
		r = visit(reading->ctx, &(struct store_row){.series = row.series,
							    .node = row.node,
							    .bin = row.bin,
							    .bucket_start_ns = head->start_ns,
							    .count = row.count,
							    .value = row.value});
		if (r == -EBADMSG)
			return damaged(reading, head->seq, error);
		if (r < 0)
			return r;
	}
	if (r < 0 || (!reading->wanted &&
		      (n_rows != head->n_rows || count != head->count || value != head->value)))
		return damaged(reading, head->seq, error);
	return add(&reading->summary.count, count) && add(&reading->summary.value, value)
		       ? 0
		       : damaged(reading, head->seq, error);
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

static bool add_head(struct store_summary *summary, const struct bucket_head *head)
{
	uint64_t until_ns = head->start_ns + head->duration_ns;

	if (!summary->n_buckets || head->start_ns < summary->since_ns)
		summary->since_ns = head->start_ns;
	if (until_ns > summary->until_ns)
		summary->until_ns = until_ns;
	summary->n_buckets++;
	summary->n_cpus = (uint32_t)head->n_cpus;
	summary->period_ns = head->period_ns;
	return add(&summary->covered_ns, head->covered_ns) &&
	       add(&summary->machine_count, head->count) &&
	       add(&summary->machine_value, head->value);
}

/* Takes the bucket at hand of read_buckets() into the summary, and its rows to the visitor. */
static int read_bucket(struct reading *reading, sqlite3_stmt *select, struct store_error *error)
{
	struct store_summary *summary = &reading->summary;
	struct bucket_head head = {};
	int type = sqlite3_column_type(select, 10);
	bool decode = reading->visitor != &no_visitor || series_filter_is_set(reading->filter);

	if (!get_head(select, &head) || !add_head(summary, &head))
		return damaged(reading, head.seq, error);
	if (decode && !reading->loaded) {
		int r = begin_partition(reading, error);

		if (r < 0)
			return r;
	}
	if (type == SQLITE_NULL)
		return 0; /* no row of this type */
	if (type != SQLITE_BLOB)
		return damaged(reading, head.seq, error);
	if (!decode)
		return add(&summary->count, head.count) && add(&summary->value, head.value)
			       ? 0
			       : damaged(reading, head.seq, error);
	head.data = sqlite3_column_blob(select, 10);
	head.len = (size_t)sqlite3_column_bytes(select, 10);
	return visit_rows(reading, &head, error);
}

static void bind_window(sqlite3_stmt *select, const struct store_filter *filter)
{
	const uint64_t max = INT64_MAX;
	uint64_t since = filter->since_real_ns, until = filter->until_real_ns;

	(void)sqlite3_bind_int64(select, 1, (sqlite3_int64)(since < max ? since : max));
	(void)sqlite3_bind_int64(select, 2, (sqlite3_int64)(until < max ? until : max));
}

static int read_buckets(struct reading *reading, struct store_error *error)
{
	_cleanup_(sqlite3_finalize_p) sqlite3_stmt *select = NULL;
	int rc, r = database_prepare(reading->db,
				     "SELECT b.seq, b.start_ns, b.duration_ns, b.covered_ns, "
				     "b.n_cpus, b.period_ns, "
				     "p.n_rows, p.count, p.value, p.enc, p.data "
				     "FROM bucket b LEFT JOIN profile p ON p.id = b.seq * 256 + ?3 "
				     "WHERE b.start_ns >= ?1 AND b.start_ns < ?2 "
				     "ORDER BY b.start_ns, b.seq",
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

	if (count > INT64_MAX || weight_ns > INT64_MAX || !add(&summary->lost_ns, weight_ns))
		return -EBADMSG;
	for (uint32_t i = 0; i < summary->n_losses; i++) {
		loss = &summary->losses[i];
		if (strncmp(loss->name, name, sizeof(loss->name) - 1) == 0) {
			return add(&loss->count, count) && add(&loss->weight_ns, weight_ns)
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

static int read_partition(struct reading *reading, struct store *store, size_t i,
			  struct store_error *error)
{
	int r = store_open_partition(store, i, &reading->db, error);

	if (r <= 0)
		return r;
	reading->name = store->list.entries[i].name;
	r = read_buckets(reading, error);
	if (r == 0)
		r = read_losses(reading, error);
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
	sqlite3_close(reading->db);
	reading->db = NULL;
}

static int by_name(const void *a, const void *b)
{
	const struct store_loss *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int store_read(struct store *store, const struct store_filter *filter,
	       const struct store_visitor *visitor, void *ctx, struct store_summary *ret,
	       struct store_error *error)
{
	struct reading reading = {
		.filter = filter,
		.visitor = visitor ? visitor : &no_visitor,
		.ctx = ctx,
		.unpacker = store->unpacker,
	};
	int r = 0;

	if (error)
		error->text[0] = '\0';
	for (size_t i = 0; r == 0 && i < store->list.n; i++) {
		if (!store_may_hold(store, i, filter->since_real_ns, filter->until_real_ns))
			continue;
		r = read_partition(&reading, store, i, error);
		end_partition(&reading);
	}
	byte_buf_done(&reading.rows);
	if (r < 0) {
		store_summary_done(&reading.summary);
		return r;
	}
	if (reading.summary.n_losses)
		qsort(reading.summary.losses, reading.summary.n_losses,
		      sizeof(*reading.summary.losses), by_name);
	*ret = reading.summary;
	return 0;
}
