//! The same drive on a model of the radio: what was sent, when and where, by the recordings; who hears it, by the model.
//!
//! The stations themselves do not run again. Every frame that a recording shows goes onto the model's channel at its time, from where its
//! sender was, in several draws of shadowing and chance; stations without a recording are not there and load nothing.

use core::array;
use std::sync::Arc;

use hashbrown::HashMap;
use serde::Serialize;
use v2x_core::Position;
use v2x_proto::Class;
use v2x_proto::link::Origin;
use v2x_report::{DistanceBin, Spread, StageHistogram};

use super::join::{Ear, Transmitted};
use super::share::{DeliveredShare, ranges};
use super::tally::{OneWayLatency, Tally, Times};
use crate::medium::{Fate, Medium, Outcome, Places, Transmission, TransmissionState, hash};
use crate::plan::MediumPlan;
use crate::spatial::{EDGES_M, Spatial, bin};

/// The radio to hold the recordings against.
#[derive(Clone, Debug, PartialEq)]
pub struct MergeRadio {
    /// The profile.
    pub medium: MediumPlan,
    /// Seed of every draw.
    pub seed: u64,
    /// Draws, at least 2 for an interval.
    pub draws: u32,
}

/// What came from the sender itself, predicted beside measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PredictedDelivery {
    /// The profile's name or file.
    pub radio: String,
    /// Draws.
    pub draws: u32,
    /// By distance at sending.
    pub by_distance: Vec<PredictedDistance>,
}

/// A range of distances.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PredictedDistance {
    /// Shortest, m, inclusive.
    pub from_m: u32,
    /// Longest, m, exclusive; `null` for the last, open range.
    pub to_m: Option<u32>,
    /// As recorded, and its interval: heard from the sender itself alone.
    pub measured: DeliveredShare,
    /// Mean over the draws and its 95 % confidence interval; absent without chances.
    pub predicted: Option<Spread>,
    /// One-way times as recorded, of what was heard from the sender itself; absent where no clock is joined.
    pub measured_latency: Option<OneWayLatency>,
    /// The median of the model's one-way times, ns: from the hand-over to the last bit at the receiver.
    pub predicted_latency_p50_ns: Option<Spread>,
    /// How old the newest awareness (D2) of a sender was that came from itself, as recorded; absent without any.
    pub measured_age: Option<DistanceBin>,
    /// The model's median of the same, ns.
    pub predicted_age_p50_ns: Option<Spread>,
    /// Its 95th percentile, ns.
    pub predicted_age_p95_ns: Option<Spread>,
}

impl PredictedDistance {
    /// Whether the intervals of both deliveries do not meet.
    pub fn differs(&self) -> bool {
        let limits = self.predicted.and_then(|spread| spread.ci95).zip(self.measured.interval);
        limits.is_some_and(|(model, recorded)| {
            model.1 < recorded.0 - ROUNDING || model.0 > recorded.1 + ROUNDING
        })
    }
}

/// A message was heard from its sender itself, at times that are known where both clocks are joined.
#[derive(Clone, Copy, Debug)]
pub(super) struct DirectHearing(pub(super) Option<Times>);

#[derive(Debug)]
pub(super) struct Prediction {
    radio: MergeRadio,
    draws: Vec<Draw>,
    places: Places,
    /// On the model's clock, ns; time that goes back stands still.
    now_ns: u64,
    start_ns: i64,
    ticket: u32,
    measured: [Tally; EDGES_M.len()],
    measured_ages: Spatial,
}

#[derive(Debug)]
struct Draw {
    medium: Box<dyn Medium>,
    /// By ticket.
    flying: HashMap<u32, Arc<Flight>>,
    bins: [DrawBin; EDGES_M.len()],
    ages: Spatial,
    fates: Vec<Fate>,
}

/// A frame on the model's channel.
#[derive(Debug)]
struct Flight {
    sender: u32,
    class: Class,
    at_ns: u64,
    /// Which stations could hear it, and from how far, m; none of a message that was on the air before.
    ears: Vec<(u32, f32)>,
}

/// A range of distances in one draw.
#[derive(Debug, Default)]
struct DrawBin {
    heard: u64,
    chances: u64,
    latency: StageHistogram,
}

impl Draw {
    fn advance(&mut self, now_ns: u64, places: &Places) {
        self.fates.clear();
        while let Some(ended) = self.medium.advance(now_ns, places, &mut self.fates) {
            self.settle(ended.ticket);
        }
    }

    /// The fates of a frame are known.
    fn settle(&mut self, ticket: u32) {
        if let Some(flight) = self.flying.remove(&ticket) {
            for &(station, distance_m) in &flight.ears {
                let bin = &mut self.bins[bin(distance_m)];
                bin.chances += 1;
                let arrival = self.fates.iter().find_map(|fate| match &fate.outcome {
                    Outcome::Heard(reception) if fate.station == station => Some(reception.arrival_ns),
                    _ => None,
                });
                let Some(arrival_ns) = arrival else { continue };
                bin.heard += 1;
                bin.latency.record(arrival_ns.saturating_sub(flight.at_ns));
                if flight.class == Class::D2 {
                    self.ages.received(flight.sender, station, distance_m, flight.at_ns, arrival_ns);
                }
            }
        }
        self.fates.clear();
    }
}

impl Prediction {
    pub(super) fn new(radio: MergeRadio, start_ns: i64) -> Self {
        let draws: Vec<Draw> = (0..radio.draws)
            .map(|draw| Draw {
                medium: radio.medium.medium(hash(radio.seed ^ hash(u64::from(draw)))),
                flying: HashMap::new(),
                bins: array::from_fn(|_| DrawBin::default()),
                ages: Spatial::new(),
                fates: Vec::new(),
            })
            .collect();
        let reach_m = draws.first().map_or(0.0, |draw| draw.medium.reach_m());
        Self {
            radio,
            draws,
            places: Places::new(reach_m),
            now_ns: 0,
            start_ns,
            ticket: 0,
            measured: array::from_fn(|_| Tally::default()),
            measured_ages: Spatial::new(),
        }
    }

    pub(super) fn place(&mut self, by: usize, at_ns: i64, position: Option<Position>) {
        self.pass(at_ns);
        match position {
            Some(position) => self.places.set(by as u32, position),
            None => self.places.remove(by as u32),
        }
    }

    pub(super) fn transmitted(&mut self, transmitted: &Transmitted<'_>) {
        self.pass(transmitted.at_ns);
        let sender = transmitted.by as u32;
        let Some(position) = self.places.position(sender) else { return };
        let known = |(number, ear): (usize, &Option<Ear>)| Some((number as u32, (*ear)?.distance_m?));
        let ears = transmitted.ears.into_iter().flatten().enumerate().filter_map(known).collect();
        let flight = Arc::new(Flight { sender, class: transmitted.facts.class, at_ns: self.now_ns, ears });
        let own = transmitted.facts.signer == transmitted.facts.forwarder;
        let transmission = Transmission {
            sender,
            at_ns: self.now_ns,
            position,
            bytes: transmitted.bytes,
            class: transmitted.facts.class,
            origin: if own { Origin::Own } else { Origin::Forwarded },
        };
        self.ticket = self.ticket.wrapping_add(1);
        for draw in &mut self.draws {
            draw.flying.insert(self.ticket, Arc::clone(&flight));
            draw.fates.clear();
            let state = draw.medium.transmit(self.ticket, &transmission, &self.places, &mut draw.fates);
            if matches!(state, TransmissionState::Decided { .. }) {
                draw.settle(self.ticket);
            }
        }
    }

    /// A chance of a receiver to hear a sender, as it was recorded.
    pub(super) fn measured(
        &mut self,
        (sender, receiver): (u32, u32),
        class: Class,
        distance_m: f32,
        heard: Option<DirectHearing>,
    ) {
        let tally = &mut self.measured[bin(distance_m)];
        let Some(DirectHearing(times)) = heard else {
            tally.missed();
            return;
        };
        tally.heard(true, times.map(|times| times.way));
        if let Some(times) = times.filter(|_| class == Class::D2) {
            self.measured_ages.received(sender, receiver, distance_m, times.sent_ns, times.heard_ns);
        }
    }

    fn pass(&mut self, at_ns: i64) {
        self.now_ns = self.now_ns.max(u64::try_from(at_ns.saturating_sub(self.start_ns)).unwrap_or(0));
        for draw in &mut self.draws {
            draw.advance(self.now_ns, &self.places);
        }
    }

    /// Both sides, when everything was read.
    pub(super) fn finish(mut self) -> PredictedDelivery {
        for draw in &mut self.draws {
            draw.advance(self.now_ns.saturating_add(LAST_NS), &self.places);
        }
        let ages: Vec<Vec<DistanceBin>> =
            self.draws.iter().map(|draw| draw.ages.age_of_information()).collect();
        let measured_ages = self.measured_ages.age_of_information();
        let distance = |number: usize, (from_m, to_m)| {
            let bins = || self.draws.iter().map(|draw| &draw.bins[number]);
            let shares =
                bins().filter(|bin| bin.chances > 0).map(|bin| bin.heard as f64 / bin.chances as f64);
            let medians =
                bins().filter(|bin| !bin.latency.is_empty()).map(|bin| bin.latency.quantile_ns(0.5));
            let ages = || ages.iter().map(|bins| bins[number]).filter(|bin| bin.count > 0);
            PredictedDistance {
                from_m,
                to_m,
                measured: self.measured[number].delivery(),
                predicted: spread(shares),
                measured_latency: self.measured[number].latency(),
                predicted_latency_p50_ns: spread(medians.map(|ns| ns as f64)),
                measured_age: measured_ages.get(number).copied().filter(|bin| bin.count > 0),
                predicted_age_p50_ns: spread(ages().map(|bin| bin.p50_ns as f64)),
                predicted_age_p95_ns: spread(ages().map(|bin| bin.p95_ns as f64)),
            }
        };
        PredictedDelivery {
            by_distance: ranges().enumerate().map(|(number, range)| distance(number, range)).collect(),
            radio: self.radio.medium.name,
            draws: self.radio.draws,
        }
    }
}

fn spread(figures: impl Iterator<Item = f64>) -> Option<Spread> {
    Spread::of(&figures.collect::<Vec<_>>())
}

/// For the frames that are still on the model's channel.
const LAST_NS: u64 = 1_000_000_000;
/// Shares of a whole count to the last digit of a float.
const ROUNDING: f64 = 1e-12;
