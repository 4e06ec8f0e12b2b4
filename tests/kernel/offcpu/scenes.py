# SPDX-License-Identifier: GPL-2.0-or-later
"""What is run below profd, in the small size or with PROFD_TEST_FULL in the full one."""
import os
import pathlib
import subprocess

from recorder import Scene

FULL = os.environ.get("PROFD_TEST_FULL") is not None
WORKLOADS = pathlib.Path(os.environ["WORKLOADS"]).resolve()
SWITCH_SUM = os.environ["SWITCH_SUM"]

WAIT_S = 30 if FULL else 7
BLOCK_S = 5.6
HANG_S = 30 if FULL else 5
GATED_S = 2
DISK_S = 10 if FULL else 3
FILE_MB = 512 if FULL else 64
STOPS = 10 if FULL else 4
CPU_S = 30 if FULL else 6
THREADS = 10000 if FULL else 1000
MEMORY_MB = 1500 if FULL else 200
BUSY_S = 10 if FULL else 4

SHORT_S = 20 if FULL else 4

# Few enough that profd takes a stack of each long wait, beside those that it draws.
LONG = ["timer20", f"block:{BLOCK_S}", "join", "mutex", "pipew", "socket", "poll"]
SHORT = ["timer1", "pipe", "tcp", "epoll", "spin"]
# A few of what stress-ng can do that differ for a scheduler.
STRESS = ["stress-ng", "--quiet", "--switch", "2", "--futex", "1", "--pipe", "1", "--cpu", "1",
          "--timer", "1", "--fork", "1", "--yield", "1", "--timeout", "600s"]


def workload(name):
    return str(WORKLOADS / name)


def write_file(path):
    """A file of which nothing stays in memory."""
    subprocess.run(["dd", "if=/dev/urandom", f"of={path}", "bs=1M", f"count={FILE_MB}",
                    "conv=fsync", "status=none"], check=True)
    with open(path, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return path


def all_scenes(directory):
    """In the order in which they are run: what makes profd draw the least comes last, because it
    needs some time to draw more again."""
    file = write_file(directory / "file")
    summed = [SWITCH_SUM, WAIT_S + 10]
    return [
        Scene("long", [*summed, directory / "long", workload("waiter"), WAIT_S, *LONG]),
        Scene("short", [*summed, directory / "short", workload("waiter"), SHORT_S, *SHORT]),
        Scene("mixed", [workload("waiter"), CPU_S, "mixed", "spin"]),
        Scene("stopped", [workload("stopper"), STOPS]),
        Scene("threads", [workload("short_lives"), "threads", THREADS]),
        Scene("memory", [workload("short_lives"), "memory", MEMORY_MB]),
        Scene("disk", [workload("disk_waiter"), DISK_S, file]),
        Scene("hang", [workload("waiter"), HANG_S + 2, f"hang:{HANG_S}"]),
        Scene("gated", [workload("waiter"), 4, "storm:0", "storm:1", f"block:{GATED_S}"]),
        Scene("busy", [workload("waiter"), BUSY_S, "timer1", "spin", "pipe"],
              beside=[[*STRESS, "--temp-path", str(directory)]]),
    ]
