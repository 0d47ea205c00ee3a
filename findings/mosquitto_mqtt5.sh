#!/usr/bin/env bash
# Three things that mosquitto 2.0.11 does otherwise than the MQTT 5 standard says, and that clients have to know:
#
# 1. A shared subscription gets what is retained, and each member of the group all of it. Section 4.8.2 has nothing retained sent for
#    a shared subscription. Workers that share a load see each retained message as often as there are workers.
# 2. A will's delay is waited for although the session has ended with the connection (session expiry 0). Section 3.1.3.2.2: the will is
#    published when the delay has passed "or the Session ends, whichever happens first".
# 3. A client whose name another client takes is closed without DISCONNECT. Section 3.1.4: the server "sends a DISCONNECT packet to the
#    existing Client with Reason Code of 0x8E (Session taken over)". So it cannot tell that from a fault of the network, and two
#    clients of one name end each other's connections for ever. (Mosquitto's issue 2607; 2.0.15 sends it, Debian 12 has 2.0.11.)
#
# Debian 12. Speaks the protocol on loopback. Exits with 0 while mosquitto behaves so, and with 1 when it no longer does.
set -euo pipefail
MOSQUITTO=2.0.11-1.2+deb12u2
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
chmod 755 "$WORK"
cd "$WORK"
apt-get download -qq "mosquitto=$MOSQUITTO" libdlt2 libwrap0 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
LIBRARIES=$(find "$WORK/root" -name 'lib*.so*' -printf '%h\n' | sort -u | paste -sd:)
export LD_LIBRARY_PATH=$LIBRARIES
timeout 60 python3 - "$WORK/root/usr/sbin/mosquitto" <<'PYTHON'
import socket, subprocess, sys, time

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
with open("mosquitto.conf", "w") as configuration:
    configuration.write(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
broker = subprocess.Popen([sys.argv[1], "-c", "mosquitto.conf"], stderr=subprocess.PIPE, text=True)
while not (line := broker.stderr.readline()).rstrip().endswith(" running"):
    if " starting" in line:
        print(line.strip())

def text(value):
    return len(value).to_bytes(2, "big") + value.encode()

class Client:
    """One connection; packets of up to 127 bytes, which is all there are here."""

    def __init__(self, name, will_delay_s=None):
        self.socket = socket.create_connection(("127.0.0.1", port))
        flags, will = 0x02, b""
        if will_delay_s is not None:
            flags |= 0x04
            will = b"\x05\x18" + will_delay_s.to_bytes(4, "big") + text("will") + text("gone")
        # Session Expiry Interval 0: the session ends with the connection.
        properties = b"\x11" + bytes(4)
        body = text("MQTT") + bytes([5, flags, 0, 60, len(properties)]) + properties + text(name) + will
        self.send(0x10, body)
        assert self.packet()[0] == 0x20, "the connection is taken"

    def send(self, kind, body):
        self.socket.sendall(bytes([kind, len(body)]) + body)

    def packet(self, wait_s=5.0):
        """First byte and body; b"" when the connection ended, None when nothing came."""
        self.socket.settimeout(wait_s)
        try:
            head = self.socket.recv(2, socket.MSG_WAITALL)
            if len(head) < 2:
                return b""
            return head[0], self.socket.recv(head[1], socket.MSG_WAITALL)
        except TimeoutError:
            return None

    def subscribe(self, topic):
        self.send(0x82, b"\0\1\0" + text(topic) + b"\0")
        assert self.packet()[0] == 0x90, "the subscription is taken"

    def messages(self, wait_s):
        found = []
        while (packet := self.packet(wait_s)) not in (None, b""):
            if packet[0] & 0xF0 == 0x30:
                found.append(packet)
        return found

try:
    # 1: three retained messages, two members of one group.
    publisher = Client("publisher")
    for number in range(3):
        publisher.send(0x31, text(f"hazard/{number}") + b"\0" + b"x")
    publisher.send(0xC0, b"")
    assert publisher.packet()[0] == 0xD0, "the broker has answered, and has the messages"
    members = [Client(f"member-{number}") for number in range(2)]
    for member in members:
        member.subscribe("$share/group/hazard/#")
    retained = [len(member.messages(1.0)) for member in members]
    print(f"1. of 3 retained messages the members of a group get {retained} (standard: [0, 0])")

    # 2: a will with a delay of 3 s, of a client without a session.
    watcher = Client("watcher")
    watcher.subscribe("will")
    dying = Client("dying", will_delay_s=3)
    lost = time.monotonic()
    dying.socket.close()
    will = watcher.packet(10.0)
    delay_s = time.monotonic() - lost
    print(f"2. the will came after {delay_s:.1f} s (standard: at once, for the session has ended)")

    # 3: a second client of one name.
    first = Client("same")
    second = Client("same")
    farewell = first.packet()
    print(f"3. the first of two clients of one name gets {farewell} (standard: DISCONNECT, 0xe0, with reason 0x8e)")
    sys.exit(0 if retained == [3, 3] and will and delay_s > 2 and farewell == b"" else 1)
finally:
    broker.terminate()
    broker.wait()
PYTHON
