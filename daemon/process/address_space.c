// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * address_space.c - see address_space.h.
 */
#include "process/address_space.h"

#include <errno.h>
#include <string.h>

void address_space_account(struct address_space *space)
{
	size_t bytes = sizeof(*space) + mappings_bytes(&space->mappings);

	*space->total_bytes += bytes - space->bytes;
	space->bytes = bytes;
}

struct address_space *address_space_new(size_t *total_bytes)
{
	struct address_space *space = calloc(1, sizeof(*space));

	if (!space)
		return NULL;
	space->n_refs = 1;
	space->total_bytes = total_bytes;
	space->exe = strdup("");
	if (!space->exe) {
		free(space);
		return NULL;
	}
	address_space_account(space);
	return space;
}

struct address_space *address_space_ref(struct address_space *space)
{
	space->n_refs++;
	return space;
}

struct address_space *address_space_unref(struct address_space *space)
{
	if (!space || --space->n_refs)
		return NULL;
	*space->total_bytes -= space->bytes;
	mappings_done(&space->mappings);
	free(space->exe);
	free(space);
	return NULL;
}

int address_space_own(struct address_space **space)
{
	_cleanup_(address_space_unrefp) struct address_space *copy = NULL;
	int r;

	if ((*space)->n_refs == 1)
		return 0;
	copy = address_space_new((*space)->total_bytes);
	if (!copy)
		return -ENOMEM;
	r = mappings_copy(&(*space)->mappings, &copy->mappings);
	if (r < 0)
		return r;
	address_space_set_exe(copy, (*space)->exe);
	copy->numbered = (*space)->numbered;
	address_space_account(copy);
	address_space_unref(*space);
	*space = take_ptr(copy);
	return 0;
}

int address_space_map(struct address_space **space, const struct mapping *mapping, const char *path)
{
	const struct mapping *added;
	int r = address_space_own(space);

	if (r == 0)
		r = mappings_insert(&(*space)->mappings, mapping, path);
	if (r < 0)
		return r;
	(*space)->changes++;
	address_space_account(*space);
	added = mappings_find(&(*space)->mappings, mapping->start);
	if (!added || added->kind != MAPPING_FILE)
		return 0;
	(*space)->numbered = false;
	(*space)->n_numbered_tries = 0;
	if (!*(*space)->exe)
		address_space_set_exe(*space, path);
	return 0;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Records have build IDs where /proc has inodes, and the path as the process sees it where /proc
 * has it from profd's root: of each, only what both tell is compared. */
static bool is_same(const struct mappings *a_of, const struct mapping *a,
		    const struct mappings *b_of, const struct mapping *b)
{
	return a->start == b->start && a->end == b->end && a->file_offset == b->file_offset &&
	       a->kind == b->kind && (!a->inode || !b->inode || a->inode == b->inode) &&
	       strcmp(last_part(mappings_path(a_of, a)), last_part(mappings_path(b_of, b))) == 0;
}

bool address_space_carry_files(const struct address_space *from, struct address_space *to)
{
	const struct mappings *m = &to->mappings;
	bool same = from->mappings.n == m->n;

	for (size_t i = 0; i < m->n; i++) {
		struct mapping *mapping = &m->entries[i];
		const struct mapping *before = mappings_find(&from->mappings, mapping->start);

		if (before && is_same(&from->mappings, before, m, mapping))
			mapping->file = before->file ? before->file : mapping->file;
		else
			same = false;
	}
	return same;
}

void address_space_set_exe(struct address_space *space, const char *path)
{
	static const char deleted[] = " (deleted)";
	size_t len = strlen(path), cut = sizeof(deleted) - 1;
	char *copy = strdup(path);

	if (!copy)
		return;
	if (len > cut && strcmp(copy + len - cut, deleted) == 0)
		copy[len - cut] = '\0';
	free(space->exe);
	space->exe = copy;
}
