/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dictionary.h - one partition's dictionary as a reader sees it: files, functions, locations with
 * their names, the call trie, and series, each a plain array indexed by id; entry 0 is "none".
 *
 * Node 0 is the root of the trie; a node's parent has a smaller id, so one pass from the last node
 * to the first adds children to parents. Names live on locations, never on nodes.
 */
#ifndef PROFD_DICTIONARY_H
#define PROFD_DICTIONARY_H

#include "profile.h"

struct dictionary_node {
	uint32_t parent;   /* towards the root; the root's is 0 */
	uint32_t location; /* the root's is 0 */
};

struct dictionary_function {
	const char *name;
	const char *source; /* source file, or "" */
};

struct dictionary_frame {
	uint32_t function;
	uint32_t line; /* 0 = unknown */
	bool inlined;
};

struct dictionary_location {
	enum location_kind kind;
	enum unknown_reason unknown; /* when n_frames is 0 and the kind is not synthetic */
	uint32_t file;
	uint64_t offset;
	uint32_t first_frame, n_frames; /* in frames[], innermost first */
};

struct dictionary {
	const char *partition; /* file name, for messages */
	const struct dictionary_node *nodes;
	const struct dictionary_location *locations;
	const struct dictionary_frame *frames;
	const struct dictionary_function *functions;
	const struct profile_file *files;
	const struct profile_series *series;
	uint32_t n_nodes, n_locations, n_frames, n_functions, n_files, n_series; /* with entry 0 */
};

#endif
