# SPDX-License-Identifier: GPL-2.0-or-later
"""Block I/O by the real profd on this kernel, on devices that are made and removed here.

All scenes (scenes.py) run below one profd; what profctl answers is held against what the kernel
counted (/proc/diskstats), against fio's own account, and against who is known to have done it.
"""
import concurrent.futures
import contextlib
import math
import pathlib
import signal
import sys
import tempfile
import time
import unittest

import fio
from block_devices import Loop, SlowLoop
from recorder import Profd
from scenes import (BLOCK, DEVICE_BYTES, READERS_S, STACKS_PER_S, Scene, read_beyond_end,
                    run_and_remove, run_counted_scenes, run_readers, settle, write_back)

CONFIGURATION = f"[blockio]\nstacks_per_s = {STACKS_PER_S}\n"
# What is drawn of the readers at least: as much as of one CPU. Two of them are twice that.
N_DRAWN = STACKS_PER_S * READERS_S
SLOW_READS = 1500
SETTLED_S = 60
PLANTED = 1.2
SIGMAS = 5
EXACT_LEAST = 0.9
PERCENTILES = {"p50_ns": "50.000000", "p95_ns": "95.000000", "p99_ns": "99.000000"}
SLOW_NS = 200000
MEAN_PART = 0.02


def untold(n):
    """The kernel of some machines that this runs on tells programs nothing of what happens on a CPU
    while a thread of process 1 runs there, about one event of 100,000."""
    return 2 + n // 10000


def is_told(truth, seen):
    """All there was, but for what the kernel does not tell; and nothing else, ever."""
    return 0 <= truth - seen <= untold(truth)


def latency_bin(ns):
    """As schema/wait_class.h has them: two an octave."""
    octave = ns.bit_length() - 1
    return 1 + 2 * octave + (ns >> (octave - 1) & 1)


def is_near_bin(answer_ns, truth_ns):
    """profctl answers with the upper bound of a bin."""
    return abs(latency_bin(answer_ns - 1) - latency_bin(int(truth_ns))) <= 1


def is_near_mean(actual_ns, truth_ns):
    return abs(actual_ns - truth_ns) <= MEAN_PART * truth_ns


def is_near_share(actual, truth, all_of_it):
    """A part of what is known in all, by N_DRAWN draws."""
    share = truth / all_of_it
    return abs(actual / all_of_it - share) <= SIGMAS * math.sqrt(share * (1 - share) / N_DRAWN)


class BlockIo(unittest.TestCase):
    profd, window, scenes, devices, rows = None, (), {}, {}, []
    gone, failed_reads, reads, slow = {}, 0, {}, {}

    def ask(self, command, scene, *arguments):
        return self.profd.ask(command, self.window, "-n", 0, *arguments,
                              "--device", self.devices[scene].name)[1]

    def seen(self, device, op, key):
        """A sum of what is exact, as /proc/diskstats counts it."""
        return sum(row[key] or 0 for row in self.rows
                   if row["device"] == device.name and device.COUNTED_AS.get(row["op"]) == op)

    def check_count(self, scene, op):
        """How many, and of how many bytes. Returns whether nothing is missing at all."""
        truth, device = scene.truth, scene.device
        ios, n_bytes = (self.seen(device, op, key) for key in ("ios", "bytes"))
        missing_bytes = truth.bytes(op) - n_bytes
        with self.subTest(f"{scene.name}: {op}"):
            self.assertTrue(is_told(truth.ios(op), ios),
                            f"{ios} of {n_bytes} bytes instead of {truth.ios(op)} of "
                            f"{truth.bytes(op)}")
            self.assertGreaterEqual(missing_bytes, 0)
            self.assertLessEqual(missing_bytes, untold(truth.ios(op)) * device.largest_bytes)
            if scene.ops:
                self.assertEqual(self.seen(device, op, "errors"), 0)
        return ios == truth.ios(op) and missing_bytes == 0

    def test_counts(self):
        exact = []
        for scene in self.scenes.values():
            with self.subTest(scene.name):
                for op in scene.ops:
                    self.assertGreater(scene.truth.ios(op), 100, "the scene did nothing")
            exact += [self.check_count(scene, op)
                      for op in ("read", "write", "discard", "flush") if scene.truth.ios(op)]
        print(f"{len(exact)} counts, of which {exact.count(True)} lack nothing", flush=True)
        self.assertGreaterEqual(exact.count(True), EXACT_LEAST * len(exact))

    def test_scenes_are_what_they_say(self):
        self.assertGreater(self.scenes["fsync on loop"].truth.ios("flush"), 100)
        merged = self.scenes["merged on loop"].truth
        self.assertGreater(merged.merged("write"), merged.ios("write"))

    def test_devices_that_are_gone(self):
        for name, truth in self.gone.items():
            ios = sum(row["ios"] for row in self.rows
                      if row["device"] == name and row["op"] == "write")
            with self.subTest(name):
                self.assertTrue(is_told(truth, ios), f"{ios} instead of {truth}")

    def test_percentiles(self):
        """fio at depth 1 waits for nothing but the device."""
        rows = self.ask("latency", "slow", "--event", "blockio", "--by", "op")
        row = next(row for row in rows if row["op"] == "read")
        for key, name in PERCENTILES.items():
            truth_ns = self.slow["clat_ns"]["percentile"][name]
            print(f"{key} {row[key]} where fio has {truth_ns}", flush=True)
            with self.subTest(key):
                self.assertGreater(truth_ns, SLOW_NS)
                self.assertTrue(is_near_bin(row[key], truth_ns), f"{row[key]}, not {truth_ns}")
                # Three bins: the answer itself may be one off in the other direction.
                self.assertFalse(is_near_bin(row[key], 3 * truth_ns), "sees no error")
                self.assertFalse(is_near_bin(3 * row[key], truth_ns), "sees no error")

    def test_mean(self):
        """Against the kernel's own sum, which is in milliseconds."""
        scene = self.scenes["slow on loop"]
        truth_ns = scene.truth.ms("read") * 1e6
        actual_ns = self.seen(scene.device, "read", "total_ns")
        self.assertGreater(truth_ns, 1e9)
        self.assertTrue(is_near_mean(actual_ns, truth_ns), f"{actual_ns} instead of {truth_ns}")
        self.assertFalse(is_near_mean(PLANTED * actual_ns, truth_ns), "sees no error")

    def test_readers(self):
        """Who of two it was is known from samples, by which what is exact is divided."""
        found = {row["pid"]: row for row in self.ask("io", "readers", "--by", "process")
                 if row["op"] == "read"}
        all_reads = sum(self.reads.values())
        for pid, truth in self.reads.items():
            row = found[pid]
            print(f"reader {pid}: {row['ios']} reads of {truth}, by {N_DRAWN} samples or more",
                  flush=True)
            with self.subTest(f"{truth} reads"):
                self.assertEqual((row["comm"], row["exact"]), ("fio", False))
                self.assertTrue(is_near_share(row["ios"], truth, all_reads))
                self.assertTrue(is_near_share(row["bytes"] / BLOCK, truth, all_reads))
                self.assertFalse(is_near_share(PLANTED * truth, truth, all_reads),
                                 "sees no error")

    def test_errors(self):
        errors = self.seen(self.devices["broken"], "read", "errors")
        self.assertGreater(self.failed_reads, 100)
        self.assertTrue(is_told(self.failed_reads, errors), f"{errors}, not {self.failed_reads}")

    def test_writeback(self):
        """It is nobody's, or the one's who has it written; not the kernel's thread's."""
        rows = self.ask("io", "writeback", "--by", "process")
        comms = {row["comm"]: row["pid"] for row in rows if row["op"] == "write"}
        self.assertIn("[writeback]", comms)
        self.assertFalse(comms["[writeback]"])
        self.assertFalse([comm for comm in comms if comm and comm.startswith("kworker")])


def run_all(directory, profd, stack):
    begin_s = int(time.time()) - 1
    scenes = run_counted_scenes(stack)
    devices = {name: stack.enter_context(Loop(DEVICE_BYTES))
               for name in ("readers", "broken", "writeback")}
    devices["slow"] = stack.enter_context(SlowLoop(DEVICE_BYTES))
    scenes += [Scene(name, device) for name, device in devices.items()]
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        reads = executor.submit(run_readers, devices["readers"])
        BlockIo.slow = fio.run([devices["slow"]], "--rw=randread", "--bs=4k", "--direct=1",
                               f"--number_ios={SLOW_READS}")[0]["read"]
        BlockIo.reads = reads.result()
    BlockIo.failed_reads = read_beyond_end(devices["broken"])
    mount = directory / "mount"
    mount.mkdir()
    write_back(devices["writeback"], mount)
    BlockIo.gone = run_and_remove(2)
    BlockIo.window = begin_s, int(time.time()) + SETTLED_S
    _, BlockIo.rows = settle(profd, scenes,
                             lambda: profd.ask("io", BlockIo.window, "--by", "op", "-n", 0))
    BlockIo.profd, BlockIo.devices = profd, devices
    BlockIo.scenes = {scene.name: scene for scene in scenes}


def main():
    # An exception removes the devices; the default action would not.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    names = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    with tempfile.TemporaryDirectory(prefix="profd-blockio-") as temporary, \
            contextlib.ExitStack() as stack:
        directory = pathlib.Path(temporary)
        profd = Profd(directory, CONFIGURATION)
        stack.callback(profd.stop)
        run_all(directory, profd, stack)
        unittest.main(argv=sys.argv[:1] + names)


if __name__ == "__main__":
    main()
