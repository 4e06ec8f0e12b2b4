// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * offcpu.bpf.c - the off-CPU collector: at each switch, what stops running may be drawn, and then
 * its stacks are sent; what runs again has its wait measured, and sent when it was drawn or long.
 *
 * The probability is fixed when the thread stops, from its own history, before anybody knows how
 * long it will wait: so an estimate that weights each drawn wait by 1/q is unbiased for every
 * stack. It is a power of two, so that nothing is divided here, and so that a row of the store
 * tells how many samples it has. Waits of WIRE_LONG_WAIT_NS and more are all sent, and count once.
 *
 * On a CPU with too many switches for that the gate is shut: the coin comes first, and a thread's
 * storage is touched only when it was drawn, ran for long, or waits uninterruptibly. Long waits are
 * found by when the thread last came to a CPU.
 */
#include "emit.bpf.h"
#include "ledger_record.bpf.h"

#define LONG_SHIFT	23
#define WEIGHT_MAX	15
#define WINDOW_NS	100000000ull
#define MULTIPLIER_ONE	1024u
#define MULTIPLIER_MAX	(1u << 23)
#define LONG_STRETCH_NS (1ull << 17) /* on the CPU: not neglected beside a long wait */
#define PENDING_SLOTS	32768

_Static_assert(1ull << LONG_SHIFT == WIRE_LONG_WAIT_NS, "a long wait is a power of two");

/* All set before loading. */
const volatile __u32 captures_a_window = 5;  /* per CPU and 100 ms */
const volatile __u32 stacks_a_window = 20;   /* of long waits that were not drawn */
const volatile __u32 records_a_window = 100; /* of the same, with or without a stack */
const volatile __u32 switch_frames_max = 128;
const volatile __u32 has_prev_state = 0; /* the tracepoint's fourth argument, since 5.18 */

/* The gate: shut above so many switches a second and CPU, open again below. */
const volatile __u32 gate_shut_hz = 15000;
const volatile __u32 gate_open_hz = 12000;

/* Frames of this program and the tracepoint above __schedule(), as seen. */
__u32 frames_above = 0;

/* Which threads were drawn, so that behind the gate others need no look at their storage. */
__u8 pending[PENDING_SLOTS];

extern const void __schedule __ksym __weak;
#define SCHEDULE_BYTES 8192 /* more than the function is long */

struct switch_cpu {
	__u64 window_clock_ns;
	__u32 random;
	__u32 multiplier;			   /* of q, in 1/MULTIPLIER_ONE */
	__u32 captures, stacks, records, switches; /* in this window */
	__u32 gate_shift; /* 0: open; else how many bits of a coin must be 0 for a look */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct switch_cpu);
} switch_cpus SEC(".maps");

/* ---- when to look ---- */

static __always_inline __u32 log2_of(__u64 x)
{
	__u32 n = 0;

	if (x >> 32) {
		n += 32;
		x >>= 32;
	}
	if (x >> 16) {
		n += 16;
		x >>= 16;
	}
	if (x >> 8) {
		n += 8;
		x >>= 8;
	}
	if (x >> 4) {
		n += 4;
		x >>= 4;
	}
	if (x >> 2) {
		n += 2;
		x >>= 2;
	}
	return n + (x >> 1);
}

/* Marsaglia, "Xorshift RNGs" (2003); bpf_get_prandom_u32() is a call and costs five times as much.
 */
static __always_inline __u32 next_random(struct switch_cpu *cpu)
{
	__u32 x = cpu->random;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	cpu->random = x;
	return x;
}

/* The multiplier follows what the last window took. */
static __always_inline void set_multiplier(struct switch_cpu *cpu)
{
	__u32 captures = cpu->captures, m = cpu->multiplier;

	if (!cpu->random) {
		cpu->random = bpf_get_prandom_u32() | 1;
		m = MULTIPLIER_ONE;
	} else if (captures * 2 < captures_a_window) {
		m *= 2;
	} else {
		m = (__u64)m * captures_a_window / (captures | 1);
	}
	cpu->multiplier = !m ? 1 : m > MULTIPLIER_MAX ? MULTIPLIER_MAX : m;
}

/* Shut, it lets as many switches through as may be captured. */
static __always_inline void set_gate(struct switch_cpu *cpu, __u64 window_ns)
{
	__u64 window_us = window_ns / 1000 | 1, hz = cpu->switches * 1000000ull / window_us;
	__u32 shift;

	if (hz < (cpu->gate_shift ? gate_open_hz : gate_shut_hz)) {
		cpu->gate_shift = 0;
		return;
	}
	shift = log2_of(hz / (captures_a_window * 10 | 1));
	cpu->gate_shift = shift < 1 ? 1 : shift > WEIGHT_MAX ? WEIGHT_MAX : shift;
}

static __attribute__((noinline)) int begin_window(struct switch_cpu *cpu, __u64 clock_ns)
{
	__u32 zero = 0;
	struct switch_clock *clocks = bpf_map_lookup_elem(&switch_clocks, &zero);

	if (!cpu)
		return 0;
	set_multiplier(cpu);
	set_gate(cpu, clock_ns - cpu->window_clock_ns);
	cpu->captures = cpu->stacks = cpu->records = cpu->switches = 0;
	cpu->window_clock_ns = clock_ns;
	if (clocks) {
		clocks->mono_less_clock_ns = bpf_ktime_get_ns() - clock_ns;
		if (cpu->gate_shift)
			clocks->gate_until_clock_ns = clock_ns + WINDOW_NS;
	}
	return 0;
}

/* So that a burst is stopped within its window. It changes what later waits are drawn with, never
 * one that was drawn. */
static __always_inline void count_capture(struct switch_cpu *cpu)
{
	__u32 captures = ++cpu->captures;

	if (captures >= 2 * captures_a_window && cpu->multiplier > 1)
		cpu->multiplier -= cpu->multiplier / 4 + 1;
}

/* q as bits of a coin: the least power of two that is not above multiplier * predicted / long. */
static __always_inline __u32 weight_of(const struct switch_cpu *cpu, __u32 predicted_ns)
{
	/* 2^10 for the multiplier's unit. */
	__u32 n = log2_of((__u64)cpu->multiplier * predicted_ns | 1), sure = LONG_SHIFT + 10;

	if (n >= sure)
		return 0;
	return sure - n < WEIGHT_MAX ? sure - n : WEIGHT_MAX;
}

/* ---- what stops running ---- */

/* The kernel stack from __schedule() on: what is above is this program, and changes with it. */
static __always_inline __u32 take_switch_stack(void *ctx, struct emit_scratch *s)
{
	__u64 schedule = (__u64)&__schedule;
	__u32 n, skip = frames_above & BPF_F_SKIP_FIELD_MASK;
	long r = bpf_get_stack(ctx, s->words, WIRE_KERNEL_FRAMES_MAX * sizeof(__u64), skip);

	n = r > 0 ? ((__u32)r / sizeof(__u64)) & WIRE_KERNEL_FRAMES_MAX : 0;
	if (schedule && n && s->words[0] - schedule >= SCHEDULE_BYTES) {
		if (skip) { /* it is not as it was: without, from the next on */
			frames_above = 0;
		} else {
			for (__u32 i = 1; i < 8; i++)
				if (s->words[i] - schedule < SCHEDULE_BYTES) {
					frames_above = i;
					break;
				}
		}
	}
	s->event.n_kernel = n;
	return n;
}

static __attribute__((noinline)) int capture(__u64 *ctx, struct task_struct *prev,
					     __u64 begin_mono_ns)
{
	__u32 slot = WIRE_WAIT_BEGIN, n;
	struct emit_scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	if (!s) {
		count_drop(WIRE_DROP_NO_SCRATCH, 0);
		return 0;
	}
	fill_head(&s->event, WIRE_WAIT_BEGIN, prev, bpf_get_current_cgroup_id(), begin_mono_ns, 0);
	bpf_get_current_comm(s->event.comm, sizeof(s->event.comm));
	n = take_switch_stack(ctx, s);
	n = take_user_stack(ctx, s, prev, NULL, n, switch_frames_max);
	send_record(s, n, wakeup_flag(&s->event));
	return 0;
}

/* Its last switch: what it did since the last pass (sched_process_exit comes too early for that).
 */
static __attribute__((noinline)) int thread_ended(struct task_struct *prev, struct thread *t,
						  __u64 clock_ns)
{
	__u32 slot = WIRE_LEDGER, zero = 0;
	struct switch_clock *clocks = bpf_map_lookup_elem(&switch_clocks, &zero);
	struct emit_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	struct ledger_now now = {.mono_ns = bpf_ktime_get_ns(), .clock_ns = clock_ns};
	struct wire_ledger *l;

	if (!s || !clocks || !t || !prev) {
		count_drop(WIRE_DROP_NO_SCRATCH, 0);
		return 0;
	}
	now.gate_until_clock_ns = clocks->gate_until_clock_ns;
	l = (struct wire_ledger *)s->words;
	fill_head(&s->event, WIRE_LEDGER, prev, thread_cgroup_id(prev), now.mono_ns, 0);
	bpf_get_current_comm(s->event.comm, sizeof(s->event.comm));
	t->out_clock_ns = 0;
	ledger_fill(prev, t, &now, l);
	l->flags |= WIRE_LEDGER_ENDED;
	send_record(s, LEDGER_WORDS, 0);
	return 0;
}

static __always_inline void draw(__u64 *ctx, struct task_struct *prev, struct thread *t,
				 struct switch_cpu *cpu, __u32 weight)
{
	t->weight_log2 = weight;
	t->flags |= THREAD_DRAWN;
	t->begin_mono_ns = bpf_ktime_get_ns();
	count_capture(cpu);
	capture(ctx, prev, t->begin_mono_ns);
	t->capture_ns = bpf_ktime_get_ns() - t->begin_mono_ns;
}

static __always_inline __u32 state_bits(__u64 *ctx, struct task_struct *prev)
{
	return has_prev_state ? (__u32)ctx[3] : thread_state_bits(prev);
}

static __always_inline void stops(__u64 *ctx, struct task_struct *prev, struct switch_cpu *cpu,
				  __u64 clock_ns)
{
	__u32 bits = ctx[0] ? 0 : state_bits(ctx, prev), weight, shift = cpu->gate_shift;
	bool seldom = bits & (KERNEL_TASK_DEAD | KERNEL_TASK_UNINTERRUPTIBLE);
	struct thread *t;

	if (shift) {
		bool heads = !(next_random(cpu) & ((1u << (shift & 15)) - 1));

		if (!heads && !seldom && clock_ns - prev->sched_info.last_arrival < LONG_STRETCH_NS)
			return;
		t = bpf_task_storage_get(&threads, prev, 0, 0);
		weight = heads ? shift : WEIGHT_MAX + 1;
	} else {
		t = bpf_task_storage_get(&threads, prev, 0, 0);
		weight = 0;
	}
	if (!t) {
		count_drop(WIRE_DROP_NO_STORAGE, 0);
		return;
	}
	if (bits & KERNEL_TASK_DEAD) {
		thread_ended(prev, t, clock_ns);
		return;
	}
	t->state = thread_wait_state(prev, bits);
	t->out_clock_ns = t->charged_clock_ns = clock_ns;
	t->flags &= THREAD_STARTED;
	if (t->state == WIRE_STATE_IDLE)
		return;
	if (!shift) {
		weight = weight_of(cpu, t->state == WIRE_STATE_NONE ? t->predicted_runq_ns
								    : t->predicted_ns);
		if (next_random(cpu) & ((1u << weight) - 1))
			return;
	} else if (weight > WEIGHT_MAX) {
		return;
	}
	pending[prev->pid & (PENDING_SLOTS - 1)] = 1;
	draw(ctx, prev, t, cpu, weight);
}

/* ---- what runs again ---- */

struct ended_wait {
	__u64 clock_ns;
	__u64 ns, runq_ns; /* the whole wait, and its end in the queue */
	__u8 gate;
	__u8 state;
};

static __always_inline void fill_wait(struct wire_wait *w, const struct thread *t,
				      const struct ended_wait *e, __u64 charged_ns)
{
	bool is_long = e->ns >= WIRE_LONG_WAIT_NS, drawn = t->flags & THREAD_DRAWN;
	/* While its stacks were taken nothing could end the wait. With that time, a short wait that
	 * was drawn would be several times as long as those it stands for. */
	__u64 capture_ns = drawn && !is_long ? t->capture_ns : 0;
	__u64 blocked_ns = e->ns - e->runq_ns;

	w->begin_mono_ns = t->begin_mono_ns;
	w->blocked_ns = above(blocked_ns, capture_ns);
	w->runq_ns = above(e->runq_ns, above(capture_ns, blocked_ns));
	w->charged_ns = charged_ns;
	w->weight_log2 = is_long ? 0 : t->weight_log2;
	w->state = e->state;
	w->flags = (is_long ? WIRE_WAIT_EXACT : 0) | (drawn ? WIRE_WAIT_DRAWN : 0) |
		   (e->gate ? WIRE_WAIT_GATE : 0);
}

/* Sends the end of a wait. */
static __attribute__((noinline)) int wait_ended(struct task_struct *next, struct thread *t,
						struct switch_cpu *cpu, struct ended_wait *e)
{
	__u32 slot = WIRE_WAIT_END, n = sizeof(struct wire_wait) / sizeof(__u64);
	struct emit_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	__u64 charged_ns = 0, mono_ns = bpf_ktime_get_ns();
	struct wire_wait *w;
	long r;

	if (!s || !next || !t || !cpu || !e) {
		count_drop(WIRE_DROP_NO_SCRATCH, 0);
		return 0;
	}
	w = (struct wire_wait *)s->words;
	if (e->ns >= WIRE_LONG_WAIT_NS && t->out_clock_ns) {
		/* From here on the pass does not charge it any more. */
		__u64 charged = __sync_lock_test_and_set(&t->charged_clock_ns, 0);

		charged_ns = above(charged, t->out_clock_ns);
		if (charged_ns > e->ns - e->runq_ns)
			charged_ns = e->ns - e->runq_ns;
	}
	if (!(t->flags & THREAD_DRAWN)) {
		if (cpu->records >= records_a_window) {
			t->unsent_count++;
			t->unsent_ns += e->ns - e->runq_ns - charged_ns;
			return 0;
		}
		cpu->records++;
		if (!(t->flags & THREAD_STACK_SENT))
			t->begin_mono_ns = mono_ns - e->ns;
	}
	fill_head(&s->event, WIRE_WAIT_END, next, thread_cgroup_id(next), mono_ns,
		  e->ns - charged_ns);
	__builtin_memcpy(s->event.comm, next->comm, sizeof(s->event.comm));
	fill_wait(w, t, e, charged_ns);
	if (!(t->flags & (THREAD_DRAWN | THREAD_STACK_SENT)) && cpu->stacks < stacks_a_window) {
		cpu->stacks++;
		r = bpf_get_task_stack(next, s->words + n, WIRE_KERNEL_FRAMES_MAX * sizeof(__u64),
				       0);
		s->event.n_kernel = r > 0 ? ((__u32)r / sizeof(__u64)) & WIRE_KERNEL_FRAMES_MAX : 0;
		n += s->event.n_kernel;
	}
	send_record(s, n, BPF_RB_NO_WAKEUP);
	return 0;
}

static __always_inline void predict(__u32 *mean_ns, __u64 ns)
{
	__u64 wait = ns < 4 * WIRE_LONG_WAIT_NS ? ns : 4 * WIRE_LONG_WAIT_NS;
	__u64 mean = *mean_ns - *mean_ns / 8 + wait / 8;

	if (ns >= WIRE_LONG_WAIT_NS && mean < WIRE_LONG_WAIT_NS / 2)
		mean = WIRE_LONG_WAIT_NS / 2;
	*mean_ns = mean;
}

static __always_inline void runs(struct task_struct *next, struct switch_cpu *cpu, __u64 clock_ns)
{
	__u64 arrived = next->sched_info.last_arrival, queued = next->sched_info.last_queued;
	struct ended_wait e = {.clock_ns = clock_ns, .gate = cpu->gate_shift != 0};
	__u64 blocked_ns, since;
	struct thread *t;

	if (e.gate && clock_ns - arrived < WIRE_LONG_WAIT_NS) {
		__u8 *slot = &pending[next->pid & (PENDING_SLOTS - 1)];

		if (!*slot)
			return;
		*slot = 0;
	}
	t = bpf_task_storage_get(&threads, next, 0, 0);
	if (!t) {
		count_drop(WIRE_DROP_NO_STORAGE, 0);
		return;
	}
	if (t->out_clock_ns && t->out_clock_ns >= arrived) {
		since = t->out_clock_ns;
		e.state = t->state;
	} else if (arrived) { /* in the gate, and it ran for a moment only */
		since = arrived;
		e.gate = 1;
		e.state = WIRE_STATE_SLEEP;
		t->flags &= THREAD_STARTED;
		t->out_clock_ns = 0;
	} else { /* it is new */
		since = queued ? queued : clock_ns;
		e.state = WIRE_STATE_NONE;
		t->flags &= THREAD_STARTED;
		t->out_clock_ns = 0;
	}
	e.ns = above(clock_ns, since);
	e.runq_ns = queued ? above(clock_ns, queued) : 0;
	if (e.state == WIRE_STATE_NONE || e.runq_ns > e.ns)
		e.runq_ns = e.ns;
	blocked_ns = e.ns - e.runq_ns;
	if (e.ns >= WIRE_LONG_WAIT_NS || t->flags & THREAD_DRAWN) {
		if (e.state != WIRE_STATE_IDLE)
			wait_ended(next, t, cpu, &e);
	}
	t->blocked_ns += blocked_ns;
	if (e.state == WIRE_STATE_IDLE)
		t->idle_ns += blocked_ns;
	if (blocked_ns > t->max_blocked_ns)
		t->max_blocked_ns = blocked_ns;
	if (e.runq_ns > t->max_runq_ns)
		t->max_runq_ns = e.runq_ns;
	if (e.state == WIRE_STATE_NONE)
		predict(&t->predicted_runq_ns, e.ns);
	else
		predict(&t->predicted_ns, e.ns);
	t->out_clock_ns = 0;
}

/* Arguments: preempt, prev, next, and prev_state in newer kernels (include/trace/events/sched.h).
 * The run queue is locked; prev is current. */
SEC("tp_btf/sched_switch")
int offcpu_switch(__u64 *ctx)
{
	struct task_struct *prev = (struct task_struct *)ctx[1];
	struct task_struct *next = (struct task_struct *)ctx[2];
	__u32 zero = 0, prev_pid = prev->pid;
	struct switch_cpu *cpu = bpf_map_lookup_elem(&switch_cpus, &zero);
	__u64 clock_ns = thread_clock_ns(prev_pid ? prev : next);

	if (!cpu)
		return 0;
	cpu->switches++;
	if (clock_ns - cpu->window_clock_ns >= WINDOW_NS)
		begin_window(cpu, clock_ns);
	if (prev_pid)
		stops(ctx, prev, cpu, clock_ns);
	if (next->pid)
		runs(next, cpu, clock_ns);
	return 0;
}

/* A new thread, before it is queued for the first time. */
SEC("tp_btf/task_newtask")
int offcpu_newtask(__u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx[0];
	struct thread *t = bpf_task_storage_get(&threads, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!t) {
		count_drop(WIRE_DROP_NO_STORAGE, 0);
		return 0;
	}
	t->flags = THREAD_STARTED;
	t->base.mono_ns = bpf_ktime_get_ns();
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
