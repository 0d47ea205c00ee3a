# A neighbour that is switched off and on again is no loss, and is counted as what it is.
keys
station car-1 car-1
station car-2 car-2 49.6117
"$ROADCAST" run --config car-2.toml --seconds 14 --json car-2.json >car-2.txt 2>&1 &
"$ROADCAST" run --config car-1.toml --seconds 4 >car-1.txt 2>&1
sleep 2
"$ROADCAST" run --config car-1.toml --seconds 5 >car-1-again.txt 2>&1
wait
python3 - <<'PYTHON' || fail "the restart was counted as loss" car-2.txt
import json
report = json.load(open("car-2.json"))
d2 = next(entry for entry in report["classes"] if entry["class"] == "D2")
print({name: d2.get(name) for name in ("expected", "delivered", "missed", "undelivered", "apart")})
assert d2["apart"] == {"restarts": 1}, "no restart"
# Two cars that stand send a beacon a second.
assert 6 <= d2["expected"] <= 12, "expected more than was sent"
assert "sequence_gap" not in d2["undelivered"], "a gap"
PYTHON
