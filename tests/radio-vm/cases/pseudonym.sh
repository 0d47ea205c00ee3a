# A car warns of something four times a second and changes its pseudonym, and with it the address of its frames, each ten
# seconds: the kernel drops the first frame of an address that it does not know, and yet no alert is missed.
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
while [ $round -lt 160 ]; do
    declare car --class D1 --cause dangerous-situation
    round=$((round + 1))
    sleep 0.25
done
sleep 2
expect "changes of address" "$(iw dev wlan1 station dump | grep -c ^Station)" -ge 4
expect "alerts declared" "$(sort -u car.declared | wc -l)" -eq 160
expect "alerts missed" "$(misses other car.declared)" -eq 0
stop car other
