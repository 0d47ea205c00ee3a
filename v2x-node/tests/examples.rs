//! The example programs do what they describe.

#![allow(clippy::unwrap_used, reason = "all of this crate is tests")]

use std::error::Error;
use std::fs;
use std::io::Write;

#[path = "../examples/custom_medium.rs"]
#[cfg(feature = "replay")]
#[expect(dead_code, reason = "its `main` is the program's")]
mod custom_medium;
#[path = "../examples/custom_radio.rs"]
#[expect(dead_code, reason = "its `main` is the program's")]
mod custom_radio;
#[path = "../examples/pages.rs"]
#[expect(dead_code, reason = "its `main` is the program's")]
mod pages;
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
fn every_command_has_a_page_of_the_manual_and_is_completed() {
    let folder = std::env::temp_dir().join(format!("roadcast-pages-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    pages::write(&folder).unwrap();
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_else(|_| panic!("no {name}"));
    let completions = ["roadcast.bash", "_roadcast", "roadcast.fish"].map(read);
    let mut commands = vec![("roadcast".to_owned(), v2x_node::cli::command())];
    let mut seen = 0;
    while let Some((name, command)) = commands.pop() {
        seen += 1;
        let page = read(&format!("{name}.1"));
        assert!(page.contains("\n.SH SYNOPSIS\n"), "{name}: {page}");
        for option in command.get_arguments().filter(|option| !option.is_hide_set()) {
            let Some(long) = option.get_long() else { continue };
            assert!(page.contains(&long.replace('-', "\\-")), "{name}: no --{long}");
            for (completions, written) in
                completions.iter().zip([format!("--{long}"), format!("--{long}"), format!("-l {long}")])
            {
                assert!(completions.contains(&written), "{name}: --{long} is not completed");
            }
        }
        let visible = command.get_subcommands().filter(|command| !command.is_hide_set());
        commands.extend(visible.map(|command| (format!("{name}-{}", command.get_name()), command.clone())));
    }
    assert!(seen > 20, "only {seen} commands");
    fs::remove_dir_all(&folder).unwrap();
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
