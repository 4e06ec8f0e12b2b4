// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wait_reason.c - see wait_reason.h. The table has the functions of kernels 5.10 to 6.18 that wait
 * for one kind of thing only; what waits for anything (schedule_timeout, wait_for_completion,
 * schedule_hrtimeout_range) is not in it, so that its caller decides.
 */
#include "wait_reason.h"

#include <stddef.h>
#include <string.h>

#include "cleanup.h"

static const char *const names[] = {
	[WAIT_REASON_NONE] = "",
	[WAIT_REASON_DISK] = "disk",
	[WAIT_REASON_LOCK] = "lock",
	[WAIT_REASON_SLEEP] = "sleep",
	[WAIT_REASON_POLL] = "poll",
	[WAIT_REASON_PIPE_READ] = "pipe read",
	[WAIT_REASON_PIPE_WRITE] = "pipe write",
	[WAIT_REASON_SOCKET_READ] = "socket read",
	[WAIT_REASON_SOCKET_WRITE] = "socket write",
	[WAIT_REASON_PAGE_FAULT] = "page fault",
	[WAIT_REASON_CHILD] = "child",
	[WAIT_REASON_STOPPED] = "stopped",
	[WAIT_REASON_CPU] = "cpu",
	[WAIT_REASON_OTHER_D] = "other D",
	[WAIT_REASON_OTHER] = "other",
};
_Static_assert(ARRAY_SIZE(names) == WAIT_REASON_MAX, "a reason without a name");

/* A name that ends in '*' stands for all that begin so. */
static const struct {
	const char *function;
	enum wait_reason reason;
} functions[] = {
	/* block layer, page cache, buffers: mm/filemap.c, block/, fs/buffer.c, fs/direct-io.c */
	{"io_schedule*", WAIT_REASON_DISK},
	{"blk_io_schedule", WAIT_REASON_DISK},
	{"bit_wait_io*", WAIT_REASON_DISK},
	{"wait_on_page_bit*", WAIT_REASON_DISK}, /* until 5.15 */
	{"wait_on_page_writeback", WAIT_REASON_DISK},
	{"put_and_wait_on_page_locked", WAIT_REASON_DISK},
	{"__lock_page*", WAIT_REASON_DISK},
	{"folio_wait_bit*", WAIT_REASON_DISK}, /* since 5.16 */
	{"folio_wait_writeback*", WAIT_REASON_DISK},
	{"folio_wait_stable", WAIT_REASON_DISK},
	{"folio_put_wait_locked", WAIT_REASON_DISK},
	{"__folio_lock*", WAIT_REASON_DISK},
	{"filemap_fdatawait*", WAIT_REASON_DISK},
	{"__filemap_fdatawait_range", WAIT_REASON_DISK},
	{"submit_bio_wait", WAIT_REASON_DISK},
	{"blkdev_issue_flush", WAIT_REASON_DISK},
	{"blk_execute_rq", WAIT_REASON_DISK},
	{"blk_mq_get_tag", WAIT_REASON_DISK},
	{"blk_mq_freeze_queue_wait*", WAIT_REASON_DISK},
	{"__bio_queue_enter", WAIT_REASON_DISK},
	{"blk_queue_enter", WAIT_REASON_DISK},
	{"blk_throtl_*", WAIT_REASON_DISK},
	{"rq_qos_wait", WAIT_REASON_DISK},
	{"wbt_wait", WAIT_REASON_DISK},
	{"wait_for_completion_io*", WAIT_REASON_DISK},
	{"wait_for_common_io*", WAIT_REASON_DISK},
	{"__wait_on_buffer", WAIT_REASON_DISK},
	{"__lock_buffer", WAIT_REASON_DISK},
	{"__bread_gfp", WAIT_REASON_DISK},
	{"dio_await_completion", WAIT_REASON_DISK},
	{"iomap_dio_*", WAIT_REASON_DISK},
	{"__iomap_dio_rw", WAIT_REASON_DISK},
	{"balance_dirty_pages*", WAIT_REASON_DISK},
	{"swap_readpage", WAIT_REASON_DISK},
	{"swap_read_folio", WAIT_REASON_DISK},
	{"mutex_lock_io*", WAIT_REASON_DISK},
	/* file systems' logs and transactions */
	{"jbd2_log_wait_commit", WAIT_REASON_DISK},
	{"jbd2_journal_commit_transaction", WAIT_REASON_DISK},
	{"jbd2_journal_get_write_access", WAIT_REASON_DISK},
	{"do_get_write_access", WAIT_REASON_DISK},
	{"wait_transaction_locked", WAIT_REASON_DISK},
	{"wait_transaction_switching", WAIT_REASON_DISK},
	{"add_transaction_credits", WAIT_REASON_DISK},
	{"start_this_handle", WAIT_REASON_DISK},
	{"xlog_wait_on_iclog", WAIT_REASON_DISK},
	{"xlog_grant_head_wait", WAIT_REASON_DISK},
	{"xlog_cil_force_seq", WAIT_REASON_DISK},
	{"xfs_log_force*", WAIT_REASON_DISK},
	{"xfs_buf_iowait", WAIT_REASON_DISK},
	{"xfs_buf_lock", WAIT_REASON_DISK},
	{"btrfs_wait_ordered_range", WAIT_REASON_DISK},
	{"btrfs_commit_transaction", WAIT_REASON_DISK},
	{"wait_current_trans", WAIT_REASON_DISK},
	/* faults: the architectures' entries and mm/memory.c; see wait_reason_add() */
	{"filemap_fault", WAIT_REASON_PAGE_FAULT},
	{"handle_mm_fault", WAIT_REASON_PAGE_FAULT},
	{"__handle_mm_fault", WAIT_REASON_PAGE_FAULT},
	{"do_swap_page", WAIT_REASON_PAGE_FAULT},
	{"handle_userfault", WAIT_REASON_PAGE_FAULT},
	{"migration_entry_wait*", WAIT_REASON_PAGE_FAULT},
	{"softleaf_entry_wait_on_locked", WAIT_REASON_PAGE_FAULT},
	{"exc_page_fault", WAIT_REASON_PAGE_FAULT},
	{"asm_exc_page_fault", WAIT_REASON_PAGE_FAULT},
	{"do_user_addr_fault", WAIT_REASON_PAGE_FAULT},
	{"do_page_fault", WAIT_REASON_PAGE_FAULT},
	{"do_translation_fault", WAIT_REASON_PAGE_FAULT},
	{"fixup_user_fault", WAIT_REASON_PAGE_FAULT},
	{"faultin_page", WAIT_REASON_PAGE_FAULT},
	/* locks: kernel/futex, kernel/locking, fs/locks.c, ipc/sem.c */
	{"futex_wait*", WAIT_REASON_LOCK},
	{"__futex_wait", WAIT_REASON_LOCK},
	{"futex_do_wait", WAIT_REASON_LOCK},
	{"futex_lock_pi*", WAIT_REASON_LOCK},
	{"do_futex", WAIT_REASON_LOCK},
	{"rwsem_down_*", WAIT_REASON_LOCK},
	{"__mutex_lock*", WAIT_REASON_LOCK},
	{"__ww_mutex_lock*", WAIT_REASON_LOCK},
	{"rt_mutex_*", WAIT_REASON_LOCK},
	{"__rt_mutex_*", WAIT_REASON_LOCK},
	{"rtlock_slowlock*", WAIT_REASON_LOCK},
	{"rwbase_*", WAIT_REASON_LOCK},
	{"__down", WAIT_REASON_LOCK},
	{"__down_common", WAIT_REASON_LOCK},
	{"__down_interruptible", WAIT_REASON_LOCK},
	{"__down_killable", WAIT_REASON_LOCK},
	{"__down_timeout", WAIT_REASON_LOCK},
	{"percpu_rwsem_wait", WAIT_REASON_LOCK},
	{"percpu_down_write", WAIT_REASON_LOCK},
	{"__percpu_down_read", WAIT_REASON_LOCK},
	{"ldsem_down_*", WAIT_REASON_LOCK},
	{"__lock_sock", WAIT_REASON_LOCK},
	{"locks_lock_inode_wait", WAIT_REASON_LOCK},
	{"posix_lock_inode_wait", WAIT_REASON_LOCK},
	{"flock_lock_inode_wait", WAIT_REASON_LOCK},
	{"fcntl_setlk*", WAIT_REASON_LOCK},
	{"do_semtimedop", WAIT_REASON_LOCK},
	{"__do_semtimedop", WAIT_REASON_LOCK},
	/* timers: kernel/time */
	{"hrtimer_nanosleep", WAIT_REASON_SLEEP},
	{"do_nanosleep", WAIT_REASON_SLEEP},
	{"alarm_timer_nsleep", WAIT_REASON_SLEEP},
	{"alarmtimer_do_nsleep", WAIT_REASON_SLEEP},
	{"msleep*", WAIT_REASON_SLEEP},
	{"usleep_range*", WAIT_REASON_SLEEP},
	{"schedule_timeout_interruptible", WAIT_REASON_SLEEP},
	{"schedule_timeout_uninterruptible", WAIT_REASON_SLEEP},
	{"schedule_timeout_killable", WAIT_REASON_SLEEP},
	{"schedule_timeout_idle", WAIT_REASON_SLEEP},
	/* any of many events: fs/select.c, fs/eventpoll.c, fs/aio.c, io_uring/ */
	{"do_poll", WAIT_REASON_POLL},
	{"do_sys_poll", WAIT_REASON_POLL},
	{"ep_poll", WAIT_REASON_POLL},
	{"do_epoll_wait", WAIT_REASON_POLL},
	{"do_epoll_pwait", WAIT_REASON_POLL},
	{"do_select", WAIT_REASON_POLL},
	{"core_sys_select", WAIT_REASON_POLL},
	{"poll_schedule_timeout*", WAIT_REASON_POLL},
	{"read_events", WAIT_REASON_POLL},
	{"do_io_getevents", WAIT_REASON_POLL},
	{"io_cqring_wait*", WAIT_REASON_POLL},
	{"io_sq_thread", WAIT_REASON_POLL},
	/* pipes: fs/pipe.c, fs/splice.c; opening a FIFO waits for a reader or writer */
	{"pipe_read", WAIT_REASON_PIPE_READ},
	{"anon_pipe_read", WAIT_REASON_PIPE_READ},
	{"fifo_pipe_read", WAIT_REASON_PIPE_READ},
	{"pipe_wait_readable", WAIT_REASON_PIPE_READ},
	{"ipipe_prep", WAIT_REASON_PIPE_READ},
	{"splice_from_pipe_next", WAIT_REASON_PIPE_READ},
	{"wait_for_partner", WAIT_REASON_PIPE_READ},
	{"pipe_write", WAIT_REASON_PIPE_WRITE},
	{"anon_pipe_write", WAIT_REASON_PIPE_WRITE},
	{"fifo_pipe_write", WAIT_REASON_PIPE_WRITE},
	{"pipe_wait_writable", WAIT_REASON_PIPE_WRITE},
	{"wait_for_space", WAIT_REASON_PIPE_WRITE},
	{"opipe_prep", WAIT_REASON_PIPE_WRITE},
	/* sockets: net/ */
	{"sk_wait_data", WAIT_REASON_SOCKET_READ},
	{"__skb_wait_for_more_packets", WAIT_REASON_SOCKET_READ},
	{"__skb_recv_udp", WAIT_REASON_SOCKET_READ},
	{"skb_recv_datagram", WAIT_REASON_SOCKET_READ},
	{"tcp_recvmsg*", WAIT_REASON_SOCKET_READ},
	{"unix_stream_read_generic", WAIT_REASON_SOCKET_READ},
	{"unix_stream_data_wait", WAIT_REASON_SOCKET_READ},
	{"unix_dgram_recvmsg", WAIT_REASON_SOCKET_READ},
	{"__unix_dgram_recvmsg", WAIT_REASON_SOCKET_READ},
	{"unix_accept", WAIT_REASON_SOCKET_READ},
	{"unix_stream_connect", WAIT_REASON_SOCKET_READ},
	{"inet_csk_accept", WAIT_REASON_SOCKET_READ},
	{"inet_csk_wait_for_connect", WAIT_REASON_SOCKET_READ},
	{"inet_wait_for_connect", WAIT_REASON_SOCKET_READ},
	{"inet_stream_connect", WAIT_REASON_SOCKET_READ},
	{"__inet_stream_connect", WAIT_REASON_SOCKET_READ},
	{"netlink_recvmsg", WAIT_REASON_SOCKET_READ},
	{"packet_recvmsg", WAIT_REASON_SOCKET_READ},
	{"vsock_connectible_recvmsg", WAIT_REASON_SOCKET_READ},
	{"vsock_connectible_wait_data", WAIT_REASON_SOCKET_READ},
	{"sk_stream_wait_memory", WAIT_REASON_SOCKET_WRITE},
	{"sk_stream_wait_connect", WAIT_REASON_SOCKET_WRITE},
	{"sock_alloc_send_pskb", WAIT_REASON_SOCKET_WRITE},
	{"sock_wait_for_wmem", WAIT_REASON_SOCKET_WRITE},
	{"unix_stream_sendmsg", WAIT_REASON_SOCKET_WRITE},
	{"unix_dgram_sendmsg", WAIT_REASON_SOCKET_WRITE},
	{"unix_wait_for_peer", WAIT_REASON_SOCKET_WRITE},
	/* kernel/exit.c, kernel/fork.c, kernel/signal.c, kernel/ptrace.c */
	{"do_wait", WAIT_REASON_CHILD},
	{"__do_wait", WAIT_REASON_CHILD},
	{"kernel_wait4", WAIT_REASON_CHILD},
	{"kernel_waitid", WAIT_REASON_CHILD},
	{"wait_for_vfork_done", WAIT_REASON_CHILD},
	{"kernel_clone", WAIT_REASON_CHILD}, /* vfork, when the former is inlined */
	{"do_signal_stop", WAIT_REASON_STOPPED},
	{"ptrace_stop", WAIT_REASON_STOPPED},
	{"do_jobctl_trap", WAIT_REASON_STOPPED},
	{"do_freezer_trap", WAIT_REASON_STOPPED},
	{"__refrigerator", WAIT_REASON_STOPPED},
};

const char *wait_reason_name(enum wait_reason reason)
{
	return (unsigned)reason < WAIT_REASON_MAX ? names[reason] : "";
}

enum wait_reason wait_reason_parse(const char *name)
{
	for (unsigned i = 1; i < WAIT_REASON_MAX; i++)
		if (strcmp(names[i], name) == 0)
			return (enum wait_reason)i;
	return WAIT_REASON_NONE;
}

enum wait_reason wait_reason_of_function(const char *function)
{
	/* What compilers append begins with a dot: .isra.0, .constprop.0, .cold, .llvm.123. */
	size_t len = strcspn(function, ".");

	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		size_t n = strlen(functions[i].function);

		if (functions[i].function[n - 1] == '*' ? len >= n - 1 : len == n) {
			n -= functions[i].function[n - 1] == '*';
			if (strncmp(functions[i].function, function, n) == 0)
				return functions[i].reason;
		}
	}
	return WAIT_REASON_NONE;
}

enum wait_reason wait_reason_add(enum wait_reason so_far, enum wait_reason next)
{
	if (so_far == WAIT_REASON_NONE)
		return next;
	if (so_far == WAIT_REASON_DISK && next == WAIT_REASON_PAGE_FAULT)
		return next;
	return so_far;
}

enum wait_reason wait_reason_of(enum wait_state state, enum wait_reason of_stack)
{
	if (state == WAIT_STATE_NONE)
		return WAIT_REASON_CPU;
	if (state == WAIT_STATE_STOPPED)
		return WAIT_REASON_STOPPED;
	if (of_stack != WAIT_REASON_NONE)
		return of_stack;
	if (state == WAIT_STATE_DISK)
		return WAIT_REASON_DISK;
	return state == WAIT_STATE_BLOCKED ? WAIT_REASON_OTHER_D : WAIT_REASON_OTHER;
}
