# Ten stations in OCB hear each other, and from the first beacon of each on all of them.
radios 10
for n in 0 1 2 3 4 5 6 7 8 9; do
    ocb wlan$n
    station "car$n" car-$((n + 1)) wlan$n 49.611$n '[awareness]
interval_ms = 200'
done
start car0 car1 car2 car3 car4 car5 car6 car7 car8 car9
for n in 0 1 2 3 4 5 6 7 8 9; do hears car$n 9; done
sleep 10
stop car0 car1 car2 car3 car4 car5 car6 car7 car8 car9
for n in 0 1 2 3 4 5 6 7 8 9; do
    expect "car$n: beacons of nine" "$(reported car$n D2 delivered)" -gt 450
    hasnt car$n.json '"sequence_gap"' "car$n: beacons between the first and the last are lost"
done
