//! A network of namespaces: two hosts behind NATs, each with a road, and the internet between them with a relay and a broker.
//!
//! ```text
//! road-a --air-- host-a --eth0/lan-- nat-a --wan-- [ internet ] --wan-- nat-b --lan/eth0-- host-b --air-- road-b
//!                10.1.0.2           198.51.100.33  relay .65      198.51.100.49           10.2.0.2
//!                                                  broker .81
//! ```
//!
//! The internet is a router between blocks of sixteen addresses that sends every packet through `internet.py`, where it waits.
//! A NAT lets nothing in that no inner host has asked for, and says nothing of it: a packet that is dropped leaves no entry in its
//! table, which an outgoing one of the same ports would have to step around. Everything is removed with the lab, also after a panic;
//! what a run left behind that was killed, the next one removes.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::nets::program::{Program, run};
use crate::nets::socket::PATIENCE;

/// A side of the internet: a host, its NAT and its road.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    A,
    B,
}

impl Side {
    pub const BOTH: [Self; 2] = [Self::A, Self::B];

    /// Its letter in names.
    pub fn letter(self) -> char {
        match self {
            Self::A => 'a',
            Self::B => 'b',
        }
    }

    fn number(self) -> u8 {
        match self {
            Self::A => 1,
            Self::B => 2,
        }
    }

    /// Where its NAT is, for everybody else.
    pub fn outer(self) -> Ipv4Addr {
        self.outer_numbered(1)
    }

    /// Another address of its NAT, 1 to 14.
    pub fn outer_numbered(self, number: u8) -> Ipv4Addr {
        let Port { block, .. } = self.port();
        Ipv4Addr::new(198, 51, 100, block + number)
    }

    /// Where its host is, for its NAT.
    pub fn inner(self) -> Ipv4Addr {
        Ipv4Addr::new(10, self.number(), 0, 2)
    }

    fn gateway(self) -> Ipv4Addr {
        Ipv4Addr::new(10, self.number(), 0, 1)
    }

    /// The namespace of its host, for [`Lab::start`].
    pub fn host(self) -> &'static str {
        match self {
            Self::A => "host-a",
            Self::B => "host-b",
        }
    }

    /// The namespace of those within its radio's range.
    pub fn road(self) -> &'static str {
        match self {
            Self::A => "road-a",
            Self::B => "road-b",
        }
    }

    fn nat(self) -> &'static str {
        match self {
            Self::A => "nat-a",
            Self::B => "nat-b",
        }
    }

    fn port(self) -> Port {
        match self {
            Self::A => PORTS[0],
            Self::B => PORTS[1],
        }
    }
}

/// A port of the internet: who is there, by which interface, and the last byte of its block of sixteen addresses.
#[derive(Clone, Copy, Debug)]
struct Port {
    name: &'static str,
    namespace: &'static str,
    interface: &'static str,
    block: u8,
}

/// How a NAT chooses the port of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nat {
    /// The inner one where it is free, as `masquerade` does by default: the same for every destination.
    KeepsPorts,
    /// A random one for each destination, as `masquerade fully-random` does.
    RandomPorts,
}

/// What the internet does to packets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weather {
    /// From one of its ports to any other.
    pub delay_ms: u32,
    /// Of a hundred packets that pass it.
    pub loss_percent: f64,
}

/// The namespaces, and a directory for keys, configurations and logs.
#[derive(Debug)]
pub struct Lab {
    id: String,
    directory: PathBuf,
    internet: Option<Program>,
}

impl Lab {
    /// Makes the network. Without what it needs it says so and there is none; where `ROADCAST_CI` is set, that is a failure.
    pub fn new(nats: [Nat; 2]) -> Option<Self> {
        if let Err(missing) = what_is_missing() {
            assert!(std::env::var_os("ROADCAST_CI").is_none(), "needs {missing}");
            eprintln!("skipped: needs {missing}");
            return None;
        }
        sweep();
        let id = format!("{PREFIX}{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let directory = std::env::temp_dir().join(&id);
        let mut lab = Self { id, directory, internet: None };
        fs::create_dir_all(&lab.directory).expect("the system's temporary directory can be written");
        lab.wire(nats);
        lab.weather(Weather { delay_ms: 10, loss_percent: 0.0 });
        Some(lab)
    }

    /// The directory for keys, configurations and logs.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Starts a program in a namespace; its output goes to `NAME.log` of the directory.
    pub fn start(&self, namespace: &str, name: &str, program: &Path, arguments: &[&str]) -> Program {
        let log = self.directory.join(format!("{name}.log"));
        Program::start(&self.name(namespace), name, program, arguments, &log)
    }

    /// Starts a program whose clock is wrong by this much.
    pub fn start_skewed(
        &self,
        skew_ms: i32,
        namespace: &str,
        name: &str,
        program: &Path,
        words: &[&str],
    ) -> Program {
        if skew_ms == 0 {
            return self.start(namespace, name, program, words);
        }
        let library = self.directory.join("skew.so");
        if !library.exists() {
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nets/skew.c");
            let (library, source) = (library.to_string_lossy(), source.to_string_lossy());
            run("cc", &["-O1", "-shared", "-fPIC", "-o", &library, &source], "");
        }
        let preload = format!("LD_PRELOAD={}", library.display());
        let (skew, program) = (format!("SKEW_MS={skew_ms}"), program.to_string_lossy());
        let words: Vec<&str> =
            [preload.as_str(), &skew, &program].into_iter().chain(words.iter().copied()).collect();
        self.start(namespace, name, Path::new("env"), &words)
    }

    /// What the internet does to packets from now on; those on their way are lost.
    pub fn weather(&mut self, weather: Weather) {
        let Weather { delay_ms, loss_percent } = weather;
        self.internet = None;
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nets/internet.py");
        let words = [TUN, &delay_ms.to_string(), &loss_percent.to_string(), SEED];
        let mut internet = self.start("net", "internet", &program, &words);
        internet.until_said("carries packets", PATIENCE);
        self.internet = Some(internet);
    }

    /// Cuts a side off the internet, or lets it in again. Nobody loses a carrier: packets just go nowhere.
    pub fn cut(&self, side: Side, cut: bool) {
        let Port { name, block, .. } = side.port();
        let what = if cut { "add" } else { "del" };
        self.ip(
            "net",
            &format!("rule {what} pref 10 iif {name} blackhole\nrule {what} pref 11 to 198.51.100.{block}/28 blackhole\n"),
        );
    }

    /// Gives a side's host another address behind its NAT.
    pub fn move_inside(&self, side: Side, last: u8) {
        let (n, inner, gateway) = (side.number(), side.inner(), side.gateway());
        self.ip(
            side.host(),
            &format!("addr del {inner}/24 dev eth0\naddr add 10.{n}.0.{last}/24 dev eth0\nroute add default via {gateway}\n"),
        );
    }

    /// Gives a side's NAT another outer address; it forgets its connections, as one does that dials in anew.
    pub fn move_outside(&self, side: Side, number: u8) {
        let (from, to) = (side.outer(), side.outer_numbered(number));
        self.ip(
            side.nat(),
            &format!("addr del {from}/32 dev wan\naddr add {to}/32 dev wan\n{}", to_internet("wan")),
        );
    }

    /// The round trip that pings measure, ms: of two hosts' NATs, each way through the internet once.
    pub fn round_trip_ms(&self, from: Side, to: Ipv4Addr) -> f64 {
        let to = to.to_string();
        let said = self.inside(from.host(), &["ping", "-n", "-q", "-c", "10", "-i", "0.1", &to], "");
        // rtt min/avg/max/mdev = 20.1/20.3/20.9/0.2 ms
        let average = said.rsplit_once(" = ").and_then(|(_, figures)| figures.split('/').nth(1));
        average.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("ping said {said:?}"))
    }

    fn wire(&self, nats: [Nat; 2]) {
        for namespace in NAMESPACES {
            run("ip", &["netns", "add", &self.name(namespace)], "");
        }
        let mut net =
            format!("tuntap add dev {TUN} mode tun\n{}route add default dev {TUN} table 100\n", up(TUN));
        for Port { name, namespace, interface, block } in PORTS {
            let there = self.name(namespace);
            net += &format!(
                "link add {name} type veth peer name {interface} netns {there}\n{}addr add {GATEWAY}/32 dev {name}\n\
                 route add 198.51.100.{block}/28 dev {name}\nrule add pref 20 iif {name} lookup 100\n",
                up(name)
            );
        }
        self.ip("net", &net);
        self.inside(
            "net",
            &[
                "sh",
                "-ec",
                "cd /proc/sys/net/ipv4; echo 1 >ip_forward; for f in conf/*/rp_filter; do echo 0 >$f; done",
            ],
            "",
        );
        for (namespace, address) in [("relay", RELAY), ("broker", BROKER)] {
            let address = format!("addr add {address}/32 dev eth0\n");
            self.ip(namespace, &(up("lo") + &up("eth0") + &address + &to_internet("eth0")));
        }
        for (side, nat) in Side::BOTH.into_iter().zip(nats) {
            self.wire_side(side, nat);
        }
    }

    fn wire_side(&self, side: Side, nat: Nat) {
        let (host, road) = (self.name(side.host()), self.name(side.road()));
        let (outer, inner, gateway) = (side.outer(), side.inner(), side.gateway());
        self.ip(
            side.nat(),
            &(format!("link add lan type veth peer name eth0 netns {host}\n")
                + &up("lo")
                + &up("lan")
                + &up("wan")
                + &format!("addr add {outer}/32 dev wan\naddr add {gateway}/24 dev lan\n")
                + &to_internet("wan")),
        );
        self.ip(
            side.host(),
            &(format!("link add air type veth peer name air netns {road}\n")
                + &up("lo")
                + &up("air")
                + &up("eth0")
                + &format!("addr add {inner}/24 dev eth0\nroute add default via {gateway}\n")),
        );
        self.ip(side.road(), &(up("lo") + &up("air")));
        let random = if nat == Nat::RandomPorts { " fully-random" } else { "" };
        self.inside(
            side.nat(),
            &["sh", "-ec", "echo 1 >/proc/sys/net/ipv4/ip_forward; nft -f -"],
            &format!(
                "table ip nat {{
                     chain post {{ type nat hook postrouting priority srcnat; oifname wan masquerade{random}; }}
                 }}
                 table ip door {{
                     chain to_it {{
                         type filter hook input priority 0; policy drop;
                         iifname {{ lan, lo }} accept; ip protocol icmp accept; ct state established,related accept
                     }}
                     chain through {{
                         type filter hook forward priority 0; policy drop;
                         iifname lan oifname wan accept; ct state established,related accept
                     }}
                 }}\n"
            ),
        );
    }

    /// Runs `ip -batch` in a namespace.
    fn ip(&self, namespace: &str, lines: &str) {
        run("ip", &["-n", &self.name(namespace), "-batch", "-"], lines);
    }

    fn inside(&self, namespace: &str, words: &[&str], input: &str) -> String {
        let name = self.name(namespace);
        let words: Vec<&str> = ["netns", "exec", &name].into_iter().chain(words.iter().copied()).collect();
        run("ip", &words, input)
    }

    fn name(&self, namespace: &str) -> String {
        format!("{}-{namespace}", self.id)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if std::thread::panicking() && std::env::var_os("ROADCAST_NETS_KEEP").is_some() {
            eprintln!("kept for ROADCAST_NETS_KEEP: {}", self.directory.display());
            remove_namespaces(&self.id);
            return;
        }
        remove(&self.id);
    }
}

/// What everybody can reach the relay at.
pub const RELAY: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 65);
/// What everybody can reach the broker at.
pub const BROKER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 81);

fn up(interface: &str) -> String {
    let quiet =
        if interface == "lo" { String::new() } else { format!("link set {interface} addrgenmode none\n") };
    // No IPv6: its packets would be the only ones that nobody has asked for.
    format!("{quiet}link set {interface} up\n")
}

fn to_internet(interface: &str) -> String {
    format!("route add {GATEWAY} dev {interface}\nroute add default via {GATEWAY}\n")
}

fn what_is_missing() -> Result<(), String> {
    if let Some(reason) = std::env::var_os("ROADCAST_WITHOUT_NAMESPACES") {
        return Err(format!("network namespaces: {}", reason.display()));
    }
    if !nix::unistd::geteuid().is_root() {
        return Err("root, for network namespaces".to_owned());
    }
    for (program, version, package) in [
        ("ip", "-V", "iproute2"),
        ("python3", "-V", "python3"),
        ("nft", "--version", "nftables"),
        ("ping", "-V", "iputils-ping"),
        ("setpriv", "--version", "util-linux"),
        ("mosquitto", "-h", "mosquitto"),
        ("cc", "--version", "build-essential"),
    ] {
        // Whatever it answers: that it is there.
        let quiet = process::Stdio::null;
        if let Err(error) = Command::new(program).arg(version).stdout(quiet()).stderr(quiet()).status() {
            return Err(format!("the program {program} (package {package}): {error}"));
        }
    }
    Ok(())
}

/// Removes what runs left behind whose process is gone, with the programs that still run there.
fn sweep() {
    for folder in [Path::new("/run/netns"), &std::env::temp_dir()] {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(rest) = name.strip_prefix(PREFIX) else { continue };
            let mut numbers = rest.split('-');
            let (Some(pid), Some(number)) = (numbers.next(), numbers.next()) else { continue };
            if pid.parse::<u32>().is_ok() && !Path::new("/proc").join(pid).exists() {
                remove(&format!("{PREFIX}{pid}-{number}"));
            }
        }
    }
}

fn remove(id: &str) {
    remove_namespaces(id);
    drop(fs::remove_dir_all(std::env::temp_dir().join(id)));
}

fn remove_namespaces(id: &str) {
    for namespace in NAMESPACES {
        let name = format!("{id}-{namespace}");
        let ip = |words: &[&str]| Command::new("ip").args(words).stderr(process::Stdio::null()).output();
        // What is not there needs no removing. The programs are all this test's: nobody else knows the namespace.
        for pid in
            ip(&["netns", "pids", &name]).iter().flat_map(|output| output.stdout.split(|byte| *byte == b'\n'))
        {
            if let Some(pid) = std::str::from_utf8(pid).ok().and_then(|text| text.parse().ok()) {
                let pid = nix::unistd::Pid::from_raw(pid);
                // One that has ended meanwhile needs no end.
                nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap_or_default();
            }
        }
        drop(ip(&["netns", "del", &name]));
    }
}

const PREFIX: &str = "roadcast-nets-";
const NAMESPACES: [&str; 9] =
    ["net", "nat-a", "nat-b", "host-a", "host-b", "road-a", "road-b", "relay", "broker"];
const PORTS: [Port; 4] = [
    Port { name: "p-a", namespace: "nat-a", interface: "wan", block: 32 },
    Port { name: "p-b", namespace: "nat-b", interface: "wan", block: 48 },
    Port { name: "p-relay", namespace: "relay", interface: "eth0", block: 64 },
    Port { name: "p-broker", namespace: "broker", interface: "eth0", block: 80 },
];
/// The internet, for each of its ports.
const GATEWAY: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
const TUN: &str = "delay";
/// Of the packets that are lost.
const SEED: &str = "14";
/// Labs of this process so far.
static NEXT: AtomicU32 = AtomicU32::new(0);
