//! What goes to the broker next: notes from messages, in an order that survives lost connections.
//!
//! A hazard is retained until it ends. The message that ends its event goes to who is there, and what was retained of the event is
//! cleared. What the broker did not acknowledge goes back to where it waits, and after a new connection every event that
//! still stands is sent again. Nothing here knows a network.

use std::collections::VecDeque;

use bytes::Bytes;
use v2x_core::WireTime;
use v2x_proto::{Class, EventId};

use super::expiry::seconds_left;
use super::link::{NotTaken, Note};
use super::standing::{Admission, Standing};
use super::topic::Topics;
use crate::message::AirMessage;
use crate::outbox::Outbox;

/// Makes notes of messages.
#[derive(Debug)]
pub struct Publisher {
    topics: Topics,
    standing: Standing,
    /// A message that was taken from the outbox already.
    first: Option<AirMessage>,
    /// Events to be sent again after a new connection.
    repeat: VecDeque<EventId>,
    /// What is to be cleared.
    clear: VecDeque<Clearing>,
    counts: PublisherCounts,
}

/// What a note was made of, until the broker has it.
#[derive(Clone, Debug)]
pub enum Sent {
    /// A message.
    Message(AirMessage),
    /// The clearing of a retained message.
    Clearing(Clearing),
    /// Something that is not sent again.
    Once,
}

/// A topic whose retained message is to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clearing {
    topic: String,
    /// When the broker has forgotten it by itself.
    until: WireTime,
}

/// What became of messages that left the outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PublisherCounts {
    /// The broker has them.
    pub published: u64,
    /// Of these, sent again after a connection was lost.
    pub repeated: u64,
    /// Retained messages cleared.
    pub cleared: u64,
    /// Not acknowledged, and put back.
    pub put_back: u64,
    /// A newer state of their event had been published.
    pub superseded: u64,
    /// The broker had them, from another bridge or from this one.
    pub already_there: u64,
    /// Less than a second of their lifetime was left.
    pub too_late: u64,
    /// Larger than the broker takes.
    pub too_large: u64,
    /// The broker did not take them: not authorised, for example.
    pub refused: u64,
}

impl Publisher {
    /// Publishes below `topics`, and sends up to `most` events again.
    pub fn new(topics: Topics, most: usize) -> Self {
        Self {
            topics,
            standing: Standing::new(most),
            first: None,
            repeat: VecDeque::new(),
            clear: VecDeque::new(),
            counts: PublisherCounts::default(),
        }
    }

    /// A message from the outbox that comes before those in it.
    pub fn put_first(&mut self, message: AirMessage) {
        debug_assert!(self.first.is_none());
        self.first = Some(message);
    }

    /// The next note.
    pub fn next(&mut self, outbox: &Outbox, now: WireTime) -> Option<(Note, Sent)> {
        loop {
            if let Some(clearing) = self.clear.pop_front() {
                if clearing.until <= now {
                    continue;
                }
                let note = Note {
                    topic: clearing.topic.clone(),
                    payload: Bytes::new(),
                    expiry_s: None,
                    retain: true,
                };
                return Some((note, Sent::Clearing(clearing)));
            }
            if let Some(message) = self.first.take().or_else(|| outbox.try_next(now)) {
                if let Some(next) = self.admit(message, now) {
                    return Some(next);
                }
            } else if let Some(event) = self.repeat.pop_front() {
                let Some(message) = self.standing.to_repeat(event, now) else { continue };
                if let Some(next) = self.note(message, now) {
                    self.counts.repeated += 1;
                    return Some(next);
                }
            } else {
                return None;
            }
        }
    }

    /// There is a connection, and what the broker still has has shown itself: every other event that stands is sent again.
    pub fn repeat(&mut self, now: WireTime) {
        self.repeat = self.standing.missing(now);
    }

    /// The broker showed that it has a message.
    pub fn is_there(&mut self, message: &AirMessage) {
        if let Some(event) = retained_event(message) {
            self.standing.is_there(event, &message.head().hash);
        }
    }

    /// The broker took it.
    pub fn taken(&mut self, sent: Sent) {
        match sent {
            Sent::Message(message) => {
                self.counts.published += 1;
                self.is_there(&message);
            }
            Sent::Clearing(_) => self.counts.cleared += 1,
            Sent::Once => {}
        }
    }

    /// The broker did not take it.
    pub fn not_taken(&mut self, sent: Sent, why: NotTaken, outbox: &Outbox, now: WireTime) {
        match (why, sent) {
            (NotTaken::Refused, Sent::Message(message)) => {
                self.counts.refused += 1;
                // It would refuse it again.
                self.is_there(&message);
            }
            (NotTaken::Later, sent) => self.put_back(sent, outbox, now),
            (NotTaken::Refused, _) => {}
        }
    }

    /// It is larger than the broker takes.
    pub fn too_large(&mut self, sent: &Sent) {
        if let Sent::Message(message) = sent {
            self.counts.too_large += 1;
            self.is_there(message);
        }
    }

    /// The connection ended before the broker took these, in the order in which they were sent.
    pub fn lost(&mut self, sent: impl IntoIterator<Item = Sent>, outbox: &Outbox, now: WireTime) {
        for sent in sent {
            self.put_back(sent, outbox, now);
        }
        self.standing.forget_broker();
        self.repeat.clear();
    }

    /// What became of messages.
    pub const fn counts(&self) -> PublisherCounts {
        self.counts
    }

    /// Events that stand, and how many were forgotten because there was no room.
    pub fn standing(&self) -> (usize, u64) {
        self.standing.counts()
    }

    fn admit(&mut self, message: AirMessage, now: WireTime) -> Option<(Note, Sent)> {
        if let Some(event) = retained_event(&message) {
            match self.standing.admit(event, &message, now) {
                Admission::Superseded => {
                    self.counts.superseded += 1;
                    return None;
                }
                Admission::There => {
                    self.counts.already_there += 1;
                    return None;
                }
                Admission::Publish(before) => {
                    let here = self.topics.of(message.head());
                    let elsewhere = before.filter(|before| self.topics.of(before.head()) != here);
                    if let Some(before) = elsewhere {
                        // The event has moved to another tile.
                        self.clear(self.topics.of(before.head()), before.head().expires);
                    }
                }
            }
        }
        self.note(message, now)
    }

    fn note(&mut self, message: AirMessage, now: WireTime) -> Option<(Note, Sent)> {
        let head = message.head();
        let Some(expiry_s) = seconds_left(head.expires, now) else {
            self.counts.too_late += 1;
            return None;
        };
        let topic = self.topics.of(head);
        let of_event = retained_event(&message).is_some();
        let ends = of_event && head.event.is_some_and(|event| event.ends);
        let retain = of_event && !ends;
        if retain {
            self.clear.retain(|clearing| clearing.topic != topic);
        } else if ends {
            self.clear(topic.clone(), head.expires);
        }
        let note = Note { topic, payload: message.frame().clone(), expiry_s: Some(expiry_s), retain };
        Some((note, Sent::Message(message)))
    }

    fn clear(&mut self, topic: String, until: WireTime) {
        self.clear.retain(|clearing| clearing.topic != topic);
        if self.clear.len() >= MOST_CLEARINGS {
            self.clear.pop_front();
        }
        self.clear.push_back(Clearing { topic, until });
    }

    fn put_back(&mut self, sent: Sent, outbox: &Outbox, now: WireTime) {
        match sent {
            Sent::Message(message) => {
                if let Some(event) = retained_event(&message) {
                    self.standing.is_here(event, &message.head().hash);
                }
                self.counts.put_back += 1;
                outbox.put_back(message, now);
            }
            Sent::Clearing(Clearing { topic, until }) => self.clear(topic, until),
            Sent::Once => {}
        }
    }
}

/// The event of a message of which brokers keep the newest.
fn retained_event(message: &AirMessage) -> Option<EventId> {
    let head = message.head();
    head.event.filter(|_| head.class == Class::D3).map(|event| event.id)
}

/// Topics that wait to be cleared: each is of an event that this bridge published.
const MOST_CLEARINGS: usize = 4096;
