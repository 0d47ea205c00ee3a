//! Messages as the programs that watch are told of them. They are judged by each program's filter first, and put into
//! words once for all that want them, with the payload and without.

use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use radio_adapters::LinkAddress;
use v2x_api::{Answer, AnsweredMessage, Message, MessageForwarder, type_name};
use v2x_core::{Anchor, Instant, MessageId, Position, Received, SendStamps, TrustLevel, WireTime};
use v2x_proto::envelope::{MAX_FRAME, SignedView, SignerRef, TbsView, encode_signed, signed_len};
use v2x_proto::{hop, payload, v1};
use v2x_report::{Stage, receive_stages, send_stages};

use super::filter::{Facts, Filter, MessageWish};
use super::server::Server;
use super::told::Told;
use super::topic::Topic;
use super::view::{View, degrees, tenth};
use crate::civil::utc;

/// A message delivered, as it leaves the station.
#[derive(Clone, Debug)]
pub struct HeardMessage {
    /// The message; its frame is a copy, so that no block of the receive buffer is held, and has the payload.
    pub received: Received,
    /// Of its signer.
    pub standing: TrustLevel,
    /// What ties its times to the machine's.
    pub anchor: Anchor,
    /// Its signer's credential, where a program wants it and the station has it.
    pub credential: Option<Bytes>,
}

/// One of the station's own messages, as it leaves the station.
#[derive(Clone, Debug)]
pub struct OwnMessage {
    /// Which message.
    pub id: MessageId,
    /// Its frame, a copy.
    pub frame: Bytes,
    /// Its stages.
    pub stamps: SendStamps,
    /// When the kernel had it.
    pub on_air: Instant,
    /// The credential it is signed under, where a program wants it.
    pub credential: Option<Bytes>,
}

/// What the programs' thread knows of the station.
#[derive(Debug, Default)]
pub struct Seen {
    /// Where it is.
    pub view: View,
}

impl Seen {
    /// Tells those that want it of a message delivered.
    pub(super) fn heard(&self, heard: &HeardMessage, server: &mut Server, now: Instant) {
        let HeardMessage { received, standing, anchor, credential } = heard;
        let facts = Facts {
            message_type: received.message_type,
            class: received.id.class,
            position: received.position,
            standing: *standing,
            verified: received.verified,
            own: false,
        };
        let at = received.stamps.delivered;
        let sent = anchor.instant_at(received.generation_time);
        let latency = (at >= sent).then(|| at.nanos_since(sent));
        let raw = Raw { frame: &received.frame, credential: credential.as_deref() };
        tell(&facts, (at, raw), server, now, |whole| {
            let stages = receive_stages(&received.stamps);
            let common = Common {
                id: received.id,
                message_type: received.message_type,
                generation: received.generation_time,
                position: received.position,
                payload: whole.then_some(&received.payload),
                latency,
            };
            Message {
                hops: received.hops,
                link_address: (!received.way.is_afar())
                    .then(|| LinkAddress(received.link_source).to_string()),
                afar: received.way.is_afar(),
                afar_peer: received.way.peer(),
                signal_dbm: received.signal_dbm,
                verified: received.verified,
                standing: standing.name().to_owned(),
                stages: stages.map(|(stage, nanos)| (stage.name().to_owned(), micros(nanos))).collect(),
                forwarder: received.forwarder.filter(|_| received.hops > 1).map(|place| MessageForwarder {
                    latitude_deg: degrees(place.latitude),
                    longitude_deg: degrees(place.longitude),
                }),
                own: false,
                confidential: received.confidential,
                ..self.common(&common)
            }
        });
    }

    /// Tells those that want it of a message that the station sent.
    pub(super) fn sent(&self, own: &OwnMessage, server: &mut Server, now: Instant) {
        let Some((tbs, position)) = signed(&own.frame) else { return };
        let facts = Facts {
            message_type: tbs.message_type,
            class: own.id.class,
            position,
            standing: TrustLevel::Trusted,
            verified: true,
            own: true,
        };
        let raw = Raw { frame: &own.frame, credential: own.credential.as_deref() };
        tell(&facts, (own.on_air, raw), server, now, |whole| {
            let payload = Bytes::copy_from_slice(tbs.payload);
            let common = Common {
                id: own.id,
                message_type: tbs.message_type,
                generation: WireTime::from_micros(tbs.generation_time_us),
                position,
                payload: whole.then_some(&payload),
                latency: Some(own.on_air.nanos_since(own.stamps.generated)),
            };
            let to_air = (Stage::GateToAir, own.on_air.nanos_since(own.stamps.gate_open));
            let stages = send_stages(&own.stamps).into_iter().chain([to_air]);
            Message {
                verified: true,
                standing: TrustLevel::Trusted.name().to_owned(),
                stages: stages.map(|(stage, nanos)| (stage.name().to_owned(), micros(nanos))).collect(),
                own: true,
                ..self.common(&common)
            }
        });
    }

    fn common(&self, common: &Common<'_>) -> Message {
        let Common { id, message_type, generation, position, payload, latency } = *common;
        let deadline = id.class.deadline();
        let decoded = payload.and_then(|bytes| payload::decode(message_type, bytes.clone()).ok());
        let number = i32::try_from(message_type).unwrap_or_default();
        Message {
            message: id.to_string(),
            r#type: type_name(v1::MessageType::try_from(number).unwrap_or_default()).to_owned(),
            class: id.class.name().to_owned(),
            signer: id.signer.to_string(),
            sequence: id.sequence,
            generation_time_us: generation.as_micros(),
            generation_time_utc: utc(generation),
            latitude_deg: degrees(position.latitude),
            longitude_deg: degrees(position.longitude),
            distance_m: self.view.way_to(position).map(|(distance, _)| tenth(distance)),
            latency_us: latency.map(micros),
            deadline_us: deadline.map(|deadline| deadline.as_micros() as u64),
            late: latency.zip(deadline).is_some_and(|(took, most)| u128::from(took) > most.as_nanos()),
            payload: decoded.map(|message| message.to_json()),
            ..Message::default()
        }
    }
}

/// What messages of others and the station's own have in common.
#[derive(Clone, Copy)]
struct Common<'p> {
    id: MessageId,
    message_type: u32,
    generation: WireTime,
    position: Position,
    payload: Option<&'p Bytes>,
    /// Nanoseconds.
    latency: Option<u64>,
}

/// The bytes of a message.
#[derive(Clone, Copy)]
struct Raw<'m> {
    frame: &'m Bytes,
    /// Its signer's, where that is known.
    credential: Option<&'m [u8]>,
}

/// Tells those that want it, in at most three forms: with the payload and its signer's credential, with the payload, without.
fn tell(
    facts: &Facts,
    (at, raw): (Instant, Raw<'_>),
    server: &mut Server,
    now: Instant,
    message: impl Fn(bool) -> Message,
) {
    let wish = |filter: &Filter, form: Form| match filter {
        Filter::Messages(wish) => Form::of(wish) == form && wish.wants(facts),
        _ => form == Form::Whole,
    };
    for form in [Form::WithCredential, Form::Whole, Form::WithoutPayload] {
        if server.watches(Topic::Messages).any(|watch| wish(&watch.filter, form)) {
            let message = Some(AnsweredMessage::Whole(Box::new(message(form != Form::WithoutPayload))));
            let answer = Answer { message, ..Answer::watch("message") };
            let frame = match form {
                Form::WithCredential => Some(raw.with_credential()),
                Form::Whole => Some(raw.frame.clone()),
                Form::WithoutPayload => None,
            };
            let told = Told::message(at, answer, frame);
            server.tell_those(Topic::Messages, &Rc::new(told), |filter| wish(filter, form), now);
        }
    }
}

/// How much of a message a program wants.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    WithCredential,
    Whole,
    WithoutPayload,
}

impl Form {
    fn of(wish: &MessageWish) -> Self {
        match (wish.payload(), wish.credential()) {
            (true, true) => Self::WithCredential,
            (true, false) => Self::Whole,
            (false, _) => Self::WithoutPayload,
        }
    }
}

impl Raw<'_> {
    /// The frame, its signer named by the credential: what is signed does not change. As it is where the credential is not known,
    /// or the frame would be longer than any.
    fn with_credential(self) -> Bytes {
        let whole = || {
            let credential = self.credential?;
            let (_, length) = hop::parse(self.frame).ok()?;
            let (header, rest) = self.frame.split_at_checked(length)?;
            let signed = SignedView::parse(rest).ok()?;
            let signer = SignerRef::Credential(credential);
            let named = matches!(signed.signer, SignerRef::Digest(_));
            let fits = header.len() + signed_len(signed.tbs.len(), signer) <= MAX_FRAME;
            (named && fits).then(|| {
                let mut frame = BytesMut::with_capacity(MAX_FRAME);
                frame.extend_from_slice(header);
                encode_signed(&mut frame, signed.tbs, signed.signature, signer);
                frame.freeze()
            })
        };
        whole().unwrap_or_else(|| self.frame.clone())
    }
}

/// What a frame of the station's own has signed.
pub(super) fn signed(frame: &[u8]) -> Option<(TbsView<'_>, Position)> {
    let (_, length) = hop::parse(frame).ok()?;
    let signed = SignedView::parse(&frame[length..]).ok()?;
    let tbs = TbsView::parse(signed.tbs).ok()?;
    let position = Position::new(tbs.latitude, tbs.longitude)?;
    Some((tbs, position))
}

fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1000.0
}
