//! The station's part in congestion control: what passes the gate, and when the next frame does.

use v2x_proto::Class;
use v2x_proto::envelope::MAX_FRAME;
use v2x_proto::link::{DataRate, Origin, airtime_ns};

use super::Node;
use crate::awareness::OwnMotion;
use crate::base::{Instant, Transmit};
use crate::congestion::{CongestionState, Passage};
use crate::forward::Lane;

impl Node {
    /// How congestion control stands.
    pub fn congestion(&self) -> CongestionState {
        self.gate.state()
    }

    /// Tells the gate how busy the channel is, when it wants to know.
    pub(super) fn update_gate(&mut self) {
        if self.moment.now >= self.gate.next_update() {
            let sample = self.channel_load.sample(self.moment.now);
            self.gate.update(self.moment.now, sample);
        }
    }

    /// A frame leaves: the gate counts it, and the channel is busy with it.
    pub(super) fn count_frame(&mut self, frame: &Transmit) {
        let (now, len) = (self.moment.now, frame.bytes.len());
        self.channel_load.send(now, len);
        let flood_waits = !self.gate.is_idle() && self.flood_waits();
        self.gate.sent(now, frame.class, frame.origin, air(len), flood_waits);
    }

    /// Whether another station's message may leave; it waits in the forwarder otherwise.
    pub(super) fn relay_passes(&self, lane: Lane) -> bool {
        self.relay_passage(lane) == Passage::Open
    }

    /// When another station's message in this lane may leave.
    pub(super) fn relay_opens(&self, lane: Lane) -> Instant {
        self.opens(self.relay_passage(lane))
    }

    fn relay_passage(&self, lane: Lane) -> Passage {
        // Which frame it will be is not known yet: as long as the longest.
        self.gate.passage(self.moment.now, lane.class(), Origin::Forwarded, air(MAX_FRAME))
    }

    /// Whether a copy of a new address's first frames may leave.
    pub(super) fn copy_passes(&self) -> bool {
        self.gate.legal_passage(self.moment.now, air(MAX_FRAME)) == Passage::Open
    }

    /// When copies of a new address's first frames leave.
    pub(super) fn next_copy(&self) -> Option<Instant> {
        let due = self.sender.next_copy()?;
        Some(due.max(self.opens(self.gate.legal_passage(self.moment.now, air(MAX_FRAME)))))
    }

    /// When the first of our frames that wait may leave.
    pub(super) fn next_release(&self) -> Option<Instant> {
        if self.gate.is_idle() {
            return None;
        }
        let (class, len) = self.sender.first()?;
        Some(self.opens(self.gate.passage(self.moment.now, class, Origin::Own, air(len))))
    }

    /// Whether our beacon waits for another station's hazard, which waited for the last one.
    pub(super) fn beacon_gives_way(&self) -> bool {
        self.gate.floods_first() && self.flood_waits()
    }

    fn flood_waits(&self) -> bool {
        self.may_relay() && self.forwarder.next_due_in(Lane::Flood).is_some_and(|at| at <= self.moment.now)
    }

    /// When the awareness rule is to be looked at next.
    pub(super) fn next_awareness(&self) -> Instant {
        let check = self.awareness.next_check();
        match self.awareness.held() {
            Some(_) => check.min(self.opens(self.beacon_passage())),
            None => check,
        }
    }

    /// Whether a beacon that is due is made now; it is made anew when the gate opens, unless others have lost track of the
    /// station.
    pub(super) fn beacon_passes(&mut self, motion: &OwnMotion) -> bool {
        let now = self.moment.now;
        if self.beacon_passage() == Passage::Open {
            return true;
        }
        let error_m = self.awareness.tracking_error_m(now, motion).unwrap_or(0.0);
        self.gate.passes_by_tracking(now, error_m, air(BEACON_LEN))
    }

    fn beacon_passage(&self) -> Passage {
        self.gate.passage(self.moment.now, Class::D2, Origin::Own, air(BEACON_LEN))
    }

    fn opens(&self, passage: Passage) -> Instant {
        match passage {
            Passage::Open | Passage::Refused => self.moment.now,
            Passage::Until(at) => at,
        }
    }
}

/// On the air, ns: counted at 6 Mb/s, because the link does not report the rate.
pub(super) fn air(len: usize) -> u64 {
    airtime_ns(len, DataRate::Mbps6)
}

/// Before it is made: as long as one with its credential.
const BEACON_LEN: usize = 500;
