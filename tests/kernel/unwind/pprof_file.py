# SPDX-License-Identifier: GPL-2.0-or-later
"""Stacks out of what "profctl export -o pprof" wrote (cli/profile.proto): where the frames are, in
files, and nothing of what profd calls them."""
import gzip
import re

# Where a frame is: a file and the offset in it; an address, when it is in no file; a mark of profd
# ("[truncated: ...]") or a kernel function, which have a name in place of an offset.
KERNEL = re.compile(r"^\[(kernel|vmlinux|bpf|.*\.ko)")


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def fields(data):
    """Yields (number, value) of a message: an int, or bytes."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            raise ValueError(f"wire type {key & 7}, which profctl does not write")
        yield key >> 3, value


def numbers(value):
    """A repeated field, packed or not."""
    if isinstance(value, int):
        return [value]
    found, at = [], 0
    while at < len(value):
        number, at = varint(value, at)
        found.append(number)
    return found


def read_samples(path):
    """Yields (count, {label: value}, [(file, offset, name), leaf first])."""
    with gzip.open(path) as file:
        profile = list(fields(file.read()))
    strings = [value.decode() for number, value in profile if number == 6]
    functions, mappings, locations = {}, {}, {}
    for number, value in profile:
        if number not in (3, 4, 5):
            continue
        message = {}
        for key, field in fields(value):
            message.setdefault(key, field)
        if number == 5:
            functions[message[1]] = strings[message.get(2, 0)]
        elif number == 3:
            mappings[message[1]] = (message.get(2, 0), message.get(4, 0),
                                    strings[message.get(5, 0)])
        else:
            locations[message[1]] = message
    frames = {}
    for key, message in locations.items():
        start, offset, file = mappings.get(message.get(2, 0), (0, 0, ""))
        line = dict(fields(message[4])) if 4 in message else {}
        frames[key] = (file, message.get(3, 0) - start + offset, functions.get(line.get(1), ""))
    for number, value in profile:
        if number != 2:
            continue
        stack, counts, labels = [], [], {}
        for key, field in fields(value):
            if key == 1:
                stack += [frames[n] for n in numbers(field)]
            elif key == 2:
                counts += numbers(field)
            elif key == 3:
                label = dict(fields(field))
                labels[strings[label[1]]] = strings[label.get(2, 0)] or label.get(3, 0)
        yield counts[0], labels, stack
