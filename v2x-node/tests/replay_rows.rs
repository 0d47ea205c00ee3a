//! Rows, seeds and comparisons of `roadcast replay` as a researcher meets them.

#![cfg(feature = "replay")]
#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use v2x_report::Report;

/// A directory of its own, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    /// With three cars in a row for two seconds; the first one's name needs quotation marks in a CSV.
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("roadcast-rows-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        let mut csv =
            String::from("timestep_time;vehicle_id;vehicle_x;vehicle_y;vehicle_angle;vehicle_speed\n");
        for step in 0..20 {
            for (car, name) in ["a,1", "b", "c"].into_iter().enumerate() {
                let x = 50 * car + step;
                writeln!(csv, "{}.{};{name};{x}.0;1200.0;90.0;10.0", step / 10, step % 10).unwrap();
            }
        }
        fs::write(path.join("row.csv"), csv).unwrap();
        Self(path)
    }

    /// Exit code, standard output, standard error.
    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roadcast"));
        let output = command.arg("replay").args(args).current_dir(&self.0).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.join(name)).unwrap()
    }

    fn report(&self, name: &str) -> Report {
        let report: Report = serde_json::from_slice(&self.read(name)).unwrap();
        report.check().unwrap();
        report
    }

    /// Names of the files there.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Rows by class and fate.
fn fates(csv: &str) -> BTreeMap<(String, String), u64> {
    let mut counts = BTreeMap::new();
    for line in csv.lines().skip(1) {
        // The one name with a comma is quoted.
        let line = line.replace("\"a,1\"", "a1");
        let fields: Vec<_> = line.split(',').collect();
        assert_eq!(fields.len(), 13, "{line}");
        *counts.entry((fields[3].to_owned(), fields[10].to_owned())).or_default() += 1;
    }
    counts
}

#[test]
fn rows_are_what_the_report_counts() {
    let scratch = Scratch::new("count");
    let (code, out, err) = scratch.run(&["run", "row.csv", "--rows", "rows.csv", "--json", "r.json"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("rows: rows.csv"), "{out}");
    let csv = String::from_utf8(scratch.read("rows.csv")).unwrap();
    let columns =
        "seed,forwarding,time_s,class,type,sequence,sender,receiver,distance_m,latency_ns,fate,reason,check";
    assert_eq!(csv.lines().next(), Some(columns));
    assert!(csv.contains(",\"a,1\",b,50.0,") && csv.contains(",D2,awareness,"), "{csv}");
    let (report, fates) = (scratch.report("r.json"), fates(&csv));
    for class in &report.classes {
        let of = |fate: &str| fates.get(&(class.class.clone(), fate.to_owned())).copied().unwrap_or(0);
        assert_eq!((of("delivered"), of("missed")), (class.expected - class.missed, class.missed));
    }
    assert!(report.classes[2].expected > 0);
    assert!(!report.run.command.contains("--rows"), "where results go is no part of what was run");
    assert_eq!(scratch.files(), ["r.json", "row.csv", "rows.csv"]);
}

#[test]
fn equal_runs_write_equal_rows_and_compressed_ones_on_request() {
    let scratch = Scratch::new("equal");
    let run = |name: &str, more: &[&str]| {
        assert_eq!(scratch.run(&[&["run", "row.csv", "-q", "--rows", name], more].concat()).0, 0);
        scratch.read(name)
    };
    let one = run("one.csv", &["--threads", "1"]);
    assert!(one == run("four.csv", &["--threads", "4"]) && one == run("every.csv", &["--verify", "every"]));
    assert!(one != run("other.csv", &["--seed", "2"]));
    let packed = run("one.csv.gz", &[]);
    assert!(packed.starts_with(b"\x1f\x8b") && packed == run("two.csv.gz", &[]));
}

#[test]
fn rows_are_whole_or_not_there() {
    let scratch = Scratch::new("whole");
    fs::write(scratch.0.join("old.csv"), "old").unwrap();
    for (file, complaint) in [("none/r.csv", "its directory does not exist"), ("/dev/full", "No space left")]
    {
        let (code, _, err) = scratch.run(&["run", "row.csv", "--rows", file]);
        assert_eq!(code, 2, "{err}");
        assert!(err.contains(file) && err.contains(complaint), "{err}");
    }
    // A run that fails after its file was begun.
    fs::write(scratch.0.join("plan.toml"), "[[attack]]\nkind = \"stale\"\nstations = [\"nobody\"]\n")
        .unwrap();
    let (code, _, err) = scratch.run(&["run", "row.csv", "--attack", "plan.toml", "--rows", "old.csv"]);
    assert_eq!(code, 2, "{err}");
    assert_eq!(scratch.read("old.csv"), b"old");
    assert_eq!(scratch.files(), ["old.csv", "plan.toml", "row.csv"]);
}

#[test]
fn an_attacker_s_messages_stand_outside_the_count() {
    let scratch = Scratch::new("attack");
    fs::write(scratch.0.join("plan.toml"), "[[attack]]\nkind = \"constant_speed\"\nstations = [\"b\"]\n")
        .unwrap();
    let args = ["run", "row.csv", "--attack", "plan.toml", "--rows", "r.csv", "--json", "r.json"];
    let (_, out, err) = scratch.run(&args);
    let csv = String::from_utf8(fs::read(scratch.0.join("r.csv")).unwrap_or_default()).unwrap();
    assert!(!csv.is_empty(), "{out} {err}");
    let from_attacker = csv.lines().filter(|line| line.contains(",b,c,") || line.contains(",b,\"a,1\","));
    let mut seen = 0;
    for line in from_attacker {
        assert!(line.ends_with(",outside,not_counted_sender,"), "{line}");
        seen += 1;
    }
    assert!(seen > 0, "{csv}");
    let delivered = fates(&csv)[&("D2".to_owned(), "delivered".to_owned())];
    assert_eq!(delivered, scratch.report("r.json").classes[2].delivered);
}

#[test]
fn rows_of_a_plan_name_the_way_of_forwarding() {
    let scratch = Scratch::new("plan");
    let plan = "seeds = [1, 2]\nwarm_up_s = 2\nsettle_s = 1\n[scenario]\nkind = \"highway\"\nlength_m = 600\n\
                density_per_km = 20\n[[event]]\nat_m = [100, 0]\narea = { shape = \"circle\", radius_m = 900 }\n";
    fs::write(scratch.0.join("plan.toml"), plan).unwrap();
    let args =
        ["run", "--plan", "plan.toml", "--forwarding", "all", "-q", "--rows", "r.csv", "--json", "r.json"];
    scratch.run(&args);
    let csv = String::from_utf8(scratch.read("r.csv")).unwrap();
    for run in ["1,roadcast,", "2,roadcast,", "1,etsi,", "2,flooding,"] {
        assert!(csv.lines().any(|line| line.starts_with(run) && line.contains(",D3,hazard,")), "{run}");
    }
    let report = scratch.report("r.json");
    let of_first = csv.lines().filter(|line| line.contains(",roadcast,") && !line.contains(",outside,"));
    let expected: u64 = report.classes.iter().map(|class| class.expected).sum();
    assert_eq!(of_first.count() as u64, expected, "the report is about the first way");
    let runs: Vec<_> = report.repeats.unwrap().runs.iter().map(|run| run.seed).collect();
    assert_eq!(runs, [1, 2]);
}

#[test]
fn each_seed_is_the_run_it_would_be_alone() {
    let scratch = Scratch::new("seeds");
    let several = ["run", "row.csv", "--seeds", "3..4,7", "--rows", "all.csv", "--json", "all.json"];
    let (code, out, err) = scratch.run(&several);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("mean of 3 seeds +- half the 95 % interval"), "{out}");
    let all = scratch.report("all.json");
    let repeats = all.repeats.clone().unwrap();
    assert_eq!(all.run.seeds, [3, 4, 7]);
    all.check().unwrap();
    let mut rows = String::new();
    for (seed, run) in ["3", "4", "7"].into_iter().zip(&repeats.runs) {
        let alone = ["run", "row.csv", "--seed", seed, "--rows", "one.csv", "--json", "one.json", "-q"];
        assert_eq!(scratch.run(&alone).0, 0);
        let one = scratch.report("one.json");
        assert_eq!((run.seed.to_string().as_str(), &run.digest), (seed, &one.digest));
        assert_eq!((run.classes.len(), run.classes[0].expected), (1, one.classes[2].expected));
        assert!(one.repeats.is_none());
        let csv = String::from_utf8(scratch.read("one.csv")).unwrap();
        rows.push_str(if rows.is_empty() { &csv } else { csv.split_once('\n').unwrap().1 });
    }
    assert!(
        scratch.read("all.csv") == rows.into_bytes(),
        "the rows of all are those of each, one after the other"
    );
    let sum: u64 = repeats.runs.iter().map(|run| run.classes[0].expected).sum();
    assert_eq!((all.classes[2].expected, repeats.classes[0].miss_ratio.count), (sum, 3));
    scratch.run(&["run", "row.csv", "--seeds", "3..4,7", "--json", "again.json", "-q", "--threads", "1"]);
    assert!(scratch.read("again.json") == scratch.read("all.json"));
}

#[test]
fn seeds_that_are_none_or_given_twice_are_refused() {
    let scratch = Scratch::new("wrong");
    for seeds in ["", "4..1", "1,1", "1..3,2", "x", "1..", "0..5000", "-1", "0..18446744073709551615"] {
        let (code, _, err) = scratch.run(&["run", "row.csv", &format!("--seeds={seeds}")]);
        assert_eq!(code, 2, "{seeds}");
        assert!(err.contains("expected seeds such as 1..20 or 1,2,5"), "{seeds}: {err}");
    }
    for other in [["--seed", "1"], ["--plan", "p.toml"]] {
        let (code, _, err) = scratch.run(&[&["run", "--seeds", "1,2"], &other[..]].concat());
        assert!(code == 2 && err.contains("cannot be used with"), "{err}");
    }
}

#[test]
fn two_reports_are_compared_and_other_files_refused() {
    let scratch = Scratch::new("compare");
    for (range, name) in [("120", "a.json"), ("60", "b.json")] {
        let args = ["run", "row.csv", "--seeds", "1..3", "--range", range, "--json", name, "-q"];
        scratch.run(&args);
    }
    let (code, out, err) = scratch.run(&["compare", "a.json", "b.json"]);
    assert_eq!(code, 1, "{out}");
    assert!(err.contains(" figures differ") && err.lines().count() == 1, "{err}");
    assert!(
        out.contains("what was run differs: reception: range 120 m | range 60 m\n3 pairs, seeds 1 to 3\n"),
        "{out}"
    );
    assert!(out.contains("\n  D2_expected ") && out.contains("paired t-test"), "{out}");
    let (code, out, err) = scratch.run(&["compare", "a.json", "a.json"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("what was run: the same") && out.contains("\n0 of "), "{out}");
    fs::write(scratch.0.join("odd.json"), "{}").unwrap();
    for other in ["row.csv", "odd.json", "none.json", "/dev/zero"] {
        let (code, out, err) = scratch.run(&["compare", "a.json", other]);
        assert_eq!((code, out.as_str()), (2, ""), "{other}");
        assert!(err.contains(&format!("{other}: ")) && err.lines().count() == 1, "{err}");
    }
}
