//! The units, and their hazards.

use bytes::Bytes;
use prost::Message as _;
use testkit::craft::{self, Crafter};
use v2x_bridges::broker::topic::Topics;
use v2x_bridges::broker::{BrokerLink, BrokerSettings, Updates};
use v2x_bridges::budget::BudgetLimits;
use v2x_bridges::hub::Hub;
use v2x_bridges::message::AirMessage;
use v2x_bridges::select::Selection;
use v2x_core::{Instant, WireTime};
use v2x_proto::{Class, v1};

pub const UNITS: usize = 20;

/// A unit: its hub, its link, and the station that declares.
pub struct Unit {
    pub hub: Hub,
    pub link: BrokerLink,
    pub declarer: Declarer,
}

pub struct Declarer {
    pub crafter: Crafter,
}

impl Declarer {
    pub fn new(unit: usize) -> Self {
        Self { crafter: Crafter::station(u32::try_from(unit).expect("there are twenty") + 1) }
    }

    /// A hazard of the event of this number in its state of this second, made at `at`.
    pub fn hazard(
        &self,
        event: u32,
        second: u64,
        sequence: u32,
        at: WireTime,
        lifetime_ms: u32,
    ) -> AirMessage {
        let mut hazard = craft::hazard_of(self.crafter.digest, Instant::ZERO);
        hazard.id =
            Some(v1::EventId { origin: Bytes::copy_from_slice(&self.crafter.digest.0), number: event });
        hazard.reference_time_us += second * 1_000_000;
        let payload = hazard.encode_to_vec();
        let mut fields = self.crafter.fields_in(Class::D3, Instant::ZERO);
        fields.generation_time_us = at.as_micros();
        fields.sequence = sequence;
        fields.message_type = v1::MessageType::Hazard as u32;
        fields.lifetime_ms = lifetime_ms;
        fields.area = Some(craft::circle(500));
        fields.payload = &payload;
        AirMessage::read(self.crafter.full(&fields)).expect("it is a frame")
    }
}

pub fn settings(name: &str, port: u16) -> BrokerSettings {
    BrokerSettings {
        address: format!("mqtt://127.0.0.1:{port}").parse().expect("it is an address"),
        ca: None,
        client_id: format!("roadcast-{name}"),
        username: None,
        password_file: None,
        topics: Topics::new("roadcast").expect("it is a prefix"),
        send: Selection::default(),
        // Each has its own region in the field; here it would be the same.
        receive: Selection::nothing(),
        budget: BudgetLimits { messages_s: 100_000, bytes_s: 100_000_000 },
        queue: 1000,
    }
}

/// Units that are connected.
pub async fn fleet(port: u16) -> Vec<Unit> {
    let mut units = Vec::new();
    for unit in 0..UNITS {
        let (name, hub) = (format!("unit-{unit}"), Hub::new());
        let link = BrokerLink::start(&settings(&name, port), &name, &hub, None, Updates::none())
            .expect("it needs no file");
        units.push(Unit { hub, link, declarer: Declarer::new(unit) });
    }
    for unit in &units {
        until(|| unit.count("published") + unit.count("connections") > 0).await;
    }
    units
}

impl Unit {
    pub fn count(&self, key: &str) -> u64 {
        self.link.status()()[key].as_u64().unwrap_or_default()
    }

    /// Messages that went into its queue and that neither the broker has nor a count explains.
    pub fn unexplained(&self) -> i64 {
        let (_, end) = self.hub.ends().swap_remove(0);
        let sum = |keys: &[&str]| keys.iter().map(|key| self.count(key)).sum::<u64>();
        let sent = sum(&[
            "published",
            "superseded",
            "already_there",
            "too_late",
            "too_large",
            "refused",
            "under_way",
        ]);
        let waits = end.waiting as u64 + end.pending.replaced + end.pending.expired + end.pending.no_room;
        (end.offered + self.count("repeated")).cast_signed() - (sent + waits).cast_signed()
    }
}

pub async fn until(mut is: impl FnMut() -> bool) {
    let wait = async {
        while !is() {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), wait)
        .await
        .expect("it becomes so within a minute");
}
