//! Open-loop test traffic: a message is due every 1/rate seconds, whatever became of the ones before.
//!
//! Each carries the time it was due, and receivers measure from there: when the sender stalls, every message
//! due in the stall counts (no coordinated omission).

use core::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use v2x_core::{Anchor, Event, Input, Instant, SendRequest};
use v2x_proto::{Class, v1};

use crate::application::Application;
use crate::moment::Moment;

/// Open-loop test traffic, always marked as test.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// Messages per second, all classes together, 0.1..=10,000.
    pub rate_per_s: f64,
    /// Classes, used in turn; at least one.
    pub classes: Vec<Class>,
    /// Bytes of each payload, 1..=1,000.
    pub payload_bytes: usize,
}

/// Generates the messages of a [`Load`].
#[derive(Debug)]
pub struct LoadGenerator {
    start: Instant,
    interval_ns: f64,
    classes: Vec<Class>,
    padding: Bytes,
    count: u64,
}

impl LoadGenerator {
    /// The first message is due at `start`.
    pub fn new(load: &Load, start: Instant) -> Self {
        Self {
            start,
            interval_ns: 1e9 / load.rate_per_s,
            classes: load.classes.clone(),
            padding: Bytes::from(vec![0xA5; load.payload_bytes]),
            count: 0,
        }
    }

    fn next_due(&self) -> Instant {
        self.start + Duration::from_nanos((self.count as f64 * self.interval_ns) as u64)
    }

    /// The next message, if it is due at `now`.
    fn due(&mut self, now: Instant, anchor: &Anchor) -> Option<SendRequest> {
        let due = self.next_due();
        if now < due {
            return None;
        }
        let class = self.classes[(self.count % self.classes.len() as u64) as usize];
        let echo = v1::Echo {
            token: self.count,
            reply: false,
            sent_us: anchor.wire_at(due).as_micros(),
            received_us: None,
            target: Bytes::new(),
            padding: self.padding.clone(),
        };
        let subject = self.count as u32;
        self.count += 1;
        Some(SendRequest {
            to: None,
            message_type: v1::MessageType::Echo as u32,
            class,
            lifetime_ms: LIFETIME_MS,
            max_hops: 1,
            area: None,
            // Each its own: no test message takes the place of another in a queue.
            subject,
            due: Some(due),
            token: None,
            payload: Bytes::from(echo.encode_to_vec()),
        })
    }
}

impl Application for LoadGenerator {
    fn event(&mut self, _event: &Event, _at: Moment) {}

    fn deadline(&self, _at: Moment) -> Option<Instant> {
        Some(self.next_due())
    }

    fn poll(&mut self, at: Moment) -> Option<Input> {
        self.due(at.now, &at.anchor()).map(Input::Send)
    }
}

const LIFETIME_MS: u32 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;
    use v2x_core::WireTime;

    #[test]
    fn a_late_generator_sends_all_that_was_due_with_the_time_it_was_due() {
        let load = Load { rate_per_s: 1000.0, classes: vec![Class::D0, Class::D2], payload_bytes: 10 };
        let anchor = Anchor { instant: Instant::ZERO, wire: WireTime::from_micros(5_000_000) };
        let mut generator = LoadGenerator::new(&load, Instant::ZERO);
        let late = Instant::from_millis(3);
        let all: Vec<_> = core::iter::from_fn(|| generator.due(late, &anchor)).collect();
        let sent: Vec<_> =
            all.iter().map(|request| v1::Echo::decode(request.payload.clone()).unwrap().sent_us).collect();
        assert_eq!(sent, [5_000_000, 5_001_000, 5_002_000, 5_003_000]);
        assert_eq!(all[1].class, Class::D2);
        assert_eq!(generator.next_due(), Instant::from_millis(4));
    }
}
