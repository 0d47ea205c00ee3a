//! What attackers cost the honest stations of a world.

use std::collections::{BTreeMap, BTreeSet};

use v2x_core::{Suspicion, TrustLevel};
use v2x_report::{HonestFigures, ProcessorReport};

use super::aims::{Aims, Gains};
use super::workload::Workload;
use crate::processor::Processor;

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
    busy_ns: u64,
    busiest: Option<Busiest>,
    waiting_max: u64,
    overflowed: u64,
    processor: Processor,
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

    /// Work takes this long.
    pub(super) fn paid(&mut self, processor: Processor) {
        self.processor = processor;
    }

    /// An honest station's work while it was there, for `present_ns`.
    pub(super) fn worked(&mut self, station: u32, work: &Workload, present_ns: u64) {
        self.station_ns += present_ns;
        self.checks += work.meter.checks();
        self.reads += work.frames;
        self.overflowed += work.overflowed;
        self.busy_ns += work.spent_ns;
        self.waiting_max = self.waiting_max.max(work.most_waiting as u64);
        let share = work.spent_ns as f64 / (present_ns.max(1)) as f64;
        if work.spent_ns > 0 && self.busiest.is_none_or(|busiest| busiest.share < share) {
            self.busiest = Some(Busiest { station, share });
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
        self.busy_ns += other.busy_ns;
        self.processor = other.processor;
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

    /// How busy stations were, whose names `name` knows; `None` where work takes no time. Of one world.
    pub(crate) fn processor(&self, name: &dyn Fn(u32) -> String) -> Option<ProcessorReport> {
        let us = |ns: u64| ns as f64 / 1e3;
        (!self.processor.is_instant()).then(|| ProcessorReport {
            verify_us: us(self.processor.verify_ns),
            sign_us: us(self.processor.sign_ns),
            frame_us: us(self.processor.frame_ns),
            present_s: self.station_ns as f64 / 1e9,
            busy_s: self.busy_ns as f64 / 1e9,
            busiest: self.busiest.map_or(0.0, |busiest| busiest.share),
            busiest_station: self.busiest.map(|busiest| name(busiest.station)).unwrap_or_default(),
            waiting_max: self.waiting_max,
            socket_full: self.overflowed,
        })
    }

    /// Puts the figures in.
    pub(crate) fn fill(&self, figures: &mut HonestFigures) {
        let seconds = (self.station_ns as f64 / 1e9).max(f64::MIN_POSITIVE);
        let share = |ns: u64| if self.station_ns == 0 { 0.0 } else { ns as f64 / self.station_ns as f64 };
        figures.frames = self.frames;
        figures.bytes = self.bytes;
        figures.reads_per_s = if self.station_ns == 0 { 0.0 } else { self.reads as f64 / seconds };
        figures.checks_per_s = if self.station_ns == 0 { 0.0 } else { self.checks as f64 / seconds };
        figures.processor_share = (!self.processor.is_instant()).then(|| share(self.busy_ns));
        figures.overflowed = self.overflowed;
        self.gains.fill(figures);
        figures.suspected = self.suspected.len() as u64;
        figures.isolated = self.isolated.len() as u64;
    }
}

/// The station that was busy for the greatest share of its time.
#[derive(Clone, Copy, Debug)]
struct Busiest {
    station: u32,
    share: f64,
}
