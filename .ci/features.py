#!/usr/bin/env python3
"""Prints each combination of features of each workspace member as arguments of cargo, one combination a line.

Reads `cargo metadata --no-deps --format-version 1` from standard input. Standard library only.
"""

import itertools
import json
import sys


def main():
    for package in json.load(sys.stdin)["packages"]:
        features = sorted(set(package["features"]) - {"default"})
        for count in range(len(features) + 1):
            for chosen in itertools.combinations(features, count):
                wanted = f" --features {','.join(chosen)}" if chosen else ""
                print(f"-p {package['name']} --no-default-features{wanted}")


if __name__ == "__main__":
    main()
