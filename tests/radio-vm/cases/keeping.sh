# `kind = "ocb"` and `"ibss"`: stations join by themselves, join again after whatever happens to the interface, and leave it as it
# was, also when they are killed. The station itself cannot change interfaces.
radios 2
kind=$(printf '[link]\nkind = "ocb"\ninterface = "wlanN"\nrate_mbps = 6\npower_dbm = 20\nmtu = 2000')
station one car-1 wlan0 49.6111 "$(echo "$kind" | sed s/wlanN/wlan0/)"
station two car-2 wlan1 49.6112 "$(echo "$kind" | sed s/wlanN/wlan1/)"

# idle INTERFACE: it is as it was in the beginning.
idle() {
    iw dev "$1" info >info.txt
    has info.txt 'type managed'
    hasnt info.txt 'channel'
    ip -o link show "$1" >info.txt
    has info.txt 'mtu 1500 '
    hasnt info.txt '[<,]UP[,>]'
    rm info.txt
}
# may_not STATION MASK: it has none of these capabilities.
may_not() {
    held=$(sed -n 's/^CapPrm:[^0-9a-f]*//p' "/proc/$(cat "$1.pid")/status")
    [ $((0x$held & $2)) -eq 0 ] || fail "$1 may change interfaces: $held" "$1.txt"
}

start one two
sees "it joins" two.txt '^wlan1: type managed -> ocb, MTU 1500 -> 2000, up, joined 5900 MHz \(10 MHz wide\), rate 6 Mb/s, power 20 dBm'
hears one 1
hears two 1
may_not one 0x1000

ip link set wlan1 down
sees "down is told" two.txt '^link down: wlan1 is down'
ip link set wlan1 up
sees "it joins again after it was down" two.txt '^wlan1: joined 5900'
sees "and the link is up" two.txt '^link up again'
iw dev wlan1 ocb leave
sees "it joins again after it left" two.txt '^wlan1: joined 5900' 2
ip link set wlan1 down
ip link set wlan1 name elsewhere
sees "a name that is gone is told" two.txt '^link (still )?down: wlan1 is gone'
ip link set elsewhere name wlan1
ip link set wlan1 up
sees "it joins again under its name" two.txt '^wlan1: joined 5900' 3
phy=$(cat /sys/class/net/wlan1/phy80211/name)
iw dev wlan1 del
sees "removal is told" two.txt '^link (still )?down: wlan1 is gone' 2
iw phy "$phy" interface add wlan1 type managed
sees "it joins again when it was made anew" two.txt '^wlan1: type managed -> ocb, MTU 1500 -> 2000, up, joined' 2
radios 2
sees "it joins again when the module was loaded anew" two.txt '^wlan1: type managed -> ocb, MTU 1500 -> 2000, up, joined' 3
sees "the other does too" one.txt '^wlan0: type managed -> ocb, MTU 1500 -> 2000, up, joined' 2
then=$(counted two received)
sleep 5
expect "heard after all that" "$(counted two received)" -gt "$then"
stop two
sees "it leaves" two.txt '^wlan1: .*left 5900 MHz .*type ocb -> managed, MTU 2000 -> 1500, down'
idle wlan1
kill -KILL "$(cat one.pid)"
wait "$(cat one.pid)"
rm one.pid
sleep 1
idle wlan0

cell=$(printf '[link]\nkind = "ibss"\ninterface = "wlanN"\nssid = "v2x"\nbssid = "02:ca:fe:ca:fe:00"')
station three car-1 wlan0 49.6111 "$(echo "$cell" | sed s/wlanN/wlan0/)"
station four car-2 wlan1 49.6112 "$(echo "$cell" | sed s/wlanN/wlan1/)"
start three four
hears three 1
ip link set wlan0 down
sleep 1
ip link set wlan0 up
sees "the cell is joined again" three.txt '^wlan0: joined the cell "v2x" \(02:ca:fe:ca:fe:00\)'
sees "and the link is up" three.txt '^link up again'
hears three 1
stop three four
idle wlan0

# What cannot be joined ends the start, and an interface that is not there does not where it is waited for.
sed 's/interface = "wlan0"/interface = "wlan7"/' one.toml >none.toml
roadcast run --config none.toml >none.txt 2>&1 && fail "an interface that is not there is taken" none.txt
has none.txt 'link: no network interface "wlan7"; wireless ones: wlan0, wlan1'
phy=$(cat /sys/class/net/wlan1/phy80211/name)
iw dev wlan1 del
sed 's/^kind = "ocb"/&\nwait = true/' two.toml >late.toml
start late
sees "it waits" late.txt '^wlan1 is not there; waiting for it'
iw phy "$phy" interface add wlan1 type managed
sees "and joins" late.txt '^link up after'
stop late
sed 's/^kind = "ocb"/&\nfrequency_mhz = 5902/' one.toml >nowhere.toml
roadcast run --config nowhere.toml >nowhere.txt 2>&1 && fail "a channel that is not there is taken" nowhere.txt
has nowhere.txt 'link: the radio of wlan0 has no channel at 5902 MHz; near it: 5895'
idle wlan0
