//! The outcome of each flood and alert of a run, and the figures computed from it.
//!
//! A flood or an alert is one event, however many messages announce it: its repetitions, with the same signed bytes or
//! signed anew, are frames of it. Time counts from the moment its origin's application asked for it. Its intended
//! receivers are the stations in its area at that moment, wherever they are later. A station that left its trace before
//! it had the message has missed it.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use v2x_core::{Area, EventId, MessageId};
use v2x_proto::AreaView;
use v2x_report::{Flood, FloodBand, FloodHealed, FloodWorst};

use crate::medium::{Neighbour, Places};

/// The floods and alerts of one run.
#[derive(Debug, Clone, Default)]
pub struct FloodLog {
    /// Signed, and not on the air yet.
    announced: BTreeMap<MessageId, Announced>,
    floods: Vec<Record>,
    flood_of: HashMap<MessageId, usize>,
    /// By event, for later messages about it.
    flood_about: HashMap<EventId, usize>,
    alerts: Vec<Record>,
    alert_of: HashMap<MessageId, usize>,
    receivers: usize,
    sides: Vec<Side>,
    /// When a frame was first heard from the far side, and when on it, ns.
    from_far_ns: Option<u64>,
    at_far_ns: Option<u64>,
    /// Messages that stations would not sign, by reason.
    refused: BTreeMap<&'static str, u64>,
}

/// Where a station stands when the network is in two parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Side {
    /// With the origins, or going between.
    #[default]
    Near,
    /// On the other side.
    Far,
}

/// One flood or alert.
#[derive(Debug, Clone)]
struct Record {
    sent_ns: u64,
    /// By station.
    receivers: Vec<Receiver>,
    transmissions: u64,
}

#[derive(Debug, Clone, Copy)]
struct Receiver {
    station: u32,
    distance_m: f32,
    /// Latency and hops.
    got: Option<(u64, u8)>,
}

#[derive(Debug, Clone)]
struct Announced {
    sent_ns: u64,
    near: Vec<Neighbour>,
}

/// A flood whose receivers are known.
#[derive(Debug)]
pub(crate) struct Began {
    pub(crate) sent_ns: u64,
    /// Those it is meant for within its deadline.
    pub(crate) intended: Vec<Neighbour>,
}

impl FloodLog {
    /// Sets on which side each station stands, by station.
    pub(crate) fn part(&mut self, sides: Vec<Side>) {
        self.sides = sides;
    }

    /// A message of a flood that was due at `due_ns` is signed; `near` is all other stations present.
    pub(crate) fn announced(&mut self, due_ns: u64, id: MessageId, near: &[Neighbour]) {
        if self.announced.len() < MAX_ANNOUNCED {
            let announced = Announced { sent_ns: due_ns, near: near.to_vec() };
            self.announced.insert(id, announced);
        }
    }

    /// A frame of a flood goes to the medium; returns the intended receivers when it is the first frame of its message.
    /// `event` is what the message is about.
    pub(crate) fn transmitted(
        &mut self,
        id: MessageId,
        event: Option<EventId>,
        area: Option<&AreaView>,
        places: &Places,
    ) -> Option<Began> {
        let began = self.announced.remove(&id).map(|announced| {
            let area = area.map(Area::new);
            let inside = |near: &Neighbour| {
                let place = places.position(near.station);
                area.is_none_or(|area| place.is_some_and(|place| area.contains(place)))
            };
            let inside: Vec<_> = announced.near.iter().copied().filter(inside).collect();
            match event.and_then(|event| self.flood_about.get(&event)) {
                Some(flood) => _ = self.flood_of.insert(id, *flood),
                None => self.record(announced.sent_ns, id, event, &inside),
            }
            began(announced.sent_ns, inside)
        });
        if let Some(flood) = self.flood_of.get(&id) {
            self.floods[*flood].transmissions += 1;
        }
        began
    }

    /// A message of a flood never left its origin; returns the receivers it could have been meant for at most.
    pub(crate) fn withheld(&mut self, id: MessageId) -> Option<Began> {
        let announced = self.announced.remove(&id)?;
        let began = began(announced.sent_ns, announced.near);
        self.record(began.sent_ns, id, None, &began.intended);
        Some(began)
    }

    /// A station's application has a flood's message.
    pub(crate) fn delivered(&mut self, now_ns: u64, station: u32, id: MessageId, hops: u8) {
        if let Some(flood) = self.flood_of.get(&id) {
            self.floods[*flood].got(now_ns, station, hops);
        }
    }

    /// The first message of a D0 event that was due at `due_ns` is signed; `near` are its intended receivers. Later
    /// messages about it come too late for the figure and are ignored.
    pub(crate) fn alerted(&mut self, due_ns: u64, id: MessageId, near: &[Neighbour]) {
        if self.receivers >= MAX_RECEIVERS {
            return;
        }
        let close = near.iter().filter(|near| near.distance_m <= ALERT_RANGE_M);
        let receivers: Vec<_> = close.map(Receiver::new).collect();
        self.receivers += receivers.len();
        self.alert_of.insert(id, self.alerts.len());
        self.alerts.push(Record { sent_ns: due_ns, receivers, transmissions: 0 });
    }

    /// A station's application has an alert.
    pub(crate) fn alert_delivered(&mut self, now_ns: u64, station: u32, id: MessageId) {
        if let Some(alert) = self.alert_of.get(&id) {
            self.alerts[*alert].got(now_ns, station, 1);
        }
    }

    /// A frame of one station arrives at another.
    pub(crate) fn heard(&mut self, now_ns: u64, sender: u32, receiver: u32) {
        if self.sides.is_empty() {
            return;
        }
        let far = |station: u32| self.sides.get(station as usize) == Some(&Side::Far);
        match (far(sender), far(receiver)) {
            (true, false) => _ = self.from_far_ns.get_or_insert(now_ns),
            (false, true) => _ = self.at_far_ns.get_or_insert(now_ns),
            _ => {}
        }
    }

    /// A station would not sign a message.
    pub(crate) fn refuse(&mut self, reason: &'static str) {
        *self.refused.entry(reason).or_default() += 1;
    }

    /// Messages that stations would not sign, by reason.
    pub fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.refused.iter().map(|(reason, count)| (*reason, *count))
    }

    /// Whether there is anything to report.
    pub fn is_empty(&self) -> bool {
        self.floods.is_empty() && self.alerts.is_empty()
    }

    fn record(&mut self, sent_ns: u64, id: MessageId, event: Option<EventId>, inside: &[Neighbour]) {
        if self.receivers + inside.len() > MAX_RECEIVERS {
            return;
        }
        self.receivers += inside.len();
        let receivers = inside.iter().map(Receiver::new).collect();
        self.flood_of.insert(id, self.floods.len());
        if let Some(event) = event {
            self.flood_about.insert(event, self.floods.len());
        }
        self.floods.push(Record { sent_ns, receivers, transmissions: 0 });
    }

    /// When both sides had heard each other, ns.
    fn contact_ns(&self) -> Option<u64> {
        Some(self.from_far_ns?.max(self.at_far_ns?))
    }
}

impl Receiver {
    fn new(near: &Neighbour) -> Self {
        Self { station: near.station, distance_m: near.distance_m, got: None }
    }
}

impl Record {
    fn got(&mut self, now_ns: u64, station: u32, hops: u8) {
        let found = self.receivers.binary_search_by_key(&station, |receiver| receiver.station);
        if let Ok(index) = found {
            let latency_ns = now_ns.saturating_sub(self.sent_ns);
            self.receivers[index].got.get_or_insert((latency_ns, hops));
        }
    }
}

fn began(sent_ns: u64, mut intended: Vec<Neighbour>) -> Began {
    intended.retain(|near| near.distance_m <= INTENDED_M);
    Began { sent_ns, intended }
}

/// The figures of several runs' logs under one way of forwarding; `None` when there was no flood and no alert.
pub fn measure(forwarding: &str, logs: &[FloodLog]) -> Option<Flood> {
    if logs.iter().all(FloodLog::is_empty) {
        return None;
    }
    let all = Sums::of(logs);
    let runs: Vec<_> = logs
        .iter()
        .filter(|log| !log.floods.is_empty())
        .map(|log| Sums::of(core::slice::from_ref(log)))
        .collect();
    let least = |of: fn(&Sums) -> f64| runs.iter().map(of).fold(f64::INFINITY, f64::min).min(1.0);
    Some(Flood {
        reach_300ms_3km: all.in_time(),
        reach_final: all.reach(),
        transmissions: all.transmissions(),
        transmissions_per_station: share(all.transmissions, all.stations),
        delay_ms_per_km: median(&all.delays_ms_per_km),
        hops_per_km: median(&all.hops_per_km),
        forwarding: forwarding.to_owned(),
        floods: all.floods,
        seeds: logs.len() as u64,
        reach_by_km: all.bands.iter().map(|(km, latencies)| band(*km, latencies)).collect(),
        worst: FloodWorst {
            reach_300ms_3km: least(Sums::in_time),
            reach_final: least(Sums::reach),
            transmissions: runs.iter().map(Sums::transmissions).fold(0.0, f64::max),
        },
        d0_20ms_150m: alerts(logs),
        healed: healed(logs),
    })
}

/// What is added up over floods.
#[derive(Debug, Default)]
struct Sums {
    floods: u64,
    /// Of pairs within [`INTENDED_M`].
    due: u64,
    due_in_time: u64,
    pairs: u64,
    reached: u64,
    transmissions: u64,
    /// Stations of the areas, origins included.
    stations: u64,
    delays_ms_per_km: Vec<f64>,
    hops_per_km: Vec<f64>,
    /// Latencies by distance, ns; `None` for a station that never had the message.
    bands: BTreeMap<u32, Vec<Option<u64>>>,
}

impl Sums {
    fn of(logs: &[FloodLog]) -> Self {
        let mut sums = Self::default();
        for flood in logs.iter().flat_map(|log| &log.floods) {
            sums.floods += 1;
            sums.transmissions += flood.transmissions;
            sums.stations += 1 + flood.receivers.len() as u64;
            for receiver in &flood.receivers {
                sums.add(receiver);
            }
        }
        sums
    }

    fn add(&mut self, receiver: &Receiver) {
        let km = f64::from(receiver.distance_m) / 1000.0;
        let in_time = receiver.got.is_some_and(|(latency_ns, _)| latency_ns <= IN_TIME_NS);
        self.pairs += 1;
        self.reached += u64::from(receiver.got.is_some());
        if receiver.distance_m <= INTENDED_M {
            self.due += 1;
            self.due_in_time += u64::from(in_time);
        }
        let band = (km.ceil() as u32).clamp(1, MAX_BAND_KM);
        self.bands.entry(band).or_default().push(receiver.got.map(|(latency_ns, _)| latency_ns));
        if let Some((latency_ns, hops)) = receiver.got
            && receiver.distance_m >= RATES_FROM_M
        {
            self.delays_ms_per_km.push(latency_ns as f64 / 1e6 / km);
            self.hops_per_km.push(f64::from(hops) / km);
        }
    }

    fn in_time(&self) -> f64 {
        share(self.due_in_time, self.due)
    }

    fn reach(&self) -> f64 {
        share(self.reached, self.pairs)
    }

    /// Of a flood.
    fn transmissions(&self) -> f64 {
        share(self.transmissions, self.floods)
    }
}

fn band(km: u32, latencies: &[Option<u64>]) -> FloodBand {
    let by = |ns: u64| {
        let had = latencies.iter().flatten().filter(|latency_ns| **latency_ns <= ns).count();
        share(had as u64, latencies.len() as u64)
    };
    let known: Vec<f64> = latencies.iter().flatten().map(|latency_ns| *latency_ns as f64 / 1e6).collect();
    FloodBand {
        km,
        pairs: latencies.len() as u64,
        reach_300ms: by(IN_TIME_NS),
        reach_final: by(u64::MAX),
        median_ms: median(&known),
        reach_over_time: CURVE_MS.iter().map(|ms| (*ms, by(u64::from(*ms) * 1_000_000))).collect(),
    }
}

fn alerts(logs: &[FloodLog]) -> Option<f64> {
    let receivers = || logs.iter().flat_map(|log| &log.alerts).flat_map(|alert| &alert.receivers);
    let in_time = |receiver: &&Receiver| receiver.got.is_some_and(|(ns, _)| ns <= ALERT_WITHIN_NS);
    let pairs = receivers().count() as u64;
    (pairs > 0).then(|| share(receivers().filter(in_time).count() as u64, pairs))
}

fn healed(logs: &[FloodLog]) -> Option<FloodHealed> {
    let parted: Vec<_> = logs.iter().filter(|log| !log.sides.is_empty()).collect();
    if parted.is_empty() {
        return None;
    }
    let mut healed = FloodHealed { floods: 0, crossed: 0, first_ms: None, last_ms: None };
    for log in parted {
        let Some(contact_ns) = log.contact_ns() else { continue };
        for flood in log.floods.iter().filter(|flood| flood.sent_ns < contact_ns) {
            healed.floods += 1;
            let far = |receiver: &&Receiver| log.sides.get(receiver.station as usize) == Some(&Side::Far);
            let since = |receiver: &Receiver| {
                let (latency_ns, _) = receiver.got?;
                Some((flood.sent_ns + latency_ns).saturating_sub(contact_ns) as f64 / 1e6)
            };
            let times: Vec<f64> = flood.receivers.iter().filter(far).filter_map(since).collect();
            let first = times.iter().copied().reduce(f64::min);
            healed.crossed += u64::from(first.is_some());
            let worse = |held: Option<f64>, one: Option<f64>| one.into_iter().chain(held).reduce(f64::max);
            healed.first_ms = worse(healed.first_ms, first);
            healed.last_ms = worse(healed.last_ms, times.iter().copied().reduce(f64::max));
        }
    }
    Some(healed)
}

/// The middle value, or the mean of the two in the middle.
fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some((lower + upper) / 2.0)
}

/// The share of a part in a whole; 0 when the whole is 0.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// A flood's deadline holds for stations of its area within this distance of its origin, m.
pub const INTENDED_M: f32 = 3_000.0;
/// The deadline of D3.
const IN_TIME_NS: u64 = 300_000_000;
/// The deadline of D0.
const ALERT_WITHIN_NS: u64 = 20_000_000;
/// The distance within which its target is stated.
const ALERT_RANGE_M: f32 = 150.0;
/// Nearer than this, one hop more or less is most of the figure.
const RATES_FROM_M: f32 = 500.0;
/// Greater distances count with this band.
const MAX_BAND_KM: u32 = 20;
const CURVE_MS: [u32; 15] = [2, 5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 1000, 2000, 5000];
/// Floods between signature and air: each is there for milliseconds.
const MAX_ANNOUNCED: usize = 10_000;
/// Pairs kept, 32 bytes each; floods beyond that are ignored.
const MAX_RECEIVERS: usize = 4_000_000;

#[cfg(test)]
mod tests;
