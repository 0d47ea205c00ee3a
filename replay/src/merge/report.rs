//! What a merge shows.

use serde::Serialize;

use super::figures::{HeardPair, MergedClass};
use super::prediction::PredictedDelivery;

/// What a merge shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MergeReport {
    /// The recordings, in the order given.
    pub recordings: Vec<MergedRecording>,
    /// Who heard whom.
    pub pairs: Vec<HeardPair>,
    /// By deadline class.
    pub classes: Vec<MergedClass>,
    /// Beside a model of the radio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prediction: Option<PredictedDelivery>,
    /// What a reader should know.
    pub warnings: Vec<String>,
}

/// One recording.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MergedRecording {
    /// The file.
    pub file: String,
    /// What wrote it.
    pub software: String,
    /// Version of its layout.
    pub version: u32,
    /// From its first input to its last, s.
    pub recorded_s: f64,
    /// Transmissions of messages of its own.
    pub sent: u64,
    /// Frames with a signed message that it heard, of anybody.
    pub heard: u64,
    /// How its clock is joined to the first's: "reference", "both_ways", "one_way" or "not_heard".
    pub clock: &'static str,
    /// Through which recording, by number from 0.
    pub through: Option<usize>,
    /// How far its clock is ahead of the first's in the middle of its recording, ns; roughly where it is not joined.
    pub ahead_ns: i64,
    /// The bound of that, ns; absent where it is not joined.
    pub bound_ns: Option<i64>,
    /// How much faster it runs than the first, parts per million.
    pub drift_ppm: Option<f64>,
    /// How uncertain that is, parts per million.
    pub drift_bound_ppm: Option<f64>,
}
