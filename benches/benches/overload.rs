//! One station, driven as the daemon drives it, under ten times what its channel carries, on two cores: how
//! it delivers the alerts of honest stations meanwhile.
//!
//! Ninety honest stations and the attacker send from one thread by due time; the station runs in another. An
//! alert's latency counts from when it was due to its delivery. Two controls: a run without an attack, and threads that do
//! nothing but sleep until due times, before all runs and beside each.

mod overload {
    pub mod machine;
    pub mod speaker;
    pub mod target;
    pub mod town;
}

use core::time::Duration;
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use benches::figures;
use hdrhistogram::Histogram;
use overload::machine::{Probe, Wakes};
use overload::target::{self, STATION_PRIORITY, Seen};
use overload::town::{self, ALERTERS, Alert, Attack, RATE, Town};
use radio_adapters::mem::MemHub;
use radio_adapters::radio::LinkAddress;
use radio_adapters::realtime;
use serde_json::{Value, json};
use testkit::Authority;
use v2x_core::Instant;
use v2x_proto::Class;

fn main() -> Result<(), Box<dyn Error>> {
    let quick = figures::quick();
    let machine = figures::machine();
    println!("overload on {machine}{}", if quick { " (quick: figures mean little)" } else { "" });
    let time = Duration::from_secs(if quick { 1 } else { 30 });
    let only = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let machine_alone = alone(time / 3)?;
    // The town sleeps between frames, so that the kernel does not stop it for its share of real time.
    let _pinned = realtime::pin_to_cpu(0);
    let fifo = realtime::set_fifo(40);
    if let Err(reason) = &fifo {
        println!("no SCHED_FIFO, so figures are those of ordinary programs: {reason}");
    }
    println!(
        "{RATE} attack frames/s for {} s each, beside {} honest D0/s, {} D1/s, 500 D2/s; times in us",
        time.as_secs(),
        ALERTERS * 10,
        ALERTERS * 20,
    );
    println!(
        "{:<27} {:>8} {:>8} {:>30} {:>8} {:>30} {:>22} {:>9} {:>7}  what became of the attack",
        "attack",
        "sent",
        "D0 lost",
        "D0 p50/p99/p99.9/max",
        "D1 lost",
        "D1 p50/p99/p99.9/max",
        "machine p99.9/max",
        "slow",
        "RSS kB"
    );
    println!(
        "{:<27} {:>8} {:>8} {:>30} {:>8} {:>30} {:>22}",
        "machine alone",
        "",
        "",
        "",
        "",
        "",
        brief(&machine_alone.latency)
    );
    let mut attacks = Vec::new();
    for attack in Attack::ALL {
        if only.as_deref().is_some_and(|only| !attack.name().contains(only)) {
            continue;
        }
        let outcome = run(attack, time)?;
        outcome.print();
        attacks.push(outcome.json());
    }
    let line = json!({
        "bench": "overload",
        "machine": machine,
        "quick": quick,
        "fifo": fifo.is_ok(),
        "rate_per_s": RATE,
        "seconds": time.as_secs(),
        "machine_alone": wakes_json(&machine_alone.latency),
        "attacks": attacks,
    });
    println!("{line}");
    Ok(())
}

/// What an attack did.
struct Outcome {
    attack: Attack,
    sent: u64,
    seen: Seen,
    d0: Alerts,
    d1: Alerts,
    machine: Wakes,
    rss_growth: i64,
}

/// Honest alerts of a class.
struct Alerts {
    sent: usize,
    missed: usize,
    latency: Histogram<u64>,
    /// Slower than [`SLOW`], and of them those in whose time the machine slept.
    slow: usize,
    slow_by_machine: usize,
}

/// What the machine does while nothing of ours runs, at the rate of all alerts together.
fn alone(time: Duration) -> Result<Wakes, Box<dyn Error>> {
    let probe = Probe::start(1, STATION_PRIORITY, Duration::from_secs(1) / (30 * ALERTERS as u32))?;
    thread::sleep(time);
    probe.stop()
}

fn run(attack: Attack, time: Duration) -> Result<Outcome, Box<dyn Error>> {
    let authority = Authority::of_cars();
    let identity = authority.identity(0);
    // Room for 200 ms of attack: a station stopped for longer loses frames, and they are counted.
    let hub = MemHub::with_capacity(4096);
    let listener = hub.join(LinkAddress([0x02, 0, 0, 0, 0, 0]));
    let anchor = town::anchor();
    let mut town = Town::new(&authority, hub.join(LinkAddress::default()), anchor, time);
    let stop = Arc::new(AtomicBool::new(false));
    let (stop_too, other) = (Arc::clone(&stop), authority);
    let station = thread::spawn(move || {
        target::run(&other, identity, listener, anchor, town::alerts_in(time), &stop_too)
    });
    // Above both threads, on their processors.
    let probes = [0, 1].map(|cpu| Probe::start(cpu, PROBE_PRIORITY, Duration::from_millis(1)));
    town.warm_up(town::now() + WARM_UP);
    let before = resident_bytes();
    town.attack(attack, town::now() + time);
    let rss_growth = resident_bytes() - before;
    let [town_probe, station_probe] = probes;
    let (mut machine, station_probe) = (town_probe?.stop()?, station_probe?.stop()?);
    machine.latency.add(&station_probe.latency)?;
    machine.late.extend(station_probe.late);
    // What waits or is held comes to its end; the last frame wakes the station to see that it is over.
    town.calm(town::now() + Duration::from_millis(600));
    stop.store(true, Ordering::Relaxed);
    town.calm(town::now() + Duration::from_millis(200));
    let seen = station.join().map_err(|_| "the station's thread panicked")??;
    let alerts = |class| alerts(class, &town.alerts, &seen, &machine);
    let (d0, d1) = (alerts(Class::D0)?, alerts(Class::D1)?);
    Ok(Outcome { attack, sent: town.sent, seen, d0, d1, machine, rss_growth })
}

fn alerts(class: Class, sent: &[Alert], seen: &Seen, machine: &Wakes) -> Result<Alerts, Box<dyn Error>> {
    let delivered: BTreeMap<u32, Instant> = seen.alerts.iter().copied().collect();
    let latency = Histogram::new(3)?;
    let mut alerts = Alerts { sent: 0, missed: 0, latency, slow: 0, slow_by_machine: 0 };
    for alert in sent.iter().filter(|alert| alert.class == class) {
        alerts.sent += 1;
        match delivered.get(&alert.sequence) {
            Some(at) => {
                alerts.latency.record(at.nanos_since(alert.due))?;
                let slow = at.since(alert.due) > SLOW;
                alerts.slow += usize::from(slow);
                alerts.slow_by_machine += usize::from(slow && machine.late_between(alert.due, *at));
            }
            None => alerts.missed += 1,
        }
    }
    Ok(alerts)
}

impl Outcome {
    fn adds_up(&self) -> bool {
        self.seen.drops.values().sum::<u64>() + self.seen.delivered + self.seen.link_dropped == self.sent
    }

    fn print(&self) {
        let drops = self.seen.drops.iter().map(|(reason, count)| format!("{reason} {count}"));
        let fate: Vec<_> = drops.chain([format!("delivered {}", self.seen.delivered)]).collect();
        println!(
            "{:<27} {:>8} {:>8} {:>30} {:>8} {:>30} {:>22} {:>9} {:>7}  {}{}",
            self.attack.name(),
            self.sent,
            format!("{}/{}", self.d0.missed, self.d0.sent),
            self.d0.figures(),
            format!("{}/{}", self.d1.missed, self.d1.sent),
            self.d1.figures(),
            brief(&self.machine.latency),
            format!("{}, {}", self.d0.slow + self.d1.slow, self.d0.slow_by_machine + self.d1.slow_by_machine),
            self.rss_growth / 1024,
            fate.join(", "),
            if self.adds_up() { "" } else { " (does not add up)" },
        );
        if !self.seen.honest_drops.is_empty() {
            println!("{:<27} honest frames dropped: {:?}", "", self.seen.honest_drops);
        }
    }

    fn json(&self) -> Value {
        json!({
            "attack": self.attack.name(),
            "sent": self.sent,
            "honest_d0": self.d0.sent,
            "honest_d1": self.d1.sent,
            "honest_d0_missed": self.d0.missed,
            "honest_d1_missed": self.d1.missed,
            "d0_p50_ns": self.d0.latency.value_at_quantile(0.5),
            "d1_p50_ns": self.d1.latency.value_at_quantile(0.5),
            "d0_p99_ns": self.d0.latency.value_at_quantile(0.99),
            "d1_p99_ns": self.d1.latency.value_at_quantile(0.99),
            "d0_p999_ns": self.d0.latency.value_at_quantile(0.999),
            "d1_p999_ns": self.d1.latency.value_at_quantile(0.999),
            "d0_max_ns": self.d0.latency.max(),
            "d1_max_ns": self.d1.latency.max(),
            "slow": self.d0.slow + self.d1.slow,
            "slow_by_machine": self.d0.slow_by_machine + self.d1.slow_by_machine,
            "machine": wakes_json(&self.machine.latency),
            "drops": self.seen.drops,
            "delivered": self.seen.delivered,
            "link_dropped": self.seen.link_dropped,
            "adds_up": self.adds_up(),
            "honest_drops": self.seen.honest_drops,
            "rss_growth_bytes": self.rss_growth,
            "station_fifo": self.seen.fifo,
        })
    }
}

impl Alerts {
    fn figures(&self) -> String {
        let at = |quantile| self.latency.value_at_quantile(quantile) / 1000;
        format!("{}/{}/{}/{}", at(0.5), at(0.99), at(0.999), self.latency.max() / 1000)
    }
}

fn brief(wakes: &Histogram<u64>) -> String {
    format!("{}/{} of {}", wakes.value_at_quantile(0.999) / 1000, wakes.max() / 1000, wakes.len())
}

fn wakes_json(wakes: &Histogram<u64>) -> Value {
    json!({
        "wakes": wakes.len(),
        "p50_ns": wakes.value_at_quantile(0.5),
        "p99_ns": wakes.value_at_quantile(0.99),
        "p999_ns": wakes.value_at_quantile(0.999),
        "max_ns": wakes.max(),
    })
}

/// Resident memory of this process; 0 where the kernel does not say.
fn resident_bytes() -> i64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<i64>().ok());
    pages.unwrap_or(0) * PAGE_BYTES
}

/// Until every station is known: beacons bring credentials once a second; and until a beacon heard first is stale.
const WARM_UP: Duration = Duration::from_millis(3_000);
/// An alert slower than this is looked into.
const SLOW: Duration = Duration::from_millis(1);
/// Above the station and the town.
const PROBE_PRIORITY: u8 = 60;
/// Of x86-64, and of most others.
const PAGE_BYTES: i64 = 4096;
