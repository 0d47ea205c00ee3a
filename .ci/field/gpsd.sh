# needs: gpsd
# A real gpsd with receivers on pseudo-terminals: two of them, one without a fix; a tunnel; a simulator; UBX between sentences.
keys

# told NAME KIND...: a gpsd with a receiver of each kind, and a station that listens to it.
port=12800
told() {
    local name=$1 devices=()
    shift
    port=$((port + 1))
    for kind in "$@"; do
        python3 "$FIELD/nmea.py" "$kind" --pty "$name-$kind" --for 18 &
        eventually "$name-$kind is there" test -e "$name-$kind"
        devices+=("$(readlink -f "$name-$kind")")
    done
    gpsd -N -n -S $port "${devices[@]}" >"$name-gpsd.txt" 2>&1 &
    daemons+=($!)
    station "$name" car-1 "" "[link]
kind = \"udp\"
interface = \"lo\"
group = \"239.255.77.81:$((port + 30000))\"
[link.tap]
file = \"$name.pcapng\"
[position]
source = \"gpsd\"
address = \"127.0.0.1:$port\""
}
daemons=()
trap 'kill "${daemons[@]}" 2>/dev/null || true' EXIT

names=(two tunnel simulated ubx rtk)
told two no-fix plain
told tunnel tunnel
told simulated simulated-by-gga
told ubx ubx-first
told rtk rtk
for name in "${names[@]}"; do
    "$ROADCAST" run --config $name.toml --seconds 10 >$name.txt 2>&1 &
    stations+=($!)
done
# Nobody could tell a station that starts in it: gpsd says that it stands there.
eventually "a fix before the tunnel" grep -q '^sending$' tunnel.txt
touch tunnel-begins
wait "${stations[@]}"

for name in two ubx rtk; do
    has $name.txt '^sending$'
    hasnt $name.txt 'the clock is'
    [[ $("$ROADCAST" dump $name.pcapng 2>/dev/null | grep -c 'm/s heading 90') -ge 3 ]] || fail "$name: no motion" $name.txt
done
has tunnel.txt 'no position: '
hasnt simulated.txt '^sending$'
has simulated.txt 'of a simulator refused'
