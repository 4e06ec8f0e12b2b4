// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * losses.c - see losses.h.
 */
#include "losses.h"

#include "cleanup.h"

static const char *const names[] = {
	[LOSS_RINGBUF_FULL] = "ringbuf_full",
	[LOSS_NO_SCRATCH] = "no_scratch",
	[LOSS_MALFORMED] = "malformed_record",
	[LOSS_NO_ROOM] = "no_room",
	[LOSS_BUCKET_DROPPED] = "bucket_dropped",
	[LOSS_PROCESS_GONE] = "process_gone",
	[LOSS_MAPPING_DROPPED] = "mapping_dropped",
	[LOSS_FILE_BROKEN] = "file_broken",
	[LOSS_FILE_SKIPPED] = "file_skipped",
	[LOSS_FILE_REFUSED] = "file_refused",
	[LOSS_NAME_DROPPED] = "name_dropped",
	[LOSS_NAME_LATE] = "name_late",
	[LOSS_NAME_PENDING] = "name_pending",
	[LOSS_KERNEL_UNKNOWN] = "kernel_unknown",
	[LOSS_WRITE_FAILED] = "write_failed",
	[LOSS_LOOP_STALL] = "loop_stall",
	[LOSS_CLOCK_STEP] = "clock_step",
	[LOSS_SIDEBAND] = "sideband_lost",
	[LOSS_SIDEBAND_EARLY] = "sideband_early",
	[LOSS_CGROUP_UNKNOWN] = "cgroup_unknown",
	[LOSS_CGROUP_EVICTED] = "cgroup_evicted",
	[LOSS_FILTERED] = "filtered",
	[LOSS_SIDEBAND_CPU] = "sideband_cpu_missed",
	[LOSS_PROCESS_FULL] = "process_refused",
	[LOSS_PROCESS_HEALED] = "process_healed",
	[LOSS_FILE_HUNG] = "file_hung",
	[LOSS_UNWIND_EVICTED] = "unwind_evicted",
	[LOSS_UNWIND_REFUSED] = "unwind_refused",
	[LOSS_UNWIND_LOST] = "unwind_words_lost",
	[LOSS_UNWIND_FAILED] = "unwind_broken",
	[LOSS_UNWIND_UNREAD] = "unwind_unread",
	[LOSS_UNWIND_CACHE] = "unwind_cache_failed",
	[LOSS_CPU_MISSED] = "cpu_missed",
	[LOSS_RESOLVER] = "resolver_restarted",
	[LOSS_WAIT] = "wait_lost",
	[LOSS_WAIT_BEGIN] = "wait_begin_lost",
	[LOSS_WAITS_FULL] = "waits_full",
	[LOSS_WAIT_UNSENT] = "wait_unsent",
	[LOSS_WAKER] = "waker_lost",
	[LOSS_LEDGER] = "ledger_failed",
	[LOSS_LEDGER_ROW] = "ledger_row_lost",
	[LOSS_LEDGER_FOLDED] = "ledger_folded",
	[LOSS_STACK_LATE] = "stack_late",
	[LOSS_STACK_ABANDONED] = "stack_abandoned",
	[LOSS_SWITCH_NO_STORAGE] = "switch_no_storage",
	[LOSS_IO_SLOT] = "io_slot_missed",
	[LOSS_IO_SUMS] = "io_sums_full",
	[LOSS_IO_BEGIN] = "io_begin_missed",
	[LOSS_IO_MISSED] = "io_missed",
	[LOSS_IO_ROW] = "io_row_lost",
	[LOSS_WRITEBACK] = PROFILE_LOSS_WRITEBACK,
};
_Static_assert(ARRAY_SIZE(names) == LOSS_MAX, "a loss without a name");

uint32_t losses_since(const struct losses *before, const struct losses *now,
		      struct profile_loss ret[static LOSS_MAX])
{
	uint32_t n = 0;

	for (int i = 0; i < LOSS_MAX; i++)
		if (now->count[i] != before->count[i])
			ret[n++] = (struct profile_loss){.name = names[i],
							 .count = now->count[i] - before->count[i],
							 .weight_ns = now->weight_ns[i] -
								      before->weight_ns[i]};
	return n;
}
