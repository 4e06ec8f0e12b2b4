/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control_client.h - asks the profd that is running, for `profd --control REQUEST`.
 */
#ifndef PROFD_CONTROL_CLIENT_H
#define PROFD_CONTROL_CLIENT_H

#include "control_socket.h"

/* Beyond what profd itself waits (CONTROL_ANSWER_DEADLINE_NS). */
#define CONTROL_CLIENT_TIMEOUT_MS 40000

enum control_exit {
	CONTROL_EXIT_OK = 0,
	CONTROL_EXIT_REFUSED = 1, /* or failed */
	CONTROL_EXIT_NO_PROFD = 3,
};

/*
 * Asks the profd whose socket is in `dir`, and waits for its answer, which is the caller's to free.
 * Returns CONTROL_EXIT_OK or CONTROL_EXIT_REFUSED with the answer as profd said so; else
 * CONTROL_EXIT_REFUSED or CONTROL_EXIT_NO_PROFD without one, and a text.
 */
enum control_exit control_ask(const char *dir, const char *request, int timeout_ms,
			      char **ret_answer, struct control_error *error);

#endif
