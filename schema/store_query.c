// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * store_query.c - opens a store for reading, and what can be asked of it besides samples: its span,
 * and the processes in it. Nothing here writes.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "hash_index.h"
#include "series_filter.h"
#include "store_reader.h"
#include "units.h"

#define LIVES_MAX 10000u

/* How long after the next partition's first bucket one may still have one: the widest bucket. */
#define BUCKET_OVERLAP_S 600

/* From which partition on none begins before the one before it. */
static size_t first_rising(const struct partition_list *list)
{
	size_t i = list->n;

	while (i > 0 && (i == list->n || list->entries[i - 1].tmin_s <= list->entries[i].tmin_s))
		i--;
	return i;
}

int store_open(const char *dir, struct store **ret, struct store_error *error)
{
	_cleanup_(store_freep) struct store *store = calloc(1, sizeof(*store));
	int r;

	if (error)
		error->text[0] = '\0';
	if (!store)
		return store_fail(error, -ENOMEM, "out of memory");
	store->dir_fd = -1;
	store->dir = strdup(dir);
	if (!store->dir || unpacker_new(&store->unpacker) < 0)
		return store_fail(error, -ENOMEM, "out of memory");
	store->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->dir_fd < 0 && errno == EACCES)
		return store_fail_access(error, dir);
	if (store->dir_fd < 0)
		return store_fail(error, -errno, "cannot open %s: %m", dir);
	r = partition_list_read(store->dir_fd, dir, true, &store->list, error);
	if (r < 0)
		return r;
	if (!store->list.n)
		return store_fail(error, -ENOENT, "no profile in %s", dir);
	store->first_rising = first_rising(&store->list);
	*ret = take_ptr(store);
	return 0;
}

struct store *store_free(struct store *store)
{
	if (!store)
		return NULL;
	partition_list_done(&store->list);
	unpacker_free(store->unpacker);
	close_p(&store->dir_fd);
	free(store->dir);
	free(store);
	return NULL;
}

int store_open_partition(struct store *store, size_t i, sqlite3 **ret, struct store_error *error)
{
	_cleanup_free_ char *path = partition_path(store->dir, store->list.entries[i].name);
	int r;

	if (!path)
		return store_fail(error, -ENOMEM, "out of memory");
	r = database_open_read(path, ret, error);
	if (r == -EACCES)
		return store_fail_access(error, store->dir);
	if (r < 0 && access(path, F_OK) < 0 && errno == ENOENT) {
		if (error)
			error->text[0] = '\0';
		return 0;
	}
	return r < 0 ? r : 1;
}

bool store_may_hold(const struct store *store, size_t i, uint64_t since_real_ns,
		    uint64_t until_real_ns)
{
	const struct partition_list *list = &store->list;
	uint64_t since_s = since_real_ns / NSEC_PER_SEC;

	if (list->entries[i].tmin_s > until_real_ns / NSEC_PER_SEC)
		return false;
	return i + 1 >= list->n || i < store->first_rising || since_s < BUCKET_OVERLAP_S ||
	       list->entries[i + 1].tmin_s > since_s - BUCKET_OVERLAP_S;
}

/* The first row of a query without parameters; columns that are NULL become 0. */
static int query_numbers(sqlite3 *db, const char *partition, const char *sql, uint64_t *numbers,
			 int n, struct store_error *error)
{
	_cleanup_(sqlite3_finalize_p) sqlite3_stmt *select = NULL;
	int rc, r = database_prepare(db, sql, partition, &select, error);

	if (r < 0)
		return r;
	rc = sqlite3_step(select);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return database_fail(db, rc, partition, error);
	for (int i = 0; i < n; i++)
		numbers[i] = rc == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(select, i) : 0;
	return 0;
}

static int query_host(sqlite3 *db, const char *partition, char *host, size_t size,
		      struct store_error *error)
{
	_cleanup_(sqlite3_finalize_p) sqlite3_stmt *select = NULL;
	const unsigned char *text;
	int r = database_prepare(db, "SELECT v FROM meta WHERE k = 'host'", partition, &select,
				 error);

	if (r < 0)
		return r;
	host[0] = '\0';
	if (sqlite3_step(select) == SQLITE_ROW && (text = sqlite3_column_text(select, 0)))
		(void)snprintf(host, size, "%s", (const char *)text);
	return 0;
}

/* What the newest partition says of itself. The nodes' chunks follow each other: the last has the
 * largest id. */
static int span_newest(sqlite3 *db, const char *name, struct store_span *span,
		       struct store_error *error)
{
	uint64_t meta[3];
	int r = query_numbers(db, name,
			      "SELECT (SELECT v FROM meta WHERE k = 'created_ns'), "
			      "(SELECT v FROM meta WHERE k = 'bucket_ns'), "
			      "(SELECT first + n - 1 FROM dictionary WHERE kind = 5 "
			      "ORDER BY id DESC LIMIT 1)",
			      meta, 3, error);

	if (r == 0)
		r = query_host(db, name, span->host, sizeof(span->host), error);
	if (r < 0)
		return r;
	span->created_ns = meta[0];
	span->bucket_ns = meta[1];
	span->n_nodes = meta[2];
	return 0;
}

/* Adds a partition; the newest come first. Each subquery is one step into an index. */
static int span_partition(sqlite3 *db, const char *name, struct store_span *span,
			  struct store_error *error)
{
	enum { BUCKETS, FIRST, UNTIL, NEWEST, PERIOD, CPUS, N };
	uint64_t n[N];
	int r = query_numbers(
		db, name,
		"SELECT seq, (SELECT min(start_ns) FROM bucket), "
		"(SELECT start_ns + duration_ns FROM bucket ORDER BY start_ns DESC LIMIT 1), "
		"start_ns + duration_ns, period_ns, n_cpus FROM bucket ORDER BY seq DESC LIMIT 1",
		n, N, error);

	if (r == 0 && !span->n_partitions)
		r = span_newest(db, name, span, error);
	if (r < 0)
		return r;
	span->n_partitions++;
	if (!n[BUCKETS])
		return 0;
	for (int i = 0; i < N; i++)
		if (n[i] > INT64_MAX / 2)
			return store_fail(error, -EBADMSG, "%s: a bucket's head is damaged", name);
	if (!span->n_buckets) {
		span->newest_until_ns = n[NEWEST];
		span->period_ns = n[PERIOD];
		span->n_cpus = (uint32_t)n[CPUS];
	}
	if (!span->n_buckets || n[FIRST] < span->first_ns)
		span->first_ns = n[FIRST];
	if (n[UNTIL] > span->until_ns)
		span->until_ns = n[UNTIL];
	span->n_buckets += n[BUCKETS];
	return 0;
}

static int read_span(struct store *store, bool newest_only, struct store_span *ret,
		     struct store_error *error)
{
	struct store_span span = {.bytes = store->list.bytes};

	if (error)
		error->text[0] = '\0';
	for (size_t i = store->list.n; i-- > 0 && !(newest_only && span.n_buckets);) {
		_cleanup_(sqlite3_close_p) sqlite3 *db = NULL;
		int r = store_open_partition(store, i, &db, error);

		if (r > 0)
			r = span_partition(db, store->list.entries[i].name, &span, error);
		if (r < 0)
			return r;
	}
	*ret = span;
	return 0;
}

int store_span(struct store *store, struct store_span *ret, struct store_error *error)
{
	return read_span(store, false, ret, error);
}

int store_span_newest(struct store *store, struct store_span *ret, struct store_error *error)
{
	return read_span(store, true, ret, error);
}

struct life_list {
	struct store_life *lives;
	struct hash_index index; /* of them, by start; ids count from 1 */
	uint32_t n, capacity;
};

static void life_list_done(struct life_list *list)
{
	free(list->lives);
	hash_index_done(&list->index);
}

static bool is_life(const void *ctx, uint32_t id, const void *start_boot_ns)
{
	const struct life_list *list = ctx;

	return list->lives[id - 1].start_boot_ns == *(const uint64_t *)start_boot_ns;
}

/* Each partition sorts its own lives: the places in the index are those before. */
static int index_lives(struct life_list *list)
{
	int r = 0;

	hash_index_clear(&list->index);
	for (uint32_t i = 0; r == 0 && i < list->n; i++)
		r = hash_index_insert(&list->index, hash_u64(list->lives[i].start_boot_ns, 0),
				      i + 1);
	return r;
}

static int add_life(struct life_list *list, const struct profile_series *series,
		    uint64_t boot_real_ns)
{
	uint64_t hash = hash_u64(series->start_boot_ns, 0);
	uint32_t id = hash_index_find(&list->index, hash, is_life, list, &series->start_boot_ns);
	struct store_life *life;

	if (id) {
		life = &list->lives[id - 1];
		if (!life->exe[0])
			snprintf(life->exe, sizeof(life->exe), "%s", series->exe);
		return 0;
	}
	if (list->n == LIVES_MAX)
		return 0;
	if (hash_index_insert(&list->index, hash, list->n + 1) < 0)
		return -ENOMEM;
	if (list->n == list->capacity) {
		uint32_t capacity = list->capacity ? list->capacity * 2 : 8;

		life = reallocarray(list->lives, capacity, sizeof(*life));
		if (!life)
			return -ENOMEM;
		list->lives = life;
		list->capacity = capacity;
	}
	life = &list->lives[list->n++];
	life->start_boot_ns = series->start_boot_ns;
	life->start_real_ns = boot_real_ns + series->start_boot_ns;
	snprintf(life->exe, sizeof(life->exe), "%s", series->exe);
	return 0;
}

static int by_start_falling(const void *a, const void *b)
{
	const struct store_life *x = a, *y = b;

	return x->start_boot_ns > y->start_boot_ns ? -1 : x->start_boot_ns < y->start_boot_ns;
}

/* Adds the lives in partition `i`; returns 0 or negative errno. */
static int partition_lives(struct store *store, size_t i, uint32_t pid, struct life_list *list,
			   struct store_error *error)
{
	_cleanup_(sqlite3_close_p) sqlite3 *db = NULL;
	_cleanup_(loaded_freep) struct loaded *loaded = NULL;
	const struct dictionary *dictionary;
	uint32_t before = list->n;
	uint64_t boot_real_ns;
	int r = store_open_partition(store, i, &db, error);

	if (r <= 0)
		return r;
	r = query_numbers(db, store->list.entries[i].name,
			  "SELECT start_ns - boot_ns FROM bucket ORDER BY seq DESC LIMIT 1",
			  &boot_real_ns, 1, error);
	if (r < 0)
		return r;
	r = dictionary_load(db, store->list.entries[i].name, true, store->unpacker, &loaded, error);
	if (r < 0)
		return r;
	dictionary = loaded_dictionary(loaded);
	for (uint32_t id = 1; id < dictionary->n_series && list->n < LIVES_MAX; id++)
		if (dictionary->series[id].pid == pid &&
		    add_life(list, &dictionary->series[id], boot_real_ns) < 0)
			return store_fail(error, -ENOMEM, "out of memory");
	/* Starts of different boots do not compare; the order of partitions does. */
	if (list->n > before)
		qsort(list->lives + before, list->n - before, sizeof(*list->lives),
		      by_start_falling);
	return index_lives(list) < 0 ? store_fail(error, -ENOMEM, "out of memory") : 0;
}

/* Whether a series in partition `i` matches: 1, 0 or negative errno. */
static int partition_has_series(struct store *store, size_t i, const struct store_filter *filter,
				struct store_error *error)
{
	_cleanup_(sqlite3_close_p) sqlite3 *db = NULL;
	_cleanup_(loaded_freep) struct loaded *loaded = NULL;
	const struct dictionary *dictionary;
	int r = store_open_partition(store, i, &db, error);

	if (r <= 0)
		return r;
	r = dictionary_load(db, store->list.entries[i].name, true, store->unpacker, &loaded, error);
	if (r < 0)
		return r;
	dictionary = loaded_dictionary(loaded);
	for (uint32_t id = 1; id < dictionary->n_series; id++)
		if (series_filter_passes(filter, &dictionary->series[id]))
			return 1;
	return 0;
}

int store_has_series(struct store *store, const struct store_filter *filter,
		     struct store_error *error)
{
	if (error)
		error->text[0] = '\0';
	for (size_t i = store->list.n; i-- > 0;) {
		int r = partition_has_series(store, i, filter, error);

		if (r != 0)
			return r;
	}
	return 0;
}

int store_pid_lives(struct store *store, uint32_t pid, uint64_t since_real_ns,
		    uint64_t until_real_ns, struct store_life **ret, struct store_error *error)
{
	_cleanup_(life_list_done) struct life_list list = {};

	if (error)
		error->text[0] = '\0';
	for (size_t i = store->list.n; i-- > 0 && list.n < LIVES_MAX;) {
		int r = 0;

		if (store_may_hold(store, i, since_real_ns, until_real_ns))
			r = partition_lives(store, i, pid, &list, error);
		if (r < 0)
			return r;
	}
	*ret = take_ptr(list.lives);
	return (int)list.n;
}
