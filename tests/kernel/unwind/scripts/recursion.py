# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls itself through C: sorted() calls the key back, and that recurses. Runs until killed."""


def key(x, depth):
    if depth == 0:
        return -x
    return sum(sorted(range(x % 7 + 3), key=lambda y: key(y, depth - 1)))


while True:
    sorted(range(50), key=lambda x: key(x, 4))
