# What the scenes share. Sourced by `run`, in an empty folder, with ROADCAST, FIELD and EXAMPLES set.
export XDG_RUNTIME_DIR=$PWD

# keys: an authority, two vehicles and a roadside unit, in keys/.
keys() {
    "$ROADCAST" keys init --dir keys >keys.log
    "$ROADCAST" keys issue --dir keys --name car-1 >>keys.log
    "$ROADCAST" keys issue --dir keys --name car-2 >>keys.log
    "$ROADCAST" keys issue --dir keys --name unit-1 --role roadside >>keys.log
}

# Which station has a credential. One that another has would be refused: each further one gets its own.
declare -A HOLDER=()

# station NAME CREDENTIAL [LATITUDE] [EXTRA]: NAME.toml, with that credential or, where another has it, its like, over UDP on the loopback, at a fixed place unless EXTRA has a
# [position], with the clock trusted unless EXTRA has a [clock], and a status line every two seconds unless EXTRA has a [report].
# A [link] in EXTRA replaces the UDP link.
station() {
    local name=$1 credential=$2 latitude=${3:-49.6116} extra=${4-} role=vehicle
    [[ $credential == unit-* ]] && role=roadside
    if [[ ${HOLDER[$credential]:=$name} != "$name" ]]; then
        credential=$name
        [[ -e keys/$name.cred ]] || "$ROADCAST" keys issue --dir keys --name "$name" --role $role >>keys.log
    fi
    {
        printf 'role = "%s"\n[identity]\ncredential = "keys/%s.cred"\nkey = "keys/%s.key"\n' "$role" "$credential" "$credential"
        printf 'roots = ["keys/root.cred"]\nissuers = ["keys/issuer.cred"]\n[control]\nsocket = "%s/%s.sock"\n' "$PWD" "$name"
        [[ $extra == *"[link]"* ]] || printf '[link]\nkind = "udp"\ninterface = "lo"\ngroup = "239.255.77.81:47811"\n'
        [[ $extra == *"[position]"* ]] \
            || printf '[position]\nsource = "fixed"\nlatitude = %s\nlongitude = 6.1319\n' "$latitude"
        [[ $extra == *"[clock]"* ]] || printf '[clock]\ntrust = "always"\n'
        [[ $extra == *"[report]"* ]] || printf '[report]\nevery_s = 2\n'
        printf '%s\n' "$extra"
    } >"$name.toml"
}

# link_on PORT TAP: the [link] of a station that hears no other one of its scene; all its frames go into the file TAP.
link_on() {
    printf '[link]\nkind = "udp"\ninterface = "lo"\ngroup = "239.255.77.81:%s"\n[link.tap]\nfile = "%s"\n' "$1" "$2"
}

# beacons NAME: the beacons in NAME.pcapng as dump shows them.
beacons() {
    "$ROADCAST" dump "$1.pcapng" 2>/dev/null | grep ' D2 awareness ' || true
}

# has FILE PATTERN [WHAT]: the file has a line that matches the extended PATTERN.
has() {
    grep -Eq -e "$2" "$1" || fail "${3:-$1 does not have: $2}" "$1"
}

# hasnt FILE PATTERN [WHAT]: it has none.
hasnt() {
    if grep -Eq -e "$2" "$1"; then fail "${3:-$1 has: $2}" "$1"; fi
}

# unwarned FILE: it has no warning, but one that the machine was busy.
unwarned() {
    if grep -E '^warning: ' "$1" | grep -Evq 'this machine gave the station'; then fail "$1 has a warning" "$1"; fi
}

# eventually WHAT COMMAND...: tries the command until it succeeds, for twenty seconds.
eventually() {
    local what=$1
    shift
    for _ in {1..200}; do
        if "$@"; then return; fi
        sleep 0.1
    done
    fail "$what: not within twenty seconds"
}

# bound PORT: a UDP socket of this namespace is bound to PORT. listens PORT: a TCP one listens there.
bound() {
    grep -qi ":$(printf %04X "$1") " /proc/net/udp
}
listens() {
    grep -qi ":$(printf %04X "$1") 00000000:0000 0A" /proc/net/tcp
}

# fail WHAT [FILE...]: ends the scene, and shows the files.
fail() {
    printf 'FAILED: %s\n' "$1"
    shift
    for file in "$@"; do
        printf -- '--- %s\n' "$file"
        tail -n 25 "$file"
    done
    exit 1
}
