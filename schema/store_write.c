// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * store_write.c - one bucket, one transaction: new dictionary entries first, then the bucket, its
 * packed rows by sample type, its ledger, block I/O, held waits and losses. A failure leaves
 * neither rows nor ids behind.
 */
#include <errno.h>
#include <string.h>

#include "codec_blob.h"
#include "io_class.h"
#include "store_writer.h"

struct typed_row {
	enum sample_type type;
	struct blob_row row;
};

int live_run(struct live *live, enum live_statement which, struct store_error *error)
{
	sqlite3_stmt *statement = live->statements[which];
	int rc = sqlite3_step(statement), r = 0;

	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		r = database_fail(live->db, rc, live->partition.name, error);
	sqlite3_reset(statement);
	return r;
}

void live_bind(struct live *live, enum live_statement which, int first, const uint64_t *numbers,
	       int n)
{
	for (int i = 0; i < n; i++)
		(void)sqlite3_bind_int64(live->statements[which], first + i,
					 (sqlite3_int64)numbers[i]);
}

int live_bind_packed(struct store_writer *writer, enum live_statement which, int enc_at)
{
	sqlite3_stmt *statement = writer->live->statements[which];
	enum pack_enc enc;
	const void *data;
	size_t len;
	int r = packer_pack(writer->packer, writer->chunk.data, writer->chunk.len, &enc, &data,
			    &len);

	if (r < 0)
		return r;
	if (sqlite3_bind_int(statement, enc_at, enc) != SQLITE_OK ||
	    sqlite3_bind_blob64(statement, enc_at + 1, data, len, SQLITE_STATIC) != SQLITE_OK)
		return -ENOMEM;
	return 0;
}

static int write_files(struct live *live, struct store_error *error)
{
	const struct intern *intern = &live->intern;
	sqlite3_stmt *insert = live->statements[LIVE_FILE];
	int r = 0;

	for (uint32_t id = intern->mark.files; r == 0 && id < intern->files.n; id++) {
		const struct intern_file *file = id_table_at(&intern->files, id);

		live_bind(live, LIVE_FILE, 1, (uint64_t[]){id, file->kind, file->is_build_id}, 3);
		(void)sqlite3_bind_blob(insert, 4, file->identity, (int)file->identity_len,
					SQLITE_STATIC);
		live_bind(live, LIVE_FILE, 5, (uint64_t[]){file->trust_uid}, 1);
		(void)sqlite3_bind_text(insert, 6, string_table_at(&intern->strings, file->path),
					-1, SQLITE_STATIC);
		r = live_run(live, LIVE_FILE, error);
	}
	return r;
}

static int write_chunks(struct store_writer *writer, struct store_error *error)
{
	struct live *live = writer->live;
	int r = 0;

	for (int kind = 1; r == 0 && kind < CHUNK_KIND_MAX; kind++) {
		uint32_t first, n;

		byte_buf_clear(&writer->chunk);
		r = intern_chunk(&live->intern, (enum chunk_kind)kind, &writer->chunk, &first, &n);
		if (r == 0 && !n)
			continue;
		live_bind(live, LIVE_CHUNK, 1, (uint64_t[]){(uint64_t)kind, first, n}, 3);
		if (r == 0)
			r = live_bind_packed(writer, LIVE_CHUNK, 4);
		if (r < 0)
			return store_fail(error, r, "out of memory");
		r = live_run(live, LIVE_CHUNK, error);
	}
	return r;
}

static int by_type_series_node_bin(const void *a, const void *b)
{
	const struct typed_row *x = a, *y = b;

	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	if (x->row.series != y->row.series)
		return x->row.series < y->row.series ? -1 : 1;
	if (x->row.node != y->row.node)
		return x->row.node < y->row.node ? -1 : 1;
	return x->row.bin < y->row.bin ? -1 : x->row.bin > y->row.bin;
}

/* The row's bin, in which block I/O has its device: the bucket's becomes the partition's. One that
 * finds no room in it is none. */
static int map_bin(const struct profile_bucket *bucket, const struct intern_map *map,
		   const struct profile_row *row, uint32_t *ret)
{
	struct io_class class;

	*ret = row->bin;
	if (row->type != SAMPLE_BLOCKIO && row->type != SAMPLE_BLOCKIO_BYTES)
		return 0;
	if (io_class_unpack(row->bin, &class) < 0 ||
	    (class.device && class.device >= bucket->n_files))
		return -EINVAL;
	if (class.device)
		class.device = map->files[class.device];
	*ret = io_class_pack(&class);
	return 0;
}

/* The bucket's rows with the partition's ids, sorted, equal ones added up. */
static int sort_rows(const struct profile_bucket *bucket, const struct intern_map *map,
		     struct typed_row **ret, size_t *ret_n)
{
	_cleanup_free_ struct typed_row *rows = NULL;
	size_t n = 0;

	rows = calloc((size_t)bucket->n_rows + 1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (uint32_t i = 0; i < bucket->n_rows; i++) {
		const struct profile_row *row = &bucket->rows[i];
		uint32_t bin;

		if (row->type == SAMPLE_NONE || row->type >= SAMPLE_TYPE_MAX || !row->series ||
		    row->series >= bucket->n_series || !row->stack ||
		    row->stack >= bucket->n_stacks || map_bin(bucket, map, row, &bin) < 0)
			return -EINVAL;
		rows[i] = (struct typed_row){
			row->type,
			{map->series[row->series], map->nodes[row->stack], bin, row->count,
			 row->value},
		};
	}
	qsort(rows, bucket->n_rows, sizeof(*rows), by_type_series_node_bin);
	for (uint32_t i = 0; i < bucket->n_rows; i++) {
		if (n && by_type_series_node_bin(&rows[n - 1], &rows[i]) == 0) {
			struct blob_row *sum = &rows[n - 1].row;

			if (__builtin_add_overflow(sum->count, rows[i].row.count, &sum->count) ||
			    __builtin_add_overflow(sum->value, rows[i].row.value, &sum->value))
				return -EINVAL;
		} else {
			rows[n++] = rows[i];
		}
	}
	*ret = take_ptr(rows);
	*ret_n = n;
	return 0;
}

/* One sample type: `n` sorted rows. */
static int write_profile(struct store_writer *writer, uint64_t seq, const struct typed_row *rows,
			 size_t n, uint64_t period_ns, struct store_error *error)
{
	_cleanup_free_ struct blob_row *packed = calloc(n, sizeof(*packed));
	uint64_t count = 0, value = 0;
	int r;

	if (!packed)
		return store_fail(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		packed[i] = rows[i].row;
		if (__builtin_add_overflow(count, packed[i].count, &count) ||
		    __builtin_add_overflow(value, packed[i].value, &value) || !live_fits(count) ||
		    !live_fits(value))
			return store_fail(error, -EINVAL,
					  "the rows of a bucket add up to too much");
	}
	byte_buf_clear(&writer->chunk);
	r = blob_encode(packed, n, rows->type == SAMPLE_CPU ? period_ns : 0, &writer->chunk);
	if (r == 0)
		r = live_bind_packed(writer, LIVE_PROFILE, 5);
	if (r < 0)
		return store_fail(error, r, "out of memory");
	live_bind(writer->live, LIVE_PROFILE, 1,
		  (uint64_t[]){seq << 8 | rows->type, n, count, value}, 4);
	return live_run(writer->live, LIVE_PROFILE, error);
}

static int write_profiles(struct store_writer *writer, uint64_t seq,
			  const struct profile_bucket *bucket, const struct intern_map *map,
			  struct store_error *error)
{
	_cleanup_free_ struct typed_row *rows = NULL;
	size_t n = 0;
	int r = sort_rows(bucket, map, &rows, &n);

	if (r < 0)
		return store_fail(error, r,
				  "a row of the bucket has no series or stack, or is out "
				  "of range");
	for (size_t i = 0, next; r == 0 && i < n; i = next) {
		for (next = i; next < n && rows[next].type == rows[i].type;)
			next++;
		r = write_profile(writer, seq, rows + i, next - i, bucket->period_ns, error);
	}
	return r;
}

static int write_losses(struct live *live, uint64_t seq, const struct profile_bucket *bucket,
			struct store_error *error)
{
	sqlite3_stmt *insert = live->statements[LIVE_LOSS];
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < bucket->n_losses; i++) {
		const struct profile_loss *loss = &bucket->losses[i];

		if (!live_fits(loss->count) || !live_fits(loss->weight_ns))
			return store_fail(error, -EINVAL, "loss %s is out of range", loss->name);
		if (!loss->count && !loss->weight_ns)
			continue;
		live_bind(live, LIVE_LOSS, 1, &seq, 1);
		(void)sqlite3_bind_text(insert, 2, loss->name, -1, SQLITE_STATIC);
		live_bind(live, LIVE_LOSS, 3, (uint64_t[]){loss->count, loss->weight_ns}, 2);
		r = live_run(live, LIVE_LOSS, error);
	}
	return r;
}

static int write_all(struct store_writer *writer, const struct profile_bucket *bucket,
		     const struct intern_map *map, struct store_error *error)
{
	struct live *live = writer->live;
	uint64_t seq = live->n_buckets + 1;
	int r = write_files(live, error);

	if (r == 0)
		r = write_chunks(writer, error);
	if (r < 0)
		return r;
	live_bind(live, LIVE_BUCKET, 1,
		  (uint64_t[]){seq, bucket->start_real_ns, bucket->duration_ns, bucket->covered_ns,
			       bucket->start_boot_ns, bucket->n_cpus, bucket->period_ns},
		  7);
	r = live_run(live, LIVE_BUCKET, error);
	if (r == 0)
		r = write_profiles(writer, seq, bucket, map, error);
	if (r == 0)
		r = live_write_ledger(writer, seq, bucket, map, error);
	if (r == 0)
		r = live_write_io(writer, seq, bucket, map, error);
	if (r == 0)
		r = live_write_held(live, seq, bucket, map, error);
	if (r == 0)
		r = write_losses(live, seq, bucket, error);
	return r;
}

static int write_transaction(struct store_writer *writer, const struct profile_bucket *bucket,
			     const struct intern_map *map, struct store_error *error)
{
	struct live *live = writer->live;
	int r = live_run(live, LIVE_BEGIN, error);

	if (r == 0)
		r = write_all(writer, bucket, map, error);
	if (r == 0)
		r = live_run(live, LIVE_COMMIT, error);
	/* SQLite rolls some failures back by itself. */
	if (r < 0 && !sqlite3_get_autocommit(live->db))
		(void)live_run(live, LIVE_ROLLBACK, NULL);
	return r;
}

static bool head_fits(const struct profile_bucket *bucket)
{
	uint64_t until;

	return !__builtin_add_overflow(bucket->start_real_ns, bucket->duration_ns, &until) &&
	       live_fits(until) && bucket->duration_ns <= BUCKET_WIDTH_MAX_NS &&
	       live_fits(bucket->covered_ns) && live_fits(bucket->start_boot_ns) &&
	       live_fits(bucket->period_ns);
}

int store_write_bucket(struct store_writer *writer, const struct profile_bucket *bucket,
		       struct store_error *error)
{
	struct intern_map map = {};
	struct live *live;
	int r;

	if (error)
		error->text[0] = '\0';
	if (!head_fits(bucket))
		return store_fail(error, -EINVAL, "a time of the bucket is out of range");
	r = live_rotate(writer, bucket->start_real_ns, error);
	if (r < 0)
		return r;
	live = writer->live;
	r = intern_bucket(&live->intern, bucket, &map);
	if (r < 0)
		store_fail(error, r,
			   r == -EINVAL ? "an entry of the bucket is out of range"
					: "out of memory");
	else
		r = write_transaction(writer, bucket, &map, error);
	intern_map_done(&map);
	if (r < 0) {
		intern_rollback(&live->intern);
		held_set_rollback(&live->held);
		/* The caller gives the bucket again; by then there is room. */
		if (r == -ENOSPC)
			(void)store_make_room(writer);
		return r;
	}
	intern_commit(&live->intern);
	held_set_commit(&live->held);
	live->n_buckets++;
	/* The bucket is safe; what cannot be removed now is tried again after the next one. */
	(void)store_prune(writer, NULL);
	return 0;
}
