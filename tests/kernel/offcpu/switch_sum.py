# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests/kernel/switch_sum.bpf.c summed: the time in a class of waits up to any moment."""
import bisect
import itertools

SLOT_NS = 1000000
BLOCKED = ("sleep", "disk", "stopped")


class SwitchSum:
    def __init__(self, path):
        moments = {}
        with open(path, encoding="ascii") as file:
            self.begin_mono_ns = int(next(file).split()[1])
            self.lost = int(next(file).split()[1])
            for line in file:
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
        return numbers[last] * slot * SLOT_NS - at_ns[last] if last >= 0 else 0

    def until_ns(self, tid, classes, mono_ns):
        """Within a slot it is as if the waits were spread over it."""
        slot, rest = divmod(mono_ns - self.begin_mono_ns, SLOT_NS)
        total = 0
        for name in classes:
            begin = self.until_slot_ns((tid, name), slot)
            end = self.until_slot_ns((tid, name), slot + 1)
            total += begin + (end - begin) * rest / SLOT_NS
        return total

    def between_ns(self, tid, classes, since_mono_ns, until_mono_ns):
        return self.until_ns(tid, classes, until_mono_ns) - \
            self.until_ns(tid, classes, since_mono_ns)
