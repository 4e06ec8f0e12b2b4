// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * texts.c - see texts.h.
 */
#include "record/texts.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_BLOCK_BYTES (64 * 1024)

struct text_block {
	struct text_block *next;
	size_t used, size;
	char text[];
};

const char *texts_copy(struct texts *texts, const char *text)
{
	size_t len = strlen(text) + 1;
	struct text_block *block = texts->blocks;
	char *copy;

	if (len == 1)
		return "";
	if (!block || block->size - block->used < len) {
		size_t size = len > TEXT_BLOCK_BYTES ? len : TEXT_BLOCK_BYTES;

		block = malloc(sizeof(*block) + size);
		if (!block)
			return NULL;
		*block = (struct text_block){.next = texts->blocks, .size = size};
		texts->blocks = block;
		texts->bytes += size;
	}
	copy = block->text + block->used;
	memcpy(copy, text, len);
	block->used += len;
	return copy;
}

void texts_done(struct texts *texts)
{
	for (struct text_block *block = texts->blocks, *next; block; block = next) {
		next = block->next;
		free(block);
	}
	*texts = (struct texts){};
}
