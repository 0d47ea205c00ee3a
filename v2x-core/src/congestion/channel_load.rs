//! Channel busy ratio: the host's report while it is fresh, else the estimate from decoded frames.

use super::airtime::Airtime;
use crate::base::{Instant, limits};

/// The channel busy ratio as the station knows it.
#[derive(Clone, Debug, Default)]
pub struct ChannelLoad {
    decoded: Airtime,
    reported: Option<Report>,
}

impl ChannelLoad {
    /// A frame of `len` bytes after the link's own header was heard or sent at `now`.
    pub fn add(&mut self, now: Instant, len: usize) {
        self.decoded.add(now, len);
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

    fn with(&self, decoded: f64, now: Instant) -> BusyRatio {
        let fresh = self.reported.filter(|report| now.since(report.at) < limits::MAX_LOAD_AGE);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// 300 B each 2 ms for a second: a quarter of the channel.
    fn quarter() -> ChannelLoad {
        let mut load = ChannelLoad::default();
        for ms in (0..1000).step_by(2) {
            load.add(Instant::from_millis(ms), 300);
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
