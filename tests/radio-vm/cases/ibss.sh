# Two stations in an IBSS of a fixed address, which they join by themselves (kind = "ibss"), hear each other.
radios 2
for n in 0 1; do
    station car$n car-$((n + 1)) wlan$n 49.611$n "[link]
kind = \"ibss\"
interface = \"wlan$n\"
ssid = \"town\"
bssid = \"02:ca:fe:00:00:01\""
done
start car0 car1
hears car0 1
hears car1 1
for n in 0 1; do
    iw dev wlan$n link >link.txt
    has link.txt 'Joined IBSS 02:ca:fe:00:00:01'
done
sleep 20
stop car0 car1
for n in 0 1; do
    expect "car$n: beacons" "$(reported car$n D2 delivered)" -gt 15
    expect "car$n: missed" "$(reported car$n D2 missed)" -eq 0
done
