# Two cells of one name meet and become one: two stations without a fixed address begin a cell each while they do not hear each
# other. Their clocks are the same here, so they stay apart as they meet; a third radio then sends a beacon of the one cell
# with a clock far ahead, and the kernel moves the station of the other into it.
radios 3
reach wlan0 1
reach wlan1 2
reach wlan2 3
for n in 0 1; do
    station car$n car-$((n + 1)) wlan$n 49.611$n "[link]
kind = \"ibss\"
interface = \"wlan$n\"
ssid = \"town\""
done
iw dev wlan2 set type monitor && ip link set wlan2 up && iw dev wlan2 set freq 5900 10MHz \
    && ip link set wlan2 down && ip link set wlan2 up || fail "wlan2 is no monitor"

# cell INTERFACE: the address of the cell it is in.
cell() {
    iw dev "$1" link | sed -n 's/^Joined IBSS \([0-9a-f:]*\).*/\1/p'
}
start car0 car1
for n in 0 1; do
    left=120
    until [ -n "$(cell wlan$n)" ]; do
        left=$((left - 1))
        [ $left -gt 0 ] || fail "car$n begins no cell" car$n.txt
        sleep 0.25
    done
done
one=$(cell wlan0)
other=$(cell wlan1)
expect "two cells" "$one" != "$other"
sleep 5
for n in 0 1; do reach wlan$n 3; done
sleep 10
expect "cells of the same clock stay apart" "$(cell wlan1)" = "$other"
expect "and do not hear each other" "$(counted car1 received)" -eq 0

sent=$(counted car1 sent)
air beacon wlan2 "$one" town || fail "no beacon"
sleep 2
expect "merged" "$(cell wlan1)" = "$one"
expect "the other stays" "$(cell wlan0)" = "$one"
hears car0 1
hears car1 1
sleep 20
expect "it goes on sending" "$(counted car1 sent)" -gt $((sent + 15))
has car1.txt '^link was down once for a moment' "the change of the cell is not told"
stop car0 car1
for n in 0 1; do
    expect "car$n: beacons after the merge" "$(reported car$n D2 delivered)" -gt 15
    expect "car$n: missed" "$(reported car$n D2 missed)" -eq 0
    hasnt car$n.json '"sequence_gap"' "car$n: beacons between the first and the last are lost"
done
