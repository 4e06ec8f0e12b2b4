/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mailbox.h - a bounded queue between two threads: the only thing that threads of profd share.
 *
 * The sender gives a message away, the receiver owns it from then on. A receiver that has an event
 * loop polls mailbox_fd(); one that has nothing else to do blocks in mailbox_wait().
 */
#ifndef PROFD_MAILBOX_H
#define PROFD_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* Embedded as the first member of a message. */
struct mail {
	struct mail *next;
};

struct mailbox {
	pthread_mutex_t lock;
	pthread_cond_t arrived;
	struct mail *first, **last;
	size_t count, max;
	int event_fd;
	bool closed;
};

/* At most `max` messages wait. Returns 0 or negative errno. */
int mailbox_init(struct mailbox *box, size_t max);
/* No thread may use the box any more; messages left in it are the caller's to take first. */
void mailbox_done(struct mailbox *box);

/* Gives `mail` to the receiver. -EAGAIN when full, -EPIPE when closed: then it is still ours. */
int mailbox_put(struct mailbox *box, struct mail *mail);
/* Readable when there may be mail. */
int mailbox_fd(const struct mailbox *box);
/* The oldest message, or NULL when there is none; never blocks. */
struct mail *mailbox_take(struct mailbox *box);
/* The oldest message; blocks while there is none; NULL once the box is closed and empty. */
struct mail *mailbox_wait(struct mailbox *box);
/* Lets the receiver drain what is there and then end. */
void mailbox_close(struct mailbox *box);

#endif
