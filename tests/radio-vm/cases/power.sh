# Transmit power is the interface's: Linux takes none from the radiotap header of an injected frame, and says nothing. What the
# simulated medium delivers has the signal strength that the sender's power gives.
radios 2
ocb wlan0
iw phy "$(cat /sys/class/net/wlan0/phy80211/name)" interface add beside type monitor && ip link set beside up \
    || fail "no monitor interface beside"
iw dev wlan1 set type monitor && ip link set wlan1 up && iw dev wlan1 set freq 5900 10MHz || fail "wlan1 is no monitor"
air listen wlan1 20 >air.txt 2>&1 &
echo $! >>.processes

# heard DBM: the signal strength of ten frames that ask for this power, or for none.
heard() {
    before=$(wc -l <air.txt)
    air inject beside 10 10000 200 24 "$@" >/dev/null || fail "nothing is sent"
    sleep 0.2
    tail -n +$((before + 1)) air.txt | grep -o 'signal [-0-9]*' | sort | uniq -c | awk '{ print $1, "at", $3, "dBm" }'
}

for interface_dbm in 10 20; do
    roadcast link up wlan0 --power $interface_dbm || fail "no power is set"
    own=$(heard)
    case $own in "10 at -"*) ;; *) fail "not all are heard: $own" air.txt ;; esac
    echo "interface at $interface_dbm dBm: $own"
    for frame_dbm in -10 0 15 30; do
        expect "frames asking for $frame_dbm dBm" "$(heard $frame_dbm)" = "$own"
    done
    eval "at_$interface_dbm=\$own"
done
expect "10 dB less power" "$(echo "$at_20" | cut -d ' ' -f 3)" -eq $(($(echo "$at_10" | cut -d ' ' -f 3) + 10))
roadcast link probe wlan0 >probe.txt 2>&1
has probe.txt 'frame power .*the interface'
