# Who may ask a daemon: its own user, a group if it is configured, and nobody else, who is told so.
mount -t tmpfs -o mode=755 none /run
mount -t tmpfs -o mode=755 none /mnt
mkdir /mnt/bin
cp "$ROADCAST" /mnt/bin/roadcast
unset XDG_RUNTIME_DIR
keys
station unit-1 unit-1
sed -i '/^\[control\]/,/^socket/d' unit-1.toml
plain=(setpriv --reuid 65533 --regid 65534 --clear-groups /mnt/bin/roadcast)
trap 'rm -rf /tmp/roadcast-65533' EXIT

# refused PATTERN: a plain user's client ends with 2 and says so.
refused() {
    local code=0
    "${plain[@]}" status >asked.txt 2>&1 || code=$?
    [[ $code == 2 ]] || fail "a client that may not ask ended with code $code" asked.txt
    has asked.txt "$1"
}

"$ROADCAST" run unit-1.toml >unit.txt 2>&1 &
unit=$!
eventually "the unit sends" grep -q '^sending' unit.txt
has unit.txt '^control socket: /run/roadcast/unit-1.sock$'
[[ $(stat -c %a /run/roadcast) == 700 ]] || fail "the directory is open to others"
"$ROADCAST" status >asked.txt
has asked.txt '^sending +yes$'
refused "a daemon's socket may be there, but you may not look: /run/roadcast belongs to root; .*control.group"
chmod 755 /run/roadcast
refused "a daemon's socket is there, but you may not use it: /run/roadcast/unit-1.sock belongs to root; .*control.group"
kill -TERM $unit && wait $unit

# For a group: the directory and the socket are theirs too.
printf '[control]\ngroup = "nogroup"\n' >>unit-1.toml
"$ROADCAST" run unit-1.toml >group.txt 2>&1 &
unit=$!
eventually "the unit sends" grep -q '^sending' group.txt
[[ $(stat -c '%a %g' /run/roadcast) == "750 65534" ]] || fail "the directory is not the group's"
[[ $(stat -c '%a %g' /run/roadcast/unit-1.sock) == "660 65534" ]] || fail "the socket is not the group's"
"${plain[@]}" neighbours >asked.txt
has asked.txt '^no neighbours: '
"${plain[@]}" status --json >asked.txt
has asked.txt '"sending":true'
kill -TERM $unit && wait $unit

# A plain user's directory that somebody else made is not used, and the station runs without a socket.
mkdir /tmp/roadcast-65533
mkdir /mnt/plain
cp -r keys unit-1.toml /mnt/plain
sed -i '/^\[control\]/,$d' /mnt/plain/unit-1.toml
chown -R 65533 /mnt/plain
(cd /mnt/plain && "${plain[@]}" run unit-1.toml --seconds 2s) >plain.txt 2>&1
has plain.txt "^control socket: off: no place for it: .*/tmp/roadcast-65533: it is another user's, a link, or others may write it; set control.socket"
has plain.txt '^sending'

# Nor may it have the scheduling of a station in service, and is told what to do.
printf '[realtime]\nfifo_priority = 40\n' >>/mnt/plain/unit-1.toml
code=0
(cd /mnt/plain && "${plain[@]}" run unit-1.toml) >plain.txt 2>&1 || code=$?
[[ $code == 2 ]] || fail "without the right to its scheduling the station ended with code $code" plain.txt
has plain.txt '^roadcast: realtime: .* needs '
has plain.txt '^  hint: without it: leave out \[realtime\]; with it: LimitRTPRIO= and LimitMEMLOCK= '
