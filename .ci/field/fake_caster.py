#!/usr/bin/env python3
"""An NTRIP caster whose mount points are its habits: fake_caster.py PORT SECONDS. Prints each request with its time.

    well    answers and sends a message a second      lines   the same with bare line feeds
    joined  no line break behind the status           pieces  in chunks that cut messages
    hangup  one message, then it hangs up             drip    a byte of a message a second
    filler  frames without a message                  users   401
    later   503 with Retry-After                      moved   301
"""
import socket
import sys
import threading
import time

PORT, SECONDS = int(sys.argv[1]), float(sys.argv[2])
BEGAN = time.monotonic()


def crc24q(data):
    crc = 0
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc = crc << 1 ^ (0x1864CFB if crc & 0x800000 else 0)
    return crc & 0xFFFFFF


def frame(body):
    data = b"\xd3" + len(body).to_bytes(2, "big") + body
    return data + crc24q(data).to_bytes(3, "big")


def message(number, length):
    """A message of a number and of a length that is mostly zeros."""
    return frame((number << 4 | 7).to_bytes(2, "big") + bytes(length - 2))


STATION, LONGEST, FILLER = message(1005, 19), message(1077, 1023), frame(b"")
OK = b"HTTP/1.1 200 OK\r\nContent-Type: gnss/data\r\n\r\n"


def pieces(data, size):
    parts = [data[at:at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


def again(client, data, every=1.0):
    while time.monotonic() - BEGAN < SECONDS:
        client.sendall(data)
        time.sleep(every)


def drip(client):
    client.sendall(b"ICY 200 OK\r\n")
    while True:
        for byte in STATION[:-1]:
            client.sendall(bytes([byte]))
            time.sleep(1)


def serve(client, address):
    client.settimeout(5)
    request = client.recv(4096).decode("latin1")
    mount = request.split(" ")[1].lstrip("/") if " " in request else "?"
    print(f"{time.monotonic() - BEGAN:.1f} {mount}", flush=True)
    habits = {
        "well": lambda: (client.sendall(b"ICY 200 OK\r\n\r\n"), again(client, STATION + LONGEST)),
        "lines": lambda: (client.sendall(b"HTTP/1.1 200 OK\nServer: x\n\n"), again(client, STATION)),
        "joined": lambda: (client.sendall(b"HTTP/1.1 200 OKNtrip-Version: 2\r\nServer: x\r\n\r\n"), again(client, STATION)),
        "pieces": lambda: (client.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
                           again(client, pieces(LONGEST + STATION, 100))),
        "hangup": lambda: client.sendall(b"ICY 200 OK\r\n\r\n" + STATION),
        "drip": lambda: drip(client),
        "filler": lambda: (client.sendall(OK), again(client, FILLER)),
        "users": lambda: client.sendall(b"HTTP/1.1 401 Unauthorized\r\n\r\n"),
        "later": lambda: client.sendall(b"HTTP/1.1 503 Busy\r\nRetry-After: 60\r\n\r\n"),
        "moved": lambda: client.sendall(b"HTTP/1.1 301 Moved\r\nLocation: http://other.example/M\r\n\r\n"),
    }
    try:
        habits.get(mount, lambda: client.sendall(b"SOURCETABLE 200 OK\r\n\r\nENDSOURCETABLE\r\n"))()
    except OSError:
        pass
    client.close()


listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", PORT))
listener.listen(16)
while True:
    left = SECONDS - (time.monotonic() - BEGAN)
    if left <= 0:
        break
    listener.settimeout(left)
    try:
        threading.Thread(target=serve, args=listener.accept(), daemon=True).start()
    except OSError:
        break
