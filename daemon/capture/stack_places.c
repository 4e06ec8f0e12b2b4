// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stack_places.c - see stack_places.h.
 */
#include "capture/stack_places.h"

#include <errno.h>

_Static_assert(WIRE_WORDS_MAX + 1 <= PROFILE_STACK_MAX, "a stack of the wire fits into the store");

static void add(struct stack_places *s, enum location_kind kind, uint32_t file, uint64_t offset,
		enum unknown_reason unknown)
{
	s->places[s->n++] = (struct stack_place){
		.kind = (uint8_t)kind, .file = file, .offset = offset, .unknown = (uint8_t)unknown};
}

/* All frames but the leaf are return addresses; the call is before them. */
static uint64_t call_addr(const struct sample_frame *frame, uint32_t i)
{
	return i && frame->addr && !frame->exact ? frame->addr - 1 : frame->addr;
}

static void add_kernel_frames(struct symbolize *symbolize, const struct sample *sample,
			      struct stack_places *s)
{
	for (uint32_t i = 0; i < sample->n_kernel; i++) {
		uint64_t offset;
		uint32_t file;

		symbolize_kernel(symbolize, call_addr(&sample->kernel[i], i), sample->mono_ns,
				 &file, &offset);
		add(s, LOCATION_KERNEL, file, offset, UNKNOWN_NO_SYMBOL);
	}
}

/* Adds one user frame. Returns 0, or 1 when the stack ends before it. */
static int add_user_frame(struct process_table *processes, struct process *process,
			  const struct sample *sample, uint32_t i, uint64_t now_mono_ns,
			  struct stack_places *s)
{
	const struct sample_frame *frame = &sample->user[i];
	uint64_t addr = call_addr(frame, i);
	struct process_place place;
	int r;

	if (frame->kind == LOCATION_INTERPRETER) {
		add(s, LOCATION_INTERPRETER, 0, frame->code, UNKNOWN_NO_SYMBOL);
		return 0;
	}
	r = process_locate(processes, process, addr, i == 0, now_mono_ns, &place);
	if (r == -ESRCH) {
		s->gone = true;
		add(s, LOCATION_FILE, 0, 0, UNKNOWN_PROCESS_GONE);
		return 1;
	}
	/* What a walk without rows took for a return address. One that ended as it should has come
	 * through there. */
	if (r < 0 && i && sample->user_stop != WIRE_STOP_END)
		return 1;
	if (r < 0)
		add(s, LOCATION_FILE, 0, 0, UNKNOWN_NO_MAPPING);
	else
		add(s, place.kind, place.file, place.offset, UNKNOWN_FILE_SKIPPED);
	return 0;
}

/*
 * The mark at a stack's outer end, if it needs one. It is settled with the names: what the walk
 * took for a caller of main may be garbage, and the stack is whole all the same.
 */
static void add_end(const struct sample *sample, bool cut, struct stack_places *s)
{
	static const enum synthetic mark_of_stop[WIRE_STOP_MAX] = {
		[WIRE_STOP_LIMIT] = SYNTHETIC_TRUNCATED_LIMIT,
		[WIRE_STOP_FAULT] = SYNTHETIC_TRUNCATED_FAULT,
		[WIRE_STOP_FP_END] = SYNTHETIC_NONE,
		[WIRE_STOP_NO_ROW] = SYNTHETIC_TRUNCATED_NO_ROW,
		[WIRE_STOP_NO_MAPPING] = SYNTHETIC_TRUNCATED_NO_MAPPING,
		[WIRE_STOP_UNSUPPORTED] = SYNTHETIC_TRUNCATED_UNSUPPORTED,
	};

	if (!s->n) { /* a kernel thread of which the kernel gave no frame */
		add(s, LOCATION_KERNEL, 0, 0, UNKNOWN_NO_SYMBOL);
		return;
	}
	if (sample->user_stop == WIRE_STOP_NONE || s->gone)
		return;
	if (sample->user_stop == WIRE_STOP_END && !cut) /* whole, whatever it is called */
		return;
	s->places[s->n++] = stack_place_synthetic(cut ? SYNTHETIC_TRUNCATED_NO_MAPPING
						      : mark_of_stop[sample->user_stop]);
}

void stack_places_find(struct symbolize *symbolize, struct process_table *processes,
		       struct process *process, const struct sample *sample, uint64_t now_mono_ns,
		       struct stack_places *ret)
{
	int r = 0;

	ret->n = 0;
	ret->gone = false;
	add_kernel_frames(symbolize, sample, ret);
	for (uint32_t i = 0; r == 0 && i < sample->n_user; i++)
		r = add_user_frame(processes, process, sample, i, now_mono_ns, ret);
	add_end(sample, r == 1, ret);
}

int stack_places_put(const struct stack_place *places, uint32_t n, struct symbolize *symbolize,
		     struct bucket *bucket, uint32_t *ret)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct stack_place *place = &places[i];
		bool is_new;
		int r = bucket_location(bucket, place->kind, place->file, place->offset,
					place->unknown, &ret[i], &is_new);

		if (r < 0)
			return r;
		/* Kernel names are there at once. */
		if (is_new && place->file && place->kind != LOCATION_KERNEL)
			symbolize_want(symbolize, place->file, place->offset);
	}
	return 0;
}
