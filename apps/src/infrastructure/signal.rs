//! What a signal shows, until when, and what follows for a vehicle on its way to it.
//!
//! Ends of phases count from the controller's time in the state, by the wire clock. A state older than
//! [`limits::MAX_SIGNAL_AGE`] counts as unknown: a countdown without its controller is worse than none.

use core::fmt;
use core::time::Duration;

use v2x_core::WireTime;
use v2x_proto::v1::{SignalGroup, SignalPhase};

use super::lane::Connection;
use super::map::Map;
use super::state::IntersectionState;
use crate::limits;

/// The signal of one way on from the vehicle's lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signal {
    /// The way on.
    pub connection: Connection,
    /// What it shows, or why that is not known.
    pub shows: Result<Showing, Unknown>,
}

/// What a signal shows and until when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Showing {
    /// What it shows.
    pub phase: SignalPhase,
    /// When that ends.
    pub ends: Ends,
    /// Speed at which a vehicle passes without stopping, as the controller advises, m/s.
    pub advised_mps: Option<f64>,
}

/// How long a phase still lasts, from now. Zero when the time is over and the phase is not: any moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// At least.
    pub min: Option<Duration>,
    /// Probably.
    pub likely: Option<Duration>,
    /// At most.
    pub max: Option<Duration>,
}

/// Why nothing is known of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// No state of this intersection was heard.
    NoState,
    /// The newest state is older than [`limits::MAX_SIGNAL_AGE`].
    Stale,
    /// The state belongs to another revision of the map.
    OtherRevision,
    /// The controller reports that its signals fail or are off.
    OutOfOrder,
    /// The way on has no signal, or the state does not name its group.
    NoSignal,
    /// Signers contradict each other about it, and nobody can tell who is right.
    Contested,
}

/// Speeds, m/s, at all of which the stop line is passed while the signal is green.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpeedWindow {
    /// Slowest.
    pub min_mps: f64,
    /// Fastest.
    pub max_mps: f64,
}

/// At its present speed the vehicle crosses the stop line at red.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Violation {
    /// When it is at the stop line.
    pub after: Duration,
    /// Deceleration that stops it there, m/s^2.
    pub deceleration: f64,
}

impl Showing {
    /// How long until the signal is green, as far as the state gives it: zero when it is, the rest of red or of red and
    /// amber when it shows those (after red comes red and amber for a second or two where that is the rule).
    /// `None` when it shows something else.
    #[must_use]
    pub fn time_to_green(&self) -> Option<Ends> {
        match self.phase {
            phase if is_go(phase) => {
                let now = Some(Duration::ZERO);
                Some(Ends { min: now, likely: now, max: now })
            }
            SignalPhase::StopAndRemain | SignalPhase::PreMovement => Some(self.ends),
            _ => None,
        }
    }

    /// The speeds at which the vehicle, `distance_m` before the stop line, passes it in green, none of them above
    /// `limit_mps` or below 5 m/s, which would obstruct others. The earliest end counts for a green signal and the
    /// latest for a red one: the window is safe whatever the controller does. `None` when the numbers do not permit one.
    #[must_use]
    pub fn green_window(&self, distance_m: f64, limit_mps: f64) -> Option<SpeedWindow> {
        // Not `<=`: a distance that is no number gives no advice either.
        if !(distance_m > 0.0 && limit_mps >= MIN_ADVICE_MPS) {
            return None;
        }
        let window = match self.phase {
            phase if is_go(phase) => {
                let left = self.ends.min?.as_secs_f64();
                SpeedWindow { min_mps: (distance_m / left).max(MIN_ADVICE_MPS), max_mps: limit_mps }
            }
            SignalPhase::StopAndRemain | SignalPhase::PreMovement => {
                let wait = self.ends.max?.as_secs_f64();
                SpeedWindow { min_mps: MIN_ADVICE_MPS, max_mps: (distance_m / wait).min(limit_mps) }
            }
            _ => return None,
        };
        (window.min_mps <= window.max_mps).then_some(window)
    }

    /// Whether a vehicle that is `distance_m` before the stop line and keeps its speed crosses it at red: the signal
    /// is red and does not end for certain before, or it is amber and ends before. `None` when not, when that is not
    /// known, when the vehicle is stationary, or when it is past the line.
    #[must_use]
    pub fn violation(&self, distance_m: f64, speed_mps: f64) -> Option<Violation> {
        if !(distance_m > 0.0 && speed_mps >= STANDING_MPS) {
            return None;
        }
        let after = Duration::try_from_secs_f64(distance_m / speed_mps).ok()?;
        let red = match self.phase {
            SignalPhase::StopAndRemain => self.ends.min.is_none_or(|end| after < end),
            SignalPhase::PermissiveClearance | SignalPhase::ProtectedClearance => {
                self.ends.max.is_some_and(|end| after > end)
            }
            _ => false,
        };
        red.then_some(Violation { after, deceleration: speed_mps * speed_mps / (2.0 * distance_m) })
    }
}

impl SpeedWindow {
    /// Its slowest and fastest speed in whole km/h, both within it.
    #[must_use]
    pub fn whole_kmh(self) -> (u32, u32) {
        ((self.min_mps * 3.6).ceil() as u32, (self.max_mps * 3.6).floor() as u32)
    }
}

impl Violation {
    /// Whether a driver would have had to brake by now: stopping takes more than 4 m/s^2, where ordinary braking ends
    /// and an alert (cause 98, signal violation) is due. Not of a vehicle that could stop within a metre: positions are not
    /// that good, and each vehicle that rolls up to the line would be warned.
    #[must_use]
    pub fn is_imminent(&self) -> bool {
        let speed_mps = 2.0 * self.deceleration * self.after.as_secs_f64();
        self.deceleration > HARD_MPS2 && speed_mps * speed_mps / (2.0 * HARD_MPS2) > UNSURE_M
    }
}

impl Ends {
    fn of(group: &SignalGroup, state: WireTime, now: WireTime) -> Self {
        let in_order = [group.min_end, group.likely_end, group.max_end].into_iter().flatten().is_sorted();
        if !in_order {
            // Ends that contradict each other are ignored.
            return Self::default();
        }
        let left = |end: Option<u32>| {
            let end = state + Duration::from_millis(u64::from(end?) * 100);
            Some(end.since(now))
        };
        // "An hour or more" (SAE J2735 `TimeMark`) is no latest end, and no likely one.
        let within_an_hour = |end: Option<u32>| end.filter(|end| *end < HOUR);
        Self {
            min: left(group.min_end),
            likely: left(within_an_hour(group.likely_end)),
            max: left(within_an_hour(group.max_end)),
        }
    }

    /// The likely end, else the latest, else the earliest.
    #[must_use]
    pub fn best(&self) -> Option<Duration> {
        self.likely.or(self.max).or(self.min)
    }
}

impl fmt::Display for Signal {
    /// `red, green in 4.2 s`; `green for 7.0 s`; `red for an hour or more`; `unknown (stale)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let showing = match &self.shows {
            Ok(showing) => showing,
            Err(unknown) => return write!(f, "unknown ({})", unknown.name()),
        };
        let colour = phase_name(showing.phase);
        match (showing.time_to_green(), showing.ends.best()) {
            (_, None) => f.write_str(colour),
            (_, Some(left)) if left >= NEARLY_AN_HOUR => write!(f, "{colour} for an hour or more"),
            (Some(wait), Some(left)) if wait.min != Some(Duration::ZERO) || !is_go(showing.phase) => {
                write!(f, "{colour}, green in {:.1} s", left.as_secs_f64())
            }
            (_, Some(left)) => write!(f, "{colour} for {:.1} s", left.as_secs_f64()),
        }
    }
}

impl Unknown {
    /// Stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoState => "no_state",
            Self::Stale => "stale",
            Self::OtherRevision => "other_revision",
            Self::OutOfOrder => "out_of_order",
            Self::NoSignal => "no_signal",
            Self::Contested => "contested",
        }
    }
}

/// The signal of `connection` at `now`, by the state of its intersection or the reason why that is not known.
#[must_use]
pub fn signal(
    map: &Map,
    state: Result<&IntersectionState, Unknown>,
    connection: Connection,
    now: WireTime,
) -> Signal {
    Signal { connection, shows: state.and_then(|state| showing(map, state, connection.group, now)) }
}

/// What a driver calls a phase.
#[must_use]
pub const fn phase_name(phase: SignalPhase) -> &'static str {
    match phase {
        SignalPhase::Unspecified => "unknown",
        SignalPhase::Dark => "dark",
        SignalPhase::StopThenProceed => "flashing red",
        SignalPhase::StopAndRemain => "red",
        SignalPhase::PreMovement => "red and amber",
        SignalPhase::PermissiveGo | SignalPhase::ProtectedGo => "green",
        SignalPhase::PermissiveClearance | SignalPhase::ProtectedClearance => "amber",
        SignalPhase::Caution => "flashing amber",
    }
}

fn showing(map: &Map, state: &IntersectionState, group: u8, now: WireTime) -> Result<Showing, Unknown> {
    if is_stale(state, now) {
        return Err(Unknown::Stale);
    }
    if state.map_revision() != map.revision() {
        return Err(Unknown::OtherRevision);
    }
    if state.out_of_order() {
        return Err(Unknown::OutOfOrder);
    }
    let group = state.group(group).ok_or(Unknown::NoSignal)?;
    Ok(Showing {
        phase: SignalPhase::try_from(group.phase).unwrap_or_default(),
        ends: Ends::of(group, state.time(), now),
        advised_mps: group.advisory_speed.map(|speed| f64::from(speed) / 10.0),
    })
}

/// Also when its time is further ahead than clocks may differ: then the station's clock was set back.
fn is_stale(state: &IntersectionState, now: WireTime) -> bool {
    now.since(state.time()) > limits::MAX_SIGNAL_AGE || state.time().since(now) > limits::MAX_SIGNAL_AHEAD
}

const fn is_go(phase: SignalPhase) -> bool {
    matches!(phase, SignalPhase::PermissiveGo | SignalPhase::ProtectedGo)
}

/// `TimeMark` of an hour or more, 0.1 s.
const HOUR: u32 = 36_000;
/// What is left of an hour by the time a state has come.
const NEARLY_AN_HOUR: Duration = Duration::from_secs(3_595);
/// 18 km/h: slower than this would obstruct others.
const MIN_ADVICE_MPS: f64 = 5.0;
/// Slower than this it counts as stationary.
const STANDING_MPS: f64 = 0.5;
/// What a good position and a map are off.
const UNSURE_M: f64 = 1.0;
/// Where ordinary braking ends.
const HARD_MPS2: f64 = 4.0;

#[cfg(test)]
mod tests;
