#!/usr/bin/env python3
"""Roadcast's wire format in a page of Python: says "I am here" once a second, and prints what others say.

    wire.py KEYS NAME [COUNT]     KEYS/NAME.cred, KEYS/NAME.key and KEYS/issuer.cred, from `roadcast keys`

On UDP multicast over the loopback, 239.255.77.77:47808 unless ROADCAST_GROUP says otherwise, at the coordinates of the
README. docs/wire.md has every rule; this keeps to those that a sender cannot do without. Needs `cryptography`.
"""
import base64, hashlib, os, re, socket, struct, sys, time
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

def pem(path):
    return base64.b64decode("".join(re.findall("^[^-].*", open(path).read(), re.M)))

def varint(n):
    return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + varint(n >> 7)

def field(number, value):  # an int as a varint, bytes with their length, ("<i", x) in a fixed layout
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, tuple):
        packed = struct.pack(*value)
        return varint(number << 3 | {4: 5, 8: 1}[len(packed)]) + packed
    return varint(number << 3 | 2) + varint(len(value)) + value

def fields(data):  # {number: value} of a message; a real reader refuses what docs/wire.md says
    found, at = {}, 0
    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte, at = data[at], at + 1
            value, shift = value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value
    while at < len(data):
        tag = number()
        value = number() if tag & 7 in (0, 2) else None
        size = {0: 0, 1: 8, 2: value, 5: 4}[tag & 7]
        found[tag >> 3] = value if tag & 7 == 0 else data[at:at + size]
        at += size
    return found

def wire_time_us():  # TAI since 2004-01-01T00:00:00Z: five leap seconds were inserted in UTC since then
    return int((time.time() - 1_072_915_200 + 5) * 1e6)

def frame(key, credential, sequence, latitude, longitude, speed):
    awareness = field(1, 5) + field(4, speed)  # a passenger car; 0.01 m/s
    tbs = (field(1, 1) + field(2, ("<Q", wire_time_us())) + field(3, sequence)
           + field(4, ("<i", latitude)) + field(5, ("<i", longitude))
           + field(6, 2) + field(7, 1000) + field(8, 1) + field(11, awareness))  # D2, 1 s, one hop
    digest = hashlib.sha256(credential).digest()
    signature = key.sign(b"roadcast/v1/msg\0" + digest + tbs)
    header = bytes([0x10, 0, 1, 2 << 4]) + digest[:8]  # version 1, data; no flags; one hop; D2
    return header + field(1, tbs) + field(2, signature) + field(4, credential)

def heard(data, issuer, known):
    signed = fields(data[20 if data[1] & 8 else 12:])
    if 4 in signed:
        made = fields(signed[4])
        issuer_key = Ed25519PublicKey.from_public_bytes(fields(fields(issuer)[1])[8])
        issuer_key.verify(made[2], b"roadcast/v1/cred\0" + hashlib.sha256(issuer).digest() + made[1])
        known[hashlib.sha256(signed[4]).digest()[:8]] = signed[4]
    digest = signed.get(3) or hashlib.sha256(signed[4]).digest()[:8]
    if digest not in known:
        return f"{digest.hex()}: its credential has not come yet"
    signer = fields(fields(known[digest])[1])
    content = b"roadcast/v1/msg\0" + hashlib.sha256(known[digest]).digest() + signed[1]
    Ed25519PublicKey.from_public_bytes(signer[8]).verify(signed[2], content)
    tbs = fields(signed[1])
    latitude, longitude = (struct.unpack("<i", tbs.get(n, bytes(4)))[0] / 1e7 for n in (4, 5))
    return f"{digest.hex()}/{tbs.get(3, 0)} type {tbs[1]} at {latitude:.7f},{longitude:.7f} verified"

def main(keys, name, count="0"):
    credential, issuer = pem(f"{keys}/{name}.cred"), pem(f"{keys}/issuer.cred")
    # PKCS#8 of Ed25519 (RFC 8410): the seed is bytes 16 to 48, with the public key behind it or without.
    key = Ed25519PrivateKey.from_private_bytes(pem(f"{keys}/{name}.key")[16:48])
    group, port = os.environ.get("ROADCAST_GROUP", "239.255.77.77:47808").split(":")
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
    air = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    air.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    air.bind((group, int(port)))
    air.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + socket.inet_aton("127.0.0.1"))
    sequence, known, due, sent = wire_time_us() >> 14 & 0xFFFFFFFF, {}, time.monotonic(), 0
    while not int(count) or sent < int(count):
        if time.monotonic() >= due:
            out.sendto(frame(key, credential, sequence & 0xFFFFFFFF, 496_116_300, 61_319_000, 0), (group, int(port)))
            sequence, due, sent = sequence + 1, due + 1, sent + 1
        air.settimeout(max(0.001, due - time.monotonic()))
        try:
            data, (_, source) = air.recvfrom(1500)
            if source != out.getsockname()[1]:
                print(heard(data, issuer, known), flush=True)
        except TimeoutError:
            pass
        except (InvalidSignature, KeyError, IndexError, ValueError, struct.error) as error:
            print(f"not taken: {type(error).__name__} {error}", flush=True)

if __name__ == "__main__":
    main(*sys.argv[1:]) if 3 <= len(sys.argv) <= 4 else sys.exit(__doc__)
