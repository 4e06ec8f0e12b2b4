# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark "spine": what profd costs on a busy machine, and how fast profctl top answers."""
import json
import os
import statistics
import subprocess
import time

import agent
import load

LOAD = ("a gcc build, 2 jobs at a time, again and again, and two Python programs, for {seconds} s, "
        "from before the start of profd on")
COUNTED = ("CPU: user and system time of every profd process, start-up included, plus the run time "
           "of its BPF programs (kernel.bpf_stats_enabled), % of one core. Memory: peak of PSS of "
           "every profd process plus memory of its BPF maps. top: wall time of the process, median "
           "of 21, on an hour of store filled from a trace")
GOALS = {"daemon_cpu_pct": 0.5, "memory_mb": 40, "top_10m_ms": 50}

TOP_RUNS = 21
STORE_SECONDS = 3600
FILL_ALLOWANCE_S = 45


def measure_cost(arguments, scratch):
    profd = os.path.join(arguments.build, "daemon", "profd")
    store = os.path.join(scratch, "live")
    with agent.bpf_statistics(), load.Load(scratch), agent.Agent(profd, store) as daemon:
        daemon.watch(arguments.seconds)
        figures = daemon.figures()
    return figures, store


def profctl_json(arguments, store, *options):
    profctl = os.path.join(arguments.build, "cli", "profctl")
    output = subprocess.run([profctl, "top", "--store", store, "-o", "json", *options], check=True,
                            stdout=subprocess.PIPE).stdout
    return json.loads(output.splitlines()[0])


def check_recorded(arguments, store, figures):
    """A profd that records nothing is cheap: say what it has to show for its cost."""
    window = profctl_json(arguments, store, "--since", "1h")
    figures["samples"] = window["samples"]
    figures["lost_s"] = window["lost_ns"] / 1e9
    figures["unnamed_pct"] = 100 * window["unnamed_ns"] / max(1, window["total_ns"])
    figures["store_mb"] = sum(entry.stat().st_size for entry in os.scandir(store)) / 1e6
    if not window["samples"]:
        raise RuntimeError("profd recorded no sample at all; its cost means nothing")


def fill_store(arguments, scratch):
    """Returns a store whose last hour ends now."""
    trace = os.path.join(scratch, "trace.txt")
    with open(trace, "wb") as output:
        tool = ["zstd", "-dc"] if arguments.trace.endswith(".zst") else ["cat"]
        subprocess.run(tool + [arguments.trace], check=True, stdout=output)
    store = os.path.join(scratch, "filled")
    end_s = int(time.time()) + FILL_ALLOWANCE_S
    fill = os.path.join(arguments.build, "tests", "bench", "fill-trace")
    subprocess.run([fill, store, trace, str(end_s), str(STORE_SECONDS)], check=True)
    # The window of --since 10m begins 10 min ago: it is full when the end has come.
    time.sleep(max(0, end_s - time.time()))
    return store


def measure_top(arguments, store, figures):
    profctl = os.path.join(arguments.build, "cli", "profctl")
    command = [profctl, "top", "--since", "10m", "--store", store]
    took_ms = []
    for _ in range(TOP_RUNS):
        start = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        took_ms.append((time.monotonic() - start) * 1000)
    figures["top_10m_ms"] = statistics.median(took_ms)
    figures["top_10m_best_ms"] = min(took_ms)
    window = profctl_json(arguments, store, "--since", "10m")
    figures["top_10m_samples"] = window["samples"]
    if not window["samples"]:
        raise RuntimeError("the filled store has nothing in its last 10 min")


def measure(arguments, scratch):
    figures, store = measure_cost(arguments, scratch)
    check_recorded(arguments, store, figures)
    measure_top(arguments, fill_store(arguments, scratch), figures)
    return figures
