// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ledger_column.c - see ledger_column.h.
 */
#include "ledger_column.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "units.h"

/* JSON readers end there as well. */
static int64_t clamp(uint64_t value)
{
	return value < INT64_MAX ? (int64_t)value : INT64_MAX;
}

#define VALUE(name, expression)                                                                    \
	static int64_t name##_of(const struct ledger_totals_row *row)                              \
	{                                                                                          \
		return expression;                                                                 \
	}

VALUE(oncpu, clamp(row->sum.oncpu_ns))
VALUE(user, clamp(row->sum.user_ns))
VALUE(system, clamp(row->sum.system_ns))
VALUE(runq, clamp(row->sum.runq_ns))
VALUE(blocked, clamp(row->sum.blocked_ns))
VALUE(other, row->other_ns)
VALUE(elapsed, clamp(row->sum.elapsed_ns))
VALUE(voluntary, clamp(row->sum.voluntary_switches))
VALUE(involuntary, clamp(row->sum.involuntary_switches))
VALUE(threads, clamp(row->n_threads))
VALUE(rss, clamp(row->sum.rss_bytes))
VALUE(peak, clamp(row->sum.peak_rss_bytes))
VALUE(minor, clamp(row->sum.minor_faults))
VALUE(major, clamp(row->sum.major_faults))
VALUE(read, clamp(row->sum.read_bytes))
VALUE(write, clamp(row->sum.write_bytes))
VALUE(gate, clamp(row->gate_ns))
VALUE(idle, clamp(row->sum.idle_ns))

static int64_t sum_of(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : clamp(sum);
}

VALUE(switches, sum_of(row->sum.voluntary_switches, row->sum.involuntary_switches))
VALUE(faults, sum_of(row->sum.minor_faults, row->sum.major_faults))

static const struct column {
	const char *key, *title;
	const char *sort; /* NULL: by another column of the same */
	enum { NANOSECONDS, NUMBER, BYTES } unit;
	ledger_totals_key value;
} columns[LEDGER_N_COLUMNS] = {
	[LEDGER_ONCPU] = {"oncpu_ns", "CPU", "oncpu", NANOSECONDS, oncpu_of},
	[LEDGER_USER] = {"user_ns", "USER", "user", NANOSECONDS, user_of},
	[LEDGER_SYSTEM] = {"system_ns", "SYSTEM", "system", NANOSECONDS, system_of},
	[LEDGER_RUNQ] = {"runq_ns", "RUNQ", "runq", NANOSECONDS, runq_of},
	[LEDGER_BLOCKED] = {"blocked_ns", "BLOCKED", "blocked", NANOSECONDS, blocked_of},
	[LEDGER_OTHER] = {"other_ns", "OTHER", "other", NANOSECONDS, other_of},
	[LEDGER_ELAPSED] = {"elapsed_ns", "ELAPSED", "elapsed", NANOSECONDS, elapsed_of},
	[LEDGER_VOLUNTARY] = {"voluntary_switches", "VOLUNTARY", NULL, NUMBER, voluntary_of},
	[LEDGER_INVOLUNTARY] = {"involuntary_switches", "INVOLUNTARY", NULL, NUMBER,
				involuntary_of},
	[LEDGER_THREADS] = {"threads", "THREADS", "threads", NUMBER, threads_of},
	[LEDGER_RSS] = {"rss_bytes", "RSS", "rss", BYTES, rss_of},
	[LEDGER_PEAK] = {"peak_rss_bytes", "PEAK", "peak", BYTES, peak_of},
	[LEDGER_MINOR] = {"minor_faults", "MINOR", NULL, NUMBER, minor_of},
	[LEDGER_MAJOR] = {"major_faults", "MAJOR", NULL, NUMBER, major_of},
	[LEDGER_READ] = {"read_bytes", "READ", "read", BYTES, read_of},
	[LEDGER_WRITE] = {"write_bytes", "WRITE", "write", BYTES, write_of},
	[LEDGER_GATE] = {"gate_ns", "GATE", NULL, NANOSECONDS, gate_of},
	[LEDGER_IDLE] = {"idle_ns", "IDLE", NULL, NANOSECONDS, idle_of},
	[LEDGER_SWITCHES] = {NULL, "SWITCHES", "switches", NUMBER, switches_of},
	[LEDGER_FAULTS] = {NULL, "FAULTS", "faults", NUMBER, faults_of},
};

const char ledger_column_sorts[] =
	"oncpu, user, system, runq, blocked, other, switches, rss, peak, faults, read, write, "
	"threads or elapsed";

const char *ledger_column_key(enum ledger_column column)
{
	return columns[column].key;
}

const char *ledger_column_title(enum ledger_column column)
{
	return columns[column].title;
}

int ledger_column_parse_sort(const char *text, enum ledger_column *ret)
{
	for (unsigned int i = 0; i < LEDGER_N_COLUMNS; i++) {
		if (columns[i].sort && strcmp(text, columns[i].sort) == 0) {
			*ret = (enum ledger_column)i;
			return 0;
		}
	}
	return -EINVAL;
}

ledger_totals_key ledger_column_value(enum ledger_column column)
{
	return columns[column].value;
}

bool ledger_column_is_known(enum ledger_column column, const struct ledger_totals_row *row)
{
	/* What has memory has some: 0 is that nobody looked. */
	if (column == LEDGER_RSS)
		return row->has_memory && row->sum.rss_bytes > 0;
	return column != LEDGER_PEAK || (row->has_memory && row->sum.peak_rss_bytes > 0);
}

void ledger_column_text(enum ledger_column column, const struct ledger_totals_row *row,
			char buf[LEDGER_COLUMN_TEXT_MAX])
{
	int64_t value = columns[column].value(row);
	bool below = value < 0;
	uint64_t size = below ? -(uint64_t)value : (uint64_t)value;
	char *digits = buf + below;
	size_t room = LEDGER_COLUMN_TEXT_MAX - below;

	buf[0] = '-'; /* also what stands for an unknown figure */
	buf[1] = '\0';
	if (!ledger_column_is_known(column, row))
		return;
	switch (columns[column].unit) {
	case NANOSECONDS:
		units_format_seconds(size, digits, room);
		break;
	case BYTES:
		units_format_bytes(size, digits, room);
		break;
	default:
		(void)snprintf(digits, room, "%" PRIu64, size);
	}
}

void ledger_column_digits(enum ledger_column column, const struct ledger_totals_row *row,
			  char buf[LEDGER_COLUMN_TEXT_MAX])
{
	buf[0] = '\0';
	if (ledger_column_is_known(column, row))
		(void)snprintf(buf, LEDGER_COLUMN_TEXT_MAX, "%" PRId64, columns[column].value(row));
}

json_t *ledger_column_json(enum ledger_column column, const struct ledger_totals_row *row)
{
	if (!ledger_column_is_known(column, row))
		return json_null();
	return json_integer(columns[column].value(row));
}
