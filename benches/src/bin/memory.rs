//! The memory of a station with a hundred neighbours: `benches/memory.sh` runs this.
//!
//! ```text
//! memory [WORD...] PROGRAM
//! ```
//!
//! `PROGRAM` (`roadcast`) runs as a vehicle on the loopback interface under the default configuration, and hears a hundred
//! vehicles for a minute. What the kernel says of its memory then is printed, by what it is mapped from. The words before it,
//! such as an emulator's, belong to the command; an emulator's own memory is in the figures then.
//!
//! `ROADCAST_BENCH_NEIGHBOURS` is how many vehicles; `ROADCAST_BENCH_HZ=10` makes each send that often, whatever its motion.
//! `ROADCAST_BENCH_MORE` is a file whose lines are appended to the configuration.

use core::time::Duration;
use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use std::{env, thread};

use benches::fleet::{CENTRE, Common, Fleet};
use benches::{cpu, figures};
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use testkit::Authority as Test;
use v2x_core::{Anchor, Authority, AwarenessRule, Config, CredentialRequest, Permissions, WireTime};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("memory: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let quick = figures::quick();
    let seconds = if quick { 3 } else { 60 };
    let neighbours: u32 = number("ROADCAST_BENCH_NEIGHBOURS")?.unwrap_or(NEIGHBOURS);
    let awareness = match number("ROADCAST_BENCH_HZ")? {
        Some(hz @ 1..=10) => AwarenessRule::Every(Duration::from_secs(1) / hz),
        Some(hz) => {
            return Err(format!("ROADCAST_BENCH_HZ is {hz}; stations send 1 to 10 times a second").into());
        }
        None => Config::vehicle().awareness,
    };
    let command: Vec<OsString> = env::args_os().skip(1).collect();
    if command.is_empty() {
        return Err("usage: memory [WORD...] PROGRAM".into());
    }
    let folder = Folder::new()?;
    let wire = wire_time()?;
    let authority = authority(wire)?;
    write_keys(&authority, wire, &folder.0)?;
    let mut station = Station::start(&command, &folder.0)?;
    let sockets = (0..neighbours)
        // From this address, the kernel takes the loopback interface.
        .map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect::<Result<Vec<_>, _>>()?;
    let identities = (1..=neighbours)
        .map(|number| authority.identity(Test::key(number), &request(number, wire)))
        .collect::<Result<Vec<_>, _>>()?;
    let trust = authority.trust.clone();
    let (began_at, anchor) =
        (Instant::now(), Anchor { instant: v2x_core::Instant::ZERO, wire: wire_time()? });
    let elapsed = || anchor.instant + began_at.elapsed();
    let mut fleet = Fleet::of(identities, &Common { trust, anchor, awareness });
    let end = anchor.instant + Duration::from_secs(seconds);
    let (mut at, mut sent, mut began) = (anchor.instant, 0_u64, None);
    while at < end {
        // When everybody is known.
        if began.is_none() && at >= anchor.instant + WARM_UP {
            began = Some((at, sent, station.processor_s()));
        }
        let now = elapsed();
        for sample in fleet.drive(now.since(at)) {
            let [_, _, number @ ..] = sample.link;
            let socket = &sockets[u32::from_be_bytes(number) as usize - 1];
            socket.send_to(&sample.frame, GROUP)?;
            sent += 1;
        }
        at = now;
        station.check()?;
        thread::sleep(STEP);
    }
    let memory = Memory::of(station.child.id())?;
    let (frames_per_s, processor) = began.map_or((f64::NAN, f64::NAN), |(then, before, used)| {
        let seconds = at.since(then).as_secs_f64();
        ((sent - before) as f64 / seconds, (station.processor_s() - used) / seconds)
    });
    let known = station.neighbours()?;
    drop(station);
    if known != u64::from(neighbours) {
        return Err(format!("the station has {known} neighbours, and should have {neighbours}").into());
    }
    let words: Vec<_> = command.iter().map(|word| word.to_string_lossy()).collect();
    println!("memory of {} on {}", words.join(" "), figures::machine());
    println!(
        "{neighbours} neighbours, {frames_per_s:.0} frames/s, after {seconds} s; {:.1} % of a processor",
        100.0 * processor
    );
    print!("{memory}");
    let line = json!({
        "bench": "memory",
        "machine": figures::machine(),
        "quick": quick,
        "neighbours": neighbours,
        "frames_per_s": figures::rounded(frames_per_s, 0),
        "resident_kib": memory.resident_kib,
        "most_resident_kib": memory.most_kib,
        "resident_anonymous_kib": memory.anonymous_kib,
        "processor": figures::rounded(processor, 3),
        "program_bytes": command.last().and_then(|program| fs::metadata(program).ok()).map(|file| file.len()),
    });
    println!("{line}");
    Ok(())
}

/// A number from the environment.
fn number(name: &str) -> Result<Option<u32>, String> {
    let Ok(text) = env::var(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| format!("{name} is {text:?}; it should be a number"))
}

/// A folder of this run, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, Box<dyn Error>> {
        let path = env::temp_dir().join(format!("roadcast-memory-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// An authority that is valid now.
fn authority(wire: WireTime) -> Result<Authority, Box<dyn Error>> {
    let [root, issuer] = [1, 2].map(|byte| SigningKey::from_bytes(&[byte; 32]));
    let permissions = usual() | Permissions::ISSUE;
    let request = CredentialRequest { station_class: 1, permissions, ..request_of(&issuer, wire) };
    Ok(Authority::new(root, issuer, &request)?)
}

fn request(number: u32, wire: WireTime) -> CredentialRequest {
    CredentialRequest { permissions: usual(), ..request_of(&Test::key(number), wire) }
}

fn request_of(key: &SigningKey, wire: WireTime) -> CredentialRequest {
    let not_before_s = (wire.as_micros() / 1_000_000) as u32 - 60;
    CredentialRequest { not_before_s, ..Test::request(key) }
}

/// What private cars may say.
fn usual() -> Permissions {
    Permissions::AWARENESS | Permissions::HAZARD | Permissions::IMMINENT
}

fn wire_time() -> Result<WireTime, Box<dyn Error>> {
    let unix = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?;
    WireTime::from_unix_micros(unix).ok_or_else(|| "this machine's clock is before 2004".into())
}

/// The files of the station: credentials as they are, and its key in PKCS#8 (RFC 8410).
fn write_keys(authority: &Authority, wire: WireTime, folder: &Path) -> Result<(), Box<dyn Error>> {
    let (credential, key) = (authority.issue(&request(0, wire))?, Test::key(0).to_bytes());
    let key = [PKCS8_HEAD, &key[..]].concat();
    let root: &[u8] = &authority.root;
    for (name, bytes) in [
        ("root.cred", root),
        ("issuer.cred", &authority.issuer),
        ("car.cred", &credential),
        ("car.key", &key),
    ] {
        File::options().write(true).create_new(true).mode(0o600).open(folder.join(name))?.write_all(bytes)?;
    }
    Ok(())
}

/// The program that is measured; killed when dropped before its end.
struct Station {
    command: Vec<OsString>,
    configuration: PathBuf,
    folder: PathBuf,
    errors: PathBuf,
    child: Child,
}

impl Station {
    fn start(command: &[OsString], folder: &Path) -> Result<Self, Box<dyn Error>> {
        let more =
            env::var_os("ROADCAST_BENCH_MORE").map(fs::read_to_string).transpose()?.unwrap_or_default();
        let (latitude, longitude) = (f64::from(CENTRE.latitude) / 1e7, f64::from(CENTRE.longitude) / 1e7);
        let text = format!(
            "role = \"vehicle\"\n\
             [identity]\ncredential = \"car.cred\"\nkey = \"car.key\"\n\
             roots = [\"root.cred\"]\nissuers = [\"issuer.cred\"]\n\
             [link]\nkind = \"udp\"\ninterface = \"lo\"\ngroup = \"{GROUP}\"\n\
             [position]\nsource = \"fixed\"\nlatitude = {latitude}\nlongitude = {longitude}\n\
             [clock]\ntrust = \"always\"\n{more}"
        );
        let configuration = folder.join("car.toml");
        fs::write(&configuration, text)?;
        let (printed, errors) = (folder.join("printed.txt"), folder.join("errors.txt"));
        let child = Command::new(&command[0])
            .args(&command[1..])
            .arg("run")
            .arg(&configuration)
            .env("XDG_RUNTIME_DIR", folder)
            .stdin(Stdio::null())
            .stdout(File::create(&printed)?)
            .stderr(File::create(&errors)?)
            .spawn()?;
        let (command, folder) = (command.to_vec(), folder.to_owned());
        let mut station = Self { command, configuration, folder, errors, child };
        while !fs::read_to_string(&printed)?.contains("\nsending") {
            station.check()?;
            thread::sleep(STEP);
        }
        Ok(station)
    }

    /// Complains when it has ended.
    fn check(&mut self) -> Result<(), Box<dyn Error>> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => {
                Err(format!("the station ended ({status}): {}", fs::read_to_string(&self.errors)?).into())
            }
        }
    }

    /// Processor time so far, user and system.
    fn processor_s(&self) -> f64 {
        cpu::seconds_of(self.child.id())
    }

    /// How many neighbours it has, as it says itself.
    fn neighbours(&self) -> Result<u64, Box<dyn Error>> {
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).args(["neighbours", "--json", "--config"]).arg(&self.configuration);
        let output = command.env("XDG_RUNTIME_DIR", &self.folder).output()?;
        let told: Value = serde_json::from_slice(&output.stdout)
            .map_err(|_| format!("neighbours: {}", String::from_utf8_lossy(&output.stderr)))?;
        Ok(told["neighbours"].as_u64().unwrap_or_default())
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Memory of a process, as the kernel tells it (proc(5): status, smaps), KiB.
struct Memory {
    resident_kib: u64,
    most_kib: u64,
    anonymous_kib: u64,
    /// By what it is mapped from: resident, and of it not shared with a file.
    mapped: BTreeMap<String, [u64; 2]>,
}

impl Memory {
    fn of(process: u32) -> Result<Self, Box<dyn Error>> {
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let of = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_suffix(" kB"));
            value
                .and_then(|value| value.trim().parse().ok())
                .ok_or_else(|| format!("the kernel tells no {name}"))
        };
        let mut mapped = BTreeMap::<String, [u64; 2]>::new();
        let mut name = String::new();
        for line in fs::read_to_string(format!("/proc/{process}/smaps"))?.lines() {
            let mut words = line.split_ascii_whitespace();
            let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            match first {
                "Rss:" => mapped.entry(name.clone()).or_default()[0] += second.parse::<u64>()?,
                "Anonymous:" => mapped.entry(name.clone()).or_default()[1] += second.parse::<u64>()?,
                _ if first.contains('-') => {
                    let path = words.nth(3).unwrap_or("others without a file");
                    name = path.rsplit('/').next().unwrap_or(path).to_owned();
                }
                _ => {}
            }
        }
        Ok(Self {
            resident_kib: of("VmRSS:")?,
            most_kib: of("VmHWM:")?,
            anonymous_kib: of("RssAnon:")?,
            mapped,
        })
    }
}

impl core::fmt::Display for Memory {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { resident_kib, most_kib, anonymous_kib, .. } = self;
        writeln!(
            f,
            "resident {resident_kib} KiB, at most {most_kib} KiB; not shared with a file {anonymous_kib} KiB"
        )?;
        let mut rows: Vec<_> = self.mapped.iter().filter(|(_, [resident, _])| *resident > 0).collect();
        rows.sort_by_key(|(_, [resident, _])| core::cmp::Reverse(*resident));
        for (name, [resident, anonymous]) in rows {
            writeln!(f, "  {name:<28} {resident:>7} KiB, {anonymous:>7} of it its own")?;
        }
        Ok(())
    }
}

/// Vehicles heard.
const NEIGHBOURS: u32 = 100;
const GROUP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 255, 77, 90), 47890);
/// Until every vehicle has sent its credential.
const WARM_UP: Duration = Duration::from_secs(2);
/// Of an Ed25519 key: version, algorithm, and what stands before its 32 bytes.
const PKCS8_HEAD: &[u8] = &[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
/// How far the vehicles drive at a time.
const STEP: Duration = Duration::from_millis(2);
