# examples/python/can.py on a CAN bus (vcan): a car brakes hard, and another station hears its warning in D0 and its pedal in beacons.
# Needs python
for module in $(grep can /modules/order); do insmod "/modules/$module" || fail "no $module"; done
ip link set lo up
ip link add vcan0 type vcan && ip link set vcan0 up || fail "no vcan0"
LINK='[link]
kind = "udp"
interface = "lo"'
station car braking lo 49.6116 "$LINK" 'alerts = true'
station other car-1 lo 49.6143 "$LINK"
start car other
hears car 1
hears other 1
watch other

# Both orders of bytes, a sign, a number of 29 bits as trucks have it (J1939's CCVS1), and a signal that the map leaves out.
cat >car.dbc <<'END'
VERSION ""

BO_ 291 Wheels: 4 ECU
 SG_ WheelSpeed : 0|16@1+ (0.01,0) [0|163.82] "m/s" X
 SG_ Odometer : 16|16@1+ (1,0) [0|65535] "km" X

BO_ 512 Dynamics: 8 ECU
 SG_ AccelX : 23|16@0- (0.01,0) [-20|20] "m/s2" X

BO_ 2566844926 CCVS1: 8 ECU
 SG_ BrakeSwitch : 28|1@1+ (1,0) [0|1] "" X
END
echo '{"speed_m_s": "WheelSpeed", "acceleration_m_s2": "AccelX", "brake_pedal": "BrakeSwitch"}' >map.json

# drive SECONDS DECELERATION PEDAL: what the bus says each 50 ms of a car that drives at 22 m/s, or brakes from there.
drive() {
    python3 -S - "$@" <<'END' || fail "no frame on vcan0"
import socket, struct, sys, time
seconds, braking, pedal = float(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
bus = socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW)
bus.bind(("vcan0",))
for step in range(int(seconds * 20)):
    speed = max(0, 22 - braking * step / 20)
    frames = [
        (291, struct.pack("<HH", round(speed * 100), 4711)),
        (512, struct.pack(">2xh4x", round(-braking * 100))),
        (0x18FEF1FE | socket.CAN_EFF_FLAG, bytes([255, 255, 255, 0xCF | pedal << 4, 255, 255, 255, 255])),
        (1000, b"another's"[:8]),
    ]
    for number, data in frames:
        bus.send(struct.pack("=IB3x8s", number, len(data), data))
    time.sleep(0.05)
END
}
# said PEDAL: the first of the car's beacons that the other hears with these controls: its speed and acceleration, in the schema's units.
said() {
    python3 -S - other.sock "$1" <<'END'
import json, socket, sys
station = socket.socket(socket.AF_UNIX)
station.connect(sys.argv[1])
station.settimeout(20)
station.sendall(b'{"messages":"watch","types":["awareness"]}\n')
for line in station.makefile():
    message = json.loads(line).get("message", {})
    payload = message.get("payload", {})
    if not message.get("own") and payload.get("control_flags") == int(sys.argv[2]):
        print("beacon", "verified" if message["verified"] else "not verified", payload["speed"], payload["acceleration"])
        break
else:
    sys.exit(1)
END
}

python3 -S /examples/python/can.py car.sock vcan0 car.dbc map.json >can.log 2>&1 &
echo $! >>.processes
sleep 1
said 0 >cruising &
asked=$!
drive 3 0 0
wait $asked || fail "the other hears no such beacon" cruising can.log
has cruising '^beacon verified 2200 0$'
hasnt other.heard '^imminent '
said 1 >braking &
asked=$!
drive 2 6.5 1
wait $asked || fail "the other hears no such beacon" braking can.log
has braking '^beacon verified [0-9]+ -65$'
sees "the warning is heard" other.heard '^imminent .* dangerous situation 300 m south$'
expect "what can.py complains of" "$(wc -c <can.log)" -eq 0
rm cruising braking can.log car.dbc map.json
stop car other
ip link del vcan0
