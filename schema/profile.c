// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * profile.c - the texts of the vocabulary of profile.h, one table each.
 */
#include "profile.h"

#include <string.h>

#include "cleanup.h"

static const struct {
	const char *name, *unit;
} sample_types[] = {
	[SAMPLE_NONE] = {"", ""},
	[SAMPLE_CPU] = {"cpu", "nanoseconds"},
	[SAMPLE_OFFCPU] = {"offcpu", "nanoseconds"},
	[SAMPLE_RUNQ] = {"runq", "nanoseconds"},
	[SAMPLE_BLOCKIO] = {"blockio", "nanoseconds"},
	[SAMPLE_BLOCKIO_BYTES] = {"blockio_bytes", "bytes"},
	[SAMPLE_WAKER] = {"waker", "nanoseconds"},
};
_Static_assert(ARRAY_SIZE(sample_types) == SAMPLE_TYPE_MAX, "a sample type without a name");

static const char *const io_ops[] = {
	[IO_OP_NONE] = "",	 [IO_OP_READ] = "read",	      [IO_OP_WRITE] = "write",
	[IO_OP_FLUSH] = "flush", [IO_OP_DISCARD] = "discard", [IO_OP_WRITE_ZEROES] = "write zeroes",
	[IO_OP_OTHER] = "other",
};
_Static_assert(ARRAY_SIZE(io_ops) == IO_OP_MAX, "an operation without a name");

static const char *const unknown_reasons[] = {
	[UNKNOWN_NONE] = "",
	[UNKNOWN_PENDING] = "names not read yet",
	[UNKNOWN_NO_SYMBOL] = "no symbol",
	[UNKNOWN_FILE_GONE] = "file gone",
	[UNKNOWN_FILE_DENIED] = "file not readable",
	[UNKNOWN_FILE_BROKEN] = "broken file",
	[UNKNOWN_FILE_SKIPPED] = "file skipped",
	[UNKNOWN_PROCESS_GONE] = "process gone",
	[UNKNOWN_NO_MAPPING] = "no mapping",
	[UNKNOWN_ANONYMOUS] = "anonymous memory",
	[UNKNOWN_NO_KALLSYMS] = "kernel addresses hidden",
};
_Static_assert(ARRAY_SIZE(unknown_reasons) == UNKNOWN_REASON_MAX, "a reason without a text");

static const struct {
	const char *name;
	bool truncation;
} synthetics[] = {
	[SYNTHETIC_NONE] = {"", false},
	[SYNTHETIC_TRUNCATED_LIMIT] = {"[truncated: frame limit]", true},
	[SYNTHETIC_TRUNCATED_FAULT] = {"[truncated: stack not readable]", true},
	[SYNTHETIC_TRUNCATED_ROOT] = {"[truncated: no frame pointers]", true},
	[SYNTHETIC_PRUNED] = {"[pruned]", false},
	[SYNTHETIC_TRUNCATED_NO_ROW] = {"[truncated: no unwind information]", true},
	[SYNTHETIC_TRUNCATED_NO_MAPPING] = {"[truncated: unknown code]", true},
	[SYNTHETIC_TRUNCATED_UNSUPPORTED] = {"[truncated: unsupported unwind rule]", true},
	[SYNTHETIC_NOT_SAMPLED] = {"[stack not sampled]", false},
	[SYNTHETIC_INTERRUPT] = {"[interrupt]", false},
};
_Static_assert(ARRAY_SIZE(synthetics) == SYNTHETIC_MAX, "a synthetic location without a name");

bool profile_loss_is_missing(const char *name)
{
	return strcmp(name, PROFILE_LOSS_WRITEBACK) != 0;
}

const char *sample_type_name(enum sample_type type)
{
	return (unsigned)type < SAMPLE_TYPE_MAX ? sample_types[type].name : "";
}

const char *sample_type_unit(enum sample_type type)
{
	return (unsigned)type < SAMPLE_TYPE_MAX ? sample_types[type].unit : "";
}

const char *io_op_name(enum io_op op)
{
	return (unsigned)op < IO_OP_MAX ? io_ops[op] : "";
}

const char *unknown_reason_text(enum unknown_reason reason)
{
	return (unsigned)reason < UNKNOWN_REASON_MAX ? unknown_reasons[reason] : "";
}

const char *synthetic_name(enum synthetic synthetic)
{
	return (unsigned)synthetic < SYNTHETIC_MAX ? synthetics[synthetic].name : "";
}

bool synthetic_is_truncation(enum synthetic synthetic)
{
	return (unsigned)synthetic < SYNTHETIC_MAX && synthetics[synthetic].truncation;
}
