//! CSV of other houses, as their descriptions have it, and mappings good and bad.

use super::*;
use crate::geodesy::{Plane, distance_m};

fn mapped(mapping: &str, text: impl AsRef<[u8]>) -> Result<Trace, TraceError> {
    let mapping = Mapping::named(mapping).unwrap();
    read_from(text.as_ref(), "t", &ReadOptions { mapping: Some(mapping), ..ReadOptions::default() })
}

fn by(mapping: &str, text: &str) -> Result<Trace, TraceError> {
    let mapping = Mapping::parse("m.toml", mapping).unwrap();
    read_from(text.as_bytes(), "t", &ReadOptions { mapping: Some(mapping), ..ReadOptions::default() })
}

/// Metres east and north of the default origin.
fn metres(trace: &Trace, sample: usize) -> (f64, f64) {
    let (x, y) =
        Plane::new(DEFAULT_ORIGIN.0, DEFAULT_ORIGIN.1).unwrap().metres(trace.samples[sample].point());
    ((x * 10.0).round() / 10.0, (y * 10.0).round() / 10.0)
}

#[test]
fn ngsim_is_in_feet_and_milliseconds_since_1970() {
    let head = "Vehicle_ID,Frame_ID,Total_Frames,Global_Time,Local_X,Local_Y,Global_X,Global_Y,v_length,v_Width,v_Class,v_Vel,v_Acc,Lane_ID\n";
    let text = format!(
        "{head}2,13,3,1118846980200,16.5,100,6451137.6,1873344.9,15,5,2,40,-2,2\n\
         2,14,3,1118846980300,16.5,104,6451137.6,1873344.9,15,5,2,40,-2,2\n\
         9,13,3,1118846980200,28.5,300,6451137.6,1873344.9,60,8.5,3,30,0,3\n\
         9,14,3,1118846980300,28.5,303,6451137.6,1873344.9,60,8.5,3,30,0,3\n"
    );
    let trace = mapped("ngsim", &text).unwrap();
    assert_eq!((trace.begin_ns, trace.step_ns()), (1_118_846_980_200_000_000, 100_000_000));
    assert_eq!(trace.kinds, [StationKind::Passenger, StationKind::Truck]);
    assert_eq!(trace.sizes[1], StationSize { length_dm: Some(183), width_dm: Some(26) });
    assert_eq!(metres(&trace, 0), (5.0, 30.5));
    let car = trace.samples[0];
    // 40 ft/s north, braking by 2 ft/s2; the file has no heading.
    assert_eq!((car.speed, car.heading, car.acceleration), (Some(1219), Some(0), Some(-6)));
    assert_eq!(trace.warnings, []);
}

#[test]
fn highd_counts_frames_and_corners_downwards() {
    let head = "frame,id,x,y,width,height,xVelocity,yVelocity,xAcceleration,yAcceleration,laneId\n";
    let text = format!(
        "{head}25,1,100,10,4.5,2.0,30,0,0.5,0,2\n25,7,200,20,12,2.5,-20,2,-1,0,5\n\
         26,1,101.2,10,4.5,2.0,30,0,0.5,0,2\n26,7,199.2,20.08,12,2.5,-20,2,-1,0,5\n"
    );
    let trace = mapped("highd", &text).unwrap();
    assert_eq!((trace.begin_ns, trace.step_ns()), (1_000_000_000, 40_000_000));
    assert_eq!(trace.kinds, [StationKind::Passenger, StationKind::Truck]);
    // The middle of the box, 11 m below the picture's upper edge.
    assert_eq!(metres(&trace, 0), (102.3, -11.0));
    let (east, west) = (trace.samples[0], trace.samples[1]);
    assert_eq!((east.speed, east.heading, east.acceleration), (Some(3000), Some(900), Some(5)));
    // Towards the left and a little down: 20.1 m/s to 264.3 degrees; it gains 1 m/s2 that way.
    assert_eq!((west.speed, west.heading, west.acceleration), (Some(2010), Some(2643), Some(10)));
}

#[test]
fn ind_counts_headings_from_the_x_axis() {
    let head = "recordingId,trackId,frame,trackLifetime,xCenter,yCenter,heading,width,length,xVelocity,yVelocity,xAcceleration,yAcceleration,lonVelocity,latVelocity,lonAcceleration,latAcceleration\n";
    let text = format!(
        "{head}0,3,0,0,40,-30,90,1.8,4.6,0,10,0,1,10,0,1,0\n0,3,1,1,40,-29.6,90,1.8,4.6,0,10,0,1,10,0,1,0\n\
         0,8,0,0,50,-30,185.5,0,0,-1.5,-0.1,0,0,1.5,0,0,0\n"
    );
    let trace = mapped("ind", &text).unwrap();
    let (car, walker) = (trace.samples[0], trace.samples[1]);
    assert_eq!((car.speed, car.heading, car.acceleration), (Some(1000), Some(0), Some(10)));
    assert_eq!(walker.heading, Some(2645));
    assert_eq!(
        trace.sizes,
        [StationSize { length_dm: Some(46), width_dm: Some(18) }, StationSize::default()]
    );
    assert_eq!(metres(&trace, 0), (40.0, -30.0));
}

/// Reads a trace with a file of types.
fn typed(mapping: &str, text: &str, types: &str) -> Result<Trace, String> {
    let mapping = Mapping::named(mapping).unwrap();
    let types = TrackTypes::parse("meta.csv", types, &mapping).map_err(|error| error.to_string())?;
    let options = ReadOptions { mapping: Some(mapping), types: Some(types), ..ReadOptions::default() };
    read_from(text.as_bytes(), "t", &options).map_err(|error| error.to_string())
}

const HIGHD: &str = "frame,id,x,y,width,height,xVelocity,yVelocity,xAcceleration,yAcceleration,laneId\n\
    25,1,100,10,4.5,2.0,30,0,0.5,0,2\n25,7,200,20,12,2.5,-20,2,-1,0,5\n25,8,300,20,12,2.5,-20,2,-1,0,5\n";

#[test]
fn a_file_of_types_says_what_the_tracks_are_and_a_track_without_a_row_is_told() {
    let types = "id,width,height,initialFrame,class,drivingDirection\n1,4.5,2,25,Truck,2\n7,12,2.5,25,Car,1\n9,4,2,25,Car,1\n";
    let trace = typed("highd", HIGHD, types).unwrap();
    // The class is stronger than the length, by which the last one is told.
    assert_eq!(trace.kinds, [StationKind::Truck, StationKind::Passenger, StationKind::Truck]);
    assert_eq!(trace.warnings, [Warning::Untyped { first: "8".to_owned(), stations: 1, of: 3 }]);
    assert!(trace.warnings[0].to_string().contains("no row for 1 of 3 stations, such as \"8\""));

    let head = "recordingId,trackId,frame,trackLifetime,xCenter,yCenter,heading,width,length,xVelocity,yVelocity,lonAcceleration\n";
    let tracks = format!(
        "{head}0,0,0,0,40,-30,90,1.8,4.6,0,10,1\n0,1,0,0,50,-30,90,2.5,9,0,10,1\n0,2,0,0,60,-30,90,0,0,0,1,0\n0,3,0,0,70,-30,90,0,0,0,4,0\n"
    );
    let types = "\u{feff}recordingId;trackId;class\n0;0;car\n0;1;truck_bus\n0;2;pedestrian\n0;3;bicycle\n";
    let trace = typed("ind", &tracks, types).unwrap();
    let kinds = [StationKind::Passenger, StationKind::Truck, StationKind::Pedestrian, StationKind::Bicycle];
    assert_eq!((trace.kinds.as_slice(), trace.warnings.as_slice()), (&kinds[..], &[][..]));
}

#[test]
fn a_file_of_types_that_does_not_fit_is_refused_with_its_line() {
    for (types, said) in [
        ("", "meta.csv:1: no row with an id and a type"),
        ("id,class\n", "meta.csv:1: no row with an id and a type"),
        (
            "track,class\n1,Car\n",
            "meta.csv:1: no column \"id\" ([types] id) of the mapping highd; found track, class",
        ),
        ("id,width\n1,4\n", "meta.csv:1: no column \"class\" ([types] type) of the mapping highd"),
        ("id,class\n1,Car\n2\n", "meta.csv:3: 1 fields, the first line has 2"),
        ("id,class\n1,Car\n2, \n", "meta.csv:3: a row without an id or a type"),
        ("id,class\n1,Car\n2,Car\n1,Truck\n", "meta.csv:4: \"1\" is \"Truck\", and \"Car\" in line 2"),
    ] {
        let error = typed("highd", HIGHD, types).unwrap_err();
        assert!(error.starts_with(said) && !error.contains('\n'), "{error}");
    }
    let error = typed("pneuma", PNEUMA, "id,class\n1,Car\n").unwrap_err();
    assert!(
        error.starts_with("pneuma: has no table [types], which names the columns of meta.csv"),
        "{error}"
    );
    let columns = "[columns]\ntime = \"t\"\nid = \"id\"\nx = \"x\"\ny = \"y\"\n[types]\nid = \"a\"\n";
    let error = Mapping::parse("m.toml", columns).unwrap_err().to_string();
    assert!(error.contains("types.type is missing"), "{error}");
    let error = TrackTypes::read(Path::new("no/meta.csv"), &Mapping::named("ind").unwrap()).unwrap_err();
    assert!(error.to_string().starts_with("no/meta.csv: cannot be read: "), "{error}");
}

const PNEUMA: &str = "track_id; type; traveled_d; avg_speed; lat; lon; speed; lon_acc; lat_acc; time\n\
    1; Car; 48.85; 9.77; 37.977391; 23.737688; 36; 0.05; -0.04; 0.00; 37.977391; 23.737699; 36; 0.05; -0.04; 0.10; \n\
    2; Heavy Vehicle; 98.1; 19.8; 37.977642; 23.737400; 18; 0; 0; 0.10; \n";

#[test]
fn pneuma_has_a_row_for_each_trajectory() {
    let trace = mapped("pneuma", PNEUMA).unwrap();
    assert_eq!((trace.names.len(), trace.samples.len()), (2, 3));
    assert_eq!(trace.kinds, [StationKind::Passenger, StationKind::Truck]);
    assert_eq!(trace.samples[0].point().degrees(), (37.977391, 23.737688));
    assert_eq!(trace.samples[0].speed, Some(1000));
    assert_eq!((trace.samples[1].time_ns, trace.samples[1].heading), (100_000_000, Some(900)));
    assert_eq!(trace.warnings, []);
}

#[test]
fn a_trajectory_that_breaks_off_keeps_its_whole_moments() {
    let cut = &PNEUMA[..PNEUMA.find("-0.04; 0.10").unwrap()];
    let trace = mapped("pneuma", cut).unwrap();
    assert_eq!(trace.samples.len(), 1);
    let told = trace.warnings[0].to_string();
    assert!(told.starts_with("cut short in line 2 (the last moment has 4 fields of 6)"), "{told}");
    let before = PNEUMA.replacen("-0.04; 0.10; \n", "\n", 1);
    let options = ReadOptions {
        mapping: Some(Mapping::named("pneuma").unwrap()),
        tolerate_percent: 50.0,
        ..ReadOptions::default()
    };
    let trace = read_from(before.as_bytes(), "t", &options).unwrap();
    assert_eq!((trace.samples.len(), dropped(&trace)), (2, vec![(RowFault::FieldMissing, 1, 2)]));
}

#[test]
fn a_packed_file_and_one_without_a_header_are_read_too() {
    assert_eq!(mapped("pneuma", gzip(PNEUMA.as_bytes())).unwrap(), mapped("pneuma", PNEUMA).unwrap());
    let mapping = "separator = \"blanks\"\nheader = false\n[columns]\ntime = \"2\"\nid = \"1\"\nx = \"3\"\ny = \"4\"\nspeed = \"5\"\n[units]\nspeed = \"mph\"\nheading = \"rad\"\n";
    let trace = by(mapping, "  7   0  10  20   10 \n  7   1  14.5  20   10\n").unwrap();
    assert_eq!((trace.names[0].as_str(), trace.samples.len(), trace.samples[0].speed), ("7", 2, Some(447)));
    let error = by(mapping, "7 0 1 2\n").unwrap_err().to_string();
    assert!(error.starts_with("t:1: no column 5 (speed of the mapping m.toml); found 4 columns"), "{error}");
}

#[test]
fn a_projection_of_a_mapping_places_its_eastings() {
    let mapping = "projection = \"+proj=utm +zone=32 +ellps=WGS84\"\noffset = [292000, 5498000]\n[columns]\ntime = \"t\"\nid = \"id\"\nx = \"x\"\ny = \"y\"\n";
    let trace = by(mapping, "t,id,x,y\n0,a,627.8176,115.1736\n").unwrap();
    assert_eq!(trace.samples[0].point().degrees(), (49.6, 6.13));
    let origin = "origin = [10, 20]\n[columns]\ntime = \"t\"\nid = \"id\"\nx = \"x\"\ny = \"y\"\n";
    let trace = by(origin, "t,id,x,y\n0,a,3,4\n").unwrap();
    let there = v2x_core::Position::from_degrees(10.0, 20.0).unwrap();
    assert!((distance_m(trace.samples[0].point(), there) - 5.0).abs() < 0.02);
}

#[test]
fn radians_and_axes_turn_headings() {
    let mapping = |axes: &str| {
        format!(
            "[columns]\ntime = \"t\"\nid = \"id\"\nx = \"x\"\ny = \"y\"\nheading = \"h\"\n[units]\nheading = \"rad\"\n[axes]\n{axes}\n"
        )
    };
    let heading =
        |axes: &str| by(&mapping(axes), "t,id,x,y,h\n0,a,3,4,0.7853981634\n").unwrap().samples[0].heading;
    assert_eq!(heading("heading = \"north\""), Some(450));
    assert_eq!(heading("heading = \"east\""), Some(450));
    assert_eq!(heading("heading = \"east\"\ny = \"down\""), Some(1350));
}

#[test]
fn files_of_known_houses_without_their_mapping_are_told_its_name() {
    for (header, name) in [
        ("frame,id,x,y,width,height,xVelocity,yVelocity,xAcceleration,yAcceleration,laneId", "highd"),
        (&PNEUMA[..PNEUMA.find('\n').unwrap()], "pneuma"),
        ("Vehicle_ID,Global_Time,Local_X,Local_Y,v_Vel,v_Acc,v_Class,v_Length,v_Width", "ngsim"),
    ] {
        let error = parse(format!("{header}\n1,2,3\n")).unwrap_err().to_string();
        assert!(error.contains(&format!("which --mapping {name} reads")), "{error}");
    }
    let error = mapped("highd", CSV).unwrap_err().to_string();
    assert!(
        error.starts_with("t:1: no column \"frame\" (time of the mapping highd); found timestep_time, "),
        "{error}"
    );
    let error = mapped("highd", XML).unwrap_err().to_string();
    assert!(
        error.contains("is XML; wanted CSV, plain or gzip, or Parquet, as the mapping describes it"),
        "{error}"
    );
}

#[test]
fn a_mapping_that_does_not_fit_together_is_refused_with_its_line() {
    const COLUMNS: &str = "[columns]\ntime = \"t\"\nid = \"id\"\nx = \"x\"\ny = \"y\"\n";
    for (text, said) in [
        ("separator = \";\"\n".to_owned(), "columns is missing: a table [columns]"),
        (COLUMNS.replace("time", "tiem"), "m.toml:2: columns.tiem"),
        (COLUMNS.replace("y = \"y\"\n", ""), "columns.y is missing"),
        (format!("{COLUMNS}lon = \"l\"\n"), "columns.x"),
        (format!("{COLUMNS}speed_x = \"v\"\n"), "columns.speed_y is missing"),
        (format!("{COLUMNS}[units]\ntime = \"frames\"\n"), "units.frames_per_s is missing"),
        (format!("{COLUMNS}[units]\nframes_per_s = 25\n"), "units.frames_per_s"),
        (format!("{COLUMNS}[units]\nspeed = \"furlongs\"\n"), "m.toml:7: units.speed: found \"furlongs\""),
        (format!("{COLUMNS}[axes]\npoint = \"corner\"\n"), "axes.point"),
        (format!("header = false\n{COLUMNS}"), "columns by their numbers from 1"),
        (format!("header = false\n{COLUMNS}[trajectory]\nrepeats = [\"x\"]\n"), "trajectories need a header"),
        (format!("offset = [1, 2]\n{COLUMNS}"), "projection is missing"),
        (
            format!("projection = \"+proj=lcc\"\n{COLUMNS}"),
            "m.toml:1: projection: found \"+proj=lcc\" (+proj=lcc is not known), expected PROJ's parameters",
        ),
        (
            format!("origin = [95, 2]\n{COLUMNS}"),
            "m.toml:1: origin: found [95, 2], expected latitude, at most 89 from the equator, and longitude",
        ),
    ] {
        let error = Mapping::parse("m.toml", &text).unwrap_err().to_string();
        assert!(error.starts_with("m.toml:") && error.contains(said), "{text}{error}");
    }
    let error = Mapping::named("no/such.toml").unwrap_err().to_string();
    assert!(
        error.contains("no/such.toml: cannot be read") && error.contains("ngsim, highd, ind, pneuma"),
        "{error}"
    );
}

proptest! {
    #[test]
    fn any_bytes_by_any_mapping_end_in_a_trace_or_an_error(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        which in 0..4usize,
        headed in any::<bool>(),
    ) {
        let name = Mapping::shipped().nth(which).unwrap();
        let head = match (headed, name) {
            (false, _) => "",
            (_, "pneuma") => &PNEUMA[..=PNEUMA.find('\n').unwrap()],
            (_, "highd") => "frame,id,x,y,width,height,xVelocity,yVelocity,xAcceleration,yAcceleration\n",
            (_, "ind") => "trackId,frame,xCenter,yCenter,heading,width,length,xVelocity,yVelocity,lonAcceleration\n",
            _ => "Vehicle_ID,Global_Time,Local_X,Local_Y,v_length,v_Width,v_Class,v_Vel,v_Acc\n",
        };
        if let Ok(trace) = mapped(name, [head.as_bytes(), &bytes].concat()) {
            check(&trace);
        }
    }

    #[test]
    fn rows_of_any_numbers_by_a_mapping_end_in_a_trace_or_an_error(
        rows in prop::collection::vec((any::<f64>(), 0..3u8, any::<f32>(), any::<f32>(), any::<f32>(), any::<f32>(), any::<f32>()), 1..12),
    ) {
        let mut text = "frame,id,x,y,width,height,xVelocity,yVelocity,xAcceleration,yAcceleration\n".to_owned();
        for (time, id, x, y, size, speed, acceleration) in rows {
            text.push_str(&format!("{time},{id},{x},{y},{size},{size},{speed},{x},{acceleration},{y}\n"));
        }
        if let Ok(trace) = mapped("highd", &text) {
            check(&trace);
        }
    }

    #[test]
    fn any_text_ends_in_types_or_an_error_that_names_it(
        head in "(id,class\n|class;id\n|)",
        text in "([0-9a-z]{0,2}[,;][A-Za-z]{0,3}\n|\"|\\PC|\n){0,12}",
    ) {
        let mapping = Mapping::named("highd").unwrap();
        match TrackTypes::parse("meta.csv", &format!("{head}{text}"), &mapping) {
            Ok(types) => {
                let options = ReadOptions { mapping: Some(mapping), types: Some(types), ..ReadOptions::default() };
                check(&read_from(HIGHD.as_bytes(), "t", &options).unwrap());
            }
            Err(error) => prop_assert!(error.to_string().starts_with("meta.csv:"), "{}", error),
        }
    }

    #[test]
    fn any_text_ends_in_a_mapping_or_an_error_that_names_it(text in "(\\[columns\\]\n|\\[units\\]\n|[a-z_]{1,8} = (\"[a-z]{0,3}\"|[0-9]{1,3})\n|.){0,12}") {
        if let Err(error) = Mapping::parse("m.toml", &text) {
            prop_assert!(error.to_string().starts_with("m.toml"));
        }
    }
}
