//! The counts of a run, and how they are shown: latency histograms per class and stage, the report with its identities,
//! its table for a terminal, its HTML page and its histogram log.
//!
//! [`Stats`] counts, [`Report`] judges. Nothing here reads a clock: the caller supplies lengths of runs.

pub mod counts;
mod histogram;
#[cfg(feature = "hlog")]
pub mod hlog;
pub mod html;
mod machine;
mod report;
mod statistics;
mod stats;
mod timeline;

pub use histogram::{StageHistogram, Summary};
pub use machine::{Machine, Processor, ProcessorCounters};
pub use report::signal::{PriorityRequests, RedLight, SignalAhead, SignalShown};
pub use report::{
    AfarReport, AttackFrames, ChannelReport, ClassReport, ClassSpread, CongestionReport, Damage, DeliveryBin,
    Detection, DistanceBin, FaultReport, Flood, FloodBand, FloodHealed, FloodWorst, Frames, HonestClass,
    HonestFigures, InputFile, Kind, Linkability, LossBin, Marker, OcbReport, ProcessorReport, Provoked,
    Repeats, Report, SeedClass, SeedRun, Verdict, Verify, WhatRan, WorstPair, WorstStation, human,
    miss_target,
};
pub use statistics::{Spread, holm};
pub use stats::{ClassStats, Stage, Stats, receive_stages, send_stages};
pub use timeline::Timeline;
