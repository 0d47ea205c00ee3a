//! The newest state of an intersection's signals, as one signer reports it.

use core::time::Duration;

use arrayvec::ArrayVec;
use v2x_core::WireTime;
use v2x_proto::v1;

use super::claims::Said;
use super::refusal::Refusal;
use crate::limits;

/// The newest state of an intersection's signals.
#[derive(Clone, Debug, Default)]
pub struct IntersectionState {
    time: WireTime,
    map_revision: u8,
    status: u16,
    groups: ArrayVec<v1::SignalGroup, 32>,
}

impl IntersectionState {
    /// When the controller made it.
    #[must_use]
    pub fn time(&self) -> WireTime {
        self.time
    }

    /// Revision of the map its groups belong to.
    #[must_use]
    pub fn map_revision(&self) -> u8 {
        self.map_revision
    }

    /// Whether the controller reports that its signals fail or are off (bits 8 and 9).
    #[must_use]
    pub fn out_of_order(&self) -> bool {
        self.status & (FAILURE | OFF) != 0
    }

    /// One group of signals.
    #[must_use]
    pub fn group(&self, number: u8) -> Option<&v1::SignalGroup> {
        self.groups.iter().find(|group| group.group == u32::from(number))
    }

    /// Replaces it by a newer one of the same signer, heard at `wire`.
    pub(super) fn renew(&mut self, state: v1::SignalState, wire: WireTime) -> Result<(), Refusal> {
        let time = WireTime::from_micros(state.state_time_us);
        let ahead = wire + limits::MAX_SIGNAL_AHEAD;
        if time > ahead {
            return Err(Refusal::FromFuture);
        }
        // A known one from the future means that the station's clock was set back.
        if time < self.time && self.time <= ahead {
            return Err(Refusal::OldState);
        }
        *self = Self {
            time,
            map_revision: (state.map_revision & 127) as u8,
            status: state.status as u16,
            groups: state.groups.into_iter().take(32).collect(),
        };
        Ok(())
    }

    /// Whether it says of a group what another state says.
    fn has(&self, group: &v1::SignalGroup, of: &Self) -> bool {
        let marks: [Mark; 3] = [|group| group.min_end, |group| group.likely_end, |group| group.max_end];
        self.groups.iter().find(|ours| ours.group == group.group).is_some_and(|ours| {
            (ours.phase, ours.advisory_speed) == (group.phase, group.advisory_speed)
                && marks.iter().all(|mark| same_end(self.time, mark(ours), of.time, mark(group)))
        })
    }
}

impl Said for IntersectionState {
    /// Two units that pass on the same controller's reports agree in every group.
    fn agrees(&self, other: &Self) -> bool {
        (self.map_revision, self.status) == (other.map_revision, other.status)
            && self.groups.iter().all(|group| other.has(group, self))
            && other.groups.iter().all(|group| self.has(group, other))
    }
}

/// When a group's phase ends, as one of its fields gives it.
type Mark = fn(&v1::SignalGroup) -> Option<u32>;

fn same_end(ours: WireTime, our_mark: Option<u32>, theirs: WireTime, their_mark: Option<u32>) -> bool {
    let end = |time: WireTime, mark: u32| time + Duration::from_millis(u64::from(mark) * 100);
    match (our_mark, their_mark) {
        (None, None) => true,
        (Some(ours), Some(theirs)) if ours.min(theirs) >= HOUR => true,
        (Some(our_mark), Some(their_mark)) => {
            let (ours, theirs) = (end(ours, our_mark), end(theirs, their_mark));
            ours.since(theirs).max(theirs.since(ours)) <= SAME_END
        }
        _ => false,
    }
}

const FAILURE: u16 = 1 << 8;
const OFF: u16 = 1 << 9;
/// `TimeMark` of an hour or more, 0.1 s.
const HOUR: u32 = 36_000;
/// Ends of one phase in two states are the same: they are given in tenths of a second from each state's time.
const SAME_END: Duration = Duration::from_millis(500);
