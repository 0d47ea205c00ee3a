#!/usr/bin/env python3
"""Gives a station its position, once a second until it is ended: lines of latitude, longitude, and optionally speed in m/s
and heading in degrees, on standard input. Needs [position] source = "control".

Usage: echo "49.6116 6.1319 13.9 90" | position.py SOCKET
"""
import json, socket, sys, time

if len(sys.argv) < 2:
    sys.exit(__doc__)
station = socket.socket(socket.AF_UNIX)
station.connect(sys.argv[1])
answers = station.makefile()
keys = ["latitude_deg", "longitude_deg", "speed_m_s", "heading_deg"]
for line in sys.stdin:
    fix = dict(zip(keys, map(float, line.split())))
    station.sendall(json.dumps({"fix": fix}).encode() + b"\n")
    answer = json.loads(answers.readline())
    print("taken" if answer["ok"] else sys.exit(answer["error"]), flush=True)
    time.sleep(1 if sys.stdin.isatty() else 0.1)
