//! What becomes of requests for priority, for people: a line for each change, a few at a time, and counts.

use v2x_proto::Digest;
use v2x_proto::v1::{PriorityRequest, PriorityRole, PriorityState};

/// How many requests there were, each counted once, and how they stood or ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PriorityCounts {
    /// Requests taken, without repetitions and updates.
    pub heard: u64,
    /// Those that were granted at some time.
    pub granted: u64,
    /// Those that were rejected.
    pub rejected: u64,
    /// Those that their vehicles ended.
    pub ended: u64,
    /// Those whose time was over.
    pub expired: u64,
    /// Those there was no room for.
    pub crowded_out: u64,
}

/// Why a request stands as it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The controller says so.
    Controller,
    /// No controller speaks for the intersection, or it does not answer.
    NoAnswer,
    /// The credential does not permit the role.
    NotPermitted,
}

/// The name of a request, for people.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    pub intersection: u32,
    pub requester: Digest,
}

#[derive(Clone, Debug, Default)]
pub(super) struct PriorityLog {
    pub counts: PriorityCounts,
    lines: Vec<String>,
    hidden: u64,
}

impl PriorityLog {
    pub fn asked(&mut self, name: Name, message: &PriorityRequest, arrival_s: f64) {
        self.counts.heard += 1;
        let Name { intersection, requester } = name;
        let role = match message.role() {
            PriorityRole::Emergency => "emergency vehicle",
            PriorityRole::PublicTransport => "public transport",
            PriorityRole::RoadWorks => "road works vehicle",
            PriorityRole::Truck => "truck",
            PriorityRole::Unspecified => "vehicle",
        };
        let lane = match (message.ingress_lane, message.egress_lane) {
            (Some(from), Some(to)) => format!(", lane {from} to {to}"),
            (Some(from), None) => format!(", lane {from}"),
            _ => String::new(),
        };
        self.say(format!(
            "priority at intersection {intersection}: {role} {requester} asks for green{lane}, there in {arrival_s:.1} s"
        ));
    }

    /// Its state changed; `first` when it was never in it before.
    pub fn stands(
        &mut self,
        name: Name,
        state: PriorityState,
        expected_s: Option<f64>,
        cause: Cause,
        first: bool,
    ) {
        match state {
            PriorityState::Granted if first => self.counts.granted += 1,
            PriorityState::Rejected if first => self.counts.rejected += 1,
            PriorityState::MaxPresence if first => self.counts.expired += 1,
            _ => {}
        }
        let words = match (state, cause) {
            (PriorityState::Granted, _) => "granted",
            (PriorityState::Rejected, Cause::Controller) => "rejected by the controller",
            (PriorityState::Rejected, Cause::NoAnswer) => "rejected: no controller answered",
            (PriorityState::Rejected, Cause::NotPermitted) => {
                "rejected: its credential does not permit the role it claims"
            }
            (PriorityState::MaxPresence, _) => "over: its time is up",
            (PriorityState::Processing, Cause::NoAnswer) => "considered again: its controller fell silent",
            (PriorityState::Requested | PriorityState::Processing, _) => "considered by the controller",
            (PriorityState::WatchOtherTraffic, _) => "waits for other traffic",
            (PriorityState::ReserviceLocked, _) => "locked out by a request of higher priority",
            (PriorityState::Unspecified, _) => "in a state that is not known",
        };
        let expected = expected_s.map_or_else(String::new, |s| format!(", green expected in {s:.1} s"));
        let Name { intersection, requester } = name;
        self.say(format!("priority at intersection {intersection}: {requester} {words}{expected}"));
    }

    /// The vehicle ended it.
    pub fn ended(&mut self, Name { intersection, requester }: Name) {
        self.counts.ended += 1;
        self.say(format!("priority at intersection {intersection}: {requester} has passed or withdrawn"));
    }

    pub fn crowded_out(&mut self, Name { intersection, requester }: Name) {
        self.counts.crowded_out += 1;
        if self.counts.crowded_out > 1 {
            // A vehicle repeats its request: the report has the count.
            return;
        }
        self.say(format!(
            "priority at intersection {intersection}: no room for the request of {requester}, too many are open"
        ));
    }

    /// What is worth a line each since the last call.
    pub fn take_lines(&mut self) -> Vec<String> {
        let mut lines = core::mem::take(&mut self.lines);
        let hidden = core::mem::take(&mut self.hidden);
        if hidden > 0 {
            lines.push(format!("and {hidden} more changes of requests for priority"));
        }
        lines
    }

    fn say(&mut self, line: String) {
        if self.lines.len() < MOST_LINES {
            self.lines.push(line);
        } else {
            self.hidden += 1;
        }
    }
}

/// Lines between two calls, a second apart: those of a crossing with several buses; a flood is counted.
const MOST_LINES: usize = 10;
