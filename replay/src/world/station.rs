//! A station of a world: its node while it is there, and what stands between it and the medium.

use ed25519_dalek::VerifyingKey;
use v2x_apps::alert::Triggers;
use v2x_core::{AwarenessRule, Config, Node, Pool, Reserve};
use v2x_proto::Digest;

use super::foreseen::Foreseen;
use super::gates::Survey;
use super::transmitter::Transmitter;
use super::workload::Workload;
use crate::source::{StationKind, StationSize};

/// Where a station's node is, what it signs with, and when it is woken.
#[derive(Debug)]
pub(super) struct Station {
    pub(super) node: Option<Box<Node>>,
    /// What the node does next; kept for its room when it is empty.
    pub(super) foreseen: Option<Box<Foreseen>>,
    pub(super) seen: bool,
    /// What it signs with: digest and hash of each credential, the key.
    signs: Vec<(Digest, [u8; 32], VerifyingKey)>,
    pub(super) deadline_ns: u64,
    /// When it is scheduled to be woken.
    pub(super) wake_ns: u64,
    pub(super) turn_scheduled: bool,
    pub(super) transmitter: Transmitter,
    pub(super) work: Workload,
    pub(super) survey: Survey,
    /// What it warns of, where vehicles do.
    pub(super) triggers: Option<Box<Triggers>>,
    /// Awareness messages so far, where their intervals are drawn.
    pub(super) beacons: u64,
}

impl Default for Station {
    fn default() -> Self {
        Self {
            node: None,
            foreseen: None,
            seen: false,
            signs: Vec::new(),
            deadline_ns: u64::MAX,
            wake_ns: u64::MAX,
            turn_scheduled: false,
            transmitter: Transmitter::default(),
            work: Workload::default(),
            survey: Survey::default(),
            triggers: None,
            beacons: 0,
        }
    }
}

impl Station {
    pub(super) fn meet(&mut self, pool: &Pool) {
        self.seen = true;
        self.signs = pool.identities().map(|one| (one.digest(), *one.hash(), *one.key())).collect();
    }

    /// Whether what its node does next is known.
    pub(super) fn is_foreseen(&self) -> bool {
        self.foreseen.as_ref().is_some_and(|foreseen| !foreseen.is_empty())
    }

    /// The digest of the first credential it signs with.
    pub(super) fn signer(&self) -> Option<Digest> {
        self.signs.first().map(|(digest, ..)| *digest)
    }

    /// Its credential's hash and key, when it is the named signer.
    pub(super) fn signs(&self, signer: &Digest) -> Option<(&[u8; 32], &VerifyingKey)> {
        self.signs.iter().find(|(digest, ..)| digest == signer).map(|(_, hash, key)| (hash, key))
    }
}

/// The description a station of a kind sends of itself: station types of TS 102 894-2, its size, or the kind's usual one. Its traffic is
/// marked as a test, so that a station in service ignores it.
pub(super) fn config(kind: StationKind, size: StationSize, awareness: AwarenessRule) -> Config {
    let (station_type, length_dm, width_dm) = match kind {
        StationKind::Roadside => {
            return Config { test: true, reserve: Reserve::AsHeard, ..Config::roadside() };
        }
        StationKind::Passenger => (5, 45, 18),
        StationKind::Bus => (6, 120, 25),
        StationKind::Truck => (8, 120, 25),
        StationKind::Tram => (11, 300, 26),
        StationKind::Train => (11, StationSize::MAX_LENGTH_DM, 28),
        StationKind::Emergency => (10, 60, 21),
        StationKind::Motorcycle => (4, 22, 8),
        StationKind::Bicycle => (2, 18, 6),
        StationKind::Pedestrian => (1, 5, 5),
    };
    Config {
        station_type,
        length_dm: size.length_dm.or(Some(length_dm)),
        width_dm: size.width_dm.or(Some(width_dm)),
        awareness,
        test: true,
        reserve: Reserve::AsHeard,
        ..Config::vehicle()
    }
}
