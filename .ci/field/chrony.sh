# needs: chrony
# Real chronyd: asked by its command port while it keeps no kernel's clock (-x), and known by what it writes where the port is
# closed. What it writes goes to kclock.c, and it runs without the right to set a clock.
keys
cc -O1 -shared -fPIC -o kclock.so "$FIELD/kclock.c"
chmod 755 .
# chronyd_with NAME CONFIGURATION [OPTION...]: in the background, with files of its own.
chronyd_with() {
    local name=$1
    printf 'pidfile %s\ndriftfile %s\nbindcmdaddress %s\n%s\n' \
        "$PWD/$name.pid" "$PWD/$name.drift" "$PWD/$name.sock" "$2" >"$name.conf"
    shift 2
    setpriv --bounding-set=-sys_time chronyd -d -u root -f "$PWD/$name.conf" "$@" >"$name.log" 2>&1 &
}
# run_with NAME CLOCK SECONDS [EXTRA]: a station with this kernel's clock, in the background.
run_with() {
    station "$1" car-1 "" $'[report]\nevery_s = 1\n[clock]\ntrust = "kernel"\n'"${4-}"
    FIELD_CLOCK=$2 LD_PRELOAD=$PWD/kclock.so "$ROADCAST" run --config "$1.toml" --seconds "$3" >"$1.txt" 2>&1 &
}
follow='server 127.0.0.1 port 11123 iburst minpoll -2 maxpoll 0'

# Another machine's, by its port; it serves its own time.
chronyd_with server $'local stratum 1\nallow 127.0.0.0/8\nport 11123\ncmdport 0' -x
server=$!

# The command port closed, with and without rtcsync: known by what they write.
FIELD_CLOCK=shared:$PWD/plain LD_PRELOAD=$PWD/kclock.so chronyd_with plain "$follow"$'\nport 0\ncmdport 0'
plain=$!
FIELD_CLOCK=shared:$PWD/rtcsync LD_PRELOAD=$PWD/kclock.so \
    chronyd_with rtcsync "$follow"$'\nrtcsync\nport 0\ncmdport 0'
rtcsync=$!
run_with plain-car "shared:$PWD/plain" 12 'chrony = "off"'
run_with rtcsync-car "shared:$PWD/rtcsync" 12 'chrony = "off"'

run_with asking-car bare 14
asking=$!
eventually "without chronyd" grep -q 'nothing disciplines it' asking-car.txt
chronyd_with alone $'local stratum 8\nport 0' -x
alone=$!
eventually "a chronyd that follows nothing" grep -q 'chrony serves its own time and follows nothing' asking-car.txt
kill $alone
wait $alone || true
chronyd_with asked "$follow"$'\nport 0' -x
asked=$!
eventually "a chronyd that follows a server" grep -q '^sending$' asking-car.txt
# Its last words are good for a while.
kill $asked
wait $asked $asking || true
kill $plain $rtcsync $server
wait || true
tail -n +2 asking-car.txt | grep -E '^ +[0-9]+ s ' | tail -n 1 >last.txt
hasnt last.txt 'listening only' 'not signed by a clock that was kept a second ago'
for car in plain-car rtcsync-car; do
    has $car.txt '^sending$' "$car does not sign"
done
has plain-car.txt 'disciplined but not flagged'
hasnt rtcsync-car.txt 'disciplined but not flagged'
