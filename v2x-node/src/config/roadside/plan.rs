//! Fixed-time plans of signal groups.

use v2x_apps::roadside::content::SignalGroup;

use v2x_settings::{Section, SettingsError};

/// The plans in the tables `key`, none when it is absent; no number twice.
pub(super) fn read(section: &Section<'_>, key: &'static str) -> Result<Vec<SignalGroup>, SettingsError> {
    let keys = &["group", "green_s", "yellow_s", "red_s", "offset_s"];
    let mut groups: Vec<SignalGroup> = Vec::new();
    for section in &section.tables(key, keys, MOST_GROUPS)? {
        let one = signal_group(section)?;
        if groups.iter().any(|other| other.group == one.group) {
            let right = "a number no other group has".to_owned();
            return Err(section.wrong("group", one.group.to_string(), right));
        }
        groups.push(one);
    }
    Ok(groups)
}

fn signal_group(section: &Section<'_>) -> Result<SignalGroup, SettingsError> {
    let millis = |seconds: f64| (seconds * 1000.0).round() as u32;
    let phase = |key| {
        let seconds = section.number(key, 1.0..=LONGEST_PHASE_S, " s")?;
        seconds.map(millis).ok_or_else(|| section.missing(key, format!("seconds, 1 to {LONGEST_PHASE_S}")))
    };
    let Some(group) = section.integer("group", 1..=255)? else {
        return Err(section.missing("group", "a whole number, 1 to 255"));
    };
    let offset = section.number("offset_s", 0.0..=3.0 * LONGEST_PHASE_S, " s")?;
    Ok(SignalGroup {
        group,
        green_ms: phase("green_s")?,
        yellow_ms: phase("yellow_s")?,
        red_ms: phase("red_s")?,
        offset_ms: offset.map_or(0, millis),
    })
}

/// `v2x.v1.SignalState` allows at most this.
pub(super) const MOST_GROUPS: usize = 32;
const LONGEST_PHASE_S: f64 = 600.0;
