//! `[roadside]` in a station's file.

use std::path::Path;

use proptest::prelude::*;

use super::super::StationConfig;
use super::*;

const UNIT: &str = include_str!("../../../../examples/roadside.toml");

/// The example with `from` replaced by `to`, read where its intersection is.
fn read(from: &str, to: &str) -> Result<RoadsideConfig, SettingsError> {
    assert!(UNIT.contains(from), "{from}");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/roadside.toml");
    StationConfig::parse(&UNIT.replacen(from, to, 1), &file).map(|config| config.roadside)
}

fn complaint(from: &str, to: &str) -> String {
    read(from, to).unwrap_err().to_string()
}

/// The example with a key more under `[roadside]`.
fn with(line: &str) -> Result<RoadsideConfig, SettingsError> {
    read("[roadside]\n", &format!("[roadside]\n{line}\n"))
}

#[test]
fn a_feed_is_a_socket_or_an_address() {
    let feed = |text: &str| with(&format!("feed = {text:?}")).map(|config| config.feed.unwrap());
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    assert_eq!(feed("unix:/run/c.sock").unwrap(), FeedAddress::Unix("/run/c.sock".into()));
    assert_eq!(feed("unix:c.sock").unwrap(), FeedAddress::Unix(examples.join("c.sock")));
    let udp = feed("udp:127.0.0.1:5055").unwrap();
    assert_eq!((udp.to_string().as_str(), udp.is_open()), ("udp:127.0.0.1:5055", false));
    assert_eq!(feed("udp:5055").unwrap(), udp, "loopback unless told otherwise");
    assert!(feed("udp:0.0.0.0:5055").unwrap().is_open() && !feed("udp:[::1]:5055").unwrap().is_open());
    for wrong in [
        "tcp:127.0.0.1:1",
        "udp:localhost:1",
        "udp:127.0.0.1:0",
        "udp:0",
        "udp:99999",
        "unix:",
        "/run/c.sock",
    ] {
        let message = feed(wrong).unwrap_err().to_string();
        assert!(
            message.contains("roadside.feed: found ") && message.contains("\"unix:\" with a path"),
            "{message}"
        );
    }
    let long = feed(&format!("unix:/{}", "x".repeat(200))).unwrap_err().to_string();
    assert!(long.contains("found a path of 201 bytes, expected at most 107"), "{long}");
}

#[test]
fn a_unit_sends_what_is_from_afar_where_it_is_told_to_and_may() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/roadside.toml");
    let config = |line: &str| StationConfig::parse(&UNIT.replacen("[roadside]\n", line, 1), &file);
    let asked = config("[roadside]\nfrom_afar = true\n").unwrap();
    assert!(asked.station.from_afar && asked.roadside.needs().contains(Permissions::KEEP_ALIVE));
    let not = config("[roadside]\n").unwrap();
    assert!(!not.station.from_afar && !not.roadside.needs().contains(Permissions::KEEP_ALIVE));
    let wrong = config("[roadside]\nfrom_afar = 1\n").unwrap_err().to_string();
    assert!(wrong.contains("roadside.from_afar: found 1, expected true or false"), "{wrong}");
}

#[test]
fn a_feed_for_no_signals_is_refused() {
    let file = Path::new("conf/unit.toml");
    let (head, _) = UNIT.split_once("[roadside]").unwrap();
    let text = format!("{head}[roadside]\nfeed = \"udp:5055\"\n");
    let message = StationConfig::parse(&text, file).unwrap_err().to_string();
    assert!(
        message.contains("roadside.feed: does not go with no intersections with signals; name an"),
        "{message}"
    );
}

#[test]
fn corrections_come_from_a_device_or_a_caster_and_no_complaint_shows_a_password() {
    let source = |lines: &str| with(lines).map(|config| config.corrections.unwrap());
    let serial = source("corrections = \"serial:/dev/ttyUSB0\"\ncorrections_baud = 9600").unwrap();
    assert_eq!(serial.source, CorrectionSource::Device { path: "/dev/ttyUSB0".into(), baud: 9600 });
    assert_eq!(serial.per_second, 5);
    let caster =
        source("corrections = \"ntrip://me:secret@base.example/MNT\"\ncorrections_per_s = 6").unwrap();
    assert_eq!(caster.source.to_string(), "ntrip://base.example:2101/MNT");
    for (lines, expected) in [
        ("corrections = \"ntrip://me:secret@base.example\"", "found an NTRIP address without a mount point"),
        ("corrections = \"ntrip:me:secret@base.example/M\"", "found an NTRIP address without //"),
        ("corrections = \"http://me:secret@base.example/M\"", "found neither of the two"),
        (
            "corrections = \"serial:/dev/x\"\ncorrections_baud = 1",
            "corrections_baud: found 1, expected one of 4800",
        ),
        ("corrections_per_s = 5", "corrections_per_s: does not go with no roadside.corrections"),
        ("corrections_gga = true", "corrections_gga: does not go with no roadside.corrections"),
        (
            "corrections = \"serial:/dev/x\"\ncorrections_gga = true",
            "corrections_gga: does not go with a serial device; only an NTRIP caster",
        ),
        (
            "corrections = \"ntrip://me:secret@base/M\"\ncorrections_baud = 9600",
            "corrections_baud: does not go with an NTRIP caster",
        ),
    ] {
        let message = source(lines).unwrap_err().to_string();
        assert!(message.contains(expected) && !message.contains("secret"), "{message}\nlacks\n{expected}");
    }
}

#[test]
fn a_caster_over_tls_may_have_authorities_of_its_own() {
    let source = |lines: &str| with(lines).map(|config| config.corrections.unwrap().source);
    let secret = "corrections = \"ntrips://me:secret@base.example/MNT\"";
    let own = format!("{secret}\ncorrections_ca = \"ca.pem\"");
    if cfg!(feature = "tls") {
        let CorrectionSource::Ntrip(caster) = source(secret).unwrap() else { panic!("no caster") };
        assert_eq!((caster.port, caster.tls), (2102, Some(CasterTls { authorities: None })));
        let named = source(&own).unwrap();
        assert_eq!(named.to_string(), "ntrips://base.example:2102/MNT");
        let CorrectionSource::Ntrip(caster) = named else { panic!("no caster") };
        assert!(caster.tls.unwrap().authorities.unwrap().ends_with("ca.pem"));
    } else {
        let message = source(secret).unwrap_err().to_string();
        assert!(
            message.contains("found an NTRIP address with TLS, expected a build with the feature `tls`"),
            "{message}"
        );
    }
    for open in ["corrections = \"ntrip://base.example/MNT\"", "corrections = \"serial:/dev/x\""] {
        let message = source(&format!("{open}\ncorrections_ca = \"ca.pem\"")).unwrap_err().to_string();
        let expected =
            "corrections_ca: does not go with a source without TLS; only a caster over TLS (ntrips://)";
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn what_receivers_would_not_take_is_refused() {
    let more = |count: u32| {
        let one = |id| {
            format!(
                "[[roadside.intersection]]\nid = {id}\nlatitude = 49.6117\nlongitude = 6.1321\n\
                 groups = [{{ group = 1, green_s = 9, yellow_s = 3, red_s = 9 }}]\n"
            )
        };
        (0..count).map(|id| one(100 + id)).collect::<String>()
    };
    let with_more = |count, line: &str| {
        let text = UNIT.replacen("[roadside]\n", &format!("[roadside]\n{line}\n"), 1) + &more(count);
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/roadside.toml");
        StationConfig::parse(&text, &file).map(|config| config.roadside).map_err(|error| error.to_string())
    };
    assert_eq!(with_more(0, "").unwrap().intersections.len(), 2);
    let message = with_more(1, "").unwrap_err();
    assert!(
        message.contains("roadside: found 3 intersections with signals, expected at most 2"),
        "{message}"
    );
    let corrections =
        |per_second| format!("corrections = \"serial:/dev/x\"\ncorrections_per_s = {per_second}");
    assert!(with_more(0, &corrections(6)).is_ok());
    let message = with_more(0, &corrections(7)).unwrap_err();
    assert!(
        message.contains("corrections_per_s: found 7, expected at most 6 beside 2 intersections"),
        "{message}"
    );
}

#[test]
fn signs_and_works_say_what_is_wrong_with_them() {
    for (from, to, expected) in [
        (
            "[[roadside.sign]]",
            "[[roadside.signs]]",
            "roadside.signs: unknown key; known keys here: intersections",
        ),
        ("signs = [{ code = 557", "signs = [{ kode = 557", "sign[1].signs[1].kode: unknown key"),
        ("signs = [{ code = 557, value = 30 }]", "signs = []", "sign[1].signs is missing: 1 to 16 of"),
        (
            "direction_deg = 0",
            "direction_deg = 360",
            "sign[1].direction_deg: found 360, expected a whole number, 0 to 359",
        ),
        ("radius_m = 150", "radius_m = 0", "zones[1].radius_m: found 0, expected a whole number, 1 to 65535"),
        ("radius_m = 150", "half_width_m = 9", "zones[1].half_width_m: does not go with shape = \"circle\""),
        (
            "\"circle\"",
            "\"square\"",
            "zones[1].shape: found \"square\", expected \"circle\", \"rectangle\" or",
        ),
        ("sub_cause = 3", "until = \"soon\"", "work_zone[1].until: found \"soon\", expected a date and time"),
        (
            "sub_cause = 3",
            "until = 2026-11-25",
            "work_zone[1].until: found the date 2026-11-25, expected a date and time",
        ),
        (
            "sub_cause = 3",
            "from = 2026-11-25T06:00:00Z\nuntil = 2026-11-25T06:00:00Z",
            "work_zone[1].until: does not go with from; give an end after the beginning",
        ),
        ("keep_alive_s = 5", "keep_alive_s = 11", "keep_alive_s: found 11, expected a number, 0.001 to 10 s"),
        ("area = {", "erea = {", "work_zone[1].erea: unknown key"),
        ("\"crossing.toml\"", "\"nowhere.toml\"", "nowhere.toml: no such file, expected files that describe"),
        ("id = 17", "id = 18", "crossing.toml with id 18, expected a number no other intersection has"),
    ] {
        let message = complaint(from, to);
        assert!(
            message.contains(expected) && message.contains("roadside.toml:"),
            "{message}\nlacks\n{expected}"
        );
    }
}

proptest! {
    #[test]
    fn no_change_of_the_example_makes_the_reader_panic(
        at in 0..UNIT.len(), with in "[\\[\\]{}=\",.0-9a-z\\n-]{0,4}", cut in 0usize..6
    ) {
        let end = (at + cut).min(UNIT.len());
        let (Some(head), Some(tail)) = (UNIT.get(..at), UNIT.get(end..)) else { return Ok(()) };
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
        match StationConfig::parse(&format!("{head}{with}{tail}"), &examples.join("roadside.toml")) {
            Err(error) => prop_assert!(error.to_string().starts_with(&*examples.to_string_lossy())),
            Ok(config) => for sign in config.roadside.signs {
                prop_assert!(v2x_proto::payload::Message::from(sign).check().is_ok());
            },
        }
    }
}

#[test]
fn times_are_read_with_their_offset() {
    let with_times =
        read("sub_cause = 3", "from = 2026-11-25T07:00:00+01:00\nuntil = 2026-11-25T06:00:01.5Z");
    let zone = &with_times.unwrap().work_zones[0];
    let (from, until) = (zone.from.unwrap(), zone.until.unwrap());
    assert_eq!(until.since(from), core::time::Duration::from_millis(1_500));
}

#[test]
fn signals_nobody_speaks_for_are_refused() {
    let scratch = std::env::temp_dir().join(format!("roadcast-unit-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).unwrap();
    let crossing = include_str!("../../../../examples/crossing.toml");
    let (lanes, _) = crossing.split_once("[[plan]]").unwrap();
    std::fs::write(scratch.join("crossing.toml"), lanes).unwrap();
    let parse =
        |text: &str| StationConfig::parse(text, &scratch.join("unit.toml")).map(|config| config.roadside);
    let message = parse(UNIT).unwrap_err().to_string();
    assert!(message.contains("whose connections name signal groups, expected roadside.feed"), "{message}");
    let fed = UNIT.replacen("[roadside]\n", "[roadside]\nfeed = \"udp:127.0.0.1:5055\"\n", 1);
    assert_eq!(parse(&fed).unwrap().intersections[1].groups, [1, 2, 3, 4]);
    std::fs::remove_dir_all(scratch).unwrap();
}
