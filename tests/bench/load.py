# SPDX-License-Identifier: GPL-2.0-or-later
"""The load of the benchmarks: a parallel gcc build, repeated, and two Python programs.

The sources that are built are generated, so that the load is the same for every version of profd.
"""
import os
import random
import shutil
import signal
import subprocess
import sys

SOURCES = 60
FUNCTIONS_PER_SOURCE = 40
JOBS = 2

FUNCTION = """
static int compare_{n}(const void *a, const void *b)
{{
    const struct item *x = a, *y = b;
    return x->key % {a} < y->key % {a} ? -1 : x->key % {a} > y->key % {a};
}}

unsigned long work_{n}(struct item *items, unsigned long count, const char *text)
{{
    unsigned long sum = {b};
    char line[{c}];

    qsort(items, count, sizeof(*items), compare_{n});
    for (unsigned long i = 0; i < count; i++) {{
        switch ((items[i].key ^ sum) % 7) {{
        case 0: sum += items[i].weight * {a}u; break;
        case 1: sum ^= sum << 13 ^ items[i].key; break;
        case 2: sum -= (unsigned long)snprintf(line, sizeof(line), "%lu %s", sum, text); break;
        case 3: items[i].weight = sum / (items[i].key | 1); break;
        case 4: for (int k = 0; k < {c}; k++) sum = sum * 31 + (unsigned char)text[k % 5]; break;
        default: memcpy(items[i].name, text, sizeof(items[i].name)); sum += strlen(text);
        }}
    }}
    return sum{call};
}}
"""

HEAD = """#include <stdio.h>
#include <stdlib.h>
#include <string.h>
struct item { unsigned long key, weight; char name[16]; };
"""

RULES = """rule cc
  command = gcc -O2 -g -c $in -o $out
"""


def write_sources(folder):
    numbers = random.Random(603010)
    with open(os.path.join(folder, "build.ninja"), "w", encoding="ascii") as rules:
        rules.write(RULES)
        for source in range(SOURCES):
            name = f"source_{source}.c"
            rules.write(f"build source_{source}.o: cc {name}\n")
            with open(os.path.join(folder, name), "w", encoding="ascii") as file:
                file.write(HEAD)
                for n in range(FUNCTIONS_PER_SOURCE):
                    call = f" + work_{n - 1}(items, count / 2, text)" if n else ""
                    file.write(FUNCTION.format(n=n, call=call, a=numbers.randint(3, 999),
                                               b=numbers.randint(1, 10**6),
                                               c=numbers.randint(32, 256)))


class Load:
    """Runs from entry to exit of the context; each part in a process group that dies with it."""

    def __init__(self, scratch):
        self.folder = os.path.join(scratch, "load")
        self.processes = []

    def start(self, *command):
        self.processes.append(subprocess.Popen(
            command, cwd=self.folder, start_new_session=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def __enter__(self):
        os.mkdir(self.folder)
        write_sources(self.folder)
        here = os.path.dirname(os.path.abspath(__file__))
        self.start("sh", "-c", f"while ninja -j{JOBS}; do ninja -t clean; done")
        self.start(sys.executable, os.path.join(here, "load_functions.py"))
        self.start(sys.executable, os.path.join(here, "load_text.py"))
        return self

    def __exit__(self, *_):
        ended = [process.poll() for process in self.processes]
        for process in self.processes:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        if any(status is not None for status in ended):
            raise RuntimeError("a part of the load ended before its time")
