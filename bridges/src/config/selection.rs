//! A choice of messages: `{ classes = ["D3"], types = ["hazard"], area = { latitude_deg = .., longitude_deg = .., radius_m = .. } }`.

use v2x_core::Position;
use v2x_proto::Class;
use v2x_settings::{Section, SettingsError};

use crate::select::{Circle, Selection};

/// Keys of a selection.
const SELECTION_KEYS: &[&str] = &["classes", "types", "area"];

/// Reads the table `key` of `section`; without it, area hazards and background. An empty choice is written `classes = "none"`.
pub(super) fn selection(section: &Section<'_>, key: &'static str) -> Result<Selection, SettingsError> {
    let Some(table) = section.table(key, SELECTION_KEYS)? else { return Ok(Selection::default()) };
    if table.is_string("classes") {
        table.choice("classes", &[("none", ())])?;
        return Ok(Selection::nothing());
    }
    let classes = match table.strings("classes", CLASSES_RIGHT)? {
        None => Selection::default().classes,
        Some(names) => {
            let of = |name: &String| Class::ALL.into_iter().find(|class| class.name() == name);
            let classes: Option<Vec<Class>> = names.iter().map(of).collect();
            classes.ok_or_else(|| table.wrong("classes", format!("{names:?}"), CLASSES_RIGHT.to_owned()))?
        }
    };
    let types = match table.strings("types", TYPES_RIGHT)? {
        None => None,
        Some(names) => {
            let of = |name: &String| v2x_api::message_type(name).map(|number| number as u32);
            let types: Option<Vec<u32>> = names.iter().map(of).collect();
            Some(types.ok_or_else(|| table.wrong("types", format!("{names:?}"), TYPES_RIGHT.to_owned()))?)
        }
    };
    Ok(Selection { classes, types, area: circle(&table)? })
}

fn circle(table: &Section<'_>) -> Result<Option<Circle>, SettingsError> {
    let Some(area) = table.table("area", &["latitude_deg", "longitude_deg", "radius_m"])? else {
        return Ok(None);
    };
    let latitude = area.number("latitude_deg", -90.0..=90.0, " degrees")?;
    let latitude = area.need("latitude_deg", latitude, "degrees north")?;
    let longitude = area.number("longitude_deg", -180.0..=180.0, " degrees")?;
    let longitude = area.need("longitude_deg", longitude, "degrees east")?;
    let radius_m = area.integer("radius_m", 1..=1_000_000)?;
    let radius_m = area.need("radius_m", radius_m, "metres")?;
    let centre = Position::from_degrees(latitude, longitude).ok_or_else(|| {
        area.wrong("latitude_deg", format!("{latitude}, {longitude}"), "a place".to_owned())
    })?;
    Ok(Some(Circle { centre, radius_m }))
}

const CLASSES_RIGHT: &str = r#"a list of "D0" to "D5", such as ["D3", "D5"], or "none""#;
const TYPES_RIGHT: &str = r#"a list of types as the schema names them, such as ["hazard", "sign_info"]"#;
