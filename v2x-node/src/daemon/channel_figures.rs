//! How busy the channel is, second by second, for reports and status lines.

use std::collections::BTreeMap;

use radio_adapters::Counters;
use radio_adapters::wlan::Neighbour;
use v2x_core::{BusyRatio, LoadSource};
use v2x_report::{ChannelReport, OcbReport, counts};

/// What was known of the channel so far.
#[derive(Debug, Default)]
pub struct ChannelFigures {
    last: Option<(f64, &'static str)>,
    sum: f64,
    most: f64,
    seconds: BTreeMap<&'static str, u64>,
}

impl ChannelFigures {
    /// A second has passed, in which the channel was this busy.
    pub fn note(&mut self, busy: BusyRatio) {
        let source = source_name(busy);
        self.last = Some((busy.share, source));
        self.sum += busy.share;
        self.most = self.most.max(busy.share);
        *self.seconds.entry(source).or_default() += 1;
    }

    /// For a report; `None` before the first second.
    pub fn report(&self) -> Option<ChannelReport> {
        let (busy, source) = self.last?;
        let seconds: u64 = self.seconds.values().sum();
        Some(ChannelReport {
            busy: thousandth(busy),
            source: source.to_owned(),
            busy_mean: thousandth(self.sum / seconds.max(1) as f64),
            busy_max: thousandth(self.most),
            seconds_by_source: counts::owned(&self.seconds),
        })
    }

    /// For a status line: `  channel 12.3 % busy (survey)`.
    pub fn status(&self) -> String {
        self.last.map_or_else(String::new, |(busy, source)| format!("  channel {}", in_words(busy, source)))
    }
}

/// `12.3 % busy (survey)`.
pub fn in_words(busy: f64, source: &str) -> String {
    format!("{:.1} % busy ({source})", busy * 100.0)
}

/// Where a figure comes from: `survey`, `monitor` or `estimate`. What a link reports without carrier sense is the airtime that
/// its monitor interface heard.
pub fn source_name(busy: BusyRatio) -> &'static str {
    match busy.reported {
        Some(LoadSource::Survey) => "survey",
        Some(LoadSource::Estimate) => "monitor",
        None => "estimate",
    }
}

/// What the kernel keeps of the neighbours; `None` on a link that is not in OCB.
pub fn ocb(counters: &Counters) -> Option<OcbReport> {
    let Counters { ocb_entries, ocb_entries_most, warm_ups, first_copies, rejoined, .. } = *counters;
    (ocb_entries.is_some() || ocb_entries_most > 0 || warm_ups > 0).then_some(OcbReport {
        entries: ocb_entries,
        entries_max: ocb_entries_most,
        room: Neighbour::OCB_NEIGHBOURS as u32,
        rejoined,
        warm_ups,
        first_copies,
    })
}

fn thousandth(share: f64) -> f64 {
    (share * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy(share: f64, reported: Option<LoadSource>) -> BusyRatio {
        BusyRatio { share, reported }
    }

    #[test]
    fn each_second_counts_for_its_source() {
        let mut figures = ChannelFigures::default();
        assert_eq!((figures.report(), figures.status()), (None, String::new()));
        figures.note(busy(0.1, None));
        figures.note(busy(0.4, Some(LoadSource::Survey)));
        figures.note(busy(0.2, Some(LoadSource::Survey)));
        figures.note(busy(0.1, Some(LoadSource::Estimate)));
        let report = figures.report().unwrap();
        assert_eq!((report.busy, report.busy_mean, report.busy_max), (0.1, 0.2, 0.4));
        assert_eq!(report.source, "monitor");
        let seconds: Vec<_> =
            report.seconds_by_source.iter().map(|(name, count)| (&**name, *count)).collect();
        assert_eq!(seconds, [("estimate", 1), ("monitor", 1), ("survey", 2)]);
        assert_eq!(figures.status(), "  channel 10.0 % busy (monitor)");
    }

    #[test]
    fn a_link_that_is_not_in_ocb_has_no_entries_to_tell_of() {
        assert_eq!(ocb(&Counters { sent: 9, received: 9, ..Counters::default() }), None);
        let counters =
            Counters { ocb_entries: Some(3), ocb_entries_most: 7, warm_ups: 2, ..Counters::default() };
        let ocb = ocb(&counters).unwrap();
        assert_eq!((ocb.entries, ocb.entries_max, ocb.room, ocb.warm_ups), (Some(3), 7, 128, 2));
    }
}
