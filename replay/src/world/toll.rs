//! What attackers cost the honest stations of a world.

use std::collections::{BTreeMap, BTreeSet};

use v2x_core::{Suspicion, TrustLevel};
use v2x_report::HonestFigures;

use super::aims::{Aims, Gains};
use super::processor::Workload;

/// Frames on the air, work, and honest stations that others hold for attackers; of one world, or of several together.
#[derive(Clone, Debug, Default)]
pub struct Toll {
    /// Of honest stations.
    frames: u64,
    bytes: u64,
    /// Of each attack, by its number in the plan.
    attacks: BTreeMap<usize, (u64, u64)>,
    station_ns: u64,
    checks: u64,
    reads: u64,
    busy_ns: Option<u64>,
    overflowed: u64,
    /// Worlds that were added before; their stations are others.
    worlds: u64,
    gains: Gains,
    suspected: BTreeSet<(u64, u32)>,
    isolated: BTreeSet<(u64, u32)>,
}

impl Toll {
    /// An honest station sends a frame.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.frames += 1;
        self.bytes += bytes as u64;
    }

    /// A frame of an attack, by its number in the plan, goes on the air.
    pub(super) fn attacked(&mut self, attack: usize, bytes: usize) {
        let (frames, sum) = self.attacks.entry(attack).or_default();
        *frames += 1;
        *sum += bytes as u64;
    }

    /// An honest station's opinion of another one changed.
    pub(super) fn judged(&mut self, station: u32, suspicion: &Suspicion) {
        if suspicion.standing > TrustLevel::Trusted {
            self.suspected.insert((0, station));
        }
        if suspicion.standing == TrustLevel::Isolated {
            self.isolated.insert((0, station));
        }
    }

    /// An honest station's work while it was there, for `present_ns`; `slow` when it took time.
    pub(super) fn worked(&mut self, work: &Workload, present_ns: u64, slow: bool) {
        self.station_ns += present_ns;
        self.checks += work.checks();
        self.reads += work.frames;
        self.overflowed += work.overflowed;
        if slow {
            *self.busy_ns.get_or_insert(0) += work.spent_ns;
        }
    }

    /// What attackers gained beside.
    pub(super) fn gained(&mut self, aims: &Aims) {
        self.gains = aims.result();
    }

    /// Adds another world's.
    pub(crate) fn merge(&mut self, other: Self) {
        self.frames += other.frames;
        self.bytes += other.bytes;
        for (attack, (frames, bytes)) in other.attacks {
            let sum = self.attacks.entry(attack).or_default();
            sum.0 += frames;
            sum.1 += bytes;
        }
        self.station_ns += other.station_ns;
        self.checks += other.checks;
        self.reads += other.reads;
        self.busy_ns =
            self.busy_ns.zip(other.busy_ns).map_or(self.busy_ns.or(other.busy_ns), |(a, b)| Some(a + b));
        self.overflowed += other.overflowed;
        self.gains.merge(other.gains);
        let worlds = self.worlds;
        self.suspected.extend(other.suspected.iter().map(|(world, station)| (world + worlds, *station)));
        self.isolated.extend(other.isolated.iter().map(|(world, station)| (world + worlds, *station)));
        self.worlds += other.worlds.max(1);
    }

    /// Frames and bytes of an attack, by its number in the plan.
    pub(crate) fn of_attack(&self, attack: usize) -> (u64, u64) {
        self.attacks.get(&attack).copied().unwrap_or_default()
    }

    /// Puts the figures in.
    pub(crate) fn fill(&self, figures: &mut HonestFigures) {
        let seconds = (self.station_ns as f64 / 1e9).max(f64::MIN_POSITIVE);
        let share = |ns: u64| if self.station_ns == 0 { 0.0 } else { ns as f64 / self.station_ns as f64 };
        figures.frames = self.frames;
        figures.bytes = self.bytes;
        figures.reads_per_s = if self.station_ns == 0 { 0.0 } else { self.reads as f64 / seconds };
        figures.checks_per_s = if self.station_ns == 0 { 0.0 } else { self.checks as f64 / seconds };
        figures.processor_share = self.busy_ns.map(share);
        figures.overflowed = self.overflowed;
        self.gains.fill(figures);
        figures.suspected = self.suspected.len() as u64;
        figures.isolated = self.isolated.len() as u64;
    }
}
