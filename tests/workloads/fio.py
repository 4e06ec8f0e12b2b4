# SPDX-License-Identifier: GPL-2.0-or-later
"""fio(1) on block devices."""
import json
import subprocess

LIMIT_S = 300


def command(device, *options):
    """One job in one process, so that its pid is that of who does it."""
    return ["fio", "--output-format=json", "--thread", f"--name={device.name}",
            f"--filename={device.path}", *options]


def accounts(said):
    """fio's own account of each of its jobs; notes may stand before it."""
    text = said.decode()
    return json.loads(text[text.index("{"):])["jobs"]


def run(devices, *options):
    """The same job on all of them at once; returns the account of each."""
    words = ["fio", "--output-format=json"]
    for device in devices:
        words += [f"--name={device.name}", f"--filename={device.path}", *options]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_S,
                          check=False)
    if done.returncode != 0:
        raise RuntimeError(f"fio ended with {done.returncode}: {done.stderr.decode()}")
    return accounts(done.stdout)
