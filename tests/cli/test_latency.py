# SPDX-License-Identifier: GPL-2.0-or-later
"""profctl latency: percentiles by the bins of waits that ended, the longest by the ledger, what is
still open, and that it adds up to what top has. make_waits.c says what is in the store."""
import csv
import io
import json
import math

from profctl_case import (ROW_KEYS, WINDOW, WINDOW_KEYS, ProfctlCase, main, make_store,
                          make_waits)

MS = 10**6
S = 10**9
KEYS = ROW_KEYS + ["open_count", "open_ns", "p50_ns", "p95_ns", "p99_ns", "max_ns", "bins"]
GROUPINGS = ("reason", "function", "stack", "process", "thread", "unit")


def until(ns):
    """The upper bound of the bin of a wait: two an octave."""
    low = 1 << int(math.log2(ns))
    return low * 3 // 2 if ns < low * 3 // 2 else 2 * low


class LatencyCase(ProfctlCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.store = make_waits(cls.dir / "waits")

    def latency(self, *args, window=WINDOW, **kwargs):
        out, _ = self.run_profctl("latency", "-o", "json", "-n", "0", *args, *window, **kwargs)
        head, *rows = [json.loads(line) for line in out.decode().splitlines()]
        return head, rows

    def by(self, key, *args, **kwargs):
        head, rows = self.latency(*args, **kwargs)
        return head, {row[key]: row for row in rows}


class Golden(LatencyCase):
    def check(self, name, *args):
        out, _ = self.run_profctl("latency", *args, *WINDOW)
        self.assert_golden(name, out.replace(b"\r\n", b"\n"))

    def test_tables(self):
        for by in GROUPINGS:
            self.check(f"latency_{by}", "--by", by)
        self.check("latency_runq", "--event", "runq", "--by", "thread")
        self.check("latency_not_sampled", "-p", "2000")
        self.check("latency_histogram", "-p", "1000", "--reason", "lock,page-fault", "--histogram")
        self.check("latency_lines", "-n", "2", "--by", "stack")

    def test_machine_formats(self):
        self.check("latency_json", "-o", "json", "-p", "2000", "--histogram", "--by", "stack")
        self.check("latency_csv", "-o", "csv", "-p", "2000", "--by", "stack")


class Figures(LatencyCase):
    def test_every_key_in_every_line(self):
        for by in GROUPINGS:
            for event in ("offcpu", "runq"):
                head, rows = self.latency("--by", by, "-e", event, "-p", "2000")
                self.assertEqual(list(head), WINDOW_KEYS + ["resolution_pct"])
                self.assertEqual((head["command"], head["event"]), ("latency", event))
                self.assertTrue(rows)
                for row in rows:
                    self.assertEqual(list(row), KEYS)
                    self.assertIsNone(row["bins"])
                    self.assertEqual(row["stack"] is not None,
                                     by == "stack" and row["function"] != "[not sampled]")

    def test_adds_up_to_top(self):
        for event in ("offcpu", "runq"):
            for filters in ([], ["-p", "1000"], ["-p", "2000"], ["--reason", "cpu"]):
                top, _ = self.top_json("-e", event, *filters, *WINDOW)
                for by in GROUPINGS:
                    head, rows = self.latency("--by", by, "-e", event, *filters)
                    for key in ("total_ns", "samples", "machine_total_ns", "not_sampled_ns"):
                        self.assertEqual(head[key], top[key])
                    self.assertEqual(sum(row["total_ns"] for row in rows), head["total_ns"])
                    self.assertAlmostEqual(sum(row["count"] for row in rows), head["samples"],
                                           delta=len(rows) / 2)

    def test_percentiles(self):
        head, reasons = self.by("reason")
        self.assertEqual(head["resolution_pct"], 50)
        # Five waits of 40 ms and three of 60 ms, all seen.
        disk = reasons["disk"]
        self.assertEqual((disk["count"], disk["total_ns"]), (8, 380 * MS))
        self.assertEqual((disk["p50_ns"], disk["p95_ns"]), (until(40 * MS), until(60 * MS)))
        self.assertEqual(disk["max_ns"], until(60 * MS))
        # The whole wait is in its bin, although the row that closes it has 2 s of it; the bin's
        # bound is 51 s, but the ledger knows of none beyond 37 s.
        poll = reasons["poll"]
        self.assertEqual((poll["count"], poll["total_ns"]), (1, 37 * S))
        self.assertEqual((poll["p50_ns"], poll["p99_ns"], poll["max_ns"]), (37 * S,) * 3)
        # Weighted: 433 of 1 ms and 32 of 2 ms, as estimated, of one thread.
        _, threads = self.by("comm", "--by", "thread")
        worker = threads["web-worker"]
        self.assertEqual(worker["p50_ns"], until(MS))
        self.assertEqual(worker["p95_ns"], until(2 * MS))
        _, alone = self.by("comm", "--by", "thread", "--reason", "lock", "-p", "1000")
        self.assertEqual(alone["web-worker"]["p99_ns"], until(MS))

    def test_functions_are_those_of_top(self):
        """A row is the function that the waits ended in: what top has as its self time."""
        keys = ("function", "module", "file", "reason")
        for event in ("offcpu", "runq"):
            for filters in ([], ["-p", "2000"], ["--reason", "lock,disk"][:2 * (event != "runq")]):
                _, top = self.top_json("-e", event, *filters, *WINDOW)
                _, rows = self.latency("--by", "function", "-e", event, *filters)
                self.assertEqual({tuple(row[key] for key in keys): (row["self_ns"], row["count"])
                                  for row in rows},
                                 {tuple(row[key] for key in keys): (row["self_ns"], row["count"])
                                  for row in top if row["self_ns"]})
        _, functions = self.by("function", "--by", "function")
        poll = functions["ep_poll"]
        self.assertEqual((poll["count"], poll["max_ns"], poll["module"]), (1, 37 * S, "[kernel]"))
        # Several stacks end in it: open are those of any.
        self.assertEqual((functions["futex_wait"]["open_count"],
                          functions["futex_wait"]["open_ns"]), (1, 13 * S))

    def test_longest(self):
        """By the ledger where a row has one of its own."""
        for by, key, longest in (("thread", "web-worker", 2500000), ("process", "web", 37 * S),
                                 ("thread", "job", 13 * S)):
            _, rows = self.by("comm", "--by", by)
            self.assertEqual(rows[key]["max_ns"], longest)
        _, units = self.by("unit", "--by", "unit")
        self.assertEqual(units["web.service"]["max_ns"], 37 * S)
        _, threads = self.by("comm", "--by", "thread", "-e", "runq")
        self.assertEqual(threads["job"]["max_ns"], 15 * MS)
        # Its bin has no more than the longest one.
        self.assertEqual(threads["job"]["p50_ns"], 15 * MS)
        self.assertEqual(threads["web-worker"]["max_ns"], 400000)

    def test_open(self):
        """The job waits since bucket 4, and the main thread's wait ended there."""
        _, threads = self.by("comm", "--by", "thread")
        self.assertEqual((threads["job"]["open_count"], threads["job"]["open_ns"]), (1, 13 * S))
        self.assertEqual((threads["web"]["open_count"], threads["web"]["open_ns"]), (0, 0))
        _, rows = self.latency("--by", "stack", "-p", "2000", "--reason", "lock")
        self.assertEqual([(row["stack"], row["open_count"], row["open_ns"], row["count"],
                           row["p50_ns"], row["max_ns"]) for row in rows],
                         [(["futex_wait", "handle", "main"], 1, 13 * S, 0, None, 13 * S)])
        # A window that ends before: the charges so far, across a change of partitions.
        for end, open_ns in (("08:20:10", 6 * S), ("08:20:30", 25 * S), ("08:20:40", 35 * S)):
            window = ["-S", "2026-11-23 08:20", "-U", "2026-11-23 " + end]
            _, threads = self.by("comm", "--by", "thread", window=window)
            self.assertEqual((threads["web"]["open_count"], threads["web"]["open_ns"]),
                             (1, open_ns), end)
        window = ["-S", "2026-11-23 08:20:40", "-U", "2026-11-23 08:20:50"]
        _, threads = self.by("comm", "--by", "thread", window=window)
        self.assertEqual((threads["job"]["open_ns"], threads["web"]["open_ns"]), (3 * S, 0))
        # Of what came in before it there is the rest only, but the bin of the whole wait.
        _, reasons = self.by("reason", window=window)
        self.assertEqual((reasons["poll"]["total_ns"], reasons["poll"]["max_ns"]), (2 * S, 37 * S))

    def test_histogram(self):
        head, rows = self.latency("--histogram", "--by", "thread")
        for row in rows:
            self.assertAlmostEqual(sum(b["count"] for b in row["bins"]), row["count"],
                                   delta=len(row["bins"]) / 2)
            for one in row["bins"]:
                self.assertEqual(one["until_ns"], until(one["from_ns"]))
            self.assertEqual([b["from_ns"] for b in row["bins"]],
                             sorted(b["from_ns"] for b in row["bins"]))
        widest = max((b["until_ns"] - b["from_ns"]) / b["from_ns"]
                     for row in rows for b in row["bins"])
        self.assertEqual(head["resolution_pct"], 100 * widest)
        head, rows = self.latency("--histogram", "--reason", "lock")
        self.assertAlmostEqual(head["resolution_pct"], 100 / 3, 3)

    def test_not_sampled(self):
        head, rows = self.latency("-p", "2000")
        rest = [row for row in rows if row["function"] == "[not sampled]"]
        self.assertEqual([(row["total_ns"], row["count"], row["open_count"], row["p50_ns"])
                          for row in rest], [(80 * MS, 0, None, None)])
        self.assertEqual(head["not_sampled_ns"], 80 * MS)

    def test_without_ledger(self):
        store = make_waits(self.dir / "no-ledger", kind="no-ledger")
        head, reasons = self.by("reason", store=store)
        self.assertIsNone(head["not_sampled_ns"])
        self.assertEqual(reasons["poll"]["max_ns"], until(37 * S))
        self.assertEqual(reasons["lock"]["count"], 320)
        self.assertEqual(reasons["lock"]["max_ns"], 13 * S)

    def test_csv_and_json_agree(self):
        for by in GROUPINGS:
            out, _ = self.run_profctl("latency", "--by", by, "-o", "csv", "-n", "0", *WINDOW)
            rows = list(csv.DictReader(io.StringIO(out.decode(), newline="")))
            _, expected = self.latency("--by", by)
            self.assertEqual(len(rows), len(expected))
            self.assertEqual(list(rows[0]), [key for key in KEYS[2:] if key not in
                                             ("stack", "bins")] + ["stack"])
            for row, other in zip(rows, expected):
                for key in ("total_ns", "count", "open_count", "open_ns", "p50_ns", "p99_ns",
                            "max_ns"):
                    self.assertEqual(row[key], "" if other[key] is None else str(other[key]))
                self.assertEqual(row["stack"], "; ".join(other["stack"] or []))

    def test_next_command(self):
        out, _ = self.run_on_terminal("latency", *WINDOW, columns=200)
        self.assertIn("--by stack   |   profctl top", out)
        self.assertIn("--event offcpu", out)


class Refused(LatencyCase):
    def test_usage(self):
        for args, says in (
                (["-e", "cpu"],
                 "--event cpu: latency is of single waits; give offcpu, runq or blockio"),
                (["-e", "wall"], "--event wall: latency is of single waits"),
                (["-e", "waker"], "--event waker: latency is of single waits"),
                (["-e", "lunch"], "give cpu, offcpu, runq, wall, waker, blockio or blockio_bytes"),
                (["--by", "module"], "give reason, function, stack, process, thread or unit"),
                (["--histogram", "-o", "csv"], "give --output table or json"),
                (["-n", "-1"], "give a number"),
                (["-o", "xml"], "give table, json or csv"),
                (["-e", "runq", "--reason", "disk"], "no reason but cpu"),
                (["nginx"], "unexpected 'nginx'")):
            out, err = self.run_profctl("latency", *args, code=2)
            self.assertEqual(out, b"")
            self.assertIn(says, err)

    def test_empty(self):
        store = make_store(self.dir / "cpu")
        out, err = self.run_profctl("latency", *WINDOW, store=store)
        self.assertEqual(out, b"")
        self.assertIn("-- no waits --", err)
        self.assertIn("whether waits are collected", err)
        head, rows = self.latency(store=store)
        self.assertEqual((head["total_ns"], head["not_sampled_ns"], head["resolution_pct"], rows),
                         (0, None, 50, []))
        self.run_profctl("latency", "-p", "77", *WINDOW, code=4)
        self.run_profctl("latency", store=str(self.dir / "nowhere"), code=3)


if __name__ == "__main__":
    main()
