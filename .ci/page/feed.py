"""A server that gives the page to a browser and speaks WebSocket to it as `roadcast web` does: a made-up town, each figure known to the
test. Standard library alone."""

import base64
import hashlib
import json
import math
import socket
import struct
import threading
import time

LATITUDE, LONGITUDE = 49.6116, 6.1319
DEGREE_M = 111_319.49


def place(east_m, north_m):
    return (LATITUDE + north_m / DEGREE_M, LONGITUDE + east_m / (DEGREE_M * math.cos(math.radians(LATITUDE))))


class Town:
    """Stations on a grid of streets; `at` is seconds since it began, and everything follows from it."""

    def __init__(self, vehicles=30, units=2, hazards=1, signals=1, spread_m=600):
        self.vehicles, self.units, self.hazard_count, self.signal_count, self.spread_m = vehicles, units, hazards, signals, spread_m

    def neighbours(self, at):
        side = max(1, math.ceil(math.sqrt(self.vehicles)))
        step = 2 * self.spread_m / side
        for number in range(self.vehicles):
            row, column = divmod(number, side)
            along = (column + 0.5) * step - self.spread_m + (at * 11) % 40 - 20
            across = (row + 0.5) * step - self.spread_m
            east, north, heading = (along, across, 90.0) if number % 2 == 0 else (across, along, 0.0)
            standing, why = "trusted", []
            if number % 19 == 7:
                standing, why = "suspect", ["impossible_speed"]
            if number % 43 == 11:
                standing, why = "isolated", ["position_jump", "overlapping_stations"]
            kind, role, permits = "passenger_car", "vehicle", ["awareness", "hazard", "misbehaviour-report"]
            if number % 23 == 3:
                kind, permits = "special_vehicle", permits + ["imminent", "emergency", "priority-request"]
            if number % 17 == 5:
                kind, role, permits = "cyclist", "vru", ["awareness", "vru"]
            yield self.neighbour(number, kind, role, east, north, 11.0, heading, standing, why, permits, at)
        for number in range(self.units):
            east = 140.0 * (number - (self.units - 1) / 2)
            yield self.neighbour(100_000 + number, "roadside_unit", "roadside", east, 12.0, 0.0, None, "trusted", [],
                                 ["awareness", "hazard", "signal-state", "map-sign", "service-advert", "wide-area", "keep-alive"], at)

    @staticmethod
    def neighbour(number, kind, role, east, north, speed, heading, standing, why, permits, at):
        latitude, longitude = place(east, north)
        told = {"digest": f"{(number + 1) * 0x9E3779B97F4A7C15 % 2**64:016x}", "station_type": kind, "role": role, "latitude_deg": latitude,
                "longitude_deg": longitude, "speed_m_s": speed, "distance_m": math.hypot(east, north), "standing": standing,
                "permissions": permits, "age_ms": 12.0, "heard_ms": 3.0, "signal_dbm": -55.0 - math.hypot(east, north) / 30,
                "delivery_ratio": 0.97, "received": int(at * 10) + 40, "latency_us": 1800.0, "hears_us": True, "direct": True,
                "link_address": "02:00:00:00:00:07"}
        if heading is not None:
            told["heading_deg"] = heading
        if why:
            told["why"] = why
        return told

    def hazards(self):
        for number in range(self.hazard_count):
            latitude, longitude = place(-200 + 260 * number, 190)
            yield {"event": f"00000000000000aa/{number}", "own": False, "state": "active", "class": "D3", "cause": 2, "cause_name": "accident",
                   "latitude_deg": latitude, "longitude_deg": longitude, "distance_m": 275.0, "suspect": False,
                   "area": {"shape": "circle", "radius_m": 180, "latitude_deg": latitude, "longitude_deg": longitude}}

    def signals(self, at, lanes):
        for number in range(self.signal_count):
            east, north = 0.0 + 300 * number, 0.0
            latitude, longitude = place(east, north)
            green = at % 30 < 15
            told = {"intersection": number + 1, "region": 0, "latitude_deg": latitude, "longitude_deg": longitude, "revision": 1,
                    "contested": False, "age_ms": 80.0, "groups": [
                        {"group": 1, "shows": "green" if green else "red", "min_end_s": 15 - at % 15},
                        {"group": 2, "shows": "red" if green else "green", "min_end_s": 15 - at % 15}]}
            if lanes:
                told["lanes"] = [
                    {"lane": index + 1, "kind": "vehicle", "approach": index % 2 == 0, "group": 1 + index // 4,
                     "points": [list(place(east + x * r + oy * 1.75, north + y * r + ox * 1.75)) for r in (12, 90, 220)]}
                    for index, (x, y, ox, oy) in enumerate([(1, 0, 1, 0), (1, 0, -1, 0), (-1, 0, -1, 0), (-1, 0, 1, 0),
                                                            (0, 1, 0, -1), (0, 1, 0, 1), (0, -1, 0, 1), (0, -1, 0, -1)])]
            yield told

    def status(self, at):
        latitude, longitude = place(-40 + at * 2 % 80, -2)
        return {"software": "roadcast 0.1.0", "role": "vehicle", "digest": "00aa00aa00aa00aa", "link": "udp", "link_up": True,
                "channel_busy": 0.12, "channel_source": "survey", "uptime_s": 64 + at, "sending": True, "not_sending_because": None,
                "clock": "locked", "position": {"latitude_deg": latitude, "longitude_deg": longitude, "heading_deg": 90.0, "speed_m_s": 8.0,
                                                "accuracy_m": 1.2, "age_ms": 40}, "neighbours": self.vehicles + self.units,
                "hazards": self.hazard_count, "frames_received": 120_000, "drops": {"exact_copy": 412, "unknown_credential": 17}}

    def stats(self, at):
        def of(name, deadline_ms, p99_us, missed, target):
            ns = int(p99_us * 1000)
            count = 4000
            return {"class": name, "deadline_ms": deadline_ms, "miss_target": target, "met": missed <= target, "sent": 200,
                    "expected": count, "delivered": count, "delivered_late": int(missed * count), "missed": int(missed * count),
                    "miss_ratio": missed, "send_to_delivered": {"count": count, "p50_ns": ns // 4, "p90_ns": ns // 2, "p99_ns": ns,
                                                               "p999_ns": ns * 3, "max_ns": ns * 5}}
        return {"uptime_s": 64 + at, "report": {"kind": "run", "verdict": "met", "frames": {"received": 120_000}, "classes": [
            of("D0", 20, 2_400, 0.0, 0.01), of("D1", 50, 3_100, 0.0, 0.05), of("D2", 100, 8_200, 0.012, 0.05),
            of("D3", 500, 640_000, 0.004, 0.01), of("D4", 100, 4_000, 0.0, 0.05)]},
            "per_second": {"received": (self.vehicles + self.units) * 10, "delivered": 300, "dropped": 2, "sent": 10}, "neighbours": self.vehicles + self.units,
            "channel_busy": 0.12 + 0.06 * math.sin(at / 3), "channel_source": "survey", "clock": {"state": "locked", "bound_us": 180.0},
            "drops": {"exact_copy": 412 + int(at), "unknown_credential": 17, "late": 3, "permission_denied": 1},
            "afar": {"received": 512, "delivered": 310, "aired": 295, "dropped": 202, "drops": {"afar_budget": 120, "stale": 82},
                     "age": {"count": 310, "p50_ns": 21_000_000, "p99_ns": 300_000_000}}}

    def flood(self):
        latitude, longitude = place(-200, 190)
        by = place(-90, 80)
        return {"message": "00000000000000aa/D3/1", "type": "hazard", "class": "D3", "signer": "00000000000000aa", "sequence": 1,
                "latitude_deg": latitude, "longitude_deg": longitude, "hops": 3, "late": False, "verified": True,
                "forwarder": {"latitude_deg": by[0], "longitude_deg": by[1]}}


class Server:
    """Serves a page at `/` and a town at `/ws`, `rate_hz` positions a second of each station; port chosen by the kernel."""

    def __init__(self, page, town, rate_hz=10):
        self.page, self.town, self.rate_hz = page, town, rate_hz
        self.requests, self.sockets, self.paths, self.tellers = [], [], [], []
        self.began = time.monotonic()
        self.refusing = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()
        self.cut()

    def cut(self):
        for each in self.sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.sockets.clear()
        self.tellers.clear()

    def say(self, line):
        """A line to all who are connected."""
        for tell in self.tellers:
            tell(line)

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            with connection:
                head = b""
                while b"\r\n\r\n" not in head and len(head) < 16_384:
                    data = connection.recv(4096)
                    if not data:
                        return
                    head += data
                lines = head.split(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
                path = lines[0].split(" ")[1].split("?")[0]
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
                self.paths.append(path)
                if path == "/ws" and not self.refusing:
                    self.websocket(connection, headers)
                else:
                    body = self.page if path == "/" else b"not here"
                    status = "200 OK" if path == "/" else "404 Not Found"
                    kind = "text/html; charset=utf-8" if path == "/" else "text/plain"
                    connection.sendall(f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
                                       f"Connection: close\r\n\r\n".encode() + body)
        except OSError:
            pass  # the browser left

    def websocket(self, connection, headers):
        accept = base64.b64encode(hashlib.sha1((headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept
                           + (b"\r\nSec-WebSocket-Protocol: roadcast" if "sec-websocket-protocol" in headers else b"") + b"\r\n\r\n")
        self.sockets.append(connection)
        watching = set()
        lock = threading.Lock()

        def tell(*lines):
            frames = b""
            for line in lines:
                body = json.dumps({"v": 1, **line}, separators=(",", ":")).encode()
                size = len(body)
                frames += (struct.pack("!BB", 0x81, size) if size < 126 else struct.pack("!BBH", 0x81, 126, size) if size < 65_536
                           else struct.pack("!BBQ", 0x81, 127, size)) + body
            with lock:
                connection.sendall(frames)

        self.tellers.append(tell)

        def feed():
            tick = 0
            try:
                while True:
                    at = time.monotonic() - self.began
                    if "neighbours" in watching:
                        tell(*({"watch": "neighbour", "age_us": 40, "change": "updated", "neighbour": told} for told in self.town.neighbours(at)))
                    if tick % self.rate_hz == 0:
                        if "signals" in watching:
                            tell({"watch": "signals", "signals": list(self.town.signals(at, False))})
                        if "stats" in watching:
                            tell({"watch": "stats", "stats": self.town.stats(at)})
                    if "messages" in watching and tick % (4 * self.rate_hz) == 3:
                        tell({"watch": "message", "id": "floods", "age_us": 900, "message": self.town.flood()})
                    tick += 1
                    time.sleep(max(0.001, self.began + at + 1 / self.rate_hz - time.monotonic()))
            except OSError:
                pass

        threading.Thread(target=feed, daemon=True).start()
        while (text := read_frame(connection)) is not None:
            request = json.loads(text)
            self.requests.append(request)
            at = time.monotonic() - self.began
            answer = {"ok": True, "id": request.get("id")}
            if request.get("station") == "status":
                tell({**answer, "status": self.town.status(at)})
            elif request.get("hazard") == "list":
                tell({**answer, "hazards": list(self.town.hazards())})
            elif "watch" in request.values():
                tell({**answer, "watch": "started"})
                what = next(key for key, value in request.items() if value == "watch")
                if what == "signals":
                    tell({"watch": "signals", "signals": list(self.town.signals(at, True))})
                if request.get("id") != "selected":
                    watching.add(what)


def read_frame(connection):
    """A text frame of a browser, unmasked; None at the end."""
    def exactly(count):
        data = b""
        while len(data) < count:
            more = connection.recv(count - len(data))
            if not more:
                return None
            data += more
        return data

    while True:
        head = exactly(2)
        if head is None:
            return None
        size = head[1] & 127
        if size > 125:
            more = exactly(2 if size == 126 else 8)
            size = int.from_bytes(more, "big")
        mask, body = exactly(4), exactly(size) if size else b""
        if mask is None or body is None or head[0] & 15 == 8:
            return None
        if head[0] & 15 == 1:
            return bytes(byte ^ mask[index % 4] for index, byte in enumerate(body)).decode()
