# SPDX-License-Identifier: GPL-2.0-or-later
"""Stacks of a running process by perf(1), which shares nothing with profd: it copies registers and
much of the stack with each sample, and libunwind walks that afterwards by the files' .eh_frame."""
import re
import signal
import subprocess

STACK_BYTES = 32768
HZ = 999
FRAME = re.compile(r"^\s+([0-9a-f]+) (.*) \(([^()]*(?:\([^()]*\))?)\)$")


def file_name(dso):
    """As profd has it. What perf calls anonymous memory depends on what it looked for in it."""
    if dso.startswith(("/tmp/perf-", "//anon", "[unknown]", "anon")):
        return "[anon]"
    return dso.removesuffix(" (deleted)")


class PerfRecorder:
    """perf record of one process; `how` is "dwarf" or "fp"."""

    def __init__(self, pid, data, how):
        self.data, self.how = data, how
        graph = f"dwarf,{STACK_BYTES}" if how == "dwarf" else "fp"
        self.process = subprocess.Popen(
            ["perf", "record", "-q", "-e", "cpu-clock", "-F", str(HZ), "--call-graph", graph,
             "-p", str(pid), "-o", data],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        _, said = self.process.communicate(timeout=60)
        self.said = said.decode(errors="replace")

    def stacks(self):
        """A list of [(file, offset), leaf first], of user space only. A caller's offset is that of
        the last byte of its call, as profd has it."""
        done = subprocess.run(
            ["perf", "script", "-i", self.data, "--no-inline", "-F", "ip,sym,dso"],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=600, check=False)
        found, stack = [], []
        for line in done.stdout.decode(errors="replace").splitlines() + [""]:
            match = FRAME.match(line)
            if match:
                stack.append((file_name(match[3]), int(match[1], 16)))
            elif not line.strip() and stack:
                found.append(self.user_part(stack))
                stack = []
        found = [stack for stack in found if stack]
        if not found:
            print(f"{self.data}: perf has no stacks: {self.said} {done.stderr.decode()[-500:]}")
        return found

    def user_part(self, stack):
        user = [frame for frame in stack if not frame[0].startswith(("[kernel", "[guest"))]
        if self.how == "fp":
            # As the kernel found them: where the call returns to.
            user = [(file, offset - (i > 0)) for i, (file, offset) in enumerate(user)]
        return user
