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
use super::standing::{Admission, StandingEvents};
use super::topic::Topics;
use crate::message::AirMessage;
use crate::outbox::Outbox;

/// Makes notes of messages.
#[derive(Debug)]
pub struct Publisher {
    topics: Topics,
    standing: StandingEvents,
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
            standing: StandingEvents::new(most),
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
                let Some(message) = self.standing.repeat(event, now) else { continue };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::sample::Declarer;

    struct Desk {
        publisher: Publisher,
        outbox: Outbox,
        now: WireTime,
    }

    impl Desk {
        fn new(most: usize) -> Self {
            let now = Declarer::new(3).hazard(1, 0).head().generation;
            Self { publisher: Publisher::new(topics(), most), outbox: Outbox::new(100), now }
        }

        fn put(&self, message: &AirMessage) {
            self.outbox.put(message.clone(), self.now);
        }

        fn next(&mut self) -> (Note, Sent) {
            self.publisher.next(&self.outbox, self.now).expect("something to send")
        }

        /// Sends the next, which the broker takes.
        fn taken(&mut self) -> Note {
            let (note, sent) = self.next();
            self.publisher.taken(sent);
            note
        }

        fn is_done(&mut self) -> bool {
            self.publisher.next(&self.outbox, self.now).is_none()
        }
    }

    fn topics() -> Topics {
        Topics::new("roadcast").unwrap()
    }

    #[test]
    fn a_hazard_is_retained_and_its_end_is_sent_and_clears() {
        let (mut desk, declarer) = (Desk::new(10), Declarer::new(3));
        let (hazard, end) = (declarer.hazard(1, 0), declarer.end(1, 5));
        desk.put(&hazard);
        let note = desk.taken();
        assert_eq!((&note.payload, note.retain), (hazard.frame(), true));
        assert_eq!(note.expiry_s.unwrap().get(), 60);
        desk.put(&end);
        let note = desk.taken();
        assert_eq!((&note.payload, note.retain), (end.frame(), false));
        let note = desk.taken();
        assert_eq!((note.topic, note.payload.len(), note.retain), (topics().of(hazard.head()), 0, true));
        assert!(desk.is_done());
        let counts = desk.publisher.counts();
        assert_eq!((counts.published, counts.cleared), (2, 1));
    }

    #[test]
    fn background_is_not_retained_and_not_sent_again() {
        let (mut desk, declarer) = (Desk::new(10), Declarer::new(3));
        desk.put(&declarer.background());
        assert!(!desk.taken().retain);
        desk.publisher.lost([], &desk.outbox, desk.now);
        desk.publisher.repeat(desk.now);
        assert!(desk.is_done());
    }

    #[test]
    fn what_was_under_way_and_what_stands_is_sent_again_once() {
        let (mut desk, declarer) = (Desk::new(10), Declarer::new(3));
        for event in 1..=3 {
            desk.put(&declarer.hazard(event, 0));
        }
        desk.taken();
        let under_way = [desk.next().1, desk.next().1];
        desk.publisher.lost(under_way, &desk.outbox, desk.now);
        desk.publisher.repeat(desk.now);
        let again: Vec<Bytes> = (0..3).map(|_| desk.taken().payload).collect();
        assert!(desk.is_done());
        for event in 1..=3 {
            let hazard = declarer.hazard(event, 0);
            let sent = again.iter().filter(|payload| {
                AirMessage::read((*payload).clone()).unwrap().head().event == hazard.head().event
            });
            assert_eq!(sent.count(), 1, "event {event}");
        }
        let counts = desk.publisher.counts();
        assert_eq!((counts.published, counts.put_back, counts.repeated), (4, 2, 1));
    }

    #[test]
    fn an_end_that_was_sent_is_sent_and_clears_again_because_the_broker_may_remember_the_hazard() {
        let (mut desk, declarer) = (Desk::new(10), Declarer::new(3));
        let end = declarer.end(1, 5);
        desk.put(&declarer.hazard(1, 0));
        desk.taken();
        desk.put(&end);
        desk.taken();
        let (_, clearing) = desk.next();
        desk.publisher.lost([clearing], &desk.outbox, desk.now);
        desk.publisher.repeat(desk.now);
        let notes: Vec<Note> = std::iter::from_fn(|| desk.publisher.next(&desk.outbox, desk.now))
            .map(|(note, _)| note)
            .collect();
        assert!(notes.iter().any(|note| note.payload == end.frame()));
        assert!(notes.last().unwrap().payload.is_empty(), "the clearing comes last: {notes:?}");
    }

    #[test]
    fn an_older_state_is_not_sent_after_a_newer_one() {
        let (mut desk, declarer) = (Desk::new(10), Declarer::new(3));
        desk.put(&declarer.hazard(1, 5));
        let (_, newer) = desk.next();
        desk.put(&declarer.hazard(1, 0));
        assert!(desk.is_done());
        desk.publisher.taken(newer);
        assert_eq!(desk.publisher.counts().superseded, 1);
    }

    #[test]
    fn what_another_bridge_published_is_not_published_again() {
        let (mut desk, declarer) = (Desk::new(10), Declarer::new(3));
        let hazard = declarer.hazard(1, 0);
        desk.put(&hazard);
        desk.taken();
        desk.publisher.lost([], &desk.outbox, desk.now);
        // A forged state that claims to be newer changes nothing.
        desk.publisher.is_there(&declarer.hazard(1, 99));
        desk.publisher.is_there(&hazard);
        desk.publisher.repeat(desk.now);
        desk.put(&hazard);
        assert!(desk.is_done());
        assert_eq!(desk.publisher.counts().already_there, 1);
    }

    #[test]
    fn an_event_that_moves_clears_its_former_topic_before() {
        let (mut desk, declarer) = (Desk::new(10), Declarer::new(3));
        let (small, wide) = (declarer.hazard(1, 0), declarer.wide(1, 5, 20_000));
        desk.put(&small);
        desk.taken();
        desk.put(&wide);
        let notes = [desk.taken(), desk.taken()];
        let cleared = notes.iter().find(|note| note.payload.is_empty()).unwrap();
        assert_eq!(cleared.topic, topics().of(small.head()));
        assert!(notes.iter().any(|note| note.topic == topics().of(wide.head()) && note.retain));
        assert!(desk.is_done());
    }

    #[test]
    fn what_the_broker_does_not_take_now_comes_again_and_what_it_refuses_does_not() {
        let (mut desk, declarer) = (Desk::new(10), Declarer::new(3));
        desk.put(&declarer.hazard(1, 0));
        let (first, sent) = desk.next();
        desk.publisher.not_taken(sent, NotTaken::Later, &desk.outbox, desk.now);
        let (second, sent) = desk.next();
        assert_eq!(first, second);
        desk.publisher.not_taken(sent, NotTaken::Refused, &desk.outbox, desk.now);
        assert!(desk.is_done());
        let counts = desk.publisher.counts();
        assert_eq!((counts.put_back, counts.refused, counts.published), (1, 1, 0));
    }

    #[test]
    fn of_too_many_events_those_that_end_first_are_not_sent_again_and_counted() {
        let (mut desk, declarer) = (Desk::new(3), Declarer::new(3));
        for event in 1..=5 {
            desk.put(&declarer.living(event, 0, 10_000 * event));
            desk.taken();
        }
        assert_eq!(desk.publisher.standing(), (3, 2));
        desk.publisher.lost([], &desk.outbox, desk.now);
        desk.now = WireTime::from_micros(desk.now.as_micros() + 35_000_000);
        desk.publisher.repeat(desk.now);
        let again: Vec<Note> = (0..2).map(|_| desk.taken()).collect();
        assert!(desk.is_done(), "the third has ended");
        assert_eq!(again[0].expiry_s.unwrap().get(), 5);
    }
}
