# `roadcast link`: a fresh interface joins OCB and IBSS and leaves, nothing is changed twice, and what is in the way is told.
radios 2

# link PATTERN ARGUMENT...: it succeeds with a line that matches. refused PATTERN ARGUMENT...: it ends with 2 and says so.
link() {
    pattern=$1
    shift
    roadcast link "$@" >said.txt 2>&1 || fail "roadcast link $* ended with code $?" said.txt
    has said.txt "$pattern"
}
refused() {
    pattern=$1
    shift
    roadcast link "$@" >said.txt 2>&1
    [ $? -eq 2 ] || fail "roadcast link $* did not end with code 2" said.txt
    has said.txt "$pattern"
}
# is INTERFACE PATTERN: so iw describes it.
is() {
    iw dev "$1" info >info.txt
    has info.txt "$2"
}

roadcast link probe wlan0 >probe.txt 2>&1 && fail "a radio in no cell has no fault" probe.txt
has probe.txt 'fault: wlan0 has not joined 5900 MHz \(10 MHz wide\): roadcast link up wlan0'
has probe.txt 'permitted by the regulatory domain .*at most 33 dBm'
link '^wlan0: type managed -> ocb, up, joined 5900 MHz \(10 MHz wide\)$' up wlan0
is wlan0 'channel 180 \(5900 MHz\), width: 10 MHz'
link '^wlan0: nothing to change$' up wlan0
link '^wlan0: MTU 1500 -> 2304, rate 6 Mb/s, power 20 dBm$' up wlan0 --rate 6 --power 20 --mtu 2304
link '^wlan0: nothing to change; set again, .*: rate 6 Mb/s$' up wlan0 --rate 6
link '^wlan0: left 5900 MHz \(10 MHz wide\), joined 5180 MHz \(20 MHz wide\)$' up wlan0 --frequency 5180 --width 20
link '^wlan0: left 5180 .*, joined 5900 MHz \(5 MHz wide\)$' up wlan0 --width 5
is wlan0 'width: 5 MHz'
link 'no fault found' probe wlan0 --width 5
link '"width_mhz":5' probe wlan0 --width 5 --json
link '^wlan0: .*left 5900 .*, type ocb -> managed, MTU 2304 -> 1500, down$' down wlan0
link '^wlan0: nothing to change$' down wlan0

link '^wlan0: type managed -> ibss, up, joined the cell "v2x" \(02:ca:fe:ca:fe:00\)' up wlan0 --mode ibss --ssid v2x --bssid 02:ca:fe:ca:fe:00
iw dev wlan0 link >cell.txt
has cell.txt 'Joined IBSS 02:ca:fe:ca:fe:00'
link '^wlan0: nothing to change$' up wlan0 --mode ibss --ssid v2x --bssid 02:ca:fe:ca:fe:00
link '^wlan0: left .*, joined the cell "v2x" \(02:ca:fe:ca:fe:02\)' up wlan0 --mode ibss --ssid v2x --bssid 02:ca:fe:ca:fe:02
# Without an address it is looked for, for seconds.
link 'joined the cell "other"' up wlan0 --mode ibss --ssid other
link '^wlan0: nothing to change$' up wlan0 --mode ibss --ssid other
link 'type ibss -> managed' down wlan0

# Another interface of the radio.
iw phy "$(cat /sys/class/net/wlan0/phy80211/name)" interface add beside type managed
ip link set beside up
refused 'wlan0 cannot be changed while the radio is in use by beside: ip link set beside down' up wlan0
is wlan0 'type managed'
iw dev beside del
refused 'no channel at 5902 MHz; near it: 5895, 5900, 5905, 5910' up wlan0 --frequency 5902
refused '39 dBm is more than 33 dBm' up wlan0 --power 39
refused 'lo is no 802.11 interface' up lo
refused 'no network interface "wlan9"; wireless ones: wlan0, wlan1' up wlan9
mkdir -p /run/wpa_supplicant
: >/run/wpa_supplicant/wlan0
refused 'wlan0 is held by wpa_supplicant, .*: wpa_cli -i wlan0 terminate' up wlan0
rm -r /run/wpa_supplicant
for switch in /sys/class/rfkill/*/soft; do echo 1 >"$switch"; done
refused 'switched off: rfkill unblock wifi' up wlan0
for switch in /sys/class/rfkill/*/soft; do echo 0 >"$switch"; done
is wlan0 'type managed'
rm said.txt info.txt
