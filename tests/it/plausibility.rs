//! Misbehaviour detection in a whole node: what it does about stations that lie (TS 103 759).

use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use v2x_core::{
    AwarenessRule, ClockState, Config, Event, Input, Instant, Misbehaviour, Node, Permissions, Plausibility,
    TrustLevel,
};
use v2x_proto::envelope::{SignerRef, TbsRepr};
use v2x_proto::{Class, payload, v1};

use testkit::craft::{Crafter, circle, forged, hazard_of, read};
use testkit::{Authority, PLACE, Station, anchor, fix};

const START_MS: u64 = 10_000;

#[test]
fn a_liar_is_suspected_flagged_isolated_and_reported() {
    let mut receiver = Station::silent(9);
    let liar = Crafter::station(1);
    lie(&mut receiver, &liar, 80);
    assert_eq!(standings(&receiver), [TrustLevel::Suspect, TrustLevel::Isolated]);
    let flagged: Vec<bool> = received(&receiver);
    assert_eq!(flagged.iter().position(|suspect| *suspect), Some(3), "three jumps after the first position");
    assert!(flagged[3..].iter().all(|suspect| *suspect));
    let isolated = receiver.drops()["isolated"];
    assert_eq!((flagged.len() + isolated, receiver.drops().len()), (80, 1), "each frame ends once");
    let reports: Vec<&Misbehaviour> = receiver
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Misbehaviour(misbehaviour) => Some(misbehaviour),
            _ => None,
        })
        .collect();
    let [report] = reports[..] else { panic!("{} reports", reports.len()) };
    assert_eq!(report.subject, liar.digest);
    let kind = v1::MessageType::MisbehaviourReport as u32;
    let Ok(payload::Message::MisbehaviourReport(body)) = payload::decode(kind, report.report.clone()) else {
        panic!("not a report");
    };
    assert_eq!(body.subject, liar.digest.0.as_slice());
    assert!(!body.evidence.is_empty() && !body.observations.is_empty());
    let sent: Vec<&Bytes> =
        receiver.frames.iter().filter(|frame| read(frame).1.message_type == kind).collect();
    assert_eq!(sent.len(), 1, "it goes on the air once");
    assert_eq!(read(sent[0]).1.payload, report.report.as_ref());
}

#[test]
fn frames_of_the_isolated_cost_no_verification_until_its_credential_ends() {
    let mut receiver = Station::silent(9);
    let liar = Crafter::station(1);
    lie(&mut receiver, &liar, 80);
    let later = Instant::from_millis(START_MS + 60_000);
    let bad = forged(&liar.brief(&liar.fields(later)), 1);
    receiver.hear(later, &bad);
    assert_eq!(receiver.last_drop(), Some("isolated"), "not signature_invalid: nobody looked");
    let after = Instant::from_millis(121 * 60_000);
    let wire = anchor().wire_at(after);
    receiver.feed(after, Input::Clock { wire, state: ClockState::Locked });
    receiver.hear(after, &liar.full(&liar.fields(after)));
    assert_eq!(receiver.last_drop(), Some("credential_expired"));
}

#[test]
fn forged_frames_make_no_evidence_against_the_one_they_name() {
    let mut receiver = Station::silent(9);
    let victim = Crafter::station(1);
    receiver
        .hear(Instant::from_millis(START_MS), &victim.full(&victim.fields(Instant::from_millis(START_MS))));
    for n in 1..200 {
        let at = Instant::from_millis(START_MS + n * 50);
        receiver.hear(at, &forged(&victim.brief(&away(&victim, at, n)), n as usize % 64));
    }
    assert_eq!(standings(&receiver), []);
    assert_eq!(receiver.node.watch().standing(&victim.digest), TrustLevel::Trusted);
    let at = Instant::from_millis(START_MS + 11_000);
    receiver.hear(at, &victim.brief(&victim.fields(at)));
    assert_eq!(received(&receiver), [false, false]);
}

#[test]
fn a_station_told_to_flag_only_isolates_nobody_and_one_told_nothing_flags_nobody() {
    for (rule, expected) in [(Plausibility::Flag, vec![TrustLevel::Suspect]), (Plausibility::Off, vec![])] {
        let config = Config { awareness: AwarenessRule::Off, plausibility: rule, ..Config::vehicle() };
        let mut receiver = Station::new(9, config);
        receiver.start(Instant::ZERO, PLACE);
        lie(&mut receiver, &Crafter::station(1), 100);
        assert_eq!(standings(&receiver), expected);
        assert_eq!(receiver.received(), 100);
    }
}

#[test]
fn who_may_not_report_tells_only_its_application() {
    let authority = Authority::new();
    let config = Config { awareness: AwarenessRule::Off, ..Config::vehicle() };
    let identity = authority.identity_with(9, Permissions::AWARENESS);
    let mut receiver = Station::with(9, Node::new(config, identity, authority.trust.clone(), 7, anchor()));
    receiver.start(Instant::ZERO, PLACE);
    lie(&mut receiver, &Crafter::station(1), 80);
    assert!(receiver.events.iter().any(|event| matches!(event, Event::Misbehaviour(_))));
    assert_eq!(receiver.frames.len(), 0);
    assert!(!receiver.events.iter().any(|event| matches!(event, Event::NotSent(_))));
}

#[test]
fn what_a_peer_reports_is_not_believed() {
    let mut receiver = Station::silent(9);
    let mut reporter = Station::silent(8);
    let liar = Crafter::station(1);
    lie(&mut reporter, &liar, 80);
    let now = Instant::from_millis(START_MS + 8_000);
    for frame in reporter.frames.clone() {
        receiver.hear(now, &frame);
    }
    receiver.hear(now, &liar.full(&liar.fields(now)));
    assert_eq!(receiver.node.watch().standing(&liar.digest), TrustLevel::Trusted);
    assert!(!received(&receiver).last().unwrap());
}

// Receivers do not believe a suspect's negation; nor do those that send floods on.
#[test]
fn a_suspects_negation_ends_no_flood_of_others() {
    for (lies, given) in [(1, false), (6, true)] {
        let [liar, victim, newcomer] = [1, 2, 3].map(Crafter::station);
        let mut receiver = Station::silent(9);
        let at = Instant::from_millis(START_MS);
        receiver.start(at, PLACE);
        let flood = |by: &Crafter, hazard: v1::Hazard, at| {
            let payload = hazard.encode_to_vec();
            by.full(&TbsRepr {
                message_type: v1::MessageType::Hazard as u32,
                class: Class::D3,
                lifetime_ms: 60_000,
                max_hops: 10,
                area: Some(circle(1_000)),
                payload: &payload,
                ..by.fields(at)
            })
        };
        let event = hazard_of(victim.digest, at);
        receiver.hear(at, &flood(&victim, event.clone(), at));
        lie(&mut receiver, &liar, lies);
        let at = at + Duration::from_secs(1);
        assert_eq!(receiver.node.watch().is_discredited(&liar.digest), given);
        let negation = v1::Hazard {
            id: event.id,
            state: v1::HazardState::Negate as i32,
            detection_time_us: event.detection_time_us,
            reference_time_us: anchor().wire_at(at).as_micros(),
            ..v1::Hazard::default()
        };
        receiver.hear(at, &flood(&liar, negation, at));
        let at = at + Duration::from_secs(1);
        receiver.start(at, PLACE);
        receiver.hear(at, &newcomer.full(&newcomer.fields(at)));
        let sent = receiver.drive(at, at + Duration::from_millis(200), |now| fix(now, PLACE));
        let of_victim = sent.iter().filter(|(_, frame)| read(frame).1.class == Class::D3
            && matches!(read(frame).2, SignerRef::Credential(credential) if credential == victim.credential));
        assert_eq!(of_victim.count() > 0, given, "the flood is still given to who lacks it");
    }
}

/// Feeds `count` beacons, 100 ms apart, each 400 m from the one before.
fn lie(receiver: &mut Station, liar: &Crafter, count: u64) {
    for n in 0..count {
        let at = Instant::from_millis(START_MS) + Duration::from_millis(n * 100);
        receiver.start(at, PLACE);
        let fields = away(liar, at, n);
        let frame = if n == 0 { liar.full(&fields) } else { liar.brief(&fields) };
        receiver.hear(at, &frame);
    }
}

fn away(liar: &Crafter, at: Instant, n: u64) -> TbsRepr<'static> {
    let place = PLACE.moved(if n.is_multiple_of(2) { 200.0 } else { -200.0 }, 0.0);
    TbsRepr { latitude: place.latitude, longitude: place.longitude, ..liar.fields(at) }
}

fn standings(station: &Station) -> Vec<TrustLevel> {
    let changes = station.events.iter().filter_map(|event| match event {
        Event::Suspicion(suspicion) => Some(suspicion.standing),
        _ => None,
    });
    changes.collect()
}

fn received(station: &Station) -> Vec<bool> {
    let flags = station.events.iter().filter_map(|event| match event {
        Event::Received(received) => Some(received.suspect),
        _ => None,
    });
    flags.collect()
}

/// For the table of reasons: drops its last frame because its signer is isolated.
pub fn provoke_isolation(receiver: &mut Station) {
    let liar = Crafter::station(1);
    lie(receiver, &liar, 80);
}
