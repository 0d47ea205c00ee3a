//! A merge for a terminal.

use core::fmt::Write as _;

use v2x_report::{DistanceBin, Spread};

use super::figures::MergedClass;
use super::prediction::PredictedDelivery;
use super::report::MergeReport;
use super::share::DeliveredShare;
use super::shown::{self, interval, mean, percent, some};
use super::tally::OneWayLatency;

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
        let drift = shown::drift(one);
        line(format!(
            "{number:>3} {:>7.1} s {:>8} {:>8}  {:>14} {:>10} {drift:>18}  {:<11} {}",
            one.recorded_s,
            one.sent,
            one.heard,
            shown::ahead(one),
            shown::bound(one),
            shown::joined(one),
            one.file
        ));
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
            let name = shown::range(range.from_m, range.to_m);
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
    line(format!(
        "  {name:<8} {:>8} {:>7} {:>17} {:>8} {:>8} {:>8} {:>8}   {:>8} {:>8}",
        delivery.chances,
        delivery.share.map_or_else(|| "-".to_owned(), percent),
        interval(delivery.interval),
        some(p50),
        some(p99),
        some(max),
        some(bound),
        some(age50),
        some(age95)
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
        line(format!(
            "{:<10} {:>8} {:>9} {:>17}   {:>9} {:>17}{}",
            shown::range(range.from_m, range.to_m),
            range.measured.chances,
            percent(share),
            interval(Some(recorded)),
            model.map_or_else(|| "-".to_owned(), |model| percent(model.mean)),
            interval(model.and_then(|model| model.ci95)),
            if range.differs() { " *" } else { "" }
        ));
    }
    line(String::new());
    line(format!("one-way time and age of awareness, of the same, recorded and by {}", prediction.radio));
    line(format!(
        "{:<10} {:>8} {:>9} {:>9}   {:>9} {:>9} {:>9} {:>9}",
        "distance", "times", "p50", "model", "age p50", "model", "age p95", "model"
    ));
    for range in prediction.by_distance.iter().filter(|range| range.measured.chances > 0) {
        let (latency, age) = (range.measured_latency, range.measured_age);
        let model = |spread: Option<Spread>| some(spread.map(|spread| mean(spread.mean)));
        line(format!(
            "{:<10} {:>8} {:>9} {:>9}   {:>9} {:>9} {:>9} {:>9}",
            shown::range(range.from_m, range.to_m),
            latency.map_or(0, |one| one.latency.count),
            some(latency.map(|one| one.latency.p50_ns)),
            model(range.predicted_latency_p50_ns),
            some(age.map(|age| age.p50_ns)),
            model(range.predicted_age_p50_ns),
            some(age.map(|age| age.p95_ns)),
            model(range.predicted_age_p95_ns)
        ));
    }
}
