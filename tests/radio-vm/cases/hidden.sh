# Three stations in a row, of which the outer two do not hear each other: a hazard comes to both by the one between them.
radios 3
ocb wlan0 wlan1 wlan2
reach wlan0 1
reach wlan1 3
reach wlan2 2
station west car-1 wlan0 49.6100
station middle car-2 wlan1 49.6120
station east car-3 wlan2 49.6140
start west middle east
hears west 1
hears middle 2
hears east 1
watch west
watch east
for round in 1 2 3 4 5; do
    declare west --cause accident --radius 2000
    declare east --cause accident --radius 2000
    sleep 2
done
expect "hazards of the west that the east misses" "$(misses east west.declared)" -eq 0
expect "hazards of the east that the west misses" "$(misses west east.declared)" -eq 0
expect "forwarded in the middle" "$(counted middle forwarded)" -ge 10
# What the kernel itself has heard.
for n in 0 2; do expect "stations that wlan$n hears" "$(iw dev wlan$n station dump | grep -c ^Station)" -eq 1; done
stop west middle east
