//! A trace: where each station is, step by step.

use std::time::Duration;

use super::error::Warning;
use super::ground::Ground;
use super::signals::{SignalChange, Signals};
use super::station_kind::StationKind;
use super::station_size::StationSize;
use v2x_core::Position;

/// Movement of stations over time.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Trace {
    /// The stations' names in the file, by station index, in order of first appearance.
    pub names: Vec<String>,
    /// The stations' kinds, by station index.
    pub kinds: Vec<StationKind>,
    /// The stations' sizes, by station index; empty where the file has none.
    pub sizes: Vec<StationSize>,
    /// When stations switched lights on and off, ordered by station, then time; nothing is on before the first. Empty
    /// where the file does not say it.
    pub signals: Vec<SignalChange>,
    /// All samples, ordered by time, then station; at most one per station and time.
    pub samples: Vec<Sample>,
    /// The file's own time of `time_ns == 0`, in ns.
    pub begin_ns: u64,
    /// How its file's x and y became places.
    pub ground: Ground,
    /// What the user should know about how it was read.
    pub warnings: Vec<Warning>,
}

impl Trace {
    /// Number of stations.
    pub fn stations(&self) -> usize {
        self.names.len()
    }

    /// A station's name; its number where the trace has none.
    pub fn name(&self, station: u32) -> String {
        self.names.get(station as usize).cloned().unwrap_or_else(|| format!("station {station}"))
    }

    /// What a station has switched on at a time, ns since the trace's first step; `None` where the trace never says of it
    /// that anything is.
    pub fn signals_at(&self, station: u32, time_ns: u64) -> Option<Signals> {
        let from = self.signals.partition_point(|change| change.station < station);
        let own = &self.signals[from..];
        let own = &own[..own.partition_point(|change| change.station == station)];
        let past = own.partition_point(|change| change.time_ns <= time_ns);
        let before = past.checked_sub(1).map(|last| own[last].signals);
        (!own.is_empty()).then(|| before.unwrap_or_default())
    }

    /// From the first step to the last; zero for one step or none.
    pub fn duration(&self) -> Duration {
        Duration::from_nanos(self.samples.last().map_or(0, |last| last.time_ns))
    }

    /// The usual distance between steps in ns (the median), 0 with fewer than two steps.
    pub fn step_ns(&self) -> u64 {
        let mut steps: Vec<u64> = self
            .samples
            .windows(2)
            .map(|pair| pair[1].time_ns - pair[0].time_ns)
            .filter(|step| *step > 0)
            .collect();
        let middle = steps.len() / 2;
        if steps.is_empty() {
            return 0;
        }
        *steps.select_nth_unstable(middle).1
    }
}

/// Where one station is at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Nanoseconds since the trace's first step.
    pub time_ns: u64,
    /// Index into [`Trace::names`].
    pub station: u32,
    /// 1e-7 degrees.
    pub latitude: i32,
    /// 1e-7 degrees.
    pub longitude: i32,
    /// 0.01 m/s; `None` when the trace has none.
    pub speed: Option<u16>,
    /// 0.1 degrees, 0 = north, clockwise, 0 ..= 3599.
    pub heading: Option<u16>,
    /// 0.1 m/s2, forward positive.
    pub acceleration: Option<i16>,
}

impl Sample {
    /// The position as a point.
    pub fn point(&self) -> Position {
        Position { latitude: self.latitude, longitude: self.longitude }
    }
}
