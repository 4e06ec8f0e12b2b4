// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ledger.c - see ledger.h.
 */
#include "record/ledger.h"

__extension__ typedef unsigned __int128 wide;

static uint64_t user_part(const struct wire_ledger *record, bool has_memory)
{
	wide ticked_ns = (wide)record->utime_ns + record->stime_ns;

	if (!ticked_ns)
		return has_memory ? record->oncpu_ns : 0;
	return (uint64_t)((wide)record->oncpu_ns * record->utime_ns / ticked_ns);
}

static uint32_t flags_of(const struct wire_ledger *record)
{
	return (record->flags & WIRE_LEDGER_STARTED ? PROFILE_LEDGER_STARTED : 0) |
	       (record->flags & WIRE_LEDGER_ENDED ? PROFILE_LEDGER_ENDED : 0) |
	       (record->flags & WIRE_LEDGER_GATE ? PROFILE_LEDGER_GATE : 0);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void ledger_row(const struct wire_ledger *record, uint32_t series, bool has_memory,
		struct profile_ledger *ret)
{
	uint64_t user_ns = user_part(record, has_memory);

	*ret = (struct profile_ledger){.series = series,
				       .flags = flags_of(record),
				       .elapsed_ns = record->elapsed_ns,
				       .oncpu_ns = record->oncpu_ns,
				       .user_ns = user_ns,
				       .system_ns = record->oncpu_ns - user_ns,
				       .runq_ns = record->runq_ns,
				       .blocked_ns = record->blocked_ns,
				       .idle_ns = least(record->idle_ns, record->blocked_ns),
				       .max_blocked_ns = record->max_blocked_ns,
				       .max_runq_ns = record->max_runq_ns,
				       .voluntary_switches = record->voluntary_switches,
				       .involuntary_switches = record->involuntary_switches,
				       .minor_faults = record->minor_faults,
				       .major_faults = record->major_faults,
				       .read_bytes = record->read_bytes,
				       .write_bytes = record->write_bytes,
				       .rss_bytes = record->rss_bytes,
				       .peak_rss_bytes = record->peak_rss_bytes};
}

void ledger_add(struct profile_ledger *row, const struct profile_ledger *more)
{
	row->flags |= more->flags;
	row->elapsed_ns += more->elapsed_ns;
	row->oncpu_ns += more->oncpu_ns;
	row->user_ns += more->user_ns;
	row->system_ns += more->system_ns;
	row->runq_ns += more->runq_ns;
	row->blocked_ns += more->blocked_ns;
	row->idle_ns += more->idle_ns;
	row->max_blocked_ns = most(row->max_blocked_ns, more->max_blocked_ns);
	row->max_runq_ns = most(row->max_runq_ns, more->max_runq_ns);
	row->voluntary_switches += more->voluntary_switches;
	row->involuntary_switches += more->involuntary_switches;
	row->minor_faults += more->minor_faults;
	row->major_faults += more->major_faults;
	row->read_bytes += more->read_bytes;
	row->write_bytes += more->write_bytes;
	if (more->rss_bytes) /* a thread that ended has no memory any more */
		row->rss_bytes = more->rss_bytes;
	row->peak_rss_bytes = most(row->peak_rss_bytes, more->peak_rss_bytes);
}
