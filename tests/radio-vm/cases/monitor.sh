# A station that injects beside its interface in OCB, a plain one in OCB, and one on a monitor interface alone, which it tunes by
# itself, hear each other. The radio says when an injected frame was on the air.
radios 4
ocb wlan1
link() {
    printf '[link]\nkind = "%s"\ninterface = "%s"' "$1" "$2"
}
roadcast link up wlan3 --mode monitor >up.txt || fail "wlan3 is no monitor" up.txt
has up.txt 'type managed -> monitor, up, tuned to 5900 MHz \(10 MHz wide\)'
roadcast link up wlan3 --mode monitor >up.txt || fail "wlan3 is no monitor" up.txt
has up.txt 'nothing to change'
station injects bus wlan0 "" "$(link auto wlan0)"
station plain many-1 wlan1
station alone unit wlan2 49.6116 "$(link monitor wlan2)
frequency_mhz = 5900"
start injects plain alone
for name in injects plain alone; do hears $name 2; done
has alone.txt '^wlan2: type managed -> monitor, up, tuned to 5900 MHz'
[ "$(cat /sys/class/net/wlan0mon/type)" = 803 ] || fail "no monitor interface beside" injects.txt
hasnt injects.txt 'no monitor interface'
roadcast dump --interface wlan3 --json >air.jsonl 2>dump.txt &
dump=$!
for round in 1 2 3 4 5 6 7 8 9 10; do
    for name in injects plain; do
        roadcast hazard new --config $name.toml --validity 1s --class D0 --cause collision-risk >>declared.txt \
            || fail "$name does not warn" $name.txt
    done
    sleep 2
done
kill $dump
ip link set wlan0 down
sees "the cell is lost" injects.txt '^link down'
ip link set wlan0 up
sees "and joined again" injects.txt '^link up again'
stop injects plain alone
expect "D0 heard by the plain station" "$(reported plain D0 delivered)" -ge 9
expect "D0 heard by the one on a monitor interface" "$(reported alone D0 delivered)" -ge 18
expect "D0 missed" "$(reported alone D0 missed)" -eq 0
has injects.json '"handed_over_to_on_air"' "the radio did not say when a frame was on the air"
has alone.json '"handed_over_to_on_air"'
hasnt plain.json '"handed_over_to_on_air"'
has air.jsonl '"rate_kbps":6000' "no frame at 6 Mb/s"
# The plain one, in OCB, heard it from its first frame on.
hasnt alone.json '"warm_ups": 0[^0-9]' "no warm-up frame was injected"
# Removed at the end, and the interfaces are what they were.
has alone.txt '^wlan2: type monitor -> managed, down'
[ ! -e /sys/class/net/wlan0mon ] || fail "the monitor interface is left behind" injects.txt
