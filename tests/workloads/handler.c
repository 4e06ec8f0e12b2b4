/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handler.c - a workload: signals interrupt a function at any instruction, and their handler burns
 * longer than that function does.
 *
 * Usage: handler [alternate]     runs until it is killed; with "alternate" on a stack of its own
 */
#include "burn.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define STACK_BYTES 65536
#define EVERY_US    2000

DEFINE_BURNER(handler_burn, 3202034522624059733ull);
DEFINE_BURNER(interrupted, 7664345821815920749ull);

void on_signal(int number);
KEPT_FUNCTION void on_signal(int number)
{
	uint64_t x = handler_burn(300000 + (uint64_t)number);

	__asm__ volatile("" : : "r"(x));
}

uint64_t caller(void);
KEPT_FUNCTION uint64_t caller(void)
{
	uint64_t x = 0;

	for (;;) {
		x += interrupted(100000);
		__asm__ volatile("" : "+r"(x));
	}
	return x;
}

int main(int argc, char **argv)
{
	const struct itimerval timer = {{0, EVERY_US}, {0, EVERY_US}};
	const stack_t stack = {.ss_sp = malloc(STACK_BYTES), .ss_size = STACK_BYTES};
	struct sigaction action = {.sa_handler = on_signal};

	if (argc > 1 && strcmp(argv[1], "alternate") == 0) {
		if (!stack.ss_sp || sigaltstack(&stack, NULL) < 0)
			return 1;
		action.sa_flags = SA_ONSTACK;
	}
	if (sigaction(SIGALRM, &action, NULL) < 0 || setitimer(ITIMER_REAL, &timer, NULL) < 0)
		return 1;
	return (int)caller();
}
