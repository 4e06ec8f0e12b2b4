# SPDX-License-Identifier: GPL-2.0-or-later
"""One profd with a store of its own, and what it answers once it is stopped or was flushed."""
import json
import os
import pathlib
import signal
import subprocess
import threading
import time

PROFD = os.environ["PROFD"]
PROFCTL = os.environ["PROFCTL"]
BUCKET_S = 1
# More than it takes by default: the more it draws, the closer are the estimates.
STACKS_PER_S = 200
READY_S = 60
START_S = 3
NOWHERE = 4  # profctl's exit code for a thread that the store does not know


def wait_until(condition, timeout_s, what):
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.02)


class Profd:
    def __init__(self, directory, configuration=f"[offcpu]\nstacks_per_s = {STACKS_PER_S}\n"):
        self.directory = pathlib.Path(directory)
        self.store = self.directory / "store"
        self.said = open(self.directory / "profd.err", "w+b")
        config = self.directory / "profd.conf"
        config.write_text(configuration, encoding="ascii")
        self.process = subprocess.Popen(
            [PROFD, "--config", config, "--store", self.store,
             "--control-directory", self.directory / "run",
             "--cache-directory", self.directory / "cache", "-b", str(BUCKET_S)],
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

    def flush(self):
        """Returns when what it saw until now is in the store."""
        subprocess.run([PROFD, "--control", "flush", "--control-directory", self.directory / "run"],
                       check=True, stdout=subprocess.DEVNULL)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=READY_S)
        self.said.close()
        if self.process.returncode != 0:
            raise RuntimeError(f"profd ended with {self.process.returncode}: {self.output()}")

    def ask(self, command, window, *arguments):
        """The window line and the rows of an answer over [since, until) in seconds."""
        since, until = window
        done = subprocess.run(
            [PROFCTL, command, "--store", self.store, "-S", f"@{since}", "-U", f"@{until}",
             "-o", "json", *(str(argument) for argument in arguments)],
            capture_output=True, check=False)
        if done.returncode == NOWHERE:
            return {}, []
        if done.returncode != 0:
            raise RuntimeError(f"profctl {command} {arguments} ended with {done.returncode}: "
                               f"{done.stderr.decode()}")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return lines[0], [line for line in lines if line["kind"] == "row"]

    def folded(self, window, event, *arguments):
        """[(frames, outermost first, weight)] of profctl export."""
        since, until = window
        done = subprocess.run(
            [PROFCTL, "export", "-o", "folded", "--event", event, "--store", self.store,
             "-S", f"@{since}", "-U", f"@{until}", *(str(argument) for argument in arguments)],
            capture_output=True, check=True)
        stacks = []
        for line in done.stdout.decode().splitlines():
            frames, _, weight = line.rpartition(" ")
            stacks.append((frames.split(";"), int(weight)))
        return stacks


class Scene:
    """A program that was run, its truth, and the whole buckets around its life."""

    def __init__(self, name, command, beside=None):
        self.name = name
        self.command = [str(word) for word in command]
        self.beside = beside or []  # commands that run as long as it does
        self.window = ()
        self.pid = 0
        self.usage = None  # of wait4(2): user and system time, also of exit(2)
        self.stat_cpu_s = 0  # of /proc/PID/stat once it was dead
        self.sched_cpu_ns = 0  # of its first thread, from schedstat then
        self.stolen_ns = 0  # of all CPUs meanwhile, by the machine below this one
        self.truth = {}
        self.error = None

    def run(self):
        stolen_ns = stolen_cpu_ns()
        self.run_once()
        self.stolen_ns = stolen_cpu_ns() - stolen_ns

    def run_once(self):
        others = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, start_new_session=True)
                  for command in self.beside]
        since = int(time.time()) // BUCKET_S * BUCKET_S
        process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.pid = process.pid
        try:
            text = process.stdout.read()
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            self.stat_cpu_s = stat_cpu_s(process.pid)
            self.sched_cpu_ns = sched_cpu_ns(process.pid)
            _, status, self.usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                self.error = f"{self.command} ended with {process.returncode}"
            elif text:
                self.truth = json.loads(text)
                self.pid = self.truth["pid"]
        finally:
            if process.returncode is None:
                process.kill()
                process.wait()
            process.stdout.close()
            for other in others:
                os.killpg(other.pid, signal.SIGKILL)
                other.wait()
        self.window = (since, (int(time.time()) // BUCKET_S + 1) * BUCKET_S)

    def run_beside(self, *others):
        """All at once."""
        threads = [threading.Thread(target=other.run) for other in others]
        for thread in threads:
            thread.start()
        self.run()
        for thread in threads:
            thread.join()

    @property
    def cpu_s(self):
        return self.usage.ru_utime + self.usage.ru_stime

    def thread(self, comm):
        return next(thread for thread in self.truth["threads"] if thread["comm"] == comm)


def stat_cpu_s(pid):
    """User and system time of a process, in ticks of the clock."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return sum(int(n) for n in fields[11:13]) / os.sysconf("SC_CLK_TCK")


def stolen_cpu_ns():
    """What all CPUs could not run since boot, because the machine below this one had others to
    (proc(5), steal). The scheduler counts it as nobody's time."""
    with open("/proc/stat", encoding="ascii") as file:
        return int(file.readline().split()[8]) * 10**9 // os.sysconf("SC_CLK_TCK")


def sched_cpu_ns(pid):
    """To the nanosecond (Documentation/scheduler/sched-stats.rst)."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0])
