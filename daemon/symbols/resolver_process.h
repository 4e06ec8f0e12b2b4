/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * resolver_process.h - one profd-resolver: started, asked, killed, started again.
 *
 * It reads foreign files and may die, hang or lie by them. Whatever it does but answer in time and
 * in form ends it (by its pid), and the next start waits: first a little, then twice as long each
 * time. Knows nothing of what is asked; what the new one must be told again is the caller's. For
 * one thread, which must live as long as the process: the kernel ends the process with its thread.
 */
#ifndef PROFD_RESOLVER_PROCESS_H
#define PROFD_RESOLVER_PROCESS_H

#include "cleanup.h"
#include "resolver/packet.h"
#include "symbols/resolver_program.h"

#include <stdbool.h>

struct resolver_process;

struct resolver_process_options {
	const struct resolver_program *program; /* borrowed */
	int cancel_fd;	     /* readable: whoever waits here is to stop; borrowed; -1 = none */
	uint64_t backoff_ns; /* before it is started again, doubled up to the maximum */
	uint64_t backoff_max_ns;
};

#define RESOLVER_BACKOFF_NS	1000000000ull
#define RESOLVER_BACKOFF_MAX_NS 60000000000ull

int resolver_process_new(const struct resolver_process_options *options,
			 struct resolver_process **ret);
/* Kills it. Accepts NULL; returns NULL. */
struct resolver_process *resolver_process_free(struct resolver_process *process);
DEFINE_CLEANUP(struct resolver_process *, resolver_process_free);

/*
 * Makes sure that it runs; waits for as long as that takes. Returns 0 when it does as before, 1
 * when it is a new one that knows nothing, -ECANCELED.
 */
int resolver_process_start(struct resolver_process *process);
/* The same for one attempt without waiting. Also -errno of starting it, -EAGAIN before its time. */
int resolver_process_try_start(struct resolver_process *process);

/*
 * Sends a request, whose descriptors stay open, and receives one packet of the answer to it, which
 * has the same kind and file and no descriptors. The deadline is for a process that gets a CPU: one
 * that waits for its turn on a busy machine has ten times as long. Errors: -ECANCELED; -EPIPE it
 * ended, -ETIMEDOUT, -EPROTO: then it was killed.
 */
int resolver_process_ask(struct resolver_process *process, const struct packet *request);
int resolver_process_receive(struct resolver_process *process, uint64_t deadline_ns,
			     struct packet *ret);
/* Kills one whose answer is not as it must be. */
void resolver_process_fail(struct resolver_process *process);

/* What a process ended by while it read a file. */
struct resolver_suspect {
	unsigned int n_failures, n_killed;
};

#define RESOLVER_FAILURES_MAX 2 /* by which a file is blamed */
#define RESOLVER_KILLED_MAX   3 /* times that a file is asked for again after a foreign SIGKILL */

/*
 * After the process failed while it read the file of `suspect`: whether it is not to be given that
 * file again. At once when it ended by a fault (SIGSEGV and such) or broke the protocol; at the
 * second time when it did not answer or left by itself. A SIGKILL that profd did not send, by the
 * kernel for want of memory or by an administrator, blames nobody, but is suffered only
 * RESOLVER_KILLED_MAX times for one file: whatever takes that memory must have an end.
 */
bool resolver_process_blames(const struct resolver_process *process,
			     struct resolver_suspect *suspect);
/* Ends one that did nothing wrong; the next start is at once. */
void resolver_process_stop(struct resolver_process *process);

/* How often one ended that was not asked to, or could not be started. For any thread. */
uint64_t resolver_process_failures(const struct resolver_process *process);
/* 0 while there is none. */
pid_t resolver_process_pid(const struct resolver_process *process);

#endif
