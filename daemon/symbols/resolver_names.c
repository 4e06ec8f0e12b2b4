// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * resolver_names.c - see resolver_names.h.
 */
#include "symbols/resolver_names.h"

#include <errno.h>
#include <string.h>

#define ANSWER_WAIT_NS 5000000000ull

struct named_file {
	uint32_t number;
	int fd;
	bool broken;
	struct resolver_suspect suspect;
};

struct resolver_names {
	struct resolver_process *process;
	struct named_file *files; /* by number */
	size_t n, capacity;
	struct packet request, answer;
};

int resolver_names_new(const struct resolver_program *program, int cancel_fd,
		       struct resolver_names **ret)
{
	const struct resolver_process_options options = {.program = program,
							 .cancel_fd = cancel_fd,
							 .backoff_ns = RESOLVER_BACKOFF_NS,
							 .backoff_max_ns = RESOLVER_BACKOFF_MAX_NS};
	struct resolver_names *names = calloc(1, sizeof(*names));

	if (!names || resolver_process_new(&options, &names->process) < 0) {
		free(names);
		return -ENOMEM;
	}
	*ret = names;
	return 0;
}

void resolver_names_begin(struct resolver_names *names)
{
	(void)resolver_process_try_start(names->process);
}

struct resolver_names *resolver_names_free(struct resolver_names *names)
{
	if (!names)
		return NULL;
	resolver_process_free(names->process);
	for (size_t i = 0; i < names->n; i++)
		close_p(&names->files[i].fd);
	free(names->files);
	free(names);
	return NULL;
}

/* ---- files ---- */

/* The place of the first file whose number is not below `number`. */
static size_t place_of(const struct resolver_names *names, uint32_t number)
{
	size_t low = 0, high = names->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (names->files[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct named_file *find_file(const struct resolver_names *names, uint32_t number)
{
	size_t at = place_of(names, number);

	return at < names->n && names->files[at].number == number ? &names->files[at] : NULL;
}

static int make_room(struct resolver_names *names)
{
	size_t capacity = names->capacity ? names->capacity * 2 : 64;
	struct named_file *larger;

	if (names->n >= RESOLVER_FILES_MAX)
		return -EMFILE;
	if (names->n < names->capacity)
		return 0;
	larger = reallocarray(names->files, capacity, sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	names->files = larger;
	names->capacity = capacity;
	return 0;
}

/* For which there is room. */
static void insert_file(struct resolver_names *names, const struct named_file *file)
{
	size_t at = place_of(names, file->number);

	memmove(names->files + at + 1, names->files + at, (names->n - at) * sizeof(*names->files));
	names->files[at] = *file;
	names->n++;
}

static void erase_file(struct resolver_names *names, struct named_file *file)
{
	close_p(&file->fd);
	names->n--;
	memmove(file, file + 1, (size_t)(names->files + names->n - file) * sizeof(*names->files));
}

/* ---- the process ---- */

static void begin_request(struct resolver_names *names, enum packet_kind kind, uint32_t file)
{
	names->request.head = (struct resolver_head){.kind = (uint32_t)kind, .file = file};
	names->request.size = 0;
	names->request.n_fds = 0;
}

/* -EAGAIN: the process ended before it was asked, by whatever it was. */
static int ask_once(struct resolver_names *names)
{
	if (resolver_process_ask(names->process, &names->request) < 0)
		return -EAGAIN;
	return resolver_process_receive(names->process, ANSWER_WAIT_NS, &names->answer);
}

/* An identity as the process says it: foreign bytes. */
static int read_identity(const struct packet *answer, struct elf_identity *ret)
{
	struct resolver_identity body;

	if (answer->size != sizeof(body))
		return -EPROTO;
	memcpy(&body, answer->body, sizeof(body));
	if (body.is_build_id > 1 || body.len == 0 || body.len > sizeof(ret->bytes))
		return -EPROTO;
	*ret = (struct elf_identity){.is_build_id = body.is_build_id, .len = body.len};
	memcpy(ret->bytes, body.bytes, body.len);
	return 0;
}

/* What the process says of a file; not to be mixed up with what this side says of the process. */
static int said_error(int error)
{
	return error == -EMFILE || error == -ENOMEM ? error : -EIO;
}

/* Gives a file to a process that runs. Returns 0; -errno that the process said; -ECANCELED; -EPIPE
 * it failed and the file is broken now; -EAGAIN it ended, and the file is not to blame. */
static int give(struct resolver_names *names, struct named_file *file, struct elf_identity *ret)
{
	int r;

	begin_request(names, PACKET_ADD, file->number);
	names->request.fds[0] = file->fd;
	names->request.n_fds = 1;
	r = ask_once(names);
	if (r == -ECANCELED || r == -EAGAIN)
		return r;
	if (r == 0 && names->answer.head.error == 0) {
		r = read_identity(&names->answer, ret);
		if (r < 0)
			resolver_process_fail(names->process);
	} else if (r == 0) {
		return said_error(names->answer.head.error);
	}
	if (r == 0) {
		file->suspect.n_killed = 0;
		return 0;
	}
	file->broken = resolver_process_blames(names->process, &file->suspect);
	return file->broken ? -EPIPE : -EAGAIN;
}

/* Until a process runs that has every file. */
static int ensure(struct resolver_names *names)
{
	int r;

	while ((r = resolver_process_start(names->process)) > 0) {
		for (size_t i = 0; i < names->n && resolver_process_pid(names->process); i++) {
			struct elf_identity identity;

			if (!names->files[i].broken &&
			    give(names, &names->files[i], &identity) == -ECANCELED)
				return -ECANCELED;
		}
	}
	return r;
}

int resolver_names_add(struct resolver_names *names, uint32_t number, int take_fd,
		       struct elf_identity *ret)
{
	struct named_file file = {.number = number, .fd = take_fd};
	int r = find_file(names, number) ? -EEXIST : make_room(names);

	while (r == 0) {
		r = ensure(names);
		if (r == 0)
			r = give(names, &file, ret);
		if (r != -EAGAIN)
			break;
		r = 0;
	}
	if (r < 0 && !file.broken) {
		close_p(&take_fd);
		return r;
	}
	insert_file(names, &file);
	return r < 0 ? -EBADMSG : 0;
}

void resolver_names_remove(struct resolver_names *names, uint32_t number)
{
	struct named_file *file = find_file(names, number);
	bool broken;

	if (!file)
		return;
	broken = file->broken;
	erase_file(names, file);
	if (broken || resolver_process_pid(names->process) == 0)
		return;
	/* One that fails now is seen when it is needed next. */
	begin_request(names, PACKET_REMOVE, number);
	(void)ask_once(names);
}

/* ---- names ---- */

static enum unknown_reason reason_of(int error)
{
	switch (error) {
	case 0:
		return UNKNOWN_NONE;
	case -ENOENT:
		return UNKNOWN_NO_SYMBOL;
	case -ESTALE:
		return UNKNOWN_FILE_GONE;
	case -EFBIG:
	case -EMFILE:
	case -ENOMEM:
		return UNKNOWN_FILE_SKIPPED;
	default:
		return UNKNOWN_FILE_BROKEN;
	}
}

static int by_file(const void *a, const void *b)
{
	const struct resolver_question *left = &((const struct resolver_name *)a)->question;
	const struct resolver_question *right = &((const struct resolver_name *)b)->question;

	if (left->file != right->file)
		return left->file < right->file ? -1 : 1;
	return left->offset < right->offset ? -1 : left->offset > right->offset;
}

/* Takes `at` forward over one answer of the packet. */
static int read_name(const struct packet *answer, size_t *at, struct resolver_name *ret)
{
	struct resolver_name_head head;
	const char *text;

	if (answer->size - *at < sizeof(head))
		return -EPROTO;
	memcpy(&head, answer->body + *at, sizeof(head));
	*at += sizeof(head);
	text = (const char *)answer->body + *at;
	if (head.error > 0 || head.len > answer->size - *at || head.len >= RESOLVER_NAME_MAX ||
	    (head.error == 0) != (head.len > 0) || memchr(text, '\0', head.len))
		return -EPROTO;
	*at += head.len;
	ret->unknown = reason_of(head.error);
	if (head.error)
		return 0;
	ret->function = strndup(text, head.len);
	if (!ret->function)
		ret->unknown = UNKNOWN_FILE_SKIPPED;
	return 0;
}

/* One packet for `answers[0..n)`; returns how many it had, or what is wrong. */
static int take_packet(const struct packet *answer, struct resolver_name *answers, size_t n)
{
	uint32_t n_names = answer->head.n;
	size_t at = 0;

	if (answer->head.error || n_names == 0 || n_names > n)
		return -EPROTO;
	for (uint32_t i = 0; i < n_names; i++)
		if (read_name(answer, &at, &answers[i]) < 0)
			return -EPROTO;
	return at == answer->size ? (int)n_names : -EPROTO;
}

/* Names are dropped that came with an answer that was not taken. */
static void forget_names(struct resolver_name *answers, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(answers[i].function);
		answers[i].function = NULL;
		answers[i].unknown = UNKNOWN_FILE_BROKEN;
	}
}

/* Asks for all and takes answers until the process fails; `ret_done` of them are there then.
 * -EAGAIN: it ended before it was asked. */
static int ask_names(struct resolver_names *names, struct resolver_name *answers, size_t n,
		     size_t *ret_done)
{
	int r;

	*ret_done = 0;
	begin_request(names, PACKET_NAMES, 0);
	names->request.head.n = (uint32_t)n;
	names->request.size = n * sizeof(struct resolver_ask);
	for (size_t i = 0; i < n; i++) {
		const struct resolver_ask ask = {.offset = answers[i].question.offset,
						 .file = answers[i].question.file};

		memcpy(names->request.body + i * sizeof(ask), &ask, sizeof(ask));
	}
	r = resolver_process_ask(names->process, &names->request) < 0 ? -EAGAIN : 0;
	while (r == 0 && *ret_done < n) {
		r = resolver_process_receive(names->process, ANSWER_WAIT_NS, &names->answer);
		if (r < 0)
			break;
		r = take_packet(&names->answer, answers + *ret_done, n - *ret_done);
		if (r < 0) {
			resolver_process_fail(names->process);
			forget_names(answers + *ret_done, n - *ret_done);
			break;
		}
		*ret_done += (size_t)r;
		r = 0;
	}
	return r;
}

/* The questions of one file. */
static size_t run_of(const struct resolver_name *answers, size_t n)
{
	size_t len = 1;

	while (len < n && answers[len].question.file == answers[0].question.file)
		len++;
	return len;
}

int resolver_names_find(struct resolver_names *names, struct resolver_name *answers, size_t n)
{
	size_t at = 0;

	qsort(answers, n, sizeof(*answers), by_file);
	for (size_t i = 0; i < n; i++)
		answers[i].unknown = UNKNOWN_FILE_BROKEN;
	while (at < n) {
		struct named_file *file;
		size_t end = at, done;
		int r = ensure(names);

		if (r < 0)
			return r;
		file = find_file(names, answers[at].question.file);
		if (file && file->broken) {
			at += run_of(answers + at, n - at);
			continue;
		}
		while (end < n &&
		       (!(file = find_file(names, answers[end].question.file)) || !file->broken))
			end += run_of(answers + end, n - end);
		r = ask_names(names, answers + at, end - at, &done);
		if (r == -ECANCELED)
			return r;
		at += done;
		if (r == 0 || r == -EAGAIN)
			continue;
		file = find_file(names, answers[at].question.file);
		if (file)
			file->broken = resolver_process_blames(names->process, &file->suspect);
		else /* it is not one that was given to the process */
			at += run_of(answers + at, n - at);
	}
	return 0;
}

uint64_t resolver_names_failures(const struct resolver_names *names)
{
	return resolver_process_failures(names->process);
}
