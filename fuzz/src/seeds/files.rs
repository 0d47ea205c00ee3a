//! Captures, recordings, traces and plans.

use testkit::START;
use v2x_core::{Anchor, Config, Instant};
use v2x_recording::record;
use v2x_tables::{Column, ColumnKind, TableWriter};

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
    named([
        ("xml", XML.to_vec()),
        ("csv", CSV.to_vec()),
        ("csv_degrees", CSV_DEGREES.to_vec()),
        ("csv_signals", CSV_SIGNALS.to_vec()),
        ("gpx", GPX.to_vec()),
        ("ns2", NS2.to_vec()),
        ("parquet", parquet(["time", "id", "x", "y", "speed"], 1.0)),
    ])
}

/// Two vehicles as a table of Parquet by our own writer. The columns are time, name, x, y and speed in the order of `names`; one has a
/// null, and times are `step` apart.
fn parquet(names: [&str; 5], step: f64) -> Vec<u8> {
    let [time, id, x, y, speed] = names;
    let columns = [
        Column::new(time, ColumnKind::Real, "", "when"),
        Column::new(id, ColumnKind::Text, "", "who"),
        Column::new(x, ColumnKind::Spread, "m", "east"),
        Column::new(y, ColumnKind::Integer, "m", "north"),
        Column::new(speed, ColumnKind::Real, "m/s", "how fast").or_null(),
    ];
    let mut bytes = Vec::new();
    let mut table = TableWriter::new(&columns, &mut bytes).expect("memory can be written to");
    for (name, y, speed) in [("a", -2, Some(13.9)), ("b", 9, None)] {
        let name = table.text(name);
        for number in 0..20 {
            let at = f64::from(number);
            table.row().real(at * step).text(name).real(1.5 + 13.9 * at).integer(y).real(speed).end();
        }
    }
    table.finish(Vec::new()).expect("memory can be written to");
    bytes
}

pub(super) fn mapped() -> Vec<(String, Vec<u8>)> {
    let own = include_bytes!("../../../replay/mappings/highd.toml");
    named([
        ("ngsim", [&b"\x00"[..], NGSIM].concat()),
        ("highd", [&b"\x01"[..], HIGHD].concat()),
        ("ind", [&b"\x02"[..], IND].concat()),
        ("pneuma", [&b"\x03"[..], PNEUMA].concat()),
        ("own", [own, &b"\0"[..], HIGHD].concat()),
        ("net", [&b"\x00"[..], NET].concat()),
        ("parquet", [OWN, &b"\0"[..], &parquet(["frame", "track", "east", "north", "pace"], 2.0)].concat()),
    ])
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
        ("mapping", include_bytes!("../../../replay/mappings/pneuma.toml").to_vec()),
        ("kinds", KINDS.to_vec()),
        ("intervals", b"interval_s,weight\n0.2,150\n0.5,420\n1.0,120\n".to_vec()),
        ("trace", TRACE.to_vec()),
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
const CSV_SIGNALS: &[u8] = b"time,id,x,y,speed,signals,length,width,tag\n\
0,a,1000,5,13,8,4.5,1.8,vehicle\n1,a,1013,5,12,2048,4.5,1.8,vehicle\n1,a,3,4,1,,,,person\n";
const GPX: &[u8] = br#"<gpx version="1.1"><trk><name>bus</name><trkseg>
<trkpt lat="49.6" lon="6.13"><time>2026-11-30T14:30:00Z</time></trkpt>
<trkpt lat="49.6" lon="6.14"><time>2026-11-30T15:30:01.5+01:00</time><speed>9.5</speed><course>90</course></trkpt>
</trkseg></trk></gpx>
"#;
const NS2: &[u8] = b"# nodes: 2\n$node_(0) set X_ 10.0\n$node_(0) set Y_ 5\n$node_(1) set X_ 7\n\
$ns_ at 2.0 \"$node_(0) setdest 40.0 5.0 10.0\"\n$ns_ at 4 \"$node_(0) setdest 40 -5 5\"\n";
const NGSIM: &[u8] = b"Vehicle_ID,Global_Time,Local_X,Local_Y,v_length,v_Width,v_Class,v_Vel,v_Acc\n\
2,1118846980200,16.5,100,15,5,2,40,-2\n2,1118846980300,16.5,104,15,5,2,40,-2\n9,1118846980300,28,303,60,8,3,30,0\n";
const HIGHD: &[u8] = b"frame,id,x,y,width,height,xVelocity,yVelocity,xAcceleration,yAcceleration\n\
25,1,100,10,4.5,2.0,30,0,0.5,0\n25,7,200,20,12,2.5,-20,2,-1,0\n26,1,101.2,10,4.5,2.0,30,0,0.5,0\n";
const IND: &[u8] =
    b"trackId,frame,xCenter,yCenter,heading,width,length,xVelocity,yVelocity,lonAcceleration\n\
3,0,40,-30,90,1.8,4.6,0,10,1\n3,1,40,-29.6,90,1.8,4.6,0,10,1\n8,0,50,-30,185.5,0,0,-1.5,-0.1,0\n";
const PNEUMA: &[u8] = b"track_id; type; traveled_d; avg_speed; lat; lon; speed; lon_acc; lat_acc; time\n\
1; Car; 48.8; 9.7; 37.97; 23.73; 36; 0.05; -0.04; 0.00; 37.97; 23.74; 36; 0.05; -0.04; 0.10; \n";
const OWN: &[u8] =
    b"[columns]\ntime = \"frame\"\nid = \"track\"\nx = \"east\"\ny = \"north\"\nspeed = \"pace\"\n\
[units]\ntime = \"frames\"\nframes_per_s = 2\nspeed = \"km/h\"\n";
const NET: &[u8] = br#"<net version="1.20"><location netOffset="-292000,-5498000" convBoundary="0,0,2000,3000" origBoundary="6.1,49.5,6.2,49.7" projParameter="+proj=utm +zone=32 +ellps=WGS84"/></net>"#;
const KINDS: &[u8] = b"[[kind]]\nid = \"flow_7.*\"\nis = \"emergency\"\n[[kind]]\ntype = \"ICE?\"\nlonger_than_m = 20\nis = \"train\"\nlength_m = 102.2\n";
const TRACE: &[u8] = b"[scenario]\nkind = \"trace\"\nfile = \"town.fcd.csv.gz\"\nnet = \"town.net.xml\"\nonly = \"@equipped.txt\"\n\
only_kinds = [\"bus\", \"tram\"]\nshare = 12.5\nshare_seed = 3\nkinds = \"kinds.toml\"\nfrom = 30\nto = 60.5\ntolerate = 2\nmax_samples = 100000\n\
polygons = \"town.poly.xml\"\npolygon_types = [\"building*\"]\n[medium]\nkind = \"radio\"\nprofile = \"urban\"\n";
