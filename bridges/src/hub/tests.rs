use std::time::Duration;

use bytes::Bytes;
use testkit::craft::{Crafter, DeclaredHazard};
use v2x_core::{Instant, WireTime};
use v2x_proto::Class;

use super::*;
use crate::budget::BudgetLimits;
use crate::select::Selection;

/// Frames of one station, generated at the second 0 of the kit's clock.
struct Sender {
    craft: Crafter,
    now: WireTime,
}

impl Sender {
    fn new() -> Self {
        let craft = Crafter::station(3);
        let now = WireTime::from_micros(craft.fields_in(Class::D3, Instant::ZERO).generation_time_us);
        Self { craft, now }
    }

    fn frame(&self, class: Class, sequence: u32) -> Bytes {
        let mut fields = self.craft.fields_in(class, Instant::ZERO);
        fields.sequence = sequence;
        self.craft.full(&fields)
    }

    fn message(&self, class: Class, sequence: u32) -> AirMessage {
        AirMessage::read(self.frame(class, sequence)).unwrap()
    }
}

fn settings(name: &str) -> EndSettings {
    EndSettings {
        name: name.to_owned(),
        send: Selection { classes: Class::ALL.to_vec(), types: None, area: None },
        receive: Selection { classes: Class::ALL.to_vec(), types: None, area: None },
        budget: BudgetLimits { messages_s: 100, bytes_s: 100_000 },
        queue: 8,
    }
}

#[test]
fn what_comes_from_an_end_goes_to_the_stations_once_and_to_no_end() {
    let (hub, sender) = (Hub::new(), Sender::new());
    let [peer, broker] = ["peer", "broker"].map(|name| hub.attach(settings(name)));
    let mut station = hub.station(sender.now);
    let frame = sender.frame(Class::D3, 1);
    assert_eq!(peer.hand_in_at(frame.clone(), Duration::ZERO, sender.now), Ok(()));
    assert_eq!(broker.hand_in_at(frame.clone(), Duration::ZERO, sender.now), Err(Refused::Known));
    assert_eq!(station.try_recv().unwrap().frame, frame);
    assert!(station.try_recv().is_none());
    // The station sends it on the air, and another one's station hears that.
    hub.tell(&AirMessage::read(frame).unwrap(), sender.now);
    assert_eq!((peer.counts().offered, broker.counts().offered), (0, 0));
    assert_eq!(broker.counts().refused[Refused::Known as usize], 1);
}

#[test]
fn what_went_out_does_not_come_back_in() {
    let (hub, sender) = (Hub::new(), Sender::new());
    let [peer, broker] = ["peer", "broker"].map(|name| hub.attach(settings(name)));
    let mut station = hub.station(sender.now);
    let message = sender.message(Class::D3, 1);
    hub.tell(&message, sender.now);
    hub.tell(&message, sender.now);
    assert_eq!((peer.counts().offered, broker.counts().offered), (1, 1));
    assert_eq!(broker.hand_in_at(message.frame().clone(), Duration::ZERO, sender.now), Err(Refused::Known));
    assert!(station.try_recv().is_none());
}

#[test]
fn stations_get_area_hazards_and_background_and_listeners_everything() {
    let (hub, sender) = (Hub::new(), Sender::new());
    let peer = hub.attach(settings("peer"));
    let (mut station, mut heard) = (hub.station(sender.now), hub.listen());
    for (number, class) in Class::ALL.into_iter().enumerate() {
        let sequence = u32::try_from(number).unwrap();
        peer.hand_in_at(sender.frame(class, sequence), Duration::ZERO, sender.now).unwrap();
        assert_eq!(heard.try_recv().unwrap().message.head().class, class);
        let handed = station.try_recv().is_some();
        assert_eq!(handed, matches!(class, Class::D3 | Class::D5), "{class:?}");
    }
}

#[test]
fn a_station_that_starts_later_gets_what_has_not_ended() {
    let (hub, sender) = (Hub::new(), Sender::new());
    let peer = hub.attach(settings("peer"));
    peer.hand_in_at(sender.frame(Class::D3, 1), Duration::ZERO, sender.now).unwrap();
    let mut late = hub.station(sender.now);
    assert_eq!(late.try_recv().unwrap().end, KEPT);
    let end = sender.message(Class::D3, 1).head().expires;
    assert!(hub.station(end).try_recv().is_none(), "it has ended");
}

#[test]
fn others_hazards_are_kept_for_a_station_that_starts_later_though_one_end_floods_before_and_after() {
    let (hub, sender) = (Hub::new(), Sender::new());
    let budget = BudgetLimits { messages_s: 100_000, bytes_s: 100_000_000 };
    let [flood, first, second] =
        ["flood", "first", "second"].map(|name| hub.attach(EndSettings { budget, ..settings(name) }));
    let hand_in = |end: &End, frame: Bytes| end.hand_in_at(frame, Duration::ZERO, sender.now).unwrap();
    let hazard = |crafter: &Crafter, event, second, lifetime_ms| {
        crafter.declare(&DeclaredHazard { lifetime_ms, ..DeclaredHazard::new(event, second) })
    };
    let [loud, quiet] = [7, 8].map(Crafter::station);
    let most = u32::try_from(MOST_KEPT).unwrap();
    let mut others = Vec::new();
    for event in 0..20 {
        // Theirs end long before what floods.
        for (end, number) in [(&first, event), (&second, 100 + event)] {
            let frame = hazard(&quiet, number, 0, 5_000);
            hand_in(end, frame.clone());
            others.push(frame);
            // It says something newer about each of them, too.
            hand_in(&flood, hazard(&quiet, number, 1, 60_000));
        }
        for flooded in 0..most / 10 {
            hand_in(&flood, hazard(&loud, event * most / 10 + flooded, 0, 60_000));
        }
    }
    let mut station = hub.station(sender.now);
    let came: Vec<Bytes> = core::iter::from_fn(|| station.try_recv()).map(|frame| frame.frame).collect();
    assert_eq!(came.len(), MOST_KEPT);
    // Each waits for one of each other end at most.
    let soon = &came[..3 * 20];
    assert!(others.iter().all(|frame| soon.contains(frame)), "{} frames", others.len());
}

#[test]
fn one_signer_s_messages_crowd_no_other_s_out_of_the_outbox_of_an_end_that_is_away() {
    let (hub, sender) = (Hub::new(), Sender::new());
    let away = hub.attach(settings("away"));
    let [loud, quiet] = [7, 8].map(Crafter::station);
    let tell = |crafter: &Crafter, event, lifetime_ms| {
        let declared = DeclaredHazard { lifetime_ms, ..DeclaredHazard::new(event, 0) };
        let message = AirMessage::read(crafter.declare(&declared)).unwrap();
        hub.tell(&message, sender.now);
        message
    };
    let others = [0, 1].map(|event| tell(&quiet, event, 5_000));
    for event in 0..100 {
        tell(&loud, event, 60_000);
    }
    let waiting: Vec<Bytes> = core::iter::from_fn(|| away.outbox().try_next(sender.now))
        .map(|message| message.frame().clone())
        .collect();
    assert_eq!((waiting.len(), away.counts().pending.no_room), (8, 94));
    assert!(others.iter().all(|message| waiting.contains(message.frame())));
}

#[test]
fn an_end_that_sends_too_much_is_cut_to_its_budget_and_others_are_not() {
    let (hub, sender) = (Hub::new(), Sender::new());
    let [loud, quiet] = ["loud", "quiet"].map(|name| hub.attach(settings(name)));
    let frames: Vec<Bytes> = (0..1000).map(|sequence| sender.frame(Class::D3, sequence)).collect();
    let taken =
        frames.iter().filter(|frame| loud.hand_in_at((*frame).clone(), Duration::ZERO, sender.now).is_ok());
    assert_eq!(taken.count(), 100);
    assert_eq!(loud.counts().refused[Refused::OverBudget as usize], 900);
    assert_eq!(quiet.hand_in_at(frames[999].clone(), Duration::ZERO, sender.now), Ok(()));
}

#[test]
fn others_hazards_get_through_though_one_end_has_filled_the_station_s_queue_before() {
    let (hub, sender) = (Hub::new(), Sender::new());
    let budget = BudgetLimits { messages_s: 100_000, bytes_s: 100_000_000 };
    let [flood, first, second] =
        ["flood", "first", "second"].map(|name| hub.attach(EndSettings { budget, ..settings(name) }));
    let mut station = hub.station(sender.now);
    let room = u32::try_from(STATION_ROOM).unwrap();
    let hand_in = |end: &End, class, sequence| {
        end.hand_in_at(sender.frame(class, sequence), Duration::ZERO, sender.now).unwrap();
    };
    for sequence in 0..room + 500 {
        hand_in(&flood, Class::D3, sequence);
    }
    for sequence in 0..20 {
        hand_in(&first, Class::D3, room + 1000 + sequence);
        hand_in(&second, Class::D5, sequence);
        hand_in(&second, Class::D3, room + 2000 + sequence);
    }
    assert_eq!(flood.counts().station_full, 500 + 60);
    assert_eq!((first.counts().station_full, second.counts().station_full), (0, 0));
    let came: Vec<HandIn> = core::iter::from_fn(|| station.try_recv()).collect();
    assert_eq!(came.len(), STATION_ROOM);
    let of = |end: &End, is_background| {
        let number = end.number();
        move |frame: &&HandIn| frame.end == number && frame.is_background == is_background
    };
    // Each waits for one of each other end at most.
    for end in [&first, &second] {
        assert_eq!(came.iter().take(3 * 20).filter(of(end, false)).count(), 20);
    }
    assert_eq!(came.iter().rev().take(20).filter(of(&second, true)).count(), 20, "background comes last");
}

#[test]
fn an_end_refuses_by_name_what_it_does_not_take() {
    let (hub, sender) = (Hub::new(), Sender::new());
    let end = hub.attach(EndSettings { receive: Selection::default(), ..settings("peer") });
    let message = sender.message(Class::D3, 1);
    let refused = |frame: Bytes, now| end.hand_in_at(frame, Duration::ZERO, now).unwrap_err();
    assert_eq!(refused(Bytes::from_static(b"garbage"), sender.now), Refused::Malformed);
    assert_eq!(refused(sender.frame(Class::D0, 2), sender.now), Refused::NotSelected);
    assert_eq!(refused(message.frame().clone(), message.head().expires), Refused::Expired);
    let long_before = WireTime::from_micros(sender.now.as_micros() - 60_000_000);
    assert_eq!(refused(message.frame().clone(), long_before), Refused::Ahead);
    assert_eq!(end.counts().taken, 0);
}

#[test]
fn an_end_that_is_gone_is_offered_nothing() {
    let (hub, sender) = (Hub::new(), Sender::new());
    drop(hub.attach(settings("peer")));
    hub.tell(&sender.message(Class::D3, 1), sender.now);
    assert!(hub.ends().is_empty());
}
