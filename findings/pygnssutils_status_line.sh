#!/usr/bin/env bash
# The NTRIP caster of pygnssutils 1.3.1 sends no line break behind the status of its answer in version 2: the first header
# field stands on the status line. A client that reads the status line as RFC 9112 has it takes the reason to be
# "OKNtrip-Version: Ntrip/2.0", and one that wants "200 OK" at the line's end refuses the stream.
#
# Asks that caster as a client of version 2 does, and prints what it answers. Exits with 1 when that has changed.
set -euo pipefail
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
python3 -m venv "$WORK/venv"
"$WORK/venv/bin/pip" install --quiet --disable-pip-version-check pygnssutils==1.3.1
"$WORK/venv/bin/python" - <<'PY'
import base64
import queue
import socket
import sys
import threading
from importlib.metadata import version

from pygnssutils.socket_server import ClientHandler, SocketServer

print("pygnssutils", version("pygnssutils"))


class App:
    """What the server wants of the program around it."""

    def __getattr__(self, name):
        return lambda *args, **kwargs: None


server = SocketServer(App(), 1, 2, queue.Queue(), ("127.0.0.1", 0), ClientHandler, ntripversion="2.0", ntripuser="me",
                      ntrippassword="secret")
threading.Thread(target=server.serve_forever, daemon=True).start()
client = socket.create_connection(server.server_address, timeout=10)
login = base64.b64encode(b"me:secret").decode()
client.sendall(f"GET /pygnssutils HTTP/1.1\r\nHost: 127.0.0.1\r\nNtrip-Version: Ntrip/2.0\r\nUser-Agent: NTRIP test/1\r\n"
               f"Authorization: Basic {login}\r\nConnection: close\r\n\r\n".encode())
answer = b""
while b"\r\n\r\n" not in answer:
    piece = client.recv(4096)
    if not piece:
        break
    answer += piece
status = answer.split(b"\r\n")[0]
print("status line:", status)
sys.exit(0 if status == b"HTTP/1.1 200 OKNtrip-Version: Ntrip/2.0" else 1)
PY
