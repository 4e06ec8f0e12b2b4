/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * steps.c - a workload that does what its command line says, one step after the other: the life of
 * a process put together by a test.
 *
 * Usage: steps STEP...
 *   first MS, second MS     burns that much CPU time in burn_first(), burn_second()
 *   threads MS              two threads of the names first-name and second-name do both at once
 *   fork                    a child does the rest; its parent waits for it
 *   each N                  the same N times, one child after the other
 *   exec PROGRAM            becomes that program, with the rest as its steps
 *   spawn N PROGRAM         N children become it, one after the other
 *   unlink PATH             removes it
 *   await PATH              waits until it is there
 *   box DIR pivot|chroot    as fork, in a pid and mount namespace of its own with that root
 * Exit code 0: all steps were done, also by the children.
 */
#include "burn.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

DEFINE_BURNER(burn_first, 6364136223846793005ull);
DEFINE_BURNER(burn_second, 3935559000370003845ull);

static int run(char **steps);

static int burn_for(burner burn, const char *ms)
{
	uint64_t goal_ns = thread_cpu_ns() + strtoull(ms, NULL, 10) * 1000000;
	uint64_t rounds = 300000; /* less than a ms: what asks for the time is hardly seen */

	while (thread_cpu_ns() < goal_ns)
		(void)burn(rounds);
	return 0;
}

struct worker {
	const char *name, *ms;
	burner burn;
	pthread_t thread;
};

static void *worker_run(void *arg)
{
	const struct worker *worker = arg;

	(void)pthread_setname_np(pthread_self(), worker->name);
	(void)burn_for(worker->burn, worker->ms);
	return NULL;
}

static int run_threads(const char *ms)
{
	struct worker workers[] = {{.name = "first-name", .ms = ms, .burn = burn_first},
				   {.name = "second-name", .ms = ms, .burn = burn_second}};

	for (int i = 0; i < 2; i++) {
		if (pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]))
			return 1;
	}
	for (int i = 0; i < 2; i++)
		(void)pthread_join(workers[i].thread, NULL);
	return 0;
}

static int become(char **program)
{
	(void)execv(program[0], program);
	perror(program[0]);
	return 1;
}

static int wait_for(pid_t pid)
{
	int status;

	return pid < 0 || waitpid(pid, &status, 0) != pid || status != 0;
}

/* `count` children one after the other, each of which does the steps. None outlives the test. */
static int have_children(const char *count, char **steps)
{
	for (unsigned long n = strtoul(count, NULL, 10); n; n--) {
		pid_t pid = fork();

		if (pid == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			_exit(run(steps));
		}
		if (wait_for(pid))
			return 1;
	}
	return 0;
}

/* The same with another program, without a copy of the memory in between. */
static int spawn(const char *count, char **program)
{
	volatile unsigned long n = strtoul(count, NULL, 10); /* behind vfork() it may be lost */

	for (; n; n--) {
		pid_t pid = vfork();

		if (pid == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			(void)execv(program[0], program);
			_exit(1);
		}
		if (wait_for(pid))
			return 1;
	}
	return 0;
}

static int await(const char *path)
{
	const struct timespec pause = {.tv_nsec = 2000000};

	while (access(path, F_OK) < 0)
		(void)nanosleep(&pause, NULL);
	return 0;
}

static int enter_box(const char *dir, const char *how)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWPID) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(dir, dir, NULL, MS_BIND, NULL) < 0 || chdir(dir) < 0)
		return 1;
	if (strcmp(how, "pivot") == 0)
		return syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
		       chdir("/") < 0;
	return chroot(".") < 0;
}

/* The steps that end this process's list. Returns its exit code, or -1 for another step. */
static int run_last(char **step)
{
	if (strcmp(step[0], "fork") == 0)
		return have_children("1", step + 1);
	if (!step[1])
		return -1;
	if (strcmp(step[0], "each") == 0)
		return have_children(step[1], step + 2);
	if (strcmp(step[0], "exec") == 0)
		return become(step + 1);
	if (!step[2])
		return -1;
	if (strcmp(step[0], "spawn") == 0)
		return spawn(step[1], step + 2);
	if (strcmp(step[0], "box") == 0)
		return enter_box(step[1], step[2]) ? 1 : have_children("1", step + 3);
	return -1;
}

static int run_step(const char *name, const char *argument)
{
	if (strcmp(name, "first") == 0)
		return burn_for(burn_first, argument);
	if (strcmp(name, "second") == 0)
		return burn_for(burn_second, argument);
	if (strcmp(name, "threads") == 0)
		return run_threads(argument);
	if (strcmp(name, "unlink") == 0)
		return unlink(argument) < 0;
	if (strcmp(name, "await") == 0)
		return await(argument);
	fprintf(stderr, "steps: no step '%s'; they are in the head of steps.c\n", name);
	return 2;
}

static int run(char **steps)
{
	int r = 0;

	for (; r == 0 && steps[0]; steps += 2) {
		int last = run_last(steps);

		if (last >= 0)
			return last;
		if (!steps[1])
			return 2;
		r = run_step(steps[0], steps[1]);
	}
	return r;
}

int main(int argc, char **argv)
{
	return argc > 1 ? run(argv + 1) : 0;
}
