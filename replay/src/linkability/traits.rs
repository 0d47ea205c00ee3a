//! What an eavesdropper keeps of each pseudonym besides its way: any field, length, time or order that may come back under
//! another name.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use v2x_core::{BeaconTags, FloodName, WireTime};
use v2x_proto::credential::CredentialView;
use v2x_proto::envelope::{SignerRef, TbsView};
use v2x_proto::{Digest, v1};

/// Traits of one pseudonym.
#[derive(Clone, Debug, Default)]
pub(super) struct Traits {
    /// Its first beacons.
    pub first: Vec<Beacon>,
    /// Its last ones.
    pub last: VecDeque<Beacon>,
    /// Length, width and type, as it states them.
    pub dimensions: Option<(u32, u32, i32)>,
    /// All of its credential that is not made anew for each.
    pub credential: Option<Vec<u8>>,
    /// Floods of others that it sent.
    pub relayed: BTreeSet<FloodName>,
}

/// One beacon.
#[derive(Clone, Debug, Default)]
pub(super) struct Beacon {
    pub at_ns: u64,
    pub sequence: u32,
    pub length: usize,
    pub link: Option<[u8; 6]>,
    pub floods: BTreeSet<FloodName>,
    pub requests: BTreeSet<[u8; 3]>,
    pub interval_ms: Option<u32>,
    pub accuracy_cm: Option<u32>,
}

/// The floods that were heard, so that their tags in beacons can be told.
#[derive(Clone, Debug, Default)]
pub(super) struct Floods(BTreeMap<FloodName, WireTime>);

impl Traits {
    /// A beacon with its signed fields.
    pub(super) fn hear(&mut self, beacon: Beacon, message: &v1::Awareness, signer: &SignerRef<'_>) {
        if let (Some(length), Some(width)) = (message.length, message.width) {
            self.dimensions = Some((length, width, message.station_type));
        }
        if let SignerRef::Credential(bytes) = signer
            && self.credential.is_none()
        {
            self.credential = CredentialView::parse(bytes).ok().map(|credential| {
                let mut common = Vec::new();
                v2x_proto::credential::CredentialFields { public_key: [0; 32], ..credential.fields }
                    .encode(&mut common);
                common
            });
        }
        if self.first.len() < KEPT {
            self.first.push(beacon.clone());
        }
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(beacon);
    }

    /// It sent another's flood.
    pub(super) fn relays(&mut self, name: FloodName) {
        if self.relayed.len() < MAX_RELAYED {
            self.relayed.insert(name);
        }
    }
}

impl Beacon {
    pub(super) fn new(
        at_ns: u64,
        link: Option<[u8; 6]>,
        length: usize,
        tbs: &TbsView<'_>,
        message: &v1::Awareness,
    ) -> Self {
        Self {
            at_ns,
            sequence: tbs.sequence,
            length,
            link,
            floods: BTreeSet::new(),
            requests: tbs.requests().copied().collect(),
            interval_ms: message.beacon_interval_ms,
            accuracy_cm: message.position_confidence.as_ref().map(|radius| radius.semi_major_cm),
        }
    }
}

impl Floods {
    /// A message of several hops was heard.
    pub(super) fn hear(&mut self, name: FloodName, now: WireTime, expires: WireTime) {
        self.0.retain(|_, expires| *expires > now);
        if self.0.len() < MAX_FLOODS {
            self.0.insert(name, expires);
        }
    }

    /// Those of them that a beacon names.
    pub(super) fn named(&self, signer: &Digest, tbs: &TbsView<'_>, tags: &[u32]) -> BTreeSet<FloodName> {
        if tags.is_empty() {
            return BTreeSet::new();
        }
        let beacon = BeaconTags::new(signer, WireTime::from_micros(tbs.generation_time_us));
        self.0.keys().copied().filter(|name| tags.contains(&beacon.tag(*name))).collect()
    }
}

/// Beacons kept of either end of a pseudonym.
const KEPT: usize = 3;

const MAX_RELAYED: usize = 256;

/// Floods kept at a time.
const MAX_FLOODS: usize = 4_096;
