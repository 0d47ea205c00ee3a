//! One station's path through a trace, interpolated between samples.

use super::motion;
use super::signals::Signals;
use super::trace::{Sample, Trace};

/// The samples of one station in order of time, and what lies between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// The station, an index into [`Trace::names`].
    pub station: u32,
    /// Its samples; never empty.
    pub samples: Vec<Sample>,
    /// What it switches on and off: from when on, and to what; empty where the trace does not say.
    signals: Vec<(u64, Signals)>,
    gap_ns: u64,
    /// Whether its speeds say how far it can have come.
    speeds_believed: bool,
}

impl Track {
    /// Time of the first sample in ns since the trace's first step.
    pub fn enter_ns(&self) -> u64 {
        self.samples.first().map_or(0, |sample| sample.time_ns)
    }

    /// Time of the last sample in ns since the trace's first step.
    pub fn leave_ns(&self) -> u64 {
        self.samples.last().map_or(0, |sample| sample.time_ns)
    }

    /// Whether the trace says what the station switches on.
    pub(crate) fn has_signals(&self) -> bool {
        !self.signals.is_empty()
    }

    /// What the station has switched on at a time; `None` where the trace never says of it that anything is.
    pub fn signals_at(&self, time_ns: u64) -> Option<Signals> {
        let past = self.signals.partition_point(|(from_ns, _)| *from_ns <= time_ns);
        let before = past.checked_sub(1).map(|last| self.signals[last].1);
        (!self.signals.is_empty()).then(|| before.unwrap_or_default())
    }

    /// Where the station is at a time: position, speed and acceleration on the straight line between the samples
    /// around it, heading the shorter way round. `None` before it enters, after it leaves, and where nothing is known:
    /// within a gap of more than [`MAX_GAP_NS`] (or three steps of the trace, when those are longer), or one across
    /// which it cannot have driven at its speeds.
    pub fn at(&self, time_ns: u64) -> Option<Sample> {
        let after = self.samples.partition_point(|sample| sample.time_ns < time_ns);
        let next = self.samples.get(after)?;
        if next.time_ns == time_ns {
            return Some(*next);
        }
        let previous = &self.samples[after.checked_sub(1)?];
        if next.time_ns - previous.time_ns > self.gap_ns
            || !motion::in_reach(previous, next, self.speeds_believed)
        {
            return None;
        }
        Some(between(previous, next, time_ns))
    }
}

impl Trace {
    /// The movement of each station, by station index: when it enters and leaves, and where it is between samples.
    pub fn tracks(&self) -> Vec<Track> {
        let gap_ns = MAX_GAP_NS.max(self.step_ns().saturating_mul(3));
        let speeds_believed = motion::disagreement(self).is_none();
        let mut counts = vec![0usize; self.stations()];
        for sample in &self.samples {
            counts[sample.station as usize] += 1;
        }
        let mut tracks: Vec<Track> = counts
            .iter()
            .enumerate()
            .map(|(station, count)| Track {
                station: station as u32,
                samples: Vec::with_capacity(*count),
                signals: Vec::new(),
                gap_ns,
                speeds_believed,
            })
            .collect();
        for sample in &self.samples {
            tracks[sample.station as usize].samples.push(*sample);
        }
        for change in &self.signals {
            tracks[change.station as usize].signals.push((change.time_ns, change.signals));
        }
        tracks
    }
}

fn between(a: &Sample, b: &Sample, time_ns: u64) -> Sample {
    let share = (time_ns - a.time_ns) as f64 / (b.time_ns - a.time_ns) as f64;
    let linear = |a: i64, b: i64| a + ((b - a) as f64 * share).round() as i64;
    let longitude = a.longitude.into();
    let longitude =
        linear(longitude, longitude + shorter(i64::from(b.longitude) - longitude, TURN_LONGITUDE));
    Sample {
        time_ns,
        station: a.station,
        latitude: linear(a.latitude.into(), b.latitude.into()) as i32,
        longitude: shorter(longitude, TURN_LONGITUDE) as i32,
        speed: pair(a.speed, b.speed, |a, b| linear(a.into(), b.into()) as u16),
        heading: pair(a.heading, b.heading, |a, b| {
            let a = i64::from(a);
            let way = shorter(i64::from(b) - a, TURN_HEADING);
            linear(a, a + way).rem_euclid(TURN_HEADING) as u16
        }),
        acceleration: pair(a.acceleration, b.acceleration, |a, b| linear(a.into(), b.into()) as i16),
    }
}

/// Between two known values; with one unknown, the earlier holds.
fn pair<T>(a: Option<T>, b: Option<T>, between: impl FnOnce(T, T) -> T) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(between(a, b)),
        (a, _) => a,
    }
}

/// An angle difference of less than a turn and a half, brought within half a turn either way.
fn shorter(difference: i64, turn: i64) -> i64 {
    if difference > turn / 2 {
        difference - turn
    } else if difference < -turn / 2 {
        difference + turn
    } else {
        difference
    }
}

/// The longest time without a sample that is bridged by a straight line: at town speed some 40 m.
pub const MAX_GAP_NS: u64 = 3_000_000_000;

const TURN_LONGITUDE: i64 = 3_600_000_000;
const TURN_HEADING: i64 = 3_600;

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(time_ns: u64, longitude: i32, heading: u16) -> Sample {
        Sample {
            time_ns,
            station: 0,
            latitude: 500,
            longitude,
            speed: Some(100),
            heading: Some(heading),
            acceleration: None,
        }
    }

    fn track(samples: Vec<Sample>) -> Track {
        Track { station: 0, samples, signals: Vec::new(), gap_ns: MAX_GAP_NS, speeds_believed: true }
    }

    #[test]
    fn halfway_is_halfway_and_the_heading_turns_the_shorter_way() {
        let track = track(vec![sample(0, 0, 3500), sample(1_000, 100, 100)]);
        let middle = track.at(500).unwrap();
        assert_eq!(middle.longitude, 50);
        assert_eq!(middle.heading, Some(0));
        assert_eq!(middle.speed, Some(100));
        assert_eq!(middle.acceleration, None);
        assert_eq!(track.at(0).unwrap().longitude, 0);
        assert_eq!(track.at(1_000).unwrap().longitude, 100);
        assert_eq!(track.at(1_001), None);
    }

    #[test]
    fn the_antimeridian_is_crossed_not_circled() {
        let track = track(vec![sample(0, 1_799_999_990, 900), sample(100, -1_799_999_990, 900)]);
        assert_eq!(track.at(25).unwrap().longitude, 1_799_999_995);
        assert_eq!(track.at(75).unwrap().longitude, -1_799_999_995);
    }

    #[test]
    fn a_long_gap_is_not_bridged() {
        let track = track(vec![sample(0, 0, 0), sample(MAX_GAP_NS + 1, 100, 0)]);
        assert_eq!(track.at(5), None);
        assert!(track.at(MAX_GAP_NS + 1).is_some());
    }
}
