// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_walker.c - the walker over any tables, memory and registers: it ends, stays within what is
 * there, and tells no more frames than it was to.
 *
 * An input is a struct head, `n_words` words of the slab, each with its number, and the memory of
 * the stack.
 */
#include "walked_memory.h"

#include <string.h>

#define SLOT	  1
#define PID	  42
#define UNTOUCHED 0xa5a5a5a5a5a5a5a5ull

#define FLAG_TASK	 1 /* memory is read as programs that may sleep do */
#define FLAG_NO_BPF_LOOP 2
#define FLAG_RETURN	 4 /* the leaf's address is behind a call */
#define FLAG_CHILD	 8 /* its mappings are its parent's */

struct head {
	uint64_t ip, sp, fp, r10;
	uint64_t index; /* of the file */
	uint32_t start;
	uint32_t mappings, n_mappings; /* of the process */
	uint16_t at, end;
	uint8_t flags, n_words, zero[6];
	uint64_t stack; /* where its memory begins */
};

struct word {
	uint32_t number, zero;
	uint64_t value;
};

_Static_assert(sizeof(struct head) == 72 && sizeof(struct word) == 16, "layout of an input");

static void check(const struct walked *w)
{
	uint32_t limit = w->end < WIRE_WORDS_MAX ? w->end : WIRE_WORDS_MAX;

	if (w->stop <= WIRE_STOP_NONE || w->stop >= WIRE_STOP_MAX)
		abort();
	if (w->n < w->at || (w->n > w->at && w->n > limit))
		abort();
	if (w->no_bpf_loop && w->n - w->at > 128)
		abort();
	for (uint32_t i = 0; i < WIRE_WORDS_MAX; i++) {
		uint64_t tag = w->words[i] >> WIRE_FRAME_SHIFT;

		if ((i < w->at || i >= w->n) && w->words[i] != UNTOUCHED)
			abort();
		/* The leaf's address is whatever the thread has. */
		if (i > w->at && i < w->n && tag != WIRE_FRAME_USER && tag != WIRE_FRAME_EXACT)
			abort();
	}
}

static void walk(struct fake_maps *maps, const struct head *h, const uint8_t *memory, size_t n)
{
	struct walked_region region = {h->stack, memory, n};
	struct walked w = {
		.maps = maps,
		.regions = &region,
		.n_regions = 1,
		.thread = {.pid = h->flags & FLAG_CHILD ? PID + 1 : PID, .parent_pid = PID},
		.ip = h->ip,
		.mono_ns = 1000000000000,
		.is_return = h->flags & FLAG_RETURN,
		.of_task = h->flags & FLAG_TASK,
		.no_bpf_loop = h->flags & FLAG_NO_BPF_LOOP,
		.at = h->at,
		.end = h->end};

	w.registers[WALKED_SP] = h->sp;
	w.registers[WALKED_FP] = h->fp;
	w.registers[10] = h->r10;
	for (uint32_t i = 0; i < WIRE_WORDS_MAX; i++)
		w.words[i] = UNTOUCHED;
	walked_walk(&w);
	check(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fake_maps *maps; /* to make 8 MB anew would take most of the time */
	struct head h;
	struct word word;
	uint64_t *slab;
	const uint8_t *words = data + sizeof(h);

	if (size < sizeof(h))
		return 0;
	memcpy(&h, data, sizeof(h));
	size -= sizeof(h);
	if (size < h.n_words * sizeof(word))
		return 0;
	if (!maps)
		maps = fake_maps_new();
	if (maps->backend.slab(maps, 0, &slab) < 0)
		abort();
	for (uint32_t i = 0; i < h.n_words; i++) {
		memcpy(&word, words + i * sizeof(word), sizeof(word));
		slab[word.number % UNWIND_SLAB_WORDS] = word.value;
	}
	maps->files[SLOT] = (struct unwind_file){.index = h.index, .start = h.start};
	maps->n_processes = 0;
	if (maps->backend.set_process(maps, PID,
				      &(struct unwind_process){.mappings = h.mappings,
							       .n_mappings = h.n_mappings}) < 0)
		abort();
	walk(maps, &h, words + h.n_words * sizeof(word), size - h.n_words * sizeof(word));
	for (uint32_t i = 0; i < h.n_words; i++) {
		memcpy(&word, words + i * sizeof(word), sizeof(word));
		slab[word.number % UNWIND_SLAB_WORDS] = 0;
	}
	return 0;
}
