#!/usr/bin/env bash
# Receptions a CPU second, memory a station and delivery by distance of ns-3's 802.11p beside `roadcast replay run`, in turns.
# "ns-3" in benches/README.md.
#
#   benches/peers/ns3.sh            three turns of 10 simulated seconds, after building; some minutes
#   benches/peers/ns3.sh 1 2        one turn of 2 seconds: shows that it runs
#
# Installs ns-3 from PyPI into a temporary folder (g++ and python3 with venv must be there), and removes it afterwards; NS3_HOME
# keeps it in a folder of yours. ROADCAST names a binary other than the one that is built here.
set -euo pipefail
TURNS=${1-3}
SECONDS_EACH=${2-10}
NS3=3.44.post0
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)

if [ -z "${ROADCAST-}" ]; then
    (cd "$ROOT" && cargo build --quiet --locked --release -p v2x-node)
    ROADCAST=${CARGO_TARGET_DIR-$ROOT/target}/release/roadcast
fi
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
HOME_OF_NS3=${NS3_HOME-$WORK/ns3}
[ -x "$HOME_OF_NS3/bin/python" ] || python3 -m venv "$HOME_OF_NS3"
"$HOME_OF_NS3/bin/pip" install --quiet --disable-pip-version-check "ns3==$NS3"
PACKAGE=$("$HOME_OF_NS3/bin/python" -c 'import importlib.util as u; print(u.find_spec("ns3").submodule_search_locations[0])')
LIBRARIES=()
for library in core network wifi mobility propagation spectrum antenna energy stats; do
    LIBRARIES+=("-lns3.44-$library")
done
g++ -std=c++20 -O2 -o "$WORK/ns3_road" "$HERE/ns3_road.cc" -I"$PACKAGE/include" -L"$PACKAGE/lib64" "${LIBRARIES[@]}" \
    -Wl,-rpath,"$PACKAGE/lib64"
python3 "$HERE/ns3.py" "$WORK" "$ROADCAST" "$TURNS" "$SECONDS_EACH" "$NS3"
