//! What a daemon sent and received, in figures.
//!
//! A station cannot know what others sent that it never heard, but the numbers of the messages it did hear
//! show how many are missing between them: see `sequence.rs`. What is expected here is counted from the first
//! message heard of a signer to the last. Three things stand apart, because nothing was lost: a sender that started anew,
//! a sender that was not heard at all for a while, and a hazard that was sent before this station could hear it.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::io;

use hashbrown::HashMap;
use prost::Message as _;
use radio_adapters::{LinkAddress, Refusal};
use v2x_core::{
    Anchor, BusyRatio, DropReason, Dropped, Event, Instant, MessageId, Received, Transmit, WireTime, limits,
};
use v2x_proto::link::Origin;
use v2x_proto::{Class, Digest, v1};
use v2x_report::{Frames, Kind, Report, Stage, Stats, Timeline, Verify, counts, receive_stages, send_stages};

use crate::daemon::afar_counts::AfarCounts;
use crate::daemon::channel_figures::ChannelFigures;
use crate::daemon::clone_news::CloneNews;
use crate::daemon::link_news::RefusalNews;
use crate::daemon::sequence::{Sequence, Step};
use crate::daemon::station::Observer;
use crate::log::Line;

/// Counts and histograms of a running station.
#[derive(Debug)]
pub struct Statistics {
    /// Another station that signs with one of this station's credentials.
    pub clones: CloneNews,
    /// Frames from afar, which nothing else here counts.
    pub afar: AfarCounts,
    /// How busy the channel was.
    pub channel: ChannelFigures,
    stats: Stats,
    anchor: Anchor,
    timeline: Timeline,
    started: Instant,
    signers: HashMap<Digest, Signer>,
    /// When each link address was first heard without a pause since, and last.
    links: HashMap<[u8; 6], Presence>,
    swept: Instant,
    /// The last messages that were not for this station when they first came.
    outside: VecDeque<MessageId>,
    frames: Frames,
    drops: BTreeMap<&'static str, u64>,
    unsent: BTreeMap<&'static str, u64>,
    /// Own messages that are signed and that the link has neither taken nor refused yet, oldest first.
    signed: VecDeque<MessageId>,
    /// Frames beyond own messages that the link refused: repetitions and others' messages.
    unrepeated: BTreeMap<&'static str, u64>,
    refusals: RefusalNews,
    /// Frames of others sent on, and the one that is about to leave.
    forwarded: u64,
    relayed: Option<MessageId>,
    neighbours: usize,
    changes: u64,
    untracked: u64,
}

/// What is known of a signer.
#[derive(Clone, Copy, Debug)]
struct Signer {
    /// When it was heard straight; `None` for one whose floods come by others alone.
    presence: Option<Presence>,
    /// By class, with when the last message was delivered.
    classes: [Option<(Sequence, Instant)>; Class::ALL.len()],
    heard: Instant,
}

/// When somebody was heard.
#[derive(Clone, Copy, Debug)]
struct Presence {
    since: Instant,
    last: Instant,
}

impl Presence {
    fn hear(&mut self, now: Instant) {
        if now.since(self.last) >= AWAY {
            self.since = now;
        }
        self.last = now;
    }
}

/// How a delivery counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counted {
    /// Messages it shows to have been meant for this station, itself included; 0 for a straggler.
    expected: u64,
    restarted: bool,
    /// Messages before it that nobody could have heard.
    out_of_range: u64,
}

impl Statistics {
    /// Empty; `anchor` ties signed times to the machine's until [`set_anchor`](Self::set_anchor).
    pub fn new(anchor: Anchor) -> Self {
        Self {
            clones: CloneNews::default(),
            afar: AfarCounts::default(),
            channel: ChannelFigures::default(),
            stats: Stats::new(),
            anchor,
            timeline: Timeline::new(),
            started: anchor.instant,
            signers: HashMap::new(),
            links: HashMap::new(),
            swept: anchor.instant,
            outside: VecDeque::with_capacity(MAX_OUTSIDE),
            frames: Frames::default(),
            drops: BTreeMap::new(),
            unsent: BTreeMap::new(),
            signed: VecDeque::with_capacity(MAX_SIGNED),
            unrepeated: BTreeMap::new(),
            refusals: RefusalNews::default(),
            forwarded: 0,
            relayed: None,
            neighbours: 0,
            changes: 0,
            untracked: 0,
        }
    }

    /// The clock was read anew.
    pub fn set_anchor(&mut self, anchor: Anchor) {
        self.anchor = anchor;
    }

    /// A second has passed, in which the channel was this busy.
    pub fn note_channel(&mut self, now: Instant, busy: BusyRatio) {
        self.channel.note(busy);
        let busy_ns = (busy.share.clamp(0.0, 1.0) * SECOND_NS as f64) as u64;
        self.timeline.add_channel(now.nanos_since(self.started), busy_ns, SECOND_NS);
    }

    /// Frames dropped so far, by reason.
    pub fn drops(&self) -> &BTreeMap<&'static str, u64> {
        &self.drops
    }

    /// Own messages not transmitted so far, by reason.
    pub fn unsent(&self) -> &BTreeMap<&'static str, u64> {
        &self.unsent
    }

    /// Changes of the station's pseudonym so far.
    pub fn pseudonym_changes(&self) -> u64 {
        self.changes
    }

    /// Stations heard within the last 20 s.
    pub fn neighbours(&self) -> usize {
        self.neighbours
    }

    /// Frames received so far.
    pub fn frames(&self) -> Frames {
        self.frames
    }

    /// Lines about frames that the link refused, for each cause when it begins.
    pub fn take_refusals(&mut self, now: Instant) -> Vec<Line> {
        self.refusals.take(now)
    }

    /// Frames that the link refused while it was up, since the last call.
    pub fn take_refused(&mut self) -> u64 {
        self.refusals.take_lately()
    }

    /// Messages that the link took so far, all classes, each once however often it is repeated.
    pub fn sent(&self) -> u64 {
        self.stats.classes().iter().map(|class| class.sent).sum()
    }

    /// Frames sent on for others, which the link took, so far.
    pub fn forwarded(&self) -> u64 {
        self.forwarded
    }

    /// The histograms so far.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// The report of a run of `seconds`.
    pub fn report(&self, seconds: f64) -> Report {
        let mut stats = Stats::new();
        stats.merge(&self.stats);
        Self::complete(&mut stats);
        let mut report = self.outline(seconds);
        report.judge(&stats);
        report
    }

    /// Counts in a copy of the histograms what is known to be missing.
    pub fn complete(stats: &mut Stats) {
        for class in Class::ALL {
            let class = stats.class_mut(class);
            let missing = class.expected.saturating_sub(class.delivered);
            if missing > 0 {
                class.undelivered.insert(SEQUENCE_GAP, missing);
            }
        }
    }

    /// The report of a run of `seconds` without its classes, which [`complete`](Self::complete) and `Report::judge` add.
    pub fn outline(&self, seconds: f64) -> Report {
        let mut report = Report::outline(Kind::Run, env!("CARGO_PKG_VERSION"), Verify::Every);
        report.simulated_s = seconds;
        report.stations = 1 + self.neighbours as u64;
        report.frames = self.frames;
        report.drops = counts::owned(&self.drops);
        for (reason, count) in &self.unsent {
            report.warnings.push(format!("{count} own messages not transmitted: {reason}"));
        }
        for (reason, count) in &self.unrepeated {
            report
                .warnings
                .push(format!("{count} repetitions and forwarded frames not transmitted: {reason}"));
        }
        if self.untracked > 0 {
            report
                .warnings
                .push(format!("{} messages of signers beyond the {MAX_TRACKED} tracked", self.untracked));
        }
        report.channel = self.channel.report();
        report.afar = self.afar.report();
        report.over_time = (!self.timeline.is_empty()).then(|| self.timeline.clone());
        report.warn_of_drops();
        report
    }

    /// The link took or refused a frame with this message: true when it is an own one's first.
    fn settle(&mut self, id: MessageId) -> bool {
        let place = self.signed.iter().position(|signed| *signed == id);
        place.and_then(|place| self.signed.remove(place)).is_some()
    }

    fn received(&mut self, received: &Received) {
        if received.way.is_afar() {
            let sent = self.anchor.instant_at(received.generation_time);
            return self.afar.delivered(received.stamps.delivered.nanos_since(sent));
        }
        self.frames.received += 1;
        self.frames.delivered += 1;
        let now = received.stamps.delivered;
        let since = self.hear_link(received.link_source, now);
        let counted = self.count(received, now);
        let sent = intended_send(received).map_or_else(
            || self.anchor.instant_at(received.generation_time),
            |wire| self.anchor.instant_at(wire),
        );
        let latency = now.nanos_since(sent);
        let id = received.id;
        let was_outside = self.outside.contains(&id);
        let class = self.stats.class_mut(id.class);
        for (stage, nanos) in receive_stages(&received.stamps) {
            class.record(stage, nanos);
        }
        let mut apart = |name, count| {
            if count > 0 {
                *class.apart.entry(name).or_default() += count;
            }
        };
        apart(RESTARTS, u64::from(counted.restarted));
        apart(OUT_OF_RANGE, counted.out_of_range);
        let late = class.is_late(latency);
        let before = counted.expected.saturating_sub(1);
        let caught_up = id.class == Class::D3 && late && (since > sent || was_outside);
        if caught_up {
            // Carried or repeated to a station that was not there: nobody could have had it in time.
            *class.apart.entry(CAUGHT_UP).or_default() += 1;
            class.expected += before;
        } else {
            class.record_delivered(latency);
            // That counted itself as expected; its number shows how many it stands for: none for a straggler.
            class.expected = class.expected + counted.expected - 1;
            // A straggler from a gap that was out of range was not counted then.
            class.expected = class.expected.max(class.delivered);
        }
        let judged = id.class.deadline().is_some();
        if judged {
            let expected = if caught_up { before } else { counted.expected };
            let missed = (before + u64::from(late)).min(expected);
            self.timeline.add(now.nanos_since(self.started), 0, expected, missed);
        }
    }

    /// How many messages this one shows were sent since the last one heard.
    fn count(&mut self, received: &Received, now: Instant) -> Counted {
        let (id, generated) = (received.id, received.generation_time);
        let one = Counted { expected: 1, restarted: false, out_of_range: 0 };
        let Some(signer) = self.signer(id.signer, now) else {
            self.untracked += 1;
            return one;
        };
        signer.heard = now;
        if received.hops == 1 {
            match &mut signer.presence {
                Some(presence) => presence.hear(now),
                none => *none = Some(Presence { since: now, last: now }),
            }
        }
        let presence = signer.presence;
        let Some((sequence, heard)) = &mut signer.classes[id.class.index()] else {
            signer.classes[id.class.index()] = Some((Sequence::new(id.class, id.sequence, generated), now));
            return one;
        };
        let before = core::mem::replace(heard, now);
        match sequence.step(id.sequence, generated) {
            Step::Straggler => Counted { expected: 0, ..one },
            Step::Early => one,
            Step::Restart => Counted { restarted: true, ..one },
            // It was there all the time.
            Step::Ahead(count) if presence.is_some_and(|presence| presence.since <= before) => {
                Counted { expected: count, ..one }
            }
            Step::Ahead(count) if presence.is_some() => Counted { out_of_range: count - 1, ..one },
            // Not every flood of a distant station comes here: its numbers say nothing.
            Step::Ahead(_) => one,
        }
    }

    /// A signer's entry, unless there is no room for another.
    fn signer(&mut self, digest: Digest, now: Instant) -> Option<&mut Signer> {
        if self.signers.len() >= MAX_TRACKED && !self.signers.contains_key(&digest) {
            self.sweep(now);
            if self.signers.len() >= MAX_TRACKED {
                return None;
            }
        }
        let new = || Signer { presence: None, classes: [None; Class::ALL.len()], heard: now };
        Some(self.signers.entry(digest).or_insert_with(new))
    }

    /// Since when this link address is heard.
    fn hear_link(&mut self, link: [u8; 6], now: Instant) -> Instant {
        if let Some(presence) = self.links.get_mut(&link) {
            presence.hear(now);
            return presence.since;
        }
        if self.links.len() >= MAX_TRACKED {
            self.sweep(now);
        }
        if self.links.len() < MAX_TRACKED {
            self.links.insert(link, Presence { since: now, last: now });
        }
        now
    }

    /// Forgets who is gone, once a second at most.
    fn sweep(&mut self, now: Instant) {
        if now.since(self.swept) >= Duration::from_secs(1) {
            self.swept = now;
            self.signers.retain(|_, signer| now.since(signer.heard) < FORGOTTEN);
            self.links.retain(|_, presence| now.since(presence.last) < FORGOTTEN);
        }
    }

    /// A message arrived that was not meant for this station.
    fn pass(&mut self, id: MessageId) {
        let known =
            self.signers.get_mut(&id.signer).and_then(|signer| signer.classes[id.class.index()].as_mut());
        if let Some((sequence, _)) = known {
            sequence.pass(id.sequence);
        }
        if self.outside.len() >= MAX_OUTSIDE {
            self.outside.pop_front();
        }
        self.outside.push_back(id);
    }
}

impl Observer for Statistics {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Received(received) => self.received(received),
            Event::Dropped(dropped) if dropped.way.is_afar() => {
                self.afar.dropped(dropped.reason);
                tell(dropped);
            }
            Event::Dropped(dropped) => {
                self.frames.received += 1;
                self.frames.dropped += 1;
                tell(dropped);
                *self.drops.entry(dropped.reason.name()).or_default() += 1;
                if let (DropReason::OutsideArea | DropReason::EventSuperseded, Some(id)) =
                    (dropped.reason, dropped.claimed)
                {
                    self.pass(id);
                }
            }
            Event::Sent(sent) => {
                if self.signed.len() == MAX_SIGNED {
                    self.signed.pop_front();
                }
                self.signed.push_back(sent.id);
            }
            Event::NotSent(not_sent) => {
                if let Some(id) = not_sent.id {
                    self.settle(id);
                }
                *self.unsent.entry(not_sent.reason.name()).or_default() += 1;
            }
            Event::Forwarded(forwarded) => {
                self.relayed = Some(forwarded.id);
                self.afar.forwarded(forwarded);
            }
            Event::NeighbourAdded(_) => self.neighbours += 1,
            Event::NeighbourLost(digest) => {
                self.neighbours = self.neighbours.saturating_sub(1);
                self.signers.remove(digest);
            }
            Event::PseudonymChanged { .. } => self.changes += 1,
            Event::HeardElsewhere(_) => self.clones.event(event),
            _ => {}
        }
    }

    fn transmitted(&mut self, frame: &Transmit, on_air: Instant) {
        if self.settle(frame.id) {
            self.stats.class_mut(frame.class).sent += 1;
            self.timeline.add(on_air.nanos_since(self.started), 1, 0, 0);
        }
        self.forwarded += u64::from(frame.origin == Origin::Forwarded);
        if self.relayed.take() == Some(frame.id) {
            // Another's message: its way out of its sender was measured there.
            return;
        }
        let class = self.stats.class_mut(frame.class);
        for (stage, nanos) in send_stages(&frame.stamps) {
            class.record(stage, nanos);
        }
        class.record(Stage::GateToAir, on_air.nanos_since(frame.stamps.gate_open));
    }

    fn on_air(&mut self, class: Class, waited: Duration) {
        let nanos = u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX);
        self.stats.class_mut(class).record(Stage::HandedToAir, nanos);
    }

    fn transmit_failed(&mut self, frame: &Transmit, error: &io::Error) {
        let refusal = Refusal::of(error);
        self.refusals.note(refusal, error);
        let counts = if self.settle(frame.id) { &mut self.unsent } else { &mut self.unrepeated };
        *counts.entry(refusal.name()).or_default() += 1;
    }
}

/// A frame was dropped: one that breaks a rule by itself is news to whoever looks for why, a copy is not.
fn tell(dropped: &Dropped) {
    let (reason, source) = (dropped.reason.name(), LinkAddress(dropped.link_source));
    let signer = dropped.claimed.map(|id| tracing::field::display(id.signer));
    match dropped.field {
        Some(field) => tracing::debug!(reason, field, %source, signer, "frame dropped"),
        None => tracing::trace!(reason, %source, signer, "frame dropped"),
    }
}

/// When an open-loop test message was due: a stall of its sender counts against it.
fn intended_send(received: &Received) -> Option<WireTime> {
    if received.message_type != v1::MessageType::Echo as u32 {
        return None;
    }
    let echo = v1::Echo::decode(received.payload.clone()).ok()?;
    (!echo.reply && echo.sent_us > 0).then(|| WireTime::from_micros(echo.sent_us))
}

/// Reason of what was expected by its number and did not come.
pub const SEQUENCE_GAP: &str = "sequence_gap";
/// Senders that started anew.
pub const RESTARTS: &str = "restarts";
/// Messages sent while their sender was not heard at all.
pub const OUT_OF_RANGE: &str = "out_of_range";
/// Hazards that were sent before this station could hear them.
pub const CAUGHT_UP: &str = "caught_up";
/// Who was not heard for this long was out of range: five periods of the slowest awareness, which no loss of single
/// frames leaves out.
const AWAY: Duration = Duration::from_secs(5);
/// Between two looks at the channel.
const SECOND_NS: u64 = 1_000_000_000;
/// When the neighbour table forgets one.
const FORGOTTEN: Duration = Duration::from_secs(20);
/// Signers and link addresses followed: the largest neighbour table.
const MAX_TRACKED: usize = limits::MAX_NEIGHBOURS;
/// Messages for others that are remembered, in case this station comes into their area.
const MAX_OUTSIDE: usize = 64;
/// Own messages on their way to the link: what its queues hold.
const MAX_SIGNED: usize = limits::MAX_SEND_QUEUE * 6;

#[cfg(test)]
mod tests;
