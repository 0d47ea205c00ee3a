//! Tables of Parquet, which mean what the CSV of the same words means.

use v2x_tables::{Column, ColumnKind, TableWriter};

use super::*;

/// The columns of SUMO that are written here.
const COLUMNS: [Column; 7] = [
    Column::new("timestep_time", ColumnKind::Real, "s", "is the time"),
    Column::new("vehicle_id", ColumnKind::Text, "", "says who").or_null(),
    Column::new("vehicle_x", ColumnKind::Spread, "m", "lies east").or_null(),
    Column::new("vehicle_y", ColumnKind::Spread, "m", "lies north").or_null(),
    Column::new("vehicle_angle", ColumnKind::Real, "degrees", "heads").or_null(),
    Column::new("vehicle_speed", ColumnKind::Real, "m/s", "drives").or_null(),
    Column::new("vehicle_lane", ColumnKind::Text, "", "is not needed").or_null(),
];

#[derive(Clone, Debug)]
struct Place {
    time: f64,
    id: String,
    x: f64,
    y: f64,
    angle: Option<f64>,
    speed: Option<f64>,
}

fn table(rows: &[Place]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut table = TableWriter::new(&COLUMNS, &mut bytes).unwrap();
    for row in rows {
        let (id, lane) = (table.text(&row.id), table.text("e_0"));
        table
            .row()
            .real(row.time)
            .text(id)
            .real(row.x)
            .real(row.y)
            .real(row.angle)
            .real(row.speed)
            .text(lane)
            .end();
    }
    table.finish(Vec::new()).unwrap();
    bytes
}

fn csv(rows: &[Place]) -> String {
    let word = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let names: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
    let mut text = names.join(";") + "\n";
    for Place { time, id, x, y, angle, speed } in rows {
        text += &format!("{time};{id};{x};{y};{};{};e_0\n", word(*angle), word(*speed));
    }
    text
}

/// Cars side by side that drive east, at 10 Hz.
fn drive(cars: usize, steps: usize) -> Vec<Place> {
    let car = |step: usize, car: usize| Place {
        time: step as f64 / 10.0,
        id: format!("car {car}"),
        x: step as f64,
        y: car as f64 * 3.5,
        angle: Some(90.0),
        speed: (!car.is_multiple_of(3)).then_some(10.0),
    };
    (0..steps).flat_map(|step| (0..cars).map(move |number| car(step, number))).collect()
}

fn by_table(bytes: impl Into<Bytes>, options: &ReadOptions) -> Result<Trace, TraceError> {
    read_parquet(bytes.into(), "t", options)
}

#[test]
fn a_table_in_any_order_is_the_trace_of_its_csv() {
    let mut rows = drive(31, 300);
    assert_eq!(by_table(table(&rows), &ReadOptions::default()).unwrap(), parse(csv(&rows)).unwrap());
    rows.reverse();
    assert_eq!(by_table(table(&rows), &ReadOptions::default()).unwrap(), parse(csv(&rows)).unwrap());
}

#[test]
fn a_plain_file_is_known_by_its_content_and_nothing_else_will_do() {
    let path = std::env::temp_dir().join(format!("roadcast-parquet-{}.csv", std::process::id()));
    let rows = drive(3, 20);
    let bytes = table(&rows);
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(read(&path, &ReadOptions::default()).unwrap(), parse(csv(&rows)).unwrap());
    std::fs::write(&path, gzip(&bytes)).unwrap();
    for error in [read(&path, &ReadOptions::default()).unwrap_err(), parse(&bytes).unwrap_err()] {
        assert!(error.to_string().ends_with("which standard input, a pipe and gzip do not give"), "{error}");
    }
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_mapping_reads_columns_by_name_and_leaves_the_others() {
    let mapping = "[columns]\ntime = \"timestep_time\"\nid = \"vehicle_id\"\nx = \"vehicle_x\"\ny = \"vehicle_y\"\nspeed = \"vehicle_speed\"\n[units]\nspeed = \"km/h\"\n";
    let options =
        ReadOptions { mapping: Some(Mapping::parse("m.toml", mapping).unwrap()), ..ReadOptions::default() };
    let rows = drive(3, 20);
    let trace = by_table(table(&rows), &options).unwrap();
    assert_eq!(trace, read_from(csv(&rows).as_bytes(), "t", &options).unwrap());
    assert_eq!(trace.samples[1].speed, Some(278));
    let options = ReadOptions { mapping: Some(Mapping::named("highd").unwrap()), ..options };
    let error = by_table(table(&rows), &options).unwrap_err().to_string();
    assert!(error.starts_with("t:1: no column \"frame\" (time of the mapping highd)"), "{error}");
}

#[test]
fn bad_rows_are_dropped_by_their_number() {
    let mut rows = drive(2, 100);
    rows[6].x = f64::NAN;
    rows[9].speed = Some(-3.0);
    let options = ReadOptions { tolerate_percent: 2.0, ..ReadOptions::default() };
    let trace = by_table(table(&rows), &options).unwrap();
    let warnings: Vec<String> = trace.warnings.iter().map(ToString::to_string).collect();
    assert!(warnings[0].contains("(first in row 7: x \"NaN\")"), "{warnings:?}");
    assert!(warnings[1].contains("(first in row 10: speed \"-3\")"), "{warnings:?}");
}

#[test]
fn a_table_of_something_else_names_what_is_missing() {
    const OTHER: [Column; 1] = [Column::new("number", ColumnKind::Integer, "", "counts")];
    let mut bytes = Vec::new();
    TableWriter::new(&OTHER, &mut bytes).unwrap().finish(Vec::new()).unwrap();
    let error = by_table(bytes, &ReadOptions::default()).unwrap_err().to_string();
    assert!(error.starts_with("t:1: no column timestep_time (or time); found number."), "{error}");
    let error = by_table(table(&[]), &ReadOptions::default()).unwrap_err().to_string();
    assert_eq!(error, "t: no usable sample: no vehicle or person in it");
}

#[test]
fn a_file_without_its_end_is_refused_and_one_damaged_farther_in_keeps_what_came_before() {
    // Two row groups.
    let rows = drive(40, 2_000);
    let mut bytes = table(&rows);
    let error = by_table(bytes[..bytes.len() / 2].to_vec(), &ReadOptions::default()).unwrap_err();
    assert!(error.to_string().starts_with("t: is not a readable Parquet file: "), "{error}");
    let zstd = b"\x28\xb5\x2f\xfd";
    let last_page = bytes.windows(zstd.len()).rposition(|four| four == zstd).unwrap();
    bytes[last_page] ^= 0xff;
    // The last column of the second one is damaged: it tells vehicles from persons.
    let trace = by_table(bytes, &ReadOptions::default()).unwrap();
    let warnings: Vec<String> = trace.warnings.iter().map(ToString::to_string).collect();
    assert!(
        warnings[0].starts_with("cut short in row 65537 (is not a readable Parquet file"),
        "{warnings:?}"
    );
    assert_eq!(trace.samples.len(), 65_536);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_table_is_the_trace_of_its_csv(
        rows in prop::collection::vec((0..400u32, 0..9u8, -1e5..1e5f64, -1e5..1e5f64,
            prop::option::of(-400.0..400.0f64), prop::option::of(-1.0..700.0f64)), 1..60),
    ) {
        let rows: Vec<Place> = rows
            .into_iter()
            .map(|(time, id, x, y, angle, speed)| Place { time: f64::from(time) / 10.0, id: format!("v{id}"), x, y, angle, speed })
            .collect();
        let options = ReadOptions { tolerate_percent: 100.0, ..ReadOptions::default() };
        let from_csv = read_from(csv(&rows).as_bytes(), "t", &options);
        match by_table(table(&rows), &options) {
            Ok(trace) => {
                // Lines count the header too.
                let from_csv = from_csv.unwrap();
                prop_assert_eq!(trace.warnings.len(), from_csv.warnings.len());
                prop_assert_eq!(Trace { warnings: Vec::new(), ..trace }, Trace { warnings: Vec::new(), ..from_csv });
            }
            Err(_) => prop_assert!(from_csv.is_err()),
        }
    }

    #[test]
    fn damaged_tables_never_panic(at in any::<prop::sample::Index>(), byte in any::<u8>(), end in any::<prop::sample::Index>(), cut in any::<bool>()) {
        let mut bytes = table(&drive(3, 20));
        let len = bytes.len();
        bytes[at.index(len)] = byte;
        if cut {
            bytes.truncate(end.index(len));
        }
        if let Ok(trace) = by_table(bytes, &ReadOptions::default()) {
            prop_assert!(trace.samples.iter().all(|sample| (sample.station as usize) < trace.names.len()));
        }
    }
}
