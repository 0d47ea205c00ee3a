//! Memory of a station, counted: what it takes at its start, what a neighbour takes, and what it allocates after that. A binary
//! of its own with one test, because the counters are the process's, and the harness allocates for itself when a test ends.

use std::alloc::System;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prost::Message as _;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use testkit::craft::probe;
use testkit::draft::{Draft, Stander, Trusting};
use testkit::drive::settle;
use testkit::{Authority, PLACE, anchor, fix};
use v2x_core::{
    AwarenessRule, ClockState, Config, Congestion, CredentialShelf, Input, Instant, LoadSource, Node, Output,
    Regulation, Reserve, SendRequest, TrustStore, Trusted, credential_hash, limits,
};
use v2x_proto::{Class, Digest, v1};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn memory_of_a_station_is_bounded_and_none_is_allocated_in_service() {
    a_station_of_a_world_takes_64_kb_at_most_and_1_kb_more_for_each_neighbour();
    a_station_in_service_allocates_nothing_for_its_neighbours_beacons_and_no_table_for_newcomers();
    the_gate_of_a_station_allocates_nothing_once_it_runs();
}

/// Each neighbour beacons twice a second, moving, for longer than frames are remembered.
fn a_station_of_a_world_takes_64_kb_at_most_and_1_kb_more_for_each_neighbour() {
    let authority = Authority::of_cars();
    let trust = authority.trust.clone().with_shelf(Arc::<Shelf>::default());
    for size in [0, 10, 60, 400, 800] {
        let standers: Vec<_> = (1..=size).map(|number| Stander::new(&authority, number)).collect();
        // The credentials are the world's, which keeps each once.
        let mut first = Listener::with(config(Reserve::AsHeard), &authority, &trust);
        first.hear_all(&standers, 1);
        let (bytes, station) = kept(|| {
            let mut station = Listener::with(config(Reserve::AsHeard), &authority, &trust);
            station.hear_all(&standers, 10);
            station
        });
        assert_eq!(station.node.neighbours().count(), standers.len());
        println!("{size} neighbours: {bytes} B");
        assert!(bytes <= (64 + i64::from(size)) << 10, "{size} neighbours: {bytes} B");
    }
    let (whole, _) = kept(|| Listener::new(&authority, Reserve::Whole));
    assert!(whole >= 512 << 10, "{whole} B: one in service has its tables from the start");
}

fn a_station_in_service_allocates_nothing_for_its_neighbours_beacons_and_no_table_for_newcomers() {
    let authority = Authority::of_cars();
    let room = 40;
    let standers: Vec<_> = (1..=4 * room).map(|number| Stander::new(&authority, number)).collect();
    let (known, strange) = standers.split_at(room as usize);
    let config = Config { max_neighbours: room as usize, ..config(Reserve::Whole) };
    let mut station = Listener::with(config, &authority, &authority.trust);
    station.hear_all(known, 4);
    let drafts: Vec<_> = known.iter().map(|stander| station.draft(stander)).collect();
    let frames: Vec<_> = drafts.iter().map(|draft| draft.received()).collect();
    let (_, allocations) = counted(|| frames.into_iter().for_each(|frame| station.input(frame)));
    assert_eq!(allocations, 0);
    // Who comes into the full table brings a credential, which is kept in two pieces and whose issuer's signature is checked
    // over bytes put together for it.
    let drafts: Vec<_> = strange.iter().map(|one| station.draft(one).in_full(&one.credential)).collect();
    let frames: Vec<_> = drafts.iter().map(|draft| draft.received()).collect();
    // Their bytes are the link's.
    let link = frames.clone();
    let (bytes, _) = kept(|| frames.into_iter().for_each(|frame| station.input(frame)));
    drop(link);
    assert_eq!(station.node.neighbours().count(), room as usize);
    assert!(bytes.abs() <= 2048, "{bytes} B for as many newcomers as left");
}

/// The channel is so busy that the adaptive rule and the law hold frames back for a while, and they all leave in time.
fn the_gate_of_a_station_allocates_nothing_once_it_runs() {
    let rules = [Congestion::Off, Congestion::Adaptive];
    let mut without = None;
    for (congestion, regulation) in rules.into_iter().flat_map(|rule| LAWS.map(|law| (rule, law))) {
        let mut sender = Sender::new(congestion, regulation);
        sender.run(0..3, &CLASSES);
        let before = sender.late;
        let (_, allocations) = counted(|| sender.run(3..20, &CLASSES));
        let gated = (congestion, regulation) != (Congestion::Off, Regulation::None);
        assert_eq!(sender.frames, 20 * CLASSES.len(), "{congestion:?}, {regulation:?}: all leave");
        assert_eq!(sender.late > before, gated, "{congestion:?}, {regulation:?}: held back");
        // A message takes what it takes without a gate: its bytes.
        let expected = *without.get_or_insert(allocations);
        assert_eq!(allocations, expected, "{congestion:?}, {regulation:?}: with its messages");
        let (_, alone) = counted(|| sender.run(20..40, &[]));
        assert_eq!(alone, 0, "{congestion:?}, {regulation:?}: as the channel's load comes and goes");
    }
}

/// A station that listens, and trusts every signature.
struct Listener {
    node: Node,
    now: Instant,
    sequence: u32,
}

impl Listener {
    fn new(authority: &Authority, reserve: Reserve) -> Self {
        Self::with(config(reserve), authority, &authority.trust)
    }

    fn with(config: Config, authority: &Authority, trust: &TrustStore) -> Self {
        let trust = trust.clone();
        let node = Node::with_host(config, authority.identity(0), trust, 1, anchor(), Box::new(Trusting));
        let mut listener = Self { node, now: Instant::ZERO, sequence: 0 };
        listener.input(Input::Clock { wire: anchor().wire, state: ClockState::Locked });
        listener
    }

    /// All of them, `rounds` times half a second apart, with their credentials the first time.
    fn hear_all(&mut self, standers: &[Stander], rounds: u32) {
        for round in 0..rounds {
            self.input(fix(self.now, PLACE));
            let begun = self.now;
            for stander in standers {
                let draft = self.draft(stander);
                let draft = if round == 0 { draft.in_full(&stander.credential) } else { draft };
                self.input(draft.received());
            }
            self.now = self.now.max(begun + Duration::from_millis(500));
        }
    }

    /// Its beacon as it drives east.
    fn draft(&mut self, stander: &Stander) -> Draft {
        self.now = self.now + Duration::from_micros(400);
        self.sequence += 1;
        let beacon = stander.beacon(self.sequence, anchor().wire_at(self.now));
        let awareness = v1::Awareness::decode(&beacon.payload[..]).expect("a stander encodes it");
        let driving = v1::Awareness { speed: Some(1400), heading: Some(900), ..awareness };
        let position = stander.position.moved(14e-9 * self.now.as_nanos() as f64, 0.0);
        Draft { position, payload: driving.encode_to_vec(), ..beacon }
    }

    fn input(&mut self, input: Input) {
        self.node.handle_input(self.now, input);
        settle(&mut self.node, self.now, |_| {});
    }
}

/// A station whose application sends.
struct Sender {
    node: Node,
    deadline: Instant,
    frames: usize,
    /// Those that left after the moment in which they were to be sent.
    late: usize,
}

impl Sender {
    fn new(congestion: Congestion, regulation: Regulation) -> Self {
        let authority = Authority::new();
        let config = Config { congestion, regulation, ..config(Reserve::Whole) };
        let node = Node::new(config, authority.identity(1), authority.trust.clone(), 7, anchor());
        let mut sender = Self { node, deadline: Instant::ZERO, frames: 0, late: 0 };
        sender.input(Instant::ZERO, Input::Clock { wire: anchor().wire, state: ClockState::Locked });
        sender
    }

    /// At the beginning of each second one message of each class; the load of the channel comes ten times a second.
    fn run(&mut self, seconds: Range<u64>, classes: &[Class]) {
        for step in seconds.start * 10..seconds.end * 10 {
            let start = Instant::from_millis(100 * step);
            self.input(start, fix(start, PLACE));
            let busy_permille = BUSY_PERMILLE[step as usize % BUSY_PERMILLE.len()];
            self.input(start, Input::ChannelLoad { busy_permille, source: LoadSource::Survey });
            if step % 10 == 0 {
                for class in classes {
                    let lifetime_ms = match class {
                        Class::D0 => 100,
                        Class::D1 => 500,
                        _ => 1_000,
                    };
                    self.input(start, Input::Send(SendRequest { lifetime_ms, ..probe(*class) }));
                }
            }
            let end = start + Duration::from_millis(100);
            while self.deadline < end {
                self.input(self.deadline, Input::Timeout);
            }
        }
    }

    fn input(&mut self, now: Instant, input: Input) {
        let Self { node, deadline, frames, late } = self;
        node.handle_input(now, input);
        *deadline = settle(node, now, |output| {
            if let Output::Transmit(_) = output {
                *frames += 1;
                *late += usize::from(!now.as_nanos().is_multiple_of(1_000_000_000));
            }
        });
    }
}

const CLASSES: [Class; 5] = [Class::D0, Class::D1, Class::D4, Class::D2, Class::D5];
const LAWS: [Regulation; 2] = [Regulation::None, Regulation::En302571];
/// The adaptive share follows it up and down.
const BUSY_PERMILLE: [u16; 7] = [100, 250, 290, 270, 200, 50, 0];

/// Each credential once, as in a world.
#[derive(Debug, Default)]
struct Shelf(Mutex<HashMap<Digest, Arc<Trusted>>>);

impl CredentialShelf for Shelf {
    fn find(&self, bytes: &[u8]) -> Option<Arc<Trusted>> {
        self.0
            .lock()
            .expect("nobody panics meanwhile")
            .get(&Digest::of_hash(&credential_hash(bytes)))
            .cloned()
    }

    fn shelve(&self, trusted: Trusted) -> Arc<Trusted> {
        let mut kept = self.0.lock().expect("nobody panics meanwhile");
        Arc::clone(kept.entry(trusted.digest()).or_insert_with(|| Arc::new(trusted)))
    }
}

fn config(reserve: Reserve) -> Config {
    let config = Config { awareness: AwarenessRule::Off, reserve, ..Config::vehicle() };
    assert_eq!(config.max_neighbours, limits::NEIGHBOURS);
    config
}

/// Bytes of heap that the result of `work` keeps.
fn kept<T>(work: impl FnOnce() -> T) -> (i64, T) {
    let region = Region::new(COUNTED);
    let result = work();
    let change = region.change();
    (change.bytes_allocated as i64 - change.bytes_deallocated as i64, result)
}

/// How often `work` allocates.
fn counted<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let region = Region::new(COUNTED);
    let result = work();
    let change = region.change();
    (result, change.allocations + change.reallocations)
}
