# Somebody makes up 200 senders, more than the kernel's table of OCB neighbours has room for. A station that has joined by itself
# empties it in time, so that a newcomer is heard within two seconds, and tells how full it is.
radios 3
ocb wlan1 wlan2
station car car-1 wlan0 49.6111 '[link]
kind = "ocb"
interface = "wlan0"'
station newcomer car-2 wlan1 49.6112 '[awareness]
interval_ms = 100'
start car
sees "it sends" car.txt '^sending'
air flood wlan2 200 3 5 || fail "no flood"
start newcomer
# It takes some tenths of a second until it sends.
sleep 2.3
roadcast status --config car.toml >status.txt
has status.txt '^neighbours +1' "a newcomer is not heard within two seconds"
grep -v ' s  neighbours' car.txt
sleep 3
stop car newcomer
hasnt car.json '"rejoined": 0[^0-9]' "it has not emptied the table"
