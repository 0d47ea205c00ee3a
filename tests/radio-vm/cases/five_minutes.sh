# A vehicle drives around a roadside unit for 300 seconds: nothing is missed, nothing is warned of, and no station grows. The
# kernel has forgotten by then whom it heard before that, which it does after four minutes.
radios 3
ocb wlan0 wlan1 wlan2
# made_up: how many of the made-up senders the kernel keeps.
made_up() {
    iw dev wlan1 station dump | grep -c '^Station 02:ba:d0'
}
air flood wlan2 5 3 5 || fail "no flood"
expect "made-up senders in the kernel's table" "$(made_up)" -eq 5
cp /examples/crossing.toml .
station car car-1 wlan0 "" "$(driven /ring.csv)"
station unit unit wlan1 49.6116 '[roadside]
intersections = ["crossing.toml"]'
# memory NAME: what it has in memory, KiB.
memory() {
    awk '$1 == "VmRSS:" { print $2 }' "/proc/$(cat "$1.pid")/status"
}
start unit car
hears car 1
hears unit 1
sleep 60
for name in car unit; do memory $name >$name.memory; done
sleep 240
for name in car unit; do
    expect "$name: memory, KiB, no more than a minute after the start and 1,024" \
        "$(memory $name)" -le $(($(cat $name.memory) + 1024))
done
expect "made-up senders there after five minutes" "$(made_up)" -eq 0
stop car unit
expect "the unit: beacons" "$(reported unit D2 delivered)" -gt 500
expect "the unit: missed" "$(reported unit D2 missed)" -eq 0
expect "the car: signal states" "$(reported car D4 delivered)" -gt 2900
expect "the car: missed" "$(reported car D4 missed)" -eq 0
expect "the car: beacons" "$(reported car D2 delivered)" -gt 290
expect "the car: missed" "$(reported car D2 missed)" -eq 0
for name in car unit; do hasnt $name.txt '^warning: '; done
