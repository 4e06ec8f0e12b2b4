# SPDX-License-Identifier: GPL-2.0-or-later
"""Block I/O in profctl: what is exact, how samples share it out, what no sample stands for, and
which devices are summed up. make_io.c says what is in the store."""
import json
import os
import subprocess

from profctl_case import START, WINDOW, ProfctlCase, main

US = 10**3
MS = 10**6


class IoCase(ProfctlCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.store = str(cls.dir / "io")
        subprocess.run([os.environ["MAKE_IO"], cls.store, str(START)], check=True)

    def rows(self, command, *args):
        """Rows, and what stderr says."""
        out, err = self.run_profctl(command, "-o", "json", "-n", "0", *args, *WINDOW)
        lines = [json.loads(line) for line in out.decode().splitlines()]
        return [row for row in lines if row["kind"] == "row"], err


class Golden(IoCase):
    def test_tables(self):
        for name, args in {"process": [], "device": ["--by", "device"], "op": ["--by", "op"],
                           "unit": ["--by", "unit"], "json": ["-o", "json"],
                           "csv": ["-o", "csv"]}.items():
            with self.subTest(name):
                self.assert_golden("io_" + name, self.run_profctl("io", *args, *WINDOW)[0])

    def test_other_commands(self):
        for name, args in {"top": ["top", "-e", "blockio"],
                           "top_bytes": ["top", "-e", "blockio_bytes", "--by", "process"],
                           "folded": ["export", "-e", "blockio", "-o", "folded"],
                           "latency": ["latency", "-e", "blockio", "--by", "op", "-H"],
                           "latency_stack": ["latency", "-e", "blockio", "--by", "stack"]}.items():
            with self.subTest(name):
                self.assert_golden("blockio_" + name, self.run_profctl(*args, *WINDOW)[0])


class Shares(IoCase):
    def test_exact(self):
        rows, _ = self.rows("io", "--by", "op")
        of = {(row["device"], row["op"]): row for row in rows}
        self.assertEqual({key: row["ios"] for key, row in of.items()},
                         {("sda", "read"): 1600, ("sda", "write"): 20, ("sda", "flush"): 10,
                          ("dm-0", "read"): 1600})
        write = of["sda", "write"]
        self.assertEqual((write["bytes"], write["total_ns"], write["errors"], write["flags"]),
                         (20 * 8192, 20 * MS, 2, "sync"))
        self.assertTrue(all(row["exact"] for row in rows))
        self.assertIsNone(write["queue_ns"])
        self.assertIsNone(write["pid"])

    def test_shared_out(self):
        rows, _ = self.rows("io", "--device", "sda")
        of = {(row["comm"], row["op"]): row for row in rows}
        self.assertEqual(of["db", "read"]["ios"], 1200)
        self.assertEqual(of["db", "read"]["total_ns"], 120 * MS)
        self.assertEqual(of["tar", "read"]["bytes"], 400 * 4096)
        self.assertFalse(any(row["exact"] for row in rows))
        # Too few samples to be scaled: what is left is said.
        self.assertEqual(of["[writeback]", "write"]["ios"], 4)
        self.assertEqual(of["[writeback]", "write"]["unit"], "db.service")
        self.assertEqual(of["[not sampled]", "write"]["ios"], 16)
        self.assertEqual(of["[not sampled]", "flush"]["ios"], 10)
        for op, ios in (("read", 1600), ("write", 20), ("flush", 10)):
            self.assertEqual(sum(row["ios"] for row in rows if row["op"] == op), ios)

    def test_part_of_the_machine(self):
        """Scaled by what the machine did, and nothing is said of what nobody sampled."""
        rows, _ = self.rows("io", "--device", "sda", "--pid", "200")
        self.assertEqual([(row["comm"], row["ios"]) for row in rows], [("tar", 400)])
        rows, _ = self.rows("io", "--by", "device", "--pid", "200")
        self.assertEqual([(row["device"], row["ios"], row["exact"]) for row in rows],
                         [("sda", 400, False)])

    def test_devices_that_stand_on_others(self):
        rows, err = self.rows("top", "-e", "blockio", "--by", "process")
        self.assertIn("left out", err)
        self.assertIn("dm-0", err)
        self.assertEqual(sum(row["total_ns"] for row in rows), 160 * MS + 20 * MS + 500 * US)
        rows, err = self.rows("top", "-e", "blockio", "--by", "process", "--device", "/dev/dm-0")
        self.assertNotIn("left out", err)
        self.assertEqual([(row["comm"], row["total_ns"]) for row in rows], [("db", 176 * MS)])

    def test_latency(self):
        rows, _ = self.rows("latency", "-e", "blockio", "--by", "device", "--device", "sda")
        # 1600 of 1630 are in the bin of 100 us, [98304, 131072).
        self.assertEqual((rows[0]["count"], rows[0]["p50_ns"], rows[0]["p95_ns"]),
                         (1630, 131072, 131072))
        self.assertEqual(rows[0]["max_ns"], 1 << 20)

    def test_stat(self):
        out, _ = self.run_profctl("stat", "-o", "json", *WINDOW)
        rows = [json.loads(line) for line in out.decode().splitlines()][1:]
        of = {(row["device"], row["op"]): row for row in rows if row["device"]}
        self.assertEqual(of["sda", "read"]["ios"], 1600)
        self.assertEqual(of["sda", "read"]["p50_ns"], 131072)


class Refused(IoCase):
    def test_usage(self):
        for args, says in (
                (["io", "--by", "lunch"], "give process, thread, unit, device or op"),
                (["io", "--sort", "lunch"], "give time, ios or bytes"),
                (["top", "--device", "sda"], "give --event blockio as well"),
                (["top", "-e", "blockio", "--by", "reason"], "--by reason"),
                (["latency", "--by", "device"], "give --event blockio as well"),
                (["latency", "-e", "blockio", "--by", "reason"], "block I/O has none"),
                (["latency", "-e", "blockio", "--by", "op", "--pid", "1"], "that is exact")):
            with self.subTest(args):
                self.assertIn(says, " ".join(self.run_profctl(*args, code=2)[1].split()))

    def test_nothing(self):
        rows, err = self.rows("io", "--device", "sdz")
        self.assertEqual(rows, [])
        self.assertIn("no I/Os", err)


if __name__ == "__main__":
    main()
