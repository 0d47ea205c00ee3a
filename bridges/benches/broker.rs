//! Twenty units that publish hazards through one mosquitto on loopback: from the moment at which each message is due (an open loop) until
//! a back office has it; and a broker that is killed and comes back without its memory: when every hazard that is valid is at every
//! subscriber again. `cargo bench -p v2x-bridges --bench broker`. Needs mosquitto.
//!
//! Units and followers are what a bridge runs, each kind on a thread of its own.

#[allow(dead_code, clippy::unwrap_used, reason = "the tests' broker, of which this needs a part")]
#[path = "../tests/broker/mosquitto.rs"]
mod mosquitto;

#[path = "broker/fleet.rs"]
mod fleet;
#[path = "broker/load.rs"]
mod load;
#[path = "broker/restart.rs"]
mod restart;

use std::fs;
use std::process::ExitCode;

use mosquitto::Mosquitto;
use serde_json::json;

fn main() -> ExitCode {
    let quick =
        std::env::var_os("ROADCAST_BENCH_QUICK").is_some_and(|value| value != "0" && !value.is_empty());
    let machine = machine();
    println!("broker on {machine}{}", if quick { " (quick: figures mean little)" } else { "" });
    let seconds = if quick { 1 } else { 10 };
    let loads = if quick { vec![(2_000, 1)] } else { vec![(2_000, 1), (2_000, 5), (5_000, 1), (10_000, 1)] };
    let mut rows = Vec::new();
    for (rate, followers) in loads {
        let Some(broker) = Mosquitto::start("max_inflight_messages 20") else { return ExitCode::SUCCESS };
        let row = load::measure(&broker, rate, followers, seconds);
        println!("{row}");
        rows.push(row.json());
    }
    let mut rounds = Vec::new();
    for _ in 0..if quick { 1 } else { 5 } {
        let Some(mut broker) = Mosquitto::start("") else { return ExitCode::SUCCESS };
        let round = restart::measure(&mut broker);
        println!("{round}");
        rounds.push(round.json());
    }
    println!(
        "{}",
        json!({ "bench": "broker", "machine": machine, "quick": quick, "rows": rows, "restarts": rounds })
    );
    ExitCode::SUCCESS
}

fn machine() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let processors = text.lines().filter(|line| line.starts_with("processor")).count();
    model.map_or_else(|| "unknown".to_owned(), |(_, model)| format!("{model}, {processors} processors"))
}
