# SPDX-License-Identifier: GPL-2.0-or-later
"""A part of the benchmarks' load: JSON, regular expressions and sorting, without end."""
import json
import random
import re


def main():
    numbers = random.Random(1)
    word = re.compile(r"([a-z]+)-(\d+)")
    while True:
        rows = [{"id": n, "name": f"name-{numbers.randint(0, 9999)}", "tags": ["a", "b", n]}
                for n in range(2000)]
        text = json.dumps(rows)
        found = [match.group(2) for match in word.finditer(text)]
        sorted(json.loads(text), key=lambda row: row["name"])
        re.sub(r"\d+", lambda match: found[int(match.group()) % len(found)], text)


main()
