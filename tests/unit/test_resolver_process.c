// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_resolver_process.c - the real profd-resolver in its sandbox, and what becomes of one that is
 * killed, hangs or answers nonsense.
 */
#include "symbols/resolver_process.h"

#include "fake_file.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#define BACKOFF_NS 50000000ull
#define ANSWER_NS  20000000000ull
#define SHORT_NS   100000000ull

__attribute__((noinline, used)) int function_to_be_named(int x);
int function_to_be_named(int x)
{
	return x * 7;
}

struct scene {
	struct resolver_program program;
	int cancel_fd;
	struct resolver_process *process;
	struct packet packet;
};

static uint64_t mono_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static struct scene *new_scene(void)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	scene->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_true(scene->cancel_fd >= 0);
	return scene;
}

static void start_scene(struct scene *scene)
{
	const struct resolver_process_options options = {.program = &scene->program,
							 .cancel_fd = scene->cancel_fd,
							 .backoff_ns = BACKOFF_NS,
							 .backoff_max_ns = 4 * BACKOFF_NS};

	assert_int_equal(resolver_process_new(&options, &scene->process), 0);
}

static int set_up_real(void **state)
{
	struct scene *scene = new_scene();

	open_real(&scene->program);
	start_scene(scene);
	*state = scene;
	return 0;
}

static int set_up_fake(void **state)
{
	struct scene *scene = new_scene();

	open_fake(&scene->program);
	start_scene(scene);
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	resolver_process_free(scene->process);
	resolver_program_close(&scene->program);
	(void)close(scene->cancel_fd);
	free(scene);
	return 0;
}

/* Gives a file and returns what comes of it. */
static int give(struct scene *scene, uint32_t number, int take_fd, uint64_t deadline_ns)
{
	int r;

	scene->packet = (struct packet){
		.head = {.kind = PACKET_ADD, .file = number}, .fds = {take_fd}, .n_fds = 1};
	r = resolver_process_ask(scene->process, &scene->packet);
	(void)close(take_fd);
	return r < 0 ? r : resolver_process_receive(scene->process, deadline_ns, &scene->packet);
}

static void assert_names_itself(struct scene *scene)
{
	const struct resolver_ask ask = {.file = 1,
					 .offset = own_offset((void *)&function_to_be_named)};
	struct resolver_identity identity;
	struct resolver_name_head head;

	assert_int_equal(give(scene, 1, own_file(), ANSWER_NS), 0);
	assert_int_equal(scene->packet.head.error, 0);
	assert_int_equal(scene->packet.size, sizeof(identity));
	memcpy(&identity, scene->packet.body, sizeof(identity));
	assert_int_equal(identity.is_build_id, 1);
	assert_int_equal(identity.len, 20);

	scene->packet =
		(struct packet){.head = {.kind = PACKET_NAMES, .n = 1}, .size = sizeof(ask)};
	memcpy(scene->packet.body, &ask, sizeof(ask));
	assert_int_equal(resolver_process_ask(scene->process, &scene->packet), 0);
	assert_int_equal(resolver_process_receive(scene->process, ANSWER_NS, &scene->packet), 0);
	assert_int_equal(scene->packet.head.n, 1);
	memcpy(&head, scene->packet.body, sizeof(head));
	assert_int_equal(head.error, 0);
	assert_int_equal(head.len, strlen("function_to_be_named"));
	assert_memory_equal(scene->packet.body + sizeof(head), "function_to_be_named", head.len);
}

static void test_names(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(resolver_process_pid(scene->process), 0);
	assert_int_equal(resolver_process_start(scene->process), 1);
	assert_int_equal(resolver_process_start(scene->process), 0);
	assert_names_itself(scene);
	resolver_process_stop(scene->process);
	assert_int_equal(resolver_process_start(scene->process), 1);
	assert_names_itself(scene);
	assert_int_equal(resolver_process_failures(scene->process), 0);
}

static unsigned long long status_value(pid_t pid, const char *key, int base)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[64], line[256];

	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			return strtoull(line + strlen(key), NULL, base);
	fail_msg("%s has no %s", path, key);
	return 0;
}

/* It has said that it is ready, so this is how it reads files. */
static void test_sandbox(void **state)
{
	static const char *const sets[] = {"CapEff:", "CapPrm:", "CapInh:", "CapAmb:"};
	struct scene *scene = *state;
	pid_t pid;

	assert_int_equal(resolver_process_start(scene->process), 1);
	pid = resolver_process_pid(scene->process);
	assert_int_equal(status_value(pid, "NoNewPrivs:", 10), 1);
	assert_int_equal(status_value(pid, "Seccomp:", 10), 2);
	assert_int_equal(status_value(pid, "Threads:", 10), 1);
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		assert_int_equal(status_value(pid, sets[i], 16), 0);
	assert_int_equal(status_value(pid, "Uid:", 10),
			 scene->program.changes_user ? scene->program.uid : geteuid());
	if (scene->program.changes_user)
		assert_int_not_equal(scene->program.uid, 0);
}

/* Nothing of this program's but the socket, whatever is open here. */
static void test_descriptors(void **state)
{
	struct scene *scene = *state;
	struct resolver_identity identity;
	int other = own_file();

	assert_int_equal(resolver_process_start(scene->process), 1);
	assert_int_equal(give(scene, 1, fake_file("descriptors"), ANSWER_NS), 0);
	memcpy(&identity, scene->packet.body, sizeof(identity));
	/* The file it was given, its socket, and stdout and stderr, which the real one closes. */
	assert_in_range(identity.bytes[0], 2, 4);
	(void)close(other);
}

/* Kills it and waits for that, but leaves it to its owner. */
static void kill_it(struct scene *scene)
{
	pid_t pid = resolver_process_pid(scene->process);
	siginfo_t info;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static void test_killed(void **state)
{
	struct scene *scene = *state;
	uint64_t begin_ns;
	pid_t pid;

	assert_int_equal(resolver_process_start(scene->process), 1);
	pid = resolver_process_pid(scene->process);
	for (uint64_t i = 1; i <= 3; i++) {
		begin_ns = mono_ns();
		kill_it(scene);
		assert_int_equal(resolver_process_start(scene->process), 1);
		assert_int_equal(resolver_process_failures(scene->process), i);
		assert_true(mono_ns() - begin_ns >= BACKOFF_NS << (i - 1));
		assert_int_not_equal(resolver_process_pid(scene->process), pid);
	}
	assert_names_itself(scene);
}

static void assert_gone(pid_t pid)
{
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
}

/* Out of the file itself: the user of its name, unless that is root. */
static void test_user(void **state)
{
	static const struct {
		const char *passwd;
		unsigned int uid, gid;
	} cases[] = {
		{"root:x:0:0::/:/bin/sh\nprofd-resolver:x:123:456::/:/bin/false\n", 123, 456},
		{"root:x:0:0::/:/bin/sh\nprofd-resolver2:x:1:1::/:/bin/false\n", 65534, 65534},
		{"profd-resolver:x:0:456::/:/bin/false\n", 65534, 65534},
		{"nonsense\n\nprofd-resolver:x:5:6::/:/bin/false\n", 5, 6},
	};
	struct resolver_program program = {};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[128];
		FILE *passwd;

		(void)snprintf(text, sizeof(text), "%s", cases[i].passwd);
		passwd = fmemopen(text, strlen(text), "r");
		assert_non_null(passwd);
		resolver_program_read_user(passwd, &program);
		assert_int_equal(fclose(passwd), 0);
		assert_int_equal(program.uid, cases[i].uid);
		assert_int_equal(program.gid, cases[i].gid);
	}
	resolver_program_read_user(NULL, &program);
	assert_int_equal(program.uid, 65534);
}

static void test_blame(void **state)
{
	static const struct {
		const char *word;
		unsigned int n; /* failures until the file is blamed */
	} cases[] = {{"die", 1}, {"kind", 1}, {"leave", 2}, {"killed", RESOLVER_KILLED_MAX + 1}};
	struct scene *scene = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct resolver_suspect suspect = {};

		for (unsigned int n = 1; n <= cases[i].n; n++) {
			assert_int_equal(resolver_process_start(scene->process), 1);
			assert_true(give(scene, 1, fake_file(cases[i].word), ANSWER_NS) < 0);
			assert_int_equal(resolver_process_blames(scene->process, &suspect),
					 n == cases[i].n);
		}
	}
}

static void test_failures(void **state)
{
	static const struct {
		const char *word;
		int error;
		uint64_t deadline_ns;
	} cases[] = {
		{"die", -EPIPE, ANSWER_NS},	     {"spin", -ETIMEDOUT, SHORT_NS},
		{"sleep", -ETIMEDOUT, SHORT_NS / 5}, {"kind", -EPROTO, ANSWER_NS},
		{"error", -EPROTO, ANSWER_NS},	     {"descriptor", -EPROTO, ANSWER_NS},
	};
	struct scene *scene = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		pid_t pid;

		assert_int_equal(resolver_process_start(scene->process), 1);
		assert_int_equal(give(scene, 1, fake_file("good"), ANSWER_NS), 0);
		pid = resolver_process_pid(scene->process);
		assert_int_equal(give(scene, 2, fake_file(cases[i].word), cases[i].deadline_ns),
				 cases[i].error);
		assert_int_equal(resolver_process_pid(scene->process), 0);
		assert_gone(pid);
		assert_int_equal(resolver_process_failures(scene->process), i + 1);
	}
}

/* Something unasked is nonsense as well. */
static void test_unasked(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(resolver_process_start(scene->process), 1);
	scene->packet = (struct packet){.head = {.kind = PACKET_REMOVE}};
	assert_int_equal(resolver_process_ask(scene->process, &scene->packet), 0);
	assert_int_equal(resolver_process_ask(scene->process, &scene->packet), 0);
	assert_int_equal(resolver_process_receive(scene->process, ANSWER_NS, &scene->packet), 0);
	scene->packet = (struct packet){
		.head = {.kind = PACKET_ADD, .file = 3}, .fds = {scene->cancel_fd}, .n_fds = 1};
	assert_int_equal(resolver_process_ask(scene->process, &scene->packet), 0);
	assert_int_equal(resolver_process_receive(scene->process, ANSWER_NS, &scene->packet),
			 -EPROTO);
}

static void test_cancelled(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(resolver_process_start(scene->process), 1);
	assert_int_equal(eventfd_write(scene->cancel_fd, 1), 0);
	assert_int_equal(give(scene, 1, fake_file("sleep"), ANSWER_NS), -ECANCELED);
	resolver_process_fail(scene->process);
	assert_int_equal(resolver_process_start(scene->process), -ECANCELED);
}

/* A program that is none is not started for ever, and names are not what it says. */
static void test_another_program(void **state)
{
	struct scene *scene = new_scene();

	(void)state;
	assert_int_equal(resolver_program_open("/bin/true", &scene->program), 0);
	start_scene(scene);
	assert_int_equal(resolver_process_try_start(scene->process), -EPIPE);
	assert_int_equal(resolver_process_try_start(scene->process), -EAGAIN);
	assert_int_equal(resolver_process_failures(scene->process), 1);
	*state = scene;
	(void)tear_down(state);
	assert_int_equal(resolver_program_open("/nowhere/profd-resolver", &scene->program),
			 -ENOENT);
}

static int run_by_hand(const char *parent, int in_fd)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)dup2(in_fd, STDIN_FILENO);
		(void)close(STDERR_FILENO);
		execl(getenv("PROFD_RESOLVER"), "profd-resolver", parent, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Whoever is not its parent is not served, and a person is told. */
static void test_by_hand(void **state)
{
	int sockets[2], null = own_file();
	char parent[16];

	(void)state;
	(void)snprintf(parent, sizeof(parent), "%d", (int)getpid());
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	assert_int_equal(run_by_hand("1", sockets[1]), 1);
	assert_int_equal(run_by_hand("0x1", sockets[1]), 2);
	assert_int_equal(run_by_hand(parent, null), 2);
	/* Closed at the other end: nothing to do. */
	assert_int_equal(close(sockets[0]), 0);
	assert_int_equal(run_by_hand(parent, sockets[1]), 0);
	assert_int_equal(close(sockets[1]), 0);
	assert_int_equal(close(null), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, set_up_real, tear_down),
		cmocka_unit_test_setup_teardown(test_sandbox, set_up_real, tear_down),
		cmocka_unit_test_setup_teardown(test_killed, set_up_real, tear_down),
		cmocka_unit_test_setup_teardown(test_descriptors, set_up_fake, tear_down),
		cmocka_unit_test(test_user),
		cmocka_unit_test_setup_teardown(test_blame, set_up_fake, tear_down),
		cmocka_unit_test_setup_teardown(test_failures, set_up_fake, tear_down),
		cmocka_unit_test_setup_teardown(test_unasked, set_up_fake, tear_down),
		cmocka_unit_test_setup_teardown(test_cancelled, set_up_fake, tear_down),
		cmocka_unit_test(test_another_program),
		cmocka_unit_test(test_by_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
