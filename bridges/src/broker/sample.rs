//! Hazards for the tests of this part, at the second 0 of the kit's clock.

use testkit::craft::{Crafter, DeclaredHazard};
use v2x_core::Instant;
use v2x_proto::Class;
use v2x_proto::v1::HazardState;

use crate::message::AirMessage;

/// One station's hazards.
pub(super) struct Declarer {
    crafter: Crafter,
}

impl Declarer {
    pub fn new(number: u32) -> Self {
        Self { crafter: Crafter::station(number) }
    }

    /// The event of this number, in its state so many seconds after the first; it lives for a minute.
    pub fn hazard(&self, event: u32, second: u64) -> AirMessage {
        self.living(event, second, 60_000)
    }

    pub fn living(&self, event: u32, second: u64, lifetime_ms: u32) -> AirMessage {
        self.message(&DeclaredHazard { lifetime_ms, ..DeclaredHazard::new(event, second) })
    }

    pub fn wide(&self, event: u32, second: u64, radius_m: u32) -> AirMessage {
        let state = HazardState::Update;
        self.message(&DeclaredHazard { state, radius_m, ..DeclaredHazard::new(event, second) })
    }

    pub fn end(&self, event: u32, second: u64) -> AirMessage {
        self.message(&DeclaredHazard { state: HazardState::Cancel, ..DeclaredHazard::new(event, second) })
    }

    /// Background, which is about no event.
    pub fn background(&self) -> AirMessage {
        let mut fields = self.crafter.fields_in(Class::D5, Instant::ZERO);
        fields.lifetime_ms = 60_000;
        AirMessage::read(self.crafter.full(&fields)).unwrap()
    }

    fn message(&self, declared: &DeclaredHazard) -> AirMessage {
        AirMessage::read(self.crafter.declare(declared)).unwrap()
    }
}
