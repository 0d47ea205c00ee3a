#!/usr/bin/env python3
"""Programs like gpsd, each of which tells one story to whoever connects: fake_gpsd.py SECONDS PORT=STORY...

Prints "ready" when all of them listen. A story is a function below, with hyphens; it is called five times a second and
returns lines.
"""
import datetime
import json
import random
import socket
import sys
import threading
import time

ACM, USB = "/dev/ttyACM0", "/dev/ttyUSB0"
RANDOM = random.Random(4)


def iso(seconds):
    at = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def tpv(**changes):
    report = {"class": "TPV", "device": ACM, "mode": 3, "time": iso(time.time()), "lat": 49.6116, "lon": 6.1319,
              "altHAE": 300.0, "epx": 2.0, "epy": 2.0, "track": 90.0, "speed": 0.0}
    report.update(changes)
    return {key: value for key, value in report.items() if value is not None}


NO_FIX = {"class": "TPV", "device": USB, "mode": 1}


def steady(s): return [tpv()]
def two_receivers(s): return [tpv(), NO_FIX]
def tunnel(s): return [tpv()] if s < 3 else [tpv(time=None)]
def rolled_over(s): return [tpv(time=iso(time.time() - 1024 * 7 * 86400))]
def late(s): return [tpv(time=iso(time.time() - 3))]
def zero(s): return [tpv(lat=0.0, lon=0.0)]
def simulated(s): return [tpv(status=8)]
def surveyed(s): return [tpv(status=7)]
def no_receiver(s): return [{"class": "DEVICES", "devices": []}]
def refused(s): return [{"class": "ERROR", "message": "Unrecognized request"}]
def no_latitude(s): return [tpv(), tpv(lat=None)]
def nan(s): return [tpv(speed=float("nan"), track=float("nan"), eph=float("inf"))]


def standing(s):
    """A receiver at rest: the place wanders by decimetres, the course is random."""
    wander = lambda: RANDOM.gauss(0, 2e-6)
    return [tpv(lat=49.6116 + wander(), lon=6.1319 + wander(), speed=abs(RANDOM.gauss(0, 0.08)),
                track=RANDOM.uniform(0, 359))]


def takes_over(s):
    """The first receiver is unplugged after three seconds, the second goes on."""
    return [tpv(), tpv(device=USB, lat=49.6117)] if s < 3 else [tpv(device=USB, lat=49.6117)]


def rtk(s):
    return [{"class": "GST", "device": ACM, "time": iso(time.time()), "rms": 1.0, "major": 0.012, "minor": 0.011,
             "orient": 0.0, "lat": 0.012, "lon": 0.011, "alt": 0.02}, tpv(status=3, eph=15.2)]


def megabyte(s):
    return ["x" * 1_000_000] if s < 0.2 else ["\n", tpv()]


def serve(server, story, seconds):
    server.settimeout(seconds)
    try:
        client, _ = server.accept()
        client.recv(200)
        client.sendall(b'{"class":"VERSION","release":"3.25","proto_major":3,"proto_minor":15}\n')
        begin = time.monotonic()
        while (since := time.monotonic() - begin) < seconds:
            for report in story(since):
                client.sendall((report if isinstance(report, str) else json.dumps(report) + "\n").encode())
            time.sleep(0.2)
    except OSError:
        pass


def main():
    seconds, threads = float(sys.argv[1]), []
    for port, story in (word.split("=") for word in sys.argv[2:]):
        server = socket.create_server(("127.0.0.1", int(port)))
        threads.append(threading.Thread(target=serve, args=(server, globals()[story.replace("-", "_")], seconds)))
    for thread in threads:
        thread.start()
    print("ready", flush=True)


main()
