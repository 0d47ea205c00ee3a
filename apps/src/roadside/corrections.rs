//! Corrections passed on: RTCM 3 messages bundled into `GnssCorrection`, up to ten times a second (TS 103 301
//! clause 10 RTCMEM).

use core::time::Duration;
use std::collections::VecDeque;

use bytes::Bytes;
use prost::Message as _;
use v2x_core::{Instant, SendRequest};
use v2x_proto::{Class, v1};

use super::message::{next_after, request};
use super::rtcm;

/// Messages that wait for the air.
#[derive(Clone, Debug)]
pub struct Corrections {
    waiting: VecDeque<(Instant, Bytes)>,
    every: Duration,
    next: Instant,
    station: u16,
    passed_on: u64,
    dropped: u64,
}

impl Corrections {
    /// Sends at most `per_second` bundles a second, 1..=10.
    pub fn new(per_second: u32, now: Instant) -> Self {
        Self {
            waiting: VecDeque::new(),
            every: Duration::from_secs(1) / per_second.max(1),
            next: now,
            station: 0,
            passed_on: 0,
            dropped: 0,
        }
    }

    /// A framed message came at `now`. When too many wait the oldest gives way: corrections age fast.
    pub fn heard(&mut self, message: Bytes, now: Instant) {
        if message.len() > rtcm::LONGEST_FRAME {
            // It would hold up all behind it; a framer gives none.
            self.dropped += 1;
            return;
        }
        if self.waiting.len() >= MOST_WAITING {
            self.waiting.pop_front();
            self.dropped += 1;
        }
        self.waiting.push_back((now, message));
    }

    /// When the next bundle is due: a receiver's messages of one epoch come together, so the first of them waits a
    /// moment for the others.
    pub fn next_due(&self) -> Option<Instant> {
        let (first, _) = self.waiting.front()?;
        Some(self.next.max(*first + GATHER))
    }

    /// The bundle that is due at `now`.
    pub fn due(&mut self, now: Instant) -> Option<SendRequest> {
        let due = self.next_due().filter(|due| *due <= now)?;
        while self.waiting.front().is_some_and(|(came, _)| now.since(*came) > OLDEST) {
            self.waiting.pop_front();
            self.dropped += 1;
        }
        let mut correction = v1::GnssCorrection::default();
        let mut room = LONGEST_BUNDLE;
        while correction.rtcm.len() < MOST_IN_A_BUNDLE
            && let Some((_, message)) = self.waiting.front()
            && let Some(left) = room.checked_sub(message.len() + FIELD_OVERHEAD)
        {
            room = left;
            self.station = rtcm::station_id(message).unwrap_or(self.station);
            correction.rtcm.extend(self.waiting.pop_front().map(|(_, message)| message));
        }
        if correction.rtcm.is_empty() {
            return None;
        }
        self.next = next_after(due, self.every, now);
        self.passed_on += correction.rtcm.len() as u64;
        correction.station_id = u32::from(self.station);
        let payload = correction.encode_to_vec();
        // Each is news: none takes another's place in the queue.
        let subject = self.passed_on as u32;
        Some(request(v1::MessageType::GnssCorrection, Class::D4, subject, LIFETIME_MS, due, payload))
    }

    /// Messages passed on so far.
    pub fn passed_on(&self) -> u64 {
        self.passed_on
    }

    /// Messages that were too old or too many.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

const MOST_IN_A_BUNDLE: usize = 5;
/// Leaves a frame room for hop header, signed fields, signature and the signer's digest; the longest message fits.
const LONGEST_BUNDLE: usize = 1_100;
const _: () = assert!(rtcm::LONGEST_FRAME + FIELD_OVERHEAD <= LONGEST_BUNDLE);
/// Tag and length of one message.
const FIELD_OVERHEAD: usize = 3;
/// Two epochs of five constellations.
const MOST_WAITING: usize = 32;
const OLDEST: Duration = Duration::from_secs(2);
const GATHER: Duration = Duration::from_millis(50);
const LIFETIME_MS: u32 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roadside::rtcm::tests::{EXAMPLE, framed};

    fn bundles(corrections: &mut Corrections, until_ms: u64) -> Vec<(u64, v1::GnssCorrection)> {
        (0..until_ms)
            .filter_map(|ms| {
                let request = corrections.due(Instant::from_millis(ms))?;
                assert!(v2x_proto::payload::decode(request.message_type, request.payload.clone()).is_ok());
                assert!(request.payload.len() <= LONGEST_BUNDLE + 3);
                Some((ms, v1::GnssCorrection::decode(request.payload).unwrap()))
            })
            .collect()
    }

    #[test]
    fn messages_of_one_epoch_go_together_and_the_station_is_theirs() {
        let mut corrections = Corrections::new(5, Instant::ZERO);
        for ms in [0, 10, 20] {
            corrections.heard(Bytes::from_static(&EXAMPLE), Instant::from_millis(ms));
        }
        let said = bundles(&mut corrections, 1000);
        assert_eq!(said.len(), 1);
        assert_eq!((said[0].0, said[0].1.rtcm.len(), said[0].1.station_id), (50, 3, 2003));
        assert_eq!(said[0].1.rtcm[0], Bytes::from_static(&EXAMPLE));
    }

    #[test]
    fn a_bundle_has_at_most_five_messages_and_fits_a_frame() {
        let mut corrections = Corrections::new(10, Instant::ZERO);
        for _ in 0..7 {
            corrections.heard(Bytes::from_static(&EXAMPLE), Instant::ZERO);
        }
        for _ in 0..2 {
            corrections.heard(Bytes::from(framed(&[0; 1000])), Instant::ZERO);
        }
        let counts: Vec<_> =
            bundles(&mut corrections, 1000).into_iter().map(|(ms, said)| (ms, said.rtcm.len())).collect();
        assert_eq!(counts, [(50, 5), (150, 3), (250, 1)]);
    }

    #[test]
    fn the_longest_message_that_rtcm_has_is_passed_on() {
        for length in 1_017..=1_023 {
            let mut corrections = Corrections::new(10, Instant::ZERO);
            let message = Bytes::from(framed(&vec![0x3e; length]));
            corrections.heard(message.clone(), Instant::ZERO);
            let said = bundles(&mut corrections, 100);
            assert_eq!((said.len(), &said[0].1.rtcm[0]), (1, &message), "{length}");
        }
    }

    #[test]
    fn what_waits_is_bounded_and_what_is_too_old_is_left_out() {
        let mut corrections = Corrections::new(1, Instant::ZERO);
        for _ in 0..100 {
            corrections.heard(Bytes::from_static(&EXAMPLE), Instant::ZERO);
        }
        assert_eq!(corrections.waiting.len(), MOST_WAITING);
        assert_eq!(corrections.due(Instant::from_millis(2_500)), None);
        assert_eq!((corrections.next_due(), corrections.dropped()), (None, 100));
    }
}
