//! The tables `[[fault]]` of a plan.

use core::ops::RangeInclusive;

use v2x_settings::{Section, SettingsError, one_of};

use super::fault::{Fault, FaultKind, FaultSpan, Jammer};
use super::members::Members;

/// One fault.
pub(crate) fn fault(table: &Section<'_>) -> Result<Fault, SettingsError> {
    let names = KINDS.map(|(name, keys)| (name, (name, keys)));
    let right = one_of(KINDS.iter().map(|(name, _)| *name));
    let (name, keys) = table.need("kind", table.choice("kind", &names)?, right)?;
    let moment = name == "crash";
    timed(table, moment)?;
    let times: &[&str] = if moment { &["kind", "at_s"] } else { &["kind", "from_s", "to_s"] };
    let all: Vec<_> = times.iter().chain(keys).copied().collect();
    table.only(&all, &format!("kind = {name:?}"))?;
    let number = |key, range: RangeInclusive<f64>, otherwise| -> Result<f64, SettingsError> {
        Ok(table.number(key, range, "")?.unwrap_or(otherwise))
    };
    let kind = match name {
        "burst_loss" => FaultKind::BurstLoss {
            to_bad: number("to_bad", PROBABILITY, 0.01)?,
            to_good: number("to_good", PROBABILITY, 0.1)?,
            loss_good: number("loss_good", PROBABILITY, 0.0)?,
            loss_bad: number("loss_bad", PROBABILITY, 1.0)?,
        },
        "partition" => FaultKind::Partition { split_m: table.number("split_m", PLACE_M, " m")? },
        "crash" => FaultKind::Crash { down_s: number("down_s", 0.0..=3_600.0, 5.0)? },
        "clock" => FaultKind::Clock {
            offset_ms: number("offset_ms", -3_600_000.0..=3_600_000.0, 0.0)?,
            drift_ppm: number("drift_ppm", -1_000.0..=1_000.0, 0.0)?,
            noticed_s: table.number("noticed_s", 0.0..=3_600.0, " s")?,
        },
        "gnss_outage" => FaultKind::GnssOutage,
        "gnss_jump" => {
            let jump_m = table.pair("jump_m", PLACE_M)?;
            let right = "how far east and north of the truth, m: [x, y]";
            FaultKind::GnssJump { jump_m: table.need("jump_m", jump_m, right)? }
        }
        "duplicate" => FaultKind::Duplicate {
            probability: number("probability", PROBABILITY, 0.1)?,
            delay_ms: number("delay_ms", DELAY_MS, 5.0)?,
        },
        "reorder" => FaultKind::Reorder {
            probability: number("probability", PROBABILITY, 0.1)?,
            delay_ms: number("delay_ms", DELAY_MS, 5.0)?,
        },
        "corrupt" => FaultKind::Corrupt {
            probability: number("probability", PROBABILITY, 0.1)?,
            bits: table.integer("bits", 1..=64)?.unwrap_or(1),
        },
        _ => FaultKind::Jammer(jammer(table)?),
    };
    if let FaultKind::Clock { offset_ms: 0.0, drift_ppm: 0.0, .. } = kind {
        return Err(table.missing("offset_ms", "how far the clock is off, ms, or drift_ppm"));
    }
    let links = keys.contains(&"senders");
    let (who, key) = if links { (named(table, "senders")?, "senders") } else { members(table)? };
    let who = match (&kind, who) {
        (FaultKind::Partition { split_m: None }, Members::All) => Members::Share(0.5),
        (_, who) => who,
    };
    if matches!(kind, FaultKind::Partition { split_m: Some(_) }) && who != Members::All {
        return Err(table.contradiction(key, "split_m", "give one of the two"));
    }
    Ok(Fault {
        who,
        receivers: if links { named(table, "receivers")? } else { Members::All },
        span: span(table, moment)?,
        places: [table.place(key), table.place("receivers")],
        of_its_kind: 0,
        kind,
    })
}

/// All faults of a plan: numbers them, and refuses partitions that overlap.
pub(crate) fn together(tables: &[Section<'_>], mut faults: Vec<Fault>) -> Result<Vec<Fault>, SettingsError> {
    for (number, table) in tables.iter().enumerate().take(faults.len()) {
        let (before, rest) = faults.split_at_mut(number);
        let fault = &mut rest[0];
        fault.of_its_kind =
            before.iter().filter(|other| other.kind.name() == fault.kind.name()).count() as u32;
        if !matches!(fault.kind, FaultKind::Partition { .. }) {
            continue;
        }
        let FaultSpan { from_s, to_s } = fault.span;
        let overlaps = |other: &&Fault| {
            matches!(other.kind, FaultKind::Partition { .. })
                && other.span.from_s < to_s
                && from_s < other.span.to_s
        };
        if let Some(other) = before.iter().find(overlaps) {
            let found = format!("{from_s}");
            let right = format!(
                "one partition at a time: that of line {} lasts from {} s to {}",
                other.places[0].line,
                other.span.from_s,
                if other.span.to_s.is_finite() {
                    format!("{} s", other.span.to_s)
                } else {
                    "the end".to_owned()
                }
            );
            return Err(table.wrong("from_s", found, right));
        }
    }
    Ok(faults)
}

fn jammer(table: &Section<'_>) -> Result<Jammer, SettingsError> {
    let number = |key, range: RangeInclusive<f64>, otherwise| -> Result<f64, SettingsError> {
        Ok(table.number(key, range, "")?.unwrap_or(otherwise))
    };
    let jammer = Jammer {
        at_m: table.need("at_m", table.pair("at_m", PLACE_M)?, "a place, m east and north: [x, y]")?,
        range_m: number("range_m", 1.0..=5_000.0, 300.0)?,
        duty: number("duty", PROBABILITY, 0.5)?,
        period_ms: number("period_ms", 0.1..=60_000.0, 10.0)?,
        noise_dbm: number("noise_dbm", -110.0..=0.0, -60.0)?,
    };
    if jammer.duty == 0.0 {
        return Err(table.wrong("duty", "0".to_owned(), "above 0 and at most 1".to_owned()));
    }
    Ok(jammer)
}

/// Stations with something of their own, and the key that says so.
fn members(table: &Section<'_>) -> Result<(Members, &'static str), SettingsError> {
    let named = table.strings("stations", NAMES)?;
    match (table.number("share", 0.0001..=1.0, "")?, named) {
        (Some(_), Some(_)) => Err(table.contradiction("stations", "share", "give either share or stations")),
        (Some(share), None) => Ok((Members::Share(share), "share")),
        (None, Some(names)) => Ok((Members::Named(names), "stations")),
        (None, None) => Ok((Members::All, "stations")),
    }
}

fn named(table: &Section<'_>, key: &'static str) -> Result<Members, SettingsError> {
    Ok(table.strings(key, NAMES)?.map_or(Members::All, Members::Named))
}

/// Refuses the times of faults of the other sort.
fn timed(table: &Section<'_>, moment: bool) -> Result<(), SettingsError> {
    let (others, right): (&[&'static str], _) = if moment {
        (&["from_s", "to_s"], "at_s says when")
    } else {
        (&["at_s"], "from_s and to_s say when")
    };
    match others.iter().find(|key| table.has(key)) {
        Some(other) => Err(table.contradiction(other, "this kind", right)),
        None => Ok(()),
    }
}

fn span(table: &Section<'_>, moment: bool) -> Result<FaultSpan, SettingsError> {
    let (from, to) = if moment { ("at_s", None) } else { ("from_s", Some("to_s")) };
    let from_s = table.number(from, TIME_S, " s")?.unwrap_or(0.0);
    let to_s = match to {
        Some(key) => table.number(key, TIME_S, " s")?.unwrap_or(f64::INFINITY),
        None => f64::INFINITY,
    };
    if to_s <= from_s {
        let right = "a time after from_s".to_owned();
        return Err(table.wrong("to_s", format!("{to_s} with from_s = {from_s}"), right));
    }
    Ok(FaultSpan { from_s, to_s })
}

const LINKS: &[&str] = &["senders", "receivers", "probability", "delay_ms"];
const KINDS: [(&str, &[&str]); 10] = [
    ("burst_loss", &["senders", "receivers", "to_bad", "to_good", "loss_good", "loss_bad"]),
    ("partition", &["stations", "share", "split_m"]),
    ("crash", &["stations", "share", "down_s"]),
    ("clock", &["stations", "share", "offset_ms", "drift_ppm", "noticed_s"]),
    ("gnss_outage", &["stations", "share"]),
    ("gnss_jump", &["stations", "share", "jump_m"]),
    ("duplicate", LINKS),
    ("reorder", LINKS),
    ("corrupt", &["senders", "receivers", "probability", "bits"]),
    ("jammer", &["at_m", "range_m", "duty", "period_ms", "noise_dbm"]),
];
/// Those of all kinds.
pub(crate) const FAULT_KEYS: &[&str] = &[
    "kind",
    "from_s",
    "to_s",
    "at_s",
    "stations",
    "share",
    "senders",
    "receivers",
    "to_bad",
    "to_good",
    "loss_good",
    "loss_bad",
    "split_m",
    "down_s",
    "offset_ms",
    "drift_ppm",
    "noticed_s",
    "jump_m",
    "probability",
    "delay_ms",
    "bits",
    "at_m",
    "range_m",
    "duty",
    "period_ms",
    "noise_dbm",
];
const NAMES: &str = "names of stations: [\"car 1\", ...]";
const PROBABILITY: RangeInclusive<f64> = 0.0..=1.0;
const DELAY_MS: RangeInclusive<f64> = 0.0..=60_000.0;
const TIME_S: RangeInclusive<f64> = 0.0..=3_600.0;
const PLACE_M: RangeInclusive<f64> = -50_000.0..=50_000.0;

#[cfg(test)]
mod tests;
