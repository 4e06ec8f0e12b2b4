// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mailbox.c - a mutex, a list, a condition for threads and an eventfd for event loops.
 */
#include "mailbox.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int mailbox_init(struct mailbox *box, size_t max)
{
	*box = (struct mailbox){.max = max, .last = &box->first};
	box->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (box->event_fd < 0) {
		int r = -errno;

		*box = (struct mailbox){.event_fd = -1}; /* for mailbox_done() */
		return r;
	}
	pthread_mutex_init(&box->lock, NULL);
	pthread_cond_init(&box->arrived, NULL);
	return 0;
}

void mailbox_done(struct mailbox *box)
{
	if (!box->last)
		return;
	pthread_cond_destroy(&box->arrived);
	pthread_mutex_destroy(&box->lock);
	close(box->event_fd);
	*box = (struct mailbox){.event_fd = -1};
}

int mailbox_put(struct mailbox *box, struct mail *mail)
{
	uint64_t one = 1;
	int r = 0;

	pthread_mutex_lock(&box->lock);
	if (box->closed) {
		r = -EPIPE;
	} else if (box->count >= box->max) {
		r = -EAGAIN;
	} else {
		mail->next = NULL;
		*box->last = mail;
		box->last = &mail->next;
		box->count++;
		pthread_cond_signal(&box->arrived);
	}
	pthread_mutex_unlock(&box->lock);
	if (r == 0 && write(box->event_fd, &one, sizeof(one)) < 0)
		return 0; /* EAGAIN: the counter is full, so the receiver is awake anyway */
	return r;
}

int mailbox_fd(const struct mailbox *box)
{
	return box->event_fd;
}

static struct mail *unlink_first(struct mailbox *box)
{
	struct mail *mail = box->first;

	if (!mail)
		return NULL;
	box->first = mail->next;
	if (!box->first)
		box->last = &box->first;
	box->count--;
	return mail;
}

struct mail *mailbox_take(struct mailbox *box)
{
	struct mail *mail;
	uint64_t seen;

	pthread_mutex_lock(&box->lock);
	mail = unlink_first(box);
	/* Under the lock, so that a put after the last take leaves the descriptor readable. */
	if (!mail && read(box->event_fd, &seen, sizeof(seen)) < 0)
		seen = 0; /* EAGAIN: nothing had arrived */
	pthread_mutex_unlock(&box->lock);
	return mail;
}

struct mail *mailbox_wait(struct mailbox *box)
{
	struct mail *mail;

	pthread_mutex_lock(&box->lock);
	while (!(mail = unlink_first(box)) && !box->closed)
		pthread_cond_wait(&box->arrived, &box->lock);
	pthread_mutex_unlock(&box->lock);
	return mail;
}

void mailbox_close(struct mailbox *box)
{
	pthread_mutex_lock(&box->lock);
	box->closed = true;
	pthread_cond_broadcast(&box->arrived);
	pthread_mutex_unlock(&box->lock);
}
