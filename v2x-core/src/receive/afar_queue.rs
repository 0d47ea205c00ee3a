//! Frames from afar that wait for their verification: area hazards before background, and peers in turn.
//!
//! A peer's frames stay in their order, and each has a round: the first of a peer is in the next round, those behind it in the rounds
//! after. So a frame waits for one of each other peer at most before each of its own, however many a peer hands in. When there is
//! no room, the peer with the most waiting loses its last: background first.

use std::collections::BTreeMap;

use v2x_proto::Class;

use super::frame::Frame;
use crate::base::{FrameHash, limits};

/// Names a frame from afar while it waits for its verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AfarTicket(u64);

/// Place of a frame, in the order of verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    is_background: bool,
    round: u64,
    ticket: AfarTicket,
}

/// Frames from afar that wait.
#[derive(Debug, Default)]
pub(super) struct AfarQueue {
    frames: BTreeMap<Place, Frame>,
    /// The last round in which a frame was taken out: of area hazards, of background.
    rounds: [u64; 2],
    tickets: u64,
}

impl AfarQueue {
    /// Puts a frame in its place: the one that makes room for it, where there is none, which may be itself.
    pub fn push(&mut self, frame: Frame) -> Option<Frame> {
        let is_background = frame.id.class != Class::D3;
        let peer = frame.way.peer();
        let of_peer = |(place, other): &(&Place, &Frame)| {
            place.is_background == is_background && other.way.peer() == peer
        };
        let last = self.frames.iter().filter(of_peer).map(|(place, _)| place.round).max();
        let round = last.unwrap_or(self.rounds[usize::from(is_background)]) + 1;
        self.tickets += 1;
        self.frames.insert(Place { is_background, round, ticket: AfarTicket(self.tickets) }, frame);
        if self.frames.len() > limits::MAX_AFAR_WAITING { self.shed(peer) } else { None }
    }

    /// The next one to verify.
    pub fn pop(&mut self) -> Option<Frame> {
        let (place, frame) = self.frames.pop_first()?;
        self.rounds[usize::from(place.is_background)] = place.round;
        Some(frame)
    }

    /// The names of those that wait, in the order of verification.
    pub fn tickets(&self) -> impl Iterator<Item = AfarTicket> {
        self.frames.keys().map(|place| place.ticket)
    }

    /// The frame with this name, while it waits.
    pub fn find(&self, ticket: AfarTicket) -> Option<&Frame> {
        self.frames.iter().find(|(place, _)| place.ticket == ticket).map(|(_, frame)| frame)
    }

    /// Whether this frame waits.
    pub fn holds(&self, hash: FrameHash) -> bool {
        self.frames.values().any(|frame| frame.hash == hash)
    }

    /// Frames that wait.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Takes out the last frame of the peer with the most; of several such peers, of `newest`, which brought the last one.
    fn shed(&mut self, newest: Option<u16>) -> Option<Frame> {
        let mut waiting = BTreeMap::<_, usize>::new();
        for frame in self.frames.values() {
            *waiting.entry(frame.way.peer()).or_default() += 1;
        }
        let (peer, _) = waiting.into_iter().max_by_key(|(peer, count)| (*count, *peer == newest))?;
        let last = self.frames.iter().rev().find(|(_, frame)| frame.way.peer() == peer);
        let place = last.map(|(place, _)| *place)?;
        self.frames.remove(&place)
    }
}
