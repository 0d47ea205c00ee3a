//! What one station's receiver hears: the frame it follows, everything that disturbs it, and whether the channel is busy.

use super::contention::{ChannelState, NOTICE_NS};
use super::frame_errors::{ErrorCurve, FrameErrors};
use super::profile::Overlap;
use super::propagation::PowerUnits;

/// One station's receiver.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ear {
    /// Of all frames in the air at it, together.
    pub(super) total: u64,
    /// The frame it follows; [`NONE`]: it listens.
    pub(super) frame: u32,
    signal: u64,
    since_ns: u64,
    /// The logarithm of the share of such frames that has survived so far.
    survival_ln: f32,
    pub(super) followed: Followed,
    /// The last frame that another took it from, being stronger.
    pub(super) captured: u32,
    pub(super) sending: bool,
    /// Whether the station counts or has something to send.
    pub(super) waits: bool,
    /// Since when the channel is as it is.
    pub(super) changed_ns: u64,
    pub(super) busy: bool,
    /// Since when it was as it was before.
    before_ns: u64,
    /// How long the channel was busy, up to `changed_ns`.
    pub(super) busy_ns: u64,
}

/// What a receiver has to know of the frame it follows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Followed {
    /// When its first bit arrived.
    pub(super) arrived_ns: u64,
    pub(super) airtime_ns: u32,
    pub(super) curve: ErrorCurve,
}

impl Default for Ear {
    fn default() -> Self {
        Self {
            total: 0,
            frame: NONE,
            signal: 0,
            since_ns: 0,
            survival_ln: 0.0,
            followed: Followed::default(),
            captured: NONE,
            sending: false,
            waits: false,
            changed_ns: 0,
            busy: false,
            before_ns: 0,
            busy_ns: 0,
        }
    }
}

impl Ear {
    /// Begins to follow a frame.
    pub(super) fn follow(&mut self, frame: u32, signal: PowerUnits, now_ns: u64, followed: Followed) {
        self.frame = frame;
        self.signal = signal.0;
        self.since_ns = now_ns;
        self.followed = followed;
        self.survival_ln = 0.0;
    }

    /// The interference changes now: what was followed until now counts with what there was.
    pub(super) fn settle(&mut self, now_ns: u64, noise: u64, overlap: Overlap, errors: &FrameErrors) {
        if self.frame != NONE && now_ns > self.since_ns {
            let share = (now_ns - self.since_ns) as f32 / self.followed.airtime_ns as f32;
            let disturbing = self.total.saturating_sub(self.signal) + noise;
            let ratio = self.signal as f32 / disturbing as f32;
            let survival_ln = errors.survival_ln(self.followed.curve, ratio);
            self.survival_ln = match overlap {
                Overlap::Shares => self.survival_ln + share * survival_ln,
                Overlap::Worst => self.survival_ln.min(survival_ln),
            };
            self.since_ns = now_ns;
        }
    }

    /// The share of frames like the one it followed that survive interference and noise, and noise alone.
    pub(super) fn survival(&self, noise: u64, errors: &FrameErrors) -> (f32, f32) {
        let alone = errors.survival_ln(self.followed.curve, self.signal as f32 / noise as f32);
        (self.survival_ln.exp(), alone.exp())
    }

    /// The power of the frame it follows.
    pub(super) fn signal(&self) -> PowerUnits {
        PowerUnits(self.signal)
    }

    /// Whether the channel is busy for it.
    pub(super) fn is_busy(&self, energy: u64) -> bool {
        self.sending || self.frame != NONE || self.total >= energy
    }

    /// Notes whether the channel is busy; returns since when it was otherwise, if that is new.
    pub(super) fn note(&mut self, now_ns: u64, energy: u64) -> Option<u64> {
        let busy = self.is_busy(energy);
        if busy == self.busy {
            return None;
        }
        let since_ns = core::mem::replace(&mut self.changed_ns, now_ns);
        if self.busy {
            self.busy_ns += now_ns - since_ns;
        }
        self.busy = busy;
        self.before_ns = since_ns;
        Some(since_ns)
    }

    /// Since when the channel is idle; `None` while it is busy.
    pub(super) fn idle_since_ns(&self) -> Option<u64> {
        (!self.busy).then_some(self.changed_ns)
    }

    /// What its station finds that wants to send now.
    pub(super) fn channel(&self, now_ns: u64) -> ChannelState {
        if !self.busy {
            ChannelState::Idle { since_ns: self.changed_ns }
        } else if !self.sending && now_ns < self.changed_ns + NOTICE_NS {
            ChannelState::Unnoticed { idle_since_ns: self.before_ns }
        } else {
            ChannelState::Busy
        }
    }

    /// How long the channel was busy until now, with others' frames and its own.
    pub(super) fn busy_until_ns(&self, now_ns: u64) -> u64 {
        self.busy_ns + if self.busy { now_ns.saturating_sub(self.changed_ns) } else { 0 }
    }
}

/// No frame.
pub(super) const NONE: u32 = u32::MAX;
