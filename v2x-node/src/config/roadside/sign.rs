//! `[[roadside.sign]]`: traffic signs in force (TS 103 301 clause 7 IVIM).

use v2x_proto::v1;
use v2x_settings::{Section, SettingsError};

use super::{advert, area};
use crate::civil::wire_of_iso8601;

pub(super) fn read(section: &Section<'_>) -> Result<Vec<v1::SignInfo>, SettingsError> {
    let mut all: Vec<v1::SignInfo> = Vec::new();
    for section in &section.tables("sign", KEYS, MOST_SIGNS)? {
        let one = sign_info(section)?;
        if all.iter().any(|other| other.sign_id == one.sign_id) {
            let right = "a number no other sign has".to_owned();
            return Err(section.wrong("id", one.sign_id.to_string(), right));
        }
        all.push(one);
    }
    Ok(all)
}

fn sign_info(section: &Section<'_>) -> Result<v1::SignInfo, SettingsError> {
    let Some(sign_id) = section.integer("id", 0..=u32::MAX)? else {
        return Err(section.missing("id", "a whole number that names this information for its life"));
    };
    let zones = section.tables("zones", area::KEYS, MOST_ZONES)?;
    let boards = section.tables("signs", &["country", "code", "value", "lanes", "text"], MOST_BOARDS)?;
    if boards.is_empty() {
        return Err(section.missing("signs", "1 to 16 of { code = 557, value = 50 }"));
    }
    let (from, until) = validity(section)?;
    let info = v1::SignInfo {
        sign_id,
        revision: section.integer("revision", 0..=u32::MAX)?.unwrap_or(0),
        valid_from_us: from,
        valid_until_us: until,
        zones: zones.iter().map(|zone| area::read(zone).map(Into::into)).collect::<Result<_, _>>()?,
        signs: boards.iter().map(sign).collect::<Result<_, _>>()?,
        direction_deg: section.integer("direction_deg", 0..=359)?,
        direction_tolerance_deg: section.integer("direction_tolerance_deg", 1..=180)?,
    };
    let length = prost::Message::encoded_len(&info);
    if length > LONGEST_INFO {
        let right = format!("fewer or shorter signs and zones, at most {LONGEST_INFO} bytes encoded");
        return Err(section.wrong("signs", format!("{length} bytes"), right));
    }
    Ok(info)
}

/// `from` and `until`, wire time in microseconds.
pub(super) fn validity(section: &Section<'_>) -> Result<(Option<u64>, Option<u64>), SettingsError> {
    let (from, until) = (section.time("from", wire_of_iso8601)?, section.time("until", wire_of_iso8601)?);
    if until.is_some_and(|until| from.is_some_and(|from| until <= from)) {
        return Err(section.contradiction("until", "from", "give an end after the beginning"));
    }
    Ok((from.map(|time| time.as_micros()), until.map(|time| time.as_micros())))
}

fn sign(section: &Section<'_>) -> Result<v1::Sign, SettingsError> {
    let Some(code) = section.integer("code", 0..=65_535)? else {
        return Err(section.missing("code", "an ISO/TS 14823-1 pictogram code, 0 to 65535"));
    };
    Ok(v1::Sign {
        country: section.integer("country", 0..=999)?.unwrap_or(0),
        code,
        value: section.integer("value", 0..=100_000)?,
        lanes: section.integer("lanes", 0..=u32::MAX)?.unwrap_or(0),
        text: advert::short_text(section, "text", LONGEST_TEXT)?,
    })
}

const KEYS: &[&str] =
    &["id", "revision", "from", "until", "zones", "signs", "direction_deg", "direction_tolerance_deg"];
const MOST_SIGNS: usize = 16;
/// `v2x.v1.SignInfo` allows at most this.
const MOST_ZONES: usize = 8;
const MOST_BOARDS: usize = 16;
const LONGEST_TEXT: usize = 64;
/// Leaves a frame room for all around it, the unit's credential too.
const LONGEST_INFO: usize = 960;
