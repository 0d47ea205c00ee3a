//! An insider with one credential that brings up as many events as it can, under every name that a message may have.

use prost::Message as _;
use v2x_core::{Config, Event, MessageId, Permissions, limits};
use v2x_proto::v1::{Hazard, HazardState};

use super::*;
use crate::signers::permitted;
use testkit::{PLACE, anchor, hazard};

const ATTACKER: [u8; 6] = [2, 6, 6, 6, 6, 6];
const SECONDS: u64 = 20;

/// A road of stations in service, all in the area of what is said.
fn road(crew: &mut Crew) -> Field {
    let places = (0..5).map(|station| (f64::from(station) * 200.0, 0.0)).collect();
    let mut field = Field::with(crew, places, |_| Config {
        plausibility: v2x_core::Plausibility::Off,
        ..Config::vehicle()
    });
    let links = |from: usize, to: usize, _: u64| from.abs_diff(to) == 1;
    field.run(ms(2_000), &links);
    field
}

/// The insider's message about event `number`; the first station hears it.
fn say(field: &mut Field, insider: &Crafter, class: Class, state: HazardState, number: u32) -> MessageId {
    let wire = anchor().wire_at(field.now);
    let base = hazard::new(insider.digest, number, PLACE, wire);
    let payload = Hazard { state: state as i32, ..base }.encode_to_vec();
    let flood = hazard_flood(insider, &payload, field.now);
    let fields = if class == Class::D3 {
        flood
    } else {
        TbsRepr { class, lifetime_ms: 300, max_hops: 1, area: None, ..flood }
    };
    field.hear(0, &insider.full(&fields), ATTACKER);
    MessageId { signer: insider.digest, class, sequence: fields.sequence }
}

/// Twenty messages a second, each about the event that `number` says. Events that the last station knows of, and messages
/// that stations sent on.
fn storm(class: Class, state: HazardState, number: impl Fn(u32) -> u32) -> (usize, usize, Field) {
    let insider = permitted(Permissions(u64::MAX).without(Permissions::ISSUE));
    let mut field = road(&mut Crew::default());
    let links = |from: usize, to: usize, _: u64| from.abs_diff(to) == 1;
    let start = field.now;
    for turn in 0..SECONDS as u32 * 20 {
        field.run(start + Duration::from_millis(50) * turn, &links);
        say(&mut field, &insider, class, state, number(turn));
    }
    field.run(start + Duration::from_secs(SECONDS + 1), &links);
    let mut sent: Vec<_> = field.forwarded().iter().map(|(_, _, forwarded)| forwarded.id.sequence).collect();
    sent.sort_unstable();
    sent.dedup();
    let known = field.events.iter().filter(|(_, station, event)| {
        *station == 0
            && matches!(event, Event::Hazard(changed) if changed.change == v2x_core::HazardChange::New)
    });
    (known.count(), sent.len(), field)
}

#[test]
fn what_is_new_to_the_receiver_is_counted_whatever_it_is_called() {
    let most = limits::NEW_EVENT_RATE.most_in(Duration::from_secs(SECONDS));
    for state in [HazardState::New, HazardState::Update, HazardState::Cancel, HazardState::Negate] {
        let (known, sent, field) = storm(Class::D3, state, |turn| turn);
        assert!(
            known <= most && sent <= most,
            "{state:?}: {known} events and {sent} floods of at most {most}"
        );
        assert!(sent >= 30, "{state:?}: the rate itself is its own: {sent}");
        assert!(field.nodes.iter().all(|node| node.event_table().len() <= most), "{state:?}");
    }
}

#[test]
fn updates_of_one_event_are_floods_too() {
    let (known, sent, _) = storm(Class::D3, HazardState::Update, |_| 7);
    let most = limits::signer_rate(Class::D3).most_in(Duration::from_secs(SECONDS));
    assert_eq!(known, 1);
    assert!((80..=most).contains(&sent) && most <= 121, "{sent} of 400");
}

#[test]
fn alerts_about_events_that_are_new_have_a_rate_of_their_own() {
    let (known, ..) = storm(Class::D1, HazardState::Update, |turn| turn);
    let most = limits::NEW_ALERT_RATE.most_in(Duration::from_secs(SECONDS));
    assert!((60..=most).contains(&known) && most < 100, "{known} of 400");
}

#[test]
fn events_whose_numbers_are_alike_in_half_of_their_bits_are_new_each() {
    for (class, rate) in [(Class::D3, limits::NEW_EVENT_RATE), (Class::D1, limits::NEW_ALERT_RATE)] {
        let (known, sent, _) = storm(class, HazardState::New, |turn| turn << 16);
        let most = rate.most_in(Duration::from_secs(SECONDS));
        assert!(known <= most && sent <= most, "{class:?}: {known} and {sent} of at most {most}");
    }
}

// A unit that keeps many events is heard by a newcomer all at once; what its rate holds back comes with the repetitions.
#[test]
fn a_newcomer_learns_all_the_events_of_one_station_from_their_repetitions() {
    let unit = permitted(Permissions(u64::MAX).without(Permissions::ISSUE));
    let mut field = road(&mut Crew::default());
    let wire = anchor().wire_at(field.now);
    let messages: Vec<_> = (0..16)
        .map(|number| {
            let base = hazard::new(unit.digest, number, PLACE, wire);
            let payload = Hazard { state: HazardState::Update as i32, ..base }.encode_to_vec();
            unit.full(&hazard_flood(&unit, &payload, field.now))
        })
        .collect();
    let start = field.now;
    for second in 0..25 {
        field.run(start + Duration::from_secs(second), &|_, _, _| false);
        let beacon = unit.full(&unit.fields(field.now));
        field.hear(0, &beacon, ATTACKER);
        messages.iter().for_each(|message| field.hear(0, message, ATTACKER));
    }
    assert_eq!(field.nodes[0].event_table().len(), 16);
}

// One signed frame that all stations of an area would repeat each few milliseconds for as long as it lives.
#[test]
fn a_flood_that_asks_to_be_kept_alive_each_millisecond_is_repeated_once_a_second() {
    let insider = permitted(Permissions(u64::MAX).without(Permissions::ISSUE));
    let mut field = road(&mut Crew::default());
    let all = |_: usize, _: usize, _: u64| true;
    field.run(ms(3_000), &all);
    let base = hazard::new(insider.digest, 1, PLACE, anchor().wire_at(field.now));
    let payload = Hazard { keep_alive_interval_ms: Some(1), ..base }.encode_to_vec();
    let frame = insider.full(&hazard_flood(&insider, &payload, field.now));
    (0..5).for_each(|station| field.hear(station, &frame, ATTACKER));
    field.run(ms(4_000), &all);
    let before = field.forwarded().len();
    field.run(ms(14_000), &all);
    let kept = field.forwarded().len() - before;
    assert!((5..=15).contains(&kept), "{kept} copies in ten seconds");
}

// A beacon that names a flood that does not exist has each station in reach look for it.
#[test]
fn floods_that_do_not_exist_hasten_few_beacons() {
    let insider = permitted(Permissions(u64::MAX).without(Permissions::ISSUE));
    let mut field = road(&mut Crew::default());
    let beacons = |field: &Field| {
        let of = |(_, station, event): &&(Instant, usize, Event)| {
            *station == 0 && matches!(event, Event::Sent(sent) if sent.id.class == Class::D2)
        };
        field.events.iter().filter(of).count()
    };
    let (start, before) = (field.now, beacons(&field));
    for turn in 0..100 {
        field.run(start + Duration::from_millis(100) * turn, &|_, _, _| false);
        let payload = v2x_proto::v1::Awareness {
            station_type: 5,
            floods_held: vec![turn * 7_919 + 1],
            ..Default::default()
        };
        let payload = payload.encode_to_vec();
        let fields = TbsRepr { payload: &payload, ..insider.fields(field.now) };
        field.hear(0, &insider.full(&fields), ATTACKER);
    }
    let sent = beacons(&field) - before;
    assert!((11..=10 + 4 + 6).contains(&sent), "{sent} in ten seconds, where ten are due");
}
