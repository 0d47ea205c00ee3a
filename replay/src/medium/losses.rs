//! Why frames are lost, and how many by distance.

use v2x_report::LossBin;

/// Why a station did not receive a frame: exactly one of four causes.
///
/// In the order in which they are asked: a frame that was too weak to be sensed is that, whatever else happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LossCause {
    /// Weaker than the receiver senses.
    BelowSensing,
    /// The receiver followed another frame, or sent one itself.
    ReceiverBusy,
    /// Lost to noise: it would have been without any other frame.
    Propagation,
    /// Lost to other frames.
    Collision,
}

impl LossCause {
    /// Every cause.
    pub const ALL: [Self; 4] = [Self::BelowSensing, Self::ReceiverBusy, Self::Propagation, Self::Collision];

    /// Name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BelowSensing => "below_sensing",
            Self::ReceiverBusy => "receiver_busy",
            Self::Propagation => "propagation",
            Self::Collision => "collision",
        }
    }
}

/// Frames received and lost by distance between sender and receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LossesByDistance {
    /// Received, then lost by the causes of [`LossCause::ALL`], in each bin.
    bins: Vec<[u64; 5]>,
}

impl LossesByDistance {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { bins: vec![[0; 5]; BINS] }
    }

    /// A frame met a station this far away; beyond 500 m it is not counted.
    pub fn count(&mut self, distance_m: f32, lost: Option<LossCause>) {
        if distance_m > LAST_M {
            return;
        }
        let bin = (distance_m / BIN_M + 0.5) as usize;
        if let Some(bin) = self.bins.get_mut(bin) {
            bin[lost.map_or(0, |cause| cause as usize + 1)] += 1;
        }
    }

    /// As reports have it.
    pub fn report(&self) -> Vec<LossBin> {
        let bin = |(at_m, frames, received, lost): (u32, u64, u64, [u64; 4])| {
            let lost = LossCause::ALL.map(|cause| (cause.name().to_owned(), lost[cause as usize])).into();
            LossBin { at_m, frames, received, lost }
        };
        self.bins().map(bin).collect()
    }

    /// By bin, nearest first: the middle of the bin, m, frames that met a station there, how many were received, and
    /// how many were lost by each cause.
    pub fn bins(&self) -> impl Iterator<Item = (u32, u64, u64, [u64; 4])> + '_ {
        self.bins.iter().enumerate().map(|(bin, [received, lost @ ..])| {
            (bin as u32 * BIN_M as u32, received + lost.iter().sum::<u64>(), *received, *lost)
        })
    }
}

impl Default for LossesByDistance {
    fn default() -> Self {
        Self::new()
    }
}

/// Bins lie about the multiples of this, as the published table's.
const BIN_M: f32 = 25.0;
/// About 0 to 500 m.
const BINS: usize = 21;
/// The last bin is a half one, as the first is.
const LAST_M: f32 = BIN_M * (BINS - 1) as f32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_lie_about_multiples_of_25_m_and_end_at_500() {
        let mut losses = LossesByDistance::new();
        for (distance_m, lost) in [
            (0.0, None),
            (12.4, Some(LossCause::Collision)),
            (12.6, None),
            (37.4, Some(LossCause::BelowSensing)),
            (499.0, Some(LossCause::Propagation)),
            (501.0, None),
            (f32::NAN, None),
        ] {
            losses.count(distance_m, lost);
        }
        let bins: Vec<_> = losses.bins().filter(|(_, met, ..)| *met > 0).collect();
        assert_eq!(
            bins,
            [(0, 3, 2, [0, 0, 0, 1]), (25, 2, 1, [1, 0, 0, 0]), (500, 1, 0, [0, 0, 1, 0])],
            "a distance that is no number counts as none"
        );
        let report = losses.report();
        assert_eq!((report[1].at_m, report[1].lost["below_sensing"], report.len()), (25, 1, 21));
    }
}
