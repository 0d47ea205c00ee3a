#!/usr/bin/env python3
"""Compares what two runs of one machine left behind, and what they printed: it has to be the same, byte for byte.

    same.py FIRST SECOND          folders; beside each the machine's FIRST.console

Standard library only.
"""

import pathlib
import sys


def main():
    first, second = (pathlib.Path(folder) for folder in sys.argv[1:3])
    names, others = ({str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} for folder in (first, second))
    if names != others:
        sys.exit(f"FAILED: two runs of one machine left different files: {sorted(names ^ others)}")
    different = sorted(name for name in names if (first / name).read_bytes() != (second / name).read_bytes())
    if different:
        sys.exit(f"FAILED: two runs of one machine differ: {' '.join(different)}")
    if first.with_suffix(".console").read_bytes() != second.with_suffix(".console").read_bytes():
        sys.exit("FAILED: two runs of one machine printed different lines")
    print(f"two runs: {len(names)} files are the same, byte for byte")


if __name__ == "__main__":
    main()
