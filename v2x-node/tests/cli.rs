//! The binary as a user meets it: what it prints, where, and with which exit code.

#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

#[cfg(feature = "replay")]
#[path = "cli/captures.rs"]
mod captures;
#[path = "cli/keys.rs"]
mod keys;
#[path = "cli/revocations.rs"]
mod revocations;

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
            "none/report.json: cannot be written: its directory does not exist",
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
        assert_eq!(complaint, format!("roadcast: {found}; name a file in a directory that exists\n"));
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
