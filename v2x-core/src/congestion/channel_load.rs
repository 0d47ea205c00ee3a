//! Channel busy ratio: the host's report while it is fresh, else the estimate from decoded frames.

use super::airtime::Airtime;
use crate::base::{Instant, limits};

/// The channel busy ratio as the station knows it.
#[derive(Clone, Debug, Default)]
pub struct ChannelLoad {
    decoded: Airtime,
    reported: Option<Report>,
    /// When a frame was heard last.
    heard: Option<Instant>,
}

impl ChannelLoad {
    /// A frame of `len` bytes after the link's own header was heard at `now`.
    pub fn hear(&mut self, now: Instant, len: usize) {
        self.decoded.add(now, len);
        self.heard = Some(now);
    }

    /// A frame of `len` bytes after the link's own header was sent at `now`.
    pub fn send(&mut self, now: Instant, len: usize) {
        self.decoded.add(now, len);
    }

    /// How busy the channel was in the last 100 ms, for the gate: as reported, else as heard, else assumed.
    pub fn sample(&mut self, now: Instant) -> LoadSample {
        let heard = self.decoded.last_step(now);
        let hears = self.heard.is_some_and(|at| now.since(at) < limits::MAX_LOAD_AGE);
        match self.fresh(now) {
            Some(report) if report.source == LoadSource::Survey => {
                LoadSample { share: report.share(), basis: LoadBasis::Reported(report.source) }
            }
            Some(report) => {
                LoadSample { share: report.share().max(heard), basis: LoadBasis::Reported(report.source) }
            }
            None if hears => LoadSample { share: heard, basis: LoadBasis::Heard },
            None => LoadSample { share: ASSUMED, basis: LoadBasis::Assumed },
        }
    }

    /// The host reports a load in thousandths; false when it is above [`MAX_PERMILLE`]: then it is ignored, and an
    /// earlier report stays in force.
    pub fn report(&mut self, now: Instant, busy_permille: u16, source: LoadSource) -> bool {
        if busy_permille > MAX_PERMILLE {
            return false;
        }
        self.reported = Some(Report { at: now, busy_permille, source });
        true
    }

    /// Share of time the channel is busy, 0..=1.
    ///
    /// A report counts for [`limits::MAX_LOAD_AGE`]. A survey measures more than can be decoded and stands alone; an
    /// estimate misses as much as ours does, so the larger of the two is closer.
    pub fn busy(&mut self, now: Instant) -> f64 {
        let decoded = self.decoded.busy(now);
        self.with(decoded, now).share
    }

    /// The same, and where it comes from, for others to see.
    pub fn ratio(&self, now: Instant) -> BusyRatio {
        self.with(self.decoded.clone().busy(now), now)
    }

    fn fresh(&self, now: Instant) -> Option<Report> {
        self.reported.filter(|report| now.since(report.at) < limits::MAX_LOAD_AGE)
    }

    fn with(&self, decoded: f64, now: Instant) -> BusyRatio {
        let fresh = self.fresh(now);
        let share = match fresh {
            None => decoded,
            Some(report) => match report.source {
                LoadSource::Survey => report.share(),
                LoadSource::Estimate => report.share().max(decoded),
            },
        };
        BusyRatio { share, reported: fresh.map(|report| report.source) }
    }
}

/// How busy the channel is, as a station knows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BusyRatio {
    /// Share of time, 0..=1.
    pub share: f64,
    /// What the link's or the host's report of it was based on; `None` while it is the station's own estimate, from the
    /// frames that it sent and heard.
    pub reported: Option<LoadSource>,
}

/// How busy the channel was in the last 100 ms, as a gate takes it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadSample {
    /// Share of time, 0..=1.
    pub share: f64,
    /// Where it comes from.
    pub basis: LoadBasis,
}

/// What is known of the channel's load, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadBasis {
    /// The link or the host reports it.
    Reported(LoadSource),
    /// The airtime of the frames that the station heard and sent: the channel is at least this busy.
    Heard,
    /// Nothing is reported and nothing was heard for a second: a receiver may be deaf as well as alone.
    Assumed,
}

impl LoadBasis {
    /// Stable name in reports, as for [`BusyRatio`]: `survey`, `monitor`, `estimate` or `assumed`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reported(LoadSource::Survey) => "survey",
            Self::Reported(LoadSource::Estimate) => "monitor",
            Self::Heard => "estimate",
            Self::Assumed => "assumed",
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Report {
    at: Instant,
    busy_permille: u16,
    source: LoadSource,
}

impl Report {
    fn share(self) -> f64 {
        f64::from(self.busy_permille) / f64::from(MAX_PERMILLE)
    }
}

/// All of the time.
const MAX_PERMILLE: u16 = 1000;

/// An unknown channel counts as this busy.
pub const ASSUMED: f64 = 0.5;

#[cfg(test)]
mod tests {
    use super::*;

    /// 300 B each 2 ms for a second: a quarter of the channel.
    fn quarter() -> ChannelLoad {
        let mut load = ChannelLoad::default();
        for ms in (0..1000).step_by(2) {
            load.hear(Instant::from_millis(ms), 300);
        }
        load
    }

    #[test]
    fn a_survey_stands_alone_until_it_is_old() {
        let (at, fresh) = (Instant::from_millis(990), Instant::from_millis(1_989));
        let mut load = quarter();
        assert!((load.busy(at) - 0.248).abs() < 1e-9);
        assert!(load.report(at, 100, LoadSource::Survey));
        assert_eq!((load.busy(at), load.busy(fresh)), (0.1, 0.1));
        assert_eq!(load.busy(at + limits::MAX_LOAD_AGE), 0.0, "and then what was decoded counts again");
    }

    #[test]
    fn the_ratio_says_what_it_is_based_on_as_long_as_that_counts() {
        let at = Instant::from_millis(990);
        let mut load = quarter();
        let known = |load: &ChannelLoad, at| {
            let BusyRatio { share, reported } = load.ratio(at);
            ((share * 1000.0).round() as u32, reported)
        };
        assert_eq!(known(&load, at), (248, None));
        load.report(at, 100, LoadSource::Survey);
        assert_eq!(known(&load, at), (100, Some(LoadSource::Survey)));
        load.report(at, 100, LoadSource::Estimate);
        assert_eq!(known(&load, at), (248, Some(LoadSource::Estimate)));
        assert_eq!(known(&load, at + limits::MAX_LOAD_AGE), (0, None));
        assert_eq!(load.busy(at), load.ratio(at).share, "looking changes nothing");
    }

    #[test]
    fn a_gate_takes_the_hosts_ratio_else_what_was_heard_else_a_half() {
        let at = Instant::from_millis(999);
        let mut load = quarter();
        let sample = |load: &mut ChannelLoad, at| {
            let LoadSample { share, basis } = load.sample(at);
            ((share * 1000.0).round() as u32, basis.name())
        };
        load.report(at, 100, LoadSource::Survey);
        assert_eq!(sample(&mut load, at), (100, "survey"));
        load.report(at, 100, LoadSource::Estimate);
        assert_eq!(sample(&mut load, at), (248, "monitor"));
        let mut load = quarter();
        assert_eq!(sample(&mut load, at), (248, "estimate"));
        assert_eq!(
            sample(&mut load, Instant::from_millis(1_997)),
            (0, "estimate"),
            "it hears that nobody sends"
        );
        load.send(Instant::from_millis(2_000), 300);
        assert_eq!(
            sample(&mut load, Instant::from_millis(2_100)),
            (500, "assumed"),
            "what it sends is no proof"
        );
    }

    #[test]
    fn of_two_estimates_the_larger_counts() {
        let at = Instant::from_millis(990);
        let mut load = quarter();
        load.report(at, 100, LoadSource::Estimate);
        assert!((load.busy(at) - 0.248).abs() < 1e-9);
        load.report(at, 600, LoadSource::Estimate);
        assert_eq!(load.busy(at), 0.6);
    }

    #[test]
    fn a_share_above_one_is_refused_and_the_report_before_it_stays() {
        let mut load = ChannelLoad::default();
        assert!(load.report(Instant::ZERO, 1000, LoadSource::Survey));
        assert!(!load.report(Instant::from_millis(1), 1001, LoadSource::Survey));
        assert_eq!(load.busy(Instant::from_millis(2)), 1.0);
    }
}

/// Where a channel load comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadSource {
    /// The receiver's own carrier sense: whatever was above its threshold, decoded or not.
    Survey,
    /// What could be decoded: the channel is at least this busy.
    Estimate,
}

impl LoadSource {
    /// Name in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Survey => "survey",
            Self::Estimate => "estimate",
        }
    }
}
