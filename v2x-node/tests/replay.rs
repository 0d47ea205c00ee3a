//! `roadcast replay` as a user meets it.

#![cfg(feature = "replay")]
#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use testkit::drive::drain;
use v2x_core::{Anchor, ClockState, Config, Fix, Input, Instant, Node, Pool, Position, WireTime};
use v2x_proto::v1;
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
    let mut bytes = record::start(&v1::RecordingHeader {
        version: record::VERSION,
        software: "roadcast 0.1.0".to_owned(),
        config_json: serde_json::to_string(&config).unwrap(),
        credential: pool.active().credential().clone(),
        issuers: vec![cast.issuer().clone()],
        roots: vec![cast.root().clone()],
        seed: 9,
        anchor_instant_ns: 0,
        anchor_wire_us: start.as_micros(),
        pool: record::identities(&pool),
        lost_inputs: None,
    });
    let anchor = Anchor { instant: Instant::ZERO, wire: start };
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
    assert!(out.contains("verdict: MET") && out.contains("verify once"), "{out}");
    let json = fs::read_to_string(scratch.0.join("r.json")).unwrap();
    let report: v2x_report::Report = serde_json::from_str(&json).unwrap();
    report.check().unwrap();
    assert_eq!((report.stations, report.digest.map(|digest| digest.len())), (3, Some(64)));
    assert!(report.realtime_factor > 0.0);
    assert!(fs::read_to_string(scratch.0.join("r.html")).unwrap().contains("Map of the run"));
    assert!(scratch.0.join("logs/replay.hlog").exists());
    let (code, out, err) = scratch.run(&["run", "row.csv", "--quiet", "--verify", "every", "--threads", "2"]);
    assert_eq!((code, out.as_str(), err.as_str()), (0, "", ""));
}

#[test]
fn bad_input_is_named_and_other_files_are_sent_where_they_belong() {
    let scratch = Scratch::new("bad");
    scratch.write("night.rec", &recording());
    scratch.write("air.pcapng", b"\x0a\x0d\x0d\x0a\x1c\0\0\0");
    scratch.write("row.csv", trace().as_bytes());
    scratch.write("cut.csv", format!("{}0.5;car0;nan;1.0;90.0;10.0\n", trace()).as_bytes());
    for (args, complaint) in [
        (&["run", "none.csv"][..], "none.csv: cannot be opened"),
        (&["run", "night.rec"], "use: roadcast replay check night.rec"),
        (&["run", "air.pcapng"], "use: roadcast dump air.pcapng"),
        (&["run", "row.csv", "--range", "9999"], "range is 9999; it should be above 0 and at most 1500 m"),
        (&["run", "row.csv", "--threads", "0"], "0 is not in 1..=256"),
        (&["check", "row.csv"], "row.csv: is no recording"),
        (&["convert", "row.csv", "row.parquet"], "no format for this name"),
    ] {
        let (code, out, err) = scratch.run(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?} {err}");
        assert!(err.contains(complaint), "{args:?}: {err}");
    }
    let (code, out, err) = scratch.run(&["run", "cut.csv"]);
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
    let complaint = "wrong.toml:2: attack[0].kind: found ";
    assert!(err.contains(complaint) && err.contains("expected \"constant_position\", "), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
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
    assert!(out.contains("floods: 1 in 1 runs") && out.contains("\nflooding "), "{out} {err}");
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
        let line = out.lines().find(|line| line.starts_with("digest "));
        line.unwrap_or_else(|| panic!("{out}{err}")).to_owned()
    };
    assert_eq!(digest("row.csv"), digest("row.xml.gz"));
}
