use std::collections::BTreeMap;

use super::*;
use crate::plan::{Unit, ns};

fn plan(scenario: &str) -> Plan {
    let text = format!(
        "warm_up_s = 2\nsettle_s = 1\n[[event]]\nat_m = [500, 0]\narea = {{ shape = \"circle\", radius_m = 900 }}\n[scenario]\n{scenario}\n"
    );
    Plan::parse("p.toml", &text).unwrap()
}

/// Metres east and north of the scenario's origin, at the first step.
fn places(scene: &Scene) -> Vec<(f64, f64)> {
    let first = scene.trace.samples.iter().filter(|sample| sample.time_ns == 0);
    first
        .map(|sample| {
            Position { latitude: sample.latitude, longitude: sample.longitude }.offset_from(origin())
        })
        .collect()
}

#[test]
fn a_highway_has_its_density_in_lanes_of_both_directions_and_repeats_by_seed() {
    let plan = plan("kind = \"highway\"\nlength_m = 10000\ndensity_per_km = 50");
    let scene = Scene::new(&plan, 7).unwrap();
    let places = places(&scene);
    assert!((490..=510).contains(&places.len()), "{}", places.len());
    assert!(places.iter().all(|(x, y)| (-0.1..=10_000.1).contains(x) && y.abs() < 8.0));
    let eastward = places.iter().filter(|(_, y)| *y < 0.0).count();
    assert!((240..=260).contains(&eastward), "{eastward}");
    assert_eq!(Scene::new(&plan, 7).unwrap().trace, scene.trace);
    assert_ne!(Scene::new(&plan, 8).unwrap().trace, scene.trace);
    // The density stays: for each vehicle that leaves at one end another enters at the other.
    let last_ns = scene.trace.samples.last().unwrap().time_ns;
    let last = scene.trace.samples.iter().filter(|sample| sample.time_ns == last_ns).count();
    assert!((490..=510).contains(&last), "{last}");
    let moved = scene.trace.tracks();
    let way = moved.iter().find(|track| track.samples.len() > 20).unwrap();
    let metres = way.samples[0].point();
    let after = way.samples[10].point();

    assert!((metres.distance_m(after) - 30.0).abs() < 0.5, "30 m/s for a second");
}

#[test]
fn nobody_stands_on_another_one() {
    for scenario in [
        "kind = \"highway\"\ndensity_per_km = 120\nlength_m = 2000",
        "kind = \"grid\"\nblocks = [3, 3]",
        "kind = \"partition\"",
    ] {
        let places = places(&Scene::new(&plan(scenario), 3).unwrap());
        for (index, one) in places.iter().enumerate() {
            let near = |other: &&(f64, f64)| (one.0 - other.0).hypot(one.1 - other.1) < 3.0;
            assert_eq!(places[index + 1..].iter().find(near), None, "{scenario}: {one:?}");
        }
    }
}

#[test]
fn no_car_says_of_itself_what_another_has_said() {
    let text = "kind = \"highway\"\nlength_m = 5000\ndensity_per_km = 60";
    let plan = Plan { warm_up_s: 20.0, ..plan(text) };
    for seed in 1..=3 {
        let scene = Scene::new(&plan, seed).unwrap();
        let mut said = BTreeMap::new();
        for sample in &scene.trace.samples {
            let claim = (sample.latitude, sample.longitude, sample.speed, sample.heading);
            let first = *said.entry(claim).or_insert(sample.station);
            assert_eq!(first, sample.station, "seed {seed}: at {} ns both say {claim:?}", sample.time_ns);
        }
    }
}

#[test]
fn everybody_in_a_grid_is_on_a_street() {
    let scene = Scene::new(&plan("kind = \"grid\"\nblocks = [4, 2]\nblock_m = 150"), 1).unwrap();
    let off = |at: f64| (at - (at / 150.0).round() * 150.0).abs();
    let places = places(&scene);
    // 3 streets of 600 m and 5 of 300 m with 40 vehicles a km, less those that would stand on crossings.
    assert!((100..=132).contains(&places.len()), "{}", places.len());
    assert!(places.iter().all(|(x, y)| off(*x).min(off(*y)) < 2.0), "{places:?}");
    assert!(scene.streets.is_some());
}

#[test]
fn a_partition_is_one_until_its_courier_drives() {
    let plan = plan(
        "kind = \"partition\"\nstations = 5\nspacing_m = 50\ngap_m = 1000\njitter = 0\nheals_s = 0\nspeed_mps = 20",
    );
    let scene = Scene::new(&plan, 1).unwrap();
    assert_eq!(scene.sides.iter().filter(|side| **side == Side::Far).count(), 5);
    let tracks = scene.trace.tracks();
    let moved: Vec<_> = tracks
        .iter()
        .filter(|track| track.samples[0].point() != track.samples[track.samples.len() - 1].point())
        .collect();
    assert_eq!(moved.len(), 1);
    assert_eq!(moved[0].station, 4, "the near group's last");
    // It stands for the warm-up of 2 s, then drives off.
    let speed = |at_s: f64| moved[0].at(ns(at_s)).unwrap().speed.unwrap();
    assert_eq!((speed(1.9), speed(2.5)), (0, 125));
    let merged = Plan {
        scenario: match plan.scenario {
            Scenario::Partition(partition) => {
                Scenario::Partition(crate::plan::Partition { merges: true, ..partition })
            }
            other => other,
        },
        ..plan
    };
    let tracks = Scene::new(&merged, 1).unwrap().trace.tracks();
    assert_eq!(tracks.iter().filter(|track| track.samples.last().unwrap().speed != Some(0)).count(), 5);
}

#[test]
fn who_is_not_there_is_named() {
    let mut plan = plan("kind = \"highway\"\nlength_m = 500");
    plan.events[0].by = Origin::Named("unit 9".to_owned());
    let error = Scene::new(&plan, 1).unwrap_err().to_string();
    let start = "event 1: the scenario has no station \"unit 9\"; ";
    assert_eq!(error, format!("{start}make it a [[unit]], or at_m = [x, y]"));
    plan.units = vec![Unit { name: "unit 1".to_owned(), at_m: (0.0, 0.0) }];
    let error = Scene::new(&plan, 1).unwrap_err().to_string();
    assert_eq!(error, format!("{start}take a unit's name: \"unit 1\", or at_m = [x, y]"));
    plan.scenario = Scenario::Trace(TraceScenario::new("nowhere.csv"));
    assert!(Scene::new(&plan, 1).unwrap_err().to_string().contains("nowhere.csv"));
}
