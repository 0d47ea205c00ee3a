//! What a station logs for programs.

mod town;

use serde_json::Value;
use town::Town;

#[test]
fn every_line_for_people_has_its_entry_for_programs() {
    let town = Town::new("log");
    town.vehicle("car", Some(49.6), "[control]\nsocket = \"car.sock\"");
    let run = |form| town.run(&["run", "car.toml", "--seconds", "1", "--log", form]);
    let (people, programs) = (run("text"), run("json"));
    assert_eq!((people.code, programs.code), (0, 0), "{}", programs.err);
    assert_eq!(programs.out, "", "all of it is in the log");
    let entries: Vec<Value> = programs.err.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for entry in &entries {
        let keys: Vec<_> = entry.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["event", "fields", "level", "message", "target", "time"]);
    }
    // Each run has a port of its own.
    let said = |line: &str| {
        let line = line.split(" as 127.0.0.1").next().unwrap();
        entries.iter().any(|entry| entry["message"].as_str().unwrap().starts_with(line))
    };
    // Behind them is the report, whose table is one entry.
    let lines: Vec<_> = people.out.lines().take_while(|line| !line.starts_with("run of ")).collect();
    assert!(lines.len() >= 5, "{}", people.out);
    for line in lines.iter().filter(|line| !line.contains(" s  neighbours ")) {
        assert!(said(line), "{line:?} is not among {entries:#?}");
    }
    let named = |name: &str| entries.iter().find(|entry| entry["event"] == name);
    for name in
        ["station_started", "sending_began", "position_had", "clock_trusted", "station_stopping", "report"]
    {
        assert!(named(name).is_some(), "no {name} among {entries:#?}");
    }
    assert!(named("report").unwrap()["fields"]["report"].is_object());
    let had = &named("position_had").unwrap()["fields"];
    assert_eq!(had["state"], "had");
    assert!(had["age_ms"].as_u64().unwrap() < 60_000, "{had}");
    let clock = &named("clock_trusted").unwrap()["fields"];
    assert_eq!(clock["state"], "locked");
    assert_eq!(named("station_stopping").unwrap()["fields"]["reason"], "time");
}
