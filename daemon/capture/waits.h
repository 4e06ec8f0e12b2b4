/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * waits.h - the waits that go on, by thread: where each one's stack lies, and who ended it.
 *
 * A wait's stack comes when it begins, what it is worth when it ends; in between it is here. A
 * thread has one wait at a time. Bounded: what finds no room is counted, and its time is then known
 * without its stack. It knows no bucket and no symbols.
 */
#ifndef PROFD_WAITS_H
#define PROFD_WAITS_H

#include "capture/stack_places.h"
#include "cleanup.h"

#define WAITS_MAX	65536
#define WAITS_BYTES_MAX (16u << 20)

/* The waker's stack; nobody's but the wait's. */
struct wait_waker {
	char *label; /* names its thread; "" for an interrupt */
	uint32_t n;
	struct stack_place places[];
};

struct wait {
	uint32_t tid; /* 0: a free slot */
	uint32_t next_free;
	uint64_t begin_mono_ns;
	struct stack_place *places; /* leaf first; none: only its waker is known */
	uint32_t n;
	int64_t owed_ns;	  /* passes charged it with so much more than buckets were given */
	bool kernel_only;	  /* the user part of its stack was not taken */
	bool charged;		  /* a bucket was charged with it, on this stack */
	bool seen;		  /* to be set by who sees that it goes on; waits_sweep() */
	bool unconfirmed;	  /* only its late stack says so: it may have ended before */
	struct wait_waker *waker; /* NULL: nobody yet, or not known */
};

struct waits;

struct waits_counters {
	uint64_t n_lost; /* waits whose end never came */
	uint64_t n_late; /* stacks of waits that had ended: there was no such wait any more */
	uint64_t n_full; /* stacks beyond the limits, or without memory */
};

int waits_new(uint32_t max_waits, size_t max_bytes, struct waits **ret);
struct waits *waits_free(struct waits *waits);
DEFINE_CLEANUP(struct waits *, waits_free);

/* A wait begins, or its stack is better known than before. The places are copied. Returns the wait;
 * NULL, counted, when there is no room: what was known of the same wait stays then. */
struct wait *waits_begin(struct waits *waits, uint32_t tid, uint64_t begin_mono_ns,
			 const struct stack_place *places, uint32_t n, bool kernel_only);

/* The stack of a wait was taken while it went on, and the wait may have ended since: one that is
 * not here is unconfirmed until something else says that it goes on; another one of the thread is
 * newer, and stays. */
void waits_late(struct waits *waits, uint32_t tid, uint64_t begin_mono_ns,
		const struct stack_place *places, uint32_t n);

/* The thread's wait that began then, or NULL. Valid until another one begins or ends. */
struct wait *waits_find(struct waits *waits, uint32_t tid, uint64_t begin_mono_ns);

/* Notes who ended it. `label` is copied. A wait that is not here has no stack then (n 0). Returns
 * 0; -ENOENT when the thread is in a later one; -ENOMEM, counted. */
int waits_wake(struct waits *waits, uint32_t tid, uint64_t begin_mono_ns, const char *label,
	       const struct stack_place *places, uint32_t n);

/* The thread runs again, since a wait that began then; another one that is here is lost. */
void waits_end(struct waits *waits, uint32_t tid, uint64_t begin_mono_ns);
/* The thread is no more. */
void waits_forget(struct waits *waits, uint32_t tid);

/* Forgets, as lost, what began before that time and was not seen to go on since the sweep before:
 * the end of the wait was lost, and then the end of the thread. */
void waits_sweep(struct waits *waits, uint64_t before_mono_ns);

uint32_t waits_n(const struct waits *waits);
const struct waits_counters *waits_counters(const struct waits *waits);

#endif
