//! The same drive on a model of the radio: what was sent, when and where, by the recordings; who hears it, by the model.
//!
//! The stations themselves do not run again. Every frame that a recording shows goes onto the model's channel at its time, from where its
//! sender was, in several draws of shadowing and chance; stations without a recording are not there and load nothing.

use hashbrown::HashMap;
use serde::Serialize;
use v2x_core::Position;
use v2x_proto::link::Origin;
use v2x_report::Spread;

use super::join::{Ear, Journey, Transmitted};
use super::share::{DeliveredShare, ranges};
use crate::medium::{Fate, Medium, Outcome, Places, Transmission, TransmissionState, hash};
use crate::plan::MediumPlan;
use crate::spatial::{EDGES_M, bin};

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

/// Delivery from the sender itself, predicted beside measured.
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
}

#[derive(Debug)]
pub(super) struct Prediction {
    radio: MergeRadio,
    draws: Vec<Draw>,
    places: Places,
    /// On the model's clock, ns; time that goes back stands still.
    now_ns: u64,
    start_ns: i64,
    ticket: u32,
    measured: [[u64; 2]; EDGES_M.len()],
}

#[derive(Debug)]
struct Draw {
    medium: Box<dyn Medium>,
    /// By ticket: which stations could hear it, and their range of distances.
    flying: HashMap<u32, Vec<(u32, usize)>>,
    heard: [u64; EDGES_M.len()],
    chances: [u64; EDGES_M.len()],
    fates: Vec<Fate>,
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
        let ears = self.flying.remove(&ticket).unwrap_or_default();
        for (station, bin) in ears {
            let heard = |fate: &Fate| fate.station == station && matches!(fate.outcome, Outcome::Heard(_));
            self.chances[bin] += 1;
            self.heard[bin] += u64::from(self.fates.iter().any(heard));
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
                heard: [0; EDGES_M.len()],
                chances: [0; EDGES_M.len()],
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
            measured: [[0; 2]; EDGES_M.len()],
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
        let known = |(number, ear): (usize, &Option<Ear>)| {
            let distance_m = (*ear)?.distance_m?;
            Some((number as u32, bin(distance_m)))
        };
        let ears: Vec<(u32, usize)> =
            transmitted.ears.into_iter().flatten().enumerate().filter_map(known).collect();
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
            draw.flying.insert(self.ticket, ears.clone());
            draw.fates.clear();
            let state = draw.medium.transmit(self.ticket, &transmission, &self.places, &mut draw.fates);
            if matches!(state, TransmissionState::Decided { .. }) {
                draw.settle(self.ticket);
            }
        }
    }

    /// A message as it was recorded.
    pub(super) fn measured(&mut self, journey: &Journey) {
        for (number, ear) in journey.ears.iter().enumerate() {
            let Some(Ear { distance_m: Some(distance_m) }) = ear else { continue };
            let direct = journey.hearings.iter().any(|hearing| hearing.by == number && hearing.direct);
            let [chances, heard] = &mut self.measured[bin(*distance_m)];
            *chances += 1;
            *heard += u64::from(direct);
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
        let distance = |number: usize, (from_m, to_m)| {
            let [chances, heard] = self.measured[number];
            let shares = self.draws.iter().filter(|draw| draw.chances[number] > 0);
            let shares: Vec<f64> =
                shares.map(|draw| draw.heard[number] as f64 / draw.chances[number] as f64).collect();
            let measured = DeliveredShare::of(chances, heard, heard);
            PredictedDistance { from_m, to_m, measured, predicted: Spread::of(&shares) }
        };
        PredictedDelivery {
            by_distance: ranges().enumerate().map(|(number, range)| distance(number, range)).collect(),
            radio: self.radio.medium.name,
            draws: self.radio.draws,
        }
    }
}

/// For the frames that are still on the model's channel.
const LAST_NS: u64 = 1_000_000_000;
