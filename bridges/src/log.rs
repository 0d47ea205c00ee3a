//! The log: a line each on standard error.

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Warnings and what a bridge tells of its own links; `-v` more of it, `-vv` everything, that of libraries too.
pub fn begin(verbose: u8) {
    let (ours, others) = match verbose {
        0 => (Level::INFO, Level::ERROR),
        1 => (Level::DEBUG, Level::WARN),
        _ => (Level::TRACE, Level::DEBUG),
    };
    let mut targets = Targets::new().with_default(others);
    for target in ["station", "peer", "broker", "operator", "remote", "relay", "v2x_bridges"] {
        targets = targets.with_target(target, ours);
    }
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    // An error says that there is a log already, as in tests.
    drop(tracing_subscriber::registry().with(lines).with(targets).try_init());
}
