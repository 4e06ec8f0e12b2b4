// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sideband_record.c - see sideband_record.h. Numbers are copied out of the bytes, which need not be
 * aligned for them; a string must end inside of its record.
 */
#include "capture/sideband_record.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>

/* What follows the head of each kind; include/uapi/linux/perf_event.h. */
struct task_body { /* FORK and EXIT */
	uint32_t pid, parent_pid, tid, parent_tid;
	uint64_t time_ns;
};

struct comm_body {
	uint32_t pid, tid;
};

struct mmap2_body {
	uint32_t pid, tid;
	uint64_t addr, len, file_offset;
	union {
		struct {
			uint32_t major, minor;
			uint64_t inode, generation;
		};
		struct {
			uint8_t build_id_size;
			uint8_t reserved[3];
			uint8_t build_id[MAPPING_BUILD_ID_MAX];
		};
	};
	uint32_t prot, flags;
};
_Static_assert(sizeof(struct mmap2_body) == 64, "layout of PERF_RECORD_MMAP2");

struct lost_body {
	uint64_t id, n_lost;
};

struct cgroup_body {
	uint64_t id;
};

/* The part between the record's head and the time at its end. */
struct body {
	const unsigned char *bytes;
	size_t size;
};

/* Copies the fixed part; false when there is less. */
static bool take(struct body *body, void *to, size_t size)
{
	if (body->size < size)
		return false;
	memcpy(to, body->bytes, size);
	body->bytes += size;
	body->size -= size;
	return true;
}

static bool take_path(struct body *body, const char **ret)
{
	if (!memchr(body->bytes, '\0', body->size))
		return false;
	*ret = (const char *)body->bytes;
	return true;
}

static bool decode_task(struct body *body, bool is_fork, struct sideband_record *ret)
{
	struct task_body task;

	if (!take(body, &task, sizeof(task)))
		return false;
	ret->pid = task.pid;
	ret->parent_pid = task.parent_pid;
	/* Of a new thread both pids are the same; an end counts when it is the first thread's. */
	if (is_fork && task.pid != task.parent_pid)
		ret->kind = SIDEBAND_FORK;
	if (!is_fork && task.pid == task.tid)
		ret->kind = SIDEBAND_EXIT;
	return true;
}

static bool decode_comm(struct body *body, uint16_t misc, struct sideband_record *ret)
{
	struct comm_body comm;

	if (!take(body, &comm, sizeof(comm)))
		return false;
	ret->pid = comm.pid;
	if (misc & PERF_RECORD_MISC_COMM_EXEC)
		ret->kind = SIDEBAND_EXEC;
	return true;
}

static bool decode_mmap(struct body *body, uint16_t misc, struct sideband_record *ret)
{
	struct mapping *mapping = &ret->mapping;
	struct mmap2_body mmap;

	if (!take(body, &mmap, sizeof(mmap)) || !take_path(body, &ret->path) ||
	    __builtin_add_overflow(mmap.addr, mmap.len, &mapping->end))
		return false;
	ret->kind = SIDEBAND_MMAP;
	ret->pid = mmap.pid;
	mapping->start = mmap.addr;
	mapping->file_offset = mmap.file_offset;
	if (misc & PERF_RECORD_MISC_MMAP_BUILD_ID) {
		if (mmap.build_id_size > MAPPING_BUILD_ID_MAX)
			return false;
		mapping->build_id_len = mmap.build_id_size;
		memcpy(mapping->build_id, mmap.build_id, mmap.build_id_size);
	} else {
		mapping->dev_major = mmap.major;
		mapping->dev_minor = mmap.minor;
		mapping->inode = mmap.inode;
	}
	return true;
}

static bool decode_cgroup(struct body *body, struct sideband_record *ret)
{
	struct cgroup_body cgroup;

	if (!take(body, &cgroup, sizeof(cgroup)) || !take_path(body, &ret->path))
		return false;
	ret->kind = SIDEBAND_CGROUP;
	ret->cgroup_id = cgroup.id;
	return true;
}

static bool decode_lost(struct body *body, struct sideband_record *ret)
{
	struct lost_body lost;

	if (!take(body, &lost, sizeof(lost)))
		return false;
	ret->kind = SIDEBAND_LOST;
	ret->n_lost = lost.n_lost;
	return true;
}

/* The kernel writes 0 for an idle thread and for a process that the reader's pid namespace does not
 * have, and -1 for one that is all but gone (kernel/events/core.c, perf_event_pid_type()). */
static bool is_of_process(enum sideband_kind kind)
{
	return kind == SIDEBAND_FORK || kind == SIDEBAND_EXEC || kind == SIDEBAND_EXIT ||
	       kind == SIDEBAND_MMAP;
}

int sideband_record_decode(const void *bytes, size_t size, struct sideband_record *ret)
{
	struct perf_event_header head;
	struct body body;
	bool good = true;

	if (size < sizeof(head) + sizeof(ret->mono_ns))
		return -EBADMSG;
	memcpy(&head, bytes, sizeof(head));
	*ret = (struct sideband_record){.kind = SIDEBAND_OTHER, .path = ""};
	memcpy(&ret->mono_ns, (const char *)bytes + size - sizeof(ret->mono_ns),
	       sizeof(ret->mono_ns));
	body = (struct body){(const unsigned char *)bytes + sizeof(head),
			     size - sizeof(head) - sizeof(ret->mono_ns)};
	switch (head.type) {
	case PERF_RECORD_FORK:
	case PERF_RECORD_EXIT:
		good = decode_task(&body, head.type == PERF_RECORD_FORK, ret);
		break;
	case PERF_RECORD_COMM:
		good = decode_comm(&body, head.misc, ret);
		break;
	case PERF_RECORD_MMAP2:
		good = decode_mmap(&body, head.misc, ret);
		break;
	case PERF_RECORD_CGROUP:
		good = decode_cgroup(&body, ret);
		break;
	case PERF_RECORD_LOST:
		good = decode_lost(&body, ret);
		break;
	default: /* throttling and the like */
		break;
	}
	if (is_of_process(ret->kind) && (!ret->pid || ret->pid == UINT32_MAX))
		ret->kind = SIDEBAND_OTHER;
	return good ? 0 : -EBADMSG;
}
