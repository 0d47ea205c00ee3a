//! Which station was meant to receive which message, and the outcome.
//!
//! The host of a run reports to the ledger when each message was *meant* to be sent and for which stations, and every
//! delivery. The load is open loop: a latency starts at the intended send, so a stall is charged to each message due
//! in it (no coordinated omission). A delivery that never happens is a miss like a late one.
//!
//! A message is settled when its deadline has passed and every intended receiver has it, else [`GRACE_NS`] after the
//! deadline. A delivery after that does not count: the pair has already been counted as undelivered. So the ledger's
//! size follows the traffic of a few seconds, never the length of the run. Of settled messages it remembers the names of
//! some hundred thousand, to tell a late delivery of an honest message (floods live for minutes, and reach stations
//! that come into their area later) from one of a message that nobody reported, such as an attacker's.
//!
//! Messages still inside their deadline when the run ends are left out altogether, neither sent nor expected: their
//! outcome is unknown. D5 has no deadline and is given [`BACKGROUND_DUE_NS`]. The stage latencies of their
//! deliveries stay in the stage histograms.

mod outcome;
mod reasons;
mod settled;

use std::collections::{BTreeMap, VecDeque};
use std::hash::Hash;

use hashbrown::HashMap;
use v2x_proto::Class;
use v2x_report::{Frames, Report, Stage, Stats, Timeline};

pub use outcome::PairOutcome;
pub use reasons::NEVER_RECEIVED;
use reasons::Reasons;
use settled::Settled;

use crate::tallies::{Served, Tallies, worst_stations};

/// The open messages of a run and the counts of the settled ones. `M` names a message.
#[derive(Debug)]
pub struct Ledger<M> {
    open: HashMap<M, Entry>,
    /// By class, in order of sending: inside the deadline, which ends at the time beside it, ns.
    due: [Queue<M>; Class::ALL.len()],
    /// By class, in order of sending: past the deadline with receivers missing. Waited for until the time beside it,
    /// ns.
    overdue: [Queue<M>; Class::ALL.len()],
    open_receivers: usize,
    settled: Settled<M>,
    limit: usize,
    start_ns: u64,
    clock_ns: u64,
    reasons: Reasons,
    counts: Counts,
    stats: Stats,
    timeline: Timeline,
    /// By station: messages with a deadline that were meant for it, and those of them it missed.
    shares: Vec<(u64, u64)>,
    /// Of messages settled and not taken yet, where somebody wants them.
    outcomes: Option<Vec<(M, PairOutcome)>>,
    tallies: Tallies,
}

impl<M: Copy + Eq + Hash> Ledger<M> {
    /// An empty ledger.
    pub fn new() -> Self {
        Self::with_limit(MAX_OPEN_RECEIVERS)
    }

    fn with_limit(limit: usize) -> Self {
        Self {
            open: HashMap::new(),
            due: Default::default(),
            overdue: Default::default(),
            open_receivers: 0,
            settled: Settled::default(),
            limit,
            start_ns: 0,
            clock_ns: 0,
            reasons: Reasons::new(),
            counts: Counts::default(),
            stats: Stats::new(),
            timeline: Timeline::new(),
            shares: Vec::new(),
            outcomes: None,
            tallies: Tallies::default(),
        }
    }

    /// Keeps what becomes of each message for each station it was meant for, to be [taken](Self::take_outcomes) soon.
    pub fn keep_outcomes(&mut self) {
        self.outcomes = Some(Vec::new());
    }

    /// The outcomes of what was settled since the last call, in order of settling.
    pub fn take_outcomes(&mut self) -> impl Iterator<Item = (M, PairOutcome)> + '_ {
        self.outcomes.iter_mut().flat_map(|outcomes| outcomes.drain(..))
    }

    /// An empty ledger of a run that starts at `start_ns`.
    pub fn starting_at(start_ns: u64) -> Self {
        Self { start_ns, ..Self::new() }
    }

    /// A message was meant to be sent at `sent_ns`, for each `(station, distance in m)` of `intended`.
    ///
    /// Call it once for each message, whether or not it reached the air; a second call for the same message (a repeated
    /// copy) changes nothing. A station listed twice counts once.
    pub fn sent(
        &mut self,
        message: M,
        class: Class,
        sent_ns: u64,
        intended: impl Iterator<Item = (u32, f32)>,
    ) {
        self.advance(sent_ns);
        if self.open.contains_key(&message) {
            return;
        }
        let mut receivers: Vec<_> =
            intended.map(|(station, distance_m)| Receiver::new(station, distance_m)).collect();
        receivers.sort_by_key(|receiver| receiver.station);
        receivers.dedup_by_key(|receiver| receiver.station);
        self.open_receivers += receivers.len() + 1;
        let waiting = receivers.len();
        self.open
            .insert(message, Entry { class, sent_ns, waiting, receivers, transmitted: false, sender: None });
        self.due[class.index()].push_back((due_ns(class, sent_ns), message));
        while self.open_receivers > self.limit && self.settle_oldest() {
            self.counts.forced += 1;
        }
    }

    /// Who sent a message: without that it is in no list of pairs.
    pub fn sent_by(&mut self, message: M, sender: u32) {
        if let Some(entry) = self.open.get_mut(&message) {
            entry.sender = Some(sender);
        }
    }

    /// A station's application got a verified message at `at_ns`; `stages` are the known latencies of its path, ns.
    ///
    /// The ledger computes the overall latency itself: [`Stage::SendToDelivered`] among `stages` is ignored.
    pub fn delivered(&mut self, message: M, station: u32, at_ns: u64, stages: &[(Stage, u64)]) -> Delivery {
        self.counts.frames_delivered += 1;
        let delivery = self.note_delivery(message, station, at_ns, stages);
        match delivery {
            Delivery::Intended { .. } | Delivery::Unintended => {}
            Delivery::Repeated => self.counts.repeated += 1,
            Delivery::Settled { flood: true } => self.counts.late_floods += 1,
            Delivery::Settled { flood: false } => self.counts.late += 1,
            Delivery::Unknown => self.counts.unknown += 1,
        }
        self.advance(at_ns);
        delivery
    }

    /// A station dropped a frame it had received. When the message is known, this is why the station does not have it
    /// (until it does, or drops another copy for another reason).
    pub fn dropped(&mut self, message: Option<M>, station: u32, reason: &'static str) {
        *self.counts.drops.entry(reason).or_default() += 1;
        if let Some(message) = message {
            self.lost(message, station, reason);
        }
    }

    /// A message did not even reach this station: lost on the medium. No frame is counted.
    pub fn lost(&mut self, message: M, station: u32, reason: &'static str) {
        let reason = self.reasons.number(reason);
        if let Some(entry) = self.open.get_mut(&message)
            && let Some(receiver) = entry.find(station)
        {
            receiver.reason = reason;
        }
    }

    /// A frame of a message went to the link: whatever happens to its repetitions, the message was not withheld.
    pub fn transmitted(&mut self, message: M) {
        if let Some(entry) = self.open.get_mut(&message) {
            entry.transmitted = true;
        }
    }

    /// A frame of a message never left its sender, for instance because it expired in the queue. That is why no station
    /// has the message, unless another frame of it was [`transmitted`](Self::transmitted). No frame is counted.
    pub fn withheld(&mut self, message: M, reason: &'static str) {
        let reason = self.reasons.number(reason);
        if let Some(entry) = self.open.get_mut(&message).filter(|entry| !entry.transmitted) {
            for receiver in entry.receivers.iter_mut().filter(|receiver| receiver.reason == NO_REASON) {
                receiver.reason = reason;
            }
        }
    }

    /// How long stations heard the channel busy, and how long they listened, all together, from `at_ns` on.
    pub fn channel(&mut self, at_ns: u64, busy_ns: u64, listened_ns: u64) {
        self.timeline.add_channel(at_ns.saturating_sub(self.start_ns), busy_ns, listened_ns);
    }

    /// Latencies of stages that belong to no single delivery: a message's way out of its sender.
    pub fn stages(&mut self, class: Class, stages: &[(Stage, u64)]) {
        let stats = self.stats.class_mut(class);
        for (stage, stage_ns) in stages {
            stats.record(*stage, *stage_ns);
        }
    }

    /// Messages not settled yet.
    pub fn open_messages(&self) -> usize {
        self.open.len()
    }

    /// Ends the run at `end_ns`, or at the latest time reported to the ledger, whichever is later, and hands over the
    /// counts. See the module's documentation for what is left out.
    pub fn finish(mut self, end_ns: u64) -> Totals {
        self.close(end_ns);
        let Counts { frames_delivered, drops, repeated, late_floods, late, unknown, forced, unfinished } =
            self.counts;
        let dropped = drops.values().sum::<u64>();
        let unintended = |floods: bool| {
            let classes = self.stats.classes().iter().filter(|class| (class.class == Class::D3) == floods);
            classes.map(|class| class.unintended).sum::<u64>()
        };
        let list = |lines: &[(u64, &str)]| {
            let shown = lines.iter().filter(|(count, _)| *count > 0);
            shown.map(|(count, text)| counted(*count, text)).collect::<Vec<_>>()
        };
        let notes = list(&[
            (unintended(true) + late_floods, OUTSIDE_AREA),
            (unintended(false), OUT_OF_RANGE),
            (
                late,
                "deliveries outside the count: more than 5 s past their deadline, and counted as never delivered",
            ),
            (
                unknown,
                "deliveries outside the count: messages of stations that are not counted, such as attackers",
            ),
        ]);
        let warnings = list(&[
            (repeated, "deliveries repeated a message the station already had"),
            (forced, "messages were settled early: too many were open at once"),
        ]);
        Totals {
            stats: self.stats,
            frames: Frames { received: frames_delivered + dropped, delivered: frames_delivered, dropped },
            drops,
            unfinished,
            notes,
            warnings,
            timeline: self.timeline,
            shares: self.shares,
            tallies: self.tallies,
        }
    }

    /// Ends the run as [`finish`](Self::finish) does, which is still to come.
    pub fn close(&mut self, end_ns: u64) {
        self.advance(end_ns);
        for class in Class::ALL {
            while let Some((_, message)) = self.overdue[class.index()].pop_front() {
                self.settle(message);
            }
            // The next message may be past its deadline all the same: send times are not strictly in order.
            while let Some((due_ns, message)) = self.due[class.index()].pop_front() {
                if self.clock_ns < due_ns {
                    self.counts.unfinished += 1;
                } else {
                    self.settle(message);
                }
            }
        }
    }

    fn note_delivery(&mut self, message: M, station: u32, at_ns: u64, stages: &[(Stage, u64)]) -> Delivery {
        let Some(entry) = self.open.get_mut(&message) else {
            return match self.settled.find(&message) {
                None => Delivery::Unknown,
                Some((class, true)) => {
                    // All stations it was meant for had it: this is another, that had to wait for the credential.
                    self.stats.class_mut(class).unintended += 1;
                    Delivery::Unintended
                }
                Some((class, false)) => Delivery::Settled { flood: class == Class::D3 },
            };
        };
        let latency_ns = at_ns.saturating_sub(entry.sent_ns);
        let stats = self.stats.class_mut(entry.class);
        let delivery = match entry.receivers.binary_search_by_key(&station, |receiver| receiver.station) {
            Ok(index) => {
                let receiver = &mut entry.receivers[index];
                if receiver.latency_ns != NOT_DELIVERED {
                    return Delivery::Repeated;
                }
                receiver.latency_ns = latency_ns.min(NOT_DELIVERED - 1);
                entry.waiting -= 1;
                Delivery::Intended { distance_m: receiver.distance_m, latency_ns }
            }
            Err(index) => {
                let mut receiver = Receiver::new(station, f32::NAN);
                receiver.intended = false;
                receiver.latency_ns = latency_ns.min(NOT_DELIVERED - 1);
                entry.receivers.insert(index, receiver);
                self.open_receivers += 1;
                stats.unintended += 1;
                return Delivery::Unintended;
            }
        };
        for &(stage, stage_ns) in stages.iter().filter(|(stage, _)| *stage != Stage::SendToDelivered) {
            stats.record(stage, stage_ns);
        }
        delivery
    }

    /// Moves messages past their deadline from due to overdue, and settles those that are complete or past their grace.
    fn advance(&mut self, now_ns: u64) {
        if now_ns <= self.clock_ns {
            return;
        }
        self.clock_ns = now_ns;
        for class in Class::ALL {
            while let Some((due_ns, message)) = pop_until(&mut self.due[class.index()], now_ns) {
                if self.open.get(&message).is_some_and(|entry| entry.waiting > 0) {
                    self.overdue[class.index()].push_back((due_ns.saturating_add(GRACE_NS), message));
                } else {
                    self.settle(message);
                }
            }
            while let Some((_, message)) = pop_until(&mut self.overdue[class.index()], now_ns) {
                self.settle(message);
            }
        }
    }

    /// Settles one message before its time; false when there is none.
    fn settle_oldest(&mut self) -> bool {
        let oldest = |queues: &mut [Queue<M>; Class::ALL.len()]| {
            let queue = queues
                .iter_mut()
                .filter(|queue| !queue.is_empty())
                .min_by_key(|queue| queue.front().map(|(until_ns, _)| *until_ns))?;
            queue.pop_front()
        };
        let Some((_, message)) = oldest(&mut self.overdue).or_else(|| oldest(&mut self.due)) else {
            return false;
        };
        self.settle(message);
        true
    }

    fn settle(&mut self, message: M) {
        let Some(entry) = self.open.remove(&message) else {
            return;
        };
        self.open_receivers -= entry.receivers.len() + 1;
        self.settled.insert(message, entry.class, entry.waiting == 0);
        let stats = self.stats.class_mut(entry.class);
        let (mut expected, missed_before) = (0, stats.missed());
        stats.sent += 1;
        let judged = entry.class.deadline().is_some();
        for receiver in entry.receivers.iter().filter(|receiver| receiver.intended) {
            let missed = receiver.latency_ns == NOT_DELIVERED || stats.is_late(receiver.latency_ns);
            if receiver.latency_ns == NOT_DELIVERED {
                stats.record_undelivered(self.reasons.name(receiver.reason));
            } else {
                stats.record_delivered(receiver.latency_ns);
            }
            if let Some(outcomes) = &mut self.outcomes {
                let delivered = receiver.latency_ns != NOT_DELIVERED;
                let outcome = PairOutcome {
                    sent_ns: entry.sent_ns,
                    station: receiver.station,
                    distance_m: receiver.distance_m,
                    latency_ns: delivered.then_some(receiver.latency_ns),
                    missed,
                    reason: self.reasons.name(receiver.reason),
                };
                outcomes.push((message, outcome));
            }
            if judged {
                expected += 1;
                share(&mut self.shares, receiver.station, missed);
            }
            self.tallies.add(Served {
                class: entry.class,
                sender: entry.sender,
                receiver: receiver.station,
                distance_m: receiver.distance_m,
                latency_ns: (receiver.latency_ns != NOT_DELIVERED).then_some(receiver.latency_ns),
                missed,
            });
        }
        let missed = if judged { stats.missed() - missed_before } else { 0 };
        self.timeline.add(entry.sent_ns.saturating_sub(self.start_ns), 1, expected, missed);
    }
}

fn counted(count: u64, text: &str) -> String {
    let text = if count == 1 { text.replacen("deliveries", "delivery", 1) } else { text.to_owned() };
    format!("{count} {text}")
}

/// Counts one message meant for a station.
fn share(shares: &mut Vec<(u64, u64)>, station: u32, missed: bool) {
    let index = station as usize;
    if index >= MAX_STATIONS {
        return;
    }
    if shares.len() <= index {
        shares.resize(index + 1, (0, 0));
    }
    shares[index].0 += 1;
    shares[index].1 += u64::from(missed);
}

impl<M: Copy + Eq + Hash> Default for Ledger<M> {
    fn default() -> Self {
        Self::new()
    }
}

/// How a delivery is counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Delivery {
    /// To a station the message was meant for, for the first time.
    Intended {
        /// Distance from sender to receiver at the time of sending, m.
        distance_m: f32,
        /// Since the intended send, ns.
        latency_ns: u64,
    },
    /// To a station the message was not meant for, for the first time.
    Unintended,
    /// The station had the message already.
    Repeated,
    /// The message is settled, and some station it was meant for had not got it: more than [`GRACE_NS`] after its deadline.
    Settled {
        /// A flood, which lives longer than that, and reaches stations that come into its area later.
        flood: bool,
    },
    /// The message was never reported as sent.
    Unknown,
}

/// The counts of a finished run.
#[derive(Debug)]
pub struct Totals {
    /// Per class and stage.
    pub stats: Stats,
    /// Frames that reached a station.
    pub frames: Frames,
    /// Dropped frames by reason.
    pub drops: BTreeMap<&'static str, u64>,
    /// Messages left out because the run ended inside their deadline.
    pub unfinished: u64,
    /// What is outside the counts.
    pub notes: Vec<String>,
    /// What a reader of the report should worry about.
    pub warnings: Vec<String>,
    /// Load and misses over time.
    pub timeline: Timeline,
    /// By station: messages with a deadline that were meant for it, and those of them it missed.
    shares: Vec<(u64, u64)>,
    tallies: Tallies,
}

impl Totals {
    /// Share of the messages with a deadline meant for a station that it missed; `None` when there were none.
    pub fn missed_by(&self, station: u32) -> Option<f64> {
        let (expected, missed) = self.shares.get(station as usize).filter(|(expected, _)| *expected > 0)?;
        Some(*missed as f64 / *expected as f64)
    }

    /// Puts the pairs and receivers that missed most into a report, by their names.
    pub fn fill_worst(&self, report: &mut Report, name: &dyn Fn(u32) -> String) {
        report.worst_pairs = self.tallies.worst_pairs(name);
        report.worst_stations = worst_stations(&self.shares, name);
        if self.tallies.beyond() > 0 {
            report.notes.push(counted(
                self.tallies.beyond(),
                "deliveries due between pairs that the list of the worst pairs leaves out: too many pairs met",
            ));
        }
    }

    /// Puts frames, drops, notes, warnings, deliveries by distance and what happened over time into a report made of [`Totals::stats`].
    pub fn fill(&self, report: &mut Report) {
        report.frames = self.frames;
        report.drops = self.drops.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect();
        report.notes.extend(self.notes.iter().cloned());
        report.warnings.extend(self.warnings.iter().cloned());
        report.delivery_by_distance = self.tallies.delivery_by_distance();
        report.over_time = (!self.timeline.is_empty()).then(|| self.timeline.clone());
    }
}

/// Floods live for minutes, and are carried to stations that come into their area.
const OUTSIDE_AREA: &str = "deliveries outside the count: hazards heard by stations that were not in the area when they were sent, or heard later";
/// A frame may be heard farther than it is meant to, and repeated to stations that came later.
const OUT_OF_RANGE: &str = "deliveries outside the count: messages heard by stations farther away than they are meant for, or that came later";

/// How long the ledger waits for a message after its deadline, ns.
pub const GRACE_NS: u64 = 5_000_000_000;

/// Takes the place of the deadline of D5, which has none, at the end of the run only, ns.
pub const BACKGROUND_DUE_NS: u64 = 1_000_000_000;

type Queue<M> = VecDeque<(u64, M)>;

/// Takes the first message that is due.
fn pop_until<M>(queue: &mut Queue<M>, now_ns: u64) -> Option<(u64, M)> {
    queue.pop_front_if(|(until_ns, _)| *until_ns <= now_ns)
}

/// When the deadline of a message has passed for every receiver, ns: the deadline itself is still in time.
pub(crate) fn due_ns(class: Class, sent_ns: u64) -> u64 {
    let span_ns = class.deadline().map_or(BACKGROUND_DUE_NS, |deadline| {
        u64::try_from(deadline.as_nanos()).expect("invariant: deadlines are below a second")
    });
    sent_ns.saturating_add(span_ns).saturating_add(1)
}

#[derive(Debug)]
struct Entry {
    class: Class,
    sent_ns: u64,
    /// Intended receivers that do not have it yet.
    waiting: usize,
    /// A frame of it left its sender.
    transmitted: bool,
    sender: Option<u32>,
    /// By station.
    receivers: Vec<Receiver>,
}

impl Entry {
    fn find(&mut self, station: u32) -> Option<&mut Receiver> {
        let index = self.receivers.binary_search_by_key(&station, |receiver| receiver.station).ok()?;
        self.receivers.get_mut(index)
    }
}

#[derive(Debug)]
struct Receiver {
    latency_ns: u64,
    station: u32,
    distance_m: f32,
    reason: u8,
    intended: bool,
}

impl Receiver {
    fn new(station: u32, distance_m: f32) -> Self {
        Self { latency_ns: NOT_DELIVERED, station, distance_m, reason: NO_REASON, intended: true }
    }
}

#[derive(Debug, Default)]
struct Counts {
    frames_delivered: u64,
    drops: BTreeMap<&'static str, u64>,
    repeated: u64,
    late_floods: u64,
    late: u64,
    unknown: u64,
    forced: u64,
    unfinished: u64,
}

const NOT_DELIVERED: u64 = u64::MAX;
const NO_REASON: u8 = 0;
/// About 100 MB at 24 B each: a thousand stations in a jam, each message meant for 300, for 10 s and more.
const MAX_OPEN_RECEIVERS: usize = 4_000_000;

/// Stations beyond this number have no share of their own; more than any world has.
const MAX_STATIONS: usize = 1 << 20;

#[cfg(test)]
mod tests;
