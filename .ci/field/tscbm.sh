# What a controller of NTCIP 1202 broadcasts reaches the air through the adapter in examples/, by a socket and by datagrams.
keys
cp "$EXAMPLES/crossing.toml" .
unit() { # NAME FEED PORT TIMES
    station "$1" unit-1 49.6119 "[roadside]
intersections = [\"crossing.toml\"]
feed = \"$2\"
[link]
kind = \"udp\"
interface = \"lo\"
group = \"239.255.77.81:$((47000 + $3 - 16000))\"
[link.tap]
file = \"$1.pcapng\""
    "$ROADCAST" run --config "$1.toml" >"$1.txt" 2>&1 &
    running+=($!)
    # The adapter may be there before the unit's socket, and stays.
    python3 "$EXAMPLES/tscbm_feed.py" --intersection 18 --listen "127.0.0.1:$3" --feed "$2" --times "$4" \
        --phase 2=1 --phase 4=2 --overlap 1=4 --permissive 4 >"$1.adapter" 2>&1 &
    adapters+=($!)
}
running=()
adapters=()
controllers=()
unit left "unix:$PWD/feed.sock" 16001 left
unit marks "udp:127.0.0.1:15055" 16002 marks
eventually "the unit's socket is there" test -S feed.sock
eventually "the other unit listens" bound 15055
for port in 16001 16002; do
    eventually "the adapter listens" bound $port
done
python3 "$FIELD/tscbm.py" 16001 8 left &
controllers+=($!)
python3 "$FIELD/tscbm.py" 16002 8 marks &
controllers+=($!)
wait "${controllers[@]}"
kill "${adapters[@]}"
kill -TERM "${running[@]}"
wait "${running[@]}"

for name in left marks; do
    "$ROADCAST" dump --json "$name.pcapng" >"$name.dump" 2>"$name.errors"
    python3 - "$name.dump" <<'PY' || fail "$name: not what the controller showed" "$name.txt" "$name.adapter"
import json, sys

states = [json.loads(line)["payload"] for line in open(sys.argv[1]) if '"message":"signal_state"' in line]
assert len(states) >= 50, f"{len(states)} states"
shown = {1: [], 2: [], 4: []}
for state in states:
    assert [one["group"] for one in state["groups"]] == [1, 2, 4], state
    for one in state["groups"]:
        phases = shown[one["group"]]
        if not phases or phases[-1] != one["phase"]:
            phases.append(one["phase"])
        if one["group"] != 4:
            assert one["max_end_ds"] is None, one  # the controller does not know it
        # Three seconds each, and red for ten; a countdown, not a place in the hour.
        most = 101 if one["phase"] in ("stop_and_remain", "protected_go", "permissive_go") and one["min_end_ds"] > 61 else 61
        assert one["min_end_ds"] <= most, one
first = [next(one["min_end_ds"] for one in state["groups"] if one["group"] == 1) for state in states[:20]]
assert first[0] - first[-1] >= 10, f"no countdown: {first}"
assert shown[1] == ["protected_go", "protected_clearance", "stop_and_remain"], shown
assert shown[2] == ["stop_and_remain", "protected_go"], shown
assert shown[4] == ["stop_and_remain", "permissive_go"], shown
PY
    (($(grep -c "no TSCBM" "$name.adapter") == 1)) || fail "$name: told more than once" "$name.adapter"
    has "$name.adapter" 'no TSCBM: 100 bytes: a TSCBM has 245'
    hasnt "$name.adapter" 'Traceback'
    hasnt "$name.txt" 'refused|left out'
done
