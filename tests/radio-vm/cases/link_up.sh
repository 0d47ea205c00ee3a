# The whole way of `roadcast link` on a radio as Linux brings it up: what is wrong with it, joining, joining again, leaving.
radios 2
roadcast link probe wlan0 >fresh.txt 2>&1 && fail "nothing is found wrong with a fresh radio" fresh.txt
cat fresh.txt
for n in 0 1; do
    roadcast link up wlan$n --rate 6 --power 20 >up$n.txt 2>&1 || fail "no joining" up$n.txt
    cat up$n.txt
done
iw dev wlan0 info >info.txt
has info.txt 'type outside context of a BSS'
has info.txt 'channel [0-9]+ \(5900 MHz\), width: 10 MHz'
roadcast link up wlan0 --rate 6 --power 20 >again.txt 2>&1 || fail "no joining of what is joined" again.txt
has again.txt 'nothing to change'
roadcast link probe wlan0 >probe.txt 2>&1 || fail "a fault is found" probe.txt
cat probe.txt

station one car-1 wlan0 49.6111
station two car-2 wlan1 49.6112
start one two
hears one 1
hears two 1
roadcast link down wlan1
sees "left is told" two.txt '^link down: wlan1 '
# From one cell into another, and back.
roadcast link up wlan1 --frequency 5890 || fail "no joining on another channel"
sees "another channel" two.txt '^link up again after'
sleep 3
alone=$(counted two received)
sleep 8
expect "nothing is heard on another channel" "$(counted two received)" -eq "$alone"
roadcast link up wlan1 || fail "no joining again"
sleep 8
expect "heard again" "$(counted two received)" -gt "$alone"
stop one two

# refused PATTERN ARGUMENT...: code 2 and one line.
refused() {
    pattern=$1
    shift
    code=0
    roadcast link "$@" >refused.txt 2>&1 || code=$?
    [ $code -eq 2 ] || fail "link $*: code $code" refused.txt
    has refused.txt "$pattern"
    head -n 1 refused.txt
}
refused 'wlan7' up wlan7
refused 'lo' up lo
refused '2500|channel|MHz' up wlan0 --frequency 2500
iw reg set DE
sleep 1
refused '5900 MHz' up wlan0
