//! libFuzzer's entry: one binary for all targets, chosen by the environment variable `ROADCAST_FUZZ`.

#![no_main]

use std::sync::OnceLock;

use fuzz::{TARGETS, Target, target};
use libfuzzer_sys::fuzz_target;

static CHOSEN: OnceLock<Target> = OnceLock::new();

fuzz_target!(
    init: {
        let name = std::env::var("ROADCAST_FUZZ").unwrap_or_default();
        let names = TARGETS.map(|target| target.name).join(", ");
        let chosen = target(&name).unwrap_or_else(|| panic!("ROADCAST_FUZZ is {name:?}; there are: {names}"));
        CHOSEN.set(chosen).expect("invariant: libFuzzer initialises once");
    },
    |data: &[u8]| {
        let chosen = CHOSEN.get().expect("invariant: libFuzzer initialises before the first input");
        (chosen.run)(data);
    }
);
