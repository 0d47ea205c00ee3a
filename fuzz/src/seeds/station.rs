//! Scripts for the whole station.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use testkit::craft::{self, AWARENESS};
use testkit::{PLACE, START};
use v2x_core::{ClockState, EventId, HazardCommand, HazardDraft, Input, Instant, RevocationRequest, revoke};
use v2x_proto::cause;
use v2x_proto::envelope::{SignedView, TbsView};
use v2x_proto::{Class, v1};
use v2x_recording::record;

use super::source::{named, vectors};
use crate::script::{Envelope, Fields, Step};
use crate::signer::{OWN, SERIES, world};

pub(super) fn scripts() -> Vec<(String, Vec<u8>)> {
    let mut scripts = named([
        ("beacons", script(0, &beacons())),
        ("flood", script(0, &flood())),
        ("flood_etsi", script(4, &flood())),
        ("flood_inflated", script(0, &inflated())),
        ("alert", script(0, &alert())),
        ("own_events", script(0, &own_events())),
        ("pseudonyms", script(0x40, &own_events())),
        ("revocation", script(1, &revoked())),
        ("strangers", script(0, &strangers())),
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
        Step::Again { back: 0, link: 9, place: 0, flip: 0 },
        Step::Drive(2, 0, 1389, 900),
        Step::Pass(1000),
        Step::Again { back: 1, link: OTHER, place: 40, flip: 1 },
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
        Step::Again { back: 1, link: OTHER + 1, place: 2, flip: 1 },
        Step::Pass(1000),
        Step::Fields(envelope, outside),
        Step::Pass(500),
    ]
}

/// A flood, and a copy of it with more hops than were signed.
fn inflated() -> Vec<Step<'static>> {
    let mut steps = flood()[..3].to_vec();
    steps.extend([Step::Again { back: 1, link: OTHER + 1, place: 2, flip: 9 ^ 12 }, Step::Pass(15_000)]);
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
        Step::Again { back: 0, link: OTHER, place: 0, flip: 0 },
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
        Step::Raw { link: 5, bytes: b"\x10\x00\x01\x20\x00\x00\x00\x00\x00\x00\x00\x00" },
        input(&Input::Clock { wire: START, state: ClockState::Untrusted }),
        Step::Fields(says(OTHER), beacon(1)),
        input(&Input::Fix(None)),
        Step::Pass(3000),
    ]
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
