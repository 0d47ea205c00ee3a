//! Schedule of pseudonym changes.
//!
//! The rule of a trip is that of the C2C-CC Basic System Profile: a minute of grace, then changes after distances and
//! times drawn at random from ranges that grow, so that an observer who waits at one place, or counts from the start,
//! gains nothing. A change waits while one of our imminent or alert events is live (TS 101 539-3 forbids it during a
//! warning) and while the station stands still, where any observer sees that it is the same one.
//!
//! An active credential about to end, or one heard from another station (TS 103 836 conformance purpose PON/GNA/BV/02),
//! makes a change due at once. The latter does not wait for the station to move.

#[cfg(test)]
mod tests;

use core::time::Duration;

use super::pseudonym::{EXPIRY_MARGIN, Pool};
use crate::base::{
    Anchor, ChangeRule, Fix, Instant, Position, PseudonymConfig, STANDING, Stream, WireTime, limits,
};

/// Decides when the pseudonym changes; tracks the distance driven and the silence after a change.
#[derive(Debug)]
pub struct ChangeSchedule {
    config: PseudonymConfig,
    stream: Stream,
    leg: usize,
    metres_left: f64,
    wait: Duration,
    due: Option<Instant>,
    last: Option<Position>,
    moving: bool,
    /// Another station uses the active credential: since when another may take over.
    stolen: Option<Instant>,
    /// When one last took over for that reason.
    gave_up: Option<Instant>,
    silent_until: Option<Instant>,
    told_spares: usize,
    told_end: bool,
}

impl ChangeSchedule {
    /// For a station that starts now. `stream` is its random stream.
    #[must_use]
    pub fn new(config: PseudonymConfig, now: Instant, stream: Stream) -> Self {
        let mut schedule = Self {
            config,
            stream,
            leg: 0,
            metres_left: 0.0,
            wait: Duration::ZERO,
            due: None,
            last: None,
            moving: false,
            stolen: None,
            gave_up: None,
            silent_until: None,
            told_spares: usize::MAX,
            told_end: false,
        };
        schedule.begin_leg(now);
        schedule
    }

    /// Takes a position, or its loss.
    pub fn moved(&mut self, now: Instant, fix: Option<&Fix>) {
        // A receiver at rest wanders: distance counts only while the station reports that it moves.
        self.moving = fix.and_then(|fix| fix.speed).is_some_and(|speed| speed >= STANDING);
        let Some(fix) = fix.filter(|_| self.moving) else { return };
        if let Some(last) = self.last.replace(fix.position) {
            self.metres_left -= last.distance_m(fix.position);
        }
        if self.metres_left <= 0.0 && self.due.is_none() && self.config.change != ChangeRule::Off {
            self.due = Some(now + self.wait);
        }
    }

    /// Another station uses the active credential, as is heard now.
    pub fn heard_elsewhere(&mut self, now: Instant) {
        let next = self.gave_up.map_or(Instant::ZERO, |last| last + limits::STOLEN_PSEUDONYM_INTERVAL);
        self.stolen.get_or_insert(next.min(now + limits::STOLEN_PSEUDONYM_INTERVAL));
    }

    /// When a change is due if nothing else comes in; `None` when that depends on more than time. `alert_until` is the
    /// end of our live events.
    #[must_use]
    pub fn due_at(&self, pool: &Pool, anchor: &Anchor, alert_until: Instant) -> Option<Instant> {
        let spare = anchor.instant_at(pool.spare_from()?);
        let wanted = if let Some(from) = self.stolen {
            from
        } else if self.moving {
            let ends = anchor.instant_at(earlier(pool.active().valid_until(), EXPIRY_MARGIN));
            self.due.map_or(ends, |due| due.min(ends))
        } else {
            return None;
        };
        Some(wanted.max(spare).max(alert_until))
    }

    /// Whether the pool runs low and that was not reported yet.
    pub fn runs_low(&mut self, pool: &Pool, now: WireTime) -> bool {
        if pool.len() == 1 {
            return false;
        }
        let spares = pool.spares(now);
        let fewer = spares <= limits::LOW_SPARES && spares < self.told_spares;
        self.told_spares = spares;
        let ends = !self.told_end && now >= earlier(pool.valid_until(), limits::LOW_VALIDITY);
        self.told_end |= ends;
        fewer || ends
    }

    /// When the end of the pool's validity is to be reported.
    #[must_use]
    pub fn low_at(&self, pool: &Pool, anchor: &Anchor) -> Option<Instant> {
        let untold = pool.len() > 1 && !self.told_end;
        untold.then(|| anchor.instant_at(earlier(pool.valid_until(), limits::LOW_VALIDITY)))
    }

    /// The pool advanced: the next leg begins, after a silence if there is to be one.
    pub fn changed(&mut self, now: Instant) {
        if self.stolen.take().is_some() {
            self.gave_up = Some(now);
        }
        self.leg = (self.leg + 1).min(TRIP.len() - 1);
        self.silent_until = (!self.config.silence.is_zero()).then(|| now + self.config.silence);
        self.begin_leg(now);
    }

    /// The pool's credentials were replaced: what was told of the ones before says nothing of these.
    pub fn replaced(&mut self) {
        (self.told_spares, self.told_end) = (usize::MAX, false);
    }

    /// Whether the station keeps silent: only alerts and hazards are sent.
    #[must_use]
    pub fn is_silent(&self, now: Instant) -> bool {
        self.silent_until.is_some_and(|until| now < until)
    }

    /// An alert ends the silence: the station has been heard, so silence no longer hides it.
    pub fn end_silence(&mut self) {
        self.silent_until = None;
    }

    /// How long it keeps silent from now.
    #[must_use]
    pub fn silence(&self, now: Instant) -> Duration {
        self.silent_until.map_or(Duration::ZERO, |until| until.since(now))
    }

    pub(crate) fn stream(&mut self) -> &mut Stream {
        &mut self.stream
    }

    fn begin_leg(&mut self, now: Instant) {
        self.due = None;
        match self.config.change {
            ChangeRule::Off => return,
            ChangeRule::Trip => {
                let Leg { metres, seconds } = TRIP[self.leg];
                self.metres_left = self.draw(metres.0 * 1000, metres.1 * 1000) as f64 * 1e-3;
                self.wait = Duration::from_millis(self.draw(seconds.0 * 1000, seconds.1 * 1000));
            }
            ChangeRule::Every(interval) => {
                let millis = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX / 2);
                self.metres_left = 0.0;
                self.wait = Duration::from_millis(self.draw(millis - millis / 5, millis + millis / 5));
            }
        }
        if self.metres_left <= 0.0 {
            self.due = Some(now + self.wait);
        }
    }

    fn draw(&mut self, from: u64, to: u64) -> u64 {
        from + self.stream.below((to - from).saturating_add(1))
    }
}

/// A stretch of a trip: first a distance in metres, then a time in seconds, each from a range.
#[derive(Clone, Copy, Debug)]
struct Leg {
    metres: (u64, u64),
    seconds: (u64, u64),
}

fn earlier(time: WireTime, by: Duration) -> WireTime {
    WireTime::from_micros(time.as_micros().saturating_sub(by.as_micros() as u64))
}

/// The legs of a trip (C2C-CC Basic System Profile, change of authorisation tickets); the last one repeats.
const TRIP: [Leg; 5] = [
    Leg { metres: (0, 0), seconds: (60, 60) },
    Leg { metres: (800, 1500), seconds: (0, 0) },
    Leg { metres: (800, 800), seconds: (120, 360) },
    Leg { metres: (10_000, 20_000), seconds: (0, 0) },
    Leg { metres: (25_000, 35_000), seconds: (0, 0) },
];
