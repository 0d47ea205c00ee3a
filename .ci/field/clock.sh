# Clocks as time daemons leave them: what is kept well enough is signed by, whatever its flag and however long ago the last
# poll was; what nothing keeps is not; and what is wrong is named with its setting.
keys
cc -O1 -shared -fPIC -o kclock.so "$FIELD/kclock.c"
kernel=$'[clock]\ntrust = "kernel"\nchrony = "off"\n'
python3 "$FIELD/late_nmea.py" receiver 1.15 9 &
eventually "a receiver" test -e receiver

# with NAME CLOCK [EXTRA]: a station with this clock, in the background.
with() {
    station "$1" car-1 "" "$kernel${3-}"
    FIELD_CLOCK=$2 LD_PRELOAD=$PWD/kclock.so "$ROADCAST" run --config "$1.toml" --seconds 7 >"$1.txt" 2>&1 &
}
with bare bare
with unflagged unflagged:5000
with chrony saw:160:512:15123
with timesyncd saw:2000:2048:0
with vague saw:240:512:15123
with stale-tai tai:36
with late tai:37 $'[position]\nsource = "nmea"\npath = "receiver"\n'
wait

for good in unflagged chrony timesyncd stale-tai; do
    has $good.txt '^sending$' "$good is not signed by"
    hasnt $good.txt 'listening only: .*clock' "$good is not signed by all the time"
done
has unflagged.txt 'disciplined but not flagged .*5\.0 ms.*rtcsync'
has stale-tai.txt 'offset from UTC to TAI is 36 s and cannot be right: 37 s are used'
hasnt bare.txt '^sending$' 'a clock that nothing disciplines is trusted'
has bare.txt 'listening only: the clock is not synchronised: nothing disciplines it .run chrony with rtcsync'
# The station came 240 s after the last poll: 135 ms by the kernel, and chrony's own figure is not asked for.
has vague.txt "listening only: the clock's error bound is 135 ms, 100 ms at most is allowed; it has grown since the last poll.*maxpoll 6"
# A full sky over 9,600 baud is late, and the clock is right all the same.
has late.txt '^sending$' 'fixes that come late end the trust in the clock'
has late.txt 'positions come 1\.[12][0-9] s late each time .*position.baud to 38400.*GSV'
hasnt late.txt 'listening only: .*clock'
