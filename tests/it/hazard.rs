//! Events among several stations: their life, their repetition, and which stations may send what about them.
//!
//! Rows are those of ETSI's conformance suite TS 102 869-2 (DENM) that a test adapts.

use std::time::Duration;

use proptest::prelude::*;
use v2x_core::{
    ChangeRule, Config, Event, EventId, EventState, HazardChange, HazardCommand, HazardDraft, HazardRefusal,
    HazardRepeat, Input, Instant, Permissions, Pool, PseudonymConfig,
};
use v2x_proto::cause;
use v2x_proto::envelope::TbsRepr;
use v2x_proto::{Class, v1};

use self::scene::{Actor, Scene, quiet};
use testkit::craft::{self, Crafter};
use testkit::{Authority, PLACE, anchor};

mod alerts;
mod names;
mod scene;

/// A queue's end that holds for a minute.
fn queue() -> HazardDraft {
    HazardDraft { validity: Duration::from_secs(60), ..HazardDraft::new(Class::D3, cause::END_OF_QUEUE) }
}

fn millis(times: impl IntoIterator<Item = Instant>, since: Instant) -> Vec<u64> {
    times.into_iter().map(|at| at.nanos_since(since) / 1_000_000).collect()
}

// Row 46 (EVGN/BV/01, 02, 05, 07).
#[test]
fn a_new_event_has_the_next_unused_number_and_the_times_of_its_detection() {
    let mut scene = Scene::convoy(2);
    scene.run(1_000);
    let first = scene.declare(0, queue());
    let at = anchor().wire_at(scene.now);
    scene.run(600);
    let second = scene.declare(0, queue());
    assert_eq!(first.origin, scene.actors[0].node.digest());
    assert_eq!(second, EventId { number: first.number.wrapping_add(1), ..first });
    scene.run(5);
    let said = scene.actors[0].said();
    let new = &said[0].1;
    assert_eq!(
        new.id.as_ref().map(|id| (&id.origin[..], id.number)),
        Some((&first.origin.0[..], first.number))
    );
    assert_eq!(new.state(), v1::HazardState::New);
    assert_eq!((new.detection_time_us, new.reference_time_us), (at.as_micros(), at.as_micros()));
    assert_eq!((new.cause, new.validity_s), (27, Some(60)));
    assert_eq!(scene.actors[1].changes(), [(first, HazardChange::New), (second, HazardChange::New)]);
}

// Row 46: after a restart the numbers go on, though nothing was kept.
#[test]
fn a_restart_uses_no_number_twice() {
    let number = |after_ms: u64| {
        let mut scene = Scene::convoy(1);
        scene.run(after_ms);
        let ids: Vec<_> = (0..3).map(|_| scene.declare(0, queue()).number).collect();
        ids
    };
    let (before, after) = (number(1_000), number(5_000));
    let apart = after[0].wrapping_sub(before[2]);
    assert!(apart > 0 && apart < 100, "{before:?} {after:?}");
}

// Row 48 (EVUP/BV/01-03).
#[test]
fn an_update_keeps_the_name_and_the_detection_and_raises_the_reference_time() {
    let mut scene = Scene::convoy(2);
    scene.run(1_000);
    let id = scene.declare(0, queue());
    let detected = anchor().wire_at(scene.now);
    scene.run(5_300);
    let update = HazardDraft { sub_cause: 3, speed: Some(0), ..queue() };
    assert_eq!(scene.command(0, HazardCommand::Update(id, update)), Ok(id));
    let updated = anchor().wire_at(scene.now);
    scene.run(10);
    let known = scene.actors[1].known(id).unwrap();
    assert_eq!((known.detection, known.reference, known.sub_cause), (detected, updated, 3));
    assert_eq!(
        known.valid_until,
        detected + Duration::from_secs(66),
        "a minute from the update, in whole seconds"
    );
    assert_eq!(scene.actors[1].changes(), [(id, HazardChange::New), (id, HazardChange::Updated)]);
    assert_eq!(scene.actors[0].changes(), scene.actors[1].changes(), "its own station is told the same");
    scene.run(3_000);
    let said = scene.actors[0].said();
    assert!(
        said.iter().skip(6).all(|(_, said, _)| said.sub_cause == 3),
        "only the latest version is said again"
    );
}

// Row 48 (EVUP/BO/04), row 49 (EVTR/BO/06-07).
#[test]
fn what_is_not_known_or_not_the_own_is_refused_by_name() {
    let mut scene = Scene::convoy(2);
    scene.run(100);
    let unknown = EventId { origin: scene.actors[0].node.digest(), number: 7 };
    for command in [
        HazardCommand::Update(unknown, queue()),
        HazardCommand::Cancel(unknown),
        HazardCommand::Negate(unknown),
    ] {
        assert_eq!(scene.command(0, command), Err(HazardRefusal::Unknown(unknown)));
    }
    let id = scene.declare(0, queue());
    scene.run(10);
    assert_eq!(scene.command(1, HazardCommand::Update(id, queue())), Err(HazardRefusal::NotOwn(id)));
    assert_eq!(scene.command(1, HazardCommand::Cancel(id)), Err(HazardRefusal::NotOwn(id)));
    assert_eq!(scene.command(0, HazardCommand::Negate(id)), Err(HazardRefusal::Own(id)));
    assert_eq!(scene.command(0, HazardCommand::Cancel(id)), Ok(id));
    assert_eq!(scene.command(0, HazardCommand::Cancel(id)), Err(HazardRefusal::Unknown(id)), "it has ended");
    let sent = scene.actors[1].said().len();
    assert_eq!(sent, 0, "a refused command says nothing");
}

// Row 49 (EVTR/BV/01-05, 08).
#[test]
fn a_cancellation_and_a_negation_say_which_event_and_nothing_else() {
    let mut scene = Scene::convoy(3);
    scene.run(100);
    let (cancelled, negated) = (scene.declare(0, queue()), scene.declare(0, queue()));
    let detected = anchor().wire_at(scene.now).as_micros();
    scene.run(1_000);
    assert_eq!(scene.command(0, HazardCommand::Cancel(cancelled)), Ok(cancelled));
    assert_eq!(scene.command(1, HazardCommand::Negate(negated)), Ok(negated));
    scene.run(10);
    for (said, state) in [
        (scene.actors[0].said().pop().unwrap().1, v1::HazardState::Cancel),
        (scene.actors[1].said().pop().unwrap().1, v1::HazardState::Negate),
    ] {
        assert_eq!(said.state(), state);
        let only = v1::Hazard {
            id: said.id.clone(),
            state: said.state,
            detection_time_us: detected,
            reference_time_us: said.reference_time_us,
            ..v1::Hazard::default()
        };
        assert_eq!(said, only);
        assert!(said.reference_time_us > detected);
    }
    for actor in &scene.actors {
        assert_eq!(actor.known(cancelled).unwrap().state, EventState::Cancelled);
        assert_eq!(actor.known(negated).unwrap().state, EventState::Negated);
        assert_eq!(actor.changes().len(), 4, "{:?}", actor.changes());
    }
    // The declarer stops repeating an event once it is negated.
    let said = scene.actors[0].said().len();
    scene.run(30_000);
    let later = scene.actors[0].said().split_off(said);
    assert!(later.iter().all(|(_, hazard, _)| hazard.state() == v1::HazardState::Cancel));
    assert_eq!(later.len(), 9, "an end is said for ten seconds");
}

#[test]
fn only_who_is_permitted_negates_and_receivers_hold_others_to_it() {
    let authority = Authority::new();
    let car = authority.identity_with(2, Permissions::HAZARD | Permissions::AWARENESS);
    let actors =
        vec![Actor::new(quiet(), authority.identity(1), 0.0, 15.0), Actor::new(quiet(), car, -20.0, 15.0)];
    let mut scene = Scene::of(actors);
    scene.run(100);
    let id = scene.declare(0, queue());
    scene.run(10);
    assert_eq!(scene.command(1, HazardCommand::Negate(id)), Err(HazardRefusal::NotPermitted("negation")));
    // A negation by a station that does not check its own permission is refused by its receivers.
    let crafter = crate::signers::permitted(Permissions::HAZARD);
    hear_crafted(&mut scene, &crafter, id, v1::HazardState::Negate);
    assert_eq!(scene.actors[0].drops("role_denied"), 1);
    hear_crafted(&mut scene, &crafter, id, v1::HazardState::Cancel);
    assert_eq!(scene.actors[0].drops("not_origin"), 1, "a cancellation of another's event is refused");
    assert_eq!(scene.actors[0].known(id).unwrap().state, EventState::Active);
}

/// All stations hear a message about an event from a station that obeys no rule.
fn hear_crafted(scene: &mut Scene, crafter: &Crafter, id: EventId, state: v1::HazardState) {
    let detected = anchor().wire_at(scene.now);
    let hazard =
        v1::Hazard { state: state.into(), ..testkit::hazard::new(id.origin, id.number, PLACE, detected) };
    hear_hazard(scene, crafter, &hazard);
}

fn hear_hazard(scene: &mut Scene, crafter: &Crafter, hazard: &v1::Hazard) {
    let payload = prost::Message::encode_to_vec(hazard);
    let fields = TbsRepr {
        message_type: v1::MessageType::Hazard as u32,
        payload: &payload,
        ..crafter.fields_in(Class::D3, scene.now)
    };
    let bytes = crafter.full(&fields);
    for index in 0..scene.actors.len() {
        scene.feed(index, testkit::frame(&bytes, [2, 9, 9, 9, 9, 9]));
    }
    scene.run(5);
}

// Row 50 (EVRP/TI/01, BV/02-06, BV/11).
#[test]
fn a_repetition_keeps_its_interval_and_stops_when_it_was_asked_to_or_the_event_ends() {
    let said_at = |draft: HazardDraft, seconds: u64| {
        let mut scene = Scene::convoy(1);
        scene.run(100);
        let start = scene.now;
        scene.declare(0, draft);
        scene.run(seconds * 1_000);
        let last = scene.actors[0].said().pop().unwrap().0;
        let all = scene.actors[0].said();
        (millis(all.iter().map(|(at, ..)| *at), start), last.since(start).as_secs(), scene)
    };
    let repeat = |every_ms, during_ms| {
        let (every, during) = (Duration::from_millis(every_ms), Duration::from_millis(during_ms));
        HazardDraft { repeat: Some(HazardRepeat { every, during }), ..queue() }
    };
    assert_eq!(said_at(repeat(500, 2_000), 10).0, [0, 500, 1000, 1500]);
    let short = HazardDraft { validity: Duration::from_secs(2), ..repeat(500, 60_000) };
    assert_eq!(said_at(short, 10).0, [0, 500, 1000, 1500], "it ends before");
    let (times, last, scene) = said_at(HazardDraft::new(Class::D3, cause::ACCIDENT), 700);
    assert_eq!((times.len(), last), (600, 599), "each second for the ten minutes of the default");
    assert_eq!(scene.actors[0].changes().last().unwrap().1, HazardChange::Expired);
    assert_eq!(scene.actors[0].node.hazards().count(), 0);
}

// Row 50: signed bytes are repeated while they are fresh, and signed anew before they expire.
#[test]
fn a_repetition_is_the_same_bytes_until_their_lifetime_is_nearly_over() {
    let authority = Authority::new();
    let usual = Permissions(u64::MAX).without(Permissions::ISSUE).without(Permissions::WIDE_AREA);
    let car = |number, at| Actor::new(quiet(), authority.identity_with(number, usual), at, 15.0);
    let mut scene = Scene::of(vec![car(1, 0.0), car(2, -20.0)]);
    scene.run(100);
    let id = scene.declare(0, HazardDraft { validity: Duration::from_secs(300), ..queue() });
    let declared = anchor().wire_at(scene.now);
    scene.run(200_000);
    let said = scene.actors[0].said();
    let mut signatures: Vec<_> = said.iter().map(|(.., frame)| frame.id).collect();
    signatures.dedup();
    assert_eq!(signatures.len(), 5, "every 41 s: {signatures:?}");
    for (at, hazard, frame) in &said {
        let tbs = craft::read(&frame.bytes).1;
        let age_ms = (anchor().wire_at(*at).as_micros() - tbs.generation_time_us) / 1_000;
        assert!(age_ms + 19_000 <= u64::from(tbs.lifetime_ms), "{age_ms} of {}", tbs.lifetime_ms);
        assert_eq!((hazard.reference_time_us, hazard.state()), (declared.as_micros(), v1::HazardState::New));
    }
    assert_eq!(scene.actors[1].changes(), [(id, HazardChange::New)], "one event, not copies");
    let refused = ["event_superseded", "not_origin", "rate_limited_signer", "stale"];
    assert!(refused.iter().all(|name| scene.actors[1].drops(name) == 0));
}

// A station that may have floods live for more than a minute signs them for as long as the event holds: a vehicle that
// carries one over a gap needs more time than a minute less the age it had when it left.
#[test]
fn a_station_with_the_permission_for_it_signs_for_as_long_as_the_event_holds() {
    let mut scene = Scene::convoy(1);
    scene.run(100);
    for (validity_s, lifetime_ms) in [(300, 300_000), (3_600, 600_000)] {
        scene.declare(0, HazardDraft { validity: Duration::from_secs(validity_s), ..queue() });
        scene.run(100_000);
        let tbs = craft::read(&scene.actors[0].said().last().unwrap().2.bytes).1;
        let least = lifetime_ms - 1_000;
        assert!((least..=lifetime_ms).contains(&tbs.lifetime_ms), "{} of {lifetime_ms}", tbs.lifetime_ms);
    }
    let mut messages: Vec<_> = scene.actors[0].said().iter().map(|(.., frame)| frame.id).collect();
    messages.sort_unstable();
    messages.dedup();
    assert_eq!(messages.len(), 2, "200 s on, each is still the message it was");
}

#[test]
fn who_comes_late_hears_of_a_standing_event_within_a_second() {
    let authority = Authority::new();
    let mut scene = Scene::of(vec![Actor::new(quiet(), authority.identity(1), 0.0, 0.0)]);
    scene.run(100);
    let id = scene.declare(0, HazardDraft { validity: Duration::from_secs(600), ..queue() });
    scene.run(25_000);
    let mut late = Actor::new(quiet(), authority.identity(2), -800.0, 20.0);
    late.node.handle_input(
        scene.now,
        Input::Clock { wire: anchor().wire_at(scene.now), state: v2x_core::ClockState::Locked },
    );
    scene.actors.push(late);
    scene.run(1_100);
    let known = scene.actors[1].known(id).unwrap();
    // It drives since the scene began, 26.2 s at 20 m/s, and has 276 m to go.
    let concern = known.concern.expect("it lies ahead on its course");
    assert!((concern.distance_m - 276.0).abs() < 3.0, "{concern:?}");
    assert_eq!(concern.time_to_conflict.unwrap().as_secs(), 13);
}

// Row 51 (MSRV/BV/01-02, BO/03-06, BV/07).
#[test]
fn a_receiver_orders_what_it_hears_by_reference_and_detection_time() {
    let mut scene = Scene::convoy(1);
    scene.run(10_000);
    let crafter = Crafter::station(5);
    let id = EventId { origin: crafter.digest, number: 1 };
    let now = anchor().wire_at(scene.now).as_micros();
    let mut hear = |state: v1::HazardState, reference_s: u64, detection_s: u64| {
        let seconds = |before| now - before * 1_000_000;
        let hazard = v1::Hazard {
            state: state.into(),
            reference_time_us: seconds(reference_s),
            detection_time_us: seconds(detection_s),
            ..craft::hazard_of(crafter.digest, scene.now)
        };
        let before = scene.actors[0].changes().len();
        hear_hazard(&mut scene, &crafter, &hazard);
        scene.actors[0].changes().split_off(before)
    };
    let (new, update, cancel) = (v1::HazardState::New, v1::HazardState::Update, v1::HazardState::Cancel);
    assert_eq!(
        hear(update, 5, 8),
        [(id, HazardChange::New)],
        "an update of an unknown event is taken as new"
    );
    assert_eq!(hear(new, 8, 8), [], "what was before it comes too late");
    assert_eq!(hear(update, 5, 8), [], "the same again");
    assert_eq!(hear(update, 5, 9), [], "the same reference, detected before");
    assert_eq!(hear(update, 5, 7), [(id, HazardChange::Updated)], "the same reference, detected later");
    assert_eq!(hear(update, 4, 9), [(id, HazardChange::Updated)]);
    assert_eq!(hear(cancel, 3, 9), [(id, HazardChange::Cancelled)]);
    assert_eq!(hear(update, 4, 9), [], "a late copy does not revive it");
    assert_eq!(hear(update, 2, 9), []);
    assert_eq!(scene.actors[0].drops("event_superseded"), 4);
    assert_eq!(scene.actors[0].known(id).unwrap().state, EventState::Cancelled);
}

// Row 52, as far as the declarer has a part in it.
#[test]
fn the_keep_alive_interval_is_in_the_signed_message() {
    let mut scene = Scene::convoy(2);
    scene.run(100);
    let id = scene.declare(0, HazardDraft { keep_alive: Some(Duration::from_millis(750)), ..queue() });
    scene.run(10);
    assert_eq!(scene.actors[0].said()[0].1.keep_alive_interval_ms, Some(750));
    assert_eq!(scene.actors[1].known(id).unwrap().keep_alive, Some(Duration::from_millis(750)));
}

#[test]
fn an_end_counts_for_who_has_left_the_area_since() {
    let authority = Authority::new();
    let mut scene = Scene::of(vec![
        Actor::new(quiet(), authority.identity(1), 0.0, 0.0),
        Actor::new(quiet(), authority.identity(2), 50.0, 20.0),
    ]);
    scene.run(100);
    let near = |draft: HazardDraft| HazardDraft { relevance_distance_m: Some(100), ..draft };
    let id = scene.declare(0, near(queue()));
    scene.run(10_000);
    let outside = scene.declare(0, near(queue()));
    scene.command(0, HazardCommand::Cancel(id)).unwrap();
    scene.run(10);
    assert_eq!(scene.actors[1].changes(), [(id, HazardChange::New), (id, HazardChange::Cancelled)]);
    assert_eq!(scene.actors[1].known(outside), None);
}

#[test]
fn as_many_events_as_one_station_may_declare_reach_a_receiver_in_spite_of_its_rates() {
    let mut scene = Scene::convoy(2);
    scene.run(100);
    for _ in 0..v2x_core::limits::MAX_OWN_EVENTS {
        scene.declare(0, HazardDraft { validity: Duration::from_secs(600), ..queue() });
    }
    assert_eq!(scene.command(0, HazardCommand::New(queue())), Err(HazardRefusal::TooMany));
    scene.run(20_000);
    assert_eq!(scene.actors[1].changes().len(), v2x_core::limits::MAX_OWN_EVENTS);
    // Signed anew over and over, nothing of it is too much.
    scene.run(200_000);
    assert_eq!(scene.actors[1].drops("rate_limited_signer"), 0);
    assert_eq!(scene.actors[1].changes().len(), v2x_core::limits::MAX_OWN_EVENTS);
}

#[test]
fn nothing_is_declared_without_a_position_or_a_permission() {
    let authority = Authority::new();
    let car = authority.identity_with(1, Permissions::HAZARD | Permissions::AWARENESS);
    let mut scene = Scene::of(vec![Actor::new(quiet(), car, 0.0, 15.0)]);
    let mut refused = |draft| scene.command(0, HazardCommand::New(draft)).unwrap_err();
    assert_eq!(refused(HazardDraft::new(Class::D0, 99)), HazardRefusal::NotPermitted("imminent"));
    assert_eq!(
        refused(HazardDraft::new(Class::D3, cause::ROADWORKS)),
        HazardRefusal::NotPermitted("authority-hazard")
    );
    assert_eq!(
        refused(HazardDraft::new(Class::D1, cause::EMERGENCY_VEHICLE)),
        HazardRefusal::NotPermitted("emergency")
    );
    let wide = HazardDraft { relevance_distance_m: Some(2_001), ..queue() };
    assert_eq!(refused(wide), HazardRefusal::NotPermitted("wide-area"));
    assert_eq!(refused(HazardDraft::new(Class::D2, 2)), HazardRefusal::Class(2));
    scene.feed(0, Input::Fix(None));
    assert_eq!(scene.command(0, HazardCommand::New(queue())), Err(HazardRefusal::SendingBlocked));
    assert!(scene.actors[0].said().is_empty());
}

#[test]
fn an_event_lasts_through_a_time_without_position_and_is_said_again_after_it() {
    let mut scene = Scene::convoy(2);
    scene.run(100);
    let id = scene.declare(0, queue());
    scene.run(50);
    scene.feed(0, Input::Fix(None));
    scene.run(49);
    let blocked = scene.actors[0].said().len();
    assert_eq!(blocked, 1);
    scene.run(5_000);
    assert!(scene.actors[0].said().len() >= 5);
    assert_eq!(scene.actors[1].changes(), [(id, HazardChange::New)]);
}

#[test]
fn early_timeouts_change_nothing_about_hazards_and_equal_runs_are_equal() {
    let run = |early| {
        let mut scene = Scene::convoy(3);
        scene.early = early;
        scene.run(150);
        let flood = scene.declare(0, queue());
        scene.declare(1, HazardDraft { validity: Duration::from_secs(3), ..HazardDraft::new(Class::D0, 97) });
        let alert = scene.declare(2, HazardDraft::new(Class::D1, 14));
        scene.run(2_345);
        scene.command(2, HazardCommand::Update(alert, HazardDraft::new(Class::D1, 14))).unwrap();
        scene.command(1, HazardCommand::Negate(flood)).unwrap();
        scene.run(4_000);
        scene.command(2, HazardCommand::Cancel(alert)).unwrap();
        scene.run(9_000);
        scene.actors.into_iter().map(|actor| actor.transcript).collect::<Vec<_>>()
    };
    let once = run(false);
    assert!(once.iter().all(|transcript| transcript.len() > 3_000));
    assert!(once == run(false), "equal runs");
    assert!(once == run(true), "early timeouts");
}

/// What stations do with events: which station, what, which of its events.
fn deeds() -> impl Strategy<Value = Vec<(usize, u8, usize, u64)>> {
    proptest::collection::vec((0..3usize, 0..4u8, 0..4usize, 0..1_500u64), 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However many frames are lost and whatever is declared, changed, cancelled and negated in what order, repetition
    /// brings all stations to the same knowledge.
    #[test]
    fn all_stations_know_the_same_in_the_end(deeds in deeds(), seed: u64) {
        let mut scene = Scene::convoy(3);
        let mut stream = v2x_core::Stream::new(seed, v2x_proto::Digest([1; 8]), v2x_core::Purpose::Attack);
        scene.lost = Box::new(move |_| stream.below(10) < 3);
        scene.run(100);
        let mut ids: Vec<EventId> = Vec::new();
        for (station, what, which, pause) in deeds {
            let id = ids.get(which).copied();
            let command = match (what, id) {
                (0, _) | (_, None) => HazardCommand::New(HazardDraft { validity: Duration::from_secs(300), ..queue() }),
                (1, Some(id)) => HazardCommand::Update(id, HazardDraft { sub_cause: which as u8, validity: Duration::from_secs(300), ..queue() }),
                (2, Some(id)) => HazardCommand::Cancel(id),
                (_, Some(id)) => HazardCommand::Negate(id),
            };
            let new = matches!(command, HazardCommand::New(_));
            if let Ok(id) = scene.command(station, command) && new {
                ids.push(id);
            }
            scene.run(pause);
        }
        scene.run(20_000);
        let knowledge = |actor: &Actor| -> Vec<_> {
            let live = actor.node.hazards().filter(|known| known.state == EventState::Active);
            live.map(|known| (known.id, known.reference, known.sub_cause)).collect()
        };
        let first = knowledge(&scene.actors[0]);
        for actor in &scene.actors {
            prop_assert_eq!(&knowledge(actor), &first);
            // Each change was reported once, and what is known follows from the reports.
            let mut told = std::collections::BTreeMap::new();
            for (_, changed) in actor.changed() {
                let before = told.insert(changed.event.id, changed.event.state);
                prop_assert_eq!(before.is_none(), changed.change == HazardChange::New);
                prop_assert!(before != Some(EventState::Cancelled));
            }
            told.retain(|_, state| *state == EventState::Active);
            prop_assert_eq!(told.into_keys().collect::<Vec<_>>(), first.iter().map(|(id, ..)| *id).collect::<Vec<_>>());
        }
    }
}
