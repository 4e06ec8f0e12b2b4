# SPDX-License-Identifier: GPL-2.0-or-later
"""profctl export: where the bytes go. What is in them is test_pprof.py's and the golden files'."""
import gzip
import os
import stat

from profctl_case import WINDOW, ProfctlCase, main, make_store

GZIP = b"\x1f\x8b"


class Destination(ProfctlCase):
    def setUp(self):
        self.cwd = self.dir / self.id().rpartition(".")[2]
        self.cwd.mkdir()

    def files(self):
        return sorted(os.listdir(self.cwd))

    def test_pipe_gets_pprof_and_nothing_else(self):
        out, _ = self.run_profctl("export", *WINDOW, cwd=self.cwd)
        self.assertEqual(out[:2], GZIP)
        gzip.decompress(out)
        self.assertEqual(self.files(), [])

    def test_same_question_same_bytes(self):
        first, _ = self.run_profctl("export", *WINDOW)
        self.assertEqual(first, self.run_profctl("export", *WINDOW)[0])

    def test_file_chooses_format(self):
        pprof, _ = self.run_profctl("export", *WINDOW)
        folded, _ = self.run_profctl("export", "-o", "folded", *WINDOW)
        for name, content in (("a.pb.gz", pprof), ("b.pprof", pprof), ("c.folded", folded),
                              ("d.txt", folded)):
            out, _ = self.run_profctl("export", name, *WINDOW, cwd=self.cwd)
            self.assertEqual(out, b"")
            self.assertEqual((self.cwd / name).read_bytes(), content)
        self.run_profctl("export", "-o", "folded", "e.pb.gz", *WINDOW, cwd=self.cwd)
        self.assertEqual((self.cwd / "e.pb.gz").read_bytes(), folded)
        self.assertEqual(len(self.files()), 5)

    def test_file_is_replaced_whole(self):
        target = self.cwd / "x.folded"
        target.write_text("old\n" * 10000)
        os.chmod(target, 0o600)
        self.run_profctl("export", "x.folded", *WINDOW, cwd=self.cwd)
        self.assertEqual(target.read_bytes(),
                         self.run_profctl("export", "-o", "folded", *WINDOW)[0])
        self.assertEqual(self.files(), ["x.folded"])

    def test_link_is_followed(self):
        (self.cwd / "there").mkdir()
        (self.cwd / "there" / "real.txt").write_text("old")
        (self.cwd / "link.txt").symlink_to("there/real.txt")
        self.run_profctl("export", "link.txt", *WINDOW, cwd=self.cwd)
        self.assertTrue((self.cwd / "link.txt").is_symlink())
        self.assertIn("deflate_slow", (self.cwd / "there" / "real.txt").read_text())

    def test_device_is_written_not_replaced(self):
        before = os.stat("/dev/null")
        self.run_profctl("export", "-o", "pprof", "/dev/null", *WINDOW)
        after = os.stat("/dev/null")
        self.assertTrue(stat.S_ISCHR(after.st_mode))
        self.assertEqual((before.st_ino, before.st_rdev), (after.st_ino, after.st_rdev))

    def test_impossible_files(self):
        (self.cwd / "dir.txt").mkdir()
        for name, says in (("missing/x.txt", "No such file or directory"),
                           ("dir.txt", "Is a directory"),
                           ("x" * 5000 + ".txt", "File name too long"),
                           ("x" * 254 + ".txt", "File name too long")):
            _, err = self.run_profctl("export", name, *WINDOW, code=1, cwd=self.cwd)
            self.assertIn(says, err)
        self.assertEqual(self.files(), ["dir.txt"])

    def test_full_disk_leaves_nothing(self):
        _, err = self.run_profctl("export", "-o", "pprof", "/dev/full", *WINDOW, code=1)
        self.assertIn("No space left on device", err)

    def test_empty_answer(self):
        out, err = self.run_profctl("export", "--comm", "nobody", *WINDOW)
        self.assertIn("-- no samples --", err)
        self.assertEqual(out[:2], GZIP)
        out, _ = self.run_profctl("export", "-o", "folded", "--comm", "nobody", *WINDOW)
        self.assertEqual(out, b"")

    def test_deepest_stack(self):
        store = make_store(self.cwd / "deep", kind="deep")
        out, _ = self.run_profctl("export", "-o", "folded", *WINDOW, store=store)
        stack, _, value = out.decode().strip().rpartition(" ")
        # 1,200 locations, half of them two frames, below the thread's name.
        self.assertEqual(len(stack.split(";")), 1 + 1800)
        self.assertEqual(value, "20000000")

    def test_losses_are_said(self):
        _, err = self.run_profctl("export", *WINDOW)
        self.assertIn("counted on the machine in this window: ringbuf_full 3 (0.06s)", err)


class Terminal(ProfctlCase):
    NAME = "profd-1000-cpu-20261123T082000Z.pb.gz"

    def setUp(self):
        self.cwd = self.dir / self.id().rpartition(".")[2]
        self.cwd.mkdir()

    def export(self, *args, code=0):
        return self.run_on_terminal("export", *args, *WINDOW, code=code, cwd=self.cwd)

    def files(self):
        return sorted(os.listdir(self.cwd))

    def test_pprof_goes_to_a_named_file(self):
        out, _ = self.export("--pid", "1000")
        self.assertEqual(self.files(), [self.NAME])
        content = (self.cwd / self.NAME).read_bytes()
        self.assertEqual(content, self.run_profctl("export", "--pid", "1000", *WINDOW)[0])
        self.assertRegex(out, rf"^Wrote {self.NAME} \(\d+(\.\d)? K?B, 362 samples, 5 stacks, 1m\)\n"
                              rf"Open: go tool pprof -http=: {self.NAME}   \|")
        self.assertEqual(stat.S_IMODE((self.cwd / self.NAME).stat().st_mode), 0o644)

    def test_an_existing_file_is_kept(self):
        self.export("--pid", "1000")
        (self.cwd / self.NAME).write_text("mine")
        _, err = self.export("--pid", "1000", code=1)
        self.assertIn("is already there and is left as it is", err)
        self.assertEqual((self.cwd / self.NAME).read_text(), "mine")
        self.assertEqual(self.files(), [self.NAME])

    def test_names(self):
        for args, name in (([], "profd-all-cpu-20261123T082000Z.pb.gz"),
                           (["-p", "1000", "-p", "2000"],
                            "profd-2-pids-cpu-20261123T082000Z.pb.gz")):
            out, _ = self.export(*args)
            self.assertIn(name, out)
            self.assertIn(name, self.files())

    def test_folded_is_printed(self):
        out, _ = self.export("-o", "folded")
        self.assertIn("web;main;recurse;recurse 800000000\n", out)
        self.assertEqual(self.files(), [])

    def test_no_file_for_an_empty_answer(self):
        out, err = self.export("--comm", "nobody")
        self.assertEqual((out, self.files()), ("", []))
        self.assertIn("-- no samples --", err)


if __name__ == "__main__":
    os.umask(0o022)
    main()
