//! Where the channel comes to rest under congestion control, beside where the rule says it does.
//!
//! Standing stations on a ring, so that each is in range of as many as any other, send ten beacons of 400 B a second over the channel of
//! the published table: once without control, once with the adaptive one. Each station is a node that is told how busy its radio
//! found the channel, as in a world; what its radio receives is not handed to it, because nothing here depends on it.

use core::cmp::Reverse;
use core::time::Duration;
use std::collections::{BTreeMap, BinaryHeap};

use benches::figures::{self, rounded};
use benches::fleet::CENTRE;
use serde_json::json;
use v2x_core::{
    Anchor, AwarenessRule, ClockState, Config, Congestion, Fix, HazardCommand, HazardDraft, Input, Instant,
    LoadSource, Node, Output, Position, Reserve,
};
use v2x_proto::Class;
use v2x_proto::link::Origin;
use v2x_replay::identities::{Cast, Part};
use v2x_replay::medium::{Ether, LossesByDistance, Medium, Places, RadioProfile, Transmission};
use v2x_replay::world::{START, wire_at};

fn main() {
    let quick = figures::quick();
    let machine = figures::machine();
    println!("congestion on {machine}{}", if quick { " (quick: figures mean little)" } else { "" });
    println!(
        "  K stations in range (one whose every second frame is sensed counts as half), each on the air for the share s:\n  \
         busy = K s, s = {BETA} ({TARGET} - busy) / {ALPHA}, so busy = {TARGET} K {BETA} / ({ALPHA} + K {BETA}),\n  \
         or K x 10 Hz x airtime, where that is less"
    );
    println!(
        "  veh/km      K   off: busy    rest   measured: mean   least    most   rates   within   held at most   D0 in the gate"
    );
    let densities: &[u32] = if quick { &[50] } else { &[50, 75, 100, 150, 200, 300, 400] };
    let spans = if quick { (2, 2) } else { (REST_S, HELD_S) };
    let points: Vec<_> = densities.iter().map(|density| point(*density, spans)).collect();
    let line = json!({ "bench": "congestion", "machine": machine, "quick": quick, "densities": points });
    println!("{line}");
}

/// One density, without and with control: so long to come to rest, and after it.
fn point(density: u32, (rest_s, held_s): (u64, u64)) -> serde_json::Value {
    let off = drive(density, Congestion::Off, (rest_s.min(3), held_s.min(5)));
    let on = drive(density, Congestion::Adaptive, (rest_s, held_s));
    let airtime_s = on.airtime.as_secs_f64() / on.frames as f64;
    let rest = rests(off.in_range, airtime_s);
    let [off_busy, busy] = [&off, &on].map(|one| one.busy.iter().sum::<f64>() / one.busy.len() as f64);
    let least = on.busy.iter().copied().fold(f64::NAN, f64::min);
    let most = on.busy.iter().copied().fold(f64::NAN, f64::max);
    println!(
        "  {density:6}  {:5.1}   {off_busy:9.3}   {rest:5.3}   {busy:14.3}   {least:5.3}   {most:5.3}   {:5.2}   {:4.1} %   {:9.1} ms   {:11.3} ms",
        off.in_range,
        on.rate_hz,
        on.spread * 100.0,
        on.longest_ms,
        on.gate_ms,
    );
    json!({
        "vehicles_per_km": density,
        "in_range": rounded(off.in_range, 1),
        "airtime_us": rounded(airtime_s * 1e6, 0),
        "off_busy": rounded(off_busy, 4),
        "rests_at": rounded(rest, 4),
        "busy_mean": rounded(busy, 4),
        "busy_least": rounded(least, 4),
        "busy_most": rounded(most, 4),
        "station_busy_most": rounded(on.station_most, 4),
        "rate_hz": rounded(on.rate_hz, 3),
        "rates_within": rounded(on.spread, 4),
        "share": rounded(on.share, 5),
        "beacons_held": on.held,
        "held_most_ms": rounded(on.longest_ms, 1),
        "imminent_frames": on.imminent,
        "imminent_gate_ms": rounded(on.gate_ms, 3),
    })
}

/// What a run shows.
#[derive(Debug, Default)]
struct Shown {
    /// The mean over all stations, second by second.
    busy: Vec<f64>,
    /// The most that one station measured over all of it.
    station_most: f64,
    in_range: f64,
    airtime: Duration,
    frames: u64,
    /// Beacons a second of a station.
    rate_hz: f64,
    /// The largest distance of a rate from the mean of the stations that hear the same load.
    spread: f64,
    share: f64,
    held: u64,
    longest_ms: f64,
    imminent: u64,
    gate_ms: f64,
}

fn drive(density: u32, congestion: Congestion, (rest_s, held_s): (u64, u64)) -> Shown {
    let mut ring = Ring::new((f64::from(density) * RING_M / 1000.0).round() as u32, congestion);
    for second in 0..held_s.min(10) {
        ring.push(
            (rest_s + second) * SECOND_NS + 7_000_000,
            (second as u32 * 37) % ring.stations(),
            What::Warn,
        );
    }
    ring.run_until(rest_s * SECOND_NS);
    let at_rest = ring.occupied(rest_s * SECOND_NS);
    let (mut before, mut busy) = (at_rest.clone(), Vec::new());
    ring.beacons.fill(0);
    for second in rest_s + 1..=rest_s + held_s {
        ring.run_until(second * SECOND_NS);
        let now = ring.occupied(second * SECOND_NS);
        let sum: u64 = now.iter().zip(&before).map(|(now, before)| now - before).sum();
        busy.push(sum as f64 / SECOND_NS as f64 / f64::from(ring.stations()));
        before = now;
    }
    let span_s = held_s as f64;
    let heard: Vec<f64> =
        before.iter().zip(&at_rest).map(|(now, then)| (now - then) as f64 / 1e9 / span_s).collect();
    let rates: Vec<f64> = ring.beacons.iter().map(|beacons| f64::from(*beacons) / span_s).collect();
    let mut shown = Shown {
        busy,
        station_most: heard.iter().copied().fold(0.0, f64::max),
        in_range: in_range(ring.ether.losses(), ring.stations()),
        rate_hz: rates.iter().sum::<f64>() / rates.len() as f64,
        spread: spread(&heard, &rates),
        imminent: ring.imminent,
        gate_ms: ring.gate.as_secs_f64() * 1e3,
        ..Shown::default()
    };
    for state in ring.nodes.iter().map(Node::congestion) {
        shown.frames += state.counts.frames;
        shown.airtime += state.counts.airtime;
        shown.held += state.counts.beacons_held;
        shown.longest_ms = shown.longest_ms.max(state.counts.longest_hold.as_secs_f64() * 1e3);
        shown.share += state.share.unwrap_or(0.0) / f64::from(ring.stations());
    }
    shown
}

/// The farthest that a rate is from the mean of those who heard the same load within 0.002, as a share of it.
fn spread(heard: &[f64], rates: &[f64]) -> f64 {
    let mut alike: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for (heard, rate) in heard.iter().zip(rates) {
        alike.entry((heard * 500.0) as u32).or_default().push(*rate);
    }
    let mut most: f64 = 0.0;
    for rates in alike.values() {
        let mean = rates.iter().sum::<f64>() / rates.len() as f64;
        most = rates.iter().map(|rate| (rate - mean).abs() / mean).fold(most, f64::max);
    }
    most
}

/// Stations that find the channel busy with a station's frames, each by how often, itself included.
fn in_range(losses: Option<&LossesByDistance>, stations: u32) -> f64 {
    let bins = losses.map(LossesByDistance::report).unwrap_or_default();
    let sensed = |distance_m: f64| {
        let away = |at_m: u32| (f64::from(at_m) - distance_m).abs();
        let bin = bins.iter().min_by(|a, b| away(a.at_m).total_cmp(&away(b.at_m)));
        bin.map_or(0.0, |bin| {
            let weak = bin.lost.get("below_sensing").copied().unwrap_or_default();
            1.0 - weak as f64 / bin.frames.max(1) as f64
        })
    };
    let away = |other| 2.0 * RADIUS_M * (angle(other, stations) / 2.0).sin().abs();
    1.0 + (1..stations).map(|other| sensed(away(other))).sum::<f64>()
}

/// Where the channel rests with so many in range, each of whom wants ten frames a second of this airtime.
fn rests(in_range: f64, airtime_s: f64) -> f64 {
    let wanted = in_range * 10.0 * airtime_s;
    wanted.min(TARGET * in_range * BETA / (ALPHA + in_range * BETA))
}

fn angle(station: u32, stations: u32) -> f64 {
    core::f64::consts::TAU * f64::from(station) / f64::from(stations)
}

/// Stations that stand on a ring, and the channel between them.
struct Ring {
    nodes: Vec<Node>,
    places: Places,
    ether: Ether,
    events: BinaryHeap<Reverse<(u64, u32, What)>>,
    /// When each node wants to be woken, ns.
    deadlines: Vec<u64>,
    /// Frames that each station's transmitter holds, and whether its node knows that there is no room.
    held: Vec<(usize, bool)>,
    /// The sender of each frame.
    tickets: Vec<u32>,
    surveyed: Vec<u64>,
    beacons: Vec<u32>,
    imminent: u64,
    /// The longest wait of an imminent warning between its queue and the link.
    gate: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Wake,
    Survey,
    Fix,
    Warn,
}

impl Ring {
    fn new(stations: u32, congestion: Congestion) -> Self {
        let cast = Cast::new(SEED, START, Duration::from_secs(600)).expect("invariant: ten minutes");
        let anchor = Anchor { instant: Instant::ZERO, wire: wire_at(0) };
        let config = Config {
            congestion,
            awareness: AwarenessRule::Every(Duration::from_millis(100)),
            test: true,
            beacon_bytes: Some(400),
            reserve: Reserve::AsHeard,
            ..Config::vehicle()
        };
        let node = |station| {
            let identity = cast.identity(station, Part::Vehicle);
            Node::new(config.clone(), identity, cast.trust().clone(), SEED, anchor)
        };
        let mut places = Places::new(RING_M / 4.0);
        (0..stations).for_each(|station| places.set(station, place(station, stations)));
        let count = stations as usize;
        let mut ring = Self {
            nodes: (0..stations).map(node).collect(),
            places,
            ether: Ether::new(&RadioProfile::published(), SEED),
            events: BinaryHeap::new(),
            deadlines: vec![u64::MAX; count],
            held: vec![(0, false); count],
            tickets: Vec::new(),
            surveyed: vec![0; count],
            beacons: vec![0; count],
            imminent: 0,
            gate: Duration::ZERO,
        };
        for station in 0..stations {
            ring.input(0, station, Input::Clock { wire: wire_at(0), state: ClockState::Locked });
            ring.push(0, station, What::Fix);
            ring.push(SURVEY_NS * u64::from(station + 1) / u64::from(stations), station, What::Survey);
        }
        ring
    }

    fn stations(&self) -> u32 {
        self.nodes.len() as u32
    }

    fn push(&mut self, at_ns: u64, station: u32, what: What) {
        self.events.push(Reverse((at_ns, station, what)));
    }

    /// How long each station's channel has been busy, ns.
    fn occupied(&self, now_ns: u64) -> Vec<u64> {
        (0..self.stations()).map(|station| self.ether.busy_ns(station, now_ns).0).collect()
    }

    fn run_until(&mut self, until_ns: u64) {
        loop {
            let scheduled_ns = self.events.peek().map_or(u64::MAX, |Reverse((at_ns, ..))| *at_ns);
            let air_ns = self.ether.next_ns().unwrap_or(u64::MAX);
            let now_ns = scheduled_ns.min(air_ns);
            if now_ns >= until_ns {
                return;
            }
            if air_ns <= scheduled_ns {
                let mut fates = Vec::new();
                while let Some(ended) = self.ether.advance(now_ns, &self.places, &mut fates) {
                    self.ended(now_ns, self.tickets[ended.ticket as usize]);
                }
            } else if let Some(Reverse((_, station, what))) = self.events.pop() {
                self.happen(now_ns, station, what);
            }
        }
    }

    fn happen(&mut self, now_ns: u64, station: u32, what: What) {
        match what {
            What::Wake if self.deadlines[station as usize] != now_ns => {}
            What::Wake => self.input(now_ns, station, Input::Timeout),
            What::Fix => {
                self.push(now_ns + SECOND_NS, station, What::Fix);
                self.input(now_ns, station, Input::Fix(Some(stands(now_ns, station, self.stations()))));
            }
            What::Survey => {
                self.push(now_ns + SURVEY_NS, station, What::Survey);
                let busy_ns = self.ether.busy_ns(station, now_ns).0;
                let before_ns = core::mem::replace(&mut self.surveyed[station as usize], busy_ns);
                let busy_permille = ((busy_ns - before_ns) * 1000 / SURVEY_NS).min(1000) as u16;
                if now_ns > SURVEY_NS {
                    let source = LoadSource::Survey;
                    self.input(now_ns, station, Input::ChannelLoad { busy_permille, source });
                }
            }
            What::Warn => {
                let validity = Duration::from_secs(2);
                let draft = HazardDraft { validity, ..HazardDraft::new(Class::D0, COLLISION_RISK) };
                self.input(
                    now_ns,
                    station,
                    Input::Hazard { command: HazardCommand::New(draft), token: None },
                );
            }
        }
    }

    fn input(&mut self, now_ns: u64, station: u32, input: Input) {
        let index = station as usize;
        self.nodes[index].handle_input(Instant::from_nanos(now_ns), input);
        loop {
            match self.nodes[index].poll_output() {
                Output::Event(_) => {}
                Output::Transmit(frame) => {
                    if frame.class == Class::D2 && frame.origin == Origin::Own {
                        self.beacons[index] += 1;
                    } else if frame.class == Class::D0 {
                        self.imminent += 1;
                        self.gate = self.gate.max(frame.stamps.gate_open.since(frame.stamps.queued));
                    }
                    let transmission = Transmission {
                        sender: station,
                        at_ns: now_ns,
                        position: place(station, self.nodes.len() as u32),
                        bytes: &frame.bytes,
                        class: frame.class,
                        origin: frame.origin,
                    };
                    self.tickets.push(station);
                    let ticket = (self.tickets.len() - 1) as u32;
                    // It is decided when it has been on the air.
                    self.ether.transmit(ticket, &transmission, &self.places, &mut Vec::new());
                    self.held[index].0 += 1;
                }
                Output::Timeout(at, _) => {
                    self.deadlines[index] = at.as_nanos();
                    self.push(at.as_nanos().max(now_ns), station, What::Wake);
                    break;
                }
            }
        }
        let (held, told) = self.held[index];
        if held >= TRANSMITTER_FRAMES && !told {
            self.held[index].1 = true;
            self.input(now_ns, station, Input::Link { ready: false });
        }
    }

    fn ended(&mut self, now_ns: u64, station: u32) {
        let (held, told) = &mut self.held[station as usize];
        *held -= 1;
        if *held < TRANSMITTER_FRAMES && core::mem::take(told) {
            self.input(now_ns, station, Input::Link { ready: true });
        }
    }
}

fn place(station: u32, stations: u32) -> Position {
    let angle = angle(station, stations);
    CENTRE.moved(RADIUS_M * angle.cos(), RADIUS_M * angle.sin())
}

fn stands(now_ns: u64, station: u32, stations: u32) -> Fix {
    Fix {
        position: place(station, stations),
        altitude_cm: None,
        speed: Some(0),
        heading: Some(0),
        acceleration: None,
        yaw_rate: None,
        accuracy_cm: None,
        time: wire_at(now_ns),
    }
}

const SECOND_NS: u64 = 1_000_000_000;
const SURVEY_NS: u64 = 100_000_000;
const SEED: u64 = 5;
/// Long enough that nobody hears all of it.
const RING_M: f64 = 1_500.0;
const RADIUS_M: f64 = RING_M / core::f64::consts::TAU;
const REST_S: u64 = 10;
const HELD_S: u64 = 60;
/// As in a world.
const TRANSMITTER_FRAMES: usize = 2;
/// Of the rule (ETSI TS 102 687).
const ALPHA: f64 = 0.016;
const BETA: f64 = 0.0012;
const TARGET: f64 = 0.68;
/// Cause "collision risk".
const COLLISION_RISK: u8 = 97;
