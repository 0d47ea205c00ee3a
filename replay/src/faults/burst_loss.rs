//! Links that lose frames in bursts (Gilbert 1960, Elliott 1963).

use std::collections::BTreeSet;

use super::draws::{FaultDraw, FaultDraws};
use super::passage::OnLink;

/// The links of one such fault; each begins good.
#[derive(Clone, Debug)]
pub(crate) struct BurstLoss {
    draws: FaultDraws,
    to_bad: f64,
    to_good: f64,
    loss_good: f64,
    loss_bad: f64,
    /// Links that are bad: they are forgotten when they are good again.
    bad: BTreeSet<(u32, u32)>,
}

impl BurstLoss {
    pub(crate) fn new(
        draws: FaultDraws,
        to_bad: f64,
        to_good: f64,
        (loss_good, loss_bad): (f64, f64),
    ) -> Self {
        Self { draws, to_bad, to_good, loss_good, loss_bad, bad: BTreeSet::new() }
    }

    /// Whether it takes a frame; the link's state changes after it.
    pub(crate) fn takes(&mut self, on: &OnLink) -> bool {
        let link = (on.from, on.to);
        let bad = self.bad.contains(&link);
        let (loss, change) = if bad { (self.loss_bad, self.to_good) } else { (self.loss_good, self.to_bad) };
        let lost = self.draws.happens(loss, FaultDraw::Frame, on.from, on.to, on.number);
        if self.draws.happens(change, FaultDraw::Change, on.from, on.to, on.number) {
            if bad {
                self.bad.remove(&link);
            } else if self.bad.len() < MAX_BAD {
                self.bad.insert(link);
            }
        }
        lost
    }
}

/// A hundred neighbours of ten thousand stations: no more links are bad at once.
const MAX_BAD: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(to_bad: f64, to_good: f64, losses: (f64, f64), frames: u64) -> Vec<bool> {
        let mut links = BurstLoss::new(FaultDraws::new(1, "burst_loss", 0), to_bad, to_good, losses);
        let on =
            |number| OnLink { from: 1, to: 2, number, start_ns: 0, end_ns: 0, from_at: None, to_at: None };
        (0..frames).map(|number| links.takes(&on(number))).collect()
    }

    #[test]
    fn losses_have_the_share_and_the_bursts_that_the_model_gives() {
        let lost = lost(0.02, 0.1, (0.0, 1.0), 100_000);
        // Bad for 0.02 / (0.02 + 0.1) of the frames, ten frames at a time.
        let share = lost.iter().filter(|lost| **lost).count() as f64 / lost.len() as f64;
        assert!((share - 1.0 / 6.0).abs() < 0.01, "{share}");
        let bursts = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count() as f64;
        let length = share * lost.len() as f64 / bursts;
        assert!((length - 10.0).abs() < 0.5, "{length}");
    }

    #[test]
    fn a_link_that_never_turns_bad_loses_its_own_share_and_one_that_stays_bad_all() {
        assert!(!lost(0.0, 0.5, (0.0, 1.0), 1_000).contains(&true));
        assert!(lost(1.0, 0.0, (0.0, 1.0), 1_000)[1..].iter().all(|lost| *lost));
        let some = lost(0.0, 0.0, (0.25, 1.0), 10_000).iter().filter(|lost| **lost).count();
        assert!(some.abs_diff(2_500) < 150, "{some}");
    }
}
