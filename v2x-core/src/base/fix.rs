//! Position fixes: position and motion with their time.

use super::limits;
use super::position::Position;
use super::time::{Anchor, Instant, WireTime};

/// Where the station was, how it moved, and when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fix {
    /// Position.
    pub position: Position,
    /// Altitude above the ellipsoid, 0.01 m.
    pub altitude_cm: Option<i32>,
    /// Speed over ground, 0.01 m/s.
    pub speed: Option<u16>,
    /// Heading, 0.1 degree clockwise from north, 0..=3599.
    pub heading: Option<u16>,
    /// Longitudinal acceleration, 0.1 m/s^2.
    pub acceleration: Option<i16>,
    /// Yaw rate, 0.01 degree/s, positive to the left.
    pub yaw_rate: Option<i16>,
    /// Horizontal accuracy (95 %), 0.01 m.
    pub accuracy_cm: Option<u16>,
    /// When the position was true.
    pub time: WireTime,
}

/// A fix and when it was true in the core's time.
#[derive(Clone, Copy, Debug)]
pub struct TimedFix {
    /// The fix.
    pub fix: Fix,
    /// When it was true; never in the future.
    pub true_at: Instant,
}

impl TimedFix {
    /// Ties a fix that came at `now` to the core's time. A fix from the future, by a clock that disagrees
    /// with the receiver's, counts as true when it came.
    pub fn new(fix: Fix, now: Instant, anchor: &Anchor) -> Self {
        Self { true_at: anchor.instant_at(fix.time).min(now), fix }
    }

    /// Whether it is too old to send by.
    pub fn expires(&self) -> Instant {
        self.true_at + limits::MAX_FIX_AGE
    }

    /// The fix extrapolated to `now` along its heading at its speed.
    pub fn moved_to(&self, now: Instant, wire: WireTime) -> Fix {
        let mut fix = self.fix;
        let seconds = now.since(self.true_at).min(limits::MAX_FIX_AGE).as_secs_f64();
        if let (Some(speed), Some(heading)) = (fix.speed, fix.heading)
            && speed > 0
        {
            let metres = f64::from(speed) * 0.01 * seconds;
            let (sin, cos) = (f64::from(heading) * 0.1).to_radians().sin_cos();
            fix.position = fix.position.moved(metres * sin, metres * cos);
        }
        fix.time = wire;
        fix
    }
}
