# A car that will not stop at a red light is warned: in a line, in its report, and at its control socket.
keys
cp "$EXAMPLES/crossing.toml" .
station unit unit-1 49.6119 '[roadside]
intersections = ["crossing.toml"]
feed = "udp:127.0.0.1:15055"'
# North on lane 1 at 10 m/s, from 85 m before its stop line, and over it.
python3 - <<'PY'
with open("drive.csv", "w") as trace:
    print("timestep_time;vehicle_id;vehicle_lon;vehicle_lat;vehicle_speed;vehicle_angle", file=trace)
    for step in range(121):
        north = -94 + step
        print(f"{step / 10};me;6.1330242;{49.6120 + north / 111_200:.7f};10.0;0.0", file=trace)
PY
station car car-1 49.6116 '[position]
source = "trace"
file = "drive.csv"
station = "me"
[report]
json = "car.json"
every_s = 1'
"$ROADCAST" run --config unit.toml >unit.txt 2>&1 &
unit=$!
eventually "the unit listens" bound 15055
# Red, at first with a green to come in time for a slow car, and for a minute once the car has told that.
python3 - <<'PY' &
import json, os, socket, time
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
end = time.monotonic() + 13
left = 5
while time.monotonic() < end:
    if os.path.exists("car.txt") and "green window" in open("car.txt").read():
        left = 60
    groups = [{"group": group, "phase": "stop_and_remain", "min_end_s": left, "max_end_s": left} for group in range(1, 5)]
    out.sendto(json.dumps({"intersection": 18, "groups": groups}).encode() + b"\n", ("127.0.0.1", 15055))
    time.sleep(0.1)
PY
# What a program at the control socket sees.
python3 - >watch.txt 2>&1 <<'PY' &
import json, socket, time
for _ in range(100):
    try:
        client = socket.socket(socket.AF_UNIX)
        client.connect("car.sock")
        break
    except OSError:
        time.sleep(0.1)
client.settimeout(15)
client.sendall(b'{"station":"status"}\n{"signal":"watch"}\n')
for line in client.makefile():
    print(line.strip(), flush=True)
PY
"$ROADCAST" run --config car.toml --seconds 10 >car.txt 2>&1
kill -TERM "$unit"
wait

has car.txt '^intersection 18 lane 1: red, green in .*, [0-9]+ m to the stop line;$'
has car.txt '^    green window: 18 to [0-9]+ km/h$'
(($(grep -c '^intersection 18: red light ahead: braking needs 4\.[0-9] m/s^2, 1[0-9] m to the stop line$' car.txt) == 1)) \
    || fail "not warned once" car.txt
has car.json '"red_light_warnings": 1'
has watch.txt '"watch":"signal".*"green_window_m_s":\[5\.0,'
has watch.txt '"watch":"red_light".*"warned":true'
