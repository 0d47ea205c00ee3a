//! Captures: `roadcast dump` of a file.

use std::io::Read;
use std::path::Path;

use v2x_node::config::CredentialFiles;
use v2x_node::key_files::load_identity;
use v2x_proto::envelope::{SignerRef, TbsRepr, encode_signed};
use v2x_proto::hop::{Flags, HopHeader, Kind};
use v2x_proto::{Class, v1};

use super::*;

#[test]
fn a_capture_is_decoded_line_by_line_and_verified() {
    let scratch = Scratch::with_keys("dump");
    let good = frame(&scratch.0);
    let bad = &good[..40];
    fs::write(scratch.0.join("a.pcapng"), pcapng(&[&good, bad])).unwrap();
    let plain = scratch.good(&["dump", "a.pcapng"]);
    assert_eq!(plain.lines().count(), 2, "{plain}");
    assert!(plain.lines().next().unwrap().contains(" D2 awareness "), "{plain}");
    assert!(plain.lines().nth(1).unwrap().contains("undecodable at byte 12 of 46"), "{plain}");
    let trust = ["--root", "keys/root.cred", "--issuer", "keys/issuer.cred"];
    let verified = scratch.good(&[&["dump", "a.pcapng", "--count", "1"], &trust[..]].concat());
    assert_eq!(verified.lines().count(), 1, "{verified}");
    assert!(verified.contains(" verified | passenger car"), "{verified}");
    let json = scratch.good(&[&["dump", "a.pcapng", "--json"], &trust[..]].concat());
    let first: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(first["signature"], "valid");
    assert_eq!(first["link_source"], "02:00:00:00:00:07");
}

#[test]
fn a_capture_that_breaks_off_keeps_what_came_before() {
    let scratch = Scratch::with_keys("cut");
    let good = frame(&scratch.0);
    let whole = pcapng(&[&good, &good]);
    fs::write(scratch.0.join("cut.pcapng"), &whole[..whole.len() - 30]).unwrap();
    let said = scratch.run(&["dump", "cut.pcapng"]);
    assert_eq!((said.code, said.out.lines().count()), (0, 1), "{}", said.err);
    assert!(said.err.contains("cut.pcapng: breaks off"), "{}", said.err);
}

#[test]
fn a_reader_that_leaves_ends_the_dump_quietly() {
    let scratch = Scratch::with_keys("pipe");
    let good = frame(&scratch.0);
    // Far more than a pipe and the program's own buffer hold.
    fs::write(scratch.0.join("a.pcapng"), pcapng(&vec![good.as_slice(); 5000])).unwrap();
    let mut dump = scratch.command(&["dump", "a.pcapng"]);
    let mut dump = dump.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(dump.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("awareness"), "{first}");
    let mut complaint = String::new();
    dump.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert_eq!((dump.wait().unwrap().code(), complaint.as_str()), (Some(0), ""));
}

/// A frame signed by car-1 of the scratch directory.
fn frame(scratch: &Path) -> Vec<u8> {
    let path = |name: &str| scratch.join("keys").join(name);
    let files = CredentialFiles { credential: path("car-1.cred"), key: path("car-1.key") };
    let mut identity = load_identity(&files).unwrap();
    let awareness =
        v1::Awareness { station_type: v1::StationType::PassengerCar as i32, ..v1::Awareness::default() };
    let mut payload = Vec::new();
    v2x_proto::payload::Message::Awareness(awareness).encode(&mut payload);
    let fields = TbsRepr {
        message_type: v1::MessageType::Awareness as u32,
        generation_time_us: identity.valid_from().as_micros() + 1,
        sequence: 1,
        latitude: 1,
        longitude: 2,
        class: Class::D2,
        lifetime_ms: 1000,
        max_hops: 1,
        area: None,
        credential_requests: &[],
        payload: &payload,
    };
    let mut tbs = Vec::new();
    fields.encode(&mut tbs);
    let signature = identity.sign(&tbs);
    let header = HopHeader {
        kind: Kind::Data,
        flags: Flags::default(),
        remaining_hops: 1,
        class: Class::D2,
        forwarder: identity.digest(),
        forwarder_position: None,
    };
    let mut frame = Vec::new();
    header.encode(&mut frame);
    encode_signed(&mut frame, &tbs, &signature, SignerRef::Credential(identity.credential()));
    frame
}

/// The smallest pcapng that holds `frames` on an Ethernet link, each padded to Ethernet's shortest.
fn pcapng(frames: &[&[u8]]) -> Vec<u8> {
    let mut file = Vec::new();
    block(&mut file, 0x0A0D_0D0A, &[&0x1A2B_3C4D_u32.to_le_bytes(), &[1, 0, 0, 0], &[0xff; 8]]);
    block(&mut file, 1, &[&1_u16.to_le_bytes(), &[0; 2], &[0; 4]]);
    for frame in frames {
        let mut packet = vec![0xff; 6];
        packet.extend_from_slice(&[2, 0, 0, 0, 0, 7, 0x88, 0xB5]);
        packet.extend_from_slice(frame);
        packet.resize(packet.len().max(60), 0);
        let len = u32::try_from(packet.len()).unwrap().to_le_bytes();
        packet.resize(packet.len().next_multiple_of(4), 0);
        block(&mut file, 6, &[&[0; 12], &len, &len, &packet]);
    }
    file
}

fn block(file: &mut Vec<u8>, kind: u32, parts: &[&[u8]]) {
    let body = parts.concat();
    let len = u32::try_from(body.len() + 12).unwrap().to_le_bytes();
    for part in [&kind.to_le_bytes()[..], &len, &body, &len] {
        file.extend_from_slice(part);
    }
}
