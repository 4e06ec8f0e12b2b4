/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stopper.c - a workload: a child that would never wait is stopped by its parent for 300 ms, goes
 * on for 200 ms, and so on.
 *
 * Prints as JSON what the child knows of itself (waited.h) and, as its waits, how long the parent
 * kept it stopped: from when it knew that it had stopped to when it let it go on.
 *
 * Usage: stopper TIMES
 */
#include "waited.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define STOPPED_NS 300000000
#define GOES_ON_NS 200000000

DEFINE_BURNER(burn_unless_stopped, 3935559000370003845ull);

struct shared {
	volatile int over;
	struct waited waited;
};

static void sleep_ns(uint64_t ns)
{
	struct timespec t = {(time_t)(ns / NSEC_PER_SEC), (long)(ns % NSEC_PER_SEC)};

	(void)nanosleep(&t, NULL);
}

static void run_child(struct shared *s)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	waited_begin(&s->waited);
	while (!s->over)
		(void)burn_unless_stopped(100000);
	waited_end(&s->waited);
	_exit(0);
}

static void stop_once(struct shared *s, pid_t pid)
{
	uint64_t since_ns;
	int status;

	if (kill(pid, SIGSTOP) < 0 || waitpid(pid, &status, WUNTRACED) != pid)
		abort();
	since_ns = mono_ns();
	sleep_ns(STOPPED_NS);
	if (kill(pid, SIGCONT) < 0)
		abort();
	waited_add(&s->waited.parts[0], "burn_unless_stopped", since_ns);
	sleep_ns(GOES_ON_NS);
}

int main(int argc, char **argv)
{
	struct shared *s =
		mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 1;
	pid_t pid;

	if (argc != 2 || s == MAP_FAILED) {
		fprintf(stderr, "usage: stopper TIMES\n");
		return 2;
	}
	(void)snprintf(s->waited.name, sizeof(s->waited.name), "stopped");
	pid = fork();
	if (pid == 0)
		run_child(s);
	if (pid < 0)
		return 1;
	sleep_ns(GOES_ON_NS);
	for (int i = 0; i < atoi(argv[1]); i++)
		stop_once(s, pid);
	s->over = 1;
	(void)waitpid(pid, &status, 0);
	printf("{\"pid\":%d,\"threads\":[", pid);
	waited_print(&s->waited);
	printf("]}\n");
	return status != 0;
}
