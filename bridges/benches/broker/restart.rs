//! A broker that is killed, stays away for two seconds, and has forgotten everything.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinHandle;
use v2x_bridges::broker::link::{Link, LinkEvent, Subscription};
use v2x_bridges::clock;
use v2x_bridges::message::AirMessage;
use v2x_proto::EventId;

use crate::fleet::{UNITS, Unit, fleet, settings, until};
use crate::mosquitto::Mosquitto;

/// What was measured of one restart.
pub struct Round {
    valid: usize,
    /// Of each subscriber, from its reconnection until it had every valid hazard, seconds.
    complete_s: Vec<f64>,
    expired: u64,
    too_late: u64,
    replaced: u64,
    no_room: u64,
    repeated: u64,
    unexplained: i64,
}

pub fn measure(broker: &mut Mosquitto) -> Round {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let units = fleet(broker.port()).await;
        let mut expected = HashMap::new();
        for unit in &units {
            for event in 0..50 {
                tell(unit, event, 0, 60_000, &mut expected);
            }
        }
        for unit in &units {
            until(|| unit.count("published") >= 50).await;
        }
        broker.kill();
        // The broker's port does not wait for who had it.
        let killed = Instant::now();
        for unit in &units {
            for event in 0..10 {
                tell(unit, event, 5, 60_000, &mut expected);
                tell(unit, event, 7, 60_000, &mut expected);
            }
            for event in 50..55 {
                tell(unit, event, 0, 60_000, &mut expected);
            }
            // Of five the life ends while the broker is away.
            for event in 55..60 {
                let message = unit.declarer.hazard(event, 0, event, clock::now(), 1_500);
                unit.hub.tell(&message, clock::now());
            }
        }
        tokio::time::sleep_until((killed + Duration::from_secs(2)).into()).await;
        broker.begin();
        let port = broker.port();
        let subscribers: Vec<JoinHandle<f64>> = (0..3)
            .map(|number| tokio::spawn(complete(format!("office-{number}"), port, expected.clone())))
            .collect();
        let mut complete_s = Vec::new();
        for subscriber in subscribers {
            complete_s.push(subscriber.await.expect("the subscriber has everything within a minute"));
        }
        for unit in &units {
            until(|| unit.unexplained() == 0 && unit.hub.ends()[0].1.waiting == 0).await;
        }
        let ends = |of: fn(&v2x_bridges::hub::EndCounts) -> u64| {
            units.iter().map(|unit| of(&unit.hub.ends()[0].1)).sum()
        };
        Round {
            valid: expected.len(),
            complete_s,
            expired: ends(|end| end.pending.expired),
            too_late: units.iter().map(|unit| unit.count("too_late")).sum(),
            replaced: ends(|end| end.pending.replaced),
            no_room: ends(|end| end.pending.no_room),
            repeated: units.iter().map(|unit| unit.count("repeated")).sum(),
            unexplained: units.iter().map(Unit::unexplained).sum(),
        }
    })
}

fn tell(unit: &Unit, event: u32, second: u64, lifetime_ms: u32, expected: &mut HashMap<EventId, u64>) {
    let message = unit.declarer.hazard(event, second, event, clock::now(), lifetime_ms);
    let event = message.head().event.expect("it is a hazard");
    expected.insert(event.id, event.reference_time_us);
    unit.hub.tell(&message, clock::now());
}

/// Seconds from this subscriber's connection until it has every event in its newest state.
async fn complete(name: String, port: u16, mut missing: HashMap<EventId, u64>) -> f64 {
    let settings = settings(&name, port).link(None).expect("it needs no file");
    let mut link = loop {
        match Link::open(&settings).await {
            Ok(link) => break link,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    let since = Instant::now();
    link.subscribe(vec!["roadcast/v1/#".to_owned()], Subscription::Own).expect("it is connected");
    let all = async {
        while !missing.is_empty() {
            let LinkEvent::Arrived(arrival) = link.next().await.expect("the broker stays") else { continue };
            let message = AirMessage::read(arrival.payload).expect("a frame");
            let event = message.head().event.expect("a hazard");
            if missing.get(&event.id).is_some_and(|newest| event.reference_time_us >= *newest) {
                missing.remove(&event.id);
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all).await.expect("it has everything within a minute");
    since.elapsed().as_secs_f64()
}

impl Round {
    pub fn json(&self) -> Value {
        json!({
            "units": UNITS,
            "valid": self.valid,
            "complete_s": self.complete_s.iter().map(|seconds| (seconds * 1000.0).round() / 1000.0).collect::<Vec<_>>(),
            "expired": self.expired,
            "too_late": self.too_late,
            "replaced": self.replaced,
            "no_room": self.no_room,
            "repeated": self.repeated,
            "unexplained": self.unexplained,
        })
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "restart {}", self.json())
    }
}
