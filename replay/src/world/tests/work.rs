//! Stations whose processor takes its time.

use v2x_report::{ProcessorReport, Stage};

use super::*;

/// Standing cars within reach of each other, each with this processor, for `tenths` of a second.
fn at_work(cars: u32, tenths: u64, [verify, sign, frame]: [f64; 3]) -> Counted {
    let trace = standing(cars, 30.0, tenths);
    let mut world = World::new(&trace, settings(Verify::Once, 1), ideal()).unwrap();
    world.slow_down(Processor::default().with([Some(verify), Some(sign), Some(frame)]));
    let end_ns = world.end_ns();
    world.run_until(end_ns);
    world.finish(end_ns + 200_000_000).unwrap()
}

fn told(counted: &Counted) -> ProcessorReport {
    counted.toll.processor(&|station| format!("car {station}")).unwrap()
}

#[test]
fn a_processor_that_takes_no_time_changes_nothing() {
    let instant = at_work(5, 20, [0.0; 3]);
    let without = counted(&standing(5, 30.0, 20), settings(Verify::Once, 1), ideal());
    assert_eq!((instant.digest, instant.ledger.frames), (without.digest, without.ledger.frames));
    assert!(instant.toll.processor(&|_| String::new()).is_none());
}

#[test]
fn each_piece_of_work_takes_its_time_where_the_stages_say() {
    let counted = at_work(2, 30, [2_000.0, 3_000.0, 500.0]);
    let stats = counted.ledger.stats.class(Class::D2);
    assert_eq!((stats.expected, stats.missed()), (60, 0));
    let least = |stage| stats.stage(stage).summary().p50_ns;
    let about = |stage, ns: u64| assert!(least(stage).abs_diff(ns) <= ns / 500, "{}", least(stage));
    // Signed at 3 ms, and handed over half a millisecond later.
    about(Stage::BuiltToSigned, 3_000_000);
    assert_eq!(least(Stage::GeneratedToBuilt), 0);
    let air_ns = counted_air_ns();
    about(Stage::GateToAir, 500_000 + air_ns);
    about(Stage::UserToPrefiltered, 500_000);
    about(Stage::PrefilteredToVerified, 2_000_000);
    about(Stage::SendToDelivered, 3_000_000 + 500_000 + air_ns + 500_000 + 2_000_000);
}

/// Median time from the gate to the air of the same messages where work takes no time.
fn counted_air_ns() -> u64 {
    let counted = counted(&standing(2, 30.0, 30), settings(Verify::Once, 1), ideal());
    counted.ledger.stats.class(Class::D2).stage(Stage::GateToAir).summary().p50_ns
}

#[test]
fn a_station_is_busy_for_exactly_what_its_work_takes() {
    let counted = at_work(5, 30, [1_000.0, 500.0, 20.0]);
    let mut figures = v2x_report::HonestFigures::default();
    counted.toll.fill(&mut figures);
    let told = told(&counted);
    // Five cars for three seconds: each signs thirty messages and reads those of four others.
    let (signed, read) = (5.0 * 30.0, 5.0 * 30.0 * 4.0);
    assert_eq!((told.present_s, told.socket_full), (5.0 * 2.9, 0));
    assert_eq!((figures.reads_per_s * told.present_s).round(), read);
    let checked = (figures.checks_per_s * told.present_s).round();
    // Each message, and the credential of each of four others once.
    assert_eq!(checked, read + 5.0 * 4.0);
    let work_s = checked * 1e-3 + signed * 0.5e-3 + (signed + read) * 20e-6;
    assert!((told.busy_s - work_s).abs() < 1e-9, "{} s, not {work_s} s", told.busy_s);
}

#[test]
fn a_station_with_more_to_verify_than_time_sheds_and_misses() {
    // Four others send ten messages a second each, and a signature takes 50 ms: twenty of forty can be checked.
    let counted = at_work(5, 100, [50_000.0, 0.0, 0.0]);
    let told = told(&counted);
    let stats = counted.ledger.stats.class(Class::D2);
    // A message that falls due while a signature is checked is made when that is over, so some fall together.
    assert!((1_900..=5 * 4 * 100).contains(&stats.expected), "{}", stats.expected);
    let checked = (told.busy_s / 0.05).round() as u64;
    assert!(told.busy() > 0.98, "{told:?}");
    // In ten seconds each of five checks two hundred at most; twenty credentials are among them.
    assert!((950..=1_010).contains(&checked), "{checked}");
    // What was checked was delivered, but for the last piece of work of each.
    assert_eq!(checked - (stats.delivered + 20), 5);
    let drops = |reason: DropReason| counted.ledger.drops.get(reason.name()).copied().unwrap_or(0);
    let shed = drops(DropReason::VerifyQueueFull) + drops(DropReason::VerifyTooLate);
    assert!(shed > 500, "{:?}", counted.ledger.drops);
    assert!(stats.missed() >= stats.expected - stats.delivered && stats.missed() > 900, "{stats:?}");
    assert!(told.waiting_max > 1, "{told:?}");
}

#[test]
fn a_message_that_takes_longer_to_sign_than_its_deadline_is_late() {
    let counted = at_work(2, 20, [0.0, 120_000.0, 0.0]);
    let stats = counted.ledger.stats.class(Class::D2);
    assert_eq!(stats.missed(), stats.expected, "{stats:?}");
    assert!(stats.late > 0 && told(&counted).busy() > 0.98);
}
