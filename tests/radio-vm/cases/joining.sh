# What a station says of an interface that is a monitor, has not joined, joins, goes down, and leaves for a moment.
radios 2
station one car-1 wlan0 49.6111
station two car-2 wlan1 49.6112

iw dev wlan0 set type monitor
ip link set wlan0 up
roadcast run --config one.toml --seconds 2 >monitor.txt 2>&1 && fail "a monitor interface is taken" monitor.txt
has monitor.txt 'link: wlan0 is a monitor interface \(ARPHRD 803\)'
ip link set wlan0 down
ocb wlan0

iw dev wlan1 set type ocb
ip link set wlan1 up
start one two
sees "not joined at the start is told" two.txt '^link down: wlan1 has not joined a cell: roadcast link up wlan1$'
iw dev wlan1 ocb join 5900 10MHZ
sees "joined is told" two.txt '^link up (again )?after'
hears one 1
hears two 1

ip link set wlan1 down
sees "down is told" two.txt '^link down: wlan1 is down: ip link set wlan1 up .*rfkill'
ip link set wlan1 up
sees "up alone does not join" two.txt '^link still down: wlan1 has not joined a cell'
then=$(counted two received)
iw dev wlan1 ocb join 5900 10MHZ
sees "joined again is told" two.txt '^link up (again )?after' 2
sleep 8

iw dev wlan1 ocb leave
iw dev wlan1 ocb join 5900 10MHZ
sees "leaving for a moment is told" two.txt '^link (was down once for a moment|down: wlan1 has not joined)'
sleep 6

stop one two
expect "heard after joining again" "$(counted two received)" -gt $((then + 8))
sees "refusals have their cause" two.txt 'own messages not transmitted: link_down'
