# SPDX-License-Identifier: GPL-2.0-or-later
"""What "go tool pprof" reads out of an export: the same totals as profctl top, function by
function, with labels, mappings, build IDs and lines. Needs Debian's golang; no network."""
import collections
import os
import re
import subprocess

from profctl_case import WINDOW, ProfctlCase, main, make_store, make_waits

SAMPLE_NS = 20 * 10**6


def printable(name):
    """As the export writes names: what would drive a terminal is U+FFFD."""
    return re.sub("[\x00-\x1f\x7f]", "\ufffd", name)


class Raw:
    """What 'pprof -raw' prints, parsed."""

    def __init__(self, text):
        self.text = text
        sections = re.split(r"^(Samples:|Locations|Mappings)\n", text, flags=re.M)
        head, samples, locations, mappings = (sections[i] for i in (0, 2, 4, 6))
        self.head = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
        self.types = samples.splitlines()[0].split()
        self.samples = []
        for line in samples.splitlines()[1:]:
            match = re.match(r"\s+(\d+)\s+(\d+): ([\d ]*)$", line)
            if match:
                self.samples.append((int(match[1]), int(match[2]),
                                     [int(n) for n in match[3].split()], {}))
            else:
                self.samples[-1][3].update(re.findall(r"(\w+):\[([^]]*)\]", line))
        self.locations, self.location_mapping, self.addresses = {}, {}, {}
        for line in locations.splitlines():
            match = re.match(r"\s+(\d+): 0x([0-9a-f]+) (?:M=(\d+) )?", line)
            if match:
                number = int(match[1])
                self.locations[number] = []
                self.addresses[number] = int(match[2], 16)
                self.location_mapping[number] = int(match[3] or 0)
                line = line[match.end():]
            self.locations[number].append(re.match(r"\s*(.*?) (\S*):(\d+) s=0", line).groups())
        self.mappings = [re.match(r"(\d+): 0x(\w+)/0x(\w+)/0x(\w+) (.*?) (\w*) ?((?:\[\w+\])*)$",
                                  line).groups() for line in mappings.splitlines()]

    def by_function(self):
        """flat and cum in ns and flat in samples, by function name."""
        flat, cum, count = (collections.Counter() for _ in range(3))
        for samples, value, stack, _ in self.samples:
            names = [name for number in stack for name, _, _ in self.locations[number]]
            flat[names[0]] += value
            count[names[0]] += samples
            for name in set(names):
                cum[name] += value
        return flat, cum, count


class PprofCase(ProfctlCase):
    def pprof(self, path, *args, code=0):
        home = self.dir / "home"
        env = {"PATH": os.environ["PATH"], "HOME": str(home), "GOCACHE": str(home / "cache"),
               "GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local", "TZ": "UTC",
               "PPROF_TMPDIR": str(home)}
        home.mkdir(exist_ok=True)
        done = subprocess.run(["go", "tool", "pprof", "-symbolize=none", *args, str(path)],
                              capture_output=True, env=env, cwd=self.dir)
        self.assertEqual(done.returncode, code, done.stderr.decode())
        return done.stdout.decode() if code == 0 else done.stderr.decode()

    def export(self, *args):
        path = self.dir / (self.id().rpartition(".")[2] + ".pb.gz")
        self.run_profctl("export", str(path), *args, *WINDOW)
        return path

    def expected(self, *args):
        """Self, total and count by function as top has them; pprof joins modules."""
        window, rows = self.top_json(*args, *WINDOW)
        flat, cum, count = (collections.Counter() for _ in range(3))
        for row in rows:
            name = row["function"]
            name = printable(name) if name else f"[unknown: {row['reason']}]"
            flat[name] += row["self_ns"]
            cum[name] += row["total_ns"]
            count[name] += row["count"]
        return window, flat, cum, count

    def check_against_top(self, *args, whole_counts=True):
        """Estimated counts are rounded, here for each sample, in top for each row."""
        window, flat, cum, count = self.expected(*args)
        raw = Raw(self.pprof(self.export(*args), "-raw"))
        self.assertAlmostEqual(sum(s[0] for s in raw.samples), window["samples"],
                               delta=0 if whole_counts else len(raw.samples) / 2)
        self.assertEqual(sum(s[1] for s in raw.samples), window["total_ns"])
        raw_flat, raw_cum, raw_count = raw.by_function()
        cut = raw_cum.pop("[truncated: no frame pointers]", 0)
        self.assertEqual(cut, window["truncated_ns"])
        self.assertEqual({k: v for k, v in raw_flat.items() if v},
                         {k: v for k, v in flat.items() if v})
        self.assertEqual(dict(raw_cum), dict(cum))
        self.assertEqual(set(raw_count), {k for k in raw_count if k in count})
        for name, n in raw_count.items():
            self.assertAlmostEqual(n, count[name],
                                   delta=0 if whole_counts else len(raw.samples) / 2)
        return raw


class Pprof(PprofCase):
    def test_same_totals_as_top(self):
        raw = self.check_against_top()
        self.assertEqual(raw.types, ["samples/count", "cpu/nanoseconds[dflt]"])
        self.assertEqual(raw.head["PeriodType"], "cpu nanoseconds")
        self.assertEqual(raw.head["Period"], str(SAMPLE_NS))
        self.assertEqual(raw.head["Time"], "2026-11-23 08:20:00 +0000 UTC")
        self.assertEqual(raw.head["Duration"], "1m0s")
        self.assertEqual(raw.head["Comment"], "counted: ringbuf_full 3 (0.06s), walk_failed 5")

    def test_same_totals_as_top_filtered(self):
        self.check_against_top("--pid", "1000")
        self.check_against_top("--comm", "jo*")

    def test_top_of_pprof(self):
        """pprof's own addition, not ours: flat and cum in its table."""
        out = self.pprof(self.export(), "-top", "-unit=ns", "-nodecount=1000", "-nodefraction=0")
        rows = re.findall(r"^ *(\d+)(?:ns)? +[\d.]+% +[\d.]+% +(\d+)(?:ns)? +[\d.]+%  (.*)$", out,
                          re.M)
        _, flat, cum, _ = self.expected()
        actual = {name.replace(" (inline)", ""): (int(f), int(c)) for f, c, name in rows}
        actual.pop("[truncated: no frame pointers]")
        self.assertEqual(actual, {name: (flat[name], cum[name]) for name in cum})

    def test_a_sample_per_thread_and_stack(self):
        """Buckets and partitions are added up: no two samples have the same labels and stack."""
        raw = Raw(self.pprof(self.export(), "-raw"))
        keys = [(tuple(stack), tuple(sorted(labels.items())))
                for _, _, stack, labels in raw.samples]
        self.assertEqual(len(keys), len(set(keys)))
        # In three buckets of two partitions: 100, 50 and 25 samples.
        self.assertEqual(sum(samples == 175 for samples, *_ in raw.samples), 1)
        for _, _, _, labels in raw.samples:
            # What is not known has no label.
            unit = set() if labels["comm"] == "short" else {"unit"}
            self.assertEqual(set(labels), {"pid", "tid", "comm", "exe"} | unit)
        self.assertEqual({labels["comm"] for *_, labels in raw.samples},
                         {"web", "web-worker", "jo;b", "short"})

    def test_labels_select(self):
        path = self.export()
        for focus, samples in (("comm=web-worker", 84), ("pid=2000", 121), ("tid=1001", 84),
                               ("unit=web.service", 362), ("exe=/usr/bin/second", 1)):
            out = self.pprof(path, "-top", "-sample_index=samples", f"-tagfocus={focus}")
            self.assertIn(f"Showing nodes accounting for {samples}, ", out)

    def test_labels_of_containers(self):
        store = make_store(self.dir / "units", kind="units")
        path = self.dir / "units.pb.gz"
        self.run_profctl("export", str(path), *WINDOW, store=store)
        raw = Raw(self.pprof(path, "-raw"))
        samples = {labels["tid"]: (samples, labels) for samples, _, _, labels in raw.samples}
        self.assertEqual(samples["20"],
                         (20, {"pid": "20", "tid": "20", "comm": "nginx",
                               "exe": "/usr/sbin/nginx", "unit": "nginx.service",
                               "container": "web-1"}))
        self.assertEqual(samples["60"],
                         (3, {"pid": "60", "tid": "60", "comm": "kworker/0:1"}))
        # Two lives of one pid, told apart.
        self.assertEqual(sorted(samples for samples, _, _, labels in raw.samples
                                if labels["pid"] == "70"), [1, 2])

    def test_mappings(self):
        raw = Raw(self.pprof(self.export(), "-raw"))
        by_file = {path: (build_id, flags) for _, _, _, _, path, build_id, flags in raw.mappings}
        self.assertEqual(by_file["/usr/bin/web"], ("0a0b0c0d", "[FN][FL][LN][IN]"))
        self.assertEqual(by_file["[kernel]"], ("deadbeef", "[FN]"))
        self.assertEqual(by_file["/usr/lib/x86_64-linux-gnu/libz.so.1.2.13"], ("112233", "[FN]"))
        # A hash is no build ID.
        self.assertEqual(by_file['/opt/job/a "quoted", name;v2'], ("", "[FN][FL][LN]"))
        ranges = sorted((int(start, 16), int(limit, 16)) for _, start, limit, *_ in raw.mappings)
        for (_, limit), (start, _) in zip(ranges, ranges[1:]):
            self.assertLessEqual(limit, start)
        for start, limit in ranges:
            self.assertEqual((start % 4096, limit % 4096), (0, 0))
            self.assertLess(start, limit)
        offsets = {}
        for number, mapping in raw.location_mapping.items():
            if not mapping:
                continue
            _, start, limit, offset, *_ = raw.mappings[mapping - 1]
            address = raw.addresses[number]
            self.assertTrue(int(start, 16) <= address < int(limit, 16))
            offsets[raw.locations[number][0][0]] = address - int(start, 16) + int(offset, 16)
        self.assertEqual(offsets["copy_user"], 0x2345)
        self.assertEqual(offsets["deflate_slow"], 0x9000)
        self.assertEqual(offsets["py::loop(int, char)"], 0x7F0012345678)

    def test_main_binary_is_first(self):
        for pid, path in ((1000, "/usr/bin/web"), (2000, '/opt/job/a "quoted", name;v2')):
            raw = Raw(self.pprof(self.export("--pid", str(pid)), "-raw"))
            self.assertEqual(raw.mappings[0][4], path)

    def test_lines_and_inlined_calls(self):
        raw = Raw(self.pprof(self.export(), "-raw"))
        self.assertIn([("parse_header", "src/parse.c", "42"), ("handle", "src/main.c", "30")],
                      list(raw.locations.values()))
        self.assertIn("parse.c:42", self.pprof(self.export(), "-lines", "-top"))

    def test_damaged_files_are_refused(self):
        """The checks above can fail: pprof does not accept just anything."""
        whole = self.export().read_bytes()
        path = self.dir / "damaged.pb.gz"
        for damaged in (whole[:-20], whole[:len(whole) // 2], b"no profile"):
            path.write_bytes(damaged)
            self.assertTrue(self.pprof(path, "-raw", code=1))


class Waits(PprofCase):
    """Of a store with waits: what is estimated, and what no sample stands for."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.store = make_waits(cls.dir / "waits")

    def check(self, event, types, *args):
        raw = self.check_against_top("--event", event, *args, whole_counts=False)
        self.assertEqual(raw.types, types)
        self.assertEqual(raw.head["PeriodType"], f"{event} nanoseconds")
        return raw

    def test_off_cpu(self):
        raw = self.check("offcpu", ["waits/count", "offcpu/nanoseconds[dflt]"])
        self.assertNotIn("Period", {k: v for k, v in raw.head.items() if v != "0"})
        reasons = collections.Counter()
        for _, value, _, labels in raw.samples:
            reasons[labels["reason"]] += value
        _, rows = self.top_json("-e", "offcpu", "--by", "reason", *WINDOW)
        self.assertEqual(dict(reasons), {row["reason"]: row["self_ns"] for row in rows})
        self.assertIn("of the waits: exact 98.7 %", raw.text)

    def test_not_sampled(self):
        raw = self.check("offcpu", ["waits/count", "offcpu/nanoseconds[dflt]"], "-p", "2000")
        alone = [(count, value, labels) for count, value, stack, labels in raw.samples
                 if [raw.locations[n][0][0] for n in stack] == ["[not sampled]"]]
        self.assertEqual(alone, [(0, 80 * 10**6, {})])

    def test_run_queue_and_wakers(self):
        self.check("runq", ["waits/count", "runq/nanoseconds[dflt]"])
        self.check("waker", ["waits/count", "waker/nanoseconds[dflt]"])

    def test_wall(self):
        raw = self.check("wall", ["samples/count", "wall/nanoseconds[dflt]"])
        self.assertEqual(raw.head["Period"], str(SAMPLE_NS))
        flat = raw.by_function()[0]
        self.assertEqual(flat["[off-cpu: disk]"], 380 * 10**6)
        # Waits of a stack end in what they are; time on a CPU does not.
        self.assertEqual(flat["handle"], 80 * SAMPLE_NS)

    def test_labels_select(self):
        out = self.pprof(self.export("-e", "offcpu"), "-top", "-unit=ms",
                         "-tagfocus=reason=poll")
        self.assertIn("Showing nodes accounting for 37000ms", out)
        # As the stacks of an off-CPU flame graph by reason.
        out = self.pprof(self.export("-e", "wall"), "-top", "-unit=ms", "-tagroot=reason")
        self.assertRegex(out, r"0 +0% +[\d.]+% +380ms +[\d.]+%  disk")


if __name__ == "__main__":
    main()
