//! `roadcast priority` between the running daemons of a bus, which drives a trace, and of a roadside unit with its
//! controller, as a user meets it. Time is as in `hazard.rs`.

#![cfg(feature = "replay")]
#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

mod town;

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};
use town::Town;
use v2x_api::{Client, PriorityStatus};

/// A controller of intersection 18: reports what it shows, and grants whatever is asked. What it was asked comes out.
fn controller(feed: &Path) -> (JoinHandle<()>, Receiver<Value>) {
    let stream = UnixStream::connect(feed).unwrap();
    // How often it reports what it shows, when nothing is asked.
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let (asked, requests) = channel();
    (std::thread::spawn(move || control(stream, &asked)), requests)
}

fn control(mut stream: UnixStream, asked: &Sender<Value>) {
    let groups = json!([{"group": 1, "phase": "stop_and_remain"}, {"group": 2, "phase": "stop_and_remain"},
        {"group": 3, "phase": "stop_and_remain"}, {"group": 4, "phase": "stop_and_remain"}]);
    let shows = json!({"intersection": 18, "groups": groups});
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    // Until the unit has gone.
    while writeln!(stream, "{shows}").is_ok() {
        match lines.read_line(&mut line) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            Err(_) => return,
        }
        let said: Value = serde_json::from_str(&line).unwrap();
        line.clear();
        let request = said["priority"].clone();
        if request["action"] == "request" {
            let answer = json!({"requester": request["requester"], "request": request["request"],
                "state": "granted", "expected_s": 30.0});
            if writeln!(stream, "{}", json!({"intersection": 18, "answers": [answer]})).is_err() {
                return;
            }
        }
        // The receiver may be gone.
        drop(asked.send(request));
    }
}

/// A vehicle that drives north on lane 1 of `examples/crossing.toml` at walking speed.
fn drive(town: &Town) -> String {
    let mut trace =
        "timestep_time;vehicle_id;vehicle_lon;vehicle_lat;vehicle_angle;vehicle_speed\n".to_owned();
    let metre_north = 1.0 / 111_200.0;
    for step in 0..500 {
        let seconds = f64::from(step) / 5.0;
        let latitude = 49.6120 + (seconds - 110.0) * metre_north;
        writeln!(trace, "{seconds:.1};bus;6.1330242;{latitude:.7};0.0;1.0").unwrap();
    }
    fs::write(town.directory.join("drive.csv"), trace).unwrap();
    "source = \"trace\"\nfile = \"drive.csv\"\nstation = \"bus\"".to_owned()
}

const STANDS: &str = "source = \"fixed\"\nlatitude = 49.6116\nlongitude = 6.1319";

#[test]
fn a_bus_asks_the_intersection_ahead_and_is_told_what_becomes_of_it() {
    let town = Town::new("bus");
    let crossing = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/crossing.toml");
    fs::copy(crossing, town.directory.join("crossing.toml")).unwrap();
    let feed = "[roadside]\nintersections = [\"crossing.toml\"]\nfeed = \"unix:feed.sock\"";
    town.station("unit", "roadside", &["--role", "roadside"], STANDS, feed);
    town.station("bus", "vehicle", &["--role", "public-transport"], &drive(&town), "");
    let mut unit = town.start(&["--config", "unit.toml"]);
    unit.until("broadcasts: ");
    let (controller, requests) = controller(&town.directory.join("feed.sock"));
    let mut bus = town.start(&["--config", "bus.toml", "--record", "bus.rec"]);
    bus.until("intersection 18 lane 1: ");

    let watch = Client::connect(&town.directory.join("roadcast/bus.sock")).unwrap().watch_priority().unwrap();
    let mut watch = until_granted(watch);
    let request = ["priority", "request", "--config", "bus.toml", "--egress-lane", "13"];
    assert_eq!(town.good(&request), "priority at intersection 18: asked, no answer yet\n");
    let granted = watch.next().unwrap();
    assert_eq!((granted.role.as_deref(), granted.ingress_lane), (Some("public_transport"), Some(1)));
    assert!(granted.expected_in_s.unwrap() > 0.0);
    bus.until("priority at intersection 18: granted, green expected in ");
    let asks = unit.until("priority at intersection 18: public transport ");
    assert!(asks.contains(" asks for green, lane 1 to 13, there in "), "{asks}");
    let granted = unit.until("priority at intersection 18: ");
    assert!(granted.contains(" granted, green expected in 30.0 s"), "{granted}");
    let asked = requests.recv_timeout(Duration::from_secs(60)).unwrap();
    let lanes = (asked["ingress_lane"].as_u64(), asked["egress_lane"].as_u64());
    assert_eq!((asked["role"].as_str(), lanes), (Some("public_transport"), (Some(1), Some(13))));

    let status = town.good(&["priority", "status", "--config", "bus.toml"]);
    assert!(status.starts_with("intersection 18, as public transport, lane 1 to 13: granted"), "{status}");
    let again = town.bad(1, &request);
    assert!(again.contains("already asked for priority: withdraw that request first"), "{again}");
    let emergency = ["priority", "request", "--config", "bus.toml", "--role", "emergency"];
    let refused = town.bad(1, &emergency);
    assert!(refused.contains("lacks the permission emergency:"), "{refused}");
    let units = town.bad(1, &["priority", "request", "--config", "unit.toml"]);
    assert!(units.contains("this station is a roadside unit"), "{units}");

    let cancel = ["priority", "cancel", "--config", "bus.toml"];
    assert_eq!(town.good(&cancel), "priority at intersection 18: withdrawn\n");
    while requests.recv_timeout(Duration::from_secs(60)).unwrap()["action"] != "cancel" {}
    let status = town.good(&["priority", "status", "--config", "bus.toml"]);
    assert_eq!(status, "no requests for priority are open\n");
    assert!(unit.until("priority at intersection 18: ").contains(" has passed or withdrawn"));
    let mut signals =
        Client::connect(&town.directory.join("roadcast/bus.sock")).unwrap().watch_signal().unwrap();
    signals.set_patience(Some(Duration::from_secs(60))).unwrap();
    let ahead = *signals.next_change().unwrap().signal.unwrap();
    assert_eq!((ahead.intersection, ahead.lane, ahead.signals[0].shows.as_str()), (18, 1, "red"));
    assert!(ahead.text.starts_with("intersection 18 lane 1: "), "{}", ahead.text);
    bus.end();
    unit.end();
    controller.join().unwrap();
    town.good(&["replay", "check", "bus.rec"]);
}

/// Reads on until a request is granted.
fn until_granted(mut watch: v2x_api::Watch) -> impl Iterator<Item = PriorityStatus> {
    watch.set_patience(Some(Duration::from_secs(60))).unwrap();
    core::iter::from_fn(move || {
        loop {
            let priority = *watch.next_change().unwrap().priority?;
            if priority.state == "granted" {
                return Some(priority);
            }
        }
    })
}
