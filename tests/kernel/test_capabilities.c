/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_capabilities.c - the real profd with one capability less than root has: it costs what the
 * table of capabilities.c says, and nothing else. And what profd --probe says about it.
 */
#include "capabilities.h"
#include "cleanup.h"
#include "daemon_fixture.h"
#include "proc_status.h"

#include <inttypes.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

#define KPTR_PATH     "/proc/sys/kernel/kptr_restrict"
#define NOBODY_UID    65534
#define FEW_FILES     256
#define PROBE_BLOCKED 5

static int kptr_before = -1;

static int teardown(void **state)
{
	if (kptr_before >= 0)
		sysctl_write(KPTR_PATH, kptr_before);
	kptr_before = -1;
	return daemon_fixture_teardown(state);
}

#define CAPABILITY_TEST(name) cmocka_unit_test_setup_teardown(name, daemon_fixture_setup, teardown)

static struct child_options without(int capability)
{
	struct child_options options = CHILD_DEFAULTS;

	options.lost_caps = CAPABILITY_BIT(capability);
	return options;
}

/* Starts profd without the capability, runs a workload of two seconds as `uid`, and asks for the
 * workload's rows. */
static void observe(struct daemon_fixture *fixture, int capability, uid_t uid, const char *name,
		    struct answer *ret)
{
	struct child_options options = without(capability), user = CHILD_DEFAULTS;
	struct child workload = {0};
	char path[PATH_MAX], pid[32];
	json_t *truth;

	daemon_start_as(fixture, &options, ARGS("--bucket", "1", "--frequency", "199"));
	(void)snprintf(path, sizeof(path), "%s/%s", getenv("WORKLOADS"), name);
	user.uid = uid;
	child_start(&workload, &user, ARGS(path, "1"));
	truth = workload_truth(&workload);
	(void)snprintf(pid, sizeof(pid), "%" PRIu64, truth_number(truth, "pid"));
	json_decref(truth);
	daemon_stop(fixture, SIGTERM);
	profctl_top(fixture, ARGS("--pid", pid), ret);
	answer_print(ret);
	assert_true(answer_window(ret, "samples") > 50);
}

static void assert_user_names_lost(const struct answer *answer)
{
	assert_int_equal(answer_total(answer, "burn_alpha"), 0);
	assert_true(answer_unnamed(answer, NULL, NULL) > answer_window(answer, "total_ns") / 2);
}

static void test_without_bpf_and_perfmon(void **state)
{
	static const struct {
		int number;
		const char *name;
	} needed[] = {{CAP_BPF, "CAP_BPF"}, {CAP_PERFMON, "CAP_PERFMON"}};
	struct daemon_fixture *fixture = *state;

	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		struct child_options options = without(needed[i].number);
		_cleanup_free_ char *said = NULL;

		assert_int_equal(daemon_refused(&options, ARGS("--store", fixture->store), &said),
				 1);
		print_message("%s", said);
		assert_non_null(strstr(said, "no permission"));
		assert_non_null(strstr(said, needed[i].name));
		assert_null(strstr(said, "profd: ready"));
	}
}

static void test_without_syslog(void **state)
{
	struct answer answer;
	size_t i;
	json_t *row;

	kptr_before = sysctl_read(KPTR_PATH);
	sysctl_write(KPTR_PATH, 1); /* 0 shows them to everybody at perf_event_paranoid <= 1 */
	observe(*state, CAP_SYSLOG, 0, "kernel_heavy", &answer);
	assert_true(answer_unnamed(&answer, "[kernel]", "kernel addresses hidden") > 0);
	json_array_foreach(answer.rows, i, row)
	{
		const char *module = json_string_value(json_object_get(row, "module"));

		if (module && strcmp(module, "[kernel]") == 0)
			assert_true(json_is_null(json_object_get(row, "function")));
	}
	answer_done(&answer);
}

static void test_without_sys_ptrace(void **state)
{
	struct answer answer;

	observe(*state, CAP_SYS_PTRACE, 0, "split603010", &answer);
	assert_user_names_lost(&answer);
	answer_done(&answer);
}

static void test_without_checkpoint_restore(void **state)
{
	struct answer answer;

	observe(*state, CAP_CHECKPOINT_RESTORE, 0, "split603010", &answer);
	assert_true(answer_total(&answer, "burn_alpha") > answer_window(&answer, "total_ns") / 3);
	answer_done(&answer);
}

static void test_without_dac_read_search(void **state)
{
	struct answer answer;

	observe(*state, CAP_DAC_READ_SEARCH, NOBODY_UID, "split603010", &answer);
	assert_true(answer_total(&answer, "burn_alpha") > answer_window(&answer, "total_ns") / 3);
	answer_done(&answer);
}

/* Root's own programs are named without it. */
static void test_without_dac_read_search_root(void **state)
{
	struct answer answer;

	observe(*state, CAP_DAC_READ_SEARCH, 0, "split603010", &answer);
	assert_true(answer_total(&answer, "burn_alpha") > 0);
	answer_done(&answer);
}

/* What is used at the start only, or in a store of another user: root's own profd goes on. That
 * CAP_CHOWN and CAP_FSETID cost the group of readers is tests/store/test_privileges.c's. */
static void test_without_what_is_given_up(void **state)
{
	static const int numbers[] = {CAP_CHOWN,  CAP_FSETID,	    CAP_SETPCAP, CAP_DAC_OVERRIDE,
				      CAP_FOWNER, CAP_SYS_RESOURCE, CAP_IPC_LOCK};
	struct daemon_fixture *fixture = *state;
	struct child_options options = CHILD_DEFAULTS;
	struct answer answer;
	pid_t pid;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		options.lost_caps |= CAPABILITY_BIT(numbers[i]);
	daemon_start_as(fixture, &options, ARGS("--bucket", "1", "--frequency", "199"));
	pid = fixture->profd.pid;
	/* Without CAP_SETPCAP the bounding set stays, and cannot be used. */
	assert_true(proc_status_set(pid, pid, "CapBnd") & CAPABILITY_BIT(CAP_SYS_ADMIN));
	assert_int_equal(proc_status_set(pid, pid, "CapPrm") & ~capability_kept_set(false), 0);
	assert_int_equal(proc_status_number(pid, pid, "NoNewPrivs"), 1);
	daemon_stop(fixture, SIGTERM);
	profctl_top(fixture, ARGS("--since", "1h"), &answer);
	answer_done(&answer);
}

static int few_files(void)
{
	const struct rlimit few = {.rlim_cur = FEW_FILES, .rlim_max = FEW_FILES};

	return setrlimit(RLIMIT_NOFILE, &few);
}

static void test_without_sys_resource(void **state)
{
	struct daemon_fixture *fixture = *state;
	struct child_options options = without(CAP_SYS_RESOURCE);
	struct rlimit limit;

	options.prepare = few_files;
	daemon_start_as(fixture, &options, ARGS("--bucket", "1"));
	assert_int_equal(prlimit(fixture->profd.pid, RLIMIT_NOFILE, NULL, &limit), 0);
	assert_int_equal(limit.rlim_cur, FEW_FILES);
	daemon_stop(fixture, SIGTERM);
}

/* profd --probe without some capabilities: the object, and the exit code. */
static json_t *probe(uint64_t lost_caps, int *ret_code)
{
	struct child_options options = CHILD_DEFAULTS;
	_cleanup_free_ char *out = NULL;
	struct child child;
	json_t *object;

	options.lost_caps = lost_caps;
	child_start(&child, &options, ARGS(getenv("PROFD"), "--probe"));
	*ret_code = child_wait(&child, CHILD_TIMEOUT_S);
	out = child_stdout(&child);
	child_done(&child);
	object = json_loads(out, JSON_REJECT_DUPLICATES, NULL);
	if (!object)
		fail_msg("profd --probe printed: %s", out);
	return object;
}

static bool has(const json_t *object, const char *name)
{
	size_t i;
	json_t *entry;

	json_array_foreach(json_object_get(object, "capabilities"), i, entry)
	{
		if (strcmp(json_string_value(json_object_get(entry, "name")), name) == 0)
			return json_is_true(json_object_get(entry, "have"));
	}
	fail_msg("the probe has no %s", name);
	return false;
}

static const char *blocker(const json_t *object)
{
	return json_string_value(json_array_get(json_object_get(object, "blockers"), 0));
}

static void test_probe(void **state)
{
	struct daemon_fixture *fixture = *state;
	json_t *all, *one_less, *none;
	struct answer answer;
	int code;

	daemon_start(fixture, ARGS("--bucket", "1", "--frequency", "199"));
	all = probe(0, &code);
	assert_int_equal(code, 0);
	assert_int_equal(json_array_size(json_object_get(all, "blockers")), 0);
	assert_true(has(all, "CAP_SYS_ADMIN"));
	assert_true(json_is_true(json_object_get(all, "btf")));
	assert_true(json_is_true(json_object_get(all, "bpf_ring_buffer")));
	assert_true(json_is_true(json_object_get(all, "bpf_programs")));

	one_less = probe(CAPABILITY_BIT(CAP_SYSLOG) | CAPABILITY_BIT(CAP_SYS_ADMIN), &code);
	assert_int_equal(code, 0);
	assert_false(has(one_less, "CAP_SYSLOG"));
	assert_false(json_is_true(json_object_get(json_object_get(one_less, "bpf_stats"), "ok")));

	none = probe(~UINT64_C(0), &code);
	assert_int_equal(code, PROBE_BLOCKED);
	assert_false(has(none, "CAP_BPF"));
	assert_non_null(strstr(blocker(none), "CAP_PERFMON"));
	json_decref(all);
	json_decref(one_less);
	json_decref(none);

	/* The one that was running is as before. */
	daemon_stop(fixture, SIGTERM);
	profctl_top(fixture, ARGS("--since", "1h"), &answer);
	answer_done(&answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CAPABILITY_TEST(test_without_bpf_and_perfmon),
		CAPABILITY_TEST(test_without_syslog),
		CAPABILITY_TEST(test_without_sys_ptrace),
		CAPABILITY_TEST(test_without_checkpoint_restore),
		CAPABILITY_TEST(test_without_dac_read_search),
		CAPABILITY_TEST(test_without_dac_read_search_root),
		CAPABILITY_TEST(test_without_what_is_given_up),
		CAPABILITY_TEST(test_without_sys_resource),
		CAPABILITY_TEST(test_probe),
	};

	require_root();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
