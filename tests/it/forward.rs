//! Floods through fields of many stations.
//!
//! Rows are those of ETSI's conformance suite TS 102 871-2 (GeoNetworking, `GEONW`) that a test adapts.

use std::collections::VecDeque;
use std::time::Duration;

use v2x_core::{Instant, Scheme, hops_for};
use v2x_proto::{AreaView, Class, Shape};

use testkit::craft::circle;
use testkit::field::{Crew, Field, flood};

mod geodesics;
mod highway;
mod insider;
mod partition;
mod rules;
mod tags;
mod topologies;

fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// SplitMix64: topologies from a number, alike on every machine.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: f64) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64 * bound
    }
}
