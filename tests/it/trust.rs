//! When a credential travels in full, which station one is requested from, and how a receiver handles
//! credentials that claim too much.
//!
//! Rows are those of ETSI TS 103 096-2 (security conformance) that a test adapts.

use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use v2x_core::{
    AwarenessRule, ClockState, Config, CredentialRequest, Event, Input, Instant, Node, Permissions,
    SendRequest, SendingState, TrustStore, issue, make_root,
};
use v2x_proto::credential::{CredentialFields, CredentialView};
use v2x_proto::envelope::{SignerRef, TbsRepr};
use v2x_proto::{Class, Digest, v1};

use testkit::craft::{self, Crafter, circle, hazard, hazard_of, is_full, probe, read};
use testkit::{Authority, PLACE, START, Station, anchor, fix};

// SND_CAM_04, SND_CAM_05: digest normally, the credential once a second.
#[test]
fn a_station_signs_with_its_digest_and_once_a_second_with_its_credential() {
    let frames = crowded(&mut beaconing(1), 0, 5_000);
    let full: Vec<u64> = frames.iter().filter(|(_, bytes)| is_full(bytes)).map(|(at, _)| ms(*at)).collect();
    assert_eq!(full[0], ms(frames[0].0), "the first of all");
    assert!(full.windows(2).all(|pair| pair[1] - pair[0] == 1000), "{full:?}");
    assert!(frames.len() > 4 * full.len());
    for (_, bytes) in frames.iter().filter(|(_, bytes)| !is_full(bytes)) {
        assert_eq!(read(bytes).2, SignerRef::Digest(read(bytes).0.forwarder));
    }
}

#[test]
fn a_station_shown_for_debugging_has_neither_its_key_nor_its_seed_in_it() {
    let (authority, seed) = (Authority::new(), 6_936_178_692_081_677_167_u64);
    let (config, key) = (Config::vehicle(), Authority::key(1).to_bytes());
    let node = Node::new(config, authority.identity(1), authority.trust.clone(), seed, anchor());
    let shown = format!("{node:?}");
    // Also in the pool, which chooses by it.
    assert!(shown.matches("seed: Seed(..)").count() == 2 && !shown.contains(&seed.to_string()));
    let key = key.map(|byte| byte.to_string()).join(", ");
    assert!(shown.contains("KeyPair(..)") && !shown.contains(&key));
    assert!(shown.contains("FrameHasher(..)"), "its keys come from the seed");
}

// SND_CAM_07: the timer restarts whenever the credential was sent. SND_DENM_03: every hazard has it.
#[test]
fn a_hazard_always_brings_the_credential_and_restarts_its_timer() {
    let mut station = beaconing(1);
    crowded(&mut station, 0, 500);
    for class in [Class::D0, Class::D1] {
        for n in 0..3 {
            let now = Instant::from_millis(501 + n * 10);
            let sent = station.feed(now, Input::Send(probe(class)));
            assert!(is_full(&sent[0]), "{class:?}");
        }
    }
    let now = Instant::from_millis(530);
    let sent = station.feed(now, Input::Send(flood(now)));
    assert!(is_full(&sent[0]));
    let after = crowded(&mut station, 531, 3_000);
    let first = after.iter().find(|(_, bytes)| is_full(bytes)).unwrap().0;
    assert!(first >= now + Duration::from_secs(1), "{first:?}");
    assert!(first <= now + Duration::from_millis(1_100), "{first:?}");
}

#[test]
fn a_credential_that_never_left_a_full_link_goes_with_the_next_message() {
    let mut station = beaconing(1);
    let frames = driven(&mut station, 0, 900);
    assert!(is_full(&frames[0].1));
    station.feed(Instant::from_millis(901), Input::Link { ready: false });
    // In this time the credential is due again; the message with it gives way to newer ones.
    assert!(driven(&mut station, 902, 1_500).is_empty());
    let mut after = station.feed(Instant::from_millis(1_501), Input::Link { ready: true });
    after.extend(driven(&mut station, 1_502, 1_700).into_iter().map(|(_, bytes)| bytes));
    assert!(after.iter().take(2).any(is_full), "{} sent", after.len());
    assert_eq!(after.iter().filter(|bytes| is_full(bytes)).count(), 1);
}

// SND_CAM_06: an unknown station was heard.
#[test]
fn an_unknown_station_gets_the_credential_in_the_next_beacon_and_is_asked_for_its_own() {
    let mut station = beaconing(1);
    driven(&mut station, 0, 500);
    let stranger = Crafter::station(2);
    let at = Instant::from_millis(501);
    station.hear(at, &stranger.brief(&stranger.fields(at)));
    let frames = driven(&mut station, 502, 900);
    assert!(is_full(&frames[0].1) && !is_full(&frames[1].1));
    // SND_CAM_12: the request is in the first beacon after its back-off, and again a quarter of a second later.
    let asked: Vec<u64> = frames
        .iter()
        .filter(|(_, bytes)| read(bytes).1.requests().any(|wanted| *wanted == stranger.digest.truncated()))
        .map(|(at, _)| ms(*at))
        .collect();
    assert!(asked[0] <= 501 + 250 + 100, "{asked:?}");
    assert!(asked.windows(2).all(|pair| pair[1] - pair[0] >= 250), "{asked:?}");
    // No station requests what it knows by now.
    let at = Instant::from_millis(901);
    station.hear(at, &stranger.full(&stranger.fields(at)));
    let frames = driven(&mut station, 902, 2_500);
    assert!(frames.iter().all(|(_, bytes)| read(bytes).1.credential_requests.is_empty()));
}

// SND_CAM_08: a request that names us.
#[test]
fn a_request_is_answered_in_the_next_beacon_and_a_request_for_another_is_not() {
    let (mut station, asker) = (beaconing(1), Crafter::station(2));
    let ask = |station: &mut Station, at: u64, wanted: Digest| {
        let at = Instant::from_millis(at);
        let fields = TbsRepr { credential_requests: &wanted.truncated(), ..asker.fields(at) };
        station.hear(at, &asker.full(&fields));
    };
    let own = station.node.digest();
    ask(&mut station, 1, Digest([7; 8]));
    crowded(&mut station, 2, 1_500);
    // It is a neighbour by now, and the credential went out a moment ago.
    ask(&mut station, 1_501, Digest([7; 8]));
    let frames = crowded(&mut station, 1_502, 1_700);
    assert!(!frames.is_empty() && frames.iter().all(|(_, bytes)| !is_full(bytes)));
    ask(&mut station, 1_701, own);
    let frames = crowded(&mut station, 1_702, 1_900);
    assert!(is_full(&frames[0].1) && !is_full(&frames[1].1));
}

#[test]
fn a_quiet_channel_hears_the_credential_more_often() {
    let frames = driven(&mut beaconing(1), 0, 5_000);
    let full: Vec<u64> = frames.iter().filter(|(_, bytes)| is_full(bytes)).map(|(at, _)| ms(*at)).collect();
    assert!(full.windows(2).all(|pair| pair[1] - pair[0] == 400), "{full:?}");
}

#[test]
fn a_request_that_another_station_makes_first_is_not_made() {
    let (mut station, stranger, other) = (beaconing(1), Crafter::station(2), Crafter::station(3));
    driven(&mut station, 0, 500);
    let at = Instant::from_millis(501);
    station.hear(at, &stranger.brief(&stranger.fields(at)));
    let fields = TbsRepr { credential_requests: &stranger.digest.truncated(), ..other.fields(at) };
    station.hear(at, &other.full(&fields));
    let frames = driven(&mut station, 502, 750);
    assert!(frames.len() > 1 && frames.iter().all(|(_, bytes)| read(bytes).1.credential_requests.is_empty()));
}

#[test]
fn an_unverified_request_is_not_answered() {
    let (mut station, asker) = (beaconing(1), Crafter::station(2));
    let at = Instant::from_millis(1);
    station.hear(at, &asker.full(&asker.fields(at)));
    crowded(&mut station, 2, 500);
    let own = station.node.digest().truncated();
    let at = Instant::from_millis(501);
    let fields = TbsRepr { credential_requests: &own, ..asker.fields(at) };
    station.hear(at, &craft::forged(&asker.full(&fields), 5));
    assert_eq!(station.last_drop(), Some("signature_invalid"));
    assert!(crowded(&mut station, 502, 900).iter().all(|(_, bytes)| !is_full(bytes)));
}

#[test]
fn a_new_neighbour_gets_the_credential_in_the_next_beacon() {
    let (mut station, other) = (beaconing(1), Crafter::station(2));
    driven(&mut station, 0, 500);
    let at = Instant::from_millis(501);
    station.hear(at, &other.full(&other.fields(at)));
    let frames = driven(&mut station, 502, 900);
    assert!(is_full(&frames[0].1));
    assert!(frames[1..].iter().all(|(_, bytes)| !is_full(bytes)));
}

#[test]
fn two_stations_that_meet_by_digest_know_each_other_after_one_beacon_each() {
    let (mut here, mut newcomer) = (beaconing(1), beaconing(2));
    driven(&mut here, 0, 500);
    driven(&mut newcomer, 0, 500);
    let mut frames: Vec<_> = Vec::new();
    for step in 501..=800 {
        let (here_said, there_said) = (driven(&mut here, step, step), driven(&mut newcomer, step, step));
        here_said.iter().for_each(|(at, bytes)| newcomer.hear(*at, bytes));
        there_said.iter().for_each(|(at, bytes)| here.hear(*at, bytes));
        frames.extend(here_said.into_iter().chain(there_said));
        if here.received() > 0 && newcomer.received() > 0 {
            break;
        }
    }
    assert!(frames.len() <= 3, "{}", frames.len());
    assert!(here.last_drop().is_none() && newcomer.last_drop().is_none(), "held, not lost");
    assert_eq!(here.received() + newcomer.received(), frames.len(), "what was held is delivered");
}

#[test]
fn a_flood_of_unknown_names_costs_no_more_than_one_credential_a_beacon_and_eight_requests() {
    let mut station = beaconing(1);
    let stranger = Crafter::station(2);
    let fields = |at| stranger.fields(at);
    for step in 0..100u8 {
        let at = Instant::from_millis(u64::from(step));
        let fields = fields(at);
        let name = Digest([step; 8]);
        station.hear(at, &stranger.frame(&stranger.header(&fields), &fields, SignerRef::Digest(name)));
    }
    let frames = driven(&mut station, 101, 400);
    assert!(frames.iter().all(|(_, bytes)| read(bytes).1.requests().count() <= 8));
    assert!(frames.iter().filter(|(_, bytes)| is_full(bytes)).count() <= 2);
}

/// Beacons with the whole credential that a station sends in ten seconds of a busy channel, while another station sends a frame
/// each 100 ms that `asks` makes.
fn whole_credentials(asks: impl Fn(&Crafter, &Station, Instant) -> Bytes) -> (usize, Station) {
    let (mut station, attacker) = (beaconing(1), Crafter::station(66));
    let at = Instant::from_millis(1);
    station.hear(at, &attacker.full(&attacker.fields(at)));
    crowded(&mut station, 2, 999);
    let mut full = 0;
    for start in (1_000..11_000).step_by(100) {
        let at = Instant::from_millis(start);
        let frame = asks(&attacker, &station, at);
        station.hear(at, &frame);
        let frames = crowded(&mut station, start + 1, start + 99);
        full += frames.iter().filter(|(_, bytes)| is_full(bytes)).count();
    }
    (full, station)
}

#[test]
fn a_made_up_name_a_beacon_makes_no_station_attach_its_credential_to_each() {
    let (full, mut station) = whole_credentials(|attacker, _, at| {
        let fields = attacker.fields(at);
        let name = Digest(fields.generation_time_us.to_be_bytes());
        attacker.frame(&attacker.header(&fields), &fields, SignerRef::Digest(name))
    });
    assert!(full <= 10 + 2 + 5, "{full} in ten seconds, one a second without any reason");
    // A station that brings its credential is new, and waits for no rate that made-up names have spent.
    let newcomer = Crafter::station(2);
    let at = Instant::from_millis(11_000);
    station.hear(at, &newcomer.full(&newcomer.fields(at)));
    let frames = crowded(&mut station, 11_001, 11_200);
    assert!(is_full(&frames[0].1));
}

#[test]
fn a_verified_station_that_asks_with_each_beacon_gets_two_answers_a_second() {
    let (full, mut station) = whole_credentials(|attacker, station, at| {
        let own = station.node.digest().truncated();
        attacker.full(&TbsRepr { credential_requests: &own, ..attacker.fields(at) })
    });
    assert!(full <= 10 + 4 + 20, "{full} in ten seconds");
    // Whoever comes then waits until the next answer, which is for all.
    let newcomer = Crafter::station(2);
    let at = Instant::from_millis(11_000);
    station.hear(at, &newcomer.full(&newcomer.fields(at)));
    let frames = crowded(&mut station, 11_001, 11_600);
    assert!(frames.iter().any(|(_, bytes)| is_full(bytes)));
}

// SND_CAM_10, SND_DENM_04: nothing is signed outside the validity of the station's own credential.
#[test]
fn nothing_is_sent_outside_the_own_credentials_validity() {
    let authority = Authority::new();
    let start_s = (START.as_micros() / 1_000_000) as u32;
    let request = CredentialRequest {
        not_before_s: start_s + 2,
        duration_min: 1,
        ..Authority::request(&Authority::key(1))
    };
    let identity = authority.identity_as(1, &request);
    let node = Node::new(Config::vehicle(), identity, authority.trust.clone(), 7, anchor());
    let mut station = Station::with(1, node);
    station.start(Instant::ZERO, PLACE);
    let (begins, ends) = (Instant::from_millis(2_000), Instant::from_millis(62_000));
    let ask = |station: &mut Station, at| {
        let payload = hazard_of(station.node.digest(), at).encode_to_vec().into();
        let sent = station.feed(at, Input::Send(SendRequest { payload, ..flood(at) })).len();
        match station.events.last() {
            Some(Event::NotSent(not_sent)) => assert_eq!(not_sent.reason.name(), "sending_blocked"),
            last => assert!(sent == 1, "{last:?}"),
        }
        sent
    };
    assert_eq!(ask(&mut station, Instant::from_millis(500)), 0);
    assert!(driven(&mut station, 501, 1_999).is_empty());
    assert_eq!(ask(&mut station, begins), 1, "from its first moment");
    let sent = driven(&mut station, 2_001, 61_999);
    assert!(sent.iter().all(|(at, _)| *at >= begins && *at < ends) && sent.len() > 50);
    assert_eq!(ask(&mut station, ends), 0, "at its end it is over");
    assert!(driven(&mut station, 62_001, 64_000).is_empty());
    let states: Vec<SendingState> = station
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Sending(state) => Some(*state),
            _ => None,
        })
        .collect();
    let said_once = [
        SendingState::ClockUntrusted,
        SendingState::NoFix,
        SendingState::CredentialNotValid,
        SendingState::Allowed,
        SendingState::CredentialNotValid,
    ];
    assert_eq!(states, said_once);
}

// SND_CAM_10: a realistic generation time needs a clock.
#[test]
fn nothing_is_signed_by_a_clock_that_is_not_trusted() {
    let mut station = beaconing(1);
    let at = Instant::from_millis(100);
    station.feed(at, Input::Clock { wire: anchor().wire_at(at), state: ClockState::Untrusted });
    assert!(station.feed(at, Input::Send(flood(at))).is_empty());
    assert!(driven(&mut station, 101, 2_000).is_empty());
    let at = Instant::from_millis(2_001);
    station.feed(at, Input::Clock { wire: anchor().wire_at(at), state: ClockState::Locked });
    assert!(!driven(&mut station, 2_002, 3_000).is_empty());
}

// RCV_CAM_01, RCV_CAM_02: with the credential, then with its digest.
#[test]
fn messages_by_credential_and_by_digest_are_both_accepted() {
    let (car, mut receiver) = (Crafter::station(1), Station::silent(9));
    let at = Instant::from_millis(10);
    receiver.hear(at, &car.full(&car.fields(at)));
    receiver.hear(at, &car.brief(&car.fields(at)));
    receiver.hear(at, &car.full(&car.fields(at)));
    assert_eq!((receiver.received(), receiver.last_drop()), (3, None));
}

// SND_CERT_AT_05, AT_07, AT_08, 04_02: permissions, validity and region nest in the issuer's.
#[test]
fn a_credential_that_claims_more_than_its_issuer_has_is_refused() {
    let narrow = Narrow::new();
    let at = Instant::from_millis(10);
    let within = narrow.fields;
    let cases: [(&str, CredentialFields, Option<&str>); 8] = [
        ("just what its issuer may give", within, None),
        ("no region of its own", CredentialFields { region: None, ..within }, None),
        (
            "a permission more",
            CredentialFields { permissions: within.permissions | Permissions::IMMINENT.0, ..within },
            Some("credential_nesting"),
        ),
        (
            "an unknown permission",
            CredentialFields { permissions: within.permissions | 1 << 60, ..within },
            Some("credential_nesting"),
        ),
        (
            "to issue",
            CredentialFields { permissions: within.permissions | Permissions::ISSUE.0, ..within },
            Some("credential_nesting"),
        ),
        (
            "to begin earlier",
            CredentialFields { not_before_s: within.not_before_s - 1, ..within },
            Some("credential_nesting"),
        ),
        (
            "to last longer",
            CredentialFields { duration_min: within.duration_min + 1, ..within },
            Some("credential_nesting"),
        ),
        (
            "a wider region",
            CredentialFields { region: Some(circle(2_001)), ..within },
            Some("credential_nesting"),
        ),
    ];
    for (what, fields, expected) in cases {
        let station = narrow.station(&fields);
        let mut receiver = narrow.receiver();
        receiver.hear(at, &station.full(&station.fields(at)));
        assert_eq!(receiver.last_drop(), expected, "{what}");
        assert_eq!(receiver.received(), usize::from(expected.is_none()), "{what}");
    }
}

// The issuer's region holds where a station's credential names none.
#[test]
fn a_credential_without_region_is_valid_where_its_issuers_is() {
    let narrow = Narrow::new();
    let at = Instant::from_millis(10);
    let station = narrow.station(&CredentialFields { region: None, ..narrow.fields });
    let mut receiver = narrow.receiver();
    let near = PLACE.moved(0.0, 1_400.0);
    let fields = TbsRepr { latitude: near.latitude, longitude: near.longitude, ..station.fields(at) };
    receiver.hear(at, &station.full(&fields));
    assert_eq!(receiver.received(), 1, "{:?}", receiver.drops());
    // Beyond the issuer's 2 km, and near the receiver, which drove there.
    let far = PLACE.moved(0.0, 2_100.0);
    receiver.feed(at, fix(at, far));
    let fields = TbsRepr { latitude: far.latitude, longitude: far.longitude, ..station.fields(at) };
    receiver.hear(at, &station.full(&fields));
    assert_eq!(receiver.last_drop(), Some("credential_region"));
}

/// A root of everything, and under it an issuer of little: awareness, an hour, 2 km about here.
struct Narrow {
    root: Bytes,
    issuer: Bytes,
    /// Of a station that uses all its issuer may give.
    fields: CredentialFields,
}

impl Narrow {
    fn new() -> Self {
        let (root_key, issuer_key) = (Authority::key(40), Authority::key(41));
        let start_s = (START.as_micros() / 1_000_000) as u32;
        let root = make_root(&root_key, Permissions(u64::MAX), start_s - 3_600, 24 * 60).unwrap();
        let request = CredentialRequest {
            permissions: Permissions::AWARENESS | Permissions::HAZARD | Permissions::ISSUE,
            not_before_s: start_s - 60,
            duration_min: 60,
            region: Some(circle(2_000)),
            ..Authority::request(&issuer_key)
        };
        let issuer = issue(&root, &root_key, &request).unwrap();
        let own = CredentialRequest {
            permissions: Permissions::AWARENESS | Permissions::HAZARD,
            public_key: Authority::key(5).verifying_key().to_bytes(),
            ..request
        };
        let station = issue(&issuer, &issuer_key, &own).unwrap();
        Self { root, issuer, fields: CredentialView::parse(&station).unwrap().fields }
    }

    /// The issuer is dishonest, and signs anything.
    fn station(&self, fields: &CredentialFields) -> Crafter {
        Crafter::new(Authority::key(5), craft::credential(fields, &self.issuer, &Authority::key(41)))
    }

    fn receiver(&self) -> Station {
        let trust =
            TrustStore::new(std::slice::from_ref(&self.root), std::slice::from_ref(&self.issuer)).unwrap();
        let config = Config { awareness: AwarenessRule::Off, ..Config::vehicle() };
        let node = Node::new(config, Authority::new().identity(9), trust, 7, anchor());
        let mut receiver = Station::with(9, node);
        receiver.start(Instant::ZERO, PLACE);
        receiver
    }
}

/// A station that sends awareness every 100 ms.
fn beaconing(number: u32) -> Station {
    let every = AwarenessRule::Every(Duration::from_millis(100));
    let mut station = Station::new(number, Config { awareness: every, ..Config::vehicle() });
    station.start(Instant::ZERO, PLACE);
    station
}

fn driven(station: &mut Station, from: u64, end: u64) -> Vec<(Instant, Bytes)> {
    station.drive(Instant::from_millis(from), Instant::from_millis(end), |now| fix(now, PLACE))
}

/// As [`driven`], in a channel that noise keeps busy.
fn crowded(station: &mut Station, from: u64, end: u64) -> Vec<(Instant, Bytes)> {
    let noise = Bytes::from(vec![0; 1398]);
    let mut sent = Vec::new();
    for start in (from..=end).step_by(100) {
        // 1.9 ms each: a third of a second at first, then as much every second.
        for _ in 0..if start == from { 200 } else { 20 } {
            station.hear(Instant::from_millis(start), &noise);
        }
        sent.extend(driven(station, start, end.min(start + 99)));
    }
    sent
}

fn flood(at: Instant) -> SendRequest {
    SendRequest {
        message_type: v1::MessageType::Hazard as u32,
        class: Class::D3,
        lifetime_ms: 60_000,
        max_hops: 10,
        area: Some(circle(1_000)),
        payload: hazard(at).into(),
        ..probe(Class::D3)
    }
}

fn ms(at: Instant) -> u64 {
    at.as_nanos() / 1_000_000
}
