# SPDX-License-Identifier: GPL-2.0-or-later
"""profctl top and status: golden tables, and JSON and CSV as scripts rely on them."""
import contextlib
import csv
import io
import json
import pathlib
import sqlite3
import subprocess

from profctl_case import (START, TOP_KEYS, WINDOW, WINDOW_KEYS, ProfctlCase, main, make_store,
                          recent_start)

NS = 10**9
SAMPLE_NS = 20 * 10**6

STATUS_KEYS = ["schema", "kind", "store", "host", "format", "partitions", "bytes", "since_ns",
               "until_ns", "buckets", "bucket_ns", "newest_until_ns", "age_ns", "ahead_ns", "stale",
               "period_ns", "cpus", "nodes", "last_10m", "last_1h"]


class Golden(ProfctlCase):
    def check(self, name, *args):
        out, _ = self.run_profctl(*args)
        self.assert_golden(name, out)

    def test_tables(self):
        self.check("top", "top", *WINDOW)
        self.check("top_by_total", "top", "--sort", "total", *WINDOW)
        self.check("top_by_module", "top", "--by", "module", *WINDOW)
        self.check("top_pid", "top", "--pid", "1000", "-n", "3", *WINDOW)
        self.check("top_comm", "top", "--comm", "web-*", "--comm", "short", *WINDOW)
        self.check("top_one_bucket", "top", "-S", "2026-11-23 08:20:10", "-U",
                   "2026-11-23 08:20:11")

    def test_machine_formats(self):
        self.check("top_json", "top", "-o", "json", *WINDOW)
        # The line ends of RFC 4180 are Csv's; a golden file has those of the tree.
        out, _ = self.run_profctl("top", "-o", "csv", *WINDOW)
        self.assert_golden("top_csv", out.replace(b"\r\n", b"\n"))
        self.check("export_folded", "export", "-o", "folded", *WINDOW)

    def test_help(self):
        out, _ = self.run_profctl(store=False)
        self.assert_golden("help", out)
        self.assertLessEqual(len(out.decode().splitlines()), 12)
        self.assertEqual(out, self.run_profctl("--help", store=False)[0])
        self.assertRegex(self.run_profctl("--version", store=False)[0], rb"^profctl \d+\.\d+")

    def test_zones(self):
        out, _ = self.run_profctl("top", "--since", "2026-11-23 09:20", "--until",
                                  "2026-11-23 09:30", env={"TZ": "Europe/Berlin"})
        self.assertIn(b"2026-11-23 09:20:00 -> 09:21:00 CET", out)


class Json(ProfctlCase):
    def test_every_key_in_every_line(self):
        for args in (["top"], ["top", "--pid", "2000"], ["top", "--by", "module"],
                     ["top", "--by", "process"], ["top", "--by", "thread"],
                     ["top", "--by", "unit"]):
            out, _ = self.run_profctl(*args, "-o", "json", *WINDOW)
            lines = [json.loads(line) for line in out.decode().splitlines()]
            self.assertGreater(len(lines), 1)
            self.assertEqual(list(lines[0]), WINDOW_KEYS)
            for row in lines[1:]:
                self.assertEqual(list(row), TOP_KEYS)
                self.assertEqual((row["schema"], row["kind"]), (1, "row"))

    def test_jq_reads_it(self):
        out, _ = self.run_profctl("top", "-o", "json", *WINDOW)
        done = subprocess.run(["jq", "-e", "-s", ".[0].total_ns == ([.[1:][].self_ns] | add)"],
                              input=out, capture_output=True)
        self.assertEqual((done.returncode, done.stdout), (0, b"true\n"), done.stderr)

    def test_figures(self):
        window, rows = self.top_json(*WINDOW)
        by_name = {(r["function"], r["module"]): r for r in rows}
        self.assertEqual(window["since_ns"], START * NS)
        self.assertEqual(window["until_ns"], (START + 60) * NS)
        self.assertEqual(window["samples"], 486)
        self.assertEqual(window["total_ns"], 486 * SAMPLE_NS)
        self.assertEqual(window["machine_total_ns"], 486 * SAMPLE_NS)
        self.assertEqual(window["lost_ns"], 3 * SAMPLE_NS)
        self.assertEqual(window["truncated_ns"], 11 * SAMPLE_NS)
        self.assertEqual(window["unnamed_ns"], (11 + 5 + 9) * SAMPLE_NS)
        self.assertIsNone(window["not_sampled_ns"])
        self.assertEqual((window["tier"], window["event"]), ("10s", "cpu"))
        self.assertEqual(sum(r["self_ns"] for r in rows), window["total_ns"])
        self.assertEqual(sum(r["count"] for r in rows), window["samples"])
        # Two recursive frames of one sample are one sample of total time.
        recurse = by_name["recurse", "/usr/bin/web"]
        self.assertEqual((recurse["self_ns"], recurse["total_ns"]), (40 * SAMPLE_NS,) * 2)
        # Both names of one location: the inlined call and what it is inlined into.
        self.assertEqual(by_name["handle", "/usr/bin/web"]["total_ns"], 308 * SAMPLE_NS)
        self.assertEqual(by_name["parse_header", "/usr/bin/web"]["total_ns"], 308 * SAMPLE_NS)
        self.assertEqual(by_name["parse_header", "/usr/bin/web"]["file"], "src/parse.c")
        # The same name in two programs is two functions.
        self.assertEqual(by_name["main", "/usr/bin/web"]["self_ns"], 6 * SAMPLE_NS)
        self.assertEqual(by_name["main", '/opt/job/a "quoted", name;v2']["self_ns"], 0)
        self.assertAlmostEqual(by_name["copy_user", "[kernel]"]["self_pct"], 100 * 60 / 486, 3)
        unnamed = {r["reason"]: r for r in rows if r["function"] is None}
        self.assertEqual(set(unnamed), {"no symbol", "process gone", "anonymous memory"})
        self.assertIsNone(unnamed["process gone"]["module"])
        self.assertIsNone(recurse["reason"])

    def test_filters(self):
        window, rows = self.top_json("-p", "1000", *WINDOW)
        self.assertEqual(window["total_ns"], (486 - 124) * SAMPLE_NS)
        self.assertEqual(window["machine_total_ns"], 486 * SAMPLE_NS)
        both, _ = self.top_json("-p", "1000", "-p", "2000", *WINDOW)
        self.assertEqual(both["total_ns"], 483 * SAMPLE_NS)
        pattern, _ = self.top_json("-c", "web-*", *WINDOW)
        self.assertEqual(pattern["total_ns"], 84 * SAMPLE_NS)
        neither, rows = self.top_json("-c", "web-*", "-p", "2000", *WINDOW)
        self.assertEqual((neither["total_ns"], rows), (0, []))

    def test_windows_take_whole_buckets(self):
        # 08:20:05 to 08:20:15 holds the start of one bucket, 08:20:10.
        window, _ = self.top_json("-S", "2026-11-23 08:20:05", "-U", "2026-11-23 08:20:15")
        self.assertEqual(window["since_ns"], (START + 10) * NS)
        self.assertEqual(window["until_ns"], (START + 20) * NS)
        self.assertEqual(window["samples"], 60 + 11 + 80 + 5)

    def test_names_that_are_no_text(self):
        _, rows = self.top_json(*WINDOW)
        self.assertIn("we;ird\n\x1b[31m\ufffdname", [r["function"] for r in rows])
        out, _ = self.run_profctl("top", *WINDOW)
        self.assertNotIn(b"\x1b", out)
        self.assertIn("we;ird\ufffd\ufffd[31m\ufffdname".encode(), out)


    def test_host_that_is_no_text(self):
        store = make_store(self.dir / "host")
        for path in pathlib.Path(store).glob("*.db"):
            with contextlib.closing(sqlite3.connect(path)) as db, db:
                db.execute("UPDATE meta SET v = ? WHERE k = 'host'", ("a\x1b[31mb\nc",))
        for args in (["top", *WINDOW], ["status"]):
            out, err = self.run_profctl(*args, store=store)
            self.assertNotIn("\x1b", out.decode() + err)
        self.assertIn("host a\ufffd[31mb\ufffdc  cpu",
                      self.run_profctl("top", *WINDOW, store=store)[0].decode())


class Csv(ProfctlCase):
    def test_csv_and_json_agree(self):
        out, _ = self.run_profctl("top", "-o", "csv", "-n", "0", *WINDOW)
        self.assertEqual(out.count(b"\r\n"), out.count(b"\n"))
        rows = list(csv.DictReader(io.StringIO(out.decode(), newline="")))
        self.assertEqual(list(rows[0]), [key for key in TOP_KEYS[2:] if key != "stack"])
        _, expected = self.top_json(*WINDOW)
        self.assertEqual(len(rows), len(expected))
        for row, other in zip(rows, expected):
            for key in ("self_ns", "total_ns", "count"):
                self.assertEqual(int(row[key]), other[key])
            for key in ("module", "file", "reason"):
                self.assertEqual(row[key] or None, other[key])
            self.assertAlmostEqual(float(row["self_pct"]), other["self_pct"], 3)
        self.assertIn('/opt/job/a "quoted", name;v2', [row["module"] for row in rows])


class Status(ProfctlCase):
    def status_json(self, store=None):
        """The window line and the status line."""
        out, err = self.run_profctl("status", "-o", "json", store=store)
        window, status = [json.loads(line) for line in out.decode().splitlines()]
        return window, status, err

    def test_lines(self):
        window, status, _ = self.status_json()
        self.assertEqual((list(window), list(status)), (WINDOW_KEYS, STATUS_KEYS))
        self.assertEqual((window["kind"], window["command"]), ("window", "status"))
        self.assertEqual(window["until_ns"] - window["since_ns"], 600 * NS)
        self.assertEqual((window["samples"], window["truncated_ns"]), (0, None))
        self.assertEqual((status["kind"], status["host"]), ("status", "web-3"))

    def test_clock_that_was_ahead(self):
        """A bucket of a clock that was ahead does not hide that profd is dead; and when the newest
        lies in the future, that is said."""
        def shift(path, seconds, last_too):
            with contextlib.closing(sqlite3.connect(path)) as db, db:
                db.execute("UPDATE bucket SET start_ns = start_ns + ? WHERE seq < 3 OR ?",
                           (seconds * NS, last_too))
        store = make_store(self.dir / "ahead")
        newest = sorted(pathlib.Path(store).glob("*.db"))[-1]
        shift(newest, 86400 * 3650, False)
        _, status, err = self.status_json(store)
        self.assertEqual((status["stale"], status["ahead_ns"]), (True, 0))
        self.assertEqual(status["newest_until_ns"], (START + 60) * NS)
        self.assertGreater(status["until_ns"], (START + 86400) * NS)
        self.assertIn("profd seems not to be running", err)
        shift(newest, 86400 * 3650, True)
        _, status, err = self.status_json(store)
        self.assertEqual((status["stale"], status["age_ns"]), (False, 0))
        self.assertGreater(status["ahead_ns"], 86400 * NS)
        self.assertIn("in the future: the clock was set back", err)
        self.assertIn(b"in the future", self.run_profctl("status", store=store)[0])

    def test_stale(self):
        out, err = self.run_profctl("status")
        self.assertIn(b"2026-11-23 08:20:00 -> 08:21:00 UTC", out)
        self.assertIn("profd seems not to be running here; start it as root", err)
        _, status, _ = self.status_json()
        self.assertTrue(status["stale"])
        self.assertEqual((status["partitions"], status["buckets"]), (2, 6))
        self.assertEqual((status["period_ns"], status["cpus"]), (SAMPLE_NS, 4))
        self.assertEqual(status["since_ns"], START * NS)

    def test_recent(self):
        store = make_store(self.dir / "recent", start=recent_start())
        window, status, _ = self.status_json(store)
        self.assertEqual(window["samples"], 486)
        self.assertEqual(window["since_ns"], status["since_ns"])
        self.assertEqual(status["last_10m"]["samples"], 486)
        self.assertEqual(status["last_10m"]["losses"],
                         {"ringbuf_full": {"count": 3, "weight_ns": 3 * SAMPLE_NS},
                          "walk_failed": {"count": 5, "weight_ns": 0}})
        out, _ = self.run_profctl("status", store=store)
        self.assertIn(b"ringbuf_full 3 (0.06s), walk_failed 5", out)
        self.assertIn(b"486 samples, 0.16 cores busy of 4", out)
        # The default window is the last 10 minutes.
        window, _ = self.top_json(store=store)
        self.assertEqual(window["samples"], 486)


class Terminal(ProfctlCase):
    """On a terminal names are cut to its width and the next command is named; elsewhere not."""

    def test_cut_to_width(self):
        out, _ = self.run_on_terminal("top", *WINDOW, columns=60)
        table = out.split("\n\n")[1].splitlines()
        self.assertGreater(len(table), 10)
        for line in table:
            self.assertLessEqual(len(line), 60)
        self.assertIn("…", out)
        self.assertIn("Next: profctl top", out)
        plain = self.run_profctl("top", *WINDOW)[0].decode()
        self.assertNotIn("…", plain)
        self.assertNotIn("Next:", plain)

    def test_wide_terminal_cuts_nothing(self):
        out, _ = self.run_on_terminal("top", *WINDOW, columns=200)
        self.assertNotIn("…", out)
        self.assertIn("anonymous memory", out)


if __name__ == "__main__":
    main()
