//! The published figures, as the program has them.

use v2x_proto::link::DataRate;

use super::DISTANCES_M;
use crate::medium::LossCause;

/// A published configuration: 60 vehicles per km.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedRun {
    /// The rate of all frames.
    pub rate: DataRate,
    /// Frames a second of each station.
    pub hz: u32,
    /// Sent, dBm.
    pub power_dbm: u32,
    /// Length of each frame, MAC header and check sequence included: see `docs/radio-channel.md` for why it is.
    pub mpdu_bytes: u32,
    /// Share received at each of [`DISTANCES_M`].
    pub delivery: Vec<f64>,
    /// Share lost by the causes of [`LossCause::ALL`].
    pub causes: Option<[Vec<f64>; 4]>,
    /// Mean channel busy ratio.
    pub busy: Option<f64>,
}

impl PublishedRun {
    /// The configuration in words.
    pub fn name(&self) -> String {
        let Self { hz, power_dbm, mpdu_bytes, .. } = self;
        format!("{} Mb/s, {hz} Hz, {power_dbm} dBm, {mpdu_bytes} B", self.mbps())
    }

    fn mbps(&self) -> u32 {
        u32::from(self.rate.half_mbps()) / 2
    }
}

/// All eleven.
pub fn published_runs() -> Vec<PublishedRun> {
    let mut runs: Vec<PublishedRun> = Vec::new();
    let lines = PUBLISHED.lines().filter(|line| !line.starts_with('#')).skip(1);
    for line in lines {
        let mut words = line.split(',');
        let mut number = || words.next()?.parse::<u32>().ok();
        let (mbps, hz, power_dbm, mpdu_bytes) = number()
            .zip(number())
            .zip(number().zip(number()))
            .map(|((mbps, hz), (dbm, bytes))| (mbps, hz, dbm, bytes))
            .expect(TABLE);
        let rate =
            DataRate::ALL.into_iter().find(|rate| u32::from(rate.half_mbps()) == 2 * mbps).expect(TABLE);
        let figure = words.next().expect(TABLE);
        let values: Vec<f64> = words.map(|word| word.parse().expect(TABLE)).collect();
        if figure == "delivery" {
            let (causes, busy) = (None, None);
            runs.push(PublishedRun { rate, hz, power_dbm, mpdu_bytes, delivery: values, causes, busy });
            continue;
        }
        let run = runs.last_mut().expect(TABLE);
        if figure == "busy" {
            run.busy = values.first().copied();
        } else if let Some(cause) = LossCause::ALL.into_iter().find(|cause| cause.name() == figure) {
            let none = || LossCause::ALL.map(|_| vec![0.0; DISTANCES_M.len()]);
            run.causes.get_or_insert_with(none)[cause as usize] = values;
        }
    }
    runs
}

const PUBLISHED: &str = include_str!("../../assets/published.csv");
const TABLE: &str = "invariant: the table that comes with the program is whole";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_eleven_configurations_and_each_is_whole() {
        let runs = published_runs();
        assert_eq!(runs.len(), 11);
        for run in &runs {
            assert_eq!(run.delivery.len(), 21, "{}", run.name());
            assert!(run.delivery.windows(2).all(|two| two[1] <= two[0]), "{}", run.name());
        }
        assert_eq!(runs.iter().filter(|run| run.causes.is_some()).count(), 6);
        assert_eq!(runs.iter().filter(|run| run.busy.is_some()).count(), 4);
        // Every frame is received or lost by one cause.
        for run in runs.iter().filter(|run| run.causes.is_some()) {
            let causes = run.causes.as_ref().unwrap();
            for bin in 0..DISTANCES_M.len() {
                let sum = run.delivery[bin] + causes.iter().map(|cause| cause[bin]).sum::<f64>();
                assert!((sum - 1.0).abs() < 0.02, "{} at {} m: {sum}", run.name(), DISTANCES_M[bin]);
            }
        }
    }
}
