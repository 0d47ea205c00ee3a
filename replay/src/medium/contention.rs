//! How a station's frames get to the air: the four queues of EDCA outside the context of a BSS.
//!
//! IEEE Std 802.11-2020, 10.23.2. A frame that finds its queue empty and the channel idle for as long as its access category
//! asks begins at once. Otherwise its category counts a back-off down while the channel is idle, slot by slot after the
//! interframe space; a busy channel freezes it. When two categories of a station come to their end together the more urgent
//! one sends, and the other counts anew from a window twice as wide. After each frame its category counts a back-off, with or
//! without another frame to send. A broadcast frame has one attempt: nobody acknowledges it.
//!
//! Slots are counted when the channel becomes busy, not as they pass: a station that waits costs one event.

use std::collections::VecDeque;

use v2x_proto::link::AccessCategory;
use v2x_proto::link::access::SLOT_NS;

/// A frame that waits for the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WaitingFrame {
    pub(super) ticket: u32,
    pub(super) queued_ns: u64,
    pub(super) frame_bytes: u32,
}

/// What a station finds when a frame is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChannelState {
    Idle {
        since_ns: u64,
    },
    /// Another's frame began a moment ago and is not heard yet.
    Unnoticed {
        /// Since when the channel was idle before.
        idle_since_ns: u64,
    },
    Busy,
}

/// The queues of one station. By category, in the order of [`AccessCategory::ALL`].
#[derive(Debug, Default)]
pub(super) struct Contender {
    queues: [CategoryQueue; 4],
    /// Of the event that begins its next frame: older ones are void.
    pub(super) turn: u32,
    /// Categories that begin although the channel has just become busy: they have not heard it.
    committed: u8,
    /// Random numbers it has used.
    draws: u64,
}

#[derive(Debug, Default)]
struct CategoryQueue {
    frames: VecDeque<WaitingFrame>,
    /// Left to count from the last time the channel became idle.
    slots: u32,
    /// Times its window was doubled.
    doubled: u8,
}

impl Contender {
    /// Whether there is anything to count or to send.
    pub(super) fn waits(&self) -> bool {
        self.queues.iter().any(|queue| queue.slots > 0 || !queue.frames.is_empty())
    }

    /// A frame is to be sent. Returns when the station begins its next frame, if that has changed.
    pub(super) fn queue(
        &mut self,
        category: AccessCategory,
        frame: WaitingFrame,
        channel: ChannelState,
        draw: impl Fn(u64) -> u32,
    ) -> Option<u64> {
        let index = category as usize;
        let queue = &mut self.queues[index];
        queue.frames.push_back(frame);
        let alone = queue.frames.len() == 1 && queue.slots == 0;
        match channel {
            _ if self.committed != 0 => None,
            ChannelState::Idle { since_ns } => self.next_ns(since_ns),
            ChannelState::Unnoticed { idle_since_ns }
                if alone && frame.queued_ns >= idle_since_ns + category.edca().aifs_ns() =>
            {
                self.committed = 1 << index;
                Some(frame.queued_ns)
            }
            ChannelState::Unnoticed { .. } | ChannelState::Busy => {
                if alone {
                    self.back_off(index, &draw);
                }
                None
            }
        }
    }

    /// The channel has become idle; returns when the station begins its next frame.
    pub(super) fn idle(&self, now_ns: u64) -> Option<u64> {
        self.next_ns(now_ns)
    }

    /// The channel has become busy at `now_ns`, with its own frame or another's. Returns whether the next beginning is void:
    /// one before another's frame is heard is not.
    pub(super) fn busy(
        &mut self,
        idle_since_ns: u64,
        now_ns: u64,
        own: bool,
        draw: impl Fn(u64) -> u32,
    ) -> bool {
        let next_ns = self.next_ns(idle_since_ns);
        if let Some(next_ns) = next_ns.filter(|next_ns| !own && *next_ns < now_ns + NOTICE_NS) {
            self.committed = self.ready(idle_since_ns, next_ns);
        }
        for (index, category) in AccessCategory::ALL.into_iter().enumerate() {
            let from_ns = idle_since_ns + category.edca().aifs_ns();
            let queue = &mut self.queues[index];
            let passed = now_ns.saturating_sub(from_ns) / SLOT_NS;
            queue.slots = queue.slots.saturating_sub(u32::try_from(passed).unwrap_or(u32::MAX));
            let interrupted = queue.slots == 0 && !queue.frames.is_empty();
            if interrupted && self.committed & (1 << index) == 0 {
                self.back_off(index, &draw);
            }
        }
        next_ns.is_some() && self.committed == 0
    }

    /// The time to begin has come: takes the frame of the most urgent category that is ready; others that are count anew.
    /// Call it before [`busy`](Self::busy) for the station's own frame.
    pub(super) fn begin(
        &mut self,
        idle_since_ns: Option<u64>,
        now_ns: u64,
        draw: impl Fn(u64) -> u32,
    ) -> Option<(AccessCategory, WaitingFrame)> {
        let ready = match (core::mem::take(&mut self.committed), idle_since_ns) {
            (0, Some(idle_since_ns)) => self.ready(idle_since_ns, now_ns),
            (committed, _) => committed,
        };
        let winner = (0..4).rev().find(|index| ready & (1 << index) != 0)?;
        let frame = self.queues[winner].frames.pop_front()?;
        for loser in (0..winner).filter(|index| ready & (1 << index) != 0) {
            self.queues[loser].doubled = (self.queues[loser].doubled + 1).min(MOST_DOUBLED);
            self.back_off(loser, &draw);
            if let Some(idle_since_ns) = idle_since_ns {
                // Not yet: the slots that have passed are no part of it.
                let from_ns = idle_since_ns + AccessCategory::ALL[loser].edca().aifs_ns();
                self.queues[loser].slots += (now_ns.saturating_sub(from_ns) / SLOT_NS) as u32;
            }
        }
        Some((AccessCategory::ALL[winner], frame))
    }

    /// Its frame has ended: it counts a back-off before the next one of this category.
    pub(super) fn ended(&mut self, category: AccessCategory, draw: impl Fn(u64) -> u32) {
        self.queues[category as usize].doubled = 0;
        self.back_off(category as usize, &draw);
    }

    fn back_off(&mut self, index: usize, draw: &impl Fn(u64) -> u32) {
        let edca = AccessCategory::ALL[index].edca();
        let doubled = (u32::from(edca.cw_min) + 1 << self.queues[index].doubled) - 1;
        let window = doubled.min(u32::from(edca.cw_max));
        self.draws += 1;
        self.queues[index].slots = draw(self.draws) % (window + 1);
    }

    /// When the first category begins, if the channel stays idle.
    fn next_ns(&self, idle_since_ns: u64) -> Option<u64> {
        (0..4).filter_map(|index| self.begins_ns(index, idle_since_ns)).min()
    }

    /// The categories that begin at or before a time, as bits.
    fn ready(&self, idle_since_ns: u64, at_ns: u64) -> u8 {
        let ready = |index: &usize| self.begins_ns(*index, idle_since_ns).is_some_and(|ns| ns <= at_ns);
        (0..4).filter(ready).fold(0, |bits, index| bits | 1 << index)
    }

    fn begins_ns(&self, index: usize, idle_since_ns: u64) -> Option<u64> {
        let queue = &self.queues[index];
        let frame = queue.frames.front()?;
        let aifs_ns = AccessCategory::ALL[index].edca().aifs_ns();
        Some(frame.queued_ns.max(idle_since_ns + aifs_ns + u64::from(queue.slots) * SLOT_NS))
    }
}

/// A station hears that a frame is in the air this long after its first bit, ns: aCCATime of a 10 MHz channel (IEEE Std
/// 802.11-2020, table 17-21).
pub(super) const NOTICE_NS: u64 = 8_000;
/// From 15 to 1,023 slots.
const MOST_DOUBLED: u8 = 6;

#[cfg(test)]
mod tests;
