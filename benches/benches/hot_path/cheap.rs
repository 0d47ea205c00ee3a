//! Every way out of the receive path that costs no verification of a message: its time and its allocations.
//!
//! Each row has a station of its own that knows 200 neighbours and trusts every signature, is brought to where frames
//! leave by the row's reason, and then gets many of them, one at a time as from a link. All of them have to leave by
//! that reason, or the benchmark fails.

use core::fmt;
use core::time::Duration;
use std::collections::BTreeMap;
use std::time;

use benches::figures::{Samples, rounded};
use benches::fleet::{CENTRE, fix_on_ring};
use benches::heap;
use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};
use testkit::draft::{Draft, Stander, Trusting};
use testkit::drive::settle;
use testkit::{Authority, anchor};
use v2x_core::{
    AwarenessRule, ClockState, Config, Event, Fix, Input, Instant, Node, Output, ReceivedFrame, Way, WireTime,
};

use super::ways_out::{ROWS, Row};

/// The cost of a way out.
#[derive(Debug)]
pub struct Cost {
    row: &'static Row,
    ns: Samples,
    frames: u64,
    /// Of them, those that left by the row's reason.
    left: u64,
    /// How others ended.
    others: BTreeMap<&'static str, u64>,
    allocations: u64,
}

/// All rows whose name or kind contains `filter`, with this many slices each.
pub fn run(slices: usize, filter: &str) -> Vec<Cost> {
    let authority = Authority::of_cars();
    let known: Vec<Stander> = (1..=NEIGHBOURS).map(|number| Stander::new(&authority, number)).collect();
    let rows = ROWS.iter().filter(|row| row.reason.name().contains(filter) || row.kind.contains(filter));
    rows.map(|row| cost(row, Scene::new(&authority, &known), slices)).collect()
}

/// A station and those around it.
pub struct Scene<'a> {
    pub node: Node,
    pub authority: &'a Authority,
    /// Neighbours of the station.
    pub known: &'a [Stander],
    /// More of them, made for a row.
    pub extra: Vec<Stander>,
    /// Frames made before, to be heard again.
    pub kept: Vec<(Vec<u8>, [u8; 6])>,
    pub now: Instant,
    /// The number of the next message.
    pub sequence: u32,
    pool: BytesMut,
    frames: Vec<(Instant, ReceivedFrame)>,
}

impl<'a> Scene<'a> {
    fn new(authority: &'a Authority, known: &'a [Stander]) -> Self {
        let config = Config { awareness: AwarenessRule::Off, ..Config::vehicle() };
        let identity = authority.identity(0);
        let (anchor, trust) = (anchor(), authority.trust.clone());
        let mut node = Node::with_host(config, identity, trust, 1, anchor, Box::new(Trusting));
        node.handle_input(Instant::ZERO, Input::Clock { wire: anchor.wire, state: ClockState::Locked });
        let mut scene = Self {
            node,
            authority,
            known,
            extra: Vec::new(),
            kept: Vec::new(),
            now: Instant::ZERO,
            sequence: 1,
            pool: BytesMut::with_capacity(1 << 20),
            frames: Vec::with_capacity(SLICE),
        };
        // Heard again, each comes from where it was heard before.
        for _ in 0..3 {
            scene.pass(Duration::from_secs(1));
            for stander in known {
                scene.introduce(stander);
            }
        }
        let neighbours = scene.node.neighbour_table().len();
        assert_eq!(neighbours, known.len(), "all stations are neighbours");
        scene
    }

    /// Lets time pass; the station still knows where it is.
    pub fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        let fix = Fix { position: CENTRE, ..fix_on_ring(100.0, 0.0, 0.0, self.wire()) };
        self.node.handle_input(self.now, Input::Fix(Some(fix)));
        self.settle();
    }

    /// A station sends its credential.
    pub fn introduce(&mut self, stander: &Stander) {
        let draft = stander.beacon(self.next(), self.wire()).in_full(&stander.credential);
        self.hear(&draft);
    }

    /// Hands in a frame, and all that follows from it.
    pub fn hear(&mut self, draft: &Draft) {
        let frame = received(draft.bytes().into(), draft.link, self.now);
        self.node.handle_input(self.now, Input::Frame(frame));
        self.settle();
    }

    /// The number of the next message.
    pub fn next(&mut self) -> u32 {
        self.sequence += 1;
        self.sequence
    }

    pub fn wire(&self) -> WireTime {
        anchor().wire_at(self.now)
    }

    fn settle(&mut self) {
        settle(&mut self.node, self.now, |_| {});
    }

    /// Frames of a row, in a buffer as a link leaves them.
    fn fill(&mut self, row: &Row) {
        // What is to wait is not verified meanwhile.
        if row.verify_after.is_some() {
            self.pass(Duration::ZERO);
        }
        for _ in 0..SLICE {
            let (bytes, link) = (row.make)(self);
            self.pool.extend_from_slice(&bytes);
            let frame = received(self.pool.split().freeze(), link, self.now);
            self.frames.push((self.now, frame));
            self.now = self.now + row.step;
        }
    }

    /// Nanoseconds, frames that left by the row's reason, and allocations, of all frames filled in. A function of its
    /// own for profilers (`valgrind --tool=callgrind --toggle-collect='*Scene*feed*'`).
    #[inline(never)]
    fn feed(&mut self, row: &Row, others: &mut BTreeMap<&'static str, u64>) -> (f64, u64, u64) {
        let (node, frames) = (&mut self.node, &mut self.frames);
        let mut left = 0;
        let (ns, used) = heap::measured(|| {
            let start = time::Instant::now();
            for (at, frame) in frames.drain(..) {
                node.handle_input(at, Input::Frame(frame));
                loop {
                    match node.poll_output() {
                        Output::Event(Event::Dropped(dropped)) if dropped.reason == row.reason => left += 1,
                        Output::Event(Event::Dropped(dropped)) => {
                            *others.entry(dropped.reason.name()).or_default() += 1;
                        }
                        Output::Event(Event::Received(_)) => *others.entry("delivered").or_default() += 1,
                        Output::Timeout(due, _) if due <= at => match row.verify_after {
                            Some(after) => node.handle_input(at + after, Input::Timeout),
                            None => break,
                        },
                        Output::Timeout(..) => break,
                        _ => {}
                    }
                }
            }
            start.elapsed().as_nanos() as f64
        });
        (ns, left, used.allocations)
    }
}

fn cost(row: &'static Row, mut scene: Scene<'_>, slices: usize) -> Cost {
    (row.prepare)(&mut scene);
    // Neighbours are forgotten after 20 s.
    let slices = if row.step > Duration::from_millis(1) { slices.min(WARM_UP) } else { slices };
    let mut cost = Cost {
        row,
        ns: Samples::with_capacity(slices),
        frames: 0,
        left: 0,
        others: BTreeMap::new(),
        allocations: 0,
    };
    for slice in 0..WARM_UP + slices {
        scene.fill(row);
        let (before, lost) = (scene.node.counters().frames, scene.node.counters().outputs_lost);
        let (ns, left, allocations) = scene.feed(row, &mut cost.others);
        if slice < WARM_UP {
            cost.others.clear();
            continue;
        }
        let counters = scene.node.counters();
        cost.ns.add(ns / SLICE as f64);
        cost.frames += counters.frames - before + (counters.outputs_lost - lost);
        cost.left += left;
        cost.allocations += allocations;
    }
    cost
}

impl Cost {
    /// Whether every frame left by the reason it was made for.
    pub fn holds(&self) -> bool {
        self.frames > 0 && self.left == self.frames
    }

    /// As in the last line.
    pub fn json(&self) -> Value {
        json!({
            "reason": self.row.reason.name(),
            "kind": self.row.kind,
            "ns": rounded(self.ns.median(), 0),
            "ns_least": rounded(self.ns.min(), 0),
            "allocs": self.allocations as f64 / self.frames.max(1) as f64,
            "frames": self.frames,
            "left_by_reason": self.left,
        })
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { reason, kind, .. } = self.row;
        let name =
            if kind.is_empty() { reason.name().to_owned() } else { format!("{} ({kind})", reason.name()) };
        let (least, median) = (self.ns.min(), self.ns.median());
        let allocations = self.allocations as f64 / self.frames.max(1) as f64;
        write!(f, "  {name:<46} {least:6.0} / {median:<6.0} {allocations:8.3}")?;
        if !self.holds() {
            write!(
                f,
                "  WRONG: {} of {} frames left by this reason, others {:?}",
                self.left, self.frames, self.others
            )?;
        }
        Ok(())
    }
}

fn received(bytes: Bytes, link: [u8; 6], at: Instant) -> ReceivedFrame {
    let (kernel_receive, user_receive) = (Some(at), Some(at));
    ReceivedFrame {
        bytes,
        link_source: link,
        kernel_receive,
        user_receive,
        signal_dbm: Some(-70),
        way: Way::Air,
    }
}

/// Stations known before a row begins.
const NEIGHBOURS: u32 = 200;
/// Frames a slice: a few microseconds, so that a slice is rarely interrupted.
const SLICE: usize = 16;
/// Slices that are not counted: until every bounded table the row fills is full.
const WARM_UP: usize = 64;
