//! What each sender gets of a processor that cannot verify all: stations on [boards](Board) whose signature checks take
//! time, with attackers that speak first, in their victims' names and from their victims' addresses.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use testkit::board::{Arrival, Board, forge};
use testkit::craft::{self, Crafter};
use testkit::{Authority, address};
use v2x_core::{Instant, MessageId};
use v2x_proto::Class;
use v2x_proto::credential::CredentialView;
use v2x_proto::envelope::{SignerRef, TbsRepr};

mod credentials;
mod held;
mod names;
mod revocations;

/// A small board's: 5,000 signatures a second.
const SLOW: Duration = Duration::from_micros(200);
/// A car computer's: 17,000 a second.
const FAST: Duration = Duration::from_micros(58);

/// Honest neighbours of a station, what arrives there, and which messages it is to hear.
struct Scene {
    board: Board,
    cars: Vec<Crafter>,
    arrivals: Vec<Arrival>,
    forged: u64,
}

impl Scene {
    /// A station that has heard `cars` neighbours, by two beacons each, by [`START`].
    fn new(check: Duration, cars: u32) -> Self {
        let authority = Authority::new();
        let cars: Vec<_> = (1..=cars).map(|number| Crafter::of(&authority, number)).collect();
        let board = Board::new(&authority, 999, check);
        let mut scene = Self { board, cars, arrivals: Vec::new(), forged: 0 };
        for beat in 0..2 {
            for n in 0..scene.cars.len() {
                let at = Instant::from_millis(100 + 400 * beat) + Duration::from_micros(900) * n as u32;
                let car = &scene.cars[n];
                let bytes = car.full(&car.fields(at));
                scene.send(at, bytes, link(n));
            }
        }
        scene.run(START);
        assert_eq!(scene.board.node.neighbour_table().len(), scene.cars.len());
        scene.board.delivered.clear();
        scene.board.dropped.clear();
        scene
    }

    fn send(&mut self, at: Instant, bytes: Bytes, link: [u8; 6]) {
        self.arrivals.push(Arrival { at, bytes, link });
    }

    /// Frames of an attacker at `rate` a second, the first at [`START`], each made by `make`.
    fn attack(
        &mut self,
        rate: u64,
        end: Instant,
        mut make: impl FnMut(&Self, u64, Instant) -> (Bytes, [u8; 6]),
    ) {
        for n in 0.. {
            let at = START + Duration::from_nanos(n * 1_000_000_000 / rate);
            if at >= end {
                return;
            }
            self.forged += 1;
            let (bytes, link) = make(self, n, at);
            self.send(at, bytes, link);
        }
    }

    /// The neighbour with this place says something in `class`, in this many copies 20 ms apart.
    fn say(&mut self, n: usize, class: Class, at: Instant, copies: u32) -> MessageId {
        let car = &self.cars[n];
        let fields = if class == Class::D2 { car.fields(at) } else { car.fields_in(class, at) };
        let bytes = car.brief(&fields);
        let id = MessageId { signer: car.digest, class, sequence: fields.sequence };
        self.repeat(at, &bytes, link(n), copies);
        id
    }

    fn repeat(&mut self, at: Instant, bytes: &Bytes, link: [u8; 6], copies: u32) {
        for copy in 0..copies {
            self.send(at + Duration::from_millis(20) * copy, bytes.clone(), link);
        }
    }

    fn run(&mut self, end: Instant) {
        self.arrivals.sort_by_key(|arrival| arrival.at);
        self.board.run(std::mem::take(&mut self.arrivals), end);
    }

    /// How many of these were delivered.
    fn heard(&self, said: &[MessageId]) -> usize {
        let delivered: BTreeSet<_> = self.board.delivered.iter().map(|(_, received)| received.id).collect();
        said.iter().filter(|id| delivered.contains(id)).count()
    }

    /// When this was delivered.
    fn delivered_at(&self, id: &MessageId) -> Option<Instant> {
        self.board.delivered.iter().find(|(_, received)| received.id == *id).map(|(at, _)| *at)
    }

    /// Fails unless of `said`, each in `copies`, as many were delivered as a fair lot gives where frames come `times` as
    /// fast as they are verified, less three standard deviations.
    #[track_caller]
    fn fair(&self, said: &[MessageId], copies: u32, times: f64) {
        let chance = 1.0 - (1.0 - 1.0 / times).powi(copies as i32);
        let count = said.len() as f64;
        let least = count * chance - 3.0 * (count * chance * (1.0 - chance)).sqrt();
        let heard = self.heard(said);
        println!("{heard} of {count}, {copies} copies at {times} times: {chance:.3}, at least {least:.0}");
        assert!(heard as f64 >= least, "{heard} of {count}, of which {least:.0} are a fair share");
    }
}

/// Link address of the neighbour with this place.
fn link(n: usize) -> [u8; 6] {
    address(n as u32 + 1)
}

/// An address that no frame came from before.
fn made_up_address(n: u64) -> [u8; 6] {
    let [a, b, c, d, ..] = n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
    [6, 0x66, a, b, c, d]
}

/// What this signer would say in `class`, with a signature that it did not make.
fn forged(car: &Crafter, class: Class, at: Instant, n: u64) -> Bytes {
    let fields = if class == Class::D2 { car.fields(at) } else { car.fields_in(class, at) };
    // Ahead of all that the signer itself says, or the replay window would tell them apart.
    let fields = TbsRepr { sequence: AHEAD + n as u32, ..fields };
    forged_fields(car, &fields, SignerRef::Digest(car.digest), n)
}

fn forged_fields(car: &Crafter, fields: &TbsRepr<'_>, signer: SignerRef<'_>, n: u64) -> Bytes {
    let mut tbs = Vec::new();
    fields.encode(&mut tbs);
    let mut signature = [0x5a; 64];
    signature[..8].copy_from_slice(&n.to_le_bytes());
    forge(&mut signature);
    craft::frame(&car.header(fields), &tbs, &signature, signer)
}

/// A credential like this one whose issuer did not sign it; another one for each `n`.
fn made_up_credential(like: &Bytes, n: u64) -> Bytes {
    let mut bytes = like.to_vec();
    let signature = CredentialView::parse(like).unwrap().signature;
    let place = like.windows(64).position(|part| part == signature).unwrap();
    bytes[place..place + 8].copy_from_slice(&n.to_le_bytes());
    forge(&mut bytes[place..place + 64]);
    bytes.into()
}

/// When attacks begin.
const START: Instant = Instant::from_millis(1_000);
/// The first number of forged messages.
const AHEAD: u32 = 1 << 24;
const D0_D1_D2: [Class; 3] = [Class::D0, Class::D1, Class::D2];
