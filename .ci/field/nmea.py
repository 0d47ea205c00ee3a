#!/usr/bin/env python3
"""NMEA as receivers send it.

    nmea.py KIND >FILE                 a drive of eight seconds, ten moments a second
    nmea.py KIND --pty LINK --for S    the same at its own pace, on a pseudo-terminal that LINK leads to

The kinds are the functions below, with hyphens.
"""
import argparse
import datetime
import os
import random
import sys
import time

LATITUDE, LONGITUDE = 49.6116, 6.1319


def sentence(body):
    total = 0
    for character in body.encode():
        total ^= character
    return b"$%s*%02X\r\n" % (body.encode(), total)


def ubx(payload):
    """A UBX frame: its payload may hold anything, a line feed and a dollar sign too."""
    body = bytes([1, 7]) + len(payload).to_bytes(2, "little") + payload
    first = second = 0
    for byte in body:
        first = (first + byte) & 255
        second = (second + first) & 255
    return b"\xb5\x62" + body + bytes([first, second])


class Moment:
    """One moment of a car that drives east at 14.4 m/s (28 knots)."""

    def __init__(self, number, at, latitude=LATITUDE, longitude=None):
        self.number = number
        self.at = at
        self.time = at.strftime("%H%M%S.") + "%02d" % (at.microsecond // 10000)
        self.date = at.strftime("%d%m%y")
        longitude = LONGITUDE + number * 2e-5 if longitude is None else longitude
        degrees = lambda value, width: "%0*d%08.5f" % (width, int(value), value % 1 * 60)
        self.place = "%s,N,%s,E" % (degrees(latitude, 2), degrees(longitude, 3))

    def rmc(self, status="A", mode="A", place=None, talker="GN"):
        return "%sRMC,%s,%s,%s,28.0,090.0,%s,,,%s" % (talker, self.time, status, place or self.place, self.date, mode)

    def gga(self, quality=1, place=None, talker="GN"):
        return "%sGGA,%s,%s,%d,12,0.8,300.0,M,47.0,M,," % (talker, self.time, place or self.place, quality)

    def gst(self):
        return "GNGST,%s,21,,,,0.010,0.014,0.02" % self.time

    def gll(self, status="A", mode="A"):
        return "GNGLL,%s,%s,%s,%s" % (self.place, self.time, status, mode)


VTG = "GNVTG,090.0,T,,M,28.0,N,51.9,K,A"
GSA = "GNGSA,A,%d,04,05,09,12,,,,,,,,,1.8,0.8,1.6,1"


def lines(*bodies):
    return b"".join(sentence(body) for body in bodies)


def plain(m): return lines(m.rmc(), VTG, m.gga())
def ubx_first(m): return ubx(b"\x00$\n" + bytes(89)) + plain(m)
def ubx_last(m): return plain(m) + ubx(b"\r\n$GNRMC" + bytes(80))
def only_cr(m): return plain(m).replace(b"\r\n", b"\r")
def no_checksum(m): return b"$" + m.rmc().encode() + b"\r\n"
def no_rmc(m): return lines(m.gga(), VTG, m.gst())
def gll_and_vtg(m): return lines(m.gll(), VTG)
def rtk(m): return lines(m.rmc(mode="R"), m.gga(4), m.gst())
def rtk_without_gst(m): return lines(m.rmc(mode="R"), m.gga(4))
def simulated(m): return lines(m.rmc(mode="S"), m.gga(8))
def simulated_by_gga(m): return lines(m.rmc(), m.gga(8), VTG)
def manual(m): return lines(m.rmc(mode="M"), m.gga(7))
def zero(m): return lines(m.rmc(place="0000.000,N,00000.000,E"), m.gga(place="0000.000,N,00000.000,E"))
def garbage(m): return random.Random(m.number).randbytes(200).replace(b"$", b"").replace(b"!", b"")
def late(m): return plain(Moment(m.number, m.at - datetime.timedelta(seconds=3)))
def rolled_over(m): return plain(Moment(m.number, m.at - datetime.timedelta(weeks=1024)))


def no_fix(m): return lines(m.rmc("V", "N", ",,,"), m.gga(0, ",,,"), GSA % 1)


entered = None


def tunnel(m):
    """Once a file tunnel-begins is there, the last place is repeated, as a receiver without a fix does."""
    global entered
    if not entered and os.path.exists("tunnel-begins"):
        entered = m
    if not entered:
        return lines(m.rmc(), m.gga(), GSA % 3)
    last = Moment(entered.number, m.at).place
    return lines(m.rmc("V", "N", last), m.gga(0, last), GSA % 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind")
    parser.add_argument("--pty")
    parser.add_argument("--for", dest="seconds", type=float, default=8)
    options = parser.parse_args()
    kind = globals()[options.kind.replace("-", "_")]
    now = lambda: datetime.datetime.now(datetime.timezone.utc)
    if not options.pty:
        begin = now().replace(microsecond=0)
        for number in range(80):
            sys.stdout.buffer.write(kind(Moment(number, begin + datetime.timedelta(milliseconds=100 * number))))
        return
    master, slave = os.openpty()
    os.chmod(os.ttyname(slave), 0o666)
    os.symlink(os.ttyname(slave), options.pty + ".new")
    os.rename(options.pty + ".new", options.pty)
    end, number = time.monotonic() + options.seconds, 0
    os.set_blocking(master, False)
    while time.monotonic() < end:
        try:
            os.write(master, kind(Moment(number, now())))
        except BlockingIOError:
            pass
        number += 1
        time.sleep(0.1)
    os.unlink(options.pty)


main()
