#!/usr/bin/env python3
"""A second reader of Roadcast's wire format, sharing no code with the first.

    read_vectors.py VECTORS SCHEMA

Reads every golden vector in the directory VECTORS with field tables it takes from the .proto files
under SCHEMA itself, compares what it finds with what the vector says, and verifies every signature.
Standard library only. Exit status: 0 all agree, 1 a difference, 2 bad arguments.
"""

import hashlib
import json
import pathlib
import re
import struct
import sys

import hpke
from rules import Judge, read_ranges

MESSAGE_DOMAIN = b"roadcast/v1/msg\0"
CREDENTIAL_DOMAIN = b"roadcast/v1/cred\0"
SEAL_DOMAIN = b"roadcast/v1/seal\0"
STEPS = (64, 128, 256, 512, 768)
MAX_FRAME = 1398
MAX_CREDENTIAL = 256


def main(arguments):
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    vectors, schema = map(pathlib.Path, arguments)
    messages, enums = read_schema(schema)
    judge = Judge(messages, enums, read_ranges(schema))
    files = sorted(vectors.glob("*.json"))
    failures = 0 if files else 1
    for file in files:
        try:
            check(json.loads(file.read_text(encoding="utf-8")), Decoder(messages, enums), judge)
        except (Difference, KeyError, ValueError) as error:
            print(f"{file.name}: {type(error).__name__}: {error}")
            failures += 1
    print(f"{len(files)} vectors read, {failures} differ")
    return 1 if failures else 0


class Difference(Exception):
    """What was read is not what the vector says."""


def check(vector, decoder, judge):
    data = bytes.fromhex(vector["hex"])
    kind = vector["kind"]
    if kind == "hop":
        same("hop", read_hop(data), vector["hop"])
    elif kind == "credential":
        check_credential(vector, data, decoder)
    elif kind == "message":
        check_message(vector, data, decoder, judge)
    elif kind == "signature":
        check_signature(vector, data)
    elif kind == "seal":
        check_seal(vector, data, decoder)
    elif kind == "refused":
        check_refused(vector, data, decoder, judge)
    else:
        raise Difference(f"unknown kind {kind!r}")


def check_credential(vector, data, decoder):
    at_most("credential", data, MAX_CREDENTIAL)
    credential = decoder.decode("Credential", data)
    tbs = bytes.fromhex(credential["tbs"])
    fields = decoder.decode("CredentialTbs", tbs)
    same("credential", credential, vector["credential"])
    same("credential_tbs", fields, vector["credential_tbs"])
    same("digest", digest(data), vector["digest"])

    issuer = bytes.fromhex(vector["issuer_credential"])
    if issuer:
        same("issuer", fields["issuer"], digest(issuer))
        issuer_key = public_key(issuer, decoder)
        issuer_hash = hashlib.sha256(issuer).digest()
    else:
        same("issuer of a root", fields.get("issuer", ""), "")
        issuer_key = bytes.fromhex(fields["public_key"])
        issuer_hash = bytes(32)
    verify(issuer_key, CREDENTIAL_DOMAIN + issuer_hash + tbs, credential["signature"])

    seed = bytes.fromhex(vector["test_only_seed"])
    same("public key of the seed", ed25519_public_key(seed).hex(), fields["public_key"])


def check_message(vector, data, decoder, judge):
    at_most("message", data, MAX_FRAME)
    signed = decoder.decode("SignedMessage", data)
    tbs = bytes.fromhex(signed["tbs"])
    to_be_signed = decoder.decode("ToBeSigned", tbs)
    payload = decoder.decode(vector["message"], bytes.fromhex(to_be_signed["payload"]))
    same("signed_message", signed, vector["signed_message"])
    same("to_be_signed", to_be_signed, vector["to_be_signed"])
    same("payload", payload, vector["payload"])
    words = re.findall("[A-Z][a-z]*", vector["message"])
    same("type", to_be_signed["type"], "MESSAGE_TYPE_" + "_".join(words).upper())

    signer = bytes.fromhex(vector["signer_credential"])
    if "credential" in signed:
        same("signer", signed["credential"], signer.hex())
    else:
        same("signer", signed["digest"], digest(signer))
    signed_bytes = MESSAGE_DOMAIN + hashlib.sha256(signer).digest() + tbs
    verify(public_key(signer, decoder), signed_bytes, signed["signature"])

    number = to_be_signed["deadline_class"]
    header = bytes([0x10, 0, to_be_signed["max_hops"], number << 4]) + bytes(8)
    if (refused := judge.judge(header + data, to_be_signed["generation_time_us"])) is not None:
        raise Difference(f"a good message is refused: {refused}")


# What it takes more than the bytes and a clock to see.
BEYOND = ("out_of_reach", "permission_denied", "role_denied", "not_origin", "event_time", "sealed_for_another",
          "sealed_key_wiped")


def check_refused(vector, data, decoder, judge):
    refused = judge.judge(data, vector["heard_us"])
    if vector["reason"] == "signature_invalid":
        same("judged by the bytes", refused, None)
        signed = decoder.decode("SignedMessage", data[12:])
        key, credential = public_key(bytes.fromhex(signed["credential"]), decoder), signed["credential"]
        content = hashlib.sha256(bytes.fromhex(credential)).digest() + bytes.fromhex(signed["tbs"])
        if ed25519_verify(key, MESSAGE_DOMAIN + content, bytes.fromhex(signed["signature"])):
            raise Difference("the signature verifies")
    elif vector["reason"] in BEYOND:
        same("judged by the bytes", refused, None)
    else:
        same("judged", refused, [vector["reason"], vector["field"]])


def check_signature(vector, signature):
    key, message = bytes.fromhex(vector["public_key"]), bytes.fromhex(vector["message"])
    strict, plain, zip215 = verdicts(key, message, signature)
    same("accepted", strict, vector["accepted"])
    same("verify", plain, vector["verify"])
    same("zip215", zip215, vector["zip215"])


def check_seal(vector, data, decoder):
    sender, receiver = (bytes.fromhex(vector[of]) for of in ("sender_credential", "receiver_credential"))
    message = decoder.decode("Confidential", data)
    same("receiver", message["receiver"], digest(receiver))
    fields = decoder.decode("CredentialTbs", bytes.fromhex(decoder.decode("Credential", receiver)["tbs"]))
    secret = bytes.fromhex(vector["test_only_secret"])
    same("encryption key", hpke.public_key(secret).hex(), fields["encryption_key"])
    info = SEAL_DOMAIN + hashlib.sha256(sender).digest() + hashlib.sha256(receiver).digest()
    bound = (vector["generation_time_us"], vector["sequence"], vector["deadline_class"])
    aad = struct.pack("<QIB", *bound)
    same("info", info.hex(), vector["info"])
    same("aad", aad.hex(), vector["aad"])
    enc, ciphertext = bytes.fromhex(message["encapsulated_key"]), bytes.fromhex(message["ciphertext"])
    content = hpke.open_base(secret, enc, info, aad, ciphertext)
    if content is None:
        raise Difference("the seal does not open")
    same("content", content.hex(), vector["content"])
    if len(content) not in STEPS:
        raise Difference(f"a content of {len(content)} bytes")
    kind, length = struct.unpack("<HH", content[:4])
    same("type", decoder.enums["MessageType"][kind], vector["type"])
    same("payload", content[4 : 4 + length].hex(), vector["payload"])
    if any(content[4 + length :]):
        raise Difference("padding that is not zero")
    # Bound to all of them: another number, and it stays closed.
    for other in ((bound[0] + 1, *bound[1:]), (bound[0], bound[1] + 1, bound[2]), (*bound[:2], 5)):
        if hpke.open_base(secret, enc, info, struct.pack("<QIB", *other), ciphertext) is not None:
            raise Difference("the seal opens for another message")


def public_key(credential, decoder):
    tbs = bytes.fromhex(decoder.decode("Credential", credential)["tbs"])
    return bytes.fromhex(decoder.decode("CredentialTbs", tbs)["public_key"])


def digest(credential):
    return hashlib.sha256(credential).digest()[:8].hex()


def same(what, found, expected):
    # JSON text, because Python takes True for 1.
    if json.dumps(found, sort_keys=True) != json.dumps(expected, sort_keys=True):
        raise Difference(f"{what}: read {found!r}, the vector says {expected!r}")


def at_most(what, data, limit):
    if len(data) > limit:
        raise Difference(f"{what} of {len(data)} bytes, at most {limit}")


def verify(key, message, signature):
    if not ed25519_verify(key, message, bytes.fromhex(signature)):
        raise Difference("signature does not verify")


# --- hop header ---------------------------------------------------------------------------------


def read_hop(data):
    flags = data[1]
    has_position = bool(flags & 8)
    if len(data) != (20 if has_position else 12) or flags & 0xE0 or data[3] & 0x0F:
        raise Difference("hop header: length or reserved bits")
    return {
        "version": data[0] >> 4,
        "kind": data[0] & 15,
        "multi_hop": bool(flags & 1),
        "store_carry_forward": bool(flags & 2),
        "keep_alive": bool(flags & 4),
        "test": bool(flags & 16),
        "remaining_hops": data[2],
        "class": data[3] >> 4,
        "forwarder": data[4:12].hex(),
        "forwarder_position": list(struct.unpack("<ii", data[12:])) if has_position else None,
    }


# --- schema -------------------------------------------------------------------------------------


def read_schema(directory):
    """Field tables of all messages, {message: {number: (name, type, repeated)}}, and of all enums,
    {enum: {number: name}}. Knows the part of the language that the schema uses."""
    messages, enums = {}, {}
    for file in sorted(directory.rglob("*.proto")):
        text = re.sub(r"//[^\n]*", "", file.read_text(encoding="utf-8"))
        # A oneof's members are fields like any others on the wire.
        text = re.sub(r"oneof\s+\w+\s*\{([^}]*)\}", r"\1", text)
        for keyword, name, body in re.findall(r"(message|enum)\s+(\w+)\s*\{([^}]*)\}", text):
            if keyword == "enum":
                values = re.findall(r"(\w+)\s*=\s*(\d+)\s*;", body)
                enums[name] = {int(number): value for value, number in values}
                continue
            fields = re.findall(r"(optional\s+|repeated\s+)?(\w+)\s+(\w+)\s*=\s*(\d+)\s*;", body)
            messages[name] = {
                int(number): (field, kind, label.strip() == "repeated")
                for label, kind, field, number in fields
            }
    return messages, enums


# --- protobuf -----------------------------------------------------------------------------------


class Decoder:
    """Reads messages into dictionaries as the vectors have them."""

    VARINTS = ("uint32", "uint64", "sint32", "bool")
    FIXED = {"fixed32": ("<I", 5), "sfixed32": ("<i", 5), "fixed64": ("<Q", 1)}

    def __init__(self, messages, enums):
        self.messages = messages
        self.enums = enums

    def decode(self, message, data):
        table = self.messages[message]
        found, at = {}, 0
        while at < len(data):
            tag, at = varint(data, at)
            number, wire_type = tag >> 3, tag & 7
            if number not in table:
                raise Difference(f"{message} has no field {number}")
            name, kind, repeated = table[number]
            packed = repeated and wire_type == 2 and self.wire_type(kind) != 2
            if not packed and wire_type != self.wire_type(kind):
                raise Difference(f"{message}.{name}: wire type {wire_type}")
            if packed:
                length, at = varint(data, at)
                end = at + length
                values = found.setdefault(name, [])
                while at < end:
                    value, at = self.value(kind, data[:end], at)
                    values.append(value)
            else:
                value, at = self.value(kind, data, at)
                if repeated:
                    found.setdefault(name, []).append(value)
                elif name in found:
                    raise Difference(f"{message}.{name} occurs twice")
                else:
                    found[name] = value
        return found

    def wire_type(self, kind):
        if kind in self.FIXED:
            return self.FIXED[kind][1]
        return 0 if kind in self.VARINTS or kind in self.enums else 2

    def value(self, kind, data, at):
        if kind in self.FIXED:
            layout = self.FIXED[kind][0]
            end = at + struct.calcsize(layout)
            return struct.unpack(layout, data[at:end])[0], end
        number, at = varint(data, at)
        if kind == "bool":
            return bool(number), at
        if kind == "sint32":
            return (number >> 1) ^ -(number & 1), at
        if kind in self.VARINTS:
            return number, at
        if kind in self.enums:
            return self.enums[kind][number], at
        end = at + number
        if end > len(data):
            raise Difference(f"{kind} reaches beyond its message")
        content = data[at:end]
        if kind == "bytes":
            return content.hex(), end
        if kind == "string":
            return content.decode("utf-8"), end
        return self.decode(kind, content), end


def varint(data, at):
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise Difference("varint cut short or too long")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if byte == 0 and shift > 0:
                raise Difference("varint longer than needed")
            return value, at
        shift += 7


# --- Ed25519 (RFC 8032 section 5.1) ----------------------------------------------------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def ed25519_verify(key, message, signature):
    a, r = decompress(key), decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= ORDER or len(signature) != 64:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    return equal(multiply(s, BASE), add(r, multiply(k, a)))


def verdicts(key, message, signature):
    """What three rules say: strict (the protocol's), without cofactor, ZIP-215."""
    a, r = decompress(key, True), decompress(signature[:32], True)
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= ORDER:
        return False, False, False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    expected = add(multiply(s, BASE), negate(multiply(k, a)))
    plain = compress(expected) == signature[:32]
    strict = plain and not small_order(a) and not small_order(r)
    return strict, plain, small_order(add(expected, negate(r)))


def small_order(point):
    return equal(multiply(8, point), (0, 1, 1, 0))


def negate(point):
    x, y, z, t = point
    return -x % P, y, z, -t % P


def compress(point):
    x, y, z, _ = point
    inverse = pow(z, -1, P)
    x, y = x * inverse % P, y * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def ed25519_public_key(seed):
    scalar = int.from_bytes(hashlib.sha512(seed).digest()[:32], "little")
    scalar = scalar & ((1 << 254) - 8) | 1 << 254
    return compress(multiply(scalar, BASE))


def add(a, b):
    """Sum of two points in extended coordinates (X, Y, Z, T)."""
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g = 2 * a[3] * b[3] * D % P
    h = 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def equal(a, b):
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def decompress(data, any_encoding=False):
    """The point; None where there is none. With any_encoding, also one that is written in another way than
    RFC 8032 has it: y above the prime, or minus zero for x."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= P and not any_encoding:
        return None
    y %= P
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * SQRT_M1 % P
    if (x * x - square) % P or x == 0 and sign and not any_encoding:
        return None
    if x and x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = decompress((4 * pow(5, -1, P) % P).to_bytes(32, "little"))

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
