// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_resolver_client.c - a file that profd-resolver fails by costs that file's names and one
 * restart, and no other file's names. By a fake one, which does what a file tells it.
 */
#include "symbols/resolver_client.h"

#include "cleanup.h"
#include "fake_file.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define WAIT_MS 30000

enum { GOOD = 1, BAD = 2, ALSO_GOOD = 3, N_FILES = 3 };

struct outcome {
	int identity_error[N_FILES + 1];
	struct resolver_name name[2 * N_FILES];
	size_t n_names;
	uint64_t n_restarts;
};

/* Three files, of which the second is `word`, and two names of each. */
static struct resolver_client *begin(const struct resolver_program *program, const char *word)
{
	struct resolver_question questions[2 * N_FILES];
	struct resolver_client *client;
	size_t n = 0;

	assert_int_equal(resolver_client_new(program, &client), 0);
	for (uint32_t file = 1; file <= N_FILES; file++)
		assert_int_equal(resolver_client_add_file(client, file,
							  fake_file(file == BAD ? word : "good")),
				 0);
	for (uint64_t offset = 1; offset <= 2; offset++)
		for (uint32_t file = N_FILES; file >= 1; file--)
			questions[n++] = (struct resolver_question){file, offset};
	assert_int_equal(resolver_client_ask_names(client, questions, n), 0);
	return client;
}

static void take(struct resolver_client *client, struct outcome *ret)
{
	struct pollfd fd = {.fd = resolver_client_fd(client), .events = POLLIN};
	struct resolver_reply *reply;

	*ret = (struct outcome){};
	while (!resolver_client_idle(client)) {
		assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
		while ((reply = resolver_client_take(client))) {
			if (reply->kind == RESOLVER_IDENTITY)
				ret->identity_error[reply->file] = reply->error;
			for (size_t i = 0; i < reply->n_names; i++) {
				ret->name[ret->n_names++] = reply->names[i];
				reply->names[i].function = NULL;
			}
			resolver_reply_free(reply);
		}
	}
	ret->n_restarts = resolver_client_restarts(client);
}

static void assert_only_the_bad_one(struct outcome *outcome, const char *word, int identity_error,
				    uint64_t n_restarts)
{
	print_message("%s\n", word);
	assert_int_equal(outcome->identity_error[GOOD], 0);
	assert_int_equal(outcome->identity_error[BAD], identity_error);
	assert_int_equal(outcome->identity_error[ALSO_GOOD], 0);
	assert_int_equal(outcome->n_names, 2 * N_FILES);
	for (size_t i = 0; i < outcome->n_names; i++) {
		struct resolver_name *name = &outcome->name[i];

		if (name->question.file == BAD) {
			assert_int_equal(name->unknown, UNKNOWN_FILE_BROKEN);
			assert_null(name->function);
		} else {
			assert_int_equal(name->unknown, UNKNOWN_NONE);
			assert_string_equal(name->function, "fine");
		}
		free(name->function);
	}
	assert_int_equal(outcome->n_restarts, n_restarts);
}

/* All at once: each waits for its restart. */
static void test_one_file_fails(void **state)
{
	static const struct {
		const char *word;
		int identity_error;
	} cases[] = {
		{"die", -EBADMSG},
		{"kind", -EBADMSG},
		{"error", -EBADMSG},
		{"long_identity", -EBADMSG},
		{"short_identity", -EBADMSG},
		{"names_die", 0},
		{"names_kind", 0},
		{"names_error", 0},
		{"names_long", 0},
		{"names_nul", 0},
		{"names_many", 0},
		{"names_descriptor", 0},
	};
	struct resolver_client *clients[ARRAY_SIZE(cases)];
	struct resolver_program program;
	struct outcome outcome;

	(void)state;
	open_fake(&program);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		clients[i] = begin(&program, cases[i].word);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		take(clients[i], &outcome);
		assert_only_the_bad_one(&outcome, cases[i].word, cases[i].identity_error, 1);
		resolver_client_free(clients[i]);
	}
	resolver_program_close(&program);
}

/* Whoever kills the process says nothing about the file that it reads. */
static void test_nobody_is_to_blame(void **state)
{
	static const char *const words[] = {"killed_once", "leave_once"};
	struct resolver_client *clients[ARRAY_SIZE(words)];
	struct resolver_program program;
	struct outcome outcome;

	(void)state;
	open_fake(&program);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		clients[i] = begin(&program, words[i]);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		take(clients[i], &outcome);
		assert_int_equal(outcome.identity_error[BAD], 0);
		for (size_t k = 0; k < outcome.n_names; k++) {
			assert_int_equal(outcome.name[k].unknown, UNKNOWN_NONE);
			free(outcome.name[k].function);
		}
		assert_int_equal(outcome.n_restarts, 1);
		resolver_client_free(clients[i]);
	}
	resolver_program_close(&program);
}

/* An error that the process says is the file's, whatever it means on this side. */
static void test_an_error_is_no_failure(void **state)
{
	struct resolver_program program;
	struct resolver_client *client;
	struct outcome outcome;

	(void)state;
	open_fake(&program);
	client = begin(&program, "again");
	take(client, &outcome);
	assert_int_equal(outcome.identity_error[BAD], -EIO);
	assert_int_equal(outcome.n_restarts, 0);
	for (size_t i = 0; i < outcome.n_names; i++)
		free(outcome.name[i].function);
	resolver_client_free(client);
	resolver_program_close(&program);
}

/* A process that hangs does not keep profd from ending. */
static void test_end_while_it_hangs(void **state)
{
	struct resolver_program program;
	struct resolver_client *client;

	(void)state;
	open_fake(&program);
	client = begin(&program, "sleep");
	resolver_client_free(client);
	resolver_program_close(&program);
}

/* Without a program there are no names, but those of the kernel, and an end. */
static void test_no_program(void **state)
{
	struct resolver_client *client;
	struct resolver_program program;
	struct pollfd fd = {.events = POLLIN};
	struct resolver_reply *reply;

	(void)state;
	assert_int_equal(resolver_program_open("/bin/true", &program), 0);
	assert_int_equal(resolver_client_new(&program, &client), 0);
	assert_int_equal(resolver_client_load_kernel(client), 0);
	assert_int_equal(resolver_client_add_file(client, 1, fake_file("good")), 0);
	fd.fd = resolver_client_fd(client);
	assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
	reply = resolver_client_take(client);
	assert_non_null(reply);
	assert_int_equal(reply->kind, RESOLVER_KERNEL);
	assert_true(resolver_client_restarts(client) >= 1);
	resolver_reply_free(reply);
	resolver_client_free(client);
	resolver_program_close(&program);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_file_fails),
		cmocka_unit_test(test_nobody_is_to_blame),
		cmocka_unit_test(test_an_error_is_no_failure),
		cmocka_unit_test(test_end_while_it_hangs),
		cmocka_unit_test(test_no_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
