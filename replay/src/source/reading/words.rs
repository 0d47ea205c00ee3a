//! Values as the command line writes them, and what they may be. An error says what was expected.

use std::collections::BTreeSet;
use std::path::Path;

use super::StationNames;
use crate::source::origin;
use crate::source::station_kind::StationKind;

/// `49.6,6.13`.
///
/// # Errors
/// It is no place, or at a pole.
pub fn origin(text: &str) -> Result<(f64, f64), String> {
    let place = text.split_once(',').and_then(|(latitude, longitude)| {
        Some((latitude.trim().parse().ok()?, longitude.trim().parse().ok()?))
    });
    let place = place.filter(|place| origin::is_place(*place));
    place.ok_or_else(|| "expected latitude and longitude in degrees, such as 49.6,6.13".to_owned())
}

/// `veh0,veh7` or `@FILE`.
///
/// # Errors
/// A name or the file's is empty.
pub fn names(text: &str) -> Result<StationNames, String> {
    let wrong = || format!("expected {NAMES}");
    if let Some(file) = text.strip_prefix('@') {
        let file = Some(file).filter(|file| !file.is_empty()).ok_or_else(wrong)?;
        return Ok(StationNames::In(Path::new(file).to_owned()));
    }
    let names: BTreeSet<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    if names.contains("") { Err(wrong()) } else { Ok(StationNames::These(names)) }
}

/// One of several kinds.
///
/// # Errors
/// There is none of this name.
pub fn kind(text: &str) -> Result<StationKind, String> {
    StationKind::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
        let known = StationKind::ALL.map(StationKind::name).join(", ");
        format!("expected kinds separated by commas, of {known}")
    })
}

/// A share of the stations, per cent.
///
/// # Errors
/// It is none, or nobody.
pub fn share(text: &str) -> Result<f64, String> {
    number(text.trim_end_matches('%'), is_share, SHARE)
}

/// A share of the rows, per cent.
///
/// # Errors
/// It is none.
pub fn percent(text: &str) -> Result<f64, String> {
    number(text.trim_end_matches('%'), is_percent, PERCENT)
}

/// A time of the trace's own, seconds.
///
/// # Errors
/// It is none.
pub fn time(text: &str) -> Result<f64, String> {
    number(text, is_time, TIME)
}

/// A bound of samples.
///
/// # Errors
/// It is none.
pub fn samples(text: &str) -> Result<usize, String> {
    let samples = text.parse().ok().filter(|samples| *samples > 0);
    samples.ok_or_else(|| "expected a number of samples, 1 or more".to_owned())
}

fn number(text: &str, fits: impl FnOnce(f64) -> bool, right: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if fits(number) => Ok(number),
        _ => Err(format!("expected {right}")),
    }
}

pub(super) fn is_share(percent: f64) -> bool {
    is_percent(percent) && percent > 0.0
}

pub(super) fn is_percent(percent: f64) -> bool {
    (0.0..=100.0).contains(&percent)
}

pub(super) fn is_time(seconds: f64) -> bool {
    seconds >= 0.0 && seconds.is_finite()
}

pub(super) const NAMES: &str = "names separated by commas, such as veh0,veh7, or @FILE with one a line";
pub(super) const SHARE: &str = "above 0 to 100 per cent";
pub(super) const PERCENT: &str = "0 to 100 per cent";
pub(super) const TIME: &str = "seconds of the trace's own time, 0 or more";
