#!/bin/sh
# The first process of the virtual machine: radios, stations, and what is to be seen of them.
export PATH=/bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mount -t tmpfs none /run
mkdir -p /run/netns
while read -r module; do
    case $module in
        mac80211_hwsim.ko) insmod "/modules/$module" radios=2 regtest=5 ;;
        *) insmod "/modules/$module" ;;
    esac
done </modules/order
echo "Linux $(uname -r)"

end() {
    [ "$1" = passed ] || tail -n 25 /run/*.txt
    echo "RADIO-VM $1"
    echo o >/proc/sysrq-trigger
    sleep 60
}

# sees WHAT FILE PATTERN: within a minute; an emulated processor is slow.
sees() {
    left=240
    until grep -Eq "$3" "$2"; do
        left=$((left - 1))
        [ $left -gt 0 ] || end "FAILED: $1"
        sleep 0.25
    done
    echo "$1: $(grep -E "$3" "$2" | tail -n 1)"
}

in_n() {
    n=$1
    shift
    ip netns exec "n$n" "$@"
}

for n in 0 1; do
    ip netns add n$n
    iw phy phy$n set netns name /run/netns/n$n
done
cd /stations || end "FAILED: no stations"

in_n 0 iw dev wlan0 set type monitor
in_n 0 ip link set wlan0 up
in_n 0 roadcast run --config car-1.toml --seconds 2 >/run/monitor.txt 2>&1
sees "a monitor interface is refused" /run/monitor.txt 'link: wlan0 is a monitor interface \(ARPHRD 803\)'
in_n 0 ip link set wlan0 down

for n in 0 1; do
    in_n $n iw dev wlan$n set type ocb
    in_n $n ip link set wlan$n up
done
in_n 0 iw dev wlan0 ocb join 5900 10MHZ
# Not by a function: the process number would be a shell's.
ip netns exec n0 roadcast run --config car-1.toml >/run/car-1.txt 2>&1 &
one=$!
ip netns exec n1 roadcast run --config car-2.toml >/run/car-2.txt 2>&1 &
two=$!
sees "not joined at the start is told" /run/car-2.txt '^link down: wlan1 has not joined a cell: iw dev wlan1 ocb join FREQ 10MHZ'
in_n 1 iw dev wlan1 ocb join 5900 10MHZ
sees "joined is told" /run/car-2.txt '^link up after'
sees "the first hears the second" /run/car-1.txt 'neighbours 1 .* received [1-9]'
sees "the second hears the first" /run/car-2.txt 'neighbours 1 .* received [1-9]'

in_n 1 ip link set wlan1 down
sees "down is told" /run/car-2.txt '^link down: wlan1 is down: ip link set wlan1 up .*rfkill'
in_n 1 ip link set wlan1 up
sees "up alone does not join" /run/car-2.txt '^link still down: wlan1 has not joined a cell'
in_n 1 iw dev wlan1 ocb join 5900 10MHZ
sees "joined again is told" /run/car-2.txt '^link up again after'
heard=$(grep -c ' s  neighbours' /run/car-2.txt)
sleep 8

in_n 1 iw dev wlan1 ocb leave
in_n 1 iw dev wlan1 ocb join 5900 10MHZ
sees "leaving for a moment is told" /run/car-2.txt '^link (was down once for a moment|down: wlan1 has not joined)'
sleep 6

kill -TERM $one $two
wait $one $two
last=$(grep ' s  neighbours' /run/car-2.txt | tail -n 1 | sed 's/.*received \([0-9]*\).*/\1/')
then=$(grep ' s  neighbours' /run/car-2.txt | sed -n "${heard}s/.*received \([0-9]*\).*/\1/p")
[ "$last" -gt "$then" ] || end "FAILED: nothing heard after joining again: $then, then $last"
echo "heard after joining again: $then, then $last"
sees "refusals have their cause" /run/car-2.txt 'own messages not transmitted: link_down'
end passed
