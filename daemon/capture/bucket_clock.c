// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bucket_clock.c - see bucket_clock.h.
 */
#include "capture/bucket_clock.h"

static void begin(struct bucket_clock *clock, uint64_t start_real_ns, uint64_t begin_mono_ns,
		  struct clock_reading now)
{
	clock->start_real_ns = start_real_ns;
	clock->begin_mono_ns = begin_mono_ns;
	clock->offset_ns = (int64_t)(now.real_ns - now.mono_ns);
	clock->end_mono_ns = start_real_ns + clock->duration_ns - (uint64_t)clock->offset_ns;
}

static uint64_t aligned(const struct bucket_clock *clock, uint64_t real_ns)
{
	return real_ns - real_ns % clock->duration_ns;
}

void bucket_clock_start(struct bucket_clock *clock, uint64_t duration_ns, struct clock_reading now)
{
	*clock = (struct bucket_clock){.duration_ns = duration_ns};
	begin(clock, aligned(clock, now.real_ns), now.mono_ns, now);
}

bool bucket_clock_is_over(const struct bucket_clock *clock, uint64_t mono_ns)
{
	return mono_ns >= clock->end_mono_ns;
}

bool bucket_clock_stepped(const struct bucket_clock *clock, struct clock_reading now)
{
	int64_t moved_ns = (int64_t)(now.real_ns - now.mono_ns) - clock->offset_ns;

	return moved_ns > (int64_t)BUCKET_CLOCK_STEP_NS ||
	       moved_ns < -(int64_t)BUCKET_CLOCK_STEP_NS;
}

uint64_t bucket_clock_next(struct bucket_clock *clock, struct clock_reading now)
{
	bool over = bucket_clock_is_over(clock, now.mono_ns);
	uint64_t end_mono_ns = over ? clock->end_mono_ns : now.mono_ns;
	uint64_t covered_ns =
		end_mono_ns > clock->begin_mono_ns ? end_mono_ns - clock->begin_mono_ns : 0;

	if (bucket_clock_stepped(clock, now)) {
		clock->n_steps++;
		begin(clock, aligned(clock, now.real_ns), now.mono_ns, now);
	} else if (over) {
		/* The very next one, however late it is: what was sampled meanwhile waits in the
		 * ring and belongs there. Its end follows the wall clock, which may be slewed. */
		begin(clock, clock->start_real_ns + clock->duration_ns, end_mono_ns, now);
	} else {
		begin(clock, aligned(clock, now.real_ns), now.mono_ns, now);
	}
	return covered_ns;
}
