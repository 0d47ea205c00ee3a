//! What is to go to one end: put in by the hub, taken by the task that sends.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use v2x_core::WireTime;
use v2x_proto::Digest;

use crate::message::AirMessage;
use crate::pending::{Pending, PendingCounts, SubjectsOf};

/// A [`Pending`] that one task waits at. Signers have shares of its room: stations of this machine verified what they tell.
#[derive(Debug)]
pub struct Outbox {
    pending: Mutex<Pending<Digest>>,
    changed: Notify,
}

impl Outbox {
    /// Room for `most` messages.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { pending: Mutex::new(Pending::new(most, SubjectsOf::All)), changed: Notify::new() }
    }

    /// Puts a message in; never waits.
    pub fn put(&self, message: AirMessage, now: WireTime) {
        self.pending().put(message.head().signer, message, now);
        self.changed.notify_one();
    }

    /// Puts a message back that was taken and could not be sent, unless a newer one waits.
    pub fn put_back(&self, message: AirMessage, now: WireTime) {
        self.pending().put_back(message.head().signer, message, now);
        self.changed.notify_one();
    }

    /// The next message, as soon as there is one. One task at a time.
    pub async fn next(&self, now: impl Fn() -> WireTime) -> AirMessage {
        loop {
            if let Some(message) = self.pending().take(now()) {
                return message;
            }
            self.changed.notified().await;
        }
    }

    /// The next message, if there is one.
    pub fn try_next(&self, now: WireTime) -> Option<AirMessage> {
        self.pending().take(now)
    }

    /// How many wait, and what became of others.
    pub fn counts(&self) -> (usize, PendingCounts) {
        let pending = self.pending();
        (pending.len(), pending.counts())
    }

    fn pending(&self) -> MutexGuard<'_, Pending<Digest>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
