# needs: tcpdump tshark python3
# What tcpdump, tshark, editcap and mergecap make of a station's frames is read, or named and counted frame by frame.
keys
station car-1 car-1 49.6116 $'[link]\nkind = "udp"\ninterface = "lo"\ngroup = "239.255.77.81:47811"\n[link.tap]\nfile = "t.pcapng"\n[awareness]\ninterval_ms = 100'
tcpdump --immediate-mode -i lo -w udp.pcap udp port 47811 2>tcpdump.log &
tcpdump=$!
eventually "tcpdump listens" grep -q 'listening on' tcpdump.log
"$ROADCAST" run --config car-1.toml --seconds 4 >car-1.txt 2>&1
sleep 0.5
kill -INT $tcpdump
wait $tcpdump || true

# shown FILE [OPTIONS]: how many lines `dump` prints of it; complaints are in shown.err.
shown() {
    "$ROADCAST" dump "$@" --root keys/root.cred --issuer keys/issuer.cred >shown.txt 2>shown.err
    grep -c verified shown.txt || true
}
frames=$(shown t.pcapng)
((frames >= 20)) || fail "only $frames frames in the tap" shown.txt shown.err car-1.txt
# tcpdump sees each datagram of the link once; the tap may have one more or less at the edges.
[[ $(shown udp.pcap) -ge $((frames - 2)) ]] || fail "the UDP link's own datagrams are not read" shown.txt shown.err
[[ $(shown udp.pcap --group 239.255.77.81:47811) -ge $((frames - 2)) ]] || fail "--group" shown.txt shown.err
[[ $(shown udp.pcap --group 239.255.77.82:47811) == 0 ]] || fail "another group's datagrams are shown"
has shown.err "UDP datagrams of others" "what is left out is not named"
# Standard input.
[[ $("$ROADCAST" dump - <t.pcapng | wc -l) == "$frames" ]] || fail "not read from a pipe"

# The tools of Wireshark: formats, snap lengths, merging, appending.
for format in pcap nsecpcap pcapng; do
    editcap -F $format t.pcapng f.$format
    [[ $(shown f.$format) == "$frames" ]] || fail "editcap -F $format" shown.txt shown.err
done
mergecap -w merged.pcapng t.pcapng udp.pcap
# Above 262,144 bytes of snap length libpcap refuses to merge or read; the tap's own fits all.
tcpdump -r merged.pcapng >merged.txt 2>merged.err || fail "tcpdump does not read a merged tap" merged.err
[[ $(shown merged.pcapng) -ge $((2 * frames - 2)) ]] || fail "merged" shown.txt shown.err
mergecap -a -F pcap -w both.pcap f.pcap f.pcap
[[ $(shown both.pcap) == $((2 * frames)) ]] || fail "mergecap -a" shown.txt shown.err
cat f.pcap f.pcap >cat.pcap
[[ $(shown cat.pcap) == "$frames" ]] || fail "cat" shown.txt
has shown.err "appended here, as by cat" "an appended file is not named"
editcap -s 60 t.pcapng short.pcapng
[[ $(shown short.pcapng) == 0 ]] || fail "clipped frames are verified"
[[ $(grep -c "the capture kept 46 of" shown.txt) == "$frames" ]] || fail "clipped frames are not named one by one" shown.txt
tshark -r t.pcapng -F pcapng -w tshark.pcapng 2>tshark.err
[[ $(shown tshark.pcapng) == "$frames" ]] || fail "tshark" shown.txt shown.err tshark.err
gzip -k t.pcapng
[[ $(shown t.pcapng.gz) == "$frames" ]] || fail "gzip" shown.txt shown.err

# Ways of writing that need a hand: see captures.py.
python3 "$FIELD/captures.py" t.pcapng
for file in made/*; do
    [[ $(shown "$file") == "$frames" ]] || fail "$file: $(wc -l <shown.txt) lines, not $frames verified" shown.txt shown.err
done
shown made/trailer.pcapng >/dev/null
has shown.txt '[+]18 B behind it' "a trailer is not told apart"
"$ROADCAST" dump left/beacons.pcap >left.txt 2>left.err
has left.err "5 of 5 packets not shown: 2 802.11 frames without data"
has left.err "1 encrypted 802.11 frames"
has left.err "1 fragments"
has left.err "1 cut inside a header"

# Wireshark's dissector reads the same frames, down to the fields of their payloads, and has a name for all it finds.
for capture in t.pcapng made/radiotap.pcapng made/ieee80211.pcap made/trailer.pcapng; do
    "$FIELD/../../tests/wireshark/check-capture" "$capture" --port 47811 --expect Awareness >checked.txt 2>&1 \
        || fail "$capture: the dissector" checked.txt
    has checked.txt "^$frames frames of Roadcast: Awareness $frames; 0 others" "$capture: not all frames are dissected"
done
