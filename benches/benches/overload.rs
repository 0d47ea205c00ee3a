//! One station, driven as the daemon drives it, under as much as a radio carries and under several times what the machine
//! verifies, on two cores: which alerts of honest stations it delivers meanwhile, and when.
//!
//! Honest stations and the attacker send from one thread by due time; the station runs in another. An alert's latency
//! counts from when it was due to its delivery. Two controls: a run without an attack, and threads that do nothing but
//! sleep until due times, before all runs and beside each.

mod overload {
    pub mod alerts;
    pub mod attack;
    pub mod load;
    pub mod machine;
    pub mod speaker;
    pub mod table;
    pub mod target;
    pub mod town;
}

use core::time::Duration;
use std::error::Error;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use benches::figures;
use hdrhistogram::Histogram;
use overload::alerts::{Group, Tally, histogram_json};
use overload::attack::Attack;
use overload::load::{Checks, Load, verifications_per_s};
use overload::machine::{Probe, Wakes};
use overload::table::Table;
use overload::target::{self, STATION_PRIORITY, Seen};
use overload::town::{self, Town};
use radio_adapters::mem::MemHub;
use radio_adapters::radio::LinkAddress;
use radio_adapters::realtime;
use serde_json::{Value, json};
use testkit::Authority;

fn main() -> Result<(), Box<dyn Error>> {
    let machine = figures::machine();
    let quick = figures::quick();
    let Arguments { only, time } = Arguments::read(quick);
    println!("overload on {machine}{}", if quick { " (quick: figures mean little)" } else { "" });
    let own_rate = verifications_per_s(STATION_CPU)?;
    let machine_alone = alone(time)?;
    // The town sleeps between frames, so that the kernel does not stop it for its share of real time.
    let _pinned = realtime::pin_to_cpu(0);
    let fifo = realtime::set_fifo(40);
    if let Err(reason) = &fifo {
        println!("no SCHED_FIFO, so figures are those of ordinary programs: {reason}");
    }
    println!("verify_strict: {own_rate:.0}/s; {:.1} s for each attack and load", time.as_secs_f64());
    println!("machine alone, p50/p99/p99.9/max: {} us", brief(&machine_alone.latency));
    println!(
        "by group of stations: delivered/sent, of those whose names are used what a fair lot gives; times in us, from \
         due to delivered\n"
    );
    let (mut runs, mut table) = (Vec::new(), Table::default());
    for checks in [Checks::Own, Checks::Slow] {
        let rate = checks.rate(own_rate);
        for attack in Attack::ALL {
            if only.as_deref().is_some_and(|only| !attack.name().contains(only)) {
                continue;
            }
            for load in loads(attack, checks, quick) {
                let outcome = run(attack, load, checks, rate, time)?;
                outcome.print();
                outcome.add_to(&mut table);
                runs.push(outcome.json());
            }
        }
    }
    println!("\nms:\n\n{}", table.markdown());
    let line = json!({
        "bench": "overload",
        "machine": machine,
        "quick": quick,
        "fifo": fifo.is_ok(),
        "verifications_per_s": own_rate.round(),
        "seconds": time.as_secs_f64(),
        "machine_alone": histogram_json(&machine_alone.latency),
        "runs": runs,
    });
    println!("{line}");
    Ok(())
}

/// What was asked for: a part of an attack's name, and seconds for each.
struct Arguments {
    only: Option<String>,
    time: Duration,
}

impl Arguments {
    fn read(quick: bool) -> Self {
        let mut asked = Self { only: None, time: Duration::from_millis(if quick { 300 } else { 2_500 }) };
        for argument in std::env::args().skip(1).filter(|argument| !argument.starts_with('-')) {
            match argument.parse::<f64>() {
                Ok(seconds) => asked.time = Duration::from_secs_f64(seconds.clamp(0.1, 3600.0)),
                Err(_) => asked.only = Some(argument),
            }
        }
        asked
    }
}

/// The loads of an attack: what a radio carries, and multiples of what the host verifies. For a slow host those of a radio
/// include its own rate.
fn loads(attack: Attack, checks: Checks, quick: bool) -> Vec<Load> {
    match (quick, checks) {
        (_, Checks::Own) if attack == Attack::None => vec![Load::Frames(0)],
        // The town signs these itself, which takes it as long as it takes the station to check them.
        (_, Checks::Own) if attack == Attack::ExcessOfOneSender => vec![Load::Frames(10_000)],
        (true, Checks::Own) => vec![Load::Times(2.0)],
        (true, Checks::Slow) if attack == Attack::VictimsNameAndAddress => vec![Load::Frames(2_000)],
        (true, Checks::Slow) => Vec::new(),
        (false, Checks::Slow) if attack == Attack::None => vec![Load::Frames(0)],
        (false, Checks::Own) if attack.is_cheap() => vec![Load::Times(5.0)],
        (false, Checks::Slow) if attack.is_cheap() => Vec::new(),
        (false, Checks::Own) => {
            let times = [0.5, 1.0, 2.0, 5.0].map(Load::Times);
            [Load::Frames(2_000), Load::Frames(5_000)].into_iter().chain(times).collect()
        }
        (false, Checks::Slow) => {
            vec![Load::Frames(2_000), Load::Frames(5_000), Load::Times(2.0), Load::Times(5.0)]
        }
    }
}

/// What an attack did.
struct Outcome {
    attack: Attack,
    load: Load,
    checks: Checks,
    /// Attack frames a second, asked for.
    rate: u64,
    /// Signatures the host verifies a second.
    checks_per_s: f64,
    sent: u64,
    time: Duration,
    seen: Seen,
    tallies: Vec<Tally>,
    machine: Wakes,
    rss_growth: i64,
}

/// What the machine does while nothing of ours runs.
fn alone(time: Duration) -> Result<Wakes, Box<dyn Error>> {
    let probe = Probe::start(STATION_CPU, STATION_PRIORITY, Duration::from_millis(1))?;
    thread::sleep(time);
    probe.stop()
}

fn run(
    attack: Attack,
    load: Load,
    checks: Checks,
    checks_per_s: f64,
    time: Duration,
) -> Result<Outcome, Box<dyn Error>> {
    let authority = Authority::of_cars();
    let identity = authority.identity(0);
    let rate = load.per_s(checks_per_s);
    // Room for 30 ms and more of attack: a station stopped for longer loses frames, and they are counted.
    let hub = MemHub::with_capacity(4096);
    let listener = hub.join(LinkAddress([0x02, 0, 0, 0, 0, 0]));
    let anchor = town::anchor();
    let mut town = Town::new(&authority, hub.join(LinkAddress::default()), anchor, time);
    let stop = Arc::new(AtomicBool::new(false));
    let (stop_too, other) = (Arc::clone(&stop), authority);
    let room = 4 * town::alerts_in(time);
    let station = thread::spawn(move || {
        target::run(&other, identity, checks.host(), listener, anchor, room, &stop_too)
    });
    // Above both threads, on their processors.
    let probes = [0, STATION_CPU].map(|cpu| Probe::start(cpu, PROBE_PRIORITY, Duration::from_millis(1)));
    town.warm_up(attack, town::now() + WARM_UP);
    let before = resident_bytes();
    let start = town::now();
    town.attack(attack, rate, start + time);
    let took = town::now().since(start);
    let rss_growth = resident_bytes() - before;
    let [town_probe, station_probe] = probes;
    let (mut machine, station_probe) = (town_probe?.stop()?, station_probe?.stop()?);
    machine.add(&station_probe)?;
    // What waits or is held comes to its end; the last frame wakes the station to see that it is over.
    town.calm(town::now() + Duration::from_millis(600));
    stop.store(true, Ordering::Relaxed);
    town.calm(town::now() + Duration::from_millis(210));
    let seen = station.join().map_err(|_| "the station's thread panicked")??;
    let tallies = Tally::of(&town.alerts, &seen.alerts, attack, &machine)?;
    let (sent, time) = (town.sent, took);
    Ok(Outcome { attack, load, checks, rate, checks_per_s, sent, time, seen, tallies, machine, rss_growth })
}

impl Outcome {
    fn adds_up(&self) -> bool {
        self.seen.drops.values().sum::<u64>() + self.seen.delivered + self.seen.link_dropped == self.sent
    }

    fn print(&self) {
        println!(
            "{} at {} ({}/s, {} checks): {} sent, {:.0}/s; machine late {} us; RSS {:+} kB",
            self.attack.name(),
            self.load.name(),
            self.rate,
            self.checks.name(),
            self.sent,
            self.sent as f64 / self.time.as_secs_f64(),
            brief(&self.machine.latency),
            self.rss_growth / 1024,
        );
        for tally in &self.tallies {
            let fair = tally.fair(self.rate, self.checks_per_s).ceil();
            let lot = match tally.group {
                Group::Unused => String::new(),
                Group::Used | Group::Newcomer => format!(" (lot {fair})"),
            };
            let first = match tally.group {
                Group::Newcomer => {
                    format!(", first after {}, {} never", brief(&tally.first), tally.never)
                }
                _ => String::new(),
            };
            println!(
                "    {:?} {:<9} {:>5}/{}{lot}: {}, beyond the machine {}{first}",
                tally.class,
                tally.group.name(),
                tally.delivered,
                tally.sent,
                brief(&tally.latency),
                brief(&tally.beyond),
            );
        }
        let drops = self.seen.drops.iter().map(|(reason, count)| format!("{reason} {count}"));
        let ends = [("delivered", self.seen.delivered), ("no room on the link", self.seen.link_dropped)];
        let ends = ends.into_iter().filter(|(_, count)| *count > 0);
        let fate: Vec<_> = drops.chain(ends.map(|(end, count)| format!("{end} {count}"))).collect();
        println!("    of it: {}{}", fate.join(", "), if self.adds_up() { "" } else { " (does not add up)" });
    }

    fn add_to(&self, table: &mut Table) {
        let run = [self.attack.name(), self.checks.name(), &self.load.name()];
        let fair = |tally: &Tally| tally.fair(self.rate, self.checks_per_s);
        table.add(run, &self.tallies, fair, &self.machine);
    }

    fn json(&self) -> Value {
        let tallies = self.tallies.iter().map(|tally| tally.json(tally.fair(self.rate, self.checks_per_s)));
        json!({
            "attack": self.attack.name(),
            "checks": self.checks.name(),
            "load": self.load.name(),
            "attack_per_s": self.rate,
            "sent": self.sent,
            "sent_per_s": (self.sent as f64 / self.time.as_secs_f64()).round(),
            "alerts": tallies.collect::<Vec<_>>(),
            "machine": histogram_json(&self.machine.latency),
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

fn brief(latency: &Histogram<u64>) -> String {
    let at = |quantile| latency.value_at_quantile(quantile) / 1000;
    format!("{}/{}/{}/{}", at(0.5), at(0.99), at(0.999), latency.max() / 1000)
}

/// Resident memory of this process; 0 where the kernel does not say.
fn resident_bytes() -> i64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<i64>().ok());
    pages.unwrap_or(0) * PAGE_BYTES
}

/// The station's processor; the town has the first.
const STATION_CPU: usize = 1;
/// Until every station is known, and until a beacon heard first is stale.
const WARM_UP: Duration = Duration::from_millis(1_300);
/// Above the station and the town.
const PROBE_PRIORITY: u8 = 60;
/// Of x86-64, and of most others.
const PAGE_BYTES: i64 = 4096;
