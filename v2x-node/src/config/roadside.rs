//! `[roadside]`: what a roadside unit sends.

mod advert;
mod area;
mod corrections;
mod feed;
mod intersection;
mod plan;
mod sign;
mod work_zone;

use std::path::PathBuf;

use v2x_core::{Permissions, Role};
use v2x_proto::v1;

pub use self::corrections::{Caster, CasterTls, CorrectionSource, Corrections, Login};
pub use self::feed::FeedAddress;
use super::place::{PositionConfig, coordinates};
use v2x_apps::limits::MAX_UNIT_DISTANCE_M;
use v2x_apps::roadside::content::{Advert, Content, CorrectionStream, Intersection, WorkZone};
use v2x_settings::{Section, SettingsError};

/// What a roadside unit sends; empty for a vehicle.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoadsideConfig {
    /// Intersections, each id once.
    pub intersections: Vec<Intersection>,
    /// Where the controller reports what the signals show; `None`: they follow their fixed-time plans.
    pub feed: Option<FeedAddress>,
    /// Services advertised.
    pub adverts: Vec<Advert>,
    /// Traffic signs, each id once.
    pub signs: Vec<v1::SignInfo>,
    /// Road works, as standing hazards.
    pub work_zones: Vec<WorkZone>,
    /// Corrections for satellite receivers, passed on.
    pub corrections: Option<Corrections>,
    /// Area hazards and background from afar are sent on the air.
    pub from_afar: bool,
}

impl RoadsideConfig {
    /// What its application sends.
    pub fn content(&self) -> Content {
        Content {
            intersections: self.intersections.clone(),
            feed: self.feed.as_ref().map(ToString::to_string),
            adverts: self.adverts.clone(),
            signs: self.signs.clone(),
            work_zones: self.work_zones.clone(),
            corrections: self.corrections.as_ref().map(|corrections| CorrectionStream {
                name: corrections.source.to_string(),
                per_second: corrections.per_second,
                gga: corrections.gga,
            }),
        }
    }

    /// The permissions the unit's credential needs to send all of it.
    pub fn needs(&self) -> Permissions {
        type P = Permissions;
        let signals = self.intersections.iter().any(|one| !one.groups.is_empty());
        let maps = self.intersections.iter().any(|one| !one.map.is_empty());
        [
            (signals, P::SIGNAL_STATE),
            (maps || !self.signs.is_empty(), P::MAP_SIGN),
            (!self.work_zones.is_empty(), P::HAZARD | P::AUTHORITY_HAZARD),
            (!self.adverts.is_empty(), P::SERVICE_ADVERT),
            (self.corrections.is_some(), P::GNSS_CORRECTION),
            (self.from_afar, P::KEEP_ALIVE),
        ]
        .into_iter()
        .filter(|(said, _)| *said)
        .fold(P::NONE, |all, (_, needed)| all | needed)
    }
}

pub(super) fn read(
    top: &Section<'_>,
    role: Role,
    position: &PositionConfig,
) -> Result<RoadsideConfig, SettingsError> {
    let Some(section) = top.table("roadside", KEYS)? else {
        return Ok(RoadsideConfig::default());
    };
    if role == Role::Vehicle {
        let right = "only a roadside unit speaks for the road: role = \"roadside\", or remove the table";
        return Err(top.contradiction("roadside", "role = \"vehicle\"", right));
    }
    let feed = feed::read(&section)?;
    let config = RoadsideConfig {
        intersections: intersections(&section, feed.is_some(), position)?,
        feed,
        adverts: advert::read(&section)?,
        signs: sign::read(&section)?,
        work_zones: work_zone::read(&section)?,
        corrections: corrections::read(&section)?,
        from_afar: section.flag("from_afar")?.unwrap_or(false),
    };
    let signals = config.intersections.iter().filter(|one| !one.groups.is_empty()).count() as u32;
    if signals == 0 && config.feed.is_some() {
        let right = "name an intersection whose connections have signal groups, or remove the feed";
        return Err(section.contradiction("feed", "no intersections with signals", right));
    }
    let most = MOST_D4_PER_SECOND / D4_PER_INTERSECTION;
    if signals > most {
        let right = format!(
            "at most {most}: receivers take {MOST_D4_PER_SECOND} messages of D4 a second from one station; use a \
             second unit"
        );
        return Err(top.wrong("roadside", format!("{signals} intersections with signals"), right));
    }
    let left = MOST_D4_PER_SECOND - D4_PER_INTERSECTION * signals;
    if let Some(corrections) = config.corrections.as_ref().filter(|corrections| corrections.per_second > left)
    {
        let right = format!(
            "at most {left} beside {signals} intersections with signals: receivers take {MOST_D4_PER_SECOND} messages \
             of D4 a second from one station"
        );
        return Err(section.wrong("corrections_per_s", corrections.per_second.to_string(), right));
    }
    Ok(config)
}

/// The intersections in this file, and those in files of their own.
fn intersections(
    section: &Section<'_>,
    fed: bool,
    unit: &PositionConfig,
) -> Result<Vec<Intersection>, SettingsError> {
    let keys = &["id", "latitude", "longitude", "groups"];
    let sections = section.tables("intersection", keys, MOST_INTERSECTIONS)?;
    let mut intersections: Vec<Intersection> = Vec::new();
    for section in &sections {
        let Some(id) = section.integer("id", 0..=65_535)? else {
            return Err(section.missing("id", "a whole number, 0 to 65535"));
        };
        if intersections.iter().any(|other| other.id == id) {
            return Err(section.wrong("id", id.to_string(), ANOTHER_ID.to_owned()));
        }
        let groups = plan::read(section, "groups")?;
        if groups.is_empty() {
            let right = "at least one { group = 1, green_s = 20, yellow_s = 3, red_s = 37, offset_s = 0 }";
            return Err(section.missing("groups", right));
        }
        let one = Intersection::planned(id, coordinates(section)?, groups);
        if let Some(away) = too_far(&one, unit) {
            return Err(section.wrong("latitude", away, NEAR.to_owned()));
        }
        intersections.push(one);
    }
    let files: Vec<PathBuf> = section.paths("intersections")?.unwrap_or_default();
    if files.len() + intersections.len() > MOST_INTERSECTIONS {
        let found = format!("{} intersections in all", files.len() + intersections.len());
        return Err(section.wrong("intersections", found, format!("at most {MOST_INTERSECTIONS}")));
    }
    for file in &files {
        let one = intersection::load(section, file)?;
        let shown = file.display();
        if intersections.iter().any(|other| other.id == one.id) {
            let found = format!("{shown} with id {}", one.id);
            return Err(section.wrong("intersections", found, ANOTHER_ID.to_owned()));
        }
        if let Some(away) = too_far(&one, unit) {
            return Err(section.wrong("intersections", format!("{shown}, {away}"), NEAR.to_owned()));
        }
        if !one.groups.is_empty() && one.plan.is_empty() && !fed {
            let found = format!("{shown}, whose connections name signal groups");
            let right = "roadside.feed, which reports what they show, or [[plan]] in that file";
            return Err(section.wrong("intersections", found, right.to_owned()));
        }
        intersections.push(one);
    }
    Ok(intersections)
}

/// How far an intersection is from the unit, when that is too far for vehicles to believe the unit about it.
fn too_far(intersection: &Intersection, unit: &PositionConfig) -> Option<String> {
    let PositionConfig::Fixed { position, .. } = unit else { return None };
    let (east, north) = intersection.position.offset_from(*position);
    let metres = east.hypot(north);
    let decimals = usize::from(metres < 10_000.0);
    let far = metres > MAX_UNIT_DISTANCE_M;
    far.then(|| format!("an intersection {:.decimals$} km from the unit", metres / 1000.0))
}

const NEAR: &str = "one within 1 km of position.latitude and longitude, where vehicles believe the unit";
const KEYS: &[&str] = &[
    "intersections",
    "intersection",
    "feed",
    "adverts",
    "sign",
    "work_zone",
    "corrections",
    "corrections_baud",
    "corrections_ca",
    "corrections_gga",
    "corrections_per_s",
    "from_afar",
];
const ANOTHER_ID: &str = "a number no other intersection has";
const MOST_INTERSECTIONS: usize = 8;
/// What a receiver takes of one signer (`v2x_core::limits::signer_rate`).
const MOST_D4_PER_SECOND: u32 = 30;
/// Ten states, and two answers to requests for priority while there are any.
const D4_PER_INTERSECTION: u32 = 12;

#[cfg(test)]
mod tests;
