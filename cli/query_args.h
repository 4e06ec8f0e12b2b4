/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * query_args.h - the flags shared by every command that asks about a window: what the user wrote,
 * and which window it means. Opens nothing; query.h does.
 */
#ifndef PROFD_QUERY_ARGS_H
#define PROFD_QUERY_ARGS_H

#include <argp.h>
#include <stddef.h>
#include <stdint.h>

#define QUERY_DEFAULT_STORE "/var/lib/profd"
#define QUERY_PID_MAX	    4194304 /* PID_MAX_LIMIT, include/linux/threads.h */

/* The values of a flag that may be repeated: any of them may match. */
struct query_numbers {
	uint32_t *values;
	uint32_t n_values, cap_values;
};

struct query_patterns {
	const char **values; /* of the shell */
	uint32_t n_values, cap_values;
};

struct query_args {
	const char *store_dir;
	const char *since, *until; /* as written; NULL = not given */
	struct query_numbers pids, tids;
	struct query_patterns units, comms, exes, containers;
};

void query_args_init(struct query_args *args);
void query_args_done(struct query_args *args);

/* Child parsers for a command's argp; their input is a struct query_args. The first knows all the
 * flags, the second only --store. A value that cannot be ends the program with EXIT_USAGE. */
extern const struct argp query_argp;
extern const struct argp store_argp;

#define QUERY_MESSAGE_MAX 512

/*
 * The window asked for: [*ret_since_ns, *ret_until_ns), by default the last 10 minutes before
 * `until`, and until `now`. Returns 0, or -EINVAL with a message of what is wrong and what would be
 * right; outputs are untouched then.
 */
int query_args_window(const struct query_args *args, uint64_t now_real_ns, uint64_t *ret_since_ns,
		      uint64_t *ret_until_ns, char message[QUERY_MESSAGE_MAX]);

/*
 * The flags as they would be typed again, with a leading blank (" --since 10m --pid 1234"), for
 * hints; cut off whole flags that do not fit. Words the shell would split are quoted.
 */
void query_args_print(const struct query_args *args, char *buf, size_t size);

/* The flags that choose among processes, as words: "--pid, --unit and --comm"; "" for none. */
void query_args_print_kinds(const struct query_args *args, char *buf, size_t size);

#endif
