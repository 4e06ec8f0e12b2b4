/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * waiter.c - a workload: threads that wait, each in one known way, and know for how long.
 *
 * Usage: waiter SECONDS KIND[:NUMBER]...
 *   timer1 timer20 mixed        sleep for 1 ms, for 20 ms, for 2 and 5 ms in turn
 *   mutex pipe pipew socket tcp poll epoll
 *                               wait for a second thread, KIND-b, which is in no hurry
 *   block:S                     sleeps once, for S seconds
 *   join                        joins a thread that ends after a while, again and again
 *   spin                        never waits
 *   storm:CPU                   two threads that wake one another, on that CPU
 *   hang:S                      the same, but then the first waits for S seconds, and goes on
 * Most go on for SECONDS. Prints all threads with what they know as JSON (waited.h). Exit code 0:
 * all were started.
 */
#include "waited.h"

#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define KINDS_MAX  16
#define PIPE_BYTES 65536

struct worker;

struct kind {
	const char *name;
	int (*prepare)(struct worker *);
	void (*run)(struct worker *);
	void (*run_other)(struct worker *); /* NULL: it needs no second thread */
};

/* The two threads of a kind. */
struct worker {
	const struct kind *kind;
	uint64_t end_mono_ns;
	double number;
	struct waited self, other;
	pthread_t self_thread, other_thread;
	int from_other[2], to_other[2], hang[2]; /* [0] is read */
	pthread_mutex_t mutex;
	sem_t taken, given;
	char bytes[PIPE_BYTES];
};

DEFINE_BURNER(never_waits, 6364136223846793005ull);

static bool goes_on(const struct worker *w)
{
	return mono_ns() < w->end_mono_ns;
}

static void sleep_ns(uint64_t ns)
{
	struct timespec t = {(time_t)(ns / NSEC_PER_SEC), (long)(ns % NSEC_PER_SEC)};

	while (nanosleep(&t, &t) < 0)
		;
}

static void give_byte(int fd)
{
	if (write(fd, "x", 1) != 1)
		abort();
}

static void take_byte(int fd)
{
	char byte;

	if (read(fd, &byte, 1) != 1)
		abort();
}

/* Defines `void name(struct waited_part *, arg)`: one wait, in a function that is in its stack. */
#define DEFINE_WAIT(name, type, arg, ...)                                                          \
	void name(struct waited_part *part, type arg);                                             \
	KEPT_FUNCTION void name(struct waited_part *part, type arg)                                \
	{                                                                                          \
		uint64_t since_ns = mono_ns();                                                     \
                                                                                                   \
		__VA_ARGS__;                                                                       \
		waited_add(part, #name, since_ns);                                                 \
	}                                                                                          \
	struct wait_swallow_semicolon

DEFINE_WAIT(wait_timer_1ms, uint64_t, ns, sleep_ns(ns));
DEFINE_WAIT(wait_timer_20ms, uint64_t, ns, sleep_ns(ns));
DEFINE_WAIT(wait_mixed_2ms, uint64_t, ns, sleep_ns(ns));
DEFINE_WAIT(wait_mixed_5ms, uint64_t, ns, sleep_ns(ns));
DEFINE_WAIT(wait_block, uint64_t, ns, sleep_ns(ns));
DEFINE_WAIT(wait_before, uint64_t, ns, sleep_ns(ns));
DEFINE_WAIT(wait_mutex, pthread_mutex_t *, mutex, pthread_mutex_lock(mutex));
DEFINE_WAIT(wait_pipe_read, int, fd, take_byte(fd));
DEFINE_WAIT(wait_socket_read, int, fd, take_byte(fd));
DEFINE_WAIT(wait_tcp_read, int, fd, take_byte(fd));
DEFINE_WAIT(wait_hang, int, fd, take_byte(fd));
DEFINE_WAIT(wait_storm, int, fd, take_byte(fd));
DEFINE_WAIT(wait_join, pthread_t, thread, pthread_join(thread, NULL));
DEFINE_WAIT(wait_poll, int, fd, poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1));
DEFINE_WAIT(wait_epoll, int, fd, epoll_wait(fd, &(struct epoll_event){0}, 1, -1));
DEFINE_WAIT(wait_pipe_write, struct worker *, w,
	    if (write(w->to_other[1], w->bytes, PIPE_BYTES) != PIPE_BYTES) abort());

/* ---- alone ---- */

static void run_timer1(struct worker *w)
{
	while (goes_on(w))
		wait_timer_1ms(&w->self.parts[0], 1000000);
}

static void run_timer20(struct worker *w)
{
	while (goes_on(w))
		wait_timer_20ms(&w->self.parts[0], 20000000);
}

static void run_mixed(struct worker *w)
{
	while (goes_on(w)) {
		wait_mixed_2ms(&w->self.parts[0], 2000000);
		wait_mixed_5ms(&w->self.parts[1], 5000000);
	}
}

static void run_block(struct worker *w)
{
	wait_before(&w->self.parts[1], NSEC_PER_SEC * 6 / 5);
	wait_block(&w->self.parts[0], (uint64_t)(w->number * 1e9));
}

static void run_spin(struct worker *w)
{
	while (goes_on(w))
		(void)never_waits(100000);
}

static void *end_after_a_while(void *ns)
{
	sleep_ns(*(const uint64_t *)ns);
	return NULL;
}

static void run_join(struct worker *w)
{
	uint64_t ns = 1500000000;
	pthread_t thread;

	while (goes_on(w)) {
		if (pthread_create(&thread, NULL, end_after_a_while, &ns))
			abort();
		wait_join(&w->self.parts[0], thread);
	}
}

/* ---- with another thread ---- */

static int prepare_pipes(struct worker *w)
{
	return pipe2(w->from_other, O_CLOEXEC) < 0 || pipe2(w->to_other, O_CLOEXEC) < 0 ||
			       pipe2(w->hang, O_CLOEXEC) < 0
		       ? -1
		       : 0;
}

static int prepare_sockets(struct worker *w)
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, w->from_other);
}

static int prepare_tcp(struct worker *w)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	w->from_other[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	r = bind(listener, (struct sockaddr *)&address, len) < 0 || listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &len) < 0 ||
	    connect(w->from_other[1], (struct sockaddr *)&address, len) < 0;
	w->from_other[0] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	(void)close(listener);
	return r || w->from_other[0] < 0 ? -1 : 0;
}

static int prepare_mutex(struct worker *w)
{
	return pthread_mutex_init(&w->mutex, NULL) || sem_init(&w->taken, 0, 0) < 0 ||
			       sem_init(&w->given, 0, 0) < 0
		       ? -1
		       : 0;
}

/* It knows by the semaphores that the other has the mutex, and keeps it for 40 ms. */
static void run_mutex(struct worker *w)
{
	for (;;) {
		(void)sem_wait(&w->taken);
		if (!goes_on(w)) {
			(void)sem_post(&w->given); /* it may have looked just before the end */
			return;
		}
		wait_mutex(&w->self.parts[0], &w->mutex);
		(void)pthread_mutex_unlock(&w->mutex);
		(void)sem_post(&w->given);
	}
}

static void run_mutex_other(struct worker *w)
{
	while (goes_on(w)) {
		(void)pthread_mutex_lock(&w->mutex);
		(void)sem_post(&w->taken);
		sleep_ns(40000000);
		(void)pthread_mutex_unlock(&w->mutex);
		if (goes_on(w))
			(void)sem_wait(&w->given);
	}
	(void)sem_post(&w->taken);
}

static void run_pipe(struct worker *w)
{
	while (goes_on(w))
		wait_pipe_read(&w->self.parts[0], w->from_other[0]);
}

static void run_socket(struct worker *w)
{
	while (goes_on(w))
		wait_socket_read(&w->self.parts[0], w->from_other[0]);
}

static void run_tcp(struct worker *w)
{
	while (goes_on(w))
		wait_tcp_read(&w->self.parts[0], w->from_other[0]);
}

static void run_poll(struct worker *w)
{
	while (goes_on(w)) {
		wait_poll(&w->self.parts[0], w->from_other[0]);
		take_byte(w->from_other[0]);
	}
}

static void run_epoll(struct worker *w)
{
	struct epoll_event event = {.events = EPOLLIN};
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0 || epoll_ctl(fd, EPOLL_CTL_ADD, w->from_other[0], &event) < 0)
		abort();
	while (goes_on(w)) {
		wait_epoll(&w->self.parts[0], fd);
		take_byte(w->from_other[0]);
	}
	(void)close(fd);
}

/* A byte a period. The last is given after the end, however late: who takes it waits for no more.
 */
static void give_each(struct worker *w, uint64_t period_ns)
{
	bool is_last;

	do {
		is_last = !goes_on(w);
		sleep_ns(period_ns);
		give_byte(w->from_other[1]);
	} while (!is_last);
}

static void give_each_3ms(struct worker *w)
{
	give_each(w, 3000000);
}

static void give_each_50ms(struct worker *w)
{
	give_each(w, 50000000);
}

static void run_pipe_write(struct worker *w)
{
	while (goes_on(w))
		wait_pipe_write(&w->self.parts[0], w);
	(void)close(w->to_other[1]);
}

static void run_pipe_write_other(struct worker *w)
{
	static __thread char bytes[PIPE_BYTES];
	ssize_t n;

	do {
		size_t at = 0;

		sleep_ns(40000000);
		while (at < PIPE_BYTES && (n = read(w->to_other[0], bytes, PIPE_BYTES - at)) > 0)
			at += (size_t)n;
	} while (n > 0);
}

/* ---- many switches ---- */

static void pin(double number)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET((int)number, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) < 0)
		abort();
}

static void wake_one_another(struct worker *w, struct waited_part *part, uint64_t end_ns)
{
	while (mono_ns() < end_ns) {
		give_byte(w->to_other[1]);
		wait_storm(part, w->from_other[0]);
	}
}

static void run_storm(struct worker *w)
{
	pin(w->number);
	wake_one_another(w, &w->self.parts[0], w->end_mono_ns);
	(void)close(w->to_other[1]);
}

static void run_hang(struct worker *w)
{
	uint64_t before_ns = w->self.start_mono_ns + NSEC_PER_SEC;

	pin(0);
	wake_one_another(w, &w->self.parts[1], before_ns);
	give_byte(w->hang[1]);
	give_byte(w->to_other[1]);
	wait_hang(&w->self.parts[0], w->from_other[0]);
	wake_one_another(w, &w->self.parts[1], mono_ns() + NSEC_PER_SEC);
	(void)close(w->to_other[1]);
}

/* Answers each byte. With one in the other pipe, only after a while. */
static void answer(struct worker *w)
{
	struct pollfd hang = {.fd = w->hang[0], .events = POLLIN};
	bool hangs = w->kind->run == run_hang;
	char byte;

	pin(hangs ? 0 : w->number);
	while (read(w->to_other[0], &byte, 1) == 1) {
		if (hangs && mono_ns() >= w->self.start_mono_ns + NSEC_PER_SEC &&
		    poll(&hang, 1, 0) == 1) {
			take_byte(w->hang[0]);
			hangs = false;
			sleep_ns((uint64_t)(w->number * 1e9));
		}
		give_byte(w->from_other[1]);
	}
}

static const struct kind kinds[] = {
	{"timer1", NULL, run_timer1, NULL},
	{"timer20", NULL, run_timer20, NULL},
	{"mixed", NULL, run_mixed, NULL},
	{"block", NULL, run_block, NULL},
	{"spin", NULL, run_spin, NULL},
	{"join", NULL, run_join, NULL},
	{"mutex", prepare_mutex, run_mutex, run_mutex_other},
	{"pipe", prepare_pipes, run_pipe, give_each_3ms},
	{"pipew", prepare_pipes, run_pipe_write, run_pipe_write_other},
	{"socket", prepare_sockets, run_socket, give_each_50ms},
	{"tcp", prepare_tcp, run_tcp, give_each_3ms},
	{"poll", prepare_pipes, run_poll, give_each_50ms},
	{"epoll", prepare_pipes, run_epoll, give_each_3ms},
	{"storm", prepare_pipes, run_storm, answer},
	{"hang", prepare_pipes, run_hang, answer},
};

static void *self_main(void *arg)
{
	struct worker *w = arg;

	waited_begin(&w->self);
	w->kind->run(w);
	waited_end(&w->self);
	return NULL;
}

static void *other_main(void *arg)
{
	struct worker *w = arg;

	waited_begin(&w->other);
	w->kind->run_other(w);
	waited_end(&w->other);
	return NULL;
}

static int start(struct worker *w, const char *argument, double seconds)
{
	size_t len = strcspn(argument, ":");

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strlen(kinds[i].name) == len && strncmp(kinds[i].name, argument, len) == 0)
			w->kind = &kinds[i];
	if (!w->kind) {
		fprintf(stderr, "waiter: no kind '%s'; they are in the head of waiter.c\n",
			argument);
		return -1;
	}
	w->number = argument[len] ? strtod(argument + len + 1, NULL) : 0;
	w->end_mono_ns = mono_ns() + (uint64_t)(seconds * 1e9);
	w->self.start_mono_ns = mono_ns();
	(void)snprintf(w->self.name, sizeof(w->self.name), "%.13s", w->kind->name);
	(void)snprintf(w->other.name, sizeof(w->other.name), "%.13s-b", w->kind->name);
	if (w->kind->prepare && w->kind->prepare(w) < 0) {
		perror(argument);
		return -1;
	}
	return pthread_create(&w->self_thread, NULL, self_main, w) ||
			       (w->kind->run_other &&
				pthread_create(&w->other_thread, NULL, other_main, w))
		       ? -1
		       : 0;
}

int main(int argc, char **argv)
{
	struct worker *workers = calloc(KINDS_MAX, sizeof(*workers));
	int n = argc - 2;

	if (!workers || n < 1 || n > KINDS_MAX) {
		fprintf(stderr, "usage: waiter SECONDS KIND[:NUMBER]...\n");
		return 2;
	}
	for (int i = 0; i < n; i++)
		if (start(&workers[i], argv[i + 2], strtod(argv[1], NULL)) < 0)
			return 1;
	for (int i = 0; i < n; i++) {
		(void)pthread_join(workers[i].self_thread, NULL);
		if (workers[i].kind->run_other)
			(void)pthread_join(workers[i].other_thread, NULL);
	}
	printf("{\"pid\":%d,\"threads\":[", getpid());
	for (int i = 0; i < n; i++) {
		if (i)
			printf(",");
		waited_print(&workers[i].self);
		if (workers[i].kind->run_other) {
			printf(",");
			waited_print(&workers[i].other);
		}
	}
	printf("]}\n");
	free(workers);
	return 0;
}
