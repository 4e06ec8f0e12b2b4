// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * flush_queue.c - see flush_queue.h.
 */
#include "flush_queue.h"

void flush_queue_add(struct flush_queue *queue, struct control_call call, uint64_t now_mono_ns)
{
	if (queue->n == FLUSH_CALLS_MAX) {
		control_refuse(call, "too many requests to flush are waiting; try again");
		return;
	}
	queue->waits[queue->n++] = (struct flush_wait){.call = call, .asked_mono_ns = now_mono_ns};
}

bool flush_queue_is_due(const struct flush_queue *queue, uint64_t now_mono_ns)
{
	if (queue->cut_mono_ns && now_mono_ns - queue->cut_mono_ns < FLUSH_GAP_NS)
		return false;
	for (uint32_t i = 0; i < queue->n; i++)
		if (!queue->waits[i].bucket)
			return true;
	return false;
}

void flush_queue_cut(struct flush_queue *queue, uint64_t bucket, uint64_t n_dropped,
		     uint64_t at_mono_ns)
{
	queue->cut_mono_ns = at_mono_ns;
	for (uint32_t i = 0; i < queue->n; i++) {
		if (queue->waits[i].bucket || queue->waits[i].asked_mono_ns > at_mono_ns)
			continue;
		queue->waits[i].bucket = bucket;
		queue->waits[i].n_dropped = n_dropped;
	}
}

void flush_queue_answer(struct flush_queue *queue, uint64_t n_written, uint64_t n_dropped)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < queue->n; i++) {
		const struct flush_wait wait = queue->waits[i];

		if (!wait.bucket || n_written + n_dropped < wait.bucket)
			queue->waits[kept++] = wait;
		else if (n_dropped != wait.n_dropped)
			control_refuse(wait.call, "a bucket could not be written; profd's log says "
						  "why");
		else
			control_reply(wait.call, "{\"ok\":true}");
	}
	queue->n = kept;
}
