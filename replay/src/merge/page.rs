//! A merge as a page: who heard whom, and recorded points over the model's lines.

use core::iter;
use std::path::Path;

use v2x_report::html::{
    CurvePage, CurvePlot, CurvePoint, CurveScale, CurveSection, FigureCell, FigureTable, MeasuredCurve,
    purpose, render_curves,
};
use v2x_report::{DistanceBin, Spread};

use super::figures::{HeardPair, MergedClass, MergedDistance};
use super::prediction::{PredictedDelivery, PredictedDistance};
use super::report::{MergeReport, MergedRecording};
use super::share::DeliveredShare;
use super::shown::{self, interval, mean, percent, some, span};
use super::tally::OneWayLatency;
use super::text;

/// The page; `command` is what was typed.
pub fn page(report: &MergeReport, command: &str, version: &str) -> String {
    let mut sections = vec![stations(report), who_heard_whom(report)];
    sections.extend(report.prediction.as_ref().map(against_the_model));
    sections.extend(report.classes.iter().map(class));
    render_curves(&CurvePage {
        title: "Roadcast replay: recordings merged".to_owned(),
        kind: "Roadcast replay merge".to_owned(),
        good: None,
        headline: headline(report),
        summary: summary(report),
        facts: facts(report, version),
        command: command.to_owned(),
        warnings: report.warnings.clone(),
        sections,
        notes: notes(report),
        text: text(report),
    })
}

fn headline(report: &MergeReport) -> String {
    let all = report.recordings.len();
    match report.recordings.iter().filter(|one| one.bound_ns.is_some()).count() {
        joined if joined == all => format!("{all} recordings on one clock"),
        joined => format!("{joined} of {all} recordings on one clock"),
    }
}

fn summary(report: &MergeReport) -> String {
    let sum = |of: fn(&HeardPair) -> u64| report.pairs.iter().map(of).sum::<u64>();
    let (chances, heard) = (sum(|pair| pair.delivery.chances), sum(|pair| pair.delivery.heard));
    let mut text = match chances {
        0 => "No message was sent while another station recorded.".to_owned(),
        _ => format!(
            "Stations heard {heard} of {chances} messages that others sent while they recorded ({}).",
            percent(heard as f64 / chances as f64)
        ),
    };
    if let Some(prediction) = &report.prediction {
        let both = |range: &&PredictedDistance| {
            range.measured.interval.is_some() && range.predicted.is_some_and(|spread| spread.ci95.is_some())
        };
        let compared = prediction.by_distance.iter().filter(both);
        let (all, apart) = (compared.clone().count(), compared.filter(|range| range.differs()).count());
        text += &format!(
            " Delivery agrees with the model, within both intervals, at {} of {all} distances.",
            all - apart
        );
    }
    text
}

fn facts(report: &MergeReport, version: &str) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: String| facts.push((name.to_owned(), value));
    if let Some(first) = report.recordings.first() {
        fact("clock of", first.file.clone());
    }
    let widest = report.recordings.iter().filter_map(|one| one.bound_ns).max();
    fact("clocks known to", some(widest.map(i64::unsigned_abs)));
    if let Some(prediction) = &report.prediction {
        fact("model", format!("{}, {} draws", prediction.radio, prediction.draws));
    }
    fact("version", version.to_owned());
    facts
}

fn stations(report: &MergeReport) -> CurveSection {
    let row = |(number, one): (usize, &MergedRecording)| {
        cells([
            format!("{number} {}", one.file),
            format!("{:.1} s", one.recorded_s),
            one.sent.to_string(),
            one.heard.to_string(),
            shown::ahead(one),
            shown::bound(one),
            shown::drift(one),
            shown::joined(one),
            format!("{}, layout {}", one.software, one.version),
        ])
    };
    CurveSection {
        heading: "Stations and their clocks".to_owned(),
        note: "How far each clock is ahead of the first one's in the middle of its recording, and by how much that can be wrong \
               at most; ~ is roughly, where no frames both ways join it. Drift is how much faster it runs."
            .to_owned(),
        tables: vec![FigureTable {
            caption: "Recordings".to_owned(),
            columns: columns([
                "recording",
                "recorded",
                "sent",
                "frames heard",
                "clock ahead",
                "bound",
                "drift, ppm",
                "joined",
                "written by",
            ]),
            rows: report.recordings.iter().enumerate().map(row).collect(),
        }],
        ..CurveSection::default()
    }
}

fn who_heard_whom(report: &MergeReport) -> CurveSection {
    let numbers = || 0..report.recordings.len();
    let pair = |sender: usize, receiver: usize| {
        report.pairs.iter().find(|pair| pair.sender == sender && pair.receiver == receiver)
    };
    let cell = |pair: Option<&HeardPair>| {
        let shown = pair.and_then(|pair| {
            let straight = percent(pair.delivery.direct as f64 / pair.delivery.chances as f64);
            let share = pair.delivery.share?;
            Some(FigureCell { text: format!("{} ({straight})", percent(share)), share: Some(share) })
        });
        shown.unwrap_or_else(|| "-".to_owned().into())
    };
    let matrix = |sender: usize| {
        let heard = numbers().map(|receiver| cell(pair(sender, receiver)));
        iter::once(FigureCell::from(named(report, sender))).chain(heard).collect()
    };
    let each = |pair: &HeardPair| {
        let delivery = pair.delivery;
        let mut row = vec![
            format!("{} to {}", named(report, pair.sender), named(report, pair.receiver)),
            delivery.chances.to_string(),
            delivery.heard.to_string(),
            delivery.direct.to_string(),
            delivery.share.map_or_else(|| "-".to_owned(), percent),
            interval(delivery.interval),
        ];
        row.extend(times(pair.latency.as_ref()));
        cells(row)
    };
    CurveSection {
        heading: "Who heard whom".to_owned(),
        note: "Of all messages that the station of the row sent while the other recorded: how many it heard from anyone, and in \
               brackets from the sender itself. Heard is what came from the air, before any check."
            .to_owned(),
        tables: vec![
            FigureTable {
                caption: "Heard, by sender (rows) and receiver (columns)".to_owned(),
                columns: iter::once("sender".to_owned())
                    .chain(numbers().map(|number| format!("by {number}")))
                    .collect(),
                rows: numbers().map(matrix).collect(),
            },
            FigureTable {
                caption: "Each pair".to_owned(),
                columns: columns(
                    ["sender to receiver", "chances", "heard", "straight", "share", "95 % interval"]
                        .into_iter()
                        .chain(TIMES),
                ),
                rows: report.pairs.iter().map(each).collect(),
            },
        ],
        ..CurveSection::default()
    }
}

/// A recording by its number and the last part of its name.
fn named(report: &MergeReport, number: usize) -> String {
    let file = report.recordings.get(number).map_or("", |one| one.file.as_str());
    let last = Path::new(file).file_name().map_or_else(|| file.into(), |last| last.to_string_lossy());
    format!("{number} {last}")
}

fn against_the_model(prediction: &PredictedDelivery) -> CurveSection {
    let known: Vec<&PredictedDistance> =
        prediction.by_distance.iter().filter(|range| range.measured.chances > 0).collect();
    let curve = |name: &str, of: &dyn Fn(&PredictedDistance) -> CurvePoint| MeasuredCurve {
        name: name.to_owned(),
        points: known.iter().map(|range| of(range)).collect(),
    };
    let heard = |range: &PredictedDistance| {
        let clamped = |(low, high): (f64, f64)| (low.clamp(0.0, 1.0), high.clamp(0.0, 1.0));
        CurvePoint {
            measured: range.measured.share,
            interval: range.measured.interval,
            line: range.predicted.map(|spread| spread.mean),
            line_interval: range.predicted.and_then(|spread| spread.ci95).map(clamped),
            ..at(range.from_m, range.to_m)
        }
    };
    let timed = |range: &PredictedDistance, measured: Option<u64>, model: Option<Spread>| CurvePoint {
        measured: measured.map(|ns| ns as f64),
        line: model.map(|spread| spread.mean),
        line_interval: model.and_then(|spread| spread.ci95),
        ..at(range.from_m, range.to_m)
    };
    let one_way = |range: &PredictedDistance| CurvePoint {
        interval: range.measured_latency.and_then(|one| one.p50_interval_ns).map(reals),
        ..timed(range, range.measured_latency.map(|one| one.latency.p50_ns), range.predicted_latency_p50_ns)
    };
    let age50 = |range: &PredictedDistance| {
        timed(range, range.measured_age.map(|age| age.p50_ns), range.predicted_age_p50_ns)
    };
    let age95 = |range: &PredictedDistance| {
        timed(range, range.measured_age.map(|age| age.p95_ns), range.predicted_age_p95_ns)
    };
    let plots = [
        plot("Delivery: heard straight from the sender", CurveScale::Share, vec![curve("recorded", &heard)]),
        plot("One-way time, median", CurveScale::Time, vec![curve("recorded", &one_way)]),
        plot(
            "Age of awareness",
            CurveScale::Time,
            vec![curve("median", &age50), curve("95th percentile", &age95)],
        ),
    ];
    CurveSection {
        heading: format!("Against the model {}", prediction.radio),
        note: format!(
            "The same frames at the same times from the same places on the model's channel, in {} draws of shadowing and chance. \
             Points are recorded and lines the model's, each with its 95 % interval; only what came from the sender itself counts.",
            prediction.draws
        ),
        plots: plots.into_iter().flatten().collect(),
        tables: vec![model_delivery(&known), model_times(&known)],
    }
}

fn model_delivery(known: &[&PredictedDistance]) -> FigureTable {
    let row = |range: &&PredictedDistance| {
        cells([
            shown::range(range.from_m, range.to_m),
            range.measured.chances.to_string(),
            range.measured.share.map_or_else(|| "-".to_owned(), percent),
            interval(range.measured.interval),
            range.predicted.map_or_else(|| "-".to_owned(), |model| percent(model.mean)),
            interval(range.predicted.and_then(|model| model.ci95)),
            if range.differs() { "do not meet" } else { "meet" }.to_owned(),
        ])
    };
    FigureTable {
        caption: "Delivery by distance".to_owned(),
        columns: columns([
            "distance",
            "chances",
            "recorded",
            "95 % interval",
            "model",
            "its 95 % interval",
            "intervals",
        ]),
        rows: known.iter().map(row).collect(),
    }
}

fn model_times(known: &[&PredictedDistance]) -> FigureTable {
    let row = |range: &&PredictedDistance| {
        let (latency, age) = (range.measured_latency, range.measured_age);
        let model = |spread: Option<Spread>| some(spread.map(|spread| mean(spread.mean)));
        cells([
            shown::range(range.from_m, range.to_m),
            some(latency.map(|one| one.latency.p50_ns)),
            span(latency.and_then(|one| one.p50_interval_ns)),
            some(latency.map(|one| one.bound_ns)),
            model(range.predicted_latency_p50_ns),
            some(age.map(|age| age.p50_ns)),
            model(range.predicted_age_p50_ns),
            some(age.map(|age| age.p95_ns)),
            model(range.predicted_age_p95_ns),
        ])
    };
    FigureTable {
        caption: "One-way time and age of awareness by distance".to_owned(),
        columns: columns([
            "distance",
            "one-way p50",
            "95 % interval",
            "clocks' bound",
            "model's p50",
            "age p50",
            "model's age p50",
            "age p95",
            "model's age p95",
        ]),
        rows: known.iter().map(row).collect(),
    }
}

/// A figure and its interval, where they are known.
type Measured = (Option<f64>, Option<(f64, f64)>);

fn class(class: &MergedClass) -> CurveSection {
    let bins = || class.by_distance.iter().zip(&class.age_of_information);
    let known = || bins().filter(|(range, _)| range.delivery.chances > 0);
    let curve = |name: &str, of: &dyn Fn(&MergedDelivery<'_>) -> Measured| {
        let points = known().map(|one| {
            let (measured, interval) = of(&one);
            CurvePoint { measured, interval, ..at(one.0.from_m, one.0.to_m) }
        });
        MeasuredCurve { name: name.to_owned(), points: points.collect() }
    };
    let mut heard = vec![curve("from anyone", &|(range, _)| (range.delivery.share, range.delivery.interval))];
    if class.delivery.direct < class.delivery.heard {
        heard.push(curve("straight", &|(range, _)| {
            (Some(range.delivery.direct as f64 / range.delivery.chances as f64), None)
        }));
    }
    let latency = |of: fn(&OneWayLatency) -> u64| {
        move |(range, _): &MergedDelivery<'_>| range.latency.as_ref().map(|one| of(one) as f64)
    };
    let (p50, p99) = (latency(|one| one.latency.p50_ns), latency(|one| one.latency.p99_ns));
    let one_way = vec![
        curve("median", &|one| {
            (p50(one), one.0.latency.and_then(|latency| latency.p50_interval_ns).map(reals))
        }),
        curve("p99", &|one| (p99(one), None)),
    ];
    let aged = |age: &DistanceBin, ns: u64| (age.count > 0).then_some(ns as f64);
    let ages = vec![
        curve("median", &|(_, age)| (aged(age, age.p50_ns), None)),
        curve("95th percentile", &|(_, age)| (aged(age, age.p95_ns), None)),
    ];
    let plots = [
        plot("Delivery", CurveScale::Share, heard),
        plot("One-way time", CurveScale::Time, one_way),
        plot("Age of information", CurveScale::Time, ages),
    ];
    let all = ("all".to_owned(), class.delivery, class.latency, None);
    let by_distance = known().map(|(range, age)| {
        (shown::range(range.from_m, range.to_m), range.delivery, range.latency, Some(age))
    });
    let row = |(name, delivery, latency, age): ClassRow<'_>| {
        let age = age.filter(|age| age.count > 0);
        let mut row = vec![
            name,
            delivery.chances.to_string(),
            delivery.heard.to_string(),
            delivery.direct.to_string(),
            delivery.share.map_or_else(|| "-".to_owned(), percent),
            interval(delivery.interval),
        ];
        row.extend(times(latency.as_ref()));
        row.extend([some(age.map(|age| age.p50_ns)), some(age.map(|age| age.p95_ns))]);
        cells(row)
    };
    CurveSection {
        heading: format!("{} {}", class.class, purpose(class.class)).trim_end().to_owned(),
        note: format!(
            "{} messages. Bars are 95 % intervals: of a share by Wilson's score, of a median by the order of the times.",
            class.messages
        ),
        plots: plots.into_iter().flatten().collect(),
        tables: vec![FigureTable {
            caption: format!("{} by distance", class.class),
            columns: columns(
                ["distance", "chances", "heard", "straight", "share", "95 % interval"]
                    .into_iter()
                    .chain(TIMES)
                    .chain(["age p50", "age p95"]),
            ),
            rows: iter::once(all).chain(by_distance).map(row).collect(),
        }],
    }
}

/// Of a class at a distance, or at all: its name, delivery, one-way time and age.
type ClassRow<'a> = (String, DeliveredShare, Option<OneWayLatency>, Option<&'a DistanceBin>);
/// Delivery at a distance, and age.
type MergedDelivery<'a> = (&'a MergedDistance, &'a DistanceBin);

/// A point without figures.
fn at(from_m: u32, to_m: Option<u32>) -> CurvePoint {
    let half = to_m.map_or(OPEN_M, |to_m| f64::from(to_m - from_m)) / 2.0;
    CurvePoint {
        x: f64::from(from_m) + half,
        at: shown::range(from_m, to_m),
        measured: None,
        interval: None,
        line: None,
        line_interval: None,
    }
}

/// `None` where no curve has a point.
fn plot(caption: &str, scale: CurveScale, curves: Vec<MeasuredCurve>) -> Option<CurvePlot> {
    let drawn = |curve: &MeasuredCurve| {
        curve.points.iter().any(|point| point.measured.is_some() || point.line.is_some())
    };
    let curves: Vec<MeasuredCurve> = curves.into_iter().filter(drawn).collect();
    let lines = "the model's".to_owned();
    (!curves.is_empty()).then(|| CurvePlot { caption: caption.to_owned(), scale, lines, curves })
}

fn times(latency: Option<&OneWayLatency>) -> [String; 6] {
    let known = |of: fn(&OneWayLatency) -> u64| some(latency.map(of));
    [
        known(|one| one.latency.p50_ns),
        span(latency.and_then(|one| one.p50_interval_ns)),
        known(|one| one.latency.p99_ns),
        known(|one| one.latency.max_ns),
        known(|one| one.bound_ns),
        latency.map_or_else(|| "-".to_owned(), |one| one.below_zero.to_string()),
    ]
}

fn notes(report: &MergeReport) -> Vec<String> {
    let mut notes = vec![
        "A one-way time is from the moment the sender's core handed the frame over to the receiver's kernel stamp, or the next best; \
         it is at most as wrong as the clocks' bound. Below zero are those that came out so, by at most their bound; they count as zero."
            .to_owned(),
        "Distance is from the signed place of the sender to the receiver's last fix; the last range is open. Age is how old the newest \
         message of a sender was that a receiver had, sampled every 20 ms; a silence of over 5 s is no age."
            .to_owned(),
        "Frames that follow each other share their shadowing, so the truth may lie outside an interval more often than it says."
            .to_owned(),
    ];
    if report.prediction.is_some() {
        notes.push(
            "Stations that did not record are not on the model's channel: where they load the real one, the model is too good. The \
             model's one-way time is waiting for the channel, airtime and propagation; queues of the sender's machine are not in it."
                .to_owned(),
        );
    }
    notes
}

fn cells(row: impl IntoIterator<Item = String>) -> Vec<FigureCell> {
    row.into_iter().map(FigureCell::from).collect()
}

fn columns<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}

fn reals((low, high): (u64, u64)) -> (f64, f64) {
    (low as f64, high as f64)
}

/// Columns of one-way times.
const TIMES: [&str; 6] = ["p50", "p50, 95 %", "p99", "max", "bound", "below zero"];
/// As wide as the open range is drawn, m.
const OPEN_M: f64 = 100.0;
