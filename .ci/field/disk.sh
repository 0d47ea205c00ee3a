# Disks that are full from the start, fill up or go away: the station goes on, says so once, and is heard.
keys
station car-2 car-2 49.6117
"$ROADCAST" run --config car-2.toml --seconds 11 >car-2.txt 2>&1 &
HEARER=$!

# ends FILE CODE: the station that wrote FILE.err ran for its six seconds and ended with CODE.
ends() {
    [[ $(cat "$1.code") == "$2" ]] || fail "$1 ended with $(cat "$1.code"), not with $2" "$1.txt" "$1.err"
    (($(cat "$1.took") >= 5)) || fail "$1 ended after $(cat "$1.took") s" "$1.txt" "$1.err"
}

# live NAME OUTPUT ARGUMENT...: runs NAME.toml for six seconds.
live() {
    local name=$1 output=$2 began=$SECONDS code=0
    shift 2
    timeout 20 "$ROADCAST" run --config "$name.toml" --seconds 6 "$@" >"$output" 2>"$name.err" || code=$?
    echo "$code" >"$name.code"
    echo $((SECONDS - began)) >"$name.took"
}

for part in report capture record; do
    mkdir "$part"
    mount -t tmpfs -o size=64k none "$part"
done
mkdir gone
mount -t tmpfs -o size=64k none gone

station output car-1
live output /dev/full &
JOBS=($!)
station report car-1 49.6116 $'[report]\njson = "report/report.json"\nevery_s = 1'
live report report.txt &
JOBS+=($!)
station gone car-1 49.6116 $'[report]\njson = "gone/report.json"\nevery_s = 1'
live gone gone.txt &
JOBS+=($!)
station capture car-1 49.6116 $'[link]\nkind = "udp"\ninterface = "lo"\ngroup = "239.255.77.81:47811"\n[link.tap]\nfile = "capture/t.pcapng"\n[awareness]\ninterval_ms = 100'
live capture capture.txt &
JOBS+=($!)
station record car-1
live record record.txt --record record/night.rec --json record.json &
JOBS+=($!)
# A limit of the process instead of the disk, which would end it with a signal: 8 blocks of 1024 bytes.
station limit car-1 49.6116 $'[awareness]\ninterval_ms = 100'
(ulimit -f 8; live limit /dev/null --record limit.rec) &
JOBS+=($!)

eventually "reports" test -s report/report.json
eventually "reports" test -s gone/report.json
for part in report capture record; do
    dd if=/dev/zero of="$part/other" bs=1k >dd.log 2>&1 || true
done
umount -l gone
rmdir gone
sleep 2.5
# There is room for the recording again.
rm record/other
wait "${JOBS[@]}"

ends output 2
has output.err "standard output: No space left on device; going on without it"
(($(grep -c "going on without it" output.err) == 1)) || fail "said more than once" output.err
ends report 2
has report.err "report/report.json: report not written, trying again with the next: No space left on device"
(($(grep -c "not written" report.err) == 1)) || fail "said more than once" report.err
has report.txt "reports not written: their file refused them"
[[ $(stat -c %a report/report.json) == 600 ]] || fail "the report's mode is $(stat -c %a report/report.json)"
python3 -c 'import json; json.load(open("report/report.json"))' || fail "the report before is no longer whole"
ends gone 2
has gone.err "gone/report.json: report not written"
ends capture 2
(($(grep -c "capture stopped" capture.err) == 1)) || fail "said more than once" capture.err
has capture.err "capture/t.pcapng: capture stopped, trying again: No space left on device"
has capture.txt "frames not captured: the capture could not be written"
"$ROADCAST" dump capture/t.pcapng >dump.txt 2>dump.err || fail "the capture does not read" dump.err
[[ ! -s dump.err ]] || fail "the capture is not whole" dump.err
(($(wc -l <dump.txt) > 10)) || fail "hardly anything is in the capture" dump.txt
ends record 2
has record.err "record/night.rec: recording stopped: No space left on device"
has record.err "record/night.1.rec: recording begun anew; [0-9]+ inputs were lost"
has record.err "roadcast: recording: [0-9]+ inputs not recorded; the recording was begun anew once"
has record.json "inputs not recorded"
for file in record/night.rec record/night.1.rec limit.rec; do
    "$ROADCAST" replay check "$file" >check.txt 2>&1 || fail "$file does not check" check.txt
    [[ $(stat -c %a "$file") == 600 ]] || fail "$file has mode $(stat -c %a "$file")"
done
ends limit 2
has limit.err "limit.rec: recording stopped: File too large"

# What can never be right is refused at once.
for place in none/report.json report; do
    if "$ROADCAST" run --config output.toml --seconds 5 --json "$place" >place.txt 2>&1; then fail "$place was accepted"; fi
    has place.txt "$place: cannot be written: it"
done
wait "$HEARER"
has car-2.txt "neighbours [1-6] "
