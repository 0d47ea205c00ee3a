# A car changes its pseudonym, and with it the address of its frames, about each ten seconds, but not while an alert of its own
# is live. So it changes between two alerts, and the next one, some tenths of a second later, may be the first frame of an address
# that the kernel of others does not know: it drops that frame, and yet no alert is missed.
radios 2
ocb wlan0 wlan1
station car many-1 wlan0 "" "[identity]
pool = \"/keys/many\"
$AUTHORITY
[pseudonym]
every_s = 10
$(driven /ring.csv)"
station other car-1 wlan1
start car other
hears car 1
hears other 1
watch other
round=0
while [ $round -lt 40 ]; do
    declare car --class D1 --cause dangerous-situation
    round=$((round + 1))
    sleep 1.$((round % 10))
done
sleep 2
expect "addresses in turn" "$(iw dev wlan1 station dump | grep -c ^Station)" -ge 5
expect "alerts declared" "$(sort -u car.declared | wc -l)" -eq 40
expect "alerts missed" "$(misses other car.declared)" -eq 0
stop car other
