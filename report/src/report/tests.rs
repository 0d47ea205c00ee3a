//! Tests of the report: identities, JSON names, table.

use super::*;
use crate::histogram::Summary;
use crate::machine::Processor;
use crate::stats::{ClassStats, Stage};

#[test]
fn a_report_of_counted_traffic_checks() {
    let report = sample();
    assert_eq!(report.check(), Ok(()));
    assert_eq!(report.verdict, Verdict::Missed, "D0 misses 2 of 40, twice its target and more");
}

#[test]
fn check_names_the_identity_that_fails() {
    let broken = |change: fn(&mut Report)| {
        let mut report = sample();
        change(&mut report);
        report.check().expect_err("the changed report must not check")
    };
    assert!(broken(|report| report.classes[2].expected += 1).starts_with("D2: expected"));
    assert!(broken(|report| report.classes[2].missed += 1).starts_with("D2: missed"));
    assert!(broken(|report| report.classes[0].met = true).starts_with("D0: met"));
    assert!(broken(|report| report.frames.received += 1).starts_with("frames: received"));
    assert!(
        broken(|report| {
            report.drops.insert("duplicate".to_owned(), 0);
        })
        .starts_with("frames: dropped")
    );
    assert!(broken(|report| report.verdict = Verdict::Met).starts_with("verdict"));
}

#[test]
fn targets_follow_the_class() {
    let targets: Vec<_> = Class::ALL.into_iter().map(miss_target).collect();
    assert_eq!(targets, [Some(0.01), Some(0.05), Some(0.05), Some(0.01), Some(0.05), None]);
}

#[test]
fn a_class_without_traffic_is_not_judged() {
    let report = ClassReport::new(&ClassStats::new(Class::D0));
    assert!(report.met && !report.has_traffic());
    assert_eq!(report.miss_ratio, 0.0);
}

#[test]
fn background_traffic_is_always_met() {
    let mut stats = ClassStats::new(Class::D5);
    stats.record_undelivered("never_received");
    let report = ClassReport::new(&stats);
    assert!(report.met);
    assert_eq!((report.missed, report.deadline_ms, report.miss_target), (1, None, None));
}

#[test]
fn json_names_are_stable() {
    let json = serde_json::to_value(sample()).unwrap();
    let names =
        |value: &serde_json::Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    let sorted = |mut names: Vec<&str>| -> Vec<String> {
        names.sort_unstable();
        names.into_iter().map(str::to_owned).collect()
    };
    assert_eq!(
        names(&json),
        sorted(vec![
            "kind",
            "version",
            "digest",
            "stations",
            "simulated_s",
            "run",
            "machine",
            "verify",
            "classes",
            "frames",
            "drops",
            "age_of_information",
            "inter_packet_gap",
            "delivery_by_distance",
            "worst_pairs",
            "worst_stations",
            "over_time",
            "notes",
            "warnings",
            "verdict",
        ])
    );
    assert_eq!(
        names(&json["classes"][2]),
        sorted(vec![
            "class",
            "deadline_ms",
            "miss_target",
            "met",
            "sent",
            "expected",
            "delivered",
            "delivered_late",
            "missed",
            "miss_ratio",
            "undelivered",
            "apart",
            "send_to_delivered",
            "stages",
            "percentiles",
        ])
    );
    assert_eq!(
        names(&json["classes"][0]["send_to_delivered"]),
        sorted(vec!["count", "p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns"])
    );
    assert_eq!(
        names(&json["age_of_information"][0]),
        sorted(vec!["from_m", "to_m", "count", "p50_ns", "p95_ns", "p99_ns", "max_ns"])
    );
    assert_eq!(
        names(&json["delivery_by_distance"][0]),
        sorted(vec!["from_m", "to_m", "expected", "delivered"])
    );
    assert_eq!(
        names(&json["worst_pairs"][0]),
        sorted(vec!["sender", "receiver", "expected", "missed", "mean_ns"])
    );
    assert_eq!(names(&json["worst_stations"][0]), sorted(vec!["station", "expected", "missed"]));
    assert_eq!(names(&json["frames"]), sorted(vec!["received", "delivered", "dropped"]));
    assert_eq!(
        (&json["kind"], &json["verify"], &json["verdict"]),
        (&"replay".into(), &"once".into(), &"missed".into())
    );
    assert_eq!(json["classes"][5]["deadline_ms"], serde_json::Value::Null);
    assert_eq!(json["classes"][2]["percentiles"][0][0], 0.0);
    assert_eq!(json["age_of_information"][1]["to_m"], serde_json::Value::Null);
}

#[test]
fn json_reads_back_equal() {
    let report = sample();
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
}

#[test]
fn the_text_ends_with_classes_and_verdict_and_has_stages_where_they_are_wanted() {
    let (short, long) = (sample().table(), sample().table_with_stages());
    let order: Vec<_> = ["dropped frames", "warning:", "class  ", "verdict:"]
        .map(|text| short.find(text).expect(text))
        .into();
    assert!(order.is_sorted(), "{order:?}");
    assert!(
        short.lines().rev().take(24).any(|line| line.starts_with("class  ")),
        "a small screen shows them"
    );
    assert!(
        !short.contains("D2 stages") && long.contains("D2 stages") && long.contains("  built_to_signed ")
    );
}

#[test]
fn stages_that_take_no_time_are_left_out() {
    let mut report = sample();
    for class in &mut report.classes {
        class.stages.values_mut().for_each(|stage| *stage = Summary { count: 7, ..Summary::default() });
    }
    assert!(!report.table_with_stages().contains("stages"));
}

#[test]
fn a_run_on_a_busy_machine_is_never_missed_without_saying_so() {
    let mut report = sample();
    let processor = Processor { used_s: 6.0, waited_s: 14.0, given: 0.3, ..Processor::default() };
    report.set_machine(Machine::new(30.0, 30.0, Some(processor)));
    let table = report.table();
    let (_, verdict) = table.split_once("\nverdict: MISSED").unwrap();
    assert!(
        verdict.contains("this machine gave the run 30 % of the processor time it asked for"),
        "{verdict}"
    );
    assert!(report.warnings.iter().any(|warning| warning.contains("30 %")));
}

#[test]
fn the_table_is_this() {
    let table = sample().table();
    assert!(table.is_ascii());
    for line in table.lines() {
        assert!(line.len() <= 80, "{} columns: {line}", line.len());
    }
    // Run once with ROADCAST_BLESS=1 to accept a change.
    if std::env::var_os("ROADCAST_BLESS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/report/table.txt"), &table).unwrap();
        return;
    }
    let golden = include_str!("table.txt");
    assert_eq!(table, golden, "the table changed; it is now:\n{table}");
}

/// A run with a missed D0, a good D2 with stages, background traffic, drops and distances.
fn sample() -> Report {
    let mut stats = Stats::new();
    let d0 = stats.class_mut(Class::D0);
    d0.sent = 2;
    for step in 0..38u64 {
        d0.record_delivered(800_000 + step * 10_000);
    }
    d0.record_delivered(25_000_000);
    d0.record_undelivered("never_received");
    let d2 = stats.class_mut(Class::D2);
    d2.sent = 100;
    for step in 0..1990u64 {
        d2.record_delivered(600_000 + step * 1_000);
        d2.record(Stage::BuiltToSigned, 13_000 + step);
        d2.record(Stage::KernelToUser, 3_000 + step * 10);
        d2.record(Stage::PrefilteredToVerified, 34_000 + step * 20);
    }
    for _ in 0..7 {
        d2.record_undelivered("never_received");
    }
    for _ in 0..3 {
        d2.record_undelivered("stale");
    }
    d2.apart.insert("restarts", 1);
    let d5 = stats.class_mut(Class::D5);
    d5.sent = 1;
    d5.record_delivered(2_000_000_000);

    let mut report = Report::new(Kind::Replay, "0.1.0", Verify::Once, &stats);
    report.digest = Some("5c1f0a9b7e3d2468".repeat(4));
    report.stations = 22;
    report.simulated_s = 30.0;
    report.set_machine(Machine::new(30.0, 1.5, None));
    report.run = WhatRan {
        command: "roadcast replay run town.fcd.csv.gz --seed 7 --range 250".to_owned(),
        commit: Some("0123456789ab".to_owned()),
        inputs: vec![InputFile {
            role: "trace".to_owned(),
            name: "town.fcd.csv.gz".to_owned(),
            sha256: Some("ab".repeat(32)),
        }],
        seeds: vec![7],
        range_m: Some(250.0),
        forwarding: vec!["roadcast".to_owned()],
        ..WhatRan::default()
    };
    let mut over_time = Timeline::new();
    over_time.add(0, 102, 2040, 12);
    report.over_time = Some(over_time);
    report.frames = Frames { received: 2050, delivered: 2030, dropped: 20 };
    report.drops = [("duplicate".to_owned(), 17), ("stale".to_owned(), 3)].into();
    let near = DistanceBin {
        from_m: 0,
        to_m: Some(50),
        count: 500,
        p50_ns: 52_000_000,
        p95_ns: 98_000_000,
        p99_ns: 110_000_000,
        max_ns: 210_000_000,
    };
    let far = DistanceBin { from_m: 500, to_m: None, ..near };
    report.age_of_information = vec![near, far];
    report.inter_packet_gap = vec![near, DistanceBin { count: 0, ..far }];
    report.delivery_by_distance = vec![
        DeliveryBin { from_m: 0, to_m: Some(50), expected: 1_000, delivered: 1_000 },
        DeliveryBin { from_m: 500, to_m: None, expected: 1_000, delivered: 990 },
    ];
    report.worst_pairs = vec![WorstPair {
        sender: "car 7".to_owned(),
        receiver: "bus\u{1b}[2J 3".to_owned(),
        expected: 20,
        missed: 6,
        mean_ns: Some(1_500_000),
    }];
    report.worst_stations = vec![WorstStation { station: "bus 3".to_owned(), expected: 90, missed: 9 }];
    report.notes = vec!["virtual time: signing takes none of it".to_owned()];
    report.warnings = vec!["2 deliveries to stations the message was not meant for".to_owned()];
    report
}

#[test]
fn the_text_has_deliveries_by_distance_and_who_was_served_worst() {
    let report = sample();
    assert_eq!(report.check(), Ok(()));
    let text = report.table();
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<_> = text.lines().map(words).collect();
    for line in ["500+ m 1000 990 99.0 %", "car 7 -> bus?[2J 3 20 6 30.0 % 1.50 ms", "bus 3 90 9 10.0 %"] {
        assert!(lines.iter().any(|shown| shown == line), "{line} is not in {text}");
    }
    assert!(text.contains("\nworst receivers ") && !report.short_table().contains("worst"), "{text}");
    let wrong = Report { delivery_by_distance: report.delivery_by_distance[..1].to_vec(), ..report };
    assert_eq!(
        wrong.check(),
        Err("delivery_by_distance: 1000 of 1000 should be D2's 1990 of 2000".to_owned())
    );
}

#[test]
fn the_short_table_ends_with_the_classes_and_the_verdict_and_fits_a_small_screen() {
    let mut report = sample();
    let denied = "this machine gave the demo 30 % of the processor time it asked for: the figures say little";
    report.warnings = (0..9).map(|number| format!("{number}: {denied} about Roadcast")).collect();
    let short = report.short_table();
    assert!(!short.contains("stages") && !short.contains("age of information"), "{short}");
    assert!(short.lines().count() <= 22 && short.lines().all(|line| line.len() <= 80), "{short}");
    assert!(short.contains("and 8 more warnings (-v shows them)"), "{short}");
    assert!(short.contains("asked for:\n         the figures"), "{short}");
    report.warnings = (0..9).map(|number| format!("warning {number}")).collect();
    assert!(report.short_table().contains("warning 1\nand 7 more warnings (-v shows them)"), "{short}");
    let after = |text: &str| short.find(text).expect(text);
    assert!(after("dropped frames: ") < after("class ") && after("D5 ") < after("verdict: "), "{short}");
    assert!(report.table().ends_with(&short[after("verdict: ")..]));
}

#[test]
fn losses_by_distance_add_up_and_are_shown_by_cause() {
    let bin = |at_m, received, noise, collision| LossBin {
        at_m,
        frames: received + noise + collision,
        received,
        lost: BTreeMap::from([("collision".to_owned(), collision), ("below_sensing".to_owned(), noise)]),
    };
    let mut report = sample();
    report.losses_by_distance = vec![bin(0, 90, 0, 10), bin(25, 40, 40, 20)];
    report.check().unwrap();
    let text = report.table_with_stages();
    assert!(text.contains("on the air"), "{text}");
    assert!(
        text.contains("sensing") && text.lines().any(|line| line.starts_with("25 m") && line.contains("20")),
        "{text}"
    );
    assert!(!report.table().contains("on the air"), "where more is asked for");
    let mut both = report.clone();
    both.add_deliveries(&report);
    assert_eq!(both.losses_by_distance[1], bin(25, 80, 80, 40));
    both.losses_by_distance[0].frames += 1;
    assert_eq!(
        both.check(),
        Err("losses_by_distance: 0 m: 201 frames should be 200 received and lost".to_owned())
    );
}
