// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sampled_waits.c - see sampled_waits.h. The drawing rule is that of bpf/offcpu.bpf.c, written down
 * once more: a chance from the thread's own history, fixed when the wait begins.
 */
#include "sampled_waits.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "profile.h"

#define LONG_NS	     (1u << 23) /* WIRE_LONG_WAIT_NS */
#define WEIGHT_MAX   10
#define BINS	     80 /* more than the longest wait of any scene needs */
#define WINDOW_NS    100e6
#define BETWEEN_NS   20e3 /* on the CPU between two waits */
#define PARETO_RANGE 1e3

struct thread {
	double next_ns; /* when it blocks next */
	double predicted_ns;
};

struct simulation {
	const struct waits_scene *scene;
	uint64_t random;
	double spare_normal;
	bool has_spare;
	double m;
	unsigned captures; /* in this window */
	double window_until_ns;
	struct thread threads[WAITS_THREADS];
	/* [exact or weight][bin]; counts of samples */
	struct cell {
		uint64_t n, ns;
	} cells[WAITS_STACKS][1 + WEIGHT_MAX + 1][BINS];
};

/* splitmix64: uniform in (0, 1). */
static double uniform(struct simulation *s)
{
	uint64_t z = s->random += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	z ^= z >> 31;
	return ((double)(z >> 11) + 0.5) / (double)(1ull << 53);
}

static double normal(struct simulation *s)
{
	double radius, angle;

	if (s->has_spare) {
		s->has_spare = false;
		return s->spare_normal;
	}
	radius = sqrt(-2 * log(uniform(s)));
	angle = 2 * M_PI * uniform(s);
	s->spare_normal = radius * sin(angle);
	s->has_spare = true;
	return radius * cos(angle);
}

static double draw_wait(struct simulation *s, double scale_ns, double now_ns)
{
	const double parameter = s->scene->parameter;

	switch (s->scene->shape) {
	case WAITS_LOG_NORMAL:
		return scale_ns * exp(parameter * (normal(s) - parameter / 2));
	case WAITS_PARETO:
		/* The inverse of the distribution function, cut at PARETO_RANGE; its mean is about
		 * three times the least. */
		return scale_ns / 3 *
		       pow(1 - uniform(s) * (1 - pow(PARETO_RANGE, -parameter)), -1 / parameter);
	case WAITS_BIMODAL:
		return scale_ns * (uniform(s) < 0.1 ? 10 : 0.1) * (0.5 + uniform(s));
	case WAITS_DRIFTING:
		return -log(uniform(s)) * scale_ns *
		       pow(30, sin(2 * M_PI * now_ns / s->scene->run_ns) / 2);
	default:
		return 0;
	}
}

/* The weight's logarithm for the thread as it is: 1/q is a power of two, not below. */
static unsigned choose_weight(const struct simulation *s, const struct thread *thread)
{
	double q = s->m * thread->predicted_ns / LONG_NS;
	unsigned log2 = 0;

	while (q < 1 && log2 < WEIGHT_MAX) {
		q *= 2;
		log2++;
	}
	return log2;
}

static void end_windows(struct simulation *s, double now_ns)
{
	for (; now_ns >= s->window_until_ns; s->window_until_ns += WINDOW_NS) {
		if (s->captures < s->scene->budget / 2)
			s->m *= 2;
		else
			s->m *= (double)s->scene->budget / s->captures;
		s->m = fmin(fmax(s->m, 0x1p-10), 0x1p10);
		s->captures = 0;
	}
}

static void predict(struct thread *thread, double wait_ns)
{
	thread->predicted_ns += (wait_ns - thread->predicted_ns) / 8;
	if (wait_ns >= LONG_NS && thread->predicted_ns < LONG_NS / 2.0)
		thread->predicted_ns = LONG_NS / 2.0;
}

static void step(struct simulation *s, struct thread *thread, struct waits_run *run)
{
	static const double scales_ns[WAITS_THREADS] = {200e3, 400e3, 700e3, 1200e3};
	static const double share[WAITS_STACKS_EACH] = {1, 2.5};
	unsigned t = (unsigned)(thread - s->threads), log2;
	unsigned k = uniform(s) < 0.6 ? 0 : 1, stack = t * WAITS_STACKS_EACH + k;
	bool drawn;
	uint64_t ns;
	struct cell *cell;

	end_windows(s, thread->next_ns);
	log2 = choose_weight(s, thread);
	drawn = uniform(s) < 1.0 / (1u << log2);
	ns = (uint64_t)draw_wait(s, scales_ns[t] * share[k], thread->next_ns);
	s->captures += drawn;
	run->n_waits++;
	run->n_drawn += drawn;
	run->truth_ns[stack] += (double)ns;
	predict(thread, (double)ns);
	thread->next_ns += (double)ns - log(uniform(s)) * BETWEEN_NS;
	if (ns >= LONG_NS)
		run->truth_exact_ns[stack] += (double)ns;
	else if (!drawn)
		return;
	assert_true(latency_bin_of(ns) < BINS);
	cell = &s->cells[stack][ns >= LONG_NS ? 0 : 1 + log2][latency_bin_of(ns)];
	if (s->scene->stack_worth_more && k == 0)
		ns += ns / 5;
	cell->n++;
	cell->ns += ns;
}

static void add_row(struct estimate_sums *sums, uint32_t class, const struct cell *cell,
		    unsigned log2)
{
	assert_int_equal(
		estimate_add(sums, class, cell->n * PROFILE_COUNT_ONE << log2, cell->ns << log2),
		0);
}

static void add_up(const struct simulation *s, struct waits_run *run)
{
	for (unsigned stack = 0; stack < WAITS_STACKS; stack++) {
		run->ledger_ns += run->truth_ns[stack];
		for (unsigned w = 0; w < 2 + WEIGHT_MAX; w++)
			for (uint32_t bin = 0; bin < BINS; bin++) {
				const struct cell *cell = &s->cells[stack][w][bin];
				unsigned log2 = w ? w - 1 : 0;
				struct wait_class class = {.bin = bin,
							   .state = WAIT_STATE_SLEEP,
							   .exact = !w,
							   .weight_log2 = log2};

				if (!cell->n)
					continue;
				add_row(&run->sums[stack], wait_class_pack(&class), cell, log2);
				add_row(&run->group, wait_class_pack(&class), cell, log2);
			}
	}
}

void waits_run(const struct waits_scene *scene, unsigned seed, struct waits_run *ret)
{
	struct simulation s = {
		.scene = scene,
		.random = seed * 0x2545f4914f6cdd1dull,
		.m = 1,
		.window_until_ns = WINDOW_NS,
	};

	*ret = (struct waits_run){};
	for (unsigned t = 0; t < WAITS_THREADS; t++)
		s.threads[t] = (struct thread){uniform(&s) * 1e6, LONG_NS / 2.0};
	for (;;) {
		struct thread *first = &s.threads[0];

		for (unsigned t = 1; t < WAITS_THREADS; t++)
			if (s.threads[t].next_ns < first->next_ns)
				first = &s.threads[t];
		if (first->next_ns >= scene->run_ns)
			break;
		step(&s, first, ret);
	}
	add_up(&s, ret);
}
