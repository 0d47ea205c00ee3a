//! Where every `tracing` event of this program goes. No spans: nothing here nests.

use std::io::Write as _;

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, set_global_default};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::filter::Targets;

use super::entry::Entry;
use super::stream::Log;
use super::text;
use crate::colour::Paint;

/// Logs from now on what `verbose` and `ROADCAST_LOG` ask for. A program that uses this crate may have its own log, which
/// then stays.
pub fn start(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    let asked = std::env::var("ROADCAST_LOG").ok().filter(|asked| !asked.is_empty());
    let (filter, wrong) = match asked.map(|asked| asked.parse::<Targets>()) {
        None => (Targets::new().with_default(level), None),
        Some(Ok(filter)) => (filter, None),
        Some(Err(error)) => (Targets::new().with_default(level), Some(error)),
    };
    drop(set_global_default(Logger { filter, colours: Paint::stderr().is_on() }));
    if let Some(error) = wrong {
        tracing::warn!("ROADCAST_LOG is not used: {error}; it is a level, or such as v2x_node::daemon=debug");
    }
}

#[derive(Debug)]
struct Logger {
    filter: Targets,
    colours: bool,
}

impl Subscriber for Logger {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && self.filter.would_enable(metadata.target(), metadata.level())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.filter.iter().map(|(_, level)| level).chain(self.filter.default_level()).max()
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        // Nothing is left to do when even this fails.
        drop(Log.write_all(text::line(&Entry::of(event), self.colours).as_bytes()));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
