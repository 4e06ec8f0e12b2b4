/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * paranoid_kernel.c - see paranoid_kernel.h.
 */
#include "paranoid_kernel.h"

#include "cleanup.h"
#include "proc_status.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cmocka.h>

#define PARANOID_PATH "/proc/sys/kernel/perf_event_paranoid"
#define DEBIAN_LEVEL  3
#define LISTENERS_MAX 4 /* programs that enter, between a beginning and its end */
#define POLL_FOREVER  (-1)

/* Of the one test that runs. */
static struct {
	bool begun;
	int level_before;
	int sockets[2]; /* listeners come through it; closed at the end, which ends the thread */
	pthread_t thread;
	_Atomic uint32_t allowed, refused;
} judge;

static int pass_on(int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {};
	char byte = 0;
	struct iovec part = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
	return sendmsg(judge.sockets[1], &message, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

int paranoid_kernel_enter(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_perf_event_open, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = ARRAY_SIZE(filter), .filter = filter};
	_cleanup_close_ int listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
						    SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);

	return listener < 0 ? -1 : pass_on(listener);
}

/* A listener, or -1 at the end. */
static int take_listener(void)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {};
	char byte;
	struct iovec part = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	int fd;

	if (recvmsg(judge.sockets[0], &message, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&message))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	return fd;
}

/* By hand: a failed assertion must not end this thread. */
static bool may_open(uint32_t tid)
{
	char path[64], line[256];
	unsigned long long set = 0;
	_cleanup_fclose_ FILE *f = NULL;

	(void)snprintf(path, sizeof(path), "/proc/%u/status", tid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %llx", &set) == 1)
			break;
	return set >> CAP_SYS_ADMIN & 1;
}

static void answer(int listener)
{
	struct seccomp_notif question = {};
	struct seccomp_notif_resp reply = {};

	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &question) < 0)
		return; /* it was killed meanwhile */
	reply.id = question.id;
	if (may_open(question.pid)) {
		reply.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		judge.allowed++;
	} else {
		reply.error = -EACCES;
		judge.refused++;
	}
	(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &reply);
}

static void *judge_thread(void *ctx)
{
	struct pollfd fds[1 + LISTENERS_MAX] = {{.fd = judge.sockets[0], .events = POLLIN}};
	bool over = false;

	(void)ctx;
	for (size_t i = 1; i < ARRAY_SIZE(fds); i++)
		fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
	while (!over && poll(fds, ARRAY_SIZE(fds), POLL_FOREVER) >= 0) {
		size_t slot = 1;

		for (size_t i = 1; i < ARRAY_SIZE(fds); i++) {
			if (fds[i].revents & POLLIN) {
				answer(fds[i].fd);
			} else if (fds[i].revents) { /* all who entered are gone */
				(void)close(fds[i].fd);
				fds[i].fd = -1;
			}
		}
		if (!fds[0].revents)
			continue;
		while (slot < ARRAY_SIZE(fds) && fds[slot].fd >= 0)
			slot++;
		over = slot == ARRAY_SIZE(fds) || (fds[slot].fd = take_listener()) < 0;
	}
	for (size_t i = 1; i < ARRAY_SIZE(fds); i++)
		close_p(&fds[i].fd);
	return NULL;
}

void paranoid_kernel_begin(void)
{
	assert_false(judge.begun);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, judge.sockets), 0);
	judge.allowed = judge.refused = 0;
	judge.level_before = sysctl_read(PARANOID_PATH);
	judge.begun = true;
	sysctl_write(PARANOID_PATH, DEBIAN_LEVEL);
	assert_int_equal(pthread_create(&judge.thread, NULL, judge_thread, NULL), 0);
}

void paranoid_kernel_end(void)
{
	if (!judge.begun)
		return;
	judge.begun = false;
	sysctl_write(PARANOID_PATH, judge.level_before);
	(void)close(judge.sockets[1]);
	(void)pthread_join(judge.thread, NULL);
	(void)close(judge.sockets[0]);
}

uint32_t paranoid_kernel_allowed(void)
{
	return judge.allowed;
}

uint32_t paranoid_kernel_refused(void)
{
	return judge.refused;
}
