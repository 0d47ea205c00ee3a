//! Traces through whole worlds: the content of a report, and that it is the same every time.

use std::ops::ControlFlow;
use std::path::Path;

use v2x_proto::Class;
use v2x_replay::run::{self, Progress, RunError, RunOptions, RunOutcome};
use v2x_replay::source::{self, ReadOptions, Trace, town};
use v2x_report::{Report, Verdict, Verify};

fn read(csv: &str) -> Trace {
    source::read_from(csv.as_bytes(), "test", &ReadOptions::default()).unwrap()
}

/// Cars by name, start, end and x, in steps of 0.1 s.
fn cars(cars: &[(&str, f64, f64, f64)]) -> Trace {
    let mut csv = String::from("timestep_time;vehicle_id;vehicle_x;vehicle_y;vehicle_angle;vehicle_speed\n");
    for step in 0..1000 {
        let time = f64::from(step) / 10.0;
        for (name, from, to, x) in cars {
            if (*from..=*to).contains(&time) {
                csv.push_str(&format!("{time:.2};{name};{x};0.0;90.0;0.0\n"));
            }
        }
    }
    read(&csv)
}

fn options() -> RunOptions {
    RunOptions { rate_hz: Some(10.0), ..RunOptions::new(5) }
}

fn run(trace: &Trace, options: &RunOptions) -> RunOutcome {
    let outcome = run::run(trace, options, &mut |_| ControlFlow::Continue(())).unwrap();
    outcome.report.check().unwrap();
    outcome
}

fn awareness(report: &Report) -> &v2x_report::ClassReport {
    report.class(Class::D2).unwrap()
}

#[test]
fn equal_runs_have_equal_reports_on_any_number_of_threads() {
    let trace = town::trace();
    let base = RunOptions { seconds: Some(4.0), ..options() };
    let one = run(&trace, &RunOptions { threads: 1, ..base });
    assert_eq!(one.report.verdict, Verdict::Met);
    for (threads, verify) in [(1, Verify::Once), (2, Verify::Once), (4, Verify::Once), (3, Verify::Every)] {
        let other = run(&trace, &RunOptions { threads, verify, ..base });
        let report = Report { verify: Verify::Once, ..other.report };
        assert_eq!(report, one.report, "{threads} threads, {verify}");
    }
    let reseeded = run(&trace, &RunOptions { seed: 6, ..base });
    assert_ne!(reseeded.report.digest, one.report.digest);
}

#[test]
fn only_stations_in_range_are_expected_to_hear() {
    let trace = cars(&[("a", 0.0, 2.0, 0.0), ("b", 0.0, 2.0, 250.0), ("c", 0.0, 2.0, 500.5)]);
    let outcome = run(&trace, &RunOptions { range_m: 251.0, ..options() });
    let class = awareness(&outcome.report);
    // b hears a and c and both hear b; a and c are deaf to each other.
    assert_eq!((class.expected, class.missed), (class.sent * 4 / 3, 0));
    let wide = run(&trace, &RunOptions { range_m: 501.0, ..options() });
    assert_eq!(awareness(&wide.report).expected, class.sent * 2);
}

#[test]
fn who_joins_late_learns_the_credentials_and_is_heard() {
    let trace = cars(&[("a", 0.0, 9.0, 0.0), ("b", 4.05, 9.0, 60.0)]);
    let outcome = run(&trace, &options());
    let class = awareness(&outcome.report);
    assert!(class.expected > 90, "{}", class.expected);
    assert_eq!(class.delivered, class.expected);
    // What came before its signer's credential was held for it, a beacon interval at most.
    assert!(class.send_to_delivered.max_ns < 120_000_000, "{:?}", class.send_to_delivered);
}

#[test]
fn a_run_stops_at_its_seconds_or_at_the_end_of_the_trace() {
    let trace = cars(&[("a", 0.0, 2.0, 0.0), ("b", 0.0, 2.0, 50.0)]);
    let half = run(&trace, &RunOptions { seconds: Some(1.0), ..options() });
    assert_eq!((half.report.simulated_s, half.interrupted), (1.0, false));
    let whole = run(&trace, &RunOptions { seconds: Some(100.0), ..options() });
    assert!((whole.report.simulated_s - 2.1).abs() < 1e-9);
    assert!(awareness(&half.report).sent < awareness(&whole.report).sent);
}

#[test]
fn years_in_which_nobody_is_there_take_no_time() {
    let header = "timestep_time;vehicle_id;vehicle_x;vehicle_y;vehicle_angle;vehicle_speed\n";
    let mut trace = read(&format!("{header}0.0;a;0;0;0;0\n3.0;b;0;0;0;0\n"));
    // A file with such a pause is refused.
    trace.samples[1].time_ns = 3_000_000_000_000_000_000;
    let mut calls = 0;
    let mut progress = |_: Progress| {
        calls += 1;
        ControlFlow::Continue(())
    };
    let outcome = run::run(&trace, &options(), &mut progress).unwrap();
    assert!(calls < 100, "{calls}");
    assert_eq!((outcome.report.stations, outcome.report.simulated_s as u64), (2, 3_000_000_001));
}

#[test]
fn an_interrupted_run_reports_on_what_was_simulated() {
    let trace = town::trace();
    let mut progress = |progress: Progress| {
        if progress.simulated_ns >= 1_000_000_000 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let outcome = run::run(&trace, &options(), &mut progress).unwrap();
    outcome.report.check().unwrap();
    assert!(outcome.interrupted);
    assert_eq!(outcome.report.simulated_s, 1.0);
    assert!(outcome.report.warnings.iter().any(|warning| warning.contains("interrupted: 1.0 s of 60.0 s")));
    let same = run(&town::trace(), &RunOptions { seconds: Some(1.0), ..options() });
    assert_eq!(same.report.digest, outcome.report.digest);
}

#[test]
fn the_generation_rules_send_less_than_ten_a_second_and_more_than_one() {
    let outcome = run(&town::trace(), &RunOptions { seconds: Some(10.0), rate_hz: None, ..options() });
    let sent = awareness(&outcome.report).sent as f64;
    let fixed = run(&town::trace(), &RunOptions { seconds: Some(10.0), ..options() });
    let ratio = sent / awareness(&fixed.report).sent as f64;
    assert!((0.1..0.9).contains(&ratio), "{ratio}");
}

#[test]
fn options_out_of_range_are_named_with_what_would_be_right() {
    let trace = cars(&[("a", 0.0, 1.0, 0.0)]);
    let complaint = |options: RunOptions| {
        run::run(&trace, &options, &mut |_| ControlFlow::Continue(())).unwrap_err().to_string()
    };
    assert!(
        complaint(RunOptions { rate_hz: Some(0.0), ..options() }).contains("rate is 0; it should be 0.1 to")
    );
    assert!(complaint(RunOptions { range_m: f64::NAN, ..options() }).contains("range is NaN"));
    assert!(complaint(RunOptions { range_m: 2000.0, ..options() }).contains("at most 1500 m"));
    assert!(complaint(RunOptions { seconds: Some(-1.0), ..options() }).contains("seconds is -1"));
    let empty = run::run(&Trace::default(), &options(), &mut |_| ControlFlow::Continue(()));
    assert_eq!(empty.unwrap_err(), RunError::Empty);
}

#[test]
fn a_city_at_ten_hertz_loses_nothing_on_the_ideal_medium() {
    let file = "../../shared/data/lust_nano/lust_nano_0801_60s_10hz.csv.gz";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if !path.exists() {
        return;
    }
    let trace = source::read(&path, &ReadOptions::default()).unwrap();
    let outcome = run(&trace, &RunOptions { seconds: Some(5.0), ..options() });
    let class = awareness(&outcome.report);
    assert!(class.expected > 10_000, "{}", class.expected);
    assert_eq!(class.delivered, class.expected);
    assert_eq!(outcome.report.frames.dropped, 0);
    assert_eq!(outcome.signatures, outcome.frames_sent);
}
