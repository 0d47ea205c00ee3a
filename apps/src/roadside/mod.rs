//! What a roadside unit sends: signal states, maps, signs, adverts, road works, corrections, and answers to requests for
//! priority. [`Roadside`] decides without clock or socket; its host connects it to its controller and its source of
//! corrections.

pub mod background;
mod client;
pub mod content;
pub mod corrections;
mod doubled;
mod fields;
mod group;
pub mod left_out;
pub mod line;
pub mod map;
mod message;
pub mod plan;
pub mod priority;
mod rivals;
pub mod rtcm;
mod second_speaker;
pub mod signals;
pub mod work_zone;

use core::time::Duration;
use std::collections::VecDeque;

use bytes::Bytes;
use v2x_core::{Event, EventId, HazardRefusal, Input, Instant, Position, Received, SendingState, WireTime};
use v2x_proto::v1;

use self::background::Background;
pub use self::client::ClientId;
use self::content::Content;
use self::corrections::Corrections;
use self::left_out::LeftOutValues;
use self::line::{LeftOut, Line, LineError};
use self::priority::{Priorities, PriorityCounts};
use self::rivals::Rivals;
use self::signals::Signals;
use self::work_zone::WorkZones;
use crate::application::Application;
use crate::moment::Moment;

/// The station's events for the application of a roadside unit.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// A verified request for priority.
    Request(Received),
    /// Another station's verified map, signal state or answer to a request for priority.
    Spoken(Received),
    /// The command about a hazard was carried out on this event.
    HazardAccepted(EventId),
    /// It was refused.
    HazardRefused(HazardRefusal),
    /// One of the station's own events has another name now.
    HazardRenamed {
        /// Its name before.
        old: EventId,
        /// Its name from now on.
        new: EventId,
    },
}

impl Heard {
    /// Whether messages of this type are [spoken](Self::Spoken) for an intersection.
    #[must_use]
    pub fn is_spoken(message_type: u32) -> bool {
        Rivals::concerns(message_type)
    }
}

/// The roadside unit's application: sends what is due, when it is due.
#[derive(Clone, Debug)]
pub struct Roadside {
    signals: Signals,
    background: Background,
    priorities: Priorities,
    corrections: Option<Corrections>,
    work_zones: WorkZones,
    rivals: Rivals,
    /// The client that spoke for each intersection when last checked.
    speakers: Vec<(u32, Option<ClientId>)>,
    bad_lines: BadLines,
    left_out: LeftOutValues,
    /// The first value left out of the latest line.
    latest_left_out: Option<LeftOut>,
    description: String,
    silent: bool,
    /// What was due at the last poll and was not taken yet.
    due: VecDeque<Input>,
}

/// Lines that could not be used: reported when the first comes, and then not too often.
#[derive(Clone, Debug, Default)]
struct BadLines {
    count: u64,
    untold: u64,
    latest: String,
    told: Option<Instant>,
}

impl Roadside {
    /// Starts at `now`. `name` and `place` are what adverts give for the unit.
    pub fn new(config: &Content, name: &str, place: v1::Position, now: Instant) -> Self {
        let fed = config.feed.is_some();
        let background = Background::new(config, name, place, now);
        Self {
            signals: Signals::new(&config.intersections, fed, now),
            priorities: Priorities::new(&config.intersections),
            corrections: config.corrections.as_ref().map(|source| Corrections::new(source.per_second, now)),
            work_zones: WorkZones::new(&config.work_zones, now),
            rivals: Rivals::new(
                &config.intersections,
                Position { latitude: place.latitude, longitude: place.longitude },
            ),
            speakers: config.intersections.iter().map(|one| (one.id, None)).collect(),
            bad_lines: BadLines::default(),
            left_out: LeftOutValues::default(),
            latest_left_out: None,
            description: describe(config, background.period()),
            silent: *config == Content::default(),
            due: VecDeque::new(),
            background,
        }
    }

    /// Whether it has nothing to send at all.
    pub fn is_silent(&self) -> bool {
        self.silent
    }

    /// What it sends, in one line for people.
    pub fn describe(&self) -> &str {
        &self.description
    }

    /// When [`due`](Self::due) has something to send next; `None`: only when something comes in.
    fn next_due(&self) -> Option<Instant> {
        let corrections = self.corrections.as_ref().and_then(Corrections::next_due);
        [
            self.signals.next_due(),
            self.background.next_due(),
            self.priorities.next_due(),
            corrections,
            self.work_zones.next_due(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// What is due for the station at `now`, which is `wire` on the air: messages, and at most one command about a
    /// hazard, whose answer is to be [heard](Self::heard) before the next call.
    fn due(&mut self, now: Instant, wire: WireTime) -> Vec<Input> {
        let mut inputs = Vec::new();
        self.signals.due(now, wire, |request| inputs.push(Input::Send(request)));
        self.look_at_controllers(now, wire);
        self.priorities.due(now, |request| inputs.push(Input::Send(request)));
        inputs
            .extend(self.corrections.as_mut().and_then(|corrections| corrections.due(now)).map(Input::Send));
        inputs.extend(self.background.due(now, wire).map(Input::Send));
        inputs.extend(self.work_zones.due(now, wire).map(|command| Input::Hazard { command, token: None }));
        inputs
    }

    /// Whether the station sends now.
    pub fn set_sending(&mut self, sending: bool) {
        self.work_zones.set_sending(sending);
    }

    /// Takes an event of the station.
    pub fn heard(&mut self, heard: &Heard, now: Instant, wire: WireTime) {
        match heard {
            Heard::Request(received) => {
                let signals = &self.signals;
                self.priorities.heard(received, now, wire, |id| signals.speaker(id).is_some());
                self.look_at_controllers(now, wire);
            }
            Heard::Spoken(received) => self.rivals.hear(received, now),
            Heard::HazardAccepted(event) => self.work_zones.answered(Ok(*event), now),
            Heard::HazardRefused(refusal) => self.work_zones.answered(Err(refusal), now),
            Heard::HazardRenamed { old, new } => self.work_zones.renamed(*old, *new),
        }
    }

    /// A line came from a controller. Why it was refused, if it was; what was left out of one that was not,
    /// [`take_left_out`](Self::take_left_out) tells.
    pub fn line(
        &mut self,
        client: ClientId,
        line: Result<Line, LineError>,
        now: Instant,
        wire: WireTime,
    ) -> Option<LineError> {
        let result = line.and_then(|line| {
            let mut left_out = line.left_out;
            if let Some(state) = line.state {
                left_out.extend(self.signals.heard(client, line.intersection, state, now, wire)?);
                self.look_at_controllers(now, wire);
            }
            self.left_out.count(client, &left_out);
            self.latest_left_out = left_out.into_iter().next();
            self.answers(client, line.intersection, &line.answers, now, wire)
        });
        let error = result.err()?;
        self.bad_lines.count += 1;
        self.bad_lines.untold += 1;
        self.bad_lines.latest = format!("{client}: {error}");
        Some(error)
    }

    /// The first value that was left out of the latest line.
    pub fn take_left_out(&mut self) -> Option<LeftOut> {
        self.latest_left_out.take()
    }

    fn answers(
        &mut self,
        client: ClientId,
        intersection: u32,
        answers: &[line::Answer],
        now: Instant,
        wire: WireTime,
    ) -> Result<(), LineError> {
        if answers.is_empty() {
            return Ok(());
        }
        if self.signals.speaker(intersection) != Some(client) {
            return Err(LineError::Refused(format!(
                "{client} does not speak for intersection {intersection}: report what its signals show first"
            )));
        }
        match self.priorities.answered(intersection, answers, now, wire) {
            0 => Ok(()),
            unknown => Err(LineError::Refused(format!(
                "{unknown} answers to requests that are not known (or no longer known) at intersection {intersection}"
            ))),
        }
    }

    /// A controller's connection ended.
    pub fn gone(&mut self, client: ClientId, now: Instant, wire: WireTime) {
        self.signals.gone(client);
        self.look_at_controllers(now, wire);
    }

    /// A framed RTCM 3 message came.
    pub fn correction(&mut self, message: Bytes, now: Instant) {
        if let Some(corrections) = &mut self.corrections {
            corrections.heard(message, now);
        }
    }

    /// Lines for controllers since the last call.
    pub fn take_lines(&mut self) -> Vec<(ClientId, String)> {
        let lines = self.priorities.take_lines().into_iter();
        lines.filter_map(|(id, line)| Some((self.signals.speaker(id)?, line))).collect()
    }

    /// What is worth a line each since the last call.
    pub fn take_news(&mut self, now: Instant) -> Vec<String> {
        let mut news = self.signals.take_news();
        news.extend(self.priorities.take_news());
        news.extend(self.rivals.take_news());
        news.extend(self.bad_lines.take(now));
        news.extend(self.left_out.take_news());
        news
    }

    /// Requests for priority so far.
    pub fn priority_counts(&self) -> PriorityCounts {
        self.priorities.counts()
    }

    /// Warnings for a report, besides its figures.
    pub fn warnings(&self, now: Instant) -> Vec<String> {
        let mut warnings: Vec<String> = self.signals.warnings(now).collect();
        warnings.extend(self.signals.contests().chain(self.rivals.warnings()));
        let BadLines { count, latest, .. } = &self.bad_lines;
        if *count > 0 {
            warnings.push(format!("{count} lines of the feed refused, the last by {latest}"));
        }
        warnings.extend(self.left_out.warnings());
        let crowded_out = self.priority_counts().crowded_out;
        if crowded_out > 0 {
            warnings.push(format!("{crowded_out} requests for priority there was no room for"));
        }
        if let Some(corrections) = self.corrections.as_ref().filter(|corrections| corrections.dropped() > 0) {
            let (dropped, passed_on) = (corrections.dropped(), corrections.passed_on());
            warnings.push(format!(
                "{dropped} corrections too old or too many to pass on, beside {passed_on} that were"
            ));
        }
        warnings
    }

    /// Requests follow the controllers of their intersections.
    fn look_at_controllers(&mut self, now: Instant, wire: WireTime) {
        for (id, before) in &mut self.speakers {
            let speaker = self.signals.speaker(*id);
            if core::mem::replace(before, speaker).is_some_and(|before| speaker != Some(before)) {
                self.priorities.abandoned(*id, now);
            }
        }
        let signals = &self.signals;
        self.priorities.tell(now, wire, |id| signals.speaker(id).is_some());
    }
}

impl Application for Roadside {
    fn event(&mut self, event: &Event, at: Moment) {
        let heard = match event {
            Event::Received(received) if received.message_type == v1::MessageType::PriorityRequest as u32 => {
                Heard::Request(received.clone())
            }
            Event::Received(received) if Heard::is_spoken(received.message_type) => {
                Heard::Spoken(received.clone())
            }
            Event::HazardAccepted { id, .. } => Heard::HazardAccepted(*id),
            Event::HazardRefused { refusal, .. } => Heard::HazardRefused(*refusal),
            Event::HazardRenamed { old, new } => Heard::HazardRenamed { old: *old, new: *new },
            Event::Sending(state) => return self.set_sending(*state == SendingState::Allowed),
            _ => return,
        };
        self.heard(&heard, at.now, at.wire);
    }

    fn deadline(&self, at: Moment) -> Option<Instant> {
        if self.due.is_empty() { self.next_due() } else { Some(at.now) }
    }

    fn poll(&mut self, at: Moment) -> Option<Input> {
        while self.due.is_empty() && self.next_due().is_some_and(|due| due <= at.now) {
            let due = self.due(at.now, at.wire);
            self.due.extend(due);
        }
        self.due.pop_front()
    }
}

impl BadLines {
    fn take(&mut self, now: Instant) -> Option<String> {
        if self.untold == 0 || self.told.is_some_and(|told| now.since(told) < TELL_EVERY) {
            return None;
        }
        self.told = Some(now);
        let latest = &self.latest;
        Some(match core::mem::take(&mut self.untold) {
            1 => format!("feed: a line refused, by {latest}"),
            untold => format!("feed: {untold} lines refused, the last by {latest}"),
        })
    }
}

fn describe(config: &Content, period: Duration) -> String {
    let mut parts = Vec::new();
    for one in &config.intersections {
        let signals = match (one.groups.len(), &config.feed) {
            (0, _) => String::new(),
            (groups, Some(feed)) => format!(", {groups} signal groups from {feed}"),
            (groups, None) => format!(", {groups} signal groups by plan"),
        };
        let map = match one.map.len() {
            0 => String::new(),
            1 => format!(", map revision {}", one.revision()),
            fragments => format!(", map revision {} in {fragments} fragments", one.revision()),
        };
        parts.push(format!("intersection {}{signals}{map}", one.id));
    }
    let several = [
        (config.signs.len(), "sign", "signs"),
        (config.work_zones.len(), "work zone", "work zones"),
        (config.adverts.len(), "advert", "adverts"),
    ];
    for (count, one, many) in several.into_iter().filter(|(count, ..)| *count > 0) {
        parts.push(format!("{count} {}", if count == 1 { one } else { many }));
    }
    if let Some(corrections) = &config.corrections {
        let told = if corrections.gga { ", which gets the unit's position" } else { "" };
        parts.push(format!("corrections from {}{told}", corrections.name));
    }
    if period > Duration::from_secs(1) {
        parts.push(format!(
            "maps, signs and adverts every {:.1} s: too many for once a second",
            period.as_secs_f64()
        ));
    }
    if parts.is_empty() { "nothing".to_owned() } else { parts.join("; ") }
}

/// Bad lines are reported at most this often.
const TELL_EVERY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
