// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * control_client.c - see control_client.h.
 */
#include "control_client.h"

#include "cleanup.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#define ANSWER_OK "{\"ok\":true"

static enum control_exit fail_connect(const char *dir, int r, struct control_error *error)
{
	if (r == -ENOENT || r == -ENOTDIR || r == -ECONNREFUSED) {
		(void)control_fail(error, r,
				   "no profd answers at %s/" CONTROL_SOCKET_NAME
				   "; start it: systemctl start profd",
				   dir);
		return CONTROL_EXIT_NO_PROFD;
	}
	(void)control_fail(error, r, "cannot reach %s/" CONTROL_SOCKET_NAME ": %s", dir,
			   strerror(-r));
	return CONTROL_EXIT_REFUSED;
}

/* The answer, 0 when profd hung up, or -errno. */
static ssize_t receive(int fd, int timeout_ms, char *buf, size_t size)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	ssize_t n;
	int r = poll(&pollfd, 1, timeout_ms);

	if (r <= 0)
		return r < 0 ? -errno : -ETIMEDOUT;
	n = recv(fd, buf, size, MSG_DONTWAIT);
	return n < 0 ? -errno : n;
}

enum control_exit control_ask(const char *dir, const char *request, int timeout_ms,
			      char **ret_answer, struct control_error *error)
{
	_cleanup_free_ char *answer = malloc(CONTROL_REPLY_MAX + 1);
	_cleanup_close_ int fd = -1;
	bool is_ok;
	ssize_t n;
	int r = answer ? control_socket_connect(dir, &fd) : -ENOMEM;

	*ret_answer = NULL;
	if (r < 0)
		return fail_connect(dir, r, error);
	/* Whom profd does not know has its answer already and may not send: EPIPE. */
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0 && errno != EPIPE) {
		(void)control_fail(error, -errno, "cannot ask profd: %m");
		return CONTROL_EXIT_REFUSED;
	}
	n = receive(fd, timeout_ms, answer, CONTROL_REPLY_MAX);
	if (n <= 0) {
		(void)control_fail(error, (int)n, "no answer from profd: %s",
				   n < 0 ? strerror((int)-n) : "it ended");
		return CONTROL_EXIT_REFUSED;
	}
	answer[n] = '\0';
	is_ok = strncmp(answer, ANSWER_OK, strlen(ANSWER_OK)) == 0;
	*ret_answer = take_ptr(answer);
	return is_ok ? CONTROL_EXIT_OK : CONTROL_EXIT_REFUSED;
}
