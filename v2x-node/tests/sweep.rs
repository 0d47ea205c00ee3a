//! `roadcast replay sweep` and `compare` as a researcher meets them.

#![cfg(feature = "replay")]
#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A folder of its own, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    /// With a trace of four cars in a row for two seconds, and a sweep over it.
    fn new(name: &str, sweep: &str) -> Self {
        let path = std::env::temp_dir().join(format!("roadcast-sweeps-{name}-{}", std::process::id()));
        fs::create_dir_all(path.join("data")).unwrap();
        let mut csv =
            String::from("timestep_time;vehicle_id;vehicle_x;vehicle_y;vehicle_angle;vehicle_speed\n");
        for step in 0..20 {
            for car in 0..4 {
                let x = 50 * car + step;
                writeln!(csv, "{}.{};car{car};{x}.0;1200.0;90.0;10.0", step / 10, step % 10).unwrap();
            }
        }
        fs::write(path.join("data/row.csv"), csv).unwrap();
        fs::write(path.join("data/s.toml"), sweep).unwrap();
        Self(path)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roadcast"));
        command.arg("replay").args(args).current_dir(&self.0);
        command
    }

    /// Exit code, standard output, standard error.
    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let output = self.command(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn works(&self, args: &[&str]) -> String {
        let (code, out, err) = self.run(args);
        assert_eq!((code, err.as_str()), (0, ""), "{args:?}: {out}");
        out
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }

    /// Names of the files of a folder, in order.
    fn files(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.0.join(folder)).unwrap();
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

const EIGHT: &str =
    "[sweep]\ntrace = \"row.csv\"\nseeds = [3, 1]\n[settings]\nrange = [60, 120]\nrate = [false, 10]\n";

#[test]
fn a_point_s_report_is_that_of_its_run_alone_and_the_table_has_a_row_for_each() {
    let scratch = Scratch::new("whole", EIGHT);
    let out = scratch.works(&["sweep", "data/s.toml", "--out", "whole", "--threads", "1"]);
    assert!(out.contains("\n8 of 8: row.csv, range 120, rate 10, seed 1: 2.0 s in "), "{out}");
    assert_eq!(
        scratch.files("whole"),
        ["points", "sweep.json", "table.csv", "table.json", "table.parquet", "times"]
    );
    let points = scratch.files("whole/points");
    assert_eq!((points.len(), scratch.files("whole/times")), (8, points.clone()));
    let alone = ["run", "data/row.csv", "--range=60", "--rate=10", "--seed=3", "--json", "alone.json", "-q"];
    scratch.run(&alone);
    assert_eq!(scratch.read(&format!("whole/points/{}", points[2])), scratch.read("alone.json"));
    let table = scratch.read("whole/table.csv");
    assert_eq!(table.lines().count(), 9);
    assert!(table.starts_with("point,id,base,seed,range,rate,simulated_s,"), "{table}");
    assert!(table.lines().nth(3).unwrap().contains(",row.csv,3,60,10,2,"), "{table}");

    // Once more: nothing is run, and the table is the same.
    let again = scratch.works(&["sweep", "data/s.toml", "--out", "whole"]);
    assert!(again.starts_with("8 of 8 points are there already\ntable: "), "{again}");
    assert_eq!(scratch.read("whole/table.csv"), table);
    for args in
        [&["sweep", "data/s.toml", "--out", "none", "--check"][..], &["sweep", "data/s.toml", "--check"]]
    {
        assert_eq!(scratch.works(args), "data/s.toml: 8 points\n");
    }
    assert!(!scratch.0.join("none").exists());
}

#[test]
fn shards_merge_to_the_table_of_the_whole() {
    let scratch = Scratch::new("shards", EIGHT);
    scratch.works(&["sweep", "data/s.toml", "--out", "whole", "-q"]);
    for shard in ["1", "2", "3"] {
        let out = scratch.works(&["sweep", "data/s.toml", "--shard", &format!("{shard}/3"), "--out", shard]);
        assert!(out.contains(&format!("\n{shard}: this shard is complete, ")), "{out}");
        assert!(!scratch.0.join(shard).join("table.csv").exists());
    }
    let (code, out, err) = scratch.run(&["sweep", "--merge", "1", "3", "--out", "merged"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("the report of point 2 ") && err.contains("run shard 2/3"), "{err}");
    assert!(err.lines().count() == 1 && !scratch.0.join("merged").exists(), "{err}");
    scratch.works(&["sweep", "--merge", "1", "2", "3", "--out", "merged"]);
    for table in ["table.csv", "table.json", "table.parquet"] {
        let bytes = |folder: &str| fs::read(scratch.0.join(folder).join(table)).unwrap();
        assert!(bytes("merged") == bytes("whole"), "{table} differs");
    }
    let (code, _, err) = scratch.run(&["sweep", "data/s.toml", "--shard", "4/3", "--out", "four"]);
    assert!(code == 2 && err.contains("expected I/N with I from 1 to N, such as 2/5"), "{err}");
}

#[test]
fn an_interrupted_sweep_goes_on_where_it_stopped() {
    let scratch = Scratch::new("stopped", &EIGHT.replace("[3, 1]", "\"1..100\""));
    // Interrupted at its first line, with hundreds of points to go.
    let interrupted = || {
        let mut child = scratch
            .command(&["sweep", "data/s.toml", "--out", "results", "--threads", "1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
        out.read_to_string(&mut line).unwrap();
        let ended = child.wait_with_output().unwrap();
        let err = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(130), "{err}");
        let done = scratch.files("results/points").len();
        let told =
            format!("interrupted: {done} of 400 points are in results; the same command goes on there");
        assert!(err.contains(&told), "{err}");
        (line, done)
    };
    let (out, done) = interrupted();
    assert!(out.starts_with("1 of 400: ") && (1..400).contains(&done), "{out}");
    assert_eq!(scratch.files("results"), ["points", "sweep.json", "times"], "no table of a part");
    assert!(
        scratch.files("results/points").iter().all(|name| name.ends_with(".json")),
        "nothing half-written"
    );
    let (out, more) = interrupted();
    assert!(out.starts_with(&format!("{done} of 400 points are there already\n")) && more >= done, "{out}");
}

#[test]
fn how_a_trace_is_read_is_swept_over_it_and_over_a_plan_of_it() {
    let text = "[sweep]\ntrace = \"row.csv\"\nplan = \"p.toml\"\nseeds = [3, 1]\n[settings]\nto = 1.5\nonly = [false, \"@two.txt\", \"car3\"]\n";
    let scratch = Scratch::new("reading", text);
    let write = |name: &str, text: &str| fs::write(scratch.0.join("data").join(name), text).unwrap();
    write("two.txt", "car0\ncar1\n");
    let plan = "[scenario]\nkind = \"trace\"\nfile = \"row.csv\"\nfrom = 0.5\nto = 1.9\n[medium]\nkind = \"range\"\n";
    write("p.toml", plan);
    scratch.works(&["sweep", "data/s.toml", "--out", "whole", "-q"]);
    let table = scratch.read("whole/table.csv");
    let column = |name: &str| {
        let at = table.lines().next().unwrap().split(',').position(|column| column == name).unwrap();
        table.lines().skip(1).map(|row| row.split(',').nth(at).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(column("stations_seen"), ["4", "4", "2", "2", "1", "1"].repeat(2));
    // The plan's `from` holds, its `to` does not: the last step, of a tenth of a second, is at 1.4 s.
    assert_eq!(column("simulated_s"), [["1.5"; 6], ["1"; 6]].concat());
    let points = scratch.files("whole/points");
    let alone = [
        "run",
        "--plan=data/p.toml",
        "--to=1.5",
        "--only=@data/two.txt",
        "--seed=1",
        "--json",
        "alone.json",
        "-q",
    ];
    scratch.run(&alone);
    assert_eq!(scratch.read(&format!("whole/points/{}", points[9])), scratch.read("alone.json"));

    for (settings, wanted) in [
        (
            "kinds = \"two.txt\"",
            "data/s.toml: --plan=data/p.toml --kinds=data/two.txt --seed=1: data/two.txt:1: not TOML: ",
        ),
        (
            "share = [50, 0]",
            "data/s.toml: --plan=data/p.toml --share=0 --seed=1: invalid value '0' for '--share <PERCENT>'",
        ),
    ] {
        write("s.toml", &format!("[sweep]\nplan = \"p.toml\"\nseeds = [1]\n[settings]\n{settings}\n"));
        let (code, _, err) = scratch.run(&["sweep", "data/s.toml", "--out", "bad"]);
        assert!(
            code == 2 && err.contains(wanted) && err.lines().count() == 1,
            "found {err:?}, wanted {wanted:?}"
        );
    }
    write("p.toml", &plan.replace("from", "only = \"@gone.txt\"\nfrom"));
    let (code, _, err) = scratch.run(&["sweep", "data/s.toml", "--out", "bad"]);
    let wanted = "data/s.toml:2: sweep.plan: data/p.toml: scenario.only: data/gone.txt: cannot be read: ";
    assert!(code == 2 && err.contains(wanted) && err.lines().count() == 1, "{err}");
    assert!(!scratch.0.join("bad").exists());
}

#[test]
fn what_cannot_be_swept_is_told_in_a_line_before_anything_is_written() {
    let scratch = Scratch::new("bad", EIGHT);
    let head = "[sweep]\ntrace = \"row.csv\"\nseeds = [1]\n[settings]\n";
    for (text, wanted) in [
        (
            format!("{head}rnage = 3"),
            "data/s.toml:5: settings.rnage: unknown key; known keys here: forwarding, ",
        ),
        (format!("{head}json = \"x\""), "data/s.toml:5: settings.json: unknown key; "),
        (format!("{head}seeds = \"1..2\""), "data/s.toml:5: settings.seeds: unknown key; "),
        (
            format!("{head}range = [200, -3]"),
            "data/s.toml: data/row.csv --range=-3 --seed=1: range is -3; it should be above 0",
        ),
        (
            format!("{head}range = \"far\""),
            "data/s.toml: data/row.csv --range=far --seed=1: invalid value 'far' for '--range",
        ),
        (
            format!("{head}range = 100\nradio = \"highway\""),
            "--range=100 --radio=highway --seed=1: the argument '--range <M>' cannot be used with '--radio",
        ),
        (format!("{head}radio = \"rural\""), "--radio=rural --seed=1: rural: cannot be read"),
        (format!("{head}attack = \"rude\""), "--attack=rude --seed=1: rude: cannot be read"),
        (
            format!("{head}net = \"none.net.xml\""),
            "--net=none.net.xml --seed=1: none.net.xml: cannot be read",
        ),
        (format!("{head}only = \"@none.txt\""), "--only=@none.txt --seed=1: none.txt: cannot be read"),
        (
            format!("{head}radio = \"urban\"\npolygons = \"none.poly.xml\""),
            "--polygons=none.poly.xml --seed=1: none.poly.xml: No such file",
        ),
        (
            head.replace("[1]", "\"1..1000000\""),
            "data/s.toml:3: sweep.seeds: found 1000000 points (seeds: 1000000, trace: 1), expected at most 10000",
        ),
    ] {
        fs::write(scratch.0.join("data/s.toml"), text).unwrap();
        let (code, out, err) = scratch.run(&["sweep", "data/s.toml", "--out", "out"]);
        assert_eq!((code, out.as_str()), (2, ""), "{wanted}: {err}");
        assert!(err.contains(wanted) && err.lines().count() == 1, "found {err:?}, wanted {wanted:?}");
        assert!(!scratch.0.join("out").exists());
    }
    // Another sweep's results are left alone.
    fs::write(scratch.0.join("data/s.toml"), EIGHT).unwrap();
    scratch.works(&["sweep", "data/s.toml", "--out", "out", "-q"]);
    let table = scratch.read("out/table.csv");
    fs::write(scratch.0.join("data/s.toml"), EIGHT.replace("120", "121")).unwrap();
    let (code, _, err) = scratch.run(&["sweep", "data/s.toml", "--out", "out"]);
    assert!(code == 2 && err.contains("out/sweep.json: is of another sweep, s.toml ("), "{err}");
    assert_eq!(scratch.read("out/table.csv"), table);
    let (code, _, err) = scratch.run(&["run", "--plan", "data/s.toml"]);
    assert!(code == 2 && err.contains("a sweep is run by: roadcast replay sweep data/s.toml"), "{err}");
}

#[test]
fn two_settings_of_a_sweep_and_two_sweeps_are_compared() {
    let scratch = Scratch::new("compare", &EIGHT.replace("[3, 1]", "\"1..3\""));
    scratch.works(&["sweep", "data/s.toml", "--out", "whole", "-q"]);
    let args = ["compare", "whole", "--by", "range", "60", "120", "--json", "c.json", "--html", "c.html"];
    let (code, out, err) = scratch.run(&args);
    assert!(code == 1 && err.contains(" figures differ"), "{err}");
    assert!(
        out.contains("what was run differs: reception: range 60 m | range 120 m\n3 pairs, seeds 1 to 3\n"),
        "{out}"
    );
    assert!(out.contains("\nrate false:\n") && out.contains("\nrate 10:\n"), "{out}");
    assert!(out.contains("  machine_wall_s ") && out.contains("are not judged"), "{out}");
    let json: serde_json::Value = serde_json::from_str(&scratch.read("c.json")).unwrap();
    assert_eq!((&json["pairs"], json["seeds"].as_array().unwrap().len()), (&3.into(), 3));
    let page = scratch.read("c.html");
    assert!(page.starts_with("<!DOCTYPE html>") && !page.contains("http") && !page.contains("<script"));
    assert!(scratch.works(&["compare", "whole", "whole"]).contains("what was run: the same"));

    let (code, _, err) = scratch.run(&["compare", "whole", "--by", "range", "60", "60"]);
    assert!(code == 2 && err.contains("--by range 60 60: twice the same value; give two values"), "{err}");
    let (code, _, err) = scratch.run(&["compare", "whole", "--by", "range", "60", "90"]);
    assert!(
        code == 2 && err.contains("whole: has no points with range 90; it has range 120, range 60"),
        "{err}"
    );
    fs::write(scratch.0.join("data/s.toml"), EIGHT).unwrap();
    scratch.works(&["sweep", "data/s.toml", "--out", "fewer", "-q"]);
    let (code, _, err) = scratch.run(&["compare", "whole", "fewer"]);
    assert!(code == 2 && err.contains("fewer: its list of seeds is 1,3, and 1..3 in whole"), "{err}");
    fs::remove_file(scratch.0.join("fewer/points").join(&scratch.files("fewer/points")[0])).unwrap();
    let (code, _, err) = scratch.run(&["compare", "fewer", "fewer"]);
    assert!(code == 2 && err.contains("the report of point 1 ") && err.lines().count() == 1, "{err}");
}

#[test]
fn two_sweeps_that_differ_in_one_setting_are_compared_point_by_point() {
    let scratch = Scratch::new("pairs", EIGHT);
    for (name, range, rate) in
        [("near", "60", "[false, 10]"), ("far", "120", "[false, 10]"), ("one", "120", "[10, 5]")]
    {
        let text = EIGHT.replace("[60, 120]", range).replace("[false, 10]", rate);
        fs::write(scratch.0.join("data/s.toml"), text).unwrap();
        scratch.works(&["sweep", "data/s.toml", "--out", name, "-q"]);
    }
    let (code, out, _) = scratch.run(&["compare", "near", "far"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("what was run differs: reception: range 60 m | range 120 m\n2 pairs, "), "{out}");
    assert!(out.contains("\nrate false:\n") && out.contains("\nrate 10:\n"), "{out}");
    let (code, _, err) = scratch.run(&["compare", "far", "one"]);
    assert_eq!(code, 2);
    assert!(err.contains("far: has no runs of row.csv, range 120, rate 5, which one has; "), "{err}");
}
