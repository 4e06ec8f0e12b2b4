# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests/kernel/switch_sum.bpf.c summed: the time in a class of waits up to any moment."""
import bisect
import itertools
import math

SLOT_NS = 1000000
BLOCKED = ("sleep", "disk", "stopped")


class Draws:
    """Short waits of about one length: how many there were, how many of them are drawn on average,
    and the variance of the sum of those drawn, each with its weight."""

    def __init__(self, number, expected_1024, variance_us2):
        self.number = number
        self.expected = expected_1024 / 1024
        self.variance_ns2 = variance_us2 * 1e6


class Life:
    def __init__(self, birth_mono_ns=0, end_mono_ns=0, mended=0):
        self.birth_mono_ns = birth_mono_ns
        self.end_mono_ns = end_mono_ns
        self.mended = mended  # of its moments no program was told
        self.draws = []

    def expected(self, lengths=slice(None)):
        return sum(draws.expected for draws in self.draws[lengths])

    def error_ns(self, lengths=slice(None)):
        """The standard error of what profd makes of the draws."""
        return math.sqrt(sum(draws.variance_ns2 for draws in self.draws[lengths]))


class SwitchSum:
    def __init__(self, path):
        moments = {}
        self.threads = {}  # tid -> Life
        with open(path, encoding="ascii") as file:
            self.begin_mono_ns = int(next(file).split()[1])
            self.lost = int(next(file).split()[1])
            for line in file:
                if line.startswith("thread "):
                    tid, *numbers = (int(word) for word in line.split()[1:])
                    self.threads[tid] = Life(*numbers)
                    continue
                if line.startswith("draws "):
                    tid, _, *numbers = (int(word) for word in line.split()[1:])
                    self.threads[tid].draws.append(Draws(*numbers))
                    continue
                tid, name, slot, number, at_ns = line.split()
                moments.setdefault((int(tid), name), []).append(
                    (int(slot), int(number), int(at_ns)))
        self.sums = {}
        for key, slots in moments.items():
            slots.sort()
            self.sums[key] = ([slot for slot, _, _ in slots],
                              list(itertools.accumulate(number for _, number, _ in slots)),
                              list(itertools.accumulate(at_ns for _, _, at_ns in slots)))

    def until_slot_ns(self, key, slot):
        """Up to the beginning of that slot."""
        if key not in self.sums:
            return 0
        slots, numbers, at_ns = self.sums[key]
        last = bisect.bisect_left(slots, slot) - 1
        # No wait goes on after all.
        return (numbers[last] * slot * SLOT_NS if numbers[last] else 0) - at_ns[last] if last >= 0 \
            else 0

    def until_ns(self, tid, classes, mono_ns):
        """Within a slot it is as if the waits were spread over it."""
        slot, rest = divmod(mono_ns - self.begin_mono_ns, SLOT_NS)
        total = 0
        for name in classes:
            begin = self.until_slot_ns((tid, name), slot)
            end = self.until_slot_ns((tid, name), slot + 1)
            total += begin + (end - begin) * rest / SLOT_NS
        return total

    def all_ns(self, tid, classes):
        return sum(self.until_slot_ns((tid, name), math.inf) for name in classes)

    def between_ns(self, tid, classes, since_mono_ns, until_mono_ns):
        return self.until_ns(tid, classes, until_mono_ns) - \
            self.until_ns(tid, classes, since_mono_ns)
