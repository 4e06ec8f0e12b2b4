// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wait_scene.c - see wait_scene.h.
 */
#include "wait_scene.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PID	 4242u
#define START_NS (77ull * 10 * MS)
#define CODE	 WAIT_SCENE_CODE
#define NOW_NS	 (100 * S)

int wait_scene_set_up(void **state)
{
	struct wait_scene *f = calloc(1, sizeof(*f));
	const struct scene_process process = {.pid = PID,
					      .start_ns = START_NS,
					      .code = CODE,
					      .exe = "/bin/sleeper",
					      .maps = "00400000-00500000 r-xp 00000000 fe:01 7 "
						      "/bin/sleeper\n"};

	assert_non_null(f);
	scene_set_up((void **)&f->scene);
	scene_make_process(f->scene, &process);
	assert_int_equal(cgroups_new("/dev/null", &f->cgroups), 0);
	assert_int_equal(
		attribution_new(f->scene->symbolize, f->scene->table, f->cgroups, &f->attribution),
		0);
	assert_int_equal(wait_rows_new(f->attribution, &f->rows), 0);
	assert_int_equal(bucket_new(&f->bucket), 0);
	f->begin_ns = 10 * S;
	*state = f;
	return 0;
}

int wait_scene_tear_down(void **state)
{
	struct wait_scene *f = *state;

	bucket_free(f->bucket);
	wait_rows_free(f->rows);
	attribution_free(f->attribution);
	cgroups_free(f->cgroups);
	scene_tear_down((void **)&f->scene);
	free(f);
	return 0;
}

struct sample *wait_scene_make(enum wire_kind kind, uint32_t tid, uint64_t mono_ns)
{
	static struct sample sample;

	memset(&sample, 0, offsetof(struct sample, kernel));
	sample.kind = kind;
	sample.pid = PID;
	sample.tid = tid;
	sample.mono_ns = mono_ns;
	sample.start_boot_ns = START_NS;
	sample.start_code = CODE;
	sample.end_code = CODE + 4096;
	(void)snprintf(sample.comm, sizeof(sample.comm), "t%u", tid);
	return &sample;
}

void wait_scene_add(struct wait_scene *f, const struct sample *sample)
{
	wait_rows_add(f->rows, sample, NOW_NS, &(struct wait_bucket){f->bucket, f->begin_ns});
}

void wait_scene_begin(struct wait_scene *f, uint32_t tid, uint64_t mono_ns, uint64_t offset,
		      bool late)
{
	struct sample *sample = wait_scene_make(WIRE_WAIT_BEGIN, tid, mono_ns);

	sample->user_stop = WIRE_STOP_END;
	sample->n_user = 1;
	sample->user[0] = (struct sample_frame){.kind = LOCATION_FILE, .addr = CODE + offset};
	sample->late = late;
	wait_scene_add(f, sample);
}

void wait_scene_end(struct wait_scene *f, uint32_t tid, const struct wire_wait *wait)
{
	struct sample *sample = wait_scene_make(
		WIRE_WAIT_END, tid, wait->begin_mono_ns + wait->blocked_ns + wait->runq_ns);

	sample->value = wait->blocked_ns + wait->runq_ns - wait->charged_ns;
	sample->wait = *wait;
	wait_scene_add(f, sample);
}

void wait_scene_pass(struct wait_scene *f, uint32_t tid, const struct wire_ledger *ledger)
{
	struct sample *sample = wait_scene_make(WIRE_LEDGER, tid, f->begin_ns + S - 1);

	sample->ledger = *ledger;
	wait_scene_add(f, sample);
}

void wait_scene_next_bucket(struct wait_scene *f)
{
	bucket_free(f->bucket);
	assert_int_equal(bucket_new(&f->bucket), 0);
	f->begin_ns += S;
}

const struct profile_bucket *wait_scene_finish(struct wait_scene *f)
{
	const struct bucket_head head = {.duration_ns = S};

	assert_int_equal(attribution_finish(f->attribution, f->bucket, &head), 0);
	return bucket_profile(f->bucket);
}

const struct profile_row *wait_scene_find(const struct profile_bucket *p, enum sample_type type)
{
	const struct profile_row *found = NULL;

	for (uint32_t i = 0; i < p->n_rows; i++)
		if (p->rows[i].type == type) {
			assert_null(found);
			found = &p->rows[i];
		}
	assert_non_null(found);
	return found;
}

const struct profile_location *wait_scene_leaf(const struct profile_bucket *p, uint32_t stack)
{
	return &p->locations[p->stack_locations[p->stacks[stack].first]];
}

struct wait_class wait_scene_class_of(const struct profile_row *row)
{
	struct wait_class class;

	assert_int_equal(wait_class_unpack(row->bin, &class), 0);
	return class;
}
