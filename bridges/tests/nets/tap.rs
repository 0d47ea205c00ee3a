//! Captures of what a station's radio heard and sent.

use std::path::Path;

use serde_json::Value;

use crate::nets::program::run;
use crate::nets::station::text;

/// A frame that was on the air.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// When: the kernel's stamp of one that was heard; else when the link had it. Unix time, ns.
    pub at_ns: u64,
    /// Of what it carries: `hazard`, `awareness` ...
    pub kind: String,
    /// The message, by its signer, class and number.
    pub message: String,
    /// Whose radio it came from.
    pub forwarder: String,
    /// Whose message it is.
    pub signer: String,
}

/// Every frame of a capture that can be read.
pub fn read(roadcast: &Path, capture: &Path) -> Vec<Frame> {
    let dump = run(roadcast, &["dump", "--json", &text(capture)], "");
    let frames = dump
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|e| panic!("{line}: {e}")));
    frames.filter(|line| line["undecodable"].is_null()).map(|line| frame(&line)).collect()
}

fn frame(line: &Value) -> Frame {
    let word = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
    Frame {
        at_ns: line["time_unix_ns"].as_u64().unwrap_or_else(|| panic!("no time: {line}")),
        kind: word("message"),
        message: format!("{}/{}/{}", word("signer"), word("class"), line["sequence"]),
        forwarder: word("forwarder"),
        signer: word("signer"),
    }
}
