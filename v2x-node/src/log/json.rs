//! An entry as a line for programs.

use chrono::{DateTime, SecondsFormat};
use serde::Serialize;
use serde_json::{Map, Value};

use super::entry::{Entry, level_name};

#[derive(Serialize)]
struct Shape<'a> {
    time: String,
    level: &'a str,
    event: &'a str,
    message: &'a str,
    target: &'a str,
    fields: Map<String, Value>,
}

/// One object in one line; `unix_us` is its time.
pub fn line(entry: &Entry, unix_us: i64) -> String {
    let time = DateTime::from_timestamp_micros(unix_us).unwrap_or_default();
    let shape = Shape {
        time: time.to_rfc3339_opts(SecondsFormat::Micros, true),
        level: level_name(entry.level),
        event: entry.name(),
        message: &entry.message,
        target: entry.target,
        fields: entry.fields.iter().map(|(name, value)| (name.to_string(), value.clone())).collect(),
    };
    // Texts and numbers: nothing in it refuses to be written.
    serde_json::to_string(&shape).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn a_line_is_one_object_with_time_level_event_and_fields() {
        let entry = Entry {
            level: Level::WARN,
            target: "roadcast",
            event: Some("link_down".to_owned()),
            message: "link down: \"eth0\"\nhas no carrier".to_owned(),
            fields: vec![("count".into(), 3.into())],
        };
        assert_eq!(
            line(&entry, 1_795_000_000_000_001),
            "{\"time\":\"2026-11-18T11:06:40.000001Z\",\"level\":\"warn\",\"event\":\"link_down\",\
             \"message\":\"link down: \\\"eth0\\\"\\nhas no carrier\",\"target\":\"roadcast\",\"fields\":{\"count\":3}}\n"
        );
    }
}
