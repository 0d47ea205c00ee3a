//! Credentials that end before their time, and authorities that are replaced, as whole nodes see it.

use std::time::Duration;

use bytes::Bytes;
use ed25519_dalek::SigningKey;
use proptest::prelude::*;
use v2x_core::{
    AwarenessRule, ClockState, Config, CredentialError, CredentialRequest, Event, Input, Instant, Node,
    Permissions, RevocationError, RevocationRequest, SendRequest, SendingState, TimerKind, TrustStore,
    limits, make_root, read_delta, revoke,
};
use v2x_proto::envelope::TbsRepr;
use v2x_proto::v1::MessageType;
use v2x_proto::{Class, Digest};

use testkit::craft::{Crafter, read};
use testkit::{Authority, PLACE, START, Station, anchor, fix, frame};

const AT: Instant = Instant::from_millis(2_000);
const START_S: u32 = (START.as_micros() / 1_000_000) as u32;

/// A delta of the tests' issuer, made now, to be renewed in an hour.
pub fn request(number: u32) -> RevocationRequest {
    RevocationRequest {
        series: 0,
        from_number: 0,
        to_number: number,
        issued_s: START_S,
        next_s: START_S + 3600,
        whole_series: false,
        digests: Default::default(),
    }
}

pub fn delta(request: &RevocationRequest) -> Bytes {
    let authority = Authority::new();
    revoke(&authority.issuer, &authority.issuer_key, request).unwrap()
}

/// A delta that says so, but not with its issuer's signature.
pub fn unsigned(request: &RevocationRequest) -> Bytes {
    let mut delta = read_delta(&delta(request)).unwrap();
    let mut signature = delta.issuer_signature.to_vec();
    testkit::board::forge(&mut signature);
    delta.issuer_signature = signature.into();
    prost::Message::encode_to_vec(&delta).into()
}

/// A delta that lists `digest`.
pub fn delta_of(digest: Digest) -> Bytes {
    delta(&RevocationRequest { digests: [digest].into(), ..request(1) })
}

/// A delta that lists all of `digests` in a list of `series`.
pub fn delta_naming(digests: &[Digest], series: u32, number: u32) -> Bytes {
    delta(&RevocationRequest { digests: digests.iter().copied().collect(), series, ..request(number) })
}

/// A delta of an issuer that no station here trusts.
pub fn nobodys_delta() -> Bytes {
    let key = SigningKey::from_bytes(&[55; 32]);
    let root = make_root(&key, Permissions(u64::MAX), START_S - 60, 1000).unwrap();
    revoke(&root, &key, &request(1)).unwrap()
}

/// A frame's fields with a delta in it.
pub fn carrying<'a>(car: &Crafter, at: Instant, delta: &'a [u8]) -> TbsRepr<'a> {
    TbsRepr {
        message_type: MessageType::RevocationDelta as u32,
        class: Class::D5,
        lifetime_ms: 10_000,
        payload: delta,
        ..car.fields(at)
    }
}

fn applied(station: &Station) -> usize {
    station.events.iter().filter(|event| matches!(event, Event::Revoked(_))).count()
}

fn lost(station: &Station) -> Vec<Digest> {
    let lost = station.events.iter().filter_map(|event| match event {
        Event::NeighbourLost(digest) => Some(*digest),
        _ => None,
    });
    lost.collect()
}

fn states(station: &Station) -> Vec<SendingState> {
    let state = |event: &Event| match event {
        Event::Sending(state) => Some(*state),
        _ => None,
    };
    station.events.iter().filter_map(state).collect()
}

// ---- what a delta does

#[test]
fn a_revoked_neighbour_is_gone_with_the_delta_and_its_frames_drop_by_name() {
    let (bad, good, mut receiver) = (Crafter::station(1), Crafter::station(2), Station::silent(9));
    for car in [&bad, &good] {
        receiver.hear(AT, &car.full(&car.fields(AT)));
    }
    receiver.feed(AT, Input::Revocation(delta_of(bad.digest)));
    assert_eq!((applied(&receiver), lost(&receiver)), (1, vec![bad.digest]));
    for bytes in [bad.brief(&bad.fields(AT)), bad.full(&bad.fields(AT))] {
        receiver.hear(AT, &bytes);
        assert_eq!(receiver.last_drop(), Some("revoked"));
    }
    receiver.hear(AT, &good.brief(&good.fields(AT)));
    assert_eq!(receiver.received(), 3, "the other one is heard as before");
}

#[test]
fn a_frame_that_waits_for_verification_when_its_signer_is_revoked_drops_by_name() {
    let (bad, mut receiver) = (Crafter::station(1), Station::silent(9));
    receiver.feed(AT, frame(&bad.full(&bad.fields(AT)), [1; 6]));
    assert_eq!(receiver.deadline, (AT, TimerKind::Demoted), "a newcomer's");
    receiver.feed(AT, Input::Revocation(delta_of(bad.digest)));
    receiver.verify(AT);
    assert_eq!((receiver.received(), receiver.last_drop()), (0, Some("revoked")));
}

#[test]
fn a_station_first_heard_after_its_revocation_drops_by_name() {
    let (bad, mut receiver) = (Crafter::station(1), Station::silent(9));
    receiver.feed(AT, Input::Revocation(delta_of(bad.digest)));
    // By its digest alone its owner is unknown: it waits for the credential.
    receiver.hear(AT, &bad.brief(&bad.fields(AT)));
    receiver.hear(AT, &bad.full(&bad.fields(AT)));
    receiver.hear(AT, &bad.brief(&bad.fields(AT)));
    assert_eq!(receiver.drops().into_iter().collect::<Vec<_>>(), [("revoked", 3)]);
    assert_eq!(receiver.received(), 0);
}

#[test]
fn a_whole_series_is_revoked_with_all_its_pseudonyms() {
    let authority = Authority::new();
    let pseudonym = |number: u32, revocation_series| {
        let key = Authority::key(number);
        let request = CredentialRequest { revocation_series, ..Authority::request(&key) };
        Crafter::new(key, authority.issue(&request))
    };
    let (vehicle, other) = ([pseudonym(1, 40), pseudonym(2, 40), pseudonym(3, 40)], pseudonym(4, 41));
    let mut receiver = Station::silent(9);
    for car in vehicle[..2].iter().chain([&other]) {
        receiver.hear(AT, &car.full(&car.fields(AT)));
    }
    let whole = RevocationRequest { series: 40, whole_series: true, ..request(1) };
    receiver.feed(AT, Input::Revocation(delta(&whole)));
    for car in &vehicle {
        receiver.hear(AT, &car.full(&car.fields(AT)));
        assert_eq!(receiver.last_drop(), Some("revoked"));
    }
    receiver.hear(AT, &other.full(&other.fields(AT)));
    assert_eq!(receiver.received(), 4);
}

#[test]
fn a_root_revokes_an_issuer_and_with_it_every_station_below() {
    let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
    receiver.hear(AT, &car.full(&car.fields(AT)));
    let authority = Authority::new();
    let issuer = Digest::of_hash(&v2x_core::credential_hash(&authority.issuer));
    let by_root = RevocationRequest { digests: [issuer].into(), ..request(1) };
    let delta = revoke(&authority.root, &authority.root_key, &by_root).unwrap();
    receiver.feed(AT, Input::Revocation(delta));
    receiver.hear(AT, &car.full(&car.fields(AT)));
    assert_eq!(receiver.last_drop(), Some("revoked"));
    let states = states(&receiver);
    assert_eq!(states.last(), Some(&SendingState::CredentialRevoked), "our own issuer too");
}

#[test]
fn a_station_that_is_revoked_itself_stops_sending_and_says_so_once() {
    let mut station = Station::new(1, Config::vehicle());
    station.start(AT, PLACE);
    let own = station.node.digest();
    station.feed(AT, Input::Revocation(delta_of(own)));
    let sent = station.frames.len();
    for ms in (2_000..5_000).step_by(50) {
        let now = Instant::from_millis(ms);
        station.feed(now, fix(now, PLACE.moved(0.0, ms as f64)));
        station.feed(now, Input::Timeout);
    }
    assert_eq!(station.frames.len(), sent);
    assert_eq!(states(&station).last(), Some(&SendingState::CredentialRevoked));
    assert_eq!(states(&station).iter().filter(|s| **s == SendingState::CredentialRevoked).count(), 1);
}

#[test]
fn what_is_not_its_issuer_s_changes_nothing_and_is_said() {
    let mut receiver = Station::silent(9);
    receiver.feed(AT, Input::Revocation(nobodys_delta()));
    receiver.feed(AT, Input::Revocation(Bytes::from_static(b"no delta")));
    let refused: Vec<_> = receiver
        .events
        .iter()
        .filter_map(|event| match event {
            Event::RevocationRefused(error) => Some(*error),
            _ => None,
        })
        .collect();
    assert!(
        matches!(refused[..], [RevocationError::UnknownIssuer(_), RevocationError::Malformed]),
        "{refused:?}"
    );
    assert_eq!((applied(&receiver), receiver.node.revocations().count()), (0, 0));
}

#[test]
fn an_overdue_list_is_warned_of_once_and_stops_nobody() {
    let (bad, mut station) = (Crafter::station(1), Station::new(9, Config::vehicle()));
    station.start(AT, PLACE);
    let short = RevocationRequest { next_s: START_S + 3, digests: [bad.digest].into(), ..request(1) };
    station.feed(AT, Input::Revocation(delta(&short)));
    for ms in (2_000..6_000).step_by(100) {
        let now = Instant::from_millis(ms);
        station.feed(now, fix(now, PLACE.moved(0.0, ms as f64 * 0.02)));
        while station.deadline.0 <= now {
            station.feed(now, Input::Timeout);
        }
    }
    let stale = |event: &&Event| matches!(event, Event::RevocationStale { series: 0, .. });
    assert_eq!(station.events.iter().filter(stale).count(), 1);
    assert_eq!(states(&station).last(), Some(&SendingState::Allowed));
    let now = Instant::from_millis(6_000);
    station.hear(now, &bad.full(&bad.fields(now)));
    assert_eq!(station.last_drop(), Some("revoked"), "what was revoked stays revoked");
}

// ---- how it spreads

#[test]
fn a_delta_spreads_from_a_unit_to_its_neighbours_and_to_their_applications() {
    let bad = Crafter::station(1);
    let mut unit = roadside(2);
    unit.feed(AT, Input::Revocation(delta_of(bad.digest)));
    let sent = passed_on(&mut unit, 2_000, 35_000);
    // Within a second, then each ten seconds and up to one more.
    let times: Vec<u64> = sent.iter().map(|(at, _)| at.as_nanos() / 1_000_000).collect();
    assert_eq!(times.len(), 4, "{times:?}");
    assert!((2_000..3_100).contains(&times[0]), "{times:?}");
    assert!(times.windows(2).all(|pair| (10_000..11_100).contains(&(pair[1] - pair[0]))), "{times:?}");
    let (at, bytes) = &sent[0];
    assert_eq!(read(bytes).0.class, Class::D5);
    let mut receiver = Station::silent(9);
    receiver.hear(*at, bytes);
    assert_eq!((receiver.received(), applied(&receiver)), (1, 1));
    receiver.hear(*at, &bad.full(&bad.fields(*at)));
    assert_eq!(receiver.last_drop(), Some("revoked"));
}

#[test]
fn a_unit_that_hears_the_same_delta_lets_the_other_speak() {
    let authority = Authority::new();
    let other = Crafter::new(Authority::key(3), authority.issue(&Authority::request(&Authority::key(3))));
    let delta = delta_of(Crafter::station(1).digest);
    let mut unit = roadside(2);
    unit.feed(AT, Input::Revocation(delta.clone()));
    let mut sent = Vec::new();
    for second in 2..42 {
        let now = Instant::from_millis(second * 1000);
        unit.hear(now, &other.full(&carrying(&other, now, &delta)));
        sent.extend(passed_on(&mut unit, second * 1000, second * 1000 + 999));
    }
    assert_eq!(sent.len(), 0, "{:?}", unit.drops());
}

#[test]
fn a_car_applies_a_delta_and_does_not_pass_it_on() {
    let config = Config { awareness: AwarenessRule::Off, ..Config::vehicle() };
    let permissions = Permissions::AWARENESS | Permissions::HAZARD;
    let authority = Authority::new();
    let identity = authority.identity_with(9, permissions);
    let mut car = Station::with(9, Node::new(config, identity, authority.trust.clone(), 7, anchor()));
    car.start(AT, PLACE);
    car.feed(AT, Input::Revocation(delta_of(Crafter::station(1).digest)));
    assert_eq!(applied(&car), 1);
    assert_eq!(passed_on(&mut car, 2_000, 30_000).len(), 0);
}

#[test]
fn a_delta_needs_the_permission_of_its_carrier_and_the_signature_of_its_issuer() {
    let authority = Authority::new();
    let request =
        CredentialRequest { permissions: Permissions::AWARENESS, ..Authority::request(&Authority::key(1)) };
    let car = Crafter::new(Authority::key(1), authority.issue(&request));
    let mut receiver = Station::silent(9);
    receiver.hear(AT, &car.full(&carrying(&car, AT, &delta(&self::request(1)))));
    assert_eq!(receiver.last_drop(), Some("permission_denied"));
    let unit = Crafter::station(2);
    receiver.hear(AT, &unit.full(&carrying(&unit, AT, &nobodys_delta())));
    assert_eq!(receiver.last_drop(), Some("revocation_invalid"));
    assert_eq!((receiver.received(), applied(&receiver)), (0, 0));
}

proptest! {
    // Bound of the lists, in any order of deltas from the air and from files.
    #[test]
    fn no_order_of_deltas_exceeds_the_bounds(
        order in proptest::collection::vec((0_u32..100, 1_u32..50, any::<bool>()), 1..120),
    ) {
        let unit = Crafter::station(2);
        let mut receiver = Station::silent(9);
        for (n, (series, number, by_air)) in order.into_iter().enumerate() {
            let now = AT + Duration::from_millis(300 * n as u64);
            let delta = delta(&RevocationRequest { series, ..request(number) });
            if by_air {
                receiver.hear(now, &unit.full(&carrying(&unit, now, &delta)));
            } else {
                receiver.feed(now, Input::Revocation(delta));
            }
            prop_assert!(receiver.node.revocations().count() <= limits::MAX_REVOCATION_LISTS_PER_ISSUER);
        }
    }
}

// ---- authorities that are replaced

#[test]
fn stations_under_the_old_and_the_new_root_hear_each_other_while_both_are_pinned() {
    let (old, new) = (Authority::new(), Authority::numbered(2));
    let mut under_old = listener(old.identity(8), &[&old.root, &new.root], &[&old.issuer, &new.issuer]);
    let mut under_new = listener(new.identity(7), &[&new.root, &old.root], &[&new.issuer, &old.issuer]);
    let (old_car, new_car) = (Crafter::station(1), Crafter::of(&new, 2));
    under_old.hear(AT, &new_car.full(&new_car.fields(AT)));
    under_new.hear(AT, &old_car.full(&old_car.fields(AT)));
    assert_eq!((under_old.received(), under_new.received()), (1, 1));
}

#[test]
fn a_root_that_is_added_while_running_is_believed_and_one_removed_no_longer() {
    let (old, new) = (Authority::new(), Authority::numbered(2));
    let (old_car, new_car) = (Crafter::station(1), Crafter::of(&new, 2));
    let mut station = Station::silent(9);
    let hear = |station: &mut Station, car: &Crafter| {
        station.hear(AT, &car.full(&car.fields(AT)));
        station.last_drop()
    };
    hear(&mut station, &old_car);
    assert_eq!(hear(&mut station, &new_car), Some("unknown_issuer"));
    station.feed(AT, trust(&[&old.root, &new.root], &[&old.issuer, &new.issuer]));
    hear(&mut station, &new_car);
    hear(&mut station, &old_car);
    assert_eq!(station.received(), 3);
    // The old root is retired: its stations are neighbours no longer.
    station.feed(AT, trust(&[&new.root], &[&new.issuer]));
    assert_eq!(lost(&station), [old_car.digest]);
    assert_eq!(hear(&mut station, &old_car), Some("unknown_issuer"));
    hear(&mut station, &new_car);
    assert_eq!(station.received(), 4);
}

#[test]
fn authorities_that_do_not_fit_together_are_refused_and_the_old_ones_kept() {
    let (old, new) = (Authority::new(), Authority::numbered(2));
    let (car, mut station) = (Crafter::station(1), Station::silent(9));
    for wrong in [trust(&[&old.root], &[&new.issuer]), trust(&[], &[&old.issuer])] {
        station.feed(AT, wrong);
        let told = station.events.iter().rev().find_map(|event| match event {
            Event::Trust(result) => Some(*result),
            _ => None,
        });
        assert!(matches!(told, Some(Err(CredentialError::UnknownIssuer(_) | CredentialError::NoRoot))));
    }
    station.hear(AT, &car.full(&car.fields(AT)));
    assert_eq!(station.received(), 1);
}

fn listener(identity: v2x_core::Identity, roots: &[&Bytes], issuers: &[&Bytes]) -> Station {
    let config = Config { awareness: AwarenessRule::Off, ..Config::vehicle() };
    let own = |list: &[&Bytes]| list.iter().map(|bytes| (*bytes).clone()).collect::<Vec<_>>();
    let trust = TrustStore::new(&own(roots), &own(issuers)).unwrap();
    let mut station = Station::with(9, Node::new(config, identity, trust, 7, anchor()));
    station.start(Instant::ZERO, PLACE);
    station
}

fn trust(roots: &[&Bytes], issuers: &[&Bytes]) -> Input {
    let own = |list: &[&Bytes]| list.iter().map(|bytes| (*bytes).clone()).collect();
    Input::Trust { roots: own(roots), issuers: own(issuers) }
}

/// A roadside unit that sends nothing of its own accord but deltas.
fn roadside(number: u32) -> Station {
    let config = Config { awareness: AwarenessRule::Off, ..Config::roadside() };
    let mut unit = Station::new(number, config);
    unit.start(AT, PLACE);
    unit
}

/// Runs a station to `end`; the frames it sends, with their times.
fn passed_on(station: &mut Station, from_ms: u64, end_ms: u64) -> Vec<(Instant, Bytes)> {
    let mut sent = Vec::new();
    for ms in (from_ms..=end_ms).step_by(100) {
        let now = Instant::from_millis(ms);
        sent.extend(station.feed(now, fix(now, PLACE)).into_iter().map(|bytes| (now, bytes)));
        while station.deadline.0 <= now {
            let at = station.deadline.0;
            sent.extend(station.feed(now, Input::Timeout).into_iter().map(|bytes| (at.max(now), bytes)));
        }
    }
    sent
}

#[test]
fn a_station_without_a_trusted_clock_applies_a_delta_whatever_its_date() {
    let config = Config { awareness: AwarenessRule::Off, ..Config::vehicle() };
    let mut station = Station::new(9, config);
    let later = RevocationRequest { issued_s: START_S + 600, ..request(1) };
    station.feed(AT, Input::Revocation(delta(&later)));
    assert_eq!(applied(&station), 1);
    station.feed(AT, Input::Clock { wire: anchor().wire_at(AT), state: ClockState::Locked });
    station.feed(AT, Input::Revocation(delta(&RevocationRequest { to_number: 2, ..later })));
    let future = |event: &Event| matches!(event, Event::RevocationRefused(RevocationError::FromFuture(_)));
    assert!(station.events.iter().any(future));
}

#[test]
fn the_largest_delta_fits_a_frame() {
    let digests = (0..128_u8).map(|n| Digest([n; 8])).collect();
    let largest = delta(&RevocationRequest { series: u32::MAX, digests, ..request(u32::MAX) });
    let mut unit = roadside(2);
    let sent = unit.feed(AT, Input::Send(SendRequest::revocation(largest)));
    assert_eq!(sent.len(), 1, "{:?}", unit.events);
}
