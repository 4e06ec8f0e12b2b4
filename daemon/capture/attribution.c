// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * attribution.c - see attribution.h.
 */
#include "capture/attribution.h"

#include "growable.h"

#include <errno.h>
#include <string.h>

#define LATE_MAX 16384

_Static_assert(WIRE_KERNEL_FRAMES_MAX + WIRE_USER_FRAMES_MAX + 1 <= PROFILE_STACK_MAX,
	       "a stack of the wire fits into the store");

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
	struct attribution_counters counters;
};

/* A stack being put together, leaf first. */
struct draft {
	struct bucket *bucket;
	uint32_t locations[WIRE_KERNEL_FRAMES_MAX + WIRE_USER_FRAMES_MAX + 1];
	uint32_t n;
	bool gone;
	uint64_t now_mono_ns;
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

static int add_location(struct draft *draft, enum location_kind kind, uint32_t file,
			uint64_t offset, enum unknown_reason unknown, bool *ret_new)
{
	int r = bucket_location(draft->bucket, kind, file, offset, unknown,
				&draft->locations[draft->n], ret_new);

	if (r == 0)
		draft->n++;
	return r;
}

/* All frames but the leaf are return addresses; the call is before them. */
static uint64_t call_addr(const struct sample_frame *frame, uint32_t i)
{
	return i && frame->addr && !frame->exact ? frame->addr - 1 : frame->addr;
}

static int add_kernel_frames(struct attribution *a, const struct sample *sample,
			     struct draft *draft)
{
	for (uint32_t i = 0; i < sample->n_kernel; i++) {
		uint64_t offset;
		uint32_t file;
		int r;

		symbolize_kernel(a->symbolize, call_addr(&sample->kernel[i], i), sample->mono_ns,
				 &file, &offset);
		r = add_location(draft, LOCATION_KERNEL, file, offset, UNKNOWN_NO_SYMBOL, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Adds one user frame. Returns 0; 1 when the stack ends before it; or negative errno. */
static int add_user_frame(struct attribution *a, const struct sample *sample, uint32_t i,
			  struct process *process, struct draft *draft)
{
	const struct sample_frame *frame = &sample->user[i];
	uint64_t addr = call_addr(frame, i);
	struct process_place place;
	bool is_new;
	int r;

	if (frame->kind == LOCATION_INTERPRETER)
		return add_location(draft, LOCATION_INTERPRETER, 0, frame->code, UNKNOWN_NO_SYMBOL,
				    NULL);
	r = process_locate(a->processes, process, addr, i == 0, draft->now_mono_ns, &place);
	if (r == -ESRCH) {
		draft->gone = true;
		r = add_location(draft, LOCATION_FILE, 0, 0, UNKNOWN_PROCESS_GONE, NULL);
		return r < 0 ? r : 1;
	}
	/* What a walk without rows took for a return address. One that ended as it should has come
	 * through there. */
	if (r < 0 && i && sample->user_stop != WIRE_STOP_END)
		return 1;
	if (r < 0)
		return add_location(draft, LOCATION_FILE, 0, 0, UNKNOWN_NO_MAPPING, NULL);
	r = add_location(draft, place.kind, place.file, place.offset, UNKNOWN_FILE_SKIPPED,
			 &is_new);
	if (r == 0 && is_new)
		symbolize_want(a->symbolize, place.file, place.offset);
	return r;
}

/*
 * The mark at a stack's outer end, if it needs one. It is settled with the names: what the walk
 * took for a caller of main may be garbage, and the stack is whole all the same.
 */
static int add_end(const struct sample *sample, bool cut, struct draft *draft)
{
	static const enum synthetic mark_of_stop[WIRE_STOP_MAX] = {
		[WIRE_STOP_LIMIT] = SYNTHETIC_TRUNCATED_LIMIT,
		[WIRE_STOP_FAULT] = SYNTHETIC_TRUNCATED_FAULT,
		[WIRE_STOP_FP_END] = SYNTHETIC_NONE,
		[WIRE_STOP_NO_ROW] = SYNTHETIC_TRUNCATED_NO_ROW,
		[WIRE_STOP_NO_MAPPING] = SYNTHETIC_TRUNCATED_NO_MAPPING,
		[WIRE_STOP_UNSUPPORTED] = SYNTHETIC_TRUNCATED_UNSUPPORTED,
	};
	enum synthetic mark =
		cut ? SYNTHETIC_TRUNCATED_NO_MAPPING : mark_of_stop[sample->user_stop];

	if (!draft->n) /* a kernel thread of which the kernel gave no frame */
		return add_location(draft, LOCATION_KERNEL, 0, 0, UNKNOWN_NO_SYMBOL, NULL);
	if (sample->user_stop == WIRE_STOP_NONE || draft->gone)
		return 0;
	if (sample->user_stop == WIRE_STOP_END && !cut) /* whole, whatever it is called */
		return 0;
	return add_location(draft, LOCATION_SYNTHETIC, 0, mark, UNKNOWN_NONE, NULL);
}

static int add_stack(struct attribution *a, const struct sample *sample, struct process *process,
		     struct draft *draft)
{
	int r = add_kernel_frames(a, sample, draft);
	uint32_t i;

	for (i = 0; r == 0 && i < sample->n_user; i++)
		r = add_user_frame(a, sample, i, process, draft);
	return r < 0 ? r : add_end(sample, r == 1, draft);
}

void attribution_set_filter(struct attribution *a, const struct filter *filter)
{
	a->filter = *filter;
}

static bool is_wanted(struct attribution *a, const struct sample *sample, uint64_t now_mono_ns)
{
	return filter_is_empty(&a->filter) ||
	       filter_passes(&a->filter, sample->comm,
			     cgroups_get(a->cgroups, sample->cgroup_id, now_mono_ns)->path);
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

	process_table_look_ahead(a->processes, &key, event->user_stop == WIRE_STOP_NO_MAPPING,
				 now_mono_ns);
	cgroups_see(a->cgroups, event->cgroup_id, event->pid, now_mono_ns);
}

static int add_sample(struct attribution *a, const struct sample *sample, uint64_t now_mono_ns,
		      struct bucket *bucket)
{
	const struct process_key key = {.pid = sample->pid,
					.tid = sample->tid,
					.exec_id = sample->exec_id,
					.start_boot_ns = sample->start_boot_ns,
					.start_code = sample->start_code,
					.end_code = sample->end_code};
	struct process *process = process_table_get(a->processes, &key, now_mono_ns);
	const struct cgroup *cgroup = cgroups_get(a->cgroups, sample->cgroup_id, now_mono_ns);
	struct draft draft = {.bucket = bucket, .now_mono_ns = now_mono_ns};
	struct profile_row row = {
		.type = sample->type, .count = PROFILE_COUNT_ONE, .value = sample->value};
	struct profile_series series = {.pid = sample->pid,
					.tid = sample->tid,
					.start_boot_ns = sample->start_boot_ns,
					.comm = sample->comm,
					.cgroup = cgroup->path,
					.unit = cgroup->unit,
					.container = cgroup->container};
	int r;

	if (!process)
		return -ENOSPC;
	series.exe = process_exe(process);
	r = add_stack(a, sample, process, &draft);
	if (r == 0)
		r = bucket_series(bucket, &series, &row.series);
	if (r == 0)
		r = bucket_stack(bucket, draft.locations, draft.n, &row.stack);
	if (r == 0)
		r = bucket_add(bucket, &row);
	if (r == 0)
		a->counters.n_process_gone += draft.gone;
	return r;
}

void attribution_add(struct attribution *a, const struct sample *sample, uint64_t now_mono_ns,
		     struct bucket *bucket)
{
	a->counters.n_samples++;
	if (!is_wanted(a, sample, now_mono_ns)) {
		a->counters.n_filtered++;
		a->counters.filtered_ns += sample->value;
	} else if (add_sample(a, sample, now_mono_ns, bucket) < 0) {
		a->counters.n_refused++;
		a->counters.refused_ns += sample->value;
	}
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
