#!/usr/bin/env python3
"""Compares what two runs of one machine left behind: the same byte for byte, or else told, and the same but for moments.

    same.py FIRST SECOND

In most pairs of runs nothing differs. In a few, on a busy host, moments are shifted by microseconds: that is told. Counts of messages
that differ by more than two are a failure.
Standard library only.
"""

import json
import pathlib
import sys

MOST_DIFFERENCE = 2


def main():
    first, second = (pathlib.Path(folder) for folder in sys.argv[1:3])
    names, others = ({str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} for folder in (first, second))
    if names != others:
        sys.exit(f"FAILED: two runs of one machine left different files: {sorted(names ^ others)}")
    different = sorted(name for name in names if (first / name).read_bytes() != (second / name).read_bytes())
    if not different:
        print("two runs: the same, byte for byte")
        return
    for name in (name for name in different if name.endswith(".json")):
        for mine, yours in zip(classes(first / name), classes(second / name)):
            if any(abs(one - other) > MOST_DIFFERENCE for one, other in zip(mine, yours)):
                sys.exit(f"FAILED: two runs of one machine differ: {name}: {mine} and {yours}")
    print(f"two runs: the same messages at moments that are not quite the same: {' '.join(different)}")


def classes(path):
    keys = ("sent", "expected", "delivered", "missed")
    return [[entry[key] for key in keys] for entry in json.loads(path.read_text())["classes"]]


if __name__ == "__main__":
    main()
