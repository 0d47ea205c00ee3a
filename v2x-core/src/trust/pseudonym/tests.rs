//! Tests of the pseudonym pool: order of use, end of validity, link addresses, and starts of sequences.

use super::*;
use crate::trust::authority::Authority;
use crate::trust::identity::KeyPair;
use crate::trust::issue::{CredentialRequest, issue};
use crate::trust::testing::{at, authority, key, station_request};

/// An identity valid from `from` s to `until` s.
fn identity(authority: &Authority, seed: u8, from: u32, until: u32) -> Identity {
    let key = key(seed, 2);
    let request =
        CredentialRequest { not_before_s: from, duration_min: (until - from) / 60, ..station_request(&key) };
    let credential = issue(&authority.issuer, &authority.issuer_key, &request).unwrap();
    Identity::new(credential, Box::new(KeyPair::from(key))).unwrap()
}

fn pool(validities: &[(u32, u32)]) -> Pool {
    let authority = authority(1);
    let identities = validities.iter().enumerate();
    Pool::new(identities.map(|(n, (from, until))| identity(&authority, n as u8, *from, *until)).collect())
        .unwrap()
}

fn stream() -> Stream {
    Stream::new(1, Digest([0; 8]), Purpose::PseudonymChange)
}

#[test]
fn a_pool_is_of_one_station_and_has_each_credential_once() {
    let authority = authority(1);
    assert_eq!(Pool::new(Vec::new()).unwrap_err(), PoolError::Empty);
    let twice = vec![authority.station(1), authority.station(1)];
    assert_eq!(Pool::new(twice).unwrap_err(), PoolError::Twice(authority.station(1).digest()));
    let key = key(9, 2);
    let request = CredentialRequest { station_class: 5, ..station_request(&key) };
    let credential = issue(&authority.issuer, &authority.issuer_key, &request).unwrap();
    let bus = Identity::new(credential, Box::new(KeyPair::from(key))).unwrap();
    assert!(matches!(Pool::new(vec![authority.station(1), bus]), Err(PoolError::Differs(_))));
}

#[test]
fn each_pseudonym_is_used_once_and_the_first_to_end_comes_first() {
    let mut pool = pool(&[(60, 6060), (60, 3060), (60, 12060), (60, 3060)]);
    pool.start(7, at(100), true);
    let mut ends = vec![pool.active().valid_until()];
    let mut addresses = vec![pool.address().unwrap()];
    while pool.advance(at(100), false, &mut stream()) {
        ends.push(pool.active().valid_until());
        addresses.push(pool.address().unwrap());
    }
    assert_eq!(ends, [3060, 3060, 6060, 12060].map(at));
    assert_eq!((pool.spares(at(100)), pool.spare_from()), (0, None));
    assert!(addresses.iter().all(|address| address[0] & 0b11 == 0b10), "local, unicast: {addresses:?}");
    addresses.sort_unstable();
    addresses.dedup();
    assert_eq!(addresses.len(), 4);
    assert!(pool.identities().all(|one| pool.contains(&one.digest())));
}

#[test]
fn a_spare_that_is_not_valid_or_about_to_end_is_not_taken() {
    let mut pool = pool(&[(60, 6060), (1200, 12000)]);
    pool.start(7, at(100), true);
    assert!(!pool.advance(at(600), false, &mut stream()));
    assert_eq!(pool.spare_from(), Some(at(1200)));
    assert!(pool.advance(at(1200), false, &mut stream()));
    let mut pool = self::pool(&[(60, 12060), (60, 1260)]);
    pool.start(7, at(1250), true);
    let first = pool.active().valid_until();
    assert!(
        !pool.advance(at(1250), false, &mut stream()) || first == at(1260),
        "its last seconds are no use"
    );
}

#[test]
fn when_the_last_one_ends_a_former_one_takes_over_or_nobody() {
    let mut pool = pool(&[(60, 6060), (60, 660)]);
    pool.start(7, at(100), true);
    let first = pool.active().digest();
    assert!(pool.advance(at(100), false, &mut stream()), "the later one");
    assert!(!pool.advance(at(200), false, &mut stream()), "no unused one is left");
    assert!(pool.advance(at(300), true, &mut stream()), "what is still valid speaks");
    assert_eq!(pool.active().digest(), first);
    assert!(!pool.advance(at(50_000), true, &mut stream()));
}

#[test]
fn a_station_alone_with_its_credential_keeps_the_link_s_address() {
    let mut one = Pool::from(authority(1).station(1));
    one.start(7, at(100), true);
    assert_eq!((one.address(), one.spare_from()), (None, None));
    let mut open = pool(&[(60, 6060), (60, 6060)]);
    open.start(7, at(100), false);
    assert_eq!(open.address(), None, "who never changes has nothing to hide");
}

#[test]
fn sequences_start_where_only_the_key_knows_and_again_at_the_same_place() {
    let authority = authority(1);
    let starts = *authority.station(1).starts();
    assert_eq!(starts, *authority.station(1).starts());
    assert_ne!(starts, *authority.station(2).starts());
    let mut distinct = starts.0;
    distinct.sort_unstable();
    assert!(distinct.windows(2).all(|pair| pair[0] != pair[1]));
}
