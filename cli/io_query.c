// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * io_query.c - see io_query.h.
 */
#include "io_query.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "estimate.h"
#include "growable.h"
#include "io_sum.h"

#define NO_DEVICE UINT32_MAX

/* ---- devices and groups ---- */

static bool is_wanted(const struct io_query *io, const char *name)
{
	for (uint32_t i = 0; i < io->n_wanted; i++)
		if (strcmp(io->wanted[i], name) == 0)
			return true;
	return io->n_wanted == 0;
}

static int find_device(struct io_query *io, const struct profile_file *file, uint32_t *ret)
{
	bool is_stacked = file->identity_len == PROFILE_DEVICE_IDENTITY_LEN &&
			  file->identity[PROFILE_DEVICE_STACKED];
	struct io_device_name *device;

	for (*ret = 0; *ret < io->n_devices; (*ret)++) {
		if (strcmp(io->devices[*ret].name, file->path) == 0) {
			/* Of its name, any life. */
			io->devices[*ret].is_stacked |= is_stacked;
			return 0;
		}
	}
	if (GROWABLE_RESERVE(io, devices) < 0)
		return -ENOMEM;
	device = &io->devices[io->n_devices];
	*device = (struct io_device_name){.name = strdup(file->path),
					  .is_stacked = is_stacked,
					  .is_wanted = is_wanted(io, file->path)};
	if (!device->name)
		return -ENOMEM;
	io->n_devices++;
	return 0;
}

int io_query_begin(struct io_query *io, const struct dictionary *dictionary)
{
	uint32_t *grown = reallocarray(io->device_of_file, dictionary->n_files, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	io->device_of_file = grown;
	io->n_files = dictionary->n_files;
	for (uint32_t i = 0; i < dictionary->n_files; i++) {
		grown[i] = NO_DEVICE;
		if (dictionary->files[i].kind == FILE_DEVICE &&
		    find_device(io, &dictionary->files[i], &grown[i]) < 0)
			return -ENOMEM;
	}
	return 0;
}

static struct io_group *find_group(const struct io_query *io, uint32_t file, enum io_op op)
{
	uint32_t device = file < io->n_files ? io->device_of_file[file] : NO_DEVICE;

	for (uint32_t i = 0; device != NO_DEVICE && i < io->n_groups; i++)
		if (io->groups[i].device == device && io->groups[i].exact.op == op)
			return &io->groups[i];
	return NULL;
}

int io_query_find(const struct io_query *io, uint32_t bin, struct io_class *ret_class,
		  const struct io_group **ret_group)
{
	const struct io_group *group;

	if (io_class_unpack(bin, ret_class) < 0)
		return -EBADMSG;
	group = find_group(io, ret_class->device, ret_class->op);
	*ret_group = group && io->devices[group->device].is_wanted ? group : NULL;
	return 0;
}

uint64_t io_group_rest(uint64_t exact, double sampled, bool is_scaled)
{
	return is_scaled || sampled >= (double)exact ? 0 : exact - (uint64_t)sampled;
}

uint64_t io_query_device_ns(const struct io_query *io, uint32_t device)
{
	uint64_t ns = 0;

	for (uint32_t i = 0; i < io->n_groups; i++)
		if (io->groups[i].device == device)
			ns += io->groups[i].exact.total.sum_ns;
	return ns;
}

/* ---- reading ---- */

static int begin(void *ctx, const struct dictionary *dictionary)
{
	return io_query_begin(ctx, dictionary);
}

static int add_exact(void *ctx, const struct store_bucket *bucket, const struct profile_io *row)
{
	struct io_query *io = ctx;
	struct io_group *group = find_group(io, row->device, row->op);
	struct profile_io more = *row;

	(void)bucket;
	more.device = more.flags = 0;
	if (group)
		return io_sum_add(&group->exact, &more) ? 0 : -EBADMSG;
	if (GROWABLE_RESERVE(io, groups) < 0)
		return -ENOMEM;
	io->groups[io->n_groups++] = (struct io_group){.device = io->device_of_file[row->device],
						       .exact = more,
						       .ios_factor = 1,
						       .ns_factor = 1,
						       .bytes_factor = 1};
	return 0;
}

static int add_time(void *ctx, const struct store_row *row)
{
	double ios = (double)row->count / PROFILE_COUNT_ONE;
	struct io_query *io = ctx;
	struct io_class class;
	struct io_group *group;

	if (io_class_unpack(row->bin, &class) < 0)
		return -EBADMSG;
	group = find_group(io, class.device, class.op);
	if (!group)
		return 0;
	group->sampled_ios += ios;
	group->sampled_ns += (double)row->value;
	group->squares += ios * (double)(1u << class.weight_log2);
	return 0;
}

static int add_bytes(void *ctx, const struct store_row *row)
{
	struct io_query *io = ctx;
	struct io_class class;
	struct io_group *group;

	if (io_class_unpack(row->bin, &class) < 0)
		return -EBADMSG;
	group = find_group(io, class.device, class.op);
	if (group)
		group->sampled_bytes += (double)row->value;
	return 0;
}

static enum exit_code read_samples(const struct query *query, enum sample_type type,
				   int (*row)(void *ctx, const struct store_row *row),
				   struct io_query *io)
{
	const struct store_visitor visitor = {.begin = begin, .row = row, .series_only = true};
	_cleanup_(store_summary_done) struct store_summary summary = {0};
	struct query machine = *query;

	machine.filter = (struct store_filter){.since_real_ns = query->filter.since_real_ns,
					       .until_real_ns = query->filter.until_real_ns,
					       .type = type};
	return query_read(&machine, &visitor, io, &summary);
}

static void set_factors(struct io_group *group)
{
	double n_eff =
		group->squares > 0 ? group->sampled_ios * group->sampled_ios / group->squares : 0;

	group->is_scaled = n_eff >= ESTIMATE_N_EFF_MIN;
	if (!group->is_scaled)
		return;
	group->ios_factor = (double)group->exact.ios / group->sampled_ios;
	if (group->sampled_ns > 0 && group->exact.total.known)
		group->ns_factor = (double)group->exact.total.sum_ns / group->sampled_ns;
	if (group->sampled_bytes > 0)
		group->bytes_factor = (double)group->exact.bytes / group->sampled_bytes;
}

/* Those that stand on others are left out only where there is another one. */
static void leave_out(struct io_query *io)
{
	bool has_other = false;

	for (uint32_t i = 0; i < io->n_devices; i++)
		has_other = has_other || (!io->devices[i].is_stacked && io->devices[i].is_wanted);
	for (uint32_t i = 0; i < io->n_devices; i++) {
		struct io_device_name *device = &io->devices[i];

		device->is_left_out =
			!device->is_wanted || (device->is_stacked && has_other && !io->n_wanted);
	}
}

enum exit_code io_query_read(const struct query *query, const char *const *names, uint32_t n_names,
			     struct io_query *ret)
{
	static const struct store_io_visitor visitor = {.begin = begin, .row = add_exact};
	_cleanup_(io_query_done) struct io_query io = {.wanted = names, .n_wanted = n_names};
	enum exit_code code = query_read_io(query, &visitor, &io, &io.summary);

	if (code == EXIT_ANSWERED)
		code = read_samples(query, SAMPLE_BLOCKIO, add_time, &io);
	if (code == EXIT_ANSWERED)
		code = read_samples(query, SAMPLE_BLOCKIO_BYTES, add_bytes, &io);
	if (code != EXIT_ANSWERED)
		return code;
	for (uint32_t i = 0; i < io.n_groups; i++)
		set_factors(&io.groups[i]);
	leave_out(&io);
	*ret = io;
	io = (struct io_query){0};
	return EXIT_ANSWERED;
}

void io_query_done(struct io_query *io)
{
	for (uint32_t i = 0; i < io->n_devices; i++)
		free((char *)(uintptr_t)io->devices[i].name);
	free(io->devices);
	free(io->groups);
	free(io->device_of_file);
	store_summary_done(&io->summary);
}

void io_query_note_left_out(const struct io_query *io)
{
	char names[512] = "";
	size_t used = 0;

	for (uint32_t i = 0; i < io->n_devices && used < sizeof(names); i++)
		if (io->devices[i].is_wanted && io->devices[i].is_left_out)
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
						 used ? ", " : "", io->devices[i].name);
	if (used)
		note("left out, because they stand on other devices, which have the same I/O: %s; "
		     "--device NAME asks for one of them",
		     names);
}
