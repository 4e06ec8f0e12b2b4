// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sideband.c - see sideband.h. A ring is read as kernel/events/ring_buffer.c writes it: the head is
 * the kernel's, the tail is ours, and a record may run over the end of the data.
 */
#include "capture/sideband.h"

#include "log.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define CPU_LIST_MAX	   8192		/* NR_CPUS of any distribution */
#define RING_BYTES	   (64u * 1024) /* about 110 programs started, of 600 bytes each */
#define RECORD_BYTES_MAX   65536u	/* perf_event_header.size has 16 bits */
#define READS_PER_CALL_MAX 100000	/* records of one ring: whoever writes faster is lost */

struct ring {
	int fd; /* -1 = none */
	struct perf_event_mmap_page *page;
};

struct sideband {
	sideband_handler handler;
	void *ctx;
	int epoll_fd;
	struct ring *rings; /* by CPU */
	int n_rings;
	unsigned char *record; /* one that runs over the end, put together */
	struct sideband_counters counters;
};

int sideband_new(sideband_handler handler, void *ctx, struct sideband **ret)
{
	_cleanup_(sideband_freep) struct sideband *sideband = calloc(1, sizeof(*sideband));

	if (!sideband)
		return -ENOMEM;
	*sideband = (struct sideband){.handler = handler, .ctx = ctx, .epoll_fd = -1};
	sideband->record = malloc(RECORD_BYTES_MAX);
	sideband->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!sideband->record || sideband->epoll_fd < 0)
		return sideband->record ? -errno : -ENOMEM;
	*ret = take_ptr(sideband);
	return 0;
}

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static void ring_done(struct ring *ring)
{
	if (ring->page)
		(void)munmap(ring->page, page_bytes() + RING_BYTES);
	close_p(&ring->fd);
	*ring = (struct ring){.fd = -1};
}

struct sideband *sideband_free(struct sideband *sideband)
{
	if (!sideband)
		return NULL;
	for (int i = 0; i < sideband->n_rings; i++)
		ring_done(&sideband->rings[i]);
	free(sideband->rings);
	free(sideband->record);
	close_p(&sideband->epoll_fd);
	free(sideband);
	return NULL;
}

static int reserve_rings(struct sideband *sideband, int cpu)
{
	struct ring *larger;

	if (cpu < 0 || cpu >= CPU_LIST_MAX)
		return -EINVAL;
	if (cpu < sideband->n_rings)
		return 0;
	larger = reallocarray(sideband->rings, (size_t)cpu + 1, sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	for (int i = sideband->n_rings; i <= cpu; i++)
		larger[i] = (struct ring){.fd = -1};
	sideband->rings = larger;
	sideband->n_rings = cpu + 1;
	return 0;
}

int sideband_add_cpu(struct sideband *sideband, int cpu, int take_fd)
{
	_cleanup_(ring_done) struct ring ring = {.fd = take_fd};
	struct epoll_event event = {.events = EPOLLIN};
	void *memory;
	int r = reserve_rings(sideband, cpu);

	if (r == 0 && sideband_has_cpu(sideband, cpu))
		r = -EBUSY;
	if (r < 0)
		return r;
	memory = mmap(NULL, page_bytes() + RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd,
		      0);
	if (memory == MAP_FAILED)
		return -errno;
	ring.page = memory;
	if (epoll_ctl(sideband->epoll_fd, EPOLL_CTL_ADD, ring.fd, &event) < 0 ||
	    ioctl(ring.fd, PERF_EVENT_IOC_ENABLE, 0) < 0)
		return -errno;
	sideband->rings[cpu] = ring;
	ring = (struct ring){.fd = -1};
	return 0;
}

/* The record at `tail`: in place, or put together when it runs over the end of the data. */
static const void *record_at(struct sideband *sideband, const struct ring *ring, uint64_t tail,
			     size_t size)
{
	const unsigned char *data = (const unsigned char *)ring->page + page_bytes();
	size_t at = (size_t)(tail % RING_BYTES), first = RING_BYTES - at;

	if (size <= first)
		return data + at;
	memcpy(sideband->record, data + at, first);
	memcpy(sideband->record + first, data, size - first);
	return sideband->record;
}

static void read_ring(struct sideband *sideband, struct ring *ring)
{
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = ring->page->data_tail;

	for (int i = 0; tail < head && i < READS_PER_CALL_MAX; i++) {
		const struct perf_event_header *start =
			record_at(sideband, ring, tail, sizeof(*start));
		struct sideband_record record;
		size_t size = start->size;
		const void *bytes;

		if (size < sizeof(*start) || size > head - tail || size > RING_BYTES) {
			sideband->counters.n_malformed++; /* no way to find the next one */
			tail = head;
			break;
		}
		bytes = record_at(sideband, ring, tail, size);
		if (sideband_record_decode(bytes, size, &record) < 0)
			sideband->counters.n_malformed++;
		else if (record.kind != SIDEBAND_OTHER)
			sideband->handler(sideband->ctx, &record, bytes, size);
		tail += size;
	}
	__atomic_store_n(&ring->page->data_tail, tail, __ATOMIC_RELEASE);
}

void sideband_remove_cpu(struct sideband *sideband, int cpu)
{
	if (!sideband_has_cpu(sideband, cpu))
		return;
	read_ring(sideband, &sideband->rings[cpu]);
	(void)epoll_ctl(sideband->epoll_fd, EPOLL_CTL_DEL, sideband->rings[cpu].fd, NULL);
	ring_done(&sideband->rings[cpu]);
}

static bool follow(struct sideband *sideband, struct perf_opener *opener, int cpu)
{
	int fd = perf_opener_event(opener, PERF_EVENT_SIDEBAND, cpu, 0);
	int r = fd < 0 ? fd : sideband_add_cpu(sideband, cpu, fd);

	if (r < 0 && r != -ENODEV && !sideband->counters.n_cpus_missed++)
		log_warning("what happens to processes on CPU %d is not told: %s; they are looked "
			    "up in "
			    "/proc, which misses what is short",
			    cpu, strerror(-r));
	return r == 0;
}

uint32_t sideband_follow_cpus(struct sideband *sideband, struct perf_opener *opener,
			      const struct cpu_list *online)
{
	uint32_t n_opened = 0;

	for (int cpu = 0; cpu < CPU_LIST_MAX; cpu++) {
		bool is_online = cpu_list_has(online, (uint32_t)cpu);

		if (is_online && !sideband_has_cpu(sideband, cpu))
			n_opened += follow(sideband, opener, cpu);
		else if (!is_online)
			sideband_remove_cpu(sideband, cpu);
	}
	return n_opened;
}

bool sideband_has_cpu(const struct sideband *sideband, int cpu)
{
	return cpu >= 0 && cpu < sideband->n_rings && sideband->rings[cpu].fd >= 0;
}

int sideband_fd(const struct sideband *sideband)
{
	return sideband->epoll_fd;
}

void sideband_read(struct sideband *sideband)
{
	for (int i = 0; i < sideband->n_rings; i++)
		if (sideband->rings[i].fd >= 0)
			read_ring(sideband, &sideband->rings[i]);
}

const struct sideband_counters *sideband_counters(const struct sideband *sideband)
{
	return &sideband->counters;
}
