//! The binary as a user meets it: what it prints, where, and with which exit code.

#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A directory of its own, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("roadcast-cli-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roadcast"));
        command.args(args).current_dir(&self.0).env_remove("ROADCAST_LOG");
        command
    }

    fn run(&self, args: &[&str]) -> Said {
        self.command(args).output().unwrap().into()
    }

    /// Runs what has to go well and returns what it printed.
    fn good(&self, args: &[&str]) -> String {
        let said = self.run(args);
        assert_eq!(said.code, 0, "{args:?}: {}", said.err);
        said.out
    }

    /// Runs what has to fail as bad input and returns the complaint.
    fn bad(&self, args: &[&str]) -> String {
        let said = self.run(args);
        assert_eq!(said.code, 2, "{args:?}: {}{}", said.out, said.err);
        assert_eq!(said.out, "", "{args:?}");
        said.err
    }

    fn with_keys(name: &str) -> Self {
        let scratch = Self::new(name);
        scratch.good(&["keys", "init", "--dir", "keys"]);
        scratch.good(&["keys", "issue", "--dir", "keys", "--name", "car-1"]);
        scratch
    }

    fn mode(&self, path: &str) -> u32 {
        fs::metadata(self.0.join(path)).unwrap().permissions().mode() & 0o7777
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

struct Said {
    code: i32,
    out: String,
    err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    let scratch = Scratch::new("help");
    for args in
        [&["--help"][..], &["help"], &["keys", "--help"], &["keys", "issue", "--help"], &["dump", "--help"]]
    {
        let help = scratch.good(args);
        assert!(help.contains("Usage: roadcast"), "{help}");
    }
    assert!(
        scratch
            .good(&["--help"])
            .contains("Exit codes: 0 success, 1 a deadline or check failed, or the station refused,\n2 bad")
    );
    let version = scratch.good(&["--version"]);
    let commit = v2x_node::version::COMMIT.map_or_else(String::new, |commit| format!(" ({commit})"));
    assert_eq!(version, format!("roadcast {}{commit}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage_is_told_on_standard_error() {
    let scratch = Scratch::new("usage");
    assert!(scratch.bad(&["--colour"]).contains("unexpected argument '--colour'"));
    assert!(scratch.bad(&["drive"]).contains("unrecognized subcommand 'drive'"));
    assert!(scratch.bad(&[]).contains("Usage: roadcast"));
    assert!(scratch.bad(&["dump"]).contains("required arguments"));
    assert!(
        scratch.bad(&["dump", "--interface", "lo", "--ethertype", "7"]).contains("expected an EtherType")
    );
    assert!(
        scratch
            .bad(&["keys", "issue", "--dir", "k", "--name", "a", "--region", "1,2"])
            .contains("LAT,LON,RADIUS_M")
    );
    assert!(
        scratch
            .bad(&["keys", "issue", "--dir", "k", "--name", "a", "--permissions", "x"])
            .contains("awareness, hazard")
    );
}

#[test]
fn a_wrong_file_is_named() {
    let scratch = Scratch::new("files");
    assert!(scratch.bad(&["dump", "no.pcapng"]).starts_with("roadcast: no.pcapng: "));
    fs::write(scratch.0.join("words.txt"), "hello\n").unwrap();
    assert!(scratch.bad(&["dump", "words.txt"]).starts_with("roadcast: words.txt: "));
    assert!(
        scratch
            .bad(&["keys", "show", "words.txt"])
            .contains("words.txt: is no PEM file; expected a credential")
    );
    assert!(scratch.bad(&["keys", "issue", "--dir", "none", "--name", "a"]).contains("hint: make keys with"));
    assert!(
        scratch.bad(&["dump", "--interface", "no-such-if"]).contains("no network interface \"no-such-if\"")
    );
}

#[test]
fn a_bad_configuration_is_one_line_with_file_line_and_key() {
    let scratch = Scratch::new("config");
    let config = |text: &str| {
        fs::write(scratch.0.join("station.toml"), text).unwrap();
        scratch.bad(&["dump", "--config", "station.toml"])
    };
    let identity = "role = \"vehicle\"\n[identity]\ncredential = \"c\"\nkey = \"k\"\nroots = [\"r\"]\nissuers = [\"i\"]\n";
    let cases = [
        (String::new(), "station.toml:1: role is missing: \"vehicle\" or \"roadside\""),
        ("role = vehicle".to_owned(), "station.toml:1: not TOML: "),
        ("rol = 1".to_owned(), "station.toml:1: rol: unknown key; known keys here: role, seed"),
        (
            format!("{identity}[link]\nknd = \"udp\"\n"),
            "station.toml:8: link.knd: unknown key; known keys here: kind, interface",
        ),
        (
            format!("{identity}[link]\nkind = \"wire\"\n"),
            "station.toml:8: link.kind: found \"wire\", expected \"udp\"",
        ),
    ];
    for (text, expected) in cases {
        let complaint = config(&text);
        assert!(complaint.starts_with(&format!("roadcast: {expected}")), "{complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
    let complaint = scratch.bad(&["dump", "--config", "none.toml"]);
    assert!(
        complaint.starts_with("roadcast: none.toml: cannot read the configuration: no such file\n"),
        "{complaint}"
    );
    assert!(complaint.contains("  hint: examples/vehicle.toml"), "{complaint}");
    // A good file whose keys are not there yet.
    let complaint = config(&format!(
        "{identity}[link]\nkind = \"udp\"\ninterface = \"lo\"\n[position]\nsource = \"gpsd\"\n"
    ));
    assert!(complaint.starts_with("roadcast: r: "), "{complaint}");
}

#[test]
fn a_report_that_can_never_be_written_is_refused_before_the_station_starts() {
    let scratch = Scratch::new("place");
    let text = "role = \"vehicle\"\n[identity]\ncredential = \"c\"\nkey = \"k\"\nroots = [\"r\"]\nissuers = [\"i\"]\n\
                [link]\nkind = \"udp\"\ninterface = \"lo\"\n[position]\nsource = \"gpsd\"\n";
    fs::write(scratch.0.join("station.toml"), text).unwrap();
    fs::write(scratch.0.join("reports.toml"), format!("{text}[report]\njson = \"reports\"\n")).unwrap();
    fs::create_dir(scratch.0.join("reports")).unwrap();
    for (config, place, found) in [
        (
            "station.toml",
            Some("none/report.json"),
            "none/report.json: cannot be written: its directory is not there",
        ),
        ("station.toml", Some("reports"), "reports: cannot be written: it is a directory"),
        ("reports.toml", None, "reports: cannot be written: it is a directory"),
    ] {
        let json = place.iter().flat_map(|place| ["--json", place]);
        let args: Vec<&str> = ["run", "--config", config].into_iter().chain(json).collect();
        let complaint = scratch.bad(&args);
        if let Some(place) = place {
            let page = scratch.bad(&["run", "--config", config, "--html", place]);
            assert_eq!(page, complaint, "a page is a report as well");
        }
        assert_eq!(complaint, format!("roadcast: {found}; name a file in a directory that is there\n"));
    }
}

#[test]
fn two_outputs_in_one_file_are_refused_before_the_station_starts() {
    let scratch = Scratch::new("apart");
    let text = "role = \"vehicle\"\n[identity]\ncredential = \"c\"\nkey = \"k\"\nroots = [\"r\"]\nissuers = [\"i\"]\n\
                [link]\nkind = \"udp\"\ninterface = \"lo\"\n[link.tap]\nfile = \"t\"\n[position]\nsource = \"gpsd\"\n";
    fs::write(scratch.0.join("station.toml"), text).unwrap();
    for (outputs, one, other) in [
        (["--json", "./t", "--record", "r"], "the report", "the capture"),
        (["--json", "r", "--record", "t"], "the recording", "the capture"),
        (["--json", "r", "--record", "./r"], "the report", "the recording"),
    ] {
        let complaint = scratch.bad(&[&["run", "station.toml"], &outputs[..]].concat());
        let found = format!("is to be both {one} and {other}; give each a file of its own\n");
        assert!(complaint.starts_with("roadcast: ") && complaint.ends_with(&found), "{complaint}");
    }
}

#[test]
fn a_station_ends_with_a_page_for_its_owner_alone() {
    let scratch = Scratch::with_keys("page");
    let text = "role = \"vehicle\"\n[identity]\ncredential = \"keys/car-1.cred\"\nkey = \"keys/car-1.key\"\n\
                roots = [\"keys/root.cred\"]\nissuers = [\"keys/issuer.cred\"]\n\
                [link]\nkind = \"udp\"\ninterface = \"lo\"\ngroup = \"239.255.77.94:47894\"\n\
                [position]\nsource = \"fixed\"\nlatitude = 49.6\nlongitude = 6.1\n\
                [control]\nsocket = \"car.sock\"\n";
    fs::write(scratch.0.join("car.toml"), text).unwrap();
    let out = scratch.good(&["run", "car.toml", "--seconds", "0", "--html", "car.html"]);
    assert!(out.ends_with("\npage: car.html\n"), "{out}");
    let page = fs::read_to_string(scratch.0.join("car.html")).unwrap();
    assert!(page.contains("<code>roadcast run car.toml --seconds 0</code>"), "{page}");
    assert!(page.ends_with("</html>\n") && !page.contains("Map of the run"), "{page}");
    assert_eq!(scratch.mode("car.html"), 0o600);
}

#[test]
fn keys_are_made_for_their_owner_alone_and_never_replaced_by_accident() {
    let scratch = Scratch::with_keys("keys");
    assert_eq!(scratch.mode("keys"), 0o700);
    for name in ["root", "issuer", "car-1"] {
        for ending in ["key", "cred"] {
            assert_eq!(scratch.mode(&format!("keys/{name}.{ending}")), 0o600);
        }
    }
    let read = || fs::read_to_string(scratch.0.join("keys/car-1.key")).unwrap();
    let before = read();
    let issue = ["keys", "issue", "--dir", "keys", "--name", "car-1"];
    assert!(
        scratch.bad(&issue).contains("keys/car-1.key: exists already; choose another name, or replace it")
    );
    assert!(scratch.bad(&["keys", "init", "--dir", "keys"]).contains("keys/root.key: exists already"));
    assert_eq!(before, read());
    let printed = scratch.good(&[&issue[..], &["--force"]].concat());
    assert_ne!(before, read());
    assert_eq!(scratch.mode("keys/car-1.key"), 0o600);
    let secret = read().lines().nth(1).unwrap().to_owned();
    assert!(
        !printed.contains(&secret) && !scratch.good(&["keys", "show", "keys/car-1.key"]).contains(&secret)
    );
    assert!(
        scratch.bad(&["keys", "issue", "--dir", "keys", "--name", "root", "--force"]).contains("neither")
    );
    assert!(scratch.bad(&["keys", "issue", "--dir", "keys", "--name", "../x"]).contains("letters, digits"));
}

#[test]
fn an_encryption_key_is_made_for_its_owner_alone_and_belongs_to_its_credential() {
    let scratch = Scratch::with_keys("encryption");
    let issue = ["keys", "issue", "--dir", "keys", "--encryption", "--name"];
    scratch.good(&[&issue[..], &["bus", "--count", "2"]].concat());
    assert_eq!(scratch.mode("keys/bus-1.x25519"), 0o600);
    let shown = scratch.good(&["keys", "show", "keys/bus-1.cred"]);
    let public = shown.lines().find(|line| line.starts_with("encryption   ")).expect("it is shown");
    let private = scratch.good(&["keys", "show", "keys/bus-1.x25519"]);
    assert!(private.contains(public) && private.contains("private key, X25519"), "{private}");
    let secret = fs::read_to_string(scratch.0.join("keys/bus-1.x25519")).unwrap();
    assert!(!private.contains(secret.lines().nth(1).unwrap()));
    assert!(!scratch.good(&["keys", "show", "keys/car-1.cred"]).contains("encryption"));
    assert!(scratch.bad(&[&issue[..], &["bus", "--count", "2"]].concat()).contains("exists already"));

    let path = |name: &str| scratch.0.join("keys").join(name);
    let load = || {
        let files =
            v2x_node::config::CredentialFiles { credential: path("bus-1.cred"), key: path("bus-1.key") };
        let identity = v2x_node::key_files::load_identity(&files);
        identity.map(|identity| identity.opens()).map_err(|error| error.to_string())
    };
    assert_eq!(load(), Ok(true));
    fs::copy(path("bus-2.x25519"), path("bus-1.x25519")).unwrap();
    assert!(load().unwrap_err().contains("bus-1.x25519 does not belong to "));
    fs::copy(path("bus-1.key"), path("bus-1.x25519")).unwrap();
    let error = load().unwrap_err();
    assert!(error.contains("is a private key of Ed25519; expected the private encryption key"), "{error}");
    fs::remove_file(path("bus-1.x25519")).unwrap();
    let error = load().unwrap_err();
    assert!(error.contains("bus-1.x25519: no such file; "), "{error}");
    fs::write(path("bus-1.x25519"), secret).unwrap();
    fs::set_permissions(path("bus-1.x25519"), fs::Permissions::from_mode(0o640)).unwrap();
    assert!(load().unwrap_err().contains("others can read this private key (mode 0640)"));
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let scratch = Scratch::with_keys("exposed");
    fs::set_permissions(scratch.0.join("keys/issuer.key"), fs::Permissions::from_mode(0o640)).unwrap();
    let complaint = scratch.bad(&["keys", "issue", "--dir", "keys", "--name", "car-2"]);
    assert!(complaint.contains("others can read this private key (mode 0640)"), "{complaint}");
    assert!(complaint.contains("chmod 600 keys/issuer.key"), "{complaint}");
    assert!(!scratch.0.join("keys/car-2.key").exists());
}

#[test]
fn a_credential_is_shown_in_words_and_its_chain_is_checked() {
    let scratch = Scratch::with_keys("show");
    let shown = scratch.good(&["keys", "show", "keys/car-1.cred"]);
    for expected in
        ["credential of a station", "class        vehicle", "awareness, hazard", "chain        holds"]
    {
        assert!(shown.contains(expected), "{shown}");
    }
    let args = ["keys", "issue", "--dir", "keys", "--name", "unit", "--count", "2", "--role", "roadside"];
    scratch.good(&[&args[..], &["--region", "49.6,-6.1,500"]].concat());
    let shown = scratch.good(&["keys", "show", "keys/unit-2.cred"]);
    assert!(
        shown.contains("signal-state") && shown.contains("within 500 m of 49.60000, -6.10000"),
        "{shown}"
    );
    assert!(scratch.good(&["keys", "show", "keys/root.cred"]).contains("credential of a root"));
    assert!(scratch.good(&["keys", "show", "keys/issuer.cred"]).contains("chain        holds"));
    // Another authority's root does not vouch for it: a check that failed, not bad input.
    scratch.good(&["keys", "init", "--dir", "other"]);
    let other =
        ["keys", "show", "keys/car-1.cred", "--root", "other/root.cred", "--issuer", "other/issuer.cred"];
    let said = scratch.run(&other);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.out.contains("chain        does not hold"), "{}", said.out);
    assert!(said.err.contains("is not known"), "{}", said.err);
}

#[test]
fn what_an_issuer_may_not_give_is_not_issued() {
    let scratch = Scratch::with_keys("refused");
    let issue =
        |more: &[&str]| scratch.bad(&[&["keys", "issue", "--dir", "keys", "--name", "x"], more].concat());
    assert!(issue(&["--hours", "400000"]).contains("its issuer only until"));
    assert!(issue(&["--permissions", "issue"]).contains("cannot issue x"));
    assert!(!scratch.0.join("keys/x.key").exists());
}

#[test]
fn a_credential_permits_what_its_role_does_and_what_is_added() {
    let scratch = Scratch::with_keys("permits");
    let issue = ["keys", "issue", "--dir", "keys", "--force", "--name", "x"];
    let says = |more: &[&str]| {
        scratch.good(&[&issue, more].concat());
        let shown = scratch.good(&["keys", "show", "keys/x.cred"]);
        assert!(shown.lines().all(|line| line.len() <= 80), "{shown}");
        // A long list goes on below.
        let said = &shown[shown.find("permissions ").unwrap()..shown.find("\nregion ").unwrap()];
        said.replace(",\n             ", ", ")
    };
    let usual = "permissions  awareness, hazard, imminent, perception, misbehaviour-report, management";
    assert_eq!(says(&[]), usual);
    assert!(says(&["--role", "emergency"]).contains("imminent, emergency, priority-request, "));
    let also = "emergency,signal-state,negation,wide-area";
    let added = says(&["--also", also]);
    assert!(
        added.contains(", emergency, signal-state, ") && added.contains(", negation, wide-area, "),
        "{added}"
    );
    assert_eq!(says(&["--permissions", "negation, hazard"]), "permissions  hazard, negation");
    let both = scratch.bad(&[&issue[..], &["--also", "vru", "--permissions", "vru"]].concat());
    assert!(both.contains("cannot be used with"), "{both}");
    let unknown = scratch.bad(&[&issue[..], &["--also", "negate"]].concat());
    assert!(
        unknown.contains("`negate` is not a permission; use a comma-separated list of: awareness, "),
        "{unknown}"
    );
}

#[test]
fn a_live_dump_shows_what_it_hears_and_leaves_cleanly_when_asked() {
    use radio_adapters::udp::{UdpConfig, UdpInterface, UdpRadio};
    use radio_adapters::{AccessCategory, RadioExt, TxFrame};

    let scratch = Scratch::new("live");
    let group = format!("239.255.77.79:{}", 20_000 + std::process::id() % 20_000);
    let listen = ["dump", "--interface", "lo", "--group", &group];
    let mut dump = scratch.command(&listen).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(dump.stderr.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with(&format!("listening on udp {group} on lo")), "{line}");
    assert!(line.contains("without --group"), "{line}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(async {
        let config = UdpConfig::new(group.parse().unwrap(), UdpInterface::Name("lo".to_owned()));
        let mut radio = UdpRadio::open(&config).unwrap();
        radio.send(&TxFrame::new(b"short", AccessCategory::BestEffort)).await.unwrap();
    });
    let mut line = String::new();
    BufReader::new(dump.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("undecodable at byte 0 of 5: hop header"), "{line}");
    let pid = nix::unistd::Pid::from_raw(i32::try_from(dump.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    assert_eq!(dump.wait().unwrap().code(), Some(0));
}

#[test]
fn a_pool_is_what_was_issued_under_its_name() {
    let scratch = Scratch::with_keys("pool");
    scratch.good(&["keys", "issue", "--dir", "keys", "--name", "bus", "--count", "12"]);
    let load = |name: &str| {
        let own = v2x_node::config::OwnFiles::Pool(scratch.0.join("keys").join(name));
        let files = v2x_node::config::IdentityFiles { own, roots: Vec::new(), issuers: Vec::new() };
        v2x_node::key_files::load_pool(&files)
    };
    assert_eq!(load("bus").unwrap().len(), 12);
    let none = load("tram").unwrap_err().to_string();
    assert!(
        none.contains("tram-1.cred and so on: no such file; make them with: roadcast keys issue"),
        "{none}"
    );
    fs::remove_file(scratch.0.join("keys/bus-7.key")).unwrap();
    assert!(load("bus").unwrap_err().to_string().contains("bus-7.key"));
}

#[cfg(feature = "replay")]
mod capture {
    use std::io::Read;
    use std::path::Path;

    use v2x_node::config::CredentialFiles;
    use v2x_node::key_files::load_identity;
    use v2x_proto::envelope::{SignerRef, TbsRepr, encode_signed};
    use v2x_proto::hop::{Flags, HopHeader, Kind};
    use v2x_proto::{Class, v1};

    use super::*;

    #[test]
    fn a_capture_is_decoded_line_by_line_and_verified() {
        let scratch = Scratch::with_keys("dump");
        let good = frame(&scratch.0);
        let bad = &good[..40];
        fs::write(scratch.0.join("a.pcapng"), pcapng(&[&good, bad])).unwrap();
        let plain = scratch.good(&["dump", "a.pcapng"]);
        assert_eq!(plain.lines().count(), 2, "{plain}");
        assert!(plain.lines().next().unwrap().contains(" D2 awareness "), "{plain}");
        assert!(plain.lines().nth(1).unwrap().contains("undecodable at byte 12 of 46"), "{plain}");
        let trust = ["--root", "keys/root.cred", "--issuer", "keys/issuer.cred"];
        let verified = scratch.good(&[&["dump", "a.pcapng", "--count", "1"], &trust[..]].concat());
        assert_eq!(verified.lines().count(), 1, "{verified}");
        assert!(verified.contains(" verified | passenger car"), "{verified}");
        let json = scratch.good(&[&["dump", "a.pcapng", "--json"], &trust[..]].concat());
        let first: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
        assert_eq!(first["signature"], "valid");
        assert_eq!(first["link_source"], "02:00:00:00:00:07");
    }

    #[test]
    fn a_capture_that_breaks_off_keeps_what_came_before() {
        let scratch = Scratch::with_keys("cut");
        let good = frame(&scratch.0);
        let whole = pcapng(&[&good, &good]);
        fs::write(scratch.0.join("cut.pcapng"), &whole[..whole.len() - 30]).unwrap();
        let said = scratch.run(&["dump", "cut.pcapng"]);
        assert_eq!((said.code, said.out.lines().count()), (0, 1), "{}", said.err);
        assert!(said.err.contains("cut.pcapng: breaks off"), "{}", said.err);
    }

    #[test]
    fn a_reader_that_leaves_ends_the_dump_quietly() {
        let scratch = Scratch::with_keys("pipe");
        let good = frame(&scratch.0);
        // Far more than a pipe and the program's own buffer hold.
        fs::write(scratch.0.join("a.pcapng"), pcapng(&vec![good.as_slice(); 5000])).unwrap();
        let mut dump = scratch.command(&["dump", "a.pcapng"]);
        let mut dump = dump.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(dump.stdout.take().unwrap()).read_line(&mut first).unwrap();
        assert!(first.contains("awareness"), "{first}");
        let mut complaint = String::new();
        dump.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
        assert_eq!((dump.wait().unwrap().code(), complaint.as_str()), (Some(0), ""));
    }

    /// A frame signed by car-1 of the scratch directory.
    fn frame(scratch: &Path) -> Vec<u8> {
        let path = |name: &str| scratch.join("keys").join(name);
        let files = CredentialFiles { credential: path("car-1.cred"), key: path("car-1.key") };
        let mut identity = load_identity(&files).unwrap();
        let awareness =
            v1::Awareness { station_type: v1::StationType::PassengerCar as i32, ..v1::Awareness::default() };
        let mut payload = Vec::new();
        v2x_proto::payload::Message::Awareness(awareness).encode(&mut payload);
        let fields = TbsRepr {
            message_type: v1::MessageType::Awareness as u32,
            generation_time_us: identity.valid_from().as_micros() + 1,
            sequence: 1,
            latitude: 1,
            longitude: 2,
            class: Class::D2,
            lifetime_ms: 1000,
            max_hops: 1,
            area: None,
            credential_requests: &[],
            payload: &payload,
        };
        let mut tbs = Vec::new();
        fields.encode(&mut tbs);
        let signature = identity.sign(&tbs);
        let header = HopHeader {
            kind: Kind::Data,
            flags: Flags::default(),
            remaining_hops: 1,
            class: Class::D2,
            forwarder: identity.digest(),
            forwarder_position: None,
        };
        let mut frame = Vec::new();
        header.encode(&mut frame);
        encode_signed(&mut frame, &tbs, &signature, SignerRef::Credential(identity.credential()));
        frame
    }

    /// The smallest pcapng that holds `frames` on an Ethernet link, each padded to Ethernet's shortest.
    fn pcapng(frames: &[&[u8]]) -> Vec<u8> {
        let mut file = Vec::new();
        block(&mut file, 0x0A0D_0D0A, &[&0x1A2B_3C4D_u32.to_le_bytes(), &[1, 0, 0, 0], &[0xff; 8]]);
        block(&mut file, 1, &[&1_u16.to_le_bytes(), &[0; 2], &[0; 4]]);
        for frame in frames {
            let mut packet = vec![0xff; 6];
            packet.extend_from_slice(&[2, 0, 0, 0, 0, 7, 0x88, 0xB5]);
            packet.extend_from_slice(frame);
            packet.resize(packet.len().max(60), 0);
            let len = u32::try_from(packet.len()).unwrap().to_le_bytes();
            packet.resize(packet.len().next_multiple_of(4), 0);
            block(&mut file, 6, &[&[0; 12], &len, &len, &packet]);
        }
        file
    }

    fn block(file: &mut Vec<u8>, kind: u32, parts: &[&[u8]]) {
        let body = parts.concat();
        let len = u32::try_from(body.len() + 12).unwrap().to_le_bytes();
        for part in [&kind.to_le_bytes()[..], &len, &body, &len] {
            file.extend_from_slice(part);
        }
    }
}

#[test]
fn revocations_are_made_shown_and_followed_up() {
    let scratch = Scratch::with_keys("revoke");
    let said = scratch.good(&[
        "keys",
        "revoke",
        "--dir",
        "keys",
        "--credential",
        "keys/car-1.cred",
        "--out",
        "keys/one.rev",
    ]);
    let shown = scratch.good(&["keys", "show", "keys/car-1.cred"]);
    let digest = shown.lines().find_map(|line| line.strip_prefix("digest       ")).unwrap();
    assert!(said.contains(&format!("revokes      {digest}")), "{said}");
    let shown = scratch.good(&["keys", "show", "keys/one.rev"]);
    assert!(shown.contains("signature    valid") && shown.contains(digest), "{shown}");
    // The next is complete, and never grows to a whole series by itself.
    let other = "0123456789abcdef";
    let next = ["--after", "keys/one.rev", "--series", "0", "--digest", other, "--out", "keys/two.rev"];
    let said = scratch.good(&[&["keys", "revoke", "--dir", "keys"][..], &next].concat());
    assert!(said.contains(digest) && said.contains(other) && !said.contains("every credential"), "{said}");
    let renew = ["keys", "revoke", "--dir", "keys", "--after", "keys/one.rev", "--out", "keys/three.rev"];
    let said = scratch.good(&renew);
    assert!(said.contains(digest) && !said.contains("every credential"), "{said}");
    let series = ["keys", "revoke", "--dir", "keys", "--series", "7", "--out", "keys/seven.rev"];
    assert!(scratch.good(&series).contains("revokes      every credential of series 7"));
}

#[test]
fn a_revocation_of_nothing_or_by_somebody_else_is_refused() {
    let scratch = Scratch::with_keys("revoke-wrong");
    fn revoke(rest: &[&'static str]) -> Vec<&'static str> {
        [&["keys", "revoke", "--dir", "keys", "--out", "a.rev"][..], rest].concat()
    }
    assert!(scratch.bad(&revoke(&[])).contains("nothing to revoke; give --digest, --credential or --series"));
    assert!(scratch.bad(&revoke(&["--digest", "xyz"])).contains("expected 16 hex digits"));
    scratch.good(&revoke(&["--series", "3"]));
    assert!(scratch.bad(&revoke(&["--series", "3"])).contains("exists already"));
    let other_list = revoke(&["--force", "--series", "4", "--after", "a.rev"]);
    assert!(scratch.bad(&other_list).contains("a.rev: not a delta of series 4 of this issuer"));
    scratch.good(&["keys", "init", "--dir", "others"]);
    let strange = ["keys", "show", "a.rev", "--root", "others/root.cred", "--issuer", "others/issuer.cred"];
    let said = scratch.run(&strange);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("is not trusted here"), "{}", said.err);
    assert!(scratch.bad(&["keys", "show", "keys/car-1.key", "--root"]).contains("--root"));
}

#[test]
fn series_are_given_to_all_credentials_of_a_vehicle() {
    let scratch = Scratch::with_keys("series");
    let issue = ["keys", "issue", "--dir", "keys", "--name", "taxi", "--count", "2", "--series", "41"];
    scratch.good(&issue);
    for name in ["keys/taxi-1.cred", "keys/taxi-2.cred"] {
        assert!(scratch.good(&["keys", "show", name]).contains("revocation   series 41"));
    }
}

#[test]
fn the_bridge_is_started_with_its_arguments_as_they_are_or_how_to_install_it_is_said() {
    let scratch = Scratch::new("bridge");
    // Apart from where a build has both.
    let own = scratch.0.join("roadcast");
    fs::copy(env!("CARGO_BIN_EXE_roadcast"), &own).unwrap();
    let run = |line: &str| -> Said {
        let args = line.split(' ');
        Command::new(&own)
            .args(args)
            .env("PATH", "/nowhere")
            .env_remove("ROADCAST_LOG")
            .output()
            .unwrap()
            .into()
    };
    for line in ["bridge run --config a.toml", "remote rsu-7 status", "--color never bridge status"] {
        let said = run(line);
        assert_eq!((said.code, said.err.lines().count()), (2, 1), "{}", said.err);
        assert!(
            said.err.contains("roadcast-bridge is not installed")
                && said.err.contains("cargo install --path bridges")
        );
    }
    let program = scratch.0.join("roadcast-bridge");
    fs::write(&program, "#!/bin/sh\necho \"$@\"\nexit 7\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    for (line, passed) in [
        ("bridge -v --help run", "-v --help run\n"),
        ("remote rsu-7 top --once -- -x", "remote rsu-7 top --once -- -x\n"),
        ("--color never remote all top", "remote all top\n"),
    ] {
        let said = run(line);
        assert_eq!((said.code, &*said.out), (7, passed), "{line}: {}", said.err);
    }
}
