//! One entry of the log: what a `tracing` event says.

use std::fmt;

use serde_json::Value;
use tracing::Level;
use tracing::field::{Field, Visit};

/// What an event says, collected.
#[derive(Debug)]
pub struct Entry {
    /// How grave it is.
    pub level: Level,
    /// Which part of the program says it.
    pub target: &'static str,
    /// The words for people.
    pub message: String,
    /// What it says besides, in the order given.
    pub fields: Vec<(&'static str, Value)>,
}

impl Entry {
    /// Reads an event.
    pub fn of(event: &tracing::Event<'_>) -> Self {
        let metadata = event.metadata();
        let mut entry = Self {
            level: *metadata.level(),
            target: metadata.target(),
            message: String::new(),
            fields: Vec::new(),
        };
        event.record(&mut entry);
        entry
    }

    fn put(&mut self, field: &Field, value: Value) {
        self.fields.push((field.name(), value));
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
            _ => self.put(field, value.into()),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == MESSAGE {
            self.message = format!("{value:?}");
        } else {
            self.put(field, format!("{value:?}").into());
        }
    }
}

/// The field that the words of an event are in.
const MESSAGE: &str = "message";
