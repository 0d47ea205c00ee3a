//! Scripts for the whole station.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use testkit::craft::{self, AWARENESS};
use testkit::{PLACE, START};
use v2x_core::{
    ClockState, EventId, HazardCommand, HazardDraft, Input, Instant, RevocationRequest, VehicleState,
    WireTime, revoke,
};
use v2x_proto::cause;
use v2x_proto::envelope::{SignedView, TbsView};
use v2x_proto::{Class, v1};
use v2x_recording::record;

use super::source::{named, vectors};
use crate::script::{Again, Beacon, Crowd, Envelope, Event, Fields, Relay, Revoke, Step, Template};
use crate::signer::{OWN, SERIES, world};

pub(super) fn scripts() -> Vec<(String, Vec<u8>)> {
    let mut scripts = named([
        ("beacons", script(0, &beacons())),
        ("flood", script(0, &flood())),
        ("flood_etsi", script(4, &flood())),
        ("flood_inflated", script(0, &inflated())),
        ("from_afar", script(0, &from_afar())),
        ("alert", script(0, &alert())),
        ("own_events", script(0, &own_events())),
        ("pseudonyms", script(0x40, &own_events())),
        ("revocation", script(1, &revoked())),
        ("strangers", script(0, &strangers())),
        ("relayed", script(0, &relayed())),
        ("crowd", script(0, &crowd())),
        ("events", script(0, &events())),
        ("lists", script(1, &lists())),
        ("partition", script(0, &partition())),
        ("clocks", script(0x40, &clocks())),
    ]);
    // Every type of message with its payload, heard from a unit that has permission for all of them.
    for (name, bytes) in vectors("message_") {
        let signed = SignedView::parse(&bytes).expect("a golden vector");
        let tbs = TbsView::parse(signed.tbs).expect("a golden vector");
        let fields = Fields {
            message_type: tbs.message_type as u16,
            class: tbs.class as u8,
            lifetime_ms: tbs.lifetime_ms as u16,
            max_hops: tbs.max_hops,
            payload: tbs.payload,
            ..beacon(1)
        };
        let form = FULL | if tbs.max_hops > 1 { MULTI_HOP } else { 0 };
        let envelope = Envelope { form, remaining_hops: tbs.max_hops, class: tbs.class as u8, ..says(OTHER) };
        scripts.push((name, script(1, &[Step::Fields(envelope, fields), Step::Pass(50)])));
    }
    scripts
}

/// A few inputs of a recording.
pub(super) fn inputs() -> Vec<(Instant, Input)> {
    let at = Instant::from_millis;
    vec![
        (at(0), Input::Clock { wire: START, state: ClockState::Locked }),
        (at(1), testkit::fix(at(1), PLACE)),
        (
            at(2),
            Input::Hazard {
                command: HazardCommand::New(HazardDraft::new(Class::D3, cause::ACCIDENT)),
                token: None,
            },
        ),
        (at(3), Input::Link { ready: false }),
        (at(4), Input::Send(craft::probe(Class::D2))),
        (at(5), Input::Revocation(revocation(&[OTHER]))),
        (at(6), Input::Link { ready: true }),
        (at(7), Input::Timeout),
        (at(8), Input::Fix(None)),
    ]
}

/// A signed delta that revokes these signers.
pub(super) fn revocation(signers: &[u8]) -> Bytes {
    let world = world();
    let issued_s = (START.as_micros() / 1_000_000) as u32;
    let request = RevocationRequest {
        series: SERIES,
        from_number: 0,
        to_number: 1,
        issued_s,
        next_s: issued_s + 3600,
        whole_series: false,
        digests: signers
            .iter()
            .map(|&number| world.signers[usize::from(number)].digest)
            .collect::<BTreeSet<_>>(),
    };
    revoke(&world.authority.issuer, &world.authority.issuer_key, &request)
        .expect("invariant: the issuer may revoke")
}

fn beacons() -> Vec<Step<'static>> {
    let known = Envelope { form: 0, ..says(OTHER) };
    vec![
        Step::Fields(says(OTHER), beacon(1)),
        Step::Pass(100),
        Step::Fields(known, Fields { east: 1, ..beacon(1) }),
        Step::Again(Again { back: 0, link: 9, place: 0, flip: 0 }),
        Step::Drive(2, 0, 1389, 900),
        Step::Pass(1000),
        Step::Again(Again { back: 1, link: OTHER, place: 40, flip: 1 }),
        Step::Fields(Envelope { signer: 0, ..known }, beacon(5)),
        Step::Sleep(10),
        Step::Fields(says(OTHER + 1), Fields { requests: &[1, 2, 3], ..beacon(1) }),
    ]
}

fn flood() -> Vec<Step<'static>> {
    let payload = leak(hazard(OTHER, 94, 60));
    let fields = Fields {
        message_type: v1::MessageType::Hazard as u16,
        class: Class::D3 as u8,
        lifetime_ms: 60_000,
        max_hops: 10,
        shape: 1,
        distance_a: 1000,
        payload,
        ..beacon(1)
    };
    let envelope =
        Envelope { form: FULL | MULTI_HOP, remaining_hops: 9, class: Class::D3 as u8, ..says(OTHER) };
    let outside = Fields { east: 3000, sequence: 1, ..fields };
    vec![
        Step::Fields(says(OTHER + 1), Fields { east: 100, ..beacon(1) }),
        Step::Fields(envelope, fields),
        Step::Pass(100),
        Step::Again(Again { back: 1, link: OTHER + 1, place: 2, flip: 1 }),
        Step::Pass(1000),
        Step::Fields(envelope, outside),
        Step::Pass(500),
    ]
}

/// The same from afar, then by air; and a beacon, which is not taken.
fn from_afar() -> Vec<Step<'static>> {
    let afar = |envelope: Envelope| Envelope { link: u8::MAX, ..envelope };
    let mut steps = vec![Step::Fields(afar(says(OTHER)), beacon(1))];
    for step in flood() {
        steps.push(match step {
            Step::Fields(envelope, fields) => Step::Fields(afar(envelope), fields),
            step => step,
        });
    }
    steps.push(Step::Again(Again { back: 0, link: OTHER, place: 0, flip: 0 }));
    steps.push(Step::Again(Again { back: 1, link: u8::MAX, place: 90, flip: 1 }));
    steps.push(Step::Pass(500));
    steps
}

/// A flood, and a copy of it with more hops than were signed.
fn inflated() -> Vec<Step<'static>> {
    let mut steps = flood()[..3].to_vec();
    steps.extend([
        Step::Again(Again { back: 1, link: OTHER + 1, place: 2, flip: 9 ^ 12 }),
        Step::Pass(15_000),
    ]);
    steps
}

fn alert() -> Vec<Step<'static>> {
    let fields = Fields {
        message_type: v1::MessageType::Hazard as u16,
        class: Class::D0 as u8,
        lifetime_ms: 100,
        max_hops: 2,
        payload: leak(hazard(OTHER, 99, 1)),
        ..beacon(1)
    };
    let envelope =
        Envelope { form: FULL | MULTI_HOP, remaining_hops: 2, class: Class::D0 as u8, ..says(OTHER) };
    vec![
        Step::Fields(envelope, fields),
        Step::Pass(6),
        Step::Again(Again { back: 0, link: OTHER, place: 0, flip: 0 }),
        Step::Fields(envelope, fields),
        Step::Pass(300),
    ]
}

fn own_events() -> Vec<Step<'static>> {
    let draft = HazardDraft { quality: Some(5), ..HazardDraft::new(Class::D3, cause::ACCIDENT) };
    let imminent =
        HazardDraft { validity: Duration::from_secs(1), ..HazardDraft::new(Class::D0, cause::ACCIDENT) };
    let own = EventId { origin: world().signers[0].digest, number: 0 };
    let other = EventId { origin: world().signers[usize::from(OTHER)].digest, number: 1 };
    vec![
        input(&Input::Hazard { command: HazardCommand::New(draft.clone()), token: None }),
        Step::Pass(1500),
        input(&Input::Hazard { command: HazardCommand::Update(own, draft), token: None }),
        input(&Input::Hazard { command: HazardCommand::New(imminent), token: None }),
        Step::Pass(200),
        input(&Input::Link { ready: false }),
        input(&Input::Send(craft::probe(Class::D2))),
        Step::Pass(200),
        input(&Input::Link { ready: true }),
        input(&Input::Hazard { command: HazardCommand::Cancel(own), token: None }),
        input(&Input::Hazard { command: HazardCommand::Negate(other), token: None }),
        Step::Sleep(36_000),
        Step::Pass(1000),
    ]
}

fn revoked() -> Vec<Step<'static>> {
    let fields = Fields {
        message_type: v1::MessageType::RevocationDelta as u16,
        class: Class::D5 as u8,
        lifetime_ms: 10_000,
        payload: leak(revocation(&[OTHER]).to_vec()),
        ..beacon(1)
    };
    vec![
        Step::Fields(says(OTHER), beacon(1)),
        Step::Pass(10),
        Step::Fields(Envelope { class: Class::D5 as u8, ..says(OTHER + 1) }, fields),
        Step::Pass(20),
        Step::Fields(says(OTHER), beacon(1)),
        input(&Input::Revocation(revocation(&[OTHER + 1]))),
        Step::Fields(says(OTHER + 1), beacon(1)),
        Step::Pass(11_000),
        input(&Input::Trust { roots: vec![world().authority.root.clone()], issuers: Vec::new() }),
        Step::Fields(says(OTHER + 2), beacon(1)),
        Step::Pass(10),
    ]
}

fn strangers() -> Vec<Step<'static>> {
    let unknown = Envelope { form: 0, ..says(OTHER) };
    vec![
        Step::Fields(unknown, beacon(1)),
        Step::Pass(260),
        Step::Fields(unknown, beacon(1)),
        Step::Fields(says(OTHER), beacon(1)),
        Step::Pass(20),
        Step::Raw(5, b"\x10\x00\x01\x20\x00\x00\x00\x00\x00\x00\x00\x00"),
        input(&Input::Clock { wire: START, state: ClockState::Untrusted }),
        Step::Fields(says(OTHER), beacon(1)),
        input(&Input::Fix(None)),
        input(&Input::Vehicle(VehicleState {
            speed: Some(1_500),
            controls: Some(5),
            ..VehicleState::default()
        })),
        Step::Pass(3000),
    ]
}

/// One flood in every form that relays give it: stripped, completed, padded, with other hops and other forwarders.
fn relayed() -> Vec<Step<'static>> {
    let relay = Relay { back: 0, link: OTHER + 1, forwarder: OTHER + 1, remaining_hops: 5, form: 0 };
    vec![
        Step::Beacon(says(OTHER + 1), Beacon { east: 200, sequence: 1, ..drives() }),
        Step::Hazard(Envelope { form: MULTI_HOP, remaining_hops: 6, class: 3, ..says(OTHER) }, event()),
        Step::Relay(relay),
        Step::Relay(Relay { form: FULL, ..relay }),
        Step::Pass(30),
        Step::Relay(Relay { form: FULL | 16, ..relay }),
        Step::Relay(Relay { remaining_hops: 0, ..relay }),
        Step::Relay(Relay { remaining_hops: 200, form: FULL, ..relay }),
        Step::Relay(Relay { forwarder: 0, link: 0, ..relay }),
        Step::Pass(2000),
    ]
}

/// Everything that fills a table, one after the other.
fn crowd() -> Vec<Step<'static>> {
    let crowd = |kind, count, form| Step::Crowd(Crowd { kind, count, from: OTHER, form });
    vec![
        crowd(3, 40, 3),
        Step::Pass(20),
        crowd(0, 100, 0),
        crowd(1, 200, 0),
        Step::Idle(),
        crowd(2, 255, 1),
        crowd(2, 255, 1),
        crowd(7, 40, 1),
        crowd(4, 200, 1),
        Step::Pass(50),
        crowd(5, 40, 3),
        crowd(6, 30, 0),
        Step::Pass(300),
        Step::Sleep(220),
        crowd(3, 40, 0),
    ]
}

/// An event declared, updated, negated by another, cancelled and declared again; and one that nobody declared.
fn events() -> Vec<Step<'static>> {
    let flooding = Envelope { form: FULL | MULTI_HOP, remaining_hops: 6, class: 3, ..says(OTHER) };
    let other = Envelope { signer: OTHER + 1, link: OTHER + 1, ..flooding };
    let (update, cancel, negate) = (2, 3, 4);
    vec![
        Step::Hazard(flooding, event()),
        Step::Pass(10),
        Step::Hazard(flooding, Event { state: update, detected_ms: 900, ..event() }),
        Step::Pass(1100),
        Step::Hazard(other, Event { state: negate, origin: OTHER, ..event() }),
        Step::Pass(100),
        Step::Hazard(flooding, Event { state: cancel, ..event() }),
        Step::Hazard(flooding, event()),
        Step::Hazard(flooding, Event { state: update, number: 9, ..event() }),
        Step::Hazard(flooding, Event { age_ms: -100, keep_alive: 5, number: 10, ..event() }),
        Step::Pass(3000),
        Step::Hazard(flooding, Event { validity_s: 1, number: 11, detected_ms: 2000, ..event() }),
    ]
}

/// Lists of revoked credentials that grow, repeat, go backwards and end.
fn lists() -> Vec<Step<'static>> {
    let revoke = Revoke { carrier: OTHER + 1, named: 1 << OTHER, to_number: 1, ..Revoke::default() };
    vec![
        Step::Beacon(says(OTHER), drives()),
        Step::Beacon(says(OTHER + 2), drives()),
        Step::Pass(20),
        Step::Revoke(revoke),
        Step::Pass(300),
        Step::Revoke(revoke),
        Step::Beacon(says(OTHER), drives()),
        Step::Revoke(Revoke { from_number: 1, to_number: 2, named: 1 << (OTHER + 2), ..revoke }),
        Step::Revoke(Revoke { carrier: 255, to_number: 3, series: 1, whole: 1, ..revoke }),
        Step::Revoke(Revoke { carrier: 255, to_number: 9, age_s: -100, ..revoke }),
        Step::Pass(300),
        Step::Sleep(700),
        Step::Revoke(Revoke { named: 0xffff, to_number: 4, ..revoke }),
        Step::Pass(2000),
    ]
}

/// A neighbour that lists floods we lack, and one that lacks those we hold.
fn partition() -> Vec<Step<'static>> {
    let flooding = Envelope { form: FULL | MULTI_HOP, remaining_hops: 6, class: 3, ..says(OTHER) };
    vec![
        Step::Beacon(says(OTHER + 1), drives()),
        Step::Hazard(flooding, event()),
        Step::Pass(200),
        Step::Hazard(flooding, Event { number: 2, ..event() }),
        Step::Pass(200),
        Step::Beacon(says(OTHER + 2), Beacon { east: 60, floods: 1, ..drives() }),
        Step::Pass(100),
        Step::Beacon(says(OTHER + 1), Beacon { floods: 0xffff, requests: 255, points: 23, ..drives() }),
        Step::Pass(1500),
        Step::Drive(2000, 0, 2500, 900),
        Step::Pass(200),
        Step::Relay(Relay { back: 2, link: OTHER + 2, forwarder: OTHER + 2, remaining_hops: 3, form: FULL }),
        Step::Pass(500),
    ]
}

/// The wire clock goes on, back and away, and so does the host's; pseudonyms change meanwhile.
fn clocks() -> Vec<Step<'static>> {
    let clock = |seconds: u64, state| {
        let wire = WireTime::from_micros(START.as_micros() + seconds * 1_000_000);
        input(&Input::Clock { wire, state })
    };
    vec![
        Step::Beacon(says(OTHER), drives()),
        Step::Pass(100),
        clock(30, ClockState::Locked),
        Step::Beacon(says(OTHER), drives()),
        Step::Back(500),
        Step::Pass(10),
        clock(0, ClockState::Holdover),
        Step::Again(Again { back: 1, link: OTHER, ..Again::default() }),
        Step::Beacon(says(OTHER), drives()),
        Step::Sleep(3100),
        Step::Drive(900, 0, 1389, 900),
        Step::Pass(3000),
        Step::Idle(),
        clock(7000, ClockState::Locked),
        Step::Template(says(OTHER), Template { which: 3, sequence: 1, ..Template::default() }),
        Step::Pass(1000),
    ]
}

/// A beacon of a driving car, as the search likes to change it.
fn drives() -> Beacon {
    Beacon {
        age_ms: 5,
        sequence: 1,
        east: 40,
        north: 0,
        speed: 1389,
        heading: 900,
        floods: 0,
        requests: 0,
        points: 3,
        station_type: 5,
    }
}

/// A broken-down car, told to all within a kilometre for a minute.
fn event() -> Event {
    Event {
        age_ms: 5,
        sequence: 1,
        class: Class::D3 as u8,
        origin: u8::MAX,
        number: 1,
        state: v1::HazardState::New as u8,
        detected_ms: 0,
        validity_s: 600,
        cause: cause::BREAKDOWN,
        sub_cause: 0,
        east: 50,
        north: 0,
        radius: 1000,
        lifetime: 6000,
        max_hops: 7,
        keep_alive: 0,
    }
}

fn script(role: u8, steps: &[Step<'_>]) -> Vec<u8> {
    let mut bytes = vec![role, 4];
    steps.iter().for_each(|step| step.write(&mut bytes));
    bytes
}

fn input(input: &Input) -> Step<'static> {
    Step::Input(leak(record::encode(Instant::ZERO, input).encode_to_vec()))
}

fn says(signer: u8) -> Envelope {
    Envelope { signer, link: signer, form: FULL, remaining_hops: 1, class: Class::D2 as u8 }
}

fn beacon(sequence: i8) -> Fields<'static> {
    Fields {
        message_type: v1::MessageType::Awareness as u16,
        age_ms: 5,
        sequence,
        east: 40,
        class: Class::D2 as u8,
        lifetime_ms: 900,
        max_hops: 1,
        payload: AWARENESS,
        ..Fields::default()
    }
}

fn hazard(signer: u8, cause: u32, number: u32) -> Vec<u8> {
    let origin = world().signers[usize::from(signer)].digest;
    v1::Hazard { cause, ..testkit::hazard::new(origin, number, PLACE, START) }.encode_to_vec()
}

/// Seeds are made once in the life of a test: what their steps borrow may stay.
fn leak(bytes: Vec<u8>) -> &'static [u8] {
    bytes.leak()
}

/// The first signer that is not the station under test.
const OTHER: u8 = OWN as u8;
const FULL: u8 = 1;
const MULTI_HOP: u8 = 2;
