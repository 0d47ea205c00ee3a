//! One radio without a credential, 100 m from the origin of a flood and heard twice as far as a car, takes nothing from it.
//!
//! The figures over more seeds are those of `cargo bench -p benches --bench outsider`.

use testkit::outsider::{Hops, Names, Trick, forge, mean};

use super::*;

/// Floods under each trick reach whom they should, at `most` times the bytes of one without an outsider.
fn holds(per_km: u32, seeds: u64, tricks: &[Trick], most: f64) {
    let mut crew = Crew::default();
    let clean = mean(&mut crew, per_km, None, 3, seeds);
    let mut bytes = 0.0;
    for trick in tricks {
        let found = mean(&mut crew, per_km, Some(*trick), 3, seeds);
        assert!(found.forged > 2.0, "{trick:?}: {found:?}");
        assert!(found.reach >= 0.98, "{per_km}/km, {trick:?}: {found:?}");
        assert!(found.last >= 1.0, "{per_km}/km, {trick:?}: {found:?}");
        bytes += found.bytes / clean.bytes / tricks.len() as f64;
    }
    assert!(bytes <= most, "{per_km}/km: {bytes} times the bytes of {clean:?}");
}

const STRIPS: [Trick; 2] = [Trick::Strip, forge(Names::At(250.0), false, Hops::Good)];

const FORGES: [Trick; 4] = [
    forge(Names::At(250.0), true, Hops::Good),
    forge(Names::Anybody, true, Hops::Left(1)),
    forge(Names::Beyond, true, Hops::Good),
    forge(Names::Chain, true, Hops::Good),
];

// The means of a few runs are uncertain by a tenth.
const MOST: f64 = 1.2;

#[test]
fn who_strips_credentials_takes_nothing_from_a_flood_on_a_sparse_road() {
    holds(20, 4, &STRIPS, MOST);
}

#[test]
fn who_forges_forwarders_takes_nothing_from_a_flood_on_a_sparse_road() {
    holds(20, 2, &FORGES, MOST);
}

#[test]
fn who_pads_frames_takes_nothing_from_a_flood_and_adds_nothing_to_it() {
    holds(20, 4, &[Trick::Pad], MOST);
}

#[test]
fn an_outsider_takes_nothing_from_a_flood_on_a_dense_road() {
    holds(60, 1, &[STRIPS[1], FORGES[2]], MOST);
}
