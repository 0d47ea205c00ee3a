//! Where every `tracing` event of this program goes. No spans: nothing here nests.

use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Instant, SystemTime};

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, set_global_default};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::Targets;

use super::entry::{Entry, STATION};
use super::journal::{self, Journal};
use super::limit::Limits;
use super::stream::{self, Log};
use super::{json, text};
use crate::colour::Paint;

/// What the log looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogForm {
    /// Lines for people: what happens on standard output, warnings on standard error
    #[default]
    Text,
    /// An object a line on standard error, for programs
    Json,
    /// Entries with fields in systemd's journal
    Journald,
}

/// The journal where standard error leads there, lines for people elsewhere.
pub fn default_form() -> LogForm {
    if journal::has_standard_error() { LogForm::Journald } else { LogForm::Text }
}

/// Logs from now on what `verbose` and `ROADCAST_LOG` ask for, in this form. A program that uses this crate may have its own
/// log, which then stays.
pub fn start(verbose: u8, form: LogForm) {
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
    let (sink, missing) = match form {
        LogForm::Text => (Sink::Text { colours: Paint::stderr().is_on() }, None),
        LogForm::Json => (Sink::Json, None),
        LogForm::Journald => match Journal::connect(Path::new(journal::SOCKET)) {
            Ok(journal) => (Sink::Journal(journal), None),
            Err(error) => (Sink::Text { colours: false }, Some(error)),
        },
    };
    let filter = with_station(filter, &sink);
    let logger = Arc::new(Logger { filter, sink, limits: Mutex::default() });
    if set_global_default(Arc::clone(&logger)).is_ok() {
        // Set once, as the default is.
        drop(LOGGER.set(logger));
    }
    if let Some(error) = wrong {
        tracing::warn!("ROADCAST_LOG is not used: {error}; it is a level, or such as v2x_node::daemon=debug");
    }
    if let Some(error) = missing {
        tracing::warn!("{}: {error}; logging for people instead", journal::SOCKET);
    }
}

/// Whether what a station tells is printed in lines for people; else it is in the log.
pub fn prints_lines() -> bool {
    LOGGER.get().is_none_or(|logger| matches!(logger.sink, Sink::Text { .. }))
}

/// Logs how many entries were left out, to be called each second.
pub fn keep() {
    if let Some(logger) = LOGGER.get() {
        let left_out = logger.limits().take_left_out(Instant::now());
        logger.tell_left_out(left_out);
    }
}

/// The same at the end.
pub(super) fn finish() {
    if let Some(logger) = LOGGER.get() {
        let left_out = logger.limits().take_all();
        logger.tell_left_out(left_out);
    }
}

/// Programs are to get all state changes, unless `ROADCAST_LOG` names them itself; people have most of them in lines, and the rest
/// with `-v`.
fn with_station(filter: Targets, sink: &Sink) -> Targets {
    let named = filter.iter().any(|(target, _)| target == STATION);
    let level = match sink {
        _ if named => return filter,
        Sink::Text { .. } if filter.default_level().is_some_and(|level| level > LevelFilter::WARN) => {
            return filter;
        }
        Sink::Text { .. } => LevelFilter::ERROR,
        Sink::Json | Sink::Journal(_) => LevelFilter::INFO,
    };
    filter.with_target(STATION, level)
}

#[derive(Debug)]
struct Logger {
    filter: Targets,
    sink: Sink,
    limits: Mutex<Limits>,
}

#[derive(Debug)]
enum Sink {
    Text { colours: bool },
    Json,
    Journal(Journal),
}

impl Logger {
    fn limits(&self) -> impl core::ops::DerefMut<Target = Limits> {
        // Counters: what another thread left is as good as any.
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, entry: &Entry) {
        let line = match &self.sink {
            Sink::Text { colours } => text::line(entry, *colours),
            Sink::Json => json::line(entry, unix_us()),
            Sink::Journal(journal) => {
                if journal.send(entry).is_err()
                    && let Some(state) = stream::state()
                {
                    state.lose();
                }
                return;
            }
        };
        // Nothing is left to do when even this fails.
        drop(Log.write_all(line.as_bytes()));
    }

    fn tell_left_out(&self, left_out: Vec<(String, u64)>) {
        for (name, count) in left_out {
            self.write(&Entry::left_out(&name, count));
        }
    }
}

impl Subscriber for Logger {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Not only events: `enabled!` asks with a kind of its own.
        !metadata.is_span() && self.filter.would_enable(metadata.target(), metadata.level())
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
        let entry = Entry::of(event);
        let (name, now) = (entry.event.as_deref().unwrap_or(event.metadata().name()), Instant::now());
        let left_out = self.limits().take_left_out(now);
        self.tell_left_out(left_out);
        // Who asks for the finer levels asks for all of it.
        if entry.level > Level::INFO || self.limits().pass(name, now) {
            self.write(&entry);
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn unix_us() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

static LOGGER: OnceLock<Arc<Logger>> = OnceLock::new();
