#!/usr/bin/env python3
"""A controller that broadcasts its state as NTCIP 1202 has it: tscbm.py PORT SECONDS left|marks. Damaged ones between."""
import os
import socket
import struct
import sys
import time

PORT, SECONDS, MARKS = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3] == "marks"


def datagram(count, elapsed):
    """Phase 2 is green for 3 s more, then amber for 3, then red; phase 4 red, and green when phase 2 is red; overlap 1 as 4."""
    seconds = time.time() % 3600
    tenth = int(seconds * 10)
    phase = 0 if elapsed < 3 else 1 if elapsed < 6 else 2
    left = max(0, int(([3, 6, 16][phase] - elapsed) * 10))
    until = (tenth + left) % 36000 if MARKS else left
    unknown = 36001 if MARKS else 0xFFFF
    blocks = b""
    for number in range(1, 17):
        used = number in (2, 4)
        vehicles = (until, unknown) if used else (0, 0)
        overlap = (until, until) if number == 1 else (0, 0)
        blocks += struct.pack(">B6H", number, *vehicles, 0, 0, *overlap)
    bit = {2: 1 << 1, 4: 1 << 3}
    red = bit[4] if phase < 2 else bit[2]
    yellow = bit[2] if phase == 1 else 0
    green = bit[2] if phase == 0 else bit[4] if phase == 2 else 0
    overlap = (1, 0, 0) if phase < 2 else (0, 0, 1)
    bits = struct.pack(">11H", red, yellow, green, 0, 0, 0, *overlap, 0, 0)
    tail = struct.pack(">7BH2H", 0, 0, 0, count % 256, 0, int(seconds // 60), int(seconds % 60), int(seconds * 1000) % 1000, 0, 0)
    return bytes([0xCD, 16]) + blocks + bits + tail


out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
began = time.monotonic()
count = 0
while (elapsed := time.monotonic() - began) < SECONDS:
    whole = datagram(count, elapsed)
    assert len(whole) == 245
    out.sendto(whole, ("127.0.0.1", PORT))
    for damaged in (whole[:100], b"\xce" + whole[1:], os.urandom(300)) if count % 10 == 5 else ():
        out.sendto(damaged, ("127.0.0.1", PORT))
    count += 1
    time.sleep(0.1)
