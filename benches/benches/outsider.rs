//! What one radio without a credential does to a flood: `cargo bench -p benches --bench outsider`.
//!
//! The motorway of the forwarding tests, an outsider 100 m from the origin that is heard twice as far as a car and answers each
//! frame of the flood by one trick. Against the same runs without it: the share of the stations within 3 km that had the
//! flood in 300 ms, the share that had it after 6 s, and the bytes of honest stations. Virtual time: the figures are the same on
//! every machine.

use benches::figures::{quick, rounded};
use testkit::field::Crew;
use testkit::outsider::{TRICKS, mean};

fn main() {
    let mut crew = Crew::default();
    let mut rows = Vec::new();
    println!("cars/km  reach in 300 ms  after 6 s  bytes  frames  forged  trick");
    for (per_km, seeds) in [(20, 24), (60, 8)] {
        let seeds = if quick() { 1 } else { seeds };
        let clean = mean(&mut crew, per_km, None, SECONDS, seeds);
        let tricks = TRICKS.into_iter().map(Some).take(if quick() { 1 } else { TRICKS.len() });
        for trick in [None].into_iter().chain(tricks) {
            let found = trick.map_or(clean, |trick| mean(&mut crew, per_km, Some(trick), SECONDS, seeds));
            let name = trick.map_or_else(|| "none".to_owned(), |trick| format!("{trick:?}"));
            let times = found.bytes / clean.bytes;
            println!(
                "{per_km:7} {:16.3} {:10.3} {times:5.2}x {:7.1} {:7.1}  {name}",
                found.reach, found.last, found.sent, found.forged
            );
            rows.push(serde_json::json!({
                "per_km": per_km,
                "trick": name,
                "reach_300ms": rounded(found.reach, 4),
                "reach_final": rounded(found.last, 4),
                "honest_bytes_ratio": rounded(times, 3),
                "transmissions": rounded(found.sent, 1),
            }));
        }
    }
    println!("{}", serde_json::json!({ "bench": "outsider", "rows": rows }));
}

const SECONDS: u64 = 6;
