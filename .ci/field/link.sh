# Two stations with a cable between them, in network namespaces of their own: what happens to the interface is told, and the link
# comes back with it. Each kind of link by itself, at the same time.
keys

# far KIND COMMAND...: runs it in the namespace of the other end.
far() {
    local kind=$1
    shift
    nsenter --target "$(cat "$kind.pid")" --net "$@"
}

# near KIND COMMAND...: the same at this end.
near() {
    local kind=$1
    shift
    nsenter --target "$(cat "$kind-near.pid")" --net "$@"
}

# cable KIND: lays a cable between the two.
cable() {
    near "$1" ip link add cable0 type veth peer name cable1 netns "$(cat "$1.pid")"
    near "$1" ip address add 10.77.0.1/24 dev cable0
    far "$1" ip address add 10.77.0.2/24 dev cable1
    near "$1" ip link set cable0 up
    far "$1" ip link set cable1 up
}

# link_of KIND INTERFACE: the part of a configuration.
link_of() {
    printf '[report]\nevery_s = 1\n[link]\nkind = "%s"\ninterface = "%s"\n' "$1" "$2"
}

# scenario KIND: all of it, with one kind of link.
scenario() {
    local kind=$1
    unshare --net sleep 60 &
    echo $! >"$kind-near.pid"
    unshare --net sleep 60 &
    echo $! >"$kind.pid"
    eventually "a namespace" far "$kind" ip link set lo up
    eventually "a namespace" near "$kind" ip link set lo up
    station "$kind-a" car-1 49.6116 "$(link_of "$kind" cable0)"
    station "$kind-b" car-2 49.6117 "$(link_of "$kind" cable1)"
    cable "$kind"
    near "$kind" "$ROADCAST" run --config "$kind-a.toml" --seconds 14 >"$kind-a.txt" 2>&1 &
    local a=$!
    far "$kind" "$ROADCAST" run --config "$kind-b.toml" --seconds 14 >"$kind-b.txt" 2>&1 &
    local b=$!
    # Whoever looks on is told the same, and how to look at the other kind of link.
    local dump=(--interface cable0)
    [[ $kind == packet ]] || dump+=(--group 239.255.77.77:47808)
    near "$kind" timeout 14 "$ROADCAST" dump "${dump[@]}" >"$kind-dump.txt" 2>"$kind-dump.err" &
    local dump_pid=$!
    eventually "$kind: both hear each other" grep -q 'neighbours 1 ' "$kind-b.txt"
    # Gone, and made anew.
    far "$kind" ip link delete cable1
    eventually "$kind: gone is told" grep -q 'link down: cable1 is gone' "$kind-b.txt"
    eventually "$kind: gone stands in the status line" grep -Eq ' s  neighbours .* link down for .* cable1 is gone' "$kind-b.txt"
    cable "$kind"
    eventually "$kind: back is told" grep -q 'link up again after' "$kind-b.txt"
    # Down and up: the other end has no carrier.
    far "$kind" ip link set cable1 down
    eventually "$kind: down is told" grep -q 'link down: cable1 is down: ip link set cable1 up' "$kind-b.txt"
    eventually "$kind: no carrier is told" grep -q 'cable0 has no carrier' "$kind-a.txt"
    far "$kind" ip link set cable1 up
    eventually "$kind: up is told" test "$(grep -c 'link up again' "$kind-b.txt")" -ge 1
    sleep 1.5
    # Shorter than any look.
    far "$kind" sh -c 'ip link set cable1 down; ip link set cable1 up'
    eventually "$kind: a flap is told" grep -q 'link was down once for a moment' "$kind-b.txt"
    wait "$a" "$b"
    wait "$dump_pid" || true
    # Heard after all of it, in both directions.
    python3 - "$kind-a.txt" "$kind-b.txt" <<'PY'
import re, sys
for name in sys.argv[1:]:
    lines = [l for l in open(name) if re.match(r" +\d+ s ", l)]
    last, before = (int(re.search(r"received (\d+)", l)[1]) for l in (lines[-1], lines[-3]))
    assert last > before, f"{name}: nothing received at the end: {lines[-3:]}"
PY
    has "$kind-dump.err" "^listening on $kind .*on cable0"
    has "$kind-dump.err" '^link down: cable0 is gone'
    has "$kind-dump.err" '^link up again'
    if [[ $kind == packet ]]; then
        has packet-dump.err 'EtherType 0x88b5; stations that use UDP are heard with --group'
    else
        has udp-dump.err 'without --group'
    fi
    has "$kind-b.txt" 'own messages not transmitted: link_(down|gone)'
    has "$kind-b.txt" 'the link was down [0-9]+ times'
}

scenario udp >udp.log 2>&1 &
udp=$!
scenario packet >packet.log 2>&1 &
packet=$!
wait "$udp" || fail "udp" udp.log udp-a.txt udp-b.txt
wait "$packet" || fail "packet" packet.log packet-a.txt packet-b.txt
