//! What a station heard, by its recording, as the page plays it. The recorded inputs are handed to a fresh node, as in `replay check`, and
//! what that knows is told as a daemon's watches would have told it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};
use v2x_core::{Event, Instant, Neighbour, Node, Output, Received};
use v2x_proto::{Digest, v1};
use v2x_recording::check::{self, Onlooker};

use super::story::{Lines, Meta, Story};
use crate::commands::replay::error::ReplayError;
use crate::commands::replay::trace_file::tell;
use crate::daemon::control::neighbour_view::NeighbourSeen;
use crate::daemon::control::view::View;
use crate::daemon::station::Observer as _;
use crate::daemon::statistics::Statistics;

/// Replays a recording.
pub(super) fn story(path: &Path) -> Result<Story, ReplayError> {
    let mut teller = Teller::default();
    let outcome = check::check_watched(path, &mut teller)?;
    for warning in &outcome.warnings {
        tell(path, warning);
    }
    if outcome.difference.is_some() {
        tell(
            path,
            "this version decides otherwise than the one that recorded it: shown up to there (replay check)",
        );
    }
    let duration_s = teller.seconds(teller.last);
    let mut report = teller.statistics.as_ref().map(|statistics| statistics.report(duration_s));
    if let Some(report) = &mut report {
        // A recording has the times at which things were heard, not those that the station took for them.
        report.warnings.push("latencies are those up to reception".to_owned());
    }
    let meta = Meta {
        kind: "view",
        kind_of: "recording".to_owned(),
        title: path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
        duration_s,
        roads: Vec::new(),
        stations: teller.heard.len(),
        hazards: teller.hazards.len(),
        over_time: report.as_ref().and_then(|report| report.over_time.clone()),
        report,
        empty: "The station heard nobody at this time.".to_owned(),
    };
    Ok(Story::new(meta, teller.lines))
}

/// Turns what the node does into lines.
#[derive(Default)]
struct Teller {
    lines: Lines,
    statistics: Option<Statistics>,
    first: Option<Instant>,
    last: Instant,
    next: Instant,
    /// Neighbours as they were told: what changed of them that is no motion.
    told: BTreeMap<Digest, Value>,
    heard: BTreeSet<Digest>,
    hazards: BTreeSet<String>,
}

impl Teller {
    fn seconds(&self, now: Instant) -> f64 {
        self.first.map_or(0.0, |first| now.since(first).as_secs_f64())
    }

    fn received(&mut self, now: Instant, node: &Node, received: &Received) {
        if received.message_type == v1::MessageType::Hazard as u32
            && let Some(fix) = node.last_fix()
        {
            let [latitude, longitude] = degrees(received.position);
            self.lines.push(
                self.seconds(now),
                json!({ "watch": "message", "message": {
                    "message": received.id.to_string(), "type": "hazard", "class": received.id.class.name(),
                    "latitude_deg": latitude, "longitude_deg": longitude, "hops": received.hops, "at": degrees(fix.position),
                } }),
            );
        }
    }

    /// What is known now: motion in one line for all, other changes in one for each.
    fn look(&mut self, now: Instant, node: &Node) {
        let t_s = self.seconds(now);
        let view = View::of(node, now);
        let mut moves = Vec::new();
        let mut present = BTreeSet::new();
        for neighbour in node.neighbours().take(MOST_STATIONS) {
            let digest = neighbour.digest();
            present.insert(digest);
            self.heard.insert(digest);
            let told = NeighbourSeen::by(neighbour, node, now).neighbour(&view);
            let lasting = lasting(&told);
            if self.told.get(&digest) == Some(&lasting) {
                moves.push(moved(neighbour));
                continue;
            }
            self.told.insert(digest, lasting);
            self.lines.push(t_s, json!({ "watch": "neighbour", "change": "updated", "neighbour": told }));
        }
        let gone: Vec<Digest> =
            self.told.keys().filter(|digest| !present.contains(*digest)).copied().collect();
        for digest in gone {
            self.told.remove(&digest);
            let neighbour = json!({ "digest": digest.to_string() });
            self.lines.push(t_s, json!({ "watch": "neighbour", "change": "lost", "neighbour": neighbour }));
        }
        if !moves.is_empty() {
            self.lines.push(t_s, json!({ "watch": "moves", "moves": moves }));
        }
        if let Some(statistics) = &self.statistics {
            let status = view.status(node, statistics, now);
            let status = v2x_api::Status {
                link: "recorded".to_owned(),
                link_up: true,
                uptime_s: t_s,
                nearest: Vec::new(),
                ..status
            };
            self.lines.push(t_s, json!({ "status": status }));
        }
    }
}

impl Onlooker for Teller {
    fn output(&mut self, now: Instant, node: &Node, output: &Output) {
        let statistics = self.statistics.get_or_insert_with(|| Statistics::new(node.anchor()));
        match output {
            Output::Event(event) => {
                statistics.event(event);
                match event {
                    Event::Received(received) => self.received(now, node, received),
                    Event::Hazard(changed) => {
                        let hazard = View::of(node, now).hazard(&changed.event);
                        self.hazards.insert(hazard.event.clone());
                        let line =
                            json!({ "watch": "hazard", "change": changed.change.name(), "hazard": hazard });
                        self.lines.push(self.seconds(now), line);
                    }
                    _ => {}
                }
            }
            Output::Transmit(frame) => statistics.transmitted(frame, now),
            Output::Timeout(..) => {}
        }
    }

    fn handled(&mut self, now: Instant, node: &Node) {
        self.first.get_or_insert(now);
        self.last = self.last.max(now);
        if now >= self.next && self.lines.len() < MOST_LINES {
            // The longer the recording, the rarer.
            self.next = now + STEP * (1 + (self.seconds(now) / DOUBLES_EVERY_S) as u32);
            self.look(now, node);
        }
    }
}

/// What of a neighbour lasts longer than its position, and the figures that go with that.
fn lasting(told: &v2x_api::Neighbour) -> Value {
    json!([told.station_type, told.standing, told.why, told.permissions, told.direct, told.hears_us])
}

/// Digest, latitude, longitude, speed, heading.
fn moved(neighbour: &Neighbour) -> Value {
    let [latitude, longitude] = degrees(neighbour.position());
    let motion = neighbour.motion();
    let speed = motion.speed.map(|speed| f64::from(speed) / 100.0);
    let heading = motion.heading.map(|heading| (f64::from(heading) / 10.0).round());
    json!([neighbour.digest().to_string(), latitude, longitude, speed, heading])
}

fn degrees(place: v2x_core::Position) -> [f64; 2] {
    [place.latitude, place.longitude].map(|units| f64::from(units) / 1e7)
}

/// How often positions are told.
const STEP: core::time::Duration = core::time::Duration::from_millis(500);
/// After so long they are told half as often, after twice that a third as often.
const DOUBLES_EVERY_S: f64 = 600.0;
/// Some hundred megabytes of page; what comes later is not told.
const MOST_LINES: usize = 400_000;
/// Of one station's surroundings; a busy crossing has some hundred.
const MOST_STATIONS: usize = 4_096;
