# Two stations in an IBSS hear each other; two cells of one name that could not hear each other become one when they can.
radios 4
for n in 0 1 2 3; do
    iw dev wlan$n set type ibss
    ip link set wlan$n up
    station car$n car-$((n + 1)) wlan$n 49.611$n
done
for n in 0 1; do iw dev wlan$n ibss join town 5900 10MHZ fixed-freq 02:ca:fe:00:00:01; done
start car0 car1
hears car0 1
hears car1 1
sleep 20
stop car0 car1
for n in 0 1; do
    expect "car$n: beacons" "$(reported car$n D2 delivered)" -gt 15
    expect "car$n: missed" "$(reported car$n D2 missed)" -eq 0
    iw dev wlan$n ibss leave
done

# cell INTERFACE: the cell that it is in.
cell() {
    iw dev "$1" link | sed -n 's/^Joined IBSS \([^ ]*\).*/\1/p'
}
# same WHAT INTERFACE [INTERFACE]: it comes to be in a cell, that of the second.
same() {
    left=60
    until [ -n "$(cell "$2")" ] && [ "$(cell "$2")" = "$(cell "${3:-$2}")" ]; do
        left=$((left - 1))
        [ $left -gt 0 ] || fail "$1: $2 is in cell $(cell "$2"), ${3:-$2} in $(cell "${3:-$2}")"
        sleep 1
    done
    echo "$1: $2 is in cell $(cell "$2")"
}
reach wlan2 2
reach wlan3 2
for n in 0 2; do
    iw dev wlan$n ibss join country 5900 10MHZ
    same "founds a cell" wlan$n
done
for n in 1 3; do
    iw dev wlan$n ibss join country 5900 10MHZ
    same "finds it" wlan$n wlan$((n - 1))
done
[ "$(cell wlan0)" != "$(cell wlan2)" ] || fail "there is but one cell"
start car0 car1 car2 car3
for n in 0 1 2 3; do hears car$n 1; done
reach wlan2 1
reach wlan3 1
# The cell whose clock is ahead takes in the other (IEEE Std 802.11-2020, 11.1.4).
echo +5000000 >"$(radio_of wlan0)/netdev:wlan0/tsf"
same "cells merge" wlan2 wlan0
same "cells merge" wlan3 wlan1
for n in 0 1 2 3; do hears car$n 3; done
stop car0 car1 car2 car3
