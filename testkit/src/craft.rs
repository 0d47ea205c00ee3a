//! Hand-made frames with arbitrary fields, from a signer that obeys no rule.

use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use ed25519_dalek::{Signer, SigningKey};
use prost::Message as _;
use v2x_core::{Identity, Instant, KeyPair, SendRequest, credential_hash, signing_input};
use v2x_proto::credential::{CREDENTIAL_DOMAIN, CredentialFields, encode_credential};
use v2x_proto::envelope::{SignedView, SignerRef, TbsRepr, TbsView, encode_signed};
use v2x_proto::hop::{self, Flags, HopHeader, Kind};
use v2x_proto::v1::{self, MessageType};
use v2x_proto::{AreaView, Class, Digest};

use crate::start::{PLACE, anchor};
use crate::{Authority, hazard};

/// A signer that signs anything: a key and a credential.
#[derive(Debug)]
pub struct Crafter {
    /// The credential it signs under.
    pub credential: Bytes,
    /// Short name of the credential.
    pub digest: Digest,
    hash: [u8; 32],
    key: SigningKey,
    sequence: AtomicU32,
}

/// A hazard message for [`Crafter::declare`]. Other fields are set by struct update:
/// `DeclaredHazard { lifetime_ms: 1_000, ..DeclaredHazard::new(1, 0) }`.
#[derive(Clone, Debug)]
pub struct DeclaredHazard {
    /// The number of the declarer's event.
    pub event: u32,
    /// Its state's time, seconds after the kit's clock begins.
    pub second: u64,
    /// What the declarer says of it.
    pub state: v1::HazardState,
    /// From generation to end.
    pub lifetime_ms: u32,
    /// About [`PLACE`].
    pub radius_m: u32,
    /// When the message was made, TAI microseconds since 2004; `None`: when the kit's clock begins.
    pub generation_us: Option<u64>,
}

impl DeclaredHazard {
    /// A new event in its state of this second: 500 m about [`PLACE`], for a minute from when the kit's clock begins.
    pub const fn new(event: u32, second: u64) -> Self {
        let (state, generation_us) = (v1::HazardState::New, None);
        Self { event, second, state, lifetime_ms: 60_000, radius_m: 500, generation_us }
    }
}

impl Crafter {
    /// A signer with a key and a credential, which need not belong together.
    pub fn new(key: SigningKey, credential: Bytes) -> Self {
        let hash = credential_hash(&credential);
        Self { credential, digest: Digest::of_hash(&hash), hash, key, sequence: AtomicU32::new(1000) }
    }

    /// The signer with the identity of [`Authority::identity`].
    pub fn station(number: u32) -> Self {
        Self::of(&Authority::new(), number)
    }

    /// The same, under another authority.
    pub fn of(authority: &Authority, number: u32) -> Self {
        Self::new(Authority::key(number), authority.credential(number))
    }

    /// The identity that signs as this one does.
    ///
    /// # Panics
    ///
    /// Key and credential do not belong together.
    pub fn identity(&self) -> Identity {
        let key = Box::new(KeyPair::from(self.key.clone()));
        Identity::new(self.credential.clone(), key).expect("the key is the credential's")
    }

    /// The fields of a good awareness message with the next number.
    pub fn fields(&self, at: Instant) -> TbsRepr<'static> {
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        TbsRepr {
            message_type: MessageType::Awareness as u32,
            generation_time_us: anchor().wire_at(at).as_micros(),
            sequence,
            latitude: PLACE.latitude,
            longitude: PLACE.longitude,
            class: Class::D2,
            lifetime_ms: 900,
            max_hops: 1,
            area: None,
            credential_requests: &[],
            payload: AWARENESS,
        }
    }

    /// The fields of a good latency probe in any class but D3, where it is a message of an unassigned type.
    pub fn fields_in(&self, class: Class, at: Instant) -> TbsRepr<'static> {
        let fields = TbsRepr { class, lifetime_ms: 100, payload: ECHO, ..self.fields(at) };
        if class == Class::D3 {
            TbsRepr { message_type: UNKNOWN_TYPE, area: Some(circle(1000)), max_hops: 5, ..fields }
        } else {
            TbsRepr { message_type: MessageType::Echo as u32, ..fields }
        }
    }

    /// A hazard message with the whole credential.
    pub fn declare(&self, declared: &DeclaredHazard) -> Bytes {
        let DeclaredHazard { event, second, state, lifetime_ms, radius_m, generation_us } = *declared;
        let mut payload = hazard_of(self.digest, Instant::ZERO);
        payload.id = Some(v1::EventId { origin: Bytes::copy_from_slice(&self.digest.0), number: event });
        payload.reference_time_us += second * 1_000_000;
        payload.state = state as i32;
        let payload = payload.encode_to_vec();
        let mut fields = self.fields_in(Class::D3, Instant::ZERO);
        fields.generation_time_us = generation_us.unwrap_or(fields.generation_time_us);
        fields.message_type = MessageType::Hazard as u32;
        fields.lifetime_ms = lifetime_ms;
        fields.area = Some(circle(radius_m));
        fields.payload = &payload;
        self.full(&fields)
    }

    /// A frame with the whole credential.
    pub fn full(&self, fields: &TbsRepr<'_>) -> Bytes {
        self.frame(&self.header(fields), fields, SignerRef::Credential(&self.credential))
    }

    /// A frame with the digest only.
    pub fn brief(&self, fields: &TbsRepr<'_>) -> Bytes {
        self.frame(&self.header(fields), fields, SignerRef::Digest(self.digest))
    }

    /// A frame with any header and either form of signer.
    pub fn frame(&self, header: &HopHeader, fields: &TbsRepr<'_>, signer: SignerRef<'_>) -> Bytes {
        let mut tbs = Vec::new();
        fields.encode(&mut tbs);
        frame(header, &tbs, &self.sign(&tbs), signer)
    }

    /// The signature under these signed fields.
    pub fn sign(&self, tbs: &[u8]) -> [u8; 64] {
        let mut input = Vec::new();
        signing_input(&mut input, &self.hash, tbs);
        self.key.sign(&input).to_bytes()
    }

    /// The header an honest originator writes.
    pub fn header(&self, fields: &TbsRepr<'_>) -> HopHeader {
        HopHeader {
            kind: Kind::Data,
            flags: Flags { multi_hop: fields.max_hops > 1, ..Flags::default() },
            remaining_hops: fields.max_hops,
            class: fields.class,
            forwarder: self.digest,
            forwarder_position: None,
        }
    }
}

/// A frame assembled from its parts, signed or not.
pub fn frame(header: &HopHeader, tbs: &[u8], signature: &[u8; 64], signer: SignerRef<'_>) -> Bytes {
    let mut bytes = Vec::new();
    header.encode(&mut bytes);
    encode_signed(&mut bytes, tbs, signature, signer);
    bytes.into()
}

/// The same frame with one bit of its signature flipped, chosen by `n`.
///
/// # Panics
///
/// The bytes are not such a frame.
pub fn forged(bytes: &Bytes, n: usize) -> Bytes {
    let (header, offset) = hop::parse(bytes).expect(FRAME);
    let signed = SignedView::parse(&bytes[offset..]).expect(FRAME);
    let mut signature = *signed.signature;
    signature[n / 8 % 64] ^= 1 << (n % 8);
    frame(&header, signed.tbs, &signature, signed.signer)
}

/// The same frame with one of its bytes rewritten.
pub fn poked(bytes: &Bytes, place: usize, change: impl Fn(u8) -> u8) -> Bytes {
    let mut bytes = bytes.to_vec();
    bytes[place] = change(bytes[place]);
    bytes.into()
}

/// The parts of a frame: hop header, signed fields, signer.
///
/// # Panics
///
/// The bytes are not such a frame.
pub fn read(bytes: &Bytes) -> (HopHeader, TbsView<'_>, SignerRef<'_>) {
    let (header, offset) = hop::parse(bytes).expect(FRAME);
    let signed = SignedView::parse(&bytes[offset..]).expect(FRAME);
    (header, TbsView::parse(signed.tbs).expect(FRAME), signed.signer)
}

/// Whether the whole credential is in the frame.
pub fn is_full(bytes: &Bytes) -> bool {
    matches!(read(bytes).2, SignerRef::Credential(_))
}

/// The awareness message in the frame.
///
/// # Panics
///
/// The bytes are not such a frame.
pub fn awareness(bytes: &Bytes) -> v1::Awareness {
    v1::Awareness::decode(read(bytes).1.payload).expect("an awareness message")
}

/// A credential of any fields, signed by any key as if by `issuer`: nothing is checked.
pub fn credential(fields: &CredentialFields, issuer: &[u8], issuer_key: &SigningKey) -> Bytes {
    let mut tbs = Vec::new();
    fields.encode(&mut tbs);
    let input = [CREDENTIAL_DOMAIN.as_slice(), &credential_hash(issuer), &tbs].concat();
    let mut bytes = Vec::new();
    encode_credential(&mut bytes, &tbs, &issuer_key.sign(&input).to_bytes());
    bytes.into()
}

/// An area about [`PLACE`].
pub fn circle(radius_m: u32) -> AreaView {
    hazard::circle(PLACE, radius_m)
}

/// A stationary vehicle at [`PLACE`], detected at `at` and declared by station 1.
pub fn hazard(at: Instant) -> Vec<u8> {
    hazard_of(Crafter::station(1).digest, at).encode_to_vec()
}

/// A stationary vehicle at [`PLACE`], detected at `at`.
pub fn hazard_of(declarer: Digest, at: Instant) -> v1::Hazard {
    hazard::new(declarer, 1, PLACE, anchor().wire_at(at))
}

/// A latency probe for the application to send.
pub fn probe(class: Class) -> SendRequest {
    SendRequest {
        to: None,
        message_type: MessageType::Echo as u32,
        class,
        lifetime_ms: 100,
        max_hops: 1,
        area: None,
        subject: 0,
        due: None,
        token: None,
        payload: Bytes::from_static(ECHO),
    }
}

/// A type no version knows.
pub const UNKNOWN_TYPE: u32 = 54_321;
/// `Awareness { station_type: 5 }`.
pub const AWARENESS: &[u8] = &[0x08, 5];
/// `Echo { token: 1 }`.
pub const ECHO: &[u8] = &[0x09, 1, 0, 0, 0, 0, 0, 0, 0];
const FRAME: &str = "a frame of Roadcast";
