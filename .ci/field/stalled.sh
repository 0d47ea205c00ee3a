# Readers that stand still: of standard output, of standard error, of a recording, a capture and a report. The station goes on,
# is heard, and ends when it is asked to. What it recorded is in its file even when it is killed.
keys
station car-2 car-2 49.6117
"$ROADCAST" run --config car-2.toml --seconds 12 >car-2.txt 2>&1 &
HEARER=$!
mkfifo out err rec tap report unread
# Open, and never read.
exec 11<>out 12<>err 13<>rec 14<>tap 15<>report

# One station: what does not fit into a pipe of 64 KiB comes from a short interval and a verbose log.
station car-1 car-1 49.6116 $'[link]\nkind = "udp"\ninterface = "lo"\ngroup = "239.255.77.81:47811"\n[link.tap]\nfile = "tap"\n[awareness]\ninterval_ms = 100\n[report]\njson = "report"\nevery_s = 1'
# The pipes are full before it starts.
for pipe in 11 12 13 14 15; do
    python3 - "$pipe" <<'PYTHON'
import os, sys
pipe = int(sys.argv[1])
os.set_blocking(pipe, False)
try:
    while True:
        os.write(pipe, b"full\n" * 100)
except BlockingIOError:
    pass
os.set_blocking(pipe, True)
PYTHON
done
"$ROADCAST" -vv run --config car-1.toml --record rec >out 2>err &
STATION=$!
# And one that is killed, and one without a reader at its report.
station killed car-1
"$ROADCAST" run --config killed.toml --record killed.rec >killed.txt 2>&1 &
KILLED=$!
station unread car-1 49.6116 $'[report]\njson = "unread"\nevery_s = 1'
timeout 20 "$ROADCAST" run --config unread.toml --seconds 3 >unread.txt 2>unread.err && code=0 || code=$?
[[ $code == 2 ]] || fail "a report that nobody read was asked for, and the code is $code" unread.err
has unread.err "unread: report not written, trying again with the next: it is a FIFO or a socket that nobody reads"
sleep 1
kill -9 "$KILLED"
wait "$KILLED" 2>/dev/null || true
"$ROADCAST" replay check killed.rec >check.txt 2>&1 || fail "what was recorded before kill -9 does not check" check.txt
# Four seconds were recorded; what is younger than a second may be missing.
python3 - <<'PYTHON' || fail "hardly anything is in the recording" check.txt
import re
text = open("check.txt").read()
assert float(re.search(r"([0-9.]+) s recorded", text).group(1)) > 2, text
PYTHON

kill -0 "$STATION" || fail "the station ended by itself"
began=$SECONDS
kill -TERM "$STATION"
code=0
wait "$STATION" || code=$?
((SECONDS - began <= 8)) || fail "it took $((SECONDS - began)) s to end"
[[ $code == 2 ]] || fail "nothing that was asked for was written, and the code is $code"
wait "$HEARER"
has car-2.txt "neighbours [1-3] "
# Ten messages a second, heard to the end: more than half of them in spite of a busy machine.
python3 - <<'PYTHON' || fail "the station was hardly heard" car-2.txt
import re
text = open("car-2.txt").read()
assert int(re.findall(r"received (\d+)", text)[-1]) > 20, text
PYTHON
