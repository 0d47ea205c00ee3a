//! Credentials of a running station: renewed without a restart, and refused where they would change what it may do.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use ed25519_dalek::VerifyingKey;
use testkit::drive::drain;
use testkit::{Authority, PLACE, anchor, fix};
use v2x_core::{
    ClockState, Config, CredentialRequest, Event, Fix, Host, Identity, Input, Instant, KeyPair, NewIdentity,
    Node, Output, Permissions, Pool, PoolError, SendingState, Sign, Transmit,
};
use v2x_proto::{AreaView, Digest, Shape};
use v2x_recording::check::check_bytes;
use v2x_recording::record;

/// A host that has the key of station 3 for these credentials, once each.
#[derive(Clone, Debug, Default)]
struct Keys(Arc<Mutex<Vec<Digest>>>);

impl Host for Keys {
    fn signer(&mut self, credential: Digest, _key: &VerifyingKey) -> Option<Box<dyn Sign>> {
        let mut keys = self.0.lock().unwrap();
        let place = keys.iter().position(|digest| *digest == credential)?;
        keys.swap_remove(place);
        Some(Box::new(KeyPair::from(Authority::key(3))))
    }
}

struct Car {
    authority: Authority,
    node: Node,
    keys: Keys,
    now: Instant,
    sent: Vec<Transmit>,
    events: Vec<Event>,
    recording: Vec<u8>,
}

impl Car {
    fn new(identities: Vec<Identity>) -> Self {
        let (authority, keys) = (Authority::new(), Keys::default());
        let pool = Pool::new(identities).unwrap();
        let (config, anchor) = (Config::vehicle(), anchor());
        let [roots, issuers] = [&authority.root, &authority.issuer].map(|one| vec![one.clone()]);
        let header = record::header("roadcast test", &config, &pool, roots, issuers, 7, anchor);
        let recording = record::start(&header);
        let host = Box::new(keys.clone());
        let node = Node::with_host(config, pool, authority.trust.clone(), 7, anchor, host);
        let (sent, events) = (Vec::new(), Vec::new());
        let mut car = Self { authority, node, keys, now: Instant::ZERO, sent, events, recording };
        car.feed(Input::Clock { wire: anchor.wire, state: ClockState::Locked });
        car
    }

    fn feed(&mut self, input: Input) {
        record::write_input(self.now, &input, &mut self.recording);
        self.node.handle_input(self.now, input);
        drain(&mut self.node, |output| {
            record::write_output(&output, &mut self.recording);
            match output {
                Output::Transmit(frame) => self.sent.push(frame),
                Output::Event(event) => self.events.push(event),
                Output::Timeout(..) => {}
            }
        });
    }

    /// Stands still for `seconds`, a fix and a timeout each 100 ms.
    fn stand(&mut self, seconds: u64) {
        for _ in 0..seconds * 10 {
            self.now = self.now + Duration::from_millis(100);
            self.feed(Input::Timeout);
            let Input::Fix(Some(place)) = fix(self.now, PLACE) else { unreachable!() };
            let time = self.node.anchor().wire_at(self.now);
            self.feed(Input::Fix(Some(Fix { time, ..place })));
        }
    }

    /// The wire clock goes on by this much at once, as it does for who looks once in a while.
    fn skip(&mut self, time: Duration) {
        let wire = self.node.anchor().wire_at(self.now) + time;
        self.feed(Input::Clock { wire, state: ClockState::Locked });
    }

    fn renew(&mut self, identities: &[Identity]) {
        let list: Vec<NewIdentity> = identities.iter().map(NewIdentity::from).collect();
        *self.keys.0.lock().unwrap() = identities.iter().map(Identity::digest).collect();
        self.feed(Input::Identities(list));
    }

    fn outcomes(&self) -> Vec<Result<(), PoolError>> {
        let outcome = |event: &Event| match event {
            Event::Identities(outcome) => Some(outcome.clone()),
            _ => None,
        };
        self.events.iter().filter_map(outcome).collect()
    }

    fn signers(&self) -> Vec<Digest> {
        let mut signers: Vec<Digest> = self.sent.iter().map(|frame| frame.id.signer).collect();
        signers.dedup();
        signers
    }

    /// Station 3 from `from_min` after the start on, for `duration_min`.
    fn identity(from_min: u32, duration_min: u32) -> Identity {
        let authority = Authority::new();
        let request = authority.usual_request(3);
        let not_before_s = request.not_before_s + from_min * 60;
        authority.identity_as(3, &CredentialRequest { not_before_s, duration_min, ..request })
    }
}

#[test]
fn a_renewed_credential_takes_over_and_the_recording_repeats_it() {
    let mut car = Car::new(vec![Car::identity(0, 60)]);
    car.stand(3);
    let old = car.node.digest();
    let renewed = Car::identity(5, 600);
    let new = renewed.digest();
    car.skip(Duration::from_secs(600));
    car.stand(2);
    car.renew(&[renewed]);
    car.stand(3);
    assert_eq!(car.outcomes(), [Ok(())]);
    assert_eq!(car.node.digest(), new);
    assert_eq!(car.signers(), [old, new]);
    // It announces itself: who does not know the new credential can verify it from its first frame on.
    let first = car.sent.iter().find(|frame| frame.id.signer == new).unwrap();
    assert!(
        first
            .bytes
            .windows(car.node.pool().active().credential().len())
            .any(|bytes| { bytes == car.node.pool().active().credential() })
    );
    let outcome = check_bytes(&car.recording, "renewal").unwrap();
    assert!(outcome.difference.is_none(), "{:?}", outcome.difference);
    assert!(outcome.outputs > 15, "{}", outcome.outputs);
}

#[test]
fn a_station_silent_for_its_ended_credential_speaks_again_with_another() {
    let mut car = Car::new(vec![Car::identity(0, 60)]);
    car.stand(2);
    car.skip(Duration::from_secs(2 * 3600));
    car.stand(2);
    assert_eq!(car.node.sending(), SendingState::CredentialNotValid);
    car.renew(&[Car::identity(110, 600)]);
    car.stand(2);
    assert_eq!(car.node.sending(), SendingState::Allowed);
}

#[test]
fn the_same_credentials_again_change_nothing() {
    let mut car = Car::new(vec![Car::identity(0, 60)]);
    car.stand(2);
    let before = car.node.digest();
    car.renew(&[Car::identity(0, 60)]);
    car.stand(2);
    assert_eq!((car.node.digest(), car.outcomes()), (before, vec![Ok(())]));
    assert!(!car.events.iter().any(|event| matches!(event, Event::PseudonymChanged { .. })));
}

#[test]
fn credentials_that_cannot_be_used_are_refused_by_name_and_the_old_ones_stay() {
    let mut car = Car::new(vec![Car::identity(0, 60)]);
    car.stand(2);
    let before = car.node.digest();
    let other = car.authority.identity_with(3, Permissions::AWARENESS);
    let changes = other.digest();
    car.renew(&[other]);
    let missing = Car::identity(1, 60);
    car.feed(Input::Identities(vec![NewIdentity::from(&missing)]));
    let garbage =
        NewIdentity { credential: Bytes::from_static(b"no credential"), ..NewIdentity::from(&missing) };
    car.feed(Input::Identities(vec![garbage]));
    car.feed(Input::Identities(Vec::new()));
    let outcomes = car.outcomes();
    assert_eq!(outcomes[0], Err(PoolError::Changes(changes)));
    assert_eq!(outcomes[1], Err(PoolError::NoKey(missing.digest())));
    assert!(matches!(outcomes[2], Err(PoolError::Unusable(_))));
    assert_eq!(outcomes[3], Err(PoolError::Empty));
    car.stand(2);
    assert_eq!((car.node.digest(), car.node.sending()), (before, SendingState::Allowed));
}

#[test]
fn a_station_outside_its_credentials_region_says_so_and_sends_nothing() {
    let authority = Authority::new();
    let far = AreaView {
        latitude: PLACE.latitude + 10_000_000,
        longitude: PLACE.longitude,
        shape: Shape::Circle,
        distance_a_m: 1000,
        distance_b_m: 0,
        azimuth_deg: 0,
    };
    let request = CredentialRequest { region: Some(far), ..authority.usual_request(3) };
    let mut car = Car::new(vec![authority.identity_as(3, &request)]);
    car.stand(3);
    assert_eq!(car.node.sending(), SendingState::OutsideRegion);
    assert!(car.sent.is_empty());
    let near = AreaView { latitude: PLACE.latitude, ..far };
    car.renew(&[authority.identity_as(3, &CredentialRequest { region: Some(near), ..request })]);
    car.stand(2);
    assert_eq!(car.node.sending(), SendingState::Allowed);
    assert!(!car.sent.is_empty());
}
