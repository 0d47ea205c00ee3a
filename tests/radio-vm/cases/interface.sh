# A station that joins by itself (kind = "ocb") joins again after its interface was down, removed and made anew, renamed and named
# back, and after its module was reloaded; each is told. At its end it leaves the cell.
radios 2
for n in 0 1; do
    station car$n car-$((n + 1)) wlan$n 49.611$n "[link]
kind = \"ocb\"
interface = \"wlan$n\""
done
start car0 car1
hears car0 1
hears car1 1

# back COUNT: both hear each other, since the link has come back COUNT times in all.
back() {
    sees "back is told" car1.txt '^link up (again )?after' "$1"
    for name in car0 car1; do
        before=$(counted $name received)
        left=240
        until [ "$(counted $name received)" -gt $((before + 3)) ]; do
            left=$((left - 1))
            [ $left -gt 0 ] || fail "$name hears nothing" $name.txt
            sleep 0.25
        done
    done
}
began=$(grep -c '^link up' car1.txt)
ip link set wlan1 down
sees "down is told" car1.txt '^link down: wlan1 is down'
ip link set wlan1 up
back $((began + 1))

radio=$(cat /sys/class/net/wlan1/phy80211/name)
iw dev wlan1 del
sees "removed is told" car1.txt '^link (still )?down: wlan1 is gone'
sleep 3
iw phy "$radio" interface add wlan1 type managed
back $((began + 2))

ip link set wlan1 down
sees "down is told" car1.txt '^link (still )?down: wlan1 is down' 2
ip link set wlan1 name other
sees "renamed is told" car1.txt '^link (still )?down: wlan1 is gone' 2
sleep 3
ip link set other down
ip link set other name wlan1
ip link set wlan1 up
back $((began + 3))

rmmod mac80211_hwsim
sees "a module removed is told" car1.txt '^link (still )?down: wlan1 is gone' 3
sees "by the other too" car0.txt '^link down: wlan0 is gone'
sleep 5
radios 2
back $((began + 4))

stop car0 car1
iw dev wlan1 info >info.txt
has info.txt 'type managed' "the interface is left in its cell"
