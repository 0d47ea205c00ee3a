//! Messages sealed to one station: what it alone reads, what a change of pseudonym does to them, and every way in which one is
//! refused.

use bytes::Bytes;
use prost::Message as _;
use testkit::craft::{self, Crafter};
use testkit::{Authority, PLACE, Station, anchor};
use v2x_core::{
    AwarenessRule, Config, CredentialRequest, DropReason, Event, Identity, Input, Instant, Node,
    NotSentReason, Open as _, Permissions, Pool, Received, Recipients, SealBinding, SendRequest, Token,
    credential_hash, seal,
};
use v2x_proto::envelope::TbsRepr;
use v2x_proto::payload::{MAX_SEALED_PAYLOAD, SealedContent};
use v2x_proto::v1::{self, MessageType};
use v2x_proto::{Class, Digest};

mod priority;
mod replay;

const RECEIVER: u32 = 2;

/// A station that sends nothing of its own accord.
fn station(number: u32, identity: impl Into<Pool>) -> Station {
    let config = Config { awareness: AwarenessRule::Off, ..Config::vehicle() };
    let trust = Authority::new().trust.clone();
    let mut station = Station::with(number, Node::new(config, identity, trust, 7, anchor()));
    station.start(Instant::ZERO, PLACE);
    station
}

fn receiver() -> Station {
    station(RECEIVER, Authority::new().confidant(RECEIVER))
}

fn at(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

fn echo() -> SendRequest {
    SendRequest { class: Class::D5, lifetime_ms: 1_000, token: Some(Token(5)), ..craft::probe(Class::D5) }
}

fn delivered(station: &Station) -> Vec<&Received> {
    let received = |event: &'_ Event| matches!(event, Event::Received(_));
    let all = station.events.iter().filter(|event| received(event));
    all.map(|event| if let Event::Received(received) = event { received } else { unreachable!() }).collect()
}

/// Sends what is sealed to `station`; its frames, and the reasons for which nothing was sent.
fn sealed_to(
    sender: &mut Station,
    now: Instant,
    station: Digest,
    message: SendRequest,
) -> (Vec<Bytes>, Vec<NotSentReason>) {
    let told = sender.events.len();
    let frames = sender.feed(now, Input::Send(SendRequest { to: Some(Recipients::one(station)), ..message }));
    let reasons = sender.events[told..].iter().filter_map(|event| match event {
        Event::NotSent(not_sent) => {
            assert_eq!(not_sent.token, Some(Token(5)));
            Some(not_sent.reason)
        }
        _ => None,
    });
    (frames, reasons.collect())
}

/// What makes a neighbour of a station, with its credential.
fn greeting(station: &mut Station, now: Instant) -> Bytes {
    station.feed(now, Input::Send(craft::probe(Class::D1))).remove(0)
}

#[test]
fn one_station_reads_what_is_sealed_to_it_and_the_others_count_it() {
    let [mut sender, mut receiver, mut third] =
        [station(1, Authority::new().confidant(1)), receiver(), station(3, Authority::new().confidant(3))];
    let hello = greeting(&mut receiver, at(1));
    sender.hear(at(2), &hello);
    let (frames, reasons) = sealed_to(&mut sender, at(10), receiver.node.digest(), echo());
    assert_eq!((frames.len(), reasons.len()), (1, 0));
    let (_, fields, _) = craft::read(&frames[0]);
    assert_eq!(fields.message_type, MessageType::Confidential as u32);
    assert!(!frames[0].windows(craft::ECHO.len()).any(|part| part == craft::ECHO), "in the clear");
    for listener in [&mut receiver, &mut third] {
        listener.hear(at(12), &frames[0]);
    }
    let [opened] = delivered(&receiver)[..] else { panic!("{:?}", receiver.events) };
    assert_eq!((opened.message_type, &opened.payload[..]), (MessageType::Echo as u32, craft::ECHO));
    assert!(opened.confidential && opened.verified);
    assert_eq!(opened.frame, frames[0], "the frame stays closed");
    assert_eq!(delivered(&third).len(), 0);
    assert_eq!(third.drops()["sealed_for_another"], 1);
    // Its sender was heard all the same.
    assert_eq!(third.node.neighbours().count(), 1);
}

#[test]
fn what_cannot_be_sealed_is_refused_with_the_reason() {
    let mut sender = station(1, Authority::new().identity(1));
    let [mut keyless, mut receiver] = [station(3, Authority::new().identity(3)), receiver()];
    for other in [&mut keyless, &mut receiver] {
        let hello = greeting(other, at(1));
        sender.hear(at(2), &hello);
    }
    let (to, keyless) = (receiver.node.digest(), keyless.node.digest());
    let mut reason = |station, message| {
        let (frames, reasons) = sealed_to(&mut sender, at(10), station, message);
        assert_eq!(frames.len(), 0);
        let [reason] = reasons[..] else { panic!("{reasons:?}") };
        reason.name()
    };
    assert_eq!(reason(Digest([9; 8]), echo()), "no_such_neighbour");
    assert_eq!(reason(keyless, echo()), "no_encryption_key");
    assert_eq!(reason(to, SendRequest { class: Class::D1, ..echo() }), "send_bad_request");
    let padding = vec![0; MAX_SEALED_PAYLOAD].into();
    let long = v1::Echo { token: 1, padding, ..v1::Echo::default() }.encode_to_vec().into();
    assert_eq!(reason(to, SendRequest { payload: long, ..echo() }), "send_too_long");
    for never in [MessageType::Confidential, MessageType::CredentialRequest, MessageType::RevocationDelta] {
        assert_eq!(reason(to, SendRequest { message_type: never as u32, ..echo() }), "send_bad_request");
    }
    let (frames, reasons) = sealed_to(&mut sender, at(20), to, echo());
    assert_eq!((frames.len(), reasons.len()), (1, 0));
}

#[test]
fn a_message_for_stations_with_and_without_a_key_goes_sealed_and_once_open() {
    let mut sender = station(1, Authority::new().identity(1));
    let mut others =
        vec![receiver(), station(3, Authority::new().identity(3)), station(4, Authority::new().identity(4))];
    for other in &mut others {
        let hello = greeting(other, at(1));
        sender.hear(at(2), &hello);
    }
    let stations = others.iter().map(|other| other.node.digest()).collect();
    let request = SendRequest { to: Some(Recipients { stations, required: false }), ..echo() };
    let frames = sender.feed(at(10), Input::Send(request));
    let types: Vec<_> = frames.iter().map(|frame| craft::read(frame).1.message_type).collect();
    assert_eq!(types, [MessageType::Confidential as u32, MessageType::Echo as u32]);
}

#[test]
fn a_key_of_small_order_seals_nothing() {
    let authority = Authority::new();
    let request = CredentialRequest { encryption_key: Some([0; 32]), ..authority.usual_request(3) };
    let mut weak = station(3, authority.identity_as(3, &request));
    let mut sender = station(1, authority.identity(1));
    let hello = greeting(&mut weak, at(1));
    sender.hear(at(2), &hello);
    let (_, reasons) = sealed_to(&mut sender, at(10), weak.node.digest(), echo());
    assert_eq!(reasons, [NotSentReason::NoEncryptionKey]);
}

/// A signer that seals anything to the receiver and says that it is anything.
struct Insider {
    crafter: Crafter,
    receiver: Identity,
}

impl Insider {
    fn new(permissions: Permissions) -> Self {
        let authority = Authority::new();
        let credential = authority.credential_with(9, |request| request.permissions = permissions);
        Self { crafter: Crafter::new(Authority::key(9), credential), receiver: authority.confidant(RECEIVER) }
    }

    fn bound(&self, fields: &TbsRepr<'_>) -> SealBinding {
        SealBinding {
            sender: credential_hash(&self.crafter.credential),
            receiver: *self.receiver.hash(),
            generation: v2x_core::WireTime::from_micros(fields.generation_time_us),
            class: fields.class,
            sequence: fields.sequence,
        }
    }

    fn fields(&self, class: Class) -> TbsRepr<'static> {
        TbsRepr {
            message_type: MessageType::Confidential as u32,
            class,
            lifetime_ms: 1_000,
            ..self.crafter.fields(at(10))
        }
    }

    /// A frame with `content` sealed in it, bound as it should be but for `change`, and changed again on its way.
    fn frame(
        &self,
        class: Class,
        content: &[u8],
        change: impl FnOnce(&mut SealBinding),
        alter: impl FnOnce(&mut v1::Confidential),
    ) -> Bytes {
        let fields = self.fields(class);
        let mut bound = self.bound(&fields);
        change(&mut bound);
        let to = Authority::encryption_key(RECEIVER).public_key();
        let sealed = seal(&to, &bound, content, [3; 32]).unwrap();
        let mut message = v1::Confidential {
            receiver: Bytes::copy_from_slice(&self.receiver.digest().0),
            encapsulated_key: Bytes::copy_from_slice(&sealed.encapsulated_key),
            ciphertext: sealed.ciphertext.into(),
        };
        alter(&mut message);
        self.crafter.full(&TbsRepr { payload: &message.encode_to_vec(), ..fields })
    }
}

/// Has `receiver` drop what is sealed to it, or to another, for `reason`.
pub fn provoke(reason: DropReason, receiver: &mut Station) {
    let insider = Insider::new(Permissions::AWARENESS | Permissions::MANAGEMENT);
    let echo = content(MessageType::Echo, craft::ECHO);
    let mut padded = echo.clone();
    padded[40] = 1;
    let own = Bytes::copy_from_slice(&receiver.node.digest().0);
    let to_it = |message: &mut v1::Confidential| message.receiver = own;
    let frame = match reason {
        DropReason::SealedForAnother => insider.frame(Class::D5, &echo, |_| {}, |_| {}),
        DropReason::SealedKeyWiped => insider.frame(Class::D5, &echo, |_| {}, to_it),
        _ => {
            *receiver = self::receiver();
            let nested = content(MessageType::Confidential, b"x");
            let bind = |bound: &mut SealBinding| {
                bound.sequence += u32::from(reason == DropReason::SealedUnopened);
            };
            let content = match reason {
                DropReason::SealedContent => &padded,
                DropReason::SealedDenied => &nested,
                _ => &echo,
            };
            insider.frame(Class::D5, content, bind, |_| {})
        }
    };
    receiver.hear(at(12), &frame);
}

fn content(message_type: MessageType, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    SealedContent { message_type: message_type as u16, payload }.encode(&mut bytes).unwrap();
    bytes
}

/// Why a station that may open it drops a frame, and the field at fault.
fn refusal(frame: &Bytes) -> Option<(&'static str, Option<&'static str>)> {
    let mut receiver = receiver();
    receiver.hear(at(12), frame);
    receiver.events.iter().find_map(|event| match event {
        Event::Dropped(dropped) => Some((dropped.reason.name(), dropped.field)),
        _ => None,
    })
}

#[test]
fn each_way_of_sealing_badly_has_its_name() {
    let insider = Insider::new(Permissions::AWARENESS | Permissions::MANAGEMENT);
    let echo = content(MessageType::Echo, craft::ECHO);
    let good = |_: &mut v1::Confidential| {};
    let bound = |_: &mut SealBinding| {};
    assert_eq!(refusal(&insider.frame(Class::D5, &echo, bound, good)), None);

    let unopened = Some(("sealed_unopened", Some("ciphertext")));
    let frame = |change: fn(&mut SealBinding), alter: fn(&mut v1::Confidential)| {
        refusal(&insider.frame(Class::D5, &echo, change, alter))
    };
    assert_eq!(frame(|bound| bound.sequence += 1, |_| {}), unopened, "a seal out of another message");
    assert_eq!(frame(|bound| bound.class = Class::D4, |_| {}), unopened);
    assert_eq!(frame(|bound| bound.sender = [1; 32], |_| {}), unopened, "a seal that another made");
    assert_eq!(frame(|bound| bound.receiver = [1; 32], |_| {}), unopened);
    let later =
        |bound: &mut SealBinding| bound.generation = bound.generation + core::time::Duration::from_secs(1);
    assert_eq!(frame(later, |_| {}), unopened);
    let altered = |message: &mut v1::Confidential| {
        let mut bytes = message.ciphertext.to_vec();
        bytes[7] ^= 1;
        message.ciphertext = bytes.into();
    };
    assert_eq!(frame(|_| {}, altered), unopened);
    let other_key = |message: &mut v1::Confidential| message.encapsulated_key = vec![9; 32].into();
    assert_eq!(frame(|_| {}, other_key), unopened);

    let elsewhere = |message: &mut v1::Confidential| message.receiver = vec![9; 8].into();
    assert_eq!(frame(|_| {}, elsewhere), Some(("sealed_for_another", Some("receiver"))));
    let cut = |message: &mut v1::Confidential| message.ciphertext = message.ciphertext.slice(..79);
    assert_eq!(frame(|_| {}, cut), Some(("malformed_payload", Some("ciphertext"))));
    let short = |message: &mut v1::Confidential| message.encapsulated_key = vec![9; 31].into();
    assert_eq!(frame(|_| {}, short), Some(("malformed_payload", Some("encapsulated_key"))));
    let nobody = |message: &mut v1::Confidential| message.receiver = Bytes::new();
    assert_eq!(frame(|_| {}, nobody), Some(("malformed_payload", Some("receiver"))));
}

#[test]
fn what_was_sealed_is_judged_as_if_it_had_been_sent_open() {
    let insider = Insider::new(Permissions::AWARENESS | Permissions::MANAGEMENT);
    let sealed = |class, content: &[u8]| refusal(&insider.frame(class, content, |_| {}, |_| {}));
    let request = v1::PriorityRequest {
        request_id: 1,
        action: 1,
        arrival_us: 5,
        role: 1,
        ..v1::PriorityRequest::default()
    };
    let request = content(MessageType::PriorityRequest, &request.encode_to_vec());
    let denied = |field| Some(("sealed_denied", Some(field)));
    let malformed = |field| Some(("sealed_content", Some(field)));
    assert_eq!(sealed(Class::D4, &request), denied("type"), "without the permission");
    assert_eq!(
        sealed(Class::D5, &content(MessageType::Awareness, craft::AWARENESS)),
        denied("deadline_class")
    );
    let nested = content(MessageType::Confidential, b"x");
    assert_eq!(sealed(Class::D5, &nested), denied("type"));
    let mut unknown = content(MessageType::Echo, craft::ECHO);
    unknown[0] = 99;
    assert_eq!(sealed(Class::D5, &unknown), malformed("type"));
    assert_eq!(sealed(Class::D5, &content(MessageType::Echo, &[0x09, 1])), malformed("token"));
    let mut padded = content(MessageType::Echo, craft::ECHO);
    padded[40] = 1;
    assert_eq!(sealed(Class::D5, &padded), malformed("padding"));
    let mut long = content(MessageType::Echo, craft::ECHO);
    long[2..4].copy_from_slice(&61_u16.to_le_bytes());
    assert_eq!(sealed(Class::D5, &long), malformed("length"));
    // Where confidential messages do not travel, before a signature is paid for.
    assert_eq!(
        sealed(Class::D2, &content(MessageType::Echo, craft::ECHO)),
        Some(("bad_scope", Some("deadline_class")))
    );
}

#[test]
fn a_sealed_message_that_is_repeated_is_opened_once() {
    let insider = Insider::new(Permissions::MANAGEMENT);
    let frame = insider.frame(Class::D5, &content(MessageType::Echo, craft::ECHO), |_| {}, |_| {});
    let mut receiver = receiver();
    receiver.hear(at(12), &frame);
    // The same bytes, and the same message in another frame.
    receiver.hear(at(13), &frame);
    let (header, fields, _) = craft::read(&frame);
    let brief = insider.crafter.frame(
        &header,
        &fields,
        v2x_proto::envelope::SignerRef::Digest(insider.crafter.digest),
    );
    receiver.hear(at(14), &brief);
    assert_eq!(delivered(&receiver).len(), 1);
    assert_eq!(receiver.drops(), [("exact_copy", 2)].into());
}
