//! `roadcast hazard` against running daemons, as a user meets it.
//!
//! Real time passes here, so no test depends on how much: each step waits until a daemon printed what it expects,
//! and a reader that waits in vain for a minute fails.

#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

mod town;

use std::path::Path;

use town::Town;
use v2x_api::{Answer, Client, Watch};

/// Reads on until the event changed so.
fn until(watch: &mut Watch, event: &str, change: &str) -> Answer {
    loop {
        let answer = watch.next_change().unwrap();
        let is_it = answer.hazard.as_ref().is_some_and(|hazard| hazard.event == event);
        if is_it && answer.change.as_deref() == Some(change) {
            return answer;
        }
    }
}

#[test]
fn what_one_daemon_declares_another_lists_until_it_is_cancelled() {
    let town = Town::new("two");
    town.vehicle("a", Some(49.6116), "");
    town.vehicle("b", Some(49.6143), "[control]\nsocket = \"roadcast/b.sock\"");
    let mut a = town.start(&["--config", "a.toml", "--record", "a.rec"]);
    a.until("control socket: /");
    let mut b = town.start(&["--config", "b.toml"]);
    a.until("sending");
    b.until("sending");
    let mut heard = town.watch("roadcast/b.sock");

    let new =
        ["hazard", "new", "--config", "a.toml", "--cause", "accident", "--radius", "800", "--quality", "5"];
    let event = town.good(&new).trim().to_owned();
    let answer = until(&mut heard, &event, "new");
    assert_eq!(answer.watch.as_deref(), Some("hazard"));
    let hazard = answer.hazard.unwrap();
    assert_eq!((hazard.own, hazard.cause, hazard.quality), (false, 2, Some(5)));
    assert_eq!(
        hazard.area.as_ref().map(|area| (area.shape.as_str(), area.radius_m)),
        Some(("circle", Some(800)))
    );
    let distance = hazard.distance_m.unwrap();
    assert!((distance - 300.0).abs() < 5.0, "{distance}");
    assert!(a.until(&event).contains("accident here, own"));
    assert!(b.until(&event).contains("accident 300 m south"));

    let listed = town.good(&["hazard", "list", "--socket", "roadcast/b.sock"]);
    let row = listed.lines().find(|line| line.starts_with(&event)).unwrap();
    assert!(row.contains("active") && row.contains("heard") && row.contains("D3 accident"), "{listed}");
    assert!(row.contains("300 m south"), "{listed}");
    let json = town.good(&["hazard", "list", "--config", "a.toml", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["hazards"][0]["event"], &json["hazards"][0]["own"]),
        (&event.clone().into(), &true.into())
    );

    let updated = town.good(&["hazard", "update", &event, "--config", "a.toml", "--quality", "6"]);
    assert_eq!(updated, format!("{event} updated\n"));
    let hazard = until(&mut heard, &event, "updated").hazard.unwrap();
    assert_eq!((hazard.quality, hazard.cause), (Some(6), 2), "what was not said stayed");

    // Two daemons, and none named.
    let several = town.bad(2, &["hazard", "list"]);
    assert!(
        several.contains("several daemons run: choose with --config FILE, or --socket one of"),
        "{several}"
    );
    assert!(several.contains("roadcast/a.sock") && several.contains("roadcast/b.sock"), "{several}");
    // Another's event is not one's own.
    for verb in ["cancel", "update"] {
        let mut args = vec!["hazard", verb, &event, "--socket", "roadcast/b.sock"];
        args.extend(["--quality", "1"].iter().filter(|_| verb == "update"));
        let refused = town.bad(1, &args);
        assert!(refused.contains("is another station's"), "{refused}");
    }
    let refused = town.bad(1, &["hazard", "negate", &event, "--socket", "roadcast/b.sock"]);
    assert!(refused.contains("lacks the permission"), "{refused}");

    assert_eq!(
        town.good(&["hazard", "cancel", &event, "--config", "a.toml"]),
        format!("{event} cancelled\n")
    );
    until(&mut heard, &event, "cancelled");
    let listed = town.good(&["hazard", "list", "--socket", "roadcast/b.sock"]);
    assert!(!listed.lines().any(|line| line.starts_with(&event) && line.contains(" active ")), "{listed}");
    assert_eq!(town.run(&["hazard", "cancel", &event, "--config", "a.toml"]).code, 1);

    let status = Client::connect(&town.directory.join("roadcast/b.sock")).unwrap().status().unwrap();
    assert_eq!((status.role.as_str(), status.sending, status.neighbours), ("vehicle", true, 1));
    assert_eq!(status.nearest.len(), 1);
    assert_eq!(status.frames_received, status.frames_delivered + status.frames_dropped);
    a.end();
    b.end();
    assert!(!town.directory.join("roadcast/a.sock").exists(), "a daemon that ends takes its socket with it");
    #[cfg(feature = "replay")]
    town.good(&["replay", "check", "a.rec"]);
}

#[test]
fn a_station_that_does_not_know_where_it_is_says_so() {
    let town = Town::new("blind");
    town.vehicle("a", None, "");
    let mut a = town.start(&["--config", "a.toml"]);
    a.until("listening only: no position");
    let new = ["hazard", "new", "--cause", "accident"];
    let refused = town.bad(1, &[&new[..], &["--at", "49.6,6.1"]].concat());
    assert!(refused.starts_with("roadcast: refused: the station does not send now"), "{refused}");
    assert!(refused.contains("now: no_fix"), "{refused}");
    // The only daemon there is was found.
    assert_eq!(town.good(&["hazard", "list"]), "no hazards known\n");
    let about_nothing = town.bad(2, &[&new[..], &["--radius", "500"]].concat());
    assert!(about_nothing.contains("the station does not know its own"), "{about_nothing}");
    // A second daemon at one socket is a mistake.
    town.vehicle("b", None, "[control]\nsocket = \"roadcast/a.sock\"");
    let second = town.bad(2, &["run", "--config", "b.toml"]);
    assert!(second.contains("a.sock: another daemon listens here (process "), "{second}");
    town.vehicle("c", None, "[control]\nenabled = false");
    let mut off = town.start(&["--config", "c.toml"]);
    off.until("control socket: off, as configured");
    let no_socket = town.bad(2, &["hazard", "list", "--config", "c.toml"]);
    assert!(no_socket.contains("c.toml: control.enabled = false"), "{no_socket}");
    a.end();
}

#[test]
fn without_a_daemon_the_socket_that_was_tried_is_named() {
    let town = Town::new("none");
    // Unless this machine runs one.
    if v2x_api::socket::live(Path::new("/run/roadcast")).is_empty() {
        let none = town.bad(2, &["hazard", "list"]);
        let directory = town.directory.join("roadcast");
        assert!(none.contains(&format!("no live socket in {}", directory.display())), "{none}");
    }
    let tried = town.bad(2, &["hazard", "list", "--socket", "a.sock"]);
    assert!(tried.starts_with("roadcast: a.sock: no daemon answers: no such file\n"), "{tried}");
    assert!(tried.contains("hint: start one with: roadcast run"), "{tried}");
    drop(std::os::unix::net::UnixListener::bind(town.directory.join("dead.sock")).unwrap());
    let dead = town.bad(2, &["hazard", "list", "--socket", "dead.sock"]);
    assert!(dead.contains("dead.sock: no daemon answers: it has ended"), "{dead}");
    let file = town.bad(2, &["hazard", "list", "--socket", "keys/root.cred"]);
    assert!(file.contains("keys/root.cred: no daemon answers: it is no socket; the daemon prints"), "{file}");
    town.vehicle("a", None, "");
    let config = town.bad(2, &["hazard", "list", "--config", "a.toml"]);
    assert!(config.contains("roadcast/a.sock: no daemon answers"), "{config}");
    let config = town.bad(2, &["hazard", "list", "--config", "none.toml"]);
    assert!(config.contains("none.toml: cannot read the configuration: no such file"), "{config}");
}

#[test]
fn what_is_spelt_wrong_is_refused_before_anybody_is_asked() {
    let town = Town::new("spelt");
    let id = "3f01020304050607/2";
    let cases: [(&[&str], &str); 10] = [
        (&["new"], "--cause <CAUSE>"),
        (&["new", "--cause", "accidents"], "--cause: found \"accidents\", expected a cause's name or number"),
        (&["new", "--cause", "accident", "--radius", "0"], "expected metres, 1 to 65535"),
        (&["new", "--cause", "accident", "--rectangle", "800"], "such as 800x50@45"),
        (&["new", "--cause", "accident", "--radius", "5", "--ellipse", "8x5@4"], "cannot be used with"),
        (&["new", "--cause", "accident", "--class", "D2"], "expected D3"),
        (&["new", "--cause", "accident", "--validity", "10"], "a number with its unit"),
        (&["cancel", "3f"], "names no event"),
        (&["update", id], "nothing to update: give what has changed"),
        (&["list", "--socket", "a", "--config", "b"], "cannot be used with"),
    ];
    for (args, expected) in cases {
        let complaint = town.bad(2, &[&["hazard"], args].concat());
        assert!(complaint.contains(expected), "{args:?}: {complaint}\nlacks\n{expected}");
    }
    let causes = town.good(&["hazard", "new", "--cause", "list"]);
    assert!(causes.lines().any(|line| line.starts_with("  2  accident ")), "{causes}");
}
