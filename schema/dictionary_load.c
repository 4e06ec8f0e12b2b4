// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dictionary_load.c - chunk after chunk into growing arrays. Strings stay where they were unpacked
 * and are pointed to; everything else is decoded into its array.
 */
#include "dictionary_load.h"

#include <errno.h>
#include <string.h>

#define ENTRIES_MAX (1u << 25) /* of a kind: above the largest limit of nodes, 16 M */

/* What a dictionary may take: unpacked bytes and decoded entries. A file of some kilobytes can say
 * that it has gigabytes. */
#define DICTIONARY_BYTES_MAX (512ull << 20)

_Static_assert(CHUNK_STRINGS == 1 && CHUNK_SERIES == 6, "the SELECT of series names other kinds");

/* An array of `n` entries with room for `capacity`. */
struct grown {
	void *entries;
	uint32_t n, capacity;
};

struct loaded {
	struct dictionary dictionary;
	struct grown strings, functions, locations, frames, nodes, series, files;
	struct grown buffers; /* struct byte_buf: what strings point into */
	uint64_t bytes;	      /* of DICTIONARY_BYTES_MAX */
	struct byte_buf unpacked, scratch;
};

struct loaded *loaded_free(struct loaded *loaded)
{
	struct byte_buf *buffers;

	if (!loaded)
		return NULL;
	buffers = loaded->buffers.entries;
	for (uint32_t i = 0; i < loaded->buffers.n; i++)
		byte_buf_done(&buffers[i]);
	free(buffers);
	free(loaded->strings.entries);
	free(loaded->functions.entries);
	free(loaded->locations.entries);
	free(loaded->frames.entries);
	free(loaded->nodes.entries);
	free(loaded->series.entries);
	free(loaded->files.entries);
	byte_buf_done(&loaded->unpacked);
	byte_buf_done(&loaded->scratch);
	free(loaded);
	return NULL;
}

/* Takes `n` more entries of `size` bytes into the budget: 0, or -EBADMSG beyond it. */
static int charge(struct loaded *loaded, const struct grown *array, uint64_t n, size_t size)
{
	if (array->n + n > ENTRIES_MAX || n * size > DICTIONARY_BYTES_MAX - loaded->bytes)
		return -EBADMSG;
	loaded->bytes += n * size;
	return 0;
}

/* Makes room for `n` more entries of `size` bytes; returns the first of them, or NULL. */
static void *grow(struct grown *array, uint64_t n, size_t size)
{
	uint64_t need = array->n + n;

	if (need > array->capacity) {
		uint64_t capacity = array->capacity ? array->capacity * 2ull : 256;
		void *entries;

		if (capacity < need)
			capacity = need;
		entries = reallocarray(array->entries, capacity, size);
		if (!entries)
			return NULL;
		array->entries = entries;
		array->capacity = (uint32_t)capacity;
	}
	return (char *)array->entries + (size_t)array->n * size;
}

/* Entry 0 of every table: none. */
static int begin(struct grown *array, size_t size)
{
	void *none = grow(array, 1, size);

	if (!none)
		return -ENOMEM;
	memset(none, 0, size);
	array->n = 1;
	return 0;
}

int loaded_new(struct loaded **ret)
{
	_cleanup_(loaded_freep) struct loaded *loaded = calloc(1, sizeof(*loaded));

	if (!loaded || begin(&loaded->strings, sizeof(char *)) < 0 ||
	    begin(&loaded->functions, sizeof(struct dictionary_function)) < 0 ||
	    begin(&loaded->locations, sizeof(struct dictionary_location)) < 0 ||
	    begin(&loaded->frames, sizeof(struct dictionary_frame)) < 0 ||
	    begin(&loaded->nodes, sizeof(struct dictionary_node)) < 0 ||
	    begin(&loaded->series, sizeof(struct profile_series)) < 0 ||
	    begin(&loaded->files, sizeof(struct profile_file)) < 0)
		return -ENOMEM;
	((const char **)loaded->strings.entries)[0] = "";
	*(struct dictionary_function *)loaded->functions.entries =
		(struct dictionary_function){"", ""};
	*(struct profile_series *)loaded->series.entries = (struct profile_series){
		.comm = "", .exe = "", .cgroup = "", .unit = "", .container = ""};
	((struct profile_file *)loaded->files.entries)->path = "";
	*ret = take_ptr(loaded);
	return 0;
}

uint32_t loaded_n_strings(const struct loaded *loaded)
{
	return loaded->strings.n;
}

static int add_functions(struct loaded *loaded, uint32_t n, const void *data, size_t len)
{
	const char *const *strings = loaded->strings.entries;
	struct dictionary_function *functions = grow(&loaded->functions, n, sizeof(*functions));
	struct chunk_function *decoded;
	int r;

	byte_buf_clear(&loaded->scratch);
	decoded = (void *)byte_buf_reserve(&loaded->scratch, n * sizeof(*decoded));
	if (!functions || !decoded)
		return -ENOMEM;
	r = chunk_get_functions(data, len, n, loaded->strings.n, decoded);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < n; i++)
		functions[i] = (struct dictionary_function){strings[decoded[i].name],
							    strings[decoded[i].source]};
	loaded->functions.n += n;
	return 0;
}

static int add_series(struct loaded *loaded, uint32_t n, const void *data, size_t len)
{
	const char *const *strings = loaded->strings.entries;
	struct profile_series *series = grow(&loaded->series, n, sizeof(*series));
	struct chunk_series *decoded;
	int r;

	byte_buf_clear(&loaded->scratch);
	decoded = (void *)byte_buf_reserve(&loaded->scratch, n * sizeof(*decoded));
	if (!series || !decoded)
		return -ENOMEM;
	r = chunk_get_series(data, len, n, loaded->strings.n, decoded);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < n; i++)
		series[i] = (struct profile_series){
			.pid = decoded[i].pid,
			.tid = decoded[i].tid,
			.start_boot_ns = decoded[i].start_boot_ns,
			.comm = strings[decoded[i].comm],
			.exe = strings[decoded[i].exe],
			.cgroup = strings[decoded[i].cgroup],
			.unit = strings[decoded[i].unit],
			.container = strings[decoded[i].container],
		};
	loaded->series.n += n;
	return 0;
}

static int add_names(struct loaded *loaded, uint32_t n, const void *data, size_t len)
{
	struct byte_cursor cursor = byte_cursor(data, len);
	struct dictionary_location *locations = loaded->locations.entries;
	struct chunk_name name = {};

	for (uint32_t i = 0; i < n; i++) {
		struct dictionary_frame *frames;
		int r = chunk_get_name(&cursor, name.location, loaded->locations.n, &name);

		if (r < 0)
			return r;
		r = charge(loaded, &loaded->frames, name.n_frames, sizeof(*frames));
		if (r < 0)
			return r;
		frames = grow(&loaded->frames, name.n_frames, sizeof(*frames));
		if (!frames)
			return -ENOMEM;
		for (uint32_t f = 0; f < name.n_frames; f++) {
			r = chunk_get_frame(&cursor, loaded->functions.n, &frames[f]);
			if (r < 0)
				return r;
		}
		locations[name.location].first_frame = loaded->frames.n;
		locations[name.location].n_frames = name.n_frames;
		locations[name.location].unknown = name.unknown;
		loaded->frames.n += name.n_frames;
	}
	return byte_cursor_left(&cursor) ? -EBADMSG : 0;
}

static int add_entries(struct loaded *loaded, struct grown *array, int kind, size_t size,
		       uint32_t n, const void *data, size_t len)
{
	void *entries = grow(array, n, size);
	int r;

	if (!entries)
		return -ENOMEM;
	if (kind == CHUNK_STRINGS)
		r = chunk_get_strings(data, len, n, entries);
	else if (kind == CHUNK_LOCATIONS)
		r = chunk_get_locations(data, len, n, loaded->files.n, entries);
	else
		r = chunk_get_nodes(data, len, array->n, n, loaded->locations.n, entries);
	if (r == 0)
		array->n += n;
	return r;
}

int loaded_add_chunk(struct loaded *loaded, int kind, uint64_t first, uint64_t n, const void *data,
		     size_t len)
{
	const struct {
		struct grown *array; /* NULL: ids are in the chunk */
		size_t size;
	} tables[CHUNK_KIND_MAX] = {
		[CHUNK_STRINGS] = {&loaded->strings, sizeof(char *)},
		[CHUNK_FUNCTIONS] = {&loaded->functions, sizeof(struct dictionary_function)},
		[CHUNK_LOCATIONS] = {&loaded->locations, sizeof(struct dictionary_location)},
		[CHUNK_NODES] = {&loaded->nodes, sizeof(struct dictionary_node)},
		[CHUNK_SERIES] = {&loaded->series, sizeof(struct profile_series)},
	};

	if (kind <= 0 || kind >= CHUNK_KIND_MAX || n > ENTRIES_MAX ||
	    !chunk_fits((enum chunk_kind)kind, n, len) ||
	    (tables[kind].array && first != tables[kind].array->n))
		return -EBADMSG;
	if (tables[kind].array && charge(loaded, tables[kind].array, n, tables[kind].size) < 0)
		return -EBADMSG;
	if (kind == CHUNK_FUNCTIONS)
		return add_functions(loaded, (uint32_t)n, data, len);
	if (kind == CHUNK_SERIES)
		return add_series(loaded, (uint32_t)n, data, len);
	if (kind == CHUNK_NAMES)
		return add_names(loaded, (uint32_t)n, data, len);
	return add_entries(loaded, tables[kind].array, kind, tables[kind].size, (uint32_t)n, data,
			   len);
}

static int load_file(struct loaded *loaded, sqlite3_stmt *select)
{
	const void *identity = sqlite3_column_blob(select, 3);
	int identity_len = sqlite3_column_bytes(select, 3);
	int64_t kind = sqlite3_column_int64(select, 1);
	const unsigned char *text = sqlite3_column_text(select, 5);
	size_t text_len = (size_t)sqlite3_column_bytes(select, 5);
	struct profile_file *file;
	struct byte_buf *path;

	if (sqlite3_column_int64(select, 0) != loaded->files.n || kind < 0 ||
	    kind >= FILE_KIND_MAX || identity_len > PROFILE_IDENTITY_MAX || !text ||
	    charge(loaded, &loaded->files, 1, sizeof(*file)) < 0 ||
	    charge(loaded, &loaded->buffers, 1, sizeof(*path) + text_len) < 0)
		return -EBADMSG;
	file = grow(&loaded->files, 1, sizeof(*file));
	path = grow(&loaded->buffers, 1, sizeof(*path));
	if (!file || !path)
		return -ENOMEM;
	*path = (struct byte_buf){};
	loaded->buffers.n++;
	byte_buf_put(path, text, text_len);
	byte_buf_put(path, "", 1);
	if (path->failed)
		return -ENOMEM;
	*file = (struct profile_file){
		.kind = (enum file_kind)kind,
		.is_build_id = sqlite3_column_int(select, 2),
		.identity_len = (uint8_t)identity_len,
		.trust_uid = (uint32_t)sqlite3_column_int64(select, 4),
		.path = (const char *)path->data,
	};
	if (identity_len)
		memcpy(file->identity, identity, (size_t)identity_len);
	loaded->files.n++;
	return 0;
}

static int load_chunk(struct loaded *loaded, struct unpacker *unpacker, sqlite3_stmt *select)
{
	int kind = sqlite3_column_int(select, 0), type = sqlite3_column_type(select, 4);
	int64_t first = sqlite3_column_int64(select, 1), n = sqlite3_column_int64(select, 2);
	int enc = sqlite3_column_int(select, 3);
	const void *data = sqlite3_column_blob(select, 4);
	size_t len = (size_t)sqlite3_column_bytes(select, 4);
	struct byte_buf *buffer;
	int r;

	if (first < 0 || n < 0 || type != SQLITE_BLOB)
		return -EBADMSG;
	r = unpacker_unpack(unpacker, enc, data, len, &loaded->unpacked);
	if (r < 0)
		return r;
	/* Of other kinds the bytes are not kept, but to read them takes as long. */
	r = charge(loaded, &loaded->buffers, 1, sizeof(*buffer) + loaded->unpacked.len);
	if (r < 0)
		return r;
	buffer = grow(&loaded->buffers, 1, sizeof(*buffer));
	if (!buffer)
		return -ENOMEM;
	if (kind == CHUNK_STRINGS) {
		*buffer = loaded->unpacked;
		loaded->unpacked = (struct byte_buf){};
		loaded->buffers.n++;
		data = buffer->data;
		len = buffer->len;
	} else {
		data = loaded->unpacked.data;
		len = loaded->unpacked.len;
	}
	return loaded_add_chunk(loaded, kind, (uint64_t)first, (uint64_t)n, data, len);
}

/* Steps through `sql`: files or chunks. */
static int load_rows(struct loaded *loaded, sqlite3 *db, const char *partition, const char *sql,
		     struct unpacker *unpacker, struct store_error *error)
{
	_cleanup_(sqlite3_finalize_p) sqlite3_stmt *select = NULL;
	int rc, r = database_prepare(db, sql, partition, &select, error);

	if (r < 0)
		return r;
	while ((rc = sqlite3_step(select)) == SQLITE_ROW) {
		r = unpacker ? load_chunk(loaded, unpacker, select) : load_file(loaded, select);
		if (r == -EBADMSG)
			return store_fail(error, r, "%s: the dictionary is damaged", partition);
		if (r < 0)
			return store_fail(error, r, "out of memory");
	}
	return rc == SQLITE_DONE ? 0 : database_fail(db, rc, partition, error);
}

int dictionary_load(sqlite3 *db, const char *partition, bool series_only, struct unpacker *unpacker,
		    struct loaded **ret, struct store_error *error)
{
	_cleanup_(loaded_freep) struct loaded *loaded = NULL;
	int r = loaded_new(&loaded);

	if (r < 0)
		return store_fail(error, r, "out of memory");
	r = load_rows(loaded, db, partition,
		      "SELECT id, kind, is_build_id, identity, trust_uid, path FROM file "
		      "ORDER BY id",
		      NULL, error);
	if (r == 0)
		r = load_rows(loaded, db, partition,
			      series_only ? "SELECT kind, first, n, enc, data FROM dictionary "
					    "WHERE kind IN (1, 6) ORDER BY id"
					  : "SELECT kind, first, n, enc, data FROM dictionary "
					    "ORDER BY id",
			      unpacker, error);
	if (r < 0)
		return r;
	loaded->dictionary.partition = partition;
	*ret = take_ptr(loaded);
	return 0;
}

const struct dictionary *loaded_dictionary(struct loaded *loaded)
{
	struct dictionary *dictionary = &loaded->dictionary;

	dictionary->nodes = loaded->nodes.entries;
	dictionary->locations = loaded->locations.entries;
	dictionary->frames = loaded->frames.entries;
	dictionary->functions = loaded->functions.entries;
	dictionary->files = loaded->files.entries;
	dictionary->series = loaded->series.entries;
	dictionary->n_nodes = loaded->nodes.n;
	dictionary->n_locations = loaded->locations.n;
	dictionary->n_frames = loaded->frames.n;
	dictionary->n_functions = loaded->functions.n;
	dictionary->n_files = loaded->files.n;
	dictionary->n_series = loaded->series.n;
	return dictionary;
}
