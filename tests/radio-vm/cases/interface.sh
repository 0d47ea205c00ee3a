# An interface is removed and made anew, renamed and named back, and its module reloaded: the station says so each time, and
# hears and is heard again once the interface is in its cell.
radios 2
ocb wlan0 wlan1
station one car-1 wlan0 49.6111
station two car-2 wlan1 49.6112
start one two
hears one 1
hears two 1

# back COUNT: both hear each other, since the link has come back COUNT times in all.
back() {
    sees "back is told" two.txt '^link up (again )?after' "$1"
    for name in one two; do
        before=$(counted $name received)
        left=240
        until [ "$(counted $name received)" -gt $((before + 3)) ]; do
            left=$((left - 1))
            [ $left -gt 0 ] || fail "$name hears nothing" $name.txt
            sleep 0.25
        done
    done
}
radio=$(cat /sys/class/net/wlan1/phy80211/name)
iw dev wlan1 del
sees "removed is told" two.txt '^link down: wlan1 is gone'
iw phy "$radio" interface add wlan1 type ocb
ocb wlan1
back 1

ip link set wlan1 down
ip link set wlan1 name other
ip link set other up
sees "renamed is told" two.txt '^link (still )?down: wlan1 is gone' 2
ip link set other down
ip link set other name wlan1
ocb wlan1
back 2

rmmod mac80211_hwsim
sees "a module removed is told" two.txt '^link (still )?down: wlan1 is gone' 3
sees "by the other too" one.txt '^link down: wlan0 is gone'
sleep 5
radios 2
ocb wlan0 wlan1
back 3
stop one two
