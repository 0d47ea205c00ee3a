//! Search for dear frames: variations of those that were dear, kept when they are dearer.

use std::collections::BTreeMap;

use core::time::Duration;

use testkit::draft::Draft;
use v2x_core::{Purpose, Stream, WireTime};
use v2x_proto::{Class, Digest, Shape};

use crate::kinds::Kind;
use crate::meter::Meter;
use crate::scene::{Cost, Scene, forged, with_behind};

/// The dearest frames so far, one for each end.
#[derive(Debug)]
pub struct Search {
    random: Stream,
    dearest: BTreeMap<&'static str, Found>,
    tried: u64,
}

/// A dear frame.
#[derive(Clone, Debug)]
pub struct Found {
    /// What it cost.
    pub cost: Cost,
    /// The kind it began as, and how many changes it had.
    pub name: String,
    genes: Genes,
}

/// A kind, and what is changed in it.
#[derive(Clone, Debug)]
struct Genes {
    kind: Kind,
    changes: Vec<Change>,
}

/// One change of a frame.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// A byte of the payload becomes another.
    Byte(usize, u8),
    /// A part of the payload comes a second time, right behind itself.
    Twice(usize, usize),
    /// The payload ends earlier.
    Cut(usize),
    /// Bytes behind the signed fields.
    Behind(u8, u8, usize),
    Class(Class),
    Type(u32),
    Hops(u8),
    Lifetime(u32),
    /// Generated this much earlier, ms.
    Age(u64),
    /// Metres away.
    Place(i16, i16),
    Area(Shape, u32, u32, u32),
    NoArea,
    InFull,
    Address(u8),
    Forwarder(u8),
    Forged,
}

impl Search {
    /// With nothing found yet.
    pub fn new(seed: u64) -> Self {
        let random = Stream::new(seed, Digest([7; 8]), Purpose::Forwarding);
        Self { random, dearest: BTreeMap::new(), tried: 0 }
    }

    /// Tries one variation.
    pub fn step(&mut self, scene: &mut Scene, meter: &mut Meter) {
        self.tried += 1;
        if self.tried.is_multiple_of(FRAMES_PER_SCENE) {
            *scene = Scene::full();
        } else if self.tried.is_multiple_of(FRAMES_PER_ROUND) {
            scene.refresh();
        }
        let genes = self.vary();
        let n = self.below(4000);
        let (frame, link) = self.frame(&genes, scene, n);
        let cost = scene.measure(meter, frame, link);
        scene.pass(Duration::from_millis(2));
        let before = self.dearest.get(cost.end).map_or(0, |found| found.cost.total());
        if cost.total() > before {
            let name = format!("{} +{}", genes.kind.name(), genes.changes.len());
            self.dearest.insert(cost.end, Found { cost, name, genes });
        }
    }

    /// The dearest frames, one for each end, the dearest of all first.
    pub fn dearest(&self) -> Vec<Found> {
        let mut found: Vec<_> = self.dearest.values().cloned().collect();
        found.sort_by_key(|found| core::cmp::Reverse(found.cost.total()));
        found
    }

    fn vary(&mut self) -> Genes {
        let (which, kind) = (self.below(2 * self.dearest.len().max(1)), self.below(Kind::ALL.len()));
        let parent = self.dearest.values().nth(which).map(|found| found.genes.clone());
        let mut genes = parent.unwrap_or(Genes { kind: Kind::ALL[kind], changes: Vec::new() });
        for _ in 0..=self.below(3) {
            if genes.changes.len() > MOST_CHANGES || self.below(4) == 0 && !genes.changes.is_empty() {
                let gone = self.below(genes.changes.len());
                genes.changes.remove(gone);
            } else {
                let change = self.change();
                genes.changes.push(change);
            }
        }
        genes
    }

    fn change(&mut self) -> Change {
        let byte = |search: &mut Self| search.below(256) as u8;
        match self.below(20) {
            0..=4 => Change::Byte(self.below(1400), byte(self)),
            5..=7 => Change::Twice(self.below(600), 1 + self.below(200)),
            8 => Change::Cut(self.below(600)),
            9 => Change::Behind(byte(self), byte(self), self.below(500)),
            10 => Change::Class(Class::ALL[self.below(6)]),
            11 => Change::Type(1 + self.below(38) as u32),
            12 => Change::Hops(byte(self)),
            13 => Change::Lifetime([1, 90, 900, 60_000, 600_000][self.below(5)]),
            14 => Change::Age(self.below(2000) as u64),
            15 => Change::Place(self.below(3000) as i16 - 1500, self.below(3000) as i16 - 1500),
            16 if self.below(3) == 0 => Change::NoArea,
            16 => {
                let shape = [Shape::Circle, Shape::Rectangle, Shape::Ellipse][self.below(3)];
                let [a, b] = [(); 2].map(|()| 1 + self.below(9000) as u32);
                let circle = shape == Shape::Circle;
                Change::Area(
                    shape,
                    a,
                    if circle { 0 } else { b },
                    if circle { 0 } else { self.below(360) as u32 },
                )
            }
            17 => Change::InFull,
            18 if self.below(2) == 0 => Change::Forwarder(byte(self)),
            18 => Change::Address(byte(self)),
            _ => Change::Forged,
        }
    }

    fn frame(&self, genes: &Genes, scene: &mut Scene, n: usize) -> (Vec<u8>, [u8; 6]) {
        let mut draft = genes.kind.draft(scene, n);
        let mut behind = genes.kind.behind();
        let mut is_forged = genes.kind.is_forged();
        for change in &genes.changes {
            apply(*change, &mut draft, scene);
            match *change {
                Change::Behind(a, b, times) => behind.extend([a, b].repeat(times)),
                Change::Forged => is_forged = !is_forged,
                _ => {}
            }
        }
        draft.header.flags.multi_hop = draft.max_hops > 1;
        let bytes = with_behind(&draft.bytes(), &behind);
        (if is_forged { forged(bytes) } else { bytes }, draft.link)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.random.below(bound.max(1) as u64) as usize
    }
}

fn apply(change: Change, draft: &mut Draft, scene: &Scene) {
    let payload = &mut draft.payload;
    match change {
        Change::Byte(place, byte) => {
            let length = payload.len().max(1);
            if let Some(place) = payload.get_mut(place % length) {
                *place = byte;
            }
        }
        Change::Twice(start, length) => {
            let start = start.min(payload.len());
            let end = (start + length).min(payload.len());
            let part = payload[start..end].to_vec();
            payload.splice(end..end, part);
            payload.truncate(1250);
        }
        Change::Cut(length) => payload.truncate(length),
        Change::Class(class) => {
            draft.class = class;
            draft.header.class = class;
        }
        Change::Type(message_type) => draft.message_type = message_type,
        Change::Hops(hops) => {
            draft.max_hops = hops;
            draft.header.remaining_hops = hops;
        }
        Change::Lifetime(ms) => draft.lifetime_ms = ms,
        Change::Age(ms) => {
            draft.wire = WireTime::from_micros(draft.wire.as_micros().saturating_sub(ms * 1000))
        }
        Change::Place(east, north) => draft.position = draft.position.moved(east.into(), north.into()),
        Change::Area(shape, a, b, azimuth_deg) => {
            let area = testkit::hazard::circle(draft.position, a);
            draft.area = Some(v2x_proto::AreaView { shape, distance_b_m: b, azimuth_deg, ..area });
        }
        Change::NoArea => draft.area = None,
        Change::InFull => {
            let author = scene.standers.iter().find(|stander| stander.digest == draft.digest);
            draft.credential = author.map(|author| author.credential.clone());
        }
        Change::Address(byte) => draft.link = [2, 0, 0, 0, 0, byte],
        Change::Forwarder(byte) => draft.header.forwarder = scene.standers[usize::from(byte)].digest,
        Change::Behind(..) | Change::Forged => {}
    }
}

const MOST_CHANGES: usize = 12;
/// A neighbour is forgotten after 20 s without a frame: so many frames of 2 ms and more take far less.
const FRAMES_PER_ROUND: u64 = 1_000;
/// Stations that were isolated are of no use for the search.
const FRAMES_PER_SCENE: u64 = 10_000;
