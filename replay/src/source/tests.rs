//! Traces as text, good and bad, through the public door.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;

mod drives;
mod mapped;
mod parquet;
mod sumo;
mod wanted;

const CSV: &str = "\
timestep_time;vehicle_id;vehicle_x;vehicle_y;vehicle_angle;vehicle_speed;vehicle_acceleration
10.00;b;0.00;0.00;90.00;10.00;0.50
10.00;a;100.00;0.00;359.99;20.00;-1.26
10.10;a;100.00;300.00;0.00;20.00;
";

const XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!-- <fcd-output.geo value="false"/> -->
<fcd-export>
    <timestep time="9.00"/>
    <timestep time="10.00">
        <vehicle id="b" x="0.00" y="0.00" angle="90.00" type="citybus" speed="10.00" pos="1" acceleration="0.50"/>
        <vehicle id="a" x="100.00" y="0.00" angle="359.99" speed="20.00" acceleration="-1.26"></vehicle>
        <person id="p&amp;q" x="1.0" y="2.0" angle="0" speed="1.0"/>
    </timestep>
    <timestep time="10.10">
        <vehicle id="a" x="100.00" y="300.00" angle="0.00" speed="20.00"/>
    </timestep>
</fcd-export>
"#;

fn parse(text: impl AsRef<[u8]>) -> Result<Trace, TraceError> {
    read_from(text.as_ref(), "t", &ReadOptions::default())
}

/// However much of it is bad.
fn parse_all(text: impl AsRef<[u8]>) -> Result<Trace, TraceError> {
    let options = ReadOptions { tolerate_percent: 100.0, ..ReadOptions::default() };
    read_from(text.as_ref(), "t", &options)
}

fn is_cut(trace: &Trace) -> bool {
    trace.warnings.iter().any(|warning| matches!(warning, Warning::CutShort { .. }))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn dropped(trace: &Trace) -> Vec<(RowFault, u64, u64)> {
    let mut all = Vec::new();
    for warning in &trace.warnings {
        if let Warning::Dropped { fault, rows, first_line, .. } = warning {
            all.push((*fault, *rows, *first_line));
        }
    }
    all
}

#[test]
fn a_csv_trace_becomes_samples_in_the_units_of_the_wire() {
    let trace = parse(CSV).unwrap();
    assert_eq!(trace.names, ["b", "a"]);
    assert_eq!(trace.begin_ns, 10_000_000_000);
    assert_eq!(trace.duration(), Duration::from_millis(100));
    assert_eq!(trace.step_ns(), 100_000_000);
    let a = trace.samples[1];
    assert_eq!((a.time_ns, a.station), (0, 1));
    assert_eq!((a.speed, a.heading, a.acceleration), (Some(2000), Some(0), Some(-13)));
    assert_eq!(trace.samples[0].point().degrees(), DEFAULT_ORIGIN);
    assert_eq!(trace.samples[2].acceleration, None);
    let moved = crate::geodesy::distance_m(a.point(), trace.samples[2].point());
    assert!((moved - 300.0).abs() < 0.05, "{moved}");
    assert_eq!(trace.warnings, []);
}

#[test]
fn xml_and_csv_tell_the_same_and_kinds_come_from_types() {
    let xml = parse(XML).unwrap();
    assert_eq!(xml.names, ["b", "a", "person:p&q"]);
    assert_eq!(xml.kinds, [StationKind::Bus, StationKind::Passenger, StationKind::Pedestrian]);
    let vehicles: Vec<Sample> = xml.samples.iter().filter(|s| s.station < 2).copied().collect();
    assert_eq!(vehicles, parse(CSV).unwrap().samples);
    assert_eq!(xml.begin_ns, 10_000_000_000);
}

#[test]
fn gzip_is_seen_through_by_content() {
    assert_eq!(parse(gzip(CSV.as_bytes())).unwrap(), parse(CSV).unwrap());
    assert_eq!(parse(gzip(XML.as_bytes())).unwrap(), parse(XML).unwrap());
    let twice = parse(gzip(&gzip(CSV.as_bytes()))).unwrap_err();
    assert!(matches!(twice, TraceError::WrongKind { .. }), "{twice}");
}

#[test]
fn columns_are_found_in_any_order_with_any_separator() {
    let text = "speed,vehicle_Y,id,x,y,time\n5,0,car,1,2,7\n";
    let trace = parse(text).unwrap();
    assert_eq!(trace.names, ["car"]);
    assert_eq!(trace.samples[0].speed, Some(500));
    assert_eq!(trace.samples[0].heading, None);
    let persons =
        "timestep_time;vehicle_id;vehicle_x;vehicle_y;person_id;person_x;person_y\n0;v;1;1;;;\n0;;;;p;2;2\n";
    let trace = parse(persons).unwrap();
    assert_eq!(trace.kinds, [StationKind::Passenger, StationKind::Pedestrian]);
}

#[test]
fn degrees_are_read_as_degrees_only_when_something_says_so() {
    let xml = XML.replace("value=\"false\"", "value=\"true\"");
    let xml = xml.replace("x=\"100.00\" y=\"300.00\"", "x=\"6.5\" y=\"49.5\"");
    let trace = parse_all(&xml).unwrap();
    let last = trace.samples.last().unwrap();
    assert_eq!((last.latitude, last.longitude), (495_000_000, 65_000_000));
    // The vehicle at "100 degrees north" would be off the globe: here x = 100 is a longitude. One at 0, 0 is nowhere.
    assert_eq!(trace.samples.len(), 3);

    let named = parse("time,id,lon,lat\n0,a,6.5,49.5\n").unwrap();
    assert_eq!(named.samples[0].point(), last.point());

    let silent = parse("time,id,x,y\n0,a,6.5,49.5\n").unwrap();
    assert_eq!(silent.warnings, [Warning::LooksGeographic]);
    let told = ReadOptions { geographic: Some(true), ..ReadOptions::default() };
    let told = read_from(&b"time,id,x,y\n0,a,6.5,49.5\n"[..], "t", &told).unwrap();
    assert_eq!(told.samples[0].point(), last.point());
    assert_eq!(told.warnings, []);
}

#[test]
fn a_missing_column_is_named_with_those_found() {
    let error = parse("timestep_time;vehicle_id;vehicle_y\n0;a;1\n").unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("t:1: no column vehicle_x") && text.contains("timestep_time, vehicle_id, vehicle_y"),
        "{text}"
    );
    let error = parse(XML.replace(" x=", " ex=")).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("t:6: no attribute x of <vehicle>") && text.contains("id, ex, y"), "{text}");
}

#[test]
fn bad_rows_are_dropped_and_counted_with_the_first_line() {
    let text = "time;id;x;y;speed;angle;acceleration
1;a;0;0;1;0;0
1;b;NaN;0;1;0;0
1;c;0;inf;1;0;0
1;d;9000000;0;1;0;0
1;e;0;0;-1;0;0
1;a;0;0;1;0;0
0.5;f;0;0;1;0;0
2;g;0;0;1;400;0
2;h;0;0;nan;0;0
2;i;zero;0;1;0;0
2;j;0;0;1;0
2;;0;0;1;0;0
2;k;0;0;1;0;0
";
    let trace = parse_all(text).unwrap();
    assert_eq!(trace.names, ["a", "f", "k"]);
    assert_eq!(
        dropped(&trace),
        [
            (RowFault::NotFinite, 3, 3),
            (RowFault::OffPlane, 1, 5),
            (RowFault::NegativeSpeed, 1, 6),
            (RowFault::Twice, 1, 7),
            (RowFault::OutOfScale, 1, 9),
            (RowFault::NotANumber, 1, 11),
            (RowFault::FieldMissing, 2, 12),
        ]
    );
    assert_eq!(
        trace.warnings[0].to_string(),
        "3 rows dropped: not a finite number (first in line 3: x \"NaN\")"
    );
    let globe = parse_all("time;id;lon;lat\n0;a;6;49\n0;b;6;90.5\n").unwrap();
    assert_eq!(dropped(&globe), [(RowFault::OffGlobe, 1, 3)]);
    let unset = parse_all("time;id;lon;lat\n0;a;6;49\n0;b;0;0\n").unwrap();
    assert_eq!(dropped(&unset), [(RowFault::NoPosition, 1, 3)]);
    let mut bytes = b"time;id;x;y\n0;a;1;1\n0;".to_vec();
    bytes.extend(b"\xff\xfe;1;1\n");
    assert_eq!(dropped(&parse_all(bytes).unwrap()), [(RowFault::NotText, 1, 3)]);
}

#[test]
fn a_cut_file_keeps_what_came_before() {
    for cut in [XML.find("p&amp;q").unwrap(), XML.find("    </timestep>").unwrap()] {
        let trace = parse(&XML[..cut]).unwrap();
        assert!(trace.samples.len() >= 2);
        assert!(matches!(trace.warnings.as_slice(), [Warning::CutShort { .. }, ..]), "{:?}", trace.warnings);
    }
    let trace = parse(&CSV[..CSV.find("300").unwrap()]).unwrap();
    let [Warning::CutShort { samples: 2, line: 4, .. }] = &trace.warnings[..1] else {
        panic!("{:?}", trace.warnings);
    };
    let nothing = parse(&XML[..XML.find("x=\"0.00\"").unwrap()]).unwrap_err();
    assert!(matches!(nothing, TraceError::Malformed { line: 6, .. }), "{nothing}");
}

#[test]
fn a_truncated_or_corrupt_gzip_keeps_what_came_before() {
    let mut text = CSV.to_owned();
    for step in 0..5_000u64 {
        text.push_str(&format!("{};a;{};0;0;1;0\n", 11 + step, step * 7919 % 1000));
    }
    let whole = gzip(text.as_bytes());
    let trace = parse(&whole[..whole.len() / 2]).unwrap();
    assert!(trace.samples.len() > 100 && trace.samples.len() < 5_000);
    assert!(is_cut(&trace), "{:?}", trace.warnings);
    let mut corrupt = whole.clone();
    let checksum = corrupt.len() - 8;
    corrupt[checksum] ^= 1;
    let trace = parse(&corrupt).unwrap();
    assert_eq!(trace.samples.len(), 5_003);
    assert!(is_cut(&trace), "{:?}", trace.warnings);
    // Small enough to be damaged within the first look.
    let small = gzip(CSV.as_bytes());
    let trace = parse(&small[..small.len() - 4]).unwrap();
    assert_eq!(trace.samples.len(), 3);
    assert!(is_cut(&trace), "{:?}", trace.warnings);
    assert!(matches!(parse(&small[..12]).unwrap_err(), TraceError::NothingUsable { .. }));
}

#[test]
fn other_kinds_of_file_are_named() {
    let cases: [(&[u8], &str); 7] = [
        (b"\x0a\x0d\x0d\x0a\x1c\0\0\0", "packet capture"),
        (&RECORDING_MAGIC, "a recording"),
        (b"{\"a\": 1}", "JSON"),
        (b"PAR1", "Parquet"),
        (b"\x7fELF\0\0", "binary"),
        (b"<net version=\"1\"><location/></net>", "<net>"),
        (b"", "the file is empty"),
    ];
    for (bytes, wanted) in cases {
        let text = parse(bytes).unwrap_err().to_string();
        assert!(text.contains(wanted), "{text}");
    }
}

#[test]
fn a_window_starts_at_its_first_step_and_stops_reading_at_its_end() {
    let text = "time;id;x;y\n5;a;0;0\n6;a;1;0\n7;a;2;0\n8;a;3;0\n9;broken";
    let options = ReadOptions { from_s: Some(6.0), to_s: Some(8.0), ..ReadOptions::default() };
    let trace = read_from(text.as_bytes(), "t", &options).unwrap();
    let times: Vec<u64> = trace.samples.iter().map(|s| s.time_ns).collect();
    assert_eq!(times, [0, 1_000_000_000]);
    assert_eq!(trace.begin_ns, 6_000_000_000);
    let nothing = ReadOptions { from_s: Some(100.0), ..ReadOptions::default() };
    let error = read_from(text.as_bytes(), "t", &nothing).unwrap_err();
    assert!(matches!(error, TraceError::NothingUsable { .. } | TraceError::Malformed { .. }), "{error}");
}

#[test]
fn bounds_are_errors_that_name_them() {
    let few = ReadOptions { max_samples: 2, ..ReadOptions::default() };
    let error = read_from(CSV.as_bytes(), "t", &few).unwrap_err();
    assert!(error.to_string().contains("t:4: more than 2 samples"), "{error}");
    let long = vec![b'x'; MAX_ROW_BYTES + 100_000];
    for start in ["<fcd-export a=\"", "<!-- ", "time;id;x;y\n1;\"", "time"] {
        let text = [start.as_bytes(), &long].concat();
        let error = parse(text).unwrap_err();
        assert!(matches!(error, TraceError::TooLong { .. }), "{start}: {error}");
    }
    let deep = format!("<fcd-export>{}", "<a>".repeat(1_000));
    assert!(matches!(parse(deep).unwrap_err(), TraceError::Malformed { .. }));
    let origin = ReadOptions { origin: Some((90.0, 0.0)), ..ReadOptions::default() };
    assert!(matches!(read_from(CSV.as_bytes(), "t", &origin), Err(TraceError::BadOrigin { .. })));
}

/// What holds for whatever was read, from whatever bytes.
fn check(trace: &Trace) {
    assert!(!trace.samples.is_empty());
    assert_eq!(trace.names.len(), trace.kinds.len());
    for pair in trace.samples.windows(2) {
        assert!((pair[0].time_ns, pair[0].station) < (pair[1].time_ns, pair[1].station));
    }
    for sample in &trace.samples {
        assert!((sample.station as usize) < trace.stations());
        assert!(sample.latitude.abs() <= 900_000_000 && sample.longitude.abs() <= 1_800_000_000);
        assert!(sample.heading.is_none_or(|heading| heading < 3600));
    }
    for track in trace.tracks() {
        assert!(track.enter_ns() <= track.leave_ns());
        assert!(track.at(track.enter_ns()).is_some());
        let middle = track.enter_ns().midpoint(track.leave_ns());
        assert!(track.at(middle).is_none_or(|s| s.time_ns == middle));
    }
}

proptest! {
    #[test]
    fn any_bytes_end_in_a_trace_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..600), start in 0..4usize) {
        let head: &[u8] = [&b""[..], b"<fcd-export>", b"time;id;x;y\n", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"][start];
        if let Ok(trace) = parse([head, &bytes].concat()) {
            check(&trace);
        }
    }

    #[test]
    fn a_mutated_trace_ends_in_a_trace_or_an_error(
        which in 0..4usize,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = match which {
            0 => CSV.as_bytes().to_vec(),
            1 => XML.as_bytes().to_vec(),
            2 => gzip(CSV.as_bytes()),
            _ => gzip(XML.as_bytes()),
        };
        for (place, byte, how) in edits {
            let place = place.index(bytes.len());
            match how {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                _ => { if bytes.len() > 1 { bytes.remove(place); } }
            }
        }
        if let Some(cut) = cut {
            let length = cut.index(bytes.len());
            bytes.truncate(length);
        }
        if let Ok(trace) = parse(&bytes) {
            check(&trace);
        }
    }

    #[test]
    fn rows_of_any_numbers_end_in_a_trace_or_an_error(
        rows in prop::collection::vec((any::<f64>(), 0..4u8, any::<f64>(), any::<f32>(), any::<f32>(), any::<f32>()), 1..20),
        geographic in any::<bool>(),
    ) {
        let mut text = "time;id;x;y;angle;speed\n".to_owned();
        for (time, id, x, y, angle, speed) in rows {
            text.push_str(&format!("{time};{id};{x};{y};{angle};{speed}\n"));
        }
        let options = ReadOptions { geographic: Some(geographic), ..ReadOptions::default() };
        if let Ok(trace) = read_from(text.as_bytes(), "t", &options) {
            check(&trace);
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = read(Path::new("no/such/trace.xml"), &ReadOptions::default()).unwrap_err();
    assert!(error.to_string().starts_with("no/such/trace.xml: cannot be opened: "), "{error}");
}
