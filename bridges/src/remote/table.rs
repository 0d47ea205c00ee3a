//! Many units as a table of a terminal, and as JSON.

use serde_json::{Value, json};
use v2x_api::display::seconds;

use super::watch::UnitRow;

/// Lines of at most `columns`; a unit that does not answer has a second one, which says since when and why.
pub(super) fn lines(rows: &[UnitRow], columns: usize) -> Vec<String> {
    let cells: Vec<[String; COLUMNS]> = rows.iter().map(cells).collect();
    let wide = |column: usize| {
        let each = cells.iter().map(|row| row[column].chars().count());
        each.chain([HEAD[column].len()]).max().unwrap_or(0)
    };
    let width: [usize; COLUMNS] = core::array::from_fn(wide);
    let line = |cells: &[String; COLUMNS]| {
        let cells = cells.iter().zip(width).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(&HEAD.map(ToOwned::to_owned))];
    for (row, cells) in rows.iter().zip(&cells) {
        lines.push(line(cells));
        if let Some((since, why)) = row.away_since_utc.as_ref().zip(row.away_because.as_ref()) {
            lines.push(format!("  no answer since {since}: {why}"));
        } else if let Some(because) = row.station.as_ref().and_then(|station| station.silent_because.as_ref())
        {
            lines.push(format!("  sends nothing: {because}"));
        }
    }
    if rows.is_empty() {
        lines.push("no peers: [[peer]] of the configuration names them".to_owned());
    }
    lines.iter().map(|line| line.chars().take(columns).collect()).collect()
}

/// The same as JSON.
pub(super) fn as_json(rows: &[UnitRow]) -> Value {
    json!({ "units": rows })
}

fn cells(row: &UnitRow) -> [String; COLUMNS] {
    let dash = || "-".to_owned();
    let station = row.station.as_ref();
    let of = |text: &dyn Fn(&super::glance::Glance) -> String| station.map_or_else(dash, text);
    let verdict =
        if row.answers { of(&|station| station.verdict_shown().to_owned()) } else { "no answer".to_owned() };
    let place = station.and_then(|station| station.latitude_deg.zip(station.longitude_deg));
    [
        row.name.clone(),
        verdict,
        of(&|station| station.clock.clone()),
        place.map_or_else(dash, |(latitude, longitude)| format!("{latitude:.4},{longitude:.4}")),
        of(&|station| station.neighbours.to_string()),
        of(&|station| station.drops.to_string()),
        of(&|station| station.missed.to_string()),
        row.seen_s.map_or_else(dash, seconds),
        row.path.map_or_else(dash, ToOwned::to_owned),
        row.rtt_ms.map_or_else(dash, |ms| format!("{ms:.0} ms")),
    ]
}

const COLUMNS: usize = 10;
const HEAD: [&str; COLUMNS] =
    ["unit", "verdict", "clock", "position", "heard", "drops", "missed", "seen", "path", "rtt"];

#[cfg(test)]
mod tests {
    use super::super::glance::Glance;
    use super::*;

    #[test]
    fn a_row_a_unit_and_a_line_for_what_keeps_one_silent() {
        let station = Glance {
            verdict: "met".to_owned(),
            clock: "locked".to_owned(),
            latitude_deg: Some(49.61),
            longitude_deg: Some(6.13),
            link_up: true,
            neighbours: 12,
            drops: 345,
            missed: 6,
            ..Glance::default()
        };
        let well = UnitRow {
            name: "rsu-7".to_owned(),
            answers: true,
            seen_s: Some(1.0),
            path: Some("direct"),
            rtt_ms: Some(34.4),
            station: Some(station.clone()),
            ..UnitRow::default()
        };
        let silent = Glance { silent_because: Some("no fix".to_owned()), ..station };
        let silent = UnitRow { name: "rsu-8".to_owned(), station: Some(silent), ..well.clone() };
        let away = UnitRow {
            name: "rsu-9".to_owned(),
            away_since_utc: Some("2026-11-30T10:00:00Z".to_owned()),
            away_because: Some("peer rsu-9 was not reached: no answer within 30 s".to_owned()),
            ..UnitRow::default()
        };
        let shown = lines(&[well, silent, away], 120);
        assert_eq!(
            shown,
            [
                "unit   verdict    clock   position        heard  drops  missed  seen   path    rtt",
                "rsu-7  met        locked  49.6100,6.1300  12     345    6       1.0 s  direct  34 ms",
                "rsu-8  silent     locked  49.6100,6.1300  12     345    6       1.0 s  direct  34 ms",
                "  sends nothing: no fix",
                "rsu-9  no answer  -       -               -      -      -       -      -       -",
                "  no answer since 2026-11-30T10:00:00Z: peer rsu-9 was not reached: no answer within 30 s",
            ]
        );
        assert!(lines(&[], 20).iter().all(|line| line.chars().count() <= 20));
    }
}
