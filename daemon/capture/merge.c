// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * merge.c - see merge.h. A binary heap by time; a record is one allocation of its own.
 */
#include "capture/merge.h"

#include "growable.h"

#include <string.h>

struct merge {
	struct merge_item **items; /* a heap: no item is younger than its children, 2i+1 and 2i+2 */
	uint32_t n_items, cap_items;
	size_t bytes, max_bytes;
	uint64_t n_pushed, n_early;
};

int merge_new(size_t max_bytes, struct merge **ret)
{
	struct merge *merge = calloc(1, sizeof(*merge));

	if (!merge)
		return -ENOMEM;
	merge->max_bytes = max_bytes;
	*ret = merge;
	return 0;
}

struct merge *merge_free(struct merge *merge)
{
	if (!merge)
		return NULL;
	for (uint32_t i = 0; i < merge->n_items; i++)
		free(merge->items[i]);
	free(merge->items);
	free(merge);
	return NULL;
}

static size_t bytes_of(const struct merge_item *item)
{
	return sizeof(*item) + item->size + 2 * sizeof(void *); /* with the allocator's head */
}

static bool is_older(const struct merge_item *a, const struct merge_item *b)
{
	return a->mono_ns != b->mono_ns ? a->mono_ns < b->mono_ns : a->number < b->number;
}

int merge_push(struct merge *merge, enum merge_kind kind, uint64_t mono_ns, const void *bytes,
	       size_t size)
{
	struct merge_item *item;
	uint32_t i;

	if (size > merge->max_bytes || GROWABLE_RESERVE(merge, items) < 0)
		return -ENOMEM;
	item = malloc(sizeof(*item) + size);
	if (!item)
		return -ENOMEM;
	*item = (struct merge_item){
		.mono_ns = mono_ns, .number = merge->n_pushed++, .kind = kind, .size = size};
	memcpy(item->bytes, bytes, size);
	merge->bytes += bytes_of(item);
	for (i = merge->n_items++; i > 0 && is_older(item, merge->items[(i - 1) / 2]);
	     i = (i - 1) / 2)
		merge->items[i] = merge->items[(i - 1) / 2];
	merge->items[i] = item;
	return 0;
}

static struct merge_item *take_oldest(struct merge *merge)
{
	struct merge_item **items = merge->items, *oldest = items[0], *last;
	uint32_t n = --merge->n_items, i = 0, child;

	last = items[n];
	while ((child = 2 * i + 1) < n) {
		if (child + 1 < n && is_older(items[child + 1], items[child]))
			child++;
		if (!is_older(items[child], last))
			break;
		items[i] = items[child];
		i = child;
	}
	items[i] = last;
	merge->bytes -= bytes_of(oldest);
	return oldest;
}

struct merge_item *merge_pop(struct merge *merge, uint64_t until_mono_ns)
{
	if (!merge->n_items)
		return NULL;
	if (merge->items[0]->mono_ns > until_mono_ns) {
		if (merge->bytes <= merge->max_bytes)
			return NULL;
		merge->n_early++;
	}
	return take_oldest(merge);
}

bool merge_is_full(const struct merge *merge)
{
	return merge->bytes > merge->max_bytes;
}

bool merge_is_half_full(const struct merge *merge)
{
	return merge->bytes > merge->max_bytes / 2;
}

uint64_t merge_n_early(const struct merge *merge)
{
	return merge->n_early;
}
