//! Where the places of a plan count from.

use v2x_core::Position;

use super::scenario::Scenario;
use super::way::origin;
use crate::source::{Ground, Trace};

/// Where x = 0, y = 0 of a plan is.
#[derive(Clone, Debug)]
pub(super) struct Zero {
    /// Of a trace: x and y are those of its file or net, where these are metres.
    ground: Option<Ground>,
    /// What they are metres east and north of otherwise: the scenario's origin, or the trace's first position.
    pub(super) at: Position,
}

impl Zero {
    /// That of a scenario, and of the trace where it has one.
    pub(super) fn of(scenario: &Scenario, trace: &Trace) -> Self {
        match scenario {
            Scenario::Trace(_) => Self {
                ground: Some(trace.ground.clone()),
                at: trace.samples.first().map_or_else(origin, |sample| sample.point()),
            },
            _ => Self { ground: None, at: origin() },
        }
    }

    /// The place at x and y, m.
    pub(super) fn place(&self, (x, y): (f64, f64)) -> Position {
        let known = self.ground.as_ref().and_then(|ground| ground.at_offset(x, y));
        known.unwrap_or_else(|| self.at.moved(x, y))
    }
}
