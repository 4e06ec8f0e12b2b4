// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * attribution.c - see attribution.h.
 */
#include "capture/attribution.h"

#include "growable.h"

#include <errno.h>
#include <string.h>

#define LATE_MAX 16384

struct late_name {
	enum location_kind kind;
	uint32_t file;
	uint64_t offset;
};

struct attribution {
	struct symbolize *symbolize;
	struct process_table *processes;
	struct cgroups *cgroups;
	struct filter filter;
	struct late_name *late; /* locations of the last bucket without an answer */
	uint32_t n_late, cap_late;
	struct stack_places places; /* of the sample at hand */
	struct attribution_counters counters;
};

/*
 * Functions that a thread begins in. A user stack is whole when its outermost frame is one of them
 * or is called from one: libc's own start code has no name in a stripped libc.
 */
static const char *const roots[] = {
	"_start",
	"main",
	"clone",
	"clone3",
	"__clone",
	"__clone3",
	"start_thread",
	"__libc_start_main",
	"__libc_start_call_main",
	"runtime.goexit",
	"runtime.mstart",
	"runtime.rt0_go",
	"runtime.goexit.abi0",
	"runtime.mstart.abi0",
	"_rt0_amd64_linux",
};

int attribution_new(struct symbolize *symbolize, struct process_table *processes,
		    struct cgroups *cgroups, struct attribution **ret)
{
	struct attribution *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->symbolize = symbolize;
	a->processes = processes;
	a->cgroups = cgroups;
	*ret = a;
	return 0;
}

struct attribution *attribution_free(struct attribution *a)
{
	if (a)
		free(a->late);
	free(a);
	return NULL;
}

void attribution_set_filter(struct attribution *a, const struct filter *filter)
{
	a->filter = *filter;
}

void attribution_look_ahead(struct attribution *a, const struct sample_event *event,
			    uint64_t now_mono_ns)
{
	const struct process_key key = {.pid = event->pid,
					.tid = event->tid,
					.exec_id = event->exec_id,
					.start_boot_ns = event->start_boot_ns,
					.start_code = event->start_code,
					.end_code = event->end_code};

	if (event->kind == WIRE_CPU || event->start_code || event->end_code)
		process_table_look_ahead(a->processes, &key,
					 event->user_stop == WIRE_STOP_NO_MAPPING, now_mono_ns);
	cgroups_see(a->cgroups, event->cgroup_id, event->pid, now_mono_ns);
}

bool attribution_passes(struct attribution *a, const struct sample *sample, uint64_t now_mono_ns)
{
	return filter_is_empty(&a->filter) ||
	       filter_passes(&a->filter, sample->comm,
			     cgroups_get(a->cgroups, sample->cgroup_id, now_mono_ns)->path);
}

void attribution_filtered(struct attribution *a, uint64_t value_ns)
{
	a->counters.n_filtered++;
	a->counters.filtered_ns += value_ns;
}

void attribution_refused(struct attribution *a, uint64_t value_ns)
{
	a->counters.n_refused++;
	a->counters.refused_ns += value_ns;
}

static struct process *process_of(struct attribution *a, const struct sample *sample,
				  uint64_t now_mono_ns)
{
	const struct process_key key = {.pid = sample->pid,
					.tid = sample->tid,
					.exec_id = sample->exec_id,
					.start_boot_ns = sample->start_boot_ns,
					.start_code = sample->start_code,
					.end_code = sample->end_code};

	return process_table_get(a->processes, &key, now_mono_ns);
}

/* A kernel thread, or one whose memory went before it ended: it says nothing of its image. */
static bool has_memory(const struct sample *sample)
{
	return sample->start_code || sample->end_code;
}

/* Its texts are borrowed. */
static struct profile_series series_of(struct attribution *a, const struct sample *sample,
				       const char *exe, uint64_t now_mono_ns)
{
	const struct cgroup *cgroup = cgroups_get(a->cgroups, sample->cgroup_id, now_mono_ns);

	return (struct profile_series){.pid = sample->pid,
				       .tid = sample->tid,
				       .start_boot_ns = sample->start_boot_ns,
				       .comm = sample->comm,
				       .exe = exe,
				       .cgroup = cgroup->path,
				       .unit = cgroup->unit,
				       .container = cgroup->container};
}

static int put_series(struct attribution *a, const struct sample *sample, const char *exe,
		      uint64_t now_mono_ns, struct bucket *bucket, uint32_t *ret)
{
	struct profile_series series = series_of(a, sample, exe, now_mono_ns);

	return bucket_series(bucket, &series, ret);
}

static bool is_last(const struct sample *sample)
{
	return sample->kind == WIRE_LEDGER && sample->ledger.flags & WIRE_LEDGER_ENDED;
}

/* Makes it the one that the thread shares with others, if it is to. */
static bool fold(const struct bucket *bucket, struct profile_series *series)
{
	uint32_t n = bucket_n_series(bucket);
	bool is_main = series->pid == series->tid;

	if (n < ATTRIBUTION_CROWDED || bucket_has_series(bucket, series))
		return false;
	series->tid = 0;
	series->comm = ATTRIBUTION_ENDED_THREADS;
	if (!is_main && (n < ATTRIBUTION_FULL || bucket_has_series(bucket, series)))
		return true;
	series->pid = 0;
	series->start_boot_ns = 0;
	series->comm = ATTRIBUTION_ENDED_PROCESSES;
	series->exe = "";
	return true;
}

int attribution_series(struct attribution *a, const struct sample *sample, uint64_t now_mono_ns,
		       struct bucket *bucket, struct attribution_thread *ret)
{
	const struct process *process;
	struct profile_series series;

	/* The ledger has every thread of the machine in each bucket: a process that is known is not
	 * looked at, and stays as idle as it is. */
	ret->exe = sample->kind == WIRE_LEDGER || !has_memory(sample)
			   ? process_table_exe(a->processes, sample->pid, sample->start_boot_ns)
			   : "";
	if (!*ret->exe && has_memory(sample)) {
		process = process_of(a, sample, now_mono_ns);
		if (!process)
			return -ENOSPC;
		ret->exe = process_exe(process);
	}
	ret->has_memory = has_memory(sample) || *ret->exe;
	series = series_of(a, sample, ret->exe, now_mono_ns);
	ret->is_folded = is_last(sample) && fold(bucket, &series);
	return bucket_series(bucket, &series, &ret->series);
}

int attribution_places(struct attribution *a, const struct sample *sample, uint64_t now_mono_ns,
		       const struct stack_places **ret, const char **ret_exe)
{
	struct process *process = NULL;

	if (has_memory(sample) || sample->n_user) {
		process = process_of(a, sample, now_mono_ns);
		if (!process)
			return -ENOSPC;
	}
	stack_places_find(a->symbolize, a->processes, process, sample, now_mono_ns, &a->places);
	a->counters.n_process_gone += a->places.gone;
	*ret = &a->places;
	*ret_exe = process ? process_exe(process) : "";
	return 0;
}

int attribution_stack(struct attribution *a, const struct stack_place *places, uint32_t n,
		      uint32_t label, struct bucket *bucket, uint32_t *ret)
{
	uint32_t locations[WIRE_WORDS_MAX + 2];
	int r;

	if (n > ARRAY_SIZE(locations) - 1)
		return -ENOSPC;
	r = stack_places_put(places, n, a->symbolize, bucket, locations);
	if (label)
		locations[n++] = label;
	return r < 0 ? r : bucket_stack(bucket, locations, n, ret);
}

static int add_sample(struct attribution *a, const struct sample *sample, uint64_t now_mono_ns,
		      struct bucket *bucket)
{
	struct profile_row row = {
		.type = SAMPLE_CPU, .count = PROFILE_COUNT_ONE, .value = sample->value};
	struct process *process = process_of(a, sample, now_mono_ns);
	int r;

	if (!process)
		return -ENOSPC;
	stack_places_find(a->symbolize, a->processes, process, sample, now_mono_ns, &a->places);
	r = put_series(a, sample, process_exe(process), now_mono_ns, bucket, &row.series);
	if (r == 0)
		r = attribution_stack(a, a->places.places, a->places.n, 0, bucket, &row.stack);
	if (r == 0)
		r = bucket_add(bucket, &row);
	if (r == 0)
		a->counters.n_process_gone += a->places.gone;
	return r;
}

void attribution_add(struct attribution *a, const struct sample *sample, uint64_t now_mono_ns,
		     struct bucket *bucket)
{
	a->counters.n_samples++;
	if (!attribution_passes(a, sample, now_mono_ns))
		attribution_filtered(a, sample->value);
	else if (add_sample(a, sample, now_mono_ns, bucket) < 0)
		attribution_refused(a, sample->value);
}

/* ---- names ---- */

static const struct profile_file *answer_file(void *ctx, uint32_t number)
{
	const struct attribution *a = ctx;

	return symbolize_file(a->symbolize, number);
}

static void note_late(struct attribution *a, enum location_kind kind, uint32_t file,
		      uint64_t offset)
{
	a->counters.n_pending_names++;
	if (a->n_late >= LATE_MAX || GROWABLE_RESERVE(a, late) < 0)
		return; /* its name then comes when it is sampled again */
	a->late[a->n_late++] = (struct late_name){kind, file, offset};
}

static enum unknown_reason answer_name(void *ctx, enum location_kind kind, uint32_t file,
				       uint64_t offset, const char **ret_function)
{
	struct attribution *a = ctx;
	enum unknown_reason unknown = symbolize_find(a->symbolize, file, offset, ret_function);

	if (unknown == UNKNOWN_PENDING)
		note_late(a, kind, file, offset);
	return unknown;
}

static bool is_root(const struct profile_location *location)
{
	for (size_t i = 0; location->n_frames && i < ARRAY_SIZE(roots); i++)
		if (strcmp(location->frames[0].function, roots[i]) == 0)
			return true;
	return false;
}

static bool answer_is_whole(void *ctx, const struct profile_location *inner,
			    const struct profile_location *outer)
{
	(void)ctx;
	return is_root(outer) || is_root(inner);
}

/* Adds the locations of the bucket before that had no answer then, if they have one now. */
static int add_late_names(struct attribution *a, struct bucket *bucket)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < a->n_late; i++) {
		const struct late_name *late = &a->late[i];
		const char *function;
		uint32_t id;
		int r;

		if (!symbolize_file(a->symbolize, late->file))
			continue;
		if (symbolize_find(a->symbolize, late->file, late->offset, &function) ==
		    UNKNOWN_PENDING) {
			a->late[n++] = *late;
			continue;
		}
		r = bucket_location(bucket, late->kind, late->file, late->offset,
				    UNKNOWN_FILE_SKIPPED, &id, NULL);
		if (r < 0)
			return r;
		a->counters.n_late_names++;
	}
	a->n_late = n;
	return 0;
}

int attribution_finish(struct attribution *a, struct bucket *bucket, const struct bucket_head *head)
{
	struct bucket_answers answers = {
		.ctx = a, .file = answer_file, .name = answer_name, .is_whole = answer_is_whole};
	int r = add_late_names(a, bucket);

	return r < 0 ? r : bucket_finish(bucket, head, &answers);
}

const struct attribution_counters *attribution_counters(const struct attribution *a)
{
	return &a->counters;
}
