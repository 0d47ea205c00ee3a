//! The stations that attack, and the state of each.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use v2x_core::Identity;

use crate::attack::{Air, AttackPlan, Insider, Score};

/// The attacking stations with their state.
#[derive(Debug)]
pub(super) struct Assault {
    pub(super) plan: AttackPlan,
    pub(super) attackers: BTreeMap<u32, Attacker>,
    /// All stations that attack.
    pub(super) bad: BTreeSet<u32>,
    pub(super) air: Air,
    pub(super) score: Score,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Attacker {
    pub(super) attack: usize,
    pub(super) insider: Insider,
    pub(super) ghosts: Vec<Identity>,
    pub(super) sequence: u32,
    /// What it recorded before the last restart nearby, and when the next one is.
    pub(super) tape: VecDeque<Bytes>,
    pub(super) restarts_ns: u64,
}
