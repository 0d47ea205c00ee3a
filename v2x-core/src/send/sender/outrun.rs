//! Numbers jump ahead of those that another station uses under the same credential.
//!
//! Receivers take a number once and refuse what is far behind the newest: whichever of two holders of a credential is behind
//! is not heard at all. So a station that hears another in its name goes on as after a restart, by the clock, or beyond the
//! other's number where that is further ahead.

use v2x_proto::Class;

use super::Sender;
use crate::base::limits::OUTRUN_INTERVAL;
use crate::base::{Instant, MessageId, WireTime};
use crate::neighbour::starting_sequence;

impl Sender {
    /// Another station signed this message with one of our credentials.
    pub fn outrun(&mut self, heard: &MessageId, now: Instant, wire: WireTime) {
        let signs = self.digest() == heard.signer || self.former.iter().any(|(one, _)| *one == heard.signer);
        let Some(starts) = self.pool.identity(&heard.signer).map(|one| one.starts().0).filter(|_| signs)
        else {
            return;
        };
        let next = *self.next_sequence(&heard.signer, heard.class);
        let harmless = next.is_some_and(|next| is_ahead(next, heard.sequence.wrapping_add(WINDOW)));
        if harmless {
            return;
        }
        if self.outran.is_some_and(|last| now.since(last) < OUTRUN_INTERVAL) {
            self.threat = Some(*heard);
            return;
        }
        (self.outran, self.threat) = (Some(now), None);
        for class in Class::ALL {
            let by_clock = starting_sequence(wire).wrapping_add(starts[class.index()]);
            let next = self.next_sequence(&heard.signer, class);
            if class == heard.class {
                // Clear of the other's next numbers too: each is taken once.
                let clear = heard.sequence.wrapping_add(CLEARANCE);
                *next = Some(further(further(next.unwrap_or(by_clock), by_clock), clear));
            } else if let Some(next) = next {
                *next = further(*next, by_clock);
            }
        }
    }

    /// Before a message is signed: the other may have fallen silent ahead of us, just after our last jump.
    pub(super) fn outrun_late(&mut self, now: Instant, wire: WireTime) {
        let due = self.outran.is_none_or(|last| now.since(last) >= OUTRUN_INTERVAL);
        if let Some(threat) = self.threat.take_if(|_| due) {
            self.outrun(&threat, now, wire);
        }
    }
}

/// Whether `a` is ahead of `b` (RFC 1982).
fn is_ahead(a: u32, b: u32) -> bool {
    a != b && a.wrapping_sub(b) < 1 << 31
}

fn further(a: u32, b: u32) -> u32 {
    if is_ahead(b, a) { b } else { a }
}

/// As many numbers behind the newest are still taken.
const WINDOW: u32 = 64;
/// More than a second of beacons, and with those well below what the clock's numbers advance in a second: two stations that
/// outrun each other do not leave them behind.
const CLEARANCE: u32 = 16;
