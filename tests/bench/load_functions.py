# SPDX-License-Identifier: GPL-2.0-or-later
"""A part of the benchmarks' load: many calls of small Python functions, without end."""


def square(x):
    return x * x


def step(x):
    return square(x) % 1009 + 1


def walk(depth, x):
    return step(x) if depth == 0 else walk(depth - 1, step(x))


class Counter:
    def __init__(self):
        self.counts = {}

    def add(self, key):
        self.counts[key] = self.counts.get(key, 0) + 1


def main():
    x = 1
    while True:
        counter = Counter()
        for _ in range(10000):
            x = walk(20, x)
            counter.add(x)


main()
