// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * capabilities.c - see capabilities.h.
 */
#include "capabilities.h"

#include "cleanup.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define CAPABILITIES_MAX 64 /* bits of the sets of capget(2) */

/* A cost is what tests/kernel/test_capabilities.c finds. */
static const struct capability table[] = {
	/* kernel/bpf/syscall.c, bpf_prog_load(): programs and maps. */
	{CAP_BPF, "CAP_BPF", CAPABILITY_RUNNING, "loads the BPF programs",
	 "profd does not start: it cannot load its BPF programs."},
	/* kernel/events/core.c, perf_allow_cpu(); kernel/bpf/syscall.c: tracing programs. */
	{CAP_PERFMON, "CAP_PERFMON", CAPABILITY_RUNNING,
	 "opens perf events for all processes and loads tracing programs",
	 "profd does not start: it cannot load tracing programs or open perf events."},
	/* kernel/ksyms_common.c, kallsyms_show_value(). */
	{CAP_SYSLOG, "CAP_SYSLOG", CAPABILITY_RUNNING,
	 "reads kernel addresses in /proc/kallsyms and /proc/modules",
	 "Kernel functions have no names (reason \"kernel addresses hidden\")."},
	/* fs/proc/task_mmu.c, proc_mem_open(); kernel/ptrace.c, __ptrace_may_access(). */
	{CAP_SYS_PTRACE, "CAP_SYS_PTRACE", CAPABILITY_RUNNING,
	 "reads the mappings and the executable of other processes in /proc",
	 "User functions of processes that have another user or more capabilities than profd, as "
	 "all of root's have, have no names."},
	/* fs/proc/base.c, proc_map_files_get_link(). */
	{CAP_CHECKPOINT_RESTORE, "CAP_CHECKPOINT_RESTORE", CAPABILITY_RUNNING,
	 "opens mapped files through /proc/PID/map_files, also deleted ones and those of "
	 "containers",
	 "Files are opened by the path that their process sees; functions of those that are "
	 "deleted, "
	 "replaced or not in the kernel's cache have no names (reason \"file not readable\")."},
	/* fs/namei.c, generic_permission(): /proc/PID/map_files is its owner's, mode 0500. */
	{CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", CAPABILITY_RUNNING,
	 "opens files and /proc folders of other users",
	 "Files of other users' processes are opened by the path that these see; functions of "
	 "files "
	 "that only their owner may read, or that are deleted, have no names (reason \"file not "
	 "readable\")."},
	/* kernel/sys.c, __sys_setresuid(), __sys_setresgid(); kernel/groups.c. */
	{CAP_SETUID, "CAP_SETUID", CAPABILITY_RUNNING,
	 "gives profd-resolver, which reads the files of others, a user of its own",
	 "profd-resolver runs as profd's user; it has no privilege and no files all the same."},
	{CAP_SETGID, "CAP_SETGID", CAPABILITY_RUNNING, "gives profd-resolver a group of its own",
	 "profd-resolver runs as profd's user; it has no privilege and no files all the same."},
	/* kernel/signal.c, check_kill_permission(): also for the signal of a parent's end. */
	{CAP_KILL, "CAP_KILL", CAPABILITY_RUNNING,
	 "ends a profd-resolver of another user that hangs",
	 "profd-resolver runs as profd's user; it has no privilege and no files all the same."},
	/* kernel/events/core.c, perf_mmap(): where RLIMIT_MEMLOCK cannot be raised. */
	{CAP_IPC_LOCK, "CAP_IPC_LOCK", CAPABILITY_RUNNING,
	 "maps perf ring buffers beyond kernel.perf_event_mlock_kb and RLIMIT_MEMLOCK",
	 "Where the limit of locked memory (ulimit -l) cannot be raised either, perf ring buffers "
	 "may be refused."},

	/* Debian's kernel/events/core.c: perf_paranoid_any(); kernel/bpf/syscall.c,
	 * bpf_enable_stats(). */
	{CAP_SYS_ADMIN, "CAP_SYS_ADMIN", CAPABILITY_PERF_CHILD,
	 "opens perf events where kernel.perf_event_paranoid is above 2, as on Debian; turns BPF "
	 "run-time statistics on",
	 "profd does not start where kernel.perf_event_paranoid is above 2 and the kernel knows "
	 "that level, as Debian's does; its own BPF run time is not measured."},

	/* kernel/sys.c, do_prlimit(). The limits that were raised stay. */
	{CAP_SYS_RESOURCE, "CAP_SYS_RESOURCE", CAPABILITY_START,
	 "raises the limits of open files and of locked memory",
	 "The limits of open files and of locked memory (ulimit -n, -l) stay as they are; the "
	 "second is needed for BPF before Linux 5.11."},
	/* fs/attr.c, chown_ok(), setattr_copy(). Files that are made in a setgid directory later
	 * have its group without it. */
	{CAP_CHOWN, "CAP_CHOWN", CAPABILITY_START, "gives the store's directory to group profd",
	 "A store's directory that profd makes is not readable for group profd."},
	{CAP_FSETID, "CAP_FSETID", CAPABILITY_START,
	 "sets the setgid bit of the store's directory, which is of group profd",
	 "A store's directory that profd makes does not hand its group on to the files in it."},
	/* kernel/capability.c: PR_CAPBSET_DROP. */
	{CAP_SETPCAP, "CAP_SETPCAP", CAPABILITY_START, "empties the bounding set",
	 "The bounding set stays as it is; no_new_privs keeps it from being used."},
	/* fs/namei.c, acl_permission_check(): root is nobody special without it. */
	{CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE", CAPABILITY_FOREIGN_STORE,
	 "makes the store in a directory that belongs to another user",
	 "A store in a directory of another user cannot be written."},
	/* fs/namei.c, __check_sticky(); fs/attr.c: chmod. */
	{CAP_FOWNER, "CAP_FOWNER", CAPABILITY_FOREIGN_STORE,
	 "sets modes in, and removes files of, a store of another user",
	 "A store that another user's profd made cannot be written."},
};

const struct capability *capability_table(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(table);
	return table;
}

uint64_t capability_kept_set(bool foreign_store)
{
	uint64_t set = 0;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].use == CAPABILITY_RUNNING ||
		    (foreign_store && table[i].use == CAPABILITY_FOREIGN_STORE))
			set |= CAPABILITY_BIT(table[i].number);
	return set;
}

static int get(struct __user_cap_data_struct ret[static _LINUX_CAPABILITY_U32S_3])
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

	return syscall(SYS_capget, &header, ret) < 0 ? -errno : 0;
}

static int set_sets(uint64_t permitted)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i].permitted = data[i].effective = (uint32_t)(permitted >> 32 * i);
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int capabilities_read(uint64_t *ret)
{
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
	int r = get(data);

	*ret = data[0].effective | (uint64_t)data[1].effective << 32;
	return r;
}

int capabilities_keep(uint64_t set)
{
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
	int r = get(data);

	if (r < 0)
		return r;
	/* The bounding set first, as that needs a capability. It is read by bits: the kernel may
	 * have more of them than linux/capability.h. */
	for (int bit = 0; bit < CAPABILITIES_MAX; bit++)
		if (!(set & CAPABILITY_BIT(bit)) && prctl(PR_CAPBSET_READ, bit, 0, 0, 0) > 0)
			(void)prctl(PR_CAPBSET_DROP, bit, 0, 0, 0);
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	r = set_sets((data[0].permitted | (uint64_t)data[1].permitted << 32) & set);
	if (r < 0)
		return r;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}
