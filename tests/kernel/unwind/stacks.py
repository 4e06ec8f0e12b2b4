# SPDX-License-Identifier: GPL-2.0-or-later
"""How a stack of profd's is held against what is known of it."""
import re
import subprocess

from elf_file import opened

ROOTS = re.compile(r"^(_start|_*clone3?|runtime\.goexit(\.abi0)?|runtime\.mstart)$")
SIGNAL_RETURN = "__restore_rt"


def is_kernel(frame):
    return frame[0] == "[kernel]" or frame[0].startswith("[") and "kernel" in frame[0]


def user_part(stack):
    """Its frames in user space; None when it is a kernel thread's or has none."""
    return [frame for frame in stack if not is_kernel(frame)] or None


def is_mark(frame):
    return frame[2].startswith("[truncated")


class Names:
    """Names of places, by the symbol tables and not by profd."""

    def __init__(self, program):
        self.go, self.symbols, self.exe = program.go, program.symbols, program.command[0]
        self.known = {}

    def file(self, path):
        path = path.removesuffix(" (deleted)")
        if self.symbols and path.rsplit("/", 1)[-1] == self.exe.rsplit("/", 1)[-1]:
            path = self.symbols
        return opened(path)

    def name(self, frame):
        key = frame[:2]
        if key not in self.known:
            file = self.file(frame[0])
            found = file.symbol_at(frame[1]) if file else None
            if file and self.go and not found:
                found = self.go_name(frame, file)
            self.known[key] = found or f"{frame[0].rsplit('/', 1)[-1]}+{frame[1]:#x}"
        return self.known[key]

    def go_name(self, frame, file):
        done = subprocess.run(["go", "tool", "addr2line", frame[0]], capture_output=True,
                              input=f"{file.vaddr_of(frame[1]):#x}\n".encode(), check=False)
        return done.stdout.decode().partition("\n")[0].replace("?", "")

    def names(self, stack):
        return [self.name(frame) for frame in stack]


class Pairs:
    """Who called whom: an oracle for programs whose sources say too little.

    A stack is right when each two of its frames that follow one another are: perf saw the call
    from that very instruction to that function, or the instruction is a direct call of it. A
    frame too many, too few or elsewhere makes at least one pair of calls that never happen.
    """

    def __init__(self, names, oracle_stacks):
        self.names = names
        self.pairs = set()
        for stack in oracle_stacks:
            self.pairs.update(self.pairs_of(stack))

    def function(self, frame):
        file = self.names.file(frame[0])
        return (frame[0], file.function_at(frame[1]) if file else None)

    def pairs_of(self, stack):
        for callee, caller in zip(stack, stack[1:]):
            if self.names.name(callee) == SIGNAL_RETURN:
                yield self.function(callee), self.function(caller)
            else:
                yield self.function(callee), caller[:2]

    def is_direct(self, callee, caller):
        file = self.names.file(caller[0])
        called = file.called_at(caller[1]) if file else None
        if called is None:
            return False
        path, begin = callee
        if isinstance(called, int):
            return path == caller[0] and begin == called
        target = self.names.file(path)
        return target is not None and begin in target.exported.get(called, ())

    def wrong_pair(self, stack):
        """The first that is not known to be right, None when there is none."""
        for callee, caller in self.pairs_of(stack):
            if (callee, caller) not in self.pairs and not self.is_direct(callee, caller):
                return callee, caller
        return None


def without_one(stack):
    """A planted error: the frame in the middle is missing."""
    middle = len(stack) // 2
    return stack[:middle] + stack[middle + 1:]
