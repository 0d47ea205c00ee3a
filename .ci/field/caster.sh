# needs: rtklib
# Casters and their habits: none is asked twice within ten seconds, and each is told in a line. RTKLIB's is one that works.
keys
unit() { # NAME SOURCE [SECONDS]
    station "$1" unit-1 49.6116 "[roadside]
corrections = \"$2\"
[link]
kind = \"udp\"
interface = \"lo\"
group = \"239.255.77.81:47811\"
[link.tap]
file = \"$1.pcapng\"
[report]
json = \"$1.json\"
every_s = 60"
    "$ROADCAST" run --config "$1.toml" --seconds "${3:-14}" >"$1.txt" 2>&1 &
    units+=($!)
}
units=()
python3 "$FIELD/fake_caster.py" 12101 60 >asked.txt 2>&1 &
helpers=($!)
eventually "the caster listens" listens 12101
for habit in well lines joined pieces hangup users later moved none; do
    unit "$habit" "ntrip://me:secret@127.0.0.1:12101/$habit"
done
unit drip "ntrip://127.0.0.1:12101/drip" 18
unit filler "ntrip://127.0.0.1:12101/filler" 18
# A stream of messages in, a caster out. It may need a moment to listen.
python3 - <<'PY' &
import os, sys, time, subprocess
sys.argv = ["fake_caster.py", "0", "0"]
exec(open(os.environ["FIELD"] + "/fake_caster.py").read().split("listener = ")[0])
feed = socket.socket()
feed.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
feed.bind(("127.0.0.1", 12103))
feed.listen(1)
caster = subprocess.Popen(["str2str", "-in", "tcpcli://127.0.0.1:12103", "-out", "ntripc://me:secret@:12102/RTK"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
open("str2str.pid", "w").write(str(caster.pid))
feed.settimeout(30)
try:
    client, _ = feed.accept()
    while True:
        client.sendall(STATION + LONGEST)
        time.sleep(1)
except OSError as error:
    print("str2str did not take the stream:", error)
PY
helpers+=($!)
eventually "str2str listens" listens 12102
unit rtklib "ntrip://me:secret@127.0.0.1:12102/RTK" 8
wait "${units[@]}"
kill "${helpers[@]}" $(<str2str.pid)

come='^corrections from ntrip://127.0.0.1:1210.*/[a-zA-Z]* come$'
for habit in well lines joined pieces hangup rtklib; do
    has "$habit.txt" "$come" "$habit: no corrections"
done
for habit in well pieces rtklib; do
    "$ROADCAST" dump "$habit.pcapng" >"$habit.dump" 2>&1
    has "$habit.dump" '1077' "$habit: the longest message is not on the air"
done
has hangup.txt 'stop: the caster hung up; asked again in 10 s$'
has users.txt 'stop: the caster refuses the user or the password; asked again in 10 s$'
has later.txt 'stop: the caster answers "HTTP/1.1 503 Busy".*; asked again in 60 s$'
has moved.txt 'stop: the caster has moved to "http://other.example/M"'
has none.txt 'stop: the caster has no such mount point'
has drip.txt 'stop: no whole RTCM 3 message for 15 s, only 1[0-9] other bytes; asked again in 10 s$'
has filler.txt 'stop: no RTCM 3 message for 15 s, only 1[0-9] filler frames; asked again in 10 s$'
for habit in hangup users; do
    (($(grep -c "stop: " "$habit.txt") == 1)) || fail "$habit: told more than once" "$habit.txt"
    (($(grep -c " $habit\$" asked.txt) == 2)) || fail "$habit: not asked twice in 14 s" asked.txt
done
(($(grep -c ' later$' asked.txt) == 1)) || fail "a caster that asked for a minute was not given it" asked.txt
has hangup.json '"corrections from ntrip://127.0.0.1:12101/hangup stopped 2 times, the last: the caster hung up'
