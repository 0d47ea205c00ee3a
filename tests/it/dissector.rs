//! Wireshark's dissector (`examples/wireshark/roadcast.lua`) as tshark runs it: every field of every message, by its name.
//!
//! `tests/wireshark/check-capture` judges the captures. Without tshark or python3 on this machine the tests skip it;
//! `.ci/run` installs them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};
use std::{fs, io};

use fields::Filler;
use protox::prost_reflect::DescriptorPool;
use radio_adapters::mem::MemHub;
use radio_adapters::tap::{Tap, TapLink};
use radio_adapters::{AccessCategory, LinkAddress, Radio as _, TxFrame};
use v2x_proto::Class;
use v2x_proto::Digest;
use v2x_proto::envelope::MAX_FRAME;
use v2x_proto::hop::{Flags, HopHeader, Kind};

use crate::generated;

mod fields;

#[test]
fn every_field_of_every_message_has_its_name_and_value_in_a_capture_that_a_tap_wrote() {
    let frames = every_message();
    let capture = file("tapped.pcapng");
    tapped(&capture, frames.iter().map(|frame| &frame.bytes));
    shows(&capture, &frames);
}

#[test]
fn a_monitor_s_capture_of_qos_data_frames_shows_the_same() {
    let frames = every_message();
    let monitored: Vec<Vec<u8>> = frames.iter().map(|frame| monitored(&frame.bytes)).collect();
    let capture = file("monitored.pcapng");
    fs::write(&capture, pcapng(LINKTYPE_IEEE802_11_RADIOTAP, &monitored)).unwrap();
    shows(&capture, &frames);
}

// DIX 802.3: a short frame is padded, and a card may hand the check sequence over.
#[test]
fn what_a_link_puts_behind_a_message_is_no_part_of_it() {
    let frames = every_message();
    let mut padded = frames[0].clone();
    padded.bytes.extend([0xde, 0xad, 0xbe, 0xef]);
    let behind = ["roadcast.behind".to_owned(), "de:ad:be:ef".to_owned()];
    let header = padded.fields.iter().take_while(|[name, _]| name.starts_with("roadcast.")).count();
    padded.fields.insert(header, behind);
    let capture = file("padded.pcapng");
    tapped(&capture, [&padded.bytes]);
    shows(&capture, &[padded]);
}

#[test]
fn what_has_no_name_or_is_cut_is_told_with_its_frame() {
    let good = &every_message()[0];
    let (header, tbs) = (&good.bytes[..HEADER_LEN], [8, 37, 0x30, 2]);
    let signed = |tbs: &[u8], payload: &[u8]| {
        let payload = [&[0x5a, payload.len() as u8], payload].concat();
        let tbs = [tbs, &payload].concat();
        [header, &[0x0a, tbs.len() as u8], &tbs, &[0x12, 1, 0, 0x1a, 1, 0]].concat()
    };
    let mut other_version = good.bytes.clone();
    other_version[0] = 0x20;
    let cases = [
        (good.bytes.clone(), None),
        (
            signed(&[&tbs[..], &[0x78, 5]].concat(), &[0x10, 1]),
            Some("a field without a name, ToBeSigned.deadline_class"),
        ),
        (signed(&tbs, &[0x10, 1, 0x7a, 1, 0]), Some("a field without a name, Echo.reply before it")),
        (signed(&tbs, &[0x10]), Some("Failed to parse value field")),
        (signed(&[8, 63, 0x30, 2], &[1]), Some("ToBeSigned.type: 63 has no name")),
        (signed(&[8, 1, 0x30, 2], &[8, 99]), Some("Awareness.station_type: 99 has no name")),
        (good.bytes[..HEADER_LEN - 1].to_vec(), Some("Shorter than its hop header")),
        (good.bytes[..HEADER_LEN + 40].to_vec(), Some("Malformed Packet")),
        (other_version, Some("Another version of the format")),
    ];
    let capture = file("faulty.pcapng");
    tapped(&capture, cases.iter().map(|(bytes, _)| bytes));
    let Some(output) = check(&capture, &["--expect", "Awareness,Vru"]) else { return };
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for (number, (_, fault)) in (1..).zip(&cases) {
        let frame = format!("frame {number}: ");
        let found: Vec<&str> = said.lines().filter(|line| line.contains(&frame)).collect();
        assert_eq!(found.is_empty(), fault.is_none(), "{frame}{said}");
        assert!(
            fault.is_none_or(|fault| found.iter().any(|line| line.contains(fault))),
            "{fault:?} in {said}"
        );
    }
    assert!(said.ends_with("no message Vru\n"), "{said}");
}

/// A frame, and what tshark has to show of it: names and values in their order.
#[derive(Clone, Debug)]
struct Frame {
    bytes: Vec<u8>,
    fields: Vec<[String; 2]>,
}

/// Two frames of each type, with all fields: one that names its signer by digest, and one with the credential.
fn every_message() -> Vec<Frame> {
    let pool = generated::pool(&root().join("proto/schema"));
    let mut frames = Vec::new();
    for (name, _) in generated::payloads(&pool) {
        for signer in ["digest", "credential"] {
            frames.push(frame(&pool, &name, signer));
        }
    }
    let shown: BTreeSet<&str> =
        frames.iter().flat_map(|frame| &frame.fields).map(|[name, _]| &**name).collect();
    let missing: Vec<String> = fields::on_air(&pool).filter(|name| !shown.contains(&**name)).collect();
    assert!(missing.is_empty(), "no frame has {missing:?}");
    frames
}

fn frame(pool: &DescriptorPool, payload: &str, signer: &'static str) -> Frame {
    let message = Filler::new(pool, payload, signer).message("SignedMessage");
    let header = HopHeader {
        kind: Kind::Management,
        flags: Flags { multi_hop: true, store_carry_forward: false, keep_alive: true, test: false },
        remaining_hops: 9,
        class: Class::D3,
        forwarder: Digest([1, 2, 3, 4, 5, 6, 7, 0xff]),
        forwarder_position: (signer == "digest").then_some((-338_567_844, 1_512_152_967)),
    };
    let mut bytes = vec![0; header.len()];
    header.emit(&mut bytes);
    bytes.extend(fields::encoded(&message));
    assert!(bytes.len() <= MAX_FRAME, "{payload}: {} bytes", bytes.len());
    let with_position = header.forwarder_position.is_some();
    let mut shown: Vec<[String; 2]> = [
        ("version", "1"),
        ("kind", "management (1)"),
        ("flags", if with_position { "0x0d" } else { "0x05" }),
        ("flags.multi_hop", "1"),
        ("flags.carried", "0"),
        ("flags.keep_alive", "1"),
        ("flags.has_position", if with_position { "1" } else { "0" }),
        ("flags.test", "0"),
        ("hops", "9"),
        ("class", "3"),
        ("forwarder", "01:02:03:04:05:06:07:ff"),
    ]
    .map(|(name, value)| [format!("roadcast.{name}"), value.to_owned()])
    .into();
    if with_position {
        shown.push(["roadcast.latitude".to_owned(), "-33.8567844".to_owned()]);
        shown.push(["roadcast.longitude".to_owned(), "151.2152967".to_owned()]);
    }
    fields::shown(&message, &mut shown);
    Frame { bytes, fields: shown }
}

/// Writes the frames as a tap does that is around a station's radio.
fn tapped<'a>(capture: &Path, frames: impl IntoIterator<Item = &'a Vec<u8>>) {
    let radio = MemHub::new().join(LinkAddress([2, 0, 0, 0, 0, 1]));
    let (mut tap, mut watch) =
        Tap::create(radio, &TapLink::new("mem"), capture, Box::new(|said| panic!("{said}"))).unwrap();
    for frame in frames {
        let mut cx = Context::from_waker(Waker::noop());
        assert!(tap.poll_send(&mut cx, &TxFrame::new(frame, AccessCategory::BestEffort)).is_ready());
    }
    watch.end();
    assert!(watch.wait(Instant::now() + Duration::from_secs(60)), "the capture did not come to its end");
}

/// A frame as a monitor interface of mac80211 has it: radiotap, and a data frame of 802.11 with QoS, user priority 5.
fn monitored(frame: &[u8]) -> Vec<u8> {
    // Time, flags, rate, channel, signal, antenna and flags of the receiver are there; the time's low byte, 6 Mb/s, 5900 MHz, -30 dBm.
    let radiotap =
        [0, 0, 26, 0, 0x2f, 0x48, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 12, 0x0c, 0x17, 0x40, 1, 0xe2, 0, 0, 0];
    let (control, everybody, source) = ([0x88, 0, 0, 0], [0xff; 6], [2, 0, 0, 0, 0, 1]);
    let (sequence, qos, snap) = ([0x10, 0], [5, 0], [0xaa, 0xaa, 3, 0, 0, 0, 0x88, 0xb5]);
    [&radiotap[..], &control, &everybody, &source, &everybody, &sequence, &qos, &snap, frame].concat()
}

/// A capture of one interface (draft-ietf-opsawg-pcapng).
fn pcapng(link_type: u32, frames: &[Vec<u8>]) -> Vec<u8> {
    let block = |kind: u32, body: &[u8]| {
        let padded = body.len().next_multiple_of(4);
        let length = (padded as u32 + 12).to_le_bytes();
        [&kind.to_le_bytes()[..], &length, body, &vec![0; padded - body.len()], &length].concat()
    };
    let section = [&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
    let interface = [link_type.to_le_bytes(), [0; 4]].concat();
    let mut capture = [block(0x0a0d_0d0a, &section), block(1, &interface)].concat();
    for (number, frame) in (0_u32..).zip(frames) {
        let length = (frame.len() as u32).to_le_bytes();
        let head = [[0; 4], [0; 4], number.to_le_bytes(), length, length].concat();
        capture.extend(block(6, &[&head, &frame[..]].concat()));
    }
    capture
}

/// The capture holds these frames, and tshark shows all of their fields.
fn shows(capture: &Path, frames: &[Frame]) {
    let lines: Vec<String> =
        frames.iter().map(|frame| serde_json::to_string(&frame.fields).unwrap() + "\n").collect();
    let expected = capture.with_extension("jsonl");
    fs::write(&expected, lines.concat()).unwrap();
    let Some(output) = check(capture, &["--fields", expected.to_str().unwrap()]) else { return };
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.starts_with(&format!("{} frames of Roadcast: ", frames.len())), "{said}");
}

/// What `check-capture` says of a capture; `None` where the machine lacks what it needs.
fn check(capture: &Path, options: &[&str]) -> Option<Output> {
    for program in ["tshark", "python3"] {
        match Command::new(program).arg("--version").output() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                eprintln!("skipped: no {program} on this machine");
                return None;
            }
            found => drop(found.unwrap()),
        }
    }
    let script = root().join("tests/wireshark/check-capture");
    Some(Command::new("python3").arg(script).arg(capture).args(options).output().unwrap())
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("dissector-{name}"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

const HEADER_LEN: usize = 20;
const LINKTYPE_IEEE802_11_RADIOTAP: u32 = 127;
