//! Private keys, seeds and passwords stay in the daemon: neither what it writes nor what it leaves behind has them.

#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

mod town;

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use town::Town;

const SEED: u64 = 6_936_178_692_081_677_167;
const PASSWORD: &str = "OpenSesame";

/// The forms in which bytes get into texts and files.
fn forms(bytes: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let listed = format!("{bytes:?}");
    vec![
        bytes.to_vec(),
        hex.to_uppercase().into_bytes(),
        hex.into_bytes(),
        listed.trim_matches(['[', ']']).into(),
    ]
}

fn finds(text: &[u8], what: &[u8]) -> bool {
    text.windows(what.len()).any(|part| part == what)
}

/// Everything in a folder but the keys themselves and the configurations, by name.
fn written(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let is_secret =
            ["key", "toml"].iter().any(|ending| path.extension().is_some_and(|found| found == *ending));
        if path.is_dir() {
            files.extend(written(&path));
        } else if path.is_file() && !is_secret {
            files.push((name, fs::read(&path).unwrap()));
        }
    }
    files
}

#[test]
fn no_secret_is_in_what_a_station_writes_and_its_seed_in_the_recording_alone() {
    let town = Town::new("secret");
    let place = "source = \"fixed\"\nlatitude = 49.6116\nlongitude = 6.1319";
    // No process listens on the discard port.
    let more = format!(
        "[link.tap]\nfile = \"unit.pcapng\"\n[roadside]\ncorrections = \"ntrip://me:{PASSWORD}@127.0.0.1:9/M\"\n"
    );
    town.station("unit", "roadside", &["--role", "roadside"], place, &more);
    let path = town.directory.join("unit.toml");
    fs::write(&path, format!("seed = {SEED}\n{}", fs::read_to_string(&path).unwrap())).unwrap();
    let line = [
        "-vv",
        "run",
        "unit.toml",
        "--seconds",
        "3",
        "--record",
        "unit.rec",
        "--json",
        "unit.json",
        "--html",
        "unit.html",
    ];
    let said = town.run(&line);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("ntrip://127.0.0.1:9/M"), "the caster is named: {}", said.out);
    let mut all = written(&town.directory);
    all.push(("standard output".to_owned(), said.out.into_bytes()));
    all.push(("standard error".to_owned(), said.err.into_bytes()));
    for name in ["unit.rec", "unit.json", "unit.html", "unit.pcapng"] {
        assert!(all.iter().any(|(found, bytes)| found == name && bytes.len() > 100), "{name} is not there");
    }
    // Wrong passwords and keys are complained of, and not shown.
    let key = fs::read_to_string(town.directory.join("keys/unit.key")).unwrap();
    let broken = fs::read_to_string(&path).unwrap().replace("127.0.0.1:9/M", "127.0.0.1:9");
    fs::write(town.directory.join("broken.toml"), broken).unwrap();
    all.push(("a complaint".to_owned(), town.bad(2, &["run", "broken.toml"]).into_bytes()));
    fs::write(town.directory.join("keys/unit.key"), key.replace("MC4C", "MC5C")).unwrap();
    all.push(("another complaint".to_owned(), town.bad(2, &["run", "unit.toml"]).into_bytes()));

    let secret = SigningKey::from_pkcs8_pem(&key).unwrap();
    let base64 = key.lines().nth(1).unwrap();
    let mut never = forms(secret.as_bytes());
    never.extend([PASSWORD.into(), base64.into(), base64[base64.len() - 40..].into()]);
    let mut seed = vec![SEED.to_string().into_bytes(), format!("{SEED:x}").into_bytes()];
    seed.extend([SEED.to_le_bytes(), SEED.to_be_bytes()].map(Vec::from));
    for (name, bytes) in &all {
        for form in &never {
            assert!(!finds(bytes, form), "{name} has a secret: {}", String::from_utf8_lossy(form));
        }
        let has_seed = seed.iter().any(|form| finds(bytes, form));
        assert_eq!(
            has_seed,
            name == "unit.rec",
            "the seed in {name}: only a recording needs it, for its check"
        );
    }
}

#[test]
fn a_daemon_leaves_no_core_dump_whatever_the_limits_are() {
    let town = Town::new("core");
    town.vehicle("a", Some(49.6116), "");
    // As large as they may get, for whatever this starts.
    let with_cores = |words: &str| {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("ulimit -c unlimited 2>/dev/null; exec {words}")])
            .current_dir(&town.directory);
        command.env("XDG_RUNTIME_DIR", &town.directory).stdout(Stdio::piped());
        command
    };
    let abort = |id: u32| kill(Pid::from_raw(id.cast_signed()), Signal::SIGABRT).unwrap();

    let mut daemon =
        with_cores(&format!("{} run a.toml --seconds 60", env!("CARGO_BIN_EXE_roadcast"))).spawn().unwrap();
    let mut lines = std::io::BufReader::new(daemon.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut lines, &mut line).unwrap();
    assert!(line.starts_with("vehicle "), "{line}");
    let limits = fs::read_to_string(format!("/proc/{}/limits", daemon.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_ascii_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"], "{core}");
    abort(daemon.id());
    let ended = daemon.wait().unwrap();
    assert_eq!((ended.signal(), ended.core_dumped()), (Some(Signal::SIGABRT as i32), false));

    let (_, most) = getrlimit(Resource::RLIMIT_CORE).unwrap();
    let mut other = with_cores("sleep 60").spawn().unwrap();
    // `exec` is over when the program is another one.
    while !fs::read_to_string(format!("/proc/{}/comm", other.id())).unwrap().starts_with("sleep") {
        std::thread::yield_now();
    }
    abort(other.id());
    let dumped = other.wait().unwrap().core_dumped();
    if most == 0 || !dumped {
        eprintln!("this machine dumps no cores: only the limit was checked");
    }
}
