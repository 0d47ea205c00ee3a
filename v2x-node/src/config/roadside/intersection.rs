//! The file that describes an intersection: its lanes, where they lead, which signals they obey, and, for when no
//! controller reports what those show, a fixed-time plan.

use std::path::Path;

use v2x_apps::roadside::content::Intersection;
use v2x_apps::roadside::map;
use v2x_core::Position;
use v2x_proto::v1;

use super::super::file::read_text;
use super::super::place::coordinates;
use super::plan;
use v2x_settings::{Document, Section, SettingsError, one_of};

/// Reads `file`, which `section` names under `intersections`.
pub(super) fn load(section: &Section<'_>, file: &Path) -> Result<Intersection, SettingsError> {
    let text = read_text(file).map_err(|reason| {
        let found = format!("{}: {reason}", file.display());
        section.wrong("intersections", found, "files that describe intersections".to_owned())
    })?;
    parse(&text, file)
}

/// Reads `text`; `file` is what it is called in errors.
pub(super) fn parse(text: &str, file: &Path) -> Result<Intersection, SettingsError> {
    let document = Document::parse(file, text)?;
    let top = document.top(KEYS)?;
    let Some(id) = top.integer("id", 0..=65_535)? else {
        return Err(top.missing("id", "the intersection's number in its region, 0 to 65535"));
    };
    let Some(revision) = top.integer("revision", 0..=127)? else {
        return Err(
            top.missing("revision", "0 to 127, one more with each change of the lanes, after 127 comes 0")
        );
    };
    let region = top.integer("region", 0..=65_535)?.unwrap_or(0);
    let position = coordinates(&top)?;
    let altitude = top.number("altitude_m", -1000.0..=8000.0, " m")?;
    let speed_limit = top.number("speed_limit_km_h", 1.0..=580.0, " km/h")?;
    let lanes = lanes(&top, position)?;
    let plan = plan::read(&top, "plan")?;
    let mut groups: Vec<u8> =
        lanes.iter().flat_map(|lane| &lane.connects_group).map(|group| *group as u8).collect();
    groups.extend(plan.iter().map(|group| group.group));
    groups.retain(|group| *group != 0);
    groups.sort_unstable();
    groups.dedup();
    if groups.len() > plan::MOST_GROUPS {
        let right = format!("at most {}, as one message of signal states has", plan::MOST_GROUPS);
        return Err(top.wrong("lane", format!("{} signal groups", groups.len()), right));
    }
    if let Some(group) =
        groups.iter().find(|group| !plan.is_empty() && plan.iter().all(|one| one.group != **group))
    {
        return Err(top.wrong(
            "plan",
            format!("no plan for group {group}"),
            "one for each group, or none".to_owned(),
        ));
    }
    let whole = v1::IntersectionMap {
        intersection_id: id,
        region_id: region,
        revision,
        reference: Some(v1::Position {
            latitude: position.latitude,
            longitude: position.longitude,
            altitude_cm: altitude.map(|metres| (metres * 100.0).round() as i32),
        }),
        fragment: 0,
        fragments: 1,
        speed_limit: speed_limit.map(|limit| (limit / 3.6 * 100.0).round() as u32),
        lanes,
    };
    let count = whole.lanes.len();
    let map = map::fragments(whole).ok_or_else(|| {
        let right = format!(
            "fewer lanes or points, at most {} fragments of {} bytes",
            map::MOST_FRAGMENTS,
            map::LONGEST
        );
        top.wrong("lane", format!("{count} lanes that do not fit"), right)
    })?;
    Ok(Intersection { id, region, position, groups, plan, map })
}

fn lanes(top: &Section<'_>, reference: Position) -> Result<Vec<v1::Lane>, SettingsError> {
    let sections = top.tables("lane", LANE_KEYS, MOST_LANES)?;
    if sections.is_empty() {
        return Err(top.missing("lane", "at least one [[lane]] with number, kind and points"));
    }
    let mut lanes: Vec<v1::Lane> = Vec::with_capacity(sections.len());
    for section in &sections {
        let one = lane(section, reference)?;
        if lanes.iter().any(|other| other.lane == one.lane) {
            let right = "a number no other lane has".to_owned();
            return Err(section.wrong("number", one.lane.to_string(), right));
        }
        lanes.push(one);
    }
    for (section, lane) in sections.iter().zip(&lanes) {
        if let Some(nowhere) = lane.connects_to.iter().find(|to| lanes.iter().all(|lane| lane.lane != **to)) {
            return Err(section.wrong(
                "connects",
                format!("lane {nowhere}"),
                "lanes of this file".to_owned(),
            ));
        }
    }
    Ok(lanes)
}

fn lane(section: &Section<'_>, reference: Position) -> Result<v1::Lane, SettingsError> {
    let Some(number) = section.integer("number", 1..=255)? else {
        return Err(section.missing("number", "the lane's number in the intersection, 1 to 255"));
    };
    let Some(kind) = section.choice("kind", KINDS)? else {
        return Err(section.missing("kind", one_of(KINDS.iter().map(|(name, _)| *name))));
    };
    let width = section.number("width_m", 0.5..=100.0, " m")?;
    let points = points(section, reference)?;
    let (delta_east_cm, delta_north_cm) = deltas(section, &points)?;
    let (connects_to, connects_group) = connections(section)?;
    Ok(v1::Lane {
        lane: number,
        kind: kind as i32,
        manoeuvres: manoeuvres(section)?,
        width_cm: width.map(|metres| (metres * 100.0).round() as u32),
        delta_east_cm,
        delta_north_cm,
        connects_to,
        connects_group,
    })
}

/// The centre line, cm east and north of the reference.
fn points(section: &Section<'_>, reference: Position) -> Result<Vec<(i32, i32)>, SettingsError> {
    let right = "2 to 63 points [east, north], metres from the reference, from the stop line outward";
    let metres = section.pairs("points", -10_000.0..=10_000.0, right)?;
    let degrees_right = "2 to 63 points [latitude, longitude], degrees, from the stop line outward";
    let degrees = section.pairs("points_deg", -180.0..=180.0, degrees_right)?;
    let cm = |metres: f64| (metres * 100.0).round() as i32;
    let (key, points, right) = match (metres, degrees) {
        (Some(_), Some(_)) => {
            return Err(section.contradiction("points_deg", "points", "give one of them"));
        }
        (None, None) => return Err(section.missing("points", right)),
        (Some(metres), None) => {
            let points: Vec<_> = metres.into_iter().map(|(east, north)| (cm(east), cm(north))).collect();
            ("points", points, right)
        }
        (None, Some(degrees)) => {
            let unit = |degrees: f64| (degrees * 1e7).round() as i32;
            let mut points = Vec::with_capacity(degrees.len());
            for (latitude, longitude) in degrees {
                let place = Position::new(unit(latitude), unit(longitude)).filter(|_| latitude.abs() <= 90.0);
                let (east, north) = place.map_or((f64::MAX, 0.0), |place| place.offset_from(reference));
                if east.hypot(north) > 10_000.0 {
                    let found = format!("[{latitude}, {longitude}]");
                    return Err(section.wrong(
                        "points_deg",
                        found,
                        "points within 10 km of the reference".to_owned(),
                    ));
                }
                points.push((cm(east), cm(north)));
            }
            ("points_deg", points, degrees_right)
        }
    };
    if !(2..=MOST_POINTS).contains(&points.len()) {
        return Err(section.wrong(key, format!("{} points", points.len()), right.to_owned()));
    }
    Ok(points)
}

/// Differences between the points, the first from the reference.
fn deltas(section: &Section<'_>, points: &[(i32, i32)]) -> Result<(Vec<i32>, Vec<i32>), SettingsError> {
    let mut before = (0, 0);
    let mut columns = (Vec::with_capacity(points.len()), Vec::with_capacity(points.len()));
    for (index, &(east, north)) in points.iter().enumerate() {
        let (across, up) = (east - before.0, north - before.1);
        let key = if section.has("points") { "points" } else { "points_deg" };
        if across.abs() > LONGEST_STEP_CM || up.abs() > LONGEST_STEP_CM {
            let found = format!("point {} more than 327 m from the one before", index + 1);
            return Err(section.wrong(key, found, "a point in between".to_owned()));
        }
        if index > 0 && (across, up) == (0, 0) {
            let found = format!("point {} twice", index + 1);
            return Err(section.wrong(key, found, "points at different places".to_owned()));
        }
        columns.0.push(across);
        columns.1.push(up);
        before = (east, north);
    }
    Ok(columns)
}

fn manoeuvres(section: &Section<'_>) -> Result<u32, SettingsError> {
    let right = || format!("a list of {}", one_of(MANOEUVRES.iter().copied()));
    let mut bits = 0;
    for name in section.strings("manoeuvres", &right())?.unwrap_or_default() {
        match MANOEUVRES.iter().position(|known| *known == name) {
            Some(bit) => bits |= 1 << bit,
            None => return Err(section.wrong("manoeuvres", format!("{name:?}"), right())),
        }
    }
    Ok(bits)
}

fn connections(section: &Section<'_>) -> Result<(Vec<u32>, Vec<u32>), SettingsError> {
    let (mut to, mut by) = (Vec::new(), Vec::new());
    for section in &section.tables("connects", &["lane", "group"], MOST_CONNECTIONS)? {
        let Some(lane) = section.integer("lane", 1..=255)? else {
            return Err(section.missing("lane", "the number of the lane it leads to, 1 to 255"));
        };
        to.push(lane);
        by.push(section.integer("group", 1..=255)?.unwrap_or(0));
    }
    Ok((to, by))
}

const KEYS: &[&str] =
    &["id", "region", "revision", "latitude", "longitude", "altitude_m", "speed_limit_km_h", "lane", "plan"];
const LANE_KEYS: &[&str] = &["number", "kind", "width_m", "manoeuvres", "points", "points_deg", "connects"];
const KINDS: &[(&str, v1::LaneKind)] = &[
    ("ingress", v1::LaneKind::VehicleIngress),
    ("egress", v1::LaneKind::VehicleEgress),
    ("crosswalk", v1::LaneKind::Crosswalk),
    ("bicycle", v1::LaneKind::Bicycle),
    ("track", v1::LaneKind::Track),
    ("bus", v1::LaneKind::Bus),
];
/// SAE J2735 `AllowedManeuvers`, each at its bit.
const MANOEUVRES: &[&str] = &["straight", "left", "right", "u_turn", "left_on_red", "right_on_red"];
/// Lane numbers are 1..=255.
const MOST_LANES: usize = 255;
/// `v2x.v1.Lane` allows at most this.
const MOST_POINTS: usize = 63;
const MOST_CONNECTIONS: usize = 16;
const LONGEST_STEP_CM: i32 = 32_767;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CROSSING: &str = include_str!("../../../../examples/crossing.toml");

    fn read(text: &str) -> Result<Intersection, SettingsError> {
        parse(text, Path::new("conf/crossing.toml"))
    }

    /// The complaint about the example with `from` replaced by `to`.
    fn complaint(from: &str, to: &str) -> String {
        assert!(CROSSING.contains(from), "{from}");
        read(&CROSSING.replacen(from, to, 1)).unwrap_err().to_string()
    }

    #[test]
    fn the_example_is_a_map_that_receivers_accept() {
        let crossing = read(CROSSING).unwrap();
        assert_eq!(
            (crossing.id, crossing.revision(), crossing.groups.as_slice()),
            (18, 1, &[1, 2, 3, 4][..])
        );
        let lanes: usize = crossing.map.iter().map(|map| map.lanes.len()).sum();
        assert_eq!(lanes, 9);
        for map in crossing.map {
            v2x_proto::payload::Message::from(map).check().unwrap();
        }
    }

    #[test]
    fn points_in_degrees_are_the_same_lane() {
        let head = "id = 1\nrevision = 0\nlatitude = 49.6\nlongitude = 6.1\n[[lane]]\nnumber = 1\nkind = \"ingress\"\n";
        let reference = Position { latitude: 496_000_000, longitude: 61_000_000 };
        let place = |east, north| {
            let place = reference.moved(east, north);
            format!("[{}, {}]", f64::from(place.latitude) * 1e-7, f64::from(place.longitude) * 1e-7)
        };
        let metres = read(&format!("{head}points = [[-3.5, 12], [-3.5, 80.25]]\n")).unwrap();
        let degrees =
            read(&format!("{head}points_deg = [{}, {}]\n", place(-3.5, 12.0), place(-3.5, 80.25))).unwrap();
        let lane = |one: &Intersection| one.map[0].lanes[0].clone();
        assert_eq!(lane(&metres).delta_north_cm, [1200, 6825]);
        let pairs = lane(&metres).delta_north_cm.into_iter().zip(lane(&degrees).delta_north_cm);
        assert!(pairs.into_iter().all(|(one, other)| (one - other).abs() <= 1));
    }

    #[test]
    fn complaints_name_file_line_key_and_what_would_be_right() {
        for (from, to, expected) in [
            ("width_m", "width", "lane[1].width: unknown key; known keys here: number, kind, width_m"),
            ("revision = 1 ", "", "revision is missing: 0 to 127, one more with each change"),
            (
                "points = [[1.75, -9.0], [1.75, -60.0], [2.0, -120.0]]",
                "",
                "lane[1].points is missing: 2 to 63",
            ),
            ("[[1.75, -9.0], [1.75, -60.0], [2.0, -120.0]]", "[[1, 2]]", "lane[1].points: found 1 points"),
            (
                "[1.75, -60.0]",
                "[1.75]",
                "lane[1].points: found [1.75], expected 2 to 63 points [east, north]",
            ),
            ("[1.75, -60.0]", "[1.75, -9.0]", "lane[1].points: found point 2 twice"),
            ("[1.75, -60.0]", "[1.75, -600.0]", "found point 2 more than 327 m from the one before"),
            ("number = 2 ", "number = 1 ", "lane[2].number: found 1, expected a number no other lane has"),
            ("\"straight\"", "\"ahead\"", "lane[1].manoeuvres: found \"ahead\", expected a list of"),
            ("kind = \"ingress\"", "kind = \"in\"", "lane[1].kind: found \"in\", expected \"ingress\""),
            ("lane = 14", "lane = 99", "lane[1].connects: found lane 99, expected lanes of this file"),
            (
                "group = 4\ngreen",
                "group = 9\ngreen",
                "plan: found no plan for group 4, expected one for each",
            ),
        ] {
            let message = complaint(from, to);
            assert!(
                message.starts_with("conf/crossing.toml:") && message.contains(expected),
                "{message}\n{expected}"
            );
        }
    }

    #[test]
    fn a_description_that_fits_no_number_of_frames_is_refused() {
        let points: Vec<_> = (0..63).map(|n| format!("[{}, {}]", n * 150, n % 2 * 150)).collect();
        let mut text = "id = 1\nrevision = 0\nlatitude = 1\nlongitude = 1\n".to_owned();
        for number in 1..=100 {
            text += &format!(
                "[[lane]]\nnumber = {number}\nkind = \"egress\"\npoints = [{}]\n",
                points.join(", ")
            );
        }
        let message = read(&text).unwrap_err().to_string();
        assert!(message.contains("found 100 lanes that do not fit, expected fewer lanes"), "{message}");
    }

    proptest! {
        #[test]
        fn no_change_of_a_good_file_makes_the_reader_panic(
            at in 0..CROSSING.len(), with in "[\\[\\]{}=\",.0-9a-z\\n-]{0,4}", cut in 0usize..6
        ) {
            let end = (at + cut).min(CROSSING.len());
            let (Some(head), Some(tail)) = (CROSSING.get(..at), CROSSING.get(end..)) else { return Ok(()) };
            match read(&format!("{head}{with}{tail}")) {
                Err(error) => prop_assert!(error.to_string().starts_with("conf/crossing.toml:")),
                Ok(crossing) => for map in crossing.map {
                    prop_assert!(v2x_proto::payload::Message::from(map).check().is_ok());
                },
            }
        }
    }
}
