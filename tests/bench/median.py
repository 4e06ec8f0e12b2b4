# SPDX-License-Identifier: GPL-2.0-or-later
"""Medians of repeated measurements, each with its 95 % interval."""
import statistics


def median_with_interval(values):
    """The median and a 95 % interval of it, by order statistics (of 15 the 4th and the 12th)."""
    ordered = sorted(values)
    low = max(0, int(len(ordered) / 2 - 0.98 * len(ordered) ** 0.5))
    return statistics.median(ordered), ordered[low], ordered[-1 - low]


def put(figures, name, values):
    figures[name], figures[name + "_low"], figures[name + "_high"] = median_with_interval(values)
