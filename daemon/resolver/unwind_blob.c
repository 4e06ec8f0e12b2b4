// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unwind_blob.c - see unwind_blob.h.
 */
#include "unwind_blob.h"

#include "unwind_segments.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC	    "profdrow"
#define HASH_OFFSET 0xcbf29ce484222325ull
#define HASH_PRIME  0x100000001b3ull

struct blob_head {
	char magic[8];
	uint32_t version;
	uint32_t source; /* enum unwind_source */
	uint32_t n_rows, n_segments;
	uint32_t n_fdes, n_fdes_broken, n_unsupported;
	uint32_t zero;
	uint64_t base;
	struct unwind_key key;
	struct unwind_segment segments[UNWIND_SEGMENTS_MAX]; /* 0 beyond n_segments */
	uint64_t checksum; /* of the head with 0 here, and the rows */
};
_Static_assert(sizeof(struct blob_head) <= UNWIND_BLOB_HEAD_SIZE, "a head has room");

/* The head as it is written; what is not used of it is 0. */
union head_bytes {
	struct blob_head head;
	uint8_t bytes[UNWIND_BLOB_HEAD_SIZE];
};

/* FNV-1a by words instead of bytes; a word's high bits reach the low ones by the shift. */
static uint64_t hash_words(uint64_t hash, const void *bytes, size_t size)
{
	const uint8_t *p = bytes;

	for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, p + at, sizeof(word));
		hash = (hash ^ word) * HASH_PRIME;
		hash ^= hash >> 32;
	}
	return hash;
}

static uint64_t checksum(const union head_bytes *head, const void *rows, size_t size)
{
	union head_bytes copy = *head;
	uint64_t hash;

	copy.head.checksum = 0;
	hash = hash_words(HASH_OFFSET, copy.bytes, sizeof(copy));
	return hash_words(hash, rows, size);
}

void unwind_blob_seal(void *head, const struct unwind_row *rows, uint32_t n_rows)
{
	union head_bytes copy;

	memcpy(&copy, head, sizeof(copy));
	copy.head.checksum = checksum(&copy, rows, (size_t)n_rows * sizeof(*rows));
	memcpy(head, &copy, sizeof(copy));
}

static bool segments_are_right(const struct blob_head *head)
{
	static const struct unwind_segment none;

	for (uint32_t i = head->n_segments; i < UNWIND_SEGMENTS_MAX; i++)
		if (memcmp(&head->segments[i], &none, sizeof(none)) != 0)
			return false;
	return unwind_segments_are_right(head->segments, head->n_segments, head->base);
}

/* Everything but the rows and the checksum, for a blob of `size` bytes in all. */
static int check_head(const struct blob_head *head, uint64_t size, const struct unwind_key *key)
{
	if (memcmp(head->magic, MAGIC, sizeof(head->magic)) != 0 ||
	    head->version != UNWIND_BLOB_VERSION || head->zero)
		return -EBADMSG;
	if (memcmp(&head->key, key, sizeof(*key)) != 0)
		return -EBADMSG;
	if (head->n_rows > UNWIND_ROWS_MAX || head->n_segments > UNWIND_SEGMENTS_MAX ||
	    head->source > UNWIND_SOURCE_DEBUG_FRAME || (head->n_rows && !head->n_segments))
		return -EBADMSG;
	if (head->n_unsupported > head->n_rows || head->n_fdes_broken > head->n_fdes)
		return -EBADMSG;
	if (size != UNWIND_BLOB_HEAD_SIZE + (uint64_t)head->n_rows * sizeof(struct unwind_row))
		return -EBADMSG;
	return segments_are_right(head) ? 0 : -EBADMSG;
}

/* What the last segment's end is above the base; the last row may begin there. */
static uint32_t last_pc(const struct unwind_segment *segments, uint32_t n, uint64_t base)
{
	return n ? (uint32_t)(segments[n - 1].vaddr - base + segments[n - 1].size) : 0;
}

/* For a head that was checked. */
static int check_rows(const struct blob_head *head, const struct unwind_row *rows)
{
	uint32_t end = last_pc(head->segments, head->n_segments, head->base), n = head->n_rows;

	for (uint32_t i = 0; i < n; i++) {
		if ((rows[i].kind & 15) >= UNWIND_CFA_MAX || rows[i].kind >> 4 >= UNWIND_FP_MAX)
			return -EBADMSG;
		if (rows[i].pc > end || (i && rows[i].pc <= rows[i - 1].pc))
			return -EBADMSG;
	}
	return 0;
}

static void make_head(const struct unwind_table *table, const struct unwind_key *key,
		      union head_bytes *ret)
{
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->head.magic, MAGIC, sizeof(ret->head.magic));
	ret->head.version = UNWIND_BLOB_VERSION;
	ret->head.source = (uint32_t)table->source;
	ret->head.n_rows = table->n_rows;
	ret->head.n_segments = table->n_segments;
	ret->head.n_fdes = table->n_fdes;
	ret->head.n_fdes_broken = table->n_fdes_broken;
	ret->head.n_unsupported = table->n_unsupported;
	ret->head.base = table->base;
	ret->head.key = *key;
	if (table->n_segments <= UNWIND_SEGMENTS_MAX)
		memcpy(ret->head.segments, table->segments,
		       table->n_segments * sizeof(table->segments[0]));
}

static int write_all(int fd, const void *bytes, size_t size, off_t at)
{
	const uint8_t *p = bytes;

	while (size) {
		ssize_t n = pwrite(fd, p, size, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENOSPC;
		p += n;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

int unwind_blob_write(int fd, const struct unwind_table *table, const struct unwind_key *key)
{
	size_t size = (size_t)table->n_rows * sizeof(*table->rows);
	union head_bytes head;
	int r;

	make_head(table, key, &head);
	if (check_head(&head.head, UNWIND_BLOB_HEAD_SIZE + size, key) < 0 ||
	    check_rows(&head.head, table->rows) < 0)
		return -EINVAL;
	unwind_blob_seal(&head, table->rows, table->n_rows);
	r = write_all(fd, head.bytes, sizeof(head), 0);
	return r < 0 ? r : write_all(fd, table->rows, size, sizeof(head));
}

/* Takes `rows` (on the heap) over, or frees them. */
static int finish(const union head_bytes *head, struct unwind_row *rows, struct unwind_table *ret)
{
	size_t size = (size_t)head->head.n_rows * sizeof(*rows);

	if (checksum(head, rows, size) != head->head.checksum ||
	    check_rows(&head->head, rows) < 0) {
		free(rows);
		return -EBADMSG;
	}
	*ret = (struct unwind_table){.base = head->head.base,
				     .source = (enum unwind_source)head->head.source,
				     .n_segments = head->head.n_segments,
				     .n_fdes = head->head.n_fdes,
				     .n_fdes_broken = head->head.n_fdes_broken,
				     .n_unsupported = head->head.n_unsupported,
				     .n_rows = head->head.n_rows,
				     .rows = rows};
	memcpy(ret->segments, head->head.segments, sizeof(ret->segments));
	return 0;
}

static struct unwind_row *new_rows(uint32_t n)
{
	return malloc(n ? (size_t)n * sizeof(struct unwind_row) : 1);
}

int unwind_blob_decode(const void *bytes, size_t size, const struct unwind_key *key,
		       struct unwind_table *ret)
{
	union head_bytes head;
	struct unwind_row *rows;
	int r;

	*ret = (struct unwind_table){};
	if (size < sizeof(head))
		return -EBADMSG;
	memcpy(&head, bytes, sizeof(head));
	r = check_head(&head.head, size, key);
	if (r < 0)
		return r;
	rows = new_rows(head.head.n_rows);
	if (!rows)
		return -ENOMEM;
	memcpy(rows, (const uint8_t *)bytes + sizeof(head), size - sizeof(head));
	return finish(&head, rows, ret);
}

static int read_all(int fd, void *bytes, size_t size, off_t at)
{
	uint8_t *p = bytes;

	while (size) {
		ssize_t n = pread(fd, p, size, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EBADMSG;
		p += n;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

int unwind_blob_read(int fd, const struct unwind_key *key, struct unwind_table *ret)
{
	union head_bytes head;
	struct unwind_row *rows;
	struct stat st;
	int r;

	*ret = (struct unwind_table){};
	if (fstat(fd, &st) < 0)
		return -errno;
	r = read_all(fd, head.bytes, sizeof(head), 0);
	if (r == 0)
		r = check_head(&head.head, (uint64_t)st.st_size, key);
	if (r < 0)
		return r;
	rows = new_rows(head.head.n_rows);
	if (!rows)
		return -ENOMEM;
	r = read_all(fd, rows, (size_t)head.head.n_rows * sizeof(*rows), sizeof(head));
	if (r < 0) {
		free(rows);
		return r;
	}
	return finish(&head, rows, ret);
}
