//! `[[roadside.work_zone]]`: road works, sent as standing hazards.

use core::time::Duration;

use v2x_apps::roadside::content::WorkZone;
use v2x_core::WireTime;

use super::{area, sign};
use v2x_settings::{Section, SettingsError};

pub(super) fn read(section: &Section<'_>) -> Result<Vec<WorkZone>, SettingsError> {
    section.tables("work_zone", KEYS, MOST_ZONES)?.iter().map(work_zone).collect()
}

fn work_zone(section: &Section<'_>) -> Result<WorkZone, SettingsError> {
    let Some(place) = section.table("area", area::KEYS)? else {
        let right = "{ shape = \"circle\", latitude = 49.6, longitude = 6.1, radius_m = 300 }";
        return Err(section.missing("area", right));
    };
    let (from, until) = sign::validity(section)?;
    let validity = section.integer("validity_s", 10..=86_400)?.unwrap_or(600);
    let repeat = section.number("repeat_s", 0.1..=60.0, " s")?.unwrap_or(1.0);
    let keep_alive = section.number("keep_alive_s", 0.001..=10.0, " s")?;
    Ok(WorkZone {
        sub_cause: section.integer("sub_cause", 0..=255)?.unwrap_or(0),
        area: area::read(&place)?,
        from: from.map(WireTime::from_micros),
        until: until.map(WireTime::from_micros),
        validity: Duration::from_secs(validity),
        repeat: Duration::from_secs_f64(repeat),
        keep_alive: keep_alive.map(Duration::from_secs_f64),
    })
}

const KEYS: &[&str] = &["sub_cause", "area", "from", "until", "validity_s", "repeat_s", "keep_alive_s"];
const MOST_ZONES: usize = 8;
