//! Outputs as bytes, for digests and recordings: everything a node decided, no times from its host's clock, and no
//! token of the application, which a recording holds with the input.
//!
//! Two runs are equal when their transcripts are. Layout: a tag byte, then the fields little-endian in the
//! order of the type; variable parts with a 32-bit length before them. [`describe`] turns one back into
//! words.

mod fields;
mod hazard;

use core::fmt::Write as _;

use v2x_core::{
    Check, DropReason, Event, ForwardCause, MessageId, NotSentReason, Output, SendingState, TrustLevel, Way,
};
use v2x_proto::Class;

use self::fields::{Reader, hex, write_bytes, write_event_id, write_id, write_optional_id};

/// Appends the bytes of `output`; nothing for a timeout, which the host keeps.
pub fn write(output: &Output, out: &mut Vec<u8>) {
    match output {
        Output::Timeout(..) => {}
        Output::Transmit(transmit) => {
            out.push(if transmit.source.is_some() { TRANSMIT_FROM } else { TRANSMIT });
            write_id(&transmit.id, out);
            out.extend_from_slice(&transmit.expires.as_nanos().to_le_bytes());
            write_bytes(&transmit.bytes, out);
            out.extend_from_slice(transmit.source.as_ref().map_or(&[], <[u8; 6]>::as_slice));
        }
        Output::Event(event) => write_event(event, out),
    }
}

fn write_event(event: &Event, out: &mut Vec<u8>) {
    match event {
        Event::Received(received) => {
            out.push(if received.way.is_afar() { RECEIVED_AFAR } else { RECEIVED });
            write_id(&received.id, out);
            out.extend_from_slice(&received.message_type.to_le_bytes());
            out.extend_from_slice(&received.generation_time.as_micros().to_le_bytes());
            out.extend_from_slice(&received.position.latitude.to_le_bytes());
            out.extend_from_slice(&received.position.longitude.to_le_bytes());
            out.extend_from_slice(&received.link_source);
            out.push(received.hops);
            out.extend_from_slice(&received.permissions.to_le_bytes());
            out.push(u8::from(received.verified) | u8::from(received.confidential) << 1);
            out.push(u8::from(received.suspect));
            write_bytes(&received.payload, out);
            write_peer(received.way, out);
        }
        Event::Dropped(dropped) => {
            out.push(if dropped.way.is_afar() { DROPPED_AFAR } else { DROPPED });
            out.push(dropped.reason as u8);
            out.extend_from_slice(&dropped.link_source);
            write_optional_id(dropped.claimed.as_ref(), out);
            write_peer(dropped.way, out);
        }
        Event::Sent(sent) => {
            out.push(SENT);
            write_id(&sent.id, out);
            out.extend_from_slice(&sent.message_type.to_le_bytes());
            out.extend_from_slice(&sent.generation_time.as_micros().to_le_bytes());
            out.extend_from_slice(&sent.position.latitude.to_le_bytes());
            out.extend_from_slice(&sent.position.longitude.to_le_bytes());
            out.extend_from_slice(&sent.frame_len.to_le_bytes());
            out.push(u8::from(sent.full_credential));
        }
        Event::NotSent(not_sent) => {
            out.push(NOT_SENT);
            out.push(not_sent.class as u8);
            out.push(not_sent.reason as u8);
            write_optional_id(not_sent.id.as_ref(), out);
        }
        Event::Forwarded(forwarded) => {
            out.push(if forwarded.way.is_afar() { FORWARDED_AFAR } else { FORWARDED });
            write_id(&forwarded.id, out);
            out.push(forwarded.remaining_hops);
            out.push(forwarded.cause as u8);
            write_peer(forwarded.way, out);
        }
        Event::Hazard(changed) => {
            out.push(HAZARD);
            hazard::write(changed, out);
        }
        Event::HazardAccepted { id, .. } => {
            out.push(HAZARD_ACCEPTED);
            write_event_id(id, out);
        }
        Event::HazardRefused { refusal, .. } => {
            out.push(HAZARD_REFUSED);
            write_bytes(refusal.to_string().as_bytes(), out);
        }
        Event::HazardRenamed { old, new } => {
            out.push(HAZARD_RENAMED);
            write_event_id(old, out);
            write_event_id(new, out);
        }
        Event::NeighbourAdded(digest) => {
            out.push(NEIGHBOUR_ADDED);
            out.extend_from_slice(&digest.0);
        }
        Event::NeighbourLost(digest) => {
            out.push(NEIGHBOUR_LOST);
            out.extend_from_slice(&digest.0);
        }
        Event::Sending(state) => {
            out.push(SENDING);
            out.push(*state as u8);
        }
        Event::Revoked(news) => {
            out.push(REVOKED);
            out.extend_from_slice(&news.issuer.0);
            for number in [news.series, news.number, news.digests] {
                out.extend_from_slice(&number.to_le_bytes());
            }
            out.push(u8::from(news.whole_series));
        }
        Event::RevocationRefused(error) => {
            out.push(REVOCATION_REFUSED);
            write_bytes(error.to_string().as_bytes(), out);
        }
        Event::RevocationStale { issuer, series } => {
            out.push(REVOCATION_STALE);
            out.extend_from_slice(&issuer.0);
            out.extend_from_slice(&series.to_le_bytes());
        }
        Event::Trust(result) => {
            out.push(TRUST);
            let words = result.as_ref().map_or_else(ToString::to_string, |()| String::new());
            write_bytes(words.as_bytes(), out);
        }
        Event::Identities(result) => {
            out.push(IDENTITIES);
            let words = result.as_ref().map_or_else(ToString::to_string, |()| String::new());
            write_bytes(words.as_bytes(), out);
        }
        Event::PseudonymChanged { old, new } => {
            out.push(PSEUDONYM_CHANGED);
            out.extend_from_slice(&old.0);
            out.extend_from_slice(&new.0);
        }
        Event::PoolLow { spares, valid_until } => {
            out.push(POOL_LOW);
            out.extend_from_slice(&spares.to_le_bytes());
            out.extend_from_slice(&valid_until.as_micros().to_le_bytes());
        }
        Event::HeardElsewhere(heard) => {
            out.push(HEARD_ELSEWHERE);
            write_id(&heard.id, out);
            out.extend_from_slice(&heard.generation.as_micros().to_le_bytes());
            out.extend_from_slice(&heard.position.latitude.to_le_bytes());
            out.extend_from_slice(&heard.position.longitude.to_le_bytes());
            out.extend_from_slice(&heard.link_source);
        }
        Event::Suspicion(suspicion) => {
            out.push(SUSPICION);
            out.extend_from_slice(&suspicion.digest.0);
            out.push(suspicion.standing as u8);
            out.push(suspicion.check.map_or(NO_CHECK, |check| check as u8));
            out.extend_from_slice(&suspicion.score.to_le_bytes());
        }
        Event::Misbehaviour(misbehaviour) => {
            out.push(MISBEHAVIOUR);
            out.extend_from_slice(&misbehaviour.subject.0);
            write_bytes(&misbehaviour.report, out);
        }
    }
}

/// The frame in an entry, when that is of a transmission.
pub fn transmitted(entry: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader(entry);
    if !matches!(reader.u8()?, TRANSMIT | TRANSMIT_FROM) {
        return None;
    }
    reader.id()?;
    reader.u64()?;
    reader.bytes()
}

/// What became of a message that came sealed to the station: what was sealed, or the reason for which it was refused; `None` for
/// entries of anything else.
pub fn opened(entry: &[u8]) -> Option<(MessageId, Result<(u32, &[u8]), DropReason>)> {
    let mut reader = Reader(entry);
    match reader.u8()? {
        RECEIVED | RECEIVED_AFAR => {
            let id = reader.id()?;
            let message_type = reader.u32()?;
            // Generation time, place, link address, hops, permissions.
            reader.take(8 + 8 + 6 + 1 + 8)?;
            let confidential = reader.u8()? & 2 != 0;
            reader.u8()?;
            let payload = reader.bytes()?;
            confidential.then_some((id, Ok((message_type, payload))))
        }
        DROPPED | DROPPED_AFAR => {
            let reason = *DropReason::ALL.get(usize::from(reader.u8()?))?;
            reader.take(6)?;
            let claimed = if reader.u8()? == 0 { None } else { reader.id() }?;
            use DropReason::{SealedContent, SealedDenied, SealedKeyWiped, SealedUnopened};
            let sealed = matches!(reason, SealedKeyWiped | SealedUnopened | SealedContent | SealedDenied);
            sealed.then_some((claimed, Err(reason)))
        }
        _ => None,
    }
}

/// One transcript entry in words; an unreadable one is shown by its first bytes.
pub fn describe(entry: &[u8]) -> String {
    let mut reader = Reader(entry);
    read(&mut reader).unwrap_or_else(|| {
        let mut text = format!("unreadable entry of {} bytes:", entry.len());
        for byte in entry.iter().take(16) {
            // Writing to a String cannot fail.
            let _infallible = write!(text, " {byte:02x}");
        }
        text
    })
}

fn read(reader: &mut Reader<'_>) -> Option<String> {
    let text = match reader.u8()? {
        tag @ (TRANSMIT | TRANSMIT_FROM) => {
            let id = reader.id()?;
            let expires = reader.u64()?;
            let bytes = reader.bytes()?;
            let source = if tag == TRANSMIT { &[] } else { reader.take(6)? };
            let from = if source.is_empty() { String::new() } else { format!(" from {}", hex(source)) };
            format!("transmit {id}, {} bytes{from}, expires at {expires} ns: {}", bytes.len(), hex(bytes))
        }
        tag @ (RECEIVED | RECEIVED_AFAR) => {
            let id = reader.id()?;
            let message_type = reader.u32()?;
            let generation = reader.u64()?;
            let (latitude, longitude) = (reader.u32()? as i32, reader.u32()? as i32);
            let source = reader.take(6)?;
            let hops = reader.u8()?;
            let permissions = reader.u64()?;
            let verified = match reader.u8()? {
                0 => "unverified ",
                1 => "",
                _ => "confidential ",
            };
            let suspect = if reader.u8()? == 0 { "" } else { ", suspect" };
            let payload = reader.bytes()?;
            let from = if tag == RECEIVED { hex(source) } else { peer(reader)? };
            format!(
                "received {verified}{id}, type {message_type}, generated at {generation} us at {latitude}, {longitude}, \
                 from {from}, {hops} hops, permissions {permissions:#x}{suspect}: {}",
                hex(payload)
            )
        }
        tag @ (DROPPED | DROPPED_AFAR) => {
            let reason = reader.u8()?;
            let name = DropReason::ALL.get(usize::from(reason)).map_or("?", |reason| reason.name());
            let source = reader.take(6)?;
            let id = reader.optional_id()?;
            let from = if tag == DROPPED { hex(source) } else { peer(reader)? };
            format!("dropped {name} from {from}{id}")
        }
        SENT => {
            let id = reader.id()?;
            let message_type = reader.u32()?;
            let generation = reader.u64()?;
            let (latitude, longitude) = (reader.u32()? as i32, reader.u32()? as i32);
            let len = u16::from_le_bytes(reader.take(2)?.try_into().ok()?);
            let signer = if reader.u8()? == 0 { "digest" } else { "full credential" };
            format!(
                "sent {id}, type {message_type}, generated at {generation} us at {latitude}, {longitude}, \
                 {len} bytes with {signer}"
            )
        }
        NOT_SENT => {
            let class = Class::try_from(reader.u8()?).ok()?;
            let reason = reader.u8()?;
            let name = NOT_SENT_REASONS.get(usize::from(reason)).map_or("?", |reason| reason.name());
            format!("not sent {} {name}{}", class.name(), reader.optional_id()?)
        }
        tag @ (FORWARDED | FORWARDED_AFAR) => {
            let id = reader.id()?;
            let (hops, cause) = (reader.u8()?, reader.u8()?);
            let cause = ForwardCause::ALL.get(usize::from(cause)).map_or("?", |cause| cause.name());
            let from = if tag == FORWARDED { String::new() } else { format!(", from {}", peer(reader)?) };
            format!("forwarded {id} by {cause}, {hops} hops left{from}")
        }
        HAZARD => hazard::read(reader)?,
        HAZARD_ACCEPTED => format!("hazard {} accepted", reader.event_id()?),
        HAZARD_REFUSED => format!("hazard refused: {}", String::from_utf8_lossy(reader.bytes()?)),
        HAZARD_RENAMED => {
            let (old, new) = (reader.event_id()?, reader.event_id()?);
            format!("hazard {old} goes on as {new}")
        }
        NEIGHBOUR_ADDED => format!("neighbour {} added", reader.digest()?),
        NEIGHBOUR_LOST => format!("neighbour {} lost", reader.digest()?),
        SENDING => {
            let state = SENDING_STATES.get(usize::from(reader.u8()?))?;
            format!("sending {state:?}")
        }
        REVOKED => {
            let issuer = reader.digest()?;
            let (series, number, digests) = (reader.u32()?, reader.u32()?, reader.u32()?);
            let whole = if reader.u8()? == 0 { "" } else { ", the whole series" };
            format!("revocation list {series} of {issuer} at {number}: {digests} digests{whole}")
        }
        REVOCATION_REFUSED => {
            format!("revocation refused: {}", String::from_utf8_lossy(reader.bytes()?))
        }
        REVOCATION_STALE => {
            let issuer = reader.digest()?;
            format!("revocation list {} of {issuer} is overdue", reader.u32()?)
        }
        TRUST => match reader.bytes()? {
            [] => "trust replaced".to_owned(),
            words => format!("trust refused: {}", String::from_utf8_lossy(words)),
        },
        PSEUDONYM_CHANGED => {
            let (old, new) = (reader.digest()?, reader.digest()?);
            format!("pseudonym {old} changed to {new}")
        }
        POOL_LOW => {
            let (spares, until) = (reader.u32()?, reader.u64()?);
            format!("pool low: {spares} spares, valid until {until} us")
        }
        HEARD_ELSEWHERE => {
            let id = reader.id()?;
            let generation = reader.u64()?;
            let (latitude, longitude) = (reader.u32()? as i32, reader.u32()? as i32);
            let source = hex(reader.take(6)?);
            format!(
                "another station signed {id}, generated at {generation} us at {latitude}, {longitude}, heard from {source}"
            )
        }
        SUSPICION => {
            let digest = reader.digest()?;
            let standing = TrustLevel::ALL.get(usize::from(reader.u8()?))?;
            let check = reader.u8()?;
            let check = if check == NO_CHECK { "time" } else { Check::ALL.get(usize::from(check))?.name() };
            let score = f32::from_bits(reader.u32()?);
            format!("station {digest} is {} by {check}, score {score:.2}", standing.name())
        }
        MISBEHAVIOUR => {
            let subject = reader.digest()?;
            format!("report about {subject}: {}", hex(reader.bytes()?))
        }
        _ => return None,
    };
    reader.0.is_empty().then_some(text)
}

/// Where it is from, of what came from afar.
fn write_peer(way: Way, out: &mut Vec<u8>) {
    if let Way::Afar(peer) = way {
        out.extend_from_slice(&peer.to_le_bytes());
    }
}

fn peer(reader: &mut Reader<'_>) -> Option<String> {
    let peer = u16::from_le_bytes(reader.take(2)?.try_into().ok()?);
    Some(format!("afar, peer {peer}"))
}

const TRANSMIT: u8 = 1;
const RECEIVED: u8 = 2;
const DROPPED: u8 = 3;
const SENT: u8 = 4;
const NOT_SENT: u8 = 5;
const NEIGHBOUR_ADDED: u8 = 6;
const NEIGHBOUR_LOST: u8 = 7;
const SENDING: u8 = 8;
const REVOKED: u8 = 32;
const REVOCATION_REFUSED: u8 = 33;
const REVOCATION_STALE: u8 = 34;
const TRUST: u8 = 35;
const IDENTITIES: u8 = 36;
const TRANSMIT_FROM: u8 = 9;
const PSEUDONYM_CHANGED: u8 = 10;
const POOL_LOW: u8 = 11;
const HEARD_ELSEWHERE: u8 = 13;
const FORWARDED: u8 = 12;
const RECEIVED_AFAR: u8 = 14;
const DROPPED_AFAR: u8 = 15;
const FORWARDED_AFAR: u8 = 16;
const HAZARD: u8 = 20;
const HAZARD_ACCEPTED: u8 = 21;
const HAZARD_REFUSED: u8 = 22;
const HAZARD_RENAMED: u8 = 23;
const SUSPICION: u8 = 40;
const MISBEHAVIOUR: u8 = 41;
/// A standing that changed with time alone.
const NO_CHECK: u8 = u8::MAX;

const NOT_SENT_REASONS: [NotSentReason; 11] = [
    NotSentReason::Expired,
    NotSentReason::Replaced,
    NotSentReason::QueueFull,
    NotSentReason::SendingBlocked,
    NotSentReason::TooLong,
    NotSentReason::NotPermitted,
    NotSentReason::BadRequest,
    NotSentReason::Silent,
    NotSentReason::BurstBudget,
    NotSentReason::NoSuchNeighbour,
    NotSentReason::NoEncryptionKey,
];
const SENDING_STATES: [SendingState; 6] = [
    SendingState::Allowed,
    SendingState::NoFix,
    SendingState::ClockUntrusted,
    SendingState::CredentialNotValid,
    SendingState::CredentialRevoked,
    SendingState::OutsideRegion,
];

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;
    use v2x_core::{
        Concern, Dropped, EventId, EventState, Forwarded, HazardChange, HazardChanged, HazardRefusal,
        HeardElsewhere, Instant, KnownHazard, MessageId, Misbehaviour, NotSent, Position, ReceiveStamps,
        Received, SendStamps, Sent, Suspicion, TimerKind, Token, Transmit, WireTime,
    };

    use v2x_proto::Digest;
    use v2x_proto::link::Origin;
    use v2x_proto::v1;

    const ID: MessageId = MessageId { signer: Digest([0xab; 8]), class: Class::D2, sequence: 7 };

    const EVENT: EventId = EventId { origin: Digest([0xab; 8]), number: 7 };

    fn known() -> KnownHazard {
        let position = Position { latitude: -1, longitude: 2 };
        KnownHazard {
            id: EVENT,
            own: true,
            state: EventState::Negated,
            class: Class::D3,
            cause: 94,
            sub_cause: 2,
            position,
            speed: None,
            heading: None,
            quality: None,
            detection: WireTime::from_micros(5),
            reference: WireTime::from_micros(6),
            valid_until: WireTime::from_micros(7),
            area: None,
            relevance_distance_m: None,
            relevance_direction: v1::RelevanceDirection::Unspecified,
            keep_alive: None,
            suspect: true,
            afar: false,
            concern: Some(Concern { time_to_conflict: None, distance_m: 1.0, at: position }),
        }
    }

    fn outputs() -> Vec<(Output, &'static str)> {
        let received = Received {
            confidential: false,
            id: ID,
            message_type: 1,
            generation_time: WireTime::from_micros(5),
            position: Position { latitude: -1, longitude: 2 },
            link_source: [1; 6],
            signal_dbm: None,
            forwarder: None,
            frame: Bytes::new(),
            hops: 1,
            permissions: 3,
            verified: true,
            suspect: false,
            payload: Bytes::from_static(&[9, 9]),
            stamps: ReceiveStamps::default(),
            way: Way::Air,
        };
        let from_afar = Received { way: Way::Afar(7), ..received.clone() };
        let transmit = Transmit {
            bytes: Bytes::from_static(&[1, 2, 3]),
            class: Class::D2,
            origin: Origin::Own,
            id: ID,
            expires: Instant::from_nanos(99),
            source: None,
            stamps: SendStamps::default(),
        };
        let dropped = Dropped {
            reason: DropReason::SignatureInvalid,
            field: None,
            link_source: [2; 6],
            claimed: Some(ID),
            head: v2x_core::FrameHead::default(),
            signal_dbm: None,
            way: Way::Air,
        };
        let sent = Sent {
            id: ID,
            message_type: 1,
            generation_time: WireTime::from_micros(5),
            position: Position::default(),
            frame_len: 300,
            full_credential: true,
            generated: Instant::ZERO,
            token: Some(Token(7)),
        };
        let suspicion = Suspicion {
            digest: Digest([1; 8]),
            standing: TrustLevel::Suspect,
            check: Some(Check::Overlap),
            score: 0.25,
        };
        let misbehaviour = Misbehaviour { subject: Digest([1; 8]), report: Bytes::from_static(&[9, 9]) };
        let not_sent =
            NotSent { class: Class::D0, id: None, reason: NotSentReason::BadRequest, token: Some(Token(7)) };
        vec![
            (Output::Transmit(transmit.clone()), "transmit abababababababab/D2/7, 3 bytes"),
            (
                Output::Transmit(Transmit { source: Some([2; 6]), ..transmit.clone() }),
                "transmit abababababababab/D2/7, 3 bytes from 020202020202",
            ),
            (Output::Event(Event::Received(received)), "received abababababababab/D2/7"),
            (Output::Event(Event::Dropped(dropped)), "dropped signature_invalid from 020202020202"),
            (Output::Event(Event::Sent(sent)), "sent abababababababab/D2/7"),
            (Output::Event(Event::NotSent(not_sent)), "not sent D0 send_bad_request"),
            (
                Output::Event(Event::Forwarded(Forwarded {
                    id: ID,
                    remaining_hops: 9,
                    cause: ForwardCause::Contention,
                    way: Way::Air,
                })),
                "forwarded abababababababab/D2/7 by contention, 9 hops left",
            ),
            (
                Output::Event(Event::Forwarded(Forwarded {
                    id: ID,
                    remaining_hops: 0,
                    cause: ForwardCause::Afar,
                    way: Way::Afar(7),
                })),
                "forwarded abababababababab/D2/7 by afar, 0 hops left, from afar, peer 7",
            ),
            (Output::Event(Event::Received(from_afar)), "received abababababababab/D2/7"),
            (
                Output::Event(Event::Dropped(Dropped { way: Way::Afar(u16::MAX), ..dropped })),
                "dropped signature_invalid from afar, peer 65535",
            ),
            (
                Output::Event(Event::Hazard(HazardChanged { event: known(), change: HazardChange::Negated })),
                "own hazard abababababababab/7 negated: D3, cause 94/2, negated at -1, 2, detected at 5 us, as of 6 us, \
                 until 7 us, suspect, concerns this station",
            ),
            (
                Output::Event(Event::HazardAccepted { id: EVENT, token: Some(Token(7)) }),
                "hazard abababababababab/7 accepted",
            ),
            (
                Output::Event(Event::HazardRefused { refusal: HazardRefusal::Class(2), token: None }),
                "hazard refused: a hazard is D0",
            ),
            (
                Output::Event(Event::HazardRenamed { old: EVENT, new: EventId { number: 8, ..EVENT } }),
                "hazard abababababababab/7 goes on as abababababababab/8",
            ),
            (Output::Event(Event::NeighbourAdded(Digest([1; 8]))), "neighbour 0101010101010101 added"),
            (Output::Event(Event::NeighbourLost(Digest([1; 8]))), "neighbour 0101010101010101 lost"),
            (Output::Event(Event::Sending(SendingState::CredentialNotValid)), "sending CredentialNotValid"),
            (
                Output::Event(Event::PseudonymChanged { old: Digest([1; 8]), new: Digest([2; 8]) }),
                "pseudonym 0101010101010101 changed to 0202020202020202",
            ),
            (
                Output::Event(Event::PoolLow { spares: 2, valid_until: WireTime::from_micros(5) }),
                "pool low: 2 spares, valid until 5 us",
            ),
            (
                Output::Event(Event::HeardElsewhere(HeardElsewhere {
                    id: ID,
                    generation: WireTime::from_micros(5),
                    position: Position { latitude: -1, longitude: 2 },
                    link_source: [9; 6],
                    signal_dbm: Some(-60),
                })),
                "another station signed abababababababab/D2/7, generated at 5 us at -1, 2, heard from 090909090909",
            ),
            (
                Output::Event(Event::Suspicion(suspicion)),
                "station 0101010101010101 is suspect by overlap, score 0.25",
            ),
            (Output::Event(Event::Misbehaviour(misbehaviour)), "report about 0101010101010101: 0909"),
        ]
    }

    #[test]
    fn every_entry_can_be_described() {
        for (output, words) in outputs() {
            let mut entry = Vec::new();
            write(&output, &mut entry);
            assert!(describe(&entry).starts_with(words), "{}", describe(&entry));
        }
    }

    #[test]
    fn causes_are_listed_in_their_own_order() {
        assert!(ForwardCause::ALL.iter().enumerate().all(|(number, cause)| *cause as usize == number));
    }

    #[test]
    fn what_becomes_of_hazards_is_listed_in_order() {
        assert!(HazardChange::ALL.iter().enumerate().all(|(number, change)| *change as usize == number));
        assert!(EventState::ALL.iter().enumerate().all(|(number, state)| *state as usize == number));
    }

    #[test]
    fn reasons_and_states_are_listed_in_their_own_order() {
        for (n, reason) in NOT_SENT_REASONS.iter().enumerate() {
            assert_eq!(*reason as usize, n);
        }
        for (n, state) in SENDING_STATES.iter().enumerate() {
            assert_eq!(*state as usize, n);
        }
    }

    #[test]
    fn the_frame_of_a_transmission_can_be_taken_out() {
        let frames: Vec<_> = outputs()
            .into_iter()
            .filter_map(|(output, _)| {
                let mut entry = Vec::new();
                write(&output, &mut entry);
                transmitted(&entry).map(<[u8]>::to_vec)
            })
            .collect();
        assert_eq!(frames, [[1, 2, 3], [1, 2, 3]]);
        assert_eq!(transmitted(&[TRANSMIT]), None);
    }

    #[test]
    fn a_timeout_leaves_no_trace() {
        let mut out = Vec::new();
        write(&Output::Timeout(Instant::ZERO, TimerKind::Idle), &mut out);
        assert!(out.is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_described(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert!(!describe(&bytes).is_empty());
        }
    }
}
