//! `roadcast link` on a machine without a radio: a network namespace that has its loopback interface alone.

#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

use std::process::{Command, Output};

/// Runs `roadcast link` in a namespace of its own; `None`, with the reason printed, where there can be none.
fn link(args: &[&str]) -> Option<Output> {
    // The program of util-linux: it makes the namespace and becomes ours.
    let mut command = Command::new("unshare");
    command.args(["--net", env!("CARGO_BIN_EXE_roadcast"), "link"]).args(args).env_remove("ROADCAST_LOG");
    let why = match command.output() {
        Ok(output) if output.stderr.starts_with(b"unshare: ") => {
            String::from_utf8_lossy(&output.stderr).into_owned()
        }
        Ok(output) => return Some(output),
        Err(error) => error.to_string(),
    };
    eprintln!("skipped: a network namespace needs root: {why}");
    None
}

#[test]
fn without_a_radio_there_is_nothing_to_join_or_leave_and_the_line_says_what_to_use() {
    let none = "no network interface \"wlan0\"; this machine has no 802.11 interface: use link.kind = \"udp\" or \"packet\"";
    let wired = "lo is no 802.11 interface: use link.kind = \"udp\" or \"packet\" on it";
    for (args, told) in [
        (&["up", "wlan0"][..], none),
        (&["up", "wlan0", "--mode", "ibss", "--ssid", "v2x"], none),
        (&["up", "wlan0", "--mode", "monitor"], none),
        (&["down", "wlan0"], none),
        (&["probe", "wlan0"], none),
        (&["up", "lo"], wired),
        (&["down", "lo"], wired),
        (&["probe", "lo"], wired),
    ] {
        let Some(output) = link(args) else { return };
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{args:?}: {error}");
        assert!(error.contains(told) && error.lines().count() == 1, "{args:?}: {error}");
    }
}

#[test]
fn probing_a_machine_without_a_radio_is_no_fault() {
    let Some(output) = link(&["probe"]) else { return };
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.ends_with("no 802.11 interface: use link.kind = \"udp\" or \"packet\"\n"), "{text}");
    let Some(output) = link(&["probe", "--json"]) else { return };
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["interfaces"], output.status.code()), (&serde_json::json!([]), Some(0)));
}

#[test]
fn a_number_that_is_none_is_answered_with_what_would_be_right() {
    for (args, told) in [
        (
            ["--frequency", "abc"],
            "invalid value 'abc' for '--frequency <MHZ>': expected a whole number, 2400 to 7200 MHz",
        ),
        (
            ["--rate", "6M"],
            "invalid value '6M' for '--rate <MBPS>': expected a rate in Mb/s, such as 6 or 4.5",
        ),
        (
            ["--power", "loud"],
            "invalid value 'loud' for '--power <DBM>': expected a whole number, -10 to 40 dBm",
        ),
        (
            ["--mtu", "1.5k"],
            "invalid value '1.5k' for '--mtu <BYTES>': expected a whole number, 1398 to 2304 bytes",
        ),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_roadcast"))
            .args(["link", "up", "wlan0"])
            .args(args)
            .output()
            .unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(told), "{error}");
    }
}
