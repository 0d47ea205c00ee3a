# How busy a monitor interface finds the channel is the share of time that the frames sent take, by their lengths, their rates and
# the preamble of the width: within 0.02, at three loads, in channels of 5, 10 and 20 MHz. A simulated medium takes no air time, so
# senders leave what is left of it between their frames.
radios 2

# tune FREQUENCY: both are monitor interfaces there. Linux 6.1 looks rates up in another band until they were down and up again.
tune() {
    for interface in wlan0 wlan1; do
        ip link set $interface down && iw dev $interface set type monitor && ip link set $interface up \
            && iw dev $interface set freq $1 && ip link set $interface down && ip link set $interface up \
            || fail "$interface is no monitor at $1"
    done
}

# airtime WIDTH RATE BYTES: us of a frame of BYTES with its check sequence at RATE Mb/s of a channel of 20 MHz, by IEEE Std 802.11-2020,
# 17.4.3: training of 16 us, a signal field of 4, and symbols of 4 us over 16 bits of service, the frame and 6 of tail; narrow
# channels take two and four times as long for all of it.
airtime() {
    echo "$1 $2 $3" | awk '{
        symbols = (16 + 8 * $3 + 6) / (4 * $2)
        whole = int(symbols)
        if (whole < symbols) whole++
        print (16 + 4 + 4 * whole) * 20 / $1
    }'
}

# sends WIDTH SHARE RATE BYTES: four seconds of such frames that take this share of it. A line in sent.txt says what was sent, and
# what share that was.
sends() {
    took=$(airtime "$1" "$3" "$4")
    interval=$(echo "$took $2" | awk '{ print int($1 / $2 + 0.5) }')
    said=$(air inject wlan0 $((4000000 / interval)) "$interval" "$4" $(($3 * 2))) || fail "nothing is sent: $said"
    echo "$said" | awk -v took="$took" -v what="$3 Mb/s, $4 bytes" '{
        print "sent " $1 " of " what " in " $4 " us, share " $1 * took / $4
    }' >>sent.txt
}

# measures WIDTH SHARE...: what the link finds while frames of each RATE:BYTES take SHARE, against what was sent.
measures() {
    width=$1
    shift
    : >sent.txt
    senders=""
    while [ $# -gt 0 ]; do
        sends "$width" "$1" "${2%:*}" "${2#*:}" &
        senders="$senders $!"
        shift 2
    done
    echo "$senders" >>.processes
    sleep 0.3
    air busy wlan1 "$width" 3 >busy.txt || fail "nothing is measured" busy.txt
    for sender in $senders; do wait "$sender" || exit 1; done
    cat sent.txt
    awk '/^sent/ { sent += $NF } /^busy/ { busy = $2 / 1000; off = busy - sent; if (off < 0) off = -off; if (off > worst) worst = off
            all += busy; reports++ }
        END { printf "in %d MHz: %.4f were sent, %.4f found on average, at most %.4f apart\n", '"$width"', sent, all / reports, worst
            exit !(reports >= 5 && worst <= 0.02) }' sent.txt busy.txt || fail "the busy ratio is more than 0.02 apart" busy.txt
}

tune "5900 10MHz"
measures 10 0.1 6:300
measures 10 0.3 12:338
measures 10 0.6 54:200
measures 10 0.3 6:1000 0.2 12:120 0.1 54:400
# A station says it as its link does; what it sends itself is on the air too.
station alone unit wlan1 49.6116 '[link]
kind = "monitor"
interface = "wlan1"'
start alone
sleep 2
sends 10 0.4 12 338 &
sender=$!
sleep 3
told=$(grep -o 'channel [0-9.]* % busy (monitor)' alone.txt | tail -n 1 | cut -d ' ' -f 2)
wait $sender || exit 1
echo "a station says ${told:=nothing} %"
echo "$told" | awk '{ exit !($1 >= 38 && $1 <= 42) }' || fail "a station is more than 2 % off" alone.txt
stop alone

tune "5900 5MHz"
measures 5 0.3 12:338
tune "5180"
measures 20 0.3 12:338
measures 20 0.3 54:200 0.3 6:1000
