# What the cases share. Sourced by `init`, in an empty folder of the case's own.
export XDG_RUNTIME_DIR=$PWD

# radios N: N new radios, wlan0 to wlan(N-1), on one medium; those there were are gone, and the regulatory domain that a case has
# set. Linux permits 5.9 GHz by `regtest` here.
radios() {
    rmmod mac80211_hwsim 2>/dev/null
    rmmod mac80211 cfg80211
    insmod /modules/cfg80211.ko && insmod /modules/mac80211.ko \
        && insmod /modules/mac80211_hwsim.ko radios="$1" regtest=5 || fail "no radios"
}

# ocb INTERFACE...: joins each in OCB at 5900 MHz, 10 MHz wide.
ocb() {
    for interface; do
        iw dev "$interface" set type ocb && ip link set "$interface" up && iw dev "$interface" ocb join 5900 10MHZ \
            || fail "$interface does not join"
    done
}

# radio_of INTERFACE: the folder in which the simulation of its radio is set.
radio_of() {
    echo "/sys/kernel/debug/ieee80211/$(cat "/sys/class/net/$1/phy80211/name")"
}

# reach INTERFACE MASK: it hears, and is heard by, those that share a bit with it. All have 1 at first.
reach() {
    echo "$2" >"$(radio_of "$1")/hwsim/group"
}

# station NAME CREDENTIAL INTERFACE [LATITUDE] [TABLES] [TOP]: NAME.toml, a unit if the credential is one, on a packet link of
# that interface, at a fixed place. A [link], [position], [identity] or [report] in TABLES replaces what is written here; TOP has
# keys that stand before the first table.
station() {
    role=vehicle
    case $2 in unit*) role=roadside ;; esac
    {
        printf 'role = "%s"\n%s\n' $role "${6-}"
        printf '[control]\nsocket = "%s/%s.sock"\n[clock]\ntrust = "always"\n' "$PWD" "$1"
        lacks identity "${5-}" \
            && printf '[identity]\ncredential = "/keys/%s.cred"\nkey = "/keys/%s.key"\n%s\n' "$2" "$2" "$AUTHORITY"
        lacks link "${5-}" && printf '[link]\nkind = "packet"\ninterface = "%s"\n' "$3"
        lacks position "${5-}" \
            && printf '[position]\nsource = "fixed"\nlatitude = %s\nlongitude = 6.1319\n' "${4:-49.6116}"
        lacks report "${5-}" && printf '[report]\nevery_s = 1\n'
        printf '%s\n' "${5-}"
    } >"$1.toml"
}
lacks() {
    case $2 in *"[$1]"*) return 1 ;; esac
}
AUTHORITY='roots = ["/keys/root.cred"]
issuers = ["/keys/issuer.cred"]'

# driven FILE: the [position] of a station that drives as the vehicle `car` of a mobility trace does.
driven() {
    printf '[position]\nsource = "trace"\nfile = "%s"\nstation = "car"\n' "$1"
}

# declare STATION ARGUMENT...: a hazard, valid for a second unless an argument says how long; its name goes into STATION.declared.
declare() {
    station=$1
    shift
    case $* in *--validity*) ;; *) set -- --validity 1s "$@" ;; esac
    roadcast hazard new --config "$station.toml" "$@" >>"$station.declared" \
        || fail "$station does not declare $*" "$station.txt"
}

# watch NAME: what changes about hazards goes into NAME.heard. misses NAME DECLARED: how many of these it has not heard.
watch() {
    roadcast hazard watch --config "$1.toml" >"$1.heard" 2>&1 &
    echo $! >>.processes
}
misses() {
    cut -d ' ' -f 1 "$2" | sort -u | while read -r event; do
        grep -q "$event" "$1.heard" || echo "$event"
    done | wc -l
}

# start NAME...: their daemons, which print into NAME.txt and report into NAME.json. stop NAME...: ends them, and waits.
start() {
    for name; do
        : >"$name.txt"
        roadcast run -v --config "$name.toml" --json "$name.json" >"$name.txt" 2>&1 &
        echo $! >"$name.pid"
        echo $! >>.processes
    done
}
stop() {
    for name; do kill -TERM "$(cat "$name.pid")"; done
    for name; do
        wait "$(cat "$name.pid")" || fail "$name ended with code $?" "$name.txt"
        rm "$name.pid"
    done
}

# finish: what holds after every case. The daemons that still run are ended.
finish() {
    for file in *.pid; do
        [ -e "$file" ] && stop "${file%.pid}"
    done
    for file in *.txt; do
        hasnt "$file" 'panicked'
    done
    # Nothing of one run in what is compared with another.
    rm -f .processes ./*.sock
}

# sees WHAT FILE PATTERN [COUNT]: at last so many lines match the extended PATTERN, within a minute of the machine's time.
sees() {
    left=240
    until [ "$(grep -Ec -e "$3" "$2")" -ge "${4:-1}" ]; do
        left=$((left - 1))
        [ $left -gt 0 ] || fail "$1: $2 does not have: $3" "$2"
        sleep 0.25
    done
    echo "$1: $(grep -E -e "$3" "$2" | tail -n 1)"
}

# has FILE PATTERN [WHAT]; hasnt FILE PATTERN [WHAT]: it has a line that matches the extended PATTERN, or none.
has() {
    grep -Eq -e "$2" "$1" || fail "${3:-$1 does not have: $2}" "$1"
}
hasnt() {
    ! grep -Eq -e "$2" "$1" || fail "${3:-$1 has: $2}" "$1"
}

# hears NAME COUNT: by now its last status line counts COUNT neighbours.
hears() {
    sees "$1 hears $2" "$1.txt" " s  neighbours $2 "
}

# counted NAME FIELD: a number of its last status line, such as received.
counted() {
    awk -v field="$2" '/ s  neighbours / { for (n = 1; n < NF; n++) if ($n == field) last = $(n + 1) } END { print last + 0 }' \
        "$1.txt"
}

# reported NAME CLASS FIELD: a number of that class from the report at its end.
reported() {
    awk -v class="\"$2\"" -v field="\"$3\":" '$1 == "\"class\":" { on = index($2, class) }
        on && $1 == field { sub(",", "", $2); print $2; found = 1; exit } END { if (!found) print "none" }' "$1.json"
}

# expect WHAT TEST...: a condition of test(1).
expect() {
    what=$1
    shift
    [ "$@" ] || fail "$what: $*"
    echo "$what: $*"
}

# fail WHAT [FILE...]: ends the case, and shows the files.
fail() {
    echo "FAILED, $CASE: $1"
    shift
    for file; do
        echo "... $file"
        tail -n 25 "$file"
    done
    exit 1
}
