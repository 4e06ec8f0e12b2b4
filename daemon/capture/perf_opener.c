// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * perf_opener.c - see perf_opener.h.
 */
#include "capture/perf_opener.h"

#include "capabilities.h"
#include "capture/perf_server.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define ANSWER_WAIT_S 1
#define END_WAIT_MS   1000

struct perf_opener {
	uint32_t n_cpus;
	pid_t pid;  /* of the child; 0 = there is none */
	int socket; /* -1 once the child is not asked any more */
};

static int fork_server(struct perf_opener *opener)
{
	const struct timeval wait = {.tv_sec = ANSWER_WAIT_S};
	int sockets[2], parent = (int)getpid();

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	opener->socket = sockets[0];
	if (setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0 &&
	    setsockopt(sockets[0], SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) == 0)
		opener->pid = fork();
	else
		opener->pid = -1;
	if (opener->pid == 0)
		perf_server_run(sockets[1], opener->n_cpus, parent);
	if (opener->pid < 0) {
		int r = -errno;

		opener->pid = 0;
		(void)close(sockets[1]);
		return r;
	}
	(void)close(sockets[1]);
	return 0;
}

int perf_opener_new(struct perf_opener **ret)
{
	_cleanup_(perf_opener_freep) struct perf_opener *opener = calloc(1, sizeof(*opener));
	int n_cpus = libbpf_num_possible_cpus(), r = 0;
	uint64_t have;

	if (!opener)
		return -ENOMEM;
	opener->socket = -1;
	if (n_cpus < 0)
		return n_cpus;
	opener->n_cpus = (uint32_t)n_cpus;
	if (capabilities_read(&have) == 0 && have & CAPABILITY_BIT(CAP_SYS_ADMIN))
		r = fork_server(opener);
	if (r < 0)
		return r;
	*ret = take_ptr(opener);
	return 0;
}

/* Waits for the child's end, by force after a while. */
static void end_server(pid_t pid)
{
	struct pollfd end = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
	int ready = 0;

	while (end.fd >= 0 && (ready = poll(&end, 1, END_WAIT_MS)) < 0 && errno == EINTR)
		;
	if (ready <= 0)
		(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	close_p(&end.fd);
}

struct perf_opener *perf_opener_free(struct perf_opener *opener)
{
	if (!opener)
		return NULL;
	close_p(&opener->socket);
	if (opener->pid > 0)
		end_server(opener->pid);
	free(opener);
	return NULL;
}

/* Returns the descriptor that came with the answer, or what went wrong. */
static int receive(int socket)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct perf_answer body;
	struct iovec part = {.iov_base = &body, .iov_len = sizeof(body)};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	_cleanup_close_ int fd = -1;
	struct cmsghdr *header;
	ssize_t n;

	do {
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -EPIPE;
	header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
	    header->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(header), sizeof(int));
	if (n != sizeof(body))
		return -EPIPE;
	if (body.error)
		return body.error < 0 ? body.error : -EPIPE;
	if (fd < 0) /* this process has too many descriptors to be given one */
		return -EMFILE;
	return take_fd(&fd);
}

/* A child that failed to answer once is not asked again: its late answer would be taken for the
 * next one, and each question would hold the event loop up. */
static int ask(struct perf_opener *opener, const struct perf_request *request)
{
	int r;

	if (opener->socket < 0)
		return -EPIPE;
	if (send(opener->socket, request, sizeof(*request), MSG_NOSIGNAL) < 0)
		r = errno == EAGAIN ? -ETIMEDOUT : -EPIPE;
	else
		r = receive(opener->socket);
	if (r == -EPIPE || r == -ETIMEDOUT) {
		(void)close(opener->socket);
		opener->socket = -1;
	}
	return r;
}

int perf_opener_event(struct perf_opener *opener, enum perf_event_kind kind, int cpu,
		      uint64_t period_ns)
{
	struct perf_request request = {.kind = PERF_REQUEST_EVENT,
				       .event = (uint32_t)kind,
				       .cpu = (uint32_t)cpu,
				       .period_ns = period_ns};

	if (perf_server_check(&request, sizeof(request), opener->n_cpus) < 0)
		return -EINVAL;
	return opener->pid ? ask(opener, &request) : perf_event_open_on(kind, cpu, period_ns);
}

int perf_opener_stats(struct perf_opener *opener)
{
	struct perf_request request = {.kind = PERF_REQUEST_STATS};
	int fd;

	if (opener->pid)
		return ask(opener, &request);
	fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	return fd < 0 ? -errno : fd;
}

pid_t perf_opener_pid(const struct perf_opener *opener)
{
	return opener->pid;
}
