// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unwind_spaces.c - see unwind_spaces.h.
 */
#include "process/unwind_spaces.h"

#include "growable.h"
#include "hash_index.h"

#include <string.h>

struct space {
	uint32_t pid; /* 0 = a free slot, and the next one in `extent.n` */
	bool published;
	uint64_t start_boot_ns;
	struct unwind_extent extent;
};

struct unwind_spaces {
	struct unwind_slabs *slabs;
	struct unwind_tables *tables;
	const struct unwind_backend *backend;
	struct space *spaces; /* [0] is unused */
	uint32_t n_spaces, cap_spaces, first_free;
	struct hash_index by_pid;
	uint64_t n_refused;
};

_Static_assert(MAPPINGS_MAX <= UNWIND_MAPPINGS_MAX, "all mappings of a process are published");

int unwind_spaces_new(struct unwind_slabs *slabs, struct unwind_tables *tables,
		      const struct unwind_backend *backend, struct unwind_spaces **ret)
{
	struct unwind_spaces *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->slabs = slabs;
	s->tables = tables;
	s->backend = backend;
	s->n_spaces = 1;
	*ret = s;
	return 0;
}

struct unwind_spaces *unwind_spaces_free(struct unwind_spaces *s)
{
	if (!s)
		return NULL;
	hash_index_done(&s->by_pid);
	free(s->spaces);
	free(s);
	return NULL;
}

static bool has_pid(const void *ctx, uint32_t id, const void *key)
{
	const struct unwind_spaces *s = ctx;

	return s->spaces[id].pid == *(const uint32_t *)key;
}

static uint32_t find(const struct unwind_spaces *s, uint32_t pid)
{
	return hash_index_find(&s->by_pid, hash_u64(pid, 0), has_pid, s, &pid);
}

/* The entry of the pid, made when it is new; 0 without memory. */
static uint32_t entry_of(struct unwind_spaces *s, uint32_t pid)
{
	uint32_t id = find(s, pid);

	if (id)
		return id;
	id = s->first_free;
	if (!id && GROWABLE_RESERVE(s, spaces) < 0)
		return 0;
	if (!id)
		id = s->n_spaces;
	if (hash_index_insert(&s->by_pid, hash_u64(pid, 0), id) < 0)
		return 0;
	if (id == s->n_spaces)
		s->n_spaces++;
	else
		s->first_free = s->spaces[id].extent.n;
	s->spaces[id] = (struct space){.pid = pid};
	return id;
}

static void remove_entry(struct unwind_spaces *s, uint32_t id)
{
	(void)hash_index_remove(&s->by_pid, hash_u64(s->spaces[id].pid, 0), id);
	s->spaces[id] = (struct space){.extent.n = s->first_free};
	s->first_free = id;
}

/* What of the mappings lies in user space: [vsyscall], which /proc/PID/maps has at the end, does
 * not, and the walker's search takes addresses below 2^63 only. */
static uint32_t count_in_user_space(const struct mappings *m)
{
	size_t n = m->n;

	while (n && m->entries[n - 1].end > UNWIND_USER_END)
		n--;
	return (uint32_t)n;
}

static void write_mappings(struct unwind_spaces *s, const struct mappings *m, uint32_t n,
			   uint64_t *words)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct mapping *mapping = &m->entries[i];
		struct unwind_mapping entry = {.start = mapping->start,
					       .end = mapping->end,
					       .bias = mapping->start - mapping->file_offset};

		if (mapping->kind != MAPPING_ANON)
			entry.file = unwind_tables_slot(s->tables, mapping->file);
		memcpy(words + i * UNWIND_MAPPING_WORDS, &entry, sizeof(entry));
	}
}

/* In one piece; where none of what is free is large enough, more has to become free. */
static int take_room(struct unwind_spaces *s, uint32_t n_words, uint64_t now_mono_ns,
		     struct unwind_extent *ret)
{
	int r = unwind_tables_make_room(s->tables, n_words, now_mono_ns);

	if (r == 0)
		r = unwind_slabs_take(s->slabs, n_words, n_words, ret);
	if (r != -ENOSPC || unwind_slabs_available(s->slabs) < n_words)
		return r;
	r = unwind_tables_make_room(s->tables, unwind_slabs_available(s->slabs) + n_words,
				    now_mono_ns);
	return r < 0 ? r : unwind_slabs_take(s->slabs, n_words, n_words, ret);
}

int unwind_spaces_publish(struct unwind_spaces *s, const struct process_key *key,
			  const struct mappings *m, uint64_t now_mono_ns)
{
	struct unwind_process process = {.start_boot_ns = key->start_boot_ns,
					 .start_code = key->start_code,
					 .exec_id = key->exec_id,
					 .n_mappings = count_in_user_space(m)};
	uint32_t n_words = process.n_mappings * UNWIND_MAPPING_WORDS, id;
	struct unwind_extent extent = {};
	int r = 0;

	if (n_words)
		r = take_room(s, n_words, now_mono_ns, &extent);
	if (r < 0) {
		s->n_refused += r != -EAGAIN;
		return r;
	}
	if (n_words)
		write_mappings(s, m, process.n_mappings,
			       unwind_slabs_words(s->slabs, extent.first));
	process.mappings = extent.first;
	id = entry_of(s, key->pid);
	r = id ? s->backend->set_process(s->backend->ctx, key->pid, &process) : -ENOMEM;
	if (r < 0) {
		unwind_slabs_give(s->slabs, extent, now_mono_ns);
		if (id && !s->spaces[id].published)
			remove_entry(s, id);
		s->n_refused++;
		return r;
	}
	unwind_slabs_give(s->slabs, s->spaces[id].extent, now_mono_ns);
	s->spaces[id].extent = extent;
	s->spaces[id].published = true;
	s->spaces[id].start_boot_ns = key->start_boot_ns;
	return 0;
}

void unwind_spaces_forget(struct unwind_spaces *s, uint32_t pid, uint64_t start_boot_ns,
			  uint64_t now_mono_ns)
{
	uint32_t id = find(s, pid);

	if (!id || (start_boot_ns && s->spaces[id].start_boot_ns != start_boot_ns))
		return;
	s->backend->remove_process(s->backend->ctx, pid);
	unwind_slabs_give(s->slabs, s->spaces[id].extent, now_mono_ns);
	remove_entry(s, id);
}

uint64_t unwind_spaces_refused(const struct unwind_spaces *s)
{
	return s->n_refused;
}
