// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sandbox.c - see sandbox.h. In an order in which each step is still allowed.
 */
#include "sandbox.h"

#include "protocol.h"
#include "unwind_blob.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Behind profd itself and no more: with 10 a name took longer than its bucket waits for it as soon
 * as every CPU had two programs running, and that is when names are wanted. */
#define NICE_MORE     2
#define MEMORY_MAX    (256ull << 20) /* a table of the most rows has half of it */
#define FILES_SPARE   104 /* beyond those that are added: those on their way, and the socket */
#define CAPABILITIES  64  /* bits of the sets of capget(2) */
#define OOM_ADJUST    "1000"
#define OOM_ADJUST_AT "/proc/self/oom_score_adj"

#if defined(__SANITIZE_ADDRESS__)
#define MEMORY_IS_LIMITED false /* its shadow alone is 20 TB of address space */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MEMORY_IS_LIMITED false
#endif
#endif
#ifndef MEMORY_IS_LIMITED
#define MEMORY_IS_LIMITED true
#endif

#define ALLOW_CALL(name)                                                                           \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1),                                     \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

#define REFUSE_CALL(name, error)                                                                   \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1),                                     \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))

/* The lower half of an argument; little endian. */
#define LOAD_ARGUMENT(n) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[n]))

/* Memory that is never executed. */
#define ALLOW_WITHOUT_EXEC(name)                                                                   \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 4), LOAD_ARGUMENT(2),                   \
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),                             \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),                              \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static int allow_few_calls(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW_CALL(pread64),
		ALLOW_CALL(recvmsg),
		ALLOW_CALL(sendmsg),
		ALLOW_CALL(pwrite64),
		ALLOW_CALL(read),
		ALLOW_CALL(lseek),
		ALLOW_CALL(fstat),
		ALLOW_CALL(close),
		ALLOW_CALL(brk),
		ALLOW_CALL(munmap),
		ALLOW_CALL(mremap),
		ALLOW_CALL(madvise),
		ALLOW_CALL(futex),
		ALLOW_CALL(getrandom), /* malloc(3) */
		ALLOW_CALL(rt_sigreturn),
		ALLOW_CALL(restart_syscall),
		ALLOW_CALL(exit_group),
		/* A library that wants a file gets none and goes on. */
		REFUSE_CALL(open, EACCES),
		REFUSE_CALL(openat, EACCES),
		REFUSE_CALL(openat2, EACCES),
		REFUSE_CALL(socket, EACCES),
		ALLOW_WITHOUT_EXEC(mmap),
		ALLOW_WITHOUT_EXEC(mprotect),
		/* fstat(3) of some glibc; what it tells of a path is that it is there. */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_newfstatat, 0, 3),
		LOAD_ARGUMENT(3),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AT_EMPTY_PATH, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	struct sock_fprog program = {.len = sizeof(filter) / sizeof(filter[0]), .filter = filter};

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno : 0;
}

static int limit(__rlimit_resource_t resource, rlim_t most)
{
	struct rlimit now;

	if (getrlimit(resource, &now) < 0)
		return -errno;
	if (most > now.rlim_max)
		most = now.rlim_max;
	now.rlim_cur = now.rlim_max = most;
	return setrlimit(resource, &now) < 0 ? -errno : 0;
}

static int set_limits(void)
{
	int r = limit(RLIMIT_CORE, 0);

	if (r == 0)
		r = limit(RLIMIT_NOFILE, RESOLVER_FILES_MAX + FILES_SPARE);
	if (r == 0)
		r = limit(RLIMIT_NPROC, 0);
	if (r == 0)
		r = limit(RLIMIT_FSIZE, UNWIND_BLOB_MAX);
	if (r == 0 && MEMORY_IS_LIMITED)
		r = limit(RLIMIT_AS, MEMORY_MAX);
	return r;
}

/* Of all that shares profd's memory limit it is the first to go: it can be started again. */
static void be_the_first_to_go(void)
{
	int fd = open(OOM_ADJUST_AT, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, OOM_ADJUST, sizeof(OOM_ADJUST) - 1);
	(void)close(fd);
}

static int change_user(const struct sandbox *sandbox)
{
	if (!sandbox->changes_user)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(sandbox->gid, sandbox->gid, sandbox->gid) < 0 ||
	    setresuid(sandbox->uid, sandbox->uid, sandbox->uid) < 0)
		return -errno;
	return 0;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};

	/* As far as it may; what stays of this set is of no use with no_new_privs. */
	for (int bit = 0; bit < CAPABILITIES; bit++)
		if (prctl(PR_CAPBSET_READ, bit, 0, 0, 0) > 0)
			(void)prctl(PR_CAPBSET_DROP, bit, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	    syscall(SYS_capset, &header, none) < 0)
		return -errno;
	return 0;
}

int sandbox_enter(const struct sandbox *sandbox)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGXFSZ};
	int r;

	/* What ends profd ends this by the socket, after profd has done its last work. */
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);
	if (syscall(SYS_close_range, sandbox->socket + 1, ~0u, 0) < 0)
		return -errno;
	(void)prctl(PR_SET_NAME, SANDBOX_NAME);
	(void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + NICE_MORE);
	be_the_first_to_go();
	r = set_limits();
	if (r == 0)
		r = change_user(sandbox);
	if (r == 0)
		r = drop_capabilities();
	if (r < 0)
		return r;
	/* The kernel forgets the signal when credentials change, so it is asked for after that. Not
	 * dumpable: processes of the same user may not look into this one or change it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return -errno;
	if (getppid() != sandbox->parent)
		return -ESRCH;
	return allow_few_calls();
}
