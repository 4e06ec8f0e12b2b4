# SPDX-License-Identifier: GPL-2.0-or-later
"""What may be at the switch hook while a storm runs: nothing, an empty program, profd or
offcputime."""
import contextlib
import os
import signal
import subprocess
import time

import agent

SETTLE_S = 2  # profd compiles the tables of what runs already, and sees how many switches there are
READY_S = 30


@contextlib.contextmanager
def nothing():
    yield


@contextlib.contextmanager
def switch_cost(build, *arguments):
    """Yields a list that has the lines of the tool's answer when the context has ended, and a
    function that asks for the cost until now."""
    process = subprocess.Popen([os.path.join(build, "tests", "bench", "switch-cost"), *arguments],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    answer = []

    def mark():
        process.stdin.write(b"m")
        process.stdin.flush()

    try:
        for line in process.stdout:
            if line == b"ready\n":
                break
            answer.append(line.decode().strip())
        else:
            raise RuntimeError(f"switch-cost {arguments} does not get ready")
        yield answer, mark
        process.stdin.close()
        answer += process.stdout.read().decode().splitlines()
        if process.wait(READY_S) != 0:
            raise RuntimeError(f"switch-cost {arguments} failed")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()


@contextlib.contextmanager
def profd(build, store):
    with agent.Agent(os.path.join(build, "daemon", "profd"), store) as running:
        time.sleep(SETTLE_S)
        yield running


def offcputime():
    """As it comes: all threads, kernel and user stacks."""
    return bpf_tool("offcputime", "3600")


@contextlib.contextmanager
def bpf_tool(*command):
    """A tool that holds BPF programs at their hooks while it runs."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + READY_S
        while len(agent.Agent.ids_of(process.pid, "link")) < 1:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{command[0]} does not start")
            time.sleep(0.05)
        yield
        if process.poll() is not None:
            raise RuntimeError(f"{command[0]} ended by itself")
    finally:
        # It prints by itself what it has, which takes long and is not of interest.
        process.send_signal(signal.SIGKILL)
        process.wait()
