//! The cost of forwarding a frame besides its verification: `cargo bench -p benches --bench forward`.
//!
//! A hundred neighbours send hazards of many hops, one every 75 ms, every one new, to two stations that trust all
//! signatures: one forwards floods, one does not. The time of a frame is from its bytes to its event, plus that of the
//! timers that follow until it was forwarded and has expired. Both stations take turns frame by frame in one process;
//! the figure is the difference, of those floods that were forwarded once. They expire so soon that no station is sent
//! a flood that it seems to lack: beacons here name none.

use core::time::Duration;
use std::time;

use benches::figures::{self, Samples, rounded};
use benches::fleet::{Fleet, fix_on_ring};
use bytes::Bytes;
use prost::Message as _;
use testkit::draft::Trusting;
use testkit::drive::drain;
use testkit::{Authority, START, address, anchor, hazard};
use v2x_core::{
    AwarenessRule, ClockState, Config, Event, Input, Instant, Node, Output, Plausibility, ReceivedFrame,
    Scheme, SendRequest, Way,
};
use v2x_proto::{Class, v1};

const NEIGHBOURS: u32 = 100;

fn main() {
    println!("{}", figures::machine());
    println!("{NEIGHBOURS} neighbours, no signature verified");
    println!("floods held  sent on once  delivered only  and sent on  forwarding (medians, ns a frame)");
    let measured = [0, 2].map(|held| {
        let measured = measure(held);
        println!(
            "{:11}  {:6} of {:4} {:14.0} {:12.0} {:10.0}",
            held * NEIGHBOURS,
            measured.once,
            measured.floods,
            measured.off.median(),
            measured.on.median(),
            measured.cost()
        );
        measured
    });
    let [few, many] = &measured;
    println!(
        "{}",
        serde_json::json!({
            "bench": "forward",
            "floods": few.floods,
            "once": few.once,
            "deliver_ns": rounded(few.off.median(), 0),
            "deliver_and_forward_ns": rounded(few.on.median(), 0),
            "forward_ns_per_frame": rounded(few.cost(), 0),
            "floods_held": 2 * NEIGHBOURS,
            "forward_ns_per_frame_when_held": rounded(many.cost(), 0),
        })
    );
}

#[derive(Debug, Default)]
struct Measured {
    floods: u64,
    once: u64,
    off: Samples,
    on: Samples,
}

impl Measured {
    fn cost(&self) -> f64 {
        self.on.median() - self.off.median()
    }
}

/// With this many other floods of each sender held all the while.
fn measure(held: u32) -> Measured {
    let authority = Authority::of_cars();
    let mut fleet = Fleet::new(&authority, NEIGHBOURS);
    let mut stations = [Scheme::Off, Scheme::Roadcast].map(|scheme| listener(&authority, scheme));
    let mut senders: Vec<Node> = (1..=NEIGHBOURS).map(|number| sender(&authority, number)).collect();
    let rounds = if figures::quick() { 2 } else { 25 };
    let mut measured = Measured::default();
    for round in 0..rounds {
        let start = Instant::ZERO + ROUND * round;
        let mut turn = 0;
        for sample in fleet.drive(ROUND) {
            for node in &mut stations {
                hear(node, sample.at, sample.frame.clone().into(), sample.link, Duration::ZERO);
            }
            // One sender after the other, each after the last one's flood was forwarded.
            let at = sample.at;
            if at < start + SPACING * (turn + 1) || turn >= NEIGHBOURS {
                continue;
            }
            let number = turn;
            turn += 1;
            let node = &mut senders[number as usize];
            for event in 0..if round % HELD_ROUNDS == 0 { held } else { 0 } {
                let Some(bytes) = flood(node, at, 2 + event, u64::from(round), Kind::Held) else { continue };
                for station in &mut stations {
                    hear(station, at, bytes.clone(), address(number + 1), Duration::ZERO);
                }
            }
            let Some(bytes) = flood(node, at, 1, u64::from(round), Kind::Short) else { continue };
            let times: [(f64, u64); 2] = core::array::from_fn(|station| {
                hear(&mut stations[station], at, bytes.clone(), address(number + 1), WINDOW)
            });
            if round == 0 {
                continue;
            }
            measured.floods += 1;
            if times[1].1 == 1 {
                measured.once += 1;
                measured.off.add(times[0].0);
                measured.on.add(times[1].0);
            }
        }
    }
    measured
}

/// Which flood.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Through an area, over within the window.
    Short,
    /// This many hops, remembered until it is repeated.
    Held,
}

/// Nanoseconds that a station takes for a frame and for what is due within `after`, and how many frames it forwarded.
fn hear(node: &mut Node, at: Instant, bytes: Bytes, link_source: [u8; 6], after: Duration) -> (f64, u64) {
    let frame = ReceivedFrame {
        bytes,
        link_source,
        kernel_receive: None,
        user_receive: None,
        signal_dbm: None,
        way: Way::Air,
    };
    node.handle_input(at, Input::Fix(Some(fix_on_ring(1.0, 0.0, 0.0, anchor().wire_at(at)))));
    forwarded(node);
    let start = time::Instant::now();
    node.handle_input(at, Input::Frame(frame));
    let (mut deadline, mut sent) = forwarded(node);
    while deadline <= at + after {
        node.handle_input(deadline.max(at), Input::Timeout);
        let (next, more) = forwarded(node);
        (deadline, sent) = (next, sent + more);
    }
    (start.elapsed().as_nanos() as f64, sent)
}

/// A node's next deadline, and how many frames it forwarded before it.
fn forwarded(node: &mut Node) -> (Instant, u64) {
    let mut sent = 0;
    let (at, _) =
        drain(node, |output| sent += u64::from(matches!(output, Output::Event(Event::Forwarded(_)))));
    (at, sent)
}

fn listener(authority: &Authority, scheme: Scheme) -> Node {
    // The floods do not come from where their senders' beacons do.
    let config = Config {
        awareness: AwarenessRule::Off,
        forwarding: scheme,
        plausibility: Plausibility::Off,
        ..Config::vehicle()
    };
    let identity = authority.identity(NEIGHBOURS + 1);
    let start = anchor();
    let trust = authority.trust.clone();
    let mut node = Node::with_host(config, identity, trust, 1, start, Box::new(Trusting));
    node.handle_input(Instant::ZERO, Input::Clock { wire: start.wire, state: ClockState::Locked });
    node
}

fn sender(authority: &Authority, number: u32) -> Node {
    let config = Config { awareness: AwarenessRule::Off, ..Config::vehicle() };
    let identity = authority.identity(number);
    let start = anchor();
    let mut node = Node::new(config, identity, authority.trust.clone(), 2, start);
    node.handle_input(Instant::ZERO, Input::Clock { wire: start.wire, state: ClockState::Locked });
    node
}

/// The frame of a new state of one of the sender's events. Made by hand, as a frame from elsewhere: what is measured is the
/// station that hears it, and a hazard that an application declares holds for a second at least, far beyond the window.
fn flood(node: &mut Node, at: Instant, event: u32, version: u64, kind: Kind) -> Option<Bytes> {
    let wire = anchor().wire_at(at);
    let fix = fix_on_ring(200.0, 0.0, 1.0, wire);
    let state = if version == 0 { v1::HazardState::New } else { v1::HazardState::Update };
    let hazard = v1::Hazard {
        state: state as i32,
        detection_time_us: START.as_micros() + 1,
        ..hazard::new(node.digest(), event, fix.position, wire)
    };
    let area = hazard::circle(fix.position, 1_500);
    node.handle_input(at, Input::Fix(Some(fix)));
    node.handle_input(
        at,
        Input::Send(SendRequest {
            to: None,
            message_type: v1::MessageType::Hazard as u32,
            class: Class::D3,
            lifetime_ms: if kind == Kind::Held { HELD_MS } else { LIFETIME_MS },
            max_hops: if kind == Kind::Held { 4 } else { 16 },
            area: (kind == Kind::Short).then_some(area),
            subject: 0,
            due: None,
            token: None,
            payload: hazard.encode_to_vec().into(),
        }),
    );
    let mut frame = None;
    drain(node, |output| {
        if let Output::Transmit(transmit) = output {
            frame = Some(transmit.bytes);
        }
    });
    frame
}

/// Each sender once.
const ROUND: Duration = Duration::from_secs(8);
const SPACING: Duration = Duration::from_millis(75);
/// Longer than the longest wait of a forwarder, and its jitter.
const LIFETIME_MS: u32 = 70;
const WINDOW: Duration = Duration::from_millis(LIFETIME_MS as u64 + 2);
/// As long as a station without further permissions may have its floods live, and when they are repeated.
const HELD_MS: u32 = 60_000;
const HELD_ROUNDS: u32 = 7;
