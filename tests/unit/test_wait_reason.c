// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_wait_reason.c - real kernel stacks (5.10 to 6.18, by /proc/PID/stack and by profd), leaf
 * first, and what their thread waited for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "wait_reason.h"

#define FRAMES_MAX 24

struct waiting {
	enum wait_state state;
	enum wait_reason reason;
	const char *stack[FRAMES_MAX]; /* up to the first NULL */
};

static enum wait_reason reason_of(const struct waiting *waiting)
{
	enum wait_reason reason = WAIT_REASON_NONE;

	for (unsigned i = 0; i < FRAMES_MAX && waiting->stack[i]; i++)
		reason = wait_reason_add(reason, wait_reason_of_function(waiting->stack[i]));
	return wait_reason_of(waiting->state, reason);
}

static void assert_reasons(const struct waiting *waiting, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		enum wait_reason reason = reason_of(&waiting[i]);

		if (reason != waiting[i].reason)
			fail_msg("%s ... is %s, not %s", waiting[i].stack[1],
				 wait_reason_name(reason), wait_reason_name(waiting[i].reason));
	}
}

#define SYSCALL	   "do_syscall_64", "entry_SYSCALL_64_after_hwframe"
#define FILE_FAULT "filemap_fault", "__do_fault", "do_fault", "__handle_mm_fault", "handle_mm_fault"

static void test_disk(void **state)
{
	static const struct waiting waiting[] = {
		/* read() of a file, 6.18 and 5.10 */
		{WAIT_STATE_DISK,
		 WAIT_REASON_DISK,
		 {"schedule", "io_schedule", "folio_wait_bit_common", "filemap_get_pages",
		  "filemap_read", "ext4_file_read_iter", "vfs_read", "ksys_read", SYSCALL}},
		{WAIT_STATE_DISK,
		 WAIT_REASON_DISK,
		 {"__schedule", "schedule", "io_schedule", "wait_on_page_bit_common",
		  "generic_file_buffered_read", "new_sync_read", "vfs_read", SYSCALL}},
		/* O_DIRECT */
		{WAIT_STATE_DISK,
		 WAIT_REASON_DISK,
		 {"schedule", "blk_io_schedule", "__iomap_dio_rw", "iomap_dio_rw",
		  "ext4_file_read_iter", "vfs_read", SYSCALL}},
		/* fsync(): the log's commit is not in_iowait */
		{WAIT_STATE_BLOCKED,
		 WAIT_REASON_DISK,
		 {"schedule", "jbd2_log_wait_commit", "ext4_fsync_journal", "ext4_sync_file",
		  "do_fsync", "__x64_sys_fsync", SYSCALL}},
		/* a flush, in a completion that says nothing */
		{WAIT_STATE_BLOCKED,
		 WAIT_REASON_DISK,
		 {"schedule", "schedule_timeout", "__wait_for_common", "wait_for_completion_io",
		  "submit_bio_wait", "blkdev_issue_flush", "ext4_sync_file", SYSCALL}},
		/* dirty pages beyond the limit */
		{WAIT_STATE_DISK,
		 WAIT_REASON_DISK,
		 {"schedule", "schedule_timeout", "io_schedule_timeout", "balance_dirty_pages",
		  "balance_dirty_pages_ratelimited_flags", "generic_perform_write", SYSCALL}},
		{WAIT_STATE_BLOCKED,
		 WAIT_REASON_DISK,
		 {"schedule", "wait_transaction_locked", "add_transaction_credits",
		  "start_this_handle", "jbd2__journal_start", "ext4_create", SYSCALL}},
		/* no table entry, but the scheduler says so */
		{WAIT_STATE_DISK, WAIT_REASON_DISK, {"schedule", "some_driver_read", SYSCALL}},
	};

	(void)state;
	assert_reasons(waiting, ARRAY_SIZE(waiting));
}

static void test_page_fault(void **state)
{
	static const struct waiting waiting[] = {
		{WAIT_STATE_DISK,
		 WAIT_REASON_PAGE_FAULT,
		 {"schedule", "io_schedule", "folio_wait_bit_common", FILE_FAULT,
		  "do_user_addr_fault", "exc_page_fault", "asm_exc_page_fault"}},
		/* of the kernel, for write() from memory that is not there */
		{WAIT_STATE_DISK,
		 WAIT_REASON_PAGE_FAULT,
		 {"schedule", "io_schedule", "folio_wait_bit_common", FILE_FAULT,
		  "do_user_addr_fault", "exc_page_fault", "asm_exc_page_fault",
		  "fault_in_iov_iter_readable", "generic_perform_write", SYSCALL}},
		/* swap */
		{WAIT_STATE_DISK,
		 WAIT_REASON_PAGE_FAULT,
		 {"schedule", "io_schedule", "folio_wait_bit_common", "__folio_lock_or_retry",
		  "do_swap_page", "__handle_mm_fault", "handle_mm_fault", "exc_page_fault"}},
		{WAIT_STATE_SLEEP,
		 WAIT_REASON_PAGE_FAULT,
		 {"schedule", "handle_userfault", "do_anonymous_page", "__handle_mm_fault",
		  "handle_mm_fault", "exc_page_fault"}},
		/* another thread maps memory: that is a lock */
		{WAIT_STATE_BLOCKED,
		 WAIT_REASON_LOCK,
		 {"schedule", "schedule_preempt_disabled", "rwsem_down_read_slowpath", "down_read",
		  "lock_mm_and_find_vma", "do_user_addr_fault", "exc_page_fault"}},
	};

	(void)state;
	assert_reasons(waiting, ARRAY_SIZE(waiting));
}

static void test_locks_and_sleeps(void **state)
{
	static const struct waiting waiting[] = {
		{WAIT_STATE_SLEEP,
		 WAIT_REASON_LOCK,
		 {"schedule", "futex_do_wait", "__futex_wait", "futex_wait", "do_futex",
		  "__x64_sys_futex", SYSCALL}},
		{WAIT_STATE_SLEEP,
		 WAIT_REASON_LOCK,
		 {"schedule", "futex_wait_queue_me", "futex_wait", "do_futex", SYSCALL}},
		{WAIT_STATE_SLEEP,
		 WAIT_REASON_LOCK,
		 {"schedule", "rt_mutex_schedule", "rt_mutex_slowlock_block.constprop.0",
		  "rt_mutex_wait_proxy_lock", "futex_lock_pi", "do_futex", SYSCALL}},
		{WAIT_STATE_BLOCKED,
		 WAIT_REASON_LOCK,
		 {"schedule", "schedule_preempt_disabled", "__mutex_lock.constprop.0", "pipe_write",
		  "vfs_write", SYSCALL}},
		{WAIT_STATE_BLOCKED,
		 WAIT_REASON_LOCK,
		 {"schedule", "schedule_preempt_disabled", "rwsem_down_write_slowpath",
		  "down_write", "do_truncate", SYSCALL}},
		{WAIT_STATE_SLEEP,
		 WAIT_REASON_LOCK,
		 {"schedule", "locks_lock_inode_wait", "__do_sys_flock", SYSCALL}},
		{WAIT_STATE_SLEEP,
		 WAIT_REASON_SLEEP,
		 {"schedule", "do_nanosleep", "hrtimer_nanosleep", "common_nsleep",
		  "__x64_sys_clock_nanosleep", SYSCALL}},
		{WAIT_STATE_BLOCKED,
		 WAIT_REASON_SLEEP,
		 {"schedule", "schedule_timeout", "msleep", "some_driver_ioctl", SYSCALL}},
	};

	(void)state;
	assert_reasons(waiting, ARRAY_SIZE(waiting));
}

static void test_pipes_sockets_polls(void **state)
{
	static const struct waiting waiting[] = {
		{WAIT_STATE_SLEEP,
		 WAIT_REASON_POLL,
		 {"schedule", "schedule_hrtimeout_range_clock", "do_epoll_wait",
		  "__x64_sys_epoll_wait", SYSCALL}},
		{WAIT_STATE_SLEEP,
		 WAIT_REASON_POLL,
		 {"schedule", "schedule_hrtimeout_range_clock", "schedule_hrtimeout_range",
		  "ep_poll", "do_epoll_wait", SYSCALL}},
		{WAIT_STATE_SLEEP,
		 WAIT_REASON_POLL,
		 {"schedule", "schedule_hrtimeout_range_clock", "poll_schedule_timeout.constprop.0",
		  "do_sys_poll", "__x64_sys_ppoll", SYSCALL}},
		{WAIT_STATE_SLEEP,
		 WAIT_REASON_POLL,
		 {"schedule", "schedule_hrtimeout_range", "do_select", "core_sys_select", SYSCALL}},
		{WAIT_STATE_DISK,
		 WAIT_REASON_POLL,
		 {"schedule", "io_cqring_wait", "__do_sys_io_uring_enter", SYSCALL}},
		{WAIT_STATE_SLEEP,
		 WAIT_REASON_PIPE_READ,
		 {"schedule", "anon_pipe_read", "vfs_read", "ksys_read", SYSCALL}},
		{WAIT_STATE_SLEEP,
		 WAIT_REASON_PIPE_WRITE,
		 {"schedule", "pipe_write", "new_sync_write", "vfs_write", SYSCALL}},
		{WAIT_STATE_SLEEP,
		 WAIT_REASON_SOCKET_READ,
		 {"schedule", "schedule_timeout", "unix_stream_read_generic", "unix_stream_recvmsg",
		  "sock_recvmsg", SYSCALL}},
		{WAIT_STATE_SLEEP,
		 WAIT_REASON_SOCKET_READ,
		 {"schedule", "schedule_timeout", "wait_woken", "sk_wait_data",
		  "tcp_recvmsg_locked", "tcp_recvmsg", "inet_recvmsg", SYSCALL}},
		{WAIT_STATE_SLEEP,
		 WAIT_REASON_SOCKET_READ,
		 {"schedule", "schedule_timeout", "__skb_wait_for_more_packets", "__skb_recv_udp",
		  "udp_recvmsg", SYSCALL}},
		{WAIT_STATE_SLEEP,
		 WAIT_REASON_SOCKET_READ,
		 {"schedule", "schedule_timeout", "inet_csk_accept", "inet_accept", SYSCALL}},
		{WAIT_STATE_SLEEP,
		 WAIT_REASON_SOCKET_WRITE,
		 {"schedule", "schedule_timeout", "wait_woken", "sk_stream_wait_memory",
		  "tcp_sendmsg_locked", "tcp_sendmsg", SYSCALL}},
		{WAIT_STATE_SLEEP,
		 WAIT_REASON_SOCKET_WRITE,
		 {"schedule", "schedule_timeout", "sock_alloc_send_pskb", "unix_stream_sendmsg",
		  SYSCALL}},
	};

	(void)state;
	assert_reasons(waiting, ARRAY_SIZE(waiting));
}

static void test_the_rest(void **state)
{
	static const struct waiting waiting[] = {
		{WAIT_STATE_SLEEP,
		 WAIT_REASON_CHILD,
		 {"schedule", "do_wait", "kernel_wait4", "__do_sys_wait4", SYSCALL}},
		{WAIT_STATE_BLOCKED,
		 WAIT_REASON_CHILD,
		 {"schedule", "schedule_timeout", "__wait_for_common", "kernel_clone",
		  "__x64_sys_vfork", SYSCALL}},
		{WAIT_STATE_STOPPED,
		 WAIT_REASON_STOPPED,
		 {"schedule", "do_signal_stop", "get_signal", "arch_do_signal_or_restart"}},
		/* The state says so, whatever the stack is. */
		{WAIT_STATE_STOPPED, WAIT_REASON_STOPPED, {"schedule", "futex_wait"}},
		/* Preempted inside a lock's slow path: it waits for a CPU. */
		{WAIT_STATE_NONE, WAIT_REASON_CPU, {"preempt_schedule_irq", "__mutex_lock"}},
		{WAIT_STATE_BLOCKED,
		 WAIT_REASON_OTHER_D,
		 {"schedule", "schedule_timeout", "__wait_for_common", "__wait_rcu_gp",
		  "synchronize_rcu", SYSCALL}},
		{WAIT_STATE_SLEEP,
		 WAIT_REASON_OTHER,
		 {"schedule", "sigsuspend", "__x64_sys_rt_sigsuspend", SYSCALL}},
		{WAIT_STATE_SLEEP, WAIT_REASON_OTHER, {"schedule", "worker_thread", "kthread"}},
		{WAIT_STATE_SLEEP, WAIT_REASON_OTHER, {NULL}},
	};

	(void)state;
	assert_reasons(waiting, ARRAY_SIZE(waiting));
}

static void test_suffixes(void **state)
{
	static const struct {
		const char *function;
		enum wait_reason reason;
	} cases[] = {
		{"do_wait", WAIT_REASON_CHILD},
		{"do_wait.isra.0", WAIT_REASON_CHILD},
		{"do_wait.cold", WAIT_REASON_CHILD},
		{"__mutex_lock.constprop.0", WAIT_REASON_LOCK},
		{"rwsem_down_read_slowpath.llvm.123", WAIT_REASON_LOCK},
		/* Neither the beginning nor the end of a name is one. */
		{"do_wait_intr", WAIT_REASON_NONE},
		{"xdo_wait", WAIT_REASON_NONE},
		{"do_wai", WAIT_REASON_NONE},
		{"pipe_readable", WAIT_REASON_NONE},
		{"", WAIT_REASON_NONE},
		{".", WAIT_REASON_NONE},
		{"schedule_timeout", WAIT_REASON_NONE},
		{"wait_for_completion", WAIT_REASON_NONE},
		{"wait_for_completion_io", WAIT_REASON_DISK},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (wait_reason_of_function(cases[i].function) != cases[i].reason)
			fail_msg("%s: %s", cases[i].function,
				 wait_reason_name(wait_reason_of_function(cases[i].function)));
}

static void test_names(void **state)
{
	(void)state;
	for (int i = 1; i < WAIT_REASON_MAX; i++) {
		const char *name = wait_reason_name((enum wait_reason)i);

		assert_string_not_equal(name, "");
		/* Once, and the one that is found by it. */
		assert_int_equal(wait_reason_parse(name), i);
	}
	assert_string_equal(wait_reason_name(WAIT_REASON_NONE), "");
	assert_string_equal(wait_reason_name(WAIT_REASON_MAX), "");
	assert_string_equal(wait_reason_name((enum wait_reason) - 1), "");
	assert_int_equal(wait_reason_parse(""), WAIT_REASON_NONE);
	assert_int_equal(wait_reason_parse("Disk"), WAIT_REASON_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_disk),
		cmocka_unit_test(test_page_fault),
		cmocka_unit_test(test_locks_and_sleeps),
		cmocka_unit_test(test_pipes_sockets_polls),
		cmocka_unit_test(test_the_rest),
		cmocka_unit_test(test_suffixes),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
