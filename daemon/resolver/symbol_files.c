// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * symbol_files.c - see symbol_files.h. A table searched by number from the newest on: it holds at
 * most some thousand files and is asked a few hundred times a bucket.
 */
#include "symbol_files.h"

#include "demangle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct symbol_file {
	uint32_t number;
	int fd;
	int broken; /* negative errno of building the index; it is not tried again */
	struct elf_symbols *symbols; /* NULL while not in use */
	uint64_t used;		     /* the tick of its last use */
};

struct symbol_files {
	struct symbol_file *files; /* by number */
	size_t n, capacity, max;
	size_t bytes, budget_bytes; /* of indexes */
	uint64_t tick;
};

int symbol_files_new(size_t budget_bytes, size_t max_files, struct symbol_files **ret)
{
	struct symbol_files *files = calloc(1, sizeof(*files));

	if (!files)
		return -ENOMEM;
	files->budget_bytes = budget_bytes;
	files->max = max_files;
	*ret = files;
	return 0;
}

static void drop_index(struct symbol_files *files, struct symbol_file *file)
{
	if (file->symbols)
		files->bytes -= elf_symbols_bytes(file->symbols);
	file->symbols = elf_symbols_free(file->symbols);
}

struct symbol_files *symbol_files_free(struct symbol_files *files)
{
	if (!files)
		return NULL;
	for (size_t i = 0; i < files->n; i++) {
		drop_index(files, &files->files[i]);
		close(files->files[i].fd);
	}
	free(files->files);
	free(files);
	return NULL;
}

/* The place of the first file whose number is not below `number`. */
static size_t place_of(const struct symbol_files *files, uint32_t number)
{
	size_t low = 0, high = files->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (files->files[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct symbol_file *find_file(struct symbol_files *files, uint32_t number)
{
	size_t at = place_of(files, number);

	return at < files->n && files->files[at].number == number ? &files->files[at] : NULL;
}

static int make_room(struct symbol_files *files)
{
	size_t capacity = files->capacity ? files->capacity * 2 : 64;
	struct symbol_file *larger;

	if (files->n < files->capacity)
		return 0;
	if (files->n >= files->max)
		return -EMFILE;
	larger = reallocarray(files->files, capacity, sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	files->files = larger;
	files->capacity = capacity;
	return 0;
}

int symbol_files_add(struct symbol_files *files, uint32_t number, int take_fd,
		     struct elf_identity *ret)
{
	struct elf_identity identity;
	size_t at = place_of(files, number);
	int r = files->n >= files->max ? -EMFILE : make_room(files);

	if (r == 0 && at < files->n && files->files[at].number == number)
		r = -EEXIST;
	if (r == 0)
		r = elf_identity_read(take_fd, &identity);
	if (r < 0) {
		close(take_fd);
		return r;
	}
	memmove(files->files + at + 1, files->files + at, (files->n - at) * sizeof(*files->files));
	files->files[at] = (struct symbol_file){.number = number, .fd = take_fd};
	files->n++;
	*ret = identity;
	return 0;
}

void symbol_files_remove(struct symbol_files *files, uint32_t number)
{
	struct symbol_file *file = find_file(files, number);

	if (!file)
		return;
	drop_index(files, file);
	close(file->fd);
	files->n--;
	memmove(file, file + 1, (size_t)(files->files + files->n - file) * sizeof(*files->files));
}

static void keep_budget(struct symbol_files *files, const struct symbol_file *in_use)
{
	while (files->bytes > files->budget_bytes) {
		struct symbol_file *oldest = NULL;

		for (size_t i = 0; i < files->n; i++) {
			struct symbol_file *file = &files->files[i];

			if (file->symbols && file != in_use &&
			    (!oldest || file->used < oldest->used))
				oldest = file;
		}
		if (!oldest)
			return;
		drop_index(files, oldest);
	}
}

int symbol_files_name(struct symbol_files *files, uint32_t number, uint64_t offset, char **ret)
{
	struct symbol_file *file = find_file(files, number);
	char name[ELF_SYMBOL_NAME_MAX], *plain;
	int r;

	if (!file)
		return -ESTALE;
	if (file->broken)
		return file->broken;
	file->used = ++files->tick;
	if (!file->symbols) {
		r = elf_symbols_new(file->fd, &file->symbols);
		if (r < 0) {
			if (r != -ENOMEM)
				file->broken = r;
			return r;
		}
		files->bytes += elf_symbols_bytes(file->symbols);
		keep_budget(files, file);
	}
	r = elf_symbols_find(file->symbols, offset, name);
	if (r < 0)
		return r;
	plain = demangle(name);
	if (!plain)
		plain = strdup(name);
	if (!plain)
		return -ENOMEM;
	*ret = plain;
	return 0;
}
