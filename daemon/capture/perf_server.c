// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * perf_server.c - see perf_server.h.
 */
#include "capture/perf_server.h"

#include "capabilities.h"
#include "capture/perf_events.h"
#include "config.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define NSEC_PER_SEC_U 1000000000ull
#define SOCKET_FD      0 /* the only descriptor it has */

#define ALLOW_CALL(name)                                                                           \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1),                                     \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

int perf_server_check(const void *packet, size_t size, uint32_t n_cpus)
{
	struct perf_request request;

	if (size != sizeof(request))
		return -EINVAL;
	memcpy(&request, packet, sizeof(request));
	if (request.zero)
		return -EINVAL;
	if (request.kind == PERF_REQUEST_STATS)
		return request.event || request.cpu || request.period_ns ? -EINVAL : 0;
	if (request.kind != PERF_REQUEST_EVENT || request.cpu >= n_cpus)
		return -EINVAL;
	if (request.event == PERF_EVENT_SIDEBAND)
		return request.period_ns ? -EINVAL : 0;
	if (request.event != PERF_EVENT_CPU_CLOCK ||
	    request.period_ns < NSEC_PER_SEC_U / CONFIG_FREQUENCY_MAX_HZ ||
	    request.period_ns > NSEC_PER_SEC_U / CONFIG_FREQUENCY_MIN_HZ)
		return -EINVAL;
	return 0;
}

static int enable_stats(void)
{
	union bpf_attr attr = {.enable_stats.type = BPF_STATS_RUN_TIME};
	int fd = (int)syscall(SYS_bpf, BPF_ENABLE_STATS, &attr, sizeof(attr));

	return fd < 0 ? -errno : fd;
}

static int answer(int error, int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct perf_answer body = {.error = error};
	struct iovec part = {.iov_base = &body, .iov_len = sizeof(body)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (fd >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
	}
	return sendmsg(SOCKET_FD, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* A second line only: what it can do without privilege is little, and it reads 24 bytes. */
static void allow_few_calls(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW_CALL(perf_event_open),
		ALLOW_CALL(recvfrom),
		ALLOW_CALL(sendmsg),
		ALLOW_CALL(close),
		ALLOW_CALL(restart_syscall),
		ALLOW_CALL(exit_group),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BPF_ENABLE_STATS, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	struct sock_fprog program = {.len = sizeof(filter) / sizeof(filter[0]), .filter = filter};

	(void)prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* Returns 0, or negative errno when it must not serve. */
static int confine(int fd, int parent)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
	int r;

	/* What ends profd ends this by the socket, after profd has done its last work. */
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);
	if (fd != SOCKET_FD && dup2(fd, SOCKET_FD) < 0)
		return -errno;
	if (syscall(SYS_close_range, SOCKET_FD + 1, ~0u, 0) < 0)
		return -errno;
	(void)prctl(PR_SET_NAME, PERF_SERVER_NAME);
	r = capabilities_keep(CAPABILITY_BIT(CAP_SYS_ADMIN) | CAPABILITY_BIT(CAP_PERFMON));
	if (r < 0)
		return r;
	/* The kernel forgets the signal when credentials change, so it is asked for after that. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return -errno;
	if (getppid() != parent)
		return -ESRCH;
	allow_few_calls();
	return 0;
}

void perf_server_run(int fd, uint32_t n_cpus, int parent)
{
	/* One byte more than a request has: a packet that is longer is seen as such. */
	char packet[sizeof(struct perf_request) + 1];
	ssize_t n;
	int r = confine(fd, parent);

	while (r == 0 && (n = recv(SOCKET_FD, packet, sizeof(packet), 0)) > 0) {
		struct perf_request request;
		int event = perf_server_check(packet, (size_t)n, n_cpus);

		if (event == 0) {
			memcpy(&request, packet, sizeof(request));
			event = request.kind == PERF_REQUEST_STATS
					? enable_stats()
					: perf_event_open_on((enum perf_event_kind)request.event,
							     (int)request.cpu, request.period_ns);
		}
		r = answer(event < 0 ? event : 0, event);
		if (event >= 0)
			(void)close(event);
	}
	/* Not by _exit(): sanitizers have work to do there, by calls that the filter forbids. */
	(void)syscall(SYS_exit_group, r == 0 ? 0 : 1);
	__builtin_unreachable();
}
