# SPDX-License-Identifier: GPL-2.0-or-later
"""profctl stat: one figure of everything the ledger has, and what blocked time was waited for."""
import csv
import io
import json

from profctl_case import (LEDGER_KEYS, ROW_KEYS, WINDOW, WINDOW_KEYS, ProfctlCase, main,
                          make_ledger, make_waits)

MS = 10**6


class Stat(ProfctlCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.full, cls.store = cls.store, make_ledger(cls.dir / "ledger")

    def stat(self, *args, **kwargs):
        """The window line, the figures, and the reasons of blocked time."""
        out, _ = self.run_profctl("stat", "-o", "json", *args, *WINDOW, **kwargs)
        window, whole, *reasons = [json.loads(line) for line in out.decode().splitlines()]
        for row in (whole, *reasons):
            self.assertEqual(list(row), ROW_KEYS + LEDGER_KEYS)
            self.assertEqual((row["schema"], row["kind"]), (1, "row"))
        return window, whole, reasons

    def test_golden(self):
        self.assert_golden("stat", self.run_profctl("stat", *WINDOW)[0])
        self.assert_golden("stat_unit", self.run_profctl("stat", "--unit", "web", *WINDOW)[0])
        self.assert_golden("stat_tid", self.run_profctl("stat", "--tid", "1001", *WINDOW)[0])

    def test_machine(self):
        window, whole, _ = self.stat()
        self.assertEqual(list(window), WINDOW_KEYS)
        self.assertEqual((window["command"], window["event"]), ("stat", "cpu"))
        self.assertEqual(window["total_ns"], whole["oncpu_ns"])
        self.assertEqual(whole["oncpu_ns"], 22303 * MS)
        self.assertEqual(whole["elapsed_ns"], 97500 * MS)
        self.assertEqual(whole["other_ns"], -15 * MS)
        self.assertEqual(whole["threads"], 6)
        self.assertEqual(whole["idle_ns"], 9000 * MS)
        self.assertEqual(whole["peak_rss_bytes"], 512 * 2**20)
        self.assertIsNone(whole["pid"])
        self.assertIsNone(whole["reason"])
        self.assertIsNone(whole["count"])

    def test_reasons(self):
        """Exact waits as they are, the rest of the ledger for the sampled ones."""
        window, whole, reasons = self.stat("--unit", "web")
        self.assertEqual([(row["reason"], row["blocked_ns"]) for row in reasons],
                         [("lock", 55915 * MS), ("disk", 1000 * MS)])
        self.assertEqual(sum(row["blocked_ns"] for row in reasons), whole["blocked_ns"])
        self.assertEqual(window["not_sampled_ns"], 0)
        self.assertEqual(reasons[1]["count"], 4)
        for row in reasons:
            for key in set(LEDGER_KEYS) - {"blocked_ns"} | {"self_ns", "total_ns", "total_pct"}:
                self.assertIsNone(row[key], key)

    def test_reasons_and_idle_are_all_of_it(self):
        _, whole, reasons = self.stat()
        self.assertEqual(sum(row["blocked_ns"] for row in reasons) + whole["idle_ns"],
                         whole["blocked_ns"])

    def test_not_sampled(self):
        window, whole, reasons = self.stat("--pid", "2000")
        self.assertEqual((reasons, whole["blocked_ns"]), ([], 90 * MS))
        self.assertEqual(window["not_sampled_ns"], 90 * MS)
        out, _ = self.run_profctl("stat", "--pid", "2000", *WINDOW)
        self.assertRegex(out.decode(), r"\n  \[not sampled\] +0\.09s +100\.0%\n")

    def test_group_of_several(self):
        _, both, _ = self.stat("--pid", "1000", "--pid", "2000")
        _, web, _ = self.stat("--pid", "1000")
        _, job, _ = self.stat("--pid", "2000")
        for key in LEDGER_KEYS:
            if key not in ("rss_bytes", "peak_rss_bytes"):
                self.assertEqual(both[key], web[key] + job[key], key)
        _, err = self.run_profctl("stat", "--pid", "3000", *WINDOW)
        self.assertIn("pid 3000 was 2 processes", err)

    def test_csv_says_the_same(self):
        out, _ = self.run_profctl("stat", "-o", "csv", *WINDOW)
        header, *table = csv.reader(io.StringIO(out.decode(), newline=""))
        _, whole, reasons = self.stat()
        self.assertEqual(len(table), 1 + len(reasons))
        for cells, row in zip(table, [whole, *reasons]):
            self.assertEqual(len(cells), len(header))
            for key in ("reason", "self_ns", "self_pct", "count", *LEDGER_KEYS):
                if key != "self_pct" or row[key] is None:
                    value = "" if row[key] is None else str(row[key])
                    self.assertEqual(cells[header.index(key)], value, key)

    def test_on_a_terminal(self):
        shown, _ = self.run_on_terminal("stat", "--pid", "1000", *WINDOW)
        self.assertIn("Next: profctl top", shown)

    def test_refused(self):
        for args, says in ((["-o", "xml"], "give table, json or csv"),
                           (["nginx"], "unexpected 'nginx'"),
                           (["--sort", "rss"], "--help")):
            out, err = self.run_profctl("stat", *args, code=2)
            self.assertEqual(out, b"")
            self.assertIn(says, err)
        self.run_profctl("stat", store=str(self.dir / "missing"), code=3)
        _, err = self.run_profctl("stat", "--unit", "nowhere", *WINDOW, code=4)
        self.assertIn("unit nowhere is nowhere in the store", err)
        out, _ = self.run_profctl("stat", "--help", store=False)
        self.assertIn(b"Usage: profctl stat ", out)

    def test_empty(self):
        out, err = self.run_profctl("stat", "--comm", "nobody", *WINDOW)
        self.assertEqual(out, b"")
        self.assertIn("passes --comm", err)
        store = make_waits(self.dir / "no-ledger", kind="no-ledger")
        for formats in ([], ["-o", "json"], ["-o", "csv"]):
            out, err = self.run_profctl("stat", *formats, *WINDOW, store=store)
            self.assertTrue(err.startswith("-- no ledger --\n"), err)
            self.assertIn("[offcpu] is off in profd.conf", err)
            # The window, or the header.
            self.assertEqual(len(out.splitlines()), 1 if formats else 0)


if __name__ == "__main__":
    main()
