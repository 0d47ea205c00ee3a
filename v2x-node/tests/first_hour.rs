//! What a newcomer types and reads: slips of the command line, two stations that hear each other, and the commands that ask
//! them. Time is as in `hazard.rs`.

#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

mod town;

use std::path::Path;
use std::process::{Command, Stdio};

use town::{Said, Town};

fn roadcast(args: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roadcast"));
    let command = command.args(args).stdin(Stdio::null()).env_remove("ROADCAST_LOG");
    let output = command.current_dir(env!("CARGO_TARGET_TMPDIR")).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

#[test]
fn a_slip_is_answered_with_what_was_meant() {
    let cases: [(&[&str], &str); 9] = [
        (&["vehicle.toml"], "tip: did you mean: roadcast run --config vehicle.toml?"),
        (&["run", "none.toml"], "none.toml: cannot read the configuration: no such file"),
        (&["run"], "<CONFIG>"),
        (
            &["run", "--seconds", "soon", "a.toml"],
            "expected 0 to 31536000 seconds, such as 20, 90s, 10m or 1h",
        ),
        (
            &["dump", "--interface", "lo", "--group", "239.1.1.1"],
            "239.1.1.1 needs a port, such as 239.1.1.1:47808",
        ),
        (&["dump", "--interface", "lo", "--group", "10.1.1.1:5"], "10.1.1.1 is no multicast group"),
        (&["dump", "--interface", "lo", "--group", "x"], "expected an IPv4 group and its port, such as"),
        (&["hazard", "new", "--cause", "crash"], "near it: accident, post_crash"),
        (&["run", "--config", "a", "b"], "cannot be used with"),
    ];
    let of_replay: [(&[&str], &str); 6] = [
        (&["town.fcd.csv.gz"], "tip: did you mean: roadcast replay run town.fcd.csv.gz?"),
        (&["replay", "town.fcd.csv.gz"], "tip: did you mean: roadcast replay run town.fcd.csv.gz?"),
        (&["replay", "night.rec"], "tip: did you mean: roadcast replay check night.rec?"),
        (&["replay", "run"], "give a trace, such as town.fcd.csv.gz, or --plan PLAN.toml"),
        (&["replay", "run", "x.csv", "--pseudonyms", "1"], "\"auto\" or 2 to 86400 seconds"),
        (&["demo", "--seconds", "0"], "expected 1 to 86400 seconds, such as 20, 90s, 10m or 1h"),
    ];
    let of_replay = of_replay.into_iter().filter(|_| cfg!(feature = "replay"));
    for (args, expected) in cases.into_iter().chain(of_replay) {
        let said = roadcast(args);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{args:?}: {}", said.err);
        assert!(said.err.contains(expected), "{args:?}: {}\nlacks\n{expected}", said.err);
    }
    let mut odd = Command::new(env!("CARGO_BIN_EXE_roadcast"));
    let odd = odd.args(["status", "--socket", "none"]).env("ROADCAST_LOG", "a=b=c").output().unwrap();
    assert!(String::from_utf8(odd.stderr).unwrap().contains("ROADCAST_LOG is not used: "));
    let unlike = roadcast(&["run", "--stations", "3", "a.toml"]).err;
    assert!(unlike.contains("unexpected argument '--stations'") && !unlike.contains("--json"), "{unlike}");
}

#[cfg(feature = "replay")]
#[test]
fn a_station_s_configuration_is_no_plan_and_a_plan_is_no_station() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let station = root.join("examples/vehicle.toml").display().to_string();
    let said = roadcast(&["replay", "run", "--plan", &station]);
    let right = "role: found a station's role, expected a plan, which has none; a station's configuration is run by: roadcast run ";
    assert!(said.code == 2 && said.err.contains(right), "{}", said.err);
    let said = roadcast(&["replay", "run", &station]);
    assert!(said.code == 2 && said.err.contains("a station by: roadcast run "), "{}", said.err);
    let trace = root.join("replay/assets/town.fcd.csv.gz").display().to_string();
    let said = roadcast(&["replay", "run", &trace, "--attack", &station]);
    let right = "role: found a station's role, expected a plan of attacks, which has none; ";
    assert!(said.code == 2 && said.err.contains(right), "{}", said.err);
    let said = roadcast(&["replay", "run", &trace, "--from", "99999"]);
    assert!(
        said.code == 2
            && said.err.contains("none from 99999 s on of its own time, whose first step is at 120 s\n"),
        "{}",
        said.err
    );
    let plan = root.join("replay/plans/flood/highway-20.toml").display().to_string();
    let said = roadcast(&["run", &plan]);
    let right = "scenario: found a scenario, expected a station's configuration; a plan is run by: roadcast replay run --plan ";
    assert!(said.code == 2 && said.err.contains(right), "{}", said.err);
}

#[test]
fn every_example_is_a_good_configuration_and_so_is_each_position_that_it_offers() {
    use v2x_node::config::StationConfig;

    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let load = |name: &str, text: &str| StationConfig::parse(text, &examples.join(name)).unwrap();
    for name in ["vehicle.toml", "roadside.toml", "bench.toml"] {
        if name == "bench.toml" && cfg!(not(feature = "replay")) {
            continue;
        }
        let text = std::fs::read_to_string(examples.join(name)).unwrap();
        assert_eq!(load(name, &text).realtime, v2x_node::config::Realtime::default(), "{name}");
    }
    let vehicle = std::fs::read_to_string(examples.join("vehicle.toml")).unwrap();
    let (before, section) = vehicle.split_once("[position]\n").unwrap();
    let (section, after) = section.split_once("\n[").unwrap();
    let offers: Vec<&str> = section.split("source = ").skip(1).collect();
    let sources = offers.iter().map(|offer| offer.split('"').nth(1).unwrap());
    assert_eq!(sources.collect::<Vec<_>>(), ["gpsd", "nmea", "control", "fixed", "trace"]);
    for offer in offers {
        if offer.starts_with("\"trace\"") && cfg!(not(feature = "replay")) {
            continue;
        }
        let keys = offer.trim_end().trim_end_matches('#').replace("\n# ", "\n");
        load("vehicle.toml", &format!("{before}[position]\nsource = {keys}\n[{after}"));
    }
}

#[test]
fn the_service_of_the_examples_runs_a_fixed_configuration_with_one_right() {
    let unit =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/roadcast.service"));
    let unit = unit.unwrap();
    let of = |key: &str| {
        let values = unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        values.collect::<Vec<_>>().join(" ")
    };
    for (key, right) in [
        ("ExecStart", "/usr/bin/roadcast run /etc/roadcast/station.toml"),
        ("User", "roadcast"),
        ("AmbientCapabilities", "CAP_NET_RAW"),
        ("CapabilityBoundingSet", "CAP_NET_RAW"),
        ("NoNewPrivileges", "yes"),
        ("LimitCORE", "0"),
        ("MemorySwapMax", "0"),
        ("ProtectSystem", "strict"),
        ("UMask", "0077"),
        ("RuntimeDirectory", "roadcast"),
    ] {
        assert_eq!(of(key), right, "{key}");
    }
    // How a station reads how good the clock is, and learns of its interface.
    assert!(of("SystemCallFilter").contains(" clock_adjtime ") && of("ProtectClock").is_empty());
    // And that systemd learns when it is ready, and whether its loop goes on.
    assert_eq!((of("Type").as_str(), of("NotifyAccess").as_str()), ("notify", "main"));
    assert!(of("WatchdogSec").parse::<u32>().is_ok_and(|seconds| seconds >= 3));
    assert!(of("RestrictAddressFamilies").contains("AF_NETLINK AF_PACKET"));
}

#[test]
fn two_stations_say_that_they_hear_each_other_and_answer_for_it() {
    let town = Town::new("hear");
    town.vehicle("a", Some(49.6116), "");
    town.vehicle("b", Some(49.6118), "[control]\nsocket = \"roadcast/b.sock\"");
    let mut a = town.start(&["a.toml"]);
    a.until("sending");
    let status = town.good(&["status"]);
    assert!(status.lines().all(|line| line.chars().count() <= 80), "{status}");
    assert!(status.contains("\nsending     yes\n") && status.contains("\nneighbours  none\n"), "{status}");
    assert!(town.good(&["neighbours"]).starts_with("no neighbours: "));
    let mut b = town.start(&["--config", "b.toml"]);
    assert!(a.until("heard car ").ends_with(": 22 m north\n"));
    assert!(b.until("heard car ").ends_with(": 22 m south\n"));
    let neighbours = town.good(&["neighbours", "--config", "a.toml"]);
    assert!(neighbours.lines().nth(1).is_some_and(|row| row.contains("  22 m north  ")), "{neighbours}");
    let json = town.good(&["neighbours", "--socket", "roadcast/b.sock", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["neighbours"], json["nearest"].as_array().map(Vec::len)), (&1.into(), Some(1)));
    let json = town.good(&["status", "--config", "b.toml", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["status"]["sending"], &json["status"]["neighbours"]), (&true.into(), &1.into()));
    // Not on a terminal: no colour, unless it is asked for.
    assert!(!status.contains('\u{1b}'));
    let painted = town.good(&["--color", "always", "status", "--config", "a.toml"]);
    assert!(painted.contains("\u{1b}[32myes\u{1b}[0m"), "{painted}");
    a.end();
    let none = town.bad(2, &["status", "--config", "a.toml"]);
    assert!(none.contains("roadcast/a.sock: no daemon answers: no such file"), "{none}");
    b.end();
}

#[cfg(feature = "replay")]
#[test]
fn an_interrupted_demo_says_so_and_reports_what_there_was() {
    use std::io::{BufRead, BufReader, Read};

    let mut command = Command::new(env!("CARGO_BIN_EXE_roadcast"));
    let command = command.args(["demo", "--seconds", "10m"]).env_remove("ROADCAST_LOG");
    let mut demo = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(demo.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains(" s  stations ") {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0, "the demo ended");
    }
    let pid = nix::unistd::Pid::from_raw(i32::try_from(demo.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    let (mut rest, mut err) = (String::new(), String::new());
    out.read_to_string(&mut rest).unwrap();
    demo.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!(demo.wait().unwrap().code(), Some(130), "{err}");
    assert!(err.starts_with("roadcast: interrupted after "), "{err}");
    let last = rest.rfind("\nverdict: ").unwrap();
    assert!(
        rest.find("\nclass ").is_some_and(|classes| classes < last) && !rest.contains("stages"),
        "{rest}"
    );
}
