//! The heartbeat of a connection: QUIC keeps a connection for half a minute whose peer's address changed without a word, on both
//! sides. A record a second each way tells within seconds.

use core::convert::Infallible;
use std::sync::Mutex;
use std::time::Duration;

use iroh::endpoint::{Connection, RecvStream, SendStream};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::gauges::Gauges;
use super::hello::seen_at;
use super::records::{self, Beat, LONGEST_BEAT};

/// Why a heartbeat ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoBeat {
    /// None came for as long as was allowed.
    Silent,
    /// What came is no heartbeat.
    Malformed,
    /// The stream ended.
    Lost,
}

/// Sends and reads heartbeats until one side ends it.
pub(super) async fn run(
    connection: &Connection,
    send: &mut SendStream,
    receive: &mut RecvStream,
    silence: Duration,
    gauges: &Gauges,
) -> NoBeat {
    let pulse = Mutex::new(Pulse::default());
    tokio::select! {
        ended = speak(connection, send, &pulse) => match ended {
            Ok(never) => match never {},
            Err(ended) => ended,
        },
        ended = listen(receive, silence, &pulse, gauges) => ended,
    }
}

async fn speak(
    connection: &Connection,
    send: &mut SendStream,
    pulse: &Mutex<Pulse>,
) -> Result<Infallible, NoBeat> {
    let mut tick = interval(PERIOD);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let beat = pulse.lock().expect(NO_PANIC).next(Instant::now(), seen_at(connection));
        // Without room for it there is no use in another: reading decides when it has been too long.
        records::write(send, &beat).await.map_err(|_| NoBeat::Lost)?;
    }
}

async fn listen(
    receive: &mut RecvStream,
    silence: Duration,
    pulse: &Mutex<Pulse>,
    gauges: &Gauges,
) -> NoBeat {
    loop {
        match timeout(silence, records::read::<Beat>(receive, LONGEST_BEAT)).await {
            Err(_) => return NoBeat::Silent,
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::InvalidData => return NoBeat::Malformed,
            Ok(Err(_)) => return NoBeat::Lost,
            Ok(Ok(beat)) => {
                let rtt = pulse.lock().expect(NO_PANIC).heard(&beat, Instant::now());
                gauges.beat(rtt);
                gauges.seen_at(&beat.seen_at);
            }
        }
    }
}

/// Numbers and times of heartbeats, for the round trip.
#[derive(Debug, Default)]
struct Pulse {
    sent: u64,
    /// When the last few were sent, by number.
    times: [Option<(u64, Instant)>; REMEMBERED],
    heard: u64,
    heard_at: Option<Instant>,
}

impl Pulse {
    fn next(&mut self, now: Instant, seen_at: String) -> Beat {
        self.sent += 1;
        self.times[(self.sent % REMEMBERED as u64) as usize] = Some((self.sent, now));
        let held = self.heard_at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        let held_us = u64::try_from(held.as_micros()).unwrap_or(u64::MAX);
        Beat { number: self.sent, answers: self.heard, held_us, seen_at }
    }

    /// The round trip, where the heartbeat answers one of ours.
    fn heard(&mut self, beat: &Beat, now: Instant) -> Option<Duration> {
        (self.heard, self.heard_at) = (beat.number, Some(now));
        let (number, sent) = self.times[(beat.answers % REMEMBERED as u64) as usize]?;
        let passed = now.saturating_duration_since(sent);
        (number == beat.answers).then(|| passed.saturating_sub(Duration::from_micros(beat.held_us)))
    }
}

const PERIOD: Duration = Duration::from_secs(1);
/// Heartbeats on their way at once: of half a minute.
const REMEMBERED: usize = 32;
const NO_PANIC: &str = "nothing panics with it";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_round_trip_is_what_passed_without_the_time_that_the_answer_was_held() {
        let (mut a, mut b) = (Pulse::default(), Pulse::default());
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let first = a.next(at(0), String::new());
        assert_eq!(b.heard(&first, at(30)), None, "it answers nothing");
        let answer = b.next(at(830), String::new());
        assert_eq!(a.heard(&answer, at(870)), Some(Duration::from_millis(70)));
    }

    #[test]
    fn lies_about_numbers_and_times_give_no_round_trip_and_no_panic() {
        let mut pulse = Pulse::default();
        let now = Instant::now();
        pulse.next(now, String::new());
        for (answers, held_us) in [(2, 0), (33, 0), (u64::MAX, 0), (0, u64::MAX)] {
            let beat = Beat { number: u64::MAX, answers, held_us, seen_at: String::new() };
            assert_eq!(pulse.heard(&beat, now), None, "{answers}");
        }
        let beat = Beat { number: 1, answers: 1, held_us: u64::MAX, seen_at: String::new() };
        assert_eq!(pulse.heard(&beat, now), Some(Duration::ZERO));
    }

    proptest! {
        #[test]
        fn no_heartbeat_makes_a_round_trip_longer_than_what_passed(
            beats in proptest::collection::vec(
                (0_u64..80, prop_oneof![0_u64..80, any::<u64>()], any::<u64>(), prop_oneof![0_u64..2_000_000, any::<u64>()]), 1..80,
            ),
        ) {
            let (mut pulse, start) = (Pulse::default(), Instant::now());
            let mut now = start;
            for (pause_s, answers, number, held_us) in beats {
                pulse.next(now, String::new());
                now += Duration::from_secs(pause_s);
                let beat = Beat { number, answers, held_us, seen_at: String::new() };
                if let Some(rtt) = pulse.heard(&beat, now) {
                    prop_assert!(rtt <= now.duration_since(start) && answers <= pulse.sent);
                }
            }
        }
    }
}
