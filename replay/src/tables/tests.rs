use core::ops::ControlFlow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, process};

use v2x_report::{Report, WhatRan};
use v2x_tables::{ColumnValues, TableError, TableReader};

use super::*;
use crate::medium::{Medium, RangeLimited};
use crate::plan::MediumPlan;
use crate::rows::Rows;
use crate::run::{RunOptions, run_logged};
use crate::source::town;

/// A directory of its own, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("roadcast-tables-{name}-{}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Runs the town for a second and a half, over a radio channel or the ideal medium, and keeps its tables under a name.
    fn run(&self, name: &str, threads: usize, radio: bool) -> Report {
        let files = TABLES.map(|(file, _)| File::create(self.0.join(format!("{name}-{file}"))).unwrap());
        let mut rows = Some(Rows::default().with_tables(Tables::new(files).unwrap()));
        let options = RunOptions { seconds: Some(1.5), threads, ..RunOptions::new(7) };
        let over = medium(radio);
        let going = &mut |_| ControlFlow::Continue(());
        let outcome = run_logged(&town::trace(), &options, &over, None, &mut rows, going).unwrap();
        let ran = WhatRan { seeds: vec![7], ..WhatRan::default() };
        rows.unwrap().finish_tables("1.2.3", &ran).unwrap();
        outcome.report
    }

    fn open(&self, name: &str) -> TableReader {
        TableReader::open(File::open(self.0.join(name)).unwrap()).unwrap()
    }

    fn bytes(&self, name: &str) -> Vec<Vec<u8>> {
        TABLES.map(|(file, _)| fs::read(self.0.join(format!("{name}-{file}"))).unwrap()).into()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn medium(radio: bool) -> impl Fn(u64) -> Box<dyn Medium> {
    move |seed| {
        if radio {
            MediumPlan::named("highway").unwrap().medium(seed)
        } else {
            Box::new(RangeLimited::new(300.0))
        }
    }
}

/// The values of some columns, row by row, null as -1.
fn integers(table: &TableReader, names: &[&str]) -> Vec<Vec<i64>> {
    let columns: Vec<_> = names.iter().map(|name| table.column(name).unwrap()).collect();
    let mut rows = Vec::new();
    table
        .read::<TableError>(&columns, |batch| {
            let values = |column: &ColumnValues, row: usize| match column {
                ColumnValues::Integers(values) => values[row].unwrap_or(-1),
                other => panic!("{other:?}"),
            };
            let ColumnValues::Integers(first) = &batch[0] else { panic!("{batch:?}") };
            rows.extend(
                (0..first.len())
                    .map(|row| batch.iter().map(|column| values(column, row)).collect::<Vec<_>>()),
            );
            Ok(())
        })
        .unwrap();
    rows
}

fn texts(table: &TableReader, name: &str) -> Vec<Option<String>> {
    let mut all = Vec::new();
    table
        .read::<TableError>(&[table.column(name).unwrap()], |batch| {
            let ColumnValues::Texts(values) = &batch[0] else { panic!("{batch:?}") };
            all.extend(values.iter().cloned());
            Ok(())
        })
        .unwrap();
    all
}

fn total(rows: &[Vec<i64>], column: usize) -> i64 {
    rows.iter().map(|row| row[column].max(0)).sum()
}

#[test]
fn messages_are_what_the_report_counts() {
    let scratch = Scratch::new("count");
    for (name, radio) in [("ideal", false), ("radio", true)] {
        let report = scratch.run(name, 1, radio);
        let table = scratch.open(&format!("{name}-messages.parquet"));
        let (mut counts, mut causes) = (BTreeMap::new(), BTreeMap::new());
        for (outcome, cause) in texts(&table, "outcome").into_iter().zip(texts(&table, "cause")) {
            assert_eq!(outcome.as_deref() == Some("lost"), cause.is_some(), "{outcome:?} {cause:?}");
            *counts.entry(outcome.unwrap()).or_insert(0) += 1;
            if let Some(cause) = cause {
                *causes.entry(cause).or_insert(0) += 1;
            }
        }
        let sum = |of: fn(&v2x_report::ClassReport) -> u64| report.classes.iter().map(of).sum::<u64>();
        let of = |outcome: &str| counts.get(outcome).copied().unwrap_or(0);
        assert_eq!(of("delivered") + of("late"), sum(|class| class.delivered));
        assert_eq!(of("late"), sum(|class| class.delivered_late));
        assert_eq!(table.rows(), sum(|class| class.expected));
        let mut wanted = BTreeMap::new();
        for (cause, count) in report.classes.iter().flat_map(|class| &class.undelivered) {
            *wanted.entry(cause.clone()).or_insert(0) += count;
        }
        assert_eq!(causes, wanted);
        assert!(table.rows() > 100, "{name}: {} rows", table.rows());
    }
}

#[test]
fn the_stages_of_a_message_add_up_to_its_latency() {
    let scratch = Scratch::new("stages");
    scratch.run("radio", 1, true);
    let table = scratch.open("radio-messages.parquet");
    let stages = MESSAGES.iter().skip_while(|column| column.name != "generated_to_built_ns");
    let names: Vec<_> = ["latency_ns", "hops"].into_iter().chain(stages.map(|column| column.name)).collect();
    assert_eq!(names.len(), 12);
    let mut delivered = 0;
    for row in integers(&table, &names) {
        if row[0] >= 0 {
            assert_eq!((row[0], row[1]), (row[2..].iter().sum(), 1), "{row:?}");
            delivered += 1;
        }
    }
    assert!(delivered > 100);
}

#[test]
fn stations_and_transmissions_tell_of_the_same_frames() {
    let scratch = Scratch::new("frames");
    for (name, radio) in [("ideal", false), ("radio", true)] {
        let report = scratch.run(name, 1, radio);
        let frames = ["frame_bytes", "airtime_ns", "received_by", "lost_by"];
        let aired = integers(&scratch.open(&format!("{name}-transmissions.parquet")), &frames);
        let done = [
            "frames_sent",
            "bytes_sent",
            "airtime_sent_ns",
            "frames_received",
            "frames_lost",
            "frames_dropped",
            "messages_delivered",
            "present_ns",
            "channel_busy_ns",
            "second_at",
        ];
        let seconds = integers(&scratch.open(&format!("{name}-stations.parquet")), &done);
        assert_eq!(total(&seconds, 0), aired.len() as i64);
        for (of_stations, of_frames) in [(1, 0), (2, 1), (3, 2), (4, 3)] {
            assert_eq!(
                total(&seconds, of_stations),
                total(&aired, of_frames),
                "{name}: {}",
                done[of_stations]
            );
        }
        assert_eq!(total(&seconds, 5), report.frames.dropped as i64);
        assert_eq!(total(&seconds, 6), report.frames.delivered as i64);
        for row in &seconds {
            assert!(row[7] <= 1_000_000_000 && row[8] <= row[7] + 1_000_000, "{row:?}");
        }
        let last = seconds.iter().map(|row| row[9]).max();
        assert_eq!(last, Some(1), "a run of a second and a half");
        assert!(seconds.iter().filter(|row| row[9] == 1).all(|row| row[7] <= 500_000_000));
    }
}

#[test]
fn tables_change_nothing_and_are_the_same_on_any_number_of_threads() {
    let scratch = Scratch::new("same");
    for radio in [false, true] {
        let [one, three] = [1, 3].map(|threads| {
            let name = threads.to_string();
            (scratch.run(&name, threads, radio), scratch.bytes(&name))
        });
        assert!(one.1 == three.1, "tables of one thread and of three differ, radio: {radio}");
        let options = RunOptions { seconds: Some(1.5), threads: 1, ..RunOptions::new(7) };
        let going = &mut |_| ControlFlow::Continue(());
        let without = run_logged(&town::trace(), &options, &medium(radio), None, &mut None, going).unwrap();
        assert_eq!(one.0.digest, without.report.digest);
    }
}

#[test]
fn a_file_says_what_it_is() {
    let scratch = Scratch::new("about");
    scratch.run("x", 1, false);
    for (file, columns) in TABLES {
        let table = scratch.open(&format!("x-{file}"));
        assert_eq!(table.metadata("roadcast.version"), Some("1.2.3"));
        assert_eq!(
            Some(file),
            table.metadata("roadcast.table").map(|name| format!("{name}.parquet")).as_deref()
        );
        let settings: WhatRan = serde_json::from_str(table.metadata("roadcast.settings").unwrap()).unwrap();
        assert_eq!(settings.seeds, [7]);
        let described: serde_json::Value =
            serde_json::from_str(table.metadata("roadcast.columns").unwrap()).unwrap();
        assert_eq!(described.as_array().unwrap().len(), columns.len());
        assert_eq!(table.columns().len(), columns.len());
        for (found, column) in table.columns().iter().zip(columns) {
            assert_eq!(found.name, column.name);
        }
    }
}

#[test]
fn a_unit_is_in_its_column_s_name() {
    for column in TABLES.iter().flat_map(|(_, columns)| *columns) {
        let suffix = match column.unit {
            "" | "degrees" | "B" => continue,
            "s" => "_at",
            "m/s" => "_mps",
            "dBm" => "_dbm",
            unit => &format!("_{unit}"),
        };
        assert!(column.name.ends_with(suffix), "{} is in {}", column.name, column.unit);
        assert!(!column.meaning.ends_with('.'), "{}", column.name);
    }
}

/// `ROADCAST_BLESS=1` rewrites the lists of columns.
#[test]
fn the_page_has_every_column() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/tables.md");
    let page = fs::read_to_string(&path).unwrap();
    let mut wanted = page.clone();
    for (file, columns) in TABLES {
        let name = file.trim_end_matches(".parquet");
        let [from, to] = [format!("<!-- columns:{name} -->\n"), format!("<!-- /columns:{name} -->")];
        let (before, rest) = wanted.split_once(&from).unwrap();
        let (_, after) = rest.split_once(&to).unwrap();
        let mut list = String::from("| column | type | unit | null | meaning |\n|---|---|---|---|---|\n");
        for column in columns {
            let null = if column.nullable { "yes" } else { "" };
            let Column { name, unit, meaning, .. } = column;
            writeln!(list, "| `{name}` | {} | {unit} | {null} | {meaning} |", column.type_name()).unwrap();
        }
        wanted = format!("{before}{from}{list}{to}{after}");
    }
    if env::var_os("ROADCAST_BLESS").is_some() {
        fs::write(&path, wanted).unwrap();
    } else {
        assert!(page == wanted, "docs/tables.md has not the columns of the tables: bless it");
    }
}
