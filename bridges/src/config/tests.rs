use std::path::Path;

use super::Config;

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
