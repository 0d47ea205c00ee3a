//! Floods through fields of many stations.
//!
//! Rows are those of ETSI's conformance suite TS 102 871-2 (GeoNetworking, `GEONW`) that a test adapts.

use std::collections::VecDeque;
use std::time::Duration;

use v2x_core::{Instant, Scheme, hops_for};
use v2x_proto::{AreaView, Class, Shape};

use testkit::craft::circle;
use testkit::field::{Crew, Field, flood};
use testkit::motorway::Dice;

mod copies;
mod geodesics;
mod highway;
mod insider;
mod outsider;
mod partition;
mod rules;
mod tags;
mod topologies;

fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}
