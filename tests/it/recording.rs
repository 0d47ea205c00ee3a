//! Checks of recordings: a fresh node repeats what was recorded, and a difference is reported with its place.

use core::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use prost::Message as _;
use testkit::craft::read;
use testkit::drive::drain;
use testkit::from_afar;
use v2x_core::{
    Anchor, ChangeRule, ClockState, Config, Fix, HazardCommand, HazardDraft, Input, Instant, LoadSource,
    Node, Output, Pool, Position, PseudonymConfig, ReceivedFrame, VehicleState, Way, WireTime,
};
use v2x_proto::{Class, cause, v1};
use v2x_recording::check::{CheckError, check_bytes};
use v2x_recording::record;
use v2x_replay::identities::{Cast, Part};

const START: WireTime = WireTime::from_secs(700_000_000);
const HERE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };

/// A station and what a recorder wrote of it.
struct Recorded {
    node: Node,
    bytes: Vec<u8>,
    transmitted: Vec<Bytes>,
}

impl Recorded {
    fn new(cast: &Cast, station: u32) -> Self {
        Self::with_pool(cast, cast.identity(station, Part::Vehicle).into(), Config::vehicle())
    }

    fn with_pool(cast: &Cast, pool: Pool, config: Config) -> Self {
        let anchor = Anchor { instant: Instant::from_millis(50), wire: START };
        let header = header(cast, &pool, &config, &anchor);
        let node = Node::new(config, pool, cast.trust().clone(), 5, anchor);
        Self { node, bytes: record::start(&header), transmitted: Vec::new() }
    }

    fn input(&mut self, at_ms: u64, input: Input) {
        let now = Instant::from_millis(at_ms);
        record::write_input(now, &input, &mut self.bytes);
        self.node.handle_input(now, input);
        drain(&mut self.node, |output| {
            record::write_output(&output, &mut self.bytes);
            if let Output::Transmit(frame) = output {
                self.transmitted.push(frame.bytes);
            }
        });
    }
}

fn header(cast: &Cast, pool: &Pool, config: &Config, anchor: &Anchor) -> v1::RecordingHeader {
    let [roots, issuers] = [cast.root(), cast.issuer()].map(|one| vec![one.clone()]);
    record::header("roadcast test", config, pool, roots, issuers, 5, *anchor)
}

fn header_of(recording: &[u8]) -> v1::RecordingHeader {
    v1::RecordingHeader::decode_length_delimited(&recording[record::MAGIC.len()..]).unwrap()
}

/// A fix this many metres east, valid at this time.
fn moving(east: f64, time: WireTime) -> Fix {
    Fix {
        position: HERE.moved(east, 0.0),
        altitude_cm: None,
        speed: Some(1500),
        heading: Some(900),
        acceleration: None,
        yaw_rate: None,
        accuracy_cm: None,
        time,
    }
}

/// Two seconds of a station that moves, sends, hears another and hears nonsense.
fn recording() -> Vec<u8> {
    let cast = Cast::new(1, START, Duration::from_secs(60)).unwrap();
    let mut other = Recorded::new(&cast, 1);
    let mut station = Recorded::new(&cast, 0);
    for recorded in [&mut other, &mut station] {
        recorded.input(60, Input::Clock { wire: START, state: ClockState::Locked });
    }
    for step in 1..20u64 {
        let at = 60 + step * 100;
        for recorded in [&mut other, &mut station] {
            let fix = moving(step as f64 * 1.5, START + Duration::from_millis(step * 100));
            recorded.input(at, Input::Fix(Some(fix)));
            recorded.input(at + 1, Input::Timeout);
        }
        let heard = other.transmitted.drain(..).chain([Bytes::from_static(b"nonsense")]);
        for bytes in heard {
            let frame = ReceivedFrame {
                bytes,
                link_source: [2; 6],
                kernel_receive: None,
                user_receive: None,
                signal_dbm: Some(-70),
                way: Way::Air,
            };
            station.input(at + 2, Input::Frame(frame));
            station.input(at + 2, Input::Timeout);
        }
    }
    assert!(station.transmitted.len() >= 3);
    station.bytes
}

#[test]
fn a_recording_gives_the_same_outputs_again() {
    let bytes = recording();
    let outcome = check_bytes(&bytes, "night").unwrap();
    assert_eq!(outcome.difference, None);
    assert_eq!(outcome.warnings, [""; 0]);
    assert!(outcome.outputs > 30 && outcome.inputs > 60, "{outcome:?}");
    assert_eq!((outcome.software.as_str(), outcome.recorded_ns), ("roadcast test", 1_902_000_000));
}

/// A recording without some of its inputs.
fn without(bytes: &[u8], which: impl Fn(&v1::recorded_input::Input) -> bool) -> Vec<u8> {
    let header_end = record::start(&header_of(bytes)).len();
    let (header, mut rest) = bytes.split_at(header_end);
    let mut kept = header.to_vec();
    while !rest.is_empty() {
        let record = v1::Record::decode_length_delimited(&mut rest).unwrap();
        let input = match &record.record {
            Some(v1::record::Record::Input(recorded)) => recorded.input.as_ref(),
            _ => None,
        };
        if !input.is_some_and(&which) {
            kept.extend(record.encode_length_delimited_to_vec());
        }
    }
    kept
}

#[test]
fn channel_loads_are_recorded_and_decide_again() {
    let cast = Cast::new(1, START, Duration::from_secs(60)).unwrap();
    let mut station = Recorded::new(&cast, 0);
    station.input(60, Input::Clock { wire: START, state: ClockState::Locked });
    for step in 1..50u64 {
        let at_ms = 60 + step * 100;
        let busy_permille = if step < 25 { 900 } else { 100 };
        station.input(at_ms, Input::ChannelLoad { busy_permille, source: LoadSource::Survey });
        let time = START + Duration::from_millis(step * 100);
        station.input(at_ms, Input::Fix(Some(moving(step as f64 * 1.5, time))));
        station.input(at_ms + 1, Input::Timeout);
    }
    let outcome = check_bytes(&station.bytes, "night").unwrap();
    assert_eq!((outcome.difference, outcome.warnings), (None, vec![]));
    // The recording is not the same without them: the credential is shown more often where the channel is quiet.
    let without = without(&station.bytes, |input| matches!(input, v1::recorded_input::Input::ChannelLoad(_)));
    assert!(check_bytes(&without, "night").unwrap().difference.is_some());
}

#[test]
fn frames_from_afar_are_recorded_and_decide_again() {
    let cast = Cast::new(1, START, Duration::from_secs(60)).unwrap();
    let mut far = Recorded::new(&cast, 1);
    let pool: Pool = cast.identity(0, Part::Roadside).into();
    let mut unit = Recorded::with_pool(&cast, pool, Config { from_afar: true, ..Config::roadside() });
    for recorded in [&mut far, &mut unit] {
        recorded.input(60, Input::Clock { wire: START, state: ClockState::Locked });
    }
    for step in 1..40u64 {
        let at = 60 + step * 100;
        for recorded in [&mut far, &mut unit] {
            recorded.input(at, Input::Fix(Some(moving(0.0, START + Duration::from_millis(step * 100)))));
        }
        if step % 10 == 0 {
            let draft = HazardDraft::new(Class::D3, cause::ACCIDENT);
            far.input(at + 1, Input::Hazard { command: HazardCommand::New(draft), token: None });
        }
        far.input(at + 1, Input::Timeout);
        // Beacons too, which are refused.
        for bytes in far.transmitted.drain(..) {
            let Input::Frame(frame) = from_afar(&bytes, 9) else { unreachable!() };
            unit.input(at + 2, Input::Frame(frame));
            unit.input(at + 2, Input::Timeout);
        }
        unit.input(at + 4, Input::Timeout);
    }
    let brought = unit.transmitted.iter().filter(|bytes| read(bytes).0.class == Class::D3);
    assert!(brought.count() >= 3, "it sent what came from afar");
    let outcome = check_bytes(&unit.bytes, "night").unwrap();
    assert_eq!((outcome.difference, outcome.warnings), (None, vec![]));
    let without = without(
        &unit.bytes,
        |input| matches!(input, v1::recorded_input::Input::Frame(frame) if frame.afar_peer == Some(9)),
    );
    assert!(check_bytes(&without, "night").unwrap().difference.is_some());
}

#[test]
fn what_a_vehicle_s_bus_says_is_recorded_and_decides_again() {
    let cast = Cast::new(1, START, Duration::from_secs(60)).unwrap();
    let mut station = Recorded::new(&cast, 0);
    station.input(60, Input::Clock { wire: START, state: ClockState::Locked });
    for step in 1..50u64 {
        let at_ms = 60 + step * 100;
        let time = START + Duration::from_millis(step * 100);
        let speed = Some(step as u16 * 60);
        station.input(at_ms, Input::Vehicle(VehicleState { time, speed, ..VehicleState::default() }));
        station.input(at_ms, Input::Fix(Some(moving(0.0, time))));
        station.input(at_ms + 1, Input::Timeout);
    }
    let outcome = check_bytes(&station.bytes, "night").unwrap();
    assert_eq!((outcome.difference, outcome.warnings), (None, vec![]));
    let without = without(&station.bytes, |input| matches!(input, v1::recorded_input::Input::Vehicle(_)));
    assert!(check_bytes(&without, "night").unwrap().difference.is_some());
}

#[test]
fn a_recording_of_an_older_layout_is_read_as_long_as_it_says_less_and_nothing_else() {
    let bytes = recording();
    let mut header = header_of(&bytes);
    let records = &bytes[record::start(&header).len()..];
    for version in record::OLDEST_VERSION..=record::VERSION {
        header.version = version;
        let older = [&record::start(&header), records].concat();
        assert_eq!(check_bytes(&older, "night").unwrap().difference, None, "layout {version}");
    }
    header.version = record::OLDEST_VERSION - 1;
    let refused = check_bytes(&[&record::start(&header), records].concat(), "night");
    assert!(matches!(refused, Err(CheckError::Version { .. })));
}

#[test]
fn an_input_of_an_unknown_kind_is_refused_by_the_version() {
    let mut bytes = recording();
    let unknown = v1::RecordedInput { now_ns: 1, input: None };
    let record = v1::Record { record: Some(v1::record::Record::Input(unknown)) };
    bytes.extend_from_slice(&record.encode_length_delimited_to_vec());
    let error = check_bytes(&bytes, "night").unwrap_err().to_string();
    let wanted = format!("not a record of layout version {}: an input of a kind", record::VERSION);
    assert!(error.contains(&wanted) && !error.contains('\n'), "{error}");
}

#[test]
fn a_changed_output_is_shown_in_words_with_the_input_before_it() {
    let mut bytes = recording();
    let place = bytes.windows(2).rposition(|pair| pair == [3, 0]).unwrap();
    // The last entry is a dropped frame: tag 3, then the reason.
    bytes[place + 1] = 2;
    let outcome = check_bytes(&bytes, "night").unwrap();
    let shown = outcome.difference.unwrap().to_string();
    assert!(shown.contains("after input: a frame of 8 bytes from 02:02:02:02:02:02"), "{shown}");
    assert!(shown.contains("recorded:    dropped bad_version"), "{shown}");
    assert!(shown.contains("found:       dropped truncated"), "{shown}");
}

#[test]
fn a_signature_that_does_not_hold_is_a_difference() {
    let mut bytes = recording();
    let outcome = check_bytes(&bytes, "night").unwrap();
    // Flip a bit of the station's first signature: in the envelope, field 2 with 64 bytes.
    let mut rest = &bytes[record::MAGIC.len()..];
    let length = prost::decode_length_delimiter(&mut rest).unwrap();
    let records = bytes.len() - rest.len() + length;
    let place = bytes[records..].windows(2).position(|pair| pair == [0x12, 64]).unwrap() + records;
    bytes[place + 20] ^= 1;
    let found = check_bytes(&bytes, "night").unwrap();
    assert!(found.outputs < outcome.outputs);
    let shown = found.difference.unwrap().to_string();
    assert!(shown.contains("signature does not hold"), "{shown}");
}

#[test]
fn a_recording_cut_anywhere_is_checked_up_to_there() {
    let bytes = recording();
    let whole = check_bytes(&bytes, "night").unwrap();
    let mut cut_short = 0;
    for len in (bytes.len() / 2..bytes.len()).step_by(97) {
        let outcome = check_bytes(&bytes[..len], "night").unwrap();
        assert_eq!(outcome.difference, None);
        assert!(outcome.outputs <= whole.outputs);
        cut_short += usize::from(outcome.warnings.iter().any(|warning| warning.contains("breaks off")));
    }
    assert!(cut_short > 10);
    assert!(matches!(check_bytes(&bytes[..40], "night"), Err(CheckError::NoHeader { .. })));
    assert!(matches!(check_bytes(&bytes[..5], "night"), Err(CheckError::NotARecording { .. })));
}

#[test]
fn another_layout_is_refused_naming_both_versions() {
    let header = v1::RecordingHeader {
        version: record::VERSION + 1,
        software: "roadcast 9.9".to_owned(),
        ..Default::default()
    };
    let error = check_bytes(&record::start(&header), "night.rec").unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "night.rec: has layout version {} (written by roadcast 9.9), this is for versions {} to {}; \
             check it with the software that wrote it",
            record::VERSION + 1,
            record::OLDEST_VERSION,
            record::VERSION
        )
    );
}

#[test]
fn a_record_that_is_none_is_named_with_its_place() {
    let mut bytes = recording();
    let before = bytes.len();
    bytes.extend_from_slice(&v1::Record { record: None }.encode_length_delimited_to_vec());
    let error = check_bytes(&bytes, "night").unwrap_err().to_string();
    assert!(error.contains(&format!("at byte {before}: neither an input nor an output")), "{error}");
    let mut bytes = recording();
    bytes.extend_from_slice(&[0xff; 20]);
    let error = check_bytes(&bytes, "night").unwrap_err().to_string();
    assert!(error.contains(&format!("longer than the {} bytes", record::MAX_RECORD)), "{error}");
}

#[test]
fn a_header_that_describes_no_station_says_why() {
    let header =
        v1::RecordingHeader { version: record::VERSION, config_json: "{}".to_owned(), ..Default::default() };
    let error = check_bytes(&record::start(&header), "night").unwrap_err().to_string();
    assert!(error.contains("night: header: the configuration does not read"), "{error}");
    let config_json = serde_json::to_string(&Config::vehicle()).unwrap();
    let header = v1::RecordingHeader { version: record::VERSION, config_json, ..Default::default() };
    let error = check_bytes(&record::start(&header), "night").unwrap_err().to_string();
    assert!(error.contains("no root credential is pinned"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_refused_or_checked(tail in proptest::collection::vec(any::<u8>(), 0..300)) {
        let either = check_bytes(&tail, "noise");
        prop_assert!(either.is_err());
        let after_magic = [record::MAGIC.as_slice(), &tail].concat();
        let either = check_bytes(&after_magic, "noise");
        prop_assert!(either.is_err());
    }

    #[test]
    fn a_damaged_recording_never_panics(flips in proptest::collection::vec((any::<prop::sample::Index>(), 1..=255u8), 1..4)) {
        let mut bytes = recording();
        for (place, mask) in flips {
            let place = place.index(bytes.len());
            bytes[place] ^= mask;
        }
        let _either = check_bytes(&bytes, "damaged");
    }
}

#[test]
fn changes_of_pseudonym_are_repeated() {
    let cast = Cast::new(9, START, Duration::from_secs(600)).unwrap();
    let change = ChangeRule::Every(Duration::from_secs(10));
    let pseudonym = PseudonymConfig { change, silence: Duration::from_millis(500) };
    let config = Config { pseudonym, ..Config::vehicle() };
    let mut station =
        Recorded::with_pool(&cast, cast.pool((1, 0), Part::Vehicle, 8, &|signer| signer), config);
    station.input(50, Input::Clock { wire: START, state: ClockState::Locked });
    for at_ms in (100..60_000).step_by(50) {
        let fix = moving(at_ms as f64 * 0.015, START + Duration::from_millis(at_ms - 50));
        station.input(at_ms, Input::Fix(Some(fix)));
        station.input(at_ms, Input::Timeout);
    }
    let signers: std::collections::BTreeSet<_> =
        station.transmitted.iter().map(|frame| v2x_proto::hop::parse(frame).unwrap().0.forwarder).collect();
    assert!(signers.len() >= 4, "{signers:?}");
    let outcome = check_bytes(&station.bytes, "night.rec").unwrap();
    assert_eq!(outcome.difference, None);
    assert!(outcome.outputs > 200);
}
