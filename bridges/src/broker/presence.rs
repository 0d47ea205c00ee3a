//! That a bridge is there, for whoever looks at a broker: a retained status that has to be renewed, and a will.

use std::num::NonZeroU32;
use std::time::Duration;

use serde_json::{Value, json};
use v2x_core::WireTime;

use super::link::Note;

/// What a status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// The bridge is connected.
    Up,
    /// It said farewell.
    Stopped,
    /// The broker lost it.
    Lost,
}

impl Presence {
    /// The status of `bridge` on its topic: a line of JSON. Of one that is up it ends by itself when it is not renewed; of another after a
    /// day, so that the morning after still shows it.
    ///
    /// `updates`: what the unit runs of what its operator gives it, a list that goes in as it is; null where there is no operator.
    #[must_use]
    pub fn note(self, topic: &str, bridge: &str, updates: &Value, now: WireTime) -> Note {
        let (state, expiry_s) = match self {
            Self::Up => ("up", UP_S),
            Self::Stopped => ("stopped", GONE_S),
            Self::Lost => ("lost", GONE_S),
        };
        // A will is written when the connection begins: it cannot say when it was lost.
        let at = (self != Self::Lost).then(|| now.unix_micros()).flatten().map(|micros| micros / 1_000_000);
        let status = json!({
            "v": 1,
            "name": bridge,
            "state": state,
            "at_unix_s": at,
            "updates": updates,
            "software": concat!("roadcast-bridge ", env!("CARGO_PKG_VERSION")),
        });
        Note {
            topic: topic.to_owned(),
            payload: status.to_string().into(),
            expiry_s: NonZeroU32::new(expiry_s),
            retain: true,
        }
    }
}

/// How often a status is renewed: three times before it ends.
pub const RENEWAL: Duration = Duration::from_secs(30);
const UP_S: u32 = 90;
const GONE_S: u32 = 86_400;
