# SPDX-License-Identifier: GPL-2.0-or-later
"""Whose time it was: the flags that choose by thread, unit, container, name and program, and top by
process, thread and unit, in every format."""
import csv
import io
import json

from profctl_case import WINDOW, ProfctlCase, main, make_store

SAMPLE_NS = 20 * 10**6
ID = "0123456789abcdef" * 4
SCOPE = f"docker-{ID}.scope"
SAMPLES = 101


class AttributionCase(ProfctlCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.full, cls.store = cls.store, make_store(cls.dir / "units", kind="units")

    def samples(self, *args, **kwargs):
        """How many samples pass; the functions' self times are all of them."""
        window, rows = self.top_json(*args, *WINDOW, **kwargs)
        self.assertEqual(window["machine_total_ns"],
                         (486 if "store" in kwargs else SAMPLES) * SAMPLE_NS)
        self.assertEqual(sum(row["self_ns"] for row in rows), window["total_ns"])
        self.assertEqual(window["total_ns"], window["samples"] * SAMPLE_NS)
        return window["samples"]

    def rows(self, by, *args, **kwargs):
        return self.top_json("--by", by, *args, *WINDOW, **kwargs)[1]


class Flags(AttributionCase):
    def test_unit(self):
        for patterns, samples in ((["nginx.service"], 52 + 20 + 11), (["nginx"], 83),
                                  (["ng?nx.*"], 83), (["system.slice"], 52 + 20 + 11 + 7 + 1),
                                  (["machine.slice"], 31), (["machine-web*2"], 0),
                                  ([r"machine-web\x2d2.scope"], 11), ([SCOPE], 7),
                                  (["docker*"], 7), (["cpu"], 1), (["old"], 2),
                                  (["nginx", "old"], 85), (["nginx", "apache2"], 83),
                                  (["*"], 101 - 5 - 3)):
            flags = [word for pattern in patterns for word in ("--unit", pattern)]
            if samples:
                self.assertEqual(self.samples(*flags), samples, patterns)
            else:
                self.run_profctl("top", *flags, *WINDOW, code=4)

    def test_unit_includes_what_lies_in_it(self):
        for pattern in ("user.slice", "user-1000.slice", "user@1000.service", "app.slice",
                        r"app-job\x2d1-9.scope", "app-*"):
            self.assertEqual(self.samples("-u", pattern, store=self.full), 121, pattern)
        self.assertEqual(self.samples("-u", "web", store=self.full), 362)

    def test_container(self):
        for pattern, samples in (("web-1", 20), ("web-?", 31), (ID, 12), (ID[:12], 12),
                                 (ID[:30], 12), (ID[:4] + "*", 12), ("*", 43)):
            self.assertEqual(self.samples("--container", pattern), samples, pattern)
        self.assertEqual(self.samples("--container", "web-1", "--container", ID), 32)

    def test_tid(self):
        self.assertEqual(self.samples("--tid", "11"), 40)
        self.assertEqual(self.samples("-t", "10", "-t", "12"), 12)
        self.assertEqual(self.samples("-t", "10", "-t", "999"), 3)

    def test_exe(self):
        for pattern, samples in (("nginx", 83), ("/usr/sbin/nginx", 83), ("python3*", 5),
                                 ("/usr/bin/*", 7), ("sbin/nginx", 0), ("/nginx", 0)):
            self.assertEqual(self.samples("--exe", pattern), samples, pattern)

    def test_comm(self):
        self.assertEqual(self.samples("-c", "nginx-*"), 49)

    def test_kinds_narrow(self):
        self.assertEqual(self.samples("-u", "nginx", "-p", "10"), 52)
        self.assertEqual(self.samples("-u", "nginx", "-p", "10", "-t", "11"), 40)
        self.assertEqual(self.samples("-u", "nginx", "--container", "*"), 31)
        self.assertEqual(self.samples("-u", "nginx", "-c", "nginx", "--exe", "nginx"), 34)
        self.assertEqual(self.samples("-u", "nginx", "--exe", "python*"), 0)

    def test_every_command(self):
        for flags, value in ((["-u", "nginx"], 83), (["--container", "web-1"], 20),
                             (["--tid", "11"], 40), (["--exe", "python*"], 5),
                             (["--comm", "kworker*"], 3)):
            out, _ = self.run_profctl("export", "-o", "folded", *flags, *WINDOW)
            total = sum(int(line.rpartition(" ")[2]) for line in out.decode().splitlines())
            self.assertEqual(total, value * SAMPLE_NS, flags)

    def test_hint_repeats_them(self):
        out, _ = self.run_on_terminal("top", "-u", "nginx", "-t", "11", "--exe", "ng*", *WINDOW,
                                      columns=200)
        self.assertIn(" --tid 11 --unit nginx --exe 'ng*' --sort total", out)


class NotFound(AttributionCase):
    def refused(self, says, *args, code=4):
        for command in (["top"], ["top", "--by", "unit"], ["export", "-o", "folded"]):
            out, err = self.run_profctl(*command, *args, *WINDOW, code=code)
            self.assertEqual(out, b"")
            self.assertIn(says, err)

    def test_nowhere_in_the_store(self):
        self.refused("unit apache2 is nowhere in the store; 'profctl top --by unit' lists",
                     "-u", "apache2")
        self.refused("container web is nowhere in the store; 'profctl top --by unit' lists",
                     "--container", "web")
        self.refused("12 digits or more", "--container", ID[:11])
        self.refused("tid 999 is nowhere in the store; it used no CPU", "--tid", "999")
        self.refused("pid 999 is nowhere in the store; it used no CPU", "--pid", "999")
        self.refused("pid 11 is nowhere in the store; it is a thread's number: try --tid 11",
                     "--pid", "11")

    def test_one_that_is_there_is_enough(self):
        out, err = self.run_profctl("top", "-u", "apache2", "-u", "nginx", *WINDOW)
        self.assertIn("unit apache2 is nowhere", err)
        self.assertNotIn("unit nginx", err)
        self.assertIn(b"83 samples", out)
        # But of each kind.
        self.run_profctl("top", "-u", "nginx", "--container", "nobody", *WINDOW, code=4)

    def test_elsewhere_in_the_store(self):
        """In the store but not in the window: an empty answer, with the reason."""
        window = ["-S", "2026-11-23 08:20:00", "-U", "2026-11-23 08:20:05"]
        for flags, kinds in ((["-u", "cpu.service"], "--unit"),
                             (["--container", "web-2"], "--container"), (["-t", "12"], "--tid"),
                             (["-t", "12", "-p", "10", "-u", "nginx", "-c", "*"],
                              "--pid, --tid, --unit and --comm"),
                             (["--exe", "nobody"], "--exe")):
            for command in (["top"], ["top", "--by", "process"]):
                out, err = self.run_profctl(*command, *flags, *window)
                self.assertEqual(out, b"")
                self.assertTrue(err.startswith("-- no samples --\n"), err)
                self.assertIn(f" passes {kinds}, of 73 samples of the machine", err)

    def test_values(self):
        for command in ("top", "export"):
            for tid in ("0", "-1", "4194305", "1x", ""):
                _, err = self.run_profctl(command, "--tid", tid, code=2)
                self.assertIn(f"--tid '{tid}': give a thread number", err)
            for flag, says in (("--unit", "give a systemd unit or a pattern"),
                               ("--container", "give a container's name"),
                               ("--exe", "give a program's name")):
                _, err = self.run_profctl(command, flag, "", code=2)
                self.assertIn(says, err)


class Groupings(AttributionCase):
    def test_golden(self):
        for by in ("process", "thread", "unit"):
            out, _ = self.run_profctl("top", "--by", by, *WINDOW)
            self.assert_golden(f"top_by_{by}", out)
            out, _ = self.run_profctl("top", "--by", by, "-o", "json", *WINDOW)
            self.assert_golden(f"top_by_{by}_json", out)
            out, _ = self.run_profctl("top", "--by", by, "-o", "csv", *WINDOW)
            self.assert_golden(f"top_by_{by}_csv", out.replace(b"\r\n", b"\n"))
        # No container, no column for it.
        out, _ = self.run_profctl("top", "--by", "unit", *WINDOW, store=self.full)
        self.assert_golden("top_by_unit_no_container", out)
        out, _ = self.run_profctl("top", "--by", "process", "-n", "2", "-u", "system.slice",
                                  *WINDOW)
        self.assert_golden("top_by_process_unit", out)

    def test_sums(self):
        for by in ("process", "thread", "unit"):
            for store, samples in ((self.store, SAMPLES), (self.full, 486)):
                rows = self.rows(by, store=store)
                self.assertEqual(sum(row["self_ns"] for row in rows), samples * SAMPLE_NS)
                self.assertEqual(sum(row["count"] for row in rows), samples)
                for row in rows:
                    self.assertEqual(row["self_ns"], row["total_ns"])
                    self.assertEqual(row["self_pct"], row["total_pct"])
                    self.assertIsNone(row["function"])
                    self.assertIsNone(row["reason"])
                totals = [row["total_ns"] for row in rows]
                self.assertEqual(totals, sorted(totals, reverse=True))

    def test_processes(self):
        rows = self.rows("process")
        self.assertEqual([(row["pid"], row["comm"], row["count"]) for row in rows],
                         [(10, "nginx", 52), (20, "nginx", 20), (30, "nginx", 11),
                          (40, "dockerd-run", 7), (50, "py", 5), (60, "kworker/0:1", 3),
                          (70, "old", 2), (70, "bad\x1b[2Jname", 1)])
        self.assertEqual((rows[0]["module"], rows[0]["unit"], rows[0]["container"]),
                         ("/usr/sbin/nginx", "nginx.service", None))
        self.assertEqual({row["tid"] for row in rows}, {None})
        # In a kernel thread there is neither program nor unit.
        self.assertEqual((rows[5]["module"], rows[5]["unit"]), (None, None))

    def test_threads(self):
        rows = self.rows("thread", "-p", "10")
        self.assertEqual([(row["pid"], row["tid"], row["comm"], row["count"]) for row in rows],
                         [(10, 11, "nginx-io", 40), (10, 12, "nginx-io", 9),
                          (10, 10, "nginx", 3)])

    def test_units(self):
        rows = self.rows("unit")
        self.assertEqual([(row["unit"], row["container"], row["count"]) for row in rows],
                         [("nginx.service", None, 52), ("nginx.service", "web-1", 20),
                          ("nginx.service", "web-2", 11), (SCOPE, ID, 7), (None, ID, 5),
                          (None, None, 3), ("old.service", None, 2), ("cpu.service", None, 1)])
        self.assertEqual({row["pid"] for row in rows}, {None})

    def test_lines(self):
        out, _ = self.run_profctl("top", "--by", "process", "-n", "3", *WINDOW)
        self.assertIn(b"...5 more rows. 0 lost.", out)
        out, _ = self.run_profctl("top", "--by", "process", "-n", "3", "--sort", "total", *WINDOW)
        self.assertIn(b"...5 more rows. 0 lost.", out)

    def test_window_line(self):
        """Stacks are not read, so what only they tell is null, not 0."""
        for by, parts in (("function", 0), ("process", None)):
            window, _ = self.top_json("--by", by, *WINDOW)
            self.assertEqual((window["truncated_ns"], window["unnamed_ns"]), (parts, parts))

    def test_csv_and_json_agree(self):
        for by in ("process", "thread", "unit"):
            out, _ = self.run_profctl("top", "--by", by, "-o", "csv", "-n", "0", *WINDOW)
            rows = list(csv.DictReader(io.StringIO(out.decode(), newline="")))
            expected = self.rows(by)
            self.assertEqual(len(rows), len(expected))
            for row, other in zip(rows, expected):
                for key in ("pid", "tid", "count", "self_ns"):
                    self.assertEqual(int(row[key]) if row[key] else None, other[key])
                for key in ("unit", "container", "function"):
                    self.assertEqual(row[key] or None, other[key])

    def test_names_that_drive_a_terminal(self):
        for args in (["-o", "table"], ["-o", "csv"]):
            out, _ = self.run_profctl("top", "--by", "process", *args, *WINDOW)
            self.assertNotIn(b"\x1b", out)

    def test_terminal(self):
        for by in ("process", "thread", "unit"):
            out, _ = self.run_on_terminal("top", "--by", by, *WINDOW, columns=70)
            for line in out.split("\n\n")[1].splitlines():
                self.assertLessEqual(len(line), 70, line)
            self.assertIn("Next: profctl top", out)

    def test_one_object_a_line(self):
        out, _ = self.run_profctl("top", "--by", "unit", "-o", "json", *WINDOW)
        lines = [json.loads(line) for line in out.decode().splitlines()]
        self.assertEqual([line["kind"] for line in lines], ["window"] + ["row"] * 8)


if __name__ == "__main__":
    main()
