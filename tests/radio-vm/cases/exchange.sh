# A bus and a roadside unit exchange messages of every class in OCB. `run` does this twice: what they print, report and
# capture is the same.
radios 2
ocb wlan0 wlan1
cp /examples/crossing.toml /examples/bench.csv .

# link INTERFACE FILE: the part of a configuration with a capture.
link() {
    printf '[link]\nkind = "packet"\ninterface = "%s"\n[link.tap]\nfile = "%s"\n' "$1" "$2"
}
station bus bus wlan0 "" "$(link wlan0 bus.pcapng)
$(driven bench.csv)"
station unit unit wlan1 49.6116 "$(link wlan1 unit.pcapng)
[roadside]
intersections = [\"crossing.toml\"]
$(sed -n '/^\[\[roadside.sign\]\]/,/^# \[control\]/p' /examples/roadside.toml | sed '$d')"
start unit bus
hears bus 1
hears unit 1
sleep 3
roadcast priority request --config bus.toml --duration 8s || fail "no priority is asked for" bus.txt
for round in 1 2 3 4 5 6 7 8 9 10; do
    declare bus --class D0 --cause collision-risk
    declare bus --class D1 --cause dangerous-situation
    declare unit --class D1 --cause traffic-condition
    declare bus --cause accident --radius 500
    sleep 2
done
stop bus unit

# untold CLASS SOURCE CAPTURE: sequence numbers that a station gave out and never transmitted. A gate that lets one frame out each 25 ms
# has some message wait for too long now and then, behind alerts of one moment; its receiver counts the gap.
untold() {
    roadcast dump "$3" | awk -v class="$1" -v source="$2" '
        { split($5, name, "/"); split($9, hops, "/") }
        $2 == source && $3 == class && hops[1] == hops[2] {
            if (!(name[2] in seen)) count++
            seen[name[2]]
            if (!first || name[2] + 0 < first) first = name[2] + 0
            if (name[2] + 0 > last) last = name[2] + 0
        }
        END { print count ? last - first + 1 - count : 0 }'
}

# What each has to tell the other, and all that is transmitted arrives.
for heard in "unit D0" "unit D1" "unit D2" "unit D3" "unit D4" "bus D1" "bus D2" "bus D3" "bus D4" "bus D5"; do
    expect "$heard delivered" "$(reported ${heard% *} ${heard#* } delivered)" -gt 0
    case $heard in
        unit*) untold=$(untold ${heard#* } 02:00:00:00:00:00 bus.pcapng) ;;
        bus*) untold=$(untold ${heard#* } 02:00:00:00:01:00 unit.pcapng) ;;
    esac
    expect "$heard missed" "$(reported ${heard% *} ${heard#* } missed)" -eq "$untold"
    # Beacons and signal states alone: all else leaves.
    case $heard in *D2 | *D4) most=2 ;; *) most=0 ;; esac
    expect "$heard never transmitted" "$untold" -le $most
done
for report in bus.json unit.json; do hasnt $report '"(restarts|out_of_range)"'; done
[ -s bus.pcapng ] && [ -s unit.pcapng ] || fail "no capture"
