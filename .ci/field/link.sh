# Two stations with a cable between them, in network namespaces of their own: what happens to the interface is told, and the link
# comes back with it. Each kind of link by itself, at the same time.
keys
# Both kinds of link run at once, in shells of their own.
HOLDER=([car-1]=nobody [car-2]=nobody)

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

# runs END KIND ARGUMENT...: the program at the near or far end, in place of this shell, so that its process number is known.
runs() {
    local pid=$2.pid
    [[ $1 == far ]] || pid=$2-near.pid
    shift 2
    exec timeout --foreground 60 nsenter --target "$(cat "$pid")" --net "$ROADCAST" "$@"
}

# received FILE: how many messages its last status line says were received.
received() {
    awk '/ s  neighbours / { for (n = 1; n < NF; n++) if ($n == "received") last = $(n + 1) } END { print last + 0 }' "$1"
}

# hears_more FILE COUNT: by now more than COUNT.
hears_more() {
    (($(received "$1") > $2))
}

# told FILE COUNT PATTERN: at least so many of its lines match.
told() {
    (($(grep -c "$3" "$1") >= $2))
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
    runs near "$kind" run --config "$kind-a.toml" >"$kind-a.txt" 2>&1 &
    local a=$!
    runs far "$kind" run --config "$kind-b.toml" >"$kind-b.txt" 2>&1 &
    local b=$!
    # Whoever looks on is told the same, and how to look at the other kind of link.
    local dump=(--interface cable0)
    [[ $kind == packet ]] || dump+=(--group 239.255.77.77:47808)
    runs near "$kind" dump "${dump[@]}" >"$kind-dump.txt" 2>"$kind-dump.err" &
    local on_looker=$!
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
    eventually "$kind: up is told" told "$kind-b.txt" 2 'link up again after'
    # Shorter than any look.
    far "$kind" sh -c 'ip link set cable1 down; ip link set cable1 up'
    eventually "$kind: a flap is told" grep -q 'link was down once for a moment' "$kind-b.txt"
    # Both hear each other after all of it.
    local file
    for file in "$kind-a.txt" "$kind-b.txt"; do
        eventually "$kind: $file hears" hears_more "$file" "$(received "$file")"
    done
    kill -TERM "$a" "$b" "$on_looker"
    wait "$a" "$b" "$on_looker" || true
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
