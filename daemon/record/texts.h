/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * texts.h - copies of strings that are all freed together: those of a bucket.
 */
#ifndef PROFD_TEXTS_H
#define PROFD_TEXTS_H

#include <stddef.h>

struct text_block;

struct texts {
	struct text_block *blocks;
	size_t bytes; /* of all blocks */
};

/* A copy that lives until texts_done(), or NULL without memory. */
const char *texts_copy(struct texts *texts, const char *text);
void texts_done(struct texts *texts);

#endif
