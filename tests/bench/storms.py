# SPDX-License-Identifier: GPL-2.0-or-later
"""Loads that do little else than switch, and how fast they were."""
import os
import re
import subprocess

SECONDS = 2


class PinnedPipe:
    """Two processes on one CPU that wake one another: two switches an operation."""

    name = "pipe"

    def __init__(self):
        self.loops = 50000
        self.loops = int(self.run() * SECONDS)

    def run(self):
        """Operations a second."""
        output = subprocess.run(
            ["taskset", "-c", "0", "perf", "bench", "-f", "simple", "sched", "pipe", "-l",
             str(self.loops)], check=True, stdout=subprocess.PIPE, timeout=600).stdout
        return self.loops / float(output)


class Stress:
    """Two stressors of a kind, on any CPU."""

    def __init__(self, kind, scratch):
        self.name = f"stress_{kind}"
        self.command = ["stress-ng", f"--{kind}", "2", "--timeout", f"{SECONDS}s",
                        "--metrics-brief", "--temp-path", scratch]
        self.results = os.path.join(scratch, f"{kind}.yaml")

    def run(self):
        subprocess.run([*self.command, "--yaml", self.results], check=True, timeout=600,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(self.results, encoding="utf-8") as file:
            rate = re.search(r"bogo-ops-per-second-real-time: ([\d.]+)", file.read())
        os.unlink(self.results)
        if rate is None:
            raise RuntimeError(f"{self.name}: stress-ng tells no rate")
        return float(rate[1])


def storms(scratch):
    return [PinnedPipe()] + [Stress(kind, scratch) for kind in ("switch", "pipe", "futex")]
