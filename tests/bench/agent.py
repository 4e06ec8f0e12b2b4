# SPDX-License-Identifier: GPL-2.0-or-later
"""profd under observation: its processes' CPU time and memory, its BPF programs and maps."""
import contextlib
import json
import os
import subprocess
import tempfile
import time

READY_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60
MEMORY_PERIOD_S = 2
BPF_STATS = "/proc/sys/kernel/bpf_stats_enabled"


@contextlib.contextmanager
def bpf_statistics():
    """The kernel counts the run time of BPF programs only while this holds."""
    with open(BPF_STATS, encoding="ascii") as file:
        before = file.read()
    with open(BPF_STATS, "w", encoding="ascii") as file:
        file.write("1")
    try:
        yield
    finally:
        with open(BPF_STATS, "w", encoding="ascii") as file:
            file.write(before)


def bpf_objects(kind):
    """Programs ("prog") or maps ("map") of the whole machine, by id."""
    environment = dict(os.environ, PATH=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    output = subprocess.run(["bpftool", kind, "show", "--json"], check=True, env=environment,
                            stdout=subprocess.PIPE).stdout
    return {entry["id"]: entry for entry in json.loads(output)}


def process_stat(pid):
    """The fields of /proc/PID/stat after the name, from "state" on."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()


def descendants(root):
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                children.setdefault(int(process_stat(name)[1]), []).append(int(name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def cpu_time_s(pid):
    """User and system time of a process, all its threads, also those that ended, and of children
    that it has waited for."""
    # The CPU-time clock of another process: linux/posix-timers.h, MAKE_PROCESS_CPUCLOCK with
    # CPUCLOCK_SCHED. It counts in nanoseconds; /proc/PID/stat counts in ticks.
    own_s = time.clock_gettime_ns((~pid << 3) | 2) / 1e9
    fields = process_stat(pid)
    return own_s + (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def pss_bytes(pid):
    """Proportional set size without mapped BPF maps, whose memory is counted with the maps."""
    total, is_map = 0, False
    with open(f"/proc/{pid}/smaps", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("Pss:"):
                total += 0 if is_map else int(line.split()[1]) * 1024
            elif not line.split(" ", 1)[0].endswith(":"):
                is_map = "bpf-map" in line or "bpf_ringbuf" in line
    return total


class Agent:
    """A profd that was just started; a context manager that ends it by SIGTERM."""

    def __init__(self, profd, store, configuration=None):
        # A control socket of its own, in a directory that profd makes.
        self.command = [profd, "--store", store, "--control-directory", f"{store}-run",
                        "--cache-directory", f"{store}-cache"]
        if configuration is not None:
            with open(f"{store}.conf", "w", encoding="ascii") as file:
                file.write(configuration)
            self.command += ["--config", f"{store}.conf"]
        self.log = None
        self.process = None
        self.started_s = 0
        self.seconds = 0
        self.peak = {"memory_mb": 0.0}
        self.cpu_s = 0.0
        self.bpf = {"s": 0.0, "runs": 0}

    def __enter__(self):
        self.log = tempfile.TemporaryFile()
        self.started_s = time.monotonic()
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        try:
            self.wait_ready()
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            status = self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        if status != 0:
            raise RuntimeError(f"profd ended with {status}: {self.said()}")

    def said(self):
        self.log.seek(0)
        return self.log.read().decode("utf-8", "replace").strip()

    def wait_ready(self):
        while "profd: ready" not in self.said():
            if self.process.poll() is not None:
                raise RuntimeError(f"profd did not start: {self.said()}")
            if time.monotonic() - self.started_s > READY_TIMEOUT_S:
                raise RuntimeError(f"profd was not ready after {READY_TIMEOUT_S} s: {self.said()}")
            time.sleep(0.05)

    def flush(self):
        """Returns when what it saw until now is in the store."""
        profd, _, _, *directory = self.command[:5]
        subprocess.run([profd, "--control", "flush", *directory], check=True,
                       stdout=subprocess.DEVNULL)

    def own_objects(self, kind):
        """What the descriptors of profd say is its own: others may be loading programs as well."""
        ids = set()
        for pid in descendants(self.process.pid):
            ids |= self.ids_of(pid, kind)
        return [entry for number, entry in bpf_objects(kind).items() if number in ids]

    @classmethod
    def ids_of(cls, pid, kind):
        """Numbers of the programs, maps or links that a process holds."""
        ids = set()
        with contextlib.suppress(OSError):
            for name in os.listdir(f"/proc/{pid}/fdinfo"):
                ids |= cls.object_ids(f"/proc/{pid}/fdinfo/{name}", kind)
        return ids

    @staticmethod
    def object_ids(path, kind):
        with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
            return {int(line.split()[1]) for line in file if line.startswith(f"{kind}_id:")}
        return set()

    def sample_memory(self):
        pss = {}
        for pid in descendants(self.process.pid):
            with contextlib.suppress(OSError):
                pss[pid] = pss_bytes(pid)
        maps = sum(entry["bytes_memlock"] for entry in self.own_objects("map"))
        memory_mb = (sum(pss.values()) + maps) / 1e6
        if memory_mb > self.peak["memory_mb"]:
            main = pss.get(self.process.pid, 0)
            self.peak = {"memory_mb": memory_mb, "memory_profd_mb": main / 1e6,
                         "memory_children_mb": (sum(pss.values()) - main) / 1e6,
                         "memory_bpf_mb": maps / 1e6}

    def watch(self, seconds):
        """Returns `seconds` after the start of profd, with everything counted until then."""
        while (left_s := self.started_s + seconds - time.monotonic()) > 0:
            self.sample_memory()
            time.sleep(min(MEMORY_PERIOD_S, left_s))
            if self.process.poll() is not None:
                raise RuntimeError(f"profd ended while it was measured: {self.said()}")
        self.seconds = time.monotonic() - self.started_s
        self.cpu_s = sum(cpu_time_s(pid) for pid in descendants(self.process.pid))
        programs = self.own_objects("prog")
        self.bpf = {"s": sum(entry.get("run_time_ns", 0) for entry in programs) / 1e9,
                    "runs": sum(entry.get("run_cnt", 0) for entry in programs)}

    def figures(self):
        return {
            "daemon_cpu_pct": 100 * (self.cpu_s + self.bpf["s"]) / self.seconds,
            "cpu_user_side_s": self.cpu_s,
            "cpu_bpf_s": self.bpf["s"],
            "bpf_runs": self.bpf["runs"],
            "seconds": self.seconds,
            **self.peak,
        }
