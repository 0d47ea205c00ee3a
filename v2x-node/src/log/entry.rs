//! One entry of the log: what a `tracing` event says.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value};
use tracing::Level;
use tracing::field::{Field, Visit};

use super::events::NOTE;

/// What an event says, collected.
#[derive(Debug)]
pub struct Entry {
    /// How grave it is.
    pub level: Level,
    /// Which part of the program says it.
    pub target: &'static str,
    /// Its name, one of `events`; none for what is said in passing.
    pub event: Option<String>,
    /// The words for people.
    pub message: String,
    /// What it says besides, in the order given.
    pub fields: Vec<(Cow<'static, str>, Value)>,
}

impl Entry {
    /// Reads an event.
    pub fn of(event: &tracing::Event<'_>) -> Self {
        let metadata = event.metadata();
        let mut entry = Self {
            level: *metadata.level(),
            target: metadata.target(),
            event: None,
            message: String::new(),
            fields: Vec::new(),
        };
        event.record(&mut entry);
        entry
    }

    /// That `count` entries of a name were left out in a second.
    pub fn left_out(name: &str, count: u64) -> Self {
        Self {
            level: Level::INFO,
            target: STATION,
            event: Some(name.to_owned()),
            message: format!("{count} more of {name} left out"),
            fields: vec![("left_out".into(), count.into())],
        }
    }

    /// Its name, or that of entries without one.
    pub fn name(&self) -> &str {
        self.event.as_deref().unwrap_or(NOTE)
    }

    fn put(&mut self, field: &Field, value: Value) {
        self.fields.push((field.name().into(), value));
    }
}

impl Visit for Entry {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            MESSAGE => value.clone_into(&mut self.message),
            EVENT => self.event = Some(value.to_owned()),
            _ => self.put(field, value.into()),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        match field.name() {
            MESSAGE => self.message = text,
            // Those of a `Line`, whose names are not the callsite's.
            FIELDS => match serde_json::from_str::<Map<String, Value>>(&text) {
                Ok(fields) => {
                    self.fields.extend(fields.into_iter().map(|(name, value)| (name.into(), value)))
                }
                Err(_) => self.put(field, text.into()),
            },
            _ => self.put(field, text.into()),
        }
    }
}

/// A level in lower case.
pub fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

/// The part of the program that state changes are logged under, for `ROADCAST_LOG`.
pub const STATION: &str = "roadcast";
/// The field that the words of an event are in.
const MESSAGE: &str = "message";
const EVENT: &str = "event";
const FIELDS: &str = "fields";
