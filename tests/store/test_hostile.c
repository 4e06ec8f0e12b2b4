// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_hostile.c - partitions that no profd wrote: each is a good one of two buckets with something
 * done to it by SQL. Readers refuse it by name or give a right answer, and never hang or crash.
 */
#include <errno.h>
#include <sqlite3.h>
#include <string.h>

#include "made_bucket.h"
#include "pack.h"

struct fixture {
	char *dir;
	struct made_bucket made;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct store_writer *writer;

	assert_non_null(f);
	*state = f;
	f->dir = made_directory();
	writer = made_writer(f->dir, NULL);
	for (unsigned i = 0; i < 2; i++) {
		made_fill(&f->made, MADE_START_S + 10 * i, i, 10);
		made_loss(&f->made, "lost", 1, 1);
		made_held(&f->made, SAMPLE_OFFCPU, 1, 1);
		made_held(&f->made, SAMPLE_OFFCPU, 1, 2 + i);
		made_ledger(&f->made, (struct profile_ledger){.series = 1,
							      .elapsed_ns = 100 + i,
							      .user_ns = 10,
							      .oncpu_ns = 10});
		made_write(writer, &f->made);
	}
	store_writer_free(writer);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	made_directory_remove(f->dir);
	free(f);
	return 0;
}

static sqlite3 *open_partition(const char *dir)
{
	_cleanup_free_ char *path = made_partition(dir);
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	return db;
}

static void change(const char *dir, const char *sql)
{
	sqlite3 *db = open_partition(dir);

	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}

/* Asks everything there is to ask; the first failure with its text. */
static int ask(const char *dir, struct store_error *error)
{
	static const struct store_visitor nothing = {};
	static const struct store_ledger_visitor no_ledger = {};
	static const struct store_io_visitor no_io = {};
	const struct store_filter filter = {.until_real_ns = UINT64_MAX, .type = SAMPLE_CPU};
	const struct store_filter offcpu = {.until_real_ns = UINT64_MAX, .type = SAMPLE_OFFCPU};
	_cleanup_(store_summary_done) struct store_summary summary = {};
	_cleanup_(store_summary_done) struct store_summary held = {};
	_cleanup_(store_summary_done) struct store_summary ledger = {};
	_cleanup_(store_summary_done) struct store_summary io = {};
	_cleanup_free_ struct store_life *lives = NULL;
	_cleanup_(store_freep) struct store *store = NULL;
	struct store_span span;
	int r = store_open(dir, &store, error);

	if (r == 0)
		r = store_read(store, &filter, &nothing, NULL, &summary, error);
	if (r == 0)
		r = store_read(store, &offcpu, &nothing, NULL, &held, error);
	if (r == 0)
		r = store_read_ledger(store, &filter, &no_ledger, NULL, &ledger, error);
	if (r == 0)
		r = store_read_io(store, &filter, &no_io, NULL, &io, error);
	if (r == 0)
		r = store_span(store, &span, error);
	if (r == 0)
		r = store_pid_lives(store, 100, 0, UINT64_MAX, &lives, error);
	return r < 0 ? r : 0;
}

static void assert_damaged(void **state, const char *sql)
{
	struct fixture *f = *state;
	struct store_error error = {};
	int r;

	change(f->dir, sql);
	r = ask(f->dir, &error);
	if (r != -EBADMSG || !strstr(error.text, "t0-1700000000-live-1.db"))
		fail_msg("%s: %d %s", sql, r, error.text);
	(void)teardown(state);
	(void)setup(state);
}

/* A schema that runs for ever when it is asked. */
static void test_views(void **state)
{
	assert_damaged(state, "DROP TABLE loss; CREATE VIEW loss AS WITH RECURSIVE n(x) AS "
			      "(SELECT 1 UNION ALL SELECT x + 1 FROM n) "
			      "SELECT 1 AS bucket, 'a' AS name, x AS count, 1 AS weight_ns FROM n");
	assert_damaged(state, "ALTER TABLE bucket RENAME TO b; CREATE VIEW bucket AS "
			      "SELECT * FROM b");
}

/* What a head says must be possible, and agree with the rows. */
static void test_heads(void **state)
{
	static const char *const changes[] = {
		"UPDATE bucket SET start_ns = -1",
		"UPDATE bucket SET duration_ns = -10 WHERE seq = 2",
		"UPDATE bucket SET duration_ns = 9000000000000000000",
		"UPDATE bucket SET start_ns = 9223372036854775807",
		"UPDATE bucket SET covered_ns = -1",
		"UPDATE bucket SET covered_ns = 9000000000000000000",
		"UPDATE bucket SET period_ns = -1",
		"UPDATE bucket SET n_cpus = 4294967296",
		"UPDATE profile SET count = -1",
		"UPDATE profile SET value = 9000000000000000000",
		"UPDATE profile SET n_rows = n_rows + 1",
		"UPDATE loss SET count = -1",
		"UPDATE loss SET weight_ns = 9000000000000000000",
		/* The blob of the other bucket. */
		"UPDATE profile SET (enc, data) = (SELECT enc, data FROM profile WHERE id = 257)",
		"UPDATE profile SET enc = 2",
		"UPDATE profile SET data = zeroblob(10)",
		"DROP TABLE profile",
		"DROP TABLE meta",
	};

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		assert_damaged(state, changes[i]);
}

static void test_ledgers(void **state)
{
	static const char *const changes[] = {
		"UPDATE ledger SET n_rows = n_rows + 1",
		"UPDATE ledger SET n_rows = -1",
		"UPDATE ledger SET elapsed_ns = elapsed_ns - 1 WHERE bucket = 2",
		"UPDATE ledger SET oncpu_ns = oncpu_ns + 1",
		"UPDATE ledger SET oncpu_ns = -10",
		"UPDATE ledger SET (enc, data) = (SELECT enc, data FROM ledger WHERE bucket = 1)",
		"UPDATE ledger SET enc = 2",
		"UPDATE ledger SET data = zeroblob(3)",
		"UPDATE ledger SET data = zeroblob(0)",
		"DROP TABLE ledger",
		"ALTER TABLE ledger RENAME TO l; CREATE VIEW ledger AS SELECT * FROM l",
	};

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		assert_damaged(state, changes[i]);
}

static void test_held_waits(void **state)
{
	static const char *const changes[] = {
		"UPDATE held SET series = 0",
		"UPDATE held SET series = -1",
		"UPDATE held SET series = 3",
		"UPDATE held SET series = 4294967297",
		"UPDATE held SET node = node + 1000000",
		"UPDATE held SET node = node + 4294967296",
		"UPDATE held SET class = 4294967296",
		"UPDATE held SET class = -1",
		"UPDATE held SET first = 0",
		"UPDATE held SET first = -1",
		"UPDATE held SET first = 2, last = 1",
		"UPDATE held SET last = 9223372036854775807, series = 3",
		/* Two runs of a width that is possible, and too much together. */
		"UPDATE bucket SET covered_ns = 5000000000000000000 WHERE seq = 1",
		"DROP TABLE held",
		"ALTER TABLE held RENAME TO h; CREATE VIEW held AS SELECT * FROM h",
	};

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		assert_damaged(state, changes[i]);
}

/* What is possible is answered: a run that ends at no bucket, and one that begins after the last.
 */
static void test_runs_of_no_bucket(void **state)
{
	struct fixture *f = *state;
	struct store_error error = {};

	change(f->dir, "UPDATE held SET last = 9223372036854775807");
	assert_int_equal(ask(f->dir, &error), 0);
	change(f->dir, "UPDATE held SET first = 9223372036854775807 WHERE first = 2");
	assert_int_equal(ask(f->dir, &error), 0);
}

static void test_dictionaries(void **state)
{
	static const char *const changes[] = {
		"UPDATE file SET kind = 8",
		"UPDATE file SET kind = -1",
		"UPDATE file SET id = id + 1",
		"UPDATE file SET identity = zeroblob(1000000)",
		"UPDATE dictionary SET first = first + 1",
		"UPDATE dictionary SET n = 1000000000000",
		"UPDATE dictionary SET n = -1",
		"UPDATE dictionary SET kind = 99",
		"UPDATE dictionary SET id = -id",
		"UPDATE dictionary SET enc = 1 - enc",
		"DELETE FROM dictionary WHERE kind = 1",
	};

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		assert_damaged(state, changes[i]);
}

/* Tables without STRICT take any type in any column. */
static void test_types(void **state)
{
	static const char *const columns[][2] = {
		{"bucket", "start_ns = 'soon'"},
		{"bucket", "seq = seq, duration_ns = x'00'"},
		{"profile", "data = 'text'"},
		{"profile", "data = 5"},
		{"dictionary", "data = 'text'"},
		{"dictionary", "data = NULL"},
		{"dictionary", "n = 'many'"},
		{"file", "path = NULL"},
		{"file", "kind = 'elf', path = 1"},
		{"loss", "name = NULL, count = 'x'"},
		{"meta", "v = NULL"},
		{"ledger", "data = 'text'"},
		{"ledger", "n_rows = 'all'"},
		{"held", "series = 'all'"},
		{"held", "first = NULL, node = x'00'"},
		{"held", "last = 'never'"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		_cleanup_free_ char *sql = NULL;
		struct store_error error = {};
		const char *table = columns[i][0];
		int r;

		assert_true(asprintf(&sql,
				     "CREATE TABLE n AS SELECT * FROM %s; DROP TABLE %s;"
				     "ALTER TABLE n RENAME TO %s; UPDATE %s SET %s",
				     table, table, table, table, columns[i][1]) > 0);
		change(f->dir, sql);
		r = ask(f->dir, &error);
		if (r != 0 && r != -EBADMSG)
			fail_msg("%s: %d %s", sql, r, error.text);
		(void)teardown(state);
		(void)setup(state);
		f = *state;
	}
}

/* Ten chunks of 60 MB that take some kilobytes: refused before they take memory. */
static void test_a_dictionary_of_gigabytes(void **state)
{
	enum { STRING = 4096, LEN = 60 << 20 };
	struct fixture *f = *state;
	sqlite3 *db = open_partition(f->dir);
	_cleanup_free_ char *text = malloc(LEN);
	sqlite3_stmt *insert = NULL;
	struct packer *packer = NULL;
	struct store_error error = {};
	enum pack_enc enc;
	const void *data;
	size_t len;

	assert_non_null(text);
	memset(text, 'a', LEN);
	for (size_t i = STRING - 1; i < LEN; i += STRING)
		text[i] = '\0';
	assert_int_equal(packer_new(&packer), 0);
	assert_int_equal(packer_pack(packer, text, LEN, &enc, &data, &len), 0);
	assert_true(len < 100000);
	assert_int_equal(sqlite3_prepare_v2(db,
					    "INSERT INTO dictionary (kind, first, n, enc, data) "
					    "SELECT 1, max(first + n), ?1, 1, ?2 FROM dictionary "
					    "WHERE kind = 1",
					    -1, &insert, NULL),
			 SQLITE_OK);
	for (int i = 0; i < 10; i++) {
		sqlite3_bind_int(insert, 1, LEN / STRING);
		sqlite3_bind_blob(insert, 2, data, (int)len, SQLITE_STATIC);
		assert_int_equal(sqlite3_step(insert), SQLITE_DONE);
		sqlite3_reset(insert);
		/* Eight are within the budget. */
		if (i == 7)
			assert_int_equal(ask(f->dir, &error), 0);
	}
	sqlite3_finalize(insert);
	sqlite3_close(db);
	packer_free(packer);
	assert_int_equal(ask(f->dir, &error), -EBADMSG);
	assert_non_null(strstr(error.text, "dictionary is damaged"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_views, setup, teardown),
		cmocka_unit_test_setup_teardown(test_heads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ledgers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_held_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_runs_of_no_bucket, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dictionaries, setup, teardown),
		cmocka_unit_test_setup_teardown(test_types, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_dictionary_of_gigabytes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
