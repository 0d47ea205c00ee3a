//! Hazards for the tests of this part, at the second 0 of the kit's clock.

use prost::Message as _;
use testkit::craft::{self, Crafter};
use v2x_core::Instant;
use v2x_proto::{Class, v1};

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
        self.message(event, second, v1::HazardState::New, lifetime_ms, 500)
    }

    pub fn wide(&self, event: u32, second: u64, radius_m: u32) -> AirMessage {
        self.message(event, second, v1::HazardState::Update, 60_000, radius_m)
    }

    pub fn end(&self, event: u32, second: u64) -> AirMessage {
        self.message(event, second, v1::HazardState::Cancel, 60_000, 500)
    }

    /// Background, which is about no event.
    pub fn background(&self) -> AirMessage {
        let mut fields = self.crafter.fields_in(Class::D5, Instant::ZERO);
        fields.lifetime_ms = 60_000;
        AirMessage::read(self.crafter.full(&fields)).unwrap()
    }

    fn message(
        &self,
        event: u32,
        second: u64,
        state: v1::HazardState,
        lifetime_ms: u32,
        radius_m: u32,
    ) -> AirMessage {
        let mut hazard = craft::hazard_of(self.crafter.digest, Instant::ZERO);
        hazard.id = Some(v1::EventId { origin: self.crafter.digest.0.to_vec().into(), number: event });
        hazard.reference_time_us += second * 1_000_000;
        hazard.state = state as i32;
        let payload = hazard.encode_to_vec();
        let mut fields = self.crafter.fields_in(Class::D3, Instant::ZERO);
        fields.message_type = v1::MessageType::Hazard as u32;
        fields.lifetime_ms = lifetime_ms;
        fields.area = Some(craft::circle(radius_m));
        fields.payload = &payload;
        AirMessage::read(self.crafter.full(&fields)).unwrap()
    }
}
