#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The rows of real files against what "readelf --debug-dump=frames-interp" of binutils says.

What readelf prints is turned into the row that it should be, by rules written here anew: row by
row CFA and rbp must be the same, gaps between functions must say so, and there must be no row that
readelf does not explain. "unsupported" is right only for what expected_cfa() lists.

DUMP_ROWS: the program that prints our rows. Needs binutils; no root."""
import bisect
import collections
import os
import re
import subprocess
import sys
import unittest

NEEDED = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"]
FILES = NEEDED + ["/usr/lib/x86_64-linux-gnu/libstdc++.so.6", "/usr/bin/perl",
                  "/usr/bin/python3.11", "/usr/lib/x86_64-linux-gnu/libcrypto.so.3",
                  "/usr/bin/bash"]
# Without what a separate file of debug information says of the same code.
READELF = ["readelf", "-W", "--debug-dump=no-follow-links"]
# By DWARF's number: System V ABI for x86-64, figure 3.36.
REGISTERS = ["rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp",
             *(f"r{n}" for n in range(8, 16))]
PADDING_MAX = 15
ENTRY_STUB_MAX = 64
ADDRESS = r"DW_OP_breg\d+ \((\w+)\): (-?\d+)"
PLT = re.compile(r"DW_OP_breg7 \(rsp\): 8; DW_OP_breg16 \(rip\): 0; DW_OP_lit15; DW_OP_and; "
                 r"DW_OP_lit(\d+); DW_OP_ge; DW_OP_lit3; DW_OP_shl; DW_OP_plus")
DEREF = re.compile(ADDRESS + r"; DW_OP_deref(?:; DW_OP_plus_uconst: (\d+))?")

Row = collections.namedtuple("Row", "cfa number fp fp_number")
Fde = collections.namedtuple("Fde", "start end rows is_signal")
NONE = Row("none", 0, "same", 0)
UNSUPPORTED = Row("unsupported", 0, "same", 0)
STOP = Row("stop", 0, "same", 0)
SIGNAL = Row("signal", 0, "same", 0)


def run(*command):
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return result.stdout.decode()


def words(offset):
    """A signed byte of 8-byte words, or None."""
    return offset // 8 if offset % 8 == 0 and -128 <= offset // 8 <= 127 else None


def two_bytes(low, high):
    return (low & 255) | (high & 255) << 8


def expected_cfa(rule, expression):
    """(kind, number), or None for what no row can say: offsets of odd bytes or out of the range of
    the row, registers that are not general ones, and expressions other than these."""
    if rule == "exp":
        match = PLT.fullmatch(expression)
        if match:
            return "plt", int(match[1])
        match = DEREF.fullmatch(expression)
        if match and match[1] in ("rsp", "rbp"):
            low, high = words(int(match[2])), words(int(match[3] or 0))
            if low is not None and high is not None:
                return "deref_sp" if match[1] == "rsp" else "deref_fp", two_bytes(low, high)
        return None
    register, offset = re.fullmatch(r"(\w+)([+-]\d+)", rule).groups()
    offset = int(offset)
    if register in ("rsp", "rbp"):
        if offset % 8 or not 0 <= offset // 8 <= 65535:
            return None
        return "sp" if register == "rsp" else "fp", offset // 8
    if register not in REGISTERS or words(offset) is None:
        return None
    return "register", two_bytes(words(offset), REGISTERS.index(register))


def expected_fp(rule, expression):
    match = re.fullmatch(r"c([+-]\d+)", rule)
    if rule in ("u", "s"):
        return "same", 0
    if match and words(int(match[1])) is not None:
        return "cfa", words(int(match[1]))
    match = re.fullmatch(ADDRESS, expression) if rule == "exp" else None
    if match and match[1] == "rbp" and words(int(match[2])) is not None:
        return "fp", words(int(match[2]))
    return "unknown", 0


def expected_row(columns, cfa_expression, fp_expression):
    """The row for readelf's columns, by name."""
    cfa = expected_cfa(columns["CFA"], cfa_expression)
    if columns["ra"] == "u":
        return STOP
    if columns.get("rsp", "u") != "u" or cfa is None:
        return UNSUPPORTED
    register = re.fullmatch(r"r\d+ \((\w+)\)", columns["ra"])
    if register:
        if cfa[0] != "sp" or cfa[1] > 127:
            return UNSUPPORTED
        cfa = "ra_register", two_bytes(cfa[1], REGISTERS.index(register[1]))
    elif columns["ra"] != "c-8":
        return UNSUPPORTED
    return Row(*cfa, *expected_fp(columns.get("rbp", "u"), fp_expression))


class Expressions:
    """The expressions of a file, which the interpreted dump leaves out: what was last set at or
    before an address of a function."""

    def __init__(self, text):
        self.cfa, self.fp = {}, {}
        found = pc = None
        for line in text.splitlines():
            match = re.search(r" FDE .* pc=(\w+)\.\.", line)
            if match:
                pc = int(match[1], 16)
            match = re.match(r"  DW_CFA_(?:advance_loc\d?: \d+ to|set_loc:) (\w+)", line)
            if match:
                pc = int(match[1], 16)
            match = re.match(r"  DW_CFA_(def_cfa_expression|expression: r6 \(rbp\)) \((.*)\)$",
                             line)
            if match:
                found = self.cfa if match[1] == "def_cfa_expression" else self.fp
                found[pc] = match[2]
        self.places = {id(found): sorted(found) for found in (self.cfa, self.fp)}

    def last(self, found, pc):
        places = self.places[id(found)]
        index = bisect.bisect_right(places, pc)
        return found[places[index - 1]] if index else ""


def parse_columns(names, line):
    values = re.findall(r"r\d+ \(\w+\)|\S+", line)[1:]
    return dict(zip(names, values, strict=True))


def read_fdes(path):
    """What readelf says, by start of the functions, as rows of ours."""
    expressions = Expressions(run(*READELF, "--debug-dump=frames", path))
    text = run(*READELF, "--debug-dump=frames-interp", path)
    cies, fdes, names, current = {}, [], [], None
    for line in text.splitlines():
        cie = re.match(r"(\w+) \w+ \w+ CIE \"(\w*)\"", line)
        fde = re.match(r"\w+ \w+ \w+ FDE cie=(\w+) pc=(\w+)\.\.(\w+)$", line)
        if cie:
            current = {}
            cies[int(cie[1], 16)] = (current, "S" in cie[2])
        elif fde:
            current = {}
            fdes.append((int(fde[2], 16), int(fde[3], 16), int(fde[1], 16), current))
        elif line.startswith("   LOC"):
            names = line.split()[1:]
        elif re.match(r"[0-9a-f]{16} ", line):
            pc = int(line[:16], 16)
            current[pc] = (parse_columns(names, line), pc)
    for n, (start, end, cie, rows) in enumerate(fdes):
        common, is_signal = cies[cie]
        if not rows:  # as its CIE has it; readelf prints nothing then
            rows = {start: (common[0][0], start)}
        fdes[n] = Fde(start, end, {
            pc: SIGNAL if is_signal else
            expected_row(columns, expressions.last(expressions.cfa, pc),
                         expressions.last(expressions.fp, pc))
            for pc, (columns, _) in rows.items()}, is_signal)
    return sorted(fdes, key=lambda fde: fde.start)


def row_at(places, rows, pc):
    index = bisect.bisect_right(places, pc)
    return rows[index - 1] if index else NONE


def add_entry(table, entry):
    """The entry point ends all stacks also where readelf says nothing of it."""
    places = sorted(table)
    if entry and row_at(places, [table[pc] for pc in places], entry) == NONE:
        behind = bisect.bisect_right(places, entry)
        if behind == len(places) or places[behind] > entry + ENTRY_STUB_MAX:
            table[entry + ENTRY_STUB_MAX] = NONE
        table[entry] = STOP


def expected_table(fdes, entry):
    """The row that begins to hold at each address where readelf sees a change."""
    table = {}
    for n, fde in enumerate(fdes):
        next_start = fdes[n + 1].start if n + 1 < len(fdes) else None
        if n and fdes[n - 1].start == fde.start:
            continue
        end = fde.end if next_start is None else min(fde.end, next_start)
        table.update((pc, row) for pc, row in fde.rows.items() if pc < end)
        if next_start is None or next_start - end > PADDING_MAX:
            table[end] = NONE
    add_entry(table, entry)
    return table


def read_ours(path):
    """Addresses in order, and the row from each on."""
    places, rows = [], []
    for line in run(os.environ["DUMP_ROWS"], "--rows", path).splitlines():
        pc, cfa, number, fp, fp_number = line.split()
        places.append(int(pc, 16))
        rows.append(Row(cfa, int(number), fp, int(fp_number)))
    return places, rows


class Readelf(unittest.TestCase):
    def compare(self, path):
        entry = re.search(r"Entry point address: +0x(\w+)", run("readelf", "-h", path))
        table = expected_table(read_fdes(path), int(entry[1], 16))
        places, rows = read_ours(path)
        self.assertEqual(places, sorted(set(places)))
        wrong = []
        for pc, row in table.items():
            ours = row_at(places, rows, pc)
            if ours != row:
                wrong.append(f"{pc:x}: readelf {row}, ours {ours}")
        wrong.extend(f"{pc:x}: only ours" for pc in places if pc not in table)
        self.assertEqual(wrong[:10], [], f"{path}: {len(wrong)} of {len(table)}")
        same = [n for n in range(1, len(rows)) if rows[n] == rows[n - 1]]
        self.assertEqual(same, [], "neighbours that say the same")
        kinds = collections.Counter(row.cfa for row in table.values())
        print(f"{path}: {len(table)} rows of readelf, {len(rows)} of ours; {dict(kinds)}")
        return kinds

    def test_enough_files(self):
        here = [path for path in FILES if os.path.exists(path)]
        self.assertLessEqual(set(NEEDED), set(here))
        self.assertGreaterEqual(len(here), len(NEEDED) + 2)

    def test_files(self):
        kinds = collections.Counter()
        for path in sys.argv[1:] or FILES:
            if os.path.exists(path):
                with self.subTest(path):
                    kinds += self.compare(path)
        if sys.argv[1:]:
            return
        # The comparison is of use only where there is something to compare.
        for kind in ("none", "sp", "fp", "plt", "signal", "stop", "ra_register", "unsupported"):
            self.assertGreater(kinds[kind], 0, kind)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
