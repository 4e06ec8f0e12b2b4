/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbolize.h - what is known of files and addresses: identities and names, as they come in.
 *
 * Files have numbers that are never used twice. A location is (file number, offset); asking for
 * its name never waits: symbolize_want() notes the question, symbolize_flush() sends what can be
 * answered by now, symbolize_dispatch() takes answers in, symbolize_find() looks. Kernel addresses
 * are named at once, from a snapshot that is renewed when an address outside of it turns up.
 *
 * Names are kept in two generations of bounded size: what is in use moves to the younger one, and
 * the older is thrown away when the younger is full. What was thrown away is asked again.
 */
#ifndef PROFD_SYMBOLIZE_H
#define PROFD_SYMBOLIZE_H

#include "cleanup.h"
#include "profile.h"
#include "symbols/resolver_client.h"

#define SYMBOLIZE_FILES_MAX 4096

struct symbolize;

struct symbolize_counters {
	uint64_t n_named, n_unnamed;  /* answers */
	uint64_t n_questions_dropped; /* no room for them; asked when the location comes again */
	uint64_t n_files_refused;     /* beyond SYMBOLIZE_FILES_MAX */
	uint64_t n_files_skipped;     /* not regular, too large, remote, or beyond a limit */
	uint64_t n_files_broken;      /* files that could not be parsed */
	uint64_t n_kernel_unknown;    /* kernel addresses in no known module */
};

/* Asks `client` (borrowed) for the kernel's symbols at once. */
int symbolize_new(struct resolver_client *client, struct symbolize **ret);
struct symbolize *symbolize_free(struct symbolize *symbolize);
DEFINE_CLEANUP(struct symbolize *, symbolize_free);

/* Registers a file; its names can be asked from now on and are answered once it was opened.
 * -ENOSPC when there are too many: then 0 stands for it. */
int symbolize_add_file(struct symbolize *symbolize, enum file_kind kind, const char *path,
		       uint32_t *ret_number);
/* The kernel told the file's build ID: it is the identity, also of a file that cannot be opened,
 * and one that turns out to have another one is not the file. Before it is opened. */
void symbolize_file_expect(struct symbolize *symbolize, uint32_t number, const uint8_t *build_id,
			   uint8_t len);
/* It was opened, or could not be. */
void symbolize_file_opened(struct symbolize *symbolize, uint32_t number, int take_fd,
			   uint32_t trust_uid);
void symbolize_file_failed(struct symbolize *symbolize, uint32_t number,
			   enum unknown_reason reason);
void symbolize_remove_file(struct symbolize *symbolize, uint32_t number);

/* 1 when its identity is known, 0 while it is not, -ENOENT when it will not be: it could not be
 * opened, or is no file. */
int symbolize_file_state(const struct symbolize *symbolize, uint32_t number);

/* The file as known by now, or NULL for a number that is not registered. */
const struct profile_file *symbolize_file(const struct symbolize *symbolize, uint32_t number);

/* Makes room for the names of `n` locations: a bucket's must all be there when it is finished. */
void symbolize_reserve(struct symbolize *symbolize, uint32_t n);

/* File number and offset of a kernel address; its name is found by symbolize_find() at once. */
void symbolize_kernel(struct symbolize *symbolize, uint64_t addr, uint64_t now_mono_ns,
		      uint32_t *ret_number, uint64_t *ret_offset);

void symbolize_want(struct symbolize *symbolize, uint32_t number, uint64_t offset);
void symbolize_flush(struct symbolize *symbolize);
void symbolize_dispatch(struct symbolize *symbolize);
/* Whether a question is still on its way, or waits for its file to be opened. */
bool symbolize_busy(const struct symbolize *symbolize);

/* UNKNOWN_NONE and the name (valid until the next symbolize_want or _dispatch), or the reason. */
enum unknown_reason symbolize_find(struct symbolize *symbolize, uint32_t number, uint64_t offset,
				   const char **ret_function);

const struct symbolize_counters *symbolize_counters(const struct symbolize *symbolize);

#endif
