# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark "unwind": what a CPU sample costs with rows, hot and cold, and what rows cost."""
import os
import statistics
import subprocess
import tempfile
import time

import agent
import load
from median import put

LOAD = ("hot: a chain of 27 frames through two libraries, 5 kHz on its CPU, with and without frame "
        "pointers in turn, and one of 907; cold: python3.11 and clang -O2, each on a CPU of "
        "its own, 99 Hz; rows: all ELF files below /usr, one process")
COUNTED = ("ns: run time of the BPF program (kernel.bpf_stats_enabled) / runs, profd's whole "
           "sample (walk, head, ring buffer) against one bpf_get_stackid(); median of 15 turns, "
           "ratios within a round, with the 95 % interval of the median")
GOALS = {"hot_ratio": 2.6, "ns_per_frame_deep": 200, "cold_ns_python": 15000,
         "cold_ns_clang": 37000}
FLOORS = {"rows_per_s": 1.5e6}

ROUNDS = 15
HOT_DEPTH, DEEP_DEPTH = 21, 901
FILES = {"libc": "/lib/x86_64-linux-gnu/libc.so.6",
         "libstdcxx": "/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
         "python3.11": "/usr/bin/python3.11", "node": "/usr/bin/node",
         "libLLVM": "/usr/lib/x86_64-linux-gnu/libLLVM-14.so.1"}
PYTHON = ("def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)\n"
          "while True: sorted(range(9), key=lambda x: fib(12) + x)\n")


def walk_cost(arguments, hertz, seconds, rounds, targets):
    """Turns by target: lists of (ns, runs, frames, whole)."""
    tool = os.path.join(arguments.build, "tests", "bench", "walk-cost")
    output = subprocess.run([tool, str(hertz), str(seconds), str(rounds), *targets], check=True,
                            stdout=subprocess.PIPE, timeout=600).stdout.decode()
    turns = [[] for _ in targets]
    for line in output.splitlines():
        number, nanoseconds, runs, frames, whole = line.split()
        if int(runs) == 0:
            raise RuntimeError(f"{targets[int(number)]} was not sampled")
        turns[int(number)].append((float(nanoseconds), int(runs), float(frames), float(whole)))
    return turns


class Running:
    """Programs that run while this holds."""

    def __init__(self, *commands):
        self.commands = commands
        self.processes = []

    def __enter__(self):
        for command in self.commands:
            self.processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                                   stdout=subprocess.DEVNULL))
        time.sleep(1)  # they are executed and have mapped what they need
        return [process.pid for process in self.processes]

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()


def measure_hot(arguments, figures):
    workloads = os.path.join(arguments.build, "tests", "workloads")
    plain, pointers = os.path.join(workloads, "recurse"), os.path.join(workloads, "recurse_fp")
    with Running(["taskset", "-c", "0", plain, str(HOT_DEPTH)],
                 ["taskset", "-c", "1", pointers, str(HOT_DEPTH)],
                 ["taskset", "-c", "0", plain, str(DEEP_DEPTH)]) as pids:
        hot, stackid, deep = walk_cost(arguments, 5000, 0.4, ROUNDS,
                                       [f"rows:{pids[0]}", f"stackid:{pids[1]}", f"rows:{pids[2]}"])
    put(figures, "hot_ns", [turn[0] for turn in hot])
    put(figures, "stackid_ns", [turn[0] for turn in stackid])
    put(figures, "hot_ratio", [a[0] / b[0] for a, b in zip(hot, stackid)])
    put(figures, "ns_per_frame_deep", [turn[0] / turn[2] for turn in deep])
    figures["hot_frames"] = statistics.mean(turn[2] for turn in hot)
    figures["deep_frames"] = statistics.mean(turn[2] for turn in deep)
    figures["hot_whole_pct"] = 100 * statistics.mean(turn[3] for turn in hot)
    figures["deep_whole_pct"] = 100 * statistics.mean(turn[3] for turn in deep)


def write_source(scratch):
    """A source that clang -O2 is busy with for longer than it is measured."""
    path = os.path.join(scratch, "big.c")
    with open(path, "w", encoding="ascii") as file:
        file.write(load.HEAD)
        for n in range(6000):
            file.write(load.FUNCTION.format(n=n, a=n % 97 + 2, b=n, c=n % 40 + 24, call=""))
    return path


def measure_cold(arguments, scratch, figures):
    """99 Hz: between two samples the program itself has had the caches for 10 ms."""
    script = os.path.join(scratch, "cold.py")
    with open(script, "w", encoding="ascii") as file:
        file.write(PYTHON)
    clang = ["taskset", "-c", "1", "clang", "-O2", "-c", write_source(scratch), "-o",
             os.path.join(scratch, "big.o")]
    with Running(["taskset", "-c", "0", "/usr/bin/python3.11", script], clang) as pids:
        python, clang = walk_cost(arguments, 99, 2, 7, [f"rows:{pids[0]}", f"rows:{pids[1]}"])
    for name, turns in (("python", python), ("clang", clang)):
        put(figures, f"cold_ns_{name}", [turn[0] for turn in turns])
        figures[f"cold_frames_{name}"] = statistics.mean(turn[2] for turn in turns)
        figures[f"cold_whole_pct_{name}"] = 100 * statistics.mean(turn[3] for turn in turns)


def dump_rows(arguments, paths):
    tool = os.path.join(arguments.build, "tests", "bench", "dump-rows")
    with tempfile.TemporaryFile() as names:
        names.write("\n".join(paths).encode() + b"\n")
        names.seek(0)
        output = subprocess.run([tool, "-"], stdin=names, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, check=False).stdout.decode()
    return [line.split() for line in output.splitlines()]


def is_elf(path):
    try:
        with open(path, "rb") as file:
            return file.read(4) == b"\x7fELF"
    except OSError:
        return False


def elf_files(top):
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.islink(path) and is_elf(path):
                yield path


def measure_rows(arguments, figures):
    total = dump_rows(arguments, sorted(elf_files("/usr")))[-1]
    for key in ("files", "refused", "rows", "unsupported", "seconds"):
        figures[f"all_{key}"] = float(total[total.index(key) + 1])
    figures["rows_per_s"] = float(total[total.index("rows_per_s") + 1])
    for name, path in FILES.items():
        if not os.path.exists(path):
            continue
        turns = [dump_rows(arguments, [path])[0] for _ in range(5)]
        figures[f"{name}_rows"] = int(turns[0][1])
        figures[f"{name}_bytes"] = int(turns[0][3])
        figures[f"{name}_ms"] = statistics.median(
            float(turn[turn.index("ms") + 1]) for turn in turns)


def measure(arguments, scratch):
    figures = {}
    with agent.bpf_statistics():
        measure_hot(arguments, figures)
        measure_cold(arguments, scratch, figures)
    measure_rows(arguments, figures)
    return figures
