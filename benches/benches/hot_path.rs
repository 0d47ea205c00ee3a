//! What a station costs beside its signatures: one thread, no link.
//!
//! Receive: frame bytes -> `Input::Frame` -> `Input::Timeout` -> `Event::Received`, from 200 neighbours,
//! against bare `verify_strict` over the same bytes. Send: `Input::Timeout` -> `Transmit`, against a bare
//! signature over the same bytes. Both sides take turns in slices of a few frames, so that whatever else
//! the machine does meets both; the median over many slices is quoted.

mod hot_path {
    pub mod memory;
    pub mod receive;
    pub mod send;
}

use std::alloc::System;

use benches::figures::{self, rounded};
use hot_path::{memory, receive, send};
use serde_json::json;
use stats_alloc::StatsAlloc;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = benches::heap::COUNTED;

fn main() {
    let quick = figures::quick();
    let machine = figures::machine();
    println!("hot_path on {machine}{}", if quick { " (quick: figures mean little)" } else { "" });
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
    });
    println!("{line}");
}
