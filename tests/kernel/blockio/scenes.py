# SPDX-License-Identifier: GPL-2.0-or-later
"""What is done with block devices below profd, each time with devices that nothing else is done
with, and what the kernel says was done (/proc/diskstats)."""
import ctypes
import mmap
import os
import subprocess

import fio
from block_devices import Loop, Zram, done, done_quietly

DEVICE_BYTES = 64 << 20
BLOCK = 4096
N_IOS = 4000
READERS_S = 4
# More than profd takes by default: the more it draws, the closer are the estimates.
STACKS_PER_S = 1000
READERS_RATES = (6000, 1500)
FAILING_READS = 500
HOLE_BYTES = 256 << 10
KEEP_SIZE, PUNCH_HOLE = 1, 2  # linux/falloc.h
TRIES = 20

# name -> fio's options, and of what there is a lot then.
FIO = {
    "direct write sequential": (["--rw=write", "--bs=64k", "--direct=1"], ["write"]),
    "direct write random": (["--rw=randwrite", "--bs=4k", "--direct=1"], ["write"]),
    "direct read sequential": (["--rw=read", "--bs=64k", "--direct=1"], ["read"]),
    "direct read random": (["--rw=randread", "--bs=4k", "--direct=1"], ["read"]),
    "buffered write sequential": (["--rw=write", "--bs=64k", "--end_fsync=1"], ["write"]),
    "buffered write random": (["--rw=randwrite", "--bs=4k", "--end_fsync=1"], ["write"]),
    "buffered read sequential": (["--rw=read", "--bs=64k"], ["read"]),
    "buffered read random": (["--rw=randread", "--bs=4k"], ["read"]),
    "fsync": (["--rw=randwrite", "--bs=4k", "--fsync=1", "--end_fsync=1"], ["write"]),
    "io_uring": (["--rw=randrw", "--bs=4k", "--direct=1", "--ioengine=io_uring", "--iodepth=16"],
                 ["read", "write"]),
    "mmap": (["--rw=randrw", "--bs=4k", "--ioengine=mmap", "--end_fsync=1"], ["read", "write"]),
    "merged": (["--rw=write", "--bs=4k", "--direct=1", "--ioengine=libaio", "--iodepth=64",
                "--iodepth_batch=32", "--iodepth_batch_complete_min=32"], ["write"]),
    "discard": (["--rw=trim", "--bs=64k"], ["discard"]),
}


class Scene:
    """What was done with one device since this was made."""

    def __init__(self, name, device, ops=()):
        self.name = f"{name} on {device.name.rstrip('0123456789')}"
        self.device, self.ops = device, ops
        self.begin = done(device.name)
        self.truth = None

    def look(self):
        self.truth = done(self.device.name) - self.begin
        return self.truth


def run_counted_scenes(stack):
    scenes = []
    for name, (options, ops) in FIO.items():
        # The kernel does not count what zram discards.
        devices = [stack.enter_context(kind(DEVICE_BYTES))
                   for kind in ((Loop,) if name == "discard" else (Loop, Zram))]
        scenes += [Scene(name, device, ops) for device in devices]
        fio.run(devices, *options, f"--number_ios={N_IOS}")
    scenes.append(Scene("zeroes", stack.enter_context(Loop(DEVICE_BYTES)), ["write"]))
    punch_holes(scenes[-1].device)
    return scenes


def settle(profd, scenes, ask):
    """What is asked for, once that has all that was done with the devices, and nothing more is. Who
    looks at a device that somebody wrote to, as udev does, is waited for."""
    for _ in range(TRIES):
        truths = [scene.look() for scene in scenes]
        profd.flush()
        answer = ask()
        if truths == [scene.look() for scene in scenes] and not any(t.in_flight for t in truths):
            return answer
    raise RuntimeError("the devices are never idle")


def punch_holes(device):
    """Which the kernel makes by writing zeroes, without sending them."""
    libc = ctypes.CDLL(None, use_errno=True)
    writer = os.open(device.path, os.O_RDWR)
    for offset in range(0, DEVICE_BYTES, HOLE_BYTES):
        if libc.fallocate(writer, PUNCH_HOLE | KEEP_SIZE, ctypes.c_int64(offset),
                          ctypes.c_int64(HOLE_BYTES)) != 0:
            raise OSError(ctypes.get_errno(), "fallocate")
    os.close(writer)


def run_and_remove(n_times):
    """One device after the other, all gone before profd is asked, which may have had the same name:
    {name: I/Os}."""
    written = {}
    for _ in range(n_times):
        with Zram(DEVICE_BYTES) as device:
            before = done(device.name)
            subprocess.run(["dd", "if=/dev/zero", f"of={device.path}", "bs=4k", "count=100",
                            "oflag=direct", "status=none"], check=True)
            done_writes = (done_quietly(device.name) - before).ios("write")
            written[device.name] = written.get(device.name, 0) + done_writes
    return written


def read_beyond_end(device):
    """Reads a device of whose file nothing is left: how many reads failed."""
    failed = 0
    os.truncate(device.file, 0)
    with mmap.mmap(-1, BLOCK) as buffer:
        reader = os.open(device.path, os.O_RDONLY | os.O_DIRECT)
        for n in range(FAILING_READS):
            try:
                os.preadv(reader, [buffer], n * BLOCK)
            except OSError:
                failed += 1
        os.close(reader)
    return failed


def run_readers(device):
    """Two processes that read at different rates at the same time: {pid: reads}."""
    jobs = [subprocess.Popen(
        fio.command(device, "--rw=randread", "--bs=4k", "--direct=1", f"--rate_iops={rate}",
                    "--time_based", f"--runtime={READERS_S}"),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) for rate in READERS_RATES]
    reads = {}
    for job in jobs:
        text, _ = job.communicate(timeout=fio.LIMIT_S)
        reads[job.pid] = fio.accounts(text)[0]["read"]["total_ios"]
    return reads


def write_back(device, directory):
    """Writes files, and has them written by whoever does that in this kernel. Of each there is an
    I/O of its own, so that samples will have seen some."""
    subprocess.run(["mkfs.ext4", "-q", "-F", "-O", "^has_journal", device.path], check=True,
                   stdout=subprocess.DEVNULL)
    subprocess.run(
        ["unshare", "--mount", "sh", "-ec",
         'mount "$1" "$2"; n=0; while [ $n -lt 1000 ]; do printf %4096s >"$2/$n"; n=$((n + 1)); '
         'done; sync -f "$2"; umount "$2"', "sh", device.path, directory], check=True)
