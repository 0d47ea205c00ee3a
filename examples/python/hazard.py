#!/usr/bin/env python3
"""Declares an accident where the station is, and prints what becomes of it.

Usage: hazard.py SOCKET [CAUSE]    (causes: roadcast hazard new --cause list)
"""
import json, socket, sys

if len(sys.argv) < 2:
    sys.exit(__doc__)
station = socket.socket(socket.AF_UNIX)
station.connect(sys.argv[1])
cause = sys.argv[2] if len(sys.argv) > 2 else "accident"
area = {"shape": "circle", "radius_m": 500}
station.sendall(b'{"hazard":"watch"}\n')
station.sendall(json.dumps({"hazard": "new", "cause": cause, "area": area, "id": 1}).encode() + b"\n")
for line in station.makefile():
    news = json.loads(line)
    if news.get("id") == 1:
        print("declared as", news["event"] if news["ok"] else sys.exit(news["error"]), flush=True)
    elif "hazard" in news:
        print(news["change"], news["hazard"]["event"], news["hazard"]["cause_name"], flush=True)
