// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * control.c - see control.h. Clients are slots of a table behind an epoll of their own; events name
 * them by an id that is never used again, so that one of a client that is gone finds nobody.
 */
#include "control.h"

#include "json_text.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>

#define LISTENER_ID	1
#define TIMER_ID	2
#define FIRST_CLIENT_ID 16

#define EVENTS_AT_ONCE	  (CONTROL_CLIENTS_MAX + 2)
#define DRAIN_MAX	  512 /* packets that a client may have sent beside its request */
/* Accepted in a time; whoever connects in a loop gets no more of profd's time than that. */
#define ACCEPT_MAX	  64
#define ACCEPT_PERIOD_NS  1000000000ull
#define NO_MEMORY_TO_TELL "{\"ok\":false,\"error\":\"out of memory\"}"

struct client {
	uint64_t id; /* 0: the slot is free */
	int fd;
	bool is_asking; /* the request came, the answer did not */
	uint64_t deadline_mono_ns;
};

struct control {
	char *directory;
	struct control_options options;
	int epoll_fd, listen_fd, timer_fd;
	uint64_t next_id;
	uint64_t accept_since_ns, n_accepted; /* in this period */
	uint64_t deaf_until_ns;		      /* 0: it is listened */
	struct client clients[CONTROL_CLIENTS_MAX];
	struct control_counters counters;
};

static const struct request {
	const char *name;
	bool has_argument;
	size_t handler; /* in struct control_ops */
} requests[] = {
	{"flush", false, offsetof(struct control_ops, flush)},
	{"status", false, offsetof(struct control_ops, status)},
};

static uint64_t mono_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static int watch(struct control *control, int fd, int operation, uint64_t id, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.u64 = id};

	return epoll_ctl(control->epoll_fd, operation, fd, &event) < 0 ? -errno : 0;
}

/* ---- answers ---- */

/*
 * The last that a client hears. A socket that is closed with something unread in it makes the peer
 * lose what was sent to it, so nothing more is let in, what is there is read, and then it is
 * answered. The answer always fits: it is the only one, and CONTROL_REPLY_MAX is below the least
 * size that a socket's buffer has by default.
 */
static void answer_and_close(int fd, const char *json)
{
	char byte;

	(void)shutdown(fd, SHUT_RD);
	for (int i = 0; i < DRAIN_MAX && recv(fd, &byte, 1, MSG_DONTWAIT) > 0; i++)
		;
	(void)send(fd, json, strlen(json), MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

static void refuse_and_close(int fd, const char *why)
{
	_cleanup_json_ struct json_text json = {};
	const char *text;

	json_open_object(&json, NULL);
	json_put_bool(&json, "ok", false);
	json_put_string(&json, "error", why);
	json_close_object(&json);
	text = json_text_end(&json);
	answer_and_close(fd, text ? text : NO_MEMORY_TO_TELL);
}

static struct client *find_client(struct control *control, uint64_t id)
{
	for (int i = 0; id && i < CONTROL_CLIENTS_MAX; i++)
		if (control->clients[i].id == id)
			return &control->clients[i];
	return NULL;
}

/* Frees the slot; the descriptor is the caller's to close, which also takes it out of epoll. */
static int release(struct client *client)
{
	int fd = client->fd;

	*client = (struct client){.fd = -1};
	return fd;
}

void control_reply(struct control_call call, const char *json)
{
	struct client *client = find_client(call.control, call.id);

	if (!json || strlen(json) > CONTROL_REPLY_MAX)
		json = NO_MEMORY_TO_TELL;
	if (client)
		answer_and_close(release(client), json);
}

void control_refuse(struct control_call call, const char *why)
{
	struct client *client = find_client(call.control, call.id);

	if (client)
		refuse_and_close(release(client), why);
}

/* ---- requests ---- */

static void refuse_unknown(struct control_call call, const char *name)
{
	char why[CONTROL_REQUEST_MAX + 256];
	size_t used = (size_t)snprintf(why, sizeof(why), "unknown request '%s'; known are", name);

	for (size_t i = 0; i < ARRAY_SIZE(requests) && used < sizeof(why); i++)
		used += (size_t)snprintf(why + used, sizeof(why) - used, "%s %s", i ? "," : "",
					 requests[i].name);
	control_refuse(call, why);
}

/* `text` is name, or name, blank, argument; it is changed. */
static void handle_request(struct control *control, struct control_call call, char *text)
{
	char *argument = text + strcspn(text, " ");

	if (*argument)
		*argument++ = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		const char *ops = (const char *)&control->options.ops;

		if (strcmp(requests[i].name, text) != 0)
			continue;
		if (*argument && !requests[i].has_argument) {
			control_refuse(call, "this request takes no argument");
			return;
		}
		control->counters.n_requests++;
		(*(control_handler *const *)(const void *)(ops + requests[i].handler))(
			control->options.ctx, call, argument);
		return;
	}
	refuse_unknown(call, text);
}

static void on_client(struct control *control, struct client *client, uint32_t events)
{
	struct control_call call = {control, client->id};
	char text[CONTROL_REQUEST_MAX + 1];
	ssize_t n;

	if (client->is_asking || !(events & EPOLLIN)) { /* it hung up */
		close(release(client));
		return;
	}
	n = recv(client->fd, text, sizeof(text), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close(release(client));
		return;
	}
	if (n > CONTROL_REQUEST_MAX) {
		control_refuse(call, "the request is longer than 256 bytes");
		return;
	}
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	client->is_asking = true;
	client->deadline_mono_ns = mono_now_ns() + control->options.answer_deadline_ns;
	/* Only hanging up is told from now on. */
	(void)watch(control, client->fd, EPOLL_CTL_MOD, client->id, 0);
	handle_request(control, call, text);
}

/* ---- clients ---- */

static void add_client(struct control *control, int fd)
{
	struct client *client = control->clients;
	struct client *end = client + CONTROL_CLIENTS_MAX;

	while (client < end && client->id)
		client++;
	if (client == end || watch(control, fd, EPOLL_CTL_ADD, control->next_id, EPOLLIN) < 0) {
		control->counters.n_busy++;
		refuse_and_close(fd, "profd is busy with other requests; try again");
		return;
	}
	*client = (struct client){.id = control->next_id++,
				  .fd = fd,
				  .deadline_mono_ns =
					  mono_now_ns() + control->options.request_deadline_ns};
}

static void admit(struct control *control, int fd)
{
	struct control_peer peer;
	struct control_error error;
	int r = control_peer_read(fd, &peer);

	if (r < 0)
		(void)control_fail(&error, r, "profd cannot tell who asks: %s", strerror(-r));
	else
		r = control_access(&control->options.rule, &peer, &error);
	if (r == 0) {
		add_client(control, fd);
		return;
	}
	control->counters.n_denied++;
	refuse_and_close(fd, error.text);
}

/* Without descriptors, or under a storm: whoever connects waits in the kernel's queue. */
static void go_deaf(struct control *control, uint64_t until_mono_ns)
{
	control->deaf_until_ns = until_mono_ns;
	(void)watch(control, control->listen_fd, EPOLL_CTL_MOD, LISTENER_ID, 0);
}

static void on_listener(struct control *control)
{
	uint64_t now_ns = mono_now_ns();

	if (now_ns - control->accept_since_ns >= ACCEPT_PERIOD_NS) {
		control->accept_since_ns = now_ns;
		control->n_accepted = 0;
	}
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		int fd;

		if (control->n_accepted >= ACCEPT_MAX) {
			go_deaf(control, control->accept_since_ns + ACCEPT_PERIOD_NS);
			return;
		}
		fd = accept4(control->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0) {
			if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
				go_deaf(control, now_ns + ACCEPT_PERIOD_NS);
			return;
		}
		control->n_accepted++;
		admit(control, fd);
	}
}

/* ---- deadlines ---- */

static void expire(struct control *control, uint64_t now_ns)
{
	if (control->deaf_until_ns && now_ns >= control->deaf_until_ns) {
		control->deaf_until_ns = 0;
		(void)watch(control, control->listen_fd, EPOLL_CTL_MOD, LISTENER_ID, EPOLLIN);
	}
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct client *client = &control->clients[i];
		bool asked = client->is_asking;

		if (!client->id || now_ns < client->deadline_mono_ns)
			continue;
		control->counters.n_late++;
		refuse_and_close(release(client),
				 asked ? "profd did not get it done in time; its log may say why"
				       : "no request came in time");
	}
}

/* The timer fires at the next deadline, or not at all. */
static void set_timer(struct control *control)
{
	uint64_t next_ns = control->deaf_until_ns;
	struct itimerspec timer = {};

	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		const struct client *client = &control->clients[i];

		if (client->id && (!next_ns || client->deadline_mono_ns < next_ns))
			next_ns = client->deadline_mono_ns;
	}
	timer.it_value.tv_sec = (time_t)(next_ns / 1000000000ull);
	timer.it_value.tv_nsec = (long)(next_ns % 1000000000ull);
	(void)timerfd_settime(control->timer_fd, TFD_TIMER_ABSTIME, &timer, NULL);
}

void control_dispatch(struct control *control)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int n = epoll_wait(control->epoll_fd, events, EVENTS_AT_ONCE, 0);

	for (int i = 0; i < n; i++) {
		uint64_t id = events[i].data.u64;
		struct client *client = find_client(control, id);

		if (id == LISTENER_ID)
			on_listener(control);
		else if (client)
			on_client(control, client, events[i].events);
	}
	expire(control, mono_now_ns());
	set_timer(control); /* also takes the timer's own event back */
}

/* ---- putting it together ---- */

int control_new(const struct control_options *options, struct control **ret,
		struct control_error *error)
{
	_cleanup_(control_freep) struct control *control = calloc(1, sizeof(*control));
	int r;

	if (!control)
		return control_fail(error, -ENOMEM, "out of memory");
	control->options = *options;
	control->listen_fd = -1;
	control->next_id = FIRST_CLIENT_ID;
	if (!options->request_deadline_ns)
		control->options.request_deadline_ns = CONTROL_REQUEST_DEADLINE_NS;
	if (!options->answer_deadline_ns)
		control->options.answer_deadline_ns = CONTROL_ANSWER_DEADLINE_NS;
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		control->clients[i].fd = -1;
	control->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	control->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (control->epoll_fd < 0 || control->timer_fd < 0)
		return control_fail(error, -errno, "control socket: %m");
	r = control_socket_listen(options->directory, &control->listen_fd, error);
	if (r < 0)
		return r;
	control->directory = strdup(options->directory);
	r = control->directory ? 0 : -ENOMEM;
	if (r == 0)
		r = watch(control, control->listen_fd, EPOLL_CTL_ADD, LISTENER_ID, EPOLLIN);
	if (r == 0)
		r = watch(control, control->timer_fd, EPOLL_CTL_ADD, TIMER_ID, EPOLLIN);
	if (r < 0)
		return control_fail(error, r, "control socket: %s", strerror(-r));
	*ret = take_ptr(control);
	return 0;
}

struct control *control_free(struct control *control)
{
	if (!control)
		return NULL;
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		close_p(&control->clients[i].fd);
	if (control->directory)
		control_socket_remove(control->directory);
	close_p(&control->listen_fd);
	close_p(&control->timer_fd);
	close_p(&control->epoll_fd);
	free(control->directory);
	free(control);
	return NULL;
}

int control_fd(const struct control *control)
{
	return control->epoll_fd;
}

const struct control_counters *control_counters(const struct control *control)
{
	return &control->counters;
}
