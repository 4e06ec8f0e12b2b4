/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unwind.bpf.h - the walker of user stacks: from a frame's registers to its caller's, by the rows
 * of the file (unwind_table.h), or by the frame pointer where there is no row.
 *
 * Where the registers come from and how memory is read are the caller's choice, so that it serves
 * programs that must not sleep and those that may. It knows nothing of samples. What was walked is
 * kept, whatever ended the walk.
 *
 * Searches have no branch that depends on what is compared: the verifier would follow each of them
 * (a plain binary search costs it a million instructions, this one some hundred). The file may pass
 * the usual length: one step is one thing, and its parts share its state.
 */
#ifndef PROFD_UNWIND_BPF_H
#define PROFD_UNWIND_BPF_H

#include "kernel.h"
#include "unwind_table.h"
#include "wire.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>
#include <stddef.h>

/* 0 makes the bounded loop of kernels without bpf_loop() (before 5.17) be used here as well. */
const volatile __u32 unwind_with_bpf_loop = 1;

#define UNWIND_BOUNDED_FRAMES 127	 /* 1,000 would be more than the verifier looks at */
#define UNWIND_SEARCH_STEPS   13	 /* 4,096 mappings, or rows of a bucket of 4 KB */
#define UNWIND_FP_STEP_MAX    (1u << 20) /* bytes of one frame, by its frame pointer */
#define UNWIND_WINDOW_WORDS   7		 /* a mask, too */

/* DWARF numbers of registers (System V ABI for x86-64, figure 3.36). */
enum { DWARF_AX, DWARF_DX, DWARF_CX, DWARF_BX, DWARF_SI, DWARF_DI, DWARF_BP, DWARF_SP, DWARF_R8 };
#define DWARF_REGISTERS 16

/* The kernel's signal frame: what __restore_rt finds at rsp is a struct ucontext, and in its
 * sigcontext, from rbp on, are rbp, rbx, rdx, rax, rcx, rsp and rip
 * (arch/x86/include/uapi/asm/sigcontext.h). */
#define SIGNAL_FRAME_BP	   (40 + 10 * 8)
#define SIGNAL_FRAME_WORDS 7
#define SIGNAL_FRAME_SP	   5
#define SIGNAL_FRAME_IP	   6

enum unwind_memory {
	UNWIND_MEMORY_CURRENT, /* of the current thread, as far as it is resident; never sleeps */
	UNWIND_MEMORY_TASK,    /* of `task`; reads what is not resident, and sleeps for that */
};

struct unwind_state {
	__u64 registers[DWARF_REGISTERS]; /* of the leaf */
	__u64 ip, sp, fp;
	struct unwind_mapping mapping; /* where the last address was; end 0 = nowhere */
	__u64 index;		       /* of its file */
	__u32 start;		       /* the first bucket there */
	__u32 mappings, n_mappings;    /* of the process */
	__u32 epoch;
	__u32 at, end; /* words: where the next frame goes, and where there is no room any more */
	__u8 exact;    /* ip is where the frame runs, not where a call returns to */
	__u8 is_leaf;  /* the registers are those of the frame */
	__u8 stop;     /* enum wire_stop; WIRE_STOP_NONE while it goes on */
	__u8 by_fp;    /* the frame was found by a frame pointer */
	__u64 window[UNWIND_WINDOW_WORDS + 1]; /* what was read of the stack */
};

/* A walk; on the stack of the program, because bpf_loop() takes its context from nowhere else. */
struct unwind_walk {
	struct unwind_state *state;
	__u64 *words;		  /* WIRE_WORDS_MAX of them; frames go there */
	struct task_struct *task; /* of UNWIND_MEMORY_TASK */
};

struct unwind_slab {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, UNWIND_SLAB_CHUNKS);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, UNWIND_CHUNK_WORDS * 8);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, UNWIND_SLABS_MAX); /* set before loading */
	__type(key, __u32);
	__array(values, struct unwind_slab);
} unwind_slabs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, UNWIND_FILES_MAX);
	__type(key, __u32);
	__type(value, struct unwind_file);
} unwind_files SEC(".maps");

/* A hash and not a trie of prefixes, which programs that sleep may not use. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, UNWIND_PROCESSES_MAX);
	__type(key, __u32);
	__type(value, struct unwind_process);
} unwind_processes SEC(".maps");

/* ---- looking things up ---- */

/* The chunk that has the word, or NULL. */
static __always_inline const __u64 *unwind_chunk(__u32 word)
{
	__u32 slab = word / UNWIND_SLAB_WORDS,
	      chunk = word / UNWIND_CHUNK_WORDS % UNWIND_SLAB_CHUNKS;
	void *map = bpf_map_lookup_elem(&unwind_slabs, &slab);

	return map ? bpf_map_lookup_elem(map, &chunk) : NULL;
}

static __always_inline __u64 word_of(const __u64 *chunk, __u32 word)
{
	return chunk[word & (UNWIND_CHUNK_WORDS - 1)];
}

/* All ones when a <= b, else 0. Both below 2^63. */
static __always_inline __u32 mask_if_not_above(__u64 a, __u64 b)
{
	return -(__u32)((a - b - 1) >> 63);
}

/* Of `n` sorted entries of `stride` words, the last that does not begin after `key`: the first word
 * of each says where it begins, in the bits of `mask`. */
static __always_inline __u32 last_not_after(const __u64 *chunk, __u32 first, __u32 n, __u32 stride,
					    __u64 mask, __u64 key)
{
	for (int i = 0; i < UNWIND_SEARCH_STEPS && n > 1; i++) {
		__u32 half = n / 2;
		__u64 begin = word_of(chunk, first + half * stride) & mask;

		first += half * stride & mask_if_not_above(begin, key);
		n -= half;
	}
	return first;
}

/* Finds the mapping of `pc`; false when there is none. */
static __always_inline bool find_mapping(struct unwind_state *s, __u64 pc)
{
	const __u64 *chunk;
	__u32 at, slot;
	struct unwind_file *file;

	if (pc >= s->mapping.start && pc < s->mapping.end)
		return true;
	if (!s->n_mappings)
		return false;
	chunk = unwind_chunk(s->mappings);
	if (!chunk)
		return false;
	at = last_not_after(chunk, s->mappings, s->n_mappings, UNWIND_MAPPING_WORDS, ~0ull, pc);
	s->mapping.start = word_of(chunk, at);
	s->mapping.end = word_of(chunk, at + 1);
	s->mapping.bias = word_of(chunk, at + 2);
	slot = (__u32)word_of(chunk, at + 3);
	s->mapping.file = slot;
	s->index = 0;
	if (pc < s->mapping.start || pc >= s->mapping.end) {
		s->mapping.end = 0;
		return false;
	}
	file = slot ? bpf_map_lookup_elem(&unwind_files, &slot) : NULL;
	if (!file)
		return true;
	s->index = file->index;
	s->start = file->start;
	if (file->used != s->epoch)
		file->used = s->epoch;
	return true;
}

/* The row of an address inside the mapping; one of ROW_CFA_NONE when there is none. */
static __always_inline __u64 find_row(const struct unwind_state *s, __u64 addr)
{
	__u64 pc = addr - s->mapping.bias, index = s->index, bucket;
	__u64 number = (pc >> (FILE_INDEX_SHIFT(index) & 15)) - s->start;
	const __u64 *chunk;
	__u32 first;

	if (!index || pc >> 32 || number >= FILE_INDEX_N(index))
		return 0;
	first = FILE_INDEX_FIRST(index);
	chunk = unwind_chunk(first);
	if (!chunk)
		return 0;
	bucket = word_of(chunk, first + (__u32)number);
	first = BUCKET_FIRST(bucket);
	chunk = unwind_chunk(first);
	if (!chunk)
		return 0;
	return word_of(chunk,
		       last_not_after(chunk, first, BUCKET_N_ROWS(bucket), 1, 0xffffffffull, pc));
}

/* ---- a step ---- */

/* Hides from the compiler what it knows of a number, so that it leaves the mask to the verifier. */
#define UNWIND_OPAQUE(n) __asm__ volatile("" : "+r"(n))

static __always_inline bool read_window(struct unwind_walk *walk, enum unwind_memory memory,
					__u64 addr, __u32 n_words)
{
	struct unwind_state *s = walk->state;

	if (addr >= UNWIND_USER_END)
		return false;
	UNWIND_OPAQUE(n_words);
	n_words &= UNWIND_WINDOW_WORDS;
	if (memory == UNWIND_MEMORY_TASK)
		return bpf_copy_from_user_task(s->window, n_words * 8, (void *)addr, walk->task,
					       0) == 0;
	return bpf_probe_read_user(s->window, n_words * 8, (void *)addr) == 0;
}

static __always_inline long end_walk(struct unwind_state *s, enum wire_stop why)
{
	s->stop = why;
	return 1;
}

/* Notes the frame that ip is in. Returns 1 when there is no room for another one. */
static __always_inline long push_frame(struct unwind_walk *walk, __u64 tag)
{
	struct unwind_state *s = walk->state;
	__u32 at = s->at;

	if (at >= s->end || at >= WIRE_WORDS_MAX)
		return end_walk(s, WIRE_STOP_LIMIT);
	walk->words[at] = s->ip | tag << WIRE_FRAME_SHIFT;
	s->at = at + 1;
	return 0;
}

/* The caller's registers are known. */
static __always_inline long to_caller(struct unwind_walk *walk, __u64 ip, __u64 sp, __u64 fp)
{
	struct unwind_state *s = walk->state;

	s->ip = ip;
	s->sp = sp;
	s->fp = fp;
	s->exact = s->is_leaf = 0;
	return push_frame(walk, WIRE_FRAME_USER);
}

/* The frame pointer leads to the saved one and the return address behind it. `why` there is no row
 * is why the walk ends here, unless the chain ends as it should: with 0. */
static __always_inline long step_by_fp(struct unwind_walk *walk, enum unwind_memory memory,
				       enum wire_stop why)
{
	struct unwind_state *s = walk->state;
	__u64 fp = s->fp;

	/* 0 ends a chain that frame pointers have led along (System V ABI for x86-64, section
	 * 3.4.1); elsewhere rbp is a register like any other. */
	if (!fp && s->by_fp)
		return end_walk(s, why == WIRE_STOP_NO_ROW ? WIRE_STOP_END : WIRE_STOP_FP_END);
	if (!fp)
		return end_walk(s, why);
	if (fp < s->sp || fp - s->sp > UNWIND_FP_STEP_MAX || fp & 7)
		return end_walk(s, why);
	if (!read_window(walk, memory, fp, 2))
		return end_walk(s, WIRE_STOP_FAULT);
	if (!s->window[1])
		return end_walk(s, WIRE_STOP_FP_END);
	if (s->window[1] >= UNWIND_USER_END)
		return end_walk(s, why);
	s->by_fp = 1;
	return to_caller(walk, s->window[1], fp + 16, s->window[0]);
}

/* The interrupted frame: its address is exact, and it may lie on another stack. */
static __always_inline long step_over_signal(struct unwind_walk *walk, enum unwind_memory memory)
{
	struct unwind_state *s = walk->state;

	if (!read_window(walk, memory, s->sp + SIGNAL_FRAME_BP, SIGNAL_FRAME_WORDS))
		return end_walk(s, WIRE_STOP_FAULT);
	s->fp = s->window[0];
	s->sp = s->window[SIGNAL_FRAME_SP];
	s->ip = s->window[SIGNAL_FRAME_IP];
	s->exact = 1;
	s->is_leaf = 0;
	if (!s->ip || s->ip >= UNWIND_USER_END)
		return end_walk(s, WIRE_STOP_FAULT);
	return push_frame(walk, WIRE_FRAME_EXACT);
}

/* A signed byte, in words. */
static __always_inline __u64 low_bytes(__u16 cfa)
{
	return (__u64)((__s64)(__s8)cfa * 8);
}

static __always_inline __u64 high_bytes(__u16 cfa)
{
	return (__u64)((__s64)(__s8)(cfa >> 8) * 8);
}

static __always_inline __u64 leaf_register(const struct unwind_state *s, __u16 cfa)
{
	return s->registers[(cfa >> 8) & (DWARF_REGISTERS - 1)];
}

/* The CFA of a row; 0 when it cannot be told, and then s->stop says why. */
static __always_inline __u64 find_cfa(struct unwind_walk *walk, enum unwind_memory memory,
				      __u64 row)
{
	struct unwind_state *s = walk->state;
	__u16 cfa = ROW_CFA(row);
	__u64 base = s->sp;

	switch (ROW_KIND(row)) {
	case ROW_CFA_SP:
		return s->sp + cfa * 8ull;
	case ROW_CFA_FP:
		return s->fp + cfa * 8ull;
	case ROW_CFA_PLT:
		return s->sp + 8 + ((s->ip & 15) >= cfa ? 8 : 0);
	case ROW_CFA_DEREF_FP:
		base = s->fp;
		__attribute__((fallthrough));
	case ROW_CFA_DEREF_SP:
		if (read_window(walk, memory, base + low_bytes(cfa), 1))
			return s->window[0] + high_bytes(cfa);
		s->stop = WIRE_STOP_FAULT;
		return 0;
	case ROW_CFA_REGISTER:
		if (s->is_leaf)
			return leaf_register(s, cfa) + low_bytes(cfa);
		break;
	case ROW_CFA_RA_REGISTER:
		if (s->is_leaf)
			return s->sp + low_bytes(cfa);
		break;
	}
	s->stop = WIRE_STOP_UNSUPPORTED;
	return 0;
}

static __always_inline long to_caller_by_row(struct unwind_walk *walk, __u64 ip, __u64 cfa,
					     __u64 fp)
{
	struct unwind_state *s = walk->state;

	if (!ip)
		return end_walk(s, WIRE_STOP_FP_END);
	if (ip >= UNWIND_USER_END)
		return end_walk(s, WIRE_STOP_FAULT);
	return to_caller(walk, ip, cfa, fp);
}

/* By a row that says where the CFA is. */
static __always_inline long step_by_row(struct unwind_walk *walk, enum unwind_memory memory,
					__u64 row)
{
	struct unwind_state *s = walk->state;
	__u64 cfa = find_cfa(walk, memory, row), fp = s->fp, ip;
	__u32 how = ROW_FP(row), n_words = 1;
	__s32 fp_at = ROW_FP_AT(row);

	if (!cfa)
		return end_walk(s, s->stop == WIRE_STOP_NONE ? WIRE_STOP_FAULT : s->stop);
	if (ROW_KIND(row) == ROW_CFA_RA_REGISTER) {
		if (cfa < s->sp) /* the same: all of it was popped */
			return end_walk(s, WIRE_STOP_FAULT);
		return to_caller_by_row(walk, leaf_register(s, ROW_CFA(row)), cfa, fp);
	}
	/* A callee's frame lies below its caller's; the leaf's may be empty but for the address. */
	if (cfa <= s->sp || cfa & 7)
		return end_walk(s, WIRE_STOP_FAULT);
	if (how == ROW_FP_FP) {
		if (!read_window(walk, memory, s->fp + (__u64)(__s64)(fp_at * 8), 1))
			return end_walk(s, WIRE_STOP_FAULT);
		fp = s->window[0];
	}
	/* rbp is saved near the return address, so that one read does for both. */
	if (how == ROW_FP_CFA && fp_at < -1 && fp_at >= -UNWIND_WINDOW_WORDS)
		n_words = (__u32)-fp_at;
	if (!read_window(walk, memory, cfa - n_words * 8ull, n_words))
		return end_walk(s, WIRE_STOP_FAULT);
	n_words--;
	UNWIND_OPAQUE(n_words);
	ip = s->window[n_words & UNWIND_WINDOW_WORDS];
	if (how == ROW_FP_CFA && n_words) {
		fp = s->window[0];
	} else if (how == ROW_FP_CFA) {
		if (!read_window(walk, memory, cfa + (__u64)(__s64)(fp_at * 8), 1))
			return end_walk(s, WIRE_STOP_FAULT);
		fp = s->window[0];
	} else if (how == ROW_FP_UNKNOWN) {
		fp = 0;
	}
	return to_caller_by_row(walk, ip, cfa, fp);
}

/* From the frame at hand to its caller. Returns 1 when the walk has ended. */
static __always_inline long unwind_step(struct unwind_walk *walk, enum unwind_memory memory)
{
	struct unwind_state *s = walk->state;
	__u64 pc = s->exact ? s->ip : s->ip - 1, row;

	if (!find_mapping(s, pc))
		return step_by_fp(walk, memory, WIRE_STOP_NO_MAPPING);
	row = find_row(s, pc);
	s->by_fp = s->by_fp && ROW_KIND(row) == ROW_CFA_NONE;
	switch (ROW_KIND(row)) {
	case ROW_CFA_NONE:
		return step_by_fp(walk, memory, WIRE_STOP_NO_ROW);
	case ROW_CFA_SIGNAL:
		return step_over_signal(walk, memory);
	case ROW_CFA_STOP:
		return end_walk(s, WIRE_STOP_END);
	}
	return step_by_row(walk, memory, row);
}

/* ---- a walk ---- */

/*
 * UNWIND_WALKER(name, memory) makes name(walk): all frames from that of state->ip on into words
 * from state->at to before state->end. The state's registers, at, end, exact and epoch are the
 * caller's to set, and its mappings by unwind_begin(). Afterwards `at` is behind the last frame and
 * `stop` says why there is no more.
 *
 * The bounded loop calls the step, though there is but one: where a call returns, the verifier sees
 * that all ways through the step lead to the same, and looks at 0.2 M instructions in all, while
 * inlined it gave up after 1 M.
 */
#define UNWIND_WALKER(name, memory)                                                                \
	static __attribute__((noinline)) long name##_step(__u32 i, struct unwind_walk *walk)       \
	{                                                                                          \
		(void)i;                                                                           \
		return unwind_step(walk, memory);                                                  \
	}                                                                                          \
                                                                                                   \
	static __always_inline void name(struct unwind_walk *walk)                                 \
	{                                                                                          \
		struct unwind_state *s = walk->state;                                              \
		__u32 n = s->end - s->at;                                                          \
                                                                                                   \
		if (push_frame(walk, WIRE_FRAME_USER))                                             \
			return;                                                                    \
		if (unwind_with_bpf_loop &&                                                        \
		    bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop)) {                 \
			bpf_loop(n, name##_step, walk, 0);                                         \
		} else {                                                                           \
			for (__u32 i = 0; i < UNWIND_BOUNDED_FRAMES; i++)                          \
				if (name##_step(i, walk))                                          \
					break;                                                     \
		}                                                                                  \
		if (s->stop == WIRE_STOP_NONE)                                                     \
			s->stop = WIRE_STOP_LIMIT;                                                 \
	}

static __always_inline bool use_process(struct unwind_state *s, __u32 pid, __u64 start_boot_ns,
					__u32 exec_id, __u64 start_code)
{
	struct unwind_process *process = bpf_map_lookup_elem(&unwind_processes, &pid);

	if (!process || process->exec_id != exec_id || process->start_code != start_code ||
	    (start_boot_ns && process->start_boot_ns != start_boot_ns))
		return false;
	s->mappings = process->mappings;
	s->n_mappings = process->n_mappings;
	return true;
}

/*
 * Finds the mappings of the thread's process, before a walk. A child that nothing is known of yet
 * has its parent's, as long as both run the program that the parent ran when it forked: address and
 * number of execs are those of the parent then, and with address space layout randomisation only
 * then.
 */
static __always_inline void unwind_begin(struct unwind_state *s, struct task_struct *task,
					 __u64 mono_ns)
{
	__u64 start_code = task->mm->start_code;
	__u32 exec_id = task->self_exec_id;

	s->mapping.start = s->mapping.end = s->index = 0;
	s->mappings = s->n_mappings = 0;
	s->by_fp = 0;
	s->epoch = UNWIND_EPOCH(mono_ns);
	s->stop = WIRE_STOP_NONE;
	if (!use_process(s, task->tgid, task->group_leader->start_boottime, exec_id, start_code))
		(void)use_process(s, task->real_parent->tgid, 0, exec_id, start_code);
}

#endif
