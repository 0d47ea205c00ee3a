//! `roadcast status`: how a running daemon is doing.

use std::collections::BTreeMap;
use std::io::Write;

use clap::Args;
use radio_adapters::wlan::Neighbour;
use serde_json::json;
use v2x_api::display::seconds;
use v2x_api::{AfarFigures, HeardElsewhere, Status};

use crate::colour::{Mark, Paint};
use crate::commands::hazard::Daemon;
use crate::daemon::channel_figures::in_words;
use crate::daemon::congestion_figures;
use crate::error::Error;

/// `roadcast status`.
#[derive(Args, Clone, Debug)]
pub struct StationStatusArgs {
    #[command(flatten)]
    daemon: Daemon,
}

/// Shown under `roadcast status --help`.
pub const HELP: &str = "Exit codes: 0 done, 2 bad input or no daemon. A station that sends nothing is no
error: the line \"sending\" says why.

Examples:
  roadcast status
  roadcast status --config car-1.toml --json";

/// Asks a daemon and shows its status.
///
/// # Errors
/// No daemon.
pub fn run(args: &StationStatusArgs, out: &mut dyn Write) -> Result<(), Error> {
    let status = args.daemon.connect()?.status()?;
    match args.daemon.json() {
        true => writeln!(out, "{}", json!({ "status": status }))?,
        false => write!(out, "{}", shown(&status, Paint::stdout()))?,
    }
    Ok(())
}

/// The status as a table of at most 80 columns, but for the name of the link.
fn shown(status: &Status, paint: Paint) -> String {
    let mut table = String::new();
    let role = if status.role == "roadside" { "roadside unit" } else { &status.role };
    let mut row = |name: &str, value: &str| {
        let [first, rest @ ..] = &*wrapped(value) else { return };
        table.push_str(&format!("{name:<12}{first}\n"));
        for line in rest {
            table.push_str(&format!("{:<12}{line}\n", ""));
        }
    };
    row("station", &format!("{role} {}, {}", status.digest, status.software));
    row("running for", &seconds(status.uptime_s));
    row("sending", &sending(status, paint));
    let link = if status.link_up { paint.of(Mark::Good, "up") } else { paint.of(Mark::Bad, "down") };
    row("link", &format!("{link}, {}", status.link));
    if let Some((busy, source)) = status.channel_busy.zip(status.channel_source.as_deref()) {
        row("channel", &in_words(busy, source));
    }
    if let Some(congestion) = &status.congestion {
        row("congestion", &congestion_figures::in_words(congestion));
    }
    if let Some(entries) = status.ocb_entries {
        let room = Neighbour::OCB_NEIGHBOURS;
        row("OCB", &format!("{entries} of {room} entries for neighbours in the kernel"));
    }
    row("clock", &status.clock);
    row("position", &position(status));
    row("neighbours", &counted(status.neighbours, "roadcast neighbours shows the nearest"));
    row("hazards", &counted(status.hazards, "roadcast hazard list shows them"));
    if let Some(ahead) = &status.signal_ahead {
        row("ahead", &ahead.text);
    }
    row("sent", &listed(&status.sent));
    row("delivered", &listed(&status.delivered));
    let (received, delivered, dropped) =
        (status.frames_received, status.frames_delivered, status.frames_dropped);
    row("frames", &format!("{received} received = {delivered} delivered + {dropped} dropped"));
    if !status.drops.is_empty() {
        row("dropped", &listed(&status.drops));
    }
    if !status.not_sent.is_empty() {
        row("not sent", &listed(&status.not_sent));
    }
    row("forwarded", &status.forwarded.to_string());
    if let Some(afar) = &status.afar {
        row("from afar", &from_afar(afar));
    }
    if let Some(other) = &status.heard_elsewhere {
        row("credential", &paint.of(Mark::Bad, &copied(other)));
    }
    if status.pseudonym_changes > 0 {
        row("pseudonyms", &format!("changed {}", times(status.pseudonym_changes)));
    }
    table
}

/// Frames from afar.
fn from_afar(afar: &AfarFigures) -> String {
    let AfarFigures { received, delivered, aired, dropped, drops, .. } = afar;
    let why = if drops.is_empty() { String::new() } else { format!(": {}", listed(drops)) };
    format!("{received} received = {delivered} delivered + {dropped} dropped{why}; {aired} sent on the air")
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// Another station that signs with this station's credential.
fn copied(other: &HeardElsewhere) -> String {
    let HeardElsewhere { messages, credential, link_address, latitude_deg, longitude_deg, .. } = other;
    let far = other.distance_m.map_or_else(String::new, |metres| format!(" ({metres:.0} m away)"));
    format!(
        "{credential} is used by another station too: heard {}, the last time {} ago, from link address {link_address}, at \
         {latitude_deg:.5}, {longitude_deg:.5}{far}",
        times(*messages),
        seconds(other.age_s)
    )
}

fn sending(status: &Status, paint: Paint) -> String {
    if status.sending {
        return paint.of(Mark::Good, "yes");
    }
    match &status.not_sending_because {
        None => paint.of(Mark::Warn, "no"),
        Some(reason) => paint.of(Mark::Warn, &format!("no, listening only: {}", why_silent(reason))),
    }
}

/// Why a station does not send, in words.
pub(super) fn why_silent(reason: &str) -> &str {
    match reason {
        "no_fix" => "no position",
        "clock_untrusted" => "the clock is not trusted",
        "credential_not_valid" => "the credential is not valid now",
        "credential_revoked" => "the credential is revoked",
        "outside_region" => "outside the credential's region",
        other => other,
    }
}

fn position(status: &Status) -> String {
    let Some(position) = &status.position else { return "unknown".to_owned() };
    let mut text = format!("{:.5}, {:.5}", position.latitude_deg, position.longitude_deg);
    if let Some(accuracy) = position.accuracy_m {
        text.push_str(&format!(" within {accuracy:.1} m"));
    }
    if let Some(speed) = position.speed_m_s {
        text.push_str(&format!(", {speed:.1} m/s"));
    }
    if let Some(heading) = position.heading_deg {
        text.push_str(&format!(", heading {heading:.0}"));
    }
    text.push_str(&format!(", {} old", seconds(position.age_ms.max(0.0) / 1000.0)));
    text
}

fn counted(count: u64, more: &str) -> String {
    if count == 0 { "none".to_owned() } else { format!("{count} ({more})") }
}

fn listed(counts: &BTreeMap<String, u64>) -> String {
    let counts: Vec<_> = counts
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") }
}

/// Lines that fit beside the names; breaks are at semicolons, and at commas of what is too wide between those, so that
/// names of reasons stay whole.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let parts = text.split_inclusive("; ").flat_map(|part| {
        let whole = part.trim_end().len() <= VALUE_COLUMNS;
        part.split_inclusive(if whole { "; " } else { ", " })
    });
    for part in parts {
        match lines.last_mut() {
            Some(line) if line.len() + part.trim_end().len() <= VALUE_COLUMNS => line.push_str(part),
            _ => lines.push(part.to_owned()),
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

/// A terminal of 80 columns less the names.
const VALUE_COLUMNS: usize = 68;

#[cfg(test)]
mod tests {
    use v2x_api::StationPosition;

    use super::*;

    fn status() -> Status {
        let counts =
            |of: &[(&str, u64)]| of.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        Status {
            software: "roadcast 0.1.0".to_owned(),
            role: "vehicle".to_owned(),
            digest: "d899000000000001".to_owned(),
            link: "udp 239.255.77.77:47808 on eth0 as 10.77.0.2:41178".to_owned(),
            link_up: true,
            channel_busy: Some(0.123),
            channel_source: Some("survey".to_owned()),
            ocb_entries: Some(12),
            uptime_s: 754.0,
            sending: true,
            clock: "locked".to_owned(),
            position: Some(StationPosition {
                latitude_deg: 49.6114,
                longitude_deg: 6.1319,
                speed_m_s: Some(13.9),
                heading_deg: Some(54.7),
                accuracy_m: Some(1.5),
                age_ms: 120.0,
            }),
            neighbours: 1,
            sent: counts(&[("D0", 0), ("D2", 237)]),
            frames_received: 1026,
            frames_delivered: 1005,
            frames_dropped: 21,
            drops: counts(&[
                ("credential_not_yet_valid", 1),
                ("exact_copy", 3),
                ("outside_area", 8),
                ("rate_limited_forwarder", 9),
            ]),
            ..Status::default()
        }
    }

    #[test]
    fn a_status_reads_in_eighty_columns() {
        let expected = "\
station     vehicle d899000000000001, roadcast 0.1.0
running for 13 min
sending     yes
link        up, udp 239.255.77.77:47808 on eth0 as 10.77.0.2:41178
channel     12.3 % busy (survey)
OCB         12 of 128 entries for neighbours in the kernel
clock       locked
position    49.61140, 6.13190 within 1.5 m, 13.9 m/s, heading 55, 0.1 s old
neighbours  1 (roadcast neighbours shows the nearest)
hazards     none
sent        D2 237
delivered   nothing
frames      1026 received = 1005 delivered + 21 dropped
dropped     credential_not_yet_valid 1, exact_copy 3, outside_area 8,
            rate_limited_forwarder 9
forwarded   0
";
        assert_eq!(shown(&status(), Paint::PLAIN), expected);
    }

    #[test]
    fn the_signal_ahead_is_a_row_broken_between_the_ways_on() {
        let ahead = |text: &str| {
            let signal_ahead =
                Some(v2x_api::SignalAhead { text: text.to_owned(), ..v2x_api::SignalAhead::default() });
            let table = shown(&Status { signal_ahead, ..status() }, Paint::PLAIN);
            let (_, rows) = table.split_once("ahead       ").unwrap();
            rows.split_once("sent ").unwrap().0.to_owned()
        };
        assert_eq!(
            ahead(
                "intersection 18 lane 1: to 13, 14 red, green in 4.1 s; to 12 red, green in 31.1 s, 41 m to the stop line"
            ),
            "\
intersection 18 lane 1: to 13, 14 red, green in 4.1 s;
            to 12 red, green in 31.1 s, 41 m to the stop line
"
        );
        assert_eq!(
            ahead(
                "intersection 17 lane 1: red, green in 13.2 s, 100 m to the stop line; green window: 18 to 27 km/h"
            ),
            "\
intersection 17 lane 1: red, green in 13.2 s,
            100 m to the stop line; green window: 18 to 27 km/h
"
        );
    }

    #[test]
    fn a_copied_credential_is_a_row() {
        let heard_elsewhere = Some(HeardElsewhere {
            messages: 12,
            credential: "d899000000000001".to_owned(),
            link_address: "02:00:00:00:00:09".to_owned(),
            latitude_deg: 49.6114,
            longitude_deg: 6.1319,
            distance_m: Some(120.4),
            bearing_deg: Some(10.0),
            age_s: 3.0,
        });
        let table = shown(&Status { heard_elsewhere, ..status() }, Paint::PLAIN);
        let (_, row) = table.split_once("credential  ").unwrap();
        let expected = "\
d899000000000001 is used by another station too: heard 12 times,
            the last time 3.0 s ago, from link address 02:00:00:00:00:09,
            at 49.61140, 6.13190 (120 m away)
";
        assert_eq!(row, expected);
    }

    #[test]
    fn why_a_station_sends_nothing_is_said_in_words() {
        let because = |why: Option<&str>| {
            let silent = Status {
                sending: false,
                not_sending_because: why.map(str::to_owned),
                position: None,
                ..status()
            };
            let table = shown(&silent, Paint::PLAIN);
            table.lines().find_map(|line| line.strip_prefix("sending     ")).unwrap().to_owned()
        };
        assert_eq!(because(Some("no_fix")), "no, listening only: no position");
        assert_eq!(because(Some("outside_region")), "no, listening only: outside the credential's region");
        assert_eq!(because(Some("of_tomorrow")), "no, listening only: of_tomorrow");
        assert_eq!(because(None), "no");
    }
}
