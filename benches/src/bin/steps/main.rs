//! The longest way of a frame through a full station, in steps and not in time: `benches/steps.sh`.
//!
//! A station knows as many neighbours, floods and events as it has room for. Each kind of frame that somebody thought of is
//! given to it, and then thousands of variations of those that cost most. What a frame costs is how many branches are
//! taken until it has its end, its signature check left out. It fails when one costs more than a fixed multiple of a
//! neighbour's beacon.

mod kinds;
mod meter;
mod scene;
mod search;

use std::error::Error;
use std::process::ExitCode;

use benches::figures;

use self::kinds::{Crowd, Kind};
use self::meter::Meter;
use self::scene::{Cost, Scene};
use self::search::{Found, Search};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let quick = figures::quick();
    let tries = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let tries = tries.unwrap_or(if quick { 3_000 } else { 100_000 });
    let mut meter = Meter::new()?;
    let beacon = cost_of(Kind::Beacon, &mut Scene::quiet(), &mut meter);
    let mut scene = Scene::full();
    for table in scene.tables().filter(|table| table.held > 0) {
        println!("{:>6} of {:>6} {}", table.held, table.limit, table.name);
    }
    println!("\na neighbour's beacon, without floods and events: {} steps\n", beacon.total());
    println!(
        "{:<22} {:<20} {:>6} {:>8} {:>12} {:>7} {:>9}",
        "kind", "end", "bytes", "admission", "verification", "steps", "beacons"
    );
    let mut found = Vec::new();
    for kind in Kind::ALL {
        let cost = cost_of(kind, &mut scene, &mut meter);
        print(&kind.name(), &cost, &beacon);
        found.push((kind.name(), cost));
    }
    for crowd in Crowd::ALL {
        let (frame, link) = crowd.fill(&mut scene);
        let cost = match crowd {
            // The credential is checked in its turn, and what is held goes on then.
            Crowd::HeldOfOne => scene.measure(&mut meter, frame, link),
            _ => scene.admit(&mut meter, frame, link),
        };
        print(crowd.name(), &cost, &beacon);
        found.push((crowd.name().to_owned(), cost));
        scene.pass(core::time::Duration::from_secs(1));
    }
    println!("\nthe dearest of {tries} variations, by their end");
    let mut search = Search::new(7);
    for _ in 0..tries {
        search.step(&mut scene, &mut meter);
    }
    for Found { cost, name, .. } in search.dearest() {
        print(&name, &cost, &beacon);
        found.push((name, cost));
    }
    let revokes = |cost: &Cost, name: &str| name.starts_with("revocation") && cost.end == "received";
    let dearest = |which: bool, of: fn(&Cost) -> u64| {
        let chosen = found.iter().filter(|(name, cost)| revokes(cost, name) == which);
        chosen.map(|(_, cost)| of(cost)).max().unwrap_or(0)
    };
    let [of_issuers, of_all, unverified] =
        [dearest(true, Cost::total), dearest(false, Cost::total), dearest(false, |cost| cost.admission)];
    let times = |steps: u64| figures::rounded(steps as f64 / beacon.total() as f64, 2);
    let rows: Vec<_> = found.iter().map(|(name, cost)| json(name, cost)).collect();
    println!(
        "{{\"bench\": \"steps\", \"quick\": {quick}, \"tries\": {tries}, \"beacon_steps\": {}, \"dearest_beacons\": {}, \
         \"dearest_unverified_beacons\": {}, \"kinds\": [{}]}}",
        beacon.total(),
        times(of_all),
        times(unverified),
        rows.join(", ")
    );
    let bounds = [
        ("a frame", of_all, MOST_BEACONS),
        ("a frame before its signature check", unverified, MOST_BEACONS_UNVERIFIED),
        ("a revocation of its issuer", of_issuers, MOST_BEACONS_REVOCATION),
    ];
    let broken = bounds.into_iter().filter(|(_, steps, most)| *steps > most * beacon.total());
    let broken: Vec<_> = broken.map(|(what, steps, most)| (what, times(steps), most)).collect();
    for (what, beacons, most) in &broken {
        eprintln!("steps: {what} costs as much as {beacons} beacons, and {most} at most is meant to be");
    }
    Ok(if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The dearest of a few frames of a kind: each of another station.
fn cost_of(kind: Kind, scene: &mut Scene, meter: &mut Meter) -> Cost {
    let mut dearest: Option<Cost> = None;
    for n in 0..8 {
        let (frame, link) = kind.frame(scene, 20 + 7 * n);
        let cost = scene.measure(meter, frame, link);
        scene.pass(core::time::Duration::from_millis(60));
        dearest = dearest.filter(|before| before.total() >= cost.total()).or(Some(cost));
    }
    dearest.expect("eight were measured")
}

fn print(name: &str, cost: &Cost, beacon: &Cost) {
    let Cost { end, admission, verification, length } = *cost;
    let beacons = cost.total() as f64 / beacon.total() as f64;
    println!(
        "{name:<22} {end:<20} {length:>6} {admission:>9} {verification:>12} {:>7} {beacons:>9.2}",
        cost.total()
    );
}

fn json(name: &str, cost: &Cost) -> String {
    let Cost { end, admission, verification, length } = *cost;
    format!(
        "{{\"kind\": \"{name}\", \"end\": \"{end}\", \"bytes\": {length}, \"admission\": {admission}, \
         \"verification\": {verification}}}"
    )
}

/// What a frame costs at most, in beacons of a neighbour that meet no floods and no events. Dearest are a new event in a
/// full table, and a payload of nothing but fields that nobody knows.
const MOST_BEACONS: u64 = 40;
/// Until it waits for its signature check or is dropped, when anybody may have sent it. Dearest is the point of a new
/// credential's key, which is unpacked within the budget of new credentials.
const MOST_BEACONS_UNVERIFIED: u64 = 10;
/// A revocation that its issuer signed is compared with all known credentials; nobody else can make one.
const MOST_BEACONS_REVOCATION: u64 = 80;
