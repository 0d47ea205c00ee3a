//! The station's figures of now: what is cheap is taken at once, the histograms are copied a part a turn, and the rest is done
//! by the programs' thread.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use v2x_api::{
    Buckets, ClassPerSecond, ClockFigures, LinkFigures, PerSecond, PositionFigures, Queues, RequestId,
};
use v2x_core::{Instant, Node};
use v2x_proto::Class;
use v2x_report::{Report, Stage, Stats, counts};

use super::client::ConnectionId;
use super::view::{tenth, thousandth};
use crate::daemon::channel_figures::source_name;
use crate::daemon::congestion_figures;
use crate::daemon::keyring::Verifications;
use crate::daemon::station::Station;
use crate::daemon::statistics::Statistics;

/// Those who want figures, and the copy that is being made for them.
#[derive(Debug)]
pub struct Figures {
    /// Histograms to copy to, when the thread has given them back.
    spare: Option<Box<Stats>>,
    give: SyncSender<Box<Stats>>,
    returned: Receiver<Box<Stats>>,
    /// The next part to copy, while figures are being made.
    part: Option<usize>,
    asked: Vec<(ConnectionId, Option<RequestId>)>,
    /// They are for all that watch, too.
    watched: bool,
    before: Counts,
    lately: PerSecond,
    /// Of one core.
    verification_load: f64,
}

/// Counts at the beginning of a second.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    at: Instant,
    received: u64,
    delivered: u64,
    dropped: u64,
    sent: u64,
    forwarded: u64,
    verified: u64,
    verifying_ns: u64,
    /// Sent, delivered, and of these late.
    classes: [[u64; 3]; Class::ALL.len()],
}

/// Figures on their way to the programs.
#[derive(Debug)]
pub struct FiguresDraft {
    at: Instant,
    stats: v2x_api::Stats,
    report: Report,
    histograms: Box<Stats>,
    give: SyncSender<Box<Stats>>,
}

/// What others than the station know.
#[derive(Clone, Copy, Debug, Default)]
pub struct Surroundings {
    /// When the daemon started.
    pub started: Instant,
    /// How far the clock may be off.
    pub clock_bound_us: Option<u64>,
    /// The longest turn so far.
    pub longest_turn_us: f64,
}

impl Default for Figures {
    fn default() -> Self {
        let (give, returned) = sync_channel(1);
        Self {
            spare: Some(Box::new(Stats::new())),
            give,
            returned,
            part: None,
            asked: Vec::new(),
            watched: false,
            before: Counts::default(),
            lately: PerSecond::default(),
            verification_load: 0.0,
        }
    }
}

impl Figures {
    /// A program asks for them once. There are at most as many as programs.
    pub fn ask(&mut self, client: ConnectionId, id: Option<RequestId>) {
        self.asked.push((client, id));
    }

    /// A second has passed: what happened in it; `watched` programs get figures.
    pub fn second(
        &mut self,
        statistics: &Statistics,
        verifications: &Verifications,
        watched: bool,
        now: Instant,
    ) {
        let counts = Counts::of(statistics, verifications, now);
        let before = core::mem::replace(&mut self.before, counts);
        let seconds = now.since(before.at).as_secs_f64();
        if before.at > Instant::ZERO && seconds > 0.0 {
            self.lately = counts.since(&before, seconds);
            let verifying = counts.verifying_ns.saturating_sub(before.verifying_ns) as f64 / 1e9;
            self.verification_load = thousandth(verifying / seconds);
        }
        self.watched |= watched;
    }

    /// Whether anybody waits for them.
    pub fn is_wanted(&self) -> bool {
        self.watched || !self.asked.is_empty()
    }

    /// Copies the next part of `stats`; the whole copy once that was the last one.
    pub fn copy(&mut self, stats: &Stats) -> Option<Box<Stats>> {
        self.begin();
        let (part, spare) = (self.part.as_mut()?, self.spare.as_mut()?);
        for _ in 0..PARTS_AT_ONCE {
            if *part == Stats::PARTS {
                self.part = None;
                return self.spare.take();
            }
            spare.copy_part(*part, stats);
            *part += 1;
        }
        None
    }

    /// The figures, for all who wait for them.
    pub fn finish(
        &mut self,
        histograms: Box<Stats>,
        report: Report,
        station: &Station,
        statistics: &Statistics,
        around: &Surroundings,
        now: Instant,
    ) -> (Audience, Box<FiguresDraft>) {
        let audience =
            Audience { asked: core::mem::take(&mut self.asked), watched: core::mem::take(&mut self.watched) };
        let stats = self.cheap(station, statistics, around, now);
        let give = self.give.clone();
        (audience, Box::new(FiguresDraft { at: now, stats, report, histograms, give }))
    }

    /// Begins when somebody waits, and the copy of before is back.
    fn begin(&mut self) {
        if self.part.is_none() && self.is_wanted() {
            self.spare = self.spare.take().or_else(|| self.returned.try_recv().ok());
            self.part = self.spare.is_some().then_some(0);
        }
    }

    /// What needs no histogram.
    fn cheap(
        &self,
        station: &Station,
        statistics: &Statistics,
        around: &Surroundings,
        now: Instant,
    ) -> v2x_api::Stats {
        let node = station.node();
        let (busy, queues, radio) = (node.channel_busy(now), node.queues(), station.radio());
        let counters = radio.counters();
        let by_class = Class::ALL.into_iter().zip(queues.send);
        v2x_api::Stats {
            uptime_s: thousandth(now.since(around.started).as_secs_f64()),
            per_second: self.lately.clone(),
            neighbours: node.neighbour_table().len() as u64,
            hazards: node.hazards().count() as u64,
            queue: Queues {
                send_by_class: by_class.map(|(class, len)| (class.name().to_owned(), len as u64)).collect(),
                verify: queues.verify as u64,
                forward: queues.forward as u64,
            },
            verification_load: self.verification_load,
            channel_busy: Some(thousandth(busy.share)),
            channel_source: Some(source_name(busy).to_owned()),
            congestion: Some(congestion_figures::answer(node)),
            clock: ClockFigures {
                state: node.clock().name().to_owned(),
                bound_us: around.clock_bound_us.map(|bound| bound as f64),
            },
            position: position(node, now),
            restarts: counters.reopened,
            longest_turn_us: around.longest_turn_us,
            link: LinkFigures {
                name: radio.describe().to_string(),
                up: !radio.state().is_down(),
                kernel_drops: counters.kernel_dropped,
                transmit_failed: counters.send_errors,
            },
            drops: counts::owned(statistics.drops()),
            not_sent: counts::owned(statistics.unsent()),
            afar: statistics.afar.figures(),
            ..v2x_api::Stats::default()
        }
    }
}

/// Whom figures are for.
#[derive(Debug, Default)]
pub struct Audience {
    /// Programs that asked once.
    pub asked: Vec<(ConnectionId, Option<RequestId>)>,
    /// Those that watch, too.
    pub watched: bool,
}

impl FiguresDraft {
    /// Does what takes milliseconds, on another thread than the station's; when they were taken, and the figures.
    pub fn finish(self) -> (Instant, v2x_api::Stats) {
        let Self { at, mut stats, mut report, mut histograms, give } = self;
        Statistics::complete(&mut histograms);
        report.judge(&histograms);
        stats.report = serde_json::to_value(&report).unwrap_or_default();
        stats.histograms = buckets(&histograms);
        // There is one copy, and room for it; the station may have ended.
        drop(give.try_send(histograms));
        (at, stats)
    }
}

impl Counts {
    fn of(statistics: &Statistics, verifications: &Verifications, at: Instant) -> Self {
        let frames = statistics.frames();
        let mut classes = [[0; 3]; Class::ALL.len()];
        for class in statistics.stats().classes() {
            classes[class.class.index()] = [class.sent, class.delivered, class.late];
        }
        let (verified, verifying_ns) = verifications.counts();
        Self {
            at,
            received: frames.received,
            delivered: frames.delivered,
            dropped: frames.dropped,
            sent: statistics.sent(),
            forwarded: statistics.forwarded(),
            verified,
            verifying_ns,
            classes,
        }
    }

    fn since(&self, before: &Self, seconds: f64) -> PerSecond {
        let rate = |now: u64, then: u64| tenth(now.saturating_sub(then) as f64 / seconds);
        let by_class = Class::ALL.into_iter().map(|class| {
            let [now, then] = [self.classes[class.index()], before.classes[class.index()]];
            let [sent, delivered, late] = [0, 1, 2].map(|what| rate(now[what], then[what]));
            (class.name().to_owned(), ClassPerSecond { sent, delivered, late })
        });
        PerSecond {
            received: rate(self.received, before.received),
            delivered: rate(self.delivered, before.delivered),
            dropped: rate(self.dropped, before.dropped),
            sent: rate(self.sent, before.sent),
            forwarded: rate(self.forwarded, before.forwarded),
            verified: rate(self.verified, before.verified),
            by_class: by_class.collect(),
        }
    }
}

fn position(node: &Node, now: Instant) -> PositionFigures {
    let fix = node.last_fix();
    let age = |fix: &v2x_core::Fix| node.anchor().wire_at(now).since(fix.time).as_secs_f64() * 1000.0;
    PositionFigures {
        state: if fix.is_some() { "known" } else { "unknown" }.to_owned(),
        age_ms: fix.as_ref().map(age).map(tenth),
        accuracy_m: fix.and_then(|fix| fix.accuracy_cm).map(|accuracy| f64::from(accuracy) / 100.0),
    }
}

/// The stages of each class in which there is anything.
fn buckets(stats: &Stats) -> BTreeMap<String, BTreeMap<String, Buckets>> {
    let stages = |class: &v2x_report::ClassStats| {
        let any = Stage::ALL.into_iter().filter(|stage| !class.stage(*stage).is_empty());
        any.map(|stage| {
            let histogram = class.stage(stage);
            let (counts, sum_ns) = histogram.cumulative(&BOUNDS_US.map(|us| us * 1000));
            let bounds_us = BOUNDS_US.map(|us| us as f64).to_vec();
            let buckets =
                Buckets { bounds_us, counts, sum_us: sum_ns as f64 / 1000.0, count: histogram.count() };
            (stage.name().to_owned(), buckets)
        })
        .collect::<BTreeMap<_, _>>()
    };
    let classes = stats.classes().iter().map(|class| (class.class.name().to_owned(), stages(class)));
    classes.filter(|(_, stages)| !stages.is_empty()).collect()
}

/// Upper bounds of the buckets: 1, 2 and 5 of each power of ten, and the deadlines, 20, 100 and 300 ms.
const BOUNDS_US: [u64; 20] = [
    10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 300_000,
    500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000,
];
/// Parts of the histograms copied in one turn: at most 16 of some KiB each.
const PARTS_AT_ONCE: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_count_what_is_at_most_their_bound_and_add_up() {
        let mut stats = Stats::new();
        for us in [5, 10, 99, 100, 20_000, 20_100, 30_000_000] {
            stats.class_mut(Class::D0).record(Stage::SendToDelivered, us * 1000);
        }
        let all = buckets(&stats);
        assert_eq!(all.keys().collect::<Vec<_>>(), ["D0"]);
        let found = &all["D0"]["send_to_delivered"];
        let at = |bound: f64| found.counts[found.bounds_us.iter().position(|one| *one == bound).unwrap()];
        assert_eq!((at(10.0), at(50.0), at(100.0), at(20_000.0), at(50_000.0)), (2, 2, 4, 5, 6));
        assert_eq!((at(10_000_000.0), found.count), (6, 7));
        let sum = 5.0 + 10.0 + 99.0 + 100.0 + 20_000.0 + 20_100.0 + 30_000_000.0;
        assert!((found.sum_us / sum - 1.0).abs() < 0.001, "{}", found.sum_us);
    }

    #[test]
    fn a_copy_is_made_a_part_at_a_time_and_made_once_for_all_who_ask() {
        let mut figures = Figures::default();
        let mut stats = Stats::new();
        stats.class_mut(Class::D2).record_delivered(1_000_000);
        assert!(figures.copy(&stats).is_none() && !figures.is_wanted());
        figures.ask(ConnectionId(1), None);
        figures.ask(ConnectionId(2), None);
        let copies: Vec<_> = core::iter::repeat_with(|| figures.copy(&stats)).take(9).flatten().collect();
        assert_eq!(copies.len(), 1);
        assert_eq!(copies[0].class(Class::D2).delivered, 1);
        assert!(figures.copy(&stats).is_none(), "the next one waits for the return of this");
    }
}
