# SPDX-License-Identifier: GPL-2.0-or-later
"""A loop device that takes a millisecond or so for each read, for kernels without dm-delay.

Usage: unshare --mount python3 slow_loop.py BYTES LEAST_US MOST_US

Prints the device's name and keeps it until its input ends. Its file is of a file system of its own
(FUSE), which is this file and nothing more, and which nobody else sees; each read of it sleeps for
a time between LEAST_US and MOST_US, their logarithms evenly distributed.
"""
import ctypes
import os
import random
import struct
import sys
import threading
import time

from block_devices import add_loop, open_loop, remove_loop

MODE = 0o100444
# linux/fuse.h
MAJOR, MINOR = 7, 31
FORGET, GETATTR, OPEN, READ, RELEASE, FLUSH, INIT, INTERRUPT, BATCH_FORGET = \
    2, 3, 14, 15, 18, 25, 26, 36, 42
FOPEN_DIRECT_IO = 1  # the page cache would read ahead
ENOSYS = 38
REQUEST_MAX = 1 << 20
VALID_S = 1 << 20


class SlowFile:
    def __init__(self, n_bytes, least_s, most_s):
        self.n_bytes, self.least_s, self.most_s = n_bytes, least_s, most_s
        self.requests = os.open("/dev/fuse", os.O_RDWR)

    def mount(self, path):
        options = f"fd={self.requests},rootmode={MODE:o},user_id=0,group_id=0"
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"slow", os.fsencode(path), b"fuse", 0, options.encode()) != 0:
            raise OSError(ctypes.get_errno(), "mount")

    def attributes(self):
        numbers = struct.pack("=6Q10I", 1, self.n_bytes, 0, 0, 0, 0, 0, 0, 0, MODE, 1, 0, 0, 0,
                              4096, 0)
        return struct.pack("=QII", VALID_S, 0, 0) + numbers

    def answer_read(self, request):
        _, offset, size = struct.unpack_from("=QQI", request)
        time.sleep(self.least_s * (self.most_s / self.least_s) ** random.random())
        return bytes(max(0, min(size, self.n_bytes - offset)))

    def answer(self, opcode, request):
        """The bytes of an answer; None where the kernel wants another kind of file system."""
        if opcode == READ:
            return self.answer_read(request)
        if opcode == GETATTR:
            return self.attributes()
        if opcode == INIT:
            return struct.pack("=4I2H2I36x", MAJOR, MINOR, 0, 0, 16, 12, REQUEST_MAX // 2, 1)
        if opcode == OPEN:
            return struct.pack("=QII", 0, FOPEN_DIRECT_IO, 0)
        return b"" if opcode in (RELEASE, FLUSH) else None

    def serve(self):
        while True:
            try:
                message = os.read(self.requests, REQUEST_MAX)
            except OSError:  # it is not mounted any more
                return
            _, opcode, unique = struct.unpack_from("=IIQ", message)
            if opcode in (FORGET, BATCH_FORGET, INTERRUPT):
                continue
            answer = self.answer(opcode, message[40:])
            head = struct.pack("=IiQ", 16 + len(answer or b""), -ENOSYS if answer is None else 0,
                               unique)
            os.write(self.requests, head + (answer or b""))


def main():
    n_bytes, least_us, most_us = (int(argument) for argument in sys.argv[1:])
    file = SlowFile(n_bytes, least_us / 1e6, most_us / 1e6)
    file.mount(__file__)  # any file will do: nobody else sees it there
    threading.Thread(target=file.serve, daemon=True).start()
    opened = os.open(__file__, os.O_RDONLY)
    number = add_loop()
    try:
        device = open_loop(number, opened, os.O_RDONLY)
        os.close(opened)
        print(f"loop{number}", flush=True)
        sys.stdin.buffer.read()
        os.close(device)
    finally:
        remove_loop(number)


main()
