//! More valid frames than one processor can verify: how much of its verification rate does a daemon keep?

use core::task::{Context, Waker};
use core::time::Duration;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::thread;
use std::time::Instant as Stopwatch;

use benches::fleet::signing_parts;
use bytes::Bytes;
use prost::Message as _;
use radio_adapters::{AccessCategory, Radio, TxFrame};
use serde_json::{Value, json};
use testkit::drive::drain;
use v2x_core::{ClockState, Config, Fix, Input, Instant, Node, Output, Position, SendRequest};
use v2x_node::config::StationConfig;
use v2x_node::daemon::link;
use v2x_node::daemon::station::monotonic;
use v2x_node::key_files;
use v2x_node::machine::read_anchor;
use v2x_proto::{Class, v1};
use v2x_report::Report;

use crate::lab::{Lab, print_result};
use crate::placement::{Placement, Seat};
use crate::stack::{self, PAYLOAD_BYTES, configure, text};

/// Results of the flood.
#[derive(Clone, Debug)]
pub struct FloodRun {
    /// Frames offered to the link per second.
    pub offered_per_s: f64,
    /// Frames the receiving daemon verified and delivered per second.
    pub verified_per_s: f64,
    /// Bare `verify_strict` per second over the same kind of frames, on the receiver's processor, before and after.
    pub raw_per_s: [f64; 2],
    /// Frames the daemon took but shed unverified, per second.
    pub dropped_per_s: f64,
}

impl FloodRun {
    /// Mean of the raw rates.
    pub fn raw(&self) -> f64 {
        f64::midpoint(self.raw_per_s[0], self.raw_per_s[1])
    }

    /// Verified rate over raw rate.
    pub fn ratio(&self) -> f64 {
        self.verified_per_s / self.raw()
    }
}

/// Floods a daemon for `seconds` from the other processor.
pub fn run(lab: &Lab, placement: &Placement, seconds: u64) -> Result<FloodRun, String> {
    let report = lab.directory().join("flood.json");
    let more = format!("[report]\nevery_s = 1\njson = {:?}\n", text(&report));
    let receiver_config = configure(lab, "receiver", placement.receiver, &more)?;
    let flooder = configure(lab, "sender", placement.sender, "")?;
    let raw = || {
        let mut arguments = vec![text(&flooder)];
        arguments.extend(placement.receiver.arguments());
        let result = lab.spawn(0, "verify", &arguments)?.result()?;
        result["verifies_per_s"].as_f64().ok_or_else(|| "verify: no rate".to_owned())
    };
    let before = raw()?;
    let mut receiver = lab.spawn(1, "station", &[text(&receiver_config)])?;
    receiver.ready()?;
    let mut arguments = vec![text(&flooder), seconds.to_string()];
    arguments.extend(placement.sender.arguments());
    let mut flood = lab.spawn(0, "flood", &arguments)?;
    flood.ready()?;
    // Two of the daemon's reports, both well within the flood.
    let first = next_report(&report, None)?;
    let first = next_report(&report, Some(&first))?;
    let mut last = first.clone();
    while last.simulated_s < first.simulated_s + seconds as f64 - MARGIN_S {
        last = next_report(&report, Some(&last))?;
    }
    let flooded = flood.result()?;
    receiver.terminate()?;
    receiver.result()?;
    let time = last.simulated_s - first.simulated_s;
    Ok(FloodRun {
        offered_per_s: flooded["offered_per_s"].as_f64().unwrap_or(0.0),
        verified_per_s: (last.frames.delivered - first.frames.delivered) as f64 / time,
        dropped_per_s: (last.frames.dropped - first.frames.dropped) as f64 / time,
        raw_per_s: [before, raw()?],
    })
}

/// The flooding process: configuration, seconds, seat.
pub async fn flood(arguments: &[String]) -> Result<(), String> {
    let [config, seconds, cpu, fifo] = arguments else {
        return Err("expected a configuration, seconds, cpu and priority".to_owned());
    };
    let seconds: u64 = seconds.parse().map_err(|error| format!("seconds: {error}"))?;
    let config = StationConfig::load(Path::new(config)).map_err(|error| error.to_string())?;
    let (mut radio, _) = link::open(&config.link).map_err(|error| error.to_string())?;
    let mut source = Source::new(&config)?;
    Seat::parse(cpu, fifo).take().map_err(|error| error.to_string())?;
    println!("flooding");
    let start = Stopwatch::now();
    let end = Duration::from_secs(seconds);
    let mut offered = 0u64;
    while start.elapsed() < end {
        let frame = source.next(Class::D2)?;
        offered += u64::from(put(&mut *radio, &frame));
    }
    print_result(&json!({"offered_per_s": offered as f64 / start.elapsed().as_secs_f64()}));
    Ok(())
}

/// The process that measures bare verification: configuration of the flooder, seat.
pub fn verify(arguments: &[String]) -> Result<(), String> {
    let [config, cpu, fifo] = arguments else {
        return Err("expected a configuration, cpu and priority".to_owned());
    };
    let config = StationConfig::load(Path::new(config)).map_err(|error| error.to_string())?;
    let pool = key_files::load_pool(&config.identity).map_err(|error| error.to_string())?;
    let (identity, key) = (pool.active(), pool.active().key());
    let mut source = Source::new(&config)?;
    let samples = (0..SAMPLES)
        .map(|_| source.next(Class::D2).map(|frame| signing_parts(&frame, identity.hash())))
        .collect::<Result<Vec<_>, _>>()?;
    let samples: Vec<_> = samples
        .into_iter()
        .map(|(signed, signature)| (signed, ed25519_dalek::Signature::from_bytes(&signature)))
        .collect();
    Seat::parse(cpu, fifo).take().map_err(|error| error.to_string())?;
    let start = Stopwatch::now();
    let mut verified = 0u64;
    while start.elapsed() < VERIFY_TIME {
        for (signed, signature) in &samples {
            key.verify_strict(black_box(signed), black_box(signature)).map_err(|error| error.to_string())?;
        }
        verified += samples.len() as u64;
    }
    print_result(&json!({"verifies_per_s": verified as f64 / start.elapsed().as_secs_f64()}));
    Ok(())
}

/// Lengths of the frames the test traffic consists of, in the order of its classes.
pub fn frame_lengths(lab: &Lab, seat: Seat) -> Result<Vec<usize>, String> {
    let file = configure(lab, "sender", seat, "")?;
    let config = StationConfig::load(&file).map_err(|error| error.to_string())?;
    let mut source = Source::new(&config)?;
    // The first message of a station always carries its credential.
    source.next(Class::D2)?;
    stack::CLASSES.into_iter().map(|class| source.next(class).map(|frame| frame.len())).collect()
}

/// A station that signs as fast as requested.
struct Source {
    node: Node,
    position: Position,
    padding: Bytes,
    count: u64,
    next_fix: Instant,
}

impl Source {
    fn new(config: &StationConfig) -> Result<Self, String> {
        let pool = key_files::load_pool(&config.identity).map_err(|error| error.to_string())?;
        let trust = key_files::load_trust(&config.identity.roots, &config.identity.issuers)
            .map_err(|error| error.to_string())?;
        let anchor = read_anchor();
        let station = Config { test: true, ..Config::vehicle() };
        let mut node = Node::new(station, pool, trust, 1, anchor);
        node.handle_input(anchor.instant, Input::Clock { wire: anchor.wire, state: ClockState::Locked });
        let padding = Bytes::from(vec![0xA5; PAYLOAD_BYTES]);
        let position = Position { latitude: 496_000_000, longitude: 61_300_000 };
        Ok(Self { node, position, padding, count: 0, next_fix: Instant::ZERO })
    }

    fn next(&mut self, class: Class) -> Result<Bytes, String> {
        let now = monotonic();
        if now >= self.next_fix {
            self.next_fix = now + FIX_INTERVAL;
            let fix = self.fix(now);
            self.node.handle_input(now, Input::Fix(Some(fix)));
        }
        self.count += 1;
        let echo = v1::Echo {
            token: self.count,
            reply: false,
            sent_us: self.node.anchor().wire_at(now).as_micros(),
            received_us: None,
            target: Bytes::new(),
            padding: self.padding.clone(),
        };
        self.node.handle_input(
            now,
            Input::Send(SendRequest {
                to: None,
                message_type: v1::MessageType::Echo as u32,
                class,
                lifetime_ms: 1000,
                max_hops: 1,
                area: None,
                subject: self.count as u32,
                due: None,
                token: None,
                payload: Bytes::from(echo.encode_to_vec()),
            }),
        );
        let mut frame = None;
        drain(&mut self.node, |output| {
            if let Output::Transmit(transmit) = output {
                frame = Some(transmit.bytes);
            }
        });
        frame.ok_or_else(|| format!("the node does not send: {:?}", self.node.sending()))
    }

    fn fix(&self, now: Instant) -> Fix {
        Fix {
            position: self.position,
            altitude_cm: None,
            speed: Some(0),
            heading: None,
            acceleration: None,
            yaw_rate: None,
            accuracy_cm: None,
            time: self.node.anchor().wire_at(now),
        }
    }
}

/// Hands a frame to the link, unless it is full: a flood does not wait.
fn put(radio: &mut dyn Radio, bytes: &[u8]) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    let frame = TxFrame::new(bytes, AccessCategory::BestEffort);
    matches!(radio.poll_send(&mut cx, &frame), std::task::Poll::Ready(Ok(_)))
}

/// The daemon's next report after `known`.
fn next_report(file: &Path, known: Option<&Report>) -> Result<Report, String> {
    let start = Stopwatch::now();
    while start.elapsed() < PATIENCE {
        let report =
            fs::read_to_string(file).ok().and_then(|text| serde_json::from_str::<Report>(&text).ok());
        match report {
            Some(report) if known.is_none_or(|known| report.simulated_s > known.simulated_s) => {
                return Ok(report);
            }
            _ => thread::sleep(Duration::from_millis(20)),
        }
    }
    Err(format!("{}: no report for {} s", file.display(), PATIENCE.as_secs()))
}

impl FloodRun {
    /// For the results.
    pub fn json(&self) -> Value {
        json!({
            "offered_per_s": self.offered_per_s.round(),
            "shed_per_s": self.dropped_per_s.round(),
            "raw_verify_per_s_before": self.raw_per_s[0].round(),
            "raw_verify_per_s_after": self.raw_per_s[1].round(),
        })
    }
}

const SAMPLES: usize = 256;
const VERIFY_TIME: Duration = Duration::from_secs(1);
const FIX_INTERVAL: Duration = Duration::from_secs(1);
/// The reports come once a second, so the last of them may be this long before the flood's end; and the first
/// is up to two seconds into it.
const MARGIN_S: f64 = 4.0;
const PATIENCE: Duration = Duration::from_secs(10);
