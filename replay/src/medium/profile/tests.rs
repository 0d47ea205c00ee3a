use proptest::prelude::*;

use super::*;

const LEAST: &str = "power_dbm = 23\nnoise_dbm = -95\nsensing_dbm = -85\n[path_loss]\nlines_db = [[47, 20]]\n\
                     [[errors]]\nsinr_db = [[0, 1], [10, 0]]\n";

#[test]
fn the_profiles_that_come_with_the_program_are_valid_and_say_what_they_are() {
    assert_eq!(
        AirProfile::names().collect::<Vec<_>>(),
        ["published", "highway", "urban", "crossing", "ideal"]
    );
    for name in AirProfile::names() {
        match AirProfile::shipped(name).unwrap() {
            AirProfile::Range(range_m) => assert_eq!((name, range_m), ("ideal", 300.0)),
            AirProfile::Radio(profile) => {
                assert!(profile.about.len() > 20, "{name}");
                assert!((100.0..1_500.0).contains(&profile.sensed_m()), "{name}: {}", profile.sensed_m());
                assert!(profile.reach_m() > profile.sensed_m(), "{name}");
            }
        }
    }
    assert!(AirProfile::shipped("rural").is_none());
}

#[test]
fn the_published_channel_senses_half_of_the_frames_at_288_m() {
    let profile = RadioProfile::published();
    // 23 + 85 = 40 log10(d) + 9.639.
    assert!((profile.sensed_m() - 287.6).abs() < 0.5, "{}", profile.sensed_m());
    // A tenth of the noise: 23 + 105 = 40 log10(d) + 9.639.
    assert!((profile.reach_m() - 909.5).abs() < 2.0, "{}", profile.reach_m());
}

#[test]
fn a_profile_reads_back_with_what_it_leaves_out() {
    let AirProfile::Radio(profile) = AirProfile::parse("p.toml", LEAST).unwrap() else { panic!() };
    assert_eq!(
        (profile.rate, profile.energy_dbm, profile.overlap),
        (DataRate::Mbps6, -65.0, Overlap::Shares)
    );
    assert_eq!((profile.shadowing_db, profile.capture, profile.preamble_db), (0.0, None, None));
    assert!(profile.fading.is_empty());
    assert_eq!((profile.obstacles, profile.vehicles), (ObstacleLoss { wall_db: 9.0, metre_db: 0.4 }, None));
    let more = format!("{LEAST}[obstacles]\nwall_db = 12\n[vehicles]\nlevel_db = 0\n");
    let AirProfile::Radio(profile) = AirProfile::parse("p.toml", &more).unwrap() else { panic!() };
    assert_eq!(profile.obstacles, ObstacleLoss { wall_db: 12.0, metre_db: 0.4 });
    assert_eq!(profile.vehicles, Some(VehicleLoss { level_db: 0.0, ..VehicleLoss::default() }));
}

#[test]
fn what_is_wrong_is_named_with_file_line_key_and_what_would_be_right() {
    let first = |line: &str| format!("{line}\n{LEAST}");
    let more = |lines: &str| format!("{LEAST}{lines}\n");
    for (text, said) in [
        (LEAST.replace("power_dbm = 23\n", ""), "p.toml:1: power_dbm is missing: the power sent, dBm"),
        (LEAST.replace("23", "-3"), "p.toml:1: power_dbm: found -3, expected a number, 0 to 40"),
        (LEAST.replace("noise_dbm = -95\n", ""), "p.toml:1: noise_dbm is missing"),
        (
            LEAST.replace("lines_db = [[47, 20]]", ""),
            "p.toml:4: path_loss.lines_db is missing: pairs of the loss at 1 m",
        ),
        (
            LEAST.replace("[47, 20]", "[47, -20]"),
            "p.toml:5: path_loss.lines_db: found [47, -20], expected two numbers, 0 to 200",
        ),
        (
            LEAST.replace("[47, 20]", "[47, 20], [10, 2]"),
            "p.toml:5: path_loss.lines_db: found [10, 2], expected 10 dB or more for each tenfold distance",
        ),
        (
            LEAST.replace("[[47, 20]]", "[]"),
            "p.toml:5: path_loss.lines_db: found 0 lines, expected 1 to 8 lines",
        ),
        (
            LEAST.replace("[10, 0]", "[-1, 0]"),
            "p.toml:7: errors[1].sinr_db: found [-1, 0] after [0, 1], expected ratios that rise and shares lost that do not",
        ),
        (
            LEAST.replace("[0, 1], [10, 0]", "[0, 0], [10, 1]"),
            "p.toml:7: errors[1].sinr_db: found [10, 1] after [0, 0], expected",
        ),
        (
            LEAST.replace("[0, 1]", "[0, 1.5]"),
            "p.toml:7: errors[1].sinr_db: found [0, 1.5], expected a ratio, dB, and a share of frames lost, 0 to 1",
        ),
        (
            LEAST.replace("[0, 1], [10, 0]", "[0, 1]"),
            "p.toml:7: errors[1].sinr_db: found 1 point, expected 2 to 256 pairs of a ratio",
        ),
        (
            more(
                "[[errors]]\nmpdu_bytes = 190\nsinr_db = [[0, 1], [10, 0]]\n[[errors]]\nmpdu_bytes = 190\nsinr_db = [[0, 1], [10, 0]]",
            ),
            "p.toml:12: errors[3].mpdu_bytes: found a second table for the rate and length of errors[2], expected one table for",
        ),
        (
            more("[[errors]]\nsinr_db = [[0, 1], [10, 0]]"),
            "p.toml:9: errors[2].sinr_db: found a second table for the rate and length of errors[1]",
        ),
        (
            first("rate_mbps = 7"),
            "p.toml:1: rate_mbps: found 7, expected a rate of a 10 MHz channel: 3, 4.5, 6",
        ),
        (
            first("rate_mbps = 12").replace("[[errors]]", "[[errors]]\nmbps = 6"),
            "errors is missing: a table [[errors]] for 12 Mb/s",
        ),
        (first("overlap = \"some\""), "p.toml:1: overlap: found \"some\", expected \"shares\" or \"worst\""),
        (first("range_m = 300"), "p.toml:2: power_dbm: "),
        (more("[shadowing]\nsigma_db = 3"), "p.toml:8: shadowing.correlation_m is missing"),
        (
            more("[fading]\nnakagami = [[10, 1]]"),
            "p.toml:9: fading.nakagami: found [[10, 1]], expected distances that rise from 0",
        ),
        (more("[capture]\nwithin_us = 5"), "p.toml:8: capture.by_db is missing"),
        (
            more("[obstacles]\nwall_db = -1"),
            "p.toml:9: obstacles.wall_db: found -1, expected a number, 0 to 100",
        ),
        (more("[vehicles]\nheight_m = 2"), "p.toml:9: vehicles.height_m: unknown key"),
        (more("[weather]"), "p.toml:8: weather: unknown key"),
    ] {
        let found = AirProfile::parse("p.toml", &text).unwrap_err().to_string();
        assert!(found.starts_with(said) || found.contains(said), "{text}\nsays: {found}\nwant: {said}");
        assert!(!found.contains('\n'), "{found}");
    }
}

#[test]
fn a_file_that_is_none_says_which_profiles_there_are() {
    let error = AirProfile::read(Path::new("/nowhere/rural.toml")).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/rural.toml: cannot be read: "), "{error}");
    assert!(error.contains("\"published\", \"highway\", \"urban\", \"crossing\" or \"ideal\""), "{error}");
}

proptest! {
    #[test]
    fn any_text_is_a_profile_or_an_error(text in "\\PC{0,200}", lines in proptest::collection::vec(any::<u16>(), 0..6)) {
        let parsed = AirProfile::parse("p", &text);
        prop_assert!(parsed.is_err(), "no text of this length is a profile: {parsed:?}");
        // Valid profiles with parts of their lines cut away.
        let whole = RadioProfile::shipped_text("highway").unwrap();
        let mut cut = String::new();
        for (number, line) in whole.lines().enumerate() {
            let end = lines.iter().find(|n| **n as usize % 40 == number).map_or(line.len(), |n| *n as usize % (line.len() + 1));
            cut.push_str(line.get(..end).unwrap_or(line));
            cut.push('\n');
        }
        if let Err(refusal) = AirProfile::parse("p", &cut) {
            prop_assert!(refusal.to_string().starts_with('p'), "a refusal names the file: {refusal}");
        }
    }
}
