//! The cost of a neighbour, in a table of a hundred, a thousand and ten thousand:
//! `cargo bench -p benches --bench neighbours`.
//!
//! Bytes: a whole station that knows as many neighbours as it has room for, less one that has room for none but one,
//! divided by the neighbours: table, key cache, plausibility record, rates and whatever else is kept for each. Times: of
//! the table's lookup and update, of all neighbours in an order without a pattern, and of the same few again and again:
//! the difference between the last two is due to the cache, not the table. And of a beacon through the whole station.

use core::time::Duration;
use std::hint::black_box;
use std::process::ExitCode;
use std::{alloc::System, time};

use benches::figures::{self, Samples, rounded};
use benches::fleet::{CENTRE, fix_on_ring};
use benches::heap;
use serde_json::{Value, json};
use stats_alloc::StatsAlloc;
use testkit::draft::{Draft, Stander, Trusting};
use testkit::drive::settle;
use testkit::{Authority, anchor};
use v2x_core::{
    AwarenessRule, ClockState, Config, Fix, Heard, Input, Instant, MessageId, NeighbourTable, Node, Plane,
    ReceivedFrame, Reserve, Way,
};
use v2x_proto::Class;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = heap::COUNTED;

fn main() -> ExitCode {
    let quick = figures::quick();
    let machine = figures::machine();
    println!("neighbours on {machine}{}", if quick { " (quick: figures mean little)" } else { "" });
    println!(
        "ns, least / median; spread: all neighbours, without a pattern; warm: the same {FEW} again and again"
    );
    println!(
        "{:>10} {:>7} {:>15} {:>15} {:>15} {:>15} {:>17} {:>7}",
        "neighbours",
        "B each",
        "lookup spread",
        "lookup warm",
        "update spread",
        "update warm",
        "beacon, station",
        "allocs"
    );
    let authority = Authority::of_cars();
    let mut rows = Vec::new();
    for size in SIZES {
        let row = measure(&authority, size, if quick { 40 } else { 1000 });
        row.print();
        rows.push(row);
    }
    let sizes: Vec<_> = rows.iter().map(Row::json).collect();
    println!("{}", json!({ "bench": "neighbours", "machine": machine, "quick": quick, "sizes": sizes }));
    // Counts of what was timed, not times.
    if rows.iter().all(|row| row.known == row.size) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What was measured in a table of one size.
struct Row {
    size: u32,
    /// Neighbours in the table, as many as are meant to be.
    known: u32,
    bytes_each: f64,
    lookup: [Samples; 2],
    update: [Samples; 2],
    beacon: Samples,
    allocations: f64,
}

fn measure(authority: &Authority, size: u32, slices: usize) -> Row {
    let standers: Vec<Stander> = (1..=size).map(|number| Stander::new(authority, number)).collect();
    let (_, alone) = heap::measured(|| Station::new(authority, 1));
    let (mut station, full) = heap::measured(|| {
        let mut station = Station::new(authority, size);
        station.meet(&standers);
        station
    });
    let known = station.known();
    let bytes_each = (full.bytes_kept - alone.bytes_kept) as f64 / f64::from(size);
    let mut order = Order(0);
    let mut table = Table::new(&standers);
    let mut row = Row {
        size,
        known,
        bytes_each,
        lookup: [Samples::default(), Samples::default()],
        update: [Samples::default(), Samples::default()],
        beacon: Samples::default(),
        allocations: 0.0,
    };
    let mut allocations = 0;
    for slice in 0..WARM_UP + slices {
        for (kind, among) in [standers.len(), FEW.min(standers.len())].into_iter().enumerate() {
            let places: Vec<usize> = (0..SLICE).map(|_| order.next(among)).collect();
            row.lookup[kind].add(table.look_up(&standers, &places));
            row.update[kind].add(table.update(&standers, &places));
        }
        // Each once a second, in leaps.
        let place = slice * LEAP % standers.len();
        station.now = station.now + Duration::from_secs(1) / size;
        let (ns, allocated) = station.beacon(&standers[place]);
        if slice < WARM_UP {
            continue;
        }
        row.beacon.add(ns);
        allocations += allocated;
    }
    row.allocations = allocations as f64 / slices as f64;
    row
}

impl Row {
    fn print(&self) {
        let figures = |samples: &Samples| format!("{:.1} / {:.1}", samples.min(), samples.median());
        println!(
            "{:>10} {:>7.0} {:>15} {:>15} {:>15} {:>15} {:>17} {:>7.3}",
            self.known,
            self.bytes_each,
            figures(&self.lookup[0]),
            figures(&self.lookup[1]),
            figures(&self.update[0]),
            figures(&self.update[1]),
            figures(&self.beacon),
            self.allocations,
        );
    }

    fn json(&self) -> Value {
        json!({
            "neighbours": self.size,
            "bytes_each": rounded(self.bytes_each, 0),
            "lookup_ns": rounded(self.lookup[0].median(), 1),
            "lookup_warm_ns": rounded(self.lookup[1].median(), 1),
            "update_ns": rounded(self.update[0].median(), 1),
            "update_warm_ns": rounded(self.update[1].median(), 1),
            "beacon_ns": rounded(self.beacon.median(), 0),
            "beacon_allocs": rounded(self.allocations, 4),
        })
    }
}

/// A table alone.
struct Table {
    table: NeighbourTable,
    here: Plane,
    at: Instant,
    sequence: u32,
}

impl Table {
    fn new(standers: &[Stander]) -> Self {
        let table = NeighbourTable::with_capacity(standers.len(), Reserve::Whole);
        let mut table = Self { table, here: Plane::at(CENTRE), at: Instant::ZERO, sequence: 0 };
        let all: Vec<_> = (0..standers.len()).collect();
        table.update(standers, &all);
        assert_eq!(table.table.len(), standers.len(), "all are neighbours");
        table
    }

    /// Nanoseconds a lookup.
    fn look_up(&self, standers: &[Stander], places: &[usize]) -> f64 {
        let digests: Vec<_> = places.iter().map(|place| standers[*place].digest).collect();
        let start = time::Instant::now();
        let found = digests.iter().filter(|digest| black_box(self.table.get(digest)).is_some()).count();
        let ns = start.elapsed().as_nanos() as f64;
        assert_eq!(found, places.len(), "all are neighbours");
        ns / places.len() as f64
    }

    /// Nanoseconds an update.
    fn update(&mut self, standers: &[Stander], places: &[usize]) -> f64 {
        let heard: Vec<_> = places.iter().map(|place| self.heard(&standers[*place])).collect();
        let start = time::Instant::now();
        for heard in &heard {
            black_box(self.table.hear(heard, Some(&self.here)));
        }
        start.elapsed().as_nanos() as f64 / places.len() as f64
    }

    fn heard(&mut self, stander: &Stander) -> Heard {
        self.at = self.at + Duration::from_micros(1);
        self.sequence += 1;
        let wire = anchor().wire_at(self.at);
        Heard {
            id: MessageId { signer: stander.digest, class: Class::D2, sequence: self.sequence },
            generation: wire,
            position: stander.position,
            at: self.at,
            wire,
            link: stander.link,
            direct: true,
            signal_dbm: Some(-70),
        }
    }
}

/// A whole station that listens.
struct Station {
    node: Node,
    now: Instant,
    sequence: u32,
}

impl Station {
    fn new(authority: &Authority, room: u32) -> Self {
        let config =
            Config { awareness: AwarenessRule::Off, max_neighbours: room as usize, ..Config::vehicle() };
        let identity = authority.identity(0);
        let (anchor, trust) = (anchor(), authority.trust.clone());
        let mut node = Node::with_host(config, identity, trust, 1, anchor, Box::new(Trusting));
        node.handle_input(Instant::ZERO, Input::Clock { wire: anchor.wire, state: ClockState::Locked });
        let mut station = Self { node, now: Instant::ZERO, sequence: 0 };
        station.settle();
        station
    }

    /// All become neighbours, as fast as credentials are checked, and stay ones meanwhile.
    fn meet(&mut self, standers: &[Stander]) {
        let mut second = 0;
        for met in (NEW_PER_SECOND..standers.len() + NEW_PER_SECOND).step_by(NEW_PER_SECOND) {
            self.now = Instant::from_millis(1000 * second);
            second += 1;
            let fix = fix_on_ring(100.0, 0.0, 0.0, anchor().wire_at(self.now));
            self.node.handle_input(self.now, Input::Fix(Some(Fix { position: CENTRE, ..fix })));
            self.settle();
            let newest = met - NEW_PER_SECOND;
            for (place, stander) in standers.iter().enumerate().take(met) {
                if place >= newest {
                    let draft = self.draft(stander).in_full(&stander.credential);
                    self.hear(&draft);
                } else if place as u64 % 8 == second % 8 {
                    let draft = self.draft(stander);
                    self.hear(&draft);
                }
            }
        }
    }

    /// The number of neighbours, credentials and watched stations; 0 when these differ.
    fn known(&self) -> u32 {
        let kept = ["neighbours", "credentials", "stations watched"];
        let held: Vec<usize> =
            self.node.tables().filter(|table| kept.contains(&table.name)).map(|table| table.held).collect();
        let same = held.len() == kept.len() && held.iter().all(|one| *one == held[0]);
        if same { held[0] as u32 } else { 0 }
    }

    /// Nanoseconds of a neighbour's beacon, and allocations.
    fn beacon(&mut self, stander: &Stander) -> (f64, u64) {
        let draft = self.draft(stander);
        let frame = received(&draft, self.now);
        let (ns, used) = heap::measured(|| {
            let start = time::Instant::now();
            self.node.handle_input(self.now, Input::Frame(frame));
            self.settle();
            start.elapsed().as_nanos() as f64
        });
        (ns, used.allocations)
    }

    fn draft(&mut self, stander: &Stander) -> Draft {
        self.now = self.now + Duration::from_micros(200);
        self.sequence += 1;
        stander.beacon(self.sequence, anchor().wire_at(self.now))
    }

    fn hear(&mut self, draft: &Draft) {
        self.node.handle_input(self.now, Input::Frame(received(draft, self.now)));
        self.settle();
    }

    fn settle(&mut self) {
        settle(&mut self.node, self.now, |_| {});
    }
}

fn received(draft: &Draft, at: Instant) -> ReceivedFrame {
    let (kernel_receive, user_receive) = (Some(at), Some(at));
    let bytes = draft.bytes().into();
    ReceivedFrame {
        bytes,
        link_source: draft.link,
        kernel_receive,
        user_receive,
        signal_dbm: Some(-70),
        way: Way::Air,
    }
}

/// Places in an order without a pattern.
struct Order(u64);

impl Order {
    fn next(&mut self, among: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) as usize % among
    }
}

const SIZES: [u32; 3] = [100, 1_000, 10_000];
/// Within the budget of new credentials.
const NEW_PER_SECOND: usize = 100;
/// Operations a slice.
const SLICE: usize = 64;
/// Neighbours that fit into the nearest cache.
const FEW: usize = 16;
/// Beacons that are not counted: until what is made with the first is there.
const WARM_UP: usize = 64;
/// A prime, to come by all neighbours.
const LEAP: usize = 7919;
