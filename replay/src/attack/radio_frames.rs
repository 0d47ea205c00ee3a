//! Frames of transmitters beside the road: what they heard with its unsigned parts changed, and messages of their own.

use bytes::Bytes;
use prost::Message as _;
use v2x_core::{Identity, Position, Stream, credential_hash};
use v2x_proto::cause;
use v2x_proto::credential::{CredentialView, encode_credential};
use v2x_proto::envelope::{SignedView, SignerRef, TbsView, encode_signed};
use v2x_proto::hop::{self, Flags, HopHeader, Kind};
use v2x_proto::v1::{self, MessageType};
use v2x_proto::{AreaView, Class, Digest, Shape};

use super::insider::seal;

/// The station that a frame is to seem to come from: its digest and where it is.
pub(crate) type Forwarder = (Digest, (i32, i32));

/// A frame with the digest of its signer in place of the credential; `None` when it brings none.
pub(crate) fn stripped(bytes: &Bytes, forwarder: Option<Forwarder>) -> Option<Bytes> {
    let (header, signed) = read(bytes)?;
    let SignerRef::Credential(credential) = signed.signer else { return None };
    let signer = SignerRef::Digest(Digest::of_hash(&credential_hash(credential)));
    Some(frame(&named(header, forwarder), signed.tbs, signed.signature, signer))
}

/// A frame with bytes that nobody signed behind its signer, as a field that readers do not know.
pub(crate) fn padded(bytes: &Bytes, count: u32, forwarder: Option<Forwarder>) -> Option<Bytes> {
    let (header, signed) = read(bytes)?;
    let mut out = frame(&named(header, forwarder), signed.tbs, signed.signature, signed.signer).to_vec();
    out.extend_from_slice(&[UNKNOWN_FIELD, count as u8 | 0x80, (count >> 7) as u8]);
    out.resize(out.len() + count as usize, 0);
    Some(out.into())
}

/// An imminent warning with a hop left as `forwarder` would send it on; `None` for others.
pub(crate) fn sent_on(bytes: &Bytes, forwarder: Forwarder) -> Option<Bytes> {
    let (mut header, signed) = read(bytes)?;
    if header.class != Class::D0 || header.remaining_hops < 2 {
        return None;
    }
    header.remaining_hops -= 1;
    Some(frame(&named(header, Some(forwarder)), signed.tbs, signed.signature, signed.signer))
}

/// The credential in a frame with another key: well-formed, of an issuer that receivers trust, and not signed by it.
pub(crate) fn made_up(credential: &[u8], random: &mut Stream) -> Option<Bytes> {
    let view = CredentialView::parse(credential).ok()?;
    let mut fields = view.fields;
    for chunk in fields.public_key.chunks_exact_mut(8) {
        chunk.copy_from_slice(&random.next_u64().to_le_bytes());
    }
    let (mut tbs, mut out) = (Vec::new(), Vec::new());
    fields.encode(&mut tbs);
    encode_credential(&mut out, &tbs, view.signature);
    Some(out.into())
}

/// The signer that a frame names, and its number.
pub(crate) fn claims(bytes: &Bytes) -> Option<(Digest, u32)> {
    let (_, signed) = read(bytes)?;
    let tbs = TbsView::parse(signed.tbs).ok()?;
    let signer = match signed.signer {
        SignerRef::Digest(digest) => digest,
        SignerRef::Credential(credential) => Digest::of_hash(&credential_hash(credential)),
    };
    Some((signer, tbs.sequence))
}

/// The signed fields of a frame under another signature: what its signer says, said by `identity`.
pub(crate) fn as_own(bytes: &Bytes, sequence: u32, identity: &mut Identity) -> Option<Bytes> {
    let (header, signed) = read(bytes)?;
    let tbs = TbsView { sequence, ..TbsView::parse(signed.tbs).ok()? };
    if tbs.message_type != MessageType::Awareness as u32 {
        return None;
    }
    let credential = identity.credential().clone();
    Some(seal(header, &tbs, SignerRef::Credential(&credential), identity))
}

/// Where and when a message is said to be made, and its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Made {
    pub(crate) position: Position,
    pub(crate) micros: u64,
    pub(crate) sequence: u32,
}

/// A message before it is signed, or said to be.
#[derive(Clone, Debug)]
pub(crate) struct RadioMessage {
    message_type: MessageType,
    class: Class,
    lifetime_ms: u32,
    max_hops: u8,
    area: Option<AreaView>,
    payload: Vec<u8>,
}

impl RadioMessage {
    /// The message that a car is here.
    pub(crate) fn awareness() -> Self {
        let payload = v1::Awareness { station_type: PASSENGER_CAR, ..v1::Awareness::default() };
        Self::of(MessageType::Awareness, Class::D2, 900, payload.encode_to_vec())
    }

    /// A warning of a class, or awareness for D2.
    pub(crate) fn warning(class: Class, origin: Digest, number: u32, made: Made) -> Self {
        let payload = hazard(v1::HazardState::New, origin, number, made);
        let message = |lifetime_ms| Self::of(MessageType::Hazard, class, lifetime_ms, payload.clone());
        match class {
            Class::D2 => Self::awareness(),
            Class::D3 => Self { max_hops: HOPS, area: Some(circle(made.position)), ..message(2_000) },
            _ => message(100),
        }
    }

    /// An update of an event of `origin`.
    pub(crate) fn update(origin: Digest, number: u32, made: Made) -> Self {
        let payload = hazard(v1::HazardState::Update, origin, number, made);
        let message = Self::of(MessageType::Hazard, Class::D3, 2_000, payload);
        Self { max_hops: HOPS, area: Some(circle(made.position)), ..message }
    }

    /// A new event for an area far to the east.
    pub(crate) fn marker(origin: Digest, number: u32, made: Made) -> Self {
        let payload = hazard(v1::HazardState::New, origin, number, made);
        let message = Self::of(MessageType::Hazard, Class::D3, 60_000, payload);
        Self { max_hops: HOPS, area: Some(circle(made.position.moved(ELSEWHERE_M, 0.0))), ..message }
    }

    /// Green for all groups of an intersection for ten seconds more.
    pub(crate) fn green(intersection: u32, made: Made) -> Self {
        let group = |group| v1::SignalGroup {
            group,
            phase: v1::SignalPhase::ProtectedGo as i32,
            min_end: Some(100),
            likely_end: Some(100),
            max_end: Some(100),
            ..v1::SignalGroup::default()
        };
        let state = v1::SignalState {
            intersection_id: intersection,
            state_time_us: made.micros,
            groups: (1..=GROUPS).map(group).collect(),
            ..v1::SignalState::default()
        };
        Self::of(MessageType::SignalState, Class::D4, 300, state.encode_to_vec())
    }

    /// The next version of a list that `issuer` did not sign.
    pub(crate) fn revocation(issuer: Digest, number: u32, made: Made, random: &mut Stream) -> Self {
        let now_s = (made.micros / 1_000_000) as u32;
        let mut random = |bytes: usize| -> Vec<u8> {
            (0..bytes.div_ceil(8)).flat_map(|_| random.next_u64().to_le_bytes()).collect()
        };
        let delta = v1::RevocationDelta {
            series: 0,
            from_number: 0,
            to_number: number.max(1),
            issued_s: now_s,
            next_s: now_s.saturating_add(86_400),
            revoked: random(8).into(),
            issuer_signature: random(64).into(),
            issuer: Bytes::copy_from_slice(&issuer.0),
            whole_series: false,
        };
        Self::of(MessageType::RevocationDelta, Class::D5, 10_000, delta.encode_to_vec())
    }

    fn of(message_type: MessageType, class: Class, lifetime_ms: u32, payload: Vec<u8>) -> Self {
        Self { message_type, class, lifetime_ms, max_hops: 1, area: None, payload }
    }

    /// Signed, with the whole credential.
    pub(crate) fn signed(&self, made: Made, identity: &mut Identity) -> Bytes {
        let credential = identity.credential().clone();
        seal(self.header(identity.digest()), &self.fields(made), SignerRef::Credential(&credential), identity)
    }

    /// In a signer's name, with a signature that does not hold.
    pub(crate) fn forged(
        &self,
        made: Made,
        name: Digest,
        signer: SignerRef<'_>,
        random: &mut Stream,
    ) -> Bytes {
        let mut signature = [0; 64];
        for chunk in signature.chunks_exact_mut(8) {
            chunk.copy_from_slice(&random.next_u64().to_le_bytes());
        }
        // Below the order of the group, so that nothing but the equation itself tells.
        signature[63] &= 0x0f;
        let mut tbs = Vec::new();
        self.fields(made).encode(&mut tbs);
        frame(&self.header(name), &tbs, &signature, signer)
    }

    fn header(&self, forwarder: Digest) -> HopHeader {
        HopHeader {
            kind: Kind::Data,
            flags: Flags { multi_hop: self.max_hops > 1, ..Flags::default() },
            remaining_hops: self.max_hops,
            class: self.class,
            forwarder,
            forwarder_position: None,
        }
    }

    fn fields(&self, made: Made) -> TbsView<'_> {
        TbsView {
            message_type: self.message_type as u32,
            generation_time_us: made.micros,
            sequence: made.sequence,
            latitude: made.position.latitude,
            longitude: made.position.longitude,
            class: self.class,
            lifetime_ms: self.lifetime_ms,
            max_hops: self.max_hops,
            area: self.area,
            credential_requests: &[],
            payload: &self.payload,
        }
    }
}

fn hazard(state: v1::HazardState, origin: Digest, number: u32, made: Made) -> Vec<u8> {
    let hazard = v1::Hazard {
        id: Some(v1::EventId { origin: Bytes::copy_from_slice(&origin.0), number }),
        state: state as i32,
        detection_time_us: made.micros,
        reference_time_us: made.micros,
        position: Some(v1::Position {
            latitude: made.position.latitude,
            longitude: made.position.longitude,
            ..v1::Position::default()
        }),
        cause: cause::COLLISION_RISK.into(),
        validity_s: Some(60),
        ..v1::Hazard::default()
    };
    hazard.encode_to_vec()
}

fn circle(centre: Position) -> AreaView {
    AreaView {
        latitude: centre.latitude,
        longitude: centre.longitude,
        shape: Shape::Circle,
        distance_a_m: RADIUS_M,
        distance_b_m: 0,
        azimuth_deg: 0,
    }
}

fn named(mut header: HopHeader, forwarder: Option<Forwarder>) -> HopHeader {
    if let Some((digest, place)) = forwarder {
        header.forwarder = digest;
        header.forwarder_position = Some(place);
    }
    header
}

fn read(bytes: &Bytes) -> Option<(HopHeader, SignedView<'_>)> {
    let (header, len) = hop::parse(bytes).ok()?;
    Some((header, SignedView::parse(&bytes[len..]).ok()?))
}

fn frame(header: &HopHeader, tbs: &[u8], signature: &[u8; 64], signer: SignerRef<'_>) -> Bytes {
    let mut out = Vec::new();
    header.encode(&mut out);
    encode_signed(&mut out, tbs, signature, signer);
    out.into()
}

/// Field 15, of bytes: no version has it.
const UNKNOWN_FIELD: u8 = 15 << 3 | 2;
const PASSENGER_CAR: i32 = 5;
/// How far away a marker's area is, m; and the radius of every area, m.
const ELSEWHERE_M: f64 = 5_000.0;
const RADIUS_M: u32 = 1_000;
/// Hops of an attacker's floods.
const HOPS: u8 = 10;
/// Groups that a false state sets to green.
const GROUPS: u32 = 4;
