//! Receptions of several stations in one program, step by step: each step for all of them before the next.
//!
//! A reception runs through three times as much code as the nearest cache of a processor holds. One station after the other
//! loads all of it anew; one step after the other loads it once for all that hear a frame. Stations share nothing, so each
//! does what it would do alone.

use super::Node;
use super::deadline_cache::DeadlineCache;
use super::verify::Judged;
use crate::base::{Instant, ReceivedFrame};
use crate::receive::{FrameName, Preview, Verified};

/// Frames that reach several stations at about one time, each station once. `T` is the host's name for a station.
#[derive(Debug)]
pub struct Together<T> {
    receptions: Vec<Reception<T>>,
    /// Of each frame, where it can be read.
    previews: Vec<Option<Preview>>,
}

#[derive(Debug)]
struct Reception<T> {
    station: T,
    node: Box<Node>,
    now: Instant,
    frame: Option<ReceivedFrame>,
    /// Of its frame.
    preview: usize,
    name: Option<FrameName>,
    rest: Option<DeadlineCache>,
    verified: Option<Verified>,
    judged: Judged,
    /// The message was heard, and changed no timer but its signer's.
    quiet: bool,
    /// Nothing is left to do but to drain.
    over: bool,
}

impl<T> Default for Together<T> {
    fn default() -> Self {
        Self { receptions: Vec::new(), previews: Vec::new() }
    }
}

impl<T> Together<T> {
    /// A frame reaches a station at `now`. All outputs of its node were drained.
    pub fn add(&mut self, station: T, node: Box<Node>, now: Instant, frame: ReceivedFrame) {
        // A frame's receivers come one after the other.
        let last = self.receptions.last().and_then(|last| last.frame.as_ref());
        if !last.is_some_and(|last| core::ptr::eq(&last.bytes[..], &frame.bytes[..])) {
            self.previews.push(Preview::of(&frame.bytes));
        }
        self.receptions.push(Reception {
            station,
            node,
            now,
            frame: Some(frame),
            preview: self.previews.len() - 1,
            name: None,
            rest: None,
            verified: None,
            judged: Judged::default(),
            quiet: false,
            over: false,
        });
    }

    /// Number of receptions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.receptions.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.receptions.is_empty()
    }

    /// Each node gets its frame and, when that leaves no output and a frame waits for its verification, a timeout: as if both had
    /// been [handed in](Node::handle_input) one after the other. Drain each node afterwards.
    pub fn run(&mut self) {
        for part in self.receptions.chunks_mut(AT_ONCE) {
            fetch(part, &self.previews);
            part.iter_mut().for_each(Reception::admit);
            part.iter_mut().for_each(Reception::verify);
            part.iter_mut().for_each(Reception::judge);
            part.iter_mut().for_each(Reception::conclude);
            part.iter_mut().for_each(Reception::end);
        }
    }

    /// Hands the nodes back, in the order in which they came.
    pub fn drain(&mut self) -> impl Iterator<Item = (T, Instant, Box<Node>)> {
        self.previews.clear();
        self.receptions.drain(..).map(|Reception { station, now, node, .. }| (station, now, node))
    }
}

/// Reads of each node what its steps visit. What one node keeps of a signer is found in several places, one after the other, far
/// from any cache; those of many nodes are fetched at once.
fn fetch<T>(part: &mut [Reception<T>], previews: &[Option<Preview>]) {
    for Reception { node, preview, name, .. } in &mut *part {
        *name = previews[*preview].as_ref().map(|preview| node.receiver.name(preview));
    }
    let mut fetched = 0;
    for Reception { node, preview, name, .. } in part {
        if let (Some(preview), Some(name)) = (&previews[*preview], name) {
            fetched ^= node.kept_of(preview, name);
        }
    }
    core::hint::black_box(fetched);
}

impl<T> Reception<T> {
    fn admit(&mut self) {
        if let Some(frame) = self.frame.take() {
            let rest = self.node.begin_turn(self.now);
            self.node.take_frame(frame, self.name, rest);
        }
    }

    fn verify(&mut self) {
        let node = &mut *self.node;
        self.over = !node.outputs.is_empty() || !node.has_frames_to_verify();
        if !self.over {
            self.rest = node.begin_turn(self.now);
            let in_time = node.begin_verification(self.rest.as_ref());
            self.verified = node.next_verified(in_time);
        }
    }

    fn judge(&mut self) {
        if let Some(verified) = &self.verified {
            self.judged = self.node.judge_signer(verified);
        }
    }

    fn conclude(&mut self) {
        if self.verified.is_some() {
            self.quiet = self.node.conclude(&mut self.verified, self.judged);
        }
    }

    fn end(&mut self) {
        if !self.over {
            let quiet = self.node.verified_one(self.quiet);
            self.node.end_turn_of(self.rest.take(), quiet);
        }
    }
}

/// Stations that are at one step together: what they touch stays in a cache of 512 KB meanwhile.
const AT_ONCE: usize = 32;
