//! Channel load from the airtime of the frames that a monitor interface hears.

use v2x_proto::link::{ChannelWidth, mpdu_airtime_ns};

use super::REPORT_EVERY_NS;
use crate::radio::ChannelLoad;

/// Airtime of everything heard on a channel, reported every half second.
///
/// All frames count: those of other protocols, and damaged ones, of which the length and the rate are known. What could
/// not be decoded at all is missing, so the channel is at least this busy.
///
/// # Example
///
/// ```
/// use radio_adapters::ChannelLoad;
/// use radio_adapters::load::MonitoredAirtime;
/// use v2x_proto::link::ChannelWidth;
///
/// let mut airtime = MonitoredAirtime::new(ChannelWidth::Mhz10, 0);
/// for frame in 0..100 {
///     // 338 bytes with their check sequence, at 6 Mb/s: 496 us.
///     airtime.add(338, 24);
/// }
/// assert_eq!(airtime.take(499_999_999), None);
/// let load = airtime.take(500_000_000);
/// assert_eq!(load, Some(ChannelLoad { busy_permille: 99, measured: false }));
/// ```
#[derive(Debug, Clone)]
pub struct MonitoredAirtime {
    width: ChannelWidth,
    since_ns: u64,
    busy_ns: u64,
}

impl MonitoredAirtime {
    /// Begins to count at `now_ns` of a monotonic clock, on a channel of this width.
    pub fn new(width: ChannelWidth, now_ns: u64) -> Self {
        Self { width, since_ns: now_ns, busy_ns: 0 }
    }

    /// A frame was heard: `mpdu_bytes` from its 802.11 header to its check sequence, which counts although a capture may
    /// leave it out; `nominal_rate` in 500 kb/s as a radiotap header has it, 0 for a frame without one
    /// ([`mpdu_airtime_ns`]). Call it once a frame, before anything is dropped.
    #[inline]
    pub fn add(&mut self, mpdu_bytes: usize, nominal_rate: u8) {
        let airtime_ns = mpdu_airtime_ns(mpdu_bytes, nominal_rate, self.width);
        self.busy_ns = self.busy_ns.saturating_add(airtime_ns);
    }

    /// The load since the last report, once half a second has passed; longer when it was not asked for.
    pub fn take(&mut self, now_ns: u64) -> Option<ChannelLoad> {
        if now_ns < self.due_ns() {
            return None;
        }
        let busy_ns = u128::from(core::mem::take(&mut self.busy_ns));
        let passed_ns = u128::from(now_ns - core::mem::replace(&mut self.since_ns, now_ns));
        // Two frames at once, which an antenna hears as one or none, and frames read late make it more than all.
        let busy_permille = (busy_ns * 1000 / passed_ns).min(1000) as u16;
        Some(ChannelLoad { busy_permille, measured: false })
    }

    /// When [`take`](Self::take) has the next report, ns.
    pub fn due_ns(&self) -> u64 {
        self.since_ns.saturating_add(REPORT_EVERY_NS)
    }

    /// The interface was away, or is on a channel of this width now: what was heard before does not count.
    pub fn restart(&mut self, width: ChannelWidth, now_ns: u64) {
        *self = Self::new(width, now_ns);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use v2x_proto::link::DataRate;

    use super::*;

    const WIDTHS: [ChannelWidth; 3] = [ChannelWidth::Mhz5, ChannelWidth::Mhz10, ChannelWidth::Mhz20];

    #[test]
    fn each_half_second_has_the_airtime_that_was_heard_in_it() {
        let mut airtime = MonitoredAirtime::new(ChannelWidth::Mhz10, 0);
        let mut loads = Vec::new();
        for ms in 0..2_000u64 {
            loads.extend(airtime.take(ms * 1_000_000).map(|load| load.busy_permille));
            // 496 us each 2 ms of the first second, in a channel of 10 MHz.
            if ms < 1_000 && ms % 2 == 0 {
                airtime.add(338, 24);
            }
        }
        assert_eq!(loads, [248, 248, 0]);
    }

    #[test]
    fn the_width_of_the_channel_scales_it() {
        let load = |width| {
            let mut airtime = MonitoredAirtime::new(width, 7);
            (0..250).for_each(|_| airtime.add(338, 24));
            airtime.take(7 + REPORT_EVERY_NS).map(|load| load.busy_permille)
        };
        assert_eq!(WIDTHS.map(load), [Some(496), Some(248), Some(124)]);
    }

    #[test]
    fn acknowledgements_beacons_and_frames_without_a_rate_count_too() {
        let mut airtime = MonitoredAirtime::new(ChannelWidth::Mhz20, 0);
        // 192 us and 800; 44 us; and one of 496 us at 10 MHz, which is half as long here.
        airtime.add(100, 2);
        airtime.add(14, 12);
        airtime.add(338, 0);
        assert_eq!(airtime.busy_ns, 992_000 + 44_000 + 248_000);
    }

    #[test]
    fn a_report_that_was_not_asked_for_covers_the_time_since_the_last_one() {
        let mut airtime = MonitoredAirtime::new(ChannelWidth::Mhz10, 0);
        (0..1_000).for_each(|_| airtime.add(338, 24));
        let load = airtime.take(4 * REPORT_EVERY_NS).unwrap();
        assert_eq!((load.busy_permille, airtime.due_ns()), (248, 5 * REPORT_EVERY_NS));
        (0..1_000).for_each(|_| airtime.add(338, 24));
        airtime.restart(ChannelWidth::Mhz10, 6 * REPORT_EVERY_NS);
        assert_eq!(airtime.take(7 * REPORT_EVERY_NS).map(|load| load.busy_permille), Some(0));
    }

    proptest! {
        #[test]
        fn the_load_is_the_airtime_sent_within_two_hundredths(
            frames in prop::collection::vec((60usize..1_500, 0usize..8), 0..300),
        ) {
            // One after the other, with a gap as long as each frame: the channel is busy for half of the time.
            let mut airtime = MonitoredAirtime::new(ChannelWidth::Mhz10, 0);
            let (mut now_ns, mut loads) = (0, Vec::new());
            for (bytes, rate) in frames {
                let rate = 2 * DataRate::ALL[rate].half_mbps();
                now_ns += 2 * mpdu_airtime_ns(bytes, rate, ChannelWidth::Mhz10);
                airtime.add(bytes, rate);
                loads.extend(airtime.take(now_ns));
            }
            for load in loads {
                prop_assert!((480..=520).contains(&load.busy_permille), "{load:?}");
            }
        }

        #[test]
        fn no_frame_and_no_time_makes_more_than_all_of_it(
            frames in prop::collection::vec((any::<usize>(), any::<u8>(), any::<u64>()), 0..20),
            width in prop::sample::select(WIDTHS.to_vec()),
            start in any::<u64>(),
        ) {
            let mut airtime = MonitoredAirtime::new(width, start);
            for (bytes, rate, now_ns) in frames {
                airtime.add(bytes, rate);
                let load = airtime.take(now_ns);
                prop_assert!(load.is_none_or(|load| load.busy_permille <= 1000 && !load.measured));
            }
        }
    }
}
