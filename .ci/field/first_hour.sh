# The README's first hour, its blocks as they stand there: two stations on a desk, then on two machines, the vehicle's as a
# plain user. The machines are two network namespaces joined by a cable, each with an interface eth0.
README=$FIELD/../../README.md

# block NAME: what stands between <!-- ci:NAME --> and <!-- /ci:NAME --> of the README.
block() {
    local text
    text=$(sed -n "/^ *<!-- ci:$1 -->\$/,/^ *<!-- \/ci:$1 -->\$/p" "$README" | grep -v -e '<!--' -e '```' | sed 's/^  //')
    [[ -n $text ]] || fail "README.md has no block marked ci:$1"
    printf '%s\n' "$text"
}

# replace FILE BLOCK TABLE...: takes the tables out of the configuration and puts the README's block in their place.
replace() {
    local file=$1 block=$2 table
    shift 2
    for table in "$@"; do
        awk -v table="[$table]" '/^\[/ { inside = $1 == table } !inside' "$file" >"$file.new"
        mv "$file.new" "$file"
    done
    printf '\n' >>"$file"
    block "$block" >>"$file"
}

# Out of the way of what runs here already, and where a plain user may look.
mount -t tmpfs -o mode=755 none /run
mount -t tmpfs -o mode=755 none /mnt
mkdir /mnt/bin /mnt/bench
cp "$ROADCAST" /mnt/bin/roadcast
export PATH=/mnt/bin:$PATH
cp "$EXAMPLES"/*.toml "$EXAMPLES"/*.csv /mnt/bench
cd /mnt/bench
unset XDG_RUNTIME_DIR

# On a desk.
bash -euo pipefail -c "$(block keys)"
bash -c "exec $(block desk-unit)" >desk-unit.txt 2>&1 &
unit=$!
bash -c "exec $(block desk-car)" >desk-car.txt 2>&1 &
car=$!
eventually "the unit says that it hears the car" grep -Eq '^heard car [0-9a-f]{16}: ' desk-unit.txt
eventually "the car says that it hears the unit" grep -Eq '^heard roadside unit [0-9a-f]{16}: ' desk-car.txt
eventually "the car shows the road works" grep -Eq '^hazard .* roadworks( |$)' desk-car.txt
eventually "the car shows the signal ahead" grep -Eq '^intersection 18 lane 1: to 13, 14 ' desk-car.txt
eventually "and how far it is" grep -Eq '^ .* m to the stop line$' desk-car.txt
bash -euo pipefail -c "$(block desk-ask)" >asked.txt
has asked.txt '^sending +yes$'
has asked.txt '^[0-9a-f]{16} +[0-9]+ m '
has asked.txt ' D3 roadworks '
kill -TERM "$unit" "$car"
wait "$unit" "$car"
hasnt desk-car.txt 'not transmitted: link_error'

# On two machines.
mkdir /mnt/car
cp /mnt/bench/*.toml /mnt/car
mkdir /mnt/car/keys
cp keys/root.cred keys/issuer.cred keys/car-1.cred keys/car-1.key /mnt/car/keys
replace roadside.toml link link
replace /mnt/car/vehicle.toml link link
replace /mnt/car/vehicle.toml bench position clock
chown -R nobody /mnt/car
ip netns add car
ip link add eth0 type veth peer name eth0 netns car
ip address add 10.77.0.1/24 dev eth0
ip link set eth0 up
ip netns exec car sh -c 'ip link set lo up; ip address add 10.77.0.2/24 dev eth0; ip link set eth0 up'
plain=(ip netns exec car setpriv --reuid 65534 --regid 65534 --clear-groups bash -euo pipefail -c)
trap 'rm -rf /tmp/roadcast-65534' EXIT
bash -c "exec $(block unit)" >unit.txt 2>&1 &
unit=$!
"${plain[@]}" "cd /mnt/car && exec $(block car)" >car.txt 2>&1 &
car=$!
eventually "the unit says that it hears the car" grep -Eq '^heard car [0-9a-f]{16}: 22 m south$' unit.txt
eventually "the car says that it hears the unit" grep -Eq '^heard roadside unit [0-9a-f]{16}: 22 m north$' car.txt
eventually "the car shows the road works" grep -Eq '^hazard .* roadworks( |$)' car.txt
has car.txt '^control socket: /tmp/roadcast-65534/vehicle.sock$'
"${plain[@]}" "cd /mnt/car && $(block declare)" >asked.txt
has asked.txt '^[0-9a-f]{16}/[0-9]+ .* own +D3 accident +here '
has asked.txt ' D3 roadworks '
eventually "the unit shows the accident" grep -Eq '^hazard .* accident 22 m south' unit.txt
# The second of a kind.
code=0
"${plain[@]}" 'cd /mnt/car && roadcast run vehicle.toml' >second.txt 2>&1 || code=$?
[[ $code == 2 ]] || fail "a second daemon of the same configuration ended with code $code" second.txt
has second.txt 'this station runs already \(process [0-9]+, control socket /tmp/roadcast-65534/vehicle.sock\)'
kill -TERM "$unit" "$car"
wait "$unit" "$car"
