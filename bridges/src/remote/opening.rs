//! The first line each way on a control connection: which station is meant, and what the peer may do there.
//!
//! `{"v":1,"station":"rsu-7"}`, without `station` where there is one; answered with
//! `{"v":1,"ok":true,"station":"rsu-7","rights":"read"}`, or a refusal in the words of the control protocol. Its lines follow.

use serde::Deserialize;
use serde_json::{Value, json};
use v2x_api::{Right, VERSION};

/// What a peer asks first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Opening {
    /// The station's name in the unit's configuration; `None`: the only one.
    pub station: Option<String>,
}

/// What a unit answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opened {
    /// The station's name.
    pub station: String,
    /// What the peer may do there.
    pub rights: Right,
}

/// A refusal of ours, in the words of the control protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct RemoteRefusal {
    /// Stable name of the reason.
    pub reason: String,
    /// The reason, and what would be right.
    pub error: String,
}

impl Opening {
    /// Reads a line.
    pub fn parse(line: &[u8]) -> Result<Self, RemoteRefusal> {
        let wrong = || RemoteRefusal::new("bad_request", OPENING_RIGHT);
        let Ok(Value::Object(object)) = serde_json::from_slice(line) else { return Err(wrong()) };
        if object.get("v").is_some_and(|version| version.as_u64() != Some(VERSION)) {
            return Err(wrong());
        }
        if object.keys().any(|key| !matches!(key.as_str(), "v" | "station")) {
            return Err(wrong());
        }
        match object.get("station") {
            None | Some(Value::Null) => Ok(Self { station: None }),
            Some(Value::String(name)) if name.len() <= LONGEST_NAME => {
                Ok(Self { station: Some(name.clone()) })
            }
            Some(_) => Err(wrong()),
        }
    }

    /// The line with its end.
    pub fn line(&self) -> String {
        match &self.station {
            None => format!("{}\n", json!({ "v": VERSION })),
            Some(name) => format!("{}\n", json!({ "v": VERSION, "station": name })),
        }
    }
}

impl Opened {
    /// Reads a unit's first line.
    ///
    /// # Errors
    /// Its refusal; one of ours where the line is none.
    pub fn parse(line: &[u8]) -> Result<Self, RemoteRefusal> {
        #[derive(Deserialize)]
        struct First {
            ok: bool,
            station: Option<String>,
            rights: Option<String>,
            reason: Option<String>,
            error: Option<String>,
        }

        let garbage = || {
            RemoteRefusal::new(
                "no_answer",
                "what answers there is no roadcast-bridge that serves remote control",
            )
        };
        let first: First = serde_json::from_slice(line).map_err(|_| garbage())?;
        if !first.ok {
            let (Some(reason), Some(error)) = (first.reason, first.error) else { return Err(garbage()) };
            return Err(RemoteRefusal { reason: printable(&reason), error: printable(&error) });
        }
        let rights = first.rights.as_deref().and_then(Right::parse).ok_or_else(garbage)?;
        let station = first.station.filter(|name| name.len() <= LONGEST_NAME).ok_or_else(garbage)?;
        Ok(Self { station: printable(&station), rights })
    }

    /// The line with its end.
    pub fn line(&self) -> String {
        let Self { station, rights } = self;
        format!("{}\n", json!({ "v": VERSION, "ok": true, "station": station, "rights": rights.name() }))
    }
}

impl RemoteRefusal {
    /// One of this reason.
    pub fn new(reason: &str, error: impl Into<String>) -> Self {
        Self { reason: reason.to_owned(), error: error.into() }
    }

    /// The line with its end; `id` is that of the request it answers.
    pub(super) fn line(&self, id: Option<&Value>) -> String {
        let Self { reason, error } = self;
        let mut line = json!({ "v": VERSION, "ok": false, "reason": reason, "error": error });
        if let Some(id) = id {
            line["id"] = id.clone();
        }
        format!("{line}\n")
    }
}

/// A peer's text as it may be shown on a terminal: one line of it, bounded, without its codes.
pub(super) fn printable(text: &str) -> String {
    text.chars().take(MOST_SHOWN).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Longest first line of either side, bytes.
pub(super) const LONGEST_OPENING: usize = 1024;
/// Of a station, bytes.
const LONGEST_NAME: usize = 64;
const MOST_SHOWN: usize = 300;
const OPENING_RIGHT: &str =
    r#"expected {"v":1,"station":"NAME"}, or {"v":1} for the only station, as the first line"#;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_lines_read_back() {
        for opening in [Opening::default(), Opening { station: Some("rsu-7".to_owned()) }] {
            assert_eq!(Opening::parse(opening.line().as_bytes()), Ok(opening));
        }
        let opened = Opened { station: "rsu-7".to_owned(), rights: Right::Declare };
        assert_eq!(Opened::parse(opened.line().as_bytes()), Ok(opened));
        let refused = RemoteRefusal::new("station_unknown", "no station x");
        assert_eq!(Opened::parse(refused.line(None).as_bytes()), Err(refused));
    }

    #[test]
    fn a_line_that_is_none_is_refused() {
        for line in
            ["", "{}x", "[]", r#"{"station":7}"#, r#"{"v":2}"#, r#"{"station":"a","right":"administer"}"#]
        {
            assert_eq!(Opening::parse(line.as_bytes()).unwrap_err().reason, "bad_request", "{line}");
        }
        for line in [
            "",
            "HTTP/1.1 200 OK",
            r#"{"ok":true}"#,
            r#"{"ok":true,"station":"a","rights":"all"}"#,
            r#"{"ok":false}"#,
        ] {
            assert_eq!(Opened::parse(line.as_bytes()).unwrap_err().reason, "no_answer", "{line}");
        }
    }

    #[test]
    fn a_unit_s_refusal_brings_no_codes_to_the_terminal() {
        let said = Opened::parse(br#"{"ok":false,"reason":"x","error":"a\u001b[2Jb\nc"}"#).unwrap_err();
        assert_eq!(said.error, "a\u{fffd}[2Jb\u{fffd}c");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            drop((Opening::parse(&bytes), Opened::parse(&bytes)));
        }
    }
}
