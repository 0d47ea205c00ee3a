//! The link adapters against the least a program can do, in turns: `packet`, `pnet` and a bare read loop on a veth pair, and
//! the daemon's timer beside a bare `timerfd`. Needs root. `benches/README.md` explains how to read it.
//!
//! Each turn's two ends are this program run again, see [`lab::ROLE`].

#[allow(dead_code, reason = "what the daemons of the other bench need")]
#[path = "loopback/lab.rs"]
mod lab;
mod link {
    pub mod overload;
    pub mod receive;
    pub mod send;
    pub mod timer;
    pub mod turns;
}
#[allow(dead_code, reason = "what the daemons of the other bench need")]
#[path = "loopback/placement.rs"]
mod placement;

use std::process::ExitCode;

use benches::figures;
use lab::{Lab, say};
use link::turns::Plan;
use link::{overload, receive, send, timer, turns};
use placement::Placement;
use serde_json::json;

fn main() -> ExitCode {
    let result = match std::env::var(lab::ROLE) {
        Ok(role) => {
            lab::end_with_parent();
            play(&role, &std::env::args().skip(1).collect::<Vec<_>>())
        }
        Err(_) => measure(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("link: {error}");
            ExitCode::FAILURE
        }
    }
}

fn play(role: &str, arguments: &[String]) -> Result<(), String> {
    match role {
        "send" => send::send(arguments),
        "receive" => receive::receive(arguments),
        "timer" => timer::sleep(arguments),
        "busy" => timer::spin(arguments),
        _ => Err(format!("no role {role:?}")),
    }
}

fn measure() -> Result<(), String> {
    let quick = figures::quick();
    let machine = figures::machine();
    say(&format!("link on {machine}{}", if quick { " (quick: figures mean little)" } else { "" }));
    let lab = match Lab::new() {
        Ok(lab) => lab,
        Err(reason) => {
            let reason = format!("needs root, for network namespaces: {reason}");
            say(&format!("skipped: {reason}"));
            say(&json!({"bench": "link", "machine": machine, "skipped": reason}).to_string());
            return Ok(());
        }
    };
    let placement = match placement::fifo_allowed() {
        Ok(()) => Placement::same_cpu_fifo(),
        Err(reason) => {
            say(&format!("no SCHED_FIFO, so figures are those of ordinary programs: {reason}"));
            Placement::ordinary()
        }
    };
    let plan = if quick { Plan::QUICK } else { Plan::WHOLE };
    let saturated = turns::saturated(&lab, &placement, &plan)?;
    let latency = turns::latency(&lab, &placement, &plan)?;
    let timer = timer::run(&lab, placement.receiver, &plan)?;
    let overload = overload::run(&lab, &plan)?;
    drop(lab);
    let line = json!({
        "bench": "link",
        "machine": machine,
        "quick": quick,
        "scheduling": placement.name,
        "frame_bytes": send::FRAME_BYTES,
        "saturated": saturated,
        "latency": latency,
        "timer": timer,
        "overload": overload,
    });
    say(&line.to_string());
    Ok(())
}
