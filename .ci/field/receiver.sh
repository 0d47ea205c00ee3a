# Positions as gpsd and receivers give them: each station has a story of its own, all at once, and each says once why it has
# no position.
keys

# told NAME STORY SECONDS [POSITION-KEYS]: a station NAME that will listen to a gpsd with this story.
port=12900 stories=() names=() lengths=()
told() {
    port=$((port + 1))
    stories+=("$port=$2") names+=("$1") lengths+=("$3")
    station "$1" car-1 "" "$(link_on $((port + 30000)) "$1.pcapng")
[position]
source = \"gpsd\"
address = \"127.0.0.1:$port\"
${4-}"
}

told two-receivers two-receivers 5
told takes-over takes-over 8
told configured two-receivers 5 'device = "/dev/ttyUSB0"'
told tunnel tunnel 7
told rolled-over rolled-over 5
told late late 5
told zero zero 5
told simulated simulated 5
told bench simulated 5 'simulated = true'
told no-receiver no-receiver 3
told refused refused 3
told nan nan 5
told no-latitude no-latitude 5
told megabyte megabyte 5
told standing standing 12
station absent car-1 "" '[position]
source = "gpsd"
address = "127.0.0.1:12899"'
python3 "$FIELD/fake_gpsd.py" 14 "${stories[@]}" >stories.txt &
eventually "the stories begin" grep -q ready stories.txt
for at in "${!names[@]}"; do
    "$ROADCAST" run --config "${names[at]}.toml" --seconds "${lengths[at]}" >"${names[at]}.txt" 2>&1 &
done
"$ROADCAST" run --config absent.toml --seconds 5 >absent.txt 2>&1 &
station fixed car-1
"$ROADCAST" run --config fixed.toml --seconds 3 >fixed.txt 2>&1 &
wait

for name in two-receivers bench nan no-latitude megabyte standing; do
    has $name.txt '^sending$'
    hasnt $name.txt 'no position'
done
has two-receivers.txt 'receiver /dev/ttyUSB0 of gpsd is ignored, /dev/ttyACM0 is used'
[[ $(grep -c 'sending\|no position' takes-over.txt) -ge 1 ]]
beacons takes-over | tail -n 1 | grep -q 'at 49.6117' || fail "the second receiver did not take over" takes-over.txt
has configured.txt 'no position: the receiver /dev/ttyUSB0|no position: gpsd at .*: the receiver has no fix'
has tunnel.txt '^listening only: no position: .* without a time'
# By the positions, or by the clock they contradict, whichever is known first.
has rolled-over.txt '(positions come, 619,315,200 s old by this clock: .*1,024 weeks|listening only: the clock is 619315200.0 s ahead of .*week number)'
has late.txt '(positions come, 3\.. s old by this clock|listening only: the clock is 3\.. s ahead of the positions)'
has zero.txt 'no position: .* at 0, 0 refused'
has simulated.txt 'no position: .* of a simulator refused \(position.simulated'
has no-receiver.txt 'no position: gpsd has no receiver'
has refused.txt 'gpsd says: Unrecognized request'
has absent.txt '^listening only: no position: gpsd at 127.0.0.1:12899: connection refused; trying every second$'
[[ $(grep -c 'connection refused' absent.txt) -le 4 ]] || fail "told again and again" absent.txt
for name in rolled-over late zero simulated refused absent; do
    has $name.txt '^warning: .*(old by this clock|0, 0 refused|simulator refused|gpsd says|connection refused)'
done
hasnt fixed.txt 'no position|listening only|sending_blocked'
unwarned fixed.txt
count=$(beacons standing | wc -l)
((count <= 14)) || fail "$count beacons in 12 s of standing still" standing.txt
if beacons standing | grep -q heading; then fail "a heading of a car that never moved" standing.txt; fi
