//! `[roadside]`: what a roadside unit says.

use std::net::SocketAddrV6;

use v2x_core::config::Role;
use v2x_core::position::Position;

use super::place::coordinates;
use super::section::{ConfigError, Section};

/// What a roadside unit says; empty for a vehicle.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoadsideConfig {
    /// Signal-controlled intersections.
    pub intersections: Vec<Intersection>,
    /// Services advertised.
    pub adverts: Vec<Advert>,
}

/// An intersection with fixed-time signals.
#[derive(Clone, Debug, PartialEq)]
pub struct Intersection {
    /// Its number within the region.
    pub id: u32,
    /// Its reference point.
    pub position: Position,
    /// Its signal groups, at least one, no number twice.
    pub groups: Vec<SignalGroup>,
}

/// The fixed-time plan of one signal group: green, yellow, red, over and over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignalGroup {
    /// Number of the group, 1..=255.
    pub group: u8,
    /// Green, ms.
    pub green_ms: u32,
    /// Yellow, ms.
    pub yellow_ms: u32,
    /// Red, ms.
    pub red_ms: u32,
    /// Start of green after the start of the cycle, ms; cycles count from the wire epoch.
    pub offset_ms: u32,
}

/// A service advertised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advert {
    /// What it is: an IEEE 1609.12 PSID, 0..=270,549,119.
    pub service_id: u32,
    /// Words for whoever wants it, at most 32 bytes; may be empty.
    pub description: String,
    /// Channel it is offered on, 1..=200; `None`: this one.
    pub channel: Option<u8>,
    /// Where it is reached by IP.
    pub address: Option<SocketAddrV6>,
}

pub(super) fn read(top: &Section<'_>, role: Role) -> Result<RoadsideConfig, ConfigError> {
    let Some(section) = top.table("roadside", &["intersection", "adverts"])? else {
        return Ok(RoadsideConfig::default());
    };
    if role == Role::Vehicle {
        let right = "only a roadside unit speaks for the road: role = \"roadside\", or remove the table";
        return Err(top.contradiction("roadside", "role = \"vehicle\"", right));
    }
    let keys = &["id", "latitude", "longitude", "groups"];
    let sections = section.tables("intersection", keys, MAX_INTERSECTIONS)?;
    let intersections: Vec<Intersection> = sections.iter().map(intersection).collect::<Result<_, _>>()?;
    for (section, (index, one)) in sections.iter().zip(intersections.iter().enumerate()) {
        if intersections[..index].iter().any(|other| other.id == one.id) {
            return Err(section.wrong(
                "id",
                one.id.to_string(),
                "a number no other intersection has".to_owned(),
            ));
        }
    }
    let keys = &["service_id", "description", "channel", "address"];
    let adverts = section.tables("adverts", keys, MAX_ADVERTS)?;
    Ok(RoadsideConfig { intersections, adverts: adverts.iter().map(advert).collect::<Result<_, _>>()? })
}

fn intersection(section: &Section<'_>) -> Result<Intersection, ConfigError> {
    let Some(id) = section.integer("id", 0..=65_535)? else {
        return Err(section.missing("id", "a whole number, 0 to 65535"));
    };
    let keys = &["group", "green_s", "yellow_s", "red_s", "offset_s"];
    let sections = section.tables("groups", keys, MAX_GROUPS)?;
    if sections.is_empty() {
        let right = "at least one { group = 1, green_s = 20, yellow_s = 3, red_s = 37, offset_s = 0 }";
        return Err(section.missing("groups", right));
    }
    let mut groups: Vec<SignalGroup> = Vec::with_capacity(sections.len());
    for section in &sections {
        let one = signal_group(section)?;
        if groups.iter().any(|other| other.group == one.group) {
            return Err(section.wrong(
                "group",
                one.group.to_string(),
                "a number no other group has".to_owned(),
            ));
        }
        groups.push(one);
    }
    Ok(Intersection { id, position: coordinates(section)?, groups })
}

fn signal_group(section: &Section<'_>) -> Result<SignalGroup, ConfigError> {
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

fn advert(section: &Section<'_>) -> Result<Advert, ConfigError> {
    let Some(service_id) = section.integer("service_id", 0..=LARGEST_PSID)? else {
        return Err(section.missing("service_id", format!("an IEEE 1609.12 PSID, 0 to {LARGEST_PSID}")));
    };
    let right = "an IPv6 address and port, such as \"[2001:db8::1]:8080\"";
    let address = match section.string("address", right)? {
        None => None,
        Some(text) => match text.parse::<SocketAddrV6>() {
            Ok(address) if address.port() != 0 => Some(address),
            _ => return Err(section.wrong("address", format!("{text:?}"), right.to_owned())),
        },
    };
    Ok(Advert {
        service_id,
        description: short_text(section, "description")?,
        channel: section.integer("channel", 1..=200)?,
        address,
    })
}

fn short_text(section: &Section<'_>, key: &'static str) -> Result<String, ConfigError> {
    let right = format!("text of at most {LONGEST_TEXT} bytes");
    match section.string(key, &right)? {
        Some(text) if text.len() > LONGEST_TEXT => {
            Err(section.wrong(key, format!("{} bytes", text.len()), right))
        }
        other => Ok(other.unwrap_or_default()),
    }
}

/// As many as one frame's worth of signal states leaves room for.
const MAX_INTERSECTIONS: usize = 8;
const MAX_GROUPS: usize = 16;
const MAX_ADVERTS: usize = 16;
/// `v2x.v1.RsuAdvert` and `Service` allow no more.
const LONGEST_TEXT: usize = 32;
const LARGEST_PSID: u32 = 270_549_119;
const LONGEST_PHASE_S: f64 = 600.0;
