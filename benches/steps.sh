#!/usr/bin/env bash
# The longest way of a frame through a full station, counted in branches taken and not in time: benches/README.md.
#
#   benches/steps.sh              100,000 variations of the dearest frames, a few minutes
#   benches/steps.sh 1000000      as many
#
# ROADCAST_BENCH_QUICK=1 tries 3,000. Fails when a frame costs more than benches/src/bin/steps/main.rs allows.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The compiler's counters are what it reads; it writes no profile. Without the checks of a debug build, which take steps too.
export RUSTFLAGS=-Cprofile-generate=/dev/null LLVM_PROFILE_FILE=/dev/null
export CARGO_PROFILE_DEV_OPT_LEVEL=1 CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_DEBUG_ASSERTIONS=false
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/steps CARGO_INCREMENTAL=0
cargo build --quiet --locked -p benches --bin steps
exec "$CARGO_TARGET_DIR/debug/steps" "$@"
