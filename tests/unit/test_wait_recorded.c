// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_wait_recorded.c - what threads waited for, by stacks that profd recorded of programs that
 * knew: test_wait_reason.c has those of other kernels, and the rules.
 *
 * Recorded on kernel 6.18 (x86_64, ext4 without a journal) with 1000 stacks a second, off-CPU rows
 * of the store as they are: state, and the kernel's frames, leaf first. Of programs: waiter,
 * disk_waiter and stopper of tests/workloads, and threads of one in Python that does what the
 * comments say. Of each wait there are the stacks with the most time: profd has some from where the
 * wait began, with the frames of the scheduler (and its tracepoint), and some from the call itself,
 * where it expected a long wait.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "wait_reason.h"

#define NAME_MAX_BYTES 64

struct recorded {
	enum wait_state state;
	enum wait_reason reason;
	const char *stack; /* each frame ends with ';' */
};

static enum wait_reason reason_of(const struct recorded *recorded)
{
	enum wait_reason reason = WAIT_REASON_NONE;

	for (const char *p = recorded->stack; *p;) {
		size_t len = strcspn(p, ";");
		char name[NAME_MAX_BYTES] = "";

		assert_in_range(len, 1, sizeof(name) - 1);
		memcpy(name, p, len);
		reason = wait_reason_add(reason, wait_reason_of_function(name));
		p += len + 1;
	}
	return wait_reason_of(recorded->state, reason);
}

static void assert_reasons(const struct recorded *recorded, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		enum wait_reason reason = reason_of(&recorded[i]);

		if (reason != recorded[i].reason)
			fail_msg("%s is %s, not %s", recorded[i].stack, wait_reason_name(reason),
				 wait_reason_name(recorded[i].reason));
	}
}

static void test_disk(void **state)
{
	static const struct recorded recorded[] = {
		/* disk_waiter, read past the page cache */
		{WAIT_STATE_DISK, WAIT_REASON_DISK,
		 "__schedule;schedule;schedule_timeout;io_schedule_timeout;__iomap_dio_rw;"
		 "iomap_dio_rw;ext4_file_read_iter;vfs_read;__x64_sys_pread64;do_syscall_64;"
		 "entry_SYSCALL_64_after_hwframe;"},
		{WAIT_STATE_DISK, WAIT_REASON_DISK,
		 "__iomap_dio_rw;iomap_dio_rw;ext4_file_read_iter;vfs_read;__x64_sys_pread64;"
		 "do_syscall_64;entry_SYSCALL_64_after_hwframe;"},
		/* fsync() after each write: the disk's flush, and the pages before it */
		{WAIT_STATE_DISK, WAIT_REASON_DISK,
		 "__schedule;schedule;schedule_timeout;io_schedule_timeout;"
		 "wait_for_completion_io_timeout;submit_bio_wait;blkdev_issue_flush;"
		 "ext4_sync_file;do_fsync;__x64_sys_fsync;do_syscall_64;"
		 "entry_SYSCALL_64_after_hwframe;"},
		{WAIT_STATE_DISK, WAIT_REASON_DISK,
		 "__schedule;schedule;io_schedule;folio_wait_bit;folio_wait_writeback;"
		 "__filemap_fdatawait_range;file_write_and_wait_range;"
		 "generic_buffers_fsync_noflush;ext4_fsync_nojournal.constprop.0;ext4_sync_file;"
		 "do_fsync;__x64_sys_fsync;do_syscall_64;entry_SYSCALL_64_after_hwframe;"},
		{WAIT_STATE_DISK, WAIT_REASON_DISK,
		 "__traceiter_sched_switch;__schedule;schedule;schedule_timeout;"
		 "io_schedule_timeout;wait_for_completion_io_timeout;submit_bio_wait;"
		 "blkdev_issue_flush;ext4_sync_file;do_fsync;__x64_sys_fsync;do_syscall_64;"
		 "entry_SYSCALL_64_after_hwframe;"},
	};

	(void)state;
	assert_reasons(recorded, ARRAY_SIZE(recorded));
}

static void test_page_fault(void **state)
{
	static const struct recorded recorded[] = {
		/* disk_waiter, pages that are not in memory */
		{WAIT_STATE_DISK, WAIT_REASON_PAGE_FAULT,
		 "__schedule;schedule;io_schedule;folio_wait_bit_common;filemap_read_folio;"
		 "filemap_fault;__do_fault;do_fault;__handle_mm_fault;handle_mm_fault;"
		 "exc_page_fault;asm_exc_page_fault;"},
		{WAIT_STATE_DISK, WAIT_REASON_PAGE_FAULT,
		 "folio_wait_bit_common;filemap_read_folio;filemap_fault;__do_fault;do_fault;"
		 "__handle_mm_fault;handle_mm_fault;exc_page_fault;asm_exc_page_fault;"},
	};

	(void)state;
	assert_reasons(recorded, ARRAY_SIZE(recorded));
}

static void test_lock(void **state)
{
	static const struct recorded recorded[] = {
		/* waiter mutex */
		{WAIT_STATE_SLEEP, WAIT_REASON_LOCK,
		 "futex_do_wait;__futex_wait;futex_wait;do_futex;__x64_sys_futex;do_syscall_64;"
		 "entry_SYSCALL_64_after_hwframe;"},
		{WAIT_STATE_SLEEP, WAIT_REASON_LOCK,
		 "__schedule;schedule;futex_do_wait;__futex_wait;futex_wait;do_futex;"
		 "__x64_sys_futex;do_syscall_64;entry_SYSCALL_64_after_hwframe;"},
		/* waiter join: it is a futex too */
		{WAIT_STATE_SLEEP, WAIT_REASON_LOCK,
		 "futex_do_wait;__futex_wait;futex_wait;do_futex;__x64_sys_futex;do_syscall_64;"
		 "entry_SYSCALL_64_after_hwframe;"},
		{WAIT_STATE_SLEEP, WAIT_REASON_LOCK,
		 "__schedule;schedule;futex_do_wait;__futex_wait;futex_wait;do_futex;"
		 "__x64_sys_futex;do_syscall_64;entry_SYSCALL_64_after_hwframe;"},
		/* two descriptors, flock() in turn */
		{WAIT_STATE_SLEEP, WAIT_REASON_LOCK,
		 "locks_lock_inode_wait;__do_sys_flock;do_syscall_64;"
		 "entry_SYSCALL_64_after_hwframe;"},
		{WAIT_STATE_SLEEP, WAIT_REASON_LOCK,
		 "__schedule;schedule;locks_lock_inode_wait;__do_sys_flock;do_syscall_64;"
		 "entry_SYSCALL_64_after_hwframe;"},
		/* two threads that write one file */
		{WAIT_STATE_BLOCKED, WAIT_REASON_LOCK,
		 "__traceiter_sched_switch;__schedule;schedule;schedule_preempt_disabled;"
		 "rwsem_down_write_slowpath;down_write;ext4_buffered_write_iter;vfs_write;"
		 "__x64_sys_pwrite64;do_syscall_64;entry_SYSCALL_64_after_hwframe;"},
		{WAIT_STATE_BLOCKED, WAIT_REASON_LOCK,
		 "__schedule;schedule;schedule_preempt_disabled;rwsem_down_write_slowpath;"
		 "down_write;ext4_buffered_write_iter;vfs_write;__x64_sys_pwrite64;"
		 "do_syscall_64;entry_SYSCALL_64_after_hwframe;"},
	};

	(void)state;
	assert_reasons(recorded, ARRAY_SIZE(recorded));
}

static void test_sleep(void **state)
{
	static const struct recorded recorded[] = {
		/* waiter timer20 */
		{WAIT_STATE_SLEEP, WAIT_REASON_SLEEP,
		 "__schedule;schedule;do_nanosleep;hrtimer_nanosleep;common_nsleep;"
		 "__x64_sys_clock_nanosleep;do_syscall_64;entry_SYSCALL_64_after_hwframe;"},
		{WAIT_STATE_SLEEP, WAIT_REASON_SLEEP,
		 "hrtimer_nanosleep;common_nsleep;__x64_sys_clock_nanosleep;do_syscall_64;"
		 "entry_SYSCALL_64_after_hwframe;"},
		/* time.sleep() of Python */
		{WAIT_STATE_SLEEP, WAIT_REASON_SLEEP,
		 "hrtimer_nanosleep;common_nsleep_timens;__x64_sys_clock_nanosleep;"
		 "do_syscall_64;entry_SYSCALL_64_after_hwframe;"},
	};

	(void)state;
	assert_reasons(recorded, ARRAY_SIZE(recorded));
}

static void test_poll(void **state)
{
	static const struct recorded recorded[] = {
		/* waiter poll */
		{WAIT_STATE_SLEEP, WAIT_REASON_POLL,
		 "poll_schedule_timeout.constprop.0;do_sys_poll;__x64_sys_poll;do_syscall_64;"
		 "entry_SYSCALL_64_after_hwframe;"},
		{WAIT_STATE_SLEEP, WAIT_REASON_POLL,
		 "__schedule;schedule;schedule_hrtimeout_range_clock;"
		 "poll_schedule_timeout.constprop.0;do_sys_poll;__x64_sys_poll;do_syscall_64;"
		 "entry_SYSCALL_64_after_hwframe;"},
		/* waiter epoll */
		{WAIT_STATE_SLEEP, WAIT_REASON_POLL,
		 "__schedule;schedule;schedule_hrtimeout_range_clock;do_epoll_wait;"
		 "__x64_sys_epoll_wait;do_syscall_64;entry_SYSCALL_64_after_hwframe;"},
		{WAIT_STATE_SLEEP, WAIT_REASON_POLL,
		 "do_epoll_wait;__x64_sys_epoll_wait;do_syscall_64;"
		 "entry_SYSCALL_64_after_hwframe;"},
		/* pselect() with a time limit */
		{WAIT_STATE_SLEEP, WAIT_REASON_POLL,
		 "poll_schedule_timeout.constprop.0;do_select;core_sys_select;"
		 "do_pselect.constprop.0;__x64_sys_pselect6;do_syscall_64;"
		 "entry_SYSCALL_64_after_hwframe;"},
		{WAIT_STATE_SLEEP, WAIT_REASON_POLL,
		 "__schedule;schedule;schedule_hrtimeout_range_clock;"
		 "poll_schedule_timeout.constprop.0;do_select;core_sys_select;"
		 "do_pselect.constprop.0;__x64_sys_pselect6;do_syscall_64;"
		 "entry_SYSCALL_64_after_hwframe;"},
	};

	(void)state;
	assert_reasons(recorded, ARRAY_SIZE(recorded));
}

static void test_pipe(void **state)
{
	static const struct recorded recorded[] = {
		/* waiter pipe */
		{WAIT_STATE_SLEEP, WAIT_REASON_PIPE_READ,
		 "__schedule;schedule;anon_pipe_read;vfs_read;ksys_read;do_syscall_64;"
		 "entry_SYSCALL_64_after_hwframe;"},
		{WAIT_STATE_SLEEP, WAIT_REASON_PIPE_READ,
		 "__traceiter_sched_switch;__schedule;schedule;anon_pipe_read;vfs_read;"
		 "ksys_read;do_syscall_64;entry_SYSCALL_64_after_hwframe;"},
		/* waiter pipew */
		{WAIT_STATE_SLEEP, WAIT_REASON_PIPE_WRITE,
		 "anon_pipe_write;vfs_write;ksys_write;do_syscall_64;"
		 "entry_SYSCALL_64_after_hwframe;"},
		{WAIT_STATE_SLEEP, WAIT_REASON_PIPE_WRITE,
		 "__schedule;schedule;anon_pipe_write;vfs_write;ksys_write;do_syscall_64;"
		 "entry_SYSCALL_64_after_hwframe;"},
	};

	(void)state;
	assert_reasons(recorded, ARRAY_SIZE(recorded));
}

static void test_socket(void **state)
{
	static const struct recorded recorded[] = {
		/* waiter socket */
		{WAIT_STATE_SLEEP, WAIT_REASON_SOCKET_READ,
		 "unix_stream_read_generic;unix_stream_recvmsg;sock_recvmsg;sock_read_iter;"
		 "vfs_read;ksys_read;do_syscall_64;entry_SYSCALL_64_after_hwframe;"},
		{WAIT_STATE_SLEEP, WAIT_REASON_SOCKET_READ,
		 "__schedule;schedule;schedule_timeout;unix_stream_read_generic;"
		 "unix_stream_recvmsg;sock_recvmsg;sock_read_iter;vfs_read;ksys_read;"
		 "do_syscall_64;entry_SYSCALL_64_after_hwframe;"},
		/* waiter tcp */
		{WAIT_STATE_SLEEP, WAIT_REASON_SOCKET_READ,
		 "__schedule;schedule;schedule_timeout;wait_woken;sk_wait_data;"
		 "tcp_recvmsg_locked;tcp_recvmsg;sock_recvmsg;sock_read_iter;vfs_read;ksys_read;"
		 "do_syscall_64;entry_SYSCALL_64_after_hwframe;"},
		{WAIT_STATE_SLEEP, WAIT_REASON_SOCKET_READ,
		 "__traceiter_sched_switch;__schedule;schedule;schedule_timeout;wait_woken;"
		 "sk_wait_data;tcp_recvmsg_locked;tcp_recvmsg;sock_recvmsg;sock_read_iter;"
		 "vfs_read;ksys_read;do_syscall_64;entry_SYSCALL_64_after_hwframe;"},
		/* recv() of UDP */
		{WAIT_STATE_SLEEP, WAIT_REASON_SOCKET_READ,
		 "__skb_wait_for_more_packets;__skb_recv_udp;udp_recvmsg;sock_recvmsg;"
		 "__sys_recvfrom;__x64_sys_recvfrom;do_syscall_64;"
		 "entry_SYSCALL_64_after_hwframe;"},
		{WAIT_STATE_SLEEP, WAIT_REASON_SOCKET_READ,
		 "__schedule;schedule;schedule_timeout;__skb_wait_for_more_packets;"
		 "__skb_recv_udp;udp_recvmsg;sock_recvmsg;__sys_recvfrom;__x64_sys_recvfrom;"
		 "do_syscall_64;entry_SYSCALL_64_after_hwframe;"},
		/* accept() of TCP */
		{WAIT_STATE_SLEEP, WAIT_REASON_SOCKET_READ,
		 "inet_csk_accept;inet_accept;do_accept;__sys_accept4;__x64_sys_accept4;"
		 "do_syscall_64;entry_SYSCALL_64_after_hwframe;"},
		{WAIT_STATE_SLEEP, WAIT_REASON_SOCKET_READ,
		 "__traceiter_sched_switch;__schedule;schedule;schedule_timeout;inet_csk_accept;"
		 "inet_accept;do_accept;__sys_accept4;__x64_sys_accept4;do_syscall_64;"
		 "entry_SYSCALL_64_after_hwframe;"},
		/* send() to a full stream of AF_UNIX */
		{WAIT_STATE_SLEEP, WAIT_REASON_SOCKET_WRITE,
		 "sock_alloc_send_pskb;unix_stream_sendmsg;__sys_sendto;__x64_sys_sendto;"
		 "do_syscall_64;entry_SYSCALL_64_after_hwframe;"},
		{WAIT_STATE_SLEEP, WAIT_REASON_SOCKET_WRITE,
		 "__schedule;schedule;schedule_timeout;sock_alloc_send_pskb;unix_stream_sendmsg;"
		 "__sys_sendto;__x64_sys_sendto;do_syscall_64;entry_SYSCALL_64_after_hwframe;"},
		/* send() of AF_UNIX datagrams to a full one */
		{WAIT_STATE_SLEEP, WAIT_REASON_SOCKET_WRITE,
		 "sock_alloc_send_pskb;unix_dgram_sendmsg;__sys_sendto;__x64_sys_sendto;"
		 "do_syscall_64;entry_SYSCALL_64_after_hwframe;"},
		/* send() to a full connection of TCP */
		{WAIT_STATE_SLEEP, WAIT_REASON_SOCKET_WRITE,
		 "__schedule;schedule;schedule_timeout;wait_woken;sk_stream_wait_memory;"
		 "tcp_sendmsg_locked;tcp_sendmsg;__sys_sendto;__x64_sys_sendto;do_syscall_64;"
		 "entry_SYSCALL_64_after_hwframe;"},
		{WAIT_STATE_SLEEP, WAIT_REASON_SOCKET_WRITE,
		 "__traceiter_sched_switch;__schedule;schedule;schedule_timeout;wait_woken;"
		 "sk_stream_wait_memory;tcp_sendmsg_locked;tcp_sendmsg;__sys_sendto;"
		 "__x64_sys_sendto;do_syscall_64;entry_SYSCALL_64_after_hwframe;"},
	};

	(void)state;
	assert_reasons(recorded, ARRAY_SIZE(recorded));
}

static void test_other_d(void **state)
{
	static const struct recorded recorded[] = {
		/* membarrier() waits for all CPUs */
		{WAIT_STATE_BLOCKED, WAIT_REASON_OTHER_D,
		 "__traceiter_sched_switch;__schedule;schedule;synchronize_rcu_expedited;"
		 "__x64_sys_membarrier;do_syscall_64;entry_SYSCALL_64_after_hwframe;"},
		{WAIT_STATE_BLOCKED, WAIT_REASON_OTHER_D,
		 "__schedule;schedule;synchronize_rcu_expedited;__x64_sys_membarrier;"
		 "do_syscall_64;entry_SYSCALL_64_after_hwframe;"},
	};

	(void)state;
	assert_reasons(recorded, ARRAY_SIZE(recorded));
}

static void test_stopped(void **state)
{
	static const struct recorded recorded[] = {
		/* stopper */
		{WAIT_STATE_STOPPED, WAIT_REASON_STOPPED,
		 "do_signal_stop;get_signal;arch_do_signal_or_restart;"
		 "irqentry_exit_to_user_mode;asm_sysvec_reschedule_ipi;"},
		{WAIT_STATE_STOPPED, WAIT_REASON_STOPPED,
		 "__schedule;schedule;do_signal_stop;get_signal;arch_do_signal_or_restart;"
		 "irqentry_exit_to_user_mode;asm_sysvec_reschedule_ipi;"},
	};

	(void)state;
	assert_reasons(recorded, ARRAY_SIZE(recorded));
}

static void test_child(void **state)
{
	static const struct recorded recorded[] = {
		/* waitpid() */
		{WAIT_STATE_SLEEP, WAIT_REASON_CHILD,
		 "do_wait;kernel_wait4;__do_sys_wait4;do_syscall_64;"
		 "entry_SYSCALL_64_after_hwframe;"},
		{WAIT_STATE_SLEEP, WAIT_REASON_CHILD,
		 "__schedule;schedule;do_wait;kernel_wait4;__do_sys_wait4;do_syscall_64;"
		 "entry_SYSCALL_64_after_hwframe;"},
		/* vfork() of posix_spawn() */
		{WAIT_STATE_BLOCKED, WAIT_REASON_CHILD,
		 "__traceiter_sched_switch;__schedule;schedule;schedule_timeout;"
		 "__wait_for_common;wait_for_completion_state;kernel_clone;__do_sys_clone3;"
		 "do_syscall_64;entry_SYSCALL_64_after_hwframe;"},
		{WAIT_STATE_BLOCKED, WAIT_REASON_CHILD,
		 "__schedule;schedule;schedule_timeout;__wait_for_common;"
		 "wait_for_completion_state;kernel_clone;__do_sys_clone3;do_syscall_64;"
		 "entry_SYSCALL_64_after_hwframe;"},
	};

	(void)state;
	assert_reasons(recorded, ARRAY_SIZE(recorded));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_disk),	cmocka_unit_test(test_page_fault),
		cmocka_unit_test(test_lock),	cmocka_unit_test(test_sleep),
		cmocka_unit_test(test_poll),	cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_socket),	cmocka_unit_test(test_other_d),
		cmocka_unit_test(test_stopped), cmocka_unit_test(test_child),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
