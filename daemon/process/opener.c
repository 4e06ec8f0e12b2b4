// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * opener.c - see opener.h.
 */
#include "process/opener.h"

#include "cleanup.h"
#include "mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>

#define REQUESTS_MAX  8192 /* more than there are files: each is asked once at a time */
#define DEADLINE_NS   5000000000ull
#define ABANDONED_MAX 8 /* threads that hang in a filesystem: then nothing is opened any more */

/* linux/magic.h, and fs/fuse, fs/smb and fs/9p; filesystems whose server may not answer. */
static const uint32_t remote_magics[] = {
	0x6969 /* NFS */,      0x65735546 /* FUSE */, 0xff534d42 /* CIFS */, 0xfe534d42 /* SMB2 */,
	0x01021997 /* 9P */,   0x00c36400 /* Ceph */, 0x5346414f /* AFS */,  0x6b414653 /* kAFS */,
	0x73757245 /* Coda */, 0x517b /* SMB */,
};

struct request {
	struct mail mail;
	uint32_t number;
	int path_fd; /* or -1, and then there is a path */
	char *path;
};

struct answer {
	struct mail mail;
	struct opener_answer body;
};

enum worker_state { WORKER_WAITS, WORKER_BUSY, WORKER_ABANDONED };

/* A thread. Whether it or the event loop answers the request that it is busy with is decided by who
 * changes the state first; one that was abandoned touches nothing but this any more, and frees it.
 */
struct worker {
	struct opener *opener;
	pthread_t thread;
	_Atomic int state;
	_Atomic uint64_t since_mono_ns;
	_Atomic uint32_t number;
};

struct opener {
	struct mailbox requests, answers;
	opener_open_fn open;
	struct worker *worker; /* NULL: too many hang */
	uint32_t n_abandoned;
	size_t outstanding;
};

static bool is_remote(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(remote_magics); i++)
		if ((uint32_t)fs.f_type == remote_magics[i])
			return true;
	return false;
}

static enum unknown_reason reason_of_open(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return UNKNOWN_FILE_DENIED;
	case ENOENT:
	case ESRCH:
		return UNKNOWN_FILE_GONE;
	default:
		return UNKNOWN_FILE_SKIPPED;
	}
}

void opener_open(uint32_t number, int path_fd, struct opener_answer *ret)
{
	_cleanup_close_ int fd = -1;
	char reopen[64];
	struct stat st;

	*ret = (struct opener_answer){.number = number, .fd = -1};
	/* Both checks may ask the filesystem's server, as open() does: hence the thread. */
	if (fstat(path_fd, &st) < 0) {
		ret->reason = reason_of_open(errno);
		return;
	}
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > OPENER_FILE_MAX_BYTES ||
	    is_remote(path_fd)) {
		ret->reason = UNKNOWN_FILE_SKIPPED;
		return;
	}
	(void)snprintf(reopen, sizeof(reopen), "/proc/self/fd/%d", path_fd);
	fd = open(reopen, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		ret->reason = reason_of_open(errno);
		return;
	}
	ret->trust_uid = st.st_uid == 0 && !(st.st_mode & 022) ? PROFILE_TRUST_SYSTEM : st.st_uid;
	ret->fd = take_fd(&fd);
}

/* linux/openat2.h; glibc 2.36 has no wrapper. */
int opener_path_below(int root_fd, const char *path)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC,
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_CACHED};
	int fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/* The path may be anybody's, and the file was mapped a moment ago. */
void opener_open_path(uint32_t number, const char *path, struct opener_answer *ret)
{
	_cleanup_close_ int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = opener_path_below(root_fd, path);

	*ret = (struct opener_answer){.number = number, .fd = -1, .reason = UNKNOWN_FILE_GONE};
	if (fd >= 0)
		opener_open(number, fd, ret);
	else if (fd == -EACCES || fd == -EPERM)
		ret->reason = UNKNOWN_FILE_DENIED;
}

static void free_request(struct request *request)
{
	close_p(&request->path_fd);
	free(request->path);
	free(request);
}

static uint64_t now_mono_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static void give_answer(struct opener *opener, const struct opener_answer *body)
{
	struct answer *answer = calloc(1, sizeof(*answer));

	if (answer)
		answer->body = *body;
	if (!answer || mailbox_put(&opener->answers, &answer->mail) < 0) {
		if (body->fd >= 0)
			(void)close(body->fd);
		free(answer);
	}
}

/* Opens one file. False when the worker was abandoned over it. */
static bool serve(struct worker *worker, const struct request *request)
{
	struct opener_answer answer;
	int busy = WORKER_BUSY;

	atomic_store(&worker->number, request->number);
	atomic_store(&worker->since_mono_ns, now_mono_ns());
	atomic_store(&worker->state, WORKER_BUSY);
	worker->opener->open(request->number, request->path_fd, request->path, &answer);
	if (!atomic_compare_exchange_strong(&worker->state, &busy, WORKER_WAITS)) {
		close_p(&answer.fd);
		return false;
	}
	give_answer(worker->opener, &answer);
	return true;
}

static void *opener_thread(void *ctx)
{
	struct worker *worker = ctx;
	struct request *request;
	bool abandoned = false;

	pthread_setname_np(pthread_self(), "profd-opener");
	while (!abandoned &&
	       (request = (struct request *)mailbox_wait(&worker->opener->requests))) {
		abandoned = !serve(worker, request);
		free_request(request);
	}
	if (abandoned)
		free(worker);
	return NULL;
}

static int start_worker(struct opener *opener)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	int r;

	if (!worker)
		return -ENOMEM;
	worker->opener = opener;
	r = -pthread_create(&worker->thread, NULL, opener_thread, worker);
	if (r < 0) {
		free(worker);
		return r;
	}
	opener->worker = worker;
	return 0;
}

/* Leaves the thread to itself, if it is still busy. */
static bool abandon(struct opener *opener)
{
	struct worker *worker = opener->worker;
	pthread_t thread = worker->thread;
	int busy = WORKER_BUSY;

	if (!atomic_compare_exchange_strong(&worker->state, &busy, WORKER_ABANDONED))
		return false;
	(void)pthread_detach(thread);
	opener->worker = NULL;
	return true;
}

static void open_now(uint32_t number, int path_fd, const char *path, struct opener_answer *ret)
{
	if (path)
		opener_open_path(number, path, ret);
	else
		opener_open(number, path_fd, ret);
}

int opener_new_with(opener_open_fn open_fn, struct opener **ret)
{
	struct opener *opener = calloc(1, sizeof(*opener));
	int r;

	if (!opener)
		return -ENOMEM;
	opener->open = open_fn;
	r = mailbox_init(&opener->requests, REQUESTS_MAX);
	if (r == 0)
		r = mailbox_init(&opener->answers, REQUESTS_MAX);
	if (r == 0)
		r = start_worker(opener);
	if (r < 0) {
		opener_free(opener);
		return r;
	}
	*ret = opener;
	return 0;
}

int opener_new(struct opener **ret)
{
	return opener_new_with(open_now, ret);
}

static void skip_waiting(struct opener *opener)
{
	struct mail *mail;

	while ((mail = mailbox_take(&opener->requests))) {
		struct request *request = (struct request *)mail;

		give_answer(opener, &(struct opener_answer){.number = request->number,
							    .fd = -1,
							    .reason = UNKNOWN_FILE_SKIPPED});
		free_request(request);
	}
}

void opener_watch(struct opener *opener, uint64_t now_ns)
{
	uint32_t number;

	if (!opener->worker || atomic_load(&opener->worker->state) != WORKER_BUSY ||
	    now_ns < atomic_load(&opener->worker->since_mono_ns) + DEADLINE_NS)
		return;
	number = atomic_load(&opener->worker->number);
	if (!abandon(opener))
		return;
	opener->n_abandoned++;
	give_answer(opener, &(struct opener_answer){
				    .number = number, .fd = -1, .reason = UNKNOWN_FILE_SKIPPED});
	if (opener->n_abandoned >= ABANDONED_MAX || start_worker(opener) < 0)
		skip_waiting(opener);
}

uint32_t opener_n_abandoned(const struct opener *opener)
{
	return opener->n_abandoned;
}

struct opener *opener_free(struct opener *opener)
{
	struct opener_answer answer;
	struct mail *mail;

	if (!opener)
		return NULL;
	while ((mail = mailbox_take(&opener->requests)))
		free_request((struct request *)mail);
	mailbox_close(&opener->requests);
	/* What is under way now is not waited for. */
	if (opener->worker && !abandon(opener)) {
		pthread_join(opener->worker->thread, NULL);
		free(opener->worker);
	}
	while (opener_take(opener, &answer) > 0)
		close_p(&answer.fd);
	mailbox_done(&opener->requests);
	mailbox_done(&opener->answers);
	free(opener);
	return NULL;
}

int opener_fd(const struct opener *opener)
{
	return mailbox_fd(&opener->answers);
}

/* Takes both over. */
static int ask(struct opener *opener, uint32_t number, int take_path_fd, char *take_path)
{
	struct request *request = calloc(1, sizeof(*request));
	int r = request ? 0 : -ENOMEM;

	if (r == 0 && (opener->outstanding >= REQUESTS_MAX || !opener->worker))
		r = -EAGAIN;
	if (r == 0) {
		request->number = number;
		request->path_fd = take_path_fd;
		request->path = take_path;
		r = mailbox_put(&opener->requests, &request->mail);
	}
	if (r < 0) {
		free(request);
		close_p(&take_path_fd);
		free(take_path);
		return r;
	}
	opener->outstanding++;
	return 0;
}

int opener_ask(struct opener *opener, uint32_t number, int take_path_fd)
{
	return ask(opener, number, take_path_fd, NULL);
}

int opener_ask_path(struct opener *opener, uint32_t number, const char *path)
{
	char *copy = strdup(path);

	return copy ? ask(opener, number, -1, copy) : -ENOMEM;
}

int opener_take(struct opener *opener, struct opener_answer *ret)
{
	_cleanup_free_ struct answer *answer = (struct answer *)mailbox_take(&opener->answers);

	if (!answer)
		return 0;
	if (opener->outstanding)
		opener->outstanding--;
	*ret = answer->body;
	return 1;
}

bool opener_idle(const struct opener *opener)
{
	return opener->outstanding == 0;
}
