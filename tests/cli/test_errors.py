# SPDX-License-Identifier: GPL-2.0-or-later
"""What profctl refuses, with which exit code and which words, and what it does when stdout is
closed or full."""
import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import time

from profctl_case import BUCKET_S, PROFCTL, WINDOW, ProfctlCase, main, make_store


class Usage(ProfctlCase):
    def refused(self, says, *args):
        out, err = self.run_profctl(*args, code=2)
        self.assertEqual(out, b"")
        self.assertTrue(err.startswith("profctl"), err)
        self.assertIn(says, err)

    def test_commands(self):
        for args, says in ((["tpo"], "did you mean 'profctl top'?"),
                           (["exportt"], "did you mean 'profctl export'?"),
                           (["frobnicate"], "run 'profctl' for the list"),
                           (["--frobnicate"], "unknown option '--frobnicate'")):
            _, err = self.run_profctl(*args, code=2, store=False)
            self.assertTrue(err.startswith("profctl: "), err)
            self.assertIn(says, err)

    def test_values(self):
        for command in ("top", "export"):
            self.refused("is no time; give one like 10m", command, "--since", "yesterdayish")
            self.refused("2026-11-23T03:10:05Z", command, "--until", "soon")
            self.refused("is not after --since", command, "-S", "10m", "-U", "20m")
            self.refused("is in the future", command, "--since", "2100-01-01")
            self.refused("before 1970", command, "--since", "1969-12-31")
            for pid in ("0", "-1", "4194305", "99999999999999999999", "1x", "", "1000 "):
                self.refused("give a process number", command, "--pid", pid)
            self.refused("give a thread name", command, "--comm", "")
            self.refused("--help", command, "--frobnicate")
            _, err = self.run_profctl(command, "--since", code=2, store=False)
            self.assertIn(f"profctl {command}", err)
        self.refused("give a number", "top", "-n", "many")
        self.refused("give a number", "top", "-n", "-1")
        self.refused("give a number", "top", "-n", "4294967296")
        self.refused("give self or total", "top", "--sort", "name")
        self.refused("give function, module, process, thread, unit or reason",
                     "top", "--by", "colour")
        self.refused("give table, json or csv", "top", "-o", "xml")
        self.refused("unexpected 'nginx'", "top", "nginx")
        self.refused("give pprof or folded", "export", "-o", "x.pb.gz")
        self.refused("end it in .pb.gz or .folded", "export", "profile.zip")
        self.refused("one file", "export", "a.txt", "b.txt")
        self.refused("give table or json", "status", "-o", "csv")
        self.assertFalse(os.path.exists("profile.zip"))

    def test_help_of_commands(self):
        for command in ("top", "export", "latency", "status"):
            out, _ = self.run_profctl(command, "--help", store=False)
            self.assertIn(f"Usage: profctl {command} ".encode(), out)


class Stores(ProfctlCase):
    def test_no_store(self):
        file = self.dir / "file"
        file.write_text("no store")
        (self.dir / "bare").mkdir()
        for command in ("top", "export", "latency", "status"):
            for store in ("missing", "bare", "file"):
                _, err = self.run_profctl(command, store=str(self.dir / store), code=3)
                self.assertIn("start profd (as root: 'profd --store", err)
        self.assertEqual(file.read_text(), "no store")

    def test_collecting(self):
        """A store begun a moment ago says since when, and when there will be an answer."""
        begun = int(time.time()) - 6
        store = make_store(self.dir / "begun", kind="empty", start=begun)
        for command in ("top", "export", "latency", "status"):
            _, err = self.run_profctl(command, store=store, code=3)
            # The machine may be slow between the two: then the next bucket is meant.
            said = re.search(r"collecting since (\d+) s, first answer in (\d+) s", err)
            self.assertTrue(said, err)
            since, wait = int(said[1]), int(said[2])
            self.assertGreaterEqual(since, 5)
            self.assertTrue(1 <= wait <= BUCKET_S)

    def test_nothing_since(self):
        store = make_store(self.dir / "silent", kind="empty", start=int(time.time()) - 3600)
        _, err = self.run_profctl("top", store=store, code=3)
        self.assertIn("see whether profd runs", err)

    def test_pid(self):
        _, err = self.run_profctl("top", "--pid", "77", *WINDOW, code=4)
        self.assertIn("pid 77 is nowhere in the store", err)
        # One that is there is enough for an answer.
        _, err = self.run_profctl("top", "--pid", "77", "--pid", "1000", *WINDOW)
        self.assertIn("pid 77 is nowhere in the store", err)

    def test_lives(self):
        for command in (["top"], ["export", "-o", "folded"]):
            _, err = self.run_profctl(*command, "--pid", "3000", *WINDOW)
            self.assertIn("pid 3000 was 2 processes", err)
            self.assertRegex(err, r"started 2026-\d\d-\d\d 08:19:40 UTC: /usr/bin/second\n"
                                  r".*started .* 08:19:30 UTC: /usr/bin/first\n")
            _, err = self.run_profctl(*command, "--pid", "1000", *WINDOW)
            self.assertNotIn("processes", err)

    def test_empty_window(self):
        for command in ("top", "export"):
            _, err = self.run_profctl(command, "--since", "2026-11-22", "--until", "2026-11-23")
            self.assertTrue(err.startswith("-- no samples --\n"), err)
            self.assertIn("no bucket begins in 2026-11-22 00:00:00 -> 2026-11-23 00:00:00 UTC", err)
            self.assertIn("data in 2026-11-23 08:20:00 -> 08:21:00 UTC", err)
            _, err = self.run_profctl(command, "--comm", "nobody", *WINDOW)
            self.assertIn("passes --comm, of 486 samples", err)
        out, err = self.run_profctl("top", "-S", "2026-11-23 08:20:30", "-U", "2026-11-23 08:20:31")
        self.assertIn("no CPU was busy in", err)
        self.assertEqual(out, b"")

    def test_broken_store(self):
        store = self.dir / "broken"
        shutil.copytree(self.store, store)
        for file in store.glob("*.db"):
            file.write_bytes(b"this is no SQLite file, not at all" * 100)
        for file in list(store.glob("*-wal")) + list(store.glob("*-shm")):
            file.unlink()
        before = {file.name: file.read_bytes() for file in store.iterdir()}
        for command in ("top", "export", "latency", "status"):
            out, err = self.run_profctl(command, store=str(store), code=1)
            self.assertEqual(out, b"")
            self.assertTrue(err.startswith("profctl: "), err)
        self.assertEqual(before, {file.name: file.read_bytes() for file in store.iterdir()})

    def test_file_name_that_is_no_text(self):
        store = self.dir / "odd"
        shutil.copytree(self.store, store)
        (store / "t0-\x1b[31m-live-1.db").write_bytes(b"no database")
        for command in ("top", "export", "latency", "status"):
            _, err = self.run_profctl(command, store=str(store), code=1)
            self.assertNotIn("\x1b", err)
            self.assertIn("t0-\ufffd[31m-live-1.db", err)

    def test_top_and_export_agree_on_damage(self):
        """Rows of thread 0, which no profd writes: both name file and bucket."""
        store = self.dir / "series0"
        shutil.copytree(self.store, store)
        for file in list(store.glob("*.db"))[1:]:
            file.unlink()
        file = next(store.glob("*.db"))
        # One series, number 0, with one row of one byte: node 1.
        blob = bytes([2 | 8, 1, 0, 1, 2, 2, 1])
        with contextlib.closing(sqlite3.connect(file)) as db, db:
            db.execute("UPDATE profile SET n_rows = 1, count = 1024, value = 1, enc = 0, data = ?",
                       (blob,))
        for command in (["top"], ["top", "--by", "process"], ["export"]):
            out, err = self.run_profctl(*command, *WINDOW, store=str(store), code=1)
            self.assertEqual(out, b"")
            self.assertIn(f"{file.name}: bucket 2 is damaged", err)

    def test_newer_format(self):
        """Refused by name, and nothing overwritten."""
        store = self.dir / "newer"
        shutil.copytree(self.store, store)
        newest = sorted(store.glob("*.db"))[-1]
        with contextlib.closing(sqlite3.connect(newest)) as db:
            db.execute("PRAGMA user_version = 99")
        for command in ("top", "status"):
            _, err = self.run_profctl(command, store=str(store), code=1)
            self.assertTrue(err.startswith("profctl: "), err)
            self.assertIn("newer", err)

    def test_no_permission(self):
        store = self.dir / "private"
        shutil.copytree(self.store, store)
        os.chmod(self.dir, 0o755)
        os.chmod(store, 0)
        self.addCleanup(os.chmod, store, 0o700)
        # Root may read everything: as nobody then.
        user = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}
        # The build may lie where nobody may look.
        program = self.dir / "profctl"
        shutil.copy(PROFCTL, program)
        for command in ("top", "export", "latency", "status"):
            done = subprocess.run([program, command, "--store", str(store)], capture_output=True,
                                  env=self.environment(), cwd="/", **user)
            self.assertEqual((done.returncode, done.stdout), (1, b""), done.stderr)
            self.assertRegex(done.stderr, rb"^profctl: .*usermod -aG profd")

    def test_reading_writes_nothing(self):
        def listing():
            return sorted((f.name, f.stat().st_size, f.stat().st_mtime_ns)
                          for f in (self.dir / "full").iterdir())
        before = listing()
        for command in ("top", "export", "latency", "status"):
            self.run_profctl(command, *(WINDOW if command != "status" else []))
        self.assertEqual(before, listing())


class Stdout(ProfctlCase):
    def start(self, *args, **kwargs):
        return subprocess.Popen([PROFCTL, *args, "--store", self.store], env=self.environment(),
                                stderr=subprocess.PIPE, **kwargs)

    def test_closed_pipe(self):
        """As in '| head -1': no message, whether SIGPIPE is ignored or not."""
        for restore in (True, False):
            read_end, write_end = os.pipe()
            os.close(read_end)
            child = self.start("top", *WINDOW, stdout=write_end, restore_signals=restore)
            os.close(write_end)
            _, err = child.communicate()
            self.assertEqual(err, b"")
            self.assertEqual(child.returncode, -13 if restore else 1)

    def test_full_disk(self):
        for args in (["top", *WINDOW], ["export", *WINDOW], ["status"], ["top", "-o", "json",
                                                                           *WINDOW]):
            with open("/dev/full", "wb") as full:
                child = self.start(*args, stdout=full)
                _, err = child.communicate()
            self.assertEqual(child.returncode, 1, err)
            self.assertIn(b"cannot write the answer: No space left on device", err)


if __name__ == "__main__":
    main()
