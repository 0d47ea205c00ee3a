//! One fault of a plan.

use v2x_settings::KeyPlace;

use super::members::Members;

/// One fault.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// With whom; of faults on links, which senders.
    pub who: Members,
    /// Of faults on links, which receivers.
    pub receivers: Members,
    /// When.
    pub span: FaultSpan,
    /// Where the plan names them: file, line and key, of `who` and of `receivers`.
    pub places: [KeyPlace; 2],
    /// How many of its kind stand before it.
    pub of_its_kind: u32,
}

/// From when to when, s after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaultSpan {
    /// From, s.
    pub from_s: f64,
    /// To, s; infinite: to the end.
    pub to_s: f64,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum FaultKind {
    /// Links lose frames in bursts, by the model of Gilbert and Elliott: a link is good or bad, and changes with each frame.
    BurstLoss {
        /// Probability that a good link is bad from the next frame on.
        to_bad: f64,
        /// Probability that a bad link is good from the next frame on.
        to_good: f64,
        /// Share of frames that a good link loses.
        loss_good: f64,
        /// Share of frames that a bad link loses.
        loss_bad: f64,
    },
    /// Two groups do not hear each other: the members and the others, or those on both sides of a line.
    Partition {
        /// East of the scenario's origin, m: the line between the two.
        split_m: Option<f64>,
    },
    /// The station's process ends, and another begins under a new pseudonym with an empty memory.
    Crash {
        /// How long it is down, s.
        down_s: f64,
    },
    /// The station's clock is wrong.
    Clock {
        /// By how much from the start on, ms; above 0: ahead.
        offset_ms: f64,
        /// By how much more with time, millionths.
        drift_ppm: f64,
        /// After this time its host notices, and no longer trusts the clock, s.
        noticed_s: Option<f64>,
    },
    /// The station's receiver of positions has none.
    GnssOutage,
    /// The positions it has are elsewhere.
    GnssJump {
        /// East and north of the truth, m.
        jump_m: (f64, f64),
    },
    /// Frames arrive a second time.
    Duplicate {
        /// Share of them.
        probability: f64,
        /// So much later, ms.
        delay_ms: f64,
    },
    /// Frames arrive later, after others that were sent after them.
    Reorder {
        /// Share of them.
        probability: f64,
        /// So much later, ms.
        delay_ms: f64,
    },
    /// Frames arrive with some of their bits turned over.
    Corrupt {
        /// Share of them.
        probability: f64,
        /// How many bits.
        bits: u32,
    },
    /// A transmitter of noise.
    Jammer(Jammer),
}

/// A transmitter of noise that is on and off in turns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jammer {
    /// East and north of the scenario's origin, m.
    pub at_m: (f64, f64),
    /// Receivers within this distance suffer, m.
    pub range_m: f64,
    /// Part of each period that it is on, above 0 and at most 1.
    pub duty: f64,
    /// Its period, ms.
    pub period_ms: f64,
    /// Power of its noise at each receiver within its range, on a radio channel, dBm.
    pub noise_dbm: f64,
}

impl FaultKind {
    /// Its name in plans and reports.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::BurstLoss { .. } => "burst_loss",
            Self::Partition { .. } => "partition",
            Self::Crash { .. } => "crash",
            Self::Clock { .. } => "clock",
            Self::GnssOutage => "gnss_outage",
            Self::GnssJump { .. } => "gnss_jump",
            Self::Duplicate { .. } => "duplicate",
            Self::Reorder { .. } => "reorder",
            Self::Corrupt { .. } => "corrupt",
            Self::Jammer(_) => "jammer",
        }
    }
}

impl FaultSpan {
    /// In ns of the world, of a plan whose warm-up ends at `start_ns`.
    pub(crate) fn ns(self, start_ns: u64) -> (u64, u64) {
        let ns = |seconds: f64| start_ns.saturating_add((seconds * 1e9).round() as u64);
        (ns(self.from_s), ns(self.to_s))
    }
}
