//! Floods through fields of many stations.
//!
//! Rows are those of ETSI's conformance suite TS 102 871-2 (GeoNetworking, `GEONW`) that a test adapts.

use std::collections::VecDeque;
use std::time::Duration;

use v2x_core::{Instant, Scheme, hops_for};
use v2x_proto::envelope::TbsRepr;
use v2x_proto::v1::MessageType;
use v2x_proto::{AreaView, Class, Shape};

use testkit::craft::{Crafter, circle};
use testkit::field::{Crew, Field, flood};
use testkit::motorway::Dice;

mod carrying;
mod copies;
mod forged;
mod geodesics;
mod highway;
mod imminent;
mod insider;
mod outsider;
mod partition;
mod rules;
mod tags;
mod topologies;

/// What the signer of a hazard made by hand says, for whoever is within 2 km.
fn hazard_flood<'a>(by: &Crafter, payload: &'a [u8], at: Instant) -> TbsRepr<'a> {
    TbsRepr {
        message_type: MessageType::Hazard as u32,
        class: Class::D3,
        lifetime_ms: 60_000,
        max_hops: 10,
        area: Some(circle(2_000)),
        payload,
        ..by.fields(at)
    }
}

fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}
