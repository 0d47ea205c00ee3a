//! What a sealed message costs: seal and open alone, and a station that sends one, opens one, or drops one that is for another.
//!
//! Two stations by turns, in virtual time; each figure is over many messages, and the machine's interruptions are in p99.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant as Clock};

use benches::figures;
use bytes::Bytes;
use hdrhistogram::Histogram;
use serde_json::{Map, Value, json};
use testkit::{Authority, PLACE, Station, anchor, craft};
use v2x_core::{
    AwarenessRule, Config, Event, Identity, Input, Instant, Node, Open as _, Recipients, SealBinding,
    SendRequest, Virtual, WireTime, seal,
};
use v2x_proto::Class;
use v2x_proto::payload::STEPS;

fn main() -> ExitCode {
    let quick = figures::quick();
    let machine = figures::machine();
    println!("seal on {machine}{}", if quick { " (quick: figures mean little)" } else { "" });
    println!("us a message, p50 / p99 / p99.9");
    let rounds = if quick { 50 } else { 5_000 };
    let mut line = Map::new();
    let mut say = |name: &str, times: &Histogram<u64>| {
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|at| times.value_at_quantile(at) as f64 / 1e3);
        println!("  {name:<34} {p50:8.1} {p99:8.1} {p999:8.1}");
        let figures = json!({ "p50_us": p50, "p99_us": p99, "p999_us": p999, "count": times.len() });
        line.insert(name.replace([' ', ','], "_"), figures);
    };
    for step in [STEPS[0], STEPS[4]] {
        let [sealing, opening] = alone(step, rounds);
        say(&format!("seal {step} B"), &sealing);
        say(&format!("open {step} B"), &opening);
    }
    let Road { sent_open, sent_sealed, heard_open, opened, for_another, delivered } = road(rounds);
    say("station sends open", &sent_open);
    say("station sends sealed", &sent_sealed);
    say("station hears open", &heard_open);
    say("station hears and opens", &opened);
    say("station hears for another", &for_another);
    let line = Value::Object(line);
    println!("{}", json!({ "bench": "seal", "machine": machine, "quick": quick, "figures": line }));
    // A count of what was timed, not a time.
    if delivered == 2 * rounds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Seal and open of a content of so many bytes, without a station.
fn alone(step: usize, rounds: u64) -> [Histogram<u64>; 2] {
    let key = Authority::encryption_key(1);
    let (to, content) = (key.public_key(), vec![7; step]);
    let (mut sealing, mut opening) = (times(), times());
    for round in 0..rounds {
        let bound = SealBinding {
            sender: [1; 32],
            receiver: [2; 32],
            generation: WireTime::from_micros(round),
            class: Class::D4,
            sequence: round as u32,
        };
        let random = core::array::from_fn(|at| (round >> (at % 8)) as u8);
        let began = Clock::now();
        let sealed = seal(&to, black_box(&bound), black_box(&content), random).expect("a good key");
        record(&mut sealing, began);
        let began = Clock::now();
        let opened = key.open(&bound, black_box(&sealed));
        record(&mut opening, began);
        assert_eq!(black_box(opened).as_deref(), Ok(&content[..]));
    }
    [sealing, opening]
}

struct Road {
    sent_open: Histogram<u64>,
    sent_sealed: Histogram<u64>,
    heard_open: Histogram<u64>,
    opened: Histogram<u64>,
    for_another: Histogram<u64>,
    /// Messages that the receiver was given.
    delivered: u64,
}

/// A sender, a receiver and a third, ten messages a second by turns open and sealed.
fn road(rounds: u64) -> Road {
    let mut sender = station(1, Authority::new().identity(1));
    let mut receiver = station(2, Authority::new().confidant(2));
    let mut third = station(3, Authority::new().identity(3));
    let to = receiver.node.digest();
    let mut road = Road {
        sent_open: times(),
        sent_sealed: times(),
        heard_open: times(),
        opened: times(),
        for_another: times(),
        delivered: 0,
    };
    for round in 0..rounds {
        for (turn, sealed) in [false, true].into_iter().enumerate() {
            let now = Instant::from_millis(1_000 + round * 500 + turn as u64 * 250);
            for station in [&mut sender, &mut receiver, &mut third] {
                station.start(now, PLACE);
            }
            if round % 20 == 0 {
                let hello = receiver.feed(now, Input::Send(craft::probe(Class::D1))).remove(0);
                sender.hear(now, &hello);
            }
            let request = SendRequest {
                to: sealed.then(|| Recipients::one(to)),
                lifetime_ms: 1_000,
                ..craft::probe(Class::D5)
            };
            let began = Clock::now();
            let frame = sender.feed(now, Input::Send(request)).remove(0);
            record(if sealed { &mut road.sent_sealed } else { &mut road.sent_open }, began);
            hear(&mut receiver, now, &frame, if sealed { &mut road.opened } else { &mut road.heard_open });
            let mut aside = times();
            hear(&mut third, now, &frame, if sealed { &mut road.for_another } else { &mut aside });
        }
        let received = receiver.events.iter().filter(|event| matches!(event, Event::Received(_)));
        road.delivered += received.count() as u64;
        for station in [&mut sender, &mut receiver, &mut third] {
            station.events.clear();
            station.frames.clear();
        }
    }
    road
}

fn station(number: u32, identity: Identity) -> Station {
    let config = Config { awareness: AwarenessRule::Off, ..Config::vehicle() };
    let trust = Authority::new().trust.clone();
    Station::with(number, Node::with_host(config, identity, trust, 7, anchor(), Box::new(Virtual)))
}

fn hear(station: &mut Station, now: Instant, frame: &Bytes, times: &mut Histogram<u64>) {
    let began = Clock::now();
    station.hear(now + Duration::from_millis(2), frame);
    record(times, began);
}

/// Beyond it, the machine did something else.
const LONGEST_NS: u64 = 1_000_000_000;

fn times() -> Histogram<u64> {
    Histogram::new_with_max(LONGEST_NS, 3).expect("invariant: a range from 1 and three digits")
}

fn record(times: &mut Histogram<u64>, began: Clock) {
    times.saturating_record(began.elapsed().as_nanos() as u64);
}
