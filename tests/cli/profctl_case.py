# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of profctl share: fixture stores, a way to run it, golden files.

Stores are written by make_store into a temporary directory that goes away with the test class.
Golden files are compared byte for byte; run a test file with --update to write them anew.
"""
import json
import os
import pathlib
import pty
import subprocess
import sys
import tempfile
import termios
import time
import unittest

GOLDEN = pathlib.Path(__file__).parent / "golden"
PROFCTL = os.environ["PROFCTL"]
MAKE_STORE = os.environ["MAKE_STORE"]
MAKE_WAITS = os.environ["MAKE_WAITS"]
MAKE_LEDGER = os.environ["MAKE_LEDGER"]
START = 1795422000  # 2026-11-23 08:20:00 UTC
WINDOW = ["--since", "2026-11-23 08:20", "--until", "2026-11-23 08:30"]
BUCKET_S = 10
WINDOW_KEYS = ["schema", "kind", "command", "event", "since_ns", "until_ns", "tier", "samples",
               "total_ns", "machine_total_ns", "lost_ns", "truncated_ns", "unnamed_ns",
               "not_sampled_ns"]
ROW_KEYS = ["schema", "kind", "function", "module", "file", "line", "pid", "tid", "comm", "unit",
            "device", "op", "reason", "self_ns", "total_ns", "self_pct", "total_pct", "count",
            "bytes", "stack", "container"]
TOP_KEYS = ROW_KEYS + ["half_width_ns"]
LEDGER_KEYS = ["oncpu_ns", "user_ns", "system_ns", "runq_ns", "blocked_ns", "other_ns",
               "elapsed_ns", "voluntary_switches", "involuntary_switches", "threads", "rss_bytes",
               "peak_rss_bytes", "minor_faults", "major_faults", "read_bytes", "write_bytes",
               "gate_ns", "idle_ns"]


def make_store(directory, kind="full", start=START):
    """Writes a store; make_store.c says what is in it."""
    subprocess.run([MAKE_STORE, str(directory), kind, str(start)], check=True)
    return str(directory)


def make_waits(directory, kind="waits", start=START):
    """Writes a store with waits; make_waits.c says what is in it."""
    subprocess.run([MAKE_WAITS, str(directory), kind, str(start)], check=True)
    return str(directory)


def make_ledger(directory, *kind, start=START):
    """Writes a store with a ledger; make_ledger.c says what is in it."""
    subprocess.run([MAKE_LEDGER, str(directory), str(start), *kind], check=True)
    return str(directory)


class ProfctlCase(unittest.TestCase):
    maxDiff = None
    update = False

    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="profctl-test-")
        cls.addClassCleanup(temporary.cleanup)
        cls.dir = pathlib.Path(temporary.name)
        cls.store = make_store(cls.dir / "full")

    def environment(self):
        return {"PATH": os.environ["PATH"], "TZ": "UTC", "LC_ALL": "C.UTF-8",
                **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}}

    def run_profctl(self, *args, code=0, store=None, env=None, cwd=None):
        """Runs it, requires the exit code, returns (stdout as bytes, stderr as text)."""
        command = [PROFCTL, *args]
        if store is not False:
            command += ["--store", store or self.store]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, cwd=cwd,
                              env={**self.environment(), **(env or {})})
        stderr = done.stderr.decode()
        self.assertEqual(done.returncode, code, f"{args}: {stderr}")
        return done.stdout, stderr

    def run_on_terminal(self, *args, code=0, columns=80, cwd=None):
        """The same with a terminal as stdout; returns (what it showed, stderr)."""
        leader, follower = pty.openpty()
        self.addCleanup(os.close, leader)
        termios.tcsetwinsize(follower, (24, columns))
        child = subprocess.Popen([PROFCTL, *args, "--store", self.store], stdin=follower,
                                 stdout=follower, stderr=subprocess.PIPE, cwd=cwd,
                                 env=self.environment())
        os.close(follower)
        shown = b""
        try:
            while data := os.read(leader, 65536):
                shown += data
        except OSError:  # EIO: the last writer is gone
            pass
        stderr = child.communicate()[1].decode()
        self.assertEqual(child.returncode, code, f"{args}: {stderr}")
        return shown.decode().replace("\r\n", "\n"), stderr

    def top_json(self, *args, **kwargs):
        """The window line and the rows of top."""
        out, _ = self.run_profctl("top", "-o", "json", "-n", "0", *args, **kwargs)
        window, *rows = [json.loads(line) for line in out.decode().splitlines()]
        return window, rows

    def assert_golden(self, name, actual):
        path = GOLDEN / (name + ".txt")
        if self.update:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(actual)
        self.assertTrue(path.exists(), f"no {path.name}: run this test with --update")
        self.assertEqual(actual.decode(), path.read_bytes().decode(), path.name)


def recent_start():
    """A start that puts the whole fixture into the last minutes, on a bucket's bound."""
    return (int(time.time()) // BUCKET_S - 12) * BUCKET_S


def main():
    if "--update" in sys.argv:
        sys.argv.remove("--update")
        ProfctlCase.update = True
    unittest.main(verbosity=1)
