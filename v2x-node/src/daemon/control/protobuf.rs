//! Answers and messages in the second encoding (`proto/schema/v2x/v1/control.proto`).

use prost::Message as _;
use v2x_api::{Message, RequestId, message_type};
use v2x_proto::v1::{self, MessageStanding, WatchedMessage, control_answer, watched_message};
use v2x_proto::{Class, hop, payload};

/// Appends an answer, or what is told in a watch, that is `json` in the other encoding.
pub fn put_json(json: &str, out: &mut Vec<u8>) {
    let answer = Some(control_answer::Answer::Json(json.to_owned()));
    v1::ControlAnswer { answer }.encode_length_delimited(out).expect(NO_FAILURE);
}

/// Appends a message of a watch; `body` is what all that watch share of it ([`body`]).
pub fn put_message(id: Option<&RequestId>, age_us: u64, body: &[u8], out: &mut Vec<u8>) {
    let id = id.map(|id| match id {
        RequestId::Text(text) => watched_message::Id::IdText(text.clone()),
        RequestId::Number(number) => watched_message::Id::IdNumber(*number),
    });
    // The fields of a message may stand one after another in two pieces: these come before those of the body.
    let envelope = WatchedMessage { id, age_us, ..WatchedMessage::default() };
    let length = envelope.encoded_len() + body.len();
    let head = prost::length_delimiter_len(length) + 1;
    prost::encode_length_delimiter(head + length, out).expect(NO_FAILURE);
    out.push(MESSAGE_TAG);
    prost::encode_length_delimiter(length, out).expect(NO_FAILURE);
    envelope.encode(out).expect(NO_FAILURE);
    out.extend_from_slice(body);
}

/// A message without what differs from program to program. `frame`: as received or sent, where the watch has payloads.
pub fn body(message: &Message, frame: Option<&[u8]>) -> Vec<u8> {
    let header = frame.and_then(|frame| hop::parse(frame).ok()).map_or(0, |(_, length)| length);
    let (hop_header, signed_message) = frame.unwrap_or_default().split_at(header);
    let class = Class::ALL.into_iter().find(|class| class.name() == message.class);
    let standing = match message.standing.as_str() {
        "trusted" => MessageStanding::Trusted,
        "suspect" => MessageStanding::Suspect,
        "isolated" => MessageStanding::Isolated,
        _ => MessageStanding::Unspecified,
    };
    let stage = |(name, us): (&String, &f64)| v1::MessageStage { name: name.clone(), ns: nanos(*us) };
    WatchedMessage {
        r#type: message_type(&message.r#type).unwrap_or_default() as i32,
        deadline_class: class.map_or(0, |class| class as u32),
        signer: unhex(&message.signer),
        sequence: message.sequence,
        generation_time_us: message.generation_time_us,
        latitude: units(message.latitude_deg),
        longitude: units(message.longitude_deg),
        distance_cm: message.distance_m.map(|metres| (metres * 100.0).round() as u32),
        hops: u32::from(message.hops),
        link_address: message.link_address.as_deref().map(unhex).unwrap_or_default(),
        signal_dbm: message.signal_dbm.map(i32::from),
        verified: message.verified,
        standing: standing as i32,
        latency_ns: message.latency_us.map(nanos),
        late: message.late,
        stages: message.stages.iter().map(stage).collect(),
        forwarder_latitude: message.forwarder.map(|place| units(place.latitude_deg)),
        forwarder_longitude: message.forwarder.map(|place| units(place.longitude_deg)),
        own: message.own,
        hop_header: hop_header.to_vec().into(),
        signed_message: signed_message.to_vec().into(),
        afar_peer: message.afar_peer.map(u32::from),
        confidential: message.confidential,
        opened: opened(message).unwrap_or_default().into(),
        id: None,
        age_us: 0,
    }
    .encode_to_vec()
}

/// What was sealed in a message, encoded again: its frame holds it closed.
fn opened(message: &Message) -> Option<Vec<u8>> {
    let payload = message.payload.as_ref().filter(|_| message.confidential)?;
    let decoded = payload::Message::from_json(message_type(&message.r#type)?, payload).ok()?;
    let mut bytes = Vec::with_capacity(decoded.encoded_len());
    decoded.encode(&mut bytes);
    Some(bytes)
}

fn units(degrees: f64) -> i32 {
    (degrees * 1e7).round() as i32
}

fn nanos(us: f64) -> u64 {
    (us * 1e3).round() as u64
}

/// The bytes of digits in pairs, whatever stands between them.
fn unhex(text: &str) -> bytes::Bytes {
    let digits: Vec<u8> =
        text.chars().filter_map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
    digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect()
}

/// Field 2 of `ControlAnswer`, length-delimited.
const MESSAGE_TAG: u8 = 0x12;
const NO_FAILURE: &str = "invariant: memory takes every byte";
