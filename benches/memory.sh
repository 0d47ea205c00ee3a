#!/usr/bin/env bash
# Resident memory of a vehicle with a hundred neighbours: benches/README.md.
#
#   benches/memory.sh                        the vehicle build, under the default configuration, for a minute
#   benches/memory.sh target/release/roadcast     another program
#
# ROADCAST_BENCH_QUICK=1 takes 3 s; ROADCAST_BENCH_NEIGHBOURS, _HZ and _MORE are explained in benches/src/bin/memory.rs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

TARGET=${CARGO_TARGET_DIR:-$PWD/target}
if (($# == 0)); then
    cargo build --quiet --locked --release -p v2x-node --no-default-features
    set -- "$TARGET/release/roadcast"
fi
# The neighbours may be slow; the program that is measured is not built here.
cargo build --quiet --locked -p benches --bin memory
exec "$TARGET/debug/memory" "$@"
