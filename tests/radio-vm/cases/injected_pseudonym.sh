# A car that injects its alerts changes its pseudonym, and with it the source of its frames. Beside an interface in OCB the kernel
# injects frames of another source than that interface's through an active monitor interface alone, and drops others without a
# word. So the keeper makes an active one; and where somebody else has made one that is not, alerts go through OCB mode.
radios 3
ocb wlan1
iw dev wlan2 set type monitor && ip link set wlan2 up && iw dev wlan2 set freq 5900 10MHz || fail "wlan2 is no monitor"
station car many-1 wlan0 "" "[identity]
pool = \"/keys/many\"
$AUTHORITY
[pseudonym]
every_s = 10
[link]
kind = \"auto\"
interface = \"wlan0\"
$(driven /ring.csv)"
station other car-1 wlan1

# alerts NAME: twenty of the car, while it changes its address; none is missed, and what is on the air goes into NAME.air.txt.
alerts() {
    air listen wlan2 60 >"$1.air.txt" 2>&1 &
    listener=$!
    echo $listener >>.processes
    rm -f car.declared
    start car other
    hears car 1
    hears other 1
    watch other
    round=0
    while [ $round -lt 20 ]; do
        declare car --class D1 --cause dangerous-situation
        round=$((round + 1))
        sleep 1.$((round % 10))
    done
    sleep 2
    stop car other
    kill $listener
    expect "$1: alerts declared" "$(sort -u car.declared | wc -l)" -eq 20
    expect "$1: alerts missed" "$(misses other car.declared)" -eq 0
}

# sources NAME PATTERN: how many addresses the data frames that match it have.
sources() {
    grep -E "$2" "$1.air.txt" | cut -d ' ' -f 3 | sort -u | wc -l
}
alerts active
expect "addresses of injected frames" "$(sources active 'priority [4-7] ')" -ge 3

iw phy "$(cat /sys/class/net/wlan0/phy80211/name)" interface add wlan0mon type monitor && ip link set wlan0mon up \
    || fail "no monitor interface beside"
alerts passive
expect "addresses" "$(sources passive 'type 0x88b5 .* priority none')" -ge 3
