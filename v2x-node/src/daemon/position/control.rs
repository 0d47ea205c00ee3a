//! A program at the control socket as the source of positions.
//!
//! What it says is judged as a receiver's is: places at 0, 0, dates before 2004 and places that are only repeated are no
//! positions, and its silence is a loss.

use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use radio_adapters::clock;
use radio_adapters::timer::DeadlineTimer;
use tokio::sync::Notify;
use v2x_api::{FixReport, FixTime};
use v2x_core::{Fix, Position, WireTime, limits};

use super::diary::Trouble;
use super::publisher::{Publisher, Shared};
use super::quality::PositionRefusal;
use super::repeats::Repeats;
use super::units::{accuracy_unit, altitude_unit, heading_unit, speed_unit};
use super::wait::{nanos, wire_now};
use crate::civil;

/// Where the positions of programs go in.
#[derive(Clone, Debug)]
pub struct Inlet {
    publisher: Publisher,
    repeats: Arc<Mutex<Repeats>>,
    given: Arc<Notify>,
}

/// Why a position of a program is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FixRefusal {
    /// Positions come from elsewhere.
    #[error("positions come from elsewhere: position.source = \"control\" takes them from programs")]
    NotConfigured,
    /// The time is no time.
    #[error("fix.time_utc: found {0:?}, expected a time, such as \"2026-01-01T00:00:00.500Z\"")]
    BadTime(String),
    /// The date is before 2004.
    #[error("its date is before 2004: the receiver does not know the time yet")]
    Date,
    /// Within 0.001 degree of 0, 0.
    #[error("it is at 0, 0, which receivers say without a fix")]
    Unset,
    /// The last place again, though the vehicle moves.
    #[error(
        "it is the last place again, though it moved or stopped at once, as a receiver without a fix says it"
    )]
    Repeated,
    /// Too old to tell where the station is.
    #[error("it is {0} ms old by this machine's clock; a station's position is under 2,000 ms old")]
    TooOld(u128),
    /// From the future.
    #[error("its time is {0} ms ahead of this machine's clock: one of the two is wrong")]
    Ahead(u128),
}

impl FixRefusal {
    /// Stable name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotConfigured => "fix_not_configured",
            Self::BadTime(_) => v2x_api::BAD_REQUEST,
            Self::Date => "fix_date",
            Self::Unset => "fix_unset",
            Self::Repeated => "fix_repeated",
            Self::TooOld(_) => "fix_too_old",
            Self::Ahead(_) => "fix_ahead",
        }
    }
}

impl Inlet {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            publisher: Publisher { shared: Arc::clone(shared) },
            repeats: Arc::default(),
            given: Arc::default(),
        }
    }

    /// Takes a program's position, or (`None`) that it was lost.
    ///
    /// # Errors
    /// It is not used as a position. One that is too old or from the future goes on all the same: the station compares its time
    /// with the clock, as with any receiver's.
    pub fn give(&self, report: Option<&FixReport>) -> Result<(), FixRefusal> {
        let Some(report) = report else {
            self.publisher.refused(PositionRefusal::NoFix);
            return Ok(());
        };
        let now = wire_now();
        let fix = read(report, now)?;
        self.publisher.understood();
        self.given.notify_one();
        let fix = self.judge(fix).map_err(|(counted, refusal)| {
            self.publisher.refused(counted);
            refusal
        })?;
        self.publisher.fix(fix);
        let (age, ahead) = (now.since(fix.time), fix.time.since(now));
        if age >= limits::MAX_FIX_AGE {
            return Err(FixRefusal::TooOld(age.as_millis()));
        }
        if ahead >= limits::MAX_FIX_AGE {
            return Err(FixRefusal::Ahead(ahead.as_millis()));
        }
        Ok(())
    }

    fn judge(&self, fix: Option<Fix>) -> Result<Fix, (PositionRefusal, FixRefusal)> {
        let fix = fix.ok_or((PositionRefusal::Date, FixRefusal::Date))?;
        if fix.position.is_unset() {
            return Err((PositionRefusal::Unset, FixRefusal::Unset));
        }
        let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
        if repeats.is_repeated(&fix) {
            return Err((PositionRefusal::Repeated, FixRefusal::Repeated));
        }
        Ok(fix)
    }

    /// Waits, and reports a loss after each `silence`.
    pub(super) async fn watch(self, mut timer: DeadlineTimer, silence: Duration) {
        self.publisher.opened();
        let mut silent_at = Some(clock::monotonic_ns() + nanos(silence));
        loop {
            if timer.set(silent_at).is_err() {
                return;
            }
            tokio::select! {
                () = self.given.notified() => silent_at = Some(clock::monotonic_ns() + nanos(silence)),
                expired = timer.expired(), if silent_at.is_some() => {
                    if expired.is_err() {
                        return;
                    }
                    self.publisher.trouble(Trouble::Silent, String::new);
                    self.publisher.lost();
                    silent_at = None;
                }
            }
        }
    }
}

/// The report in a fix's units; `None` when its date is before 2004.
fn read(report: &FixReport, now: WireTime) -> Result<Option<Fix>, FixRefusal> {
    let time = match &report.when {
        FixTime::Ago(age) => Some(now - *age),
        FixTime::Utc(text) => {
            let unix_us = civil::unix_us_of_iso8601(text);
            let unix_us = unix_us.ok_or_else(|| FixRefusal::BadTime(text.chars().take(40).collect()))?;
            WireTime::from_unix_micros(unix_us)
        }
    };
    Ok(time.map(|time| Fix {
        position: Position { latitude: report.position.latitude, longitude: report.position.longitude },
        altitude_cm: report.altitude_m.and_then(altitude_unit),
        speed: report.speed_m_s.and_then(speed_unit),
        heading: report.heading_deg.and_then(heading_unit),
        acceleration: None,
        yaw_rate: None,
        accuracy_cm: report.accuracy_m.and_then(accuracy_unit),
        time,
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use v2x_api::Point;

    use super::*;

    fn inlet() -> Inlet {
        Inlet::new(&Arc::default())
    }

    fn at(latitude: i32) -> FixReport {
        FixReport::at(Point { latitude, longitude: 61_319_000 })
    }

    fn dated(text: &str) -> FixReport {
        FixReport { when: FixTime::Utc(text.to_owned()), ..at(496_116_000) }
    }

    fn newest(inlet: &Inlet) -> Option<Fix> {
        inlet.publisher.shared.slot().update.take().unwrap().fix
    }

    #[test]
    fn a_program_s_position_becomes_a_fix_in_wire_units_of_the_time_it_says() {
        let inlet = inlet();
        let said = FixReport {
            speed_m_s: Some(13.894),
            heading_deg: Some(360.0),
            accuracy_m: Some(1.5),
            altitude_m: Some(-3.0),
            when: FixTime::Ago(Duration::from_millis(250)),
            ..at(496_116_000)
        };
        let before = wire_now();
        inlet.give(Some(&said)).unwrap();
        let fix = newest(&inlet).unwrap();
        assert_eq!((fix.position.latitude, fix.position.longitude), (496_116_000, 61_319_000));
        assert_eq!((fix.speed, fix.heading, fix.accuracy_cm), (Some(1389), Some(0), Some(150)));
        assert_eq!(fix.altitude_cm, Some(-300));
        assert!(fix.time + Duration::from_millis(250) >= before && fix.time < wire_now());
    }

    #[test]
    fn what_no_receiver_would_be_believed_is_refused_by_name_and_ends_the_position() {
        let inlet = inlet();
        let nowhere = FixReport::at(Point { latitude: 9_999, longitude: -9_999 });
        for (said, name) in [(nowhere, "fix_unset"), (dated("1999-01-01T00:00:00Z"), "fix_date")] {
            inlet.give(Some(&at(496_116_000))).unwrap();
            assert_eq!(inlet.give(Some(&said)).unwrap_err().name(), name);
            assert_eq!(newest(&inlet), None, "{name}");
        }
        let error = inlet.give(Some(&dated("yesterday"))).unwrap_err();
        assert_eq!((error.name(), error.to_string().contains("\"yesterday\"")), ("bad_request", true));
        inlet.give(Some(&at(496_116_000))).unwrap();
        inlet.give(None).unwrap();
        assert_eq!(newest(&inlet), None, "it says so itself");
    }

    #[test]
    fn a_place_that_stays_while_it_moves_is_a_repeated_one() {
        let inlet = inlet();
        let moves = |age_ms| FixReport {
            speed_m_s: Some(14.0),
            when: FixTime::Ago(Duration::from_millis(age_ms)),
            ..at(496_116_000)
        };
        inlet.give(Some(&moves(1_500))).unwrap();
        assert_eq!(inlet.give(Some(&moves(100))).unwrap_err().name(), "fix_repeated");
    }

    #[test]
    fn a_time_that_contradicts_the_clock_is_told_and_goes_on_as_evidence() {
        let inlet = inlet();
        let old = FixReport { when: FixTime::Ago(Duration::from_secs(2)), ..at(496_116_000) };
        assert_eq!(inlet.give(Some(&old)).unwrap_err().name(), "fix_too_old");
        assert!(newest(&inlet).is_some());
        assert_eq!(inlet.give(Some(&dated("2104-01-01T00:00:00Z"))).unwrap_err().name(), "fix_ahead");
        assert!(newest(&inlet).is_some());
    }

    #[test]
    fn a_program_that_falls_silent_has_lost_the_position() {
        tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap().block_on(async {
            let inlet = inlet();
            let shared = Arc::clone(&inlet.publisher.shared);
            inlet.give(Some(&at(496_116_000))).unwrap();
            tokio::select! {
                () = inlet.watch(DeadlineTimer::new().unwrap(), Duration::from_millis(1)) => unreachable!(),
                () = core::future::poll_fn(|cx| {
                    let mut slot = shared.slot();
                    slot.waker = Some(cx.waker().clone());
                    let lost = slot.update.is_some_and(|update| update.fix.is_none());
                    if lost { core::task::Poll::Ready(()) } else { core::task::Poll::Pending }
                }) => {}
            }
            assert!(shared.diary().silence().contains("nothing comes"), "{}", shared.diary().silence());
        });
    }

    proptest! {
        #[test]
        fn no_text_for_a_time_makes_it_panic(text in "\\PC{0,40}") {
            let _read = inlet().give(Some(&dated(&text)));
        }
    }
}
