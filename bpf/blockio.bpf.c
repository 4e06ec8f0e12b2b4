// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * blockio.bpf.c - the block I/O collector: exact sums per device and operation (io_sums.bpf.h), and
 * samples of who submits (io_samples.bpf.h).
 *
 * Devices with requests: counted when the last of a request is done (block_io_done; before 6.5,
 * when what is left of it is completed), by the times that the kernel takes itself; bytes as each
 * part of a request is completed. These are the places at which the kernel counts for
 * /proc/diskstats (block/blk-mq.c, blk_account_io_done(), blk_account_io_completion()). A flush is
 * a request of the queue's own (block/blk-flush.c), and so is nobody's; the steps of a write that
 * needs flushes around it are not counted, the whole of it is.
 *
 * Devices without requests, whose driver takes bios: from block_bio_queue to block_bio_complete.
 * Their drivers count by themselves, most of them from and to about there.
 *
 * A device that stands on another one is a device like any: nothing here adds up over devices.
 */
#include "io_samples.bpf.h"
#include "io_sums.bpf.h"

/* Bits of struct request's rq_flags, whose numbers change; set before loading. */
const volatile __u32 io_flush_seq_bit = 1u << 4;

/* The bio is the second argument of block_bio_queue (before 5.11), and likewise the request of
 * nothing in use here; set before loading. */
const volatile __u32 io_queue_has_queue = 0;

/* 0: there are neither block_io_start nor block_io_done (before 6.5); set before loading. Then bios
 * are sampled, of all devices, and a request is done when nothing of it is left. */
const volatile __u32 io_has_io_done = 1;

/* A bio of a device without requests, on its way. */
struct io_bio {
	__u64 begin_ns;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct io_bio);
} io_bios SEC(".maps");

/* How many of them are in each slot: bios of other devices are not looked for. */
#define IO_PENDING 4096
__u32 io_pending[IO_PENDING];

static __always_inline __u32 *io_pending_of(__u64 key)
{
	return &io_pending[(key >> 6) * 0x9E3779B97F4A7C15ull >> 40 & (IO_PENDING - 1)];
}

static __always_inline bool is_step_of_flush(const struct request *rq)
{
	return rq->rq_flags & io_flush_seq_bit;
}

/* ---- requests ---- */

static __always_inline void add_request(const struct request *rq, struct gendisk *disk)
{
	__u64 now_ns = bpf_ktime_get_ns(), begin_ns = rq->start_time_ns,
	      issue_ns = rq->io_start_time_ns;
	struct wire_io_sums *sums = io_sums_of(disk, rq->cmd_flags);

	if (sums) {
		__sync_fetch_and_add(&sums->ios, 1);
		if (begin_ns)
			io_time_add(&sums->total, io_between(begin_ns, now_ns));
		if (issue_ns)
			io_time_add(&sums->service, io_between(issue_ns, now_ns));
		if (begin_ns && issue_ns)
			io_time_add(&sums->queue, io_between(begin_ns, issue_ns));
	}
	io_sample_end(io_key(rq), begin_ns ? io_between(begin_ns, now_ns) : WIRE_IO_UNKNOWN,
		      now_ns);
}

/* Arguments: the request. Its size is 0 by now. */
SEC("tp_btf/block_io_done")
int blockio_done(__u64 *ctx)
{
	struct request *rq = (struct request *)ctx[0];
	struct gendisk *disk = io_disk_of_request(rq);
	enum wire_io_op op = io_op(rq->cmd_flags);

	if (!disk || op == WIRE_IO_OP_NONE || op == WIRE_IO_OP_FLUSH || is_step_of_flush(rq))
		return 0;
	add_request(rq, disk);
	return 0;
}

/* The most bios of a request that are looked at; it has hardly ever more. */
#define IO_BIOS_MAX 256

/* A global function: it is verified once, and not anew for each bio. */
int end_sampled_bio(__u64 key, __u64 now_ns);

__attribute__((noinline)) int end_sampled_bio(__u64 key, __u64 now_ns)
{
	__u32 at = io_find(key);
	struct io_slot *slot = at < IO_SLOTS ? bpf_map_lookup_elem(&io_slots, &at) : NULL;

	if (slot)
		io_sample_end(key, io_between(slot->begin_ns, now_ns), now_ns);
	return 0;
}

/* Without block_io_start bios are sampled. Those of a request end with it, and no
 * block_bio_complete tells of them (block/blk-mq.c, blk_update_request()). */
static __always_inline void end_sampled_bios(const struct request *rq, __u32 bytes)
{
	const struct bio *bio = rq->bio;
	__u64 now_ns = bpf_ktime_get_ns();

	for (__u32 i = 0; i < IO_BIOS_MAX && bio; i++) {
		__u32 size = bio->bi_iter.bi_size;

		if (size > bytes)
			break;
		bytes -= size;
		end_sampled_bio(io_key(bio), now_ns);
		bio = bio->bi_next;
	}
}

/* Arguments: the request, the error, and how many bytes of it are completed. */
SEC("tp_btf/block_rq_complete")
int blockio_complete(__u64 *ctx)
{
	struct request *rq = (struct request *)ctx[0];
	struct gendisk *disk = io_disk_of_request(rq);
	__u32 bytes = (__u32)ctx[2], left = rq->__data_len;
	enum wire_io_op op = io_op(rq->cmd_flags);
	struct wire_io_sums *sums;

	if (!disk || op == WIRE_IO_OP_NONE)
		return 0;
	if (op == WIRE_IO_OP_FLUSH) {
		/* The queue's own, which is a step of a flush by definition. */
		if (is_step_of_flush(rq))
			add_request(rq, disk);
	} else if (bytes) {
		sums = io_sums_of(disk, rq->cmd_flags);
		if (sums)
			__sync_fetch_and_add(&sums->bytes, bytes);
		if (io_has_io_done)
			io_sample_bytes(io_key(rq), bytes);
	}
	/* Also an empty one, once its flush is done. */
	if (!io_has_io_done && op != WIRE_IO_OP_FLUSH && (bytes || !is_step_of_flush(rq)))
		end_sampled_bios(rq, bytes);
	if ((__u32)ctx[1] & 0xff && !(op != WIRE_IO_OP_FLUSH && is_step_of_flush(rq))) {
		sums = io_sums_of(disk, rq->cmd_flags);
		if (sums)
			__sync_fetch_and_add(&sums->errors, 1);
	}
	if (!io_has_io_done && op != WIRE_IO_OP_FLUSH && bytes >= left && !is_step_of_flush(rq))
		add_request(rq, disk);
	return 0;
}

/* Arguments: the request. In the thread that submits it. */
SEC("tp_btf/block_io_start")
int blockio_start(__u64 *ctx)
{
	struct request *rq = (struct request *)ctx[0];
	struct gendisk *disk = io_disk_of_request(rq);

	if (disk && io_op(rq->cmd_flags) != WIRE_IO_OP_NONE)
		io_sample_begin(ctx, io_key(rq), disk, rq->bio, rq->cmd_flags);
	return 0;
}

/* Arguments: the request that is merged into another, and will neither be issued nor end
 * (block/blk-merge.c, attempt_merge()). */
SEC("tp_btf/block_rq_merge")
int blockio_merge(__u64 *ctx)
{
	io_sample_drop(io_key((const void *)ctx[0]));
	return 0;
}

/* ---- bios ---- */

static __always_inline void begin_bio(const struct bio *bio)
{
	struct io_bio begin = {.begin_ns = bpf_ktime_get_ns(), .bytes = bio->bi_iter.bi_size};
	__u64 key = io_key(bio);

	if (bpf_map_lookup_elem(&io_bios, &key)) {
		/* One of that address went without an end. */
		bpf_map_update_elem(&io_bios, &key, &begin, BPF_ANY);
	} else if (bpf_map_update_elem(&io_bios, &key, &begin, BPF_ANY) == 0) {
		__sync_fetch_and_add(io_pending_of(key), 1);
	} else {
		count_drop(WIRE_DROP_IO_BEGIN, 0);
	}
}

/* Arguments: the bio, behind its queue before 5.11. In the thread that submits it. */
SEC("tp_btf/block_bio_queue")
int blockio_bio_queue(__u64 *ctx)
{
	struct bio *bio = (struct bio *)(io_queue_has_queue ? ctx[1] : ctx[0]);
	struct gendisk *disk = io_disk_of_bio(bio);
	bool is_bio_based;

	if (!disk)
		return 0;
	is_bio_based = io_is_bio_based(disk);
	if (!is_bio_based && io_has_io_done)
		return 0;
	if (io_sample_begin(ctx, io_key(bio), disk, bio, bio->bi_opf))
		io_sample_bytes(io_key(bio), bio->bi_iter.bi_size);
	if (is_bio_based)
		begin_bio(bio);
	return 0;
}

static __attribute__((noinline)) int end_bio(const struct bio *bio, __u64 key, __u64 now_ns)
{
	__u64 took_ns;
	struct gendisk *disk = io_disk_of_bio(bio);
	struct io_bio *begin = bpf_map_lookup_elem(&io_bios, &key);
	struct wire_io_sums *sums;

	if (!begin || !disk)
		return 0;
	took_ns = io_between(begin->begin_ns, now_ns);
	sums = io_sums_of(disk, bio->bi_opf);
	if (sums) {
		__sync_fetch_and_add(&sums->ios, 1);
		__sync_fetch_and_add(&sums->bytes, begin->bytes);
		if (bio->bi_status)
			__sync_fetch_and_add(&sums->errors, 1);
		io_time_add(&sums->total, took_ns);
	}
	if (bpf_map_delete_elem(&io_bios, &key) == 0)
		__sync_fetch_and_add(io_pending_of(key), -1);
	return 0;
}

/* Arguments: the queue, the bio. */
SEC("tp_btf/block_bio_complete")
int blockio_bio_complete(__u64 *ctx)
{
	const struct bio *bio = (const struct bio *)ctx[1];
	__u64 key = io_key(bio);
	__u32 at = io_find(key);
	struct io_slot *slot;
	__u64 now_ns;

	if (at >= IO_SLOTS && !*io_pending_of(key))
		return 0;
	now_ns = bpf_ktime_get_ns();
	slot = at < IO_SLOTS ? bpf_map_lookup_elem(&io_slots, &at) : NULL;
	if (slot)
		io_sample_end(key, io_between(slot->begin_ns, now_ns), now_ns);
	end_bio(bio, key, now_ns);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
