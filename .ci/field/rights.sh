# needs: libcap2-bin systemd
# Rights: what a program does for whoever runs it with capabilities from its own file, what root's word changes, what a service
# gets, and what systemd makes of the unit.
mount -t tmpfs -o mode=755 none /mnt
mount -t tmpfs -o mode=755 none /run
cp -a /etc /mnt/etc
rm -rf /mnt/etc/roadcast
mount --bind /mnt/etc /etc
for name in rc0 rc2; do
    ip link add $name type veth peer name "${name}p"
    ip link set $name up
    ip link set "${name}p" up
done
keys
link='[link]
kind = "packet"
interface = "rc0"'
station car car-1 "" "$link"
station other car-1 "" "${link/rc0/rc2}"
station timely car-1 "" "$link
[realtime]
fifo_priority = 40"
mkdir /mnt/plain
cp -r keys ./*.toml /mnt/plain
sed -i '/^\[control\]/,/^socket/d' /mnt/plain/*.toml
chown -R 65532 /mnt/plain
cd /mnt/plain
export XDG_RUNTIME_DIR=$PWD
user=(setpriv --reuid 65532 --regid 65534 --clear-groups)
# Rights that the program needs for nothing are among them.
cp "$ROADCAST" /mnt/plainly
cp "$ROADCAST" /mnt/entitled
setcap cap_net_raw,cap_net_admin,cap_sys_nice,cap_ipc_lock,cap_dac_override+ep /mnt/entitled

# refused PATTERN COMMAND...: it ends with 2 and says so.
refused() {
    local pattern=$1 code=0
    shift
    timeout 20 "$@" >refused.txt 2>&1 </dev/null || code=$?
    [[ $code == 2 ]] || fail "$* ended with code $code" refused.txt
    has refused.txt "$pattern"
}

# sends COMMAND...: it runs a station until that sends, with these rights permitted ($rights).
sends() {
    # That of the station before says that it sends.
    rm -f sends.txt
    "$@" >sends.txt 2>&1 &
    local daemon=$!
    eventually "the station sends" grep -q '^sending$' sends.txt
    grep -q "^CapPrm:.*$rights\$" /proc/$daemon/status || fail "it holds $(grep CapPrm /proc/$daemon/status)" sends.txt
    kill -TERM $daemon
    wait $daemon || fail "the station ended with $?" sends.txt
}

entitled=("${user[@]}" /mnt/entitled)
refused 'EtherType 0x0800 is not permitted: .*such as ethertypes = \[0x0800\]' "${entitled[@]}" dump --interface rc0 --ethertype 0x0800
refused 'EtherType 0x0806 is not permitted' "$ROADCAST" dump --interface rc0 --ethertype 0x0806
refused 'rc0 is not permitted: the right to packet sockets comes with the program' "${entitled[@]}" run car.toml
refused 'rc0 is not permitted: the right to packet sockets comes with the program' "${entitled[@]}" dump --interface rc0
refused 'ermission denied: it belongs to root:(root|shadow), mode 0(640|600), and this runs as user 65532; give it to' \
    "${entitled[@]}" run /etc/shadow
chown root keys/car-1.cred
chmod 600 keys/car-1.cred
refused 'keys/car-1.cred: permission denied: it belongs to root:[a-z]+, mode 0600, and this runs as user 65532; give it to' \
    "${user[@]}" /mnt/plainly run car.toml
chown 65532 keys/car-1.cred
refused 'needs CAP_NET_RAW: run it as a service' "${user[@]}" /mnt/plainly run car.toml

# A directory and a file of the user's do not count, wherever they came from.
mkdir /etc/roadcast
printf 'interfaces = ["rc0"]\n' >/etc/roadcast/permitted.toml
chown 65532 /etc/roadcast/permitted.toml
refused 'permitted.toml: belongs to user 65532, and only root.s word counts here' "${entitled[@]}" run car.toml
chown 0 /etc/roadcast/permitted.toml
chown 65532 /etc/roadcast
refused '/etc/roadcast: belongs to user 65532' "${entitled[@]}" run car.toml
chown 0 /etc/roadcast

# Root's word: this interface, and no right but that to packet sockets.
rights=0000000000002000 sends "${entitled[@]}" run car.toml
refused 'rc2 is not permitted: /etc/roadcast/permitted.toml names rc0' "${entitled[@]}" run other.toml
refused 'needs CAP_SYS_NICE or a limit' "${entitled[@]}" run timely.toml
has refused.txt '^  hint: without it: leave out \[realtime\]'
mkfifo capture
"${entitled[@]}" dump - <capture >dumped.txt 2>&1 &
dump=$!
exec 9>capture
eventually "dump reads" grep -q '^CapPrm:.*0000000000000000$' /proc/$dump/status
exec 9>&-
wait $dump || true

# A service, and a user with limits, have their rights without root's file.
rm -r /etc/roadcast
service=("${user[@]}" --inh-caps +net_raw --ambient-caps +net_raw)
rights=0000000000002000 sends "${service[@]}" --bounding-set -all,+net_raw --no-new-privs /mnt/plainly run other.toml
mkdir -m 700 closed
refused 'closed/car.rec: permission denied: the directory closed belongs to root:root, mode 0700, and this runs as user 65532' \
    "${service[@]}" /mnt/plainly run other.toml --record closed/car.rec
# Where this machine's root may raise a limit.
if prlimit --rtprio=50:50 true 2>limit.txt; then
    rights=0000000000002000 sends prlimit --rtprio=50:50 "${service[@]}" /mnt/plainly run timely.toml
    has sends.txt '^scheduling: SCHED_FIFO 40'
fi

# Every path would be opened with root's rights.
chmod 4755 /mnt/plainly
refused 'is set-user-ID or set-group-ID' "${user[@]}" /mnt/plainly run car.toml --record /mnt/of-root.rec
[[ ! -e /mnt/of-root.rec ]] || fail "and yet it wrote"
chmod 2755 /mnt/plainly
refused 'is set-user-ID or set-group-ID' "${user[@]}" /mnt/plainly --version

# The unit: systemd understands all of it, and finds it well locked.
sed "s|^ExecStart=/usr/bin/roadcast|ExecStart=$ROADCAST|" "$EXAMPLES/roadcast.service" >roadcast.service
systemd-analyze verify --man=no roadcast.service >unit.txt 2>&1 || fail "systemd refuses the unit" unit.txt
[[ ! -s unit.txt ]] || fail "systemd complains of the unit" unit.txt
systemd-analyze security --offline=true --no-pager --threshold=20 "$PWD/roadcast.service" >unit.txt 2>&1 \
    || fail "the unit is too open" unit.txt
# And what adds rights to it.
mkdir roadcast.service.d
cp "$EXAMPLES"/roadcast-{radio,realtime,serial}.conf roadcast.service.d
systemd-analyze verify --man=no roadcast.service >unit.txt 2>&1 || fail "systemd refuses what adds rights" unit.txt
[[ ! -s unit.txt ]] || fail "systemd complains of what adds rights" unit.txt
