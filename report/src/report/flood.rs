//! How far floods travelled, how fast, and at what cost in frames.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::human::{counted, percent};

/// The floods of a run under one way of forwarding, all taken together: shares are of pairs of a flood and a station
/// that was in the flood's area when it was sent, its origin left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Flood {
    /// Of the pairs within 3 km of the origin: the share that had the message verified within 300 ms, 0..=1.
    pub reach_300ms_3km: f64,
    /// Of all pairs: the share that had it at the end of the run, 0..=1.
    pub reach_final: f64,
    /// Frames that carried a flood, the origin's included: mean of a flood. An attacker's frames do not count.
    pub transmissions: f64,
    /// The same for each station of the area.
    pub transmissions_per_station: f64,
    /// Median of latency over distance of stations 500 m and more from the origin, ms/km; `null` when none had it.
    pub delay_ms_per_km: Option<f64>,
    /// Median of hops over distance of the same, 1/km.
    pub hops_per_km: Option<f64>,
    /// `"roadcast"`, `"etsi"`, `"flooding"` or `"off"`.
    pub forwarding: String,
    /// How many floods were sent.
    pub floods: u64,
    /// How many runs they come from, each with its own seed.
    pub seeds: u64,
    /// By distance from the origin.
    pub reach_by_km: Vec<FloodBand>,
    /// The worst of the runs in each figure.
    pub worst: FloodWorst,
    /// D0: of the pairs of an alert and a station within 150 m and in sight, the share that had it within 20 ms, 0..=1;
    /// repetitions within 20 ms count as the same alert. `null` when there was none.
    pub d0_20ms_150m: Option<f64>,
    /// How floods crossed a partition when it healed; absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healed: Option<FloodHealed>,
}

/// Stations at one range of distances from the origin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FloodBand {
    /// Upper end of the range, km; the lower end is a kilometre less.
    pub km: u32,
    /// Pairs of a flood and a station.
    pub pairs: u64,
    /// The share that had the message within 300 ms, 0..=1.
    pub reach_300ms: f64,
    /// The share that had it at the end, 0..=1.
    pub reach_final: f64,
    /// Median latency of those that had it, ms; `null` when none had.
    pub median_ms: Option<f64>,
    /// `[ms, share that had it by then]`, rising.
    pub reach_over_time: Vec<(u32, f64)>,
}

/// The worst of several runs in each figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FloodWorst {
    /// Least.
    pub reach_300ms_3km: f64,
    /// Least.
    pub reach_final: f64,
    /// Most.
    pub transmissions: f64,
}

/// Floods that a partition held up, from the contact of both sides: a frame was heard in each direction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FloodHealed {
    /// Floods sent before the contact.
    pub floods: u64,
    /// Of them: reached a station of the other side.
    pub crossed: u64,
    /// From the contact to the first station of the other side, the worst of the floods, ms; `null` when none crossed.
    pub first_ms: Option<f64>,
    /// To the last station that was reached there, likewise.
    pub last_ms: Option<f64>,
}

/// The floods for a terminal, one line for each way of forwarding, then distances of the first.
pub(super) fn render(floods: &[&Flood], out: &mut String) {
    let Some(first) = floods.first() else { return };
    let mut line = |text: std::fmt::Arguments<'_>| {
        writeln!(out, "{text}").expect("invariant: writing to a String does not fail");
    };
    line(format_args!("\nfloods: {} in {}", first.floods, counted(first.seeds, "run")));
    // Shares of zero floods would read as failures.
    let sent = || floods.iter().filter(|flood| flood.floods > 0);
    if sent().next().is_some() {
        line(format_args!(
            "{:<10} {:>12} {:>7} {:>7} {:>7} {:>7} {:>8} {:>6} {:>7}",
            "forwarding",
            "3 km, 300 ms",
            "worst",
            "in all",
            "worst",
            "frames",
            "/station",
            "ms/km",
            "hops/km"
        ));
    }
    for flood in sent() {
        line(format_args!(
            "{:<10} {:>12} {:>7} {:>7} {:>7} {:>7.1} {:>8.3} {:>6} {:>7}",
            flood.forwarding,
            percent(flood.reach_300ms_3km),
            percent(flood.worst.reach_300ms_3km),
            percent(flood.reach_final),
            percent(flood.worst.reach_final),
            flood.transmissions,
            flood.transmissions_per_station,
            one_decimal(flood.delay_ms_per_km),
            one_decimal(flood.hops_per_km)
        ));
    }
    for (flood, share) in floods.iter().filter_map(|flood| Some((flood, flood.d0_20ms_150m?))) {
        line(format_args!("D0, {}: {} within 150 m had it within 20 ms", flood.forwarding, percent(share)));
    }
    if !first.reach_by_km.is_empty() {
        line(format_args!(
            "\n{:<10} {:>8} {:>10} {:>8} {:>10}",
            "up to", "pairs", "in 300 ms", "in all", "median"
        ));
    }
    for band in &first.reach_by_km {
        line(format_args!(
            "{:<10} {:>8} {:>10} {:>8} {:>10}",
            format!("{} km", band.km),
            band.pairs,
            percent(band.reach_300ms),
            percent(band.reach_final),
            band.median_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1} ms"))
        ));
    }
    for flood in floods {
        let Some(healed) = &flood.healed else { continue };
        line(format_args!(
            "\npartition, {}: {} of {} floods crossed, {} to {} ms after contact",
            flood.forwarding,
            healed.crossed,
            healed.floods,
            one_decimal(healed.first_ms),
            one_decimal(healed.last_ms)
        ));
    }
}

fn one_decimal(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_way_of_forwarding_and_one_for_each_kilometre() {
        let worst = FloodWorst { reach_300ms_3km: 0.98, reach_final: 0.99, transmissions: 50.0 };
        let band = FloodBand {
            km: 1,
            pairs: 180,
            reach_300ms: 1.0,
            reach_final: 1.0,
            median_ms: Some(13.4),
            reach_over_time: vec![(300, 1.0)],
        };
        let healed = FloodHealed { floods: 2, crossed: 1, first_ms: Some(250.0), last_ms: None };
        let roadcast = Flood {
            reach_300ms_3km: 0.999,
            reach_final: 1.0,
            transmissions: 47.0,
            transmissions_per_station: 0.155,
            delay_ms_per_km: Some(46.6),
            hops_per_km: Some(3.7),
            forwarding: "roadcast".to_owned(),
            floods: 30,
            seeds: 3,
            reach_by_km: vec![band.clone(), FloodBand { km: 2, median_ms: None, ..band }],
            worst,
            d0_20ms_150m: None,
            healed: Some(healed),
        };
        let etsi = Flood {
            forwarding: "etsi".to_owned(),
            healed: None,
            d0_20ms_150m: Some(0.995),
            ..roadcast.clone()
        };
        let mut out = String::new();
        render(&[&roadcast, &etsi], &mut out);
        for wanted in [
            "floods: 30 in 3 runs\n",
            "\nroadcast         99.9 %  98.0 % 100.0 %  99.0 %    47.0    0.155   46.6     3.7\n",
            "\nD0, etsi: 99.5 % within 150 m had it within 20 ms\n",
            "\netsi ",
            "\n1 km            180    100.0 %  100.0 %    13.4 ms\n",
            "\n2 km            180    100.0 %  100.0 %          -\n",
            "\npartition, roadcast: 1 of 2 floods crossed, 250.0 to - ms after contact\n",
        ] {
            assert!(out.contains(wanted), "no {wanted:?} in {out}");
        }
        assert!(out.lines().all(|line| line.len() <= 80), "{out}");
        assert!(!out.contains("D0, roadcast"), "{out}");
        render(&[], &mut String::new());
        let mut alerts = String::new();
        render(&[&Flood { floods: 0, seeds: 1, reach_by_km: Vec::new(), ..etsi }], &mut alerts);
        assert_eq!(alerts, "\nfloods: 0 in 1 run\nD0, etsi: 99.5 % within 150 m had it within 20 ms\n");
    }
}
