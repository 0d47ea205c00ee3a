//! The example programs do what they describe.

#![allow(clippy::unwrap_used, reason = "all of this crate is tests")]

use std::error::Error;
use std::io::Write;

#[path = "../examples/custom_medium.rs"]
#[cfg(feature = "replay")]
#[expect(dead_code, reason = "its `main` is the program's")]
mod custom_medium;
#[path = "../examples/custom_radio.rs"]
#[expect(dead_code, reason = "its `main` is the program's")]
mod custom_radio;
#[path = "../examples/station_over_mem.rs"]
#[expect(dead_code, reason = "its `main` is the program's")]
mod station_over_mem;

fn output(run: impl Fn(&mut dyn Write) -> Result<(), Box<dyn Error>>) -> Vec<String> {
    let mut out = Vec::new();
    run(&mut out).unwrap();
    String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn two_stations_over_mem_hear_each_other_and_of_an_accident() {
    let lines = output(station_over_mem::run);
    println!("{}", lines.join("\n"));
    for wanted in [
        "car a: heard its neighbour",
        "car b: heard its neighbour",
        "car a: declared an accident",
        "car b: received cause 2, 80 m away",
    ] {
        assert_eq!(lines.iter().filter(|line| line.ends_with(wanted)).count(), 1, "{wanted}");
    }
    assert!(
        lines.iter().any(|line| line.starts_with("car b: ") && line.ends_with("knows 1 neighbour, 1 event"))
    );
}

#[test]
fn a_custom_radio_accounts_for_every_frame() {
    let lines = output(custom_radio::run);
    println!("{}", lines.join("\n"));
    let heard: Vec<_> = lines.iter().filter_map(|line| line.split('"').nth(1)).collect();
    assert_eq!(heard, ["frame 1", "frame 2", "frame 4", "frame 5"]);
    let last = "cable left: 6 sent, 1 refused; cable right: 4 received, 2 lost on the way";
    assert_eq!(lines.last().unwrap(), last);
}

#[cfg(feature = "replay")]
#[test]
fn a_custom_medium_decides_who_hears_whom() {
    let lines = output(custom_medium::run);
    println!("{}", lines.join("\n"));
    for number in 1..=4 {
        // Of three others within 300 m, two are behind the wall.
        assert_eq!(lines[number - 1], format!("car {number} knows 1 other"));
    }
    assert!(lines.last().unwrap().starts_with("120 beacons sent; 120 of 360 "));
}
