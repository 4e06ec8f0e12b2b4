// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ingest.c - see ingest.h. The bytes come from our own BPF program, and are checked all the same:
 * a kernel or compiler defect must end in a counter, not in the daemon's memory.
 */
#include "capture/ingest.h"

#include <errno.h>
#include <string.h>

static const enum sample_type type_of_kind[] = {
	[WIRE_NONE] = SAMPLE_NONE,
	[WIRE_CPU] = SAMPLE_CPU,
	[WIRE_WAIT_BEGIN] = SAMPLE_NONE,
	[WIRE_WAIT_END] = SAMPLE_NONE,
	[WIRE_LEDGER] = SAMPLE_NONE,
	[WIRE_WAKER] = SAMPLE_NONE,
};
_Static_assert(sizeof(type_of_kind) / sizeof(type_of_kind[0]) == WIRE_KIND_MAX,
	       "a kind of record without a sample type");

static void decode_comm(const char *from, char *to)
{
	/* A thread may call itself anything; control bytes stay out of tables and terminals. */
	memcpy(to, from, WIRE_COMM_LEN);
	to[WIRE_COMM_LEN] = '\0';
	for (char *p = to; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
}

/* Decodes the words of a user stack; returns the number of frames. A word with another tag is
 * garbage that the walk took for a return address: it stays, as an address in no mapping. */
static uint32_t decode_user(const uint64_t *words, uint32_t n_words, struct sample_frame *frames)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < n_words; i++) {
		uint64_t tag = words[i] >> WIRE_FRAME_SHIFT;
		uint64_t addr = words[i] & ((1ull << WIRE_FRAME_SHIFT) - 1);

		if (tag == WIRE_FRAME_JIT)
			frames[n++] = (struct sample_frame){.kind = LOCATION_JIT, .addr = addr};
		else if (tag == WIRE_FRAME_EXACT)
			frames[n++] = (struct sample_frame){
				.kind = LOCATION_FILE, .addr = addr, .exact = true};
		else if (tag == WIRE_FRAME_INTERPRETER && i + 1 < n_words)
			frames[n++] = (struct sample_frame){
				.kind = LOCATION_INTERPRETER, .addr = addr, .code = words[++i]};
		else
			frames[n++] =
				(struct sample_frame){.kind = LOCATION_FILE, .addr = words[i]};
	}
	return n;
}

int ingest_head(const void *record, size_t size, struct sample_event *ret)
{
	struct sample_event e;

	if (size < sizeof(e))
		return -EBADMSG;
	memcpy(&e, record, sizeof(e));
	if (e.kind >= WIRE_KIND_MAX || type_of_kind[e.kind] == SAMPLE_NONE || e.user_stop >= WIRE_STOP_MAX ||
	    e.n_kernel > WIRE_KERNEL_FRAMES_MAX || e.n_user > WIRE_USER_FRAMES_MAX ||
	    size - sizeof(e) < ((size_t)e.n_kernel + e.n_user) * sizeof(uint64_t))
		return -EBADMSG;
	*ret = e;
	return 0;
}

int ingest_decode(const void *record, size_t size, struct sample *ret)
{
	uint64_t words[WIRE_KERNEL_FRAMES_MAX + WIRE_USER_FRAMES_MAX];
	struct sample_event e;

	if (ingest_head(record, size, &e) < 0)
		return -EBADMSG;
	memcpy(words, (const char *)record + sizeof(e),
	       ((size_t)e.n_kernel + e.n_user) * sizeof(uint64_t));
	ret->type = type_of_kind[e.kind];
	ret->user_stop = e.user_stop;
	ret->user_mode = e.user_mode;
	ret->pid = e.pid;
	ret->tid = e.tid;
	ret->cpu = e.cpu;
	ret->exec_id = e.exec_id;
	ret->mono_ns = e.mono_ns;
	ret->value = e.value;
	ret->start_boot_ns = e.start_boot_ns;
	ret->cgroup_id = e.cgroup_id;
	ret->start_code = e.start_code;
	ret->end_code = e.end_code;
	decode_comm(e.comm, ret->comm);
	for (uint32_t i = 0; i < e.n_kernel; i++)
		ret->kernel[i] = (struct sample_frame){.kind = LOCATION_KERNEL, .addr = words[i]};
	ret->n_kernel = e.n_kernel;
	ret->n_user = decode_user(words + e.n_kernel, e.n_user, ret->user);
	return 0;
}
