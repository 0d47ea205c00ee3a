//! What running daemons answer is in the schema of the control protocol, `api/schema/control.json`, every key of it.
//!
//! Time is as in `hazard.rs`.

#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

mod town;

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use town::Town;

/// A program at a control socket.
struct Program {
    lines: BufReader<UnixStream>,
}

impl Program {
    fn at(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self { lines: BufReader::new(stream) }
    }

    fn write(&mut self, line: &str) {
        self.lines.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn read(&mut self) -> Value {
        let mut line = String::new();
        assert!(self.lines.read_line(&mut line).unwrap() > 0, "the daemon hung up");
        serde_json::from_str(&line).unwrap()
    }

    /// Asks, and returns the answer, which has to be of this definition.
    fn ask(&mut self, line: &str, definition: &str) -> Value {
        holds("request", &serde_json::from_str(line).unwrap());
        self.write(line);
        let answer = self.read();
        holds(definition, &answer);
        answer
    }

    /// Reads on until a line of a watch says `watch`.
    fn until(&mut self, watch: &str) {
        loop {
            let line = self.read();
            holds("watch", &line);
            if line["watch"] == watch {
                return;
            }
        }
    }
}

/// A line is of this definition, and has no key that it does not describe.
fn holds(definition: &str, line: &Value) {
    let text = include_str!("../../api/schema/control.json");
    let mut document: Value = serde_json::from_str(text).unwrap();
    close(&mut document["$defs"]);
    document.as_object_mut().unwrap().remove("anyOf");
    document["$ref"] = format!("#/$defs/{definition}").into();
    let validator = jsonschema::draft202012::new(&document).unwrap();
    let faults: Vec<_> =
        validator.iter_errors(line).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
    assert!(faults.is_empty(), "{definition}: {line}\n{}", faults.join("\n"));
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(keys) => {
            if keys.get("type") == Some(&"object".into()) && keys.contains_key("properties") {
                keys.insert("additionalProperties".to_owned(), false.into());
            }
            keys.values_mut().for_each(close);
        }
        Value::Array(list) => list.iter_mut().for_each(close),
        _ => {}
    }
}

const STANDS: &str = "source = \"fixed\"\nlatitude = 49.6116\nlongitude = 6.1319";
const SIGNALS: &str = "[[roadside.intersection]]\nid = 17\nlatitude = 49.6117\nlongitude = 6.1321\n\
    groups = [{ group = 1, green_s = 24, yellow_s = 3, red_s = 33, offset_s = 0 }]";

/// Stations that hear each other, and one of another authority, whose frames they drop.
fn stations(town: &Town) -> (PathBuf, Vec<town::Daemon>) {
    let control = "[control]\nsocket = \"roadcast/b.sock\"";
    town.vehicle("a", Some(49.6143), "");
    town.station("b", "vehicle", &["--also", "priority-request"], STANDS, control);
    town.station("unit", "roadside", &["--role", "roadside"], STANDS, SIGNALS);
    town.vehicle("stranger", Some(49.6116), "");
    town.good(&["keys", "init", "--dir", "other"]);
    town.good(&["keys", "issue", "--dir", "other", "--name", "stranger"]);
    let file = town.directory.join("stranger.toml");
    let text = std::fs::read_to_string(&file).unwrap().replace("keys/", "other/");
    std::fs::write(file, text).unwrap();
    let mut daemons = Vec::new();
    for name in ["b", "a", "unit", "stranger"] {
        let mut daemon = town.start(&["--config", &format!("{name}.toml")]);
        daemon.until("sending");
        daemons.push(daemon);
    }
    (town.directory.join("roadcast/b.sock"), daemons)
}

#[test]
fn every_answer_and_every_watch_of_a_running_station_is_in_the_schema() {
    let town = Town::new("schema");
    let (socket, daemons) = stations(&town);
    for (line, watch) in [
        (r#"{"neighbours":"watch","id":"n"}"#, "neighbour"),
        (r#"{"messages":"watch","own":true,"id":1}"#, "message"),
        (r#"{"messages":"watch","types":["signal_state"]}"#, "message"),
        (r#"{"drops":"watch"}"#, "drop"),
        (r#"{"stats":"watch"}"#, "stats"),
        (r#"{"signals":"watch"}"#, "signals"),
        (r#"{"signal":"watch"}"#, "signal"),
    ] {
        let mut program = Program::at(&socket);
        program.ask(line, "answer_started");
        program.until(watch);
    }

    let mut watching = Program::at(&socket);
    watching.ask(r#"{"hazard":"watch","id":2}"#, "answer_started");
    let mut program = Program::at(&socket);
    program.ask(r#"{"encoding":"json"}"#, "answer_done");
    let new = r#"{"hazard":"new","cause":"accident","area":{"shape":"circle","radius_m":500},"speed_m_s":0,"id":"new"}"#;
    let event = program.ask(new, "answer_event")["event"].to_string();
    watching.until("hazard");
    program.ask(&format!(r#"{{"hazard":"update","event":{event},"quality":3}}"#), "answer_event");
    program.ask(r#"{"hazard":"list"}"#, "answer_hazards");
    program.ask(&format!(r#"{{"hazard":"cancel","event":{event}}}"#), "answer_event");
    program.ask(r#"{"hazard":"cancel","event":"3f01020304050607/2"}"#, "answer_refusal");

    let mut watching = Program::at(&socket);
    watching.ask(r#"{"priority":"watch"}"#, "answer_started");
    program.ask(r#"{"priority":"request","role":"truck","intersection":18,"region":3}"#, "answer_priority");
    program.ask(r#"{"priority":"status"}"#, "answer_priorities");
    program.ask(r#"{"priority":"cancel"}"#, "answer_priority");
    watching.until("priority");

    for (line, definition) in [
        (r#"{"station":"status","id":18446744073709551615}"#, "answer_status"),
        (r#"{"station":"reload"}"#, "answer_done"),
        (r#"{"neighbours":"list"}"#, "answer_neighbours"),
        (r#"{"drops":"list"}"#, "answer_drops"),
        (r#"{"stats":"now"}"#, "answer_stats"),
        (r#"{"signals":"list"}"#, "answer_signals"),
        (r#"{"vehicle":{"speed_m_s":0,"lights":["low_beam"]}}"#, "answer_done"),
        (r#"{"publish":"echo","payload":{"token":7}}"#, "answer_published"),
        (r#"{"publish":"awareness","payload":{}}"#, "answer_refusal"),
        (r#"{"fix":null}"#, "answer_refusal"),
        (r#"{"rights":"show"}"#, "answer_rights"),
        (r#"{"rights":"read"}"#, "answer_rights"),
        (r#"{"station":"reload","id":"no"}"#, "answer_refusal"),
    ] {
        program.ask(line, definition);
    }
    daemons.into_iter().for_each(town::Daemon::end);
}
