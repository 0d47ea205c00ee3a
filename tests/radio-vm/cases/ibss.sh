# Two stations in an IBSS of a fixed address, which they join by themselves (kind = "ibss"). They do not hear each other at first,
# and do as soon as they meet: with a fixed address there is one cell from the start. A beacon of another cell of this name,
# however far its clock is ahead, moves nobody.
radios 3
reach wlan0 1
reach wlan1 2
reach wlan2 3
for n in 0 1; do
    station car$n car-$((n + 1)) wlan$n 49.611$n "[link]
kind = \"ibss\"
interface = \"wlan$n\"
ssid = \"town\"
bssid = \"02:ca:fe:00:00:01\"
[awareness]
interval_ms = 100"
done
iw dev wlan2 set type monitor && ip link set wlan2 up && iw dev wlan2 set freq 5900 10MHz \
    && ip link set wlan2 down && ip link set wlan2 up || fail "wlan2 is no monitor"
# in_cell: both are in the cell of the fixed address.
in_cell() {
    for n in 0 1; do
        iw dev wlan$n link >link.txt
        has link.txt 'Joined IBSS 02:ca:fe:00:00:01' "$1"
    done
}
start car0 car1
sleep 10
in_cell "the cell is not joined"
expect "received before they meet" "$(counted car0 received)" -eq 0
for n in 0 1; do reach wlan$n 3; done
sleep 1
for n in 0 1; do
    roadcast status --config car$n.toml >status.txt
    has status.txt '^neighbours +1' "car$n does not hear the other as soon as they meet"
done
air beacon wlan2 02:ca:fe:00:00:02 town || fail "no beacon"
sleep 2
in_cell "a beacon of another cell has moved a station"
sleep 20
in_cell "a beacon of another cell has moved a station"
roadcast status --config car0.toml --json >status.json
has status.json '"channel_source":"estimate"' "the source of the channel's load is not shown"
has status.json '"channel_busy":0\.0*[1-9]' "no load of the channel is shown"
stop car0 car1
for n in 0 1; do
    expect "car$n: beacons" "$(reported car$n D2 delivered)" -gt 200
    # The first that is heard may wait for its sender's credential.
    expect "car$n: missed, but the first" "$(reported car$n D2 missed)" -le 1
    hasnt car$n.json '"sequence_gap"' "car$n: beacons between the first and the last are lost"
done
