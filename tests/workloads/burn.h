/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * burn.h - how the workloads use up CPU time so that the answer is known.
 *
 * A burner is a loop without calls, so all its time is its own; the workloads compile one each
 * under a name of their own. Time is measured around whole slices by the thread's CPU clock, which
 * is the truth that a profile is held against.
 */
#ifndef WORKLOAD_BURN_H
#define WORKLOAD_BURN_H

#include <stdint.h>
#include <time.h>

/* A function that stays one in the stacks: neither inlined nor cloned under another name. */
#if __has_attribute(noclone)
#define KEPT_FUNCTION __attribute__((noinline, noclone))
#else
#define KEPT_FUNCTION __attribute__((noinline))
#endif

/* gcc gives a leaf a frame only when it is asked for. FRAMELESS: built without frame pointers. */
#ifdef FRAMELESS
#define WANT_FRAME() ((void)0)
#else
#define WANT_FRAME() __asm__ volatile("" : : "r"(__builtin_frame_address(0)))
#endif

#define NSEC_PER_SEC UINT64_C(1000000000)

/*
 * Defines `name(rounds)`. Each needs a multiplier of its own: identical functions would be folded
 * into one by the compiler, and their times with them.
 */
#define DEFINE_BURNER(name, multiplier)                                                            \
	uint64_t name(uint64_t rounds);                                                            \
	KEPT_FUNCTION uint64_t name(uint64_t rounds)                                               \
	{                                                                                          \
		uint64_t x = rounds;                                                               \
		WANT_FRAME();                                                                      \
                                                                                                   \
		for (uint64_t i = 0; i < rounds; i++) {                                            \
			x = x * (multiplier) + i;                                                  \
			__asm__ volatile("" : "+r"(x));                                            \
		}                                                                                  \
		return x;                                                                          \
	}                                                                                          \
	struct burner_swallow_semicolon

typedef uint64_t (*burner)(uint64_t rounds);

/* CPU time of the calling thread. */
static inline uint64_t thread_cpu_ns(void)
{
	struct timespec ts = {0};

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* CPU time of that many rounds: the least of three, because in a guest the time that its host took
 * away is in it. */
static inline uint64_t rounds_cost_ns(burner burn, uint64_t rounds)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 3; i++) {
		uint64_t start = thread_cpu_ns(), took;

		(void)burn(rounds);
		took = thread_cpu_ns() - start;
		if (took < least)
			least = took;
	}
	return least;
}

/* Rounds of `burn` that take about `slice_ns` of CPU time on this machine. */
static inline uint64_t calibrate(burner burn, uint64_t slice_ns)
{
	uint64_t rounds = 1000, took = 0;

	while (took < slice_ns / 4) {
		rounds *= 2;
		took = rounds_cost_ns(burn, rounds);
	}
	return rounds * slice_ns / took;
}

/* A fixed sequence (xorshift64*), so that a run can be repeated; never 0. */
static inline uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

#endif
