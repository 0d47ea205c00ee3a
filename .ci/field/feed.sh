# A wrong value of a controller's line costs that value, and the intersection goes on.
keys
cp "$EXAMPLES/crossing.toml" .
unit() { # NAME PORT
    station "$1" unit-1 49.6119 "[roadside]
intersections = [\"crossing.toml\"]
feed = \"udp:127.0.0.1:$2\"
[link]
kind = \"udp\"
interface = \"lo\"
group = \"239.255.77.81:$((47000 + $2 - 15000))\"
[link.tap]
file = \"$1.pcapng\"
[report]
json = \"$1.json\"
every_s = 60"
    "$ROADCAST" run --config "$1.toml" >"$1.txt" 2>&1 &
    units+=($!)
}
units=()
feeds=()
unit mixed 15001
port=15002
for habit in rest ms local late; do
    unit "$habit" $port
    port=$((port + 1))
done
port=15002
for habit in rest ms local late; do
    eventually "the unit of $habit listens" bound $port
    python3 "$FIELD/feed.py" $port 5 "$habit" &
    feeds+=($!)
    port=$((port + 1))
done
eventually "the mixed unit listens" bound 15001
python3 "$FIELD/feed.py" 15001 5 &
feeds+=($!)
wait "${feeds[@]}"
# Long enough to notice that its controller is gone.
sleep 1.5
kill -TERM "${units[@]}"
wait "${units[@]}"

for name in mixed rest; do
    "$ROADCAST" dump "$name.pcapng" >"$name.dump" 2>&1
    states=$(grep -c 'intersection 18' "$name.dump" || true)
    ((states >= 35)) || fail "$name: $states signal states in 5 s" "$name.txt" "$name.dump"
done
hasnt rest.txt 'refused|left out'
for told in 'name left out.*by client 1: name is unknown here' \
    'lamp left out.*lamp of group 2 is unknown here' \
    'unmapped group left out.*unmapped group of intersection 18 is 9' \
    'a number left out.*NaN or infinite' \
    'min_end_s left out.*min_end_s of group 1 is 20: it has to be at most max_end_s' \
    'max_end_s left out.*max_end_s of group 1 is "12"' \
    'phase left out.*phase of group 4 is there twice, and not the same' \
    'status left out.*status is "busy"'; do
    has mixed.txt "^feed: $told"
    (($(grep -Ec "^feed: $told" mixed.txt) == 1)) || fail "told more than once: $told" mixed.txt
done
hasnt mixed.txt 'refused'
has mixed.json '"feed: unmapped group left out [0-9]{2,} times, the last by client 1'
has ms.txt 'time is 1[0-9]{12}, which looks like milliseconds'
has local.txt 'intersection 18: the lines of its controller are refused \(time is 3600.0 s in the future .*local time'
has late.txt 'time is 1.2 s in the past'
