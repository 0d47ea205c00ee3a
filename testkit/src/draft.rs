//! Unsigned frames in bulk, for a station that trusts every signature.

use bytes::Bytes;
use ed25519_dalek::VerifyingKey;
use prost::Message as _;
use v2x_core::{Host, Input, Position, WireTime, credential_hash};
use v2x_proto::cause;
use v2x_proto::envelope::{SignerRef, TbsRepr, encode_signed};
use v2x_proto::hop::{Flags, HopHeader, Kind};
use v2x_proto::v1::{self, MessageType};
use v2x_proto::{AreaView, Class, Digest};

use crate::start::{PLACE, address, frame};
use crate::{Authority, hazard};

/// A host in virtual time that accepts every signature: it measures everything but the signature checks.
#[derive(Debug)]
pub struct Trusting;

impl Host for Trusting {
    fn verify(&mut self, _key: &VerifyingKey, _message: &[u8], _signature: &[u8; 64]) -> bool {
        true
    }
}

/// A standing station with a credential.
#[derive(Clone, Debug)]
pub struct Stander {
    /// Short name of its credential.
    pub digest: Digest,
    /// Its credential.
    pub credential: Bytes,
    /// Link address.
    pub link: [u8; 6],
    /// Position.
    pub position: Position,
}

impl Stander {
    /// Station `number` with the credential of that number, on a grid of 12 m about [`PLACE`].
    pub fn new(authority: &Authority, number: u32) -> Self {
        Self::with(authority.credential(number), number)
    }

    /// The same with another credential.
    pub fn with(credential: Bytes, number: u32) -> Self {
        let (east, north) = (f64::from(number % 100), f64::from(number / 100));
        Self {
            digest: Digest::of_hash(&credential_hash(&credential)),
            credential,
            link: address(number),
            position: PLACE.moved(12.0 * east - 600.0, 12.0 * north - 600.0),
        }
    }

    /// Its beacon, by its digest.
    pub fn beacon(&self, sequence: u32, wire: WireTime) -> Draft {
        let header = HopHeader {
            kind: Kind::Data,
            flags: Flags::default(),
            remaining_hops: 1,
            class: Class::D2,
            forwarder: self.digest,
            forwarder_position: None,
        };
        Draft {
            header,
            message_type: MessageType::Awareness as u32,
            wire,
            sequence,
            position: self.position,
            class: Class::D2,
            lifetime_ms: 900,
            max_hops: 1,
            area: None,
            payload: awareness(),
            digest: self.digest,
            credential: None,
            link: self.link,
        }
    }

    /// Its hazard, with five hops remaining.
    pub fn flood(&self, sequence: u32, wire: WireTime) -> Draft {
        let beacon = self.beacon(sequence, wire);
        let hazard = v1::Hazard {
            cause: cause::COLLISION_RISK.into(),
            ..hazard::new(self.digest, 1, self.position, wire)
        };
        let flags = Flags { multi_hop: true, ..Flags::default() };
        Draft {
            header: HopHeader { flags, remaining_hops: 5, class: Class::D3, ..beacon.header },
            message_type: MessageType::Hazard as u32,
            class: Class::D3,
            lifetime_ms: 60_000,
            max_hops: 5,
            area: Some(hazard::circle(self.position, 1000)),
            payload: hazard.encode_to_vec(),
            ..beacon
        }
    }
}

/// The content of a frame.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The unsigned part.
    pub header: HopHeader,
    /// Number of the payload's type.
    pub message_type: u32,
    /// Its generation time.
    pub wire: WireTime,
    /// Its sequence number.
    pub sequence: u32,
    /// Its generation position.
    pub position: Position,
    /// Its class.
    pub class: Class,
    /// Its lifetime, ms.
    pub lifetime_ms: u32,
    /// Hops it may travel.
    pub max_hops: u8,
    /// Area in which it is relevant.
    pub area: Option<AreaView>,
    /// Its encoded payload.
    pub payload: Vec<u8>,
    /// Digest of its signer, used unless a credential is given.
    pub digest: Digest,
    /// The whole credential of its signer.
    pub credential: Option<Bytes>,
    /// Link address it comes from.
    pub link: [u8; 6],
}

impl Draft {
    /// In another class, also in the hop header.
    #[must_use]
    pub fn in_class(self, class: Class, message_type: MessageType) -> Self {
        let header = HopHeader { class, ..self.header };
        Self { header, class, message_type: message_type as u32, ..self }
    }

    /// From a stranger: an unknown digest, at an unknown address.
    #[must_use]
    pub fn of_stranger(self, n: u32) -> Self {
        let digest = Digest((u64::from(n) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        let header = HopHeader { forwarder: digest, ..self.header };
        Self { header, digest, link: made_up_address(n), ..self }
    }

    /// With a whole credential instead of a digest.
    #[must_use]
    pub fn in_full(self, credential: &Bytes) -> Self {
        Self { credential: Some(credential.clone()), ..self }
    }

    /// As a station receives it from its sender's address.
    pub fn received(&self) -> Input {
        frame(&Bytes::from(self.bytes()), self.link)
    }

    /// The bytes on the air, with a signature nobody checks, different in each frame.
    pub fn bytes(&self) -> Vec<u8> {
        let mut tbs = Vec::with_capacity(256);
        let fields = TbsRepr {
            message_type: self.message_type,
            generation_time_us: self.wire.as_micros(),
            sequence: self.sequence,
            latitude: self.position.latitude,
            longitude: self.position.longitude,
            class: self.class,
            lifetime_ms: self.lifetime_ms,
            max_hops: self.max_hops,
            area: self.area,
            credential_requests: &[],
            payload: &self.payload,
        };
        fields.encode(&mut tbs);
        let mut signature = [0x55; 64];
        signature[..4].copy_from_slice(&self.sequence.to_le_bytes());
        let signer = match &self.credential {
            Some(credential) => SignerRef::Credential(credential),
            None => SignerRef::Digest(self.digest),
        };
        let mut out = Vec::with_capacity(512);
        self.header.encode(&mut out);
        encode_signed(&mut out, &tbs, &signature, signer);
        out
    }
}

/// An address no frame came from before.
fn made_up_address(n: u32) -> [u8; 6] {
    let [a, b, c, d] = n.wrapping_mul(0x9e37_79b9).to_be_bytes();
    [0x06, 0x66, a, b, c, d]
}

/// Awareness of a car in a jam, with the path history that a beacon carries about every second.
fn awareness() -> Vec<u8> {
    let step = |n: i32| if n % 2 == 0 { 900 } else { -700 };
    let awareness = v1::Awareness {
        station_type: v1::StationType::PassengerCar as i32,
        altitude_cm: Some(25_000),
        speed: Some(0),
        heading: Some(900),
        acceleration: Some(0),
        yaw_rate: Some(0),
        beacon_interval_ms: Some(1000),
        path_delta_latitude: (0..8).map(step).collect(),
        path_delta_longitude: (1..9).map(step).collect(),
        path_delta_time: vec![300; 8],
        ..v1::Awareness::default()
    };
    awareness.encode_to_vec()
}
