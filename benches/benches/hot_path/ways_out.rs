//! The ways out of the receive path, in its order: how to get a station there, and a frame that takes it.

use core::time::Duration;
use std::collections::BTreeSet;

use testkit::draft::{Draft, Stander};
use v2x_core::{CredentialRequest, DropReason, Input, Position, WireTime};
use v2x_proto::hop::Kind;
use v2x_proto::v1::MessageType;
use v2x_proto::{AreaView, Class, Shape};

use super::cheap::Scene;

/// A way out.
#[derive(Debug)]
pub struct Row {
    /// By its name.
    pub reason: DropReason,
    /// Which of several kinds of frames that leave by it.
    pub kind: &'static str,
    /// From one frame to the next.
    pub step: Duration,
    /// How long a frame that was admitted waits for its verification; `None`: for ever.
    pub verify_after: Option<Duration>,
    /// Before the first frame.
    pub prepare: fn(&mut Scene<'_>),
    /// The next frame, and its link address.
    pub make: fn(&mut Scene<'_>) -> Made,
}

/// Bytes and where they come from.
pub type Made = (Vec<u8>, [u8; 6]);

/// 20,000 frames a second: ten times the channel.
const LINE_RATE: Duration = Duration::from_micros(50);
/// Rates that are spent stay spent.
const AT_ONCE: Duration = Duration::ZERO;

const fn row(reason: DropReason, kind: &'static str, make: fn(&mut Scene<'_>) -> Made) -> Row {
    Row { reason, kind, step: LINE_RATE, verify_after: Some(Duration::ZERO), prepare: |_| {}, make }
}

impl Row {
    const fn after(self, prepare: fn(&mut Scene<'_>)) -> Self {
        Self { prepare, ..self }
    }

    const fn every(self, step: Duration) -> Self {
        Self { step, ..self }
    }

    const fn verified_after(self, verify_after: Option<Duration>) -> Self {
        Self { verify_after, ..self }
    }
}

use DropReason as R;

/// All of them. Not here are `credential_signature` and what comes after a message's signature, which cost one.
pub static ROWS: &[Row] = &[
    row(R::Truncated, "", |scene| bytes(scene, |bytes| bytes.truncate(9))),
    row(R::TooLong, "", |scene| bytes(scene, |bytes| bytes.resize(1399, 0))),
    row(R::BadVersion, "", |scene| bytes(scene, |bytes| bytes[0] = 0x20)),
    row(R::UnknownKind, "", |scene| bytes(scene, |bytes| bytes[0] = 0x13)),
    row(R::UnknownKind, "probe", |scene| edit(scene, |draft| draft.header.kind = Kind::Probe)),
    row(R::ReservedBits, "", |scene| bytes(scene, |bytes| bytes[1] = 0x80)),
    row(R::BadClass, "", |scene| bytes(scene, |bytes| bytes[3] = 0x90)),
    row(R::BadForwarderPosition, "", |scene| {
        edit(scene, |draft| draft.header.forwarder_position = Some((i32::MAX, 0)))
    }),
    row(R::TestTraffic, "", |scene| edit(scene, |draft| draft.header.flags.test = true)),
    row(R::MalformedEnvelope, "noise", |scene| bytes(scene, |bytes| noise(bytes))),
    row(R::MalformedEnvelope, "cut short", |scene| bytes(scene, |bytes| bytes.truncate(bytes.len() - 20))),
    row(R::MalformedFields, "no generation time", |scene| {
        edit(scene, |draft| draft.wire = WireTime::default())
    }),
    row(R::MalformedFields, "no payload", |scene| edit(scene, |draft| draft.payload.clear())),
    row(R::Own, "", |scene| {
        let own = scene.node.digest();
        edit(scene, |draft| (draft.digest, draft.header.forwarder) = (own, own))
    }),
    row(R::ExactCopy, "of a beacon", again).after(|scene| keep(scene, |draft, _| draft)),
    row(R::ExactCopy, "with its credential", again)
        .after(|scene| keep(scene, |draft, stander| draft.in_full(&stander.credential))),
    row(R::ExactCopy, "of a flood", again).after(|scene| {
        for stander in &scene.known[..8] {
            let mut flood = stander.flood(scene.next(), scene.wire());
            scene.hear(&flood);
            flood.header.remaining_hops -= 1;
            for forwarder in &scene.known[100..110] {
                flood.header.forwarder = forwarder.digest;
                scene.kept.push((flood.bytes(), forwarder.link));
            }
        }
    }),
    row(R::Isolated, "", |scene| of_extra(scene, relayed)).after(lie),
    row(R::ClassMismatch, "", |scene| edit(scene, |draft| draft.header.class = Class::D1)),
    row(R::HopsInflated, "", |scene| edit(scene, |draft| draft.header.remaining_hops = 5)),
    row(R::BadLifetime, "", |scene| edit(scene, |draft| draft.lifetime_ms = 0)),
    row(R::FromFuture, "", |scene| edit(scene, |draft| draft.wire = draft.wire + Duration::from_secs(1))),
    row(R::Stale, "", |scene| edit(scene, |draft| draft.wire = earlier(draft.wire, 2_000_000))),
    row(R::OutOfReach, "", |scene| edit(scene, |draft| draft.position = draft.position.moved(3000.0, 0.0))),
    row(R::RateLimitedLink, "", |scene| {
        let n = scene.next();
        let draft = scene.known[3].beacon(n, scene.wire());
        (draft.bytes(), draft.link)
    })
    .every(AT_ONCE)
    .verified_after(None),
    row(R::RateLimitedForwarder, "", |scene| {
        let n = scene.next();
        let mut draft = scene.known[4].beacon(n, scene.wire());
        draft.header.forwarder = scene.known[3].digest;
        (draft.bytes(), scene.known[3].link)
    })
    .every(AT_ONCE)
    .verified_after(None),
    row(R::CredentialMalformed, "", |scene| {
        in_full(scene, |credential, n| {
            // Behind the two parts' tags and lengths, which are looked at before.
            let at = if credential[1] < 0x80 { 2 } else { 3 };
            credential[at..at + 4].copy_from_slice(&[0xff; 4]);
            credential[at + 4..at + 8].copy_from_slice(&n.to_le_bytes());
        })
    }),
    row(R::UnknownIssuer, "", |scene| in_full(scene, numbered)).after(|scene| {
        let mut foreign = Stander::new(scene.authority, 901);
        let mut bytes = foreign.credential.to_vec();
        // The issuer's digest is the second field: tag, length, eight bytes.
        let place = bytes.windows(2).position(|pair| pair == [0x12, 8]);
        let place = place.expect("invariant: a station's credential names its issuer");
        bytes[place + 2] ^= 0xff;
        foreign.credential = bytes.into();
        scene.extra.push(foreign);
    }),
    row(R::CredentialNotYetValid, "", |scene| in_full(scene, |_, _| {}))
        .after(|scene| with_credential(scene, |request| request.not_before_s += 3600 * 24)),
    row(R::CredentialExpired, "", |scene| of_extra(scene, relayed)).after(|scene| {
        with_credential(scene, |request| {
            (request.not_before_s, request.duration_min) = (request.not_before_s + 60 - 30, 1);
        });
        scene.pass(Duration::from_secs(40));
        for stander in scene.known {
            scene.introduce(stander);
        }
    }),
    row(R::Revoked, "", |scene| of_extra(scene, relayed)).after(|scene| {
        let stander = scene.known[7].clone();
        let digests = BTreeSet::from([stander.digest]);
        scene.extra.push(stander);
        let delta = scene.authority.revoke(digests);
        scene.node.handle_input(scene.now, Input::Revocation(delta));
        scene.pass(Duration::ZERO);
    }),
    row(R::CredentialKnownBad, "", |scene| in_full(scene, |credential, _| credential[4..8].fill(0xff))),
    row(R::CredentialBudget, "", |scene| in_full(scene, numbered)).every(AT_ONCE).verified_after(None),
    row(R::UnknownCredential, "no room to wait", |scene| {
        let draft = stranger(scene);
        (draft.bytes(), draft.link)
    }),
    row(R::BadScope, "", |scene| {
        let draft = beacon(scene).in_class(Class::D4, MessageType::Awareness);
        (draft.bytes(), draft.link)
    }),
    row(R::PermissionDenied, "", |scene| {
        let draft = beacon(scene).in_class(Class::D5, MessageType::NodeStatus);
        (draft.bytes(), draft.link)
    }),
    row(R::RoleDenied, "flood for too long", |scene| {
        let n = scene.next();
        let draft = scene.known[n as usize % scene.known.len()].flood(n, scene.wire());
        (Draft { lifetime_ms: 90_000, ..draft.clone() }.bytes(), draft.link)
    }),
    row(R::CredentialRegion, "", |scene| {
        of_extra(scene, |draft| Draft { position: draft.position.moved(400.0, 400.0), ..draft })
    })
    .after(|scene| {
        let Position { latitude, longitude } = scene.known[0].position;
        let (shape, distance_a_m) = (Shape::Circle, 300);
        let region = AreaView { latitude, longitude, shape, distance_a_m, distance_b_m: 0, azimuth_deg: 0 };
        with_credential(scene, |request| request.region = Some(region));
    }),
    row(R::RateLimitedSigner, "", |scene| of_extra(scene, background)).every(AT_ONCE).after(|scene| {
        let stander = scene.known[9].clone();
        // Ten at once and ten a second.
        for _ in 0..20 {
            scene.pass(Duration::from_millis(1));
            let draft = background(stander.beacon(scene.next(), scene.wire()));
            scene.hear(&draft);
        }
        scene.extra.push(stander);
    }),
    row(R::Replayed, "", |scene| {
        // A number that was verified, in other bytes.
        let (n, wire) = (scene.next(), earlier(scene.wire(), u64::from(scene.sequence)));
        let place = n as usize % scene.known.len();
        let draft = scene.known[place].beacon(REPLAYED + place as u32, wire);
        (draft.bytes(), draft.link)
    })
    .after(|scene| {
        scene.pass(Duration::from_secs(1));
        for (place, stander) in scene.known.iter().enumerate() {
            let beacon = stander.beacon(REPLAYED + place as u32, scene.wire());
            scene.hear(&beacon);
        }
    }),
    row(R::VerifyQueueFull, "", |scene| {
        let draft = beacon(scene);
        (draft.bytes(), draft.link)
    })
    .verified_after(None),
    row(R::VerifyTooLate, "", |scene| {
        let draft = beacon(scene).in_class(Class::D0, MessageType::Hazard);
        let wire = earlier(draft.wire, 99_990);
        (Draft { lifetime_ms: 100, wire, ..draft.clone() }.bytes(), draft.link)
    })
    .every(Duration::from_micros(200))
    .verified_after(Some(Duration::from_micros(100))),
];

/// The next beacon of the next neighbour.
fn beacon(scene: &mut Scene<'_>) -> Draft {
    let n = scene.next();
    scene.known[n as usize % scene.known.len()].beacon(n, scene.wire())
}

fn edit(scene: &mut Scene<'_>, change: impl FnOnce(&mut Draft)) -> Made {
    let mut draft = beacon(scene);
    change(&mut draft);
    (draft.bytes(), draft.link)
}

fn bytes(scene: &mut Scene<'_>, change: impl FnOnce(&mut Vec<u8>)) -> Made {
    let draft = beacon(scene);
    let mut bytes = draft.bytes();
    change(&mut bytes);
    (bytes, draft.link)
}

/// Everything behind the hop header and the first tag replaced by bytes no message starts with.
fn noise(bytes: &mut [u8]) {
    for (place, byte) in bytes.iter_mut().enumerate().skip(12) {
        *byte = 0x80 | (place as u8).wrapping_mul(37);
    }
}

fn stranger(scene: &mut Scene<'_>) -> Draft {
    let draft = beacon(scene);
    let n = draft.sequence;
    draft.of_stranger(n)
}

/// As if forwarded by an unknown station, a different one each time.
fn relayed(draft: Draft) -> Draft {
    let Draft { header, link, .. } = draft.clone().of_stranger(draft.sequence);
    Draft { header, link, ..draft }
}

/// A beacon of the station made for this row.
fn of_extra(scene: &mut Scene<'_>, change: impl FnOnce(Draft) -> Draft) -> Made {
    let n = scene.next();
    let draft = change(scene.extra[0].beacon(n, scene.wire()));
    (draft.bytes(), draft.link)
}

/// A message in the background, of a type not known yet: a station that sends many of them is not suspected of
/// lying.
fn background(draft: Draft) -> Draft {
    Draft { message_type: 9999, ..draft.in_class(Class::D5, MessageType::Unspecified) }
}

/// A stranger's beacon with the whole credential of the row's station, or of a neighbour, after a change to it.
fn in_full(scene: &mut Scene<'_>, change: impl FnOnce(&mut [u8], u32)) -> Made {
    let draft = stranger(scene);
    let mut credential = scene.extra.first().unwrap_or(&scene.known[0]).credential.to_vec();
    change(&mut credential, draft.sequence);
    let draft = draft.in_full(&credential.into());
    (draft.bytes(), draft.link)
}

/// Another signature, and so another digest.
fn numbered(credential: &mut [u8], n: u32) {
    let end = credential.len();
    credential[end - 8..end - 4].copy_from_slice(&n.to_le_bytes());
}

/// A station with a credential of its own kind, which it sends once.
fn with_credential(scene: &mut Scene<'_>, change: impl FnOnce(&mut CredentialRequest)) {
    let credential = scene.authority.credential_with(902, change);
    // Where it stands is where the first neighbour does.
    let stander = Stander { position: scene.known[0].position, ..Stander::with(credential, 902) };
    scene.introduce(&stander);
    scene.extra.push(stander);
}

/// Every neighbour's next message is kept, to be heard again.
fn keep(scene: &mut Scene<'_>, change: fn(Draft, &Stander) -> Draft) {
    scene.pass(Duration::from_secs(1));
    for stander in scene.known {
        let draft = change(stander.beacon(scene.next(), scene.wire()), stander);
        scene.hear(&draft);
        scene.kept.push((draft.bytes(), draft.link));
    }
}

fn again(scene: &mut Scene<'_>) -> Made {
    let n = scene.next() as usize;
    scene.kept[n % scene.kept.len()].clone()
}

/// A neighbour is here and there, until it is isolated.
fn lie(scene: &mut Scene<'_>) {
    let stander = scene.known[11].clone();
    for n in 0..100 {
        scene.pass(Duration::from_millis(100));
        let draft = stander.beacon(scene.next(), scene.wire());
        let position = stander.position.moved(f64::from(n % 7) * 100.0, 0.0);
        scene.hear(&Draft { position, ..draft });
    }
    scene.extra.push(stander);
}

fn earlier(wire: WireTime, micros: u64) -> WireTime {
    WireTime::from_micros(wire.as_micros() - micros)
}

/// First of the numbers that are used twice.
const REPLAYED: u32 = 1 << 20;
