"""HPKE (RFC 9180), base mode, receiver alone: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305.

For reading golden vectors, with nothing but the standard library: it takes its time, and does not hide how long it takes.
"""

import hashlib
import hmac
import struct

P = 2**255 - 19
KEM = b"KEM" + struct.pack(">H", 0x0020)
SUITE = b"HPKE" + struct.pack(">HHH", 0x0020, 0x0001, 0x0003)


def open_base(secret, enc, info, aad, ciphertext):
    """The content, or None when it does not open (RFC 9180 clauses 4.1, 5.1 and 5.2)."""
    shared = x25519(secret, enc)
    if not any(shared):
        return None
    eae = labeled_extract(b"", KEM, b"eae_prk", shared)
    secret = labeled_expand(eae, KEM, b"shared_secret", enc + public_key(secret), 32)
    context = b"\0" + labeled_extract(b"", SUITE, b"psk_id_hash", b"") + labeled_extract(b"", SUITE, b"info_hash", info)
    secret = labeled_extract(secret, SUITE, b"secret", b"")
    key = labeled_expand(secret, SUITE, b"key", context, 32)
    nonce = labeled_expand(secret, SUITE, b"base_nonce", context, 12)
    return aead_open(key, nonce, aad, ciphertext)


def public_key(secret):
    return x25519(secret, bytes([9]) + bytes(31))


def labeled_extract(salt, suite, label, ikm):
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, "sha256")


def labeled_expand(prk, suite, label, info, length):
    info = struct.pack(">H", length) + b"HPKE-v1" + suite + label + info
    return hmac.digest(prk, info + b"\1", "sha256")[:length]


def x25519(scalar, point):
    """RFC 7748 clause 5."""
    scalar = int.from_bytes(scalar, "little") & ~7 & ~(1 << 255) | 1 << 254
    u = (int.from_bytes(point, "little") & (1 << 255) - 1) % P
    x2, z2, x3, z3 = 1, 0, u, 1
    for bit in range(254, -1, -1):
        if scalar >> bit & 1:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb, aa, bb = d * a, c * b, a * a, b * b
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % P, u * (da - cb) ** 2 % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
        if scalar >> bit & 1:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


def aead_open(key, nonce, aad, ciphertext):
    """RFC 8439 clause 2.8."""
    if len(ciphertext) < 16:
        return None
    ciphertext, tag = ciphertext[:-16], ciphertext[-16:]
    pad = lambda data: data + bytes(-len(data) % 16)
    mac_data = pad(aad) + pad(ciphertext) + struct.pack("<QQ", len(aad), len(ciphertext))
    if not hmac.compare_digest(poly1305(chacha20(key, 0, nonce)[:32], mac_data), tag):
        return None
    blocks = (chacha20(key, 1 + at // 64, nonce) for at in range(0, len(ciphertext), 64))
    return bytes(a ^ b for a, b in zip(ciphertext, b"".join(blocks)))


def poly1305(key, data):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for at in range(0, len(data), 16):
        block = data[at : at + 16]
        total = (total + int.from_bytes(block + b"\1", "little")) * r % (2**130 - 5)
    return ((total + int.from_bytes(key[16:], "little")) % 2**128).to_bytes(16, "little")


def chacha20(key, counter, nonce):
    state = list(struct.unpack("<4I", b"expand 32-byte k") + struct.unpack("<8I", key))
    state += [counter, *struct.unpack("<3I", nonce)]
    work = state[:]

    def quarter(a, b, c, d):
        for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            work[x] = work[x] + work[y] & 0xFFFFFFFF
            work[z] = rotated(work[z] ^ work[x], turn)

    def rotated(word, turn):
        return (word << turn | word >> 32 - turn) & 0xFFFFFFFF

    for _ in range(10):
        for column in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)):
            quarter(*column)
        for diagonal in ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            quarter(*diagonal)
    return struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(work, state)))
