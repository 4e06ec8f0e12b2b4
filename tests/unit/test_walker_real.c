// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_walker_real.c - the walker on the stacks of the test itself, which is built without frame
 * pointers: by the rows of all its files it finds what the C runtime's own unwinder finds, frame by
 * frame and down to the same end.
 *
 * Registers are taken by getcontext(). Memory is the test's own, and once more what was recorded of
 * it, when all those frames are gone.
 */
#include "walker_scene.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unwind.h>

#include <cmocka.h>

#define FRAMES_MAX   256
#define RECORD_BYTES 65536u
#define RECORD_STEP  4096u
#define DEPTH	     20

struct recording {
	struct walker_scene *scene;
	const struct walked_thread *thread;
	/* What the runtime's unwinder says; a frame that a signal interrupted is tagged. */
	uint64_t frames[FRAMES_MAX];
	uint32_t n;
	/* What the walker says, there and then. */
	struct walked walked;
	/* For walking it again. */
	uint8_t stack[RECORD_BYTES];
	struct walked_region region;
};

/* A handler and a callback of qsort() have no other way to know it. */
static struct recording *recording;
static volatile unsigned long sink;

/* ---- what is recorded ---- */

static _Unwind_Reason_Code note_frame(struct _Unwind_Context *context, void *ctx)
{
	struct recording *r = ctx;
	int is_exact = 0;
	uint64_t ip = _Unwind_GetIPInfo(context, &is_exact);

	if (ip && r->n < FRAMES_MAX)
		r->frames[r->n++] = ip | (is_exact ? WIRE_FRAME_EXACT : 0) << WIRE_FRAME_SHIFT;
	return _URC_NO_REASON;
}

static void note_registers(struct walked *w, const ucontext_t *context)
{
	const greg_t *g = context->uc_mcontext.gregs;
	static const int by_dwarf[WALKED_REGISTERS] = {
		REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP,
		REG_R8,	 REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

	for (uint32_t i = 0; i < WALKED_REGISTERS; i++)
		w->registers[i] = (uint64_t)g[by_dwarf[i]];
	w->ip = (uint64_t)g[REG_RIP];
}

/* As much of the stack as there is. */
static void note_stack(struct recording *r)
{
	uint64_t start = r->walked.registers[WALKED_SP];

	r->region = (struct walked_region){.start = start, .bytes = r->stack};
	while (r->region.n < RECORD_BYTES) {
		uint64_t from = start + r->region.n;
		size_t n = RECORD_STEP - from % RECORD_STEP;
		struct iovec local = {r->stack + r->region.n, n};
		struct iovec remote = {(void *)(uintptr_t)from, n};

		if (n > RECORD_BYTES - r->region.n ||
		    process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != (ssize_t)n)
			break;
		r->region.n += n;
	}
}

__attribute__((noinline)) static void record(struct recording *r)
{
	ucontext_t context;

	r->walked = (struct walked){.maps = r->scene->maps,
				    .thread = *r->thread,
				    .mono_ns = r->scene->now_mono_ns,
				    .end = FRAMES_MAX};
	r->n = 0;
	assert_int_equal(getcontext(&context), 0);
	note_registers(&r->walked, &context);
	walked_walk(&r->walked);
	note_stack(r);
	_Unwind_Backtrace(note_frame, r);
	sink++;
}

/* Both are in the same function at the leaf, though not at the same place. */
static void expect_same(const struct recording *r, const struct walked *w)
{
	for (uint32_t i = 1; i < r->n && i < w->n; i++)
		if (w->words[i] != r->frames[i])
			fail_msg("frame %u is %#llx and not %#lx", i, w->words[i], r->frames[i]);
	assert_int_equal(w->stop, WIRE_STOP_END);
	assert_int_equal(w->n, r->n);
}

static void expect_recorded(struct recording *r, uint32_t n_at_least)
{
	assert_in_range(r->n, n_at_least, FRAMES_MAX - 1);
	expect_same(r, &r->walked);
}

/* Once more by the recording, through the other reader of memory and the bounded loop. */
static void expect_replayed(struct recording *r)
{
	r->walked.regions = &r->region;
	r->walked.n_regions = 1;
	walked_walk(&r->walked);
	expect_same(r, &r->walked);
	r->walked.of_task = r->walked.no_bpf_loop = true;
	walked_walk(&r->walked);
	expect_same(r, &r->walked);
}

/* ---- tables of all that is mapped ---- */

static char *read_own_maps(size_t *ret_len)
{
	_cleanup_close_ int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	char *text = malloc(1 << 20);
	ssize_t n;

	assert_true(fd >= 0);
	assert_non_null(text);
	*ret_len = 0;
	while ((n = read(fd, text + *ret_len, (1 << 20) - *ret_len)) > 0)
		*ret_len += (size_t)n;
	return text;
}

/* The mappings of a file have its number in common. */
static uint32_t number_of(const struct mappings *m, size_t at)
{
	const char *path = mappings_path(m, &m->entries[at]);

	for (size_t i = 0; i < at; i++)
		if (m->entries[i].kind == MAPPING_FILE &&
		    strcmp(mappings_path(m, &m->entries[i]), path) == 0)
			return (uint32_t)i + 1;
	return (uint32_t)at + 1;
}

static void load_file(struct walker_scene *s, uint32_t number, const char *path)
{
	struct unwind_table *table = calloc(1, sizeof(*table));
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_non_null(table);
	assert_true(fd >= 0);
	assert_int_equal(unwind_table_read(fd, table), 0);
	assert_int_not_equal(table->n_rows, 0);
	(void)scene_load(s, number, table);
}

static void load_own_files(struct walker_scene *s, const struct walked_thread *thread)
{
	struct mappings m;
	size_t len;
	_cleanup_free_ char *text = read_own_maps(&len);

	assert_int_equal(mappings_parse(text, len, &m), 0);
	for (size_t i = 0; i < m.n; i++) {
		if (m.entries[i].kind != MAPPING_FILE)
			continue;
		m.entries[i].file = number_of(&m, i);
		if (m.entries[i].file == i + 1)
			load_file(s, (uint32_t)i + 1, mappings_path(&m, &m.entries[i]));
	}
	assert_int_equal(scene_publish(s, thread, m.entries, m.n), 0);
	mappings_done(&m);
}

static struct walker_scene own_scene;
static const struct walked_thread own_thread = {
	.pid = 42, .exec_id = 1, .start_boot_ns = 5, .start_code = 6};

static int setup(void **state)
{
	/* It is loaded when it is first used, and has to be mapped before its rows are read. */
	struct recording nothing = {};

	(void)state;
	_Unwind_Backtrace(note_frame, &nothing);
	walker_scene_begin(&own_scene, 4 * UNWIND_SLAB_WORDS);
	load_own_files(&own_scene, &own_thread);
	recording = calloc(1, sizeof(*recording));
	assert_non_null(recording);
	recording->scene = &own_scene;
	recording->thread = &own_thread;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(recording);
	walker_scene_end(&own_scene);
	return 0;
}

/* ---- stacks ---- */

__attribute__((noinline)) static unsigned long descend(unsigned int depth)
{
	volatile unsigned long levels[11] = {depth};

	if (depth)
		levels[1] = descend(depth - 1);
	else
		record(recording);
	return levels[0] + levels[1];
}

/* A frame whose size nobody knows before: by rbp even here. */
__attribute__((noinline)) static unsigned long descend_variable(unsigned int depth)
{
	volatile char *room = __builtin_alloca(depth * 24 + 1);

	room[0] = (char)depth;
	return descend(depth) + (unsigned long)room[0];
}

/* A frame that is aligned: its CFA is in memory. */
__attribute__((noinline)) static unsigned long descend_aligned(unsigned int depth)
{
	volatile _Alignas(64) char room[64];
	volatile char *more = __builtin_alloca(depth * 40 + 1);

	room[0] = more[0] = (char)depth;
	return descend_variable(depth) + (unsigned long)room[0] + (unsigned long)more[0];
}

static void test_frames_of_all_sizes(void **state)
{
	(void)state;
	sink += descend_aligned(DEPTH);
	expect_recorded(recording, DEPTH + 5);
	expect_replayed(recording);
}

static int compare(const void *a, const void *b)
{
	(void)a;
	(void)b;
	sink += descend_variable(3);
	return 0;
}

static void test_callback(void **state)
{
	int numbers[] = {3, 2, 1};

	(void)state;
	qsort(numbers, ARRAY_SIZE(numbers), sizeof(numbers[0]), compare);
	expect_recorded(recording, 9);
	expect_replayed(recording);
}

static void on_signal(int signal)
{
	(void)signal;
	sink += descend(2);
}

static void raise_with(int flags)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags}, before;

	assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
}

static uint32_t count_exact(const struct recording *r)
{
	uint32_t n = 0;

	for (uint32_t i = 1; i < r->n; i++)
		n += r->frames[i] >> WIRE_FRAME_SHIFT == WIRE_FRAME_EXACT;
	return n;
}

static void test_signal(void **state)
{
	(void)state;
	raise_with(0);
	expect_recorded(recording, 9);
	assert_int_equal(count_exact(recording), 1);
	expect_replayed(recording);
}

static void test_signal_on_its_own_stack(void **state)
{
	stack_t other = {.ss_size = 256 << 10}, before;

	(void)state;
	other.ss_sp = malloc(other.ss_size);
	assert_non_null(other.ss_sp);
	assert_int_equal(sigaltstack(&other, &before), 0);
	raise_with(SA_ONSTACK);
	assert_int_equal(sigaltstack(&before, NULL), 0);
	free(other.ss_sp);
	expect_recorded(recording, 9);
	assert_int_equal(count_exact(recording), 1);
}

static void *in_thread(void *ctx)
{
	sink += descend(*(const unsigned int *)ctx);
	return NULL;
}

static void test_thread(void **state)
{
	unsigned int depth = DEPTH;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, in_thread, &depth), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	expect_recorded(recording, DEPTH + 4);
	expect_replayed(recording);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames_of_all_sizes),
		cmocka_unit_test(test_callback),
		cmocka_unit_test(test_signal),
		cmocka_unit_test(test_signal_on_its_own_stack),
		cmocka_unit_test(test_thread),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
