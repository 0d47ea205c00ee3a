//! The report of a run: the one JSON document that demo, replay, daemon and benchmarks share.
//!
//! Field names are stable and carry their units. Latencies are nanoseconds, each named by its two end points (see
//! [`Stage`](crate::Stage)). Load is open loop: a latency starts when the message was *meant* to be sent, so a stalled sender is
//! charged for every message that was due during the stall. A miss is one (message, intended receiver) pair that was
//! not served in time, whether late or never.
//!
//! These hold in every report, and [`Report::check`] tests them:
//!
//! - per class `expected == delivered + sum(undelivered)`
//! - per class `missed == sum(undelivered) + delivered_late`
//! - `frames.received == frames.delivered + frames.dropped`
//! - `frames.dropped == sum(drops)`
//! - `afar.received == afar.delivered + afar.dropped`, and `afar.dropped == sum(afar.drops)`
//! - `expected` and `delivered` of D2 are the sums of `delivery_by_distance`, where there is one
//! - `frames` of each of `losses_by_distance` are those received and those lost

mod afar;
mod channel;
mod class;
mod congestion;
mod damage;
mod evidence;
mod faults;
mod flood;
pub mod human;
mod markers;
mod processing;
mod reception;
mod repeats;
mod seed_run;
pub mod signal;
mod table;
mod verdict;
mod what_ran;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use v2x_proto::Class;

use crate::machine::Machine;
use crate::stats::Stats;
use crate::timeline::Timeline;

pub use afar::AfarReport;
pub use channel::{ChannelReport, OcbReport};
pub use class::{ClassReport, miss_target};
pub use congestion::CongestionReport;
pub use damage::{AttackFrames, Damage, HonestClass, HonestFigures};
pub use faults::FaultReport;
pub use flood::{Flood, FloodBand, FloodHealed, FloodWorst};
pub use processing::ProcessorReport;
pub(crate) use reception::missed_share;
pub use reception::{DeliveryBin, LossBin, WorstPair, WorstStation};
pub use repeats::{ClassSpread, Repeats, SeedClass, SeedRun};
pub use verdict::Verdict;
pub use what_ran::{InputFile, WhatRan};

/// A run's report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What kind of run this was.
    pub kind: Kind,
    /// Version of the software that ran.
    pub version: String,
    /// Digest of all outputs, hexadecimal; absent where outputs depend on real time.
    pub digest: Option<String>,
    /// Number of stations.
    pub stations: u64,
    /// Length of the run in the stations' own time, s.
    pub simulated_s: f64,
    /// What was run.
    #[serde(default)]
    pub run: WhatRan,
    /// What the machine gave it; absent from files about virtual time, so that equal runs have equal files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<Machine>,
    /// How often a frame's signature was verified.
    pub verify: Verify,
    /// One entry for each deadline class, D0 first.
    pub classes: Vec<ClassReport>,
    /// The outcome of the frames that reached a station.
    pub frames: Frames,
    /// Dropped frames by reason.
    pub drops: BTreeMap<String, u64>,
    /// How old the newest awareness of a neighbour was, by distance; sampled evenly in time.
    pub age_of_information: Vec<DistanceBin>,
    /// Time between two awareness messages of one neighbour, by distance.
    pub inter_packet_gap: Vec<DistanceBin>,
    /// How much awareness reached the stations it was meant for, by distance; absent where distances are not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delivery_by_distance: Vec<DeliveryBin>,
    /// What became of frames on the air by distance, and why, in all runs; absent where the medium does not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub losses_by_distance: Vec<LossBin>,
    /// The ten pairs that missed most, the worst first; of several runs those of the first. Absent where nothing was missed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub worst_pairs: Vec<WorstPair>,
    /// The ten receivers that missed most, likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub worst_stations: Vec<WorstStation>,
    /// How often an eavesdropper linked two pseudonyms of one station; absent where that was not examined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linkability: Option<Linkability>,
    /// How well each attack was detected; absent in a run without attackers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detection: Option<Vec<Detection>>,
    /// Share of heard stations that some receiver suspected in the same run without attackers; absent likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub false_positive_ratio: Option<f64>,
    /// What attackers cost honest stations, against the same run without them; absent in a run without attackers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damage: Option<Damage>,
    /// How busy stations were; absent where work takes no virtual time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processor: Option<ProcessorReport>,
    /// What the faults of a plan took, in its order; absent where it has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FaultReport>,
    /// The signal ahead of a vehicle when the report was made; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal_ahead: Option<signal::SignalAhead>,
    /// Red-light warnings that a vehicle gave its driver; absent where there were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub red_light_warnings: Option<u64>,
    /// Messages that another station signed with one of this station's credentials; absent where none was heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_elsewhere: Option<u64>,
    /// How busy the channel was; absent but for a live station.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelReport>,
    /// Congestion control; absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub congestion: Option<CongestionReport>,
    /// Frames from afar; absent where none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub afar: Option<AfarReport>,
    /// What the kernel keeps of the neighbours in OCB; absent on other links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ocb: Option<OcbReport>,
    /// What vehicles asked a roadside unit for; absent where none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority_requests: Option<signal::PriorityRequests>,
    /// How far floods came; absent where none was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flood: Option<Flood>,
    /// The same floods under other ways of forwarding, for comparison.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flood_baselines: Vec<Flood>,
    /// Load and misses over time; absent where nothing was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over_time: Option<Timeline>,
    /// How the runs under several seeds spread; absent for one run, whose figures the classes have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<Repeats>,
    /// What the figures leave out, and how they were taken: nothing to worry about.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Caveats about the figures.
    pub warnings: Vec<String>,
    /// Whether every deadline class met its miss target, if there was anything to judge.
    pub verdict: Verdict,
}

impl Report {
    /// A judged report of the counts; all fields but the classes start empty, for the caller to fill in.
    pub fn new(kind: Kind, version: impl Into<String>, verify: Verify, stats: &Stats) -> Self {
        let mut report = Self::outline(kind, version, verify);
        report.judge(stats);
        report
    }

    /// A report whose classes are still to be judged ([`judge`](Self::judge)).
    pub fn outline(kind: Kind, version: impl Into<String>, verify: Verify) -> Self {
        Self {
            kind,
            version: version.into(),
            digest: None,
            stations: 0,
            simulated_s: 0.0,
            run: WhatRan::default(),
            machine: None,
            verify,
            classes: Vec::new(),
            frames: Frames::default(),
            drops: BTreeMap::new(),
            age_of_information: Vec::new(),
            inter_packet_gap: Vec::new(),
            delivery_by_distance: Vec::new(),
            losses_by_distance: Vec::new(),
            worst_pairs: Vec::new(),
            worst_stations: Vec::new(),
            linkability: None,
            detection: None,
            false_positive_ratio: None,
            damage: None,
            processor: None,
            faults: Vec::new(),
            signal_ahead: None,
            red_light_warnings: None,
            heard_elsewhere: None,
            channel: None,
            congestion: None,
            afar: None,
            ocb: None,
            priority_requests: None,
            flood: None,
            flood_baselines: Vec::new(),
            over_time: None,
            repeats: None,
            notes: Vec::new(),
            warnings: Vec::new(),
            verdict: judge(&[]),
        }
    }

    /// Puts in the figures of each class, and the verdict. Goes through all of `stats`: milliseconds, which a station does not
    /// spend between two frames.
    pub fn judge(&mut self, stats: &Stats) {
        self.classes = stats.classes().iter().map(ClassReport::new).collect();
        self.verdict = judge(&self.classes);
    }

    /// Sets what the machine gave the run, and warns when that was so little that the figures are the machine's.
    pub fn set_machine(&mut self, machine: Machine) {
        self.machine = Some(machine);
        self.warnings.extend(self.denial());
    }

    /// What the machine denied the run, if that matters: see [`Machine::denial`].
    pub fn denial(&self) -> Option<String> {
        let what = match self.kind {
            Kind::Demo => "the demo",
            Kind::Run => "the station",
            Kind::Replay | Kind::Bench => "the run",
        };
        self.machine.and_then(|machine| machine.denial(what))
    }

    /// Adds the deliveries and losses by distance of another run; both have the same ranges, or one of them none.
    pub fn add_deliveries(&mut self, other: &Self) {
        if self.losses_by_distance.is_empty() {
            self.losses_by_distance.clone_from(&other.losses_by_distance);
        } else {
            for (bin, other) in self.losses_by_distance.iter_mut().zip(&other.losses_by_distance) {
                bin.add(other);
            }
        }
        if self.delivery_by_distance.is_empty() {
            self.delivery_by_distance.clone_from(&other.delivery_by_distance);
            return;
        }
        for (bin, other) in self.delivery_by_distance.iter_mut().zip(&other.delivery_by_distance) {
            bin.expected += other.expected;
            bin.delivered += other.delivered;
        }
    }

    /// The entry of one class, if the report has it.
    pub fn class(&self, class: Class) -> Option<&ClassReport> {
        self.classes.iter().find(|entry| entry.class == class.name())
    }

    /// Tests the report's identities; the error names the first that does not hold, with its figures.
    pub fn check(&self) -> Result<(), String> {
        self.classes.iter().try_for_each(ClassReport::check)?;
        let Frames { received, delivered, dropped } = self.frames;
        if received != delivered + dropped {
            return Err(format!(
                "frames: received {received} should equal delivered {delivered} + dropped {dropped}"
            ));
        }
        let by_reason: u64 = self.drops.values().sum();
        if dropped != by_reason {
            return Err(format!(
                "frames: dropped {dropped} should equal the sum of drops by reason, {by_reason}"
            ));
        }
        self.afar.as_ref().map_or(Ok(()), AfarReport::check)?;
        for bin in &self.losses_by_distance {
            let LossBin { at_m, frames, received, lost } = bin;
            let sum = received + lost.values().sum::<u64>();
            if sum != *frames {
                return Err(format!(
                    "losses_by_distance: {at_m} m: {frames} frames should be {sum} received and lost"
                ));
            }
        }
        let bins = &self.delivery_by_distance;
        if let Some(class) = self.class(Class::D2).filter(|_| !bins.is_empty()) {
            let sums = bins.iter().fold((0, 0), |(expected, delivered), bin| {
                (expected + bin.expected, delivered + bin.delivered)
            });
            if sums != (class.expected, class.delivered) {
                let (expected, delivered) = sums;
                return Err(format!(
                    "delivery_by_distance: {delivered} of {expected} should be D2's {} of {}",
                    class.delivered, class.expected
                ));
            }
        }
        let judged = judge(&self.classes);
        if self.verdict != judged {
            return Err(format!("verdict: {} should be {judged}", self.verdict));
        }
        Ok(())
    }
}

/// What kind of run a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The built-in town over loopback.
    Demo,
    /// A trace or recording in virtual time.
    Replay,
    /// A live station.
    Run,
    /// A benchmark.
    Bench,
}

impl core::fmt::Display for Kind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Kind::Demo => "demo",
            Kind::Replay => "replay",
            Kind::Run => "run",
            Kind::Bench => "bench",
        })
    }
}

/// How often a frame's signature was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verify {
    /// Once for all its receivers: the result is a function of the bytes.
    Once,
    /// At every reception.
    Every,
}

impl Verify {
    /// How often a signature is verified, in words.
    pub fn in_words(self) -> &'static str {
        match self {
            Verify::Once => "once a frame, for all its receivers",
            Verify::Every => "at every reception",
        }
    }
}

impl core::fmt::Display for Verify {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Verify::Once => "once",
            Verify::Every => "every",
        })
    }
}

fn judge(classes: &[ClassReport]) -> Verdict {
    if !classes.iter().any(ClassReport::is_judged) {
        Verdict::NothingToJudge
    } else if classes.iter().all(|class| class.met) {
        Verdict::Met
    } else {
        Verdict::Missed
    }
}

/// The outcome of the frames that reached a station; each ends in exactly one of the two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Frames {
    /// Frames received, by all stations together.
    pub received: u64,
    /// Delivered to the application.
    pub delivered: u64,
    /// Dropped, for a reason listed in the report's `drops`.
    pub dropped: u64,
}

/// A distribution of times at one range of distances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DistanceBin {
    /// Shortest distance, m, inclusive.
    pub from_m: u32,
    /// Longest distance, m, exclusive; `null` for the last, open range.
    pub to_m: Option<u32>,
    /// Samples.
    pub count: u64,
    /// Median, ns.
    pub p50_ns: u64,
    /// 95 % of the samples are at most this, ns.
    pub p95_ns: u64,
    /// 99 %, ns.
    pub p99_ns: u64,
    /// Largest sample, ns.
    pub max_ns: u64,
}

/// How well pseudonyms hide: the success of an eavesdropper that hears everything, by positions and by markers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Linkability {
    /// Changes of which both pseudonyms were heard.
    pub changes: u64,
    /// Of `changes`: linked correctly by positions.
    pub linked: u64,
    /// `linked / changes`; 0 when nothing changed.
    pub ratio: f64,
    /// The links by each marker alone, and last by all of them together, among the pairs that positions allow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub markers: Vec<Marker>,
}

/// What one trait gives away that may outlive a change of pseudonym.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Marker {
    /// Its name.
    pub name: String,
    /// Changes where both pseudonyms showed it.
    pub compared: u64,
    /// Of `compared`: linked correctly.
    pub linked: u64,
    /// Of `compared`: linked correctly by guessing, on average.
    pub chance: f64,
}

impl Marker {
    /// Whether it links more than guessing does: by over two standard deviations.
    #[must_use]
    pub fn tells(&self) -> bool {
        let spread = (self.chance * (1.0 - self.chance / (self.compared as f64).max(1.0))).max(0.0).sqrt();
        self.compared > 0 && self.linked as f64 > self.chance + 2.0 * spread && self.linked > 1
    }
}

impl Linkability {
    /// With its ratio.
    pub fn new(changes: u64, linked: u64) -> Self {
        let ratio = if changes == 0 { 0.0 } else { linked as f64 / changes as f64 };
        Self { changes, linked, ratio, markers: Vec::new() }
    }
}

/// How well one attack was detected. The host decides what is counted: pairs of receiver and attacker, or forged
/// frames.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// Name of the attack.
    pub attack: String,
    /// `detected / (detected + false_alarms)`; 0 when nothing was detected.
    pub precision: f64,
    /// `detected / (detected + missed)`; 0 when nothing was detected.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
    /// From the first message of the attack that a receiver heard to its detection there, median, s.
    pub median_detect_s: Option<f64>,
    /// Attackers or frames detected.
    pub detected: u64,
    /// Those not detected.
    pub missed: u64,
    /// Honest ones taken for attackers.
    pub false_alarms: u64,
    /// Detections by plausibility check (the one with the greatest weight in the message that decided) or drop
    /// reason. Reports of earlier versions have none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub findings: BTreeMap<String, u64>,
    /// What honest stations sent because of it; for attacks that ask for answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provoked: Option<Provoked>,
    /// Copies that arrived before the message itself, and so count as it; neither detected nor missed.
    /// For attacks by exact copies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_heard: Option<u64>,
}

/// What honest stations sent beyond what they send in the same run without attackers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provoked {
    /// The attack's frames on the air.
    pub by: u64,
    /// Frames of all honest stations more than without attackers.
    pub frames: u64,
    /// Whole credentials in their frames more than without attackers.
    pub credentials: u64,
}

impl Detection {
    /// With its ratios.
    pub fn new(
        attack: &str,
        detected: u64,
        missed: u64,
        false_alarms: u64,
        median_detect_s: Option<f64>,
    ) -> Self {
        let share = |of: u64| if detected == 0 { 0.0 } else { detected as f64 / of as f64 };
        Self {
            attack: attack.to_owned(),
            precision: share(detected + false_alarms),
            recall: share(detected + missed),
            f1: share(detected + missed) * share(detected + false_alarms) * 2.0
                / (share(detected + missed) + share(detected + false_alarms)).max(f64::MIN_POSITIVE),
            median_detect_s,
            detected,
            missed,
            false_alarms,
            provoked: None,
            first_heard: None,
            findings: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests;
