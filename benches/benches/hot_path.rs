//! The cost of a station besides its signatures: one thread, no link.
//!
//! Receive: frame bytes -> `Input::Frame` -> `Input::Timeout` -> `Event::Received`, from 200 neighbours,
//! against bare `verify_strict` over the same bytes. Send: `Input::Timeout` -> `Transmit`, against a bare
//! signature over the same bytes. Both sides take turns in slices of a few frames, so that whatever else
//! the machine does meets both; the median over many slices is quoted.
//!
//! And the ways out of the receive path that cost no verification, one row each. With an argument, only the rows whose
//! name contains it are run.

mod hot_path {
    pub mod cheap;
    pub mod memory;
    pub mod receive;
    pub mod send;
    pub mod ways_out;
}

use std::alloc::System;
use std::process::ExitCode;

use benches::figures::{self, rounded};
use hot_path::{cheap, memory, receive, send};
use serde_json::json;
use stats_alloc::StatsAlloc;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = benches::heap::COUNTED;

fn main() -> ExitCode {
    let quick = figures::quick();
    let machine = figures::machine();
    println!("hot_path on {machine}{}", if quick { " (quick: figures mean little)" } else { "" });
    let filter = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let rows = cheap::run(if quick { 50 } else { 400 }, filter.as_deref().unwrap_or_default());
    println!("dropped without a verification: ns a frame, least / median, and heap allocations a frame");
    for row in &rows {
        println!("{row}");
    }
    let cheap_drops: Vec<_> = rows.iter().map(cheap::Cost::json).collect();
    let hold = rows.iter().all(cheap::Cost::holds);
    if filter.is_some() {
        println!("{}", json!({ "bench": "hot_path", "quick": quick, "cheap_drops": cheap_drops }));
        return if hold { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let memory = memory::run();
    println!("{memory}");
    let receive = receive::run(if quick { 3 } else { 40 });
    println!("{receive}");
    let send = send::run(if quick { 3 } else { 40 });
    println!("{send}");
    let line = json!({
        "bench": "hot_path",
        "machine": machine,
        "quick": quick,
        "neighbours": receive::NEIGHBOURS,
        "ratio_over_verify": rounded(receive.live.ratio.median(), 4),
        "ratio_over_verify_min": rounded(receive.live.ratio.min(), 4),
        "ratio_over_verify_virtual": rounded(receive.virtual_time.ratio.median(), 4),
        "ns_beside_verify": rounded(receive.live.beside.median(), 0),
        "ns_beside_verify_virtual": rounded(receive.virtual_time.beside.median(), 0),
        "ns_without_verify": rounded(receive.without_verify.median(), 0),
        "allocs_per_frame": receive.allocations_per_frame(),
        "verify_strict_ns": rounded(receive.verify.median(), 0),
        "exact_copy_ns": rounded(receive.exact_copy.median(), 0),
        "garbage_ns": rounded(receive.garbage.median(), 0),
        "mean_frame_bytes": rounded(receive.mean_frame_bytes, 1),
        "ratio_over_sign": rounded(send.ratio.median(), 4),
        "ratio_over_sign_min": rounded(send.ratio.min(), 4),
        "ns_beside_sign": rounded(send.beside.median(), 0),
        "allocs_per_send": send.allocations_per_frame(),
        "sign_ns": rounded(send.sign.median(), 0),
        "bytes_per_neighbour": rounded(memory.bytes_per_neighbour, 0),
        "bytes_per_node": memory.bytes_per_node,
        "cheap_drops": cheap_drops,
    });
    println!("{line}");
    // Counts of what was timed, not times.
    if hold { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
