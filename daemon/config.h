/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config.h - profd.conf and its limits.
 *
 * The file is INI, read by inih; a key that is not known or a value out of range is an error with
 * file, line and what is accepted, because a typing error that is ignored is found months later.
 * Options of the command line are checked by the same table.
 */
#ifndef PROFD_CONFIG_H
#define PROFD_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#define CONFIG_ERROR_MAX 768
#define CONFIG_PATH_MAX	 4096

#define CONFIG_FREQUENCY_MIN_HZ 19
#define CONFIG_FREQUENCY_MAX_HZ 999

#define CONFIG_PATTERNS_MAX	  32
#define CONFIG_PATTERNS_BYTES_MAX 1024

/* Shell patterns, one after the other, each with a NUL at its end. */
struct config_patterns {
	uint32_t n, used; /* patterns, bytes of text */
	char text[CONFIG_PATTERNS_BYTES_MAX];
};

struct config {
	uint32_t frequency_hz;			 /* [cpu] frequency_hz: samples a second and CPU */
	uint32_t bucket_s;			 /* [store] bucket_s: width of a bucket */
	uint32_t max_nodes;			 /* [store] max_nodes: of a partition's call trie */
	uint32_t max_mb;			 /* [store] max_mb: of all partitions together */
	uint32_t unwind_budget_mb;		 /* [unwind] budget_mb: of tables in the kernel */
	uint32_t unwind_max_frames;		 /* [unwind] max_frames: of a user stack */
	uint32_t blockio_enabled;		 /* [blockio] enabled: 0 or 1 */
	uint32_t blockio_stacks_per_s;		 /* [blockio] stacks_per_s: per CPU */
	uint32_t offcpu_enabled;		 /* [offcpu] enabled: 0 or 1 */
	uint32_t offcpu_stacks_per_s;		 /* [offcpu] stacks_per_s: of waits, per CPU */
	uint32_t offcpu_wakers;			 /* [offcpu] wakers: 0 or 1 */
	char directory[CONFIG_PATH_MAX];	 /* [store] directory */
	char control_directory[CONFIG_PATH_MAX]; /* [service] control_directory: of the socket */
	char cache_directory[CONFIG_PATH_MAX]; /* [unwind] cache_directory: of tables; "" = none */
	struct config_patterns exclude_units;  /* [filter] exclude_units */
	struct config_patterns exclude_comms;  /* [filter] exclude_comms */
};

struct config_error {
	char text[CONFIG_ERROR_MAX];
};

/* The defaults. */
void config_init(struct config *config);

/*
 * Reads `path` over what is in `config`. Returns 0; -EINVAL for a key, value or line that is not
 * accepted, or -errno of open and read; the text says which and where. `config` is untouched then.
 */
int config_read(struct config *config, const char *path, struct config_error *error);

/* The same from `len` bytes of text; `name` stands for the path in messages. Pure. */
int config_parse(struct config *config, const char *text, size_t len, const char *name,
		 struct config_error *error);

/* Sets one key as if it stood in the file; `where` begins the message ("--frequency"). A list is
 * added to, so that a long one can be spread over lines. */
int config_set(struct config *config, const char *section, const char *key, const char *value,
	       const char *where, struct config_error *error);

/*
 * Whether a running profd can go from `now` to `next`. Returns 0; -EBUSY when a key differs that is
 * read at the start only: then `text` says which, and that the reload is refused as a whole.
 */
int config_reloadable(const struct config *now, const struct config *next, char *text, size_t size);

#endif
