#!/usr/bin/env python3
"""Passes on what a NEMA signal controller broadcasts to a Roadcast unit.

North American controllers that follow NTCIP 1202 (v02, and v03 where they still offer it) can send their state ten times a
second as one UDP datagram of 245 bytes, the "Traffic Signal Controller Broadcast Message" (TSCBM, the blob that begins with
0xCD). This program makes a line of v2x-node/FEED.md of each:

    tscbm_feed.py --intersection 18 --listen 6053 --feed unix:/run/roadcast/controller.sock \\
        --phase 2=1 --phase 4=2 --overlap 1=4 --walk 2=9

Phases, overlaps and walks are the controller's, signal groups those of the intersection's file. Without any of the three,
phase N is signal group N. Green is `protected_go` unless its group is named by --permissive. When the controller falls
silent, so does this program, and the unit notices.

The standard library of Python 3.9 is all it needs.
"""

import argparse
import json
import socket
import struct
import sys
import time

# Header, number of blocks, 16 blocks, then the bits of all phases and overlaps, and the controller's time; network order.
HEADER = 0xCD
BLOCK = struct.Struct(">B6H")  # phase, then min and max of vehicles, pedestrians, overlap; 0.1 s
BITS = struct.Struct(">11H")
TAIL = struct.Struct(">7BH2H")  # status, timebase action, discontinuity, sequence, hour, minute, second, ms, calls, detections
BLOCKS = 16
LENGTH = 2 + BLOCKS * BLOCK.size + BITS.size + TAIL.size
UNKNOWN = 36_001  # SAE J2735 TimeMark
HOUR = 36_000


class Message:
    """One datagram of a controller."""

    def __init__(self, datagram):
        if len(datagram) < LENGTH:
            raise ValueError(f"{len(datagram)} bytes: a TSCBM has {LENGTH}")
        if datagram[0] != HEADER:
            raise ValueError(f"it begins with 0x{datagram[0]:02X}: a TSCBM begins with 0x{HEADER:02X}")
        self.times = {}
        for at in range(min(datagram[1], BLOCKS)):
            number, *times = BLOCK.unpack_from(datagram, 2 + at * BLOCK.size)
            if 1 <= number <= 16:
                self.times[number] = times
        at = 2 + BLOCKS * BLOCK.size
        (self.red, self.yellow, self.green, self.dont_walk, self.walk_clear, self.walk, self.overlap_red,
         self.overlap_yellow, self.overlap_green, self.flash, self.overlap_flash) = BITS.unpack_from(datagram, at)
        tail = TAIL.unpack_from(datagram, at + BITS.size)
        minute, second, millisecond = tail[5], tail[6], tail[7]
        self.tenth_of_hour = minute * 600 + second * 10 + millisecond // 100

    def shown(self, kind, number):
        """What a signal shows, by the lamps that are lit; None when they contradict each other."""
        lamps = {
            "phase": (self.red, self.yellow, self.green, self.flash),
            "overlap": (self.overlap_red, self.overlap_yellow, self.overlap_green, self.overlap_flash),
            "walk": (self.dont_walk, self.walk_clear, self.walk, 0),
        }[kind]
        red, yellow, green, flash = (bool(bits >> (number - 1) & 1) for bits in lamps)
        if flash:
            return {(True, False, False): "stop_then_proceed", (False, True, False): "caution"}.get((red, yellow, green))
        return {
            (False, False, False): "dark",
            (True, False, False): "stop_and_remain",
            (True, True, False): "pre_movement",
            (False, True, False): "protected_clearance",
            (False, False, True): "protected_go",
        }.get((red, yellow, green))

    def ends(self, kind, number, marks):
        """Earliest and latest end, seconds from now; None where unknown."""
        first = {"phase": 0, "walk": 2, "overlap": 4}[kind]
        times = self.times.get(number)
        if times is None:
            return None, None
        least, most = (self.seconds(time, marks) for time in times[first:first + 2])
        if least is not None and most is not None and most < least:
            # Controllers that know no latest end send 0.
            most = None
        return least, most

    def seconds(self, time, marks):
        """A time of the message in seconds from now: with `marks` it is a place in the hour, which wraps."""
        if time >= UNKNOWN:
            return None
        if marks and time < HOUR:
            time = (time - self.tenth_of_hour) % HOUR
            if time > HOUR - 600:
                time = 0  # it was to end within the last minute, and has not
        return time / 10


def line(message, options):
    """The line of the feed for one message."""
    groups = []
    for kind, number, group in options.signals or [("phase", number, number) for number in sorted(message.times)]:
        phase = message.shown(kind, number)
        if phase is None:
            complain(f"{kind} {number}", "shows lamps that contradict each other; left out")
            continue
        if group in options.permissive:
            phase = phase.replace("protected", "permissive")
        one = {"group": group, "phase": phase}
        least, most = message.ends(kind, number, options.times == "marks")
        if phase not in ("dark", "caution", "stop_then_proceed"):
            one.update({key: end for key, end in (("min_end_s", least), ("max_end_s", most)) if end is not None})
        groups.append(one)
    return {"intersection": options.intersection, "groups": groups}


class Feed:
    """The unit's feed; connected again when the unit was started anew."""

    def __init__(self, address):
        kind, _, place = address.partition(":")
        if kind not in ("unix", "udp") or not place:
            sys.exit(f"--feed {address}: unix:PATH or udp:HOST:PORT, as roadside.feed of the unit has it")
        self.unix = kind == "unix"
        self.place = place if self.unix else endpoint(place, "127.0.0.1")
        self.socket = None
        self.try_again = 0.0

    def send(self, text):
        try:
            if self.socket is None:
                if time.monotonic() < self.try_again:
                    return
                self.try_again = time.monotonic() + 1
                family, kind = (
                    (socket.AF_UNIX, socket.SOCK_STREAM) if self.unix else (socket.AF_INET, socket.SOCK_DGRAM)
                )
                connection = socket.socket(family, kind)
                connection.settimeout(0.5)
                connection.connect(self.place)
                self.socket = connection
                COMPLAINED.discard("feed")
            self.socket.sendall(text.encode())
            self.listen()
        except OSError as error:
            complain("feed", f"{error}; trying on")
            self.close()

    def listen(self):
        """What the unit says of the lines: once for each kind."""
        self.socket.settimeout(0)
        try:
            for answer in self.socket.recv(65536).decode(errors="replace").splitlines():
                complain(f"unit: {answer[:60]}", answer)
        except BlockingIOError:
            pass
        finally:
            self.socket.settimeout(0.5)

    def close(self):
        if self.socket is not None:
            self.socket.close()
        self.socket = None


COMPLAINED = set()


def complain(kind, what):
    """Says what is wrong on standard error: once for each kind, and of 100 kinds at most."""
    if kind not in COMPLAINED and len(COMPLAINED) < 100:
        COMPLAINED.add(kind)
        print(f"{kind}: {what}", file=sys.stderr, flush=True)


def endpoint(text, host):
    """HOST:PORT, or PORT alone."""
    place, _, port = text.rpartition(":")
    if not port.isdigit() or not 0 < int(port) < 65536:
        sys.exit(f"{text}: a port, or HOST:PORT")
    return place or host, int(port)


def pair(kind):
    def read(text):
        number, _, group = text.partition("=")
        if not (number.isdigit() and group.isdigit() and 1 <= int(number) <= 16 and 1 <= int(group) <= 255):
            raise argparse.ArgumentTypeError(f"{text}: NUMBER=GROUP, 1 to 16 and 1 to 255, such as 2=1")
        return kind, int(number), int(group)

    return read


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--intersection", type=int, required=True, help="its id in the unit's file")
    parser.add_argument("--listen", default="6053", help="[HOST:]PORT the controller sends to (6053)")
    parser.add_argument("--feed", required=True, help="roadside.feed of the unit: unix:PATH or udp:HOST:PORT")
    parser.add_argument("--from", dest="controller", help="take datagrams of this address only")
    for kind in ("phase", "overlap", "walk"):
        parser.add_argument(f"--{kind}", dest="signals", action="append", type=pair(kind), metavar="NUMBER=GROUP",
                            help=f"signal group of a {kind}; may be repeated")
    parser.add_argument("--permissive", action="append", type=int, default=[], metavar="GROUP",
                        help="a group whose green gives way to others; may be repeated")
    parser.add_argument("--times", choices=["left", "marks"], default="left",
                        help="whether times are what is left (v02), or places in the hour (TimeMark of v03)")
    return parser.parse_args()


def main():
    options = arguments()
    incoming = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    incoming.bind(endpoint(options.listen, ""))
    feed = Feed(options.feed)
    while True:
        datagram, (sender, _) = incoming.recvfrom(2048)
        if options.controller not in (None, sender):
            complain(sender, f"not the controller, which is {options.controller}")
            continue
        try:
            message = Message(datagram)
        except ValueError as error:
            complain(f"{sender}: no TSCBM", error)
            continue
        said = line(message, options)
        if said["groups"]:
            feed.send(json.dumps(said) + "\n")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
