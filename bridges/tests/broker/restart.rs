//! A broker that goes away and comes back without its memory.

use std::collections::BTreeMap;

use v2x_bridges::message::AirMessage;
use v2x_proto::EventId;
use v2x_proto::v1::HazardState;

use crate::mosquitto::Mosquitto;
use crate::unit::{Declarer, Unit};

#[tokio::test]
async fn every_hazard_that_is_valid_is_at_every_subscriber_after_a_restart() {
    let Some(mut broker) = Mosquitto::start("") else { return };
    let publisher = Unit::start("a", broker.port());
    let mut subscribers = [Unit::start("b", broker.port()), Unit::start("c", broker.port())];
    let declarer = Declarer::new(3);
    for event in 1..=50 {
        publisher.tell(&declarer.hazard(event, 0));
    }
    publisher.reaches("published", 50).await;
    for subscriber in &subscribers {
        subscriber.reaches("arrived", 50).await;
    }
    broker.kill();
    publisher.until("lost", |unit| unit.status("connected") == false).await;
    // Meanwhile: newer states, one of them twice; ends; new events, of which one ends before there is a broker again.
    for event in 1..=10 {
        publisher.tell(&declarer.hazard(event, 5));
    }
    publisher.tell(&declarer.hazard(1, 7));
    for event in 11..=20 {
        publisher.tell(&declarer.end(event, 5));
    }
    for event in 51..=60 {
        publisher.tell(&declarer.hazard(event, 0));
    }
    publisher.tell(&declarer.message(61, 0, HazardState::New, 1));
    broker.begin();
    for subscriber in &subscribers {
        subscriber
            .until("connected again", |unit| {
                unit.count("connections") >= 2 && unit.status("connected") == true
            })
            .await;
    }
    publisher.until("all sent", |unit| unit.count("published") >= 50 + 30 + 30).await;
    // Who was away gets it from what is retained, who comes now too.
    let mut late = Unit::start("d", broker.port());
    late.reaches("arrived", 50).await;
    let expected: BTreeMap<u32, u64> = (1..=60)
        .filter(|event| !(11..=20).contains(event))
        .map(|event| {
            (
                event,
                match event {
                    1 => 7,
                    2..=10 => 5,
                    _ => 0,
                },
            )
        })
        .collect();
    let zero = declarer.hazard(0, 0).head().event.unwrap().reference_time_us;
    assert_eq!(state(&mut late, zero), expected, "what is retained");
    for subscriber in &mut subscribers {
        // Ends went to those who were there when the publisher came back; some came back later.
        let mut state = state(subscriber, zero);
        state.retain(|event, _| !(11..=20).contains(event));
        assert_eq!(state, expected);
    }
    let ends = publisher.hub.ends();
    let counts = &ends[0].1;
    assert_eq!((counts.pending.expired, counts.pending.no_room), (1, 0));
    assert_eq!(
        (publisher.count("refused"), publisher.count("too_large"), publisher.count("too_late")),
        (0, 0, 0)
    );
    assert!(publisher.count("repeated") >= 30, "{}", publisher.count("repeated"));
}

/// The events that a station knows from afar, with the second of their newest state.
fn state(unit: &mut Unit, zero: u64) -> BTreeMap<u32, u64> {
    let mut newest: BTreeMap<EventId, (u64, bool)> = BTreeMap::new();
    while let Some(frame) = unit.station.try_recv() {
        let message = AirMessage::read(frame.frame).unwrap();
        let event = message.head().event.unwrap();
        let known = newest.entry(event.id).or_insert((0, false));
        *known = (*known).max((event.reference_time_us, event.ends));
    }
    let there = newest.into_iter().filter(|(_, (_, ends))| !ends);
    there.map(|(id, (at, _))| (id.number, (at - zero) / 1_000_000)).collect()
}

#[tokio::test]
async fn a_message_that_was_not_acknowledged_is_sent_again() {
    let Some(mut broker) = Mosquitto::start("") else { return };
    let publisher = Unit::start("a", broker.port());
    publisher.connected().await;
    let declarer = Declarer::new(3);
    for event in 1..=500 {
        publisher.tell(&declarer.hazard(event, 0));
    }
    publisher.reaches("published", 20).await;
    broker.kill();
    publisher.until("lost", |unit| unit.status("connected") == false).await;
    broker.begin();
    let follower = Unit::start("b", broker.port());
    follower.reaches("arrived", 500).await;
    let counts = publisher.hub.ends()[0].1;
    assert_eq!((counts.waiting, counts.pending.no_room, counts.pending.expired), (0, 0, 0));
}

#[tokio::test]
async fn while_the_broker_is_away_the_newest_of_each_event_waits_and_of_too_many_the_longest_lived() {
    let Some(mut broker) = Mosquitto::start("") else { return };
    broker.kill();
    let mut settings = crate::unit::settings("a", broker.port());
    settings.queue = 10;
    let publisher = Unit::with("a", &settings);
    let declarer = Declarer::new(3);
    for second in 0..100 {
        publisher.tell(&declarer.hazard(1, second));
    }
    for event in 2..=15 {
        publisher.tell(&declarer.message(event, 0, HazardState::New, 60_000 + 1000 * event));
    }
    let counts = publisher.hub.ends()[0].1;
    assert_eq!((counts.pending.replaced, counts.pending.no_room, counts.waiting), (99, 5, 10));
    broker.begin();
    let mut follower = Unit::start("b", broker.port());
    publisher.reaches("published", 10).await;
    follower.reaches("arrived", 10).await;
    let mut events: Vec<u32> = Vec::new();
    while let Some(frame) = follower.station.try_recv() {
        let message = AirMessage::read(frame.frame).unwrap();
        events.push(message.head().event.unwrap().id.number);
    }
    events.sort_unstable();
    assert_eq!(events, (6..=15).collect::<Vec<_>>(), "those that end last");
}
