//! Drives as receivers and other simulators write them: GPX and mobility of ns-2.

use super::*;
use crate::geodesy::Plane;

const GPX: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!-- <kml> is another thing -->
<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1">
  <metadata><name>all of it</name><time>2020-01-01T00:00:00Z</time></metadata>
  <wpt lat="49.5" lon="6.0"><name>home</name></wpt>
  <trk><name>bus &amp; driver</name><trkseg>
    <trkpt lat="49.6" lon="6.13"><ele>250</ele><time>2026-11-30T14:30:00Z</time></trkpt>
    <trkpt lat="49.6" lon="6.13014"><time>2026-11-30T14:30:01Z</time><extensions><gpxtpx:TrackPointExtension xmlns:gpxtpx="x"><gpxtpx:speed>9.5</gpxtpx:speed></gpxtpx:TrackPointExtension></extensions></trkpt>
    <trkpt lat="49.6" lon="6.13028"><time>2026-11-30T14:30:02Z</time></trkpt>
  </trkseg></trk>
  <trk><trkseg>
    <trkpt lat="49.7" lon="6.13"><time>2026-11-30T15:30:01+01:00</time><speed>3</speed><course>10</course></trkpt>
  </trkseg></trk>
</gpx>
"#;

#[test]
fn each_track_of_a_gpx_is_a_station() {
    let trace = parse(GPX).unwrap();
    assert_eq!(trace.names, ["bus & driver", "track 2"]);
    assert_eq!((trace.begin_ns, trace.samples.len()), (1_796_049_000_000_000_000, 4));
    assert_eq!(trace.samples[0].point().degrees(), (49.6, 6.13));
    assert!(trace.samples[0].speed.unwrap().abs_diff(1011) < 5, "that of the places");
    assert_eq!((trace.samples[1].speed, trace.samples[1].heading), (Some(950), Some(900)));
    let other = trace.samples.iter().find(|sample| sample.station == 1).unwrap();
    assert_eq!((other.time_ns, other.speed, other.heading), (1_000_000_000, Some(300), Some(100)));
    assert_eq!(trace.warnings, []);
    assert_eq!(parse(gzip(GPX.as_bytes())).unwrap(), trace);
}

#[test]
fn a_track_keeps_its_name_unless_another_had_it_before() {
    let point = |minute: u32| {
        format!("<trkpt lat=\"49.6\" lon=\"6.13\"><time>2026-11-30T14:{minute}:00Z</time></trkpt>")
    };
    let track = |name: &str, minute| format!("<trk>{name}<trkseg>{}</trkseg></trk>", point(minute));
    let tracks = [
        track("<name>a</name>", 30),
        track("<name>b</name>", 31),
        track("<name>a (4)</name>", 32),
        track("<name>a</name>", 33),
        track("", 34),
    ];
    let trace = parse(format!("<gpx>{}</gpx>", tracks.concat())).unwrap();
    assert_eq!(trace.names, ["a", "b", "a (4)", "a (5)", "track 5"]);
}

#[test]
fn points_without_a_time_are_told_and_a_cut_gpx_keeps_what_came_before() {
    let without = GPX.replace("<time>2026-11-30T14:30:01Z</time>", "");
    assert_eq!(dropped(&parse_all(&without).unwrap()), [(RowFault::FieldMissing, 1, 8)]);
    let local = GPX.replace("14:30:01Z", "14:30:01");
    let told = parse_all(&local).unwrap().warnings[0].to_string();
    assert!(told.contains("needed is one such as 2026-11-29T10:00:00Z (first in line 8: time"), "{told}");
    let cut = parse(&GPX[..GPX.find("<trkpt lat=\"49.7\"").unwrap() + 30]).unwrap();
    assert_eq!(cut.samples.len(), 3);
    assert!(is_cut(&cut), "{:?}", cut.warnings);
    let route = "<gpx><rte><rtept lat=\"1\" lon=\"2\"/></rte></gpx>";
    assert!(matches!(parse(route).unwrap_err(), TraceError::NothingUsable { .. }));
}

fn place(trace: &Trace, name: &str, second: u64) -> Option<(f64, f64)> {
    let station = trace.names.iter().position(|known| known == name).unwrap();
    let sample = trace.tracks()[station].at(second * 1_000_000_000)?;
    let plane = Plane::new(DEFAULT_ORIGIN.0, DEFAULT_ORIGIN.1).unwrap();
    let (x, y) = plane.metres(sample.point());
    Some((x.round(), y.round()))
}

#[test]
fn nodes_of_ns2_drive_where_they_are_sent_and_wait() {
    let text = "# nodes: 2, pause: 5\n$node_(0) set X_ 1000.0\n$node_(0) set Y_ 50\n$node_(0) set Z_ 0\n\
        $node_(1) set X_ 7\n$node_(1) set Y_ 8\n$god_ set-dist 0 1 1\n\
        $ns_ at 5.0 \"$node_(0) setdest 1100.0 50.0 10.0\"\n$ns_ at 20.0 \"$node_(0) setdest 1100 0 5\"\n\
        $ns_ at 25.0 \"$node_(0) setdest 1100 -100 5\"\n";
    let trace = parse(text).unwrap();
    assert_eq!(trace.names, ["0", "1"]);
    for (second, right) in [
        (0, (1000.0, 50.0)),
        (5, (1000.0, 50.0)),
        (10, (1050.0, 50.0)),
        (15, (1100.0, 50.0)),
        (18, (1100.0, 50.0)),
        (22, (1100.0, 40.0)),
        // Sent on before it came there.
        (30, (1100.0, 0.0)),
        (50, (1100.0, -100.0)),
    ] {
        assert_eq!(place(&trace, "0", second), Some(right), "{second}");
        assert_eq!(place(&trace, "1", second), Some((7.0, 8.0)), "{second}");
    }
    assert_eq!(trace.samples.iter().find(|sample| sample.station == 0).unwrap().heading, Some(900));
    assert_eq!(trace.warnings, []);
    assert_eq!(parse(gzip(text.as_bytes())).unwrap(), trace);
}

#[test]
fn what_sumo_exports_for_ns2_is_read_without_its_step_of_delay() {
    let mut text = String::new();
    for (node, enters) in [(0, 0), (1, 3)] {
        text.push_str(&format!(
            "$node_({node}) set X_ 1000.0\n$node_({node}) set Y_ {node}.0\n$node_({node}) set Z_ 0\n"
        ));
        for second in enters..10 {
            let x = 1000 + (second - enters) * 10;
            text.push_str(&format!("$ns_ at {second}.0 \"$node_({node}) setdest {x}.0 {node}.0 10.00\"\n"));
        }
    }
    let trace = parse(&text).unwrap();
    assert_eq!(trace.samples.len(), 17);
    assert_eq!(place(&trace, "0", 5), Some((1050.0, 0.0)), "where SUMO had it, and not a step before");
    assert_eq!((place(&trace, "1", 2), place(&trace, "1", 3)), (None, Some((1000.0, 1.0))));
    assert!(trace.samples.iter().all(|sample| sample.speed == Some(1000)));
}

#[test]
fn wrong_lines_of_ns2_are_dropped_and_a_cut_one_ends_it() {
    let text = "$node_(0) set X_ 10\n$ns_ at 1 \"$node_(0) setdest far 0 1\"\n$ns_ at 2 \"$node_(0) setdest 20 0 -1\"\n$ns_ at 3 \"$node_(0) setdest 20 0 1\"\n";
    let trace = parse_all(text).unwrap();
    assert_eq!(dropped(&trace), [(RowFault::NotANumber, 1, 2), (RowFault::NegativeSpeed, 1, 3)]);
    let cut = parse(format!("{text}$ns_ at 4 \"$node_(0) setdest 2").replace("far", "9").replace("-1", "1"))
        .unwrap();
    assert!(is_cut(&cut), "{:?}", cut.warnings);
    // Whole words, and not the whole command.
    for end in ["$ns_ at 4 \"$node_(0)", "$ns_ at 4 \"$node_(0) setdest 20 0 1"] {
        let cut = parse_all(format!("{text}{end}")).unwrap();
        assert!(is_cut(&cut), "{end}: {:?}", cut.warnings);
        assert_eq!(cut.samples, trace.samples, "{end}");
    }
}

#[test]
fn what_is_no_trace_is_told_which_kinds_are() {
    for bytes in [&b"<kml><Placemark/></kml>"[..], b"{\"type\": \"FeatureCollection\"}", b"\x7fELF\0\0"] {
        let told = parse(bytes).unwrap_err().to_string();
        for known in ["SUMO floating-car data", "CSV", "GPX", "ns-2"] {
            assert!(told.contains(known), "{told}");
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_in_a_gpx_or_for_ns2_end_in_a_trace_or_an_error(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        start in 0..4usize,
    ) {
        let head = ["<gpx><trk><trkseg>", "<gpx><trk><trkseg><trkpt lat=\"1\" lon=\"2\"><time>", "$node_(0) set X_ ", "$ns_ at 1 \"$node_(0) setdest "][start];
        if let Ok(trace) = parse_all([head.as_bytes(), &bytes].concat()) {
            check(&trace);
        }
    }

    #[test]
    fn a_mutated_drive_ends_in_a_trace_or_an_error(place in 0..GPX.len(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = GPX.as_bytes().to_vec();
        bytes[place] = byte;
        if cut {
            bytes.truncate(place);
        }
        if let Ok(trace) = parse_all(&bytes) {
            check(&trace);
        }
    }

    #[test]
    fn any_orders_of_ns2_end_in_a_trace_or_an_error(
        orders in prop::collection::vec((0..3u8, any::<f32>(), -1e6..1e6f64, -1e6..1e6f64, any::<f32>()), 1..12),
    ) {
        let mut text = String::from("$node_(0) set X_ 1\n");
        for (node, time, x, y, speed) in orders {
            let (time, speed) = (time.abs() % 1e2, speed.abs() % 1e3);
            text.push_str(&format!("$ns_ at {time} \"$node_({node}) setdest {x} {y} {speed}\"\n"));
        }
        let options = ReadOptions { max_samples: 5_000, tolerate_percent: 100.0, ..ReadOptions::default() };
        if let Ok(trace) = read_from(text.as_bytes(), "t", &options) {
            check(&trace);
        }
    }
}
