# Imminent warnings and alerts are injected with the user priority of their class and at their rate (kind = "auto"), beacons go
# by the kernel's OCB mode. A neighbour in OCB hears all of them. How much later or sooner than from a station that injects nothing
# is printed: there is no air time here, which is what injection wins.
radios 3
ocb wlan1
iw dev wlan2 set type monitor
ip link set wlan2 up
iw dev wlan2 set freq 5900 10MHz
station other car-1 wlan1 49.6112
station plain car-2 wlan0 49.6111
station auto car-3 wlan0 49.6111 '[link]
kind = "auto"
interface = "wlan0"'

# warns NAME: it warns ten times in D0 and in D1, while `other` listens.
warns() {
    start "$1" other
    hears "$1" 1
    hears other 1
    watch other
    for round in 1 2 3 4 5 6 7 8 9 10; do
        declare "$1" --class D0 --cause collision-risk
        declare "$1" --class D1 --cause dangerous-situation
        sleep 1.5
    done
    expect "warnings of $1 missed" "$(misses other "$1.declared")" -eq 0
    stop "$1" other
    mv other.json "by_$1.json"
    mv other.txt "by_$1.txt"
}
air listen wlan2 60 >air.txt 2>&1 &
echo $! >>.processes
ocb wlan0
warns plain
iw dev wlan0 ocb leave
ip link set wlan0 down

warns auto
cut -d ' ' -f 1,4-5,8- air.txt | sort | uniq -c
# Priorities of 802.1D: 6 and 7 are voice, 4 and 5 video. Rates are in units of 0.5 Mb/s and those of 20 MHz, twice as fast.
expect "in the category of voice, 6 Mb/s" "$(grep -Ec 'priority [67] rate 24 ' air.txt)" -gt 90
expect "in the category of video, 6 Mb/s" "$(grep -Ec 'priority [45] rate 24 ' air.txt)" -gt 35
expect "without category, 3 Mb/s" "$(grep -Ec 'type 0x88b5 .* priority none rate 12 ' air.txt)" -gt 10
for class in D0 D1; do
    for how in plain auto; do
        echo "$class, $how: p50 $(reported by_$how $class p50_ns) ns, p99 $(reported by_$how $class p99_ns) ns"
    done
done
