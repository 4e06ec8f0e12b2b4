-- SPDX-License-Identifier: GPL-2.0-or-later
-- schema.sql - one partition of the store: a database with its own dictionary, complete in itself.
-- Comments inside the statements stay in the file: `sqlite3 FILE .schema` explains it.
-- Varints are LEB128; ids count from 1 and 0 is none; every *_ns column is nanoseconds.

PRAGMA application_id = 0x50524644;	-- "PRFD"

CREATE TABLE meta (			-- facts about this partition
	k TEXT PRIMARY KEY,		-- created_ns (since the epoch), bucket_ns, boot_id, host, version
	v ANY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE file (			-- what locations lie in
	id INTEGER PRIMARY KEY,		-- dense from 1
	kind INTEGER NOT NULL,		-- enum file_kind
	is_build_id INTEGER NOT NULL,	-- 1: identity is a build ID, 0: a hash of the content
	identity BLOB NOT NULL,		-- at most 32 bytes
	trust_uid INTEGER NOT NULL,	-- owner, or 4294967295 when only root may write it
	path TEXT NOT NULL		-- as the mapping names it
) STRICT;

CREATE TABLE dictionary (		-- chunks, to be read in the order of id
	id INTEGER PRIMARY KEY,
	kind INTEGER NOT NULL,		-- enum chunk_kind (codec_dictionary.h)
	first INTEGER NOT NULL,		-- id of the first entry; 0 for names, which carry ids
	n INTEGER NOT NULL,		-- entries
	enc INTEGER NOT NULL,		-- 0 raw, 1 a zstd frame
	data BLOB NOT NULL
) STRICT;

CREATE TABLE bucket (			-- a slice of wall time; also written when it is empty
	seq INTEGER PRIMARY KEY,	-- in the order written; starts repeat when the clock steps back
	start_ns INTEGER NOT NULL,	-- since the epoch
	duration_ns INTEGER NOT NULL,	-- nominal width
	covered_ns INTEGER NOT NULL,	-- how much of it was sampled
	boot_ns INTEGER NOT NULL,	-- start_ns on CLOCK_BOOTTIME
	n_cpus INTEGER NOT NULL,	-- CPUs sampled
	period_ns INTEGER NOT NULL	-- of a CPU sample when the bucket closed
) STRICT;
CREATE INDEX bucket_start ON bucket (start_ns);

CREATE TABLE profile (			-- the rows of one sample type in one bucket, packed
	id INTEGER PRIMARY KEY,		-- bucket.seq * 256 + enum sample_type
	n_rows INTEGER NOT NULL,
	count INTEGER NOT NULL,		-- sum over the rows, in 1/1024
	value INTEGER NOT NULL,		-- sum over the rows, nanoseconds or bytes
	enc INTEGER NOT NULL,		-- 0 raw, 1 a zstd frame
	data BLOB NOT NULL		-- see codec_blob.h
) STRICT;

CREATE TABLE held (			-- waits that lasted over whole buckets: count 0, value their covered_ns
	first INTEGER NOT NULL,		-- bucket.seq of the first
	series INTEGER NOT NULL,
	node INTEGER NOT NULL,
	type INTEGER NOT NULL,		-- enum sample_type
	class INTEGER NOT NULL,		-- as a row's bin, see wait_class.h
	last INTEGER,			-- bucket.seq of the last; NULL: up to the newest, and it goes on
	PRIMARY KEY (first, series, node, type, class)
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger (			-- what each thread did about a bucket, packed
	bucket INTEGER PRIMARY KEY,	-- bucket.seq
	n_rows INTEGER NOT NULL,
	elapsed_ns INTEGER NOT NULL,	-- sum over the rows
	oncpu_ns INTEGER NOT NULL,	-- sum over the rows
	enc INTEGER NOT NULL,		-- 0 raw, 1 a zstd frame
	data BLOB NOT NULL		-- see codec_ledger.h
) STRICT;

CREATE TABLE io (			-- what block devices did in a bucket, all of it, packed
	bucket INTEGER PRIMARY KEY,	-- bucket.seq
	n_rows INTEGER NOT NULL,
	ios INTEGER NOT NULL,		-- sum over the rows
	bytes INTEGER NOT NULL,		-- sum over the rows
	enc INTEGER NOT NULL,		-- 0 raw, 1 a zstd frame
	data BLOB NOT NULL		-- see codec_io.h
) STRICT;

CREATE TABLE loss (			-- what a bucket did not keep
	bucket INTEGER NOT NULL,	-- bucket.seq
	name TEXT NOT NULL,		-- a word, e.g. ringbuf_full
	count INTEGER NOT NULL,
	weight_ns INTEGER NOT NULL,	-- the time it stood for, 0 = unknown
	PRIMARY KEY (bucket, name)
) STRICT, WITHOUT ROWID;
