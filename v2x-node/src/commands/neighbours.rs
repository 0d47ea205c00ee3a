//! `roadcast neighbours`: the stations that a running daemon hears.

use std::io::Write;

use clap::Args;
use serde_json::json;
use v2x_api::display::{seconds, way};
use v2x_api::{NearbyStation, Status};

use crate::commands::hazard::Daemon;
use crate::error::Error;

/// `roadcast neighbours`.
#[derive(Args, Clone, Debug)]
pub struct NeighboursArgs {
    #[command(flatten)]
    daemon: Daemon,
}

/// Shown under `roadcast neighbours --help`.
pub const HELP: &str = "A neighbour is a station of which a verified message was heard within 20 s. At
most the 32 nearest are shown.

Exit codes: 0 done, 2 bad input or no daemon.

Examples:
  roadcast neighbours
  roadcast neighbours --config car-1.toml --json";

/// Asks a daemon and shows its neighbours.
///
/// # Errors
/// No daemon.
pub fn run(args: &NeighboursArgs, out: &mut dyn Write) -> Result<(), Error> {
    let status = args.daemon.connect()?.status()?;
    match args.daemon.json() {
        true => {
            writeln!(out, "{}", json!({ "neighbours": status.neighbours, "nearest": status.nearest }))?;
        }
        false => write!(out, "{}", table(&status))?,
    }
    Ok(())
}

fn table(status: &Status) -> String {
    if status.nearest.is_empty() {
        return "no neighbours: nothing verified was heard within 20 s\n".to_owned();
    }
    let rows: Vec<[String; 3]> = status.nearest.iter().map(row).collect();
    let wide = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([HEAD[column].len()]).max().unwrap_or(0)
    };
    let width = [0, 1, 2].map(wide);
    let line = |cells: [&str; 3]| {
        let cells = cells.iter().zip(width).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    let mut table = line(HEAD);
    table.extend(rows.iter().map(|row| line(row.each_ref().map(String::as_str))));
    let more = status.neighbours.saturating_sub(rows.len() as u64);
    if more > 0 {
        table.push_str(&format!("and {more} more, farther away\n"));
    }
    table
}

fn row(station: &NearbyStation) -> [String; 3] {
    let place = station.distance_m.map(|distance| way(distance, None, station.bearing_deg));
    [
        station.digest.clone(),
        place.unwrap_or_else(|| "-".to_owned()),
        format!("{} ago", seconds(station.heard_ms.max(0.0) / 1000.0)),
    ]
}

const HEAD: [&str; 3] = ["station", "where", "heard"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_a_table_nearest_first_and_the_rest_is_counted() {
        let near = |digest: &str, distance_m, heard_ms| NearbyStation {
            digest: digest.to_owned(),
            distance_m,
            bearing_deg: distance_m.map(|_| 180.0),
            heard_ms,
        };
        let nearest =
            vec![near("d899000000000001", Some(22.4), 340.0), near("d8990000000000ff", None, 12_000.0)];
        let status = Status { neighbours: 40, nearest, ..Status::default() };
        let expected = "\
station           where       heard
d899000000000001  22 m south  0.3 s ago
d8990000000000ff  -           12 s ago
and 38 more, farther away
";
        assert_eq!(table(&status), expected);
        assert!(table(&Status::default()).starts_with("no neighbours: "));
    }
}
