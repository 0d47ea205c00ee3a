//! Every complaint names file, line, key, what was found and what would be right.

use std::net::SocketAddrV4;
use std::path::PathBuf;

use proptest::prelude::*;
use radio_adapters::DataRate;
use radio_adapters::wlan::{Cell, Channel, JoinPlan, Ssid, Width};
use v2x_api::Right;

use super::*;
use v2x_core::{Congestion, Imminent, Regulation};

fn parse(text: &str) -> Result<StationConfig, SettingsError> {
    StationConfig::parse(text, Path::new("conf/station.toml"))
}

/// The complaint about `VEHICLE` with `from` replaced by `to`.
fn complaint(from: &str, to: &str) -> String {
    assert!(VEHICLE.contains(from), "{from}");
    parse(&VEHICLE.replacen(from, to, 1)).unwrap_err().to_string()
}

/// `VEHICLE` with another `[position]`.
fn vehicle_at(keys: &str) -> String {
    const FIXED: &str = "source = \"fixed\"\nlatitude = 49.5\nlongitude = -6";
    assert!(VEHICLE.contains(FIXED));
    VEHICLE.replacen(FIXED, keys, 1)
}

const VEHICLE: &str = r#"role = "vehicle"
seed = 7
test = true
[identity]
credential = "car.cred"
key = "/etc/car.key"
roots = ["root.cred"]
issuers = ["issuer.cred"]
[awareness]
interval_ms = 200
[link]
kind = "udp"
interface = "lo"
group = "239.1.2.3:5000"
[link.fault]
receive_loss = 0.25
[position]
source = "fixed"
latitude = 49.5
longitude = -6
[realtime]
cpu = 1
[load]
rate_per_s = 100
classes = ["D0", "D2"]
[report]
every_s = 5
"#;

#[test]
fn chrony_is_asked_on_this_machine_only() {
    let with =
        |clock: &str| parse(&VEHICLE.replacen("[realtime]", &format!("[clock]\n{clock}\n[realtime]"), 1));
    let port = |clock: &str| with(clock).unwrap().clock.chrony.map(|address| address.to_string());
    assert_eq!(parse(VEHICLE).unwrap().clock.trust, ClockTrust::Kernel);
    assert_eq!(port("trust = \"always\"").as_deref(), Some("127.0.0.1:323"));
    assert_eq!(port("chrony = \"[::1]:1323\"").as_deref(), Some("[::1]:1323"));
    assert_eq!(port("chrony = \"off\""), None);
    for wrong in ["192.0.2.1:323", "127.0.0.1", "127.0.0.1:0", "localhost:323", "/run/chrony/chronyd.sock"] {
        let shown = with(&format!("chrony = \"{wrong}\"")).unwrap_err().to_string();
        assert!(shown.contains("clock.chrony: found") && shown.contains("or \"off\""), "{shown}");
    }
}

const ROADSIDE: &str = include_str!("../../../examples/roadside.toml");

#[test]
fn a_station_has_as_many_neighbours_as_it_asks_for_within_the_bound() {
    assert_eq!(parse(VEHICLE).unwrap().station.max_neighbours, limits::NEIGHBOURS);
    let vehicle = include_str!("../../../examples/vehicle.toml");
    let with = |most: &str| vehicle.replacen("[station]", &format!("[station]\nmax_neighbours = {most}"), 1);
    assert_eq!(parse(&with("10000")).unwrap().station.max_neighbours, limits::MAX_NEIGHBOURS);
    for wrong in ["0", "10001", "-1", "\"many\""] {
        let shown = parse(&with(wrong)).unwrap_err().to_string();
        assert!(shown.contains("station.max_neighbours") && shown.contains("1 to 10000"), "{shown}");
    }
}

#[test]
fn sampled_verification_is_off_unless_asked_for() {
    assert_eq!(parse(VEHICLE).unwrap().station.sample_far_awareness, None);
    let with = VEHICLE.replacen("[link]", "[verify]\nsample_far_awareness = 5\n[link]", 1);
    assert_eq!(parse(&with).unwrap().station.sample_far_awareness, Some(5));
    let shown = complaint("[link]", "[verify]\nsample_far_awareness = 0\n[link]");
    assert!(shown.contains(":12: verify.sample_far_awareness") && shown.contains("1 to 100"), "{shown}");
}

#[test]
fn the_rate_adapts_on_a_radio_and_the_law_takes_warnings_that_leave_once() {
    let of = |text: &str| parse(text).unwrap().station;
    const LINK: &str = "kind = \"udp\"\ninterface = \"lo\"\ngroup = \"239.1.2.3:5000\"";
    const LOAD: &str = "[load]\nrate_per_s = 100\nclasses = [\"D0\", \"D2\"]\n";
    assert!(VEHICLE.contains(LINK) && VEHICLE.contains(LOAD));
    let wire = VEHICLE.replacen("test = true\n", "", 1).replacen(LOAD, "", 1);
    let radio = wire.replacen(LINK, "kind = \"packet\"\ninterface = \"wlan0\"", 1);
    assert_eq!(of(&radio).congestion, Congestion::Adaptive);
    assert_eq!(of(&format!("test = true\n{radio}")).congestion, Congestion::Off);
    assert_eq!(of(&format!("congestion = \"reactive\"\n{radio}")).congestion, Congestion::Reactive);
    assert_eq!(of(&format!("congestion = \"off\"\n{radio}")).congestion, Congestion::Off);
    assert_eq!((of(&wire).congestion, of(&wire).regulation), (Congestion::Off, Regulation::None));
    let law = of(&format!("regulation = \"en302571\"\n{radio}"));
    assert_eq!((law.regulation, law.imminent), (Regulation::En302571, Imminent::Regulated));
    let error =
        parse(&format!("regulation = \"en302571\"\nimminent = \"lab\"\n{radio}")).unwrap_err().to_string();
    assert!(error.contains("imminent") && error.contains("regulation = \"en302571\""), "{error}");
    for (key, right) in [("congestion", "adaptive"), ("regulation", "en302571")] {
        let error = parse(&format!("{key} = \"much\"\n{radio}")).unwrap_err().to_string();
        assert!(error.contains(key) && error.contains(right), "{error}");
    }
}

#[test]
fn imminent_warnings_have_the_laboratory_s_copies_unless_told_otherwise() {
    assert_eq!(parse(VEHICLE).unwrap().station.imminent, Imminent::Lab);
    let regulated = parse(&format!("imminent = \"regulated\"\n{VEHICLE}")).unwrap();
    assert_eq!(regulated.station.imminent, Imminent::Regulated);
    let error = parse(&format!("imminent = \"often\"\n{VEHICLE}")).unwrap_err().to_string();
    assert!(error.contains("imminent") && error.contains("regulated"), "{error}");
}

#[test]
fn a_vehicle_warns_by_itself_when_it_is_told_to_and_a_roadside_unit_cannot() {
    assert!(!parse(VEHICLE).unwrap().alerts);
    assert!(parse(&format!("alerts = true\n{VEHICLE}")).unwrap().alerts);
    let error = parse(&format!("alerts = true\n{ROADSIDE}")).unwrap_err().to_string();
    assert!(error.contains(":1: alerts") && error.contains("only a vehicle brakes"), "{error}");
}

#[test]
fn a_full_vehicle_reads_as_written() {
    let config = parse(VEHICLE).unwrap();
    assert_eq!(config.station.role, Role::Vehicle);
    assert_eq!(config.station.awareness, AwarenessRule::Every(Duration::from_millis(200)));
    assert!(config.station.test);
    assert_eq!(config.seed, Some(Seed(7)));
    let files = |credential, key| {
        let (credential, key) = (PathBuf::from(credential), PathBuf::from(key));
        CredentialFiles { credential, key }
    };
    assert_eq!(config.identity.own, OwnFiles::Listed(vec![files("conf/car.cred", "/etc/car.key")]));
    let group: SocketAddrV4 = "239.1.2.3:5000".parse().unwrap();
    assert_eq!(config.link.medium, Medium::Udp { interface: "lo".to_owned(), group, receive_buffer: None });
    assert_eq!(config.link.fault.unwrap().receive_loss, 0.25);
    let PositionConfig::Fixed { position, altitude_cm } = config.position else { panic!("not fixed") };
    assert_eq!((position.latitude, position.longitude, altitude_cm), (495_000_000, -60_000_000, None));
    assert_eq!(config.load.unwrap().classes, [Class::D0, Class::D2]);
    assert_eq!(config.report.every, Duration::from_secs(5));
}

#[test]
fn a_link_that_injects_has_its_monitor_interface_width_and_rate() {
    let link = |text: &str| {
        let start = VEHICLE.find("[link]").unwrap();
        let rest = &VEHICLE[start + 6..];
        let end = start + 6 + rest.find("\n[").unwrap();
        parse(&format!("{}[link]\n{text}{}", &VEHICLE[..start], &VEHICLE[end..]))
            .map(|config| config.link.medium)
    };
    let on = |name: &str| Injection::on(name, 0x88b5);
    assert_eq!(link("kind = \"monitor\"\ninterface = \"mon0\"").unwrap(), Medium::Monitor(on("mon0")));
    let plan =
        vehicle_on("kind = \"monitor\"\ninterface = \"mon0\"\nwidth_mhz = 20\nrate_mbps = 12").unwrap().join;
    assert_eq!(plan, None, "somebody else has set its channel");
    let keys = "kind = \"monitor\"\ninterface = \"mon0\"\nfrequency_mhz = 5890\nwidth_mhz = 20";
    let plan = vehicle_on(keys).unwrap().join.unwrap();
    assert_eq!(plan.interface, "mon0");
    assert_eq!(plan.cell, Cell::Monitor(Channel { frequency_mhz: 5890, width: Width::Mhz20 }));
    let auto = "kind = \"auto\"\ninterface = \"wlan0\"";
    let beside = |beside: Injection| Medium::Auto { interface: "wlan0".to_owned(), beside };
    assert_eq!(link(auto).unwrap(), beside(on("wlan0mon")));
    let wide = Injection { width_mhz: 20, rate: DataRate::Mbps9, ..on("mon7") };
    assert_eq!(
        link(&format!("{auto}\nmonitor = \"mon7\"\nwidth_mhz = 20\nrate_mbps = 18")).unwrap(),
        beside(wide)
    );
    let narrow = Injection { width_mhz: 5, rate: DataRate::Mbps4_5, ..on("wlan0mon") };
    assert_eq!(link(&format!("{auto}\nwidth_mhz = 5\nrate_mbps = 2.25")).unwrap(), beside(narrow));
    for (text, words) in [
        ("width_mhz = 40", "5, 10 or 20"),
        ("rate_mbps = 5", "a rate at 10 MHz: 3, 4.5, 6, 9, 12, 18, 24, 27"),
        ("group = \"239.1.2.3:5000\"", "link.kind = \"auto\""),
    ] {
        let error = link(&format!("{auto}\n{text}")).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn several_credentials_are_listed_or_named_by_their_pool() {
    const ONE: &str = "credential = \"car.cred\"\nkey = \"/etc/car.key\"";
    let own = |text: &str| parse(&VEHICLE.replacen(ONE, text, 1)).map(|config| config.identity.own);
    let files = |number| {
        let file = |ending| PathBuf::from(format!("conf/car-{number}.{ending}"));
        CredentialFiles { credential: file("cred"), key: file("key") }
    };
    let list = "credentials = [\"car-1.cred\", \"car-2.cred\"]";
    let both = OwnFiles::Listed(vec![files(1), files(2)]);
    assert_eq!(own(list).unwrap(), both);
    assert_eq!(own(&format!("{list}\nkeys = [\"car-1.key\", \"car-2.key\"]")).unwrap(), both);
    assert_eq!(own("pool = \"car\"").unwrap(), OwnFiles::Pool(PathBuf::from("conf/car")));
    let wrong = own(&format!("{list}\nkeys = [\"car-1.key\"]")).unwrap_err().to_string();
    assert!(wrong.contains("found 1 keys, expected one for each of the 2 credentials"), "{wrong}");
    let wrong = own(&format!("{list}\npool = \"car\"")).unwrap_err().to_string();
    assert!(wrong.contains("identity.pool: does not go with identity.credentials"), "{wrong}");
}

#[test]
fn changes_of_pseudonym_are_read_and_a_roadside_unit_makes_none() {
    let with = |text: &str| parse(&VEHICLE.replacen("[link]", &format!("[pseudonym]\n{text}\n[link]"), 1));
    let read = |text: &str| with(text).unwrap().station.pseudonym;
    assert_eq!(parse(VEHICLE).unwrap().station.pseudonym.change, ChangeRule::Trip);
    assert_eq!(read("change = \"off\"").change, ChangeRule::Off);
    let often = read("every_s = 30\nsilence_s = 1.5");
    assert_eq!(often.change, ChangeRule::Every(Duration::from_secs(30)));
    assert_eq!(often.silence, Duration::from_millis(1500));
    let wrong = with("every_s = 30\nchange = \"trip\"").unwrap_err().to_string();
    assert!(wrong.contains("pseudonym.every_s: does not go with pseudonym.change"), "{wrong}");
    assert!(with("silence_s = 60").is_err() && with("every_s = 1").is_err());
    let unit = parse(&format!("{ROADSIDE}\n[pseudonym]\nevery_s = 30\n")).unwrap_err().to_string();
    assert!(unit.contains("role = \"roadside\""), "{unit}");
}

#[test]
fn a_receiver_of_gpsd_and_a_simulator_are_asked_for_by_name() {
    let place = |keys: &str| parse(&vehicle_at(keys)).unwrap().position;
    let address = || "127.0.0.1:2947".to_owned();
    let plain = PositionConfig::Gpsd { address: address(), device: None, simulated: false };
    assert_eq!(place("source = \"gpsd\""), plain);
    let chosen = place("source = \"gpsd\"\ndevice = \"/dev/ttyACM0\"\nsimulated = true");
    let device = Some("/dev/ttyACM0".to_owned());
    assert_eq!(chosen, PositionConfig::Gpsd { address: address(), device, simulated: true });
    let refused = |keys: &str| parse(&vehicle_at(keys)).unwrap_err().to_string();
    assert!(refused("source = \"gpsd\"\ndevice = \"\"").contains("such as \"/dev/ttyACM0\""));
    assert!(refused("source = \"nmea\"\npath = \"x\"\ndevice = \"y\"").contains("position.device"));
    let zero = refused("source = \"fixed\"\nlatitude = 0\nlongitude = 0.0005");
    assert!(zero.contains("0, 0 is what software says that has none"), "{zero}");
}

#[test]
fn the_examples_load() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let vehicle = StationConfig::load(&examples.join("vehicle.toml")).unwrap();
    assert_eq!(vehicle.station, Config { congestion: Congestion::Adaptive, ..Config::vehicle() });
    let roadside = StationConfig::load(&examples.join("roadside.toml")).unwrap();
    let unit = roadside.roadside;
    assert_eq!(unit.intersections[0].plan[1].offset_ms, 30_000);
    assert_eq!((unit.intersections[1].id, unit.intersections[1].map.len()), (18, 1));
    assert_eq!(unit.adverts[0].service_id, 0x20_4095);
    assert_eq!((unit.signs[0].signs[0].value, unit.work_zones[0].repeat), (Some(30), Duration::from_secs(2)));
    assert_eq!((unit.feed, unit.corrections), (None, None));
}

#[test]
fn unknown_keys_are_named_with_the_known_ones() {
    assert_eq!(
        complaint("kind = \"udp\"", "knd = \"udp\""),
        "conf/station.toml:12: link.knd: unknown key; known keys here: kind, interface, group, ethertype, \
         receive_buffer, wait, fault, tap, frequency_mhz, width_mhz, rate_mbps, power_dbm, mtu, ssid, bssid, \
         monitor"
    );
    assert!(
        complaint("seed = 7", "sed = 7").starts_with("conf/station.toml:2: sed: unknown key; known keys")
    );
    assert!(
        complaint("receive_loss", "los").starts_with("conf/station.toml:16: link.fault.los: unknown key")
    );
    // The first in the file, not the first in the alphabet.
    assert!(complaint("seed = 7", "zzz = 1\naaa = 2").contains(":2: zzz: unknown key"));
}

#[test]
fn wrong_types_and_ranges_say_what_would_be_right() {
    let cases = [
        (
            "seed = 7",
            "seed = \"x\"",
            ":2: seed: found \"x\", expected a whole number, 0 to 9223372036854775807",
        ),
        ("seed = 7", "seed = -1", ":2: seed: found -1, expected a whole number"),
        (
            "role = \"vehicle\"",
            "role = \"boat\"",
            ":1: role: found \"boat\", expected \"vehicle\" or \"roadside\"",
        ),
        ("test = true", "test = 1", ":3: test: found 1, expected true or false"),
        ("[\"root.cred\"]", "[]", ":7: identity.roots: found an empty list, expected a list of file names"),
        ("[\"root.cred\"]", "\"root.cred\"", ":7: identity.roots: found \"root.cred\", expected a list"),
        (
            "interval_ms = 200",
            "interval_ms = 99",
            ":10: awareness.interval_ms: found 99, expected a whole number, 100 to 1000",
        ),
        (
            "239.1.2.3:5000",
            "10.1.2.3:5000",
            ":14: link.group: found \"10.1.2.3:5000\", expected an IPv4 multicast",
        ),
        ("0.25", "1.5", ":16: link.fault.receive_loss: found 1.5, expected a number, 0 to 1"),
        (
            "latitude = 49.5",
            "latitude = 91",
            ":19: position.latitude: found 91, expected a number, -90 to 90 degrees",
        ),
        ("latitude = 49.5", "latitude = nan", ":19: position.latitude: found nan"),
        ("\"D2\"]", "\"D9\"]", ":25: load.classes: found \"D9\", expected a list of classes"),
        ("[realtime]\ncpu = 1", "realtime = 3", "position.realtime: unknown key"),
    ];
    for (from, to, expected) in cases {
        let message = complaint(from, to);
        assert!(message.contains(expected), "{message}\nlacks\n{expected}");
        assert!(message.starts_with("conf/station.toml:") && !message.contains('\n'), "{message}");
    }
}

#[test]
fn missing_keys_are_named_with_what_they_have_to_be() {
    let cases = [
        ("role = \"vehicle\"\n", ":1: role is missing: \"vehicle\" or \"roadside\""),
        ("key = \"/etc/car.key\"\n", ":4: identity.key is missing: the file of the station's private key"),
        ("interface = \"lo\"\n", ":11: link.interface is missing: an interface"),
        ("longitude = -6\n", ":17: position.longitude is missing: degrees, -180 to 180"),
        ("rate_per_s = 100\n", ":23: load.rate_per_s is missing: messages per second"),
    ];
    for (line, expected) in cases {
        let message = complaint(line, "");
        // Removing a line moves those behind it up by one.
        let moved = message.contains(expected);
        let place = expected.split_once(": ").unwrap().1;
        assert!(moved || message.contains(place), "{message}\nlacks\n{expected}");
    }
}

/// `VEHICLE` with another `[link]`.
fn vehicle_on(keys: &str) -> Result<LinkConfig, String> {
    const UDP: &str =
        "kind = \"udp\"\ninterface = \"lo\"\ngroup = \"239.1.2.3:5000\"\n[link.fault]\nreceive_loss = 0.25";
    assert!(VEHICLE.contains(UDP));
    parse(&VEHICLE.replacen(UDP, keys, 1)).map(|config| config.link).map_err(|error| error.to_string())
}

#[test]
fn a_radio_joins_its_cell_and_is_a_packet_link_then() {
    let link = vehicle_on("kind = \"ocb\"\ninterface = \"wlan0\"").unwrap();
    let packet = Medium::Packet { interface: "wlan0".to_owned(), ethertype: 0x88B5, receive_buffer: None };
    assert_eq!(link.medium, packet);
    let channel = Channel { frequency_mhz: 5900, width: Width::Mhz10 };
    let plan = JoinPlan {
        interface: "wlan0".to_owned(),
        cell: Cell::Ocb(channel),
        rate_kbps: None,
        power_dbm: None,
        mtu: None,
    };
    assert_eq!(link.join, Some(plan.clone()));
    assert_eq!(vehicle_on("kind = \"packet\"\ninterface = \"wlan0\"").unwrap().join, None);
    let link = vehicle_on(
        "kind = \"ibss\"\ninterface = \"wlan0\"\nssid = \"v2x\"\nbssid = \"02:ca:fe:ca:fe:00\"\nfrequency_mhz = 5180\n\
         width_mhz = 20\nrate_mbps = 12\npower_dbm = -3\nmtu = 2304\nwait = true",
    );
    let cell = Cell::Ibss {
        channel: Channel { frequency_mhz: 5180, width: Width::Mhz20 },
        ssid: Ssid::new(b"v2x").unwrap(),
        bssid: Cell::bssid("02:ca:fe:ca:fe:00"),
    };
    let all = JoinPlan { cell, rate_kbps: Some(12_000), power_dbm: Some(-3), mtu: Some(2304), ..plan };
    assert_eq!(link.unwrap().join, Some(all));
}

#[test]
fn a_cell_that_cannot_be_is_refused() {
    for (keys, told) in [
        ("width_mhz = 40", "link.width_mhz: found 40, expected 5, 10 or 20"),
        ("rate_mbps = 5", "link.rate_mbps: found 5, expected a rate at 10 MHz: 3, 4.5, 6, 9, 12, 18, 24, 27"),
        ("width_mhz = 20\nrate_mbps = 4.5", "link.rate_mbps: found 4.5, expected a rate at 20 MHz: 6, 9"),
        ("frequency_mhz = 5", "link.frequency_mhz: found 5, expected a whole number, 2400 to 7200"),
        ("power_dbm = 50", "link.power_dbm: found 50, expected a whole number, -10 to 40"),
        ("mtu = 1000", "link.mtu: found 1000, expected a whole number, 1398 to 2304"),
        ("ssid = \"v2x\"", "link.ssid: does not go with link.kind = \"ocb\""),
        ("group = \"239.1.2.3:5000\"", "link.group: does not go with link.kind = \"ocb\""),
    ] {
        let error = vehicle_on(&format!("kind = \"ocb\"\ninterface = \"wlan0\"\n{keys}")).unwrap_err();
        assert!(error.contains(told), "{error}\nlacks\n{told}");
    }
    for (keys, told) in [
        ("", "link.ssid is missing: the name of the cell, 1 to 32 bytes"),
        (
            "ssid = \"a-name-of-more-than-thirty-two-byt\"",
            "link.ssid: found 34 bytes, expected the name of the cell",
        ),
        (
            "ssid = \"v2x\"\nbssid = \"03:ca:fe:ca:fe:00\"",
            "link.bssid: found \"03:ca:fe:ca:fe:00\", expected the cell's address",
        ),
    ] {
        let error = vehicle_on(&format!("kind = \"ibss\"\ninterface = \"wlan0\"\n{keys}")).unwrap_err();
        assert!(error.contains(told), "{error}\nlacks\n{told}");
    }
    let packet = vehicle_on("kind = \"packet\"\ninterface = \"wlan0\"\nfrequency_mhz = 5900").unwrap_err();
    assert!(packet.contains("link.frequency_mhz: does not go with link.kind = \"packet\""), "{packet}");
}

#[test]
fn contradictions_are_refused_with_the_way_out() {
    let cases = [
        (
            VEHICLE.replace("interval_ms", "rule = \"off\"\ninterval_ms"),
            "awareness.interval_ms: does not go with awareness.rule",
        ),
        (VEHICLE.replace("test = true", ""), "load: does not go with test = false; made-up traffic"),
        (
            VEHICLE.replace("interface = \"lo\"", "interface = \"lo\"\nethertype = 0x88B6"),
            "link.ethertype: does not go with link.kind = \"udp\"; keys that do: kind, interface, group",
        ),
        (
            VEHICLE.replace("latitude", "baud = 9600\nlatitude"),
            "position.baud: does not go with position.source = \"fixed\"",
        ),
        (
            VEHICLE.replace("[load]", "[station]\ntype = 15\n[load]"),
            "station.type: does not go with role = \"vehicle\"",
        ),
        (VEHICLE.replace("[load]", "[roadside]\n[load]"), "roadside: does not go with role = \"vehicle\""),
        (
            ROADSIDE.replace("\"fixed\"", "\"gpsd\""),
            "position.source: does not go with role = \"roadside\"; a roadside unit stands still",
        ),
        (
            ROADSIDE.replace("group = 2", "group = 1"),
            "roadside.intersection[1].groups[2].group: found 1, expected a number no other",
        ),
    ];
    for (text, expected) in cases {
        let message = parse(&text).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}\nlacks\n{expected}");
    }
}

#[test]
fn what_is_not_toml_names_its_line() {
    let message = complaint("seed = 7", "seed 7");
    assert!(message.starts_with("conf/station.toml:2: not TOML: "), "{message}");
    let message = complaint("seed = 7", "seed = 7\nseed = 8");
    assert!(message.contains("duplicate key"), "{message}");
}

#[test]
fn a_file_that_is_not_there_says_so() {
    let message = StationConfig::load(Path::new("no/such.toml")).unwrap_err().to_string();
    assert_eq!(message, "no/such.toml: cannot read the configuration: no such file");
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
        drop(parse(&text));
    }

    #[test]
    fn no_change_of_a_good_file_makes_the_reader_panic(
        at in 0..VEHICLE.len() + ROADSIDE.len(), with in "[\\[\\]{}=\",.0-9a-z\\n-]{0,4}", cut in 0usize..6
    ) {
        let (base, at) = if at < VEHICLE.len() { (VEHICLE, at) } else { (ROADSIDE, at - VEHICLE.len()) };
        let end = (at + cut).min(base.len());
        if let Err(error) = parse(&format!("{}{with}{}", &base[..at], &base[end..])) {
            prop_assert!(error.to_string().starts_with("conf/station.toml:"));
        }
    }
}

#[test]
fn revocation_files_are_taken_from_the_file_s_directory_and_named_when_wrong() {
    let with = |table: &str| VEHICLE.replace("seed = 7\n", &format!("seed = 7\n{table}\n"));
    let read = |table: &str| StationConfig::parse(&with(table), Path::new("conf/station.toml"));
    let good = read("revocation = { files = [\"a.rev\", \"/b.rev\"] }").unwrap();
    assert_eq!(good.revocations, [PathBuf::from("conf/a.rev"), PathBuf::from("/b.rev")]);
    for (table, expected) in [
        ("revocation = {}", ":3: revocation.files is missing: a list of the files of revocation deltas"),
        (
            "revocation = { files = [] }",
            "revocation.files: found an empty list, expected a list of file names",
        ),
        ("revocation = { file = \"a\" }", "revocation.file: unknown key; known keys here: files"),
    ] {
        let message = read(table).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}\nlacks\n{expected}");
    }
}

#[test]
fn the_control_socket_is_where_the_file_says_or_where_it_always_is() {
    let with = |table: &str| {
        let text = VEHICLE.replace("seed = 7\n", &format!("seed = 7\n{table}\n"));
        StationConfig::parse(&text, Path::new("conf/station.toml"))
    };
    assert_eq!(with("").unwrap().control, ControlConfig::Default);
    assert_eq!(with("control = { enabled = true }").unwrap().control, ControlConfig::Default);
    assert_eq!(with("control = { enabled = false }").unwrap().control, ControlConfig::Off);
    let at = |path: &str| ControlConfig::At(PathBuf::from(path));
    assert_eq!(with("control = { socket = \"/run/a.sock\" }").unwrap().control, at("/run/a.sock"));
    assert_eq!(with("control = { socket = \"a.sock\" }").unwrap().control, at("conf/a.sock"));
    let shared = with("control = { group = \"dialout\" }").unwrap();
    assert_eq!((shared.control, shared.control_group.as_deref()), (ControlConfig::Default, Some("dialout")));
    assert_eq!(shared.control_rights, Right::Declare);
    let readers = with("control = { group = \"dialout\", group_rights = \"read\" }").unwrap();
    assert_eq!(readers.control_rights, Right::Read);
    let long = format!("control = {{ socket = \"/{}\" }}", "x".repeat(107));
    for (table, expected) in [
        (
            "control = { sock = \"a\" }",
            ":3: control.sock: unknown key; known keys here: socket, group, group_rights, enabled",
        ),
        (
            "control = { group = \"a\", group_rights = \"write\" }",
            ":3: control.group_rights: found \"write\", expected \"read\", \"declare\" or \"administer\"",
        ),
        (
            "control = { group_rights = \"read\" }",
            ":3: control.group_rights: does not go with a socket for its owner alone; name a control.group, or remove it",
        ),
        ("control = { socket = 7 }", ":3: control.socket: found 7, expected a file name in quotes"),
        ("control = { enabled = \"no\" }", ":3: control.enabled: found \"no\", expected true or false"),
        (
            "control = { socket = \"a\", enabled = false }",
            ":3: control.socket: does not go with control.enabled = false",
        ),
        (
            "control = { group = \"a\", enabled = false }",
            ":3: control.group: does not go with control.enabled = false",
        ),
        (&long, ":3: control.socket: found one of 108 bytes, expected a path of at most 107 bytes"),
    ] {
        let message = with(table).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}\nlacks\n{expected}");
    }
}
