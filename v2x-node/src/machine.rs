//! What a program asks of the machine it runs on: its clocks, a seed, a file written whole.

use std::io;
use std::path::Path;

use radio_adapters::clock;
use v2x_core::{Anchor, Instant, WireTime};
use v2x_report::Report;

use crate::error::Error;
use crate::whole_file;

/// The machine's clocks read together.
pub fn read_anchor() -> Anchor {
    // Between two readings of one clock, so that a preemption in between does not become a clock error.
    let mut best = None;
    for _ in 0..3 {
        let before = clock::monotonic_ns();
        let wire = clock::wire_time_us();
        let after = clock::monotonic_ns();
        let width = after - before;
        if best.is_none_or(|(least, _)| width < least) {
            let instant = Instant::from_nanos(before + width / 2);
            best = Some((width, Anchor { instant, wire: WireTime::from_micros(wire) }));
        }
    }
    best.map_or(Anchor { instant: Instant::ZERO, wire: WireTime::from_micros(0) }, |(_, anchor)| anchor)
}

/// A seed from the operating system.
///
/// # Errors
/// It gives none.
pub fn os_seed() -> Result<u64, Error> {
    getrandom::u64()
        .map_err(|error| Error::System { what: "asking for a seed", source: io::Error::other(error) })
}

/// Writes a report whole or not at all, with mode 0600.
///
/// # Errors
/// As the system has them.
pub fn write_json(path: &Path, report: &Report) -> Result<(), Error> {
    whole_file::write(path, report_text(report).as_bytes())
        .map_err(|source| Error::File { path: path.to_owned(), source })
}

/// A report as its file has it.
pub fn report_text(report: &Report) -> String {
    let mut text = serde_json::to_string_pretty(report).expect("invariant: a report has only string keys");
    text.push('\n');
    text
}
