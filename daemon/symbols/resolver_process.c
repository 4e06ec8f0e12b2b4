// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * resolver_process.c - see resolver_process.h.
 */
#include "symbols/resolver_process.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define START_WAIT_NS  10000000000ull
#define END_WAIT_MS    5000 /* taking a large address space apart takes a while on a busy machine */
#define LINGERING_MAX  4
#define STARVED_TIMES  10	      /* the deadline, for one that gets no CPU */
#define LONG_LIFE_NS   60000000000ull /* after it, the back-off begins anew */
#define NSEC_PER_MSEC  1000000ull
#define ARGUMENT_BYTES 16

/* Why one ended that was not asked to. */
enum cause {
	CAUSE_FAULT,  /* by a signal for what it did itself, or it was ended for a lie */
	CAUSE_KILLED, /* SIGKILL by somebody else */
	CAUSE_OTHER,
};

struct resolver_process {
	struct resolver_process_options options;
	pid_t pid;			/* 0 = none */
	pid_t lingering[LINGERING_MAX]; /* killed, and not ended when that was waited for */
	int socket;
	uint64_t started_ns;
	uint64_t next_backoff_ns, not_before_ns; /* the time before which it is not started */
	_Atomic uint64_t n_failures;		 /* other threads look at it */
	enum cause cause;			 /* of the last failure */
	bool said;				 /* that it cannot be started */
	struct packet ready;
	/* Of the request that was sent last. */
	struct resolver_head asked;
};

static uint64_t mono_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/* CPU time of the process, 0 when that cannot be told. */
static uint64_t cpu_ns(pid_t pid)
{
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) < 0)
		return 0;
	return (uint64_t)used.tv_sec * 1000000000ull + (uint64_t)used.tv_nsec;
}

int resolver_process_new(const struct resolver_process_options *options,
			 struct resolver_process **ret)
{
	struct resolver_process *process = calloc(1, sizeof(*process));

	if (!process)
		return -ENOMEM;
	process->options = *options;
	process->socket = -1;
	process->next_backoff_ns = options->backoff_ns;
	*ret = process;
	return 0;
}

/* ---- the end ---- */

/* Whether the process ends within that time. */
static bool ends_within(int pid_fd, int wait_ms)
{
	struct pollfd end = {.fd = pid_fd, .events = POLLIN};
	int n;

	do
		n = poll(&end, 1, wait_ms);
	while (n < 0 && errno == EINTR);
	return n > 0;
}

/*
 * One that hangs in the kernel ends when it comes back from there, and is reaped later. One that
 * is ending (its socket is closed) is left the time to do so: then the status tells by what.
 * Returns its status, or -1 when it had to be killed.
 */
static int end_process(struct resolver_process *process, pid_t pid, bool is_ending)
{
	_cleanup_close_ int pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	bool ended = is_ending && pid_fd >= 0 && ends_within(pid_fd, END_WAIT_MS);
	bool killed_too_late = false;
	int status = 0;

	if (!ended) {
		(void)kill(pid, SIGKILL);
		killed_too_late = pid_fd >= 0 && !ends_within(pid_fd, END_WAIT_MS);
	}
	/* What the descriptor says comes a moment before the process can be reaped, so that WNOHANG
	 * would miss it now and then. */
	if (waitpid(pid, &status, killed_too_late ? WNOHANG : 0) == pid)
		return ended ? status : -1;
	for (size_t i = 0; i < LINGERING_MAX; i++)
		if (!process->lingering[i]) {
			process->lingering[i] = pid;
			break;
		}
	return -1;
}

static void reap_lingering(struct resolver_process *process)
{
	for (size_t i = 0; i < LINGERING_MAX; i++)
		if (process->lingering[i] && waitpid(process->lingering[i], NULL, WNOHANG) != 0)
			process->lingering[i] = 0;
}

static enum cause cause_of(int status)
{
	if (status == -1 || !WIFSIGNALED(status))
		return CAUSE_OTHER;
	switch (WTERMSIG(status)) {
	case SIGKILL:
		return CAUSE_KILLED;
	case SIGSEGV:
	case SIGBUS:
	case SIGABRT:
	case SIGSYS:
	case SIGILL:
	case SIGFPE:
		return CAUSE_FAULT;
	default:
		return CAUSE_OTHER;
	}
}

static int stop(struct resolver_process *process, bool is_ending)
{
	int status = -1;

	close_p(&process->socket);
	process->socket = -1;
	if (process->pid)
		status = end_process(process, process->pid, is_ending);
	process->pid = 0;
	return status;
}

void resolver_process_stop(struct resolver_process *process)
{
	(void)stop(process, false);
}

/* `error`: what its socket said; -EPIPE it is ending. */
static void fail(struct resolver_process *process, int error)
{
	int status = stop(process, error == -EPIPE);
	uint64_t now_ns = mono_ns();

	process->cause = error == -EPROTO ? CAUSE_FAULT : cause_of(status);
	process->n_failures++;
	if (process->started_ns && now_ns - process->started_ns >= LONG_LIFE_NS)
		process->next_backoff_ns = process->options.backoff_ns;
	process->started_ns = 0;
	process->not_before_ns = now_ns + process->next_backoff_ns;
	process->next_backoff_ns *= 2;
	if (process->next_backoff_ns > process->options.backoff_max_ns)
		process->next_backoff_ns = process->options.backoff_max_ns;
}

void resolver_process_fail(struct resolver_process *process)
{
	fail(process, -EPROTO);
}

bool resolver_process_blames(const struct resolver_process *process,
			     struct resolver_suspect *suspect)
{
	if (process->cause == CAUSE_KILLED)
		return ++suspect->n_killed > RESOLVER_KILLED_MAX;
	return ++suspect->n_failures >= RESOLVER_FAILURES_MAX || process->cause == CAUSE_FAULT;
}

struct resolver_process *resolver_process_free(struct resolver_process *process)
{
	if (!process)
		return NULL;
	resolver_process_stop(process);
	free(process);
	return NULL;
}

/* ---- waiting ---- */

/* Waits for the socket (-1: only the time passes). 1 it is readable, 0 the time is over,
 * -ECANCELED. */
static int wait_until(const struct resolver_process *process, int socket, uint64_t end_ns)
{
	struct pollfd fds[] = {{.fd = socket, .events = POLLIN},
			       {.fd = process->options.cancel_fd, .events = POLLIN}};

	for (;;) {
		uint64_t now_ns = mono_ns(), left_ns = end_ns > now_ns ? end_ns - now_ns : 0;
		struct timespec left = {.tv_sec = (time_t)(left_ns / 1000000000ull),
					.tv_nsec = (long)(left_ns % 1000000000ull)};
		int n = ppoll(fds, ARRAY_SIZE(fds), &left, NULL);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0 && fds[1].revents)
			return -ECANCELED;
		if (n > 0)
			return 1;
		if (n == 0)
			return 0;
	}
}

/* The same for an answer: the time runs on while the process is not given the CPU. */
static int wait_for_answer(const struct resolver_process *process, uint64_t deadline_ns)
{
	uint64_t begin_cpu_ns = cpu_ns(process->pid), begin_ns = mono_ns(), end_ns = begin_ns;
	int r;

	do {
		end_ns += deadline_ns;
		r = wait_until(process, process->socket, end_ns);
	} while (r == 0 && cpu_ns(process->pid) - begin_cpu_ns < deadline_ns / 2 &&
		 end_ns - begin_ns < deadline_ns * STARVED_TIMES);
	return r;
}

/* ---- the start ---- */

/* In the child, between fork(2) and exec(2): nothing but system calls. */
__attribute__((noreturn)) static void become(const struct resolver_program *program, int socket,
					     char *const argv[])
{
	char *const environment[] = {NULL};

	/* All else is closed on exec, and by the program itself once more. */
	if (socket == RESOLVER_SOCKET_FD ? fcntl(socket, F_SETFD, 0) == 0
					 : dup2(socket, RESOLVER_SOCKET_FD) == RESOLVER_SOCKET_FD)
		(void)syscall(SYS_execveat, program->fd, "", argv, environment, AT_EMPTY_PATH);
	/* Not by _exit(): sanitizers have work to do there. */
	(void)syscall(SYS_exit_group, 127);
	__builtin_unreachable();
}

static int spawn(struct resolver_process *process)
{
	const struct resolver_program *program = process->options.program;
	char name[] = RESOLVER_PROGRAM_NAME;
	char parent[ARGUMENT_BYTES], uid[ARGUMENT_BYTES], gid[ARGUMENT_BYTES];
	char *argv[] = {name, parent, program->changes_user ? uid : NULL, gid, NULL};
	int sockets[2];
	pid_t pid;

	(void)snprintf(parent, sizeof(parent), "%d", (int)getpid());
	(void)snprintf(uid, sizeof(uid), "%u", program->uid);
	(void)snprintf(gid, sizeof(gid), "%u", program->gid);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		become(program, sockets[1], argv);
	if (pid < 0) {
		int r = -errno;

		(void)close(sockets[0]);
		(void)close(sockets[1]);
		return r;
	}
	(void)close(sockets[1]);
	process->pid = pid;
	process->socket = sockets[0];
	return 0;
}

/* Nothing is sent before it has said that it is in its sandbox. */
static int wait_ready(struct resolver_process *process)
{
	int r = wait_until(process, process->socket, mono_ns() + START_WAIT_NS);

	if (r <= 0)
		return r < 0 ? r : -ETIMEDOUT;
	r = packet_receive(process->socket, &process->ready, MSG_DONTWAIT);
	if (r < 0)
		return r;
	if (process->ready.head.kind != PACKET_READY || process->ready.n_fds ||
	    process->ready.head.n != RESOLVER_PROTOCOL_VERSION)
		r = -EPROTO;
	packet_close(&process->ready);
	return r;
}

static bool is_alive(const struct resolver_process *process)
{
	struct pollfd fd = {.fd = process->socket, .events = POLLIN};

	/* It says nothing unasked: what can be read is its end, or nonsense. */
	return process->pid && poll(&fd, 1, 0) == 0;
}

int resolver_process_try_start(struct resolver_process *process)
{
	int r;

	reap_lingering(process);
	if (is_alive(process))
		return 0;
	if (process->pid)
		resolver_process_fail(process);
	if (mono_ns() < process->not_before_ns)
		return -EAGAIN;
	r = spawn(process);
	if (r == 0)
		r = wait_ready(process);
	if (r == -ECANCELED) {
		resolver_process_stop(process);
		return r;
	}
	if (r < 0) {
		resolver_process_fail(process);
		if (!process->said)
			log_warning(RESOLVER_PROGRAM_NAME " cannot be started: %s; it is tried "
							  "again, and until then programs' "
							  "functions have no names",
				    r == -EPIPE ? "it ended at once" : strerror(-r));
		process->said = true;
		return r;
	}
	process->started_ns = mono_ns();
	process->said = false;
	return 1;
}

int resolver_process_start(struct resolver_process *process)
{
	for (;;) {
		int r = resolver_process_try_start(process);

		if (r >= 0 || r == -ECANCELED)
			return r;
		r = wait_until(process, -1, process->not_before_ns);
		if (r < 0)
			return r;
	}
}

/* ---- questions ---- */

int resolver_process_ask(struct resolver_process *process, const struct packet *request)
{
	int r = process->pid ? packet_send(process->socket, request, MSG_DONTWAIT) : -EPIPE;

	process->asked = request->head;
	if (r < 0 && process->pid)
		fail(process, r);
	return r < 0 ? -EPIPE : 0;
}

int resolver_process_receive(struct resolver_process *process, uint64_t deadline_ns,
			     struct packet *ret)
{
	int r;

	if (!process->pid)
		return -EPIPE;
	r = wait_for_answer(process, deadline_ns);
	if (r == -ECANCELED)
		return r;
	if (r == 0)
		r = -ETIMEDOUT;
	if (r > 0)
		r = packet_receive(process->socket, ret, MSG_DONTWAIT);
	if (r == 0 &&
	    (ret->head.kind != process->asked.kind || ret->head.file != process->asked.file ||
	     ret->head.error > 0 || ret->n_fds)) {
		packet_close(ret);
		r = -EPROTO;
	}
	if (r < 0) {
		if (r != -ETIMEDOUT && r != -EPROTO)
			r = -EPIPE;
		fail(process, r);
		return r;
	}
	return 0;
}

uint64_t resolver_process_failures(const struct resolver_process *process)
{
	return process->n_failures;
}

pid_t resolver_process_pid(const struct resolver_process *process)
{
	return process->pid;
}
