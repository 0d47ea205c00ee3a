#!/usr/bin/env bash
# gpsd 3.22 reports mode 3 with a current time while its receiver says in every sentence that it has no fix.
#
# A receiver in a tunnel sends RMC with status V and mode N, GGA with quality 0, and GSA with fix type 1 (NMEA 0183: not
# available), and repeats its last place in them, as MTK and SiRF receivers do. gpsd's TPV then has mode 3 (a 3D fix), the
# current time and the last place; only speed and track are left out. gpsd_json(5): mode "0=unknown, 1=no fix, 2=2D, 3=3D".
#
# Debian 12, amd64. Exits with 0 while gpsd behaves so, and with 1 when it no longer does.
set -euo pipefail
GPSD=3.22-4.1+deb12u1
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
chmod 755 "$WORK"
cd "$WORK"
apt-get download -qq "gpsd=$GPSD" libusb-1.0-0 libbluetooth3 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH=$WORK/root/lib/x86_64-linux-gnu:$WORK/root/usr/lib/x86_64-linux-gnu
"$WORK/root/usr/sbin/gpsd" -V
python3 - "$WORK/root/usr/sbin/gpsd" <<'PYTHON'
import datetime, json, os, socket, subprocess, sys, threading, time

def sentence(body):
    total = 0
    for byte in body.encode():
        total ^= byte
    return b"$%s*%02X\r\n" % (body.encode(), total)

def burst(fix):
    now = datetime.datetime.now(datetime.timezone.utc)
    hms, date = now.strftime("%H%M%S.%f")[:9], now.strftime("%d%m%y")
    place = "4936.69600,N,00608.00000,E"
    bodies = [
        f"GNRMC,{hms},{'A' if fix else 'V'},{place},28.0,090.0,{date},,,{'A' if fix else 'N'}",
        f"GNGGA,{hms},{place},{1 if fix else 0},12,0.8,300.0,M,47.0,M,,",
        f"GNGSA,A,{3 if fix else 1},04,05,09,12,,,,,,,,,1.8,0.8,1.6,1",
    ]
    return b"".join(map(sentence, bodies))

master, slave = os.openpty()
os.chmod(os.ttyname(slave), 0o666)
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
daemon = subprocess.Popen([sys.argv[1], "-N", "-n", "-S", str(port), os.ttyname(slave)], stderr=subprocess.DEVNULL)
begin = time.monotonic()

def feed():
    while time.monotonic() - begin < 9:
        os.write(master, burst(time.monotonic() - begin < 4))
        time.sleep(0.2)

threading.Thread(target=feed).start()
time.sleep(1.5)
client = socket.create_connection(("127.0.0.1", port))
client.sendall(b'?WATCH={"enable":true,"json":true};\n')
reports = []
for line in client.makefile():
    report = json.loads(line)
    if report["class"] == "TPV" and time.monotonic() - begin > 6:
        reports.append(report)
        if len(reports) == 5:
            break
daemon.terminate()
for report in reports:
    print("void sentences -> TPV", {key: report.get(key) for key in ("mode", "status", "time", "lat", "lon", "speed", "track")})
fixes = [report for report in reports if report["mode"] >= 2 and "time" in report and "speed" not in report]
print(f"{len(fixes)} of {len(reports)} reports state a fix with a current time")
sys.exit(0 if len(fixes) == len(reports) else 1)
PYTHON
