# SPDX-License-Identifier: GPL-2.0-or-later
"""One profd that samples everything, and programs that run below it, one a CPU at a time."""
import concurrent.futures
import dataclasses
import math
import os
import pathlib
import signal
import subprocess
import time

from perf_oracle import PerfRecorder
from pprof_file import read_samples

PROFD = os.environ["PROFD"]
PROFCTL = os.environ["PROFCTL"]
FULL = os.environ.get("PROFD_TEST_FULL") is not None
SAMPLES = 1000 if FULL else 200
HZ = 999
BUCKET_S = 1
READY_S = 60
START_S = 3
SETTLE_S = 0.3  # perf would miss threads that begin while it looks for them
WINDOW_MAX_S = 60
TWIN_CPU_S = 0.5
OTHER_UID = 65534


@dataclasses.dataclass
class Program:
    """What is run, and what is known of its stacks."""

    name: str
    command: list
    exe: str = ""        # samples of this program, by its path; "": of this process
    oracles: tuple = ()  # "dwarf", "fp": of perf
    known: str = ""      # an expression for all names, leaf first
    least: dict = dataclasses.field(default_factory=dict)  # expression -> part of all samples
    # Where stacks may be cut off and do not count: execve(2) and exit(2) give the memory up before
    # they are done.
    apart: str = ""
    own: float = 1.0     # part of its CPU time that is in samples which count
    twin: list = None    # the same program with frame pointers
    go: bool = False     # its names are in .gopclntab
    frames: bool = True  # whether there is anything to hold all of its frames against
    roots: str = ""      # an expression for where its stacks may end, if not ROOTS
    # Whether a mark at the end is left out: the frame pointer, all there is to a Go program without
    # .debug_frame, is 0 at the end, which profd takes for a stack that may go on.
    marked: bool = False
    warm_s: float = 1.0  # until its tables are there
    wait_for: str = ""   # a mapping that has to be there first
    stdin: str = os.devnull
    symbols: dict = dataclasses.field(default_factory=dict)  # name of a file -> one to ask instead
    started: object = None  # called once it runs
    beside: list = None  # what another user runs at the same time, on any CPU
    env: dict = None


class Recorded:
    """What profd and the oracles had of a program."""

    def __init__(self, program):
        self.program = program
        self.samples = []  # (count, labels, stack)
        self.window = ()
        self.pid = 0
        self.oracles = {}
        self.error = None
        self.beside_pid = 0
        self.beside = []   # its samples
        self.twin = None   # perf's recorder of the twin

    @property
    def count(self):
        return sum(count for count, _, _ in self.samples)


def cpu_s(pid):
    """CPU time of a process and of the children it waited for."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return sum(int(n) for n in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def wait_until(condition, timeout_s, what):
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.02)


class Profd:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.store = self.directory / "store"
        run = self.directory / "run"
        self.said = open(self.directory / "profd.err", "w+b")
        self.process = subprocess.Popen(
            [PROFD, "--store", self.store, "--control-directory", run, "-F", str(HZ),
             "-b", str(BUCKET_S)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.said)
        wait_until(self.is_ready_or_gone, READY_S, "profd does not get ready")
        # It goes on to compile the tables of everything that runs already.
        time.sleep(START_S)
        if self.process.poll() is not None:
            raise RuntimeError(f"profd ended: {self.output()}")

    def output(self):
        return (self.directory / "profd.err").read_text(errors="replace")

    def is_ready_or_gone(self):
        return "profd: ready" in self.output() or self.process.poll() is not None

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=READY_S)
        self.said.close()

    def samples(self, recorded, pid=0):
        """Those of the program, or of that process, in its window."""
        path = self.directory / f"{recorded.program.name}.pb.gz"
        since, until = (time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(t))
                        for t in recorded.window)
        which = ["--exe", recorded.program.exe] if recorded.program.exe and not pid else \
            ["-p", str(pid or recorded.pid)]
        done = subprocess.run(
            [PROFCTL, "export", str(path), "-o", "pprof", "--store", self.store, "-S", since,
             "-U", until, *which],
            capture_output=True, env={**os.environ, "TZ": "UTC"}, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"profctl export: {done.stderr.decode()}")
        return list(read_samples(path))


def start(command, stdin, cpu=None, uid=0, env=None):
    """Starts it, on that CPU and as that user, with nothing of this test's environment."""
    def prepare():
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})
        if uid:
            os.setgid(uid)
            os.setuid(uid)

    return subprocess.Popen(command, stdin=stdin, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, start_new_session=True, preexec_fn=prepare,
                            env=env or {"PATH": os.environ["PATH"], "LC_ALL": "C"})


def end(process):
    """Ends it and what it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    process.stderr.close()


def look(recorded, process, directory):
    """Lets it run until it has used enough CPU time, between two full buckets."""
    program, pid = recorded.program, process.pid
    if program.wait_for:
        def is_mapped():
            return program.wait_for in pathlib.Path(f"/proc/{pid}/maps").read_text()
        wait_until(is_mapped, WINDOW_MAX_S, f"{program.wait_for} is not mapped")
    if program.started:
        program.started()
    time.sleep(SETTLE_S)
    perfs = {how: PerfRecorder(pid, str(directory / f"{program.name}.{how}"), how)
             for how in program.oracles}
    try:
        time.sleep(program.warm_s - SETTLE_S)
        since = math.ceil(time.time() / BUCKET_S) * BUCKET_S
        time.sleep(since - time.time())
        used = cpu_s(pid) + (SAMPLES + 50) / HZ / program.own
        wait_until(lambda: process.poll() is not None or cpu_s(pid) >= used, WINDOW_MAX_S,
                   "it did not use its CPU")
        until = math.ceil(time.time() / BUCKET_S) * BUCKET_S
        time.sleep(max(0, until - time.time()))
        recorded.window = (since, until)
        if process.poll() is not None:
            raise RuntimeError(f"it ended with {process.returncode}: "
                               f"{process.stderr.read().decode(errors='replace')}")
    finally:
        for perf in perfs.values():
            perf.stop()
    recorded.oracles = perfs


def look_at_twin(recorded, cpu, directory):
    """The twin below perf, which follows its frame pointers; profd has no part in it."""
    process = start(recorded.program.twin, subprocess.DEVNULL, cpu)
    perf = PerfRecorder(process.pid, str(directory / f"{recorded.program.name}.twin"), "fp")
    try:
        wait_until(lambda: cpu_s(process.pid) >= TWIN_CPU_S, WINDOW_MAX_S, "the twin does not run")
    finally:
        perf.stop()
        end(process)
    recorded.twin = perf


def record_one(cpu, program, directory):
    recorded, beside = Recorded(program), None
    if program.beside:
        beside = start(program.beside, subprocess.DEVNULL, uid=OTHER_UID)
        recorded.beside_pid = beside.pid
    with open(program.stdin, "rb") as stdin:
        process = start(program.command, stdin, cpu, env=program.env)
    recorded.pid = process.pid
    try:
        look(recorded, process, directory)
        if program.twin:
            look_at_twin(recorded, cpu, directory)
    except (OSError, RuntimeError, TimeoutError) as error:
        recorded.error = error
    finally:
        end(process)
        if beside:
            end(beside)
    return recorded


def record(programs, directory):
    """Runs all of them below one profd. Returns {name: Recorded}."""
    directory = pathlib.Path(directory)
    todo, done = list(programs), {}

    def lane(cpu):
        while todo:
            program = todo.pop(0)
            done[program.name] = record_one(cpu, program, directory)

    profd = Profd(directory)
    try:
        cpus = sorted(os.sched_getaffinity(0))[:2]
        with concurrent.futures.ThreadPoolExecutor(len(cpus)) as pool:
            list(pool.map(lane, cpus))
    finally:
        profd.stop()
    for recorded in done.values():
        if recorded.error is None:
            recorded.samples = profd.samples(recorded)
            if recorded.beside_pid:
                recorded.beside = profd.samples(recorded, recorded.beside_pid)
    return done
