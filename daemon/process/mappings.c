// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mappings.c - see mappings.h. A line is taken apart by hand: sscanf() costs as much as the kernel
 * does to print it, and a build host shows ten new processes a second.
 */
#include "process/mappings.h"

#include "cleanup.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>

#define DELETED		" (deleted)"
#define PATHS_LIMIT_MIN 4096

void mappings_done(struct mappings *mappings)
{
	free(mappings->entries);
	free(mappings->paths);
	*mappings = (struct mappings){};
}

/* The place of the first entry that ends after `addr`. */
static size_t first_ending_after(const struct mappings *m, uint64_t addr)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (m->entries[middle].end <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct cursor {
	const char *next, *end;
};

static bool take_char(struct cursor *c, char wanted)
{
	if (c->next == c->end || *c->next != wanted)
		return false;
	c->next++;
	return true;
}

static bool take_number(struct cursor *c, unsigned base, uint64_t *ret)
{
	const char *start = c->next;
	uint64_t value = 0;

	for (; c->next < c->end; c->next++) {
		char ch = *c->next;
		unsigned digit = ch >= '0' && ch <= '9'	  ? (unsigned)(ch - '0')
				 : ch >= 'a' && ch <= 'f' ? (unsigned)(ch - 'a') + 10
							  : 16;

		if (digit >= base)
			break;
		if (value > (UINT64_MAX - digit) / base)
			return false;
		value = value * base + digit;
	}
	*ret = value;
	return c->next > start;
}

/* "start-end perms offset major:minor inode   path" */
static bool parse_line(struct cursor *c, struct mapping *ret, bool *ret_executable)
{
	uint64_t major, minor;

	if (!take_number(c, 16, &ret->start) || !take_char(c, '-') ||
	    !take_number(c, 16, &ret->end) || !take_char(c, ' ') || c->end - c->next < 5 ||
	    ret->end <= ret->start)
		return false;
	*ret_executable = c->next[2] == 'x';
	c->next += 4;
	if (!take_char(c, ' ') || !take_number(c, 16, &ret->file_offset) || !take_char(c, ' ') ||
	    !take_number(c, 16, &major) || !take_char(c, ':') || !take_number(c, 16, &minor) ||
	    !take_char(c, ' ') || !take_number(c, 10, &ret->inode))
		return false;
	ret->dev_major = (uint32_t)major;
	ret->dev_minor = (uint32_t)minor;
	while (take_char(c, ' '))
		;
	return true;
}

static bool is_path(const struct cursor *c, const char *text)
{
	size_t len = strlen(text);

	return (size_t)(c->end - c->next) == len && memcmp(c->next, text, len) == 0;
}

static bool begins(const struct cursor *c, const char *text)
{
	size_t len = strlen(text);

	return (size_t)(c->end - c->next) >= len && memcmp(c->next, text, len) == 0;
}

/* perf names anonymous memory "//anon" (kernel/events/core.c, perf_event_mmap_event()), /proc has
 * no name for it. */
static enum mapping_kind kind_of(const struct cursor *path, bool has_identity)
{
	if (is_path(path, "[vdso]"))
		return MAPPING_VDSO;
	if (!has_identity || begins(path, "//anon") || begins(path, "/memfd:") ||
	    begins(path, "/dev/zero") || begins(path, "/SYSV") || begins(path, "anon_inode:"))
		return MAPPING_ANON;
	return MAPPING_FILE;
}

static void strip_deleted(struct cursor *path)
{
	size_t deleted = strlen(DELETED);

	if ((size_t)(path->end - path->next) > deleted &&
	    memcmp(path->end - deleted, DELETED, deleted) == 0)
		path->end -= deleted;
}

/* `near` is where an entry of the same file is likely: its neighbour by address. */
static int add_path(struct mappings *m, const struct cursor *path, size_t near, uint32_t *ret)
{
	size_t len = (size_t)(path->end - path->next);
	const char *known = near < m->n ? mappings_path(m, &m->entries[near]) : "";

	if (len && strlen(known) == len && memcmp(known, path->next, len) == 0) {
		*ret = m->entries[near].path; /* another part of the same file */
		return 0;
	}
	if (m->paths_len + len + 2 > m->paths_capacity) {
		size_t capacity = (m->paths_len + len + 2) * 2;
		char *larger = realloc(m->paths, capacity);

		if (!larger)
			return -ENOMEM;
		m->paths = larger;
		m->paths_capacity = capacity;
	}
	if (!m->paths_len)
		m->paths[m->paths_len++] = '\0';
	*ret = len ? (uint32_t)m->paths_len : 0;
	if (len) {
		memcpy(m->paths + m->paths_len, path->next, len);
		m->paths_len += len;
		m->paths[m->paths_len++] = '\0';
	}
	return 0;
}

static int reserve(struct mappings *m, size_t more)
{
	size_t capacity = m->capacity + m->capacity / 2 + 8;
	struct mapping *larger;

	if (m->n + more <= m->capacity)
		return 0;
	larger = reallocarray(m->entries, capacity, sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	m->entries = larger;
	m->capacity = capacity;
	return 0;
}

static int add_mapping(struct mappings *m, struct mapping *mapping, struct cursor *path)
{
	int r;

	if (m->n >= MAPPINGS_MAX || (m->n && mapping->start < m->entries[m->n - 1].end)) {
		m->n_dropped++; /* the kernel prints them by address, and none overlaps */
		return 0;
	}
	r = reserve(m, 1);
	if (r < 0)
		return r;
	strip_deleted(path);
	mapping->kind = kind_of(path, mapping->inode || mapping->build_id_len);
	r = add_path(m, path, m->n - 1, &mapping->path);
	if (r < 0)
		return r;
	m->entries[m->n++] = *mapping;
	return 0;
}

int mappings_parse(const char *text, size_t len, struct mappings *ret)
{
	_cleanup_(mappings_done) struct mappings m = {};
	const char *end = text + len, *next;

	for (const char *line = text; line < end; line = next) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		struct cursor cursor = {line, newline ? newline : end};
		struct mapping mapping = {};
		bool executable;
		int r;

		next = newline ? newline + 1 : end;
		if (!parse_line(&cursor, &mapping, &executable)) {
			m.n_dropped++;
			continue;
		}
		if (!executable)
			continue;
		r = add_mapping(&m, &mapping, &cursor);
		if (r < 0)
			return r;
	}
	*ret = m;
	m = (struct mappings){};
	return 0;
}

/* ---- changes ---- */

/* Throws away the paths that no entry uses: a process may map and unmap other files for ever. */
static int compact_paths(struct mappings *m)
{
	uint32_t before = 0, after = 0;
	size_t len = 1;
	char *fresh;

	for (size_t i = 0; i < m->n; i++) {
		if (m->entries[i].path && m->entries[i].path != before)
			len += strlen(mappings_path(m, &m->entries[i])) + 1;
		before = m->entries[i].path ? m->entries[i].path : before;
	}
	fresh = malloc(len);
	if (!fresh)
		return -ENOMEM;
	fresh[0] = '\0';
	before = 0;
	m->paths_capacity = len;
	len = 1;
	for (size_t i = 0; i < m->n; i++) {
		struct mapping *entry = &m->entries[i];

		if (entry->path && entry->path != before) {
			before = entry->path;
			after = (uint32_t)len;
			len += (size_t)(stpcpy(fresh + len, m->paths + before) - (fresh + len)) + 1;
		}
		entry->path = entry->path ? after : 0;
	}
	free(m->paths);
	m->paths = fresh;
	m->paths_len = len;
	m->paths_limit = len * 2 > PATHS_LIMIT_MIN ? len * 2 : PATHS_LIMIT_MIN;
	return 0;
}

/* Takes [start, end) out of what is mapped; there must be room for one entry more (beyond
 * MAPPINGS_MAX the upper part is lost). Returns the place where an entry for it belongs. */
static size_t cut_out(struct mappings *m, uint64_t start, uint64_t end)
{
	size_t first = first_ending_after(m, start), last;

	if (first < m->n && m->entries[first].start < start) {
		struct mapping *entry = &m->entries[first];

		if (entry->end > end && m->n >= MAPPINGS_MAX) {
			m->n_dropped++;
		} else if (entry->end > end) { /* a hole in the middle of it */
			memmove(entry + 1, entry, (m->n - first) * sizeof(*entry));
			m->n++;
			entry[1].file_offset += end - entry->start;
			entry[1].start = end;
		}
		entry->end = start;
		first++;
	}
	for (last = first; last < m->n && m->entries[last].end <= end; last++)
		;
	if (last < m->n && m->entries[last].start < end) {
		m->entries[last].file_offset += end - m->entries[last].start;
		m->entries[last].start = end;
	}
	memmove(m->entries + first, m->entries + last, (m->n - last) * sizeof(*m->entries));
	m->n -= last - first;
	return first;
}

int mappings_insert(struct mappings *m, const struct mapping *mapping, const char *path)
{
	struct cursor cursor = {path, path + strlen(path)};
	struct mapping added = *mapping;
	size_t place;
	int r = 0;

	if (mapping->start >= mapping->end) {
		m->n_dropped++;
		return 0;
	}
	if (m->paths_len > (m->paths_limit ? m->paths_limit : PATHS_LIMIT_MIN))
		r = compact_paths(m);
	if (r == 0)
		r = reserve(m, 2);
	if (r < 0)
		return r;
	place = cut_out(m, mapping->start, mapping->end);
	if (m->n >= MAPPINGS_MAX) { /* but what was there before is there no more */
		m->n_dropped++;
		return 0;
	}
	strip_deleted(&cursor);
	added.kind = kind_of(&cursor, mapping->inode || mapping->build_id_len);
	added.file = 0;
	r = add_path(m, &cursor, place - 1, &added.path);
	if (r < 0)
		return r;
	memmove(m->entries + place + 1, m->entries + place, (m->n - place) * sizeof(added));
	m->entries[place] = added;
	m->n++;
	return 0;
}

size_t mappings_bytes(const struct mappings *m)
{
	return m->capacity * sizeof(*m->entries) + m->paths_capacity;
}

int mappings_copy(const struct mappings *from, struct mappings *ret)
{
	struct mappings copy = *from;

	copy.capacity = from->n;
	copy.paths_capacity = from->paths_len;
	copy.entries = from->n ? malloc(from->n * sizeof(*copy.entries)) : NULL;
	copy.paths = from->paths_len ? malloc(from->paths_len) : NULL;
	if ((from->n && !copy.entries) || (from->paths_len && !copy.paths)) {
		free(copy.entries);
		free(copy.paths);
		return -ENOMEM;
	}
	if (copy.entries)
		memcpy(copy.entries, from->entries, from->n * sizeof(*copy.entries));
	if (copy.paths)
		memcpy(copy.paths, from->paths, from->paths_len);
	*ret = copy;
	return 0;
}

/* linux/fs.h of 6.11; Debian 12's headers are older than the kernels profd runs on. */
struct procmap_query {
	uint64_t size, query_flags, query_addr;
	uint64_t vma_start, vma_end, vma_flags, vma_page_size, vma_offset, inode;
	uint32_t dev_major, dev_minor, vma_name_size, build_id_size;
	uint64_t vma_name_addr, build_id_addr;
};
#define PROCMAP_QUERY_EXECUTABLE 0x04 /* PROCMAP_QUERY_VMA_EXECUTABLE */
#define PROCMAP_QUERY_NEXT	 0x10 /* PROCMAP_QUERY_COVERING_OR_NEXT_VMA */
#define PROCMAP_QUERY_IOCTL	 _IOWR('f', 17, struct procmap_query)
_Static_assert(sizeof(struct procmap_query) == 104, "layout of linux/fs.h");

int mappings_query(int maps_fd, struct mappings *ret)
{
	_cleanup_(mappings_done) struct mappings m = {};
	char path[PATH_MAX];
	uint64_t addr = 0;

	for (uint32_t i = 0; i < MAPPINGS_MAX; i++) {
		struct procmap_query query = {.size = sizeof(query),
					      .query_flags =
						      PROCMAP_QUERY_EXECUTABLE | PROCMAP_QUERY_NEXT,
					      .query_addr = addr,
					      .vma_name_size = sizeof(path),
					      .vma_name_addr = (uint64_t)(uintptr_t)path};
		struct mapping mapping;
		struct cursor cursor = {path, path};
		int r;

		if (ioctl(maps_fd, PROCMAP_QUERY_IOCTL, &query) < 0) {
			if (errno == ENOENT) /* no further one */
				break;
			return -errno;
		}
		mapping = (struct mapping){.start = query.vma_start,
					   .end = query.vma_end,
					   .file_offset = query.vma_offset,
					   .inode = query.inode,
					   .dev_major = query.dev_major,
					   .dev_minor = query.dev_minor};
		if (query.vma_name_size)
			cursor.end += strnlen(path, sizeof(path));
		r = add_mapping(&m, &mapping, &cursor);
		if (r < 0)
			return r;
		addr = query.vma_end;
	}
	m.n_dropped += m.n == MAPPINGS_MAX; /* there may be more */
	*ret = m;
	m = (struct mappings){};
	return 0;
}

struct mapping *mappings_find(const struct mappings *m, uint64_t addr)
{
	size_t low = first_ending_after(m, addr);

	return low < m->n && m->entries[low].start <= addr ? &m->entries[low] : NULL;
}

const char *mappings_path(const struct mappings *m, const struct mapping *mapping)
{
	return mapping->path ? m->paths + mapping->path : "";
}
