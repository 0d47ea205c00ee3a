#!/usr/bin/env python3
"""Tells a station what the vehicle's CAN bus says: reads a DBC file, decodes its signals from a SocketCAN interface, and sends
those that the map names. The map is JSON: key of the request "vehicle" -> signal of the DBC.

Usage: can.py SOCKET CAN_INTERFACE FILE.dbc MAP.json
  MAP.json: {"speed_m_s": "WheelSpeed", "acceleration_m_s2": "AccelX", "brake_pedal": "BrakeSwitch"}

Signals of classic frames and of at most 64 bits, both byte orders, without multiplexing.
"""
import json, re, socket, struct, sys, time

SIGNAL = re.compile(r'\s*SG_\s+(\w+)\s*:\s*(\d+)\|(\d+)@([01])([+-])\s*\(([^,]+),([^)]+)\)')
SWITCHES = {"brake_pedal", "gas_pedal", "emergency_brake", "collision_warning", "adaptive_cruise_control",
            "cruise_control", "speed_limiter", "light_bar", "siren"}


def read_dbc(path):
    """Signals by the number of their frame: (name, start bit, length, little-endian, signed, factor, offset)."""
    frames, number = {}, None
    for line in open(path, encoding="latin-1"):
        if line.startswith("BO_ "):
            number = int(line.split()[1]) & 0x1FFFFFFF
        elif number is not None and (found := SIGNAL.match(line)):
            name, start, length, order, sign, factor, offset = found.groups()
            frames.setdefault(number, []).append(
                (name, int(start), int(length), order == "1", sign == "-", float(factor), float(offset)))
    return frames


def decode(data, start, length, little, signed, factor, offset):
    """A signal's value; None when the frame is too short for it."""
    if little:
        first, bits = start, int.from_bytes(data, "little")
    else:
        # A Motorola signal's start is its highest bit, counted from the right within each byte.
        first = len(data) * 8 - (start // 8 * 8 + 7 - start % 8) - length
        bits = int.from_bytes(data, "big")
    if first < 0 or first + length > len(data) * 8:
        return None
    raw = bits >> first & (1 << length) - 1
    if signed and raw >> length - 1:
        raw -= 1 << length
    return raw * factor + offset


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    path, interface, dbc, mapping = sys.argv[1:5]
    frames, wanted = read_dbc(dbc), {signal: key for key, signal in json.load(open(mapping)).items()}
    known = {signal[0] for signals in frames.values() for signal in signals}
    if missing := sorted(set(wanted) - known):
        sys.exit(f"{mapping}: {dbc} has no signal {', '.join(missing)}")
    station = socket.socket(socket.AF_UNIX)
    station.connect(path)
    answers = station.makefile()
    bus = socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW)
    bus.bind((interface,))
    state = {}  # key -> (value, when it was read)
    while True:
        number, length, data = struct.unpack("=IB3x8s", bus.recv(16))
        now, told = time.monotonic(), {}
        for name, *layout in frames.get(number & 0x1FFFFFFF, []):
            if name in wanted and (value := decode(data[:length], *layout)) is not None:
                key = wanted[name]
                told[key] = (bool(value) if key in SWITCHES else value, now)
        if told:
            state.update(told)
            # What its frame no longer says is unknown, though other frames still come.
            fresh = {key: value for key, (value, read) in state.items() if now - read < 0.5}
            station.sendall(json.dumps({"vehicle": fresh}).encode() + b"\n")
            answer = json.loads(answers.readline())
            if not answer["ok"]:
                print(answer["error"], file=sys.stderr)


if __name__ == "__main__":
    main()
