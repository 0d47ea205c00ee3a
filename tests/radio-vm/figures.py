#!/usr/bin/env python3
"""Shows what the stations of a case reported: delivered of expected, and latency in the machine's time, by class.

    figures.py FOLDER [--json FILE]

FOLDER has a report, NAME.json, of each station. Standard library only.
"""

import argparse
import json
import pathlib


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    reports = {path.stem: json.loads(path.read_text()) for path in sorted(arguments.folder.glob("*.json"))}
    rows = [row(name, entry) for name, report in reports.items() for entry in report["classes"] if entry["expected"]]
    print(f"{'':12} {'delivered':>11}  send -> delivered, us: p50     p99     max")
    for one in rows:
        name = f"{one['class']} at {one['station']}"
        us = "".join(f"{one[key] / 1000:8.0f}" for key in ("p50_ns", "p99_ns", "max_ns"))
        print(f"{name:12} {one['delivered']:>5}/{one['expected']:<5} {'':21}{us}")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")


def row(station, entry):
    latency = entry["send_to_delivered"]
    return {
        "station": station,
        "class": entry["class"],
        "expected": entry["expected"],
        "delivered": entry["delivered"],
        "p50_ns": latency["p50_ns"],
        "p99_ns": latency["p99_ns"],
        "max_ns": latency["max_ns"],
    }


if __name__ == "__main__":
    main()
