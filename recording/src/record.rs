//! Inputs as recorded, and back: a recording feeds a fresh node exactly the inputs of the first.
//!
//! A recording is [`MAGIC`], then protobuf messages, each after its length as a varint: one `RecordingHeader`, then
//! `Record`s, an input before the outputs it led to. A file that ends inside a record is good up to there.
//!
//! A kind of input, a field of one, or another meaning of either raises [`VERSION`]: protobuf skips what it does not know,
//! and a node that misses an input decides differently. [`OLDEST_VERSION`] rises with it unless its absence
//! means now what the older layouts implied. A reader refuses any other version by the header, before the first
//! record, and an input of a kind its version does not have by name; nothing is skipped.
//!
//! | version | what it added |
//! |---|---|
//! | 3 | hazards as commands, trust, the pool in the header |
//! | 4 | `channel_load`, tokens of requests |
//! | 5 | `identities`; recordings begun anew while the station ran (`lost_inputs` in the header) |
//! | 6 | `vehicle` |
//! | 7 | frames from afar (`afar_peer` of `frame`), the recipient of a message that is sealed |

mod fields;
mod hazard;
mod vehicle;
mod wire;

use bytes::Bytes;
use prost::Message as _;
use v2x_core::{
    Anchor, ClockState, Config, Fix, Input, Instant, LoadSource, NewIdentity, Output, Pool, Position,
    ReceivedFrame, SendRequest, SequenceStarts, Token, Way, WireTime,
};
use v2x_proto::{Class, v1};

use self::fields::{decode_area, decode_recipients, encode_area, encode_recipients, narrow};
use self::hazard::{decode_command, encode_command};
use self::vehicle::{decode_vehicle, encode_vehicle};
use crate::transcript;

pub use self::fields::{OLDEST_VERSION, RecordError, VERSION};

/// First bytes of a recording file.
pub const MAGIC: &[u8; 8] = b"RDCASTR\n";

/// Longest record a reader accepts, bytes: as [`MAX_HEADER`], because trust may be replaced by as much as a header
/// holds. A frame and its fields need under 2,000.
pub const MAX_RECORD: usize = MAX_HEADER;

/// Longest header a reader accepts, bytes; credentials of a thousand authorities and a full pool fit.
pub const MAX_HEADER: usize = 512 * 1024;

/// The start of a recording: [`MAGIC`] and the header with its length before it.
pub fn start(header: &v1::RecordingHeader) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&header.encode_length_delimited_to_vec());
    bytes
}

/// The header of a station's recording: all that makes it what it is, apart from its keys. `anchor` is that of its first moment,
/// `seed` the one that its node was made with.
///
/// # Panics
/// Never: a configuration has no keys that are not strings.
pub fn header(
    software: &str,
    config: &Config,
    pool: &Pool,
    roots: Vec<Bytes>,
    issuers: Vec<Bytes>,
    seed: u64,
    anchor: Anchor,
) -> v1::RecordingHeader {
    v1::RecordingHeader {
        version: VERSION,
        software: software.to_owned(),
        config_json: serde_json::to_string(config).expect("a configuration has no keys that are not strings"),
        credential: pool.active().credential().clone(),
        issuers,
        roots,
        seed,
        anchor_instant_ns: anchor.instant.as_nanos(),
        anchor_wire_us: anchor.wire.as_micros(),
        pool: identities(pool),
        lost_inputs: None,
    }
}

/// A station's identities in the header: everything but the keys.
pub fn identities(pool: &Pool) -> Vec<v1::RecordedIdentity> {
    pool.identities().map(|one| encode_identity(&one.into())).collect()
}

fn encode_identity(one: &NewIdentity) -> v1::RecordedIdentity {
    v1::RecordedIdentity { credential: one.credential.clone(), sequence_starts: one.starts.0.to_vec() }
}

fn decode_identity(one: v1::RecordedIdentity) -> Result<NewIdentity, RecordError> {
    let starts = <[u32; 6]>::try_from(one.sequence_starts.as_slice())
        .map_err(|_| RecordError("a credential without six starts of sequences"))?;
    Ok(NewIdentity { credential: one.credential, starts: SequenceStarts(starts) })
}

/// Appends an input that is about to be handled, with its length before it.
pub fn write_input(now: Instant, input: &Input, out: &mut Vec<u8>) {
    match input {
        // The only inputs that come by the thousand: written without a message in between, which would allocate.
        Input::Frame(frame) => wire::write_frame(now, frame, out),
        Input::Timeout => wire::write_timeout(now, out),
        _ => {
            let record = v1::Record { record: Some(v1::record::Record::Input(encode(now, input))) };
            out.extend_from_slice(&record.encode_length_delimited_to_vec());
        }
    }
}

/// Appends an output as its transcript, with its length before it; nothing for a timeout.
pub fn write_output(output: &Output, out: &mut Vec<u8>) {
    let start = out.len();
    transcript::write(output, out);
    if out.len() > start {
        wire::enclose_output(start, out);
    }
}

/// An input as it is recorded.
pub fn encode(now: Instant, input: &Input) -> v1::RecordedInput {
    use v1::recorded_input::Input as Recorded;
    let recorded = match input {
        Input::Frame(frame) => Recorded::Frame(v1::RecordedFrame {
            frame: frame.bytes.clone(),
            link_source: Bytes::copy_from_slice(&frame.link_source),
            kernel_receive_ns: frame.kernel_receive.map(Instant::as_nanos),
            user_receive_ns: frame.user_receive.map(Instant::as_nanos),
            signal_dbm: frame.signal_dbm.map(i32::from),
            afar_peer: frame.way.peer().map(u32::from),
        }),
        Input::Fix(fix) => Recorded::Fix(fix.as_ref().map_or_else(v1::RecordedFix::default, encode_fix)),
        Input::Vehicle(state) => Recorded::Vehicle(encode_vehicle(state)),
        Input::Clock { wire, state } => Recorded::Clock(v1::RecordedClock {
            wire_us: wire.as_micros(),
            trusted: state.may_sign(),
            holdover: *state == ClockState::Holdover,
        }),
        Input::Send(request) => Recorded::Command(v1::RecordedCommand {
            message_type: request.message_type,
            deadline_class: request.class as u32,
            lifetime_ms: request.lifetime_ms,
            max_hops: u32::from(request.max_hops),
            area: request.area.as_ref().map(encode_area),
            payload: request.payload.clone(),
            subject: request.subject,
            token: request.token.map(|token| token.0),
            sealed: request.to.is_some(),
            recipients: request.to.as_ref().map(encode_recipients).unwrap_or_default(),
            seal_required: request.to.as_ref().is_some_and(|to| to.required),
        }),
        Input::Hazard { command, token } => Recorded::Hazard(v1::RecordedHazard {
            token: token.map(|token| token.0),
            ..encode_command(command)
        }),
        Input::Revocation(delta) => Recorded::Revocation(v1::RecordedRevocation { delta: delta.clone() }),
        Input::Trust { roots, issuers } => {
            Recorded::Trust(v1::RecordedTrust { roots: roots.clone(), issuers: issuers.clone() })
        }
        Input::Identities(identities) => Recorded::Identities(v1::RecordedIdentities {
            identities: identities.iter().map(encode_identity).collect(),
        }),
        Input::Link { ready } => Recorded::Link(v1::RecordedLink { ready: *ready }),
        Input::ChannelLoad { busy_permille, source } => Recorded::ChannelLoad(v1::RecordedChannelLoad {
            busy_permille: u32::from(*busy_permille),
            estimate: *source == LoadSource::Estimate,
        }),
        Input::Timeout => Recorded::Timeout(v1::RecordedTimeout {}),
    };
    v1::RecordedInput { now_ns: now.as_nanos(), input: Some(recorded) }
}

/// A recorded input as the node takes it.
///
/// # Errors
///
/// Names the part of the record that is missing or out of range.
pub fn decode(recorded: v1::RecordedInput) -> Result<(Instant, Input), RecordError> {
    use v1::recorded_input::Input as Recorded;
    let now = Instant::from_nanos(recorded.now_ns);
    let input = match recorded.input.ok_or(RecordError(UNKNOWN_KIND))? {
        Recorded::Frame(frame) => Input::Frame(ReceivedFrame {
            link_source: frame
                .link_source
                .as_ref()
                .try_into()
                .map_err(|_| RecordError("link address is not 6 bytes"))?,
            bytes: frame.frame,
            kernel_receive: frame.kernel_receive_ns.map(Instant::from_nanos),
            user_receive: frame.user_receive_ns.map(Instant::from_nanos),
            signal_dbm: narrow(frame.signal_dbm, "signal strength")?,
            way: narrow(frame.afar_peer, "peer of a frame from afar")?.map_or(Way::Air, Way::Afar),
        }),
        Recorded::Fix(fix) => Input::Fix(if fix.valid { Some(decode_fix(&fix)?) } else { None }),
        Recorded::Vehicle(vehicle) => Input::Vehicle(decode_vehicle(&vehicle)?),
        Recorded::Clock(clock) => Input::Clock {
            wire: WireTime::from_micros(clock.wire_us),
            state: match (clock.trusted, clock.holdover) {
                (false, _) => ClockState::Untrusted,
                (true, true) => ClockState::Holdover,
                (true, false) => ClockState::Locked,
            },
        },
        Recorded::Command(command) => Input::Send(SendRequest {
            to: match command.sealed {
                true => Some(decode_recipients(&command.recipients, command.seal_required)?),
                false => None,
            },
            message_type: command.message_type,
            class: u8::try_from(command.deadline_class)
                .ok()
                .and_then(|class| Class::try_from(class).ok())
                .ok_or(RecordError("no such deadline class"))?,
            lifetime_ms: command.lifetime_ms,
            max_hops: u8::try_from(command.max_hops).map_err(|_| RecordError("more than 255 hops"))?,
            area: command.area.as_ref().map(decode_area).transpose()?,
            subject: command.subject,
            due: None,
            token: command.token.map(Token),
            payload: command.payload,
        }),
        Recorded::Hazard(hazard) => {
            Input::Hazard { command: decode_command(&hazard)?, token: hazard.token.map(Token) }
        }
        Recorded::Revocation(recorded) => Input::Revocation(recorded.delta),
        Recorded::Trust(trust) => Input::Trust { roots: trust.roots, issuers: trust.issuers },
        Recorded::Identities(recorded) => {
            let identities = recorded.identities.into_iter().map(decode_identity);
            Input::Identities(identities.collect::<Result<_, _>>()?)
        }
        Recorded::Link(link) => Input::Link { ready: link.ready },
        Recorded::ChannelLoad(load) => Input::ChannelLoad {
            busy_permille: u16::try_from(load.busy_permille).map_err(|_| RecordError("channel load"))?,
            source: if load.estimate { LoadSource::Estimate } else { LoadSource::Survey },
        },
        Recorded::Timeout(_) => Input::Timeout,
    };
    Ok((now, input))
}

const UNKNOWN_KIND: &str = "an input of a kind that this version does not have";

fn encode_fix(fix: &Fix) -> v1::RecordedFix {
    v1::RecordedFix {
        latitude: fix.position.latitude,
        longitude: fix.position.longitude,
        altitude_cm: fix.altitude_cm,
        speed: fix.speed.map(u32::from),
        heading: fix.heading.map(u32::from),
        acceleration: fix.acceleration.map(i32::from),
        yaw_rate: fix.yaw_rate.map(i32::from),
        accuracy_cm: fix.accuracy_cm.map(u32::from),
        fix_time_us: fix.time.as_micros(),
        valid: true,
    }
}

fn decode_fix(fix: &v1::RecordedFix) -> Result<Fix, RecordError> {
    Ok(Fix {
        position: Position::new(fix.latitude, fix.longitude).ok_or(RecordError("position off the globe"))?,
        altitude_cm: fix.altitude_cm,
        speed: narrow(fix.speed, "speed")?,
        heading: narrow(fix.heading, "heading")?,
        acceleration: narrow(fix.acceleration, "acceleration")?,
        yaw_rate: narrow(fix.yaw_rate, "yaw rate")?,
        accuracy_cm: narrow(fix.accuracy_cm, "accuracy")?,
        time: WireTime::from_micros(fix.fix_time_us),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use proptest::prelude::*;
    use v2x_core::{
        EmergencySwitches, EventId, HazardCommand, HazardDraft, HazardRepeat, Recipients, VehicleState,
    };
    use v2x_proto::{AreaView, Digest, Shape};

    fn inputs() -> Vec<Input> {
        let fix = Fix {
            position: Position { latitude: 496_000_000, longitude: -61_300_000 },
            altitude_cm: Some(-5),
            speed: Some(1300),
            heading: Some(3599),
            acceleration: Some(-40),
            yaw_rate: None,
            accuracy_cm: Some(150),
            time: WireTime::from_micros(77),
        };
        let area = AreaView {
            latitude: 1,
            longitude: 2,
            shape: Shape::Ellipse,
            distance_a_m: 300,
            distance_b_m: 100,
            azimuth_deg: 45,
        };
        let id = EventId { origin: Digest([7; 8]), number: 9 };
        let draft = HazardDraft {
            sub_cause: 3,
            position: Some(fix.position),
            speed: Some(900),
            heading: Some(1800),
            quality: Some(7),
            validity: Duration::from_millis(90_500),
            area: Some(area),
            relevance_distance_m: Some(300),
            relevance_direction: v1::RelevanceDirection::Upstream,
            repeat: Some(HazardRepeat { every: Duration::from_secs(1), during: Duration::from_secs(30) }),
            keep_alive: Some(Duration::from_millis(500)),
            ..HazardDraft::new(Class::D3, 2)
        };
        vec![
            Input::Frame(ReceivedFrame {
                bytes: Bytes::from_static(b"frame"),
                link_source: [1, 2, 3, 4, 5, 6],
                kernel_receive: Some(Instant::from_nanos(5)),
                user_receive: None,
                signal_dbm: Some(-85),
                way: Way::Air,
            }),
            Input::Frame(ReceivedFrame {
                bytes: Bytes::from_static(b"frame from afar"),
                link_source: [0; 6],
                kernel_receive: None,
                user_receive: Some(Instant::from_nanos(9)),
                signal_dbm: None,
                way: Way::Afar(u16::MAX),
            }),
            Input::Fix(Some(fix)),
            Input::Fix(None),
            Input::Vehicle(VehicleState::default()),
            Input::Vehicle(VehicleState {
                time: WireTime::from_micros(99),
                speed: Some(u16::MAX),
                acceleration: Some(i16::MIN),
                yaw_rate: Some(-1),
                steering_angle: Some(511),
                controls: Some(0x7f),
                lights: Some(0),
                doors: Some(9),
                emergency: Some(EmergencySwitches { light_bar: true, siren: false }),
            }),
            Input::Clock { wire: WireTime::from_micros(123), state: ClockState::Locked },
            Input::Clock { wire: WireTime::from_micros(124), state: ClockState::Holdover },
            Input::Clock { wire: WireTime::from_micros(125), state: ClockState::Untrusted },
            Input::Send(SendRequest {
                to: Some(Recipients::one(Digest([3; 8]))),
                message_type: 2,
                class: Class::D3,
                lifetime_ms: 60_000,
                max_hops: 10,
                area: Some(area),
                subject: 4,
                due: None,
                token: Some(Token(u64::MAX)),
                payload: Bytes::from_static(b"hazard"),
            }),
            Input::Link { ready: false },
            Input::ChannelLoad { busy_permille: 1000, source: LoadSource::Survey },
            Input::ChannelLoad { busy_permille: u16::MAX, source: LoadSource::Estimate },
            Input::Hazard { command: HazardCommand::New(draft.clone()), token: None },
            Input::Hazard { command: HazardCommand::New(HazardDraft::new(Class::D1, 99)), token: None },
            Input::Hazard { command: HazardCommand::Update(id, draft), token: None },
            Input::Hazard { command: HazardCommand::Cancel(id), token: Some(Token(0)) },
            Input::Hazard { command: HazardCommand::Negate(id), token: None },
            Input::Revocation(Bytes::from_static(b"delta")),
            Input::Identities(vec![NewIdentity {
                credential: Bytes::from_static(b"renewed"),
                starts: SequenceStarts([1, 2, 3, 4, 5, u32::MAX]),
            }]),
            Input::Trust {
                roots: vec![Bytes::from_static(b"root")],
                issuers: vec![Bytes::from_static(b"one"), Bytes::from_static(b"two")],
            },
            Input::Timeout,
        ]
    }

    #[test]
    fn every_input_survives_being_recorded() {
        for input in inputs() {
            let bytes = encode(Instant::from_nanos(42), &input).encode_to_vec();
            let recorded = v1::RecordedInput::decode(Bytes::from(bytes)).unwrap();
            assert_eq!(decode(recorded), Ok((Instant::from_nanos(42), input)));
        }
    }

    #[test]
    fn what_is_written_by_hand_is_what_protobuf_writes() {
        let frames = [None, Some(i8::MIN), Some(-1), Some(0), Some(i8::MAX)].map(|signal_dbm| {
            Input::Frame(ReceivedFrame {
                bytes: Bytes::from(vec![7; if signal_dbm.is_some() { 1400 } else { 0 }]),
                link_source: [1, 2, 3, 4, 5, 6],
                kernel_receive: signal_dbm.map(|_| Instant::ZERO),
                user_receive: Some(Instant::from_nanos(u64::MAX)),
                signal_dbm,
                way: Way::Air,
            })
        });
        for now in [0, 42, u64::MAX].map(Instant::from_nanos) {
            for input in inputs().into_iter().chain(frames.clone()) {
                let record = v1::Record { record: Some(v1::record::Record::Input(encode(now, &input))) };
                let mut bytes = b"before".to_vec();
                write_input(now, &input, &mut bytes);
                assert_eq!(
                    bytes,
                    [b"before", &record.encode_length_delimited_to_vec()[..]].concat(),
                    "{input:?}"
                );
            }
        }
    }

    #[test]
    fn a_record_out_of_range_is_refused_by_name() {
        let mut recorded = encode(Instant::ZERO, &inputs()[1]);
        let Some(v1::recorded_input::Input::Frame(frame)) = &mut recorded.input else { unreachable!() };
        frame.afar_peer = Some(1 << 16);
        assert_eq!(decode(recorded), Err(RecordError("peer of a frame from afar")));
        let mut recorded = encode(Instant::ZERO, &inputs()[2]);
        let Some(v1::recorded_input::Input::Fix(fix)) = &mut recorded.input else { unreachable!() };
        fix.latitude = i32::MAX;
        assert_eq!(decode(recorded), Err(RecordError("position off the globe")));
        let mut recorded =
            encode(Instant::ZERO, &Input::ChannelLoad { busy_permille: 9, source: LoadSource::Survey });
        let Some(v1::recorded_input::Input::ChannelLoad(load)) = &mut recorded.input else { unreachable!() };
        load.busy_permille = 1 << 16;
        assert_eq!(decode(recorded), Err(RecordError("channel load")));
    }

    #[test]
    fn an_input_of_an_unknown_kind_is_refused_by_the_version() {
        // Field 2047, a message: what a later layout might have.
        let recorded =
            v1::RecordedInput::decode(&[0x09, 0, 0, 0, 0, 0, 0, 0, 0, 0xfa, 0x7f, 0x00][..]).unwrap();
        let error = decode(recorded).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("not a record of layout version {VERSION}: an input of a kind")),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(recorded) = v1::RecordedInput::decode(Bytes::from(bytes)) {
                let _either = decode(recorded);
            }
        }
    }
}
