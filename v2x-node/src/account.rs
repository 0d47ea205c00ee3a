//! A daemon's own account of what it sent and received.
//!
//! A station cannot know what others sent and it never heard, but the numbers of the messages it did hear
//! say how many are missing between them: each signer numbers each class without gaps. What is expected here
//! is counted from the first message heard of a signer to the last.

use std::collections::BTreeMap;
use std::io;

use hashbrown::HashMap;
use prost::Message as _;
use v2x_core::hazard::Command;
use v2x_core::hazard::alert::Triggers;
use v2x_core::io::{Event, Fix, MessageId, Received, SendingState, Transmit};
use v2x_core::limits;
use v2x_core::neighbor::Neighbour;
use v2x_core::report::{Frames, Kind, Report, Verify};
use v2x_core::security::revocation::RevocationNews;
use v2x_core::stats::{Stage, Stats, receive_stages, send_stages};
use v2x_core::time::{Anchor, Instant, WireTime};
use v2x_proto::{Class, Digest, v1};

use crate::advice::Advisor;
use crate::control::news::News;
use crate::roadside::Heard;
use crate::station::{Observer, monotonic};

/// Counts and histograms of a running station.
#[derive(Debug)]
pub struct Account {
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
    sending: SendingState,
    told: Option<SendingState>,
    changes: u64,
    pool_low: Option<(u32, WireTime)>,
    untracked: u64,
    notices: Vec<String>,
    advisor: Option<Advisor>,
    triggers: Option<Triggers>,
    news: News,
    heard_for_unit: Option<Vec<Heard>>,
}

/// What a signer's numbers in one class say.
#[derive(Clone, Copy, Debug)]
struct Sequence {
    newest: u32,
}

impl Account {
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
            sending: SendingState::ClockUntrusted,
            told: None,
            changes: 0,
            pool_low: None,
            untracked: 0,
            notices: Vec::new(),
            advisor: None,
            triggers: None,
            news: News::default(),
            heard_for_unit: None,
        }
    }

    /// From now on keeps what concerns the application of a roadside unit.
    pub fn listen_for_unit(&mut self) {
        self.heard_for_unit.get_or_insert_default();
    }

    /// What concerns the application of a roadside unit, since the last call, oldest first.
    pub fn take_heard(&mut self) -> Vec<Heard> {
        self.heard_for_unit.as_mut().map(core::mem::take).unwrap_or_default()
    }

    /// Whether there is anything of that.
    pub fn has_heard(&self) -> bool {
        self.heard_for_unit.as_ref().is_some_and(|kept| !kept.is_empty())
    }

    /// Whether the station sends.
    pub fn sending(&self) -> bool {
        self.sending == SendingState::Allowed
    }

    /// The clock was read anew.
    pub fn set_anchor(&mut self, anchor: Anchor) {
        self.anchor = anchor;
    }

    /// Follows signals and signs from here on, for a vehicle with this digest.
    pub fn advise(&mut self, own: Digest) {
        self.advisor = Some(Advisor::new(own));
    }

    /// The view of signals and signs, when it is followed.
    pub fn advisor(&mut self) -> Option<&mut Advisor> {
        self.advisor.as_mut()
    }

    /// Whether a request for priority is to be sent, or what became of one to be told.
    pub fn has_priority_news(&self) -> bool {
        self.advisor.as_ref().is_some_and(Advisor::has_news)
    }

    /// Watches from now on for what the vehicle warns of by itself.
    pub fn watch_for_alerts(&mut self) {
        self.triggers = Some(Triggers::default());
    }

    /// What the vehicle is to warn of at a position, or no more.
    pub fn alert<'a>(
        &mut self,
        now: Instant,
        fix: &Fix,
        neighbours: impl IntoIterator<Item = &'a Neighbour>,
    ) -> Option<Command> {
        self.triggers.as_mut()?.observe(now, fix, neighbours)
    }

    /// The sending state, if it changed since the last call.
    pub fn take_news(&mut self) -> Option<SendingState> {
        let changed = self.told != Some(self.sending);
        self.told = Some(self.sending);
        changed.then_some(self.sending)
    }

    /// What is worth a line each since the last call, oldest first.
    pub fn take_notices(&mut self) -> Vec<String> {
        core::mem::take(&mut self.notices)
    }

    /// What the station says of hazards, to pass on.
    pub fn news(&mut self) -> &mut News {
        &mut self.news
    }

    /// Frames dropped so far, by reason.
    pub fn drops(&self) -> &BTreeMap<&'static str, u64> {
        &self.drops
    }

    /// Own messages not transmitted so far, by reason.
    pub fn unsent(&self) -> &BTreeMap<&'static str, u64> {
        &self.unsent
    }

    /// Changes of the own pseudonym so far.
    pub fn pseudonym_changes(&self) -> u64 {
        self.changes
    }

    /// Unused credentials left and the end of the last one, if the node warned of that since the last call.
    pub fn take_pool_low(&mut self) -> Option<(u32, WireTime)> {
        self.pool_low.take()
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
        for class in Class::ALL {
            let class = stats.class_mut(class);
            let missing = class.expected.saturating_sub(class.delivered);
            if missing > 0 {
                class.undelivered.insert(SEQUENCE_GAP, missing);
            }
        }
        let mut report = Report::new(Kind::Run, env!("CARGO_PKG_VERSION"), Verify::Every, &stats);
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

    fn notice(&mut self, notice: String) {
        if self.notices.len() < MAX_NOTICES {
            self.notices.push(notice);
        }
    }

    fn for_unit(&mut self, heard: impl FnOnce() -> Heard) {
        if let Some(kept) = self.heard_for_unit.as_mut().filter(|kept| kept.len() < MAX_HEARD) {
            kept.push(heard());
        }
    }

    fn received(&mut self, received: &Received) {
        if received.message_type == v1::MessageType::PriorityRequest as u32 {
            self.for_unit(|| Heard::Request(received.clone()));
        }
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
        // That counted itself as expected; its number says how many it stands for: none for a straggler.
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

impl Observer for Account {
    fn event(&mut self, event: &Event) {
        if let Some(advisor) = &mut self.advisor {
            match event {
                Event::Received(received) => advisor.event(event, received.stamps.delivered, &self.anchor),
                Event::PseudonymChanged { .. } => advisor.event(event, monotonic(), &self.anchor),
                _ => {}
            }
        }
        self.news.event(event);
        if let Some(triggers) = &mut self.triggers
            && !matches!(event, Event::Received(_) | Event::Dropped(_))
        {
            triggers.hear(monotonic(), event);
        }
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
            Event::Sending(state) => self.sending = *state,
            Event::Revoked(news) => {
                let whole = if news.whole_series { ", the whole series" } else { "" };
                let RevocationNews { issuer, series, number, digests, .. } = news;
                self.notice(format!(
                    "revocation list {series} of {issuer} at number {number}: {digests} credentials{whole}"
                ));
            }
            Event::RevocationRefused(error) => self.notice(format!("revocation refused: {error}")),
            Event::RevocationStale { issuer, series } => self.notice(format!(
                "revocation list {series} of {issuer} should have been renewed; going on with what it says"
            )),
            Event::Trust(Ok(())) => self.notice("roots and issuers replaced".to_owned()),
            Event::Trust(Err(error)) => self.notice(format!("roots and issuers kept as they were: {error}")),
            Event::PseudonymChanged { .. } => self.changes += 1,
            Event::PoolLow { spares, valid_until } => self.pool_low = Some((*spares, *valid_until)),
            Event::Suspicion(_) | Event::Hazard(_) => {}
            Event::HazardAccepted { id, .. } => self.for_unit(|| Heard::HazardAccepted(*id)),
            Event::HazardRefused { refusal, .. } => {
                self.for_unit(|| Heard::HazardRefused(*refusal));
                self.notice(format!("hazard refused: {refusal}"));
            }
            Event::HazardRenamed { old, new } => {
                self.for_unit(|| Heard::HazardRenamed { old: *old, new: *new });
                self.notice(format!("hazard {old} goes on as {new}: its credential ended"));
            }
            Event::Misbehaviour(misbehaviour) => {
                self.notice(format!(
                    "station {} isolated: what it says does not add up",
                    misbehaviour.subject
                ));
            }
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
/// Notices kept until they are told, each second.
const MAX_NOTICES: usize = 16;
/// Things kept for a roadside unit's application, which takes them after every input of its own and every turn.
const MAX_HEARD: usize = 64;
/// A larger step is a restart, not a gap.
const MAX_GAP: u32 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use WireTime;

    fn account() -> Account {
        Account::new(Anchor { instant: Instant::ZERO, wire: WireTime::from_micros(1) })
    }

    fn id(sequence: u32) -> MessageId {
        MessageId { signer: Digest([1; 8]), class: Class::D2, sequence }
    }

    #[test]
    fn gaps_are_expected_and_stragglers_are_not_counted_twice() {
        let mut account = account();
        let expected: Vec<_> =
            [10, 11, 14, 13, 15].into_iter().map(|sequence| account.expected_by(&id(sequence))).collect();
        assert_eq!(expected, [1, 1, 3, 0, 1]);
    }

    fn received(sequence: u32) -> Event {
        Event::Received(Received {
            id: id(sequence),
            message_type: 1,
            generation_time: WireTime::from_micros(1),
            position: v2x_core::position::Position::default(),
            link_source: [0; 6],
            hops: 1,
            verified: true,
            permissions: 0,
            suspect: false,
            payload: bytes::Bytes::new(),
            stamps: v2x_core::io::ReceiveStamps::default(),
        })
    }

    #[test]
    fn the_report_adds_up_with_gaps_and_stragglers() {
        let mut account = account();
        for sequence in [10, 11, 14, 13, 15] {
            account.event(&received(sequence));
        }
        let report = account.report(1.0);
        assert_eq!(report.check(), Ok(()));
        let class = report.class(Class::D2).unwrap();
        assert_eq!((class.expected, class.delivered, class.undelivered.get(SEQUENCE_GAP)), (6, 5, Some(&1)));
    }

    #[test]
    fn a_restart_is_no_gap_and_numbers_wrap() {
        let mut account = account();
        let expected: Vec<_> = [u32::MAX, 0, 1_000_000, 1_000_002]
            .into_iter()
            .map(|sequence| account.expected_by(&id(sequence)))
            .collect();
        assert_eq!(expected, [1, 1, 1, 2]);
    }

    #[test]
    fn the_signers_followed_are_bounded() {
        let mut account = account();
        for n in 0..MAX_TRACKED as u64 + 5 {
            let signer = Digest(n.to_le_bytes());
            account.expected_by(&MessageId { signer, class: Class::D2, sequence: 1 });
        }
        assert_eq!((account.heard.len(), account.untracked), (MAX_TRACKED, 5));
    }
}
