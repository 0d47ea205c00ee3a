#!/usr/bin/env python3
"""Prints the stations that a running daemon hears, and each change from then on.

Usage: neighbours.py SOCKET    (the daemon prints the path of its control socket when it starts)
"""
import json, socket, sys

if len(sys.argv) < 2:
    sys.exit(__doc__)
station = socket.socket(socket.AF_UNIX)
station.connect(sys.argv[1])
station.sendall(b'{"neighbours":"watch"}\n')
for line in station.makefile():
    news = json.loads(line)
    if "neighbour" in news:
        near = news["neighbour"]
        print(news["change"], near["digest"], near.get("distance_m"), "m", near.get("standing"), flush=True)
