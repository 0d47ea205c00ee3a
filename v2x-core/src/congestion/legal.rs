//! The legal limiter: what a station in the 5.9 GHz band of the European Union may never exceed.
//!
//! EN 302 571, 4.2.10 (decentralised congestion control): no transmission longer than 4 ms, at most 3 % of any second,
//! at least 25 ms between two, and on a channel busy for 62 % of the time or more a pause in proportion to the
//! transmission before it. It holds for every frame, imminent ones too.
//!
//! It counts a frame when the link takes it: how long the link waits for the channel it is not told, so that on a busy
//! channel two transmissions can come closer to each other than they left here.

use core::time::Duration;

use v2x_proto::envelope::MAX_FRAME;
use v2x_proto::link::{DataRate, airtime_ns};

use crate::base::Instant;

/// What was sent in the last second, and when the pause after it ends.
#[derive(Clone, Copy, Debug)]
pub struct LegalLimiter {
    /// Airtime in each step of 50 ms, ns, by the step's number modulo their count.
    steps: [u32; STEPS],
    /// Number of the newest step.
    newest: u64,
    /// The last transmission: when it began, and its airtime, ns.
    last: Option<(Instant, u64)>,
    /// The channel's busy ratio, 0..=1.
    busy: f64,
}

impl LegalLimiter {
    /// Nothing sent yet, on a channel this busy.
    pub fn new(busy: f64) -> Self {
        Self { steps: [0; STEPS], newest: 0, last: None, busy }
    }

    /// The channel is busy for this share of time, 0..=1.
    pub fn update(&mut self, busy: f64) {
        self.busy = busy;
    }

    /// A frame of this airtime leaves.
    pub fn sent(&mut self, now: Instant, airtime_ns: u64) {
        let step = step_of(now);
        for passed in (self.newest + 1..=step).take(STEPS) {
            self.steps[(passed % STEPS as u64) as usize] = 0;
        }
        self.newest = self.newest.max(step);
        let sum = &mut self.steps[(self.newest % STEPS as u64) as usize];
        *sum = sum.saturating_add(u32::try_from(airtime_ns).unwrap_or(u32::MAX));
        self.last = Some((now, airtime_ns));
    }

    /// When a frame of this airtime may leave at the earliest: `now`, or later.
    pub fn opens(&self, now: Instant, airtime_ns: u64) -> Instant {
        let Some((began, last_ns)) = self.last else { return now };
        let paused = began + Duration::from_nanos(last_ns) + self.pause(last_ns);
        self.within_duty(now.max(paused), airtime_ns)
    }

    /// The time between a transmission of this airtime and the next.
    fn pause(&self, last_ns: u64) -> Duration {
        if self.busy < CROWDED {
            return MIN_PAUSE;
        }
        let factor = 4000.0 * (self.busy - CROWDED) / self.busy - 1.0;
        Duration::from_nanos((last_ns as f64 * factor.max(0.0)) as u64).clamp(MIN_PAUSE, MAX_PAUSE)
    }

    /// The first time from `at` on at which the second before it has room for this airtime. A step counts as a whole as
    /// long as some of it is within that second.
    fn within_duty(&self, at: Instant, airtime_ns: u64) -> Instant {
        let mut at = at;
        for _ in 0..=STEPS {
            let first = step_of(at).saturating_sub(STEPS as u64 - 1);
            let kept = (first..=self.newest).filter(|step| step + STEPS as u64 > self.newest);
            let sum: u64 = kept.map(|step| u64::from(self.steps[(step % STEPS as u64) as usize])).sum();
            if sum + airtime_ns <= DUTY_NS {
                break;
            }
            at = Instant::from_nanos((step_of(at) + 1) * STEP_NS);
        }
        at
    }
}

fn step_of(at: Instant) -> u64 {
    at.as_nanos() / STEP_NS
}

const STEP_NS: u64 = 50_000_000;
/// A second, and the step in which it begins.
const STEPS: usize = 21;
/// 3 % of a second.
const DUTY_NS: u64 = 30_000_000;
/// `Toff`.
const MIN_PAUSE: Duration = Duration::from_millis(25);
const MAX_PAUSE: Duration = Duration::from_secs(1);
/// From this busy ratio on the pause grows.
const CROWDED: f64 = 0.62;

// `Ton`: no frame is longer than 4 ms, at 3 Mb/s and above.
const _: () = assert!(airtime_ns(MAX_FRAME, DataRate::Mbps3) <= 4_000_000);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn frames_are_25_ms_apart_from_the_end_of_one_to_the_next() {
        let mut legal = LegalLimiter::new(0.0);
        assert_eq!(legal.opens(ms(7), 400_000), ms(7));
        legal.sent(ms(7), 400_000);
        assert_eq!(legal.opens(ms(8), 400_000), Instant::from_nanos(32_400_000));
        assert_eq!(legal.opens(ms(33), 400_000), ms(33));
    }

    #[test]
    fn a_crowded_channel_takes_a_pause_in_proportion_to_the_last_frame() {
        let pauses = [0.61, 0.62, 0.68, 0.75].map(|busy| {
            let mut legal = LegalLimiter::new(busy);
            legal.sent(ms(0), 500_000);
            (legal.opens(ms(0), 1).nanos_since(ms(0)) - 500_000) / 100_000
        });
        // 25 ms, and 352 and 692 times half a millisecond.
        assert_eq!(pauses, [250, 250, 1759, 3461]);
        let mut legal = LegalLimiter::new(1.0);
        legal.sent(ms(0), 1_900_000);
        assert_eq!(legal.opens(ms(0), 1).nanos_since(ms(0)), 1_001_900_000, "a second at most");
    }

    proptest! {
        #[test]
        fn no_second_has_more_than_its_share_and_no_two_frames_less_than_their_pause(
            frames in proptest::collection::vec((0u64..60, 40u64..2_000), 1..300),
        ) {
            let mut legal = LegalLimiter::new(0.3);
            let (mut now, mut sent) = (Instant::ZERO, Vec::<(u64, u64)>::new());
            for (wait_ms, airtime_us) in frames {
                now = now + Duration::from_millis(wait_ms);
                let airtime_ns = airtime_us * 1000;
                now = legal.opens(now, airtime_ns);
                prop_assert_eq!(legal.opens(now, airtime_ns), now);
                legal.sent(now, airtime_ns);
                sent.push((now.as_nanos(), airtime_ns));
            }
            for (first, (began, airtime)) in sent.iter().enumerate() {
                let within = sent[first..].iter().take_while(|(at, _)| at - began < 1_000_000_000);
                prop_assert!(within.map(|(_, ns)| ns).sum::<u64>() <= 30_000_000);
                if let Some((next, _)) = sent.get(first + 1) {
                    prop_assert!(next - began >= airtime + 25_000_000);
                }
            }
        }
    }
}
