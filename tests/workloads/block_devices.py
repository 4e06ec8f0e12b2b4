# SPDX-License-Identifier: GPL-2.0-or-later
"""Block devices that are made for a while, and what the kernel says of them (/proc/diskstats)."""
import contextlib
import fcntl
import os
import pathlib
import random
import struct
import subprocess
import sys
import time

SECTOR_BYTES = 512
QUIET_S = 0.05
QUIET_TIMEOUT_S = 20
# linux/loop.h. A device with AUTOCLEAR lets go of its file with its last descriptor.
LOOP_CTL_ADD, LOOP_CTL_REMOVE = 0x4C80, 0x4C81
LOOP_CONFIGURE = 0x4C0A
LO_FLAGS_READ_ONLY, LO_FLAGS_AUTOCLEAR = 1, 4
# Numbers that nobody else's devices have, as nobody else asks for one.
LOOP_NUMBERS = range(1000, 100000)
LOOP_TRIES = 100


def loop_control(request, number):
    with open("/dev/loop-control", "rb", buffering=0) as control:
        return fcntl.ioctl(control, request, number)


def add_loop():
    """A device that never was there."""
    for _ in range(LOOP_TRIES):
        with contextlib.suppress(FileExistsError):
            return loop_control(LOOP_CTL_ADD, random.choice(LOOP_NUMBERS))
    raise RuntimeError("no number of a loop device is free")


def open_loop(number, file, mode):
    """A descriptor of the device, which then is on that open file."""
    flags = LO_FLAGS_AUTOCLEAR | (LO_FLAGS_READ_ONLY if mode == os.O_RDONLY else 0)
    # struct loop_config: all else is 0.
    info = struct.pack("=5Q4I", 0, 0, 0, 0, 0, 0, 0, 0, flags).ljust(232, b"\0")
    device = os.open(f"/dev/loop{number}", mode)
    try:
        fcntl.ioctl(device, LOOP_CONFIGURE, (struct.pack("=2I", file, 0) + info).ljust(304, b"\0"))
    except BaseException:
        os.close(device)
        raise
    return device


def remove_loop(number):
    """Once nobody has it open; the last one to close it may not be through with that."""
    for _ in range(LOOP_TRIES):
        with contextlib.suppress(OSError):
            loop_control(LOOP_CTL_REMOVE, number)
            return
        time.sleep(0.02)


class Device:
    # What /proc/diskstats counts, and as what.
    COUNTED_AS = {"read": "read", "write": "write", "write zeroes": "write", "discard": "discard",
                  "flush": "flush"}

    def __init__(self, name):
        self.name = name
        self.path = f"/dev/{name}"

    @property
    def largest_bytes(self):
        """Of a single I/O that has data."""
        limit = pathlib.Path(f"/sys/block/{self.name}/queue/max_sectors_kb")
        return 1024 * int(limit.read_text("ascii"))


class Loop(Device):
    """A context: a loop device on a file in memory."""

    def __init__(self, n_bytes):
        self.number = add_loop()
        super().__init__(f"loop{self.number}")
        self.file = os.memfd_create("loop")
        try:
            os.truncate(self.file, n_bytes)
            self.descriptor = open_loop(self.number, self.file, os.O_RDWR)
        except BaseException:
            os.close(self.file)
            remove_loop(self.number)
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.descriptor)
        os.close(self.file)
        remove_loop(self.number)


class Zram(Device):
    """A context: a compressed device in memory, which has no requests."""

    # Its driver counts nothing else.
    COUNTED_AS = {"read": "read", "write": "write"}
    CONTROL = pathlib.Path("/sys/class/zram-control")

    def __init__(self, n_bytes):
        if not self.CONTROL.exists():
            subprocess.run(["modprobe", "zram"], check=True)
        self.number = int((self.CONTROL / "hot_add").read_text("ascii"))
        super().__init__(f"zram{self.number}")
        try:
            pathlib.Path(f"/sys/block/{self.name}/disksize").write_text(str(n_bytes), "ascii")
        except BaseException:
            self.remove()
            raise

    def remove(self):
        (self.CONTROL / "hot_remove").write_text(str(self.number), "ascii")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()


class SlowLoop(Device):
    """A context: a loop device that cannot be written, and takes a millisecond or so for a read."""

    SCRIPT = pathlib.Path(__file__).with_name("slow_loop.py")
    US = (300, 4000)

    def __init__(self, n_bytes):
        self.process = subprocess.Popen(
            ["unshare", "--mount", sys.executable, "-B", self.SCRIPT,
             *(str(number) for number in (n_bytes, *self.US))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        super().__init__(self.process.stdout.readline().decode().strip())
        if not self.name:
            self.__exit__()
            raise RuntimeError("there is no slow device")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Done:
    """What a device did, of each kind of operation. Zeroes are among what was written; how many
    flushes there were is known, and how long they took."""

    # Where the numbers of each begin in a line, behind the name.
    FIRST = {"read": 0, "write": 4, "discard": 11, "flush": 15}

    def __init__(self, numbers):
        self.numbers = numbers

    def __sub__(self, before):
        return Done([number - old for number, old in zip(self.numbers, before.numbers)])

    def __eq__(self, other):
        return self.numbers == other.numbers

    def _of(self, op, place):
        return self.numbers[self.FIRST[op] + place]

    def ios(self, op):
        return self._of(op, 0)

    def merged(self, op):
        return 0 if op == "flush" else self._of(op, 1)

    def bytes(self, op):
        return 0 if op == "flush" else SECTOR_BYTES * self._of(op, 2)

    def ms(self, op):
        return self._of(op, 1 if op == "flush" else 3)

    @property
    def in_flight(self):
        return self.numbers[8]


def done(name):
    with open("/proc/diskstats", encoding="ascii") as file:
        for line in file:
            fields = line.split()
            if fields[2] == name:
                return Done([int(field) for field in fields[3:]])
    raise RuntimeError(f"no device {name}")


def done_quietly(name):
    """Once nothing is in flight and nothing more is done."""
    end = time.monotonic() + QUIET_TIMEOUT_S
    now = done(name)
    while time.monotonic() < end:
        before = now
        time.sleep(QUIET_S)
        now = done(name)
        if now == before and now.in_flight == 0:
            return now
    raise TimeoutError(f"{name} is never idle")
