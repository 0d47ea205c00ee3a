//! Lines and streams.

use prost::Message as _;
use v2x_apps::roadside::rtcm::crc24q;
use v2x_node::daemon::timekeeper::tracking;
use v2x_proto::v1::control_request::Request;
use v2x_proto::v1::{AfarFrame, ControlRequest};

use super::source::named;

pub(super) fn control() -> Vec<(String, Vec<u8>)> {
    named([
        ("status", br#"{"v":1,"station":"status"}"#.to_vec()),
        ("list", br#"{"hazard":"list"}"#.to_vec()),
        ("watch", br#"{"hazard":"watch"}"#.to_vec()),
        ("cancel", br#"{"hazard":"cancel","event":"0011223344556677/1"}"#.to_vec()),
        ("negate", br#"{"hazard":"negate","event":"0011223344556677/4294967295"}"#.to_vec()),
        ("new", NEW.to_vec()),
        ("update", br#"{"hazard":"update","event":"0011223344556677/1","here":true,"quality":7}"#.to_vec()),
        (
            "priority",
            br#"{"priority":"request","intersection":18,"region":3,"role":"emergency","egress_lane":2}"#
                .to_vec(),
        ),
        ("answer", ANSWER.to_vec()),
    ])
}

/// The first byte is the length of the pieces.
pub(super) fn control_stream() -> Vec<(String, Vec<u8>)> {
    let encoded = |request| ControlRequest { request: Some(request) }.encode_length_delimited_to_vec();
    let json = |text: &str| encoded(Request::Json(text.to_owned()));
    let afar =
        |peer| encoded(Request::Afar(AfarFrame { frame: b"\x10\x01\x09\x03\x00".to_vec().into(), peer }));
    let lines = b"{\"hazard\":\"list\"}\r\n\n{\"station\":\"status\"}";
    named([
        ("lines", [b"\x05", &lines[..]].concat()),
        (
            "protobuf",
            [b"\x09", PROTOBUF, &json(r#"{"messages":"watch","own":true}"#), &afar(7), &afar(65_536)]
                .concat(),
        ),
        ("cut", [b"\x40", PROTOBUF, &afar(7)[..4]].concat()),
        ("none", [b"\x40", PROTOBUF, &[2, 0x0a, 5][..]].concat()),
    ])
}

pub(super) fn feed() -> Vec<(String, Vec<u8>)> {
    named([
        ("state", STATE.to_vec()),
        ("answers", ANSWERS.to_vec()),
        ("least", br#"{"intersection":1,"groups":[{"group":1,"phase":"dark"}]}"#.to_vec()),
    ])
}

pub(super) fn clock() -> Vec<(String, Vec<u8>)> {
    let request = tracking::request(1);
    let mut answer = request;
    // An answer's type, its kind, and the sequence number where answers have it.
    answer[1] = 2;
    answer[7] = 5;
    answer[8..12].fill(0);
    answer[19] = 1;
    // Following 192.0.2.1, measured in 2026, skew 0.25 ppm, root delay 4 ms or so.
    answer[28..32].copy_from_slice(&[192, 0, 2, 1]);
    answer[56..64].copy_from_slice(&1_795_986_223_u64.to_be_bytes());
    answer[88..92].copy_from_slice(&0x0080_0000_u32.to_be_bytes());
    answer[92..96].copy_from_slice(&0xf283_126f_u32.to_be_bytes());
    let mut lost = answer;
    lost[55] = 3;
    let mut refused = answer;
    refused[9] = 18;
    named([
        ("follows", answer.to_vec()),
        ("lost", lost.to_vec()),
        ("refused", refused[..28].to_vec()),
        ("request", request.to_vec()),
    ])
}

pub(super) fn positions() -> Vec<(String, Vec<u8>)> {
    let rmc = sentence("GPRMC,225446.33,A,4916.45,N,12311.12,W,000.5,054.7,191126,020.3,E,A");
    let gga = sentence("GPGGA,225446.33,4916.45,N,12311.12,W,1,08,0.9,100.5,M,-17.0,M,,");
    named([
        ("rmc_gga", format!("{gga}\r\n{rmc}\r\n").into_bytes()),
        ("gga_alone", format!("{gga}\n{gga}\n{gga}\n").into_bytes()),
        ("void", sentence("GPRMC,225446,V,,,,,,,191126,,,N").into_bytes()),
        (
            "vtg_gsa",
            [sentence("GPVTG,054.7,T,,M,000.5,N,,K,A"), sentence("GPGSA,A,3,04,05,,,,,,,,,,,2.5,1.3,2.1")]
                .join("\n")
                .into_bytes(),
        ),
        ("gpsd", TPV.to_vec()),
    ])
}

/// The first byte is the length of the pieces.
pub(super) fn corrections() -> Vec<(String, Vec<u8>)> {
    let example = framed(b"\x3e\xd7\xd3\x02\x02\x98\x0e\xde\xef\x34\xb4\xbd\x62\xac\x09\x41\x98\x6f\x33");
    let chunk = [format!("{:x}\r\n", example.len()).as_bytes(), &example, b"\r\n"].concat();
    let chunked: &[u8] = b"HTTP/1.1 200 OK\r\nNtrip-Version: Ntrip/2.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    named([
        ("rtcm", [b"\x07", &example[..], b"noise", &example].concat()),
        ("icy", [b"\x40", &b"ICY 200 OK\r\n"[..], &example].concat()),
        ("chunked", [b"\x0b", chunked, &chunk, b"3;x=1\r\nabc\r\n0\r\n\r\n"].concat()),
        ("unauthorized", b"\xffHTTP/1.1 401 Unauthorized\r\n\r\n".to_vec()),
        ("sourcetable", b"\xffSOURCETABLE 200 OK\r\n".to_vec()),
    ])
}

fn sentence(body: &str) -> String {
    format!("${body}*{:02X}", body.bytes().fold(0, |sum, byte| sum ^ byte))
}

fn framed(body: &[u8]) -> Vec<u8> {
    let mut frame = vec![0xd3, (body.len() >> 8) as u8, body.len() as u8];
    frame.extend_from_slice(body);
    let checksum = crc24q(&frame).to_be_bytes();
    frame.extend_from_slice(&checksum[1..]);
    frame
}

const PROTOBUF: &[u8] = b"{\"encoding\":\"protobuf\"}\n";
const NEW: &[u8] = br#"{"hazard":"new","cause":"accident","sub_cause":3,"class":"D3","latitude_deg":49.6,"longitude_deg":6.13,"speed_m_s":0,"heading_deg":90.5,"quality":5,"validity_s":600,"area":{"shape":"rectangle","half_length_m":400,"half_width_m":25,"azimuth_deg":45},"relevance_distance_m":1000,"relevance_direction":"upstream","repeat_ms":1000,"repeat_for_ms":60000,"keep_alive_ms":2000}"#;
const ANSWER: &[u8] = br#"{"v":1,"watch":"hazard","change":"new","hazard":{"event":"0011223344556677/1","own":false,"state":"active","class":"D3","cause":2,"latitude_deg":49.6,"longitude_deg":6.13,"concern":null}}"#;
const STATE: &[u8] = br#"{"intersection":18,"time":1795590000.25,"status":["traffic_dependent"],"groups":[{"group":1,"phase":"protected_go","min_end_s":4.2,"max_end_s":12,"likely_end_s":8,"confidence":12,"advisory_speed_m_s":13.9},{"group":2,"phase":"stop_and_remain","min_end_s":7.2}]}"#;
const ANSWERS: &[u8] = br#"{"intersection":18,"answers":[{"requester":"0011223344556677","request":3,"state":"granted","expected_s":4.5}]}"#;
const TPV: &[u8] = br#"{"class":"TPV","device":"/dev/ttyS0","mode":3,"time":"2026-01-01T00:00:00.500Z","ept":0.005,"lat":49.6116,"lon":-6.1319,"altHAE":312.345,"epx":3.0,"epy":4.0,"track":359.98,"speed":13.894,"novel":[{}]}"#;
