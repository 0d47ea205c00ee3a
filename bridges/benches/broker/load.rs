//! A steady load, in an open loop.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};
use v2x_bridges::broker::BrokerSettings;
use v2x_bridges::broker::follow::Follow;
use v2x_bridges::clock;
use v2x_bridges::message::AirMessage;
use v2x_bridges::select::Selection;
use v2x_core::WireTime;
use v2x_proto::Digest;

use crate::fleet::{Declarer, UNITS, Unit, fleet, settings, until};
use crate::mosquitto::Mosquitto;

/// What was measured at one rate.
pub struct Row {
    rate: u64,
    followers: usize,
    bytes: usize,
    latency: Histogram<u64>,
    sent: u64,
    arrived: u64,
    replaced: u64,
    unexplained: i64,
    broker_core: f64,
    broker_rss_mb: f64,
    own_core: f64,
}

pub fn measure(broker: &Mosquitto, rate: u64, followers: usize, seconds: u64) -> Row {
    let count = rate * seconds;
    let start = Instant::now() + Duration::from_millis(500 + count / 10);
    let wire_start = clock::now() + start.duration_since(Instant::now());
    let due = Arc::new(move |number: u64| Duration::from_nanos(number * 1_000_000_000 / rate));
    let messages = messages(count, |number| wire_start + due(number));
    let bytes = messages[0].frame().len();
    let arrived = Arc::new(AtomicU64::new(0));
    let (mut readers, mut ready) = (Vec::new(), Vec::new());
    for _ in 0..followers {
        let (to, is_ready) = oneshot::channel();
        ready.push(is_ready);
        let (port, arrived, due) = (broker.port(), Arc::clone(&arrived), Arc::clone(&due));
        readers.push(thread::spawn(move || follow(port, count, start, &arrived, to, &*due)));
    }
    let runtime = runtime();
    let process = broker.process().expect("it runs");
    let row = runtime.block_on(async {
        let units = fleet(broker.port()).await;
        for ready in ready {
            ready.await.expect("the follower runs");
        }
        tokio::time::sleep_until(start.into()).await;
        let before = (processor_s(process), processor_s(std::process::id()));
        send(&units, messages, start, &*due).await;
        let all = count * followers as u64;
        let wait = until(|| arrived.load(Relaxed) >= all);
        // What has not come by then is counted as missing.
        drop(tokio::time::timeout(Duration::from_secs(5), wait).await);
        let took = start.elapsed().as_secs_f64();
        let after = (processor_s(process), processor_s(std::process::id()));
        let ends = |of: fn(&v2x_bridges::hub::EndCounts) -> u64| {
            units.iter().map(|unit| of(&unit.hub.ends()[0].1)).sum()
        };
        Row {
            rate,
            followers,
            bytes,
            latency: histogram(),
            sent: ends(|end| end.offered),
            arrived: arrived.load(Relaxed),
            replaced: ends(|end| end.pending.replaced),
            unexplained: units.iter().map(Unit::unexplained).sum(),
            broker_core: (after.0 - before.0) / took,
            broker_rss_mb: rss_mb(process),
            own_core: (after.1 - before.1) / took,
        }
    });
    let mut row = row;
    for reader in readers {
        row.latency.add(reader.join().expect("the follower ends")).expect("the same bounds");
    }
    row
}

/// Message `n` is of unit `n % UNITS`, and of one of its fifty events in turn.
fn messages(count: u64, at: impl Fn(u64) -> WireTime) -> Vec<AirMessage> {
    let declarers: Vec<Declarer> = (0..UNITS).map(Declarer::new).collect();
    let message = |number: u64| {
        let (of, turn) = (number as usize % UNITS, number / UNITS as u64);
        let (event, second) = (turn % EVENTS, turn / EVENTS);
        declarers[of].hazard(event as u32, second, turn as u32, at(number), 60_000)
    };
    (0..count).map(message).collect()
}

async fn send(
    units: &[Unit],
    messages: Vec<AirMessage>,
    start: Instant,
    due: &(impl Fn(u64) -> Duration + ?Sized),
) {
    for (number, message) in messages.into_iter().enumerate() {
        let due = start + due(number as u64);
        if due > Instant::now() {
            tokio::time::sleep_until(due.into()).await;
        }
        units[number % UNITS].hub.tell(&message, clock::now());
    }
}

fn follow(
    port: u16,
    count: u64,
    start: Instant,
    arrived: &AtomicU64,
    ready: oneshot::Sender<()>,
    due: &(impl Fn(u64) -> Duration + ?Sized),
) -> Histogram<u64> {
    let units: HashMap<Digest, u64> =
        (0..UNITS).map(|unit| (Declarer::new(unit).crafter.digest, unit as u64)).collect();
    let settings = BrokerSettings { receive: Selection::default(), ..settings("office", port) };
    let follow = Follow::new(&settings, None).expect("it needs no file");
    let mut latency = histogram();
    runtime().block_on(async {
        let (to, mut messages) = mpsc::channel(1024);
        let task = tokio::spawn(follow.run(to));
        // Subscribed when the first message of a unit could be taken: half a second is ample on loopback.
        tokio::time::sleep(Duration::from_millis(300)).await;
        ready.send(()).expect("the fleet waits");
        let end = start + due(count) + Duration::from_secs(5);
        for _ in 0..count {
            let Ok(Some(message)) = tokio::time::timeout_at(end.into(), messages.recv()).await else { break };
            let head = message.head();
            let number = u64::from(head.sequence) * UNITS as u64 + units[&head.signer];
            let passed = Instant::now().saturating_duration_since(start + due(number));
            latency.saturating_record(u64::try_from(passed.as_micros()).unwrap_or(u64::MAX));
            arrived.fetch_add(1, Relaxed);
        }
        task.abort();
    });
    latency
}

impl Row {
    pub fn json(&self) -> Value {
        let ms = |quantile| self.latency.value_at_quantile(quantile) as f64 / 1000.0;
        json!({
            "rate_per_s": self.rate,
            "units": UNITS,
            "followers": self.followers,
            "bytes": self.bytes,
            "p50_ms": ms(0.5),
            "p99_ms": ms(0.99),
            "p99_9_ms": ms(0.999),
            "max_ms": self.latency.max() as f64 / 1000.0,
            "sent": self.sent,
            "arrived": self.arrived,
            "replaced": self.replaced,
            "unexplained": self.unexplained,
            "broker_core": (self.broker_core * 1000.0).round() / 1000.0,
            "broker_rss_mb": self.broker_rss_mb,
            "own_core": (self.own_core * 1000.0).round() / 1000.0,
        })
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.json())
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("good bounds")
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Processor time of a process, seconds (proc(5): user and system, in hundredths).
fn processor_s(process: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(f64::NAN);
    (ticks(11) + ticks(12)) / 100.0
}

fn rss_mb(process: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kb: f64 = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(f64::NAN);
    (kb / 102.4).round() / 10.0
}

/// Events of a unit.
const EVENTS: u64 = 50;
