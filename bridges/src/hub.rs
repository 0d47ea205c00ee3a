//! Between the stations of this machine and the ends of its links: who gets which message, and what is taken from whom.
//!
//! What stations hear on the air, and what they send, goes to every end that selects it. What comes from an end goes to the
//! stations (area hazards and background) and to those who listen, and never to an end: so no message goes in circles
//! between bridges. Each message is told once and handed in once, known by the hash of its signed bytes.

mod end;
mod hand_in;
mod seen;
mod station_queue;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::broadcast;
use v2x_core::WireTime;

pub use self::end::{End, EndCounts, EndSettings, Refused};
use self::end::{EndState, Exchange};
pub use self::hand_in::{HandIn, KEPT};
use self::seen::SeenMessages;
pub use self::station_queue::StationFrames;
use self::station_queue::StationQueue;
use crate::message::AirMessage;
use crate::pending::{Pending, SubjectsOf};

/// Shared by every part of the program; clones are the same hub.
#[derive(Clone, Debug)]
pub struct Hub {
    inner: Arc<Mutex<Inner>>,
    listeners: broadcast::Sender<Arc<Heard>>,
}

/// A message from afar, as listeners get it.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Name of the end that it came from.
    pub from: String,
    /// The message. Not verified: stations verify what they take, and nobody else does.
    pub message: AirMessage,
}

#[derive(Debug)]
struct Inner {
    next: u16,
    ends: BTreeMap<u16, Arc<EndState>>,
    stations: Vec<Weak<StationQueue>>,
    /// Told to ends.
    told: SeenMessages,
    /// Taken from ends.
    taken: SeenMessages,
    /// What stations take from afar and has not ended: for a station that starts later. Ends have shares of its room.
    kept: Pending<u16>,
}

impl Default for Hub {
    fn default() -> Self {
        Self::new()
    }
}

impl Hub {
    /// With no station and no end.
    #[must_use]
    pub fn new() -> Self {
        let inner = Inner {
            next: 0,
            ends: BTreeMap::new(),
            stations: Vec::new(),
            told: SeenMessages::new(MOST_SEEN),
            taken: SeenMessages::new(MOST_SEEN),
            // Nothing here is verified.
            kept: Pending::new(MOST_KEPT, SubjectsOf::Each),
        };
        Self { inner: Arc::new(Mutex::new(inner)), listeners: broadcast::channel(LISTENER_ROOM).0 }
    }

    /// Adds an end. Dropping what is returned takes it away again.
    #[must_use]
    pub fn attach(&self, settings: EndSettings) -> End {
        let mut inner = self.inner();
        // Numbers come round; of 65536 ends at once there is no question.
        while inner.ends.contains_key(&inner.next) {
            inner.next = inner.next.wrapping_add(1);
        }
        let number = inner.next;
        inner.next = number.wrapping_add(1);
        let state = Arc::new(EndState::new(number, settings));
        inner.ends.insert(number, Arc::clone(&state));
        End::new(Arc::new(self.clone()), state)
    }

    /// Adds a station: the frames for it, beginning with those that were taken before and have not ended, the ends in turn.
    #[must_use]
    pub fn station(&self, now: WireTime) -> StationFrames {
        let (queue, frames) = StationQueue::new(STATION_ROOM);
        let mut inner = self.inner();
        for message in inner.kept.in_turn(now) {
            let lost = queue.push(HandIn::new(message, KEPT));
            debug_assert!(lost.is_none(), "there is room for twice as many");
        }
        inner.stations.retain(|station| station.strong_count() > 0);
        inner.stations.push(Arc::downgrade(&queue));
        frames
    }

    /// A station heard a message on the air, or sent it: it goes to every end that selects it, once.
    pub fn tell(&self, message: &AirMessage, now: WireTime) {
        let mut inner = self.inner();
        let head = message.head();
        if inner.taken.contains(&head.hash, now) || !inner.told.insert(head.hash, head.expires, now) {
            return;
        }
        for end in inner.ends.values() {
            end.offer(message, now);
        }
    }

    /// What comes from afar, as it comes; of what nobody reads in time, the oldest is lost.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Arc<Heard>> {
        self.listeners.subscribe()
    }

    /// Name of the end with this number, while it is there.
    #[must_use]
    pub fn name_of(&self, end: u16) -> Option<String> {
        self.inner().ends.get(&end).map(|end| end.name().to_owned())
    }

    /// The ends, each with what passed it.
    #[must_use]
    pub fn ends(&self) -> Vec<(String, EndCounts)> {
        self.inner().ends.values().map(|end| (end.name().to_owned(), end.counts())).collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exchange for Hub {
    fn take(&self, from: &EndState, message: AirMessage, now: WireTime) -> Result<(), Refused> {
        let head = message.head();
        let mut inner = self.inner();
        // What went out from here does not come back in: its stations know it.
        if inner.told.contains(&head.hash, now) || !inner.taken.insert(head.hash, head.expires, now) {
            return Err(Refused::Known);
        }
        if head.is_for_stations() {
            inner.kept.put(from.number(), message.clone(), now);
            let Inner { stations, ends, .. } = &mut *inner;
            stations.retain(|station| {
                let Some(station) = station.upgrade() else { return false };
                let lost = station.push(HandIn::new(&message, from.number()));
                if let Some(end) = lost.and_then(|lost| ends.get(&lost.end)) {
                    end.crowded_out();
                }
                true
            });
        }
        drop(inner);
        // An error says that nobody listens.
        drop(self.listeners.send(Arc::new(Heard { from: from.name().to_owned(), message })));
        Ok(())
    }

    fn detach(&self, number: u16) {
        self.inner().ends.remove(&number);
    }
}

/// Messages known by their hash: at 500 a second, those of two minutes.
const MOST_SEEN: usize = 65_536;
/// For a station that starts later: more than one has hazards.
const MOST_KEPT: usize = 1024;
/// Frames that wait for a station, of all ends: what is kept, twice.
const STATION_ROOM: usize = 2 * MOST_KEPT;
/// Messages that wait for a listener.
const LISTENER_ROOM: usize = 1024;

#[cfg(test)]
mod tests;
