"""What every station refuses of a frame by its bytes alone, as docs/wire.md has it: (reason, field), or None.

Not judged here, because they need more than the frame and a clock: permissions, distance, copies, rates, known events.
Ranges of a payload's numbers are those of the comments in the schema.
"""

import re
import struct

MAX_FRAME = 1398
# Longest lifetime of a class, ms: also the oldest age it is taken at.
LIFETIMES = (100, 500, 1_000, 600_000, 1_000, 300_000)
FUTURE_US = 220_000
# Classes a type of message may travel in.
CLASSES = {1: [2], 2: [0, 1, 3], 3: [4], 4: [5], 5: [5], 6: [5], 7: [2], 8: [2], 9: [4], 10: [4], 11: [4], 13: [4, 5],
           32: [5], 33: [5], 34: [5], 35: [5], 36: [5], 37: [0, 1, 2, 4, 5], 39: [5]}
VARINTS = {"uint32": 2**32 - 1, "uint64": 2**64 - 1, "sint32": 2**32 - 1, "bool": 1}
FIXED = {"fixed32": ("<I", 5), "sfixed32": ("<i", 5), "fixed64": ("<Q", 1)}


class Refused(Exception):
    """Why, and the field at fault."""


class Judge:
    """Judges frames by the field tables of a schema: see read_vectors.read_schema."""

    def __init__(self, messages, enums, ranges):
        self.messages, self.enums, self.ranges = messages, enums, ranges

    def judge(self, frame, heard_us):
        try:
            self.frame(frame, heard_us)
        except Refused as refused:
            return refused.args
        return None

    def frame(self, frame, heard_us):
        if len(frame) > MAX_FRAME:
            raise Refused("too_long", None)
        header, remaining_hops, hop_class = hop_header(frame)
        signed = self.message("SignedMessage", frame[header:], "malformed_envelope")
        # Not signed itself, so it has one encoding.
        order = [number for number, (field, *_) in sorted(self.messages["SignedMessage"].items()) if field in signed]
        if order != self.order or order != sorted(order):
            raise Refused("unsigned_bytes", "SignedMessage")
        for field in ("tbs", "signature"):
            if not signed.get(field):
                raise Refused("malformed_envelope", field)
        if ("digest" in signed) == ("credential" in signed):
            raise Refused("malformed_envelope", "signer")
        for field, lengths in (("signature", [64]), ("digest", [8]), ("credential", range(1, 257))):
            if field in signed and len(signed[field]) not in lengths:
                raise Refused("malformed_envelope", field)
        if not exact_credential(signed.get("credential")):
            raise Refused("unsigned_bytes", "credential")

        tbs = self.message("ToBeSigned", signed["tbs"], "malformed_fields")
        if sum(number not in self.messages["ToBeSigned"] for number in self.order) > 16:
            raise Refused("malformed_fields", "ToBeSigned")
        for field in ("deadline_class", "type", "generation_time_us", "payload"):
            # Class 0 is one; of the others 0 is none.
            if not tbs.get(field) and (field != "deadline_class" or field not in tbs):
                raise Refused("malformed_fields", field)
        if tbs["deadline_class"] > 5:
            raise Refused("malformed_fields", "deadline_class")
        if abs(tbs.get("latitude", 0)) > 900_000_000 or abs(tbs.get("longitude", 0)) > 1_800_000_000:
            raise Refused("malformed_fields", "latitude, longitude")
        if len(tbs.get("credential_requests", b"")) not in range(0, 25, 3):
            raise Refused("malformed_fields", "credential_requests")
        area = tbs.get("area")
        if area is not None:
            if area.get("shape", 0) not in (1, 2, 3):
                raise Refused("malformed_fields", "shape")
            if area.get("azimuth_deg", 0) > 359:
                raise Refused("malformed_fields", "azimuth_deg")

        number, kind = tbs["deadline_class"], tbs["type"]
        hops, lifetime = tbs.get("max_hops", 0), tbs.get("lifetime_ms", 0)
        if hop_class != number:
            raise Refused("class_mismatch", "deadline_class")
        if remaining_hops > hops:
            raise Refused("hops_inflated", "max_hops")
        if not 1 <= lifetime <= LIFETIMES[number]:
            raise Refused("bad_lifetime", "lifetime_ms")
        age = heard_us - tbs["generation_time_us"]
        if -age > FUTURE_US:
            raise Refused("from_future", "generation_time_us")
        if age > lifetime * 1000:
            raise Refused("stale", "generation_time_us")
        if area is not None and number == 0:
            raise Refused("bad_scope", "area")
        most = {0: (1, 2), 3: (1, 255) if area is not None else (2, 10)}.get(number, (1, 1))
        if not most[0] <= hops <= most[1]:
            raise Refused("bad_scope", "max_hops")
        if kind not in CLASSES:
            raise Refused("unknown_type", "type")
        if number not in CLASSES[kind]:
            raise Refused("bad_scope", "deadline_class")
        words = self.enums["MessageType"][kind].removeprefix("MESSAGE_TYPE_").split("_")
        name = "".join(word.capitalize() for word in words)
        payload = self.message(name, tbs["payload"], "malformed_payload")
        self.values(name, payload)

    def values(self, name, payload):
        bad = lambda field: Refused("malformed_payload", field)
        for field, value in payload.items():
            low, high = self.ranges.get((name, field), (None, None))
            if low is not None and not isinstance(value, list) and not low <= value <= high:
                raise bad(field)
        if name == "Awareness":
            points = len(payload.get("path_delta_latitude", []))
            for column in ("path_delta_longitude", "path_delta_time"):
                if len(payload.get(column, [])) != points:
                    raise bad(column)
        if name == "Confidential":
            for field, lengths in (("receiver", [8]), ("encapsulated_key", [32]), ("ciphertext", [80, 144, 272, 528, 784])):
                if len(payload.get(field, b"")) not in lengths:
                    raise bad(field)
        if name == "Hazard":
            if "id" not in payload:
                raise bad("id")
            if payload.get("state") not in (1, 2, 3, 4):
                raise bad("state")
            if payload["state"] < 3 and "position" not in payload:
                raise bad("position")

    def message(self, name, data, reason):
        """The fields of a message; refuses what two readers may read differently."""
        table, found, at, numbers = self.messages[name], {}, 0, []

        def varint(at, end, field):
            value = 0
            for place in range(10):
                if at + place >= end:
                    raise Refused(reason, field)
                byte = data[at + place]
                value |= (byte & 0x7F) << 7 * place
                if byte < 0x80:
                    if byte == 0 and place or value >= 2**64:
                        raise Refused(reason, field)
                    return value, at + place + 1
            raise Refused(reason, field)

        def scalar(kind, at, end, field):
            if kind in FIXED:
                size = struct.calcsize(FIXED[kind][0])
                if at + size > end:
                    raise Refused(reason, field)
                return struct.unpack(FIXED[kind][0], data[at:at + size])[0], at + size
            value, at = varint(at, end, field)
            if value > VARINTS.get(kind, 2**31 - 1):
                raise Refused(reason, field)
            return ((value >> 1) ^ -(value & 1) if kind == "sint32" else value), at

        while at < len(data):
            tag, at = varint(at, len(data), name)
            number, wire_type = tag >> 3, tag & 7
            numbers.append(number)
            if not 1 <= number < 2**29:
                raise Refused(reason, name)
            field, kind, repeated = table.get(number, (name, None, True))
            is_scalar = kind in FIXED or kind in VARINTS or kind in self.enums
            packed = repeated and is_scalar
            if kind is None:
                if wire_type not in (0, 1, 2, 5):
                    raise Refused(reason, name)
            else:
                expected = 2 if packed or not is_scalar else FIXED[kind][1] if kind in FIXED else 0
                if wire_type != expected:
                    raise Refused(reason, field)
                if field in found and (packed or not repeated):
                    raise Refused(reason, field)
            if wire_type == 2:
                length, at = varint(at, len(data), field)
                end = at + length
                if end > len(data):
                    raise Refused(reason, field)
                if packed:
                    found[field] = []
                    while at < end:
                        value, at = scalar(kind, at, end, field)
                        found[field].append(value)
                elif kind is not None:
                    value = self.content(kind, data[at:end], reason, field)
                    found.setdefault(field, []).append(value) if repeated else found.update({field: value})
                at = end
            elif kind is None:
                size = {1: 8, 5: 4}.get(wire_type)
                at = varint(at, len(data), name)[1] if size is None else at + size
                if at > len(data):
                    raise Refused(reason, name)
            else:
                found[field], at = scalar(kind, at, len(data), field)
        self.order = numbers
        return found

    def content(self, kind, content, reason, field):
        if kind == "bytes":
            return content
        if kind == "string":
            try:
                text = content.decode("utf-8")
            except UnicodeDecodeError:
                raise Refused(reason, field) from None
            if "\0" in text:
                raise Refused(reason, field)
            return text
        return self.message(kind, content, reason)


def exact_credential(credential):
    """Whether a credential is its two parts, in order, in the shortest form."""
    if credential is None:
        return True
    tbs, length = len(credential) - 68, bytes([len(credential) - 68 & 0x7F])
    if tbs >= 0x80:
        tbs, length = tbs - 1, bytes([tbs - 1 & 0x7F | 0x80, tbs - 1 >> 7])
    return credential[:1 + len(length)] == b"\x0a" + length and credential[1 + len(length) + tbs:-64] == b"\x12\x40"


def hop_header(frame):
    """Its length, the remaining hops, the class."""
    if len(frame) < 12:
        raise Refused("truncated", None)
    if frame[0] >> 4 != 1:
        raise Refused("bad_version", "version")
    if frame[0] & 15 > 2:
        raise Refused("unknown_kind", "kind")
    if frame[1] & 0xE0 or frame[3] & 15:
        raise Refused("reserved_bits", None)
    if frame[3] >> 4 > 5:
        raise Refused("bad_class", "class")
    length = 12
    if frame[1] & 8:
        length = 20
        if len(frame) < length:
            raise Refused("truncated", None)
        latitude, longitude = struct.unpack("<ii", frame[12:20])
        if abs(latitude) > 900_000_000 or abs(longitude) > 1_800_000_000:
            raise Refused("bad_forwarder_position", "forwarder position")
    if frame[0] & 15 == 2:
        raise Refused("unknown_kind", "kind")
    return length, frame[2], frame[3] >> 4


def read_ranges(directory):
    """{(message, field): (least, most)} from the comments of single numbers in the schema."""
    ranges = {}
    for file in sorted(directory.rglob("*.proto")):
        message, comment = None, ""
        for line in file.read_text(encoding="utf-8").splitlines():
            line = line.strip()
            if line.startswith("//"):
                comment += line[2:]
                continue
            if opened := re.match(r"message (\w+) \{", line):
                message = opened[1]
            field = re.match(r"(?:optional )?(?:[us]int32|sfixed32) (\w+) = \d+;", line)
            bounds = re.search(r"(-?\d+)\.\.=(-?\d+)", comment)
            if field and bounds and not re.search(r"bits(?: \d|, bit)?[^.]*\.\.=", comment):
                ranges[message, field[1]] = int(bounds[1]), int(bounds[2])
            comment = ""
    return ranges
