//! Bridges across networks of namespaces: two NATs, a relay, a broker, latency and loss.
//!
//! They need root, `iproute2`, `nftables`, `iputils-ping`, `util-linux`, `python3` and `mosquitto`, and the program `roadcast` beside this
//! crate's (`cargo build -p v2x-node`). Where something is missing they say so and are skipped; with `ROADCAST_CI` set that is a
//! failure. `cargo test` leaves them out, because each takes seconds: `cargo test -p v2x-bridges --test nets -- --nocapture`. What takes
//! minutes is ignored there: `-- --ignored figures` measures, and `-- --ignored minute` waits one.

mod nets {
    pub mod bridge;
    pub mod lab;
    pub mod measure;
    pub mod program;
    pub mod scene;
    pub mod socket;
    pub mod station;
    pub mod tap;
}

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use nets::bridge::{self, Ways, is_path};
use nets::lab::{Nat, Side, Weather};
use nets::measure::{self, Pace};
use nets::scene::{Scene, Summary};
use nets::socket::PATIENCE;
use nets::station::{self, CAR, Station, UNIT};

#[test]
fn port_keeping_nats_are_punched_with_the_help_of_a_relay() {
    let Some(mut scene) = Scene::new([Nat::KeepsPorts; 2]) else { return };
    scene.lab.weather(Weather { delay_ms: 10, loss_percent: 1.0 });
    let _relay = bridge::start_relay(&scene.lab);
    scene.link(|_| by_relay());
    let direct = scene.until_path("direct", DIRECT);
    let first = scene.pass_one(PATIENCE);
    for _ in 0..10 {
        scene.pass_one(PATIENCE);
    }
    let rtt_ms = scene.round_trip_ms();
    println!(
        "direct {direct:.1?} after both bridges served, the first hazard took {first:.1?}; at a round trip of {rtt_ms:.1} ms and 1 % loss, ms from radio to radio: {}",
        Summary::of(&scene.end().latencies_ms()).json()
    );
}

#[test]
fn port_keeping_nats_are_punched_without_a_relay_where_a_broker_carries_offers() {
    let Some(mut scene) = Scene::new([Nat::KeepsPorts; 2]) else { return };
    let _broker = bridge::start_broker(&scene.lab);
    scene.link(by_offers);
    let direct = scene.until_path("direct", DIRECT);
    let first = scene.pass_one(PATIENCE);
    println!(
        "direct {direct:.1?} after both bridges served, by offers alone; the first hazard took {first:.1?}"
    );
}

#[test]
fn bridges_meet_by_offers_though_their_clocks_are_a_minute_apart() {
    let Some(mut scene) = Scene::new([Nat::KeepsPorts; 2]) else { return };
    let _broker = bridge::start_broker(&scene.lab);
    let skew_ms = |side| if side == Side::B { 60_000 } else { 0 };
    scene.link(|side| Ways { skew_ms: skew_ms(side), ..by_offers(side) });
    let direct = scene.until_path("direct", LONG);
    println!("direct {direct:.1?} after both bridges served, one of whose clocks is a minute fast");
}

#[test]
fn the_relay_carries_what_nats_of_random_ports_keep_apart() {
    let Some(mut scene) = Scene::new([Nat::RandomPorts; 2]) else { return };
    let _relay = bridge::start_relay(&scene.lab);
    let began = Instant::now();
    scene.link(|_| by_relay());
    let relayed = scene.until_path("relayed", PATIENCE);
    let first = scene.pass_one(PATIENCE);
    let (first_after, rtt_ms) = (began.elapsed(), scene.round_trip_ms());
    for _ in 0..10 {
        scene.pass_one(PATIENCE);
    }
    assert!(scene.bridges.iter().all(|bridge| is_path(&bridge.status(), "relayed")), "no NAT was punched");
    println!(
        "relayed {relayed:.1?} after both bridges served; the first hazard took {first:.1?} and was there {first_after:.1?} after \
         the start; at a round trip of {rtt_ms:.1} ms without a relay, ms from radio to radio: {}",
        Summary::of(&scene.end().latencies_ms()).json()
    );
}

#[test]
fn a_direct_link_outlives_the_relay_that_helped_to_make_it() {
    let Some(mut scene) = Scene::new([Nat::KeepsPorts; 2]) else { return };
    let relay = bridge::start_relay(&scene.lab);
    scene.link(|_| by_relay());
    scene.until_path("direct", DIRECT);
    relay.kill();
    let noticed = scene.bridges[0].until("without its relay", LONG, |status| !has_relay(status));
    let passed = scene.pass_one(PATIENCE);
    assert!(scene.bridges.iter().all(|bridge| is_path(&bridge.status(), "direct")));
    let _relay = bridge::start_relay(&scene.lab);
    let back = scene.bridges[0].until("with its relay", LONG, has_relay);
    println!(
        "the relay's end was noticed after {noticed:.1?}, a hazard passed in {passed:.1?}, the relay's return after {back:.1?}"
    );
}

#[test]
fn what_a_dead_relay_does_not_carry_waits_until_it_is_back() {
    let Some(mut scene) = Scene::new([Nat::RandomPorts; 2]) else { return };
    let relay = bridge::start_relay(&scene.lab);
    scene.link(|_| by_relay());
    scene.until_path("relayed", PATIENCE);
    relay.kill();
    let silent = scene.bridges[0].until("without its peer", LONG, |status| !is_connected(status));
    let event = scene.declare(600);
    let _relay = bridge::start_relay(&scene.lab);
    let back = Instant::now();
    scene.until_known(&event, LONG);
    println!(
        "silence was noticed after {silent:.1?}; {:.1?} after the relay's return the hazard was there",
        back.elapsed()
    );
}

#[test]
fn a_host_that_gets_another_address_is_reached_again() {
    let Some(mut scene) = Scene::new([Nat::KeepsPorts; 2]) else { return };
    let _relay = bridge::start_relay(&scene.lab);
    scene.link(|_| by_relay());
    scene.until_path("direct", DIRECT);
    scene.pass_one(PATIENCE);
    scene.lab.move_inside(Side::A, 77);
    let first = scene.pass_one(LONG);
    let direct = scene.until_path("direct", LONG);
    println!("a hazard that was declared at the change took {first:.1?}; direct again {direct:.1?} later");
}

#[test]
fn a_host_whose_nat_gets_another_address_is_reached_again() {
    let Some(mut scene) = Scene::new([Nat::KeepsPorts; 2]) else { return };
    let _relay = bridge::start_relay(&scene.lab);
    scene.link(|_| by_relay());
    scene.until_path("direct", DIRECT);
    scene.pass_one(PATIENCE);
    scene.lab.move_outside(Side::A, 2);
    let first = scene.pass_one(LONG);
    let direct = scene.until_path("direct", LONG);
    println!("a hazard that was declared at the change took {first:.1?}; direct again {direct:.1?} later");
}

#[test]
fn a_bridge_that_is_killed_is_met_again_when_it_is_back() {
    let Some(mut scene) = Scene::new([Nat::KeepsPorts; 2]) else { return };
    let _relay = bridge::start_relay(&scene.lab);
    scene.link(|_| by_relay());
    scene.until_path("direct", DIRECT);
    scene.pass_one(PATIENCE);
    let far = scene.bridges.pop().expect("there are two");
    scene.bridges.push(far.restart(&scene.lab));
    let began = Instant::now();
    // Its station must tell it first: what it is not told of it cannot send on.
    scene.bridges[1].until_it_serves();
    let event = scene.declare(600);
    scene.until_known(&event, LONG);
    println!("a hazard was there {:.1?} after the far bridge was killed and started again", began.elapsed());
}

#[test]
fn a_bridge_that_hangs_holds_up_no_station_and_gets_what_waited_when_it_goes_on() {
    let Some(mut scene) = Scene::new([Nat::KeepsPorts; 2]) else { return };
    let _relay = bridge::start_relay(&scene.lab);
    scene.link(|_| by_relay());
    scene.until_path("direct", DIRECT);
    scene.pass_one(PATIENCE);
    scene.bridges[1].program().hang(true);
    let silent = scene.bridges[0].until("without its peer", LONG, |status| !is_connected(status));
    let event = scene.declare(600);
    // Its unit goes on meanwhile: a vehicle that comes now is heard and hears it.
    let newcomer = Station::start(&scene.lab, Side::B, "newcomer", CAR);
    scene.units[1].until_it_hears(&newcomer);
    newcomer.until_it_hears(&scene.units[1]);
    scene.bridges[1].program().hang(false);
    let back = Instant::now();
    scene.until_known(&event, LONG);
    println!(
        "silence was noticed after {silent:.1?}; {:.1?} after the bridge went on the hazard was there",
        back.elapsed()
    );
}

#[test]
fn hazards_wait_for_the_end_of_a_partition_and_those_that_ended_do_not_come() {
    partition(Duration::from_secs(12));
}

/// The same for a minute: by then a connection of QUIC is gone on both sides.
#[test]
#[ignore = "takes more than a minute"]
fn hazards_wait_for_the_end_of_a_partition_of_a_minute() {
    partition(Duration::from_secs(60));
}

#[test]
fn a_broker_that_restarts_has_every_hazard_that_is_still_valid() {
    let Some(mut scene) = Scene::new([Nat::RandomPorts; 2]) else { return };
    let broker = bridge::start_broker(&scene.lab);
    scene.link(|_| by_broker());
    for bridge in &scene.bridges {
        bridge.until("connected to its broker", LONG, |status| status["broker"]["connected"] == true);
    }
    let first = scene.pass_one(PATIENCE);
    broker.kill();
    scene.bridges[0].until("without its broker", LONG, |status| status["broker"]["connected"] != true);
    let (short, long) = (scene.declare(2), scene.declare(600));
    // Until the first has ended.
    thread::sleep(Duration::from_secs(3));
    let _broker = bridge::start_broker(&scene.lab);
    let back = scene.bridges[1]
        .until("connected to its broker", LONG, |status| status["broker"]["connected"] == true);
    let connected = Instant::now();
    scene.until_known(&long, LONG);
    let late = connected.elapsed();
    scene.pass_one(PATIENCE);
    let known = scene.cars[1].hazards();
    assert!(
        known.contains(&long) && !known.contains(&short),
        "{short} ended before the broker was back: {known:?}"
    );
    println!(
        "a hazard passed the broker in {first:.1?}; {back:.1?} after its restart the subscriber was back, and {late:.1?} later had the hazard"
    );
}

/// The unit believes its clock. By a slow one the hazard is of the future, by a fast one it has ended.
#[test]
fn a_unit_whose_clock_is_wrong_airs_nothing_from_afar_and_says_why() {
    for (skew_ms, validity_s) in [(-5_000, 600), (60_000, 30)] {
        let far = UNIT.skewed(skew_ms);
        let Some(mut scene) = Scene::with_far([Nat::KeepsPorts; 2], far) else { return };
        let _relay = bridge::start_relay(&scene.lab);
        scene.link(|_| by_relay());
        scene.until_path("direct", DIRECT);
        let event = scene.declare(validity_s);
        let drops = scene.until_dropped_from_afar();
        assert!(!scene.is_known(&event, Duration::from_secs(2)));
        let far = scene.units.pop().expect("there are two");
        scene.units.push(far.restart(&scene.lab, Side::B, UNIT));
        scene.bridges[1].until_it_serves();
        let after = scene.pass_one(PATIENCE);
        println!(
            "clock wrong by {skew_ms} ms: dropped {drops}; with the right clock a hazard took {after:.1?}"
        );
    }
}

#[test]
fn two_units_that_are_peers_and_share_a_broker_air_each_of_200_hazards_once() {
    let Some(mut scene) = Scene::new([Nat::KeepsPorts; 2]) else { return };
    let _broker = bridge::start_broker(&scene.lab);
    scene.link(|side| Ways { publishes: String::new(), ..by_offers(side) });
    scene.until_path("direct", LONG);
    for bridge in &scene.bridges {
        bridge.until("connected to its broker", LONG, |status| status["broker"]["connected"] == true);
    }
    // A vehicle may declare two a second.
    let crowd: Vec<Station> =
        (1..=5).map(|n| Station::start(&scene.lab, Side::A, &format!("crowd-{n}"), CAR)).collect();
    for car in &crowd {
        scene.units[0].until_it_hears(car);
    }
    let mut sockets: Vec<_> = crowd.iter().map(Station::connect).collect();
    let mut hazards = scene.cars[1].watch_hazards();
    let mut pace = Pace::new(Duration::from_millis(150));
    let events: Vec<String> = (0..200)
        .map(|n| {
            pace.wait();
            // Over before a unit would send one again to keep it alive.
            station::declare(&mut sockets[n % crowd.len()], 3)
        })
        .collect();
    hazards.until_all_known(&events, PATIENCE);
    let ends = scene.bridges[1].status()["end"].clone();
    let taken = |end: usize| {
        let Value::Object(end) = &ends[end] else { panic!("two ends: {ends:#}") };
        format!("{}: {} taken, {} known already", end["name"], end["taken"], end["refused"]["known"])
    };
    let taken = [taken(0), taken(1)].join("; ");
    drop((sockets, crowd));
    let heard = scene.end();
    let times = heard.times_aired();
    let more: Vec<_> = times.iter().filter(|(_, times)| **times != 1).collect();
    assert!(more.is_empty(), "not once each: {more:?}; {taken}");
    assert_eq!(times.len(), events.len(), "{taken}");
    println!("200 hazards, each aired once; {taken}");
}

fn partition(time: Duration) {
    let Some(mut scene) = Scene::new([Nat::KeepsPorts; 2]) else { return };
    let _relay = bridge::start_relay(&scene.lab);
    scene.link(|_| by_relay());
    scene.until_path("direct", DIRECT);
    scene.pass_one(PATIENCE);
    scene.lab.cut(Side::B, true);
    let began = Instant::now();
    let silent = scene.bridges[0].until("without its peer", LONG, |status| !is_connected(status));
    let (short, long) = (scene.declare(3), scene.declare(600));
    thread::sleep(time.saturating_sub(began.elapsed()));
    scene.lab.cut(Side::B, false);
    let healed = Instant::now();
    scene.until_known(&long, LONG);
    let late = healed.elapsed();
    scene.pass_one(PATIENCE);
    let expired = scene.bridges[0].peer()["expired"].clone();
    let known = scene.cars[1].hazards();
    assert!(
        known.contains(&long) && !known.contains(&short),
        "{short} ended during the partition: {known:?}"
    );
    println!(
        "silence was noticed after {silent:.1?}; {late:.1?} after a partition of {time:.0?} the hazard that was still valid was there; \
         expired in the queue: {expired}"
    );
}

/// What benches/README.md shows of bridges. `ROADCAST_NETS_RUNS=2` makes them short.
#[test]
#[ignore = "measures for ten minutes"]
fn figures_of_meetings_and_hazards() {
    measure::run(by_relay, by_offers);
}

fn by_relay() -> Ways {
    Ways { peer: true, relay: true, ..Ways::default() }
}

/// The broker carries offers to meet and no messages. Of port-keeping NATs the operator knows the outer sockets.
fn by_offers(side: Side) -> Ways {
    Ways {
        peer: true,
        broker: true,
        peers: format!("rendezvous = \"broker\"\nexternal = \"{}:4747\"\n", side.outer()),
        publishes: "send = { classes = \"none\" }\nreceive = { classes = \"none\" }\n".to_owned(),
        ..Ways::default()
    }
}

fn by_broker() -> Ways {
    Ways { broker: true, ..Ways::default() }
}

fn is_connected(status: &Value) -> bool {
    status["peer"][0]["connected"] == true
}

fn has_relay(status: &Value) -> bool {
    status["peers"]["relay"][0]["connected"] == true
}

/// What the bridge promises of a direct link.
const DIRECT: Duration = Duration::from_secs(10);
/// Longer than any of the bridge's waits and timeouts.
const LONG: Duration = Duration::from_secs(90);
