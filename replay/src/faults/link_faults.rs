//! What is wrong with links: each frame that a receiver would have passes all of it.

use bytes::Bytes;

use super::burst_loss::BurstLoss;
use super::corruption::corrupted;
use super::draws::{FaultDraw, FaultDraws};
use super::jammer::JammerCycle;
use super::members::Chosen;
use super::partition::PartitionSides;
use super::passage::{OnLink, Passage};
use super::took::Took;

/// All faults of links in a world.
#[derive(Clone, Debug, Default)]
pub(crate) struct LinkFaults {
    pub(crate) faults: Vec<LinkFault>,
}

/// One of them.
#[derive(Clone, Debug)]
pub(crate) struct LinkFault {
    /// Its place in the plan.
    pub(crate) number: usize,
    pub(crate) from_ns: u64,
    pub(crate) to_ns: u64,
    pub(crate) senders: Chosen,
    pub(crate) receivers: Chosen,
    pub(crate) draws: FaultDraws,
    pub(crate) kind: LinkFaultKind,
}

/// What it does to a frame.
#[derive(Clone, Debug)]
pub(crate) enum LinkFaultKind {
    BurstLoss(BurstLoss),
    Partition(PartitionSides),
    Jammer(JammerCycle),
    Duplicate { probability: f64, delay_ns: u64 },
    Reorder { probability: f64, delay_ns: u64 },
    Corrupt { probability: f64, bits: u32 },
}

impl LinkFaults {
    /// What becomes of a frame; `changed` is what arrives where that is not what was sent. `took` counts.
    pub(crate) fn pass(
        &mut self,
        on: &OnLink,
        bytes: &Bytes,
        changed: &mut Option<Bytes>,
        took: &mut [Took],
    ) -> Passage {
        let (mut later_ns, mut again_ns) = (0, None);
        for fault in &mut self.faults {
            let applies = (fault.from_ns..fault.to_ns).contains(&on.end_ns)
                && fault.senders.has(on.from)
                && fault.receivers.has(on.to);
            if !applies {
                continue;
            }
            let drawn =
                |probability| fault.draws.happens(probability, FaultDraw::Frame, on.from, on.to, on.number);
            let lost = match &mut fault.kind {
                LinkFaultKind::BurstLoss(links) => links.takes(on).then_some("burst_loss"),
                LinkFaultKind::Partition(sides) => sides.takes(on).then_some("partition"),
                LinkFaultKind::Jammer(jammer) => {
                    let reached = on.to_at.is_some_and(|place| jammer.reaches(place));
                    (reached && jammer.meets(on.start_ns, on.end_ns)).then_some("jammed")
                }
                LinkFaultKind::Duplicate { probability, delay_ns } => {
                    if !drawn(*probability) {
                        continue;
                    }
                    again_ns = Some(*delay_ns);
                    None
                }
                LinkFaultKind::Reorder { probability, delay_ns } => {
                    if !drawn(*probability) {
                        continue;
                    }
                    later_ns += *delay_ns;
                    None
                }
                LinkFaultKind::Corrupt { probability, bits } => {
                    if !drawn(*probability) {
                        continue;
                    }
                    *changed = Some(corrupted(changed.as_ref().unwrap_or(bytes), *bits, fault.draws, on));
                    None
                }
            };
            let only_lost = matches!(
                fault.kind,
                LinkFaultKind::BurstLoss(_) | LinkFaultKind::Partition(_) | LinkFaultKind::Jammer(_)
            );
            if lost.is_some() || !only_lost {
                took[fault.number].frame(on.to);
            }
            if let Some(cause) = lost {
                return Passage::Lost(cause);
            }
        }
        Passage::Arrives { later_ns, again_ns }
    }
}
