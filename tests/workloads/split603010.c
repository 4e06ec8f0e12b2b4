/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * split603010.c - a workload: one thread burns CPU time in burn_alpha, burn_beta and burn_gamma,
 * 60/30/10 %.
 *
 * The functions take turns in slices of about a millisecond, drawn at random from a fixed seed, so
 * that no sampling rate can keep step with them. At the end it prints as JSON what its CPU clock
 * measured for each. With --plant it burns 72/21/7 % and reports as if it had burnt 60/30/10: a
 * profile that agrees with that report is wrong, and a check that accepts it finds nothing.
 *
 * Usage: split603010 CPU_SECONDS [--plant]
 */
#include "burn.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define SLICE_NS  1000000
#define N_BURNERS 3

DEFINE_BURNER(burn_alpha, 6364136223846793005ull);
DEFINE_BURNER(burn_beta, 2862933555777941757ull);
DEFINE_BURNER(burn_gamma, 3202034522624059733ull);

static const burner burners[N_BURNERS] = {burn_alpha, burn_beta, burn_gamma};
static const unsigned int true_percent[N_BURNERS] = {60, 30, 10};
static const unsigned int planted_percent[N_BURNERS] = {72, 21, 7};

static unsigned int draw(uint64_t *state, const unsigned int percent[N_BURNERS])
{
	unsigned int x = (unsigned int)(next_random(state) >> 32) % 100;

	for (unsigned int i = 0; i < N_BURNERS - 1; i++) {
		if (x < percent[i])
			return i;
		x -= percent[i];
	}
	return N_BURNERS - 1;
}

/* Burns until the functions together took `total_ns`; spent_ns[i] is the time of function i. */
static void burn_shares(uint64_t total_ns, const unsigned int percent[N_BURNERS],
			uint64_t spent_ns[N_BURNERS])
{
	uint64_t state = UINT64_C(0x9e3779b97f4a7c15), start = thread_cpu_ns(), sum = 0;
	/* One number for all three: their loops cost the same, so the shares are those drawn. */
	uint64_t rounds = calibrate(burn_alpha, SLICE_NS);

	memset(spent_ns, 0, N_BURNERS * sizeof(*spent_ns));
	spent_ns[0] = sum = thread_cpu_ns() - start;
	while (sum < total_ns) {
		unsigned int i = draw(&state, percent);
		uint64_t took;

		start = thread_cpu_ns();
		(void)burners[i](rounds);
		took = thread_cpu_ns() - start;
		spent_ns[i] += took;
		sum += took;
	}
}

int main(int argc, char **argv)
{
	bool plant = argc == 3 && strcmp(argv[2], "--plant") == 0;
	uint64_t spent_ns[N_BURNERS], sum = 0;
	struct rusage usage = {0};

	if (argc < 2 || (argc > 2 && !plant)) {
		fprintf(stderr, "usage: split603010 CPU_SECONDS [--plant]\n");
		return 2;
	}
	burn_shares(strtoull(argv[1], NULL, 10) * NSEC_PER_SEC,
		    plant ? planted_percent : true_percent, spent_ns);
	for (unsigned int i = 0; i < N_BURNERS; i++)
		sum += spent_ns[i];
	for (unsigned int i = 0; plant && i < N_BURNERS; i++)
		spent_ns[i] = sum * true_percent[i] / 100;
	(void)getrusage(RUSAGE_SELF, &usage);
	printf("{\"pid\":%d,\"burn_alpha\":%" PRIu64 ",\"burn_beta\":%" PRIu64
	       ",\"burn_gamma\":%" PRIu64 ",\"cpu_ns\":%" PRIu64 ",\"switches\":%ld}\n",
	       getpid(), spent_ns[0], spent_ns[1], spent_ns[2], thread_cpu_ns(),
	       usage.ru_nvcsw + usage.ru_nivcsw);
	return 0;
}
