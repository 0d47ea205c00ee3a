//! Daemons: a roadside unit on each side, and vehicles within range of its radio.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::nets::lab::{Lab, Side};
use crate::nets::program::{Program, run};
use crate::nets::socket::{self, PATIENCE, Socket};
use crate::nets::tap;

/// A daemon. Its capture has every frame that its radio heard and sent.
#[derive(Debug)]
pub struct Station {
    name: String,
    program: Program,
    socket: PathBuf,
    capture: PathBuf,
    digest: String,
}

/// Makes an authority in the lab's directory.
pub fn make_authority(lab: &Lab) {
    run(roadcast(), &["keys", "init", "--dir", &text(&lab.directory().join("keys"))], "");
}

/// What differs from one station to another.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    role: &'static str,
    /// By how much its clock is wrong.
    skew_ms: i32,
}

/// A roadside unit.
pub const UNIT: Kind = Kind { role: "roadside", skew_ms: 0 };
/// A vehicle that stands beside it.
pub const CAR: Kind = Kind { role: "vehicle", skew_ms: 0 };

impl Kind {
    /// The same with a clock that is wrong by this much, and that it believes all the same.
    pub fn skewed(self, skew_ms: i32) -> Self {
        Self { skew_ms, ..self }
    }
}

impl Station {
    /// Starts one, with a credential of its own, and waits until it answers.
    pub fn start(lab: &Lab, side: Side, name: &str, kind: Kind) -> Self {
        let keys = text(&lab.directory().join("keys"));
        run(
            roadcast(),
            &["keys", "issue", "--dir", &keys, "--name", name, "--role", kind.role, "--also", "wide-area"],
            "",
        );
        Self::start_again(lab, side, name, kind)
    }

    /// Ends it and starts it again as another kind, with its credential.
    pub fn restart(self, lab: &Lab, side: Side, kind: Kind) -> Self {
        let Self { name, program, .. } = self;
        program.end();
        Self::start_again(lab, side, &name, kind)
    }

    fn start_again(lab: &Lab, side: Side, name: &str, kind: Kind) -> Self {
        let file = |suffix: &str| lab.directory().join(format!("{name}.{suffix}"));
        let (socket, capture, config) = (file("sock"), file("pcapng"), file("toml"));
        let Place { latitude, longitude } = place(side);
        let namespace = if kind.role == UNIT.role { side.host() } else { side.road() };
        let settings = format!(
            "role = \"{}\"\n[identity]\ncredential = \"keys/{name}.cred\"\nkey = \"keys/{name}.key\"\n\
             roots = [\"keys/root.cred\"]\nissuers = [\"keys/issuer.cred\"]\n\
             [link]\nkind = \"packet\"\ninterface = \"air\"\n[link.tap]\nfile = \"{name}.pcapng\"\n\
             [position]\nsource = \"fixed\"\nlatitude = {latitude}\nlongitude = {longitude}\n\
             [clock]\ntrust = \"always\"\nchrony = \"off\"\n[control]\nsocket = \"{}\"\n[report]\nevery_s = 5\n{}",
            kind.role,
            socket.display(),
            if kind.role == UNIT.role { "[roadside]\nfrom_afar = true\n" } else { "" }
        );
        fs::write(&config, settings).expect("a configuration can be written");
        // Bounded, should nobody be left to end it.
        let arguments = ["run", "--config", &text(&config), "--seconds", LIFE];
        let program = lab.start_skewed(kind.skew_ms, namespace, name, &roadcast(), &arguments);
        let digest = String::new();
        let mut station = Self { name: name.to_owned(), program, socket, capture, digest };
        let status = station.status();
        station.digest =
            status["digest"].as_str().unwrap_or_else(|| panic!("no digest: {status}")).to_owned();
        station
    }

    /// Its control socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Its name in the configuration of bridges.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its credential's digest.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What it says of itself.
    pub fn status(&self) -> Value {
        socket::ask(&self.socket, &json!({"station": "status"}))["status"].clone()
    }

    /// Its figures.
    pub fn stats(&self) -> Value {
        socket::ask(&self.socket, &json!({"stats": "now"}))["stats"].clone()
    }

    /// Names of the hazards that it knows.
    pub fn hazards(&self) -> Vec<String> {
        let answer = socket::ask(&self.socket, &json!({"hazard": "list"}));
        let events = answer["hazards"].as_array().into_iter().flatten();
        events.filter_map(|hazard| hazard["event"].as_str().map(str::to_owned)).collect()
    }

    /// Waits until it has this station as a neighbour.
    pub fn until_it_hears(&self, other: &Self) {
        let mut watch = Socket::watch(&self.socket, &json!({"neighbours": "watch"}));
        let heard = watch.next(PATIENCE, |line| {
            (line["neighbour"]["digest"] == other.digest() && line["change"] != "lost").then_some(())
        });
        assert!(heard.is_some(), "{} does not hear {}", self.name, other.name);
    }

    /// Watches what hazards become here.
    pub fn watch_hazards(&self) -> Hazards {
        let watch = Socket::watch(&self.socket, &json!({"hazard": "watch"}));
        Hazards { watch, name: self.name.clone(), known: BTreeSet::new() }
    }

    /// Declares a hazard that both sides lie in, once, and returns its name.
    pub fn declare(&self, validity_s: u32) -> String {
        declare(&mut Socket::open(&self.socket), validity_s)
    }

    /// A connection to declare many on.
    pub fn connect(&self) -> Socket {
        Socket::open(&self.socket)
    }

    /// Ends it, and returns the frames that its radio heard and sent.
    pub fn end(self) -> Vec<tap::Frame> {
        let Self { program, capture, .. } = self;
        program.end();
        tap::read(&roadcast(), &capture)
    }
}

/// Declares a hazard that both sides lie in, once.
pub fn declare(socket: &mut Socket, validity_s: u32) -> String {
    let answer = socket.ask(&json!({
        "hazard": "new",
        "cause": "accident",
        "validity_s": validity_s,
        "area": {"shape": "circle", "radius_m": 8000},
        // Never again: what is counted are messages.
        "repeat_ms": 3_600_000,
    }));
    answer["event"].as_str().unwrap_or_else(|| panic!("no event: {answer}")).to_owned()
}

/// Changes of hazards at a station.
#[derive(Debug)]
pub struct Hazards {
    watch: Socket,
    name: String,
    known: BTreeSet<String>,
}

impl Hazards {
    /// Reads what comes until then: a station ends a connection whose reader falls behind.
    pub fn read_until(&mut self, end: Instant) {
        let left = || Some(end.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero());
        while let Some(name) = left().and_then(|left| self.watch.next(left, new_event)) {
            self.known.insert(name);
        }
    }

    /// Waits until all of these are known.
    pub fn until_all_known(&mut self, events: &[String], within: Duration) {
        let end = Instant::now() + within;
        loop {
            let missing: Vec<&String> = events.iter().filter(|event| !self.known.contains(*event)).collect();
            if missing.is_empty() {
                return;
            }
            let left = end.saturating_duration_since(Instant::now());
            let Some(name) = self.watch.next(left, new_event) else {
                panic!(
                    "{} does not know of {} of {} hazards after {within:?}: {missing:?}",
                    self.name,
                    missing.len(),
                    events.len()
                );
            };
            self.known.insert(name);
        }
    }

    /// Whether this one becomes known within this time.
    pub fn is_known(&mut self, event: &str, within: Duration) -> bool {
        let found = self
            .watch
            .next(within, |line| (line["hazard"]["event"] == event && line["change"] == "new").then_some(()));
        found.is_some()
    }
}

/// The hazard that a line says is new.
fn new_event(line: &Value) -> Option<String> {
    line["hazard"]["event"].as_str().filter(|_| line["change"] == "new").map(str::to_owned)
}

struct Place {
    latitude: f64,
    longitude: f64,
}

/// Three kilometres apart: out of each other's radio range.
fn place(side: Side) -> Place {
    let latitude = match side {
        Side::A => 49.6,
        Side::B => 49.627,
    };
    Place { latitude, longitude: 6.13 }
}

/// The program of a station, beside that of the bridge unless `ROADCAST` names it.
pub fn roadcast() -> PathBuf {
    let beside = || Path::new(env!("CARGO_BIN_EXE_roadcast-bridge")).with_file_name("roadcast");
    let path = std::env::var_os("ROADCAST").map_or_else(beside, PathBuf::from);
    assert!(path.exists(), "{}: not there; `cargo build -p v2x-node` makes it", path.display());
    path
}

/// The program of this crate, unless `ROADCAST_BRIDGE` names another build of it.
pub fn bridge() -> PathBuf {
    std::env::var_os("ROADCAST_BRIDGE").unwrap_or_else(|| env!("CARGO_BIN_EXE_roadcast-bridge").into()).into()
}

/// A path as an argument.
pub fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Longer than any test.
const LIFE: &str = "20m";
