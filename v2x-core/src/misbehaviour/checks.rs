//! Plausibility checks: pure functions from claims to a score, 1 for plausible and 0 for impossible.
//!
//! They are those of F2MD (Kamel et al.), with what a receiver without a map can know. No value makes one
//! panic or leave 0..=1.

use super::thresholds as t;

/// Which check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Check {
    /// A single-hop message from farther than radio reaches; or a repeater, or a mast.
    Range,
    /// A speed no vehicle has.
    Speed,
    /// A position that could not be reached from the one before.
    Position,
    /// A path longer or shorter than the speeds explain.
    PositionSpeed,
    /// A path in another direction than the headings.
    PositionHeading,
    /// Acceleration, braking, or their alternation as no vehicle can.
    SpeedChange,
    /// A turn no vehicle can make.
    HeadingChange,
    /// Two vehicles in one place.
    Overlap,
    /// First heard suspiciously near.
    SuddenAppearance,
    /// More awareness than the generation rules allow.
    BeaconRate,
    /// A position far from a constant-velocity filter's prediction.
    Residual,
    /// A warning of hard braking by a station that did not brake.
    Braking,
    /// A claim stated word for word by another station before.
    Copied,
    /// Moves in parallel with another station, whatever that one does.
    Company,
    /// Received with a power that the claimed distance does not explain.
    Signal,
    /// From beyond the distance at which any other station is heard.
    Reach,
    /// Received power along its path fits another place better than the claimed one.
    Elsewhere,
}

impl Check {
    /// Every check.
    pub const ALL: [Self; 17] = [
        Self::Range,
        Self::Speed,
        Self::Position,
        Self::PositionSpeed,
        Self::PositionHeading,
        Self::SpeedChange,
        Self::HeadingChange,
        Self::Overlap,
        Self::SuddenAppearance,
        Self::BeaconRate,
        Self::Residual,
        Self::Braking,
        Self::Copied,
        Self::Company,
        Self::Signal,
        Self::Reach,
        Self::Elsewhere,
    ];

    /// Stable name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::Speed => "speed",
            Self::Position => "position",
            Self::PositionSpeed => "position_speed",
            Self::PositionHeading => "position_heading",
            Self::SpeedChange => "speed_change",
            Self::HeadingChange => "heading_change",
            Self::Overlap => "overlap",
            Self::SuddenAppearance => "sudden_appearance",
            Self::BeaconRate => "beacon_rate",
            Self::Residual => "residual",
            Self::Braking => "braking",
            Self::Copied => "copied",
            Self::Company => "company",
            Self::Signal => "signal",
            Self::Reach => "reach",
            Self::Elsewhere => "elsewhere",
        }
    }

    /// Evidence of one finding at score 0.
    #[must_use]
    pub const fn weight(self) -> f32 {
        match self {
            // Noise of two receivers is in it, and cars do stand close.
            Self::Overlap => 0.15,
            // Most stations that appear suddenly are honest; see `thresholds::SUDDEN_M`.
            Self::SuddenAppearance => 0.5,
            // Found just past the bound, since the comparison starts anew with each finding.
            Self::PositionSpeed => 1.2,
            // Wrong by configuration rather than by malice, and bounded by the rate limit anyway.
            Self::BeaconRate => 0.5,
            // Some forty bits that agree by chance are rare, and twice are none.
            Self::Copied => 1.4,
            // Judged once for each warning, seconds apart: a sensor may fail once.
            Self::Braking => 1.4,
            // Judged once per stretch of driving together.
            Self::Company => 1.3,
            // Judged once a second.
            Self::Signal | Self::Reach => 0.8,
            // Accumulates all that was heard so far, not one message: a finding is the suspicion.
            Self::Elsewhere => 5.0,
            _ => 1.0,
        }
    }

    /// What a finding rests on.
    #[must_use]
    pub const fn basis(self) -> Basis {
        match self {
            Self::Speed
            | Self::Position
            | Self::PositionSpeed
            | Self::PositionHeading
            | Self::SpeedChange
            | Self::HeadingChange
            | Self::BeaconRate
            | Self::Residual
            | Self::Braking => Basis::Signed,
            Self::Overlap | Self::Copied | Self::Company => Basis::Others,
            Self::Range | Self::SuddenAppearance | Self::Signal | Self::Reach | Self::Elsewhere => {
                Basis::Measured
            }
        }
    }
}

/// What a finding rests on, and so what it may cost the signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// What its own credential signed: that contradicts itself or physics, whoever hears it, wherever and whenever. The
    /// only basis of isolation.
    Signed,
    /// What other stations signed: an insider can stage it. A suspicion at most.
    Others,
    /// What the receiver measured: power, place, time of arrival. A radio without any credential can stage it, by
    /// repeating elsewhere what it hears; so can a hill or a mast. A suspicion at most.
    Measured,
}

/// How far a station moved since an anchor, and how far it should have by its claims.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CheckWindow {
    /// From the anchor's position to the newest, east and north, m.
    pub moved: (f32, f32),
    /// Sum of speed over time, m.
    pub odometer: f32,
    /// Sum of velocity over time, east and north, m.
    pub reckoned: (f32, f32),
    /// Difference of the greatest and the smallest speed, m/s.
    pub speed_spread: f32,
    /// Sum of the squares of the gaps between messages, s^2.
    pub gaps_2: f32,
    /// Noise of a difference of positions, m.
    pub tolerance: f32,
}

/// Distance of a single-hop message from its signer, m.
#[must_use]
pub fn range(distance_m: f32) -> f32 {
    t::RANGE_M.score(distance_m)
}

/// Speed, m/s.
#[must_use]
pub fn speed(speed: f32) -> f32 {
    t::SPEED.score(speed)
}

/// Path between two messages, m, over the time between them, s.
#[must_use]
pub fn position(moved_m: f32, gap_s: f32, tolerance_m: f32) -> f32 {
    t::JUMP_SPEED.score((moved_m - tolerance_m) / gap_s.max(t::JUMP_GAP_S))
}

/// Whether the path fits the speeds: neither longer than the odometer nor shorter than the dead-reckoned path.
#[must_use]
pub fn position_speed(window: &CheckWindow) -> f32 {
    let moved = length(window.moved);
    let disagreement = (moved - window.odometer).max(length(window.reckoned) - moved);
    let explained =
        0.5 * window.speed_spread * t::FIX_INTERVAL_S + t::UNSEEN_ACCELERATION * window.gaps_2.max(0.0);
    t::POSITION_SPEED.score((disagreement - explained) / window.tolerance.max(1.0))
}

/// Whether the path fits the headings. `speed` is the slower of the two ends, m/s.
#[must_use]
pub fn position_heading(window: &CheckWindow, speed: f32) -> f32 {
    let (moved, reckoned) = (length(window.moved), length(window.reckoned));
    let too_short = moved < t::HEADING_MIN_M || reckoned < t::HEADING_MIN_M;
    if too_short || speed < t::HEADING_MIN_SPEED {
        return 1.0;
    }
    let along = window.moved.0 * window.reckoned.0 + window.moved.1 * window.reckoned.1;
    t::POSITION_HEADING.score(-along / (moved * reckoned))
}

/// Change of speed `change` over `gap_s`, after the change `before` over `gap_before_s`; m/s and s.
#[must_use]
pub fn speed_change(change: f32, gap_s: f32, before: f32, gap_before_s: f32) -> f32 {
    let ramp = if change < 0.0 { t::SPEED_LOSS } else { t::SPEED_GAIN };
    let single = ramp.times(gap_s.max(t::FIX_INTERVAL_S)).score(change.abs());
    if change * before >= 0.0 {
        return single;
    }
    let longer = gap_s.max(gap_before_s).max(t::FIX_INTERVAL_S);
    single.min(t::SPEED_REVERSAL.times(longer).score(change.abs().min(before.abs())))
}

/// Turn by `degrees` (0..=180) over `gap_s` at `speed`, the slower of both ends, m/s.
#[must_use]
pub fn heading_change(degrees: f32, gap_s: f32, speed: f32) -> f32 {
    if speed < t::TURN_MIN_SPEED {
        return 1.0;
    }
    let ramp = if speed < t::TURN_FAST_SPEED { t::TURN } else { t::TURN_FAST };
    ramp.times(gap_s.max(t::FIX_INTERVAL_S)).score(degrees)
}

/// Distance of two vehicles, m.
#[must_use]
pub fn overlap(distance_m: f32) -> f32 {
    t::OVERLAP_M.score(-distance_m)
}

/// Distance at which a station is heard for the first time, m.
#[must_use]
pub fn sudden_appearance(distance_m: f32) -> f32 {
    t::SUDDEN_M.score(-distance_m)
}

/// Time between two awareness messages, s, where `shortest_s` is the shortest allowed.
#[must_use]
pub fn beacon_rate(gap_s: f32, shortest_s: f32) -> f32 {
    t::BEACON_INTERVAL.score(-gap_s / shortest_s.max(1e-3))
}

/// Distance from the prediction, in standard deviations.
#[must_use]
pub fn residual(sigmas: f32) -> f32 {
    t::RESIDUAL.score(sigmas)
}

fn length((east, north): (f32, f32)) -> f32 {
    (east * east + north * north).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STILL: CheckWindow = CheckWindow {
        moved: (0.0, 0.0),
        odometer: 0.0,
        reckoned: (0.0, 0.0),
        speed_spread: 0.0,
        gaps_2: 0.0,
        tolerance: 5.0,
    };

    fn straight(moved: f32, said: f32) -> CheckWindow {
        CheckWindow { moved: (moved, 0.0), odometer: said, reckoned: (said, 0.0), ..STILL }
    }

    #[test]
    fn ranges_of_radio_are_believed_and_no_others() {
        assert_eq!(range(900.0), 1.0);
        assert_eq!(range(1500.0), 0.0);
        assert!((range(1350.0) - 0.5).abs() < 1e-3);
    }

    #[test]
    fn motorway_speeds_are_believed_and_rockets_are_not() {
        assert_eq!(speed(70.0), 1.0);
        assert_eq!(speed(100.0), 0.0);
    }

    #[test]
    fn a_position_is_reached_or_jumped_to() {
        assert_eq!(position(7.0, 0.1, 5.0), 1.0, "70 m/s");
        assert_eq!(position(70.0, 1.0, 5.0), 1.0);
        assert_eq!(position(15.0, 0.1, 5.0), 1.0, "a correction of the receiver");
        assert_eq!(position(70.0, 0.1, 5.0), 0.0);
        assert_eq!(position(1000.0, 20.0, 5.0), 1.0, "after a silence");
    }

    #[test]
    fn ways_fit_speeds() {
        assert_eq!(position_speed(&straight(39.0, 40.0)), 1.0);
        assert_eq!(position_speed(&straight(0.0, 20.0)), 0.0, "stands, and says it drives");
        assert_eq!(position_speed(&straight(20.0, 0.0)), 0.0, "drives, and says it stands");
        let braking = CheckWindow { speed_spread: 30.0, ..straight(45.0, 60.0) };
        assert_eq!(position_speed(&braking), 1.0, "a fix a second, braking at 10 m/s^2 for 3 s");
        let around = CheckWindow { moved: (0.0, 3.0), odometer: 40.0, ..STILL };
        assert_eq!(position_speed(&around), 1.0, "all the way round a roundabout");
    }

    #[test]
    fn ways_fit_headings_unless_reversing() {
        assert_eq!(position_heading(&straight(30.0, 30.0), 10.0), 1.0);
        assert_eq!(position_heading(&straight(-30.0, 30.0), 10.0), 0.0);
        assert_eq!(position_heading(&straight(-30.0, 30.0), 2.0), 1.0);
        assert_eq!(position_heading(&straight(-3.0, 30.0), 10.0), 1.0, "too short to say");
    }

    #[test]
    fn emergency_braking_is_believed_and_stopping_dead_is_not() {
        assert_eq!(speed_change(-1.2, 0.1, -1.2, 0.1), 1.0);
        assert_eq!(speed_change(-11.0, 0.1, 0.0, 0.1), 1.0, "the step of a fix a second");
        assert_eq!(speed_change(-30.0, 0.1, 0.0, 0.1), 0.0);
        assert_eq!(speed_change(-30.0, 3.0, 0.0, 0.1), 1.0);
        assert_eq!(speed_change(30.0, 0.1, 0.0, 0.1), 0.0);
    }

    #[test]
    fn speed_does_not_shake() {
        assert_eq!(speed_change(2.0, 0.1, -2.0, 0.1), 1.0);
        assert_eq!(speed_change(6.0, 0.1, -7.0, 0.1), 0.0);
        assert_eq!(speed_change(6.0, 0.1, 7.0, 0.1), 1.0, "two steps the same way");
    }

    #[test]
    fn corners_are_turned_and_motorways_are_not_turned_on() {
        assert_eq!(heading_change(90.0, 0.1, 10.0), 1.0);
        assert_eq!(heading_change(180.0, 0.1, 10.0), 0.0);
        assert_eq!(heading_change(180.0, 0.1, 3.0), 1.0);
        assert_eq!(heading_change(110.0, 0.5, 30.0), 0.0);
    }

    #[test]
    fn lanes_apart_do_not_overlap() {
        assert_eq!(overlap(1.5), 1.0);
        assert_eq!(overlap(0.1), 0.0);
    }

    #[test]
    fn a_station_comes_from_afar_and_beacons_in_its_time() {
        assert_eq!(sudden_appearance(200.0), 1.0);
        assert_eq!(sudden_appearance(10.0), 0.0);
        assert_eq!(beacon_rate(0.095, 0.1), 1.0);
        assert_eq!(beacon_rate(0.01, 0.1), 0.0);
        assert_eq!(beacon_rate(0.01, 0.01), 1.0, "a channel agreed to be faster");
    }

    #[test]
    fn checks_are_listed_in_their_own_order() {
        for (n, check) in Check::ALL.iter().enumerate() {
            assert_eq!(*check as usize, n);
        }
    }

    proptest! {
        #[test]
        fn scores_stay_between_impossible_and_plausible(a in any::<f32>(), b in any::<f32>(), c in any::<f32>(),
                                                        d in any::<f32>(), e in any::<f32>(), f in any::<f32>()) {
            let window = CheckWindow {
                moved: (a, b), odometer: c, reckoned: (d, e), speed_spread: f, gaps_2: a, tolerance: b,
            };
            let scores = [
                range(a), speed(a), position(a, b, c), position_speed(&window), position_heading(&window, f),
                speed_change(a, b, c, d), heading_change(a, b, c), overlap(a), sudden_appearance(a),
                beacon_rate(a, b), residual(a),
            ];
            for score in scores {
                prop_assert!((0.0..=1.0).contains(&score), "{score}");
            }
        }
    }
}
