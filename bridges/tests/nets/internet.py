#!/usr/bin/env python3
"""The internet of the lab: holds each packet of a TUN interface back for a while, loses some, and returns the rest to it.

internet.py INTERFACE DELAY_MS LOSS_PERCENT SEED

What netem does, which many kernels are built without. The interface takes no offloads, so packets come whole, as on a wire.
"""

import collections
import fcntl
import os
import random
import select
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
LONGEST = 65536
# Beyond it packets are lost, as in a router's queue.
MOST_HELD = 10000


def main():
    interface, delay_s = sys.argv[1], float(sys.argv[2]) / 1000
    loss, chance = float(sys.argv[3]) / 100, random.Random(int(sys.argv[4]))
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", interface.encode(), IFF_TUN | IFF_NO_PI))
    print("carries packets", flush=True)
    # Of one delay: the order of their arrival is that of their leaving.
    held = collections.deque()
    while True:
        wait = max(0.0, held[0][0] - time.monotonic()) if held else None
        select.select([tun], [], [], wait)
        while True:
            try:
                packet = os.read(tun, LONGEST)
            except BlockingIOError:
                break
            if chance.random() >= loss and len(held) < MOST_HELD:
                held.append((time.monotonic() + delay_s, packet))
        now = time.monotonic()
        while held and held[0][0] <= now:
            try:
                os.write(tun, held.popleft()[1])
            except OSError:
                pass  # a packet that the kernel does not take is lost


main()
