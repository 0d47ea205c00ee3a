//! A report, and a trace, as the page plays them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;
use v2x_replay::source::{self, Trace, town};
use v2x_report::{InputFile, Kind, Report};

use super::movement::{self, Span};
use super::story::{Lines, Meta, Story};
use crate::commands::replay::error::ReplayError;
use crate::commands::replay::reading::ReadingArgs;
use crate::commands::replay::trace_file::read;

/// The figures of a report, over the movement of its trace: of the demo's town, of the trace that is named, or of that which the
/// report names, beside it or in this directory. A report without a trace has figures alone, and says what it lacks.
pub(super) fn story(
    path: &Path,
    report: Report,
    trace: Option<&Path>,
    reading: &ReadingArgs,
) -> Result<Story, ReplayError> {
    let named = report.run.inputs.iter().find(|input| input.role == "trace");
    let (found, empty) = match (trace, named) {
        (Some(trace), named) => (Some(checked(trace, named, path, reading)?), String::new()),
        (None, Some(named)) => match beside(path, named) {
            Some(trace) => (Some(checked(&trace, Some(named), path, reading)?), String::new()),
            None => {
                (None, format!("The report says nothing of places.\nGive its trace: --trace {}", named.name))
            }
        },
        (None, None) if report.kind == Kind::Demo => (Some(town::trace()), String::new()),
        (None, None) => (None, "The report says nothing of places, and names no trace.".to_owned()),
    };
    let mut lines = Lines::default();
    let mut stations = 0;
    let mut roads = Vec::new();
    if let Some(trace) = &found {
        let span = Span::new(report.simulated_s, trace.stations());
        movement::tell(trace, span, &ratios(&report), &mut lines);
        stations = trace.stations();
        roads = movement::roads(trace);
    }
    if report.kind == Kind::Demo {
        for (number, junction) in (1..).zip(town::signals()) {
            let told = movement::unit(number, junction.name, junction.point);
            lines.push(0.0, json!({ "watch": "neighbour", "change": "new", "neighbour": told }));
            stations += 1;
        }
    }
    busy(&report, &mut lines);
    let meta = Meta {
        kind: "view",
        kind_of: report.kind.to_string(),
        title: name(path),
        duration_s: report.simulated_s,
        roads,
        stations,
        hazards: 0,
        over_time: report.over_time.clone(),
        report: Some(report),
        empty,
    };
    Ok(Story::new(meta, lines))
}

/// A trace alone.
pub(super) fn of_trace(path: &Path, trace: &Trace) -> Story {
    let duration_s = trace.duration().as_secs_f64();
    let mut lines = Lines::default();
    movement::tell(trace, Span::new(duration_s, trace.stations()), &BTreeMap::new(), &mut lines);
    let meta = Meta {
        kind: "view",
        kind_of: "trace".to_owned(),
        title: name(path),
        duration_s,
        roads: movement::roads(trace),
        stations: trace.stations(),
        hazards: 0,
        report: None,
        over_time: None,
        empty: String::new(),
    };
    Story::new(meta, lines)
}

/// The trace, if it is the report's.
fn checked(
    trace: &Path,
    named: Option<&InputFile>,
    report: &Path,
    reading: &ReadingArgs,
) -> Result<Trace, ReplayError> {
    let wanted = named.and_then(|named| named.sha256.as_deref());
    if let (Some(wanted), Some(found)) = (wanted, source::sha256(trace))
        && wanted != found
    {
        let (path, report) = (trace.display().to_string(), report.display().to_string());
        return Err(ReplayError::OtherTrace {
            path,
            report,
            wanted: wanted.get(..16).unwrap_or(wanted).to_owned(),
        });
    }
    read(trace, reading)
}

/// The file of this name in the report's folder, or in this one.
fn beside(report: &Path, named: &InputFile) -> Option<PathBuf> {
    // It is a name, whatever the report says: no path that leads elsewhere.
    let name = Path::new(&named.name).file_name()?;
    let folder = report.parent().unwrap_or(Path::new(""));
    [folder.join(name), PathBuf::from(name)].into_iter().find(|path| path.is_file())
}

/// The share of messages that each of the stations that missed most got.
fn ratios(report: &Report) -> BTreeMap<String, f64> {
    let share = |missed: u64, expected: u64| 1.0 - missed as f64 / expected.max(1) as f64;
    report
        .worst_stations
        .iter()
        .map(|worst| (worst.station.clone(), share(worst.missed, worst.expected)))
        .collect()
}

/// The channel over time, as a daemon's figures each second are.
fn busy(report: &Report, lines: &mut Lines) {
    let Some(over) = &report.over_time else { return };
    for (step, (busy_ns, listened_ns)) in over.channel_busy_ns.iter().zip(&over.listened_ns).enumerate() {
        if *listened_ns > 0 {
            let share = *busy_ns as f64 / *listened_ns as f64;
            let t_s = (step as u64 * over.step_s) as f64;
            lines.push(t_s, json!({ "watch": "busy", "channel_busy": (share * 1e4).round() / 1e4 }));
        }
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
