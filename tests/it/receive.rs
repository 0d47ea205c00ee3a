//! The receive path of a whole node: every `DropReason` by a frame crafted for it, and the order of checks.
//!
//! Rows are those of ETSI's conformance suites that a test adapts: TS 103 096-2 (security, `SEC`) and
//! TS 102 871-2 (GeoNetworking, `GEONW`).

use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use v2x_core::freshness::{FUTURE, max_lifetime_ms, window};
use v2x_core::{AwarenessRule, Config, DropReason, Input, Instant, Permissions, SendRequest, limits};
use v2x_proto::envelope::{SignedView, SignerRef, TbsRepr};
use v2x_proto::hop::{Flags, HopHeader, Kind};
use v2x_proto::{AreaView, Class, Digest, hop, v1};

use crate::signers::{
    badly_issued, elsewhere, issuer_speaking, permitted, stranger, valid_from, with_small_order_key, within,
};
use crate::{confidential, revocation};
use testkit::craft::{self, Crafter, circle, forged, frame, hazard, poked};
use testkit::{PLACE, Station, anchor, from_afar};

mod credentials;
mod queue;
mod replay;

/// When frames arrive, unless a test sets another time.
const AT: Instant = Instant::from_millis(2_000);

#[test]
fn every_reason_to_drop_a_frame_is_reached_by_one() {
    for reason in DropReason::ALL {
        let mut receiver = Station::silent(9);
        provoke(*reason, &mut receiver);
        assert_eq!(receiver.last_drop(), Some(reason.name()), "{:?}", receiver.drops());
        let fed = receiver.node.counters().frames;
        let ended = receiver.received() + receiver.drops().values().sum::<usize>();
        assert_eq!(ended as u64, fed, "{reason:?}: each frame ends once");
    }
}

/// Feeds what makes `receiver` drop its last frame for `reason`.
fn provoke(reason: DropReason, receiver: &mut Station) {
    let car = Crafter::station(1);
    let good = car.fields(AT);
    let bytes = car.full(&good);
    let header = car.header(&good);
    let full = SignerRef::Credential(&car.credential);
    let mut hear = |bytes: &Bytes| receiver.hear(AT, bytes);
    match reason {
        // GEONW FDV/COH/BV/01-02.
        DropReason::Truncated => hear(&bytes.slice(..11)),
        DropReason::TooLong => hear(&Bytes::from(vec![0x10; 1399])),
        // GEONW FDV/BAH/BI/02; SEC RCV_CAM_02: lower and higher.
        DropReason::BadVersion => {
            hear(&poked(&bytes, 0, |byte| byte & 0x0f));
            hear(&poked(&bytes, 0, |byte| byte & 0x0f | 0x20));
        }
        DropReason::ReservedBits => {
            hear(&poked(&bytes, 3, |byte| byte | 1));
            hear(&poked(&bytes, 1, |byte| byte | 0x20));
        }
        DropReason::UnknownKind => {
            hear(&poked(&bytes, 0, |byte| byte | 2));
            hear(&poked(&bytes, 0, |byte| byte | 15));
        }
        DropReason::BadClass => hear(&poked(&bytes, 3, |_| 0x60)),
        DropReason::BadForwarderPosition => {
            let header = HopHeader { forwarder_position: Some((900_000_001, 0)), ..header };
            hear(&car.frame(&header, &good, full));
        }
        DropReason::TestTraffic => {
            let header = HopHeader { flags: Flags { test: true, ..Flags::default() }, ..header };
            hear(&car.frame(&header, &good, full));
        }
        // GEONW FDV/COH/BV/02: trailing bytes; SEC RCV_CAM_10: no signature.
        DropReason::MalformedEnvelope => {
            hear(&[&bytes[..], &[0]].concat().into());
            hear(&bytes.slice(..12));
            hear(&bytes.slice(..bytes.len() - 1));
        }
        // SEC RCV_CAM_04: no generation time; RCV_CAM_09: empty payload.
        DropReason::MalformedFields => {
            hear(&car.full(&TbsRepr { generation_time_us: 0, ..good }));
            hear(&car.full(&TbsRepr { latitude: 900_000_001, ..good }));
            hear(&car.full(&TbsRepr { payload: &[], ..good }));
        }
        DropReason::Own => {
            let own = Crafter::station(9);
            hear(&own.full(&own.fields(AT)));
            hear(&own.brief(&own.fields(AT)));
        }
        DropReason::Isolated => crate::plausibility::provoke_isolation(receiver),
        DropReason::ExactCopy => (0..2).for_each(|_| hear(&bytes)),
        DropReason::ClassMismatch => {
            hear(&car.frame(&HopHeader { class: Class::D0, ..header }, &good, full));
        }
        // GEONW FDV/COH/BO/04.
        DropReason::HopsInflated => {
            hear(&car.frame(&HopHeader { remaining_hops: 2, ..header }, &good, full));
        }
        DropReason::BadLifetime => {
            hear(&car.full(&TbsRepr { lifetime_ms: 1001, ..good }));
            hear(&car.full(&TbsRepr { lifetime_ms: 0, ..good }));
        }
        DropReason::BadScope => {
            hear(&car.full(&TbsRepr { class: Class::D0, lifetime_ms: 100, ..good }));
            hear(&car.full(&TbsRepr { max_hops: 2, ..good }));
        }
        DropReason::FromFuture => {
            let generation_time_us = good.generation_time_us + FUTURE + 1;
            hear(&car.full(&TbsRepr { generation_time_us, ..good }));
        }
        DropReason::Stale => {
            let generation_time_us = good.generation_time_us - 900_001;
            hear(&car.full(&TbsRepr { generation_time_us, ..good }));
        }
        DropReason::OutOfReach => hear(&car.full(&at_distance(good, 1502.0))),
        DropReason::CredentialMalformed => {
            // Its version is another one.
            let at = car.credential.iter().skip(2).position(|byte| *byte == 0x08).unwrap() + 3;
            let other = poked(&car.credential, at, |_| 9);
            hear(&car.frame(&header, &good, SignerRef::Credential(&other)));
        }
        DropReason::UnsignedBytes => {
            let padded = [&car.credential[..], &[0x18, 1]].concat();
            hear(&car.frame(&header, &good, SignerRef::Credential(&padded)));
            hear(&car.frame(&header, &good, SignerRef::Credential(&car.credential[..50])));
            hear(&[&bytes[..], &[0x78, 1]].concat().into());
        }
        DropReason::UnknownIssuer => hear(&stranger().full(&good)),
        DropReason::CredentialSignature => hear(&badly_issued().full(&good)),
        // SEC RCV_CAM_12: signed by the issuer's own credential.
        DropReason::CredentialNesting => hear(&issuer_speaking().full(&good)),
        DropReason::WeakKey => hear(&with_small_order_key().full(&good)),
        DropReason::CredentialNotYetValid => hear(&valid_from(60).full(&good)),
        DropReason::CredentialExpired => hear(&valid_from(-600).full(&good)),
        DropReason::CredentialKnownBad => {
            let liar = badly_issued();
            (0..2).for_each(|_| hear(&liar.full(&liar.fields(AT))));
        }
        // More than it may send in good order, and more of those than there is room for.
        DropReason::RateLimitedLink | DropReason::RateLimitedForwarder => {
            hear(&bytes);
            let relay = Crafter::station(2);
            hear(&relay.full(&relay.fields(AT)));
            let by_relay = reason == DropReason::RateLimitedForwarder;
            let forwarder = if by_relay { relay.digest } else { car.digest };
            overfill(receiver, limits::LINK_RATE_BURST + limits::MAX_LOT, |n| {
                let fields = car.fields_in(Class::D0, AT);
                let header = HopHeader { forwarder, ..car.header(&fields) };
                (forged(&car.frame(&header, &fields, SignerRef::Digest(car.digest)), n), testkit::address(99))
            });
        }
        DropReason::CredentialBudget => overfill(receiver, limits::MAX_LOT, |_| {
            (car.full(&car.fields_in(Class::D0, AT)), testkit::address(99))
        }),
        DropReason::RateLimitedSigner => (0..13).for_each(|_| hear(&car.full(&car.fields(AT)))),
        DropReason::UnknownCredential => {
            hear(&car.brief(&good));
            receiver.feed(AT + limits::HOLD_TIME, Input::Timeout);
        }
        // SEC RCV_CAM_07.
        DropReason::PermissionDenied => hear(&permitted(Permissions::HAZARD).full(&good)),
        // SEC RCV_DENM_08.
        DropReason::CredentialRegion => hear(&within(elsewhere()).full(&good)),
        DropReason::Replayed => {
            hear(&bytes);
            hear(&car.full(&TbsRepr { payload: &[0x08, 6], ..good }));
        }
        DropReason::VerifyQueueFull => {
            hear(&bytes);
            // From an address that it never used.
            overfill(receiver, limits::MAX_LOT, |n| {
                (forged(&car.brief(&car.fields_in(Class::D0, AT)), n), [1; 6])
            });
        }
        DropReason::VerifyTooLate => {
            receiver.feed(AT, testkit::frame(&bytes, [1; 6]));
            receiver.verify(AT + Duration::from_micros(900_001));
        }
        // SEC RCV_CAM_11: by credential and by digest.
        DropReason::SignatureInvalid => {
            hear(&forged(&bytes, 0));
            hear(&forged(&car.brief(&car.fields(AT)), 300));
        }
        DropReason::UnknownType => {
            hear(&car.full(&TbsRepr { message_type: craft::UNKNOWN_TYPE, ..good }));
        }
        DropReason::MalformedPayload => hear(&car.full(&TbsRepr { payload: &[0xff], ..good })),
        DropReason::RoleDenied => {
            let (car, emergency) = (permitted(Permissions::AWARENESS), &[0xb2, 0x01, 0x02, 0x08, 0x01]);
            hear(&car.full(&TbsRepr { payload: emergency, ..car.fields(AT) }));
        }
        DropReason::OutsideArea => {
            let hazard = hazard(AT);
            let far = AreaView { latitude: PLACE.latitude + 500_000, ..circle(1000) };
            hear(&car.full(&TbsRepr {
                message_type: v1::MessageType::Hazard as u32,
                area: Some(far),
                payload: &hazard,
                ..car.fields_in(Class::D3, AT)
            }));
        }
        // DEN MSRV/BO/03-06 and EVTR/BO/06-07, as a receiver sees them.
        DropReason::NotOrigin | DropReason::EventTime | DropReason::EventSuperseded => {
            let declarer =
                if reason == DropReason::NotOrigin { Crafter::station(2) } else { Crafter::station(1) };
            let said = craft::hazard_of(declarer.digest, AT);
            let seconds = |by: i64| said.reference_time_us.saturating_add_signed(by * 1_000_000);
            let mut say = |reference_time_us, detection_time_us| {
                let hazard =
                    v1::Hazard { reference_time_us, detection_time_us, ..said.clone() }.encode_to_vec();
                let message_type = v1::MessageType::Hazard as u32;
                hear(&car.full(&TbsRepr { message_type, payload: &hazard, ..car.fields_in(Class::D3, AT) }));
            };
            match reason {
                DropReason::EventTime => say(seconds(1), seconds(0)),
                DropReason::EventSuperseded => {
                    say(seconds(0), seconds(-5));
                    say(seconds(-1), seconds(-5));
                }
                _ => say(seconds(0), seconds(0)),
            }
        }
        DropReason::Revoked => {
            hear(&bytes);
            receiver.feed(AT, Input::Revocation(revocation::delta_of(car.digest)));
            receiver.hear(AT, &car.brief(&car.fields(AT)));
        }
        DropReason::RevocationInvalid => {
            hear(&car.full(&revocation::carrying(&car, AT, &revocation::nobodys_delta())));
        }
        DropReason::RevocationBudget => {
            for number in 1..=2 {
                let delta = revocation::unsigned(&revocation::request(number));
                hear(&car.full(&revocation::carrying(&car, AT, &delta)));
            }
        }
        DropReason::NotFromAfar => {
            receiver.feed(AT, from_afar(&bytes, 7));
        }
        DropReason::AfarBudget => {
            let background = car.full(&car.fields_in(Class::D5, AT));
            for _ in 0..=limits::AFAR_BURST {
                receiver.feed(AT, from_afar(&background, 7));
            }
            receiver.verify(AT);
        }
        DropReason::SealedForAnother
        | DropReason::SealedKeyWiped
        | DropReason::SealedUnopened
        | DropReason::SealedContent
        | DropReason::SealedDenied => confidential::provoke(reason, receiver),
        new => panic!("no frame is crafted for `{}`", new.name()),
    }
}

/// Feeds one frame more than `room` before any is verified: the last to be dropped is the one that was shed.
fn overfill(receiver: &mut Station, room: usize, make: impl Fn(usize) -> (Bytes, [u8; 6])) {
    for n in 0..=room {
        let (bytes, link) = make(n);
        receiver.feed(AT, testkit::frame(&bytes, link));
    }
    let shed = receiver.events.pop().unwrap();
    receiver.verify(AT);
    receiver.events.push(shed);
}

// ---- the order of checks: cheap before dear, and what each may leave behind

#[test]
fn a_stale_frame_costs_no_credential_check_and_is_not_remembered() {
    let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
    let bytes = badly_issued().full(&earlier(car.fields(AT), 901_000));
    for _ in 0..2 {
        receiver.hear(AT, &bytes);
        assert_eq!(receiver.last_drop(), Some("stale"), "neither its credential nor its copy is looked at");
    }
}

#[test]
fn a_copy_of_a_delivered_frame_is_a_copy_even_when_it_is_stale_by_then() {
    let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
    let bytes = car.full(&car.fields(AT));
    receiver.hear(AT, &bytes);
    receiver.hear(AT + Duration::from_millis(1500), &bytes);
    assert_eq!((receiver.received(), receiver.last_drop()), (1, Some("exact_copy")));
    receiver.hear(AT + limits::COPY_CACHE_AGE * 3, &bytes);
    // Another frame has turned the cache over twice by then, or not: it is no longer fresh.
    assert!(matches!(receiver.last_drop(), Some("exact_copy" | "stale")));
    assert_eq!(receiver.received(), 1);
}

#[test]
fn the_header_is_judged_before_the_copy_cache_could_hide_a_wrong_one() {
    let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
    let good = car.fields(AT);
    let header = HopHeader { class: Class::D0, ..car.header(&good) };
    receiver.hear(AT, &car.frame(&header, &good, SignerRef::Credential(&car.credential)));
    assert_eq!(receiver.last_drop(), Some("class_mismatch"));
    receiver.hear(AT, &car.full(&good));
    assert_eq!(receiver.received(), 1, "a wrong hop header takes nothing from the message it carries");
    let header = HopHeader { remaining_hops: 9, ..car.header(&good) };
    receiver.hear(AT, &car.frame(&header, &good, SignerRef::Credential(&car.credential)));
    assert_eq!(receiver.last_drop(), Some("exact_copy"));
}

#[test]
fn permission_and_region_are_judged_before_a_signature_is_paid_for() {
    for (signer, reason) in
        [(permitted(Permissions::HAZARD), "permission_denied"), (within(elsewhere()), "credential_region")]
    {
        let mut receiver = Station::silent(9);
        receiver.feed(AT, testkit::frame(&forged(&signer.full(&signer.fields(AT)), 0), [1; 6]));
        assert_eq!(receiver.last_drop(), Some(reason), "though its signature is wrong as well");
    }
}

#[test]
fn somebody_elses_signed_bytes_under_another_name_take_nothing_from_the_real_ones() {
    // A copy cache that did not know the signer would let an attacker spoil any message it heard first.
    let (car, thief, mut receiver) = (Crafter::station(1), Crafter::station(2), Station::silent(9));
    receiver.hear(AT, &thief.full(&thief.fields(AT)));
    receiver.hear(AT, &car.full(&car.fields(AT)));
    let good = car.fields(AT);
    let bytes = car.brief(&good);
    let (header, offset) = hop::parse(&bytes).unwrap();
    let signed = SignedView::parse(&bytes[offset..]).unwrap();
    for name in [thief.digest, Digest([3; 8])] {
        receiver.hear(AT, &frame(&header, signed.tbs, signed.signature, SignerRef::Digest(name)));
    }
    assert_eq!(receiver.last_drop(), Some("signature_invalid"));
    receiver.hear(AT, &bytes);
    assert_eq!(receiver.received(), 3, "{:?}", receiver.drops());
}

// ---- freshness, per class

// SEC RCV_CAM_04, RCV_DENM: generation time within the window.
#[test]
fn freshness_has_its_edges_where_the_profile_says_per_class() {
    let late = Instant::from_millis(700_000);
    for class in Class::ALL {
        let car = Crafter::station(1);
        let lifetime_ms = max_lifetime_ms(class);
        let fields =
            |generation_time_us| TbsRepr { lifetime_ms, generation_time_us, ..car.fields_in(class, late) };
        let now = anchor().wire_at(late).as_micros();
        let past = window(class).past;
        let fresh = |generation, expected: Option<&str>| {
            let mut receiver = Station::silent(9);
            receiver.hear(late, &car.full(&fields(generation)));
            let verdict = receiver.last_drop().filter(|name| *name != "unknown_type");
            assert_eq!(verdict, expected, "{class:?} {}", generation as i64 - now as i64);
        };
        fresh(now + 220_000, None);
        fresh(now + 220_001, Some("from_future"));
        fresh(now - past, None);
        fresh(now - past - 1, Some("stale"));
    }
}

#[test]
fn a_message_lives_as_long_as_it_was_signed_for_and_no_longer() {
    for class in Class::ALL {
        let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
        let fields = TbsRepr { lifetime_ms: 50, ..car.fields_in(class, AT) };
        receiver.hear(AT + Duration::from_micros(50_001), &car.full(&fields));
        assert_eq!(receiver.last_drop(), Some("stale"), "{class:?}");
        let mut receiver = Station::silent(8);
        receiver.hear(AT + Duration::from_micros(50_000), &car.full(&fields));
        assert_ne!(receiver.last_drop(), Some("stale"), "{class:?}");
    }
}

#[test]
fn a_lifetime_is_capped_by_its_class() {
    for class in Class::ALL {
        let car = Crafter::station(1);
        for (lifetime_ms, bad) in
            [(0, true), (1, false), (max_lifetime_ms(class), false), (max_lifetime_ms(class) + 1, true)]
        {
            let mut receiver = Station::silent(9);
            receiver.hear(AT, &car.full(&TbsRepr { lifetime_ms, ..car.fields_in(class, AT) }));
            assert_eq!(receiver.last_drop() == Some("bad_lifetime"), bad, "{class:?} {lifetime_ms} ms");
        }
    }
    let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
    receiver.hear(AT, &car.full(&TbsRepr { lifetime_ms: u32::MAX, ..car.fields_in(Class::D3, AT) }));
    assert_eq!(receiver.last_drop(), Some("bad_lifetime"));
}

#[test]
fn hops_above_the_signed_ones_are_refused_in_every_class() {
    for class in Class::ALL {
        let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
        let fields = car.fields_in(class, AT);
        let header = HopHeader { remaining_hops: fields.max_hops + 1, ..car.header(&fields) };
        receiver.hear(AT, &car.frame(&header, &fields, SignerRef::Credential(&car.credential)));
        assert_eq!(receiver.last_drop(), Some("hops_inflated"), "{class:?}");
    }
}

// ---- place

#[test]
fn a_frame_from_beyond_reach_is_not_believed() {
    let car = Crafter::station(1);
    let verdict = |fields: TbsRepr<'_>| {
        let mut receiver = Station::silent(9);
        receiver.hear(AT, &car.full(&fields));
        receiver.last_drop()
    };
    assert_eq!(verdict(at_distance(car.fields(AT), limits::MAX_SINGLE_HOP_REACH_M - 2.0)), None);
    assert_eq!(
        verdict(at_distance(car.fields(AT), limits::MAX_SINGLE_HOP_REACH_M + 2.0)),
        Some("out_of_reach")
    );
    let flood = |metres| verdict(at_distance(car.fields_in(Class::D3, AT), metres));
    assert_eq!(flood(limits::MAX_MULTI_HOP_REACH_M - 200.0), Some("unknown_type"));
    assert_eq!(flood(limits::MAX_MULTI_HOP_REACH_M + 200.0), Some("out_of_reach"));
}

#[test]
fn test_traffic_and_traffic_in_service_do_not_mix() {
    let car = Crafter::station(1);
    for receiver_tests in [false, true] {
        for frame_tests in [false, true] {
            let config = Config { test: receiver_tests, awareness: AwarenessRule::Off, ..Config::vehicle() };
            let mut receiver = Station::new(9, config);
            receiver.start(Instant::ZERO, PLACE);
            let fields = car.fields(AT);
            let flags = Flags { test: frame_tests, ..Flags::default() };
            let header = HopHeader { flags, ..car.header(&fields) };
            receiver.hear(AT, &car.frame(&header, &fields, SignerRef::Credential(&car.credential)));
            let expected = (receiver_tests != frame_tests).then_some("test_traffic");
            assert_eq!(receiver.last_drop(), expected, "{receiver_tests} {frame_tests}");
        }
    }
}

// ---- management

#[test]
fn a_management_frame_is_read_and_a_probe_is_not() {
    let car = Crafter::station(1);
    for (kind, expected) in [(Kind::Management, None), (Kind::Probe, Some("unknown_kind"))] {
        let mut receiver = Station::silent(9);
        let fields = car.fields(AT);
        let header = HopHeader { kind, ..car.header(&fields) };
        receiver.hear(AT, &car.frame(&header, &fields, SignerRef::Credential(&car.credential)));
        assert_eq!(receiver.last_drop(), expected);
    }
}

#[test]
fn an_honest_node_sends_nothing_that_another_drops() {
    let mut sender = Station::new(1, Config::vehicle());
    let mut receiver = Station::silent(9);
    sender.start(Instant::ZERO, PLACE);
    for (step, class) in [Class::D0, Class::D1, Class::D2, Class::D4, Class::D5].into_iter().enumerate() {
        let now = Instant::from_millis(10 * step as u64);
        for bytes in sender.feed(now, Input::Send(craft::probe(class))) {
            receiver.hear(now, &bytes);
        }
    }
    let now = Instant::from_millis(60);
    let flood = SendRequest {
        message_type: v1::MessageType::Hazard as u32,
        class: Class::D3,
        lifetime_ms: 60_000,
        max_hops: 10,
        area: Some(circle(1_000)),
        payload: hazard(now).into(),
        ..craft::probe(Class::D3)
    };
    for bytes in sender.feed(now, Input::Send(flood)) {
        receiver.hear(now, &bytes);
    }
    assert_eq!((receiver.received(), receiver.last_drop()), (6, None), "{:?}", sender.events);
}

fn at_distance(fields: TbsRepr<'_>, metres: f64) -> TbsRepr<'_> {
    let place = PLACE.moved(0.0, metres);
    TbsRepr { latitude: place.latitude, longitude: place.longitude, ..fields }
}

fn earlier(fields: TbsRepr<'_>, micros: u64) -> TbsRepr<'_> {
    TbsRepr { generation_time_us: fields.generation_time_us - micros, ..fields }
}
