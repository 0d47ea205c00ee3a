//! Whether the deadlines were kept.

use core::fmt;

use serde::{Deserialize, Serialize};

/// Whether the deadlines were kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every class with traffic met its miss target.
    Met,
    /// At least one did not.
    Missed,
    /// No message of a class with a deadline was due to anyone: there is no evidence.
    NothingToJudge,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Met => "met",
            Verdict::Missed => "missed",
            Verdict::NothingToJudge => "nothing to judge",
        })
    }
}
