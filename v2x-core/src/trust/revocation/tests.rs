//! Which deltas are accepted, and what they do.

use proptest::prelude::*;

use super::*;
use crate::base::{Purpose, Stream};
use crate::trust::authority::Authority;
use crate::trust::testing::{at, authority, key};

fn request(number: u32) -> RevocationRequest {
    RevocationRequest {
        series: 7,
        from_number: 0,
        to_number: number,
        issued_s: 100,
        next_s: 200,
        whole_series: false,
        digests: BTreeSet::new(),
    }
}

fn listing(number: u32, digests: impl IntoIterator<Item = Digest>) -> RevocationRequest {
    RevocationRequest { digests: digests.into_iter().collect(), ..request(number) }
}

impl Authority {
    fn delta(&self, request: &RevocationRequest) -> Bytes {
        revoke(&self.issuer, &self.issuer_key, request).unwrap()
    }
}

fn apply(
    lists: &mut Revocations,
    authority: &Authority,
    delta: &Bytes,
) -> Result<Option<RevocationNews>, RevocationError> {
    lists.apply(delta, &authority.trust, Some(at(150)))
}

#[test]
fn a_listed_station_is_revoked_and_no_other() {
    let authority = authority(1);
    let (bad, good) = (authority.trusted(2), authority.trusted(3));
    let mut lists = Revocations::default();
    let news = apply(&mut lists, &authority, &authority.delta(&listing(1, [bad.digest()]))).unwrap().unwrap();
    assert_eq!((news.series, news.number, news.digests), (7, 1, 1));
    assert!(lists.revokes(&bad, &authority.trust) && !lists.revokes(&good, &authority.trust));
}

#[test]
fn a_whole_series_is_revoked_at_once_and_other_series_are_not() {
    let authority = authority(1);
    let mut lists = Revocations::default();
    let other = RevocationRequest { series: 8, whole_series: true, ..request(1) };
    apply(&mut lists, &authority, &authority.delta(&other)).unwrap();
    assert!(!lists.revokes(&authority.trusted(2), &authority.trust));
    let whole = RevocationRequest { whole_series: true, ..request(1) };
    apply(&mut lists, &authority, &authority.delta(&whole)).unwrap();
    assert!(lists.revokes(&authority.trusted(2), &authority.trust));
    assert!(lists.revokes(&authority.trusted(3), &authority.trust));
}

#[test]
fn an_issuer_revokes_only_its_own() {
    let (ours, theirs) = (authority(1), authority(9));
    let store = TrustStore::new(
        &[ours.root.clone(), theirs.root.clone()],
        &[ours.issuer.clone(), theirs.issuer.clone()],
    )
    .unwrap();
    let victim = ours.trusted(2);
    let mut lists = Revocations::default();
    let whole = RevocationRequest { whole_series: true, ..listing(1, [victim.digest()]) };
    lists.apply(&theirs.delta(&whole), &store, Some(at(150))).unwrap().unwrap();
    assert!(!lists.revokes(&victim, &store));
}

#[test]
fn a_root_revokes_an_issuer_with_all_its_stations_and_its_deltas() {
    let authority = authority(1);
    let issuer = authority.trust.issuers().next().unwrap().digest();
    let delta = revoke(&authority.root, &authority.root_key, &listing(1, [issuer])).unwrap();
    let mut lists = Revocations::default();
    apply(&mut lists, &authority, &delta).unwrap().unwrap();
    assert!(lists.revokes(&authority.trusted(2), &authority.trust));
    let by_issuer = apply(&mut lists, &authority, &authority.delta(&request(1)));
    assert_eq!(by_issuer, Err(RevocationError::IssuerRevoked(issuer)));
}

#[test]
fn what_is_not_the_issuer_s_is_refused() {
    let (authority, stranger) = (authority(1), authority(9));
    let issuer = authority.trust.issuers().next().unwrap().digest();
    let mut lists = Revocations::default();
    let mut refused = |delta: &Bytes| apply(&mut lists, &authority, delta).unwrap_err();
    let unknown = refused(&stranger.delta(&request(1)));
    assert!(matches!(unknown, RevocationError::UnknownIssuer(_)));
    let mut future = request(1);
    (future.issued_s, future.next_s) = (151, 200);
    assert_eq!(refused(&authority.delta(&future)), RevocationError::FromFuture(at(151)));
    let before = RevocationRequest { issued_s: 0, ..request(1) };
    assert_eq!(refused(&authority.delta(&before)), RevocationError::IssuerNotValid(issuer));
    assert_eq!(refused(&Bytes::from_static(b"\xff")), RevocationError::Malformed);
    let mut other_key = read_delta(&authority.delta(&request(1))).unwrap();
    other_key.to_number += 1;
    let forged = Bytes::from(prost::Message::encode_to_vec(&other_key));
    assert_eq!(refused(&forged), RevocationError::Signature(issuer));
    let by_other = revoke(&authority.issuer, &key(3, 3), &request(1)).unwrap_err();
    assert!(matches!(
        by_other,
        RevokeError::Credential(crate::trust::credential::CredentialError::KeyMismatch(_))
    ));
    assert_eq!(lists.lists().count(), 0);
}

#[test]
fn every_flipped_bit_of_a_delta_is_refused_or_says_nothing_else() {
    let authority = authority(1);
    let delta = authority.delta(&listing(1, [Digest([1; 8]), Digest([2; 8])]));
    for bit in 0..delta.len() * 8 {
        let mut flipped = delta.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let mut lists = Revocations::default();
        assert!(apply(&mut lists, &authority, &flipped.into()).is_err(), "bit {bit}");
    }
}

#[test]
fn numbers_never_go_down_and_what_was_revoked_stays_revoked() {
    let authority = authority(1);
    let (a, b) = (authority.trusted(2), authority.trusted(3));
    let mut lists = Revocations::default();
    apply(&mut lists, &authority, &authority.delta(&listing(5, [a.digest()]))).unwrap().unwrap();
    // A newer one that no longer lists it, an older one that lists another, one that adds nothing new.
    apply(&mut lists, &authority, &authority.delta(&listing(6, []))).unwrap().unwrap();
    let older = apply(&mut lists, &authority, &authority.delta(&listing(4, [b.digest()]))).unwrap().unwrap();
    assert_eq!((older.number, older.digests), (6, 2));
    assert_eq!(apply(&mut lists, &authority, &authority.delta(&listing(3, [a.digest()]))), Ok(None));
    assert!(lists.revokes(&a, &authority.trust) && lists.revokes(&b, &authority.trust));
}

#[test]
fn an_overdue_list_is_told_once_and_stays_in_force() {
    let authority = authority(1);
    let bad = authority.trusted(2);
    let mut lists = Revocations::default();
    let delta = authority.delta(&listing(1, [bad.digest()]));
    // It arrived too late to be current, and is applied all the same.
    lists.apply(&delta, &authority.trust, Some(at(500))).unwrap().unwrap();
    let issuer = authority.trust.issuers().next().unwrap().digest();
    assert_eq!(lists.next_stale(), Some(at(200)));
    assert_eq!(lists.take_stale(at(199)), None);
    assert_eq!(lists.take_stale(at(500)), Some((issuer, 7)));
    assert_eq!((lists.take_stale(at(501)), lists.next_stale()), (None, None));
    assert!(lists.revokes(&bad, &authority.trust));
    let renewed = RevocationRequest { issued_s: 500, next_s: 900, ..request(2) };
    lists.apply(&authority.delta(&renewed), &authority.trust, Some(at(500))).unwrap().unwrap();
    assert_eq!(lists.next_stale(), Some(at(900)));
}

#[test]
fn without_a_trusted_clock_the_date_is_not_judged() {
    let authority = authority(1);
    let delta = authority.delta(&request(1));
    assert!(Revocations::default().apply(&delta, &authority.trust, None).unwrap().is_some());
    assert!(Revocations::default().apply(&delta, &authority.trust, Some(at(50))).is_err());
}

#[test]
fn a_carrier_of_what_no_issuer_signed_costs_one_signature_a_minute_and_keeps_no_other_out() {
    let authority = authority(1);
    let (insider, honest) = (Digest([6; 8]), Digest([7; 8]));
    let mut lists = Revocations::default();
    let mut checks = 0;
    let mut hear = |delta: &Bytes, carrier: &Digest, ms| {
        let now = (Instant::from_millis(ms), Some(at(150)));
        let mut verify = |key: &_, message: &_, signature: &_| {
            checks += 1;
            strict(key, message, signature)
        };
        (lists.hear(delta, carrier, &authority.trust, now, &mut verify), checks)
    };
    let forged = |number: u32| {
        let mut delta = read_delta(&authority.delta(&request(number))).unwrap();
        delta.series += 1;
        Bytes::from(prost::Message::encode_to_vec(&delta))
    };
    let issuer = authority.trust.issuers().next().unwrap().digest();
    assert_eq!(hear(&forged(1), &insider, 1), (Err(RevocationError::Signature(issuer)), 1));
    for number in 2..100 {
        assert_eq!(hear(&forged(number), &insider, 2), (Err(RevocationError::Budget), 1));
    }
    for number in 1..50 {
        let (news, so_far) = hear(&authority.delta(&request(number)), &honest, 3);
        assert!(matches!(news, Ok(Some(_))), "{number}");
        assert_eq!(so_far, 1 + number);
    }
    // What says nothing new costs nothing, whoever brings it and however it is signed.
    for number in [1, 30, 49] {
        for carrier in [&insider, &honest] {
            assert_eq!(hear(&authority.delta(&request(number)), carrier, 4), (Ok(None), 50));
        }
    }
    let over = 1 + CARRIER_PENALTY.as_millis() as u64;
    assert_eq!(hear(&forged(100), &insider, over), (Err(RevocationError::Signature(issuer)), 51));
}

#[test]
fn carriers_that_failed_are_remembered_up_to_a_bound() {
    let authority = authority(1);
    let mut lists = Revocations::default();
    let mut delta = read_delta(&authority.delta(&request(1))).unwrap();
    delta.series += 1;
    let delta = Bytes::from(prost::Message::encode_to_vec(&delta));
    for n in 0..2 * MAX_BAD_CARRIERS as u64 {
        let now = (Instant::from_millis(1), Some(at(150)));
        let carrier = Digest(n.to_le_bytes());
        assert!(lists.hear(&delta, &carrier, &authority.trust, now, &mut strict).is_err());
        assert!(lists.bad_carriers.len() <= MAX_BAD_CARRIERS);
    }
}

#[test]
fn no_issuer_makes_the_lists_exceed_their_bounds() {
    let authority = authority(1);
    let mut lists = Revocations::default();
    let mut full = 0;
    for series in 0..MAX_REVOCATION_LISTS_PER_ISSUER as u32 + 3 {
        let delta = authority.delta(&RevocationRequest { series, ..request(1) });
        full += u32::from(apply(&mut lists, &authority, &delta) == Err(RevocationError::Full));
    }
    assert_eq!((full, lists.lists().count()), (3, MAX_REVOCATION_LISTS_PER_ISSUER));
    full = 0;
    for number in 0..10_u32 {
        let digests = (0..128_u32).map(|n| Digest((u64::from(number) << 32 | u64::from(n)).to_be_bytes()));
        let delta = authority.delta(&RevocationRequest { series: 1, ..listing(number + 2, digests) });
        full += u32::from(apply(&mut lists, &authority, &delta) == Err(RevocationError::Full));
    }
    let longest = lists.lists().map(|list| list.digests).max();
    assert_eq!((full, longest), (2, Some(MAX_REVOKED_PER_LIST as u32)));
}

#[test]
fn the_newest_delta_is_passed_on_now_and_then_and_not_when_overdue() {
    let authority = authority(1);
    let mut random = Stream::new(1, Digest([1; 8]), Purpose::RevocationSpread);
    let mut lists = Revocations::default();
    let delta = authority.delta(&request(1));
    apply(&mut lists, &authority, &delta).unwrap();
    assert_eq!(lists.next_spread(at(150)), None, "not drawn yet");
    lists.plan_spread(Instant::ZERO, &mut random);
    let first = lists.next_spread(at(150)).unwrap();
    assert!(first < Instant::ZERO + JITTER);
    assert_eq!(lists.take_spread(first, at(150), &mut random), Some(delta.clone()));
    assert_eq!(lists.take_spread(first, at(150), &mut random), None);
    let second = lists.next_spread(at(150)).unwrap();
    assert!(second.since(first) >= crate::base::limits::SPREAD_INTERVAL);
    lists.heard_spread(&delta, second, &mut random);
    assert!(lists.next_spread(at(150)).unwrap() > second, "somebody else has said it");
    assert_eq!(lists.next_spread(at(200)), None, "overdue");
}

const JITTER: Duration = crate::base::limits::SPREAD_JITTER;

proptest! {
    #[test]
    fn any_bytes_are_refused_without_a_trace(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let authority = authority(1);
        let mut lists = Revocations::default();
        prop_assert!(apply(&mut lists, &authority, &bytes.into()).is_err());
        prop_assert_eq!(lists.lists().count(), 0);
    }
}
