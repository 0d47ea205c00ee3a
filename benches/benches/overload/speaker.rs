//! Stations reduced to a key and a credential: their messages are made here, frame by frame.

use benches::fleet::CENTRE;
use prost::Message as _;
use testkit::craft::Crafter;
use testkit::{Authority, hazard};
use v2x_core::{Position, WireTime, credential_hash};
use v2x_proto::cause;
use v2x_proto::envelope::{SignerRef, TbsRepr, encode_signed};
use v2x_proto::hop::{Flags, HopHeader, Kind};
use v2x_proto::v1::{self, MessageType};
use v2x_proto::{Class, Digest};

/// A station with a credential.
#[derive(Debug)]
pub struct Speaker {
    /// Short name of the credential.
    pub digest: Digest,
    /// Link address.
    pub link: [u8; 6],
    /// Where it stands.
    pub position: Position,
    crafter: Crafter,
}

/// How a frame names its signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// By digest.
    Briefly,
    /// By the whole credential.
    InFull,
}

impl Speaker {
    /// Station `number`, standing somewhere about the centre.
    pub fn new(authority: &Authority, number: u32) -> Self {
        let crafter = Crafter::of(authority, number);
        let [a, b, c, d] = number.to_be_bytes();
        let angle = f64::from(number);
        let radius = 30.0 + 5.0 * f64::from(number % 60);
        Self {
            digest: crafter.digest,
            link: [HONEST, 0, a, b, c, d],
            position: CENTRE.moved(radius * angle.sin(), radius * angle.cos()),
            crafter,
        }
    }

    /// A signed frame: awareness in D2, a hazard elsewhere.
    pub fn frame(&self, class: Class, sequence: u32, wire: WireTime, named: Named, out: &mut Vec<u8>) {
        let tbs = self.tbs(class, sequence, wire);
        self.put(class, &tbs, &self.crafter.sign(&tbs), named, out);
    }

    /// The same with an invalid signature, under its digest.
    pub fn forged(&self, class: Class, sequence: u32, wire: WireTime, out: &mut Vec<u8>) {
        let tbs = self.tbs(class, sequence, wire);
        let mut signature = [0x55; 64];
        signature[..4].copy_from_slice(&sequence.to_le_bytes());
        signature[63] = 0;
        self.put(class, &tbs, &signature, Named::Briefly, out);
    }

    /// A frame under the credential with its signature and validity changed by `n`: made up, of the right issuer.
    pub fn made_up(&self, class: Class, n: u32, wire: WireTime, named: Named, out: &mut Vec<u8>) {
        let mut credential = self.crafter.credential.to_vec();
        let end = credential.len();
        credential[end - 8..end - 4].copy_from_slice(&n.to_le_bytes());
        let digest = Digest::of_hash(&credential_hash(&credential));
        let tbs = self.tbs(class, n, wire);
        header(class, digest).encode(out);
        let mut signature = [0x66; 64];
        signature[..4].copy_from_slice(&n.to_le_bytes());
        let signer = match named {
            Named::Briefly => SignerRef::Digest(digest),
            Named::InFull => SignerRef::Credential(&credential),
        };
        encode_signed(out, &tbs, &signature, signer);
    }

    fn put(&self, class: Class, tbs: &[u8], signature: &[u8; 64], named: Named, out: &mut Vec<u8>) {
        header(class, self.digest).encode(out);
        let signer = match named {
            Named::Briefly => SignerRef::Digest(self.digest),
            Named::InFull => SignerRef::Credential(&self.crafter.credential),
        };
        encode_signed(out, tbs, signature, signer);
    }

    fn tbs(&self, class: Class, sequence: u32, wire: WireTime) -> Vec<u8> {
        let warns = class != Class::D2;
        let payload = if warns {
            let (hazard, cause) = (hazard::new(self.digest, 1, self.position, wire), cause::COLLISION_RISK);
            v1::Hazard { cause: cause.into(), ..hazard }.encode_to_vec()
        } else {
            AWARENESS.to_vec()
        };
        let message_type = if warns { MessageType::Hazard } else { MessageType::Awareness };
        let area = hazard::circle(self.position, 1000);
        let flood = class == Class::D3;
        let fields = TbsRepr {
            message_type: message_type as u32,
            generation_time_us: wire.as_micros(),
            sequence,
            latitude: self.position.latitude,
            longitude: self.position.longitude,
            class,
            lifetime_ms: match class {
                Class::D0 => 100,
                Class::D1 => 500,
                Class::D3 => 60_000,
                _ => 900,
            },
            max_hops: if flood { 5 } else { 1 },
            area: flood.then_some(area),
            credential_requests: &[],
            payload: &payload,
        };
        let mut tbs = Vec::with_capacity(256);
        fields.encode(&mut tbs);
        tbs
    }
}

fn header(class: Class, forwarder: Digest) -> HopHeader {
    let max_hops = if class == Class::D3 { 5 } else { 1 };
    HopHeader {
        kind: Kind::Data,
        flags: Flags { multi_hop: max_hops > 1, ..Flags::default() },
        remaining_hops: max_hops,
        class,
        forwarder,
        forwarder_position: None,
    }
}

/// First byte of honest stations' link addresses; attackers' made-up ones start otherwise.
pub const HONEST: u8 = 0x02;
/// `Awareness { station_type: 5, speed: 0, heading: 90 degrees }`: they stand in a jam, and are plausible.
const AWARENESS: &[u8] = &[0x08, 5, 0x20, 0x00, 0x28, 0x84, 0x07];
