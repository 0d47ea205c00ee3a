#!/usr/bin/env python3
"""captures.py TAP: writes the frames of a tap (pcapng, Ethernet, ns) to made/ in the ways that tools write captures, and some
802.11 frames that cannot be read to left/."""
import os
import struct
import sys


def tap(path):
    """Time in ns and bytes of each frame."""
    data, at, frames = open(path, 'rb').read(), 0, []
    while at < len(data):
        kind, length = struct.unpack_from('<II', data, at)
        if kind == 6:
            high, low, captured = struct.unpack_from('<III', data, at + 12)
            frames.append((high << 32 | low, data[at + 28:at + 28 + captured]))
        at += length
    return frames


def block(kind, body):
    body += bytes(-len(body) % 4)
    length = struct.pack('<I', len(body) + 12)
    return struct.pack('<I', kind) + length + body + length


def option(code, value):
    return struct.pack('<HH', code, len(value)) + value + bytes(-len(value) % 4)


def section():
    return block(0x0a0d0d0a, struct.pack('<IHHq', 0x1a2b3c4d, 1, 0, -1))


def interface(link, *options):
    end = struct.pack('<HH', 0, 0) if options else b''
    return block(1, struct.pack('<HHI', link, 0, 262144) + b''.join(options) + end)


def packet(number, ticks, frame):
    head = struct.pack('<IIIII', number, ticks >> 32, ticks & 0xffffffff, len(frame), len(frame))
    return block(6, head + frame)


def pcapng(link, frames, *options):
    return section() + interface(link, option(9, b'\x09'), *options) + b''.join(packet(0, *f) for f in frames)


def pcap(link, frames, magic=0xa1b2c3d4, order='<'):
    head = struct.pack(order + 'IHHiIII', magic, 2, 4, 0, 0, 65535, link)
    unit = 1 if magic == 0xa1b23c4d else 1000
    row = order + 'IIII'
    return head + b''.join(
        struct.pack(row, t // 10**9, t % 10**9 // unit, len(f), len(f)) + f for t, f in frames)


def ieee80211(frame, qos=True, llc=True, flags=0):
    head = bytes([0x88 if qos else 0x08, flags, 0, 0]) + b'\xff' * 6 + frame[6:12] + b'\xff' * 6 + b'\0\0'
    return head + (b'\0\0' if qos else b'') + (b'\xaa\xaa\x03\0\0\0' if llc else b'') + frame[12:]


def radiotap(flags):
    return struct.pack('<BBHIB', 0, 0, 9, 2, flags)


def main():
    frames = tap(sys.argv[1])
    each = lambda change: [(t, change(f)) for t, f in frames]
    tagged = lambda *tags: each(lambda f: f[:12] + b''.join(tags) + f[12:])
    half = len(frames) // 2
    made = {
        'binary-resolution.pcapng': section() + interface(1, option(9, bytes([0x80 | 32])))
        + b''.join(packet(0, t * 2**32 // 10**9, f) for t, f in frames),
        'two-resolutions.pcapng': section() + interface(1, option(9, b'\x09')) + interface(1, option(9, b'\x06'))
        + b''.join(packet(k % 2, t // 1000 if k % 2 else t, f) for k, (t, f) in enumerate(frames)),
        'two-sections.pcapng': pcapng(1, frames[:half]) + pcapng(1, frames[half:]),
        'nanoseconds-big-endian.pcap': pcap(1, frames, 0xa1b23c4d, '>'),
        'check-sequence.pcap': pcap(1 | 1 << 26 | 2 << 28, each(lambda f: f + b'\xde\xad\xbe\xef')),
        'check-sequence.pcapng': pcapng(1, each(lambda f: f + b'\xde\xad\xbe\xef'), option(13, b'\x04')),
        'vlan.pcapng': pcapng(1, tagged(b'\x81\0\0\5')),
        'vlan-in-vlan.pcapng': pcapng(1, tagged(b'\x88\xa8\0\x64', b'\x81\0\xe0\0')),
        'cooked.pcap': pcap(113, each(lambda f: b'\0\1\0\1\0\6' + f[6:12] + b'\0\0' + f[12:])),
        'cooked-2.pcap': pcap(276, each(lambda f: f[12:14] + b'\0\0\0\0\0\2\0\1\1\6' + f[6:12] + b'\0\0' + f[14:])),
        'ieee80211.pcap': pcap(105, each(ieee80211)),
        'ieee80211-no-llc.pcap': pcap(105, each(lambda f: ieee80211(f, llc=False))),
        'radiotap.pcapng': pcapng(127, each(lambda f: radiotap(0x10) + ieee80211(f) + b'\1\2\3\4')),
        'radiotap-plain.pcapng': pcapng(127, each(lambda f: radiotap(0) + ieee80211(f, qos=False))),
        'ppi.pcap': pcap(192, each(lambda f: struct.pack('<BBHI', 0, 0, 8, 105) + ieee80211(f))),
        'prism.pcap': pcap(119, each(lambda f: struct.pack('<II16s', 0x44, 144, b'wlan0') + bytes(120) + ieee80211(f))),
        'simple-packets.pcapng': section() + interface(1)
        + b''.join(block(3, struct.pack('<I', len(f)) + f) for _, f in frames),
        'old-packets.pcapng': section() + interface(1, option(9, b'\x09'))
        + b''.join(block(2, struct.pack('<HHIIII', 0, 0, t >> 32, t & 0xffffffff, len(f), len(f)) + f) for t, f in frames),
        'trailer.pcapng': pcapng(1, each(lambda f: f + bytes(18))),
    }
    os.makedirs('made', exist_ok=True)
    for name, content in made.items():
        open(f'made/{name}', 'wb').write(content)
    first = frames[0][1]
    fragment = bytearray(ieee80211(first))
    fragment[22] = 1
    left = [
        b'\x80\0\0\0' + b'\xff' * 6 + bytes(30),  # a beacon
        ieee80211(first, flags=0x40),  # encrypted
        bytes(fragment),
        ieee80211(first)[:20],  # cut
        b'\xd4\0\0\0' + bytes(6),  # an acknowledgement
    ]
    os.makedirs('left', exist_ok=True)
    open('left/beacons.pcap', 'wb').write(pcap(105, [(frames[0][0], f) for f in left]))


main()
