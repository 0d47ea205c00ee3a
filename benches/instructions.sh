#!/usr/bin/env bash
# Instructions of a station that hears 1,000 frames a second, counted under user-mode emulation: benches/README.md.
#
#   benches/instructions.sh aarch64      on a Cortex-A72
#   benches/instructions.sh x86_64       on a Haswell, which has the AVX2 that newer ones have
#
# Needs Debian's qemu-user and gcc; for aarch64 what docs/aarch64.md names. Fails when a frame costs more beside its verification
# than the bound below.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

MOST_BESIDE=20000 # instructions a frame: half as much again as on either processor when this was written
MOST_COPY=4000
ARCH=${1:-$(uname -m)}
case $ARCH in
    aarch64)
        emulate=(qemu-aarch64 -cpu cortex-a72 -L /usr/aarch64-linux-gnu)
        export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=${CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER:-aarch64-linux-gnu-gcc}
        ;;
    x86_64) emulate=(qemu-x86_64 -cpu Haswell) ;;
    *)
        echo "benches/instructions.sh: $ARCH: name aarch64 or x86_64" >&2
        exit 2
        ;;
esac
command -v "${emulate[0]}" >/dev/null || { echo "${emulate[0]} is missing: apt-get install qemu-user" >&2; exit 2; }

TARGET=${CARGO_TARGET_DIR:-$PWD/target}
cargo build --quiet --locked --release -p benches --bin instructions --target "$ARCH-unknown-linux-gnu"
PROGRAM=$TARGET/$ARCH-unknown-linux-gnu/release/instructions
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cc -shared -fPIC -O2 -o "$WORK/counter.so" benches/instructions.c

# count WORK SECONDS: the instructions of a whole run. What the environment holds is on the program's stack: none.
count() {
    env -i "${emulate[@]}" -plugin "$WORK/counter.so" "$PROGRAM" "$@" 2>&1 >"$WORK/frames" | sed -n 's/^instructions: //p'
}
nothing=$(count nothing 4)
station=$(count station 4)
frames=$(sed 's/ frames//' "$WORK/frames")
verify=$(count verify 4)
copies=$(count copies 4)
((frames == 4000)) || { echo "$frames frames instead of 4,000" >&2; exit 1; }
per_frame=$(((station - nothing) / frames))
per_verify=$(((verify - nothing) / frames))
beside=$((per_frame - per_verify))
copy=$(((copies - station) / 4000))
printf '%s, 100 neighbours at 10 Hz, instructions of the station (user mode, without the kernel'"'"'s):\n' "$ARCH"
printf '  a second, 1,000 frames      %12d\n' $(((station - nothing) / 4))
printf '  a frame                     %12d\n' "$per_frame"
printf '  of it its verification      %12d\n' "$per_verify"
printf '  beside it                   %12d\n' "$beside"
printf '  a copy heard before         %12d\n' "$copy"
printf '{"bench":"instructions","arch":"%s","per_second":%d,"per_frame":%d,"per_verify":%d,"beside_verify":%d,"exact_copy":%d}\n' \
    "$ARCH" $(((station - nothing) / 4)) "$per_frame" "$per_verify" "$beside" "$copy"
((beside <= MOST_BESIDE)) || { echo "a frame costs $beside instructions beside its verification, and may cost $MOST_BESIDE" >&2; exit 1; }
((copy <= MOST_COPY)) || { echo "a copy costs $copy instructions, and may cost $MOST_COPY" >&2; exit 1; }
