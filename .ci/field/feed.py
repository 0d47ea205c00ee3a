#!/usr/bin/env python3
"""Controllers with a habit, each a datagram ten times a second: feed.py PORT SECONDS [HABIT]. Without one, all in turn."""
import json
import socket
import sys
import time

PORT, SECONDS = int(sys.argv[1]), float(sys.argv[2])
ALL = ["rest", "extra", "unmapped", "many", "nan", "backwards", "text", "twice", "flags"]
HABITS = sys.argv[3:] or ALL


def line(habit):
    groups = [
        {"group": 1, "phase": "protected_go", "min_end_s": 4.2, "max_end_s": 12.0},
        {"group": 2, "phase": "stop_and_remain", "min_end_s": 7.2},
        {"group": 3, "phase": "stop_and_remain"},
        {"group": 4, "phase": "stop_and_remain"},
    ]
    whole = {"intersection": 18, "groups": groups}
    if habit == "rest":
        groups[0]["max_end_s"] = 7200.0
    elif habit == "extra":
        whole["name"], groups[1]["lamp"] = "West", "LED"
    elif habit == "unmapped":
        groups.append({"group": 9, "phase": "dark"})
    elif habit == "many":
        groups += [{"group": group, "phase": "dark"} for group in range(20, 56)]
    elif habit == "nan":
        groups[0]["max_end_s"] = float("nan")
    elif habit == "backwards":
        groups[0]["min_end_s"] = 20
    elif habit == "text":
        groups[0]["max_end_s"] = "12"
    elif habit == "twice":
        groups.append({"group": 4, "phase": "protected_go"})
    elif habit == "flags":
        whole["status"] = ["fixed_time", "busy"]
    elif habit == "ms":
        whole["time"] = int(time.time() * 1000)
    elif habit == "local":
        whole["time"] = time.time() + 3600
    elif habit == "late":
        whole["time"] = time.time() - 1.2
    return whole


out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
began = time.monotonic()
count = 0
while time.monotonic() - began < SECONDS:
    out.sendto((json.dumps(line(HABITS[count % len(HABITS)])) + "\n").encode(), ("127.0.0.1", PORT))
    count += 1
    time.sleep(0.1)
