/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon_fixture.c - profd, profctl and workloads as child processes; see daemon_fixture.h.
 */
#include "daemon_fixture.h"

#include "cleanup.h"

#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#define ARGUMENTS_MAX 32
#define EXIT_SKIPPED  77

static const char *program_of(const char *variable)
{
	const char *path = getenv(variable);

	if (!path)
		fail_msg("%s is not set; run this by meson test", variable);
	return path;
}

/* Appends a NULL-terminated list (NULL: nothing) to argv. */
static void append(const char *argv[ARGUMENTS_MAX], const char *const list[])
{
	unsigned int n = 0;

	while (argv[n])
		n++;
	for (unsigned int i = 0; list && list[i]; i++) {
		assert_true(n < ARGUMENTS_MAX - 1);
		argv[n++] = list[i];
	}
}

void daemon_fixture_init(struct daemon_fixture *fixture)
{
	const char *tmp = getenv("TMPDIR");

	*fixture = (struct daemon_fixture){0};
	(void)snprintf(fixture->dir, sizeof(fixture->dir), "%s/profd-test-XXXXXX",
		       tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(fixture->dir));
	(void)snprintf(fixture->store, sizeof(fixture->store), "%s/store", fixture->dir);
	(void)snprintf(fixture->run, sizeof(fixture->run), "%s/run", fixture->dir);
	(void)snprintf(fixture->cache, sizeof(fixture->cache), "%s/cache", fixture->dir);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void daemon_fixture_done(struct daemon_fixture *fixture)
{
	child_done(&fixture->profd);
	if (fixture->dir[0])
		(void)nftw(fixture->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int daemon_fixture_setup(void **state)
{
	struct daemon_fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	*state = fixture;
	daemon_fixture_init(fixture);
	return 0;
}

int daemon_fixture_teardown(void **state)
{
	struct daemon_fixture *fixture = *state;

	daemon_fixture_done(fixture);
	free(fixture);
	return 0;
}

static bool is_ready_or_gone(void *ctx)
{
	struct child *profd = ctx;
	_cleanup_free_ char *said = child_stderr(profd);
	siginfo_t info = {0};

	return strstr(said, "profd: ready") ||
	       waitid(P_PID, (id_t)profd->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	       info.si_pid != 0;
}

void daemon_start_as(struct daemon_fixture *fixture, const struct child_options *child_options,
		     const char *const options[])
{
	/* A control socket of its own: a profd of the machine's may be running. */
	const char *argv[ARGUMENTS_MAX] = {program_of("PROFD"),	  "--store",	fixture->store,
					   "--control-directory", fixture->run, "--cache-directory",
					   fixture->cache};
	_cleanup_free_ char *said = NULL;

	append(argv, options);
	child_done(&fixture->profd);
	child_start(&fixture->profd, child_options, argv);
	(void)wait_until(is_ready_or_gone, &fixture->profd, READY_TIMEOUT_S);
	said = child_stderr(&fixture->profd);
	if (!strstr(said, "profd: ready"))
		fail_msg("profd did not get ready; it said:\n%s", said);
}

void daemon_start(struct daemon_fixture *fixture, const char *const options[])
{
	const struct child_options child_options = CHILD_DEFAULTS;

	daemon_start_as(fixture, &child_options, options);
}

void daemon_stop(struct daemon_fixture *fixture, int signal)
{
	_cleanup_free_ char *said = NULL;
	int code;

	child_signal(&fixture->profd, signal);
	code = child_wait(&fixture->profd, STOP_TIMEOUT_S);
	said = child_stderr(&fixture->profd);
	if (code != 0)
		fail_msg("profd ended with %d after signal %d; it said:\n%s", code, signal, said);
}

int daemon_refused(const struct child_options *child_options, const char *const options[],
		   char **ret_message)
{
	const char *argv[ARGUMENTS_MAX] = {program_of("PROFD")};
	struct child profd;
	int code;

	append(argv, options);
	child_start(&profd, child_options, argv);
	code = child_wait(&profd, STOP_TIMEOUT_S);
	*ret_message = child_stderr(&profd);
	child_done(&profd);
	return code;
}

int profctl(const struct daemon_fixture *fixture, const char *command, const char *const options[],
	    char **ret_out)
{
	const char *argv[ARGUMENTS_MAX] = {program_of("PROFCTL"), command, "--store",
					   fixture->store};
	struct child_options child_options = CHILD_DEFAULTS;
	struct child child;
	int code;

	append(argv, options);
	child_start(&child, &child_options, argv);
	code = child_wait(&child, CHILD_TIMEOUT_S);
	if (code != 0 && code != PROFCTL_NO_BUCKET) {
		_cleanup_free_ char *said = child_stderr(&child);

		fail_msg("profctl %s ended with %d: %s", command, code, said);
	}
	if (ret_out)
		*ret_out = child_stdout(&child);
	child_done(&child);
	return code;
}

void profctl_top(const struct daemon_fixture *fixture, const char *const options[],
		 struct answer *ret)
{
	const char *all[ARGUMENTS_MAX] = {"--since", "1h",    "-n", "100000",
					  "--sort",  "total", "-o", "json"};
	_cleanup_free_ char *out = NULL;

	append(all, options);
	assert_int_equal(profctl(fixture, "top", all, &out), 0);
	answer_parse(ret, out);
}

void workload_start(struct child *workload, int cpu, const char *const argv[])
{
	const char *full[ARGUMENTS_MAX] = {NULL};
	struct child_options options = CHILD_DEFAULTS;
	char path[PATH_MAX];

	if (strchr(argv[0], '/'))
		(void)snprintf(path, sizeof(path), "%s", argv[0]);
	else
		(void)snprintf(path, sizeof(path), "%s/%s", program_of("WORKLOADS"), argv[0]);
	full[0] = path;
	append(full, argv + 1);
	options.cpu = cpu;
	child_start(workload, &options, full);
}

void workload_copy(const char *name, const char *to)
{
	_cleanup_close_ int in = -1, out = -1;
	char from[PATH_MAX];
	struct stat st;

	(void)snprintf(from, sizeof(from), "%s/%s", program_of("WORKLOADS"), name);
	in = open(from, O_RDONLY | O_CLOEXEC);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	assert_true(in >= 0 && out >= 0);
	assert_int_equal(fstat(in, &st), 0);
	assert_int_equal(sendfile(out, in, NULL, (size_t)st.st_size), st.st_size);
}

/* Until exec(2) the child is the test program itself. */
static bool runs_another_program(void *ctx)
{
	const struct child *child = ctx;
	char link[64], own[PATH_MAX] = "", exe[PATH_MAX] = "";

	(void)snprintf(link, sizeof(link), "/proc/%d/exe", child->pid);
	if (readlink("/proc/self/exe", own, sizeof(own) - 1) < 0 ||
	    readlink(link, exe, sizeof(exe) - 1) < 0)
		return false;
	return strcmp(own, exe) != 0;
}

void workload_wait_running(struct child *workload)
{
	if (!wait_until(runs_another_program, workload, CHILD_TIMEOUT_S))
		fail_msg("a workload was not executed");
}

json_t *workload_truth(struct child *workload)
{
	_cleanup_free_ char *out = NULL;
	json_t *truth;

	assert_int_equal(child_wait(workload, CHILD_TIMEOUT_S), 0);
	out = child_stdout(workload);
	truth = json_loads(out, 0, NULL);
	if (!truth)
		fail_msg("a workload printed no truth but: %s", out);
	child_done(workload);
	return truth;
}

uint64_t truth_number(const json_t *truth, const char *key)
{
	const json_t *value = json_object_get(truth, key);

	if (!json_is_integer(value))
		fail_msg("a truth has no integer \"%s\"", key);
	return (uint64_t)json_integer_value(value);
}

void require_root(void)
{
	if (geteuid() == 0)
		return;
	fprintf(stderr, "profd loads BPF programs, which needs root\n");
	exit(EXIT_SKIPPED);
}

uint64_t daemon_burn_and_stop(struct daemon_fixture *fixture)
{
	struct child workload = {0};
	struct answer answer;
	json_t *truth;
	char pid[32];
	uint64_t alpha_ns;

	workload_start(&workload, -1, ARGS("split603010", "1"));
	truth = workload_truth(&workload);
	(void)snprintf(pid, sizeof(pid), "%" PRIu64, truth_number(truth, "pid"));
	json_decref(truth);
	daemon_stop(fixture, SIGTERM);
	profctl_top(fixture, ARGS("--pid", pid), &answer);
	alpha_ns = answer_total(&answer, "burn_alpha");
	answer_done(&answer);
	return alpha_ns;
}
