//! Signatures at the edges of Ed25519, where rules that are all called Ed25519 differ.
//!
//! Three rules are compared: the strict one, which is the protocol's; the library's `verify` (the equation without
//! cofactor, points of small order allowed); and ZIP-215's (the equation times eight, any encoding of a point). Batch
//! verification stands between the last two: where they differ, its answer depends on the batch and on chance.

use curve25519_dalek::EdwardsPoint;
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT as BASE, EIGHT_TORSION};
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{Identity as _, IsIdentity as _};
use ed25519_dalek::{Signature, Verifier as _, VerifyingKey};
use sha2::{Digest as _, Sha512};
use v2x_core::strict;

/// A signature and the verdicts on it.
pub struct Edge {
    pub name: &'static str,
    pub what: &'static str,
    pub key: [u8; 32],
    pub message: [u8; 4],
    pub signature: [u8; 64],
    /// The verdicts expected of the rules: the strict one, `verify`, ZIP-215.
    pub expected: [bool; 3],
}

impl Edge {
    /// The verdicts of the rules.
    pub fn verdicts(&self) -> [bool; 3] {
        let key = VerifyingKey::from_bytes(&self.key).unwrap();
        let verify = key.verify(&self.message, &Signature::from_bytes(&self.signature)).is_ok();
        [strict(&key, &self.message, &self.signature), verify, self.zip215()]
    }

    fn zip215(&self) -> bool {
        let (r, s) = self.signature.split_at(32);
        let point = |bytes: &[u8]| CompressedEdwardsY::from_slice(bytes).unwrap().decompress();
        let s: Option<Scalar> = Scalar::from_canonical_bytes(s.try_into().unwrap()).into();
        let (Some(a), Some(big_r), Some(s)) = (point(&self.key), point(r), s) else { return false };
        let k = challenge(r, &self.key, &self.message);
        (BASE * s - big_r - a * k).mul_by_cofactor().is_identity()
    }
}

pub fn signatures() -> Vec<Edge> {
    let (secret, nonce) = (Scalar::from(0x5eed_u64), Scalar::from(0xcafe_u64));
    let honest = BASE * secret;
    let torsion = EIGHT_TORSION[1];
    let mixed = honest + torsion;
    let large = BASE * nonce;
    let made = |a: EdwardsPoint, r: EdwardsPoint, wanted: &dyn Fn(Scalar) -> bool| {
        let (key, r) = (a.compress().to_bytes(), r.compress().to_bytes());
        let (message, k) = search(&r, &key, wanted);
        (key, message, r, k)
    };
    let any = |_: Scalar| true;
    let mut edges = Vec::new();
    let mut add = |name, what, key, message, r: [u8; 32], s: [u8; 32], expected: [bool; 3]| {
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&r);
        signature[32..].copy_from_slice(&s);
        edges.push(Edge { name, what, key, message, signature, expected });
    };

    let (key, message, r, k) = made(honest, large, &any);
    let s = (nonce + k * secret).to_bytes();
    add("honest", "made as RFC 8032 says", key, message, r, s, [true; 3]);
    add("s_plus_order", "the group's order added to S", key, message, r, plus(s, &ORDER), [false; 3]);
    let mut high = s;
    high[31] |= 0xe0;
    add("s_high_bits", "the three highest bits of S set", key, message, r, high, [false; 3]);
    let mut negated = r;
    negated[31] ^= 0x80;
    add("r_negated", "the other point with R's y", key, message, negated, s, [false; 3]);

    let identity = EdwardsPoint::identity();
    let (key, message, r, _) = made(torsion, identity, &|k| (torsion * k).is_identity());
    let zero = [0; 32];
    add("small_a_small_r", "A and R of small order, S = 0", key, message, r, zero, [false, true, true]);
    let (key, message, r, _) = made(torsion, identity, &|k| !(torsion * k).is_identity());
    let what = "A and R of small order, S = 0, their sum not";
    add("small_a_small_r_uneven", what, key, message, r, zero, [false, false, true]);
    let (key, message, r, _) = made(torsion, large, &|k| (torsion * k).is_identity());
    add("small_a", "A of small order", key, message, r, nonce.to_bytes(), [false, true, true]);
    let (key, message, r, _) = made(torsion, large, &|k| !(torsion * k).is_identity());
    let what = "A of small order, its multiple not zero";
    add("small_a_uneven", what, key, message, r, nonce.to_bytes(), [false, false, true]);

    let (key, message, r, k) = made(honest, identity, &any);
    add("small_r", "R the neutral element", key, message, r, (k * secret).to_bytes(), [false, true, true]);
    let (key, message, r, k) = made(honest, torsion, &any);
    let what = "R of order eight";
    add("small_r_uneven", what, key, message, r, (k * secret).to_bytes(), [false, false, true]);
    let (key, message, r, k) = made(mixed, torsion, &|k| -(torsion * k) == torsion);
    let what = "A with a torsion part, R of order eight, the equation holds";
    add("mixed_a_small_r", what, key, message, r, (k * secret).to_bytes(), [false, true, true]);

    let (key, message, r, k) = made(honest, large + torsion, &any);
    let what = "R with a torsion part: its signer can split a network that verifies in batches";
    add("mixed_r", what, key, message, r, (nonce + k * secret).to_bytes(), [false, false, true]);
    let (key, message, r, k) = made(mixed, large, &|k| (torsion * k).is_identity());
    let what = "A with a torsion part, whose multiple is zero";
    add("mixed_a", what, key, message, r, (nonce + k * secret).to_bytes(), [true; 3]);
    let (key, message, r, k) = made(mixed, large, &|k| !(torsion * k).is_identity());
    let what = "A with a torsion part, whose multiple is not zero";
    add("mixed_a_uneven", what, key, message, r, (nonce + k * secret).to_bytes(), [false, false, true]);
    let (key, message, r, k) = made(mixed, large + torsion, &|k| -(torsion * k) == torsion);
    let what = "A and R with torsion parts that cancel";
    add("mixed_a_mixed_r", what, key, message, r, (nonce + k * secret).to_bytes(), [true; 3]);

    // y = p + 1 instead of 1, and minus zero for x.
    let above = plus(PRIME, &[1]);
    let mut minus = [0; 32];
    (minus[0], minus[31]) = (1, 0x80);
    for (name, what, r) in [
        ("r_above_prime", "R the neutral element, its y written as p + 1", above),
        ("r_minus_zero", "R the neutral element, its x written as minus zero", minus),
    ] {
        let key = honest.compress().to_bytes();
        let (message, k) = search(&r, &key, &any);
        add(name, what, key, message, r, (k * secret).to_bytes(), [false, false, true]);
    }
    for (name, what, key) in [
        ("a_above_prime", "A the neutral element, its y written as p + 1", above),
        ("a_minus_zero", "A the neutral element, its x written as minus zero", minus),
    ] {
        let r = large.compress().to_bytes();
        let (message, _) = search(&r, &key, &any);
        add(name, what, key, message, r, nonce.to_bytes(), [false, true, true]);
    }
    edges
}

/// The first message whose challenge is as wanted.
fn search(r: &[u8], key: &[u8; 32], wanted: &dyn Fn(Scalar) -> bool) -> ([u8; 4], Scalar) {
    let challenges =
        (0..u32::MAX).map(u32::to_le_bytes).map(|message| (message, challenge(r, key, &message)));
    challenges.into_iter().find(|(_, k)| wanted(*k)).unwrap()
}

fn challenge(r: &[u8], key: &[u8; 32], message: &[u8]) -> Scalar {
    let hash = Sha512::new().chain_update(r).chain_update(key).chain_update(message);
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

/// Sum of two little-endian numbers.
fn plus(mut number: [u8; 32], other: &[u8]) -> [u8; 32] {
    let mut carry = 0;
    for (place, byte) in number.iter_mut().enumerate() {
        let sum = u16::from(*byte) + u16::from(other.get(place).copied().unwrap_or(0)) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    number
}

/// 2^252 + 27742317777372353535851937790883648493 (RFC 8032 5.1).
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];
/// 2^255 - 19.
const PRIME: [u8; 32] = [
    0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
];
