//! `roadcast doctor` and `roadcast run --check`, of stations that run and of stations that do not.

#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

mod town;

use std::fs;
#[cfg(feature = "replay")]
use std::path::Path;

use town::{Said, Town};

/// The state of each subject, in order, and what was said of one.
fn states(said: &Said) -> Vec<(String, String)> {
    let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let findings = json["findings"].as_array().unwrap();
    findings.iter().map(|one| (text(&one["subject"]), text(&one["state"]))).collect()
}

fn state<'s>(states: &'s [(String, String)], subject: &str) -> Option<&'s str> {
    states.iter().find(|(name, _)| name == subject).map(|(_, state)| state.as_str())
}

#[test]
fn a_stopped_station_is_looked_at_from_here_and_a_running_one_is_asked() {
    let town = Town::new("doctor");
    town.vehicle("a", Some(49.6116), "");
    let doctor = ["doctor", "--config", "a.toml"];
    let stopped = town.run(&[&doctor[..], &["--json"]].concat());
    assert_eq!(stopped.code, 0, "{}{}", stopped.out, stopped.err);
    let found = states(&stopped);
    for subject in ["configuration", "keys", "authorities", "validity", "clock", "position", "link"] {
        assert_eq!(state(&found, subject), Some("ok"), "{subject}: {}", stopped.out);
    }
    assert_eq!(state(&found, "daemon"), Some("look"));
    let text = town.good(&doctor);
    assert_eq!(town.good(&["doctor", "a.toml"]), text, "the configuration may stand alone, as for run");
    assert!(text.contains("not running\n") && text.contains("roadcast run --config a.toml\n"), "{text}");

    let mut a = town.start(&["--config", "a.toml"]);
    a.until("sending");
    let running = town.run(&[&doctor[..], &["--json"]].concat());
    let found = states(&running);
    for (subject, expected) in
        [("daemon", "ok"), ("link", "ok"), ("sending", "ok"), ("neighbours", "look"), ("drops", "ok")]
    {
        assert_eq!(state(&found, subject), Some(expected), "{subject}: {}", running.out);
    }
    a.end();
}

#[test]
fn a_check_finds_what_would_keep_a_station_from_running_and_opens_nothing() {
    let town = Town::new("check");
    town.vehicle("a", Some(49.6116), "");
    let good = town.good(&["run", "--check", "a.toml"]);
    assert!(!good.contains(" look ") && !good.contains(" fault "), "{good}");
    assert!(!town.directory.join("roadcast/a.sock").exists());

    let path = town.directory.join("a.toml");
    let config = fs::read_to_string(&path).unwrap();
    let with = |from: &str, to: &str| {
        assert!(config.contains(from), "{from}");
        fs::write(&path, config.replace(from, to)).unwrap();
        let said = town.run(&["run", "--check", "a.toml"]);
        (said.code, said.out + &said.err)
    };
    let (code, said) = with("interface = \"lo\"", "interface = \"wlan77\"");
    assert!(code == 1 && said.contains("link           fault  no network interface \"wlan77\""), "{said}");
    assert!(said.contains("link.interface = one of these; "), "{said}");
    assert!(said.ends_with("roadcast: a fault was found\n"), "{said}");
    let (code, said) = with(
        "source = \"fixed\"\nlatitude = 49.6116\nlongitude = 6.1319",
        "source = \"gpsd\"\naddress = \"127.0.0.1:9\"",
    );
    assert!(code == 1 && said.contains("no gpsd at 127.0.0.1:9: Connection refused"), "{said}");
    assert!(said.contains("systemctl start gpsd.socket"), "{said}");
    #[cfg(feature = "replay")]
    {
        let bench = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/bench.csv");
        let trace = format!("source = \"trace\"\nfile = \"{}\"\nstation = \"bus\"", bench.display());
        let (code, said) = with("source = \"fixed\"\nlatitude = 49.6116\nlongitude = 6.1319", &trace);
        // Where it is folded depends on the path.
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(code == 1 && said.contains("station \"bus\"; it has car"), "{said}");
    }
    let (code, said) = with("keys/a.key", "keys/b.key");
    assert!(code == 1 && said.contains("keys           fault  ") && said.contains("b.key"), "{said}");
    town.good(&["keys", "init", "--dir", "others"]);
    let (code, said) = with(
        "keys/root.cred\"]\nissuers = [\"keys/issuer.cred",
        "others/root.cred\"]\nissuers = [\"others/issuer.cred",
    );
    assert!(code == 1 && said.contains("they do not certify the station's own credential"), "{said}");
    let (code, said) = with("[link]", "[link]\nkindd = \"udp\"");
    assert!(code == 2 && said.contains("link.kindd"), "{said}");
    let both = town.run(&["run", "--check", "a.toml", "--record", "a.rec"]);
    assert_eq!(both.code, 2, "{}", both.err);
}
