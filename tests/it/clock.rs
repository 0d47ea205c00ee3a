//! Clocks that are wrong, and clocks that are set: what a station makes of its own and of others'.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use v2x_core::freshness::FUTURE;
use v2x_core::{AwarenessRule, ClockState, Config, Event, Input, Instant, SendingState, WireTime};
use v2x_proto::Class;
use v2x_proto::envelope::TbsRepr;

use testkit::craft::{Crafter, circle, hazard};
use testkit::{PLACE, START, Station, anchor, fix};

const AT: Instant = Instant::from_millis(2_000);
const HOUR: Duration = Duration::from_secs(3600);

/// Sets a station's clock to `wire` at `now`.
fn set(station: &mut Station, now: Instant, wire: WireTime) {
    station.feed(now, Input::Clock { wire, state: ClockState::Locked });
}

fn right(now: Instant) -> WireTime {
    anchor().wire_at(now)
}

fn states(station: &Station) -> Vec<SendingState> {
    let state = |event: &Event| match event {
        Event::Sending(state) => Some(*state),
        _ => None,
    };
    station.events.iter().filter_map(state).collect()
}

/// A beacon of `car` whose clock is `ahead` of the right one.
fn beacon(car: &Crafter, now: Instant, ahead: Duration) -> Bytes {
    let generation_time_us = (right(now) + ahead).as_micros();
    car.full(&TbsRepr { generation_time_us, ..car.fields(now) })
}

/// A flood of `car`, generated at `now` by the right clock, good for ten minutes.
fn flood(car: &Crafter, now: Instant, payload: &[u8]) -> Bytes {
    car.full(&TbsRepr {
        message_type: v2x_proto::v1::MessageType::Hazard as u32,
        class: Class::D3,
        lifetime_ms: 600_000,
        // Not remembered as a flood: it is the replay windows that these tests are about.
        max_hops: 1,
        area: Some(circle(1000)),
        payload,
        ..car.fields(now)
    })
}

// C2C basic system profile: at most 220 ms ahead.
#[test]
fn a_sender_may_be_220_ms_ahead_and_no_microsecond_more() {
    let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
    receiver.hear(AT, &beacon(&car, AT, Duration::from_micros(FUTURE)));
    assert_eq!(receiver.received(), 1);
    receiver.hear(AT, &beacon(&car, AT, Duration::from_micros(FUTURE + 1)));
    assert_eq!((receiver.received(), receiver.last_drop()), (1, Some("from_future")));
}

#[test]
fn a_station_signs_while_its_clock_is_held_over_and_not_when_it_is_untrusted() {
    let mut station = Station::new(1, Config::vehicle());
    station.start(AT, PLACE);
    for (state, sending) in [
        (ClockState::Holdover, SendingState::Allowed),
        (ClockState::Untrusted, SendingState::ClockUntrusted),
        (ClockState::Locked, SendingState::Allowed),
    ] {
        station.feed(AT, Input::Clock { wire: right(AT), state });
        assert_eq!((station.node.sending(), station.node.clock()), (sending, state));
    }
    let told = states(&station);
    assert_eq!(told[told.len() - 2..], [SendingState::ClockUntrusted, SendingState::Allowed]);
}

#[test]
fn honest_stations_are_heard_again_after_a_step_forward_and_back() {
    let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
    receiver.hear(AT, &beacon(&car, AT, Duration::ZERO));
    set(&mut receiver, AT, right(AT) + HOUR / 4);
    let soon = AT + Duration::from_millis(100);
    receiver.hear(soon, &beacon(&car, soon, Duration::ZERO));
    assert_eq!(receiver.last_drop(), Some("stale"));
    set(&mut receiver, soon, right(soon));
    receiver.hear(soon, &beacon(&car, soon, Duration::ZERO));
    assert_eq!(receiver.received(), 2);
}

#[test]
fn honest_stations_are_heard_again_after_a_step_back_and_forward() {
    let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
    set(&mut receiver, AT, START - Duration::from_secs(50));
    receiver.hear(AT, &beacon(&car, AT, Duration::ZERO));
    assert_eq!(receiver.last_drop(), Some("from_future"));
    set(&mut receiver, AT, right(AT));
    receiver.hear(AT, &beacon(&car, AT, Duration::ZERO));
    assert_eq!(receiver.received(), 1);
}

#[test]
fn a_neighbour_that_was_ahead_together_with_us_moves_again_when_both_are_right() {
    let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
    set(&mut receiver, AT, right(AT) + HOUR / 4);
    receiver.hear(AT, &beacon(&car, AT, HOUR / 4));
    set(&mut receiver, AT, right(AT));
    let soon = AT + Duration::from_millis(500);
    let moved = PLACE.moved(0.0, 10.0);
    let fields = car.fields(soon);
    receiver
        .hear(soon, &car.full(&TbsRepr { latitude: moved.latitude, longitude: moved.longitude, ..fields }));
    assert_eq!(receiver.received(), 2);
    assert_eq!(receiver.node.neighbours().next().unwrap().position(), moved);
}

#[test]
fn a_message_is_not_accepted_twice_because_the_clock_was_ahead_for_a_while() {
    let (car, other, mut receiver) = (Crafter::station(1), Crafter::station(2), Station::silent(9));
    let payload = hazard(AT);
    let bytes = flood(&car, AT, &payload);
    receiver.hear(AT, &bytes);
    assert_eq!(receiver.received(), 1);
    // An hour ahead all that was heard is past; the neighbour is forgotten, and its windows with it.
    set(&mut receiver, AT, right(AT) + HOUR / 4);
    let later = AT + Duration::from_secs(60);
    receiver.feed(later, fix(later, PLACE));
    while receiver.deadline.0 <= later {
        receiver.feed(later, Input::Timeout);
    }
    assert_eq!(receiver.node.neighbours().count(), 0);
    // Its copy is forgotten too, as other stations' messages show.
    for seconds in [61, 64] {
        let at = AT + Duration::from_secs(seconds);
        receiver.feed(at, fix(at, PLACE));
        receiver.hear(at, &beacon(&other, at, HOUR / 4));
    }
    let later = AT + Duration::from_secs(65);
    // The clock is right again, and the message still good by its own time.
    set(&mut receiver, later, right(later));
    receiver.hear(later, &bytes);
    assert_eq!((receiver.received(), receiver.last_drop()), (3, Some("replayed")));
    let payload = hazard(later);
    receiver.hear(later, &flood(&car, later, &payload));
    assert_eq!(receiver.received(), 4, "what it says now is heard");
}

#[test]
fn a_station_whose_clock_is_stepped_is_still_heard_by_those_whose_was_not() {
    let mut sender = Station::new(
        1,
        Config { awareness: AwarenessRule::Every(Duration::from_millis(100)), ..Config::vehicle() },
    );
    let mut receiver = Station::silent(9);
    sender.start(AT, PLACE);
    let mut delivered = Vec::new();
    for (phase, step) in [Duration::ZERO, HOUR / 4, Duration::ZERO].into_iter().enumerate() {
        let from = AT + Duration::from_secs(5) * phase as u32;
        set(&mut sender, from, right(from) + step);
        let before = receiver.received();
        for tenth in 0..20 {
            let now = from + Duration::from_millis(100) * tenth;
            receiver.feed(now, fix(now, PLACE));
            let mut sent = sender.feed(now, Input::Fix(None));
            let Input::Fix(Some(mut own)) = fix(now, PLACE) else { unreachable!() };
            own.time = own.time + step;
            sent.extend(sender.feed(now, Input::Fix(Some(own))));
            while sender.deadline.0 <= now {
                sent.extend(sender.feed(now, Input::Timeout));
            }
            sent.iter().for_each(|bytes| receiver.hear(now, bytes));
        }
        delivered.push(receiver.received() - before);
    }
    assert!(delivered[0] > 10 && delivered[1] == 0 && delivered[2] > 10, "{delivered:?}");
    assert_eq!(receiver.drops().keys().copied().collect::<Vec<_>>(), ["from_future"]);
}

proptest! {
    #[test]
    fn no_sequence_of_clock_steps_breaks_the_contract(
        steps in proptest::collection::vec((0_u64..40_000, -900_i64..900, 0_usize..6), 1..60),
    ) {
        stepped(&steps);
    }

    // A clock that is ahead now and then, and never behind.
    #[test]
    fn no_sequence_of_clock_steps_lets_a_message_in_twice(
        steps in proptest::collection::vec((0_u64..40_000, 0_i64..900, 0_usize..6), 1..60),
    ) {
        let receiver = stepped(&steps);
        let mut ids: Vec<_> = receiver.events.iter().filter_map(|event| match event {
            Event::Received(received) => Some(received.id),
            _ => None,
        }).collect();
        let count = ids.len();
        ids.sort();
        ids.dedup();
        prop_assert_eq!(ids.len(), count, "delivered twice");
    }
}

/// A station that hears one of six messages after each step: time passed in ms, how far its clock is off in s,
/// which message. Each ends once.
fn stepped(steps: &[(u64, i64, usize)]) -> Station {
    let car = Crafter::station(1);
    let mut receiver = Station::silent(9);
    let payload = hazard(AT);
    let message = |n| match n % 2 {
        0 => flood(&car, AT, &payload),
        _ => beacon(&car, AT, Duration::ZERO),
    };
    let messages: Vec<Bytes> = (0..6).map(message).collect();
    let mut now = AT;
    for (millis, seconds, message) in steps {
        let wire = right(now).as_micros().saturating_add_signed(seconds * 1_000_000);
        set(&mut receiver, now, WireTime::from_micros(wire));
        receiver.feed(now, fix(now, PLACE));
        receiver.hear(now, &messages[*message]);
        now = now + Duration::from_millis(*millis);
        while receiver.deadline.0 <= now {
            let at = receiver.deadline.0;
            receiver.feed(at, Input::Timeout);
        }
    }
    let dropped: usize = receiver.drops().values().sum();
    assert_eq!(receiver.received() + dropped, steps.len());
    receiver
}
