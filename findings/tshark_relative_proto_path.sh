#!/usr/bin/env bash
# Wireshark's dissector of protobuf (tshark 4.0.17) says "does not exist" of .proto files that it has just found itself, when the
# search path is relative or has ".." in it, loads none of them, and exits with 0.
#
# What it refuses is the form of the path; what it reports is a missing file.
#
# Debian 12. Exits with 0 while tshark behaves so, and with 1 when it no longer does.
set -euo pipefail
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cd "$WORK"
command -v tshark >/dev/null || { echo "needs tshark: apt-get install tshark" >&2; exit 2; }
tshark --version 2>/dev/null | head -n 1
mkdir schema
printf 'syntax = "proto3";\nmessage Seen { uint32 number = 1; }\n' >schema/seen.proto
# One UDP datagram to port 50000 that holds Seen { number: 5 }: pcap, raw IPv4.
printf '\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\1\0\x65\0\0\0' >seen.pcap
printf '\0\0\0\0\0\0\0\0\x1e\0\0\0\x1e\0\0\0' >>seen.pcap
printf '\x45\0\0\x1e\0\1\0\0\1\x11\0\0\x7f\0\0\1\x7f\0\0\1\xc3\x50\xc3\x50\0\x0a\0\0\x08\x05' >>seen.pcap

# named PATH: whether tshark names the field with this search path.
named() {
    tshark -r seen.pcap -V -o "uat:protobuf_search_paths:\"$1\",\"TRUE\"" \
        -o 'uat:protobuf_udp_message_types:"50000","Seen"' >shown.txt 2>errors.txt
    grep -h 'does not exist' errors.txt || true
    grep -q 'number = 5' shown.txt
}

named "$WORK/schema" || { echo "the absolute path does not work either: something else is wrong" >&2; cat errors.txt >&2; exit 2; }
echo "absolute: the field is named"
for path in schema "$WORK/../$(basename "$WORK")/schema"; do
    if named "$path"; then
        echo "$path: the field is named"
        exit 1
    fi
    echo "$path: the field is not named"
done
