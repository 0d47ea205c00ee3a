# NMEA as receivers send it: from files of every kind, and from a serial device that is unplugged and comes back.
keys

# reads NAME KIND: a station NAME that plays a file of this kind for three seconds.
port=12700
reads() {
    port=$((port + 1))
    python3 "$FIELD/nmea.py" "$2" >"$1.nmea"
    listens "$1" "$1.nmea"
    "$ROADCAST" run --config "$1.toml" --seconds 3 >"$1.txt" 2>&1 &
}

# listens NAME PATH: the configuration of such a station.
listens() {
    station "$1" car-1 "" "$(link_on $((port + 30000)) "$1.pcapng")
[position]
source = \"nmea\"
path = \"$2\""
}

python3 "$FIELD/nmea.py" plain --pty unplugged --for 5 &
PLUGGED=$!
python3 "$FIELD/nmea.py" garbage --pty wrong-speed --for 9 &
python3 "$FIELD/nmea.py" tunnel --pty tunnel --for 14 &
eventually "the devices are there" test -e unplugged -a -e wrong-speed -a -e tunnel
for name in unplugged wrong-speed tunnel; do
    port=$((port + 1))
    listens $name $name
done
"$ROADCAST" run --config unplugged.toml --seconds 12 >unplugged.txt 2>&1 &
"$ROADCAST" run --config wrong-speed.toml --seconds 5 >wrong-speed.txt 2>&1 &
"$ROADCAST" run --config tunnel.toml --seconds 9 >tunnel.txt 2>&1 &
eventually "a fix before the tunnel" grep -q '^sending$' tunnel.txt
touch tunnel-begins
(
    while kill -0 $PLUGGED 2>/dev/null; do sleep 0.1; done
    sleep 2
    exec python3 "$FIELD/nmea.py" plain --pty unplugged --for 8
) &

for kind in plain ubx-first ubx-last only-cr no-rmc gll-and-vtg rtk rtk-without-gst; do
    reads $kind $kind
done
for kind in no-checksum simulated simulated-by-gga manual zero garbage; do
    reads $kind $kind
done
wait

for kind in plain ubx-first ubx-last only-cr no-rmc gll-and-vtg rtk; do
    has $kind.txt '^sending$'
    unwarned $kind.txt
    [[ $(beacons $kind | grep -c '14.4 m/s heading 90.0') -ge 5 ]] || fail "$kind: no motion" $kind.txt
done
has no-checksum.txt 'no position: .* 80 sentences without a checksum, refused'
has simulated.txt 'no position: .* of a simulator refused'
has simulated-by-gga.txt 'no position: .* of a simulator refused'
has manual.txt 'no position: .* typed in or surveyed refused'
has zero.txt 'no position: .* at 0, 0 refused'
has garbage.txt 'no position: .* lines, none understood: is that NMEA\?'
has wrong-speed.txt 'no position: .* lines, none understood: a wrong speed \(position.baud = 9600\)'
hasnt wrong-speed.txt 'nothing comes' 'bytes that are not understood are called nothing'
for kind in no-checksum simulated simulated-by-gga manual zero garbage wrong-speed; do
    has $kind.txt '^warning: '
    hasnt $kind.txt '^sending$'
done
has tunnel.txt '^sending$'
has tunnel.txt '^listening only: no position: tunnel: the receiver has no fix'
has unplugged.txt '^no position: unplugged: (it is not there|unplugged, or)|^listening only: no position: unplugged: (it is not there|unplugged)'
[[ $(grep -c '^sending$' unplugged.txt) == 2 ]] || fail "not found again" unplugged.txt
