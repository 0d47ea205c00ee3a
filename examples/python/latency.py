#!/usr/bin/env python3
"""Plots how long messages took from their sender to this station, a line a second for each class.

Usage: latency.py SOCKET    (a # is a quarter of a millisecond, of the slowest of that second)
"""
import json, socket, sys, time

if len(sys.argv) < 2:
    sys.exit(__doc__)
station = socket.socket(socket.AF_UNIX)
station.connect(sys.argv[1])
station.sendall(b'{"messages":"watch","payload":false}\n')
slowest, until = {}, time.monotonic() + 1
for line in station.makefile():
    message = json.loads(line).get("message", {})
    if "latency_us" in message:
        slowest[message["class"]] = max(slowest.get(message["class"], 0), message["latency_us"] / 1000)
    if time.monotonic() >= until:
        for name, ms in sorted(slowest.items()):
            print(f"{name} {ms:7.2f} ms {'#' * min(60, round(ms * 4))}", flush=True)
        slowest, until = {}, time.monotonic() + 1
