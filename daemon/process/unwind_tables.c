// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unwind_tables.c - see unwind_tables.h.
 */
#include "process/unwind_tables.h"

#include "hash_index.h"
#include "process/unwind_writer.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#define PENDING_MAX	     64 /* files whose rows wait in memory */
/* What was used this recently is not evicted: if all of it does not fit, taking turns would cost
 * more than it brings. In epochs of 0.13 s. */
#define USED_RECENTLY_EPOCHS 16u
/* What found no room is built in vain until there is some: the wait for that doubles. */
#define RETRY_NS	     10000000000ull
#define RETRY_MAX_NS	     600000000000ull

enum table_state { TABLE_WANTED, TABLE_ASKED, TABLE_GIVEN, TABLE_LOADED, TABLE_OUT, TABLE_NONE };

struct table {
	uint32_t number; /* 0 = a free slot */
	enum table_state state;
	uint32_t out_epoch;	/* TABLE_OUT: it was not walked through since */
	uint64_t retry_mono_ns; /* TABLE_OUT: not asked before */
	uint64_t retry_ns;	/* the next time that it finds no room */
	uint32_t n_words;	/* of its extents */
	uint32_t n_extents;
	struct unwind_extent *extents;
};

struct pending {
	uint32_t slot;
	struct unwind_table *table;
};

struct unwind_tables {
	struct unwind_slabs *slabs;
	const struct unwind_backend *backend;
	struct table *tables;		       /* by slot; [0] is unused */
	uint32_t n_slots, n_wanted, last_slot; /* last_slot: given to a file last */
	struct hash_index by_number;
	struct pending pending[PENDING_MAX]; /* the first is being written */
	uint32_t n_pending;
	struct unwind_writer *writer; /* of the first, once it has begun */
	uint32_t extra_words;	      /* that it is given room for, because of how free words lie */
	struct unwind_tables_counters counters;
};

int unwind_tables_new(struct unwind_slabs *slabs, const struct unwind_backend *backend,
		      struct unwind_tables **ret)
{
	struct unwind_tables *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->tables = calloc(UNWIND_FILES_MAX, sizeof(*t->tables));
	if (!t->tables) {
		free(t);
		return -ENOMEM;
	}
	t->slabs = slabs;
	t->backend = backend;
	*ret = t;
	return 0;
}

static void free_table(struct unwind_table *table)
{
	unwind_table_done(table);
	free(table);
}

struct unwind_tables *unwind_tables_free(struct unwind_tables *t)
{
	if (!t)
		return NULL;
	unwind_writer_free(t->writer, 0);
	for (uint32_t i = 0; i < t->n_pending; i++)
		free_table(t->pending[i].table);
	for (uint32_t i = 1; i <= t->n_slots; i++)
		free(t->tables[i].extents);
	hash_index_done(&t->by_number);
	free(t->tables);
	free(t);
	return NULL;
}

static bool has_number(const void *ctx, uint32_t id, const void *key)
{
	const struct unwind_tables *t = ctx;

	return t->tables[id].number == *(const uint32_t *)key;
}

static uint32_t find(const struct unwind_tables *t, uint32_t number)
{
	return hash_index_find(&t->by_number, hash_u64(number, 0), has_number, t, &number);
}

static uint32_t free_slot(const struct unwind_tables *t)
{
	/* The one that is free longest, or nearly: mappings may still name the slot of a file that
	 * was forgotten a moment ago. */
	if (t->n_slots < UNWIND_FILES_MAX - 1)
		return t->n_slots + 1;
	for (uint32_t i = 0; i < t->n_slots; i++)
		if (!t->tables[1 + (t->last_slot + i) % t->n_slots].number)
			return 1 + (t->last_slot + i) % t->n_slots;
	return 0;
}

static void set_state(struct unwind_tables *t, struct table *table, enum table_state state)
{
	t->n_wanted -= table->state == TABLE_WANTED;
	t->n_wanted += state == TABLE_WANTED;
	table->state = state;
}

uint32_t unwind_tables_slot(struct unwind_tables *t, uint32_t number)
{
	uint32_t slot = find(t, number);

	if (slot || !number)
		return slot;
	slot = free_slot(t);
	if (!slot || hash_index_insert(&t->by_number, hash_u64(number, 0), slot) < 0) {
		t->counters.n_full++;
		return 0;
	}
	if (slot > t->n_slots)
		t->n_slots = slot;
	t->last_slot = slot;
	t->tables[slot] = (struct table){.number = number, .state = TABLE_NONE};
	set_state(t, &t->tables[slot], TABLE_WANTED);
	return slot;
}

uint32_t unwind_tables_next_wanted(struct unwind_tables *t)
{
	for (uint32_t i = 1; t->n_wanted && i <= t->n_slots; i++) {
		if (!t->tables[i].number || t->tables[i].state != TABLE_WANTED)
			continue;
		set_state(t, &t->tables[i], TABLE_ASKED);
		return t->tables[i].number;
	}
	return 0;
}

void unwind_tables_postpone(struct unwind_tables *t, uint32_t number)
{
	struct table *table = &t->tables[find(t, number)];

	if (table->number && table->state == TABLE_ASKED)
		set_state(t, table, TABLE_WANTED);
}

void unwind_tables_no_rows(struct unwind_tables *t, uint32_t number, bool broken)
{
	struct table *table = &t->tables[find(t, number)];

	if (!table->number)
		return;
	set_state(t, table, TABLE_NONE);
	t->counters.n_failed += broken;
}

/* Tried again when it is walked through, but not before a while that doubles. */
static void put_off(struct unwind_tables *t, struct table *table, uint64_t now_mono_ns)
{
	set_state(t, table, TABLE_OUT);
	table->out_epoch = UNWIND_EPOCH(now_mono_ns);
	if (!table->retry_ns)
		table->retry_ns = RETRY_NS;
	table->retry_mono_ns = now_mono_ns + table->retry_ns;
	if (table->retry_ns < RETRY_MAX_NS)
		table->retry_ns *= 2;
}

void unwind_tables_unread(struct unwind_tables *t, uint32_t number, uint64_t now_mono_ns)
{
	struct table *table = &t->tables[find(t, number)];

	if (!table->number)
		return;
	t->counters.n_unread++;
	put_off(t, table, now_mono_ns);
}

/* ---- eviction ---- */

/* The walker reads it at any time. */
static void publish(struct unwind_file *file, uint64_t index)
{
	__atomic_store_n(&file->index, index, __ATOMIC_RELEASE);
}

static void give_extents(struct unwind_tables *t, struct table *table, uint64_t now_mono_ns)
{
	for (uint32_t i = 0; i < table->n_extents; i++)
		unwind_slabs_give(t->slabs, table->extents[i], now_mono_ns);
	free(table->extents);
	table->extents = NULL;
	table->n_extents = table->n_words = 0;
}

static void evict(struct unwind_tables *t, uint32_t slot, uint64_t now_mono_ns)
{
	struct table *table = &t->tables[slot];

	publish(&t->backend->files[slot], 0);
	t->counters.n_evicted++;
	t->counters.evicted_words += table->n_words;
	give_extents(t, table, now_mono_ns);
	set_state(t, table, TABLE_OUT);
	table->out_epoch = UNWIND_EPOCH(now_mono_ns);
	table->retry_mono_ns = now_mono_ns;
}

/* How long ago a file was used that may be evicted; 0 for any other. */
static uint32_t evictable_age(const struct unwind_tables *t, uint32_t slot, uint32_t now_epoch)
{
	const struct table *table = &t->tables[slot];
	uint32_t age = now_epoch - t->backend->files[slot].used;

	if (!table->number || table->state != TABLE_LOADED || age >= UINT32_MAX / 2 ||
	    age < USED_RECENTLY_EPOCHS)
		return 0;
	return age;
}

/* The one that was used longest ago; 0 when there is none. */
static uint32_t least_used(const struct unwind_tables *t, uint32_t now_epoch)
{
	uint32_t best = 0, best_age = 0;

	for (uint32_t i = 1; i <= t->n_slots; i++) {
		uint32_t age = evictable_age(t, i, now_epoch);

		if (age > best_age) {
			best = i;
			best_age = age;
		}
	}
	return best;
}

/* What there would be if all were evicted that may be. */
static uint64_t words_at_most(const struct unwind_tables *t, uint32_t now_epoch)
{
	uint64_t n = (uint64_t)unwind_slabs_available(t->slabs) + unwind_slabs_waiting(t->slabs);

	for (uint32_t i = 1; i <= t->n_slots; i++)
		if (evictable_age(t, i, now_epoch))
			n += t->tables[i].n_words;
	return n;
}

int unwind_tables_make_room(struct unwind_tables *t, uint32_t n_words, uint64_t now_mono_ns)
{
	uint32_t now_epoch = UNWIND_EPOCH(now_mono_ns), slot;
	int r;

	unwind_slabs_settle(t->slabs, now_mono_ns);
	if (unwind_slabs_available(t->slabs) >= n_words)
		return 0;
	if (unwind_slabs_n(t->slabs) < unwind_slabs_max(t->slabs)) {
		uint64_t *words;

		r = t->backend->slab(t->backend->ctx, unwind_slabs_n(t->slabs), &words);
		if (r == -EAGAIN)
			return r;
		if (r == 0 && unwind_slabs_add(t->slabs, words) == 0)
			return unwind_tables_make_room(t, n_words, now_mono_ns);
	}
	/* For what does not fit anyway, nobody has to go. */
	if (words_at_most(t, now_epoch) < n_words)
		return -ENOSPC;
	while (unwind_slabs_available(t->slabs) + unwind_slabs_waiting(t->slabs) < n_words) {
		slot = least_used(t, now_epoch);
		if (!slot)
			return -ENOSPC;
		evict(t, slot, now_mono_ns);
	}
	return -EAGAIN;
}

/* ---- installing ---- */

int unwind_tables_give(struct unwind_tables *t, uint32_t number, struct unwind_table *take_table)
{
	uint32_t slot = find(t, number);

	if (!slot || t->tables[slot].state != TABLE_ASKED) {
		free_table(take_table); /* the file was forgotten meanwhile */
		return 0;
	}
	if (t->n_pending == PENDING_MAX) {
		free_table(take_table);
		set_state(t, &t->tables[slot], TABLE_WANTED);
		return -EAGAIN;
	}
	set_state(t, &t->tables[slot], TABLE_GIVEN);
	t->pending[t->n_pending++] = (struct pending){slot, take_table};
	return 0;
}

static void drop_pending(struct unwind_tables *t, uint32_t at)
{
	free_table(t->pending[at].table);
	if (at == 0)
		t->extra_words = 0;
	t->n_pending--;
	memmove(t->pending + at, t->pending + at + 1, (t->n_pending - at) * sizeof(*t->pending));
}

/* Makes room for the first one. Returns 0, -EAGAIN, or what keeps it from being installed. */
static int make_room_for_first(struct unwind_tables *t, uint64_t now_mono_ns)
{
	uint32_t n_words;
	int r = unwind_writer_words(t->pending[0].table, &n_words);

	if (r < 0)
		return r;
	if (!n_words)
		return -ENODATA;
	if (n_words > unwind_slabs_budget(t->slabs)) /* it never fits */
		return -E2BIG;
	return unwind_tables_make_room(t, n_words + t->extra_words, now_mono_ns);
}

/*
 * There was room for the first one, and yet it did not fit: what is free lies scattered, and the
 * index of a large file has to lie in one piece. More has to become free then, until it fits or
 * there is no more.
 */
static void begin_again(struct unwind_tables *t, uint64_t now_mono_ns)
{
	uint32_t n_words;

	t->writer = unwind_writer_free(t->writer, now_mono_ns);
	(void)unwind_writer_words(t->pending[0].table, &n_words);
	t->extra_words = t->extra_words * 2 + n_words / 8 + 1;
}

static int write_first(struct unwind_tables *t, uint32_t n_rows, uint64_t now_mono_ns)
{
	int r = 0;

	if (!t->writer)
		r = unwind_writer_new(t->slabs, t->pending[0].table, &t->writer);
	return r < 0 ? r : unwind_writer_run(t->writer, n_rows, now_mono_ns);
}

static void install_first(struct unwind_tables *t, uint64_t now_mono_ns)
{
	uint32_t slot = t->pending[0].slot;
	struct table *table = &t->tables[slot];
	struct unwind_file *file = &t->backend->files[slot];
	uint64_t index;

	unwind_writer_take(t->writer, &index, &file->start, &table->extents, &table->n_extents);
	for (uint32_t i = 0; i < table->n_extents; i++)
		table->n_words += table->extents[i].n;
	/* Nobody has walked through it yet, and it is not the first to go for that. */
	file->used = UNWIND_EPOCH(now_mono_ns);
	publish(file, index);
	set_state(t, table, TABLE_LOADED);
	table->retry_ns = RETRY_NS;
	t->counters.n_installed++;
}

/* The first one ends, one way or the other. */
static void end_first(struct unwind_tables *t, int r, uint64_t now_mono_ns)
{
	struct table *table = &t->tables[t->pending[0].slot];

	if (r == 0)
		install_first(t, now_mono_ns);
	else if (r == -ENOSPC || r == -ENOMEM)
		put_off(t, table, now_mono_ns);
	else
		unwind_tables_no_rows(t, table->number, r != -ENODATA && r != -E2BIG);
	t->counters.n_refused += r == -ENOSPC || r == -ENOMEM || r == -E2BIG;
	t->writer = unwind_writer_free(t->writer, now_mono_ns);
	drop_pending(t, 0);
}

int unwind_tables_work(struct unwind_tables *t, uint32_t n_rows, uint64_t now_mono_ns)
{
	int r = 0;

	if (!t->n_pending)
		return 0;
	if (!t->writer)
		r = make_room_for_first(t, now_mono_ns);
	if (r == -EAGAIN)
		return 0;
	if (r == 0) {
		r = write_first(t, n_rows, now_mono_ns);
		if (r == -ENOSPC) {
			begin_again(t, now_mono_ns);
			return 1;
		}
	}
	if (r <= 0)
		end_first(t, r, now_mono_ns);
	return t->n_pending > 0;
}

/* ---- the rest ---- */

void unwind_tables_scan(struct unwind_tables *t, uint64_t now_mono_ns)
{
	unwind_slabs_settle(t->slabs, now_mono_ns);
	for (uint32_t i = 1; i <= t->n_slots; i++) {
		struct table *table = &t->tables[i];

		if (table->number && table->state == TABLE_OUT &&
		    now_mono_ns >= table->retry_mono_ns &&
		    (int32_t)(t->backend->files[i].used - table->out_epoch) > 0)
			set_state(t, table, TABLE_WANTED);
	}
}

void unwind_tables_remove(struct unwind_tables *t, uint32_t number, uint64_t now_mono_ns)
{
	uint32_t slot = find(t, number);
	struct table *table = &t->tables[slot];

	if (!slot)
		return;
	for (uint32_t i = t->n_pending; i-- > 0;) {
		if (t->pending[i].slot != slot)
			continue;
		if (i == 0)
			t->writer = unwind_writer_free(t->writer, now_mono_ns);
		drop_pending(t, i);
	}
	publish(&t->backend->files[slot], 0);
	give_extents(t, table, now_mono_ns);
	(void)hash_index_remove(&t->by_number, hash_u64(number, 0), slot);
	set_state(t, table, TABLE_NONE);
	*table = (struct table){.state = TABLE_NONE};
	t->backend->files[slot].used = 0;
}

uint32_t unwind_tables_n_pending(const struct unwind_tables *t)
{
	return t->n_pending;
}

bool unwind_tables_busy(const struct unwind_tables *t)
{
	return t->n_wanted || t->n_pending;
}

const struct unwind_tables_counters *unwind_tables_counters(const struct unwind_tables *t)
{
	return &t->counters;
}
