/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * packet.h - one packet with descriptors over a socket, for both ends of protocol.h.
 */
#ifndef PROFD_RESOLVER_PACKET_H
#define PROFD_RESOLVER_PACKET_H

#include "protocol.h"

#include <stddef.h>

struct packet {
	struct resolver_head head;
	size_t size; /* of the body */
	int fds[RESOLVER_FDS_MAX];
	unsigned int n_fds;
	uint8_t body[RESOLVER_BODY_MAX];
};

/* Sends it; its descriptors stay open. `flags` as of sendmsg(2), whose errors it returns. */
int packet_send(int socket, const struct packet *packet, int flags);

/*
 * Receives one; its descriptors (close on exec) are the caller's then. Errors: -EPIPE the other end
 * is closed; -EPROTO too short or too long; -EMFILE its descriptors found no room: then the packet
 * is there, without any; those of recvmsg(2).
 */
int packet_receive(int socket, struct packet *ret, int flags);

void packet_close(struct packet *packet);

#endif
