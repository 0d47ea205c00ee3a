//! Bridges across networks of namespaces: two NATs, a relay, a broker, latency and loss.
//!
//! They need root, `iproute2`, `nftables`, `iputils-ping`, `util-linux` and `mosquitto`, and the program `roadcast` beside this crate's (`cargo
//! build -p v2x-node`). Where something is missing they say so and are skipped; with `ROADCAST_CI` set that is a failure. `cargo
//! test` leaves them out, because each takes seconds: `cargo test -p v2x-bridges --test nets`.

mod nets {
    pub mod bridge;
    pub mod lab;
    pub mod program;
    pub mod socket;
    pub mod station;
    pub mod tap;
}

use nets::lab::{Lab, Nat, Side};
use nets::station::{self, CAR, Station, UNIT};

#[test]
fn a_lab_has_two_sides_that_hear_their_own_alone() {
    let Some(lab) = Lab::new([Nat::KeepsPorts; 2]) else { return };
    station::make_authority(&lab);
    let unit = Station::start(&lab, Side::A, "unit-a", UNIT);
    let car = Station::start(&lab, Side::A, "car-a", CAR);
    let other = Station::start(&lab, Side::B, "unit-b", UNIT);
    let other_car = Station::start(&lab, Side::B, "car-b", CAR);
    unit.until_it_hears(&car);
    other_car.until_it_hears(&other);
    let mut hazards = unit.watch_hazards();
    let event = car.declare(20);
    hazards.until_known(&event, nets::socket::PATIENCE);
    println!("rtt {:.1} ms", lab.round_trip_ms(Side::A, Side::B.outer()));
    let (here, there) = (car.end(), other_car.end());
    assert!(here.iter().any(|frame| frame.forwarder == unit.digest()));
    assert!(there.iter().any(|frame| frame.forwarder == other.digest()));
    assert!(there.iter().all(|frame| frame.forwarder != unit.digest()));
    println!("{:?}", here.iter().filter(|f| f.kind == "hazard").collect::<Vec<_>>());
}

#[test]
fn two_bridges_behind_port_keeping_nats_meet_by_the_relay_and_go_on_directly() {
    let Some(lab) = Lab::new([Nat::KeepsPorts; 2]) else { return };
    station::make_authority(&lab);
    nets::bridge::make_keys(&lab);
    let unit_a = Station::start(&lab, Side::A, "unit-a", UNIT);
    let unit_b = Station::start(&lab, Side::B, "unit-b", UNIT);
    let _relay = nets::bridge::start_relay(&lab);
    let ways = nets::bridge::Ways { peer: true, relay: true, ..Default::default() };
    let a = nets::bridge::Bridge::start(&lab, Side::A, &unit_a, ways);
    let b = nets::bridge::Bridge::start(&lab, Side::B, &unit_b, ways);
    println!(
        "relayed or direct {:?}",
        a.until("up", nets::socket::PATIENCE, |s| s["peer"][0]["connected"] == true)
    );
    println!("direct {:?}", a.until_path("direct", nets::socket::PATIENCE));
    println!("direct {:?}", b.until_path("direct", nets::socket::PATIENCE));
    println!("{:#}", b.status());
}
