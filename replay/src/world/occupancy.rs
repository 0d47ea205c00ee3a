//! How much of the time stations hear the channel busy.

/// Until when each station hears a frame, and up to when the time of the stations that are there was counted.
#[derive(Debug, Default)]
pub(super) struct Occupancy {
    busy_until_ns: Vec<u64>,
    /// For how long each station sent, or heard others, ns.
    occupied_ns: Vec<u64>,
    counted_to_ns: u64,
}

impl Occupancy {
    /// A station hears a frame from `start_ns` to `end_ns`; returns for how much of that it heard no other, ns.
    pub(super) fn hear(&mut self, station: u32, start_ns: u64, end_ns: u64) -> u64 {
        let index = station as usize;
        if self.busy_until_ns.len() <= index {
            self.busy_until_ns.resize(index + 1, 0);
            self.occupied_ns.resize(index + 1, 0);
        }
        let busy_until_ns = &mut self.busy_until_ns[index];
        let more_ns = end_ns.saturating_sub(start_ns.max(*busy_until_ns));
        *busy_until_ns = end_ns.max(*busy_until_ns);
        self.occupied_ns[index] += more_ns;
        more_ns
    }

    /// A station sends for so long.
    pub(super) fn send(&mut self, station: u32, airtime_ns: u64) {
        let index = station as usize;
        if self.busy_until_ns.len() <= index {
            self.busy_until_ns.resize(index + 1, 0);
            self.occupied_ns.resize(index + 1, 0);
        }
        self.occupied_ns[index] += airtime_ns;
    }

    /// For how long a station has sent, or heard others, ns.
    pub(super) fn occupied_ns(&self, station: u32) -> u64 {
        self.occupied_ns.get(station as usize).copied().unwrap_or_default()
    }

    /// It is `now_ns`; returns since when time was not counted, and how long `present` stations listened since, together, ns.
    pub(super) fn pass(&mut self, now_ns: u64, present: u32) -> (u64, u64) {
        let from_ns = self.counted_to_ns;
        self.counted_to_ns = now_ns.max(from_ns);
        (from_ns, (self.counted_to_ns - from_ns).saturating_mul(u64::from(present)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_that_overlap_make_the_channel_busy_once() {
        let mut occupancy = Occupancy::default();
        let heard =
            [(100, 200), (150, 260), (160, 250), (300, 310)].map(|(from, to)| occupancy.hear(3, from, to));
        assert_eq!(heard, [100, 60, 0, 10]);
        assert_eq!([3, 0, 7].map(|station| occupancy.occupied_ns(station)), [170, 0, 0]);
        assert_eq!(occupancy.hear(0, 100, 200), 100, "another station");
    }

    #[test]
    fn time_counts_for_those_who_are_there() {
        let mut occupancy = Occupancy::default();
        assert_eq!(
            [occupancy.pass(50, 0), occupancy.pass(80, 3), occupancy.pass(80, 9)],
            [(0, 0), (50, 90), (80, 0)]
        );
    }
}
