# SPDX-License-Identifier: GPL-2.0-or-later
"""Waiting time and the ledger of programs with a known truth, by the real profd on this kernel.

All scenes (scenes.py) run one after the other below one profd; then it is stopped, and what profctl
answers is held against what the programs measured themselves, against the kernel's own counts, and
against a BPF program of the tests' own that sums every switch. PROFD_TEST_FULL: longer and larger.

Each comparison is made a second time with an error of 20 % planted into what profctl answered, and
has to reject it. Only where few samples tell, whose tolerance is five times their standard error,
may that be too wide; what many of them tell together rejects it too.
"""
import json
import math
import pathlib
import re
import sys
import tempfile
import unittest

from recorder import BUCKET_S, Profd
from scenes import BLOCK_S, FULL, GATED_S, HANG_S, SUMMED, THREADS, run_all_scenes
from switch_sum import BLOCKED, Life, SwitchSum

MS = 1000000
PLANTED = 1.2
LEDGER_PART = 0.02
OTHER_NS, OTHER_PART = MS, 0.005
TICK_S = 0.01
CPU_PART = 0.01
BY_SWITCHES_NS = MS
SIGMAS = 5

# scene -> comm -> (reason; expression for a stack, outermost first)
WAITS = {
    "long": {
        "timer20": ("sleep", r"self_main;run_timer20;wait_timer_20ms;.*nanosleep"),
        "block": ("sleep", r"self_main;run_block;wait_b\w+;.*nanosleep"),
        "join": ("lock", r"self_main;run_join;wait_join;.*futex"),
        "mutex": ("lock", r"self_main;run_mutex;.*futex"),
        "pipew": ("pipe write", r"self_main;run_pipe_write;wait_pipe_write;.*pipe_write"),
        "socket": ("socket read", r"self_main;run_socket;wait_socket_read;.*unix_stream"),
        "poll": ("poll", r"self_main;run_poll;wait_poll;.*poll"),
    },
    "short": {
        "timer1": ("sleep", r"self_main;run_timer1;wait_timer_1ms;.*nanosleep"),
        "pipe": ("pipe read", r"self_main;run_pipe;wait_pipe_read;.*pipe_read"),
        "tcp": ("socket read", r"self_main;run_tcp;wait_tcp_read;.*tcp_recvmsg"),
        "epoll": ("poll", r"self_main;run_epoll;(wait_epoll;)?.*epoll_wait"),
    },
}
REASON_LEAST = 0.95
SILENT_MOST = 0.6
STACK_LEAST = 0.99
WHOLE_LEAST = 0.02
MANY = 50  # waits, of which one will be drawn
# Of the waits of 2 and of 5 ms (switch_sum.h).
MIXED_LENGTHS = slice(0, 6), slice(6, None)
TRUNCATED = "[truncated"
USER_PART = r"self_main|read_blocks|touch_pages|run_child"


def is_near(actual, truth, allowed):
    return abs(actual - truth) <= allowed


def tells(error_ns, truth_ns):
    """Whether an estimate of that standard error is close enough to see the planted error."""
    return 2 * SIGMAS * error_ns < (PLANTED - 1) * truth_ns


def blocked_truth_ns(thread):
    return max(0, thread["elapsed_ns"] - thread["cpu_ns"] - thread["runq_ns"])


def part_of(thread, function):
    return next(part for part in thread["parts"] if part["function"] == function)


class Offcpu(unittest.TestCase):
    profd, scenes, sums = None, {}, {}

    def scene(self, name):
        scene = self.scenes[name]
        self.assertIsNone(scene.error)
        return scene

    def threads(self, scene, window=None):
        """{tid: row} of the scene's process."""
        _, rows = self.profd.ask("threads", window or scene.window, "-n", 0, "-p", scene.pid)
        return {row["tid"]: row for row in rows}

    def life(self, scene, truth):
        """What the second measurement has of a thread; of all waits of some scenes nothing is left
        to draws."""
        return self.sums[scene.name].threads[truth["tid"]] if scene.name in self.sums else Life()

    def process(self, scene):
        _, rows = self.profd.ask("stat", scene.window, "-p", scene.pid)
        return next(row for row in rows if row["elapsed_ns"] is not None)

    def near(self, what, actual, truth, allowed, is_seen=True):
        """And not with the planted error, where that is said to be seen."""
        with self.subTest(what):
            self.assertTrue(is_near(actual, truth, allowed),
                            f"{actual / 1e6:.3f} instead of {truth / 1e6:.3f} ms, not within "
                            f"{allowed / 1e6:.3f}")
            if is_seen:
                self.assertFalse(is_near(PLANTED * actual, truth, allowed), "sees no error")

    def nothing(self, what, actual, allowed, of):
        """Where the truth is 0: an error would be a part of something else."""
        self.near(what, actual + of, of, allowed)

    # ---- the ledger ----

    def whole_truth(self, scene, truth):
        """The kernel's count of the run queue lacks what a thread waited that was preempted on its
        way to sleep."""
        if scene.name not in self.sums:
            return truth
        begin_ns = truth["start_mono_ns"]
        runq_ns = self.sums[scene.name].between_ns(truth["tid"], ("runq",), begin_ns,
                                                   begin_ns + truth["elapsed_ns"])
        if runq_ns < truth["runq_ns"] + MS:
            return truth
        return {**truth, "runq_ns": runq_ns}

    def unseen_runq_ns(self, scene, row, truth):
        """A thread lived before and after it looked, and may have had to wait for a CPU then."""
        if scene.name not in self.sums:
            return max(0, row["runq_ns"] - truth["runq_ns"])
        sums, begin_ns = self.sums[scene.name], truth["start_mono_ns"]
        return sums.all_ns(truth["tid"], ("runq",)) - \
            sums.between_ns(truth["tid"], ("runq",), begin_ns, begin_ns + truth["elapsed_ns"])

    def check_ledger(self, scene, row, truth):
        """A thread's whole life."""
        name, elapsed_ns = truth["comm"], truth["elapsed_ns"]
        blocked_ns = blocked_truth_ns(truth)
        late_ns = self.unseen_runq_ns(scene, row, truth)
        self.near(f"{name} elapsed", row["elapsed_ns"] - late_ns, elapsed_ns,
                  5 * MS + 0.005 * elapsed_ns)
        if blocked_ns > elapsed_ns / 10:
            self.near(f"{name} blocked", row["blocked_ns"], blocked_ns,
                      LEDGER_PART * blocked_ns + MS + scene.stolen_ns,
                      10 * scene.stolen_ns < blocked_ns)
        if truth["cpu_ns"] > 20 * MS:
            self.near(f"{name} on a CPU", row["oncpu_ns"], truth["cpu_ns"],
                      LEDGER_PART * truth["cpu_ns"] + MS)
        if truth["runq_ns"] > 100 * MS:
            self.near(f"{name} in the run queue", row["runq_ns"] - late_ns, truth["runq_ns"],
                      LEDGER_PART * truth["runq_ns"] + MS)
        self.near(f"{name} other", row["other_ns"] + elapsed_ns, elapsed_ns,
                  OTHER_NS + OTHER_PART * elapsed_ns + scene.stolen_ns,
                  10 * scene.stolen_ns < elapsed_ns)
        with self.subTest(f"{name} adds up"):
            self.assertEqual(row["user_ns"] + row["system_ns"], row["oncpu_ns"])
            self.assertEqual(row["oncpu_ns"] + row["runq_ns"] + row["blocked_ns"] +
                             row["other_ns"], row["elapsed_ns"])
        for kind in ("voluntary_switches", "involuntary_switches"):
            with self.subTest(f"{name} {kind}"):  # and the one that it asked with, and its last
                self.assertLessEqual(truth[kind], row[kind])
                self.assertLessEqual(row[kind], truth[kind] + 4)

    def check_ledgers(self, scene):
        rows = self.threads(scene)
        for truth in scene.truth["threads"]:
            self.check_ledger(scene, rows[truth["tid"]], self.whole_truth(scene, truth))

    def test_ledger(self):
        for name in ("long", "short", "mixed", "disk", "stopped", "hang", "gated"):
            self.check_ledgers(self.scene(name))

    def check_bucket(self, name, row, sums, interval):
        """A thread's record of one pass against the sum of all its switches over the time that the
        record is of. Returns whether it was blocked for long enough to see the planted error."""
        blocked_ns = sums.between_ns(row["tid"], BLOCKED, *interval)
        runq_ns = sums.between_ns(row["tid"], ("runq",), *interval)
        is_seen = blocked_ns > 10 * BY_SWITCHES_NS
        self.near(f"{name} blocked", row["blocked_ns"], blocked_ns, BY_SWITCHES_NS, is_seen)
        self.near(f"{name} in the run queue", row["runq_ns"], runq_ns, BY_SWITCHES_NS,
                  runq_ns > 10 * BY_SWITCHES_NS)
        self.worst_ns = max(self.worst_ns, abs(row["blocked_ns"] - blocked_ns))
        return is_seen

    def check_by_switches(self, scene):
        """Each bucket of each thread. A thread's records follow one another without a gap from its
        birth on, so that their elapsed times tell when each was made, late or not. Returns how many
        were compared in which the thread was blocked."""
        sums, self.worst_ns, compared = self.sums[scene.name], 0, 0
        self.assertEqual(sums.lost, 0)
        since_ns = {tid: life.birth_mono_ns for tid, life in sums.threads.items()
                    if life.birth_mono_ns}
        for bucket in range(scene.window[0], scene.window[1], BUCKET_S):
            for tid, row in self.threads(scene, (bucket, bucket + BUCKET_S)).items():
                if tid not in since_ns:  # it is older than the measurement
                    continue
                interval = since_ns[tid], since_ns[tid] + row["elapsed_ns"]
                since_ns[tid] = interval[1]
                compared += self.check_bucket(f"{scene.name} {row['comm']} in {bucket}", row, sums,
                                              interval)
        mended = sum(life.mended for life in sums.threads.values())
        print(f"{scene.name}: {compared} records of blocked threads, off by "
              f"{self.worst_ns / 1e6:.3f} ms at most; {mended} moments of the scene were not "
              "told of",
              flush=True)
        return compared

    def test_ledger_by_switches(self):
        self.assertGreater(self.check_by_switches(self.scene("long")), 50)
        self.assertGreater(self.check_by_switches(self.scene("short")), 15)

    def test_spinner(self):
        scene = self.scene("short")
        truth = scene.thread("spin")
        row = self.threads(scene)[truth["tid"]]
        self.nothing("blocked", row["blocked_ns"], 0, truth["elapsed_ns"])
        self.assertEqual(self.sums["short"].until_ns(truth["tid"], BLOCKED,
                                                      2 * truth["start_mono_ns"]), 0)
        self.assertEqual(self.profd.folded(scene.window, "offcpu", "-t", truth["tid"]), [])

    def test_busy_machine(self):
        """Every thread of the machine, and of profd, while other programs stress the scheduler."""
        window = self.scene("busy").window
        _, rows = self.profd.ask("threads", (window[0] + BUCKET_S, window[1] - BUCKET_S),
                                 "-n", 0)
        self.assertGreater(len(rows), 30)
        for row in rows:
            elapsed_ns = row["elapsed_ns"]
            allowed_ns = OTHER_NS + OTHER_PART * elapsed_ns + self.scene("busy").stolen_ns
            self.near(f"{row['comm']} {row['tid']} other", elapsed_ns + row["other_ns"],
                      elapsed_ns, allowed_ns, elapsed_ns > 10 * allowed_ns)
        self.check_ledgers(self.scene("busy"))

    # ---- CPU time of processes ----

    def test_cpu(self):
        """Against /proc/PID/stat, which counts ticks, and schedstat, once it was dead; and wait4().
        Two of them, which have as much CPU time as there is of two CPUs."""
        for scene in self.scene("cpu"), self.scene("cpu too"):
            row = self.process(scene)
            for what, truth_s in (("ticks", scene.stat_cpu_s), ("usage", scene.cpu_s),
                                  ("schedstat", scene.sched_cpu_ns / 1e9)):
                self.near(f"{scene.name} {what}", row["oncpu_ns"], truth_s * 1e9,
                          CPU_PART * truth_s * 1e9)
            for what, actual, truth_s in (("user", row["user_ns"], scene.usage.ru_utime),
                                          ("system", row["system_ns"], scene.usage.ru_stime)):
                self.near(f"{scene.name} {what}", actual, truth_s * 1e9,
                          CPU_PART * scene.cpu_s * 1e9)
            print(f"{scene.name}: {row['oncpu_ns'] / 1e9:.6f} s of {scene.sched_cpu_ns / 1e9:.6f}, "
                  f"user {row['user_ns'] / 1e9:.3f} of {scene.usage.ru_utime:.3f}", flush=True)

    def test_short_lived_threads(self):
        scene = self.scene("threads")
        row = self.process(scene)
        self.near("usage", row["oncpu_ns"], scene.cpu_s * 1e9, 0.01 * scene.cpu_s * 1e9)
        with self.subTest("threads"):
            self.assertEqual(row["threads"], THREADS + 1)
        self.assertEqual(len(self.threads(scene)), THREADS + 1)

    def test_death_with_memory(self):
        scene = self.scene("memory")
        row = self.process(scene)
        self.near("usage", row["oncpu_ns"], scene.cpu_s * 1e9, 0.01 * scene.cpu_s * 1e9)
        self.near("faults", row["minor_faults"] * 1e6, scene.usage.ru_minflt * 1e6,
                  0.01 * scene.usage.ru_minflt * 1e6)
        with self.subTest("peak"):
            self.assertLessEqual(row["peak_rss_bytes"], scene.usage.ru_maxrss * 1024 * 1.01)

    # ---- stacks ----

    def stacks(self, scene, truth):
        """[(stack, weight)] of a thread's waits, from the first bucket on in which none lacks its
        callers: the first samples of a new process are taken before its tables are there."""
        since, until = scene.window
        while since < until:
            first = self.profd.folded((since, since + BUCKET_S), "offcpu", "-t", truth["tid"])
            if first and not any(TRUNCATED in frame for frames, _ in first for frame in frames):
                return [(";".join(frames), weight) for frames, weight in
                        self.profd.folded((since, until), "offcpu", "-t", truth["tid"])]
            since += BUCKET_S
        return []

    def check_waits(self, scene, comm, reason, expression):
        """All of a thread's waits: how much, what for, and where. A long wait that was not drawn
        has a kernel stack only, but for its bucket ends: these do not count for where."""
        truth = scene.thread(comm)
        window, rows = self.profd.ask("latency", scene.window, "-t", truth["tid"], "--by", "reason")
        sampled_ns = window["total_ns"] - window["not_sampled_ns"]
        blocked_ns = blocked_truth_ns(truth)
        error_ns = self.life(scene, truth).error_ns()
        self.near(f"{comm} in all", sampled_ns, blocked_ns,
                  LEDGER_PART * blocked_ns + MS + SIGMAS * error_ns + scene.stolen_ns,
                  tells(error_ns, blocked_ns) and 10 * scene.stolen_ns < blocked_ns)
        # Without a stack, which only so many have in a second, nothing says what it is.
        named_ns = sum(row["total_ns"] for row in rows if row["reason"] == reason)
        silent_ns = sum(row["total_ns"] for row in rows if row["reason"] in ("other", "other D"))
        with self.subTest(f"{comm} reason"):
            self.assertGreaterEqual(
                named_ns / max(1, sampled_ns - silent_ns), REASON_LEAST,
                [(row["reason"], row["total_ns"]) for row in rows])
            self.assertLessEqual(silent_ns / max(1, sampled_ns), SILENT_MOST)
        stacks, is_many = self.stacks(scene, truth), truth["voluntary_switches"] >= MANY
        if is_many:
            self.assertTrue(stacks, f"{comm} has no bucket without a stack that lacks callers")
        stacks_ns = max(1, sum(weight for _, weight in stacks))
        whole = sum(weight for stack, weight in stacks if re.search(USER_PART, stack))
        right = sum(weight for stack, weight in stacks if re.search(expression, stack))
        with self.subTest(f"{comm} stack"):
            self.assertGreaterEqual(right, STACK_LEAST * whole, stacks)
            if is_many:
                self.assertGreaterEqual(whole / stacks_ns, WHOLE_LEAST, stacks)
        all_ns = max(1, sampled_ns)
        print(f"{comm:10} {sampled_ns / 1e9:.3f} s +- {error_ns / 1e9:.3f} of "
              f"{blocked_ns / 1e9:.3f}, {reason} {named_ns / all_ns:.3f}, whole "
              f"{whole / stacks_ns:.3f}, of it right {right / max(1, whole):.4f}", flush=True)
        return sampled_ns, blocked_ns, error_ns

    def off_cpu(self, scene, truth, window):
        """{function: row} of a thread."""
        _, rows = self.profd.ask("top", window, "--event", "offcpu", "-n", 0, "-t", truth["tid"])
        return {row["function"]: row for row in rows}

    def test_mixed(self):
        """Two kinds of short waits in one thread: only samples tell how much of each there was."""
        scene = self.scene("mixed")
        self.check_waits(scene, "mixed", "sleep",
                         r"self_main;run_mixed;wait_mixed_[25]ms;.*nanosleep")
        truth = scene.thread("mixed")
        life, rows = self.life(scene, truth), self.off_cpu(scene, truth, scene.window)
        # What a wait of either kind was longer for than it was blocked.
        more_ns = (sum(part["ns"] for part in truth["parts"]) - blocked_truth_ns(truth)) / \
            sum(part["n"] for part in truth["parts"])
        for part, lengths in zip(truth["parts"], MIXED_LENGTHS):
            actual_ns = rows[part["function"]]["total_ns"]
            expected_ns = part["ns"] - part["n"] * more_ns
            error_ns = life.error_ns(lengths)
            print(f"{part['function']}: {part['n']} waits, {life.expected(lengths):.0f} drawn, "
                  f"{actual_ns / 1e6:.1f} ms of {expected_ns / 1e6:.1f}, standard error "
                  f"{error_ns / 1e6:.1f}", flush=True)
            self.near(part["function"], actual_ns, expected_ns, SIGMAS * error_ns,
                      tells(error_ns, expected_ns))

    def test_waits(self):
        for name, waits in WAITS.items():
            answers = [self.check_waits(self.scene(name), comm, reason, expression)
                       for comm, (reason, expression) in waits.items()]
            sampled_ns, blocked_ns = (sum(answer[i] for answer in answers) for i in range(2))
            error_ns = math.hypot(*(answer[2] for answer in answers))
            print(f"{name}: {sampled_ns / 1e9:.3f} s +- {error_ns / 1e9:.3f} of "
                  f"{blocked_ns / 1e9:.3f}", flush=True)
            self.near(f"{name} together", sampled_ns, blocked_ns,
                      LEDGER_PART * blocked_ns + SIGMAS * error_ns, tells(error_ns, blocked_ns))

    def test_disk(self):
        scene = self.scene("disk")
        self.check_waits(scene, "direct", "disk",
                         r"read_blocks;wait_disk_read;.*(io_schedule|iomap_dio_rw)")
        self.check_waits(scene, "fault", "page fault", r"touch_pages;wait_page_fault;.*fault")

    def test_stopped(self):
        scene = self.scene("stopped")
        truth = scene.thread("stopped")
        self.check_waits(scene, "stopped", "stopped", r"run_child;burn_unless_stopped;")
        part = truth["parts"][0]
        self.near("by the parent", blocked_truth_ns(truth), part["ns"],
                  LEDGER_PART * part["ns"] + scene.stolen_ns,
                  10 * scene.stolen_ns < part["ns"])

    def check_one_wait(self, scene, comm, function, seconds):
        """One long wait: count 1 however many buckets it lasts, all of its time, each bucket its
        part."""
        truth = scene.thread(comm)
        part = part_of(truth, function)
        self.assertEqual(part["n"], 1)
        row = self.off_cpu(scene, truth, scene.window).get(function)
        with self.subTest(f"{comm} {function}"):
            # What the end of its first bucket charges may have a kernel stack only.
            self.assertIsNotNone(row)
            self.assertGreaterEqual(row["total_ns"], part["ns"] - 1.02 * BUCKET_S * 1e9)
            self.assertLessEqual(row["total_ns"], 1.02 * part["ns"])
        _, rows = self.profd.ask("latency", scene.window, "-t", truth["tid"], "--by", "stack")
        mine = [row for row in rows if function in json.dumps(row["stack"])]
        with self.subTest(f"{comm} count"):
            self.assertEqual(sum(row["count"] for row in mine), 1)
            self.assertEqual(sum(row["open_count"] for row in mine), 0)
        longest_ns = max((row["max_ns"] or 0 for row in mine), default=0)
        self.near(f"{comm} max", longest_ns, seconds * 1e9, 0.02 * seconds * 1e9)
        whole_ns, records = 0, []
        for bucket in range(scene.window[0], scene.window[1], BUCKET_S):
            rows = self.off_cpu(scene, truth, (bucket, bucket + BUCKET_S))
            ns = rows[function]["total_ns"] if function in rows else 0
            # A pass may be late: its record is of the time since the one before, and may be in the
            # bucket after the one that the wait ends in.
            row = self.threads(scene, (bucket, bucket + BUCKET_S)).get(truth["tid"])
            elapsed_ns = row["elapsed_ns"] if row else 0
            records.append(elapsed_ns)
            whole_ns += elapsed_ns if abs(ns - elapsed_ns) < 0.02 * elapsed_ns else 0
            with self.subTest(f"{comm} in {bucket}"):
                self.assertLessEqual(ns, 1.02 * max(records[-2:] + [BUCKET_S * 1e9]))
        with self.subTest(f"{comm} whole buckets"):
            # All but what it begins and ends in.
            self.assertGreaterEqual(whole_ns, seconds * 1e9 - 2 * max(records))

    def test_block_over_five_buckets(self):
        self.check_one_wait(self.scene("long"), "block", "wait_block", BLOCK_S)

    def test_hang(self):
        self.check_one_wait(self.scene("hang"), "hang", "wait_hang", HANG_S)

    def test_hang_among_storms(self):
        self.check_one_wait(self.scene("gated"), "block", "wait_block", GATED_S)


def main():
    names = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    with tempfile.TemporaryDirectory(prefix="profd-offcpu-") as temporary:
        directory = pathlib.Path(temporary)
        profd = Profd(directory)
        try:
            Offcpu.scenes = run_all_scenes(directory, profd)
        finally:
            profd.stop()
        Offcpu.profd = profd
        Offcpu.sums = {name: SwitchSum(directory / name) for name in SUMMED}
        print(f"{len(Offcpu.scenes)} scenes{'' if FULL else ' (PROFD_TEST_FULL: longer)'}",
              flush=True)
        unittest.main(argv=sys.argv[:1] + names)


if __name__ == "__main__":
    main()
