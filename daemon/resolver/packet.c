// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * packet.c - see packet.h; unix(7) about SCM_RIGHTS.
 */
#include "packet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for more descriptors than there may be, so that those are seen and closed. */
#define CONTROL_FDS (RESOLVER_FDS_MAX + 1)

union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(CONTROL_FDS * sizeof(int))];
};

int packet_send(int socket, const struct packet *packet, int flags)
{
	union control control = {};
	struct packet *body = (struct packet *)(uintptr_t)packet; /* struct iovec has no const */
	struct iovec parts[] = {
		{.iov_base = &body->head, .iov_len = sizeof(body->head)},
		{.iov_base = body->body, .iov_len = packet->size},
	};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	ssize_t n;

	if (packet->n_fds) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(packet->n_fds * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(packet->n_fds * sizeof(int));
		memcpy(CMSG_DATA(&control.header), packet->fds, packet->n_fds * sizeof(int));
	}
	do
		n = sendmsg(socket, &message, flags | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static int take_descriptors(struct msghdr *message, struct packet *ret)
{
	int fds[CONTROL_FDS], r = message->msg_flags & MSG_CTRUNC ? -EMFILE : 0;

	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
	     header = CMSG_NXTHDR(message, header)) {
		size_t n;

		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(header), n * sizeof(int));
		for (size_t i = 0; i < n; i++) {
			if (ret->n_fds < RESOLVER_FDS_MAX) {
				ret->fds[ret->n_fds++] = fds[i];
			} else {
				(void)close(fds[i]);
				r = -EPROTO;
			}
		}
	}
	if (r < 0)
		packet_close(ret);
	return r;
}

int packet_receive(int socket, struct packet *ret, int flags)
{
	union control control;
	struct iovec parts[] = {
		{.iov_base = &ret->head, .iov_len = sizeof(ret->head)},
		{.iov_base = ret->body, .iov_len = sizeof(ret->body)},
	};
	struct msghdr message = {.msg_iov = parts,
				 .msg_iovlen = 2,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	ssize_t n;
	int r;

	ret->n_fds = 0;
	ret->size = 0;
	do
		n = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	r = take_descriptors(&message, ret);
	if (n == 0 || (size_t)n < sizeof(ret->head) || message.msg_flags & MSG_TRUNC) {
		packet_close(ret);
		return n == 0 ? -EPIPE : -EPROTO;
	}
	ret->size = (size_t)n - sizeof(ret->head);
	return r;
}

void packet_close(struct packet *packet)
{
	for (unsigned int i = 0; i < packet->n_fds; i++)
		if (packet->fds[i] >= 0)
			(void)close(packet->fds[i]);
	packet->n_fds = 0;
}
