// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_mailbox.c - order, limit, wakeup and end of the queue between threads.
 */
#include "mailbox.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct letter {
	struct mail mail;
	int number;
};

#define LETTERS 20000

static bool readable(struct mailbox *box)
{
	struct pollfd fd = {.fd = mailbox_fd(box), .events = POLLIN};

	return poll(&fd, 1, 0) == 1;
}

static void test_order_and_limit(void **state)
{
	struct mailbox box;
	struct letter letters[3] = {{.number = 0}, {.number = 1}, {.number = 2}};

	(void)state;
	assert_int_equal(mailbox_init(&box, 2), 0);
	assert_null(mailbox_take(&box));
	assert_false(readable(&box));
	assert_int_equal(mailbox_put(&box, &letters[0].mail), 0);
	assert_int_equal(mailbox_put(&box, &letters[1].mail), 0);
	assert_int_equal(mailbox_put(&box, &letters[2].mail), -EAGAIN);
	assert_true(readable(&box));
	assert_ptr_equal(mailbox_take(&box), &letters[0].mail);
	assert_ptr_equal(mailbox_take(&box), &letters[1].mail);
	assert_true(readable(&box)); /* until an empty take has seen it */
	assert_null(mailbox_take(&box));
	assert_false(readable(&box));
	assert_int_equal(mailbox_put(&box, &letters[2].mail), 0);
	mailbox_close(&box);
	assert_int_equal(mailbox_put(&box, &letters[0].mail), -EPIPE);
	assert_ptr_equal(mailbox_wait(&box), &letters[2].mail);
	assert_null(mailbox_wait(&box));
	mailbox_done(&box);
}

static void *receive(void *ctx)
{
	struct mailbox *box = ctx;
	struct letter *letter;
	intptr_t next = 0;

	while ((letter = (struct letter *)mailbox_wait(box))) {
		if (letter->number != next)
			next = -LETTERS * 2;
		next++;
		free(letter);
	}
	return (void *)next;
}

static void test_two_threads(void **state)
{
	struct mailbox box;
	pthread_t thread;
	void *received;

	(void)state;
	assert_int_equal(mailbox_init(&box, LETTERS), 0);
	assert_int_equal(pthread_create(&thread, NULL, receive, &box), 0);
	for (int i = 0; i < LETTERS; i++) {
		struct letter *letter = calloc(1, sizeof(*letter));

		assert_non_null(letter);
		letter->number = i;
		assert_int_equal(mailbox_put(&box, &letter->mail), 0);
	}
	mailbox_close(&box);
	assert_int_equal(pthread_join(thread, &received), 0);
	assert_int_equal((intptr_t)received, LETTERS);
	mailbox_done(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_limit),
		cmocka_unit_test(test_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
