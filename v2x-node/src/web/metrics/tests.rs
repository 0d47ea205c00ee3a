//! Names, values and labels, and the table of `docs/metrics.md`.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::json;
use v2x_api::{AfarFigures, Buckets, ClockFigures, CongestionFigures, PositionFigures, Stats};

use super::*;

/// Figures with something under each name.
fn stats() -> Stats {
    let latencies = Buckets { bounds_us: vec![100.0, 1000.0], counts: vec![2, 5], sum_us: 2500.0, count: 6 };
    let report = json!({
        "classes": [{ "class": "D2", "sent": 7, "delivered": 6, "delivered_late": 1 }],
        "frames": { "received": 20, "delivered": 6, "dropped": 14 },
    });
    Stats {
        uptime_s: 12.5,
        report,
        histograms: [("D2".to_owned(), [("send_to_delivered".to_owned(), latencies)].into())].into(),
        neighbours: 3,
        channel_busy: Some(0.25),
        channel_source: Some("survey".to_owned()),
        clock: ClockFigures { state: "locked".to_owned(), bound_us: Some(40.0) },
        position: PositionFigures { state: "known".to_owned(), age_ms: Some(80.0), accuracy_m: Some(1.5) },
        congestion: Some(CongestionFigures {
            rule: "adaptive".to_owned(),
            busy: 0.25,
            source: "survey".to_owned(),
            interval_ms: 120.0,
            beacons_held: 2,
            ..CongestionFigures::default()
        }),
        longest_turn_us: 900.0,
        drops: [("exact_copy".to_owned(), 4), ("bad_signature".to_owned(), 10)].into(),
        afar: AfarFigures {
            received: 5,
            delivered: 3,
            aired: 2,
            dropped: 2,
            drops: [("stale".to_owned(), 2)].into(),
            age_p50_us: Some(21_000.0),
            age_p99_us: Some(30_000.0),
        },
        ..Stats::default()
    }
}

#[test]
fn figures_are_written_under_their_names_in_base_units() {
    let text = exposition(stats(), Format::OpenMetrics);
    for line in [
        "# TYPE roadcast_latency_seconds histogram",
        "# UNIT roadcast_latency_seconds seconds",
        "roadcast_latency_seconds_sum{class=\"D2\",stage=\"send_to_delivered\"} 0.0025",
        "roadcast_latency_seconds_count{class=\"D2\",stage=\"send_to_delivered\"} 6",
        "roadcast_latency_seconds_bucket{le=\"0.0001\",class=\"D2\",stage=\"send_to_delivered\"} 2",
        "roadcast_latency_seconds_bucket{le=\"0.001\",class=\"D2\",stage=\"send_to_delivered\"} 5",
        "roadcast_latency_seconds_bucket{le=\"+Inf\",class=\"D2\",stage=\"send_to_delivered\"} 6",
        "roadcast_frames_dropped_total{reason=\"bad_signature\"} 10",
        "roadcast_messages_late_total{class=\"D2\"} 1",
        "roadcast_frames_received_total 20",
        "roadcast_neighbours 3.0",
        "roadcast_afar_frames_received_total 5",
        "roadcast_afar_messages_aired_total 2",
        "roadcast_afar_frames_dropped_total{reason=\"stale\"} 2",
        "roadcast_afar_age_seconds{share=\"0.99\"} 0.03",
        "roadcast_channel_busy_ratio{source=\"survey\"} 0.25",
        "roadcast_clock_state{state=\"locked\"} 1.0",
        "roadcast_congestion_rule{rule=\"adaptive\"} 1.0",
        "roadcast_congestion_rule{rule=\"off\"} 0.0",
        "roadcast_congestion_busy_ratio{source=\"survey\"} 0.25",
        "roadcast_congestion_interval_seconds 0.12",
        "roadcast_congestion_beacons_held_total 2",
        "roadcast_clock_state{state=\"untrusted\"} 0.0",
        "roadcast_longest_turn_seconds 0.0009",
        "roadcast_position_accuracy_meters 1.5",
        "roadcast_uptime_seconds 12.5",
        "# EOF",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    let older = exposition(stats(), Format::Prometheus);
    assert!(!older.contains("# EOF") && older.contains("roadcast_neighbours 3"), "{older}");
    assert_eq!(Format::accepted("text/plain"), Format::Prometheus);
    let accepted = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
    assert_eq!(Format::accepted(accepted), Format::OpenMetrics);
}

#[test]
fn what_is_unknown_has_no_value_and_its_name_nevertheless() {
    let text = exposition(Stats::default(), Format::OpenMetrics);
    assert_eq!(families(&text), families(&exposition(stats(), Format::OpenMetrics)));
    for name in ["roadcast_channel_busy_ratio", "roadcast_position_age_seconds"] {
        assert!(!text.lines().any(|line| line.starts_with(name)), "{text}");
    }
}

#[test]
fn labels_are_words_and_never_a_station_s_digest() {
    let odd = ["3f01020304050607", "", "a\"b", "a\nb", "bad reason", &"a".repeat(65)];
    let drops: BTreeMap<_, _> =
        odd.into_iter().chain(["exact_copy"]).map(|reason| (reason.to_owned(), 1)).collect();
    let text = exposition(Stats { drops, ..Stats::default() }, Format::OpenMetrics);
    let reasons: Vec<_> = text.lines().filter(|line| line.contains("reason=")).collect();
    assert_eq!(reasons, ["roadcast_frames_dropped_total{reason=\"exact_copy\"} 1"]);
    let many = (0..1000).map(|number| (format!("reason_{number}"), 1)).collect();
    let text = exposition(Stats { drops: many, ..Stats::default() }, Format::OpenMetrics);
    assert_eq!(text.lines().filter(|line| line.contains("reason=")).count(), 256);
}

/// Kind and labels of each family, by its name.
fn families(text: &str) -> BTreeMap<String, String> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    types.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
}

/// The names under which series of this family are kept.
fn series(name: &str, kind: &str) -> Vec<String> {
    match kind {
        "counter" => vec![format!("{name}_total")],
        "histogram" => ["bucket", "sum", "count"].map(|end| format!("{name}_{end}")).to_vec(),
        _ => vec![name.to_owned()],
    }
}

#[test]
fn the_table_of_the_documentation_has_every_metric_and_no_other() {
    let document = include_str!("../../../../docs/metrics.md");
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `roadcast_"));
    let listed: BTreeMap<String, (String, String)> = rows
        .map(|row| {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            let name = format!("roadcast_{}", cells[0].trim_end_matches('`'));
            assert!(cells[3].len() > 10, "{name} is not explained");
            (name, (cells[1].to_owned(), cells[2].replace(['`', ' '], "")))
        })
        .collect();
    let text = exposition(stats(), Format::OpenMetrics);
    let found: BTreeMap<String, (String, String)> = families(&text)
        .into_iter()
        .map(|(family, kind)| {
            let named = if kind == "counter" { format!("{family}_total") } else { family.clone() };
            let labels: BTreeSet<&str> = text
                .lines()
                .filter(|line| {
                    series(&family, &kind).iter().any(|name| line.starts_with(&format!("{name}{{")))
                })
                .flat_map(|line| line.split(['{', ',']).skip(1))
                .filter_map(|label| label.split_once('=').map(|(name, _)| name))
                .filter(|name| *name != "le")
                .collect();
            (named, (kind, labels.into_iter().collect::<Vec<_>>().join(",")))
        })
        .collect();
    // Families that the sample above has no label for.
    let mut listed_here = listed.clone();
    for (name, (_, labels)) in &mut listed_here {
        if found.get(name).is_some_and(|(_, seen)| seen.is_empty()) {
            labels.clear();
        }
    }
    assert_eq!(listed_here, found, "docs/metrics.md and the metrics differ");
}

/// Words that look like metrics of ours.
fn named_in(text: &str) -> BTreeSet<String> {
    let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words = text.split(|letter| !word(letter)).filter(|found| found.starts_with("roadcast_"));
    words.map(str::to_owned).collect()
}

#[test]
fn the_dashboard_and_the_alerts_ask_for_metrics_that_there_are() {
    let all: BTreeSet<String> = families(&exposition(stats(), Format::OpenMetrics))
        .iter()
        .flat_map(|(name, kind)| series(name, kind))
        .collect();
    let dashboard = include_str!("../../../../examples/grafana/roadcast.json");
    let whole: serde_json::Value = serde_json::from_str(dashboard).unwrap();
    let panels = whole["panels"].as_array().unwrap();
    let mut asked = 0;
    for panel in panels {
        for target in panel["targets"].as_array().unwrap_or(&Vec::new()) {
            let expr = target["expr"].as_str().unwrap();
            let named = named_in(expr);
            assert!(!named.is_empty() && named.is_subset(&all), "{}: {expr}", panel["title"]);
            asked += 1;
        }
    }
    assert!(asked > 10, "{asked} questions: the dashboard was not understood");
    let rules = include_str!("../../../../examples/prometheus/roadcast.rules.yml");
    let exprs: Vec<_> = rules.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).collect();
    assert!(exprs.len() > 5, "{exprs:?}");
    for expr in exprs {
        assert!(named_in(expr).is_subset(&all), "{expr}");
    }
}

proptest! {
    #[test]
    fn no_histogram_makes_it_panic_and_buckets_never_shrink(
        bounds in prop::collection::vec(any::<i32>(), 0..6), counts in prop::collection::vec(any::<u64>(), 0..6),
        sum in any::<i32>(), count: u64, class in "[ -~]{0,12}"
    ) {
        let bounds_us = bounds.into_iter().map(f64::from).collect();
        let buckets = Buckets { bounds_us, counts, sum_us: f64::from(sum), count };
        let histograms = [(class, [("encoded_to_queued".to_owned(), buckets)].into())].into();
        let text = exposition(Stats { histograms, ..Stats::default() }, Format::OpenMetrics);
        let buckets = text.lines().filter(|line| line.contains("_bucket{"));
        let counts: Vec<u64> =
            buckets.map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap()).collect();
        prop_assert!(counts.is_sorted(), "{}", text);
    }
}
