// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bucket_clock.c - see bucket_clock.h.
 */
#include "capture/bucket_clock.h"

static void begin(struct bucket_clock *clock, struct clock_reading now, uint64_t begin_mono_ns)
{
	clock->start_real_ns = now.real_ns - now.real_ns % clock->duration_ns;
	clock->begin_mono_ns = begin_mono_ns;
	clock->end_mono_ns =
		now.mono_ns + (clock->start_real_ns + clock->duration_ns - now.real_ns);
	clock->offset_ns = (int64_t)(now.real_ns - now.mono_ns);
}

void bucket_clock_start(struct bucket_clock *clock, uint64_t duration_ns, struct clock_reading now)
{
	*clock = (struct bucket_clock){.duration_ns = duration_ns};
	begin(clock, now, now.mono_ns);
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
	bool stepped = bucket_clock_stepped(clock, now);
	bool over = bucket_clock_is_over(clock, now.mono_ns);
	uint64_t end_mono_ns = over ? clock->end_mono_ns : now.mono_ns;
	uint64_t covered_ns =
		end_mono_ns > clock->begin_mono_ns ? end_mono_ns - clock->begin_mono_ns : 0;
	uint64_t next_real_ns = clock->start_real_ns + clock->duration_ns;

	clock->n_steps += stepped;
	/* The wall clock was slewed back a little: by its own reading the bucket goes on. */
	if (over && !stepped && now.real_ns < next_real_ns)
		now.real_ns = next_real_ns;
	begin(clock, now, over ? end_mono_ns : now.mono_ns);
	/* Time that passed in between, in a suspended or stopped profd, was not sampled. */
	if (clock->end_mono_ns - clock->begin_mono_ns > clock->duration_ns)
		clock->begin_mono_ns = now.mono_ns;
	return covered_ns;
}
