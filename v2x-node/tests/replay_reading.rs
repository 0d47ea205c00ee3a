//! How a trace is read, said on the command line and in a plan: both do the same.

#![cfg(feature = "replay")]
#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use v2x_replay::source::sha256;
use v2x_report::Report;

/// A folder of its own with traces and what says how to read them in `data`, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("roadcast-reading-{name}-{}", std::process::id()));
        fs::create_dir_all(path.join("data")).unwrap();
        let scratch = Self(path);
        let net = "<net><location netOffset=\"-292000,-5498000\" convBoundary=\"0,0,2000,3000\" origBoundary=\"6.1,49.5,6.2,49.7\" \
                   projParameter=\"+proj=utm +zone=32 +ellps=WGS84\"/></net>";
        let house =
            "<additional><poly id=\"h\" type=\"home\" shape=\"590,20 900,20 900,40 590,40\"/></additional>";
        let mapping =
            "[columns]\ntime = \"ms\"\nid = \"who\"\nx = \"east\"\ny = \"north\"\n[units]\ntime = \"ms\"\n";
        for (name, text) in [
            ("t.csv", trace(|x, y| (x, y))),
            ("degrees.csv", trace(|x, y| (6.0 + x / 70_000.0, 49.0 + y / 110_000.0))),
            ("bad.csv", trace(|x, y| (x, y)).replacen("0.3;car1;", "0.3;car1;far", 1)),
            ("mapped.csv", mapped()),
            ("x.net.xml", net.to_owned()),
            ("x.poly.xml", house.to_owned()),
            ("own.toml", mapping.to_owned()),
            ("two.txt", "# equipped\ncar0\ncar2\n".to_owned()),
            ("kinds.toml", "[[kind]]\nid = \"car2\"\nis = \"emergency\"\nlength_m = 9\n".to_owned()),
        ] {
            scratch.write(name, &text);
        }
        scratch
    }

    /// A file in `data`.
    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join("data").join(name), text).unwrap();
    }

    /// Exit code and standard error.
    fn run(&self, args: &[&str]) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roadcast"));
        let output = command.arg("replay").args(args).current_dir(&self.0).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    /// The report of a run that has one, whatever its verdict.
    fn report(&self, args: &[&str]) -> Report {
        let (code, said) = self.run(&[&["run", "--json", "r.json", "-q"][..], args].concat());
        assert!(code < 2, "{args:?}: {said}");
        let report: Report =
            serde_json::from_str(&fs::read_to_string(self.0.join("r.json")).unwrap()).unwrap();
        report.check().unwrap();
        report
    }

    /// What a plan with one run of this digest has for its own.
    fn of_one_run(&self, digest: &str) -> String {
        let byte = |at: usize| u8::from_str_radix(&digest[2 * at..2 * at + 2], 16).unwrap();
        let path = self.0.join("digest");
        fs::write(&path, (0..digest.len() / 2).map(byte).collect::<Vec<u8>>()).unwrap();
        sha256(&path).unwrap()
    }

    /// A plan of a trace with these keys, within a range or over a radio.
    fn plan(&self, trace: &str, keys: &str, radio: Option<&str>) {
        let medium = radio
            .map_or("kind = \"range\"".to_owned(), |name| format!("kind = \"radio\"\nprofile = \"{name}\""));
        let text = format!("[scenario]\nkind = \"trace\"\nfile = \"{trace}\"\n{keys}\n[medium]\n{medium}\n");
        self.write("p.toml", &text);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Six vehicles of several kinds side by side for two seconds.
fn trace(place: impl Fn(f64, f64) -> (f64, f64)) -> String {
    let kinds = ["passenger", "bus", "tram", "passenger", "truck", "passenger"];
    let mut csv = String::from("time;id;x;y;angle;speed;type\n");
    for step in 0..20 {
        for (car, kind) in kinds.iter().enumerate() {
            let (x, y) = place(f64::from(600 + 40 * car as i32 + step), f64::from(60 * (car as i32 % 2)));
            writeln!(csv, "{}.{};car{car};{x};{y};90;10;{kind}", step / 10, step % 10).unwrap();
        }
    }
    csv
}

/// The same as another house has it.
fn mapped() -> String {
    let mut csv = String::from("ms,who,east,north\n");
    for step in 0..20 {
        for car in 0..6 {
            writeln!(csv, "{},car{car},{},{}", 100 * step, 600 + 40 * car + step, 60 * (car % 2)).unwrap();
        }
    }
    csv
}

#[test]
fn a_trace_from_a_pipe_is_read_once_whether_or_not_huge_pages_are_asked_for() {
    let scratch = Scratch::new("pipe");
    let run = |pages: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roadcast"));
        command.args(["replay", "run", "-", "--json", "piped.json", "-q"]).env_remove("ROADCAST_HUGE_PAGES");
        command.envs(pages.map(|pages| ("ROADCAST_HUGE_PAGES", pages)));
        let trace = fs::File::open(scratch.0.join("data/t.csv")).unwrap();
        let output = command.current_dir(&scratch.0).stdin(trace).output().unwrap();
        let report = fs::read_to_string(scratch.0.join("piped.json")).unwrap_or_default();
        (output.status.code(), report, String::from_utf8(output.stderr).unwrap())
    };
    let (asked, as_it_is) = (run(None), run(Some("off")));
    assert!(asked.0.is_some_and(|code| code < 2) && asked.1.starts_with('{'), "{}", asked.2);
    assert_eq!(asked, as_it_is);
}

#[test]
fn each_key_of_a_plan_does_what_its_option_does() {
    let scratch = Scratch::new("alike");
    let whole = scratch.report(&["data/t.csv"]).digest.unwrap();
    scratch.plan("t.csv", "", None);
    let planned = scratch.report(&["--plan", "data/p.toml"]).digest.unwrap();
    assert_eq!(planned, scratch.of_one_run(&whole), "a plan of one run hashes that run's digest");
    for (trace, options, keys) in [
        ("t.csv", &["--from", "0.5"][..], "from = 0.5"),
        ("t.csv", &["--to", "1.5"], "to = 1.5"),
        ("t.csv", &["--origin", "52.52,13.4"], "origin = [52.52, 13.4]"),
        ("t.csv", &["--net", "data/x.net.xml"], "net = \"x.net.xml\""),
        ("t.csv", &["--only", "car0,car3,car4"], "only = [\"car0\", \"car3\", \"car4\"]"),
        ("t.csv", &["--only", "car0,car3"], "only = \"car0,car3\""),
        ("t.csv", &["--only", "@data/two.txt"], "only = \"@two.txt\""),
        ("t.csv", &["--only-kinds", "bus,tram,truck"], "only_kinds = [\"bus\", \"tram\", \"truck\"]"),
        ("t.csv", &["--share", "60"], "share = 60"),
        ("t.csv", &["--share", "60", "--share-seed", "7"], "share = 60\nshare_seed = 7"),
        ("t.csv", &["--kinds", "data/kinds.toml"], "kinds = \"kinds.toml\""),
        ("bad.csv", &["--tolerate", "2"], "tolerate = 2"),
        ("degrees.csv", &["--geographic"], "geographic = true"),
        ("mapped.csv", &["--mapping", "data/own.toml"], "mapping = \"own.toml\""),
    ] {
        let alone = scratch.report(&[&[format!("data/{trace}").as_str()][..], options].concat());
        scratch.plan(trace, keys, None);
        let planned = scratch.report(&["--plan", "data/p.toml"]);
        let digest = alone.digest.unwrap();
        assert_eq!(planned.digest.unwrap(), scratch.of_one_run(&digest), "{keys}");
        assert_eq!(planned.stations, alone.stations, "{keys}");
        // What drops rows of a file says so.
        assert!(digest != whole || !alone.warnings.is_empty(), "{keys}: no effect");
        // What the trace's reader had to say, and what it read besides the trace.
        assert_eq!(planned.warnings, alone.warnings, "{keys}");
        assert_eq!(planned.run.inputs[1..], alone.run.inputs, "{keys}");
    }
    for max in ["120", "119"] {
        let (alone, said) = scratch.run(&["run", "data/t.csv", "--max-samples", max]);
        scratch.plan("t.csv", &format!("max_samples = {max}"), None);
        let (planned, told) = scratch.run(&["run", "--plan", "data/p.toml"]);
        assert_eq!((alone == 2, planned == 2), (max == "119", max == "119"), "{said}{told}");
        assert_eq!(told.contains("more than 119 samples"), max == "119", "{told}");
    }
}

#[test]
fn buildings_of_a_plan_weaken_what_those_of_the_option_weaken() {
    let scratch = Scratch::new("houses");
    let mut digests = Vec::new();
    for (options, keys) in [
        (&[][..], ""),
        (
            &["--polygons", "data/x.poly.xml", "--polygon-types", "ho*,x"],
            "polygons = \"x.poly.xml\"\npolygon_types = [\"ho*\", \"x\"]",
        ),
    ] {
        let alone = scratch.report(&[&["data/t.csv", "--radio", "urban"][..], options].concat());
        scratch.plan("t.csv", keys, Some("urban"));
        let planned = scratch.report(&["--plan", "data/p.toml"]);
        digests.push(alone.digest.unwrap());
        assert_eq!(planned.digest.as_ref(), Some(&scratch.of_one_run(digests.last().unwrap())), "{keys}");
        assert_eq!(planned.run.inputs[1..], alone.run.inputs);
    }
    assert_ne!(digests[0], digests[1], "nothing was in the way");
    scratch.plan("t.csv", "polygons = \"x.poly.xml\"", Some("urban"));
    for (args, wanted) in [
        (
            &[][..],
            "data/p.toml: data/x.poly.xml:1: has no building among its polygons, which are of type home; ",
        ),
        (&["--radio", "ideal"], "data/p.toml: ideal: a range and no radio channel; take published"),
    ] {
        let (code, said) = scratch.run(&[&["run", "--plan", "data/p.toml"][..], args].concat());
        assert!(code == 2 && said.contains(wanted) && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn a_wrong_key_and_a_file_that_cannot_be_used_are_told_in_a_line_with_the_plan() {
    let scratch = Scratch::new("wrong");
    scratch.write("rule.toml", "[[kind]]\nis = \"tram\"\n");
    for (keys, wanted) in [
        (
            "from = -1",
            "data/p.toml:4: scenario.from: found -1, expected seconds of the trace's own time, 0 or more",
        ),
        ("form = 1", "data/p.toml:4: scenario.form: unknown key; known keys here: "),
        (
            "kinds = \"rule.toml\"",
            "data/p.toml: scenario.kinds: data/rule.toml:1: kind[1].type is missing: a pattern",
        ),
        ("net = \"t.csv\"", "data/p.toml: scenario.net: data/t.csv:"),
        ("only = \"@none.txt\"", "data/p.toml: scenario.only: data/none.txt: cannot be read: "),
        ("mapping = \"lowd\"", "data/p.toml: scenario.mapping: data/lowd: cannot be read: "),
        ("only = \"car9\"", "data/p.toml: data/t.csv: no usable sample: "),
        (
            "polygons = \"x.poly.xml\"",
            "data/p.toml:4: scenario.polygons: does not go with the medium \"range\"",
        ),
    ] {
        scratch.plan("t.csv", keys, None);
        let (code, said) = scratch.run(&["run", "--plan", "data/p.toml"]);
        assert!(code == 2 && said.contains(wanted), "found {said:?}, wanted {wanted:?}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn the_command_line_goes_before_the_plan_and_is_refused_where_the_plan_has_no_trace() {
    let scratch = Scratch::new("before");
    scratch.plan("t.csv", "share = 60\nfrom = 0.5", None);
    let both = scratch.report(&["--plan", "data/p.toml", "--only-kinds", "bus", "--share", "100"]);
    let alone = scratch.report(&["data/t.csv", "--from", "0.5", "--only-kinds", "bus", "--share", "100"]);
    assert_eq!(both.digest.unwrap(), scratch.of_one_run(&alone.digest.unwrap()));
    scratch.write("road.toml", "[scenario]\nkind = \"highway\"\n");
    for (plan, wanted) in [
        (
            "data/road.toml",
            "--to cannot be used with --plan unless the plan follows a trace: data/road.toml has another",
        ),
        (
            "data/none.toml",
            "--to cannot be used with --plan unless the plan follows a trace: data/none.toml: cannot be read",
        ),
    ] {
        let (code, said) = scratch.run(&["run", "--plan", plan, "--to", "3"]);
        assert!(code == 2 && said.contains(wanted) && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn places_of_a_plan_follow_its_trace() {
    let scratch = Scratch::new("places");
    let unit = "[[unit]]\nname = \"unit\"\nat_m = [620, 20]\n[[event]]\nby = \"unit\"\nat_s = 0.2\n\
                area = { shape = \"circle\", radius_m = 500 }\n";
    for (trace, keys, unit) in [
        ("t.csv", "", unit.to_owned()),
        ("t.csv", "origin = [52.52, 13.4]", unit.to_owned()),
        ("t.csv", "net = \"x.net.xml\"", unit.to_owned()),
        // Degrees have no x = 0: from the first position.
        ("degrees.csv", "geographic = true", unit.replace("[620, 20]", "[20, 20]")),
    ] {
        scratch.plan(trace, &format!("{keys}\n{unit}"), None);
        let text = fs::read_to_string(scratch.0.join("data/p.toml")).unwrap();
        scratch.write("p.toml", &format!("warm_up_s = 1\nsettle_s = 0.6\n{text}"));
        let report = scratch.report(&["--plan", "data/p.toml"]);
        let flood = report.flood.unwrap();
        assert_eq!((flood.floods, flood.reach_final), (1, 1.0), "{trace} {keys}");
    }
}
