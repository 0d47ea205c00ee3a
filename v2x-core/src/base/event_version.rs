//! Identity and version of the event that a message is about.

use v2x_proto::{Digest, v1};

use super::time::WireTime;

/// Which event a flood is about, and which version of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventVersion {
    /// Who declared the event.
    pub origin: Digest,
    /// Its number among the origin's.
    pub number: u32,
    /// When this version of it was made.
    pub reference: WireTime,
}

impl EventVersion {
    /// The event that a hazard message is about; `None` when it names no event.
    #[must_use]
    pub fn of(hazard: &v1::Hazard) -> Option<Self> {
        let id = hazard.id.as_ref()?;
        let origin = Digest(*id.origin.first_chunk::<8>()?);
        Some(Self { origin, number: id.number, reference: WireTime::from_micros(hazard.reference_time_us) })
    }

    /// Whether the other is about the same event.
    #[must_use]
    pub fn same_event(&self, other: &Self) -> bool {
        (self.origin, self.number) == (other.origin, other.number)
    }
}
