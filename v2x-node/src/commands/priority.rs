//! `roadcast priority`: has a running vehicle's daemon ask intersections for priority, over its control socket.

use core::time::Duration;
use std::io::Write;

use clap::{Args, Subcommand};
use serde_json::json;
use v2x_api::display::{intersection, priority_line};
use v2x_api::{IntersectionId, LONGEST_DURATION_MS, PriorityStatus, PriorityWish, ROLE_RIGHT, Watch, role};
use v2x_proto::v1::PriorityRole;

use crate::commands::hazard::{Daemon, parse};
use crate::error::Error;

/// `roadcast priority`.
#[derive(Clone, Debug, Subcommand)]
pub enum PriorityCommand {
    /// Ask an intersection for a green signal; needs the permission `priority-request`
    ///
    /// The request is sent once the arrival can be estimated, repeated until it is answered, and withdrawn when the
    /// stop line is passed.
    #[command(after_help = REQUEST_HELP)]
    Request(RequestArgs),
    /// Withdraw a request
    Cancel(CancelArgs),
    /// Show open requests and their state
    Status(StatusArgs),
    /// Print every change of a request from now on, one line each
    Watch(StatusArgs),
}

/// `roadcast priority request`.
#[derive(Args, Clone, Debug)]
pub struct RequestArgs {
    /// Number of the intersection, or REGION/NUMBER; default: the one the vehicle's lane leads to
    #[arg(long, value_name = "N", value_parser = parse_intersection)]
    intersection: Option<IntersectionId>,
    /// Role: emergency, public_transport (each needs its permission), road_works or truck; default: the role the
    /// credential permits
    #[arg(long, value_name = "ROLE", value_parser = parse_role)]
    role: Option<PriorityRole>,
    /// Lane by which the vehicle leaves, by its number in the map
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..))]
    egress_lane: Option<u8>,
    /// Urgency within its role, 0 to 14
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=14))]
    importance: Option<u8>,
    /// How long it needs the green, up to 60s; default: 5s
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    duration: Option<Duration>,
    /// Keep running and print each change of state until the request is closed
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    daemon: Daemon,
}

/// `roadcast priority cancel`.
#[derive(Args, Clone, Debug)]
pub struct CancelArgs {
    /// Number of the intersection, or REGION/NUMBER; default: that of the only open request
    #[arg(long, value_name = "N", value_parser = parse_intersection)]
    intersection: Option<IntersectionId>,
    #[command(flatten)]
    daemon: Daemon,
}

/// `roadcast priority status` and `watch`.
#[derive(Args, Clone, Debug)]
pub struct StatusArgs {
    #[command(flatten)]
    daemon: Daemon,
}

/// Runs a command.
///
/// # Errors
/// What is wrong with the command, no daemon, or the station's refusal.
pub fn run(command: &PriorityCommand, out: &mut dyn Write) -> Result<(), Error> {
    match command {
        PriorityCommand::Request(args) => request(args, out),
        PriorityCommand::Cancel(args) => {
            let ended = args.daemon.connect()?.cancel_priority(args.intersection)?;
            Ok(say(&ended, args.daemon.json(), out)?)
        }
        PriorityCommand::Status(args) => {
            let open = args.daemon.connect()?.priorities()?;
            match args.daemon.json() {
                true => writeln!(out, "{}", json!({ "priorities": open }))?,
                false if open.is_empty() => writeln!(out, "no requests for priority are open")?,
                false => open.iter().try_for_each(|one| writeln!(out, "{}", status_line(one)))?,
            }
            Ok(())
        }
        PriorityCommand::Watch(args) => {
            let mut watch = args.daemon.connect()?.watch_priority()?;
            follow(&mut watch, args.daemon.json(), out, |_| false)
        }
    }
}

fn request(args: &RequestArgs, out: &mut dyn Write) -> Result<(), Error> {
    let wish = PriorityWish {
        intersection: args.intersection,
        role: args.role,
        egress_lane: args.egress_lane,
        importance: args.importance,
        duration: args.duration,
    };
    // Watching begins before the request, so that no change is missed.
    let watch = args.watch.then(|| Ok::<_, Error>(args.daemon.connect()?.watch_priority()?)).transpose()?;
    let asked = args.daemon.connect()?.ask_priority(wish)?;
    let Some(mut watch) = watch else { return Ok(say(&asked, args.daemon.json(), out)?) };
    let its = |other: &PriorityStatus| {
        (other.intersection, other.region) == (asked.intersection, asked.region) && other.over
    };
    follow(&mut watch, args.daemon.json(), out, its)
}

/// Prints changes until one of them ends it.
fn follow(
    watch: &mut Watch,
    json: bool,
    out: &mut dyn Write,
    ends: impl Fn(&PriorityStatus) -> bool,
) -> Result<(), Error> {
    loop {
        let answer = watch.next_change()?;
        let Some(priority) = &answer.priority else { continue };
        match json {
            true => writeln!(out, "{}", answer.line())?,
            false => writeln!(out, "{}", priority_line(priority))?,
        }
        out.flush()?;
        if ends(priority) {
            return Ok(());
        }
    }
}

fn say(priority: &PriorityStatus, json: bool, out: &mut dyn Write) -> std::io::Result<()> {
    match json {
        true => writeln!(out, "{}", json!({ "priority": priority })),
        false => writeln!(out, "{}", priority_line(priority)),
    }
}

/// `18  public_transport  lane 1 to 13  granted, green expected in 6.0 s`.
fn status_line(priority: &PriorityStatus) -> String {
    let lane = |lane: Option<u8>| lane.map_or_else(|| "?".to_owned(), |lane| lane.to_string());
    let line = priority_line(priority);
    let role = priority.role.as_deref().unwrap_or("?").replace('_', " ");
    let lanes = match (priority.ingress_lane, priority.egress_lane) {
        (None, None) => String::new(),
        (from, to) => format!(", lane {} to {}", lane(from), lane(to)),
    };
    let standing = line.split_once(": ").map_or(line.as_str(), |(_, standing)| standing);
    format!("intersection {}, as {role}{lanes}: {standing}", intersection(priority))
}

fn parse_intersection(text: &str) -> Result<IntersectionId, String> {
    let (region, number) = text.split_once('/').unwrap_or(("0", text));
    let found = region.parse().ok().zip(number.parse().ok());
    // As far as SAE J2735 `IntersectionID` reaches.
    let found = found.map(|(region, number): (u16, u16)| IntersectionId { region, number: number.into() });
    found.ok_or_else(|| {
        "expected an intersection's number, 0 to 65535, such as 18, or 3/18 in region 3".to_owned()
    })
}

fn parse_role(text: &str) -> Result<PriorityRole, String> {
    role(&text.replace('-', "_")).ok_or_else(|| format!("expected {ROLE_RIGHT}"))
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let duration = parse::duration(text)?;
    let fits = duration <= Duration::from_millis(LONGEST_DURATION_MS);
    fits.then_some(duration).ok_or_else(|| "expected 1ms to 60s".to_owned())
}

/// Shown under `roadcast priority --help`.
pub const HELP: &str = "Which daemon: --socket, else that of --config, else the only one in
$XDG_RUNTIME_DIR/roadcast, or, when that has none, in /run/user/UID/roadcast,
/run/roadcast or /tmp/roadcast-UID.

A credential needs the permission priority-request, and emergency or
public-transport for those roles. `roadcast keys issue --role emergency` and
`--role public-transport` give both.

Exit codes: 0 done, 1 refused by the station, 2 bad input or no daemon.

Examples:
  roadcast priority request
  roadcast priority request --intersection 18 --egress-lane 13 --watch
  roadcast priority status
  roadcast priority cancel";

const REQUEST_HELP: &str = "Examples:
  roadcast priority request
  roadcast priority request --watch
  roadcast priority request --intersection 3/18 --role public_transport \\
      --egress-lane 13 --duration 8s --importance 5";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intersections_are_numbers_with_or_without_their_region() {
        assert_eq!(parse_intersection("18"), Ok(IntersectionId { region: 0, number: 18 }));
        assert_eq!(parse_intersection("3/18"), Ok(IntersectionId { region: 3, number: 18 }));
        for wrong in ["", "/", "x", "3/", "65536/1", "-1", "1/2/3", "65536", "4294967296"] {
            assert!(parse_intersection(wrong).unwrap_err().contains("such as 18"), "{wrong}");
        }
    }

    #[test]
    fn roles_and_durations_have_bounds() {
        assert_eq!(parse_role("public-transport"), Ok(PriorityRole::PublicTransport));
        assert_eq!(parse_role("tram"), Err(format!("expected {ROLE_RIGHT}")));
        assert_eq!(parse_duration("60s"), Ok(Duration::from_secs(60)));
        assert!(parse_duration("61s").is_err() && parse_duration("5").is_err());
    }

    #[test]
    fn an_open_request_is_one_line() {
        let open = PriorityStatus {
            intersection: 18,
            state: "granted".to_owned(),
            expected_in_s: Some(6.0),
            role: Some("public_transport".to_owned()),
            ingress_lane: Some(1),
            ..PriorityStatus::default()
        };
        let line = "intersection 18, as public transport, lane 1 to ?: granted, green expected in 6.0 s";
        assert_eq!(status_line(&open), line);
    }
}
