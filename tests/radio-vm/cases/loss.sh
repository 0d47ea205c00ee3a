# Each sender loses a fifth of its frames: of the beacons as many are missed, and no alert and no hazard is.
radios 2
ocb wlan0 wlan1
for n in 0 1; do
    tc qdisc replace dev wlan$n root netem loss 20%
    station car$n car-$((n + 1)) wlan$n 49.611$n '[awareness]
interval_ms = 100'
done
start car0 car1
hears car0 1
hears car1 1
watch car1
for round in 1 2 3 4 5 6 7 8 9 10; do
    declare car0 --class D0 --cause collision-risk
    declare car0 --class D1 --cause dangerous-situation
    declare car0 --cause accident --radius 500 --validity 5s
    sleep 2
done
sleep 5
expect "hazards missed" "$(misses car1 car0.declared)" -eq 0
stop car0 car1
for n in 0 1; do
    share=$((100 * $(reported car$n D2 delivered) / $(reported car$n D2 expected)))
    expect "car$n: beacons delivered, percent" $share -ge 74
    expect "car$n: beacons delivered, percent" $share -le 86
done
