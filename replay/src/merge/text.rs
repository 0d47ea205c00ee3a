//! A merge for a terminal.

use core::fmt::Write as _;

use v2x_report::DistanceBin;

use super::figures::{MergedClass, OneWayLatency};
use super::prediction::PredictedDelivery;
use super::report::{MergeReport, MergedRecording};
use super::share::DeliveredShare;

/// The report as text, lines of at most 100 columns but for names.
pub fn text(report: &MergeReport) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        writeln!(out, "{}", text.trim_end()).expect("invariant: writing to a String does not fail");
    };
    recordings(&mut line, report);
    who_heard_whom(&mut line, report);
    for class in &report.classes {
        line(String::new());
        class_table(&mut line, class);
    }
    if let Some(prediction) = &report.prediction {
        line(String::new());
        prediction_table(&mut line, prediction);
    }
    if !report.warnings.is_empty() {
        line(String::new());
        line("warnings:".to_owned());
        for warning in &report.warnings {
            line(format!("  {warning}"));
        }
    }
    out
}

fn recordings(line: &mut impl FnMut(String), report: &MergeReport) {
    line(format!(
        "{:>3} {:>9} {:>8} {:>8}  {:>14} {:>10} {:>18}  {:<11} recording",
        "", "recorded", "sent", "heard", "clock ahead", "bound", "drift, ppm", "joined"
    ));
    for (number, one) in report.recordings.iter().enumerate() {
        let drift = one
            .drift_ppm
            .zip(one.drift_bound_ppm)
            .map_or_else(|| "-".to_owned(), |(ppm, bound)| format!("{ppm:+.2} +-{bound:.2}"));
        line(format!(
            "{number:>3} {:>7.1} s {:>8} {:>8}  {:>14} {:>10} {drift:>18}  {:<11} {}",
            one.recorded_s,
            one.sent,
            one.heard,
            ahead(one),
            one.bound_ns.map_or_else(|| "-".to_owned(), |ns| time(ns.unsigned_abs())),
            joined(one),
            one.file
        ));
    }
}

fn ahead(one: &MergedRecording) -> String {
    let sign = if one.ahead_ns < 0 { "-" } else { "+" };
    let about = if one.bound_ns.is_none() { "~" } else { "" };
    format!("{about}{sign}{:.6} s", one.ahead_ns.unsigned_abs() as f64 / 1e9)
}

fn joined(one: &MergedRecording) -> String {
    match (one.clock, one.through) {
        ("reference", _) => "is the clock".to_owned(),
        (_, Some(parent)) => format!("through {parent}"),
        ("one_way", _) => "one way".to_owned(),
        _ => "no".to_owned(),
    }
}

fn who_heard_whom(line: &mut impl FnMut(String), report: &MergeReport) {
    line(String::new());
    line("heard of all messages sent meanwhile (straight from the sender); rows: who sent".to_owned());
    let columns = (0..report.recordings.len()).map(|number| format!("{number:>18}")).collect::<String>();
    line(format!("{:>3}{columns}", ""));
    for sender in 0..report.recordings.len() {
        let cell = |receiver: usize| {
            let pair = report.pairs.iter().find(|pair| pair.sender == sender && pair.receiver == receiver);
            pair.and_then(|pair| {
                let DeliveredShare { chances, direct, share, .. } = pair.delivery;
                Some(format!("{} ({})", percent(share?), percent(direct as f64 / chances as f64)))
            })
            .unwrap_or_else(|| "-".to_owned())
        };
        let cells = (0..report.recordings.len()).map(|receiver| format!("{:>18}", cell(receiver)));
        line(format!("{sender:>3}{}", cells.collect::<String>()));
    }
}

fn class_table(line: &mut impl FnMut(String), class: &MergedClass) {
    line(format!(
        "{:<10} {:>8} {:>7} {:>17} {:>8} {:>8} {:>8} {:>8}   {:>8} {:>8}",
        class.class, "chances", "heard", "95 % interval", "p50", "p99", "max", "bound", "age p50", "age p95"
    ));
    row(line, "all", &class.delivery, class.latency.as_ref(), None);
    for (range, age) in class.by_distance.iter().zip(&class.age_of_information) {
        if range.delivery.chances > 0 {
            let name = name(range.from_m, range.to_m);
            row(line, &name, &range.delivery, range.latency.as_ref(), (age.count > 0).then_some(age));
        }
    }
}

fn row(
    line: &mut impl FnMut(String),
    name: &str,
    delivery: &DeliveredShare,
    latency: Option<&OneWayLatency>,
    age: Option<&DistanceBin>,
) {
    let [p50, p99, max, bound] = latency.map_or([const { None }; 4], |one| {
        [one.latency.p50_ns, one.latency.p99_ns, one.latency.max_ns, one.bound_ns].map(Some)
    });
    let [age50, age95] = age.map_or([None; 2], |age| [age.p50_ns, age.p95_ns].map(Some));
    let shown = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), time);
    line(format!(
        "  {name:<8} {:>8} {:>7} {:>17} {:>8} {:>8} {:>8} {:>8}   {:>8} {:>8}",
        delivery.chances,
        delivery.share.map_or_else(|| "-".to_owned(), percent),
        interval(delivery.interval),
        shown(p50),
        shown(p99),
        shown(max),
        shown(bound),
        shown(age50),
        shown(age95)
    ));
}

fn prediction_table(line: &mut impl FnMut(String), prediction: &PredictedDelivery) {
    line(format!(
        "heard straight from the sender, recorded and by {} ({} draws); * where the intervals do not meet",
        prediction.radio, prediction.draws
    ));
    line(format!(
        "{:<10} {:>8} {:>9} {:>17}   {:>9} {:>17}",
        "distance", "chances", "recorded", "95 % interval", "model", "95 % interval"
    ));
    for range in &prediction.by_distance {
        let (Some(share), Some(recorded)) = (range.measured.share, range.measured.interval) else { continue };
        let model = range.predicted;
        let limits = model.and_then(|model| model.ci95);
        let apart =
            limits.is_some_and(|(low, high)| high < recorded.0 - ROUNDING || low > recorded.1 + ROUNDING);
        line(format!(
            "{:<10} {:>8} {:>9} {:>17}   {:>9} {:>17}{}",
            name(range.from_m, range.to_m),
            range.measured.chances,
            percent(share),
            interval(Some(recorded)),
            model.map_or_else(|| "-".to_owned(), |model| percent(model.mean)),
            interval(limits),
            if apart { " *" } else { "" }
        ));
    }
}

fn name(from_m: u32, to_m: Option<u32>) -> String {
    to_m.map_or_else(|| format!("{from_m}+ m"), |to_m| format!("{from_m}-{to_m} m"))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn interval(limits: Option<(f64, f64)>) -> String {
    limits.map_or_else(
        || "-".to_owned(),
        |(low, high)| format!("{:.1}..{:.1} %", low.max(0.0) * 100.0, high.min(1.0) * 100.0),
    )
}

fn time(ns: u64) -> String {
    match ns {
        0..1_000_000 => format!("{:.1} us", ns as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.2} ms", ns as f64 / 1e6),
        _ => format!("{:.2} s", ns as f64 / 1e9),
    }
}

/// Shares of a whole count to the last digit of a float.
const ROUNDING: f64 = 1e-12;
