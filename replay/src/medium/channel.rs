//! Channel access: when a sender may begin, and which frames collide at a receiver.
//!
//! A sender that hears another's frame when its own waiting is over waits again: to that frame's end and then for its
//! access category. A frame is heard up to [`SENSE_M`], from a slot after its first bit: two that begin within a slot
//! of each other collide, as two do whose senders do not hear each other.
//!
//! At a receiver a frame is lost to another that overlaps it and whose sender is nearer than twice the distance of its
//! own: with a path loss exponent of some 3.3 that is the 10 dB of capture. It is lost as well to a frame of the
//! receiver's own. A frame that waits here cannot be withdrawn, as in the queue of a network card.

use hashbrown::HashMap;
use v2x_core::Position;
use v2x_proto::link::access::SLOT_NS;

use super::Streets;
use super::on_way::{Access, OnWay};

/// The frames that wait, and those on the air now or a moment ago.
#[derive(Debug)]
pub(super) struct Channel {
    streets: Option<Streets>,
    waiting: HashMap<u32, Waiting>,
    on_air: Vec<OnAir>,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    frame: OnWay,
    access: Access,
    attempt: u64,
}

#[derive(Clone, Copy, Debug)]
struct OnAir {
    /// Until its fates are known.
    ticket: Option<u32>,
    frame: OnWay,
}

impl Channel {
    pub(super) fn new(streets: Option<Streets>) -> Self {
        Self { streets, waiting: HashMap::new(), on_air: Vec::new() }
    }

    /// A frame is to begin at its start; returns when to check whether it may, ns.
    pub(super) fn queue(&mut self, ticket: u32, frame: OnWay, access: Access) -> u64 {
        self.waiting.insert(ticket, Waiting { frame, access, attempt: 0 });
        frame.start_ns
    }

    /// The time to check a frame has come: it begins or keeps waiting, and is returned with the time of the next
    /// check, ns. `None` when it has ended.
    pub(super) fn proceed(
        &mut self,
        ticket: u32,
        now_ns: u64,
        draw: impl Fn(&OnWay, u64) -> f64,
    ) -> Option<(u64, OnWay)> {
        let mut waiting = self.waiting.remove(&ticket)?;
        self.on_air.retain(|other| other.ticket.is_some() || other.frame.end_ns + KEPT_NS > now_ns);
        let busy_until_ns = self.busy_until_ns(&waiting.frame, now_ns);
        let Waiting { frame, access, attempt } = &mut waiting;
        let airtime_ns = frame.end_ns - frame.start_ns;
        if let Some(busy_until_ns) = busy_until_ns {
            *attempt += 1;
            frame.start_ns = busy_until_ns + access.wait_ns(draw(frame, *attempt));
            frame.end_ns = frame.start_ns + airtime_ns;
            let frame = *frame;
            self.waiting.insert(ticket, waiting);
            return Some((frame.start_ns, frame));
        }
        self.on_air.push(OnAir { ticket: Some(ticket), frame: *frame });
        Some((frame.end_ns, *frame))
    }

    /// A frame that has ended.
    pub(super) fn take(&mut self, ticket: u32) -> Option<OnWay> {
        let ended = self.on_air.iter_mut().find(|on_air| on_air.ticket == Some(ticket))?;
        ended.ticket = None;
        Some(ended.frame)
    }

    /// Why a receiver missed a frame that it would otherwise have received.
    pub(super) fn collision(
        &self,
        frame: &OnWay,
        receiver: u32,
        position: Position,
        distance_m: f64,
    ) -> Option<&'static str> {
        let mut overlapping = self.on_air.iter().map(|other| &other.frame).filter(|other| {
            other.sender != frame.sender && other.start_ns < frame.end_ns && frame.start_ns < other.end_ns
        });
        overlapping.find_map(|other| {
            if other.sender == receiver {
                return Some(OWN_TRANSMISSION);
            }
            let meets = other.position.distance_m(position) / other.reach < CAPTURE_RATIO * distance_m;
            (meets && self.sees(other.position, position)).then_some(COLLISION)
        })
    }

    /// Until when the sender of a frame hears others; `None` when it may begin now.
    fn busy_until_ns(&self, frame: &OnWay, now_ns: u64) -> Option<u64> {
        let heard = self.on_air.iter().map(|other| &other.frame).filter(|other| {
            let own = other.sender == frame.sender;
            let sensed = other.start_ns + SLOT_NS <= now_ns
                && other.position.distance_m(frame.position) <= SENSE_M * other.reach
                && self.sees(other.position, frame.position);
            other.end_ns > now_ns && (own || sensed)
        });
        heard.map(|other| other.end_ns).max()
    }

    fn sees(&self, one: Position, other: Position) -> bool {
        self.streets.is_none_or(|streets| streets.sees(one, other))
    }
}

/// Carrier sense: -85 dBm of a sender with 23 dBm on the table's channel.
pub const SENSE_M: f64 = 350.0;
/// A frame survives others whose senders are at least this many times its distance away.
const CAPTURE_RATIO: f64 = 2.0;
/// Longer than any frame: what ended before overlaps nothing that has not ended yet.
const KEPT_NS: u64 = 3_000_000;
/// Another frame overlapped at the receiver.
pub(super) const COLLISION: &str = "collision";
/// The receiver was sending itself.
pub(super) const OWN_TRANSMISSION: &str = "own_transmission";
