# SPDX-License-Identifier: GPL-2.0-or-later
"""Waiting time in profctl top and export: what is exact, what is estimated by which factor, what no
sample stands for, and that it all adds up. make_waits.c says what is in the store."""
import contextlib
import csv
import io
import json
import pathlib
import sqlite3

from profctl_case import (TOP_KEYS, WINDOW, WINDOW_KEYS, ProfctlCase, main, make_store,
                          make_waits)

MS = 10**6
S = 10**9
# Of the machine: the ledger's remainder by what the samples stand for, 30 and more of them.
EXACT = 37 * S + 5 * 40 * MS + 3 * 60 * MS + 13 * S
SAMPLED = 4 * 80 * MS + 24 * 2 * MS + 24 * 5 * MS
LEDGER = (460 + 37380 + 13200) * MS
FACTOR = (LEDGER - EXACT) / SAMPLED
GROUPINGS = ("function", "module", "process", "thread", "unit")
WAIT_EVENTS = ("offcpu", "runq", "wall", "waker")


class WaitsCase(ProfctlCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.store = make_waits(cls.dir / "waits")

    def by(self, key, *args, **kwargs):
        window, rows = self.top_json(*args, *WINDOW, **kwargs)
        return window, {row[key]: row for row in rows}


class Golden(WaitsCase):
    def check(self, name, *args):
        out, _ = self.run_profctl(*args, *WINDOW)
        self.assert_golden(name, out.replace(b"\r\n", b"\n"))

    def test_tables(self):
        self.check("waits_offcpu", "top", "--event", "offcpu")
        self.check("waits_runq", "top", "--event", "runq")
        self.check("waits_wall", "top", "--event", "wall")
        self.check("waits_waker", "top", "--event", "waker")
        self.check("waits_by_reason", "top", "--event", "offcpu", "--by", "reason")
        self.check("waits_wall_by_reason", "top", "--event", "wall", "--by", "reason")
        self.check("waits_by_total", "top", "-e", "offcpu", "--sort", "total", "-n", "3")
        self.check("waits_reasons", "top", "-e", "offcpu", "--reason", "disk,page-fault")
        for by in GROUPINGS:
            self.check(f"waits_not_sampled_{by}", "top", "-e", "offcpu", "-p", "2000", "--by", by)

    def test_machine_formats(self):
        self.check("waits_json", "top", "-e", "offcpu", "-p", "2000", "-o", "json")
        self.check("waits_by_reason_json", "top", "-e", "wall", "--by", "reason", "-o", "json")
        self.check("waits_csv", "top", "-e", "offcpu", "-p", "2000", "-o", "csv")
        self.check("waits_folded", "export", "-e", "offcpu", "-p", "2000", "-o", "folded")
        self.check("waits_wall_folded", "export", "-e", "wall", "-o", "folded")


class Figures(WaitsCase):
    def test_scaled(self):
        window, reasons = self.by("reason", "-e", "offcpu", "--by", "reason")
        self.assertEqual((window["event"], window["command"]), ("offcpu", "top"))
        self.assertAlmostEqual(window["total_ns"], LEDGER, delta=10)
        self.assertEqual(window["machine_total_ns"], window["total_ns"])
        self.assertEqual(window["not_sampled_ns"], 0)
        # Exact ones as they are, sampled ones by the one factor of the machine.
        self.assertEqual(reasons["poll"]["self_ns"], 37 * S)
        self.assertEqual(reasons["poll"]["count"], 1)
        self.assertEqual(reasons["disk"]["self_ns"], 380 * MS)
        self.assertEqual(reasons["disk"]["count"], 8)
        self.assertAlmostEqual(reasons["sleep"]["self_ns"], 120 * MS * FACTOR, delta=10)
        self.assertAlmostEqual(reasons["sleep"]["count"], 24 * FACTOR, delta=1)
        self.assertAlmostEqual(reasons["page fault"]["self_ns"], 48 * MS * FACTOR, delta=10)
        self.assertAlmostEqual(reasons["lock"]["self_ns"], 13 * S + 320 * MS * FACTOR, delta=10)

    def test_the_factor_is_of_the_group(self):
        window, threads = self.by("comm", "-e", "offcpu", "-p", "1000", "--by", "thread")
        self.assertAlmostEqual(threads["web-worker"]["self_ns"], 460 * MS, delta=10)
        self.assertEqual(threads["web"]["self_ns"], 37380 * MS)
        self.assertEqual(window["machine_total_ns"], LEDGER)

    def test_not_sampled(self):
        """Three samples are too few to scale by: what the ledger has more is a row."""
        window, functions = self.by("function", "-e", "offcpu", "-p", "2000")
        self.assertEqual(window["not_sampled_ns"], 80 * MS)
        self.assertEqual(window["total_ns"], 13200 * MS)
        self.assertEqual(functions["do_nanosleep"]["self_ns"], 120 * MS)
        self.assertEqual(functions["do_nanosleep"]["count"], 24)
        self.assertEqual(functions["[not sampled]"]["self_ns"], 80 * MS)
        # Its row is where its size puts it, and counts as one of the lines.
        _, rows = self.top_json("-e", "offcpu", "-p", "2000", *WINDOW)
        self.assertEqual([row["function"] for row in rows[:3]],
                         ["futex_wait", "do_nanosleep", "[not sampled]"])
        out, _ = self.run_profctl("top", "-e", "offcpu", "-p", "2000", "-n", "2", *WINDOW)
        self.assertIn(b"...3 more rows.", out)

    def test_how_sure_a_row_is(self):
        """Three samples of 5 ms with weight 8, by the formula of estimate.c written down again."""
        variance, third = 24 * 7 * 5**2, 24 * 7**2 * 5**3
        half_width = 1.959964 * (1 + 2 * third**2 / variance**3) * variance**0.5 * MS
        expected = {"do_nanosleep": half_width, "futex_wait": 0, "[not sampled]": None}
        _, functions = self.by("function", "-e", "offcpu", "-p", "2000")
        for function, width in expected.items():
            if width:
                self.assertAlmostEqual(functions[function]["half_width_ns"], width, delta=1)
            else:
                self.assertEqual(functions[function]["half_width_ns"], width)
        # A caller's is that of all below it, and so is a whole process's.
        for row in ([functions["main"]] +
                    [row for by in ("process", "thread", "unit", "module")
                     for row in self.top_json("-e", "offcpu", "-p", "2000", "--by", by, *WINDOW)[1]
                     if row["function"] is None]):
            self.assertAlmostEqual(row["half_width_ns"], half_width, delta=1)
        _, reasons = self.by("reason", "-e", "offcpu", "-p", "2000", "--by", "reason")
        self.assertEqual((reasons["lock"]["half_width_ns"], round(half_width)),
                         (0, reasons["sleep"]["half_width_ns"]))
        # Scaled, by reason as by function.
        _, reasons = self.by("reason", "-e", "offcpu", "--by", "reason")
        _, functions = self.by("function", "-e", "offcpu")
        self.assertEqual(reasons["sleep"]["half_width_ns"],
                         functions["do_nanosleep"]["half_width_ns"])
        self.assertLess(0, reasons["sleep"]["half_width_ns"])
        for event in ("cpu", "wall"):
            _, rows = self.top_json("-e", event, *WINDOW)
            self.assertEqual({row["half_width_ns"] for row in rows}, {None})

    def test_cpu_is_the_same_in_wall(self):
        """The waits beside it have a factor, which is not that of the samples of CPU time."""
        for filters in ([], ["-p", "1000"], ["-p", "2000"], ["-c", "web*"]):
            _, cpu = self.top_json("-e", "cpu", *filters, *WINDOW)
            _, wall = self.top_json("-e", "wall", *filters, *WINDOW)
            keys = ("function", "module", "reason")
            in_wall = {tuple(row[key] for key in keys): (row["self_ns"], row["count"])
                       for row in wall}
            for row in cpu:
                self.assertEqual(in_wall[tuple(row[key] for key in keys)],
                                 (row["self_ns"], row["count"]))
            _, reasons = self.by("reason", "-e", "wall", "--by", "reason", *filters)
            self.assertEqual(reasons["[on-cpu]"]["self_ns"] if cpu else 0,
                             sum(row["self_ns"] for row in cpu))

    def test_everything_adds_up(self):
        for event in WAIT_EVENTS:
            for filters in ([], ["-p", "2000"], ["-p", "1000"], ["-c", "web*"]):
                totals = set()
                for by in GROUPINGS:
                    window, rows = self.top_json("-e", event, "--by", by, *filters, *WINDOW)
                    self.assertEqual(sum(row["self_ns"] for row in rows), window["total_ns"])
                    self.assertAlmostEqual(sum(row["self_pct"] for row in rows),
                                           100 if rows else 0, 3)
                    self.assertAlmostEqual(sum(row["count"] for row in rows),
                                           window["samples"], delta=len(rows) / 2)
                    totals.add((window["total_ns"], window["samples"],
                                window["machine_total_ns"], window["not_sampled_ns"]))
                    self.assertEqual(list(window), WINDOW_KEYS)
                    for row in rows:
                        self.assertEqual(list(row), TOP_KEYS)
                self.assertEqual(len(totals), 1, (event, filters, totals))

    def test_wall_is_the_sum(self):
        for filters in ([], ["-p", "1000"], ["-p", "2000"]):
            wall, _ = self.top_json("-e", "wall", *filters, *WINDOW)
            parts = [self.top_json("-e", event, *filters, *WINDOW)[0]
                     for event in ("cpu", "runq", "offcpu")]
            self.assertEqual(wall["total_ns"], sum(part["total_ns"] for part in parts))
            self.assertEqual(wall["not_sampled_ns"],
                             sum(part["not_sampled_ns"] or 0 for part in parts))

    def test_wall_tells_its_parts_apart(self):
        _, functions = self.by("function", "-e", "wall")
        self.assertEqual(functions["handle"]["self_ns"], 80 * 20 * MS)
        self.assertEqual(functions["[off-cpu: poll]"]["self_ns"], 37 * S)
        self.assertEqual(functions["ep_poll"]["self_ns"], 0)
        self.assertEqual(functions["ep_poll"]["total_ns"], 37 * S)
        runq, _ = self.top_json("-e", "runq", *WINDOW)
        self.assertEqual(functions["[run-queue]"]["self_ns"], runq["total_ns"])
        _, modules = self.by("module", "-e", "wall", "--by", "module")
        self.assertEqual(modules["[run-queue]"]["self_ns"], runq["total_ns"])
        self.assertEqual(modules["[kernel]"]["self_ns"], 0)
        offcpu, _ = self.top_json("-e", "offcpu", *WINDOW)
        self.assertEqual(modules["[off-cpu]"]["self_ns"], offcpu["total_ns"])
        _, reasons = self.by("reason", "-e", "wall", "--by", "reason")
        self.assertEqual(reasons["[on-cpu]"]["self_ns"], 90 * 20 * MS)
        self.assertEqual(reasons["cpu"]["self_ns"], runq["total_ns"])

    def test_reasons_select(self):
        window, rows = self.top_json("-e", "offcpu", "--reason", "DISK,page-fault", *WINDOW)
        self.assertEqual({row["function"] for row in rows if row["self_ns"]}, {"io_schedule"})
        self.assertAlmostEqual(window["total_ns"], 380 * MS + 48 * MS * FACTOR, delta=10)
        self.assertEqual(sum(row["self_ns"] for row in rows), window["total_ns"])
        self.assertAlmostEqual(window["machine_total_ns"], LEDGER, delta=10)
        # What was not sampled may be for any reason: it is said, and is not in the sum.
        window, rows = self.top_json("-e", "offcpu", "--reason", "sleep", "-p", "2000", *WINDOW)
        self.assertEqual((window["total_ns"], window["not_sampled_ns"]), (120 * MS, 80 * MS))
        self.assertNotIn("[not sampled]", [row["function"] for row in rows])
        out, _ = self.run_profctl("top", "-e", "offcpu", "--reason", "sleep", "-p", "2000",
                                  *WINDOW)
        self.assertIn("beside it 0.08s not sampled, of any reason", out.decode())
        # Of wall time only waits have one.
        window, _ = self.top_json("-e", "wall", "--reason", "cpu", *WINDOW)
        runq, _ = self.top_json("-e", "runq", *WINDOW)
        self.assertEqual(window["total_ns"], runq["total_ns"])
        _, processes = self.by("pid", "-e", "offcpu", "--reason", "poll", "--by", "process")
        self.assertEqual({pid: row["self_ns"] for pid, row in processes.items()}, {1000: 37 * S})

    def test_the_scheduler_is_no_leaf(self):
        for event in ("offcpu", "runq", "wall"):
            _, functions = self.by("function", "-e", event)
            self.assertNotIn("__schedule", functions)
            self.assertNotIn("schedule", functions)
        # The stack of a waker is what it did.
        _, functions = self.by("function", "-e", "waker")
        self.assertEqual(functions["__schedule"]["self_ns"], 80 * MS)

    def test_windows(self):
        """Held waits have the part that lies in the window, across partitions."""
        for since, until, total in (("08:20:00", "08:20:10", 6 * S),
                                    ("08:20:10", "08:20:20", 9 * S),
                                    ("08:20:10", "08:20:40", 29 * S),
                                    ("08:20:30", "08:20:50", 12 * S)):
            window, rows = self.top_json("-e", "offcpu", "--reason", "poll", "-S",
                                         "2026-11-23 " + since, "-U", "2026-11-23 " + until)
            self.assertEqual((window["total_ns"], rows[0]["self_ns"]), (total, total))

    def test_csv_and_json_agree(self):
        out, _ = self.run_profctl("top", "-e", "wall", "-o", "csv", "-n", "0", *WINDOW)
        rows = list(csv.DictReader(io.StringIO(out.decode(), newline="")))
        _, expected = self.top_json("-e", "wall", *WINDOW)
        self.assertEqual([(row["function"], int(row["self_ns"])) for row in rows],
                         [(row["function"] or "", row["self_ns"]) for row in expected])
        self.assertEqual({row["half_width_ns"] for row in rows}, {""})
        out, _ = self.run_profctl("top", "-e", "offcpu", "-o", "csv", "-n", "0", *WINDOW)
        rows = list(csv.DictReader(io.StringIO(out.decode(), newline="")))
        _, expected = self.top_json("-e", "offcpu", *WINDOW)
        self.assertEqual([int(row["half_width_ns"]) for row in rows],
                         [row["half_width_ns"] for row in expected])

    def test_export_says_how_sure_it_is(self):
        out, err = self.run_profctl("export", "-e", "offcpu", "-p", "2000", "-o", "folded",
                                    *WINDOW)
        lines = dict(line.rsplit(" ", 1) for line in out.decode().splitlines())
        self.assertEqual(lines["[not sampled]"], str(80 * MS))
        self.assertEqual(sum(map(int, lines.values())), 13200 * MS)
        self.assertIn("of the waits: exact 98.5 %, sampled 0.9 % (± 1.5 % of the total), "
                      "not sampled 0.6 %; 0.9 % seen while switches were too many", err)
        _, err = self.run_profctl("export", "-e", "offcpu", "--reason", "disk", "-o", "folded",
                                  *WINDOW)
        self.assertIn("; 47.4 % with kernel frames only", err)

    def test_next_command(self):
        out, _ = self.run_on_terminal("top", "-e", "offcpu", "--reason", "pipe-read,poll", *WINDOW)
        self.assertIn("--event offcpu --reason poll,pipe-read --sort total", out)


class WithoutLedger(WaitsCase):
    """Nothing is scaled, and nobody knows what was not sampled."""

    def check(self, store):
        window, rows = self.top_json("-e", "offcpu", *WINDOW, store=store)
        self.assertIsNone(window["not_sampled_ns"])
        self.assertEqual(window["samples"], 1 + 8 + 320 + 24 + 24)
        functions = {row["function"]: row for row in rows}
        self.assertEqual(functions["do_nanosleep"]["self_ns"], 120 * MS)
        out, _ = self.run_profctl("top", "-e", "offcpu", *WINDOW, store=store)
        self.assertIn(b"no ledger says what was not sampled", out)
        return window

    def test_none_written(self):
        window = self.check(make_waits(self.dir / "none", kind="no-ledger"))
        self.assertEqual(window["total_ns"], EXACT + SAMPLED)

    def test_format_1(self):
        """A store of before the ledger, which has no held waits either."""
        store = make_waits(self.dir / "old")
        for path in pathlib.Path(store).glob("*.db"):
            with contextlib.closing(sqlite3.connect(path)) as db, db:
                db.execute("DROP TABLE ledger")
                db.execute("DROP TABLE held")
                db.execute("PRAGMA user_version = 1")
        window = self.check(store)
        self.assertEqual(window["total_ns"], EXACT + SAMPLED - 39 * S)

    def test_no_waits_at_all(self):
        store = make_store(self.dir / "cpu")
        for args in (["top", "-e", "offcpu"], ["top", "-e", "runq", "-p", "1000"],
                     ["top", "-e", "offcpu", "--by", "reason"], ["export", "-e", "waker"]):
            out, err = self.run_profctl(*args, *WINDOW, store=store)
            self.assertIn("-- no waits --", err)
            self.assertIn("'profctl status' says whether waits are collected", err)
            self.assertIn("there is data in 2026-11-23 08:20:00", err)
            if args[0] == "top":
                self.assertEqual(out, b"")
        wall, _ = self.top_json("-e", "wall", *WINDOW, store=store)
        cpu, _ = self.top_json(*WINDOW, store=store)
        self.assertEqual(wall["total_ns"], cpu["total_ns"])
        out, _ = self.run_profctl("top", "-e", "wall", *WINDOW, store=store)
        self.assertIn(b"Of the waits: none was recorded.", out)


class Empty(WaitsCase):
    def test_why(self):
        for args, says in ((["--reason", "stopped"], "passes --reason, of 377 waits of the"),
                           (["--tid", "30"], "passes --tid, of 377 waits of the machine"),
                           (["-S", "2026-11-23 07:00", "-U", "2026-11-23 07:10"],
                            "no bucket begins in")):
            out, err = self.run_profctl("top", "-e", "offcpu", *WINDOW, *args)
            self.assertEqual(out, b"")
            self.assertIn("-- no waits --", err)
            self.assertIn(says, err)
            out, _ = self.run_profctl("top", "-e", "offcpu", "-o", "json", *WINDOW, *args)
            window = json.loads(out)
            self.assertEqual((window["total_ns"], window["samples"]), (0, 0))


class Usage(WaitsCase):
    def test_refused(self):
        for args, says in (
                (["top", "-e", "lunch"], "give cpu, offcpu, runq, wall, waker, blockio or"),
                (["export", "-e", ""], "give cpu, offcpu, runq, wall, waker, blockio or"),
                (["top", "--by", "reason"], "of cpu time there is none; give --event offcpu"),
                (["top", "-e", "waker", "--by", "reason"], "of waker time there is none"),
                (["top", "--reason", "disk"], "of cpu time there is none"),
                (["export", "-e", "waker", "--reason", "disk"], "of waker time there is none"),
                (["top", "-e", "runq", "--reason", "disk"], "no reason but cpu"),
                (["top", "-e", "offcpu", "--reason", "lunch"], "give some of disk, lock, sleep"),
                (["top", "-e", "offcpu", "--reason", "disk,"], "--reason 'disk,'"),
                (["export", "-e", "offcpu", "--reason", "x" * 100], "pipe-read")):
            out, err = self.run_profctl(*args, code=2)
            self.assertEqual(out, b"")
            self.assertIn(says, err)


if __name__ == "__main__":
    main()
