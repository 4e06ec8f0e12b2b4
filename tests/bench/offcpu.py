# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark "offcpu": what is left of a storm of switches, what a switch costs, and how right
the sums are."""
import os
import statistics

import agent
import storms
import switch_tracers
from median import median_with_interval, put

LOAD = ("storms: perf bench sched pipe on CPU 0; stress-ng --switch 2, --pipe 2, --futex 2; each "
        "{pairs} times without anything, with an empty program, with profd and with offcputime")
COUNTED = ("kept: operations a second / those without anything in the same turn; median, with its "
           "95 % interval. ns: run time of the BPF program (kernel.bpf_stats_enabled) / runs, less "
           "that of the empty program")
GOALS = {"below_empty_max_points": 8, "net_ns_per_switch": 110, "net_ns_gate": 30,
         "mixed_cpu_pct": 0.6, "ledger_5000_ms": 10, "ledger_error_max_pct": 2}
FLOORS = {"kept_pipe": 0.90, "kept_min_low": 0.85}


def tracers(arguments, scratch):
    """name -> a context of it; a new store each time."""
    count = iter(range(1 << 30))
    return {
        "nothing": switch_tracers.nothing,
        "empty": lambda: switch_tracers.switch_cost(arguments.build, "empty"),
        "profd": lambda: switch_tracers.profd(arguments.build,
                                              os.path.join(scratch, f"store{next(count)}")),
        "offcputime": switch_tracers.offcputime,
    }


def turn(storm, contexts, number):
    """One run of a storm below each, each time another one first: {name: operations a second}."""
    names = list(contexts)
    rates = {}
    for name in names[number % len(names):] + names[:number % len(names)]:
        with contexts[name]():
            rates[name] = storm.run()
    return rates


def measure_storms(arguments, scratch, figures):
    contexts = tracers(arguments, scratch)
    lows, below = [], []
    for storm in storms.storms(scratch):
        turns = [turn(storm, contexts, n) for n in range(arguments.pairs)]
        figures[f"{storm.name}_per_s"] = statistics.median(t["nothing"] for t in turns)
        for name in ("empty", "profd", "offcputime"):
            key = f"kept_{storm.name}" + ("" if name == "profd" else f"_{name}")
            put(figures, key, [t[name] / t["nothing"] for t in turns])
        lows.append((figures[f"kept_{storm.name}"], figures[f"kept_{storm.name}_low"]))
        below.append(100 * median_with_interval(
            [(t["empty"] - t["profd"]) / t["nothing"] for t in turns])[0])
    figures["kept_min"], figures["kept_min_low"] = min(low[0] for low in lows), \
        min(low[1] for low in lows)
    figures["below_empty_max_points"] = max(below)


def measure(arguments, scratch):
    figures = {}
    measure_storms(arguments, scratch, figures)
    return figures
