//! Files as SUMO and data scientists write them.

use super::*;

#[test]
fn a_person_and_a_vehicle_with_one_id_are_two_stations() {
    let xml = r#"<fcd-export><timestep time="0"><vehicle id="0" x="1000" y="1" speed="1"/><person id="0" x="9" y="9" speed="1"/></timestep>
<timestep time="1"><vehicle id="0" x="2" y="1" speed="1"/><person id="0" x="9" y="10" speed="1"/><container id="0" x="1" y="1"/></timestep></fcd-export>"#;
    let trace = parse(xml).unwrap();
    assert_eq!(trace.names, ["0", "person:0"]);
    assert_eq!(trace.kinds, [StationKind::Passenger, StationKind::Pedestrian]);
    assert_eq!((trace.samples.len(), trace.warnings.len()), (4, 0));
}

#[test]
fn a_csv_row_without_a_lane_is_a_person_only_where_others_have_lanes() {
    let head = "timestep_time;vehicle_id;vehicle_x;vehicle_y;vehicle_lane;vehicle_edge;vehicle_type\n";
    let mixed = format!(
        "{head}0;0;1;1;e_0;;car\n0;0;5;5;;e;adult\n0;c;5;5;;e;DEFAULT_CONTAINERTYPE\n1;0;2;1;e_0;;car\n1;0;5;6;;e;adult\n"
    );
    let trace = parse(mixed).unwrap();
    assert_eq!(trace.names, ["0", "person:0"]);
    assert_eq!(trace.kinds, [StationKind::Passenger, StationKind::Pedestrian]);
    assert_eq!(trace.samples.len(), 4);
    let mesoscopic = parse(format!("{head}0;0;1;1;;e;car\n1;0;2;1;;e;car\n")).unwrap();
    assert_eq!(
        (&mesoscopic.names[..], &mesoscopic.kinds[..]),
        (&["0".to_owned()][..], &[StationKind::Passenger][..])
    );
}

#[test]
fn a_tag_or_stage_column_tells_persons_and_containers() {
    let text = "time;id;x;y;tag\n0;0;1;1;vehicle\n0;0;5;5;person\n0;0;7;7;container\n";
    assert_eq!(parse(text).unwrap().names, ["0", "person:0"]);
    let text = "time;id;x;y;stage\n0;0;1;1;\n0;0;5;5;walking\n";
    assert_eq!(parse(text).unwrap().names, ["0", "person:0"]);
}

#[test]
fn steps_in_which_nobody_was_there_are_no_bad_rows() {
    let trace = parse("time;id;x;y\n0;;;\n1;;;\n2;a;1000;1\n3;a;1002;2\n").unwrap();
    assert_eq!((trace.samples.len(), trace.warnings), (2, Vec::new()));
}

#[test]
fn rows_sorted_by_vehicle_make_the_trace_that_rows_sorted_by_time_make() {
    let mut by_vehicle = "time;id;x;y\n".to_owned();
    let mut by_time = by_vehicle.clone();
    for car in 0..4 {
        for second in 0..10 {
            by_vehicle.push_str(&format!("{second};{car};{};{}\n", 1000 + second * 10, 1000 + car));
        }
    }
    for second in 0..10 {
        for car in 0..4 {
            by_time.push_str(&format!("{second};{car};{};{}\n", 1000 + second * 10, 1000 + car));
        }
    }
    assert_eq!(parse(&by_vehicle).unwrap(), parse(&by_time).unwrap());
    // A window cuts both alike: its end in one vehicle's rows is not the file's.
    let window = ReadOptions { from_s: Some(2.0), to_s: Some(5.0), ..ReadOptions::default() };
    let [cut, same] = [by_vehicle, by_time].map(|text| read_from(text.as_bytes(), "t", &window).unwrap());
    assert_eq!((cut.samples.len(), cut.begin_ns), (12, 2_000_000_000));
    assert_eq!(cut, same);
}

#[test]
fn more_dropped_rows_than_are_tolerated_are_an_error_that_names_the_rules() {
    let mut text = "time;id;x;y\n".to_owned();
    for step in 0..97 {
        text.push_str(&format!("{step};a;{step};0\n"));
    }
    text.push_str("97;a;x;0\n98;a;9000000;0\n98;a;9000000;0\n");
    let error = parse(&text).unwrap_err().to_string();
    assert_eq!(
        error,
        "t: 3.0 % of 100 rows dropped, and at most 1 % are tolerated: 1 row dropped: not a number (first in line 99: x \"x\"); \
         2 rows dropped: position more than 200 km from the origin (first in line 100: x 9000000, y 0); mend the file, or pass --tolerate 3"
    );
    let tolerant = ReadOptions { tolerate_percent: 3.0, ..ReadOptions::default() };
    assert_eq!(read_from(text.as_bytes(), "t", &tolerant).unwrap().samples.len(), 97);
}

#[test]
fn a_station_twice_at_one_time_counts_wherever_the_rows_stand() {
    let text = "time;id;x;y\n0;a;1;1\n1;a;2;1\n0;b;5;5\n1;b;6;5\n0;a;3;3\n1;b;7;7\n";
    let trace = parse_all(text).unwrap();
    assert_eq!(dropped(&trace), [(RowFault::Twice, 2, 6)]);
    assert_eq!(trace.samples.len(), 4);
    let a = trace.samples[0];
    assert_eq!(a, parse("time;id;x;y\n0;a;1;1\n").unwrap().samples[0], "the first row counts");
}

#[test]
fn degrees_are_recognised_by_the_metadata_or_by_the_speeds() {
    let xml = r#"<fcd-export><metadata><configuration><output><fcd-output.geo value="true"/></output></configuration></metadata>
<timestep time="0"><vehicle id="a" x="6.1" y="49.6"/></timestep></fcd-export>"#;
    assert_eq!(parse(xml).unwrap().samples[0].point().degrees(), (49.6, 6.1));
    let metres = xml.replace("\"true\"", "\"false\"");
    assert_ne!(parse(&metres).unwrap().samples[0].point().degrees(), (49.6, 6.1));

    // 10 m/s north-east, in degrees or in metres, without a word about which.
    let [mut degrees, mut metres] =
        ["timestep_time;vehicle_id;vehicle_x;vehicle_y;vehicle_speed\n".to_owned(), String::new()];
    metres.push_str(&degrees);
    for second in 0..30 {
        let way = f64::from(second) * 7.07;
        degrees.push_str(&format!(
            "{second};a;{:.6};{:.6};10\n",
            6.1 + way / 72_000.0,
            49.6 + way / 111_200.0
        ));
        metres.push_str(&format!("{second};a;{:.2};{:.2};10\n", way / 3.0, way / 3.0));
    }
    let trace = parse(&degrees).unwrap();
    assert_eq!(trace.samples[0].point().degrees(), (49.6, 6.1));
    assert_eq!(trace.warnings, []);
    assert_eq!(parse(&metres).unwrap().samples[0].point().degrees(), DEFAULT_ORIGIN);
    let asked = ReadOptions { geographic: Some(false), ..ReadOptions::default() };
    assert_ne!(read_from(degrees.as_bytes(), "t", &asked).unwrap().samples[0].point().degrees(), (49.6, 6.1));
}

#[test]
fn coordinates_of_a_projection_begin_at_the_origin() {
    let text = "time;id;x;y\n0;a;292000;5499000\n1;a;292010;5499000\n";
    let trace = parse(text).unwrap();
    assert_eq!(trace.samples[0].point().degrees(), DEFAULT_ORIGIN);
    let moved = crate::geodesy::distance_m(trace.samples[0].point(), trace.samples[1].point());
    assert!((moved - 10.0).abs() < 0.05, "{moved}");
    assert_eq!(trace.warnings, [Warning::Shifted { x: 292_000.0, y: 5_499_000.0 }]);
    // SUMO projects vehicles and leaves persons where they were: half of that is no scenario.
    let mixed = "time;id;x;y\n0;a;292000;5499000\n0;p;10;10\n";
    assert!(matches!(parse(mixed).unwrap_err(), TraceError::TooManyDropped { .. }));
}

#[test]
fn times_of_two_clocks_are_refused_and_a_window_reads_one() {
    let text = "time;id;x;y\n0;a;1;1\n1;a;1;1\n1763870000;a;1;1\n1763870001;a;1;1\n";
    let error = parse(text).unwrap_err().to_string();
    assert!(error.starts_with("t:4: nothing between 1 s and 1763870000 s: times of two clocks?"), "{error}");
    let window = ReadOptions { from_s: Some(1000.0), ..ReadOptions::default() };
    assert_eq!(read_from(text.as_bytes(), "t", &window).unwrap().samples.len(), 2);
}

#[test]
fn times_in_milliseconds_or_as_dates_are_named() {
    for (time, words) in
        [("1763870000000", "time in milliseconds"), ("2026-11-29T08:00:00", "time as a date")]
    {
        let error = parse(format!("time;id;x;y\n{time};a;1;1\n")).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn longitude_and_latitude_need_no_prefix() {
    let trace = parse("timestep_time;vehicle_id;lon;lat;speed\n0;a;6.5;49.5;3\n").unwrap();
    assert_eq!(trace.samples[0].point().degrees(), (49.5, 6.5));
    assert_eq!(trace.samples[0].speed, Some(300));
}

#[test]
fn a_vehicle_that_was_away_does_not_come_back_at_ninety_metres_a_second() {
    let text = "time;id;x;y;speed\n0;a;0;0;14\n1;a;14;0;14\n3;a;194;0;14\n4;a;208;0;14\n";
    let track = &parse(text).unwrap().tracks()[0];
    let at = |ms: u64| track.at(ms * 1_000_000).is_some();
    assert_eq!([500, 1000, 1500, 2900, 3000, 3500].map(at), [true, true, false, false, true, true]);
}

#[test]
fn a_trace_of_one_row_is_a_trace() {
    let trace = parse("time;id;x;y\n5;a;1;1\n").unwrap();
    assert_eq!((trace.samples.len(), trace.duration()), (1, Duration::ZERO));
}

fn parse_with(text: &str, options: ReadOptions) -> Result<Trace, TraceError> {
    read_from(text.as_bytes(), "t", &options)
}

/// A car that drives east at 11 m/s, a ten-thousandth of a degree of the equator a second.
fn degrees(from: f64) -> String {
    let row = |second: u32| {
        let longitude = (from + f64::from(second) * 1e-4 + 180.0).rem_euclid(360.0) - 180.0;
        format!("{second};a;{longitude:.7};0.5;90;11\n")
    };
    "time;id;x;y;angle;speed\n".to_owned() + &(0..30).map(row).collect::<String>()
}

#[test]
fn degrees_are_told_from_metres_where_the_antimeridian_is_passed() {
    let trace = parse(degrees(179.999)).unwrap();
    assert_eq!(trace.warnings, []);
    assert_eq!((trace.samples[0].longitude, trace.samples[29].longitude), (1_799_990_000, -1_799_981_000));
}

#[test]
fn an_origin_is_refused_for_degrees_whoever_says_so() {
    let origin = Some((49.0, 6.0));
    let by_name = "time;id;lon;lat\n0;a;6;49\n1;a;6.0001;49\n";
    for (text, geographic) in
        [(by_name, None), (&degrees(6.0), None), ("time;id;x;y\n0;a;6;49\n", Some(true))]
    {
        let error =
            parse_with(text, ReadOptions { origin, geographic, ..ReadOptions::default() }).unwrap_err();
        assert!(matches!(error, TraceError::OriginOfDegrees { .. }), "{error}");
    }
    assert!(parse_with(CSV, ReadOptions { origin, ..ReadOptions::default() }).is_ok());
}

#[test]
fn a_window_that_ends_before_it_begins_is_refused_and_one_beyond_the_trace_names_its_time() {
    let window = |from_s, to_s| ReadOptions { from_s, to_s, ..ReadOptions::default() };
    let error = parse_with(CSV, window(Some(10.0), Some(5.0))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "--from 10 and --to 5: the end of what is read must be later than its beginning"
    );
    let error = parse_with(CSV, window(Some(99.0), None)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "t: no usable sample: none from 99 s on of its own time, whose first step is at 10 s"
    );
    let error = parse_with(CSV, window(None, Some(5.0))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "t: no usable sample: none from 0 s to 5 s of its own time, whose first step is at 10 s"
    );
}

#[test]
fn decimal_commas_and_sixteen_bits_a_letter_are_named() {
    let error = parse("time;id;x;y\n0;a;1000,5;3\n").unwrap_err().to_string();
    assert!(error.contains("a decimal comma; needed is a point (first in line 2: x \"1000,5\")"), "{error}");
    for order in [u16::to_le_bytes, u16::to_be_bytes] {
        let text: Vec<u8> = format!("\u{feff}{CSV}").encode_utf16().flat_map(order).collect();
        let error = parse(text).unwrap_err().to_string();
        assert!(error.starts_with("t: is text in UTF-16; save it as UTF-8; wanted"), "{error}");
    }
}

#[test]
fn zeros_that_a_power_failure_left_at_the_end_cost_no_row_before_them() {
    for zeros in [1, 5000] {
        let trace = parse_all(format!("{CSV}{}", "\0".repeat(zeros))).unwrap();
        assert_eq!((trace.samples.len(), trace.warnings.len()), (3, 1), "{:?}", trace.warnings);
    }
    assert!(matches!(parse("\0\0\0\0"), Err(TraceError::WrongKind { kind: Kind::Binary, .. })));
}
