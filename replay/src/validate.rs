//! The model of the channel held against published figures.
//!
//! Eleven configurations of a highway, M. Sepulcre et al., IEEE Transactions on Vehicular Technology 71(1), 2022: delivery by
//! distance, losses by cause, and the channel busy ratio. One profile runs them all; rate, power, interval and length are the
//! configuration's, and nothing else is.
//!
//! What runs is the medium alone, with beacons of the right length instead of stations: 300 of them stand at places drawn evenly
//! on 5 km of four lanes and send at the configuration's interval, each from a moment of its own. Frames from the middle 3 km count.
//! A run is half a second of one draw of places, moments and shadowing; many runs make a figure, and how far they spread its
//! confidence interval.

mod page;
mod published;
mod road;
mod text;

use core::ops::ControlFlow;

use v2x_report::Spread;

use crate::medium::{LossCause, RadioProfile};

pub use page::page;
pub use published::{PublishedRun, published_runs};
pub use text::text;

use road::RoadCount;

/// How a validation is run.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidateOptions {
    /// The channel.
    pub profile: RadioProfile,
    /// Seed of places, moments and every draw.
    pub seed: u64,
    /// Runs of each configuration, at least 2.
    pub runs: u32,
    /// Threads to use; the outcome does not depend on it.
    pub threads: usize,
}

/// A figure of the model beside a published one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ComparedFigure {
    /// As measured.
    pub measured: f64,
    /// Its 95 % confidence interval.
    pub interval: Option<(f64, f64)>,
    /// As published.
    pub published: f64,
}

impl ComparedFigure {
    /// Measured less published.
    pub fn difference(&self) -> f64 {
        self.measured - self.published
    }
}

/// One configuration, measured and published.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigurationResult {
    /// Which.
    pub run: PublishedRun,
    /// Frames that counted.
    pub frames: u64,
    /// Delivery at each of [`DISTANCES_M`].
    pub delivery: Vec<ComparedFigure>,
    /// Losses at the same distances by the causes of [`LossCause::ALL`], where they are published.
    pub causes: Option<[Vec<ComparedFigure>; 4]>,
    /// The mean busy ratio, where it is published: others' frames alone, as the source counts.
    pub busy: Option<ComparedFigure>,
}

impl ConfigurationResult {
    /// Mean of the absolute differences of delivery.
    pub fn mean_difference(&self) -> f64 {
        self.delivery.iter().map(|beside| beside.difference().abs()).sum::<f64>() / self.delivery.len() as f64
    }

    /// The largest absolute difference of delivery below 300 m, and where, m.
    pub fn largest_difference(&self) -> (f64, u32) {
        largest(DISTANCES_M.into_iter().zip(&self.delivery).filter(|(at_m, _)| *at_m < LARGEST_BELOW_M))
    }

    /// The largest absolute difference of a cause, and where, m.
    pub fn largest_of(&self, cause: LossCause) -> Option<(f64, u32)> {
        Some(largest(DISTANCES_M.into_iter().zip(&self.causes.as_ref()?[cause as usize])))
    }

    /// Whether all figures are within their tolerances.
    pub fn holds(&self) -> bool {
        self.mean_difference() <= MEAN_TOLERANCE
            && self.largest_difference().0 <= LARGEST_TOLERANCE
            && self.busy.is_none_or(|busy| busy.difference().abs() <= BUSY_TOLERANCE)
            && LossCause::ALL
                .iter()
                .filter_map(|cause| self.largest_of(*cause))
                .all(|(difference, _)| difference <= CAUSE_TOLERANCE)
    }
}

fn largest<'a>(besides: impl Iterator<Item = (u32, &'a ComparedFigure)>) -> (f64, u32) {
    besides
        .map(|(at_m, beside)| (beside.difference().abs(), at_m))
        .fold((0.0, 0), |one, other| if other.0 > one.0 { other } else { one })
}

/// Runs the published configurations; `progress` is called after each with how many are done, and may end the validation early.
/// Results are in the order of [`published_runs`].
pub fn validate(
    options: &ValidateOptions,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Vec<ConfigurationResult> {
    let mut results = Vec::new();
    for run in published_runs() {
        let samples = road::samples(&run, options);
        results.push(beside(run, &samples));
        if progress(results.len()).is_break() {
            break;
        }
    }
    results
}

fn beside(run: PublishedRun, samples: &[RoadCount]) -> ConfigurationResult {
    // The interval is that of runs; the figure itself counts all frames alike.
    let figure = |bin: usize, count: &dyn Fn(&[u64; 5]) -> u64, published: f64| {
        let (mut part, mut all, mut ratios) = (0, 0, Vec::with_capacity(samples.len()));
        for sample in samples {
            let counts = &sample.bins[bin];
            let met: u64 = counts.iter().sum();
            if met > 0 {
                ratios.push(count(counts) as f64 / met as f64);
            }
            part += count(counts);
            all += met;
        }
        let measured = part as f64 / all.max(1) as f64;
        let half = Spread::of(&ratios).and_then(|spread| spread.ci95).map(|(low, high)| (high - low) / 2.0);
        ComparedFigure { measured, interval: half.map(|half| (measured - half, measured + half)), published }
    };
    let bins = || 0..DISTANCES_M.len();
    let delivery =
        bins().zip(&run.delivery).map(|(bin, published)| figure(bin, &|counts| counts[0], *published));
    let causes = run.causes.as_ref().map(|causes| {
        LossCause::ALL.map(|cause| {
            let of_cause = |counts: &[u64; 5]| counts[cause as usize + 1];
            bins()
                .zip(&causes[cause as usize])
                .map(|(bin, published)| figure(bin, &of_cause, *published))
                .collect()
        })
    });
    let busy = run.busy.map(|published| {
        let ratios: Vec<f64> = samples.iter().map(|sample| sample.busy).collect();
        let spread = Spread::of(&ratios);
        ComparedFigure {
            measured: spread.map_or(0.0, |spread| spread.mean),
            interval: spread.and_then(|spread| spread.ci95),
            published,
        }
    });
    ConfigurationResult {
        frames: samples.iter().map(|sample| sample.frames).sum(),
        delivery: delivery.collect(),
        causes,
        busy,
        run,
    }
}

/// Distances of the published figures, m.
pub const DISTANCES_M: [u32; 21] =
    [0, 25, 50, 75, 100, 125, 150, 175, 200, 225, 250, 275, 300, 325, 350, 375, 400, 425, 450, 475, 500];

/// Most that delivery may differ on the mean of all distances.
pub const MEAN_TOLERANCE: f64 = 0.02;
/// Most that it may at any distance below [`LARGEST_BELOW_M`].
pub const LARGEST_TOLERANCE: f64 = 0.04;
/// Beyond, frames are hardly received any more.
pub const LARGEST_BELOW_M: u32 = 300;
/// Most that the busy ratio may differ.
pub const BUSY_TOLERANCE: f64 = 0.015;
/// Most that a cause may differ at any distance.
pub const CAUSE_TOLERANCE: f64 = 0.03;

#[cfg(test)]
mod tests;
