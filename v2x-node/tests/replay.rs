//! `roadcast replay` as a user meets it.

#![cfg(feature = "replay")]
#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use testkit::drive::drain;
use v2x_core::{Anchor, ClockState, Config, Fix, Input, Instant, Node, Pool, Position, WireTime};
use v2x_recording::record;
use v2x_replay::identities::{Cast, Part};

/// A directory of its own, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("roadcast-replay-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.0.join(name), bytes).unwrap();
    }

    /// Exit code, standard output, standard error.
    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roadcast"));
        let output = command.arg("replay").args(args).current_dir(&self.0).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Three cars in a row for two seconds.
fn trace() -> String {
    let mut csv = String::from("timestep_time;vehicle_id;vehicle_x;vehicle_y;vehicle_angle;vehicle_speed\n");
    for step in 0..20 {
        for car in 0..3 {
            let x = 50 * car + step;
            writeln!(csv, "{}.{};car{car};{x}.0;1200.0;90.0;10.0", step / 10, step % 10).unwrap();
        }
    }
    csv
}

/// Half a second of a stationary station that sends.
fn recording() -> Vec<u8> {
    let start = WireTime::from_secs(700_000_000);
    let cast = Cast::new(1, start, core::time::Duration::from_secs(60)).unwrap();
    let config = Config::vehicle();
    let pool = Pool::from(cast.identity(0, Part::Vehicle));
    let anchor = Anchor { instant: Instant::ZERO, wire: start };
    let [roots, issuers] = [cast.root(), cast.issuer()].map(|one| vec![one.clone()]);
    let header = record::header("roadcast 0.1.0", &config, &pool, roots, issuers, 9, anchor);
    let mut bytes = record::start(&header);
    let mut node = Node::new(config, pool, cast.trust().clone(), 9, anchor);
    let fix = Fix {
        position: Position { latitude: 496_000_000, longitude: 61_300_000 },
        altitude_cm: None,
        speed: None,
        heading: None,
        acceleration: None,
        yaw_rate: None,
        accuracy_cm: None,
        time: start,
    };
    let inputs =
        [Input::Clock { wire: start, state: ClockState::Locked }, Input::Fix(Some(fix)), Input::Timeout];
    for (step, input) in inputs.into_iter().enumerate() {
        let now = Instant::from_millis(200 * step as u64);
        record::write_input(now, &input, &mut bytes);
        node.handle_input(now, input);
        drain(&mut node, |output| record::write_output(&output, &mut bytes));
    }
    bytes
}

#[test]
fn a_run_prints_its_table_and_writes_what_was_asked_for() {
    let scratch = Scratch::new("run");
    scratch.write("row.csv", trace().as_bytes());
    let files = ["--json", "r.json", "--html", "r.html", "--hdr", "logs"];
    let (code, out, err) = scratch.run(&[&["run", "row.csv", "--rate", "10"], &files[..]].concat());
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("verdict: MET") && out.contains("signatures verified once a frame"), "{out}");
    let json = fs::read_to_string(scratch.0.join("r.json")).unwrap();
    let report: v2x_report::Report = serde_json::from_str(&json).unwrap();
    report.check().unwrap();
    assert_eq!((report.stations, report.digest.map(|digest| digest.len())), (3, Some(64)));
    assert!(report.machine.is_none() && out.contains(" x real time)"), "{out}");
    assert_eq!(report.run.command, "roadcast replay run row.csv --rate 10");
    assert_eq!((report.run.inputs[0].name.as_str(), report.run.rate_hz), ("row.csv", Some(10.0)));
    assert!(fs::read_to_string(scratch.0.join("r.html")).unwrap().contains("Map of the run"));
    assert!(scratch.0.join("logs/replay.hlog").exists());
    let (code, out, err) = scratch.run(&["run", "row.csv", "--quiet", "--verify", "every", "--threads", "2"]);
    assert_eq!((code, out.as_str(), err.as_str()), (0, "", ""));
}

#[test]
fn equal_runs_write_equal_files_wherever_they_go() {
    let scratch = Scratch::new("equal");
    scratch.write("row.csv", trace().as_bytes());
    let run = |seed: &str, name: &str, more: &[&str]| {
        let files = [format!("{name}.json"), format!("{name}.html"), format!("{name}.logs")];
        let args =
            ["run", "row.csv", "--seed", seed, "--json", &files[0], "--html", &files[1], "--hdr", &files[2]];
        let (code, out, err) = scratch.run(&[&args[..], more].concat());
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
        let read = |name: &str| fs::read(scratch.0.join(name)).unwrap();
        (read(&files[0]), read(&files[1]), read(&format!("{}/replay.hlog", files[2])))
    };
    let first = run("7", "one", &[]);
    assert!(first == run("7", "another", &["--threads", "2", "-v", "--quiet"]), "JSON, page or log differ");
    assert!(first.0 != run("8", "other", &[]).0);
    let report: v2x_report::Report = serde_json::from_slice(&first.0).unwrap();
    let digest = report.run.inputs[0].sha256.clone().unwrap();
    assert_eq!((digest.len(), report.run.seeds, report.run.range_m), (64, vec![7], Some(300.0)));
    let page = String::from_utf8(first.1).unwrap();
    assert!(
        page.contains("<code>roadcast replay run row.csv --seed 7</code>") && page.contains(&digest[..12])
    );
    assert!(
        page.contains("Over time") && !page.contains("class=\"warnings\""),
        "an honest run has no orange box"
    );
}

#[test]
fn a_trace_may_come_through_a_fifo() {
    let scratch = Scratch::new("fifo");
    let fifo = scratch.0.join("row.csv");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let writer = std::thread::spawn(move || fs::write(fifo, trace()).unwrap());
    let (code, out, err) = scratch.run(&["run", "row.csv"]);
    writer.join().unwrap();
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("trace: row.csv\n"), "what was read cannot be read again: {out}");
}

#[test]
fn a_result_overwrites_neither_the_trace_nor_another_result() {
    let scratch = Scratch::new("apart");
    scratch.write("row.csv", trace().as_bytes());
    for (args, one, other) in [
        (&["run", "row.csv", "--json", "./row.csv", "-q"][..], "the report", "the trace"),
        (&["run", "row.csv", "--html", "row.csv", "-q"], "the page", "the trace"),
        (&["run", "row.csv", "--json=a", "--html=./a", "-q"], "the page", "the report"),
        (&["run", "row.csv", "--json=a", "--parquet=./a", "-q"], "the report", "the tables"),
        (&["run", "row.csv", "--parquet=a", "--hdr=./a", "-q"], "the tables", "the histograms"),
        (&["run", "row.csv", "--json=k", "--kinds=k", "-q"], "the report", "the kinds"),
        (&["convert", "row.csv", "./row.csv"], "the converted trace", "the trace"),
        (&["view", "row.csv", "-o", "row.csv"], "the page", "the file to view"),
        (&["merge", "night.rec", "car.rec", "--json", "car.rec"], "the figures", "a recording"),
        (&["compare", "a.json", "b.json", "--json", "b.json"], "the comparison", "the second report"),
        (&["validate", "--radio", "mine.toml", "--html", "mine.toml"], "the page", "the radio's profile"),
    ] {
        let (code, _, err) = scratch.run(args);
        assert_eq!(code, 2, "{err}");
        let found = format!("is to be both {one} and {other}; give each a file of its own\n");
        assert!(err.ends_with(&found), "{err}");
    }
    assert_eq!(fs::read(scratch.0.join("row.csv")).unwrap(), trace().as_bytes());
}

#[test]
fn a_page_goes_through_a_link_and_leaves_a_device_what_it_is() {
    let scratch = Scratch::new("device");
    scratch.write("row.csv", trace().as_bytes());
    for (link, target) in [("null", "/dev/null"), ("link.html", "page.html")] {
        std::os::unix::fs::symlink(target, scratch.0.join(link)).unwrap();
        let (code, _, err) = scratch.run(&["run", "row.csv", "--html", link, "-q"]);
        assert_eq!(code, 0, "{err}");
        assert!(scratch.0.join(link).is_symlink(), "{link}");
    }
    let page = fs::metadata(scratch.0.join("page.html")).unwrap();
    assert_eq!(page.permissions().mode() & 0o777, 0o600);
    let (code, _, err) = scratch.run(&["run", "row.csv", "--json", "-", "-q"]);
    assert!(code == 2 && err.contains("-: cannot be written: - is not standard output here"), "{err}");
}

#[test]
fn a_run_in_which_nobody_hears_anybody_fails_and_says_why() {
    let scratch = Scratch::new("alone");
    scratch.write("row.csv", trace().as_bytes());
    let (code, out, err) = scratch.run(&["run", "row.csv", "--range", "10"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("verdict: NOTHING TO JUDGE - no station was in reach of another"), "{out}");
    assert!(err.contains("nothing to judge: no station was in reach of another"), "{err}");
}

#[test]
fn a_trace_runs_over_a_radio_profile_by_its_name_or_from_its_file() {
    let scratch = Scratch::new("radio");
    scratch.write("row.csv", trace().as_bytes());
    let report = |name: &str, more: &[&str]| -> v2x_report::Report {
        scratch.run(&[&["run", "row.csv", "--seed", "3", "--json", name][..], more].concat());
        serde_json::from_str(&fs::read_to_string(scratch.0.join(name)).unwrap()).unwrap()
    };
    let (range, radio) = (report("a.json", &[]), report("b.json", &["--radio", "highway"]));
    assert_eq!((range.run.medium.as_deref(), range.run.range_m), (Some("range"), Some(300.0)));
    assert_eq!((radio.run.medium.as_deref(), radio.run.range_m), (Some("highway"), None));
    assert!(radio.delivery_by_distance[0].expected > 0 && radio.worst_pairs.len() <= 10);
    let again = report("c.json", &["--radio", "highway", "--threads", "2"]);
    assert_eq!(again, radio, "equal runs have equal reports");
    let ideal = report("d.json", &["--radio", "ideal"]);
    assert_eq!((ideal.run.range_m, &ideal.digest), (Some(300.0), &range.digest));
    // Nobody hears a frame that arrives with less than -40 dBm, some metres away.
    let profile = v2x_replay::medium::RadioProfile::shipped_text("highway").unwrap();
    scratch.write("deaf.toml", profile.replace("sensing_dbm = -92", "sensing_dbm = -40").as_bytes());
    let deaf = report("e.json", &["--radio", "deaf.toml"]);
    assert_eq!(deaf.run.medium.as_deref(), Some("deaf.toml"));
    let lost = deaf.classes[2].undelivered["below_sensing"];
    assert!(
        lost > 0 && lost == deaf.classes[2].expected - deaf.classes[2].delivered,
        "{:?}",
        deaf.classes[2]
    );
}

#[test]
fn stages_are_printed_where_more_is_asked_for() {
    let scratch = Scratch::new("stages");
    scratch.write("row.csv", trace().as_bytes());
    let (_, short, _) = scratch.run(&["run", "row.csv"]);
    let (_, long, _) = scratch.run(&["run", "row.csv", "-v"]);
    assert!(!short.contains("D2 stages") && long.contains("D2 stages"), "{long}");
    assert!(
        long.contains("gate_open_to_on_air") && !long.contains("built_to_signed"),
        "no stage of 0 ns: {long}"
    );
    assert!(short.lines().rev().take(12).any(|line| line.starts_with("class  ")), "{short}");
}

#[test]
fn bad_input_is_named_and_other_files_are_sent_where_they_belong() {
    let scratch = Scratch::new("bad");
    scratch.write("night.rec", &recording());
    scratch.write("air.pcapng", b"\x0a\x0d\x0d\x0a\x1c\0\0\0");
    scratch.write("row.csv", trace().as_bytes());
    scratch.write(
        "two.toml",
        b"power_dbm = -3\nnoise_dbm = -95\nsensing_dbm = -85\n[path_loss]\nlines_db = [[47, 20]]\n",
    );
    scratch.write("cut.csv", format!("{}0.5;car0;nan;1.0;90.0;10.0\n", trace()).as_bytes());
    for (args, complaint) in [
        (&["run", "none.csv"][..], "none.csv: cannot be opened"),
        (&["run", "night.rec"], "use: roadcast replay check night.rec"),
        (&["run", "air.pcapng"], "use: roadcast dump air.pcapng"),
        (&["run", "row.csv", "--range", "9999"], "range is 9999; it should be above 0 and at most 1500 m"),
        (&["run", "row.csv", "--radio", "urban", "--range", "300"], "cannot be used with"),
        (&["run", "row.csv", "--radio", "rural"], "rural: cannot be read"),
        (
            &["run", "row.csv", "--radio", "two.toml"],
            "two.toml:1: power_dbm: found -3, expected a number, 0 to 40",
        ),
        (&["run", "row.csv", "--threads", "0"], "expected 1 to 256 threads"),
        (&["run", "row.csv", "--seed", "-1"], "expected a whole number, 0 to 18446744073709551615"),
        (&["run", "row.csv", "--share", "9", "--share-seed", "x"], "expected a whole number, 0 to"),
        (&["check", "row.csv"], "row.csv: is not a recording"),
        (&["convert", "row.csv", "row.parquet"], "no format for this name"),
    ] {
        let (code, out, err) = scratch.run(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?} {err}");
        assert!(err.contains(complaint), "{args:?}: {err}");
    }
    let (code, out, err) = scratch.run(&["run", "cut.csv", "--tolerate", "2"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(err.matches("warning:").count(), 1, "{err}");
    assert!(err.contains("1 row dropped") && out.contains("warning: trace: 1 row dropped"), "{out}");
}

#[test]
fn an_attacked_run_scores_each_attack_and_a_wrong_plan_is_named() {
    let scratch = Scratch::new("attack");
    scratch.write("row.csv", trace().as_bytes());
    scratch.write("plan.toml", b"[[attack]]\nkind = \"stale\"\nshare = 0.3\n");
    scratch.write("wrong.toml", b"[[attack]]\nkind = \"rude\"\n");
    let (_, out, err) = scratch.run(&["run", "row.csv", "--attack", "plan.toml", "--json", "r.json"]);
    assert!(out.contains("suspected without attackers: 0 % of stations"), "{out} {err}");
    let report: v2x_report::Report =
        serde_json::from_str(&fs::read_to_string(scratch.0.join("r.json")).unwrap()).unwrap();
    report.check().unwrap();
    assert_eq!(report.false_positive_ratio, Some(0.0));
    let detection = report.detection.unwrap();
    assert_eq!((detection.len(), detection[0].attack.as_str(), detection[0].f1), (1, "stale", 1.0));
    let (code, _, err) = scratch.run(&["run", "row.csv", "--attack", "wrong.toml"]);
    assert_eq!(code, 2);
    let complaint = "wrong.toml:2: attack[1].kind: found ";
    assert!(err.contains(complaint) && err.contains("expected \"constant_position\", "), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
}

#[test]
fn attacks_that_come_with_the_program_go_by_name_on_a_plan_and_their_cost_is_reported() {
    let scratch = Scratch::new("red");
    let (code, list, err) = scratch.run(&["run", "--attack", "list"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(list.lines().count() > 20 && list.contains("\n  credential_storm "), "{list}");
    assert!(list.lines().all(|line| line.len() <= 80), "{list}");
    // Which want a trace and which a road, and which road.
    let heads: Vec<&str> = list.lines().filter(|line| line.ends_with("--attack NAME:")).collect();
    let road = |name| format!("roadcast replay run --plan replay/plans/red/{name}.toml --attack NAME:");
    assert_eq!(heads, ["roadcast replay run TRACE --attack NAME:", &road("road"), &road("clear-road")]);
    let places = ["\n  insiders ", &road("road"), "\n  strip ", &road("clear-road"), "\n  forged "];
    let places = places.map(|text| list.find(text).unwrap());
    assert!(places.is_sorted(), "{list}");
    let plan = "warm_up_s = 2\nsettle_s = 1\n[scenario]\nkind = \"highway\"\nlength_m = 1200\ndensity_per_km = 20\n\
                [[event]]\nat_m = [600, 0]\nclass = \"D0\"\n";
    scratch.write("plan.toml", plan.as_bytes());
    let (_, out, err) = scratch.run(&["run", "--plan", "plan.toml", "--attack", "strip", "--json", "r.json"]);
    assert!(out.contains("honest stations") && out.contains("on the air of strip"), "{out} {err}");
    let report: v2x_report::Report =
        serde_json::from_str(&fs::read_to_string(scratch.0.join("r.json")).unwrap()).unwrap();
    report.check().unwrap();
    let damage = report.damage.unwrap();
    assert!(damage.attacks[0].frames > 0 && damage.without.frames > 0, "{damage:?}");
    assert_eq!(damage.without.class("D0").unwrap().expected, damage.with.class("D0").unwrap().expected);
    assert_eq!(report.run.inputs[1].name, "strip");
    // A file goes before a name, and a name that is neither is told with what would be right.
    scratch.write("strip", b"[[attack]]\nkind = \"pad\"\n");
    let (_, out, _) = scratch.run(&["run", "--plan", "plan.toml", "--attack", "strip"]);
    assert!(out.contains("on the air of pad"), "{out}");
    let (code, _, err) = scratch.run(&["run", "--plan", "plan.toml", "--attack", "rudeness"]);
    assert_eq!((code, err.lines().count()), (2, 1), "{err}");
    assert!(
        err.contains("rudeness: cannot be read") && err.contains("a name that --attack list shows"),
        "{err}"
    );
}

#[test]
fn a_plan_of_floods_runs_under_every_forwarding_and_a_wrong_one_is_named() {
    let plan = "warm_up_s = 2\nsettle_s = 1\n[scenario]\nkind = \"highway\"\nlength_m = 600\ndensity_per_km = 40\n\
                [[event]]\nat_m = [100, 0]\narea = { shape = \"circle\", radius_m = 900 }\n";
    let scratch = Scratch::new("plan");
    scratch.write("plan.toml", plan.as_bytes());
    scratch.write("wrong.toml", plan.replace("600", "6").as_bytes());
    let (_, out, err) =
        scratch.run(&["run", "--plan", "plan.toml", "--forwarding", "all", "--json", "r.json"]);
    assert!(out.contains("floods: 1 in 1 run\n") && out.contains("\nflooding "), "{out} {err}");
    let report: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(scratch.0.join("r.json")).unwrap()).unwrap();
    assert_eq!(report["flood"]["forwarding"], "roadcast");
    assert_eq!(report["flood_baselines"][1]["forwarding"], "flooding");
    assert!(report["flood"]["reach_300ms_3km"].as_f64().unwrap() > 0.8, "{}", report["flood"]);
    let (code, _, err) = scratch.run(&["run", "--plan", "wrong.toml"]);
    assert_eq!(code, 2);
    assert!(
        err.contains("wrong.toml:5: scenario.length_m: found 6, expected a number, 100 to 50000"),
        "{err}"
    );
    assert_eq!(err.lines().count(), 1, "{err}");
    for wrong in
        [&["run"][..], &["run", "row.csv", "--plan", "plan.toml"], &["run", "a.csv", "--forwarding", "etsi"]]
    {
        assert_eq!(scratch.run(wrong).0, 2, "{wrong:?}");
    }
}

#[test]
fn a_recording_is_the_same_again_or_shows_where_it_is_not() {
    let scratch = Scratch::new("check");
    let good = recording();
    scratch.write("night.rec", &good);
    let (code, out, err) = scratch.run(&["check", "night.rec"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(
        out.contains("night.rec: 3 inputs, 5 outputs the same, 0.4 s recorded by roadcast 0.1.0"),
        "{out}"
    );
    scratch.write("cut.rec", &good[..good.len() - 3]);
    let (code, _, err) = scratch.run(&["check", "cut.rec"]);
    assert_eq!(code, 0);
    assert!(err.contains("warning: cut.rec: breaks off inside the record at byte"), "{err}");
    let mut wrong = good;
    let last = wrong.len() - 1;
    wrong[last] ^= 1;
    scratch.write("wrong.rec", &wrong);
    let (code, out, err) = scratch.run(&["check", "wrong.rec"]);
    assert_eq!(code, 1);
    assert!(out.contains("first difference at record") && out.contains("after input: a timeout"), "{out}");
    assert!(err.contains("wrong.rec: outputs differ"), "{err}");
}

#[test]
fn a_converted_trace_gives_the_same_digest() {
    let scratch = Scratch::new("convert");
    scratch.write("row.csv", trace().as_bytes());
    let (code, out, _) = scratch.run(&["convert", "row.csv", "row.xml.gz"]);
    assert_eq!(code, 0);
    assert!(out.contains("row.xml.gz: 3 stations, 60 samples, 1.9 s"), "{out}");
    let digest = |file| {
        let (_, out, err) = scratch.run(&["run", file]);
        let line = out.lines().find(|line| line.starts_with("output digest "));
        line.unwrap_or_else(|| panic!("{out}{err}")).to_owned()
    };
    assert_eq!(digest("row.csv"), digest("row.xml.gz"));
}

#[test]
fn a_trace_is_read_from_a_pipe_and_sorted_by_vehicle_alike() {
    let scratch = Scratch::new("pipe");
    let by_time = trace();
    let mut rows: Vec<&str> = by_time.lines().skip(1).collect();
    rows.sort_by_key(|row| row.split(';').nth(1).map(str::to_owned));
    let by_vehicle = format!("{}\n{}\n", by_time.lines().next().unwrap(), rows.join("\n"));
    scratch.write("by-time.csv", by_time.as_bytes());
    scratch.write("by-vehicle.csv", by_vehicle.as_bytes());
    let digest = |args: &[&str]| {
        let (code, out, err) = scratch.run(args);
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
        out.lines().find(|line| line.starts_with("output digest")).unwrap().to_owned()
    };
    let first = digest(&["run", "by-time.csv"]);
    assert_eq!(digest(&["run", "by-vehicle.csv"]), first);
    let mut child = Command::new(env!("CARGO_BIN_EXE_roadcast"))
        .args(["replay", "run", "-"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), by_vehicle.as_bytes()).unwrap();
    let out = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(out.contains(&first), "{out}");
}

#[test]
fn a_recording_or_capture_given_as_a_trace_names_its_command() {
    let scratch = Scratch::new("other-kind");
    scratch.write("night.rec", &recording());
    scratch.write("c.pcapng", b"\x0a\x0d\x0d\x0a\x1c\0\0\0");
    for (file, command) in [("night.rec", "replay check"), ("c.pcapng", "dump")] {
        let (code, _, err) = scratch.run(&["run", file]);
        assert_eq!(code, 2);
        assert!(err.contains(&format!("use: roadcast {command} {file}")), "{err}");
    }
}

#[test]
fn too_many_dropped_rows_end_with_two_unless_they_are_tolerated() {
    let scratch = Scratch::new("tolerate");
    scratch.write("t.csv", trace().replace("1.5;car1;65.0", "1.5;car1;far").as_bytes());
    let (code, _, err) = scratch.run(&["run", "t.csv"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("1.7 % of 60 rows dropped") && err.contains("not a number"), "{err}");
    let (code, _, err) = scratch.run(&["run", "t.csv", "--tolerate", "2"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("1 row dropped"), "{err}");
}

#[test]
fn an_option_without_effect_is_refused() {
    let scratch = Scratch::new("no-effect");
    scratch.write("t.csv", trace().as_bytes());
    for args in [&["run", "t.csv", "--forwarding", "etsi"][..], &["run", "--plan", "p.toml", "--from", "3"]] {
        let (code, _, err) = scratch.run(args);
        assert_eq!(code, 2);
        assert!(err.contains(args[args.len() - 2]), "{err}");
    }
}

#[test]
fn some_stations_of_a_trace_are_run_and_the_report_names_what_chose_them() {
    let scratch = Scratch::new("only");
    scratch.write("t.csv", trace().as_bytes());
    scratch.write("two.txt", b"# equipped\ncar0\ncar2\n");
    scratch.write("kinds.toml", b"[[kind]]\nid = \"car2\"\nis = \"emergency\"\n");
    let (code, _, err) =
        scratch.run(&["run", "t.csv", "--only", "@two.txt", "--kinds", "kinds.toml", "--json", "r.json"]);
    assert_eq!(code, 0, "{err}");
    let report: v2x_report::Report =
        serde_json::from_str(&fs::read_to_string(scratch.0.join("r.json")).unwrap()).unwrap();
    assert_eq!(report.stations, 2);
    let roles: Vec<&str> = report.run.inputs.iter().map(|input| input.role.as_str()).collect();
    assert_eq!(roles, ["trace", "stations", "kinds"]);
    let (code, out, err) =
        scratch.run(&["convert", "t.csv", "e.csv", "--kinds", "kinds.toml", "--only-kinds", "emergency"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("1 stations, 20 samples"), "{out}");
}

#[test]
fn options_that_choose_or_place_stations_are_refused_with_what_would_be_right() {
    let scratch = Scratch::new("chosen");
    scratch.write("t.csv", trace().as_bytes());
    scratch.write(
        "flat.net.xml",
        b"<net>\n<location netOffset=\"0,0\" convBoundary=\"0,0,9,9\" projParameter=\"!\"/></net>",
    );
    scratch.write(
        "far.net.xml",
        b"<net><location netOffset=\"0,0\" convBoundary=\"500000,0,600000,9\" projParameter=\"+proj=utm +zone=32 +ellps=WGS84\"/></net>",
    );
    scratch.write("empty.txt", b"# none\n");
    for (args, complaint) in [
        (&["--only", "car9"][..], "takes none of its 3 stations: car0 (passenger), "),
        (&["--only", "a,,b"], "names separated by commas"),
        (&["--only", "@none.txt"], "none.txt: cannot be read"),
        (&["--only", "@empty.txt"], "empty.txt:1: no name in it"),
        (&["--only-kinds", "ferry"], "of passenger, bus, truck"),
        (&["--share", "0"], "above 0 to 100 per cent"),
        (&["--share-seed", "3"], "--share <PERCENT>"),
        (&["--kinds", "t.csv"], "t.csv:1"),
        (&["--net", "t.csv"], "give a SUMO net"),
        (&["--net", "flat.net.xml"], "flat.net.xml:2: the net has no projection"),
        (&["--net", "far.net.xml"], "a net of another projection than the trace"),
        (&["--net", "far.net.xml", "--origin", "49,6"], "cannot be used with"),
    ] {
        let (code, out, err) = scratch.run(&[&["run", "t.csv"][..], args].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{args:?} {err}");
        assert!(err.contains(complaint), "{args:?}: {err}");
    }
}

#[test]
fn a_mapping_by_name_or_file_reads_other_csv_and_the_plain_reader_names_it() {
    let scratch = Scratch::new("mapping");
    let mut text = "frame,id,x,y,width,height,xVelocity,yVelocity,xAcceleration,yAcceleration\n".to_owned();
    for frame in 0..50 {
        writeln!(text, "{frame},1,{},10,4.5,2,30,0,0,0", 100.0 + f64::from(frame) * 1.2).unwrap();
    }
    scratch.write("tracks.csv", text.as_bytes());
    scratch.write("own.toml", b"[columns]\ntime = \"frame\"\nid = \"id\"\nx = \"x\"\ny = \"yy\"\n");
    let (code, out, err) = scratch.run(&["convert", "tracks.csv", "t.csv", "--mapping", "highd"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("1 stations, 50 samples, 2.0 s") && err.is_empty(), "{out}{err}");
    scratch.write("meta.csv", b"id,class\n1,Truck\n");
    let (code, _, err) =
        scratch.run(&["convert", "tracks.csv", "truck.csv", "--mapping", "highd", "--types", "meta.csv"]);
    assert_eq!(code, 0, "{err}");
    let trucks = ["t.csv", "truck.csv"]
        .map(|name| fs::read_to_string(scratch.0.join(name)).unwrap().contains("truck"));
    assert_eq!(trucks, [false, true]);
    scratch.write("bad.csv", b"id,class\n1\n");
    for (args, complaint) in [
        (&["convert", "tracks.csv", "t.xml"][..], "which --mapping highd reads"),
        (&["convert", "tracks.csv", "t.xml", "--types", "meta.csv"], "--mapping"),
        (
            &["convert", "tracks.csv", "t.xml", "--mapping", "highd", "--types", "bad.csv"],
            "bad.csv:2: 1 fields, the first line has 2; a file of types is a CSV",
        ),
        (
            &["convert", "tracks.csv", "t.xml", "--mapping", "own.toml"],
            "tracks.csv:1: no column \"yy\" (y of the mapping own.toml)",
        ),
        (
            &["convert", "tracks.csv", "t.xml", "--mapping", "lowd"],
            "a mapping is ngsim, highd, ind, pneuma or a TOML file",
        ),
        (&["run", "--plan", "p.toml", "--mapping", "highd"], "cannot be used with"),
    ] {
        let (code, _, err) = scratch.run(args);
        assert_eq!(code, 2);
        assert!(err.contains(complaint), "{args:?}: {err}");
    }
}

#[test]
fn cars_of_a_trace_warn_when_asked_to_and_send_as_often_as_measured_ones() {
    let scratch = Scratch::new("motion");
    let mut text = "time;id;x;y;angle;speed;acceleration\n".to_owned();
    for tenth in 0..40 {
        let time = f64::from(tenth) / 10.0;
        let braked = (time - 1.0).max(0.0);
        let x = 1_000.0 + 20.0 * time - 3.0 * braked * braked;
        let measured = if time > 1.0 { -6 } else { 0 };
        writeln!(text, "{time};front;{x};0;90;{};{measured}", 20.0 - 6.0 * braked).unwrap();
        writeln!(text, "{time};back;{};50;90;20;0", 900.0 + 20.0 * time).unwrap();
    }
    scratch.write("t.csv", text.as_bytes());
    scratch.write("half.csv", b"interval_s,weight\n0.5,1\n");
    scratch.write("wrong.csv", b"0.5\n0.01\n");
    let sent = |args: &[&str]| {
        let (code, _, err) = scratch.run(&[&["run", "t.csv", "--json", "r.json"][..], args].concat());
        assert_eq!(code, 0, "{args:?} {err}");
        let report: v2x_report::Report =
            serde_json::from_str(&fs::read_to_string(scratch.0.join("r.json")).unwrap()).unwrap();
        report.check().unwrap();
        [0, 2].map(|class: usize| report.classes[class].sent)
    };
    let [alone, by_rules] = sent(&[]);
    let [warned, _] = sent(&["--alerts"]);
    let [_, drawn] = sent(&["--awareness", "half.csv"]);
    assert!(alone == 0 && warned > 0, "{alone} {warned}");
    assert!(by_rules > 20 && (14..=18).contains(&drawn), "{by_rules} {drawn}");
    let (code, _, err) = scratch.run(&["run", "t.csv", "--awareness", "wrong.csv"]);
    assert_eq!(code, 2);
    assert!(err.contains("wrong.csv:2: interval \"0.01\"; an interval is 0.1 to 5 s"), "{err}");
}
