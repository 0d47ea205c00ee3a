//! One run of a configuration: stations at drawn places, beacons at their interval, and the medium between them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use v2x_core::Position;
use v2x_proto::Class;
use v2x_proto::link::Origin;

use super::{PublishedRun, ValidateOptions};
use crate::medium::{Ether, Medium as _, Places, RadioProfile, Transmission, hash};

/// What one run counted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RoadCount {
    /// By distance: received, then lost by each cause.
    pub(super) bins: Vec<[u64; 5]>,
    /// Frames of the stations that count.
    pub(super) frames: u64,
    /// The mean busy ratio.
    pub(super) busy: f64,
}

/// All runs of a configuration, in order, on as many threads as the options say.
pub(super) fn samples(run: &PublishedRun, options: &ValidateOptions) -> Vec<RoadCount> {
    let count = options.runs as usize;
    let next = AtomicUsize::new(0);
    let done = Mutex::new(vec![None; count]);
    std::thread::scope(|scope| {
        for _ in 0..options.threads.clamp(1, count.max(1)) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    // Every configuration meets the same draws of places and shadowing.
                    let sample = sample(run, &options.profile, hash(options.seed ^ hash(number as u64)));
                    done.lock().expect("invariant: no run panics")[number] = Some(sample);
                }
            });
        }
    });
    done.into_inner().expect("invariant: no run panics").into_iter().flatten().collect()
}

fn sample(run: &PublishedRun, profile: &RadioProfile, seed: u64) -> RoadCount {
    let profile = RadioProfile { rate: run.rate, power_dbm: f64::from(run.power_dbm), ..profile.clone() };
    let uniform = |number: u64| (hash(seed ^ hash(number)) >> 11) as f64 / (1u64 << 53) as f64;
    let along: Vec<f64> = (0..STATIONS).map(|station| uniform(u64::from(station)) * ROAD_M).collect();
    let mut places = Places::new(profile.reach_m() / 2.0);
    for (station, along_m) in (0..).zip(&along) {
        places.set(station, ORIGIN.moved(*along_m, LANE_M * f64::from(station % LANES)));
    }
    let within =
        |edge_m: f64| along.iter().map(move |at_m| (edge_m..ROAD_M - edge_m).contains(at_m)).collect();
    let (counts, listens): (Vec<bool>, Vec<bool>) = (within(SENDERS_FROM_M), within(LISTENERS_FROM_M));

    let interval_ns = 1_000_000_000 / u64::from(run.hz);
    let mut beacons: Vec<(u64, u32)> = Vec::new();
    for station in 0..STATIONS {
        let first_ns = (uniform(u64::from(station) | 1 << 32) * interval_ns as f64) as u64;
        beacons.extend((first_ns..END_NS).step_by(interval_ns as usize).map(|at_ns| (at_ns, station)));
    }
    beacons.sort_unstable();

    let bytes = Bytes::from(vec![0; (run.mpdu_bytes as usize).saturating_sub(MAC_BYTES)]);
    let mut ether = Ether::new(&profile, seed);
    let mut before = None;
    let (mut fates, mut frames) = (Vec::new(), 0);
    let mut run_until = |ether: &mut Ether, until_ns: u64| {
        while ether.next_ns().is_some_and(|at_ns| at_ns <= until_ns) {
            fates.clear();
            ether.advance(until_ns, &places, &mut fates);
        }
    };
    for (at_ns, sender) in beacons {
        if before.is_none() && at_ns >= WARM_UP_NS {
            run_until(&mut ether, WARM_UP_NS);
            before = Some(busy_ns(&ether, WARM_UP_NS, &listens));
            ether.count_only(counts.clone());
        }
        run_until(&mut ether, at_ns);
        frames += u64::from(before.is_some() && counts[sender as usize]);
        let Some(position) = places.position(sender) else { continue };
        // As awareness contends for the channel.
        let (class, origin) = (Class::D2, Origin::Own);
        let transmission = Transmission { sender, at_ns, position, bytes: &bytes, class, origin };
        ether.transmit(sender, &transmission, &places, &mut Vec::new());
    }
    run_until(&mut ether, END_NS);
    let listened_ns = (END_NS - WARM_UP_NS) * listens.iter().filter(|listens| **listens).count() as u64;
    let busy_ns = busy_ns(&ether, END_NS, &listens) - before.unwrap_or_default();
    let bins = ether.losses().map(|losses| losses.bins()).into_iter().flatten();
    RoadCount {
        bins: bins.map(|(_, _, received, [a, b, c, d])| [received, a, b, c, d]).collect(),
        frames,
        busy: busy_ns as f64 / listened_ns.max(1) as f64,
    }
}

/// How long others' frames kept the channel busy for the stations that listen, all together.
fn busy_ns(ether: &Ether, now_ns: u64, listens: &[bool]) -> u64 {
    let listeners = (0..).zip(listens).filter(|(_, listens)| **listens);
    listeners
        .map(|(station, _)| {
            let (busy_ns, own_ns) = ether.busy_ns(station, now_ns);
            busy_ns.saturating_sub(own_ns)
        })
        .sum()
}

const ORIGIN: Position = Position { latitude: 0, longitude: 0 };
const ROAD_M: f64 = 5_000.0;
/// 60 a kilometre.
const STATIONS: u32 = 300;
const LANES: u32 = 4;
const LANE_M: f64 = 4.0;
/// Frames from nearer to an end of the road do not count: their receivers hear less than on a road without end.
const SENDERS_FROM_M: f64 = 1_000.0;
const LISTENERS_FROM_M: f64 = 1_000.0;
/// Until every station has waited for others as it will.
const WARM_UP_NS: u64 = 100_000_000;
const END_NS: u64 = 500_000_000;
/// What the airtime adds to a frame.
const MAC_BYTES: usize = 38;
