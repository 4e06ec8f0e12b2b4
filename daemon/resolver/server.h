/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * server.h - what profd-resolver does once it is in its sandbox: answers what protocol.h says.
 */
#ifndef PROFD_RESOLVER_SERVER_H
#define PROFD_RESOLVER_SERVER_H

/* Says that it is ready, and answers until the other end is closed. Returns 0, or negative errno of
 * the socket and of memory. A request that is not as it must be is answered by -EINVAL. */
int server_run(int socket);

#endif
