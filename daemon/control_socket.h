/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control_socket.h - where the control socket is, and how either side gets to it.
 *
 * SOCK_SEQPACKET: one packet is one request, one packet is its answer, so that neither side has to
 * put pieces together. Anybody may connect; who is answered is decided by whom the kernel says that
 * the peer is (control_access.h), which lets profd tell a stranger what to do.
 */
#ifndef PROFD_CONTROL_SOCKET_H
#define PROFD_CONTROL_SOCKET_H

#include <stddef.h>

#define CONTROL_SOCKET_NAME "control"
#define CONTROL_REQUEST_MAX 256		/* bytes */
#define CONTROL_REPLY_MAX   (64 * 1024) /* bytes */
#define CONTROL_ERROR_MAX   512

struct control_error {
	char text[CONTROL_ERROR_MAX];
};

/* Sets the text and returns `r`. */
int control_fail(struct control_error *error, int r, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Makes `dir` (0755) if it is missing, takes the place of the socket of a profd that is gone, and
 * listens. Errors, with a text: -EADDRINUSE another profd answers there; -EPERM others than root
 * and this user may write to the directory, and so could take the socket's place; -ENOTSOCK
 * something else has its name; -ENOTDIR, -ENOENT (the parent), -EACCES, -EROFS, ....
 */
int control_socket_listen(const char *dir, int *ret_fd, struct control_error *error);

/* Removes the socket that listens, so that the next profd need not wonder. */
void control_socket_remove(const char *dir);

/* Connects. -ENOENT or -ECONNREFUSED: no profd answers there; -EACCES, -EAGAIN (too many are
 * waiting to be answered), .... */
int control_socket_connect(const char *dir, int *ret_fd);

#endif
