//! Captures, recordings, traces and plans.

use testkit::START;
use v2x_core::{Anchor, Config, Instant};
use v2x_recording::record;

use super::source::named;
use super::station;
use crate::files::classic_capture;
use crate::signer::world;

pub(super) fn captures() -> Vec<(String, Vec<u8>)> {
    let frame = b"\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x07\x88\xb5hello";
    let block = |kind: u32, body: &[u8]| {
        let length = (body.len() as u32 + 12).to_le_bytes();
        [&kind.to_le_bytes()[..], &length, body, &length].concat()
    };
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let section = block(0x0a0d_0d0a, &words(&[0x1a2b_3c4d, 1, u32::MAX, u32::MAX]));
    // Ethernet; option 9: times in nanoseconds.
    let interface = block(1, &words(&[1, 0, 0x0001_0009, 9, 0]));
    let packet = block(6, &[words(&[0, 1, 2, 19, 19]), frame.to_vec(), vec![0]].concat());
    let simple = block(3, &[words(&[19]), frame.to_vec(), vec![0]].concat());
    named([("classic", classic_capture(1, frame)), ("pcapng", [section, interface, packet, simple].concat())])
}

pub(super) fn recordings() -> Vec<(String, Vec<u8>)> {
    let world = world();
    let [roots, issuers] = [&world.authority.root, &world.authority.issuer].map(|one| vec![one.clone()]);
    let anchor = Anchor { instant: Instant::ZERO, wire: START };
    let header = record::header("fuzz", &Config::vehicle(), &world.own(false), roots, issuers, 7, anchor);
    let empty = record::start(&header);
    let mut recording = empty.clone();
    for (now, input) in station::inputs() {
        record::write_input(now, &input, &mut recording);
    }
    named([("header", empty), ("inputs", recording)])
}

pub(super) fn traces() -> Vec<(String, Vec<u8>)> {
    named([("xml", XML.to_vec()), ("csv", CSV.to_vec()), ("csv_degrees", CSV_DEGREES.to_vec())])
}

pub(super) fn plans() -> Vec<(String, Vec<u8>)> {
    named([
        ("highway", include_bytes!("../../../replay/plans/flood/highway-20.toml").to_vec()),
        ("grid", include_bytes!("../../../replay/plans/flood/grid.toml").to_vec()),
        ("partition", include_bytes!("../../../replay/plans/flood/partition.toml").to_vec()),
        ("controller", include_bytes!("../../../replay/plans/flood/controller.toml").to_vec()),
        ("forged", include_bytes!("../../../replay/plans/flood/forged-forwarder-60.toml").to_vec()),
        ("insiders", include_bytes!("../../../replay/plans/insiders.toml").to_vec()),
        ("sybil", include_bytes!("../../../replay/plans/sybil.toml").to_vec()),
        ("radio", include_bytes!("../../../replay/plans/radio/highway.toml").to_vec()),
    ])
}

const XML: &[u8] = br#"<?xml version="1.0"?>
<fcd-export>
  <timestep time="0.00"><vehicle id="a" x="1.5" y="-2" angle="90" type="passenger" speed="13.9" pos="1" lane="e_0" slope="0"/>
    <person id="p" x="3" y="4" angle="0" speed="1.2"/></timestep>
  <timestep time="0.10"><vehicle id="a" x="2.9" y="-2" angle="90" speed="13.9"/></timestep>
</fcd-export>
"#;
const CSV: &[u8] = b"timestep_time;vehicle_id;vehicle_x;vehicle_y;vehicle_speed;vehicle_angle;vehicle_type\n\
0.00;a;1.5;-2;13.9;90;passenger\n0.10;a;2.9;-2;13.9;90;passenger\n0.10;b;9;9;0;0;bus\n";
const CSV_DEGREES: &[u8] = b"time;id;lon;lat\n0;a;6.1;49.6\n1;a;6.1;49.6001\n1;b;6.1;149.6\n";
