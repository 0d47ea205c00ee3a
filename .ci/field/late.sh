# Who comes late to a hazard has missed nothing: it hears it from before its time, in a row of its own.
keys
station car-1 car-1
station car-2 car-2 49.6117
"$ROADCAST" run --config car-1.toml --seconds 12 >car-1.txt 2>&1 &
eventually "car-1 sends" grep -q '^sending' car-1.txt
"$ROADCAST" hazard new --config car-1.toml --cause accident --radius 500 >hazard.txt
sleep 3
"$ROADCAST" run --config car-2.toml --seconds 7 --json car-2.json >car-2.txt 2>&1
wait
python3 - <<'PYTHON' || fail "the hazard counts as missed" car-2.txt
import json
report = json.load(open("car-2.json"))
d3 = next(entry for entry in report["classes"] if entry["class"] == "D3")
print({name: d3.get(name) for name in ("expected", "delivered", "missed", "undelivered", "apart")})
assert d3["missed"] == 0 and d3["apart"].get("caught_up"), "nothing was caught up, or it was missed"
PYTHON
