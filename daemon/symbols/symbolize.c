// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * symbolize.c - see symbolize.h. Single-threaded: the event loop's side of the resolver.
 */
#include "symbols/symbolize.h"

#include "growable.h"
#include "hash_index.h"
#include "log.h"
#include "resolver/elf_identity.h"
#include "symbols/name_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MIN	  16384 /* of a generation, and at most 256 k: 20 MB of names */
#define NAMES_MAX	  262144
#define WANTED_MAX	  65536
#define QUESTIONS_AT_ONCE 1024
#define KERNEL_RELOAD_NS  60000000000ull /* a snapshot costs 0.1 s of CPU */
#define KERNEL_NOTES_MAX  4096
#define KERNEL_FILES_MAX  512

enum file_state { FILE_WAITING, FILE_OPENED, FILE_READY, FILE_FAILED };

struct known_file {
	struct profile_file file; /* its path is on the heap */
	uint32_t number;
	enum file_state state;
	enum unknown_reason reason; /* of FILE_FAILED */
	bool in_resolver;
	bool expected;	    /* the identity was told before the file was opened */
	uint32_t owner_uid; /* of an expected one, until its identity is found to be that */
};

struct kernel_file {
	uint32_t number;
	char *module;
};

struct symbolize {
	struct resolver_client *client;
	struct known_file *files; /* [0] is unused; a free slot has number 0 */
	uint32_t n_files, n_slots;
	struct hash_index by_number;
	uint32_t last_number;
	struct name_cache names;
	struct resolver_question *wanted;
	uint32_t n_wanted, cap_wanted;
	bool ask_again; /* questions may have waited for an identity that is there now */
	struct kernel_symbols *kernel;
	int kernel_error; /* why there is no snapshot */
	uint64_t kernel_asked_ns;
	struct kernel_file kernel_files[KERNEL_FILES_MAX];
	size_t n_kernel_files;
	struct symbolize_counters counters;
};

int symbolize_new(struct resolver_client *client, struct symbolize **ret)
{
	struct symbolize *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->client = client;
	s->kernel_error = -EAGAIN;
	name_cache_init(&s->names, NAMES_MIN);
	r = resolver_client_load_kernel(client);
	if (r < 0) {
		symbolize_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

struct symbolize *symbolize_free(struct symbolize *s)
{
	if (!s)
		return NULL;
	for (uint32_t i = 1; i <= s->n_slots; i++)
		free((char *)(uintptr_t)s->files[i].file.path);
	for (size_t i = 0; i < s->n_kernel_files; i++)
		free(s->kernel_files[i].module);
	free(s->files);
	free(s->wanted);
	hash_index_done(&s->by_number);
	name_cache_done(&s->names);
	kernel_symbols_free(s->kernel);
	free(s);
	return NULL;
}

/* ---- files ---- */

static bool has_number(const void *ctx, uint32_t id, const void *key)
{
	const struct symbolize *s = ctx;

	return s->files[id].number == *(const uint32_t *)key;
}

static struct known_file *find_file(const struct symbolize *s, uint32_t number)
{
	uint32_t slot = hash_index_find(&s->by_number, hash_u64(number, 0), has_number, s, &number);

	return slot ? &s->files[slot] : NULL;
}

static uint32_t free_slot(struct symbolize *s)
{
	struct known_file *larger;

	if (s->n_files < s->n_slots)
		for (uint32_t i = 1; i <= s->n_slots; i++)
			if (!s->files[i].number)
				return i;
	if (s->n_slots >= SYMBOLIZE_FILES_MAX)
		return 0;
	if (!(s->n_slots & (s->n_slots + 1))) { /* 0, 1, 3, 7, ...: the array is full */
		larger = reallocarray(s->files, (size_t)(s->n_slots + 1) * 2, sizeof(*larger));
		if (!larger)
			return 0;
		s->files = larger;
	}
	s->files[s->n_slots + 1] = (struct known_file){};
	return s->n_slots + 1;
}

int symbolize_add_file(struct symbolize *s, enum file_kind kind, const char *path,
		       uint32_t *ret_number)
{
	uint32_t slot = free_slot(s), number = s->last_number + 1;
	char *copy = slot ? strdup(path) : NULL;
	bool has_symbols = kind == FILE_ELF || kind == FILE_VDSO;

	if (!copy || hash_index_insert(&s->by_number, hash_u64(number, 0), slot) < 0) {
		free(copy);
		s->counters.n_files_refused++;
		return -ENOSPC;
	}
	if (slot > s->n_slots)
		s->n_slots = slot;
	s->n_files++;
	s->files[slot] = (struct known_file){
		.number = number,
		.state = has_symbols ? FILE_WAITING : FILE_FAILED,
		.reason = kind == FILE_ANON ? UNKNOWN_ANONYMOUS : UNKNOWN_NO_SYMBOL,
		.file = {.kind = kind, .trust_uid = PROFILE_TRUST_SYSTEM, .path = copy}};
	s->last_number = number;
	*ret_number = number;
	return 0;
}

void symbolize_file_expect(struct symbolize *s, uint32_t number, const uint8_t *build_id,
			   uint8_t len)
{
	struct known_file *file = find_file(s, number);

	if (!file || len > PROFILE_IDENTITY_MAX)
		return;
	file->expected = file->file.is_build_id = true;
	file->file.trust_uid = PROFILE_TRUST_UNKNOWN; /* until somebody has seen its owner */
	file->file.identity_len = len;
	memcpy(file->file.identity, build_id, len);
}

void symbolize_file_opened(struct symbolize *s, uint32_t number, int take_fd, uint32_t trust_uid)
{
	struct known_file *file = find_file(s, number);

	if (!file) {
		close(take_fd);
		return;
	}
	file->owner_uid = trust_uid;
	if (!file->expected) /* else it may be another file, and its owner another one's */
		file->file.trust_uid = trust_uid;
	if (resolver_client_add_file(s->client, number, take_fd) < 0)
		symbolize_file_failed(s, number, UNKNOWN_FILE_SKIPPED);
	else
		file->state = FILE_OPENED;
	file->in_resolver = file->state == FILE_OPENED;
}

void symbolize_file_failed(struct symbolize *s, uint32_t number, enum unknown_reason reason)
{
	struct known_file *file = find_file(s, number);

	if (!file)
		return;
	file->state = FILE_FAILED;
	file->reason = reason;
	s->counters.n_files_broken += reason == UNKNOWN_FILE_BROKEN;
	s->counters.n_files_skipped += reason == UNKNOWN_FILE_SKIPPED;
}

void symbolize_remove_file(struct symbolize *s, uint32_t number)
{
	struct known_file *file = find_file(s, number);

	if (!file)
		return;
	/* When the queue is full the resolver keeps the file, inside its own limit. */
	if (file->in_resolver)
		(void)resolver_client_remove_file(s->client, number);
	(void)hash_index_remove(&s->by_number, hash_u64(number, 0), (uint32_t)(file - s->files));
	free((char *)(uintptr_t)file->file.path);
	*file = (struct known_file){};
	s->n_files--;
}

int symbolize_file_state(const struct symbolize *s, uint32_t number)
{
	const struct known_file *file = find_file(s, number);

	if (!file || file->state == FILE_FAILED)
		return -ENOENT;
	return file->state == FILE_READY;
}

const struct profile_file *symbolize_file(const struct symbolize *s, uint32_t number)
{
	const struct known_file *file = find_file(s, number);

	return file ? &file->file : NULL;
}

/* ---- the kernel ---- */

static void read_kernel_identity(const char *module, struct profile_file *file)
{
	char path[256], notes[KERNEL_NOTES_MAX];
	struct elf_identity identity;
	_cleanup_close_ int fd = -1;
	ssize_t n;

	if (file->kind == FILE_KERNEL)
		(void)snprintf(path, sizeof(path), "/sys/kernel/notes");
	else
		(void)snprintf(path, sizeof(path), "/sys/module/%.*s/notes/.note.gnu.build-id",
			       (int)strlen(module) - 2, module + 1);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, notes, sizeof(notes));
	if (n <= 0 || elf_identity_from_notes(notes, (uint64_t)n, &identity) < 0)
		return;
	file->is_build_id = identity.is_build_id;
	file->identity_len = identity.len;
	memcpy(file->identity, identity.bytes, identity.len);
}

static uint32_t kernel_file(struct symbolize *s, enum file_kind kind, const char *module)
{
	struct kernel_file *known;
	uint32_t number;

	for (size_t i = 0; i < s->n_kernel_files; i++)
		if (strcmp(s->kernel_files[i].module, module) == 0)
			return s->kernel_files[i].number;
	if (s->n_kernel_files >= KERNEL_FILES_MAX ||
	    symbolize_add_file(s, kind, module, &number) < 0)
		return 0;
	known = &s->kernel_files[s->n_kernel_files];
	known->module = strdup(module);
	if (!known->module)
		return 0;
	known->number = number;
	s->n_kernel_files++;
	if (kind != FILE_BPF)
		read_kernel_identity(module, &find_file(s, number)->file);
	return number;
}

static void reload_kernel(struct symbolize *s, uint64_t now_mono_ns)
{
	s->counters.n_kernel_unknown++;
	if (now_mono_ns - s->kernel_asked_ns < KERNEL_RELOAD_NS)
		return;
	s->kernel_asked_ns = now_mono_ns;
	(void)resolver_client_load_kernel(s->client);
}

void symbolize_kernel(struct symbolize *s, uint64_t addr, uint64_t now_mono_ns,
		      uint32_t *ret_number, uint64_t *ret_offset)
{
	struct kernel_place place;
	enum unknown_reason unknown;
	const char *name;

	if (!s->kernel || kernel_symbols_find(s->kernel, addr, &place) < 0) {
		/* Not by address: without a base it would be another location after each boot. */
		*ret_number = kernel_file(s, FILE_KERNEL, "[kernel]");
		*ret_offset = 0;
		if (s->kernel)
			reload_kernel(s, now_mono_ns);
		unknown = s->kernel_error == -EPERM ? UNKNOWN_NO_KALLSYMS : UNKNOWN_NO_SYMBOL;
		(void)name_cache_put(&s->names, *ret_number, 0, unknown, NULL);
		return;
	}
	*ret_number = kernel_file(s, place.kind, place.module);
	*ret_offset = place.offset;
	if (!name_cache_find(&s->names, *ret_number, place.offset, &unknown, &name))
		(void)name_cache_put(&s->names, *ret_number, place.offset,
				     place.function ? UNKNOWN_NONE : UNKNOWN_NO_SYMBOL,
				     place.function);
}

/* ---- names ---- */

void symbolize_reserve(struct symbolize *s, uint32_t n)
{
	name_cache_resize(&s->names, n < NAMES_MIN ? NAMES_MIN : n > NAMES_MAX ? NAMES_MAX : n);
}

static int push_wanted(struct symbolize *s, uint32_t number, uint64_t offset)
{
	if (s->n_wanted >= WANTED_MAX || GROWABLE_RESERVE(s, wanted) < 0) {
		s->counters.n_questions_dropped++;
		return -ENOSPC;
	}
	s->wanted[s->n_wanted++] = (struct resolver_question){number, offset};
	return 0;
}

void symbolize_want(struct symbolize *s, uint32_t number, uint64_t offset)
{
	const struct known_file *file;
	enum unknown_reason unknown;
	const char *name;

	if (!number || name_cache_find(&s->names, number, offset, &unknown, &name))
		return;
	file = find_file(s, number);
	if (file && file->state == FILE_FAILED) {
		(void)name_cache_put(&s->names, number, offset, file->reason, NULL);
		s->counters.n_unnamed++;
		return;
	}
	/* Without room the location stays unknown here, and so is asked when it comes again. */
	if (push_wanted(s, number, offset) == 0)
		(void)name_cache_put(&s->names, number, offset, UNKNOWN_PENDING, NULL);
}

/* An expected file is asked when it is known to be that file: another one has other names. */
static bool must_wait(const struct known_file *file)
{
	return file->state == FILE_WAITING || (file->state == FILE_OPENED && file->expected);
}

/* Takes up to QUESTIONS_AT_ONCE that can be asked now out of the list; the rest stays in order. */
static size_t take_askable(struct symbolize *s, struct resolver_question *now)
{
	uint32_t n_later = 0;
	size_t n_now = 0;

	for (uint32_t i = 0; i < s->n_wanted; i++) {
		const struct known_file *file = find_file(s, s->wanted[i].file);

		if (!file)
			continue;
		if (file->state == FILE_FAILED) {
			(void)name_cache_put(&s->names, s->wanted[i].file, s->wanted[i].offset,
					     file->reason, NULL);
			s->counters.n_unnamed++;
		} else if (must_wait(file) || n_now == QUESTIONS_AT_ONCE) {
			s->wanted[n_later++] = s->wanted[i];
		} else {
			now[n_now++] = s->wanted[i];
		}
	}
	s->n_wanted = n_later;
	return n_now;
}

void symbolize_flush(struct symbolize *s)
{
	struct resolver_question now[QUESTIONS_AT_ONCE];
	size_t n;

	do {
		n = take_askable(s, now);
		if (!n || resolver_client_ask_names(s->client, now, n) == 0)
			continue;
		/* The queue is full: they wait for the next time, and are dropped if even the list
		 * is full meanwhile. */
		for (size_t i = 0; i < n; i++)
			(void)push_wanted(s, now[i].file, now[i].offset);
		return;
	} while (n == QUESTIONS_AT_ONCE);
}

static bool is_expected(const struct known_file *file, const struct resolver_reply *reply)
{
	return reply->is_build_id && reply->identity_len == file->file.identity_len &&
	       memcmp(reply->identity, file->file.identity, reply->identity_len) == 0;
}

static void take_identity(struct symbolize *s, const struct resolver_reply *reply)
{
	struct known_file *file = find_file(s, reply->file);

	if (!file)
		return;
	s->ask_again |= file->expected;
	if (!reply->identity_len) {
		symbolize_file_failed(s, reply->file,
				      reply->error == -EMFILE || reply->error == -ENOMEM
					      ? UNKNOWN_FILE_SKIPPED
					      : UNKNOWN_FILE_BROKEN);
		return;
	}
	if (file->expected && !is_expected(file, reply)) {
		symbolize_file_failed(s, reply->file, UNKNOWN_FILE_GONE);
		return;
	}
	file->state = FILE_READY;
	file->file.trust_uid = file->expected ? file->owner_uid : file->file.trust_uid;
	file->file.is_build_id = reply->is_build_id;
	file->file.identity_len = reply->identity_len;
	memcpy(file->file.identity, reply->identity, reply->identity_len);
}

static void take_names(struct symbolize *s, const struct resolver_reply *reply)
{
	for (size_t i = 0; i < reply->n_names; i++) {
		const struct resolver_name *name = &reply->names[i];
		struct known_file *file = find_file(s, name->question.file);

		(void)name_cache_put(&s->names, name->question.file, name->question.offset,
				     name->unknown, name->function);
		s->counters.n_named += name->unknown == UNKNOWN_NONE;
		s->counters.n_unnamed += name->unknown != UNKNOWN_NONE;
		if (name->unknown == UNKNOWN_FILE_BROKEN && file && file->state != FILE_FAILED)
			symbolize_file_failed(s, file->number, UNKNOWN_FILE_BROKEN);
	}
}

static void take_kernel(struct symbolize *s, struct resolver_reply *reply)
{
	s->kernel_error = reply->error;
	if (!reply->kernel) {
		log_warning("kernel functions have no names: /proc/kallsyms: %s%s",
			    strerror(-reply->error),
			    reply->error == -EPERM
				    ? " (addresses are hidden; allow CAP_SYSLOG or set "
				      "sysctl kernel.kptr_restrict=1)"
				    : "");
		return;
	}
	kernel_symbols_free(s->kernel);
	s->kernel = take_ptr(reply->kernel);
}

void symbolize_dispatch(struct symbolize *s)
{
	struct resolver_reply *reply;

	while ((reply = resolver_client_take(s->client))) {
		switch (reply->kind) {
		case RESOLVER_IDENTITY:
			take_identity(s, reply);
			break;
		case RESOLVER_NAMES:
			take_names(s, reply);
			break;
		case RESOLVER_KERNEL:
			take_kernel(s, reply);
			break;
		}
		resolver_reply_free(reply);
	}
	if (s->ask_again)
		symbolize_flush(s);
	s->ask_again = false;
}

bool symbolize_busy(const struct symbolize *s)
{
	return s->n_wanted > 0 || !resolver_client_idle(s->client);
}

enum unknown_reason symbolize_find(struct symbolize *s, uint32_t number, uint64_t offset,
				   const char **ret_function)
{
	enum unknown_reason unknown;

	if (!number)
		return UNKNOWN_NO_MAPPING;
	if (!name_cache_find(&s->names, number, offset, &unknown, ret_function))
		return UNKNOWN_PENDING;
	return unknown;
}

const struct symbolize_counters *symbolize_counters(const struct symbolize *s)
{
	return &s->counters;
}
