use std::path::Path;

use super::{Config, load_relay};

fn error(text: &str) -> String {
    Config::parse(Path::new("bridge.toml"), text).unwrap_err().to_string()
}

#[test]
fn the_smallest_configuration_has_a_name() {
    let config =
        Config::parse(Path::new("/etc/roadcast/bridge.toml"), "[bridge]\nname = \"rsu-7\"\n").unwrap();
    assert_eq!(config.bridge.name, "rsu-7");
    assert!(config.stations.is_empty());
}

#[test]
fn a_station_is_named_after_its_socket_unless_told_otherwise() {
    let text = "[bridge]\nname = \"a\"\n[[station]]\nsocket = \"rsu-7.sock\"\n[[station]]\nsocket = \"/run/b.sock\"\nname = \"b1\"\n";
    let config = Config::parse(Path::new("/etc/roadcast/bridge.toml"), text).unwrap();
    let names: Vec<&str> = config.stations.iter().map(|station| station.name.as_str()).collect();
    assert_eq!(names, ["rsu-7", "b1"]);
    assert_eq!(config.stations[0].socket, Path::new("/etc/roadcast/rsu-7.sock"));
}

#[test]
fn errors_name_file_line_key_and_what_would_be_right() {
    assert_eq!(error(""), "bridge.toml:1: bridge is missing: a table: [bridge] with a name");
    assert_eq!(
        error("[bridge]\nname = \"a/b\"\n"),
        "bridge.toml:2: bridge.name: found \"a/b\", expected a name of 1 to 64 letters, digits, -, _ and ., such as \"rsu-7\""
    );
    let twice =
        "[bridge]\nname = \"a\"\n[[station]]\nsocket = \"x.sock\"\n[[station]]\nsocket = \"x.sock\"\n";
    assert!(error(twice).contains("each station once"), "{}", error(twice));
    assert!(error("[bridge]\nname = \"a\"\nspeed = 1\n").contains("speed"));
}

#[test]
fn the_examples_can_be_used() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let bridge = Config::load(&examples.join("bridge.toml")).unwrap();
    assert_eq!(bridge.peers.unwrap().peers.len(), 1);
    assert_eq!(load_relay(&examples.join("relay.toml")).unwrap().allow.len(), 2);
}

#[test]
fn a_broker_needs_an_address_and_has_everything_else() {
    let text = "[bridge]\nname = \"a\"\n[broker]\nurl = \"mqtts://broker.example\"\n";
    let broker = Config::parse(Path::new("bridge.toml"), text).unwrap().broker.unwrap();
    assert_eq!((broker.address.port, broker.client_id.as_str(), broker.queue), (8883, "roadcast-a", 1000));
    assert_eq!(broker.topics.status("a"), "roadcast/status/a");
    assert_eq!(broker.send, crate::select::Selection::default());
}

#[test]
fn what_a_broker_cannot_be_is_told_with_its_line() {
    let broker = |lines: &str| error(&format!("[bridge]\nname = \"a\"\n[broker]\n{lines}\n"));
    let url = "url = \"mqtt://broker.example\"";
    for (lines, said) in [
        (String::new(), "broker.url is missing"),
        ("url = \"broker.example\"".to_owned(), "bridge.toml:4: broker.url: found \"broker.example\""),
        (format!("{url}\nca = \"ca.pem\""), "bridge.toml:5: broker.ca"),
        (format!("{url}\npassword_file = \"p\""), "bridge.toml:5: broker.password_file"),
        (format!("{url}\nprefix = \"a/#\""), "bridge.toml:5: broker.prefix: found \"a/#\""),
        (format!("{url}\nclient_id = \"\""), "bridge.toml:5: broker.client_id"),
        (format!("{url}\nqueue = 0"), "bridge.toml:5: broker.queue: found 0"),
        (format!("{url}\nsend = {{ classes = [\"D7\"] }}"), "bridge.toml:5: broker.send.classes"),
        (format!("{url}\nqos = 2"), "broker.qos"),
    ] {
        assert!(broker(&lines).contains(said), "{lines}: {}", broker(&lines));
    }
}
