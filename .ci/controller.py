#!/usr/bin/env python3
"""A signal controller for the checks: feeds a roadside unit, and looks at what the unit made of it.

    controller.py speak SOCKET --seconds N     feeds intersections 17 and 18 ten times a second; prints when it stopped
    controller.py check DUMP --stopped NS      DUMP is what `roadcast dump --json` made of the unit's frames

Standard library only. Exit code 1 and one line when something does not hold.
"""

import argparse
import json
import socket
import sys
import time

# The unit is allowed a second; the rest is for a machine that is busy with other things.
LONGEST_AFTER_NS = 1_500_000_000
GROUPS = {17: [1, 2], 18: [1, 2, 3, 4]}


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    speaking = commands.add_parser("speak")
    speaking.add_argument("socket")
    speaking.add_argument("--seconds", type=float, required=True)
    speaking.set_defaults(run=speak)
    checking = commands.add_parser("check")
    checking.add_argument("dump")
    checking.add_argument("--stopped", type=int, required=True)
    checking.set_defaults(run=check)
    arguments = parser.parse_args()
    try:
        print(arguments.run(arguments))
    except (Wrong, OSError, ValueError) as error:
        sys.exit(f"controller.py: {error}")


def speak(arguments):
    unit = connect(arguments.socket)
    end = time.monotonic() + arguments.seconds
    unit.sendall(b'{"intersection": 18, "lamps": []}\n')
    while time.monotonic() < end:
        green = 1 + int(time.monotonic()) % 2
        for intersection, groups in GROUPS.items():
            states = [
                {"group": group, "phase": "protected_go" if group == green else "stop_and_remain", "min_end_s": 0.5}
                for group in groups
            ]
            unit.sendall(json.dumps({"intersection": intersection, "groups": states}).encode() + b"\n")
        time.sleep(0.1)
    refused = json.loads(unit.recv(4096))["refused"]
    if "lamps" not in refused:
        raise Wrong(f"a bad line was refused for another reason: {refused}")
    return time.time_ns()


def connect(path):
    for _ in range(100):
        unit = socket.socket(socket.AF_UNIX)
        try:
            unit.connect(path)
            return unit
        except OSError:
            unit.close()
            time.sleep(0.1)
    raise Wrong(f"nobody listens on {path}")


def check(arguments):
    with open(arguments.dump, encoding="utf-8") as file:
        frames = [json.loads(line) for line in file]
    by_type = {}
    for frame in frames:
        by_type.setdefault(frame["message"], []).append(frame)
    for needed in ("signal_state", "intersection_map", "sign_info", "rsu_advert"):
        if needed not in by_type:
            raise Wrong(f"no {needed} among {sorted(by_type)}")
    revisions = {frame["payload"]["revision"] for frame in by_type["intersection_map"]}
    states = by_type["signal_state"]
    for intersection in GROUPS:
        mine = [state for state in states if state["payload"]["intersection_id"] == intersection]
        if len(mine) < 10:
            raise Wrong(f"only {len(mine)} signal states of intersection {intersection}")
        if intersection == 18 and {state["payload"]["map_revision"] for state in mine} != revisions:
            raise Wrong("signal states and map differ in their revision")
    last = max(state["time_unix_ns"] for state in states)
    if last > arguments.stopped + LONGEST_AFTER_NS:
        raise Wrong(f"signal states went on for {(last - arguments.stopped) / 1e9:.1f} s after the controller stopped")
    after = [frame for frame in by_type["intersection_map"] if frame["time_unix_ns"] > arguments.stopped + LONGEST_AFTER_NS]
    if not after:
        raise Wrong("the map stopped with the signal states")
    return f"{len(states)} signal states, the last {(last - arguments.stopped) / 1e6:.0f} ms after the controller stopped"


class Wrong(Exception):
    """Something that does not hold."""


if __name__ == "__main__":
    main()
