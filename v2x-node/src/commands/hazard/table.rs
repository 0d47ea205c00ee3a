//! Hazards as a table; on a terminal too narrow for it, two lines each.

use v2x_api::display::{metres, place, seconds};
use v2x_api::{Hazard, cause};

/// The table with its head, or a line that there are none. Those that concern the station come first, the
/// soonest conflict before others, then the nearest. `columns` are those of the terminal; `None`: as many as it takes.
pub(super) fn of(hazards: &[Hazard], columns: Option<usize>) -> String {
    if hazards.is_empty() {
        return "no hazards known\n".to_owned();
    }
    let mut hazards: Vec<&Hazard> = hazards.iter().collect();
    hazards.sort_by(|a, b| {
        let order = |hazard: &Hazard| {
            let concern = hazard.concern.as_ref();
            let time = concern.and_then(|concern| concern.time_to_conflict_s).unwrap_or(f64::INFINITY);
            (concern.is_none(), time, hazard.distance_m.unwrap_or(f64::INFINITY))
        };
        let (a, b) = (order(a), order(b));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.total_cmp(&b.2))
    });
    let rows: Vec<[String; 8]> = hazards.into_iter().map(row).collect();
    let mut width = HEAD.map(str::len);
    for row in &rows {
        for (width, cell) in width.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let whole = width.iter().sum::<usize>() + 2 * (width.len() - 1);
    if columns.is_some_and(|columns| whole > columns) {
        return rows.iter().map(folded).collect();
    }
    let line = |cells: [&str; 8]| {
        let cells = cells.iter().zip(width).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    let mut table = line(HEAD);
    table.extend(rows.iter().map(|row| line(row.each_ref().map(String::as_str))));
    table
}

/// A row in two lines.
fn folded([event, state, from, cause, place, age, until, concern]: &[String; 8]) -> String {
    let concern = if concern == "-" { String::new() } else { format!(", affects us: {concern}") };
    let place = if place == "-" { String::new() } else { format!("{place}, ") };
    format!("{event}  {state}  {from}  {cause}\n    {place}{age} old, until {until}{concern}\n")
}

fn row(hazard: &Hazard) -> [String; 8] {
    let from = if hazard.own { "own" } else { "heard" };
    let from = if hazard.suspect { format!("{from}, suspect") } else { from.to_owned() };
    let cause = if hazard.cause == 0 { "-".to_owned() } else { cause::in_words(hazard.cause) };
    let cause = if hazard.sub_cause == 0 { cause } else { format!("{cause} ({})", hazard.sub_cause) };
    // Of the date and time the time, unless it is more than half a day away.
    let until = match hazard.valid_until_utc.split_once(' ') {
        Some((_, time)) if hazard.valid_for_s < HALF_A_DAY_S => time,
        _ => &hazard.valid_until_utc,
    };
    let concern = match &hazard.concern {
        None => "-".to_owned(),
        Some(concern) => match concern.time_to_conflict_s {
            Some(time) => format!("in {}", seconds(time)),
            None => format!("{} away", metres(concern.distance_m)),
        },
    };
    [
        hazard.event.clone(),
        hazard.state.clone(),
        from,
        format!("{} {cause}", hazard.class),
        place(hazard).unwrap_or_else(|| "-".to_owned()),
        seconds(hazard.age_s),
        until.to_owned(),
        concern,
    ]
}

const HEAD: [&str; 8] = ["event", "state", "from", "cause", "where", "age", "valid until", "affects us"];
const HALF_A_DAY_S: f64 = 43_200.0;

#[cfg(test)]
mod tests {
    use super::*;
    use v2x_api::Concern;

    #[test]
    fn what_concerns_the_station_soonest_comes_first() {
        let hazard = |number: u32, distance: f64, concern: Option<Option<f64>>| Hazard {
            event: format!("3f01020304050607/{number}"),
            state: "active".to_owned(),
            own: number == 1,
            class: "D3".to_owned(),
            cause: if number == 1 { 2 } else { 94 },
            sub_cause: if number == 3 { 2 } else { 0 },
            distance_m: Some(distance),
            bearing_deg: Some(0.0),
            age_s: 90.0,
            valid_for_s: 500.0,
            valid_until_utc: "2026-11-25 07:30:00 UTC".to_owned(),
            concern: concern.map(|time_to_conflict_s| Concern {
                time_to_conflict_s,
                distance_m: distance,
                ..Concern::default()
            }),
            ..Hazard::default()
        };
        let hazards =
            [hazard(1, 1.0, None), hazard(2, 800.0, Some(None)), hazard(3, 900.0, Some(Some(30.0)))];
        let expected = "\
event               state   from   cause                      where        age   valid until   affects us
3f01020304050607/3  active  heard  D3 stationary vehicle (2)  900 m north  90 s  07:30:00 UTC  in 30 s
3f01020304050607/2  active  heard  D3 stationary vehicle      800 m north  90 s  07:30:00 UTC  800 m away
3f01020304050607/1  active  own    D3 accident                here         90 s  07:30:00 UTC  -
";
        assert_eq!(of(&hazards, None), expected);
        let widest = expected.lines().map(str::len).max();
        assert_eq!(of(&hazards, widest), expected);
        let narrow = "\
3f01020304050607/3  active  heard  D3 stationary vehicle (2)
    900 m north, 90 s old, until 07:30:00 UTC, affects us: in 30 s
3f01020304050607/2  active  heard  D3 stationary vehicle
    800 m north, 90 s old, until 07:30:00 UTC, affects us: 800 m away
3f01020304050607/1  active  own  D3 accident
    here, 90 s old, until 07:30:00 UTC
";
        assert_eq!(of(&hazards, Some(80)), narrow);
        assert_eq!(of(&[], Some(1)), "no hazards known\n");
    }
}
