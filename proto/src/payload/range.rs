//! Range checks and the ranges several messages share (TS 102 894-2).

use core::ops::RangeInclusive;

use super::PayloadError;
use crate::wire;
use crate::{AreaView, v1};

pub(super) type Result = core::result::Result<(), PayloadError>;

/// `value` lies in `range`.
pub(super) fn within(field: &'static str, value: impl Into<i64>, range: RangeInclusive<i64>) -> Result {
    ensure(field, range.contains(&value.into()))
}

/// `value` is absent or lies in `range`.
pub(super) fn within_if_known<T: Into<i64> + Copy>(
    field: &'static str,
    value: Option<T>,
    range: RangeInclusive<i64>,
) -> Result {
    match value {
        Some(value) => within(field, value, range),
        None => Ok(()),
    }
}

/// A list has at most `limit` entries.
pub(super) fn at_most<T>(field: &'static str, list: &[T], limit: usize) -> Result {
    if list.len() > limit {
        return Err(PayloadError::TooMany { field, limit });
    }
    Ok(())
}

/// A list has 1 to `limit` entries.
pub(super) fn some_at_most<T>(field: &'static str, list: &[T], limit: usize) -> Result {
    ensure(field, !list.is_empty())?;
    at_most(field, list, limit)
}

/// Bytes have exactly this length.
pub(super) fn exactly(field: &'static str, bytes: &[u8], length: usize) -> Result {
    ensure(field, bytes.len() == length)
}

/// A condition on a field that no other function here covers.
pub(super) fn ensure(field: &'static str, holds: bool) -> Result {
    if !holds {
        return Err(PayloadError::OutOfRange { field });
    }
    Ok(())
}

pub(super) fn speed(value: Option<u32>) -> Result {
    within_if_known("speed", value, 0..=16_382)
}

pub(super) fn heading(value: Option<u32>) -> Result {
    within_if_known("heading", value, 0..=3_599)
}

pub(super) fn acceleration(value: Option<i32>) -> Result {
    within_if_known("acceleration", value, -160..=160)
}

pub(super) fn length_and_width(length: Option<u32>, width: Option<u32>) -> Result {
    within_if_known("length", length, 1..=1_022)?;
    within_if_known("width", width, 1..=61)
}

pub(super) fn interval(field: &'static str, value: Option<u32>) -> Result {
    within_if_known(field, value, 1..=60_000)
}

pub(super) fn altitude(value: Option<i32>) -> Result {
    within_if_known("altitude_cm", value, -100_000..=800_000)
}

pub(super) fn confidence(value: Option<&v1::PositionConfidence>) -> Result {
    let Some(ellipse) = value else { return Ok(()) };
    within("semi_major_cm", ellipse.semi_major_cm, 0..=4_094)?;
    within("semi_minor_cm", ellipse.semi_minor_cm, 0..=4_094)?;
    within("orientation", ellipse.orientation, 0..=3_599)
}

pub(super) fn position(field: &'static str, value: Option<&v1::Position>) -> Result {
    let Some(position) = value else { return Ok(()) };
    ensure(field, wire::on_the_globe(position.latitude, position.longitude))?;
    altitude(position.altitude_cm)
}

pub(super) fn area(field: &'static str, value: &v1::Area) -> Result {
    ensure(field, AreaView::try_from(value).is_ok())
}

/// Differences of latitude or longitude between points of a path.
pub(super) fn path_deltas(field: &'static str, deltas: &[i32]) -> Result {
    deltas.iter().try_for_each(|delta| within(field, *delta, -131_071..=131_071))
}
