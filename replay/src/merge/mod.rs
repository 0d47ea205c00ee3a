//! Recordings of several real stations on one clock: who heard whom, how soon, and whether a model of the radio says the same.
//!
//! The files are read three times, each time with bounded memory: for whose they are and how far their clocks are roughly apart
//! (`survey`); for the frames that stations heard of each other, from which the clocks' difference follows (`clocks`); and for
//! the figures on the common clock (`figures`).

mod clocks;
mod error;
mod figures;
mod join;
mod offset;
mod page;
mod prediction;
mod report;
mod share;
mod shown;
mod survey;
mod tally;
mod tape;
mod text;

use std::path::PathBuf;

use self::clocks::{JoinedBy, MergedClocks, PairGatherer};
use self::figures::MergeFigures;
use self::join::read_together;
use self::prediction::Prediction;
use self::survey::Surveyed;

pub use error::{MAX_RECORDINGS, MergeError};
pub use figures::{HeardPair, MergedClass, MergedDistance};
pub use page::page;
pub use prediction::{MergeRadio, PredictedDelivery, PredictedDistance};
pub use report::{MergeReport, MergedRecording};
pub use share::DeliveredShare;
pub use tally::OneWayLatency;
pub use text::text;

/// Merges recordings, and holds them against a model of the radio when there is one.
///
/// # Errors
/// [`MergeError`]. A recording that is cut off is used as far as it goes, with a warning.
pub fn merge(paths: &[PathBuf], radio: Option<MergeRadio>) -> Result<MergeReport, MergeError> {
    if !(2..=MAX_RECORDINGS).contains(&paths.len()) {
        return Err(MergeError::Count(paths.len()));
    }
    let all = paths.iter().map(|path| Surveyed::read(path)).collect::<Result<Vec<_>, _>>()?;
    survey::check(&all)?;
    let rough = survey::rough_offsets(&all);
    let mut gatherer = PairGatherer::default();
    read_together(&all, &|number, at_ns| at_ns.saturating_sub(rough[number]), &mut gatherer)?;
    if gatherer.is_empty() {
        return Err(MergeError::NothingInCommon(all.iter().map(|one| one.name.clone()).collect()));
    }
    let clocks = MergedClocks::new(&gatherer, rough);
    drop(gatherer);
    let common = |number: usize, at_ns: i64| clocks.common(number, at_ns).0;
    let starts = all.iter().enumerate().map(|(number, one)| common(number, one.span_ns[0]));
    // Of those that have an event at all.
    let start_ns = starts.zip(&all).filter(|(_, one)| one.span_ns[0] <= one.span_ns[1]);
    let start_ns = start_ns.map(|(at_ns, _)| at_ns).min().unwrap_or_default();
    let prediction = radio.map(|radio| Prediction::new(radio, start_ns));
    let mut figures = MergeFigures::new(&clocks, all.len(), start_ns, prediction);
    read_together(&all, &common, &mut figures)?;
    Ok(MergeReport {
        recordings: all.iter().enumerate().map(|(number, one)| recording(number, one, &clocks)).collect(),
        pairs: figures.pairs(),
        classes: figures.classes(),
        warnings: warnings(&all, &clocks),
        prediction: figures.prediction.take().map(Prediction::finish),
    })
}

fn recording(number: usize, surveyed: &Surveyed, clocks: &MergedClocks) -> MergedRecording {
    let [first, last] = surveyed.span_ns;
    let empty = first > last;
    let middle = if empty { 0 } else { first.midpoint(last) };
    let (common, bound_ns) = clocks.common_near(number, middle);
    let drift = clocks.drift_ppm(number);
    let joined = clocks.joined(number);
    MergedRecording {
        file: surveyed.name.clone(),
        software: surveyed.software.clone(),
        version: surveyed.version,
        recorded_s: if empty { 0.0 } else { (last - first) as f64 / 1e9 },
        sent: surveyed.sent,
        heard: surveyed.heard,
        clock: match joined {
            JoinedBy::Reference => "reference",
            JoinedBy::Pair(_) => "both_ways",
            JoinedBy::OneWay => "one_way",
            JoinedBy::Nothing => "not_heard",
        },
        through: if let JoinedBy::Pair(parent) = joined { Some(*parent) } else { None },
        ahead_ns: middle.saturating_sub(common),
        bound_ns,
        drift_ppm: drift.map(|(ppm, _)| ppm),
        drift_bound_ppm: drift.map(|(_, bound)| bound),
    }
}

fn warnings(all: &[Surveyed], clocks: &MergedClocks) -> Vec<String> {
    let mut warnings = Vec::new();
    for (number, one) in all.iter().enumerate() {
        let mut warn = |what: String| warnings.push(format!("{}: {what}", one.name));
        if let Some(cut) = &one.cut {
            warn(cut.clone());
        }
        if let Some(lost) = one.lost_inputs {
            warn(format!("begun anew while the station ran, after {lost} lost inputs"));
        }
        if one.version != all[0].version {
            warn(format!(
                "has layout version {}, {} has {}; both have what is needed here",
                one.version, all[0].name, all[0].version
            ));
        }
        match clocks.joined(number) {
            JoinedBy::OneWay => warn(
                "no frames both ways join its clock to the first recording's; left out of latency and age"
                    .to_owned(),
            ),
            JoinedBy::Nothing => {
                warn(
                    "it heard no other recording's station and none heard it; left out of latency and age"
                        .to_owned(),
                );
            }
            _ if clocks.wanders(number) => warn(
                "its clock did not run evenly against the others; the bound has what could not be explained"
                    .to_owned(),
            ),
            _ => {}
        }
    }
    warnings
}
