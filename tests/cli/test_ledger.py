# SPDX-License-Identifier: GPL-2.0-or-later
"""profctl ps, threads and units: what the ledger says of each, sorted by any of it, in every
format."""
import csv
import io
import json

from profctl_case import (LEDGER_KEYS, ROW_KEYS, WINDOW, WINDOW_KEYS, ProfctlCase, main,
                          make_ledger, make_waits)

MS = 10**6
MIB = 2**20
COMMANDS = ("ps", "threads", "units")
# What a sort key stands for: the sum of these.
SORTS = {"oncpu": ["oncpu_ns"], "user": ["user_ns"], "system": ["system_ns"], "runq": ["runq_ns"],
         "blocked": ["blocked_ns"], "other": ["other_ns"], "elapsed": ["elapsed_ns"],
         "switches": ["voluntary_switches", "involuntary_switches"], "rss": ["rss_bytes"],
         "peak": ["peak_rss_bytes"], "faults": ["minor_faults", "major_faults"],
         "read": ["read_bytes"], "write": ["write_bytes"], "threads": ["threads"]}


class LedgerCase(ProfctlCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.full, cls.store = cls.store, make_ledger(cls.dir / "ledger")

    def rows(self, command, *args, **kwargs):
        """The window line and the rows."""
        out, _ = self.run_profctl(command, "-o", "json", *args, *WINDOW, **kwargs)
        window, *rows = [json.loads(line) for line in out.decode().splitlines()]
        return window, rows


class Tables(LedgerCase):
    def test_golden(self):
        for command in COMMANDS:
            out, _ = self.run_profctl(command, *WINDOW)
            self.assert_golden(command, out)
        out, _ = self.run_profctl("ps", "--sort", "peak", "-n", "2", *WINDOW)
        self.assert_golden("ps_peak", out)
        out, _ = self.run_profctl("units", "--unit", "web", *WINDOW)
        self.assert_golden("units_web", out)

    def test_sorted_by_is_shown(self):
        for sort in SORTS:
            for command in COMMANDS:
                out, _ = self.run_profctl(command, "--sort", sort, *WINDOW)
                title = {"oncpu": "CPU"}.get(sort, sort.upper())
                self.assertEqual(out.decode().splitlines()[3].split().count(title), 1, sort)

    def test_on_a_terminal(self):
        shown, _ = self.run_on_terminal("ps", "--pid", "1000", *WINDOW)
        self.assertIn("Next: profctl stat", shown)
        self.assertIn("--pid 1000", shown.splitlines()[-1])

    def test_all_buckets_have_a_ledger(self):
        out, _ = self.run_profctl("ps", "-S", "2026-11-23 08:20:10", "-U", "2026-11-23 08:20:20")
        self.assertNotIn(b"have a ledger", out)
        self.assertNotIn(b"left: switches", out)


class Rows(LedgerCase):
    def test_every_key_in_every_line(self):
        for command in COMMANDS:
            window, rows = self.rows(command)
            self.assertEqual(list(window), WINDOW_KEYS)
            self.assertEqual((window["command"], window["event"]), (command, "cpu"))
            self.assertGreater(len(rows), 1)
            for row in rows:
                self.assertEqual(list(row), ROW_KEYS + LEDGER_KEYS)
                self.assertEqual((row["schema"], row["kind"], row["count"]), (1, "row", None))

    def test_csv_says_the_same(self):
        for command in COMMANDS:
            out, _ = self.run_profctl(command, "-o", "csv", *WINDOW)
            header, *table = csv.reader(io.StringIO(out.decode(), newline=""))
            _, rows = self.rows(command)
            self.assertEqual(header[-len(LEDGER_KEYS):], LEDGER_KEYS)
            self.assertEqual(len(table), len(rows))
            for cells, row in zip(table, rows):
                for key in ("pid", "tid", "unit", "container", "self_ns", "count", *LEDGER_KEYS):
                    value = "" if row[key] is None else str(row[key])
                    self.assertEqual(cells[header.index(key)], value, key)

    def test_figures_of_a_process(self):
        window, rows = self.rows("ps", "--pid", "1000")
        self.assertEqual(len(rows), 1)
        web = rows[0]
        self.assertEqual((web["pid"], web["tid"], web["comm"], web["unit"], web["module"]),
                         (1000, None, "web", "web.service", "/usr/bin/web"))
        self.assertEqual(web["oncpu_ns"], 12300 * MS)
        self.assertEqual(web["user_ns"], 8200 * MS)
        self.assertEqual(web["system_ns"], 4100 * MS)
        self.assertEqual(web["runq_ns"], 780 * MS)
        self.assertEqual(web["blocked_ns"], 56915 * MS)
        self.assertEqual(web["elapsed_ns"], 70000 * MS)
        self.assertEqual(web["other_ns"], 5 * MS)
        self.assertEqual(web["gate_ns"], 6750 * MS)
        self.assertEqual((web["voluntary_switches"], web["involuntary_switches"]), (92950, 115))
        self.assertEqual((web["minor_faults"], web["major_faults"]), (51, 2))
        self.assertEqual((web["read_bytes"], web["write_bytes"]), (12288, 1048576 + 150))
        self.assertEqual(web["threads"], 2)
        # The last bucket's and the most, not sums over buckets.
        self.assertEqual((web["rss_bytes"], web["peak_rss_bytes"]), (42 * MIB, 60 * MIB))
        self.assertEqual(web["self_ns"], web["oncpu_ns"])
        self.assertEqual((web["self_pct"], window["total_ns"]), (100, 12300 * MS))
        self.assertEqual(window["machine_total_ns"], 22303 * MS)

    def test_times_that_overlap(self):
        _, rows = self.rows("ps", "--pid", "2000")
        self.assertEqual(rows[0]["other_ns"], -20 * MS)
        self.assertEqual(rows[0]["comm"], "jo;b\x1b[2J")

    def test_memory_is_with_the_main_thread(self):
        _, rows = self.rows("threads", "--pid", "1000")
        by_tid = {row["tid"]: row for row in rows}
        self.assertEqual(by_tid[1000]["rss_bytes"], 42 * MIB)
        self.assertIsNone(by_tid[1001]["rss_bytes"])
        self.assertIsNone(by_tid[1001]["peak_rss_bytes"])
        self.assertEqual(by_tid[1001]["oncpu_ns"], 10500 * MS)

    def test_memory_that_nobody_saw(self):
        """Of what lived inside one bucket, and of the kernel's threads: not known is not 0."""
        for command in ("ps", "threads"):
            _, rows = self.rows(command)
            by_exe = {row["module"]: row for row in rows if row["tid"] != 1001}
            for exe in ("/usr/bin/first", None):
                self.assertIsNone(by_exe[exe]["rss_bytes"], (command, exe))
                self.assertIsNone(by_exe[exe]["peak_rss_bytes"], (command, exe))
            self.assertEqual(by_exe["/usr/bin/second"]["peak_rss_bytes"], 4 * MIB)
        _, rows = self.rows("stat", "--exe", "first")
        self.assertIsNone(rows[0]["peak_rss_bytes"])
        out, _ = self.run_profctl("stat", "--exe", "first", *WINDOW)
        self.assertRegex(out.decode(), r"\nRSS, peak +-\n")

    def test_lives(self):
        for command in ("ps", "threads"):
            _, rows = self.rows(command, "--pid", "3000")
            self.assertEqual([(row["module"], row["oncpu_ns"]) for row in rows],
                             [("/usr/bin/second", 60 * MS), ("/usr/bin/first", 40 * MS)])
        _, err = self.run_profctl("ps", "--pid", "3000", *WINDOW)
        self.assertIn("pid 3000 was 2 processes", err)

    def test_units(self):
        _, rows = self.rows("units")
        self.assertEqual([row["unit"] and row["unit"][:6] for row in rows],
                         ["web.se", "docker", None])
        self.assertEqual(rows[1]["container"], "0123456789abcdef" * 4)
        # Two lives and a kernel thread.
        self.assertEqual((rows[2]["threads"], rows[2]["idle_ns"]), (3, 9000 * MS))

    def test_sums_add_up(self):
        """Units, processes and threads are the same time, and the machine's."""
        whole = self.rows("stat")[1][0]
        for command in COMMANDS:
            window, rows = self.rows(command)
            self.assertEqual(window["total_ns"], whole["oncpu_ns"])
            for key in LEDGER_KEYS:
                if key not in ("rss_bytes", "peak_rss_bytes"):
                    self.assertEqual(sum(row[key] for row in rows), whole[key], (command, key))
            for row in rows:
                self.assertEqual(row["user_ns"] + row["system_ns"], row["oncpu_ns"])
                self.assertEqual(row["oncpu_ns"] + row["runq_ns"] + row["blocked_ns"] +
                                 row["other_ns"], row["elapsed_ns"])

    def test_sort(self):
        for sort, keys in SORTS.items():
            for command in COMMANDS:
                _, rows = self.rows(command, "--sort", sort, "-n", "0")
                values = [sum(row[key] or 0 for key in keys) for row in rows]
                self.assertEqual(values, sorted(values, reverse=True), (command, sort))
        self.assertEqual([row["pid"] for row in self.rows("ps", "--sort", "other")[1]],
                         [1000, 30, 3000, 3000, 2000])

    def test_lines(self):
        _, rows = self.rows("threads", "-n", "2")
        self.assertEqual([row["tid"] for row in rows], [1001, 2000])
        self.assertEqual(len(self.rows("threads", "-n", "0")[1]), 6)

    def test_filters(self):
        for args, pids in ((["--unit", "web"], [1000]), (["--container", "0123456789ab"], [2000]),
                           (["--comm", "short"], [3000, 3000]), (["--exe", "first"], [3000]),
                           (["--tid", "1001"], [1000]),
                           (["--pid", "30", "--pid", "2000"], [2000, 30])):
            self.assertEqual([row["pid"] for row in self.rows("ps", *args)[1]], pids, args)
        # Of the worker alone no main thread is there.
        self.assertIsNone(self.rows("ps", "--tid", "1001")[1][0]["rss_bytes"])


class OneStart(LedgerCase):
    """Buckets that were cut off, and profd restarted between: all have the same start."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.whole, cls.store = cls.store, make_ledger(cls.dir / "cut", "cut")

    def test_sums_and_sizes(self):
        for command in COMMANDS:
            _, cut = self.rows(command)
            _, whole = self.rows(command, store=self.whole)
            self.assertEqual(cut, whole, command)

    def test_open_waits(self):
        _, rows = self.rows("latency", "--by", "thread")
        by_tid = {row["tid"]: row for row in rows}
        self.assertEqual((by_tid[1000]["open_count"], by_tid[1000]["open_ns"]), (0, 0))
        self.assertEqual((by_tid[1001]["open_count"], by_tid[1001]["open_ns"]), (1, 11000 * MS))


class Refused(LedgerCase):
    def test_usage(self):
        for command in COMMANDS:
            for args, says in ((["--sort", "colour"],
                                "--sort 'colour': give oncpu, user, system, runq, blocked, other, "
                                "switches, rss, peak, faults, read, write, threads or elapsed"),
                               (["--sort", ""], "give oncpu"),
                               (["-n", "many"], "give a number"),
                               (["-o", "xml"], "give table, json or csv"),
                               (["nginx"], "unexpected 'nginx'"),
                               (["--pid", "x"], "give a process number"),
                               (["--since", "soon"], "is no time")):
                out, err = self.run_profctl(command, *args, code=2)
                self.assertEqual(out, b"")
                self.assertTrue(err.startswith(f"profctl {command}: ") or
                                err.startswith("profctl: "), err)
                self.assertIn(says, err)

    def test_help(self):
        for command in COMMANDS:
            out, _ = self.run_profctl(command, "--help", store=False)
            self.assertIn(f"Usage: profctl {command} ".encode(), out)
            said = " ".join(out.decode().split())
            for sort in SORTS:
                self.assertIn(sort, said)

    def test_stores(self):
        for command in COMMANDS:
            self.run_profctl(command, store=str(self.dir / "missing"), code=3)
            _, err = self.run_profctl(command, "--pid", "77", *WINDOW, code=4)
            self.assertIn("pid 77 is nowhere in the store", err)

    def test_empty(self):
        for command in COMMANDS:
            out, err = self.run_profctl(command, "--since", "2026-11-22", "--until", "2026-11-23")
            self.assertEqual(out, b"")
            self.assertIn("no bucket begins in", err)
            out, err = self.run_profctl(command, "--comm", "nobody", *WINDOW)
            self.assertEqual(out, b"")
            self.assertTrue(err.startswith("-- no threads --\n"), err)
            self.assertIn("no thread in 2026-11-23 08:20:00 -> 08:30:00 UTC passes --comm", err)
            self.assertIn("there is data in 2026-11-23 08:20:00 -> 08:21:00 UTC", err)
            window, rows = self.rows(command, "--comm", "nobody")
            self.assertEqual((window["total_ns"], rows), (0, []))
            self.assertEqual(window["machine_total_ns"], 22303 * MS)

    def test_no_ledger(self):
        """Waits without a ledger, CPU time alone, and the first bucket after a start."""
        waits = make_waits(self.dir / "no-ledger", kind="no-ledger")
        for command in COMMANDS:
            for store, window in ((waits, WINDOW), (self.full, WINDOW),
                                  (self.store, ["-S", "2026-11-23 08:20:00", "-U",
                                                "2026-11-23 08:20:05"])):
                out, err = self.run_profctl(command, *window, store=store)
                self.assertEqual(out, b"")
                self.assertTrue(err.startswith("-- no ledger --\n"), err)
                self.assertIn("[offcpu] is off in profd.conf", err)
                self.assertIn("'profctl top' has CPU time", err)
                self.assertIn("there is data in", err)


if __name__ == "__main__":
    main()
