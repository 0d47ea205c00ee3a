//! What a program says of the vehicle and its place to a running daemon, and what others hear of it.
//!
//! Real time passes here, so no test depends on how much; see `town`.

#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

mod town;

use std::fs;
use std::time::Duration;

use town::Town;
use v2x_api::{Client, ClientError, FixReport, Point, VehicleReport};

#[test]
fn a_pedal_that_is_stamped_on_warns_who_follows() {
    let town = Town::new("bus");
    town.station("a", "vehicle", &["--also", "imminent"], &fixed(49.6116), "");
    town.vehicle("b", Some(49.6143), "[control]\nsocket = \"roadcast/b.sock\"");
    let config = town.directory.join("a.toml");
    fs::write(&config, format!("alerts = true\n{}", fs::read_to_string(&config).unwrap())).unwrap();
    let mut a = town.start(&["--config", "a.toml", "--record", "a.rec"]);
    let mut b = town.start(&["--config", "b.toml"]);
    a.until("sending");
    b.until("sending");
    let mut heard = town.watch("roadcast/b.sock");
    let mut bus = Client::connect(&town.directory.join("roadcast/a.sock")).unwrap();

    let cruising = VehicleReport { speed_m_s: Some(20.0), ..VehicleReport::default() };
    bus.vehicle(&cruising).unwrap();
    assert_eq!(bus.hazards().unwrap(), []);
    bus.vehicle(&VehicleReport { acceleration_m_s2: Some(-6.5), controls: Some(0b1), ..cruising }).unwrap();
    // Within the turn of the request: before its answer.
    let own = bus.hazards().unwrap();
    assert_eq!(own.len(), 1);
    assert_eq!((own[0].class.as_str(), own[0].cause, own[0].sub_cause, own[0].own), ("D0", 99, 1, true));
    assert_eq!(own[0].speed_m_s, Some(20.0));
    let warning = loop {
        let change = heard.next_change().unwrap();
        if change.watch.as_deref() == Some("alert") {
            break *change.hazard.unwrap();
        }
    };
    assert_eq!((warning.event, warning.speed_m_s), (own[0].event.clone(), Some(20.0)));

    let old = VehicleReport { age: Duration::from_millis(501), ..cruising };
    let refused = bus.vehicle(&old).unwrap_err();
    assert!(
        matches!(&refused, ClientError::Refused { reason, .. } if reason == "vehicle_too_old"),
        "{refused}"
    );
    a.end();
    b.end();
    #[cfg(feature = "replay")]
    town.good(&["replay", "check", "a.rec"]);
}

#[test]
fn a_roadside_unit_has_no_pedals() {
    let town = Town::new("pole");
    town.station("a", "roadside", &["--role", "roadside"], &fixed(49.6116), "");
    let mut a = town.start(&["--config", "a.toml"]);
    a.until("control socket: /");
    let mut bus = Client::connect(&town.directory.join("roadcast/a.sock")).unwrap();
    let refused = bus.vehicle(&VehicleReport { controls: Some(1), ..VehicleReport::default() }).unwrap_err();
    assert!(
        matches!(&refused, ClientError::Refused { reason, .. } if reason == "vehicle_not_a_vehicle"),
        "{refused}"
    );
    a.end();
}

#[test]
fn a_program_s_position_is_what_a_station_sends_with_until_it_stops() {
    let town = Town::new("given");
    town.station("a", "vehicle", &[], "source = \"control\"", "[report]\nevery_s = 1");
    let mut a = town.start(&["--config", "a.toml"]);
    a.until("control socket: /");
    let mut program = Client::connect(&town.directory.join("roadcast/a.sock")).unwrap();
    assert!(program.status().unwrap().position.is_none());
    let place = FixReport::at(Point { latitude: 496_116_000, longitude: 61_319_000 });
    program.fix(Some(&FixReport { accuracy_m: Some(1.5), ..place.clone() })).unwrap();
    a.until("sending");
    // It gives no more: after three seconds that counts as a loss.
    a.until("no position: programs at the control socket: nothing comes");
    let status = program.status().unwrap();
    assert_eq!((status.sending, status.not_sending_because.as_deref()), (false, Some("no_fix")));
    program.fix(Some(&place)).unwrap();
    a.until("sending");
    // That it was lost is said at once.
    program.fix(None).unwrap();
    a.until("listening only: no position");
    a.end();
}

fn fixed(latitude: f64) -> String {
    format!("source = \"fixed\"\nlatitude = {latitude}\nlongitude = 6.1319")
}
