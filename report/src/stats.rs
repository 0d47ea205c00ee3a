//! The counts of a station or a run: latency per stage, and the fate of every message.
//!
//! A set of histograms for all classes and stages takes some hundred KiB in a station ([`histogram`](crate::histogram)).

use std::collections::BTreeMap;

use v2x_proto::Class;

use v2x_core::{ReceiveStamps, SendStamps};

use crate::histogram::StageHistogram;

/// A part of a message's path, named by its two end points.
///
/// The wording of [`Stage::name`] is part of the report's format and does not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Stage {
    /// Intended application send to verified delivery at the receiving application: what deadlines are judged on.
    SendToDelivered,
    /// Message content generated to the bytes to be signed built.
    GeneratedToBuilt,
    /// Bytes to be signed built to signature made.
    BuiltToSigned,
    /// Signature made to frame in the class queue.
    SignedToQueued,
    /// Frame in the class queue to the congestion gate opening for it.
    QueuedToGate,
    /// Congestion gate open to the last bit on air; of a running station, to the frame in the hands of its kernel.
    GateToAir,
    /// Frame handed to the kernel to the radio's word that it is on air: the wait for the channel. Of injected frames alone.
    HandedToAir,
    /// Last bit on air to the receiver's kernel stamp. Needs one clock for both stations: replay, or one machine.
    AirToKernel,
    /// Receiver's kernel stamp to the frame read in user space.
    KernelToUser,
    /// Frame read to all cheap checks passed.
    UserToPrefiltered,
    /// Cheap checks passed to signature verified; includes the verification queue.
    PrefilteredToVerified,
    /// Signature verified to the message with the application.
    VerifiedToDelivered,
    /// Receiver's kernel stamp to the message with the application: the receiver's whole share.
    KernelToDelivered,
}

impl Stage {
    /// Number of stages.
    pub const COUNT: usize = 13;

    /// Every stage, in the order a message passes them, the overall one first.
    pub const ALL: [Stage; Stage::COUNT] = [
        Stage::SendToDelivered,
        Stage::GeneratedToBuilt,
        Stage::BuiltToSigned,
        Stage::SignedToQueued,
        Stage::QueuedToGate,
        Stage::GateToAir,
        Stage::HandedToAir,
        Stage::AirToKernel,
        Stage::KernelToUser,
        Stage::UserToPrefiltered,
        Stage::PrefilteredToVerified,
        Stage::VerifiedToDelivered,
        Stage::KernelToDelivered,
    ];

    /// Position in [`Stage::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The stable name used in JSON reports and histogram logs; it states both end points.
    pub const fn name(self) -> &'static str {
        match self {
            Stage::SendToDelivered => "send_to_delivered",
            Stage::GeneratedToBuilt => "generated_to_built",
            Stage::BuiltToSigned => "built_to_signed",
            Stage::SignedToQueued => "signed_to_queued",
            Stage::QueuedToGate => "queued_to_gate_open",
            Stage::GateToAir => "gate_open_to_on_air",
            Stage::HandedToAir => "handed_over_to_on_air",
            Stage::AirToKernel => "on_air_to_kernel_receive",
            Stage::KernelToUser => "kernel_receive_to_user_receive",
            Stage::UserToPrefiltered => "user_receive_to_prefiltered",
            Stage::PrefilteredToVerified => "prefiltered_to_verified",
            Stage::VerifiedToDelivered => "verified_to_delivered",
            Stage::KernelToDelivered => "kernel_receive_to_delivered",
        }
    }
}

/// The sender's stages of one message, from its stamps.
pub fn send_stages(stamps: &SendStamps) -> [(Stage, u64); 4] {
    [
        (Stage::GeneratedToBuilt, stamps.built.nanos_since(stamps.generated)),
        (Stage::BuiltToSigned, stamps.signed.nanos_since(stamps.built)),
        (Stage::SignedToQueued, stamps.queued.nanos_since(stamps.signed)),
        (Stage::QueuedToGate, stamps.gate_open.nanos_since(stamps.queued)),
    ]
}

/// The receiver's stages of one message, from its stamps; those whose first end point is unknown are left out.
pub fn receive_stages(stamps: &ReceiveStamps) -> impl Iterator<Item = (Stage, u64)> {
    let ReceiveStamps { kernel_receive, user_receive, prefiltered, verified, delivered } = *stamps;
    [
        (Stage::KernelToUser, kernel_receive, user_receive),
        (Stage::UserToPrefiltered, user_receive, Some(prefiltered)),
        (Stage::PrefilteredToVerified, Some(prefiltered), Some(verified)),
        (Stage::VerifiedToDelivered, Some(verified), Some(delivered)),
        (Stage::KernelToDelivered, kernel_receive, Some(delivered)),
    ]
    .into_iter()
    .filter_map(|(stage, from, to)| Some((stage, to?.nanos_since(from?))))
}

/// The fate of one deadline class.
///
/// `expected` counts (message, intended receiver) pairs, so a message meant for 20 stations is expected 20 times.
#[derive(Debug, Clone)]
pub struct ClassStats {
    /// Which class.
    pub class: Class,
    /// Messages sent.
    pub sent: u64,
    /// (Message, intended receiver) pairs.
    pub expected: u64,
    /// Of `expected`: delivered, in time or late.
    pub delivered: u64,
    /// Of `delivered`: after the deadline.
    pub late: u64,
    /// Of `expected`: never delivered, by reason.
    pub undelivered: BTreeMap<&'static str, u64>,
    /// Deliveries to stations the message was not meant for; outside every identity.
    pub unintended: u64,
    /// What else is outside every identity, by name.
    pub apart: BTreeMap<&'static str, u64>,
    stages: [StageHistogram; Stage::COUNT],
}

impl ClassStats {
    /// Nothing counted yet.
    pub fn new(class: Class) -> Self {
        Self {
            class,
            sent: 0,
            expected: 0,
            delivered: 0,
            late: 0,
            undelivered: BTreeMap::new(),
            unintended: 0,
            apart: BTreeMap::new(),
            stages: core::array::from_fn(|_| StageHistogram::new()),
        }
    }

    /// Counts one latency of one stage.
    pub fn record(&mut self, stage: Stage, latency_ns: u64) {
        self.stages[stage.index()].record(latency_ns);
    }

    /// Counts an expected delivery that happened `latency_ns` after the intended send, and judges it.
    pub fn record_delivered(&mut self, latency_ns: u64) {
        self.expected += 1;
        self.delivered += 1;
        self.late += u64::from(self.is_late(latency_ns));
        self.record(Stage::SendToDelivered, latency_ns);
    }

    /// Counts an expected delivery that never happened.
    pub fn record_undelivered(&mut self, reason: &'static str) {
        self.expected += 1;
        *self.undelivered.entry(reason).or_default() += 1;
    }

    /// Whether a delivery this long after the intended send missed the class's deadline. Never for D5.
    pub fn is_late(&self, latency_ns: u64) -> bool {
        self.class.deadline().is_some_and(|deadline| u128::from(latency_ns) > deadline.as_nanos())
    }

    /// Expected deliveries that did not happen in time: never, or late.
    pub fn missed(&self) -> u64 {
        self.undelivered.values().sum::<u64>() + self.late
    }

    /// Latencies of one stage.
    pub fn stage(&self, stage: Stage) -> &StageHistogram {
        &self.stages[stage.index()]
    }

    /// Adds what another observer counted of the same class.
    pub fn merge(&mut self, other: &ClassStats) {
        debug_assert_eq!(self.class, other.class, "only equal classes add up");
        self.sent += other.sent;
        self.expected += other.expected;
        self.delivered += other.delivered;
        self.late += other.late;
        self.unintended += other.unintended;
        for (reason, count) in &other.undelivered {
            *self.undelivered.entry(reason).or_default() += count;
        }
        for (name, count) in &other.apart {
            *self.apart.entry(name).or_default() += count;
        }
        for (mine, theirs) in self.stages.iter_mut().zip(&other.stages) {
            mine.merge(theirs);
        }
    }
}

/// One [`ClassStats`] for each class.
#[derive(Debug, Clone)]
pub struct Stats {
    classes: [ClassStats; Class::ALL.len()],
}

impl Stats {
    /// Nothing counted yet.
    pub fn new() -> Self {
        Self { classes: Class::ALL.map(ClassStats::new) }
    }

    /// Counters of one class.
    pub fn class(&self, class: Class) -> &ClassStats {
        &self.classes[class.index()]
    }

    /// Counters of one class, to count on.
    pub fn class_mut(&mut self, class: Class) -> &mut ClassStats {
        &mut self.classes[class.index()]
    }

    /// All classes, D0 first.
    pub fn classes(&self) -> &[ClassStats] {
        &self.classes
    }

    /// Copies one of [`PARTS`](Self::PARTS) parts of `other`, so that a station can do so between its frames; false when that
    /// part is empty in both, which costs nothing. A class's counts come with its deliveries, so that they add up.
    pub fn copy_part(&mut self, part: usize, other: &Stats) -> bool {
        let (class, stage) = (part / Stage::COUNT, part % Stage::COUNT);
        let (mine, theirs) = (&mut self.classes[class], &other.classes[class]);
        if stage == Stage::SendToDelivered.index() {
            mine.sent = theirs.sent;
            mine.expected = theirs.expected;
            mine.delivered = theirs.delivered;
            mine.late = theirs.late;
            mine.unintended = theirs.unintended;
            mine.undelivered.clone_from(&theirs.undelivered);
        }
        let (mine, theirs) = (&mut mine.stages[stage], &theirs.stages[stage]);
        let any = !(mine.is_empty() && theirs.is_empty());
        if any {
            mine.copy(theirs);
        }
        any
    }

    /// Parts that [`copy_part`](Self::copy_part) copies: each stage of each class.
    pub const PARTS: usize = Class::ALL.len() * Stage::COUNT;

    /// Adds what another observer counted.
    pub fn merge(&mut self, other: &Stats) {
        for (mine, theirs) in self.classes.iter_mut().zip(&other.classes) {
            mine.merge(theirs);
        }
    }
}

impl Default for Stats {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use v2x_core::Instant;

    #[test]
    fn stage_names_are_distinct_and_in_order() {
        for (index, stage) in Stage::ALL.into_iter().enumerate() {
            assert_eq!(stage.index(), index);
            assert!(stage.name().contains("_to_"), "{stage:?} must name both end points");
        }
        let mut names: Vec<_> = Stage::ALL.iter().map(|stage| stage.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Stage::COUNT);
    }

    #[test]
    fn stages_come_from_stamps_and_skip_what_is_unknown() {
        let at = Instant::from_nanos;
        let sent = send_stages(&SendStamps {
            generated: at(100),
            built: at(110),
            signed: at(130),
            queued: at(131),
            gate_open: at(200),
        });
        assert_eq!(sent.map(|(_, ns)| ns), [10, 20, 1, 69]);
        let mut stamps = ReceiveStamps {
            kernel_receive: Some(at(1_000)),
            user_receive: Some(at(1_010)),
            prefiltered: at(1_030),
            verified: at(1_070),
            delivered: at(1_075),
        };
        let latencies: Vec<_> = receive_stages(&stamps).map(|(_, ns)| ns).collect();
        assert_eq!(latencies, [10, 20, 40, 5, 75]);
        stamps.kernel_receive = None;
        stamps.user_receive = None;
        let stages: Vec<_> = receive_stages(&stamps).map(|(stage, _)| stage).collect();
        assert_eq!(stages, [Stage::PrefilteredToVerified, Stage::VerifiedToDelivered]);
    }

    #[test]
    fn all_parts_together_are_a_copy() {
        let (mut source, mut copy) = (Stats::new(), Stats::new());
        copy.class_mut(Class::D0).record(Stage::AirToKernel, 7);
        source.class_mut(Class::D5).record_delivered(1_000);
        source.class_mut(Class::D5).sent = 3;
        source.class_mut(Class::D1).record_undelivered("gone");
        source.class_mut(Class::D1).record(Stage::GateToAir, 5);
        let copied = (0..Stats::PARTS).filter(|part| copy.copy_part(*part, &source)).count();
        assert_eq!(copied, 3, "what is empty in both is skipped");
        for class in Class::ALL {
            let (found, wanted) = (copy.class(class), source.class(class));
            assert_eq!(
                (found.sent, found.expected, found.delivered),
                (wanted.sent, wanted.expected, wanted.delivered)
            );
            assert_eq!(found.undelivered, wanted.undelivered);
            for stage in Stage::ALL {
                assert_eq!(found.stage(stage).summary(), wanted.stage(stage).summary());
            }
        }
    }

    #[test]
    fn merged_observers_equal_one() {
        let (mut left, mut right, mut both) =
            (ClassStats::new(Class::D2), ClassStats::new(Class::D2), ClassStats::new(Class::D2));
        for sample in 0..200u64 {
            let latency_ns = sample * 1_000_000;
            let half = if sample % 2 == 0 { &mut left } else { &mut right };
            for stats in [half, &mut both] {
                stats.sent += 1;
                stats.record_delivered(latency_ns);
                stats.record_undelivered("never_received");
            }
        }
        left.merge(&right);
        assert_eq!(left.late, 99, "101 ms to 199 ms are late for D2");
        assert_eq!(
            (left.sent, left.expected, left.missed(), &left.undelivered),
            (both.sent, both.expected, both.missed(), &both.undelivered)
        );
        assert_eq!(
            left.stage(Stage::SendToDelivered).summary(),
            both.stage(Stage::SendToDelivered).summary()
        );
    }

    #[test]
    fn a_class_without_deadline_is_never_late() {
        assert!(!ClassStats::new(Class::D5).is_late(u64::MAX));
        assert!(!ClassStats::new(Class::D0).is_late(20_000_000));
        assert!(ClassStats::new(Class::D0).is_late(20_000_001));
    }
}
