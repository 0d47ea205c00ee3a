#!/usr/bin/env bash
# How fast bridges meet across two NATs, and what hazards take from radio to radio; needs root. "Bridge" in benches/README.md.
#
#   benches/nets.sh        twenty runs and two hundred hazards of each kind: a quarter of an hour
#   benches/nets.sh 2      two and twenty: shows that it runs
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cargo build --quiet --locked --profile bench -p v2x-node -p v2x-bridges
ROADCAST_NETS_RUNS=${1-20} exec cargo test --quiet --locked --profile bench -p v2x-bridges --test nets -- \
    --ignored --nocapture --exact figures_of_meetings_and_hazards
