//! The recordings side by side: each message that a station sent, and which others heard it.
//!
//! All are read at once, the earliest event first. A message is kept for its lifetime and some seconds, then handed on: what comes
//! later does not count, and memory does not grow with the length of a recording.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use bytes::Bytes;
use hashbrown::HashMap;
use v2x_core::Position;

use super::error::MergeError;
use super::survey::Surveyed;
use super::tape::{FrameFacts, Tape, TapeEvent};

/// A message on its way from its sender to the others.
#[derive(Debug)]
pub(super) struct Journey {
    /// The recording of its sender.
    pub(super) origin: usize,
    pub(super) facts: FrameFacts,
    /// When it was first handed to the link, by the sender's clock, ns.
    pub(super) sent_ns: i64,
    /// By recording: whether it was there to hear it, and from how far, m.
    pub(super) ears: Vec<Option<Ear>>,
    /// At most one for each recording.
    pub(super) hearings: Vec<FirstHearing>,
}

/// A station that was recording when a message was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ear {
    /// From the sender, m, where both knew where they were.
    pub(super) distance_m: Option<f32>,
}

/// The first time that a station heard a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct FirstHearing {
    /// The recording.
    pub(super) by: usize,
    /// By that station's clock, ns.
    pub(super) at_ns: i64,
    /// When it came from the sender itself, then or later.
    pub(super) direct_ns: Option<i64>,
}

/// A frame that was handed to a link.
#[derive(Debug)]
pub(super) struct Transmitted<'a> {
    pub(super) by: usize,
    /// On the common clock, ns.
    pub(super) at_ns: i64,
    pub(super) facts: &'a FrameFacts,
    pub(super) bytes: &'a Bytes,
    /// Of a message of the station's own: from how far each other station could hear it, m, when it is sent for the
    /// first time.
    pub(super) ears: Option<&'a [Option<Ear>]>,
}

/// Is told what the recordings show, in the order of the common clock.
pub(super) trait Witness {
    /// A message is over.
    fn journey(&mut self, journey: &Journey);

    /// A frame was handed to a link.
    fn transmitted(&mut self, _: &Transmitted<'_>) {}

    /// A station is somewhere, or nowhere, from this time on by the common clock, ns.
    fn place(&mut self, _by: usize, _at_ns: i64, _position: Option<Position>) {}
}

/// Reads all recordings once; `common` turns a recording's time into that of the common clock, roughly or well.
///
/// # Errors
/// A file cannot be read.
pub(super) fn read_together(
    all: &[Surveyed],
    common: &dyn Fn(usize, i64) -> i64,
    witness: &mut dyn Witness,
) -> Result<(), MergeError> {
    let mut tapes = Vec::with_capacity(all.len());
    let mut next = BinaryHeap::new();
    let mut waiting = Vec::with_capacity(all.len());
    for (number, surveyed) in all.iter().enumerate() {
        let mut tape = Tape::open(&surveyed.path)?;
        let event = tape.next()?;
        next.extend(event.as_ref().map(|(at, _)| Reverse((common(number, *at), number))));
        waiting.push(event);
        tapes.push(tape);
    }
    let mut joiner = Joiner {
        present: all.iter().enumerate().map(|(n, one)| one.span_ns.map(|at| common(n, at))).collect(),
        all,
        fixes: vec![None; all.len()],
        open: HashMap::new(),
        ends: BinaryHeap::new(),
        early: HashMap::new(),
        early_order: VecDeque::new(),
        witness,
    };
    while let Some(Reverse((now_ns, number))) = next.pop() {
        let event = waiting[number].take();
        waiting[number] = tapes[number].next()?;
        next.extend(waiting[number].as_ref().map(|(at, _)| Reverse((common(number, *at), number))));
        joiner.pass(now_ns);
        if let Some((at_ns, event)) = event {
            joiner.take(number, at_ns, now_ns, event);
        }
    }
    joiner.end();
    Ok(())
}

struct Joiner<'a> {
    all: &'a [Surveyed],
    /// When each records, on the common clock, ns.
    present: Vec<[i64; 2]>,
    fixes: Vec<Option<(Position, i64)>>,
    open: HashMap<u128, Journey>,
    ends: BinaryHeap<Reverse<(i64, u128)>>,
    /// Frames heard that nobody has sent yet: by the common clock they may come first, and most are of stations without a
    /// recording.
    early: HashMap<u128, Vec<(FirstHearing, FrameFacts)>>,
    early_order: VecDeque<(i64, u128)>,
    witness: &'a mut dyn Witness,
}

impl Joiner<'_> {
    fn take(&mut self, by: usize, at_ns: i64, now_ns: i64, event: TapeEvent) {
        match event {
            TapeEvent::Sent(facts, bytes) => self.sent(by, at_ns, now_ns, &facts, &bytes),
            TapeEvent::Heard(facts) => self.heard(by, at_ns, now_ns, &facts),
            TapeEvent::Fix(position) => {
                self.fixes[by] = position.map(|position| (position, now_ns));
                self.witness.place(by, now_ns, position);
            }
            TapeEvent::Own(_) | TapeEvent::Other => {}
        }
    }

    fn sent(&mut self, by: usize, at_ns: i64, now_ns: i64, facts: &FrameFacts, bytes: &Bytes) {
        let own = facts.signer == facts.forwarder && self.all[by].own.contains(&facts.signer);
        let first = own && !self.open.contains_key(&facts.key);
        let ears = first.then(|| self.ears(by, now_ns, facts.position));
        self.witness.transmitted(&Transmitted { by, at_ns: now_ns, facts, bytes, ears: ears.as_deref() });
        let Some(ears) = ears else { return };
        let mut journey = Journey { origin: by, facts: *facts, sent_ns: at_ns, ears, hearings: Vec::new() };
        for (hearing, _) in self.early.remove(&facts.key).into_iter().flatten() {
            hear(&mut journey, hearing);
        }
        let keep_ns = i64::from(facts.lifetime_ms).saturating_mul(1_000_000).min(LONGEST_KEPT_NS) + SKEW_NS;
        self.ends.push(Reverse((now_ns.saturating_add(keep_ns), facts.key)));
        self.open.insert(facts.key, journey);
        while self.open.len() > MAX_OPEN {
            self.end_one();
        }
    }

    fn heard(&mut self, by: usize, at_ns: i64, now_ns: i64, facts: &FrameFacts) {
        if self.all[by].own.contains(&facts.signer) {
            return;
        }
        let direct = facts.forwarder == facts.signer;
        let hearing = FirstHearing { by, at_ns, direct_ns: direct.then_some(at_ns) };
        if let Some(journey) = self.open.get_mut(&facts.key) {
            hear(journey, hearing);
            return;
        }
        if !self.all.iter().any(|one| one.own.contains(&facts.signer)) {
            return;
        }
        self.early.entry(facts.key).or_default().push((hearing, *facts));
        self.early_order.push_back((now_ns, facts.key));
        if self.early_order.len() > MAX_EARLY {
            self.forget_one();
        }
    }

    /// Who is recording now, and from how far.
    fn ears(&self, sender: usize, now_ns: i64, from: Position) -> Vec<Option<Ear>> {
        let ear = |(number, [first, last]): (usize, &[i64; 2])| {
            if number == sender || !(*first..=*last).contains(&now_ns) {
                return None;
            }
            let fix = self.fixes[number].filter(|(_, at)| now_ns.saturating_sub(*at) <= LONGEST_FIX_NS);
            Some(Ear { distance_m: fix.map(|(to, _)| from.distance_m(to) as f32) })
        };
        self.present.iter().enumerate().map(ear).collect()
    }

    /// The common clock shows this.
    fn pass(&mut self, now_ns: i64) {
        while self.ends.peek().is_some_and(|Reverse((end, _))| *end <= now_ns) {
            self.end_one();
        }
        while self.early_order.front().is_some_and(|(at, _)| at.saturating_add(SKEW_NS) <= now_ns) {
            self.forget_one();
        }
    }

    fn end_one(&mut self) {
        if let Some(Reverse((_, key))) = self.ends.pop()
            && let Some(journey) = self.open.remove(&key)
        {
            self.witness.journey(&journey);
        }
    }

    fn forget_one(&mut self) {
        if let Some((_, key)) = self.early_order.pop_front() {
            self.early.remove(&key);
        }
    }

    fn end(&mut self) {
        while !self.ends.is_empty() {
            self.end_one();
        }
    }
}

fn hear(journey: &mut Journey, hearing: FirstHearing) {
    match journey.hearings.iter_mut().find(|one| one.by == hearing.by) {
        Some(before) => {
            before.at_ns = before.at_ns.min(hearing.at_ns);
            before.direct_ns = [before.direct_ns, hearing.direct_ns].into_iter().flatten().min();
        }
        None => journey.hearings.push(hearing),
    }
}

/// By how much clocks that were roughly put right may differ, ns: signed times are that near, or frames would be dropped.
const SKEW_NS: i64 = 10_000_000_000;
/// A hazard may live for hours, and is repeated as new messages.
const LONGEST_KEPT_NS: i64 = 60_000_000_000;
/// After this a station does not know where it is, ns.
const LONGEST_FIX_NS: i64 = 3_000_000_000;
/// Messages that are kept at once: sixteen stations that send 230 messages a second with the longest lifetime.
const MAX_OPEN: usize = 1 << 18;
/// Frames heard that wait for their sending to be read.
const MAX_EARLY: usize = 1 << 18;
