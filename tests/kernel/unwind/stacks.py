# SPDX-License-Identifier: GPL-2.0-or-later
"""How a stack of profd's is held against what is known of it."""
import collections
import re
import subprocess

from elf_file import opened

# The beginnings of processes, of threads, of goroutines, and of Go's threads.
ROOTS = re.compile(r"^(_start|(__GI_)?_*clone3?|runtime\.goexit|runtime\.(clone|mstart))$")
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
        self.go, self.symbols = program.go, program.symbols
        self.roots = re.compile(program.roots) if program.roots else ROOTS
        self.known = {}

    def file(self, path):
        path = path.removesuffix(" (deleted)")
        return opened(self.symbols.get(path.rsplit("/", 1)[-1], path))

    def fetch(self, frames):
        """Go's names, in .gopclntab: of these frames and of what they call, all at once."""
        wanted = collections.defaultdict(dict)
        for path, offset, *_ in frames if self.go else ():
            file = self.file(path)
            if file is None:
                continue
            target = (file.call_at(offset) or (None,))[0]
            for vaddr in (file.vaddr_of(offset), target):
                if vaddr is not None and file.offset_of(vaddr) is not None:
                    wanted[path][vaddr] = (path, file.offset_of(vaddr))
        for path, places in wanted.items():
            text = "".join(f"{vaddr:#x}\n" for vaddr in places)
            done = subprocess.run(["go", "tool", "addr2line", path], input=text, text=True,
                                  capture_output=True, check=False)
            for place, name in zip(places.values(), done.stdout.splitlines()[::2]):
                if name != "?":
                    self.known[place] = name

    def symbol(self, frame):
        """The name there, None when there is none."""
        key = frame[:2]
        if key not in self.known:
            file = self.file(frame[0])
            found = file.symbol_at(frame[1]) if file else None
            # A handler returns to its beginning, and so its call would end before it.
            if file and file.symbol_at(frame[1] + 1) == SIGNAL_RETURN:
                found = SIGNAL_RETURN
            self.known[key] = found
        return self.known[key]

    def name(self, frame):
        return self.symbol(frame) or f"{frame[0].rsplit('/', 1)[-1]}+{frame[1]:#x}"

    def is_root(self, frame):
        return self.roots.match(self.name(frame)) is not None

    def names(self, stack):
        return [self.name(frame) for frame in stack]


RIGHT, OPEN, WRONG = range(3)
JUMPS_MAX = 3  # a function that ends in a jump to one that ends in a jump...


class Pairs:
    """Who called whom: an oracle for programs whose sources say too little.

    Two frames that follow one another are right when perf saw a call from that very instruction
    to that function; or when the machine code says so: the instruction is a direct call of that
    function, or of one that jumps to it. They are wrong when the code says otherwise: there is no
    call, or one of something else. They are open when the call is indirect and perf, which has
    samples of its own, did not come by. A stack is as good as the worst of its pairs: a frame too
    many, too few or elsewhere makes pairs of calls that never happen.
    """

    def __init__(self, names, oracle_stacks):
        self.names = names
        self.pairs = set()
        self.known = {}
        for stack in oracle_stacks:
            self.pairs.update(self.pairs_of(stack))

    def begin(self, path, offset):
        """Where the function there begins; its name when no call frame information says so, None
        without one."""
        file = self.names.file(path)
        begin = file.function_at(offset) if file else None
        return self.names.symbol((path, offset)) if begin is None else begin

    def function(self, frame):
        return frame[0], self.begin(*frame[:2])

    def pairs_of(self, stack):
        for callee, caller in zip(stack, stack[1:]):
            if self.names.name(callee) == SIGNAL_RETURN:
                yield self.function(callee), self.function(caller)
            else:
                yield self.function(callee), caller[:2]

    def is_reached(self, file, own, target, callee):
        """Whether a call of `target` in that file, whose path is `own`, runs the callee, also by
        way of a stub or of jumps."""
        seen, targets = set(), {target}
        for _ in range(JUMPS_MAX):
            begins = {self.begin(own, file.offset_of(target) or 0) for target in targets}
            if any((own, begin) == callee for begin in begins):
                return True
            slots = {file.slot_of_stub(target) for target in targets} - {None}
            if any(self.is_in_slot(file, slot, callee) for slot in slots):
                return True
            fresh = {begin for begin in begins if isinstance(begin, int)} - seen
            seen |= fresh
            targets = {jump for begin in fresh for jump in file.jumps_from(begin)}
        return False

    def is_in_slot(self, file, slot, callee):
        """Whether the function that the dynamic linker puts there runs the callee."""
        path, begin = callee
        other, name = self.names.file(path), file.slots.get(slot)
        if name is None or other is None:
            return False
        exported = other.exported.get(name, ())
        if begin in exported or name in other.chosen_later:
            return True
        jumps = [jump for target in exported for jump in other.jumps_from(target)]
        return any(self.begin(path, other.offset_of(jump) or 0) == begin for jump in jumps)

    def judge(self, callee, caller):
        # Nothing in goexit calls a goroutine's function; its address is put there to return to.
        if (callee, caller) in self.pairs or self.names.name(caller) == "runtime.goexit":
            return RIGHT
        file = self.names.file(caller[0])
        if file is None:  # code that was made at run time
            return OPEN
        call = file.call_at(caller[1])
        if call is None:
            return WRONG
        if self.names.file(callee[0]) is None:  # a jump out of the file is none of its code
            return OPEN
        target, slot = call
        if target is not None:
            return RIGHT if self.is_reached(file, caller[0], target, callee) else WRONG
        if slot is not None and slot in file.slots:
            return RIGHT if self.is_in_slot(file, slot, callee) else WRONG
        return OPEN

    def worst(self, stack):
        """(RIGHT, OPEN or WRONG; the pair)."""
        worst = (RIGHT, None)
        for pair in self.pairs_of(stack):
            if pair not in self.known:
                self.known[pair] = self.judge(*pair)
            worst = max(worst, (self.known[pair], pair), key=lambda w: w[0])
        return worst
