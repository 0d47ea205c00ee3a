//! `roadcast neighbours`: the stations that a running daemon hears, all of them.

use std::io::Write;

use clap::Args;
use serde_json::json;
use v2x_api::Neighbour;
use v2x_api::display::{seconds, way};

use crate::commands::hazard::Daemon;
use crate::error::Error;

/// `roadcast neighbours`.
#[derive(Args, Clone, Debug)]
pub struct NeighboursArgs {
    #[command(flatten)]
    daemon: Daemon,
}

/// Shown under `roadcast neighbours --help`.
pub const HELP: &str = "A neighbour is a station of which a verified message was heard within 20 s. The
nearest come first.

Exit codes: 0 done, 2 bad input or no daemon.

Examples:
  roadcast neighbours
  roadcast neighbours --config car-1.toml --json";

/// Asks a daemon and shows its neighbours.
///
/// # Errors
/// No daemon.
pub fn run(args: &NeighboursArgs, out: &mut dyn Write) -> Result<(), Error> {
    let mut neighbours = args.daemon.connect()?.neighbours()?;
    let far = |one: &Neighbour| one.distance_m.unwrap_or(f64::INFINITY);
    let heard = |one: &Neighbour| one.heard_ms.unwrap_or(f64::INFINITY);
    neighbours.sort_by(|a, b| far(a).total_cmp(&far(b)).then(heard(a).total_cmp(&heard(b))));
    match args.daemon.json() {
        true => writeln!(out, "{}", json!({ "neighbours": neighbours.len(), "nearest": neighbours }))?,
        false => write!(out, "{}", table(&neighbours))?,
    }
    Ok(())
}

fn table(neighbours: &[Neighbour]) -> String {
    if neighbours.is_empty() {
        return "no neighbours: nothing verified was heard within 20 s\n".to_owned();
    }
    let rows: Vec<[String; COLUMNS]> = neighbours.iter().map(row).collect();
    let wide = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([HEAD[column].len()]).max().unwrap_or(0)
    };
    let width: [usize; COLUMNS] = core::array::from_fn(wide);
    let line = |cells: [&str; COLUMNS]| {
        let cells = cells.iter().zip(width).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    let mut table = line(HEAD);
    table.extend(rows.iter().map(|row| line(row.each_ref().map(String::as_str))));
    table
}

fn row(station: &Neighbour) -> [String; COLUMNS] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let standing = match &*station.why {
        [] => station.standing.clone(),
        why => station.standing.as_ref().map(|standing| format!("{standing} ({})", why.join(", "))),
    };
    [
        station.digest.clone(),
        or_dash(station.distance_m.map(|distance| way(distance, None, station.bearing_deg))),
        or_dash(station.heard_ms.map(|heard| format!("{} ago", seconds(heard.max(0.0) / 1000.0)))),
        or_dash(station.station_type.as_ref().map(|name| name.replace('_', " "))),
        or_dash(station.signal_dbm.map(|dbm| format!("{dbm:.0} dBm"))),
        or_dash(standing),
    ]
}

const COLUMNS: usize = 6;
const HEAD: [&str; COLUMNS] = ["station", "where", "heard", "type", "signal", "standing"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_a_table_with_a_dash_for_what_is_not_known() {
        let near = Neighbour {
            digest: "d899000000000001".to_owned(),
            distance_m: Some(22.4),
            bearing_deg: Some(180.0),
            heard_ms: Some(340.0),
            station_type: Some("passenger_car".to_owned()),
            signal_dbm: Some(-71.2),
            standing: Some("trusted".to_owned()),
            ..Neighbour::default()
        };
        let far = Neighbour {
            digest: "d8990000000000ff".to_owned(),
            heard_ms: Some(12_000.0),
            standing: Some("suspect".to_owned()),
            why: vec!["position_speed".to_owned(), "residual".to_owned()],
            ..Neighbour::default()
        };
        let expected = "\
station           where       heard      type           signal   standing
d899000000000001  22 m south  0.3 s ago  passenger car  -71 dBm  trusted
d8990000000000ff  -           12 s ago   -              -        suspect (position_speed, residual)
";
        assert_eq!(table(&[near, far]), expected);
        assert!(table(&[]).starts_with("no neighbours: "));
    }
}
