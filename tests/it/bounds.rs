//! Line 8 of the contract by chance: whatever is heard, in whatever order, no table of a station grows past its bound.

use std::rc::Rc;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use prost::Message as _;
use v2x_core::{
    ChangeRule, ClockState, Config, CredentialRequest, Event, Identity, Input, Instant, Node, Pool, Position,
    PseudonymConfig, WireTime, limits,
};
use v2x_proto::envelope::{SignerRef, TbsRepr};
use v2x_proto::{Class, Digest, v1};

use crate::revocation;
use crate::signers::strangers;
use testkit::craft::{Crafter, circle, forged, hazard_of, probe};
use testkit::{Authority, PLACE, Station, anchor, fix, frame};

/// Something that happens to a station; numbers are drawn, and taken modulo what there is.
#[derive(Clone, Debug)]
enum Step {
    /// This many known stations send in a row, this one first, in this class.
    Verified { first: usize, count: usize, class: usize },
    /// This many hazards of them come twice, before the first is handled.
    Early { first: usize, count: usize },
    /// They sign by digest, jump about, and contradict themselves.
    Lies { first: usize, count: usize },
    /// This many frames of one of them with a wrong signature.
    Forged { by: usize, count: usize },
    /// This many names without a known credential.
    Unknown { first: u64, count: usize },
    /// This many credentials that no issuer of ours signed.
    Foreign { first: usize, count: usize },
    /// Requests for credentials of stations that exist and of some that do not.
    Requests { by: usize, seed: u64 },
    /// Some of them are revoked, in a list of this series.
    Revoked { first: usize, count: usize, series: u32 },
    /// The link takes no frames, and the application has this many.
    Sends { count: usize, ready: bool },
    /// The clock is off by this many seconds from now on.
    Clock { seconds: i64 },
    /// Time goes by, ms.
    Passes { millis: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..CAST, 1..400_usize, 0..6_usize).prop_map(|(first, count, class)| Step::Verified { first, count, class }),
        1 => (0..CAST, 1..100_usize).prop_map(|(first, count)| Step::Early { first, count }),
        2 => (0..CAST, 1..60_usize).prop_map(|(first, count)| Step::Lies { first, count }),
        2 => (0..CAST, 1..700_usize).prop_map(|(by, count)| Step::Forged { by, count }),
        2 => (any::<u64>(), 1..300_usize).prop_map(|(first, count)| Step::Unknown { first, count }),
        2 => (0..CAST, 1..300_usize).prop_map(|(first, count)| Step::Foreign { first, count }),
        1 => (0..CAST, any::<u64>()).prop_map(|(by, seed)| Step::Requests { by, seed }),
        1 => (0..CAST, 1..32_usize, 0..90_u32)
            .prop_map(|(first, count, series)| Step::Revoked { first, count, series }),
        1 => (1..100_usize, any::<bool>()).prop_map(|(count, ready)| Step::Sends { count, ready }),
        1 => (-700..700_i64).prop_map(|seconds| Step::Clock { seconds }),
        3 => (1..25_000_u64).prop_map(|millis| Step::Passes { millis }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn no_order_of_inputs_makes_a_table_exceed_its_bound(steps in proptest::collection::vec(step(), 1..24)) {
        let mut victim = Victim::new();
        for step in &steps {
            victim.suffer(step);
        }
        victim.rest();
    }
}

// The same with the orders that fill the tables: a property over chance alone may never come to where a bound matters.
#[test]
fn tables_that_are_filled_on_purpose_stop_at_their_bounds() {
    let mut victim = Victim::new();
    for first in (0..CAST).step_by(100) {
        victim.suffer(&Step::Verified { first, count: 100, class: 3 });
        victim.suffer(&Step::Passes { millis: 1_000 });
    }
    victim.suffer(&Step::Early { first: 0, count: 100 });
    victim.suffer(&Step::Unknown { first: 1, count: 600 });
    for by in 0..10 {
        victim.suffer(&Step::Forged { by, count: 700 });
    }
    victim.suffer(&Step::Sends { count: 140, ready: false });
    for series in 0..90 {
        victim.suffer(&Step::Revoked { first: series as usize, count: 1, series });
    }
    victim.rest();
    for name in [
        "neighbours",
        "credentials",
        "wanted credentials",
        "floods",
        "copies before their verification",
        "events",
        "frames to send in a class",
        "frames held for their credential",
        "demoted frames to verify",
        "stations watched",
    ] {
        let (held, limit) = victim.most[name];
        assert_eq!(held, limit, "{name}: the bound was never tried");
    }
}

// The antenna's plug falls out: what is forgotten together does not keep an alert waiting for a whole table.
#[test]
fn neighbours_that_expire_together_are_forgotten_a_few_a_turn() {
    let mut victim = Victim::new();
    for first in [0, 100] {
        victim.suffer(&Step::Verified { first, count: 100, class: 2 });
        victim.pass(1_000);
    }
    assert_eq!(victim.station.node.neighbour_table().len(), 200);
    let later = victim.now + Duration::from_secs(30);
    let mut turns = Vec::new();
    while victim.station.node.neighbour_table().next_expiry().is_some() {
        assert!(turns.len() < 10 && victim.station.deadline.0 <= later, "{turns:?}");
        let before = victim.station.node.neighbour_table().len();
        victim.station.feed(later, Input::Timeout);
        turns.push(before - victim.station.node.neighbour_table().len());
    }
    assert_eq!(turns, [64, 64, 64, 8]);
}

struct Victim {
    station: Station,
    now: Instant,
    off_s: i64,
    deltas: u32,
    cast: Rc<[Crafter]>,
    /// As many of an authority that is not pinned.
    foreign: Rc<[Crafter]>,
    /// The most each table ever held, and its limit.
    most: std::collections::BTreeMap<&'static str, (usize, usize)>,
}

impl Victim {
    fn new() -> Self {
        let authority = Authority::new();
        let identities: Vec<Identity> = (0..4).map(|number| authority.identity(number)).collect();
        let change = ChangeRule::Every(Duration::from_secs(5));
        let pseudonym = PseudonymConfig { change, ..PseudonymConfig::default() };
        let config = Config { pseudonym, ..Config::vehicle() };
        let pool = Pool::new(identities).unwrap();
        let node = Node::new(config, pool, authority.trust.clone(), 7, anchor());
        let mut station = Station::with(1, node);
        station.start(Instant::ZERO, PLACE);
        let most = std::collections::BTreeMap::new();
        Self {
            station,
            now: Instant::from_millis(2_000),
            off_s: 0,
            deltas: 0,
            cast: cast(),
            foreign: strangers(300).into(),
            most,
        }
    }

    /// Hears a frame from an address, without verifying it yet.
    fn hear(&mut self, bytes: &Bytes, address: u32) {
        let [a, b, c, d] = address.to_be_bytes();
        self.station.feed(self.now, frame(bytes, [2, 9, a, b, c, d]));
        self.check();
    }

    /// Fields of a message by this one's clock.
    fn fields(&self, by: &Crafter, class: Class) -> TbsRepr<'static> {
        let fields = if class == Class::D2 { by.fields(self.now) } else { by.fields_in(class, self.now) };
        TbsRepr { generation_time_us: self.wire().as_micros(), ..fields }
    }

    /// A hazard of this one's, to be sent on.
    fn flood(&self, by: &Crafter) -> Bytes {
        let payload = hazard_of(by.digest, self.now).encode_to_vec();
        let fields = TbsRepr {
            message_type: v1::MessageType::Hazard as u32,
            lifetime_ms: 600_000,
            max_hops: 3,
            area: Some(circle(1_000)),
            payload: &payload,
            ..self.fields(by, Class::D3)
        };
        by.full(&fields)
    }

    fn wire(&self) -> WireTime {
        let right = anchor().wire_at(self.now).as_micros();
        WireTime::from_micros(right.saturating_add_signed(self.off_s * 1_000_000))
    }

    fn suffer(&mut self, step: &Step) {
        let (cast, foreign) = (Rc::clone(&self.cast), Rc::clone(&self.foreign));
        match *step {
            Step::Verified { first, count, class } => {
                for (n, crafter) in cast.iter().cycle().skip(first).take(count).enumerate() {
                    let class = Class::ALL[class % 6];
                    let bytes = match class {
                        Class::D3 => self.flood(crafter),
                        _ => crafter.full(&self.fields(crafter, class)),
                    };
                    self.hear(&bytes, (first + n) as u32);
                    // A host that reads a few frames at a time, and verifies in between.
                    if n % 16 == 0 {
                        self.verify();
                    }
                }
                self.verify();
            }
            Step::Early { first, count } => {
                for (n, crafter) in cast.iter().cycle().skip(first).take(count).enumerate() {
                    let bytes = self.flood(crafter);
                    self.hear(&bytes, (first + n) as u32);
                    self.hear(&bytes, (first + n + 1) as u32);
                }
                self.verify();
            }
            Step::Lies { first, count } => {
                for n in 0..count {
                    let crafter = &cast[(first + n / 20) % CAST];
                    let place = Position { latitude: PLACE.latitude + (n % 7) as i32 * 9_000, ..PLACE };
                    let fields = TbsRepr { latitude: place.latitude, ..self.fields(crafter, Class::D2) };
                    self.hear(&crafter.full(&fields), (first + n / 20) as u32);
                    self.verify();
                    self.pass(100);
                }
            }
            Step::Forged { by, count } => {
                let crafter = &cast[by % CAST];
                for n in 0..count {
                    let class = [Class::D0, Class::D2][n % 2];
                    let bytes = crafter.full(&self.fields(crafter, class));
                    self.hear(&forged(&bytes, n), by as u32);
                }
                self.verify();
            }
            Step::Unknown { first, count } => {
                let crafter = &cast[0];
                for n in 0..count as u64 {
                    let fields = self.fields(crafter, Class::D2);
                    let name = Digest(first.wrapping_add(n).to_le_bytes());
                    let bytes = crafter.frame(&crafter.header(&fields), &fields, SignerRef::Digest(name));
                    self.hear(&bytes, n as u32);
                }
            }
            Step::Foreign { first, count } => {
                for (n, crafter) in foreign.iter().cycle().skip(first).take(count).enumerate() {
                    let fields = self.fields(crafter, Class::D2);
                    self.hear(&crafter.full(&fields), (first + n) as u32);
                }
            }
            Step::Requests { by, seed } => {
                let crafter = &cast[by % CAST];
                let own = self.station.node.digest();
                let mut requests = own.truncated().to_vec();
                requests.extend_from_slice(&[seed.to_le_bytes(), seed.to_be_bytes()].concat()[..15]);
                let fields = TbsRepr { credential_requests: &requests, ..self.fields(crafter, Class::D2) };
                self.hear(&crafter.full(&fields), by as u32);
                self.verify();
            }
            Step::Revoked { first, count, series } => {
                self.deltas += 1;
                let whom: Vec<_> =
                    cast.iter().cycle().skip(first).take(count).map(|one| one.digest).collect();
                let delta = revocation::delta_naming(&whom, series, self.deltas);
                self.station.feed(self.now, Input::Revocation(delta));
                self.check();
            }
            Step::Sends { count, ready } => {
                self.station.feed(self.now, Input::Link { ready });
                for n in 0..count {
                    self.station.feed(self.now, Input::Send(probe(Class::ALL[n % 2])));
                    self.check();
                }
            }
            Step::Clock { seconds } => {
                self.off_s = seconds;
                let (wire, state) = (self.wire(), ClockState::Locked);
                self.station.feed(self.now, Input::Clock { wire, state });
                self.check();
            }
            Step::Passes { millis } => self.pass(millis),
        }
    }

    /// Time goes by, and the station does what it has to.
    fn pass(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while self.station.deadline.0 <= end {
            self.now = self.now.max(self.station.deadline.0);
            self.station.feed(self.now, Input::Timeout);
            self.check();
        }
        self.now = end;
        let Input::Fix(Some(mut here)) = fix(end, PLACE.moved(0.0, end.as_nanos() as f64 * 15e-9 % 900.0))
        else {
            unreachable!()
        };
        here.time = self.wire();
        self.station.feed(end, Input::Fix(Some(here)));
        self.check();
    }

    fn verify(&mut self) {
        self.station.verify(self.now);
        self.check();
    }

    /// Every frame has ended by the time nothing waits.
    fn rest(&mut self) {
        self.pass(1_000);
        let ended = self
            .station
            .events
            .iter()
            .filter(|event| matches!(event, Event::Received(_) | Event::Dropped(_)));
        assert_eq!(ended.count() as u64, self.station.node.counters().frames, "each frame ends once");
    }

    fn check(&mut self) {
        for table in self.station.node.tables() {
            assert!(table.held <= table.limit, "{}: {} of {}", table.name, table.held, table.limit);
            let most = self.most.entry(table.name).or_insert((0, table.limit));
            most.0 = most.0.max(table.held);
        }
    }
}

/// Stations with good credentials, more than a table holds.
fn cast() -> Rc<[Crafter]> {
    static MADE: OnceLock<Vec<Bytes>> = OnceLock::new();
    let key = Authority::key(50);
    let credentials = MADE.get_or_init(|| {
        let authority = Authority::new();
        let request = |number| CredentialRequest { revocation_series: number, ..Authority::request(&key) };
        (0..CAST as u32).map(|number| authority.issue(&request(number))).collect()
    });
    credentials.iter().map(|credential| Crafter::new(key.clone(), credential.clone())).collect()
}

const CAST: usize = limits::NEIGHBOURS + 150;
