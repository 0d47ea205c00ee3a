//! Bridges across networks of namespaces: two NATs, a relay, a broker, latency and loss.
//!
//! They need root, `iproute2`, `nftables`, `iputils-ping`, `util-linux` and `mosquitto`, and the program `roadcast` beside this crate's (`cargo
//! build -p v2x-node`). Where something is missing they say so and are skipped; with `ROADCAST_CI` set that is a failure. `cargo
//! test` leaves them out, because each takes seconds: `cargo test -p v2x-bridges --test nets`.

mod nets {
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
