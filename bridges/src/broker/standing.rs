//! The events that this bridge has published and that have not ended: what it sends again when the broker may have lost them.
//!
//! A broker that restarts has lost what it retained, or has an older state of it. So after each connection the newest message of
//! every event goes out again, unless the broker has shown that it has it.

use std::collections::{BTreeSet, HashMap, VecDeque};

use v2x_core::WireTime;
use v2x_proto::EventId;

use crate::message::AirMessage;

/// The newest message of each event, until it expires; at most a fixed number, of which the first to expire goes first.
#[derive(Debug)]
pub struct StandingEvents {
    most: usize,
    events: HashMap<EventId, Newest>,
    ends: BTreeSet<(WireTime, EventId)>,
    /// Events that were forgotten because there was no room.
    no_room: u64,
}

#[derive(Debug)]
struct Newest {
    message: AirMessage,
    at: Whereabouts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whereabouts {
    /// The broker may not have it.
    Here,
    /// On its way to the broker.
    UnderWay,
    /// The broker acknowledged it, or sent it to us.
    There,
}

/// What is to be done with a message about an event.
#[derive(Clone, Debug)]
pub enum Admission {
    /// It is published. The message before it about the same event is returned.
    Publish(Option<AirMessage>),
    /// A newer one about the event was published.
    Superseded,
    /// The broker has this message, or is about to.
    There,
}

impl StandingEvents {
    /// Room for `most` events, at least one.
    pub fn new(most: usize) -> Self {
        Self { most: most.max(1), events: HashMap::new(), ends: BTreeSet::new(), no_room: 0 }
    }

    /// Takes note of a message about `event` that is about to be published.
    pub fn admit(&mut self, event: EventId, message: &AirMessage, now: WireTime) -> Admission {
        self.expire(now);
        if let Some(newest) = self.events.get_mut(&event) {
            let head = newest.message.head();
            if head.hash == message.head().hash {
                let first = newest.at == Whereabouts::Here;
                newest.at = if first { Whereabouts::UnderWay } else { newest.at };
                return if first { Admission::Publish(None) } else { Admission::There };
            }
            if head.is_newer_than(message.head()) {
                return Admission::Superseded;
            }
        }
        let before =
            self.events.insert(event, Newest { message: message.clone(), at: Whereabouts::UnderWay });
        if let Some(before) = &before {
            self.ends.remove(&(before.message.head().expires, event));
        }
        self.ends.insert((message.head().expires, event));
        if self.events.len() > self.most
            && let Some((_, first)) = self.ends.pop_first()
        {
            self.events.remove(&first);
            self.no_room += 1;
        }
        Admission::Publish(before.map(|before| before.message))
    }

    /// The broker has the message with this hash about `event`. Only the same bytes count: anybody may claim to know a newer state.
    pub fn is_there(&mut self, event: EventId, hash: &[u8; 16]) {
        self.set(event, hash, Whereabouts::There);
    }

    /// It did not get there.
    pub fn is_here(&mut self, event: EventId, hash: &[u8; 16]) {
        self.set(event, hash, Whereabouts::Here);
    }

    /// The connection ended: whatever the broker had, it may have lost.
    pub fn forget_broker(&mut self) {
        self.events.values_mut().for_each(|newest| newest.at = Whereabouts::Here);
    }

    /// Events that are to be sent again, the first to expire first.
    pub fn missing(&mut self, now: WireTime) -> VecDeque<EventId> {
        self.expire(now);
        let here = |event: &EventId| self.events[event].at == Whereabouts::Here;
        self.ends.iter().map(|(_, event)| *event).filter(here).collect()
    }

    /// The newest message of an event, unless the broker has it: it is sent again.
    pub fn repeat(&mut self, event: EventId, now: WireTime) -> Option<AirMessage> {
        self.expire(now);
        let newest = self.events.get_mut(&event).filter(|newest| newest.at == Whereabouts::Here)?;
        newest.at = Whereabouts::UnderWay;
        Some(newest.message.clone())
    }

    /// Events that stand, and how many were forgotten because there was no room.
    pub fn counts(&self) -> (usize, u64) {
        (self.events.len(), self.no_room)
    }

    fn set(&mut self, event: EventId, hash: &[u8; 16], at: Whereabouts) {
        if let Some(newest) = self.events.get_mut(&event).filter(|newest| newest.message.head().hash == *hash)
        {
            newest.at = at;
        }
    }

    fn expire(&mut self, now: WireTime) {
        while let Some((end, event)) = self.ends.first().copied()
            && end <= now
        {
            self.ends.pop_first();
            self.events.remove(&event);
        }
    }
}
