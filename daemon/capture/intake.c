// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * intake.c - see intake.h.
 */
#include "capture/intake.h"

#include "capture/merge.h"
#include "process/process_events.h"

#include <errno.h>
#include <time.h>

#define HELD_BYTES_MAX (8u << 20)
#define ITEMS_A_LOOK   16 /* at the clock */

_Static_assert(INTAKE_PUT_BYTES < HELD_BYTES_MAX / 2, "it fits into the other half");

struct intake {
	struct intake_parts parts;
	struct merge *merge;
	struct sideband *sideband;
	uint64_t deadline_mono_ns; /* of taking records out, 0 = none */
	uint64_t newest_mono_ns;
	bool discarding;
	struct intake_counters counters;
};

static uint64_t mono_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static void hold_sideband(void *ctx, const struct sideband_record *record, const void *bytes,
			  size_t size)
{
	struct intake *intake = ctx;

	/* One that finds no memory is as good as lost by the kernel. */
	if (merge_push(intake->merge, MERGE_SIDEBAND, record->mono_ns, bytes, size) < 0) {
		intake->counters.n_sideband_lost++;
		process_events_lost(intake->parts.processes);
	}
}

int intake_new(const struct intake_parts *parts, struct intake **ret)
{
	_cleanup_(intake_freep) struct intake *intake = calloc(1, sizeof(*intake));
	int r;

	if (!intake)
		return -ENOMEM;
	intake->parts = *parts;
	r = merge_new(HELD_BYTES_MAX, &intake->merge);
	if (r == 0)
		r = sideband_new(hold_sideband, intake, &intake->sideband);
	if (r < 0)
		return r;
	*ret = take_ptr(intake);
	return 0;
}

struct intake *intake_free(struct intake *intake)
{
	if (!intake)
		return NULL;
	sideband_free(intake->sideband);
	merge_free(intake->merge);
	free(intake);
	return NULL;
}

struct sideband *intake_sideband(struct intake *intake)
{
	return intake->sideband;
}

void intake_set_deadline(struct intake *intake, uint64_t deadline_mono_ns)
{
	intake->deadline_mono_ns = deadline_mono_ns;
}

static void refuse(struct intake *intake, uint64_t value_ns)
{
	intake->counters.n_refused++;
	intake->counters.refused_ns += value_ns;
}

int intake_record(void *ctx, void *record, size_t size)
{
	struct intake *intake = ctx;
	uint64_t now_ns = mono_now_ns();
	struct sample_event head;

	if (ingest_head(record, size, &head) < 0) {
		intake->counters.n_malformed++;
		return 0;
	}
	if (intake->discarding) {
		refuse(intake, head.value);
		return 0;
	}
	intake->newest_mono_ns = head.mono_ns;
	attribution_look_ahead(intake->parts.attribution, &head, now_ns);
	if (merge_push(intake->merge, MERGE_SAMPLE, head.mono_ns, record, size) < 0)
		refuse(intake, head.value);
	if (merge_is_full(intake->merge))
		return -ECANCELED;
	return intake->deadline_mono_ns && now_ns >= intake->deadline_mono_ns ? -ECANCELED : 0;
}

int intake_put(struct intake *intake, uint64_t mono_ns, const void *record, size_t size)
{
	struct sample_event head;

	if (ingest_head(record, size, &head) < 0) {
		intake->counters.n_malformed++;
		return -EBADMSG;
	}
	if (intake->discarding || merge_is_full(intake->merge))
		return -ENOMEM;
	return merge_push(intake->merge, MERGE_SAMPLE, mono_ns, record, size);
}

bool intake_is_half_full(const struct intake *intake)
{
	return merge_is_half_full(intake->merge);
}

uint64_t intake_newest_mono_ns(const struct intake *intake)
{
	return intake->newest_mono_ns;
}

void intake_discard(struct intake *intake)
{
	struct merge_item *item;
	struct sample_event head;

	intake->discarding = true;
	while ((item = merge_pop(intake->merge, UINT64_MAX))) {
		if (item->kind == MERGE_SAMPLE && ingest_head(item->bytes, item->size, &head) == 0)
			refuse(intake, head.value);
		free(item);
	}
}

void intake_read_sideband(struct intake *intake)
{
	if (!merge_is_full(intake->merge))
		sideband_read(intake->sideband);
}

static void deliver_sideband(struct intake *intake, const struct merge_item *item)
{
	struct process_table *processes = intake->parts.processes;
	struct sideband_record record;

	if (sideband_record_decode(item->bytes, item->size, &record) < 0)
		return; /* it was decoded before it was held */
	switch (record.kind) {
	case SIDEBAND_OTHER:
		break;
	case SIDEBAND_FORK:
		process_forked(processes, record.pid, record.parent_pid, record.mono_ns);
		break;
	case SIDEBAND_EXEC:
		process_executed(processes, record.pid, record.mono_ns);
		break;
	case SIDEBAND_EXIT:
		process_exited(processes, record.pid, record.mono_ns);
		break;
	case SIDEBAND_MMAP:
		process_mapped(processes, record.pid, &record.mapping, record.path, record.mono_ns);
		break;
	case SIDEBAND_CGROUP:
		cgroups_add(intake->parts.cgroups, record.cgroup_id, record.path, record.mono_ns);
		break;
	case SIDEBAND_LOST:
		intake->counters.n_sideband_lost += record.n_lost;
		process_events_lost(processes);
		break;
	}
}

static int deliver_sample(struct intake *intake, const struct merge_item *item)
{
	struct sample sample;

	if (ingest_decode(item->bytes, item->size, &sample) < 0) {
		intake->counters.n_malformed++;
		return 0;
	}
	/* A stack that is taken late is of a wait that began earlier; a record of a pass is about
	 * the time before it. */
	sample.late = sample.kind == WIRE_WAIT_BEGIN && sample.mono_ns != item->mono_ns;
	if (sample.kind == WIRE_LEDGER)
		sample.mono_ns = item->mono_ns;
	return intake->parts.sample(intake->parts.ctx, &sample);
}

int intake_deliver(struct intake *intake, uint64_t until_mono_ns, uint64_t deadline_mono_ns)
{
	int r = 0;

	for (uint32_t n = 1; r == 0; n++) {
		_cleanup_free_ struct merge_item *item = merge_pop(intake->merge, until_mono_ns);

		if (!item)
			return 0;
		if (item->kind == MERGE_SIDEBAND)
			deliver_sideband(intake, item);
		else
			r = deliver_sample(intake, item);
		if (r == 0 && deadline_mono_ns && n % ITEMS_A_LOOK == 0 &&
		    mono_now_ns() >= deadline_mono_ns)
			return 1;
	}
	return r;
}

struct intake_counters intake_counters(const struct intake *intake)
{
	struct intake_counters counters = intake->counters;

	counters.n_malformed += sideband_counters(intake->sideband)->n_malformed;
	counters.n_cpus_missed = sideband_counters(intake->sideband)->n_cpus_missed;
	counters.n_early = merge_n_early(intake->merge);
	return counters;
}
