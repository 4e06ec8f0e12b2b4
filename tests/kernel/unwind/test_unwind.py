# SPDX-License-Identifier: GPL-2.0-or-later
"""Whole stacks of programs without frame pointers, by the real profd on this kernel.

Each program runs on one CPU below a profd that samples at 999 Hz. After a warm-up in which its
tables are built (a second; longer where that takes longer) at least 200 samples are taken, or 1,000
with PROFD_TEST_FULL, and held against what is known independently of profd: symbol tables and debug
files for the outermost frames; the source, or perf(1) and the machine code, for all frames.
"""
import collections
import pathlib
import re
import sys
import tempfile
import unittest

import programs
from recording import FULL, SAMPLES, record
from stacks import OPEN, RIGHT, WRONG, Names, Pairs, is_mark, user_part

ROOTED_LEAST = 0.995
EQUAL_LEAST = 0.99
OPEN_MOST = 0.1
# Looked at with PROFD_TEST_FULL alone: perf's stacks of them take long to read, or they are one
# more of their kind.
LONG = {"clang", "gofmt", "java", "perl", "rust", "xz"}
DEPTH_LEAST = 1000  # frames that a stack has to have before it may be cut off
LIMIT_MARK = "[truncated: frame limit]"
SHOWN = 3
ENDS = 12  # frames of each end of a stack that are shown


class Looked:
    """The samples of a program that have a user stack, and what was found of them."""

    def __init__(self, recorded):
        self.program = recorded.program
        self.names = Names(recorded.program)
        self.stacks = collections.Counter()
        self.too_deep = 0  # samples: gcc's garbage collector recurses by the thousand
        for count, _, stack in recorded.samples:
            user = user_part(stack)
            if user and len(user) > DEPTH_LEAST and user[-1][2] == LIMIT_MARK:
                self.too_deep += count
                continue
            if user and self.program.marked and is_mark(user[-1]):
                user = user[:-1]
            if user and not (is_mark(user[-1]) and self.program.apart and
                             re.fullmatch(self.program.apart, self.names.name(user[0]))):
                self.stacks[tuple(user)] += count
        self.total = self.stacks.total()
        self.names.fetch(frame for stack in self.stacks for frame in stack)
        self.twin = {self.upto_main(stack) for stack in recorded.twin.stacks()} \
            if recorded.twin else set()
        self.perf = {how: perf.stacks() for how, perf in recorded.oracles.items()}
        oracle = [stack for stacks in self.perf.values() for stack in stacks]
        self.pairs = Pairs(self.names, oracle)

    def is_rooted(self, stack):
        return not is_mark(stack[-1]) and self.names.is_root(stack[-1])

    def joined(self, stack):
        return ";".join(self.names.names(stack))

    def upto_main(self, stack):
        return self.joined(stack).partition(";main;")[0]

    def judge(self, stack):
        """RIGHT, OPEN or WRONG; a stack that is cut off is wrong."""
        if not self.is_rooted(stack):
            return WRONG
        if self.program.known:
            return RIGHT if re.fullmatch(self.program.known, self.joined(stack)) else WRONG
        return self.pairs.worst(stack)[0]

    def equal(self, stacks=None):
        """The part of the decided samples that is right, the part that is open, and stacks."""
        stacks = stacks or self.stacks
        judged = {stack: self.judge(stack) for stack in stacks}
        bad = collections.Counter({s: n for s, n in stacks.items() if judged[s] == WRONG})
        undecided = collections.Counter({s: n for s, n in stacks.items() if judged[s] == OPEN})
        total = stacks.total()
        decided = max(1, total - undecided.total())
        return (1 - bad.total() / decided, undecided.total() / max(1, total),
                bad.most_common(SHOWN), undecided.most_common(SHOWN))

    def part(self, is_good):
        """The part of all samples that is good, and the most frequent stacks that are not."""
        bad = collections.Counter({stack: count for stack, count in self.stacks.items()
                                   if not is_good(stack)})
        return 1 - bad.total() / max(1, self.total), bad.most_common(SHOWN)

    def describe(self, bad):
        lines = []
        for stack, count in bad:
            lines.append(f"  {count} samples:")
            shown = [f"    {file} {offset:#x} {self.names.name((file, offset))} ({name})"
                     for file, offset, name in stack]
            if len(shown) > 2 * ENDS:
                shown[ENDS:-ENDS] = [f"    ... {len(shown) - 2 * ENDS} more"]
            lines += shown
            if not self.program.known and self.is_rooted(stack):
                lines.append(f"    judged {self.pairs.worst(stack)}")
        return "\n".join(lines)


class Unwind(unittest.TestCase):
    """A test per program; main() adds them."""

    looked, recorded = {}, {}

    @classmethod
    def look(cls, name):
        if name not in cls.looked:
            cls.looked[name] = Looked(cls.recorded[name])
        return cls.looked[name]

    def check(self, name):
        recorded = self.recorded[name]
        self.assertIsNone(recorded.error, f"{name} was not sampled")
        looked = self.look(name)
        rooted, not_rooted = looked.part(looked.is_rooted)
        said = (f"{name:18} {looked.total:5} samples after {recorded.program.warm_s:g} s, "
                f"{len(looked.stacks):4} stacks, rooted {rooted:.4f}")
        if recorded.program.frames:
            equal, undecided, not_equal, not_decided = looked.equal()
            said += f", equal {equal:.4f}, open {undecided:.4f}"
        if looked.too_deep:
            said += f", {looked.too_deep} samples deeper than the limit"
        for how, stacks in looked.perf.items():
            said += f", {len(stacks)} of perf's ({how})"
        print(said, flush=True)
        with self.subTest("samples"):
            self.assertGreaterEqual(looked.total, SAMPLES)
            self.assertLess(looked.too_deep, looked.total / 4)
        with self.subTest("rooted"):
            self.assertGreaterEqual(rooted, ROOTED_LEAST, "\n" + looked.describe(not_rooted))
        if not recorded.program.frames:
            return
        with self.subTest("equal"):
            self.assertGreaterEqual(equal, EQUAL_LEAST, "\n" + looked.describe(not_equal))
        with self.subTest("open"):
            self.assertLessEqual(undecided, OPEN_MOST, "\n" + looked.describe(not_decided))
        for expression, least in recorded.program.least.items():
            with self.subTest(expression):
                part, bad = looked.part(lambda stack, expression=expression:
                                        re.search(expression, looked.joined(stack)))
                self.assertGreaterEqual(part, least, "\n" + looked.describe(bad))
        if recorded.twin:
            with self.subTest("twin"):
                part, bad = looked.part(lambda stack: looked.upto_main(stack) in looked.twin)
                self.assertGreaterEqual(part, EQUAL_LEAST, "\n" + looked.describe(bad))
        if recorded.program.beside:
            with self.subTest("beside"):
                self.check_forged(looked, recorded.beside)
        with self.subTest("planted error"):
            self.check_planted(looked)

    def check_forged(self, looked, samples):
        """What is wrong with the other's file must show in the other's stacks."""
        whole = sum(count for count, _, stack in samples
                    if looked.is_rooted(user_part(stack) or stack))
        total = sum(count for count, _, _ in samples)
        self.assertGreater(total, 0)
        self.assertLess(whole / total, 0.5)

    def check_planted(self, looked):
        """The measure must see that a frame is missing, each time another, from every fifth stack;
        from every other where code is made at run time and only perf knows who calls whom."""
        every = 2 if "fp" in looked.perf else 5
        planted, n = collections.Counter(), 0
        for stack, count in looked.stacks.items():
            for _ in range(count if len(stack) > 2 else 0):
                n += 1
                without = 1 + n // every % (len(stack) - 2)
                planted[stack[:without] + stack[without + 1:] if n % every == 0 else stack] += 1
        equal, undecided, *_ = looked.equal(planted)
        self.assertTrue(equal < EQUAL_LEAST or undecided > OPEN_MOST)


def add_test(name):
    setattr(Unwind, f"test_{name}", lambda self: self.check(name))


def main():
    wanted = [arg for arg in sys.argv[1:] if not arg.startswith("-")]
    with tempfile.TemporaryDirectory(prefix="profd-unwind-") as temporary:
        directory = pathlib.Path(temporary)
        directory.chmod(0o711)  # a program of another user's is run from there
        listed = (programs.own_programs() + programs.placed_programs(directory) +
                  programs.system_programs(directory))
        if not FULL:
            listed = [program for program in listed if program.name not in LONG]
        listed = [program for program in listed if not wanted or program.name in wanted]
        for program in listed:
            add_test(program.name)
        Unwind.recorded = record(listed, directory)
        print(f"At least {SAMPLES} samples each{'' if FULL else ' (PROFD_TEST_FULL: 1000)'}")
        unittest.main(argv=sys.argv[:1])


main()
