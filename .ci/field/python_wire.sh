# needs: python3-cryptography
# A second implementation, examples/python/wire.py, speaks with a station: each takes what the other says.
keys
station car-1 car-1
"$ROADCAST" run --config car-1.toml --seconds 5 --json car-1.json >car-1.txt 2>&1 &
STATION=$!
timeout 20 env ROADCAST_GROUP=239.255.77.81:47811 /usr/bin/python3 "$EXAMPLES/python/wire.py" keys car-2 4 >wire.txt 2>&1 \
    || fail "wire.py did not run" wire.txt
wait "$STATION" || true
has wire.txt ' type 1 at 49\.6116000,6\.1319000 verified$' "wire.py took nothing of the station"
hasnt wire.txt 'not taken|Traceback' "wire.py refused the station"
has car-1.txt 'neighbours 1 ' "the station does not know wire.py"
python3 - car-1.json <<'PY' || fail "the station dropped frames of wire.py" car-1.json
import json, sys
report = json.load(open(sys.argv[1]))
drops = report["drops"]
assert report["frames"]["delivered"] >= 3, report["frames"]
assert not [drop for drop in drops if drop not in ("own", "exact_copy")], drops
PY
