# Two authorities: nothing of what arrives can be believed, so there is nothing to judge, and the report says what to do.
keys
station car-1 car-1
mv keys keys-1
keys
station car-2 car-2 49.6117
sed -i 's|"keys/|"keys-1/|g' car-1.toml
"$ROADCAST" run --config car-1.toml --seconds 4 >car-1.txt 2>&1 &
"$ROADCAST" run --config car-2.toml --seconds 4 --json car-2.json >car-2.txt 2>&1
wait
for car in car-1 car-2; do
    has $car.txt 'verdict: NOTHING TO JUDGE - [0-9]+ frames received, none delivered' "$car judged something"
    has $car.txt 'a station at [0-9a-f:]+ is certified by issuer [0-9a-f]{16}, which is none of identity.issuers: .*copy its root.cred' \
        "$car does not name the other authority at once"
done
python3 - <<'PYTHON' || fail "the report judges" car-2.txt
import json
assert json.load(open("car-2.json"))["verdict"] == "nothing_to_judge"
PYTHON
