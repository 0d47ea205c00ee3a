//! What is collected for a window: see `window`.

use super::share::Share;

/// What is known of a window, kept for its room.
#[derive(Debug, Default)]
pub(super) struct WindowPlan {
    /// Up to when it was looked ahead, ns.
    pub(super) until_ns: u64,
    pub(super) certain: Vec<Expected>,
    pub(super) shares: Vec<Share>,
    pub(super) spare: Vec<Share>,
    /// Being filled, by owner.
    pub(super) open: Vec<Share>,
}

/// Something that happens to a station.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) station: u32,
    pub(super) order: u32,
    pub(super) at_ns: u64,
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    Arrival {
        slot: u32,
        arrival: u32,
    },
    Fix,
    /// It may want to be woken.
    Wake,
    /// Something that is not foreseen.
    Unknown,
}
