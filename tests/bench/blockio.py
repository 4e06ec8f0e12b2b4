# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark "blockio": what is left of a storm of block I/O, what an I/O costs, and how right
the sums are."""
import contextlib
import itertools
import json
import os
import statistics
import subprocess
import time

import agent
import fio
import switch_tracers
from block_devices import Loop, SlowLoop, Zram, done, done_quietly
from median import put

LOAD = ("storm: fio libaio, queue depth 32, direct random reads of 4 KiB from a loop device on a "
        "file in memory, {pairs} times without anything, with profd that looks at nothing but CPUs "
        "and block I/O, and with biolatency. errors: direct, buffered, merged and synced reads and "
        "writes of that and of a zram, and reads of a loop device on a slow file (FUSE)")
COUNTED = ("kept: I/Os a second (median of 3 storms of 1 s) / those without anything in the same "
           "turn; median, with its 95 % interval. ns: run time of profd's block I/O programs "
           "(kernel.bpf_stats_enabled) less that of an empty program (at the switch, below the "
           "same load) a run, / I/Os; median of 7. errors, against /proc/diskstats: count, bytes; "
           "mean, of the mean total time of each device with requests and operation with 1 s of it "
           "or more")
GOALS = {"net_ns_per_io": 350, "count_error": 0, "bytes_error": 0, "mean_error": 2}
FLOORS = {"kept_qd32": 0.90}

CONFIGURATION = "[offcpu]\nenabled = no\n[blockio]\nenabled = yes\n"
DEVICE_BYTES = 256 << 20
STORMS, STORM_S = 3, 1
COST_TURNS, COST_S = 7, 2
ERRORS_S = 4
LEAST_MS = 1000

QD32 = ["--ioengine=libaio", "--iodepth=32", "--direct=1", "--bs=4k", "--rw=randread"]
PSYNC = ["--ioengine=psync", "--direct=1", "--bs=4k", "--rw=randread"]
KINDS = [
    QD32,
    ["--ioengine=io_uring", "--iodepth=16", "--direct=1", "--bs=4k", "--rw=randrw"],
    ["--ioengine=psync", "--direct=1", "--bs=64k", "--rw=write"],
    ["--ioengine=libaio", "--iodepth=64", "--iodepth_batch=32", "--direct=1", "--bs=4k",
     "--rw=write"],
    ["--ioengine=psync", "--bs=16k", "--rw=randrw", "--fsync=16"],
]


def rate(device, seconds, *options):
    """I/Os a second, of either direction."""
    job = fio.run([device], *options, "--time_based", f"--runtime={seconds}")[0]
    return job["read"]["iops"] + job["write"]["iops"]


@contextlib.contextmanager
def profd(arguments, store):
    with agent.Agent(os.path.join(arguments.build, "daemon", "profd"), store,
                     CONFIGURATION) as running:
        time.sleep(switch_tracers.SETTLE_S)
        yield running


def turn(device, contexts, number):
    """Some storms below each, each time another one first: {name: I/Os a second}."""
    names = list(contexts)
    rates = {}
    for name in names[number % len(names):] + names[:number % len(names)]:
        with contexts[name]():
            rates[name] = statistics.median(rate(device, STORM_S, *QD32) for _ in range(STORMS))
    return rates


def measure_storm(arguments, scratch, figures):
    count = itertools.count()
    contexts = {
        "nothing": switch_tracers.nothing,
        "profd": lambda: profd(arguments, os.path.join(scratch, f"store{next(count)}")),
        "biolatency": lambda: switch_tracers.bpf_tool("biolatency", "3600"),
    }
    with Loop(DEVICE_BYTES) as device:
        fio.run([device], "--rw=write", "--bs=1M")  # all of the file is there
        turn(device, contexts, 0)  # warms up
        turns = [turn(device, contexts, n) for n in range(arguments.pairs)]
    figures["qd32_per_s"] = statistics.median(t["nothing"] for t in turns)
    put(figures, "kept_qd32", [t["profd"] / t["nothing"] for t in turns])
    put(figures, "kept_qd32_biolatency", [t["biolatency"] / t["nothing"] for t in turns])


def programs(running):
    """Run time and runs of profd's programs for block I/O."""
    own = [entry for entry in running.own_objects("prog") if entry["name"].startswith("blockio_")]
    return (sum(entry.get("run_time_ns", 0) for entry in own),
            sum(entry.get("run_cnt", 0) for entry in own))


def empty_ns(build, device):
    with switch_tracers.switch_cost(build, "empty") as (answer, mark):
        mark()
        rate(device, COST_S, *QD32)
    (first_ns, first_runs), (ns, runs) = ([int(word) for word in line.split()[1:]]
                                          for line in answer if line.startswith("cost "))
    return (ns - first_ns) / (runs - first_runs)


def cost(running, device, options, empty):
    """Nanoseconds of an I/O in programs, and how many runs it takes."""
    before, (ns_before, runs_before) = done(device.name), programs(running)
    rate(device, COST_S, *options)
    after, (ns, runs) = done(device.name) - before, programs(running)
    ios = sum(after.ios(op) for op in after.FIRST)
    ns, runs = ns - ns_before, runs - runs_before
    return (ns - runs * empty) / ios, runs / ios


def measure_cost(arguments, scratch, figures):
    with Loop(DEVICE_BYTES) as loop, Zram(DEVICE_BYTES) as zram:
        fio.run([loop, zram], "--rw=write", "--bs=1M")
        empties = [empty_ns(arguments.build, loop) for _ in range(3)]
        empty = figures["empty_ns"] = statistics.median(empties)
        with profd(arguments, os.path.join(scratch, "cost")) as running:
            for name, device, options in (("", loop, QD32), ("_psync", loop, PSYNC),
                                          ("_zram_psync", zram, PSYNC)):
                costs = [cost(running, device, options, empty) for _ in range(COST_TURNS)]
                put(figures, f"net_ns_per_io{name}", [ns for ns, _ in costs])
                figures[f"runs_per_io{name}"] = statistics.median(runs for _, runs in costs)


def seen(arguments, running, store, device, since_s):
    """{operation: [I/Os, bytes, nanoseconds]} as profctl has them, of what the kernel counts."""
    running.flush()
    output = subprocess.run(
        [os.path.join(arguments.build, "cli", "profctl"), "io", "--store", store, "--by", "op",
         "-n", "0", "-S", f"@{since_s}", "-U", f"@{int(time.time()) + 20}", "-o", "json",
         "--device", device.name], check=True, capture_output=True).stdout
    sums = {}
    for row in map(json.loads, output.splitlines()):
        if row["kind"] == "row" and row["op"] in device.COUNTED_AS:
            op = sums.setdefault(device.COUNTED_AS[row["op"]], [0, 0, 0])
            for place, key in enumerate(("ios", "bytes", "total_ns")):
                op[place] += row[key] or 0
    return sums


def difference(now, before):
    return {op: [new - old for new, old in zip(sums, before.get(op, [0, 0, 0]))]
            for op, sums in now.items()}


def compare(device, truth, sums, figures):
    """Adds a device's errors to those of the others; of the means the largest."""
    for op in truth.FIRST:
        ios, n_bytes, total_ns = sums.get(op, [0, 0, 0])
        figures["counted_ios"] += truth.ios(op)
        figures["count_error"] += abs(truth.ios(op) - ios)
        figures["bytes_error"] += abs(truth.bytes(op) - n_bytes)
        if truth.ms(op) < LEAST_MS or ios == 0:
            continue
        error = 100 * abs(total_ns / ios / (truth.ms(op) * 1e6 / truth.ios(op)) - 1)
        name = f"mean_error_{device.name.rstrip('0123456789')}_{op}"
        figures[name] = max(error, figures.get(name, 0))
        # What has no requests is timed by the kernel in ticks of 4 ms and the like.
        if not isinstance(device, Zram):
            figures["mean_error"] = max(error, figures["mean_error"])


def measure_errors(arguments, scratch, figures):
    store = os.path.join(scratch, "errors")
    figures.update(counted_ios=0, count_error=0, bytes_error=0, mean_error=0.0)
    with Loop(DEVICE_BYTES) as loop, Zram(DEVICE_BYTES) as zram, \
            SlowLoop(DEVICE_BYTES) as slow, profd(arguments, store) as running:
        devices = (loop, zram, slow)
        since_s = int(time.time()) - 20
        begin = [done_quietly(device.name) for device in devices]
        before = [seen(arguments, running, store, device, since_s) for device in devices]
        for options in KINDS:
            fio.run([loop, zram], *options, "--time_based", f"--runtime={ERRORS_S}")
        fio.run([slow], *PSYNC, "--time_based", f"--runtime={2 * ERRORS_S}")
        end = [done_quietly(device.name) for device in devices]
        for device, first, last, sums in zip(devices, begin, end, before):
            now = seen(arguments, running, store, device, since_s)
            compare(device, last - first, difference(now, sums), figures)


def measure(arguments, scratch):
    figures = {}
    measure_storm(arguments, scratch, figures)
    with agent.bpf_statistics():
        measure_cost(arguments, scratch, figures)
    measure_errors(arguments, scratch, figures)
    return figures
