/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon_fixture.h - the real profd on a store of its own, the real profctl to ask it, and
 * workloads to look at.
 *
 * The programs are named by the environment (PROFD, PROFCTL, WORKLOADS: the build sets them).
 */
#ifndef TEST_DAEMON_FIXTURE_H
#define TEST_DAEMON_FIXTURE_H

#include "answer.h"
#include "child.h"

#include <limits.h>

#define READY_TIMEOUT_S 60
#define STOP_TIMEOUT_S	60

#define PROFCTL_NO_BUCKET 3 /* exit code: the store has none yet */

struct daemon_fixture {
	char dir[PATH_MAX / 2]; /* a temporary directory, all of it removed at the end */
	char store[PATH_MAX];	/* in it; profd makes it */
	char run[PATH_MAX];	/* likewise, for its control socket */
	char cache[PATH_MAX];	/* likewise, for its unwind tables */
	struct child profd;
};

/* cmocka fixtures: *state is a struct daemon_fixture. The second removes everything, and kills a
 * profd that still runs. */
int daemon_fixture_setup(void **state);
int daemon_fixture_teardown(void **state);

/* A test on a fixture of its own, for a table of cmocka tests. */
#define DAEMON_TEST(name)                                                                          \
	cmocka_unit_test_setup_teardown(name, daemon_fixture_setup, daemon_fixture_teardown)

/* The same without cmocka's state. */
void daemon_fixture_init(struct daemon_fixture *fixture);
void daemon_fixture_done(struct daemon_fixture *fixture);

/* Starts profd on the fixture's store with further options (NULL-terminated) and waits until it
 * says that it is ready; a profd that ends instead fails the test with what it said. */
void daemon_start(struct daemon_fixture *fixture, const char *const options[]);
/* The same with what child.h can do to it. */
void daemon_start_as(struct daemon_fixture *fixture, const struct child_options *child_options,
		     const char *const options[]);

/* Sends the signal and requires exit code 0. */
void daemon_stop(struct daemon_fixture *fixture, int signal);

/* Runs profd with these options, expecting it to end by itself; returns its exit code and what it
 * said on stderr, which the caller frees. */
int daemon_refused(const struct child_options *child_options, const char *const options[],
		   char **ret_message);

/* Runs profctl COMMAND --store STORE OPTIONS... and returns its exit code, which must be 0 or
 * PROFCTL_NO_BUCKET; stdout through ret_out, which the caller frees and which may be NULL. */
int profctl(const struct daemon_fixture *fixture, const char *command, const char *const options[],
	    char **ret_out);

/* profctl top -o json with these options over the last hour, all rows; exit code 0 is required. */
void profctl_top(const struct daemon_fixture *fixture, const char *const options[],
		 struct answer *ret);

/* ---- workloads ---- */

/* Starts the program `argv[0]` of tests/workloads, on one CPU unless `cpu` is -1. */
void workload_start(struct child *workload, int cpu, const char *const argv[]);

/* Copies a program of tests/workloads, so that it has a path of its own. */
void workload_copy(const char *name, const char *to);

/* Waits until it is executed; before that, its file must stay. */
void workload_wait_running(struct child *workload);

/* Waits for its end, requires exit code 0, and returns the truth it printed. */
json_t *workload_truth(struct child *workload);

/* An integer of a truth; a missing one fails the test. */
uint64_t truth_number(const json_t *truth, const char *key);

/* Ends the test program with the code for "skipped" when it may not load BPF. */
void require_root(void);

/* Runs a workload beside profd, ends profd, and returns the CPU time of burn_alpha in the store. */
uint64_t daemon_burn_and_stop(struct daemon_fixture *fixture);

#endif
