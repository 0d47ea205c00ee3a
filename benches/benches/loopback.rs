//! Two daemons on a veth pair between network namespaces, over `packet`: every message against its deadline, the
//! bare link beside it, and a flood; with `outputs`, what stalled and full outputs and a busy bridge cost. Needs root. `benches/README.md` explains how to read it.
//!
//! The daemons are this program run again, see [`lab::ROLE`].

mod loopback {
    pub mod bridge;
    pub mod flood;
    pub mod lab;
    pub mod link;
    pub mod outputs;
    pub mod placement;
    pub mod probe;
    pub mod stack;
    pub mod trouble;
}

use core::time::Duration;
use std::process::ExitCode;

use benches::figures::{self, rounded};
use loopback::bridge;
use loopback::flood::{self, FloodRun};
use loopback::lab::{self, Lab, say};
use loopback::link::{self, LinkRun};
use loopback::outputs;
use loopback::placement::{self, Placement};
use loopback::probe;
use loopback::stack::{self, StackRun};
use loopback::trouble::{self, Trouble};
use serde_json::{Map, Value, json};
use v2x_report::Summary;

fn main() -> ExitCode {
    let result = match std::env::var(lab::ROLE) {
        Ok(role) => {
            lab::end_with_parent();
            if role == "roadcast" {
                return v2x_node::main();
            }
            play(&role, &std::env::args().skip(1).collect::<Vec<_>>())
        }
        Err(_) => measure(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("loopback: {error}");
            ExitCode::FAILURE
        }
    }
}

fn play(role: &str, arguments: &[String]) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(|error| format!("starting the event loop: {error}"))?;
    match role {
        // It has an event loop of its own.
        "station" => stack::station(arguments),
        "verify" => flood::verify(arguments),
        "far-station" => bridge::far_station(arguments),
        "link-send" => runtime.block_on(link::send(arguments)),
        "link-receive" => runtime.block_on(link::receive(arguments)),
        "flood" => runtime.block_on(flood::flood(arguments)),
        _ => Err(format!("no role {role:?}")),
    }
}

fn measure() -> Result<(), String> {
    let quick = figures::quick();
    let machine = figures::machine();
    say(&format!("loopback on {machine}{}", if quick { " (quick: figures mean little)" } else { "" }));
    let lab = match Lab::new() {
        Ok(lab) => lab,
        Err(reason) => {
            let reason = format!("needs root, for network namespaces: {reason}");
            say(&format!("skipped: {reason}"));
            say(&json!({"bench": "loopback", "machine": machine, "skipped": reason}).to_string());
            return Ok(());
        }
    };
    stack::make_keys(&lab)?;
    let fifo = placement::fifo_allowed();
    let main = match &fifo {
        Ok(()) => Placement::same_cpu_fifo(),
        Err(reason) => {
            say(&format!("no SCHED_FIFO, so figures are those of ordinary programs: {reason}"));
            Placement::ordinary()
        }
    };
    if std::env::args().any(|argument| argument == "outputs") {
        let (seconds, pairs) = if quick { (2, 1) } else { (10, 10) };
        let outputs = outputs::run(&lab, &main, TOP_RATE, seconds, pairs)?;
        let line = json!({
            "bench": "loopback outputs",
            "machine": machine,
            "quick": quick,
            "scheduling": main.name,
            "seconds": seconds,
            "pairs": pairs,
            "outputs": outputs,
        });
        say(&line.to_string());
        return Ok(());
    }
    let lengths = flood::frame_lengths(&lab, main.sender)?;
    let (long, short) = if quick { (2, 2) } else { (30, 10) };
    let mut rates = Map::new();
    let mut top = None;
    for rate in RATES.into_iter().filter(|rate| !quick || *rate == TOP_RATE) {
        let pair = Pair::run(&lab, &main, rate, long, &lengths)?;
        rates.insert(rate.to_string(), pair.json());
        top = Some(pair);
    }
    let mut comparisons = Map::new();
    let others = Placement::other_cpu_fifo().into_iter().chain([Placement::ordinary()]);
    for other in others.filter(|_| fifo.is_ok()) {
        let pair = Pair::run(&lab, &other, TOP_RATE, short, &lengths)?;
        comparisons.insert(other.name.to_owned(), pair.json());
    }
    let flood = run_flood(&lab, fifo.is_ok(), if quick { 5 } else { 10 })?;
    // Shows that they run; their figures need an hour of their own.
    let outputs = if quick { outputs::run(&lab, &main, TOP_RATE, 1, 1)? } else { Value::Null };
    drop(lab);
    let Pair { stack, link, .. } = top.ok_or("invariant: there are rates")?;
    let (stack_p999, link_p999) = (stack.send_to_delivered.p999_ns, link.due_to_user.p999_ns);
    let line = json!({
        "bench": "loopback",
        "machine": machine,
        "quick": quick,
        "scheduling": main.name,
        "seconds": long,
        "frame_bytes": lengths,
        "classes": stack.classes,
        "lost": stack.lost(),
        "missed": stack.missed(),
        "rates": rates,
        "comparisons": comparisons,
        "link_p999_ns": link_p999,
        "stack_p999_ns": stack_p999,
        "p999_ratio": rounded(stack_p999 as f64 / link_p999 as f64, 3),
        "verified_per_s": flood.verified_per_s.round(),
        "raw_verify_per_s": flood.raw().round(),
        "flood_ratio": rounded(flood.ratio(), 3),
        "flood": flood.json(),
        "outputs": outputs,
    });
    say(&line.to_string());
    Ok(())
}

fn run_flood(lab: &Lab, fifo: bool, seconds: u64) -> Result<FloodRun, String> {
    let placement = Placement::other_cpu_fifo().filter(|_| fifo).unwrap_or_else(Placement::ordinary);
    let flood = flood::run(lab, &placement, seconds)?;
    say(&format!(
        "\nflood, {}: {:.0} valid frames/s offered, {:.0}/s verified, {:.0}/s shed unverified; bare \
         verify_strict {:.0}/s; ratio {:.3}",
        placement.name,
        flood.offered_per_s,
        flood.verified_per_s,
        flood.dropped_per_s,
        flood.raw(),
        flood.ratio()
    ));
    Ok(flood)
}

/// The stack and the bare link under it, one right after the other.
struct Pair {
    placement: Placement,
    stack: StackRun,
    link: LinkRun,
}

impl Pair {
    fn run(
        lab: &Lab,
        placement: &Placement,
        rate: u32,
        secs: u64,
        lengths: &[usize],
    ) -> Result<Self, String> {
        let time = Duration::from_secs(secs);
        let link = link::run(lab, placement, rate, time, lengths)?;
        let stack = stack::run(lab, placement, rate, time, Trouble::None, "")?;
        let pair = Self { placement: *placement, stack, link };
        pair.print(rate, secs);
        Ok(pair)
    }

    fn print(&self, rate: u32, secs: u64) {
        let Self { placement, stack, link } = self;
        say(&format!("\n{rate} messages/s for {secs} s, {}; microseconds", placement.name));
        say(&format!(
            "{:<30} {:>8} {:>6} {:>6} {:>8} {:>8} {:>8} {:>8} {:>8}",
            "", "sent", "lost", "missed", "p50", "p90", "p99", "p99.9", "max"
        ));
        let lost = link.sent.saturating_sub(link.due_to_user.count);
        row("link due -> read", Some([link.sent, lost, 0]), &link.due_to_user);
        row("link kernel -> read", None, &link.kernel_to_user);
        for class in &stack.classes {
            let lost = class.expected - class.delivered;
            let name = format!("{} send -> delivered", class.class);
            row(&name, Some([class.sent, lost, class.missed]), &class.send_to_delivered);
            if let Some(kernel) = class.stages.get(KERNEL_TO_DELIVERED) {
                row(&format!("{} kernel -> delivered", class.class), None, kernel);
            }
        }
        let sent = stack.classes.iter().map(|class| class.sent).sum();
        row("all send -> delivered", Some([sent, stack.lost(), stack.missed()]), &stack.send_to_delivered);
        row("all kernel -> delivered", None, &stack.kernel_to_delivered);
        for warning in &stack.warnings {
            say(&format!("warning: {warning}"));
        }
    }

    fn json(&self) -> Value {
        let mut value = self.stack.json();
        value["placement"] = self.placement.json();
        value["link"] = self.link.json();
        let ratio = self.stack.send_to_delivered.p999_ns as f64 / self.link.due_to_user.p999_ns as f64;
        value["p999_ratio"] = json!(rounded(ratio, 3));
        value
    }
}

fn row(name: &str, counts: Option<[u64; 3]>, summary: &Summary) {
    let counts = counts.map_or_else(String::new, |[a, b, c]| format!("{a:>8} {b:>6} {c:>6}"));
    let us = |ns: u64| ns as f64 / 1000.0;
    let Summary { p50_ns, p90_ns, p99_ns, p999_ns, max_ns, .. } = *summary;
    say(&format!(
        "{name:<30} {counts:<22} {:>8.1} {:>8.1} {:>8.1} {:>8.1} {:>8.1}",
        us(p50_ns),
        us(p90_ns),
        us(p99_ns),
        us(p999_ns),
        us(max_ns)
    ));
}

const TOP_RATE: u32 = 2000;
const RATES: [u32; 2] = [1000, TOP_RATE];
const KERNEL_TO_DELIVERED: &str = "kernel_receive_to_delivered";
