//! A bridge's link to a broker, with a hub in place of stations; and messages for it.

use std::time::Duration;

use serde_json::Value;
use testkit::craft::{Crafter, DeclaredHazard};
use v2x_bridges::broker::topic::Topics;
use v2x_bridges::broker::{BrokerLink, BrokerSettings, Updates};
use v2x_bridges::budget::BudgetLimits;
use v2x_bridges::clock;
use v2x_bridges::hub::{Hub, StationFrames};
use v2x_bridges::message::AirMessage;
use v2x_bridges::select::Selection;
use v2x_proto::v1;

/// A link with the hub it serves.
pub struct Unit {
    pub hub: Hub,
    pub link: BrokerLink,
    pub station: StationFrames,
}

pub fn settings(name: &str, port: u16) -> BrokerSettings {
    BrokerSettings {
        address: format!("mqtt://127.0.0.1:{port}").parse().unwrap(),
        ca: None,
        client_id: format!("roadcast-{name}"),
        username: None,
        password_file: None,
        topics: topics(),
        send: Selection::default(),
        receive: Selection::default(),
        budget: BudgetLimits { messages_s: 10_000, bytes_s: 10_000_000 },
        queue: 1000,
    }
}

pub fn topics() -> Topics {
    Topics::new("roadcast").unwrap()
}

impl Unit {
    pub fn start(name: &str, port: u16) -> Self {
        Self::with(name, &settings(name, port))
    }

    pub fn with(name: &str, settings: &BrokerSettings) -> Self {
        let hub = Hub::new();
        let station = hub.station(clock::now());
        let link = BrokerLink::start(settings, name, &hub, None, Updates::none()).unwrap();
        Self { hub, link, station }
    }

    /// Its station heard this.
    pub fn tell(&self, message: &AirMessage) {
        self.hub.tell(message, clock::now());
    }

    pub fn status(&self, key: &str) -> Value {
        self.link.status()().get(key).cloned().unwrap_or(Value::Null)
    }

    pub fn count(&self, key: &str) -> u64 {
        self.status(key).as_u64().unwrap_or_default()
    }

    /// Waits until a count is at least so high.
    pub async fn reaches(&self, key: &str, least: u64) {
        self.until(key, |unit| unit.count(key) >= least).await;
    }

    pub async fn connected(&self) {
        self.until("connected", |unit| unit.status("connected") == true).await;
    }

    pub async fn until(&self, what: &str, mut is: impl FnMut(&Self) -> bool) {
        let wait = async {
            while !is(self) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        assert!(waited.is_ok(), "{what}: {}", self.link.status()());
    }

    /// The next message for its station.
    pub async fn next(&mut self) -> AirMessage {
        let next = tokio::time::timeout(PATIENCE, self.station.recv()).await;
        AirMessage::read(next.expect("a message in time").frame).unwrap()
    }
}

/// One station's hazards.
pub struct Declarer {
    crafter: Crafter,
}

impl Declarer {
    pub fn new(number: u32) -> Self {
        Self { crafter: Crafter::station(number) }
    }

    /// A message about the event of this number, in the state it was in so many seconds after the first; it lives from now.
    pub fn message(&self, event: u32, second: u64, state: v1::HazardState, lifetime_ms: u32) -> AirMessage {
        self.sized(event, second, state, lifetime_ms, 500)
    }

    /// The same about an area of this radius.
    pub fn sized(
        &self,
        event: u32,
        second: u64,
        state: v1::HazardState,
        lifetime_ms: u32,
        radius_m: u32,
    ) -> AirMessage {
        let generation_us = Some(clock::now().as_micros());
        let declared = DeclaredHazard { event, second, state, lifetime_ms, radius_m, generation_us };
        AirMessage::read(self.crafter.declare(&declared)).unwrap()
    }

    pub fn hazard(&self, event: u32, second: u64) -> AirMessage {
        self.message(event, second, v1::HazardState::New, 60_000)
    }

    pub fn end(&self, event: u32, second: u64) -> AirMessage {
        self.message(event, second, v1::HazardState::Cancel, 60_000)
    }
}

pub fn topic(message: &AirMessage) -> String {
    topics().of(message.head())
}

pub fn hex(message: &AirMessage) -> String {
    message.frame().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub const PATIENCE: Duration = Duration::from_secs(20);
