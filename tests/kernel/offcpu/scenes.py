# SPDX-License-Identifier: GPL-2.0-or-later
"""What is run below profd, in the small size or with PROFD_TEST_FULL in the full one."""
import os
import pathlib
import subprocess
import sys

from recorder import Scene

FULL = os.environ.get("PROFD_TEST_FULL") is not None
WORKLOADS = pathlib.Path(os.environ["WORKLOADS"]).resolve()
SWITCH_SUM = os.environ["SWITCH_SUM"]

WAIT_S = 30 if FULL else 7
BLOCK_S = 5.6
HANG_S = 30 if FULL else 5
GATED_S = 2
DISK_S = 10 if FULL else 5
FILE_MB = 512 if FULL else 64
STOPS = 10 if FULL else 4
MIXED_S = 30 if FULL else 8
CPU_S = 30 if FULL else 10
THREADS = 10000 if FULL else 1000
MEMORY_MB = 1500 if FULL else 200
BUSY_S = 10 if FULL else 4

SHORT_S = 20 if FULL else 6
LONGEST_S = max(WAIT_S, MIXED_S, SHORT_S) + 10

# Few enough that profd takes a stack of each long wait, beside those that it draws.
LONG = ["timer20", f"block:{BLOCK_S}", "join", "mutex", "pipew", "socket", "poll"]
# The second takes its share of the draws.
MIXED = ["mixed", "timer1"]
SHORT = ["timer1", "pipe", "tcp", "epoll", "spin"]
# Scenes whose switches are summed beside.
SUMMED = ["long", "short", "mixed", "disk", "hang", "gated", "busy"]
# A few of what stress-ng can do that differ for a scheduler.
STRESS = ["stress-ng", "--quiet", "--switch", "2", "--futex", "1", "--pipe", "1", "--cpu", "1",
          "--timer", "1", "--fork", "1", "--yield", "1", "--timeout", "600s"]
# Its own code and the kernel's in turn, for CPU_S of CPU time.
BURNER = [sys.executable, "-S", "-c", f"""
import os, time
zeros = os.open("/dev/zero", os.O_RDONLY)
while time.process_time() < {CPU_S}:
    os.read(zeros, 1 << 20)
    sum(range(10000))
"""]


def workload(name):
    return str(WORKLOADS / name)


def write_file(path):
    """A file of which nothing stays in memory."""
    subprocess.run(["dd", "if=/dev/urandom", f"of={path}", "bs=1M", f"count={FILE_MB}",
                    "conv=fsync", "status=none"], check=True)
    with open(path, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return path


def run_all_scenes(directory, profd):
    """{name: scene}. In this order: what makes profd draw the least comes last, because it needs
    some time to draw more again."""
    file = write_file(directory / "file")

    def summed(name, *command, beside=None):
        return Scene(name, [SWITCH_SUM, LONGEST_S, profd.process.pid, directory / name, *command],
                     beside)

    scenes = [
        summed("long", workload("waiter"), WAIT_S, *LONG),
        summed("short", workload("waiter"), SHORT_S, *SHORT),
        summed("mixed", workload("waiter"), MIXED_S, *MIXED),
        Scene("stopped", [workload("stopper"), STOPS]),
        Scene("cpu", BURNER),
        Scene("cpu too", BURNER),
        Scene("threads", [workload("short_lives"), "threads", THREADS]),
        Scene("memory", [workload("short_lives"), "memory", MEMORY_MB]),
        summed("disk", workload("disk_waiter"), DISK_S, file),
        summed("hang", workload("waiter"), HANG_S + 2, f"hang:{HANG_S}"),
        summed("gated", workload("waiter"), 4, "storm:0", "storm:1", f"block:{GATED_S}"),
        summed("busy", workload("waiter"), BUSY_S, "timer1", "spin", "pipe",
              beside=[[*STRESS, "--temp-path", str(directory)]]),
    ]
    for scene in scenes:
        if scene.name == "cpu":
            scene.run_beside(scenes[scenes.index(scene) + 1])
        elif scene.name != "cpu too":
            scene.run()
    return {scene.name: scene for scene in scenes}
