//! Generation rules and content of awareness messages.
//!
//! The rules are those of EN 302 637-2 6.1.3 (CAM generation): checked every 100 ms; a message when the
//! station turned by more than 4 degrees, moved by more than 4 m or changed speed by more than 0.5 m/s
//! since the last one, else when `T_GenCam` has passed. A message triggered by motion sets `T_GenCam` to the
//! time since the one before; after three in a row triggered by time it returns to 1 s.

use core::time::Duration;
use std::collections::VecDeque;

use v2x_proto::v1;

use crate::base::{
    AwarenessRule, ChangeRule, Config, Fix, Instant, Position, VehicleState, heading_difference, limits,
    velocity,
};

/// Decides when to generate, and remembers what the next message must carry.
#[derive(Debug)]
pub struct Awareness {
    rule: AwarenessRule,
    next_check: Instant,
    interval: Duration,
    time_triggered: u32,
    last: Option<(Instant, OwnMotion)>,
    last_low_frequency: Option<Instant>,
    path: VecDeque<PathPoint>,
    message: v1::Awareness,
    /// Another station waits for the next message: it is generated at the next check.
    wanted: bool,
    /// Since when a message is due that may not leave yet.
    held: Option<Instant>,
}

/// What the generation rules look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnMotion {
    position: Position,
    speed: Option<u16>,
    heading: Option<u16>,
}

#[derive(Clone, Copy, Debug)]
struct PathPoint {
    position: Position,
    at: Instant,
}

impl From<&Fix> for OwnMotion {
    fn from(fix: &Fix) -> Self {
        Self { position: fix.position, speed: fix.speed, heading: fix.heading }
    }
}

impl Awareness {
    /// Starts `phase` after `now`, so that stations started together do not send together.
    pub fn new(rule: AwarenessRule, now: Instant, phase: Duration) -> Self {
        Self {
            rule,
            next_check: if rule == AwarenessRule::Off { Instant::FAR_FUTURE } else { now + phase },
            interval: limits::MAX_AWARENESS_INTERVAL,
            time_triggered: 0,
            last: None,
            last_low_frequency: None,
            path: VecDeque::with_capacity(limits::MAX_PATH_POINTS),
            message: v1::Awareness::default(),
            wanted: false,
            held: None,
        }
    }

    /// The time between two checks of `rule`, which is also the range of the phase.
    pub fn check_interval(rule: AwarenessRule) -> Duration {
        match rule {
            AwarenessRule::Every(interval) => interval.max(Duration::from_millis(1)),
            AwarenessRule::Triggered | AwarenessRule::Off => limits::MIN_AWARENESS_INTERVAL,
        }
    }

    /// When the rule is to be checked next.
    pub fn next_check(&self) -> Instant {
        self.next_check
    }

    /// Checks the rule, if its time has come: true when a message is to be generated now, one that was
    /// [held](Self::hold) included. `motion` is `None` while the station may not send; the check then passes without
    /// effect.
    pub fn check(&mut self, now: Instant, motion: Option<&OwnMotion>) -> bool {
        if motion.is_none() {
            self.held = None;
        }
        if now < self.next_check {
            return self.held.is_some();
        }
        let step = Self::check_interval(self.rule);
        self.next_check = self.next_check + step;
        if self.next_check <= now {
            // The host came late by more than a step: keep the phase, skip what was missed.
            let late = now.nanos_since(self.next_check);
            let step_nanos = step.as_nanos() as u64;
            self.next_check = self.next_check + Duration::from_nanos(late - late % step_nanos) + step;
        }
        let Some(motion) = motion else { return false };
        if self.held.is_some() {
            return true;
        }
        let Some((sent, before)) = &self.last else { return true };
        if matches!(self.rule, AwarenessRule::Every(_)) {
            return true;
        }
        // Checks come on a grid of 100 ms while the last message went out a moment after its check.
        let since = now.since(*sent) + limits::MIN_AWARENESS_INTERVAL / 20;
        since >= limits::MIN_AWARENESS_INTERVAL
            && (self.wanted || moved(before, motion) || since >= self.interval)
    }

    /// The message that is due may not leave yet, so that it is not made yet (`T_GenCam_DCC` of EN 302 637-2): it stays due.
    pub fn hold(&mut self, now: Instant) {
        self.held.get_or_insert(now);
    }

    /// Since when a message is due that may not leave yet.
    pub fn held(&self) -> Option<Instant> {
        self.held
    }

    /// How far the station is from where others reckon it to be by its last message, m; `None` before the first one, and
    /// when that had no speed.
    pub fn tracking_error_m(&self, now: Instant, motion: &OwnMotion) -> Option<f64> {
        let (sent, last) = &self.last?;
        let (east, north) = velocity(last.speed?, last.heading.unwrap_or_default());
        let seconds = now.since(*sent).as_secs_f64();
        let reckoned = last.position.moved(east * seconds, north * seconds);
        Some(reckoned.distance_m(motion.position))
    }

    /// Makes a message due at the next check, not sooner after the last one than any other.
    pub fn hasten(&mut self) {
        self.wanted = true;
    }

    /// Has the next message of a fixed rate checked at `at`; what follows keeps its interval from there. Other rules look at
    /// motion, and keep their grid.
    pub fn due_at(&mut self, at: Instant) {
        if matches!(self.rule, AwarenessRule::Every(_)) {
            self.next_check = at;
        }
    }

    /// Builds the message for `fix` and what the vehicle says, and records that it is sent now. The next one comes no
    /// sooner than after `pace`. The reference is valid until the next call; the caller encodes it.
    pub fn generate(
        &mut self,
        now: Instant,
        config: &Config,
        fix: &Fix,
        vehicle: &VehicleState,
        pace: Duration,
        floods: impl FnOnce(&mut Vec<u32>),
    ) -> &v1::Awareness {
        let motion = OwnMotion::from(fix);
        self.adapt_interval(now, &motion);
        self.remember_path(now, fix.position);
        let low_frequency = self.last_low_frequency.is_none_or(|at| {
            now.since(at) + limits::MIN_AWARENESS_INTERVAL / 20 >= limits::LOW_FREQUENCY_INTERVAL
        });
        self.last = Some((now, motion));
        self.wanted = false;
        self.held = None;
        let interval = match self.rule {
            AwarenessRule::Every(interval) => interval,
            AwarenessRule::Triggered | AwarenessRule::Off => self.interval,
        };
        let message = &mut self.message;
        message.station_type = i32::from(config.station_type);
        message.altitude_cm = fix.altitude_cm;
        message.speed = fix.speed.map(|speed| u32::from(speed).min(MAX_SPEED));
        message.heading = fix.heading.map(|heading| u32::from(heading % 3600));
        message.acceleration =
            fix.acceleration.map(|a| i32::from(a).clamp(-MAX_ACCELERATION, MAX_ACCELERATION));
        message.yaw_rate = fix.yaw_rate.map(|rate| i32::from(rate).clamp(-MAX_YAW_RATE, MAX_YAW_RATE));
        message.steering_angle =
            vehicle.steering_angle.map(|angle| i32::from(angle).clamp(-MAX_STEERING, MAX_STEERING));
        message.control_flags = vehicle.controls.map(|controls| u32::from(controls & ALL_CONTROLS));
        message.emergency =
            vehicle.emergency.filter(|switches| switches.is_on()).map(|switches| v1::EmergencyInfo {
                light_bar: switches.light_bar,
                siren: switches.siren,
                ..v1::EmergencyInfo::default()
            });
        message.position_confidence = fix.accuracy_cm.map(|radius| v1::PositionConfidence {
            semi_major_cm: u32::from(radius).min(MAX_CONFIDENCE),
            semi_minor_cm: u32::from(radius).min(MAX_CONFIDENCE),
            orientation: 0,
        });
        message.beacon_interval_ms = Some(interval.max(pace).as_millis() as u32);
        floods(&mut message.floods_held);
        message.exterior_lights = None;
        message.doors_open = None;
        message.length = None;
        message.width = None;
        message.path_delta_latitude.clear();
        message.path_delta_longitude.clear();
        message.path_delta_time.clear();
        if low_frequency {
            self.last_low_frequency = Some(now);
            message.exterior_lights = vehicle.lights.map(u32::from);
            message.doors_open = vehicle.doors.map(|doors| u32::from(doors & ALL_DOORS));
            let hides = config.pseudonym.change != ChangeRule::Off;
            let told = |dm: u16, steps: &[u16], most| {
                u32::from(if hides { coarse(dm, steps).min(most) } else { dm })
            };
            message.length = config.length_dm.map(|dm| told(dm, &LENGTHS_DM, MAX_LENGTH_DM));
            message.width = config.width_dm.map(|dm| told(dm, &WIDTHS_DM, MAX_WIDTH_DM));
            write_path(message, &self.path, now, fix.position);
        }
        message
    }

    fn adapt_interval(&mut self, now: Instant, motion: &OwnMotion) {
        let Some((sent, before)) = &self.last else { return };
        let since = now.since(*sent);
        if moved(before, motion) {
            self.interval = since.clamp(limits::MIN_AWARENESS_INTERVAL, limits::MAX_AWARENESS_INTERVAL);
            self.time_triggered = 0;
        } else {
            self.time_triggered += 1;
            if self.time_triggered >= TIME_TRIGGERED_BEFORE_RESET {
                self.interval = limits::MAX_AWARENESS_INTERVAL;
                self.time_triggered = 0;
            }
        }
    }

    fn remember_path(&mut self, now: Instant, position: Position) {
        let far_enough =
            self.path.back().is_none_or(|last| last.position.distance_m(position) >= PATH_SPACING_M);
        if !far_enough {
            return;
        }
        if self.path.len() == limits::MAX_PATH_POINTS {
            self.path.pop_front();
        }
        self.path.push_back(PathPoint { position, at: now });
    }
}

fn moved(before: &OwnMotion, now: &OwnMotion) -> bool {
    let turned = match (before.heading, now.heading) {
        (Some(a), Some(b)) => heading_difference(a, b) > HEADING_TRIGGER,
        _ => false,
    };
    let sped = match (before.speed, now.speed) {
        (Some(a), Some(b)) => a.abs_diff(b) > SPEED_TRIGGER,
        _ => false,
    };
    turned || sped || before.position.distance_m(now.position) > POSITION_TRIGGER_M
}

/// A dimension rounded up to one of the steps, beyond them to a multiple of the last: exact ones name the model, under every
/// pseudonym.
fn coarse(dm: u16, steps: &[u16]) -> u16 {
    let last = steps.last().copied().unwrap_or(1);
    steps.iter().copied().find(|step| dm <= *step).unwrap_or_else(|| dm.div_ceil(last).saturating_mul(last))
}

/// Path points newest first, each as the difference to the one before it, the first to `here`. A step too
/// wide or too long for its field ends the path.
fn write_path(message: &mut v1::Awareness, path: &VecDeque<PathPoint>, now: Instant, here: Position) {
    let mut before = PathPoint { position: here, at: now };
    for point in path.iter().rev() {
        let latitude = i64::from(point.position.latitude) - i64::from(before.position.latitude);
        let longitude = i64::from(point.position.longitude) - i64::from(before.position.longitude);
        let time = before.at.nanos_since(point.at) / 10_000_000;
        if latitude == 0 && longitude == 0 {
            continue;
        }
        if latitude.abs() > MAX_PATH_DELTA || longitude.abs() > MAX_PATH_DELTA || time > MAX_PATH_TIME {
            return;
        }
        message.path_delta_latitude.push(latitude as i32);
        message.path_delta_longitude.push(longitude as i32);
        message.path_delta_time.push(time.max(1) as u32);
        before = *point;
    }
}

/// Ranges of TS 102 894-2: the last value means "that or more".
const MAX_SPEED: u32 = 16_382;

const MAX_ACCELERATION: i32 = 160;

const MAX_YAW_RATE: i32 = 32_766;

/// TS 102 894-2 `SteeringWheelAngleValue`, 1.5 degree.
const MAX_STEERING: i32 = 511;

/// Bits of TS 102 894-2 `AccelerationControl`.
const ALL_CONTROLS: u8 = 0x7f;

/// Bits of TS 102 894-2 `DoorOpen`.
const ALL_DOORS: u8 = 0x0f;

const MAX_CONFIDENCE: u32 = 4_094;

/// Lengths told by a station that changes its pseudonym, 0.1 m: of a pedestrian, of a bicycle or motorcycle, of a car, and
/// multiples of that.
const LENGTHS_DM: [u16; 3] = [10, 25, 50];

/// Widths likewise.
const WIDTHS_DM: [u16; 1] = [10];

/// TS 102 894-2 `VehicleLengthValue`, `VehicleWidth`: that or more.
const MAX_LENGTH_DM: u16 = 1_022;

const MAX_WIDTH_DM: u16 = 61;

/// 4 degrees (EN 302 637-2 6.1.3), in 0.1 degree.
const HEADING_TRIGGER: u16 = 40;

/// 4 m.
const POSITION_TRIGGER_M: f64 = 4.0;

/// 0.5 m/s, in 0.01 m/s.
const SPEED_TRIGGER: u16 = 50;

/// `N_GenCam`.
const TIME_TRIGGERED_BEFORE_RESET: u32 = 3;

/// Points this far apart draw a city corner and, 23 of them, half a kilometre.
const PATH_SPACING_M: f64 = 20.0;

/// TS 102 894-2 `DeltaLatitude`, `DeltaLongitude`: 1e-7 degree.
const MAX_PATH_DELTA: i64 = 131_071;

/// TS 102 894-2 `PathDeltaTime`: 65,535 of 10 ms.
const MAX_PATH_TIME: u64 = 65_535;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::WireTime;

    const START: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };

    fn fix(metres: f64, speed: u16, heading: u16) -> Fix {
        Fix {
            position: START.moved(0.0, metres),
            altitude_cm: None,
            speed: Some(speed),
            heading: Some(heading),
            acceleration: None,
            yaw_rate: None,
            accuracy_cm: None,
            time: WireTime::default(),
        }
    }

    /// Runs the rule at its own checks for `seconds`; times of generation in ms.
    fn run(rule: AwarenessRule, seconds: u64, at: impl Fn(u64) -> Fix) -> Vec<u64> {
        let mut awareness = Awareness::new(rule, Instant::ZERO, Duration::ZERO);
        let mut times = Vec::new();
        while awareness.next_check() < Instant::from_millis(seconds * 1000) {
            let now = awareness.next_check();
            let ms = now.as_nanos() / 1_000_000;
            let fix = at(ms);
            if awareness.check(now, Some(&OwnMotion::from(&fix))) {
                awareness.generate(
                    now,
                    &Config::vehicle(),
                    &fix,
                    &VehicleState::default(),
                    Duration::ZERO,
                    |_| (),
                );
                times.push(ms);
            }
        }
        times
    }

    fn gaps(times: &[u64]) -> Vec<u64> {
        times.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    #[test]
    fn standing_still_sends_once_a_second() {
        assert_eq!(gaps(&run(AwarenessRule::Triggered, 5, |_| fix(0.0, 0, 0))), [1000; 4]);
    }

    #[test]
    fn never_faster_than_100_ms_however_fast_it_moves() {
        let times = run(AwarenessRule::Triggered, 2, |ms| fix(ms as f64 * 0.06, 6000, 0));
        assert!(gaps(&times).iter().all(|gap| *gap == 100), "{times:?}");
    }

    #[test]
    fn four_metres_half_a_metre_per_second_and_four_degrees_trigger() {
        // 13 m/s: 4 m are passed between the third and the fourth check.
        let by_distance = run(AwarenessRule::Triggered, 2, |ms| fix(ms as f64 * 0.013, 1300, 0));
        assert_eq!(gaps(&by_distance)[0], 400);
        let by_speed = run(AwarenessRule::Triggered, 2, |ms| fix(0.0, (ms / 5) as u16, 0));
        assert_eq!(gaps(&by_speed)[0], 300);
        let by_heading = run(AwarenessRule::Triggered, 2, |ms| fix(0.0, 0, (ms / 5) as u16));
        assert_eq!(gaps(&by_heading)[0], 300);
    }

    #[test]
    fn below_the_thresholds_only_time_triggers() {
        let exact = run(AwarenessRule::Triggered, 2, |ms| fix(if ms >= 500 { 3.9 } else { 0.0 }, 50, 40));
        assert_eq!(exact, [0, 1000]);
    }

    #[test]
    fn after_motion_the_interval_stays_and_returns_to_a_second_after_three() {
        // Turns by 5 degrees at 300 ms, then stands: three more at 300 ms, then one a second.
        let times = run(AwarenessRule::Triggered, 5, |ms| fix(0.0, 0, if ms >= 300 { 50 } else { 0 }));
        assert_eq!(gaps(&times)[..5], [300, 300, 300, 300, 1000]);
    }

    #[test]
    fn a_fixed_interval_is_kept() {
        let every = AwarenessRule::Every(Duration::from_millis(100));
        assert_eq!(run(every, 1, |_| fix(0.0, 0, 0)).len(), 10);
        assert_eq!(run(AwarenessRule::Off, 1, |_| fix(0.0, 0, 0)).len(), 0);
    }

    #[test]
    fn a_fixed_interval_goes_on_from_where_it_was_put_and_rules_of_motion_keep_their_grid() {
        for (rule, right) in [
            (AwarenessRule::Every(Duration::from_millis(100)), [730, 830]),
            (AwarenessRule::Triggered, [100, 200]),
        ] {
            let mut awareness = Awareness::new(rule, Instant::ZERO, Duration::ZERO);
            let motion = OwnMotion::from(&fix(0.0, 0, 0));
            assert!(awareness.check(Instant::ZERO, Some(&motion)));
            awareness.due_at(Instant::from_millis(730));
            let first = awareness.next_check();
            awareness.check(first, Some(&motion));
            assert_eq!([first, awareness.next_check()], right.map(Instant::from_millis), "{rule:?}");
        }
    }

    #[test]
    fn dimensions_are_told_in_steps_that_all_cars_share() {
        let lengths = [1, 5, 11, 22, 36, 45, 50, 51, 120, 1_022].map(|dm| coarse(dm, &LENGTHS_DM));
        assert_eq!(lengths, [10, 10, 25, 25, 50, 50, 50, 100, 150, 1_050]);
        assert_eq!([1, 18, 19, 25, 61].map(|dm| coarse(dm, &WIDTHS_DM)), [10, 20, 20, 30, 70]);
    }

    #[test]
    fn a_late_check_keeps_its_phase_and_sends_once() {
        let mut awareness = Awareness::new(
            AwarenessRule::Every(Duration::from_millis(100)),
            Instant::ZERO,
            Duration::from_millis(7),
        );
        let motion = OwnMotion::from(&fix(0.0, 0, 0));
        assert!(awareness.check(Instant::from_millis(1234), Some(&motion)));
        assert_eq!(awareness.next_check(), Instant::from_millis(1307));
        assert!(!awareness.check(Instant::from_millis(1234), Some(&motion)));
    }

    #[test]
    fn low_frequency_data_goes_first_and_then_every_500_ms() {
        let mut awareness = Awareness::new(AwarenessRule::Triggered, Instant::ZERO, Duration::ZERO);
        let with: Vec<_> = (0..11)
            .filter(|n| {
                let now = Instant::from_millis(n * 100);
                awareness
                    .generate(
                        now,
                        &Config::vehicle(),
                        &fix(*n as f64 * 30.0, 3000, 0),
                        &VehicleState::default(),
                        Duration::ZERO,
                        |_| (),
                    )
                    .length
                    .is_some()
            })
            .collect();
        assert_eq!(with, [0, 5, 10]);
    }

    #[test]
    fn the_path_is_bounded_and_newest_first() {
        let mut awareness = Awareness::new(AwarenessRule::Triggered, Instant::ZERO, Duration::ZERO);
        let mut last = v1::Awareness::default();
        for n in 0..=100u64 {
            let now = Instant::from_millis(n * 500);
            last = awareness
                .generate(
                    now,
                    &Config::vehicle(),
                    &fix(n as f64 * 25.0, 3000, 0),
                    &VehicleState::default(),
                    Duration::ZERO,
                    |_| (),
                )
                .clone();
        }
        assert_eq!(last.path_delta_latitude.len(), limits::MAX_PATH_POINTS - 1);
        let one_step = START.latitude - START.moved(0.0, 25.0).latitude;
        assert!(last.path_delta_latitude.iter().all(|delta| delta.abs_diff(one_step) <= 1));
        assert!(last.path_delta_time.iter().all(|time| *time == 50));
    }
}
