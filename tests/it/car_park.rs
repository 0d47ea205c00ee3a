//! Thirty cars that stand at one place, all with new names at the end of the same second: positions say nothing, so whatever
//! an eavesdropper links it links by a marker.
//!
//! Before the change an insider gives each car marks that no other car has: a flood for the place that ends with it, one for
//! elsewhere, one that asks to be kept alive, and a name that the car does not know. After it, as before, it sends beacons
//! that name no flood, so that it is given what a car holds.

use std::time::Duration;

use prost::Message as _;
use v2x_core::{
    AwarenessRule, ChangeRule, Config, CredentialRequest, Event, Instant, Node, Plausibility, Pool,
    PseudonymConfig,
};
use v2x_proto::envelope::{SignerRef, TbsRepr};
use v2x_proto::v1::{Hazard, MessageType};
use v2x_proto::{Class, Digest};
use v2x_replay::linkability::Eavesdropper;
use v2x_report::Linkability;

use testkit::craft::{self, Crafter};
use testkit::field::{Crew, Field};
use testkit::{Authority, PLACE, START, anchor, hazard};

const CARS: usize = 30;
const ATTACKER: [u8; 6] = [2, 6, 6, 6, 6, 6];
/// The end of the first credentials, s.
const CHANGE_S: u32 = 10;

/// What the eavesdropper makes of one car park.
fn watched(seed: u64, marked: bool) -> Linkability {
    let (authority, crew) = (Authority::new(), Crew::default());
    let nodes = (0..CARS as u32).map(|car| node(&authority, &crew, seed, car)).collect();
    let mut field = Field::of(nodes, vec![(0.0, 0.0); CARS]);
    field.aired = Some(Vec::new());
    let insider = Crafter::station(999_983);
    let all = |_: usize, _: usize, _: u64| true;
    let mut probe_at = Instant::from_millis(500);
    for tenth in 0..u64::from(CHANGE_S) * 10 + 60 {
        field.run(Instant::from_millis(tenth * 100 + 37), &all);
        if marked && tenth == 60 {
            (0..CARS).for_each(|car| mark(&mut field, &insider, car));
        }
        if marked && field.now >= probe_at {
            probe_at = field.now + Duration::from_millis(900);
            let beacon = insider.full(&insider.fields(field.now));
            (0..CARS).for_each(|car| field.hear(car, &beacon, ATTACKER));
        }
    }
    let mut ear = Eavesdropper::default();
    for (at, _, frame) in field.aired.take().unwrap_or_default() {
        ear.overhear(at.as_nanos(), frame.source, &frame.bytes);
    }
    for (_, _, event) in &field.events {
        if let Event::PseudonymChanged { old, new } = event {
            ear.changed(*old, *new);
        }
    }
    ear.score()
}

/// A standing car whose first credential ends with the others', each of another length and width.
fn node(authority: &Authority, crew: &Crew, seed: u64, car: u32) -> Node {
    let first = 2 * (seed as u32 * CARS as u32 + car) + 1_000;
    let ends = CredentialRequest {
        not_before_s: (START.as_micros() / 1_000_000) as u32 + CHANGE_S - 60,
        duration_min: 1,
        ..authority.usual_request(first)
    };
    let pool = Pool::new(vec![authority.identity_as(first, &ends), authority.identity(first + 1)]).unwrap();
    let config = Config {
        length_dm: Some(36 + car as u16 % 14),
        width_dm: Some(16 + car as u16 % 4),
        awareness: AwarenessRule::Triggered,
        pseudonym: PseudonymConfig {
            change: ChangeRule::Every(Duration::from_secs(3_600)),
            silence: Duration::ZERO,
        },
        plausibility: Plausibility::Off,
        ..Config::vehicle()
    };
    Node::with_host(config, pool, authority.trust.clone(), seed, anchor(), crew.host())
}

/// What only this car hears.
fn mark(field: &mut Field, insider: &Crafter, car: usize) {
    let there = craft::circle(500);
    let elsewhere = hazard::circle(PLACE.moved(5_000.0, 0.0), 500);
    for (number, area, hops, keep) in
        [(0, there, 1, None), (1, elsewhere, 10, None), (2, there, 1, Some(500))]
    {
        let number = car as u32 * 10 + number;
        let base = hazard::new(insider.digest, number, PLACE, anchor().wire_at(field.now));
        let payload = Hazard { keep_alive_interval_ms: keep, ..base }.encode_to_vec();
        let fields = TbsRepr {
            message_type: MessageType::Hazard as u32,
            class: Class::D3,
            lifetime_ms: 60_000,
            max_hops: 10,
            area: Some(area),
            payload: &payload,
            ..insider.fields(field.now)
        };
        let mut header = insider.header(&fields);
        header.remaining_hops = hops;
        let frame = insider.frame(&header, &fields, SignerRef::Credential(&insider.credential));
        field.hear(car, &frame, ATTACKER);
    }
    let fields = insider.fields(field.now);
    let unknown = SignerRef::Digest(Digest((car as u64 + 77).to_be_bytes()));
    let frame = insider.frame(&insider.header(&fields), &fields, unknown);
    field.hear(car, &frame, ATTACKER);
}

/// Links by marker over these seeds: changes compared, linked, by guessing.
fn sums(seeds: std::ops::Range<u64>, marked: bool) -> std::collections::BTreeMap<String, (u64, u64, f64)> {
    let mut sums = std::collections::BTreeMap::new();
    for seed in seeds {
        let found = watched(seed, marked);
        assert_eq!(found.changes, CARS as u64, "each car changed once, and was heard before and after");
        for marker in found.markers {
            let sum = sums.entry(marker.name).or_insert((0, 0, 0.0));
            *sum = (sum.0 + marker.compared, sum.1 + marker.linked, sum.2 + marker.chance);
        }
    }
    sums
}

/// All markers together link as many as guessing does, within `spreads` standard deviations, and none alone more than within
/// three: of fourteen, one in two is beyond two by chance.
fn assert_nothing_links(seeds: std::ops::Range<u64>, spreads: f64) {
    let sums = sums(seeds, true);
    for (name, (compared, linked, chance)) in &sums {
        let spread = (chance * (1.0 - chance / (*compared as f64).max(1.0))).sqrt();
        eprintln!(
            "{name:<20} {linked} of {compared}, {chance:.1} by guessing, standard deviation {spread:.1}"
        );
        let spreads = if name == "all" { spreads } else { 3.0 };
        let most = chance + spreads * spread.max(1.0);
        assert!(*linked as f64 <= most, "{name} links {linked} of {compared}, {chance:.1} by guessing");
    }
    let (compared, _, chance) = sums["all"];
    assert!((chance / compared as f64 - 1.0 / CARS as f64).abs() < 0.002, "every car could be any other");
}

#[test]
fn no_marker_links_the_names_of_cars_in_a_car_park() {
    assert_nothing_links(0..2, 3.0);
}

#[test]
#[ignore = "the figure: cargo test -p tests car_park -- --ignored --nocapture"]
fn car_park_of_twenty_seeds() {
    assert_nothing_links(0..20, 2.0);
}
