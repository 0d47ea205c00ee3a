//! Frames, credentials and link layers.

use super::source::{named, vectors};
use super::station;
use crate::signer::world;

pub(super) fn frames() -> Vec<(String, Vec<u8>)> {
    let headers = vectors("hop_");
    let short = headers.iter().find(|(name, _)| name == "hop_12").expect("a golden vector");
    let mut frames: Vec<_> = vectors("message_")
        .into_iter()
        .map(|(name, message)| (name, [short.1.as_slice(), &message].concat()))
        .collect();
    let long = headers.iter().find(|(name, _)| name == "hop_20").expect("a golden vector");
    let (name, message) = vectors("message_hazard_new").pop().expect("a golden vector");
    frames.push((format!("forwarded_{name}"), [long.1.as_slice(), &message].concat()));
    // What is refused by its bytes is one change away from what is not.
    frames.extend(vectors("refused_"));
    frames
}

pub(super) fn credentials() -> Vec<(String, Vec<u8>)> {
    let mut credentials = vectors("credential_");
    credentials.push(("root".to_owned(), world().authority.root.to_vec()));
    credentials.push(("station".to_owned(), world().signers[0].credential.to_vec()));
    credentials.push(("revocation".to_owned(), station::revocation(&[1, 2]).to_vec()));
    credentials
}

/// The first byte is the link type's place in `frames::LINK_TYPES`.
pub(super) fn links() -> Vec<(String, Vec<u8>)> {
    let ethernet = [&[0xff; 6][..], &SOURCE].concat();
    let radiotap_full = b"\0\0\x19\0\x03\0\0\x80\0\0\0\0\0\0\0\0\x09\x09\x09\x09\x09\x09\x09\x09\x10";
    named([
        ("ethernet", [b"\0", &ethernet[..], b"\x88\xb5hello"].concat()),
        ("vlan", [b"\0", &ethernet[..], b"\x81\0\0\x07\x88\xb5hello"].concat()),
        ("ieee80211", [b"\x01", &data(false)[..]].concat()),
        ("ieee80211_qos", [b"\x01", &data(true)[..]].concat()),
        ("cooked", [b"\x02\0\x01\0\x01\0\x06", &SOURCE[..], b"\0\0\x88\xb5hello"].concat()),
        ("radiotap", [b"\x03\0\0\x08\0\0\0\0\0", &data(true)[..]].concat()),
        ("radiotap_checksum", [b"\x03", &radiotap_full[..], &data(true), &[1, 2, 3, 4]].concat()),
        ("cooked2", [b"\x04\x88\xb5\0\0\0\0\0\x02\0\x01\x01\x06", &SOURCE[..], b"\0\0hello"].concat()),
    ])
}

/// Frames as monitor interfaces give them: received, sent, for injection, with every kind of word and field.
pub(super) fn radiotaps() -> Vec<(String, Vec<u8>)> {
    let header = |words: &[u32], fields: &[u8]| {
        let words: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let length = (4 + words.len() + fields.len()) as u8;
        [&[0, 0, length, 0][..], &words, fields, &data(true)].concat()
    };
    let received = [7, 0, 0, 0, 0, 0, 0, 0, 0x10, 24, 0x0c, 0x17, 0x40, 0x41, 183, 0, 0, 0];
    let antennas = [216, 206, 0, 196, 1, 0, 0, 0x50, 0xc2, 0, 3, 0, 0xee, 0xee, 0xee, 161];
    let words = [0xa000_0020, 0xa000_0820, 0xc000_0820, 0xafff_ffff, 0x40];
    named([
        ("received", [&header(&[0x482f], &received)[..], &[1, 2, 3, 4]].concat()),
        ("sent", header(&[0x0002_8004], &[24, 0, 1, 0, 3])),
        ("injected", header(&[0x8404], &[24, 20, 0x18, 0])),
        ("antennas_and_vendor", header(&words, &antennas)),
        ("every_field", header(&[0x0fff_ffff], &[0; 140])),
        ("unknown_field", header(&[0x1000_0020], &[196, 1, 2, 3])),
    ])
}

fn data(qos: bool) -> Vec<u8> {
    let mut frame = vec![if qos { 0x88 } else { 0x08 }, 0, 0, 0];
    frame.extend([0xff; 6]);
    frame.extend(SOURCE);
    frame.extend([0xff; 6]);
    frame.extend([0, 0]);
    if qos {
        frame.extend([7, 0]);
    }
    frame.extend(b"\xaa\xaa\x03\0\0\0\x88\xb5hello");
    frame
}

const SOURCE: [u8; 6] = [2, 0, 0, 0, 0, 7];
