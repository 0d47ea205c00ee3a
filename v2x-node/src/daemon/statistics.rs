//! What a daemon sent and received, in figures.
//!
//! A station cannot know what others sent that it never heard, but the numbers of the messages it did hear
//! show how many are missing between them: each signer numbers each class without gaps. What is expected here
//! is counted from the first message heard of a signer to the last.

use std::collections::BTreeMap;
use std::io;

use hashbrown::HashMap;
use prost::Message as _;
use v2x_core::{Anchor, Event, Instant, MessageId, Received, Transmit, WireTime, limits};
use v2x_proto::{Class, Digest, v1};
use v2x_report::{Frames, Kind, Report, Stage, Stats, Verify, receive_stages, send_stages};

use crate::daemon::station::Observer;

/// Counts and histograms of a running station.
#[derive(Debug)]
pub struct Statistics {
    stats: Stats,
    anchor: Anchor,
    heard: HashMap<(Digest, Class), Sequence>,
    frames: Frames,
    drops: BTreeMap<&'static str, u64>,
    unsent: BTreeMap<&'static str, u64>,
    /// Frames of others sent on, and the one that is about to leave.
    forwarded: u64,
    relayed: Option<MessageId>,
    neighbours: usize,
    changes: u64,
    untracked: u64,
}

/// What is known of a signer's numbers in one class.
#[derive(Clone, Copy, Debug)]
struct Sequence {
    newest: u32,
}

impl Statistics {
    /// Empty; `anchor` ties signed times to the machine's until [`set_anchor`](Self::set_anchor).
    pub fn new(anchor: Anchor) -> Self {
        Self {
            stats: Stats::new(),
            anchor,
            heard: HashMap::new(),
            frames: Frames::default(),
            drops: BTreeMap::new(),
            unsent: BTreeMap::new(),
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

    /// Messages sent so far, all classes.
    pub fn sent(&self) -> u64 {
        self.stats.classes().iter().map(|class| class.sent).sum()
    }

    /// Frames sent on for others so far.
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
        report.set_duration(seconds, seconds);
        report.stations = 1 + self.neighbours as u64;
        report.frames = self.frames;
        report.drops = self.drops.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect();
        for (reason, count) in &self.unsent {
            report.warnings.push(format!("{count} own messages not transmitted: {reason}"));
        }
        if self.untracked > 0 {
            report
                .warnings
                .push(format!("{} messages of signers beyond the {MAX_TRACKED} tracked", self.untracked));
        }
        report
    }

    fn received(&mut self, received: &Received) {
        self.frames.received += 1;
        self.frames.delivered += 1;
        let expected = self.expected_by(&received.id);
        let sent = intended_send(received).map_or_else(
            || self.anchor.instant_at(received.generation_time),
            |wire| self.anchor.instant_at(wire),
        );
        let latency = received.stamps.delivered.nanos_since(sent);
        let class = self.stats.class_mut(received.id.class);
        class.record_delivered(latency);
        // That counted itself as expected; its number shows how many it stands for: none for a straggler.
        class.expected = class.expected + expected - 1;
        for (stage, nanos) in receive_stages(&received.stamps) {
            class.record(stage, nanos);
        }
    }

    /// How many messages this one shows were sent since the last one heard.
    fn expected_by(&mut self, id: &MessageId) -> u64 {
        if let Some(sequence) = self.heard.get_mut(&(id.signer, id.class)) {
            let ahead = id.sequence.wrapping_sub(sequence.newest);
            return match ahead {
                1..=MAX_GAP => {
                    sequence.newest = id.sequence;
                    u64::from(ahead)
                }
                // A straggler: it was counted as expected when a later one came.
                _ if ahead > u32::MAX - MAX_GAP => 0,
                // It started anew.
                _ => {
                    sequence.newest = id.sequence;
                    1
                }
            };
        }
        if self.heard.len() < MAX_TRACKED {
            self.heard.insert((id.signer, id.class), Sequence { newest: id.sequence });
        } else {
            self.untracked += 1;
        }
        1
    }
}

impl Observer for Statistics {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Received(received) => self.received(received),
            Event::Dropped(dropped) => {
                self.frames.received += 1;
                self.frames.dropped += 1;
                *self.drops.entry(dropped.reason.name()).or_default() += 1;
            }
            Event::Sent(sent) => self.stats.class_mut(sent.id.class).sent += 1,
            Event::NotSent(not_sent) => *self.unsent.entry(not_sent.reason.name()).or_default() += 1,
            Event::Forwarded(forwarded) => {
                self.forwarded += 1;
                self.relayed = Some(forwarded.id);
            }
            Event::NeighbourAdded(_) => self.neighbours += 1,
            Event::NeighbourLost(digest) => {
                self.neighbours = self.neighbours.saturating_sub(1);
                for class in Class::ALL {
                    self.heard.remove(&(*digest, class));
                }
            }
            Event::PseudonymChanged { .. } => self.changes += 1,
            _ => {}
        }
    }

    fn transmitted(&mut self, frame: &Transmit, on_air: Instant) {
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

    fn transmit_failed(&mut self, _frame: &Transmit, error: &io::Error) {
        let reason = match error.kind() {
            io::ErrorKind::NotConnected => "link_down",
            io::ErrorKind::TimedOut => "link_too_slow",
            _ => "link_error",
        };
        *self.unsent.entry(reason).or_default() += 1;
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
/// (signer, class) pairs whose numbers are followed.
const MAX_TRACKED: usize = limits::NEIGHBOURS * 6;
/// A larger step is a restart, not a gap.
const MAX_GAP: u32 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use WireTime;

    fn statistics() -> Statistics {
        Statistics::new(Anchor { instant: Instant::ZERO, wire: WireTime::from_micros(1) })
    }

    fn id(sequence: u32) -> MessageId {
        MessageId { signer: Digest([1; 8]), class: Class::D2, sequence }
    }

    #[test]
    fn gaps_are_expected_and_stragglers_are_not_counted_twice() {
        let mut statistics = statistics();
        let expected: Vec<_> =
            [10, 11, 14, 13, 15].into_iter().map(|sequence| statistics.expected_by(&id(sequence))).collect();
        assert_eq!(expected, [1, 1, 3, 0, 1]);
    }

    fn received(sequence: u32) -> Event {
        Event::Received(Received {
            id: id(sequence),
            message_type: 1,
            generation_time: WireTime::from_micros(1),
            position: v2x_core::Position::default(),
            link_source: [0; 6],
            hops: 1,
            verified: true,
            permissions: 0,
            suspect: false,
            payload: bytes::Bytes::new(),
            stamps: v2x_core::ReceiveStamps::default(),
        })
    }

    #[test]
    fn the_report_adds_up_with_gaps_and_stragglers() {
        let mut statistics = statistics();
        for sequence in [10, 11, 14, 13, 15] {
            statistics.event(&received(sequence));
        }
        let report = statistics.report(1.0);
        assert_eq!(report.check(), Ok(()));
        let class = report.class(Class::D2).unwrap();
        assert_eq!((class.expected, class.delivered, class.undelivered.get(SEQUENCE_GAP)), (6, 5, Some(&1)));
    }

    #[test]
    fn a_restart_is_no_gap_and_numbers_wrap() {
        let mut statistics = statistics();
        let expected: Vec<_> = [u32::MAX, 0, 1_000_000, 1_000_002]
            .into_iter()
            .map(|sequence| statistics.expected_by(&id(sequence)))
            .collect();
        assert_eq!(expected, [1, 1, 1, 2]);
    }

    #[test]
    fn the_signers_followed_are_bounded() {
        let mut statistics = statistics();
        for n in 0..MAX_TRACKED as u64 + 5 {
            let signer = Digest(n.to_le_bytes());
            statistics.expected_by(&MessageId { signer, class: Class::D2, sequence: 1 });
        }
        assert_eq!((statistics.heard.len(), statistics.untracked), (MAX_TRACKED, 5));
    }
}
