//! One radio without a credential, 100 m from the origin of a flood and heard twice as far as a car: what it repeats, under
//! whatever names, takes nothing from the flood.

use core::time::Duration;

use bytes::Bytes;
use v2x_core::{Event, Instant, MessageId, Scheme, hops_for};
use v2x_proto::envelope::{SignedView, SignerRef};
use v2x_proto::{AreaView, Class, Shape, hop};

use crate::address;
use crate::craft::{circle, frame};
use crate::field::{Crew, Field, flood};
use crate::motorway::{Dice, motorway, received};

/// What the outsider does with each frame of the flood that it hears.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trick {
    /// The digest in place of the credential.
    Strip,
    /// Unsigned bytes behind the rest.
    Pad,
    /// In the names and from the addresses of others, with or without the credential, and with hops.
    Forge {
        /// Whose names.
        names: Names,
        /// Whether with the credential.
        full: bool,
        /// Which hops.
        hops: Hops,
    },
}

/// Whose names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Names {
    /// On both sides, the stations this far from the outsider.
    At(f64),
    /// Somebody of those who hear the outsider.
    Anybody,
    /// On both sides, those just beyond where the outsider is heard.
    Beyond,
    /// On both sides one after the other, from where the outsider is not heard to the origin: each is silenced before its
    /// own name is used.
    Chain,
}

/// Remaining hops.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Hops {
    /// One less than heard, as a relay has.
    Good,
    /// This many.
    Left(u8),
}

/// What one run showed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// Share of the stations within 3 km that had it within 300 ms.
    pub reach: f64,
    /// And in the end.
    pub last: f64,
    /// Bytes of the flood on the air, the outsider's left out.
    pub bytes: f64,
    /// Its frames.
    pub sent: f64,
    /// The outsider's frames.
    pub forged: f64,
}

#[derive(Debug)]
struct Road {
    field: Field,
    seed: u64,
    origin: usize,
    outsider: (f64, f64),
    /// Frames of the flood that the outsider has looked at.
    seen: usize,
    forged: usize,
}

impl Road {
    fn new(crew: &mut Crew, seed: u64, per_km: u32) -> Self {
        let (field, origin) = motorway(crew, seed, per_km, Scheme::Roadcast);
        let outsider = (field.places[origin].0 + 100.0, 20.0);
        let mut road = Self { field, seed, origin, outsider, seen: 0, forged: 0 };
        road.pass(Instant::from_millis(4_000), None);
        road
    }

    /// Lets time pass up to `end`; the outsider answers within 0.1 ms.
    fn pass(&mut self, end: Instant, trick: Option<Trick>) {
        let (places, outsider, seed) = (self.field.places.clone(), self.outsider, self.seed);
        let links = move |from: usize, to: usize, number: u64| {
            // The outsider is none of the stations: twice as strong.
            let (at, stretch) = places.get(from).map_or((outsider, 2.0), |place| (*place, 1.0));
            let metres = (at.0 - places[to].0).abs() / stretch;
            let mut draw = Dice(seed ^ (number << 20) ^ ((from as u64) << 40) ^ to as u64);
            draw.below(1.0) < received(metres)
        };
        let Some(trick) = trick else { return self.field.run(end, &links) };
        while self.field.now < end {
            let step = (self.field.now + Duration::from_micros(100)).min(end);
            self.field.run(step, &links);
            while let Some((at, sender, bytes)) = self.field.floods.get(self.seen).cloned() {
                if at + AIRTIME > self.field.now {
                    break;
                }
                self.seen += 1;
                if (self.field.places[sender].0 - self.outsider.0).abs() < 2.0 * HEARD_M {
                    self.answer(&bytes, trick);
                }
            }
        }
    }

    fn answer(&mut self, bytes: &Bytes, trick: Trick) {
        let (header, start) = hop::parse(bytes).expect(FRAME);
        let signed = SignedView::parse(&bytes[start..]).expect(FRAME);
        let digest = self.field.nodes[self.origin].digest();
        let stripped = SignerRef::Digest(digest);
        let own = [2, 6, 6, 6, 6, 6];
        match trick {
            Trick::Strip => self.shout(frame(&header, signed.tbs, signed.signature, stripped), own),
            Trick::Pad => self.shout([&bytes[..], &[0x7a, 0xc8, 0x04], &[0; 584]].concat().into(), own),
            Trick::Forge { names, full, hops } => {
                let remaining_hops = match hops {
                    Hops::Good => header.remaining_hops.saturating_sub(1),
                    Hops::Left(hops) => hops,
                };
                let signer = if full { signed.signer } else { stripped };
                for name in self.names(names) {
                    let forwarder = self.field.nodes[name].digest();
                    let header = hop::HopHeader { forwarder, remaining_hops, ..header };
                    let forged = frame(&header, signed.tbs, signed.signature, signer);
                    self.shout(forged, address(name as u32));
                }
            }
        }
    }

    fn names(&self, names: Names) -> Vec<usize> {
        let east = |station: usize| self.field.places[station].0 - self.outsider.0;
        let nearest_to = |metres: f64| {
            let off = |station: &usize| (east(*station) - metres).abs();
            (0..self.field.places.len()).min_by(|a, b| off(a).total_cmp(&off(b))).unwrap_or(self.origin)
        };
        match names {
            Names::At(metres) => vec![nearest_to(metres), nearest_to(-metres)],
            Names::Chain => [540.0, 400.0, 270.0, 150.0]
                .into_iter()
                .flat_map(|metres| [nearest_to(metres), nearest_to(-metres)])
                .collect(),
            Names::Beyond => vec![nearest_to(2.0 * HEARD_M), nearest_to(-2.0 * HEARD_M)],
            Names::Anybody => {
                let mut dice = Dice(self.seed ^ self.forged as u64);
                vec![nearest_to(dice.below(4.0 * HEARD_M) - 2.0 * HEARD_M)]
            }
        }
    }

    fn shout(&mut self, bytes: Bytes, link_source: [u8; 6]) {
        self.forged += 1;
        let outsider = self.field.places.len();
        self.field.shout_as(outsider, bytes, link_source);
    }

    fn flood(mut self, trick: Option<Trick>, seconds: u64) -> Outcome {
        let area = AreaView {
            distance_a_m: 3_000,
            distance_b_m: 100,
            azimuth_deg: 90,
            shape: Shape::Rectangle,
            ..circle(1)
        };
        let middle = self.field.place(self.origin);
        let area = AreaView { latitude: middle.latitude, longitude: middle.longitude, ..area };
        let start = self.field.now;
        self.field.floods.clear();
        self.field.events.clear();
        self.field.feed(self.origin, flood(&self.field, self.origin, Some(area), hops_for(&area), 60_000));
        let id = self.field.last_sent(self.origin, Class::D3);
        self.pass(start + Duration::from_millis(400), trick);
        let reach = self.reached(id);
        self.pass(start + Duration::from_secs(seconds), trick);
        let bytes: usize = self.field.floods.iter().map(|(_, _, bytes)| bytes.len()).sum();
        Outcome {
            reach: reach(start + Duration::from_millis(300)),
            last: self.reached(id)(self.field.now),
            bytes: bytes as f64,
            sent: self.field.floods.len() as f64,
            forged: self.forged as f64,
        }
    }

    /// Share of the stations within 3 km that had it by a time.
    fn reached(&self, id: MessageId) -> impl Fn(Instant) -> f64 + use<> {
        let near = |station: &usize| {
            *station != self.origin && self.field.distance(self.origin, *station) <= 3_000.0
        };
        let meant = (0..self.field.places.len()).filter(near).count();
        let times: Vec<Instant> = self
            .field
            .events
            .iter()
            .filter(|(_, _, event)| matches!(event, Event::Received(received) if received.id == id))
            .map(|(at, ..)| *at)
            .collect();
        move |by| times.iter().filter(|at| **at <= by).count() as f64 / meant as f64
    }
}

/// The mean of as many runs: cars on each kilometre, and what an outsider does, if there is one.
pub fn mean(crew: &mut Crew, per_km: u32, trick: Option<Trick>, seconds: u64, seeds: u64) -> Outcome {
    let mut sum = Outcome::default();
    for seed in 0..seeds {
        let outcome = Road::new(crew, seed, per_km).flood(trick, seconds);
        let share = |value: f64| value / seeds as f64;
        sum.reach += share(outcome.reach);
        sum.last += share(outcome.last);
        sum.bytes += share(outcome.bytes);
        sum.sent += share(outcome.sent);
        sum.forged += share(outcome.forged);
    }
    sum
}

/// What an outsider may think of.
pub const TRICKS: [Trick; 15] = [
    Trick::Strip,
    Trick::Pad,
    forge(Names::At(250.0), false, Hops::Good),
    forge(Names::At(250.0), true, Hops::Good),
    forge(Names::At(400.0), true, Hops::Good),
    forge(Names::At(500.0), true, Hops::Good),
    forge(Names::At(700.0), true, Hops::Good),
    forge(Names::Anybody, false, Hops::Good),
    forge(Names::Anybody, true, Hops::Good),
    forge(Names::Beyond, true, Hops::Good),
    forge(Names::Beyond, true, Hops::Left(18)),
    forge(Names::Anybody, true, Hops::Left(1)),
    forge(Names::At(400.0), true, Hops::Left(2)),
    forge(Names::Chain, true, Hops::Good),
    forge(Names::Chain, true, Hops::Left(2)),
];

/// Copies in others' names.
pub const fn forge(names: Names, full: bool, hops: Hops) -> Trick {
    Trick::Forge { names, full, hops }
}

/// One frame in two arrives from this far.
const HEARD_M: f64 = 270.0;

const AIRTIME: Duration = Duration::from_micros(560);

const FRAME: &str = "a frame of Roadcast";
