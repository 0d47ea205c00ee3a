//! Bridges of the units, the relay and the broker between them.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use v2x_bridges::peers::{PeerKey, make_key, read_key};

use crate::nets::lab::{BROKER, Lab, RELAY, Side};
use crate::nets::program::{LOOK, Program};
use crate::nets::socket::{self, PATIENCE, Socket};
use crate::nets::station::{self, Station, text};

/// A bridge beside a unit.
#[derive(Debug)]
pub struct Bridge {
    name: String,
    program: Program,
    socket: PathBuf,
    config: PathBuf,
    side: Side,
}

/// What a bridge is configured with.
#[derive(Clone, Debug, Default)]
pub struct Ways {
    /// Whether the other side's bridge is a peer.
    pub peer: bool,
    /// Whether both know the relay.
    pub relay: bool,
    /// Whether both use the broker.
    pub broker: bool,
    /// More lines of `[peers]`.
    pub peers: String,
    /// More lines of `[[peer]]`.
    pub terms: String,
    /// More lines of `[broker]`.
    pub publishes: String,
    /// By how much the bridge's clock is wrong.
    pub skew_ms: i32,
}

/// Makes the keys of both bridges.
pub fn make_keys(lab: &Lab) {
    for side in Side::BOTH {
        make_key(&key_file(lab, side)).expect("a new key has its file");
    }
}

fn key_file(lab: &Lab, side: Side) -> PathBuf {
    lab.directory().join(format!("bridge-{}.key", side.letter()))
}

/// The public half of a side's key, as others are told it.
pub fn public_key(lab: &Lab, side: Side) -> String {
    let key = read_key(&key_file(lab, side)).expect("the key was made");
    let key = PeerKey::from_bytes(key.verifying_key().as_bytes()).expect("a public key is one");
    key.to_string()
}

impl Bridge {
    /// Starts it beside this unit.
    pub fn start(lab: &Lab, side: Side, unit: &Station, ways: &Ways) -> Self {
        let letter = side.letter();
        let other = if side == Side::A { Side::B } else { Side::A };
        let name = format!("bridge-{letter}");
        let socket = lab.directory().join(format!("{name}.sock"));
        let Ways { peer, relay, broker, peers, terms, publishes, skew_ms } = ways;
        let mut settings = format!(
            "[bridge]\nname = \"{name}\"\nkey = \"bridge-{letter}.key\"\nsocket = \"{}\"\n\
             [[station]]\nname = \"{}\"\nsocket = \"{}\"\n",
            socket.display(),
            unit.name(),
            unit.socket().display()
        );
        if *peer {
            settings += "[peers]\n";
            if *relay {
                settings += &format!("relay = [\"https://{RELAY}\"]\nrelay_ca = \"ca.pem\"\n");
            }
            settings += peers;
            settings += &format!(
                "\n[[peer]]\nname = \"bridge-{}\"\nkey = \"{}\"\n{terms}\n",
                other.letter(),
                public_key(lab, other)
            );
        }
        if *broker {
            settings += &format!("[broker]\nurl = \"mqtt://{BROKER}:1883\"\n{publishes}\n");
        }
        let config = lab.directory().join(format!("{name}.toml"));
        fs::write(&config, settings).expect("a configuration can be written");
        let program = run(lab, side, &name, &config, *skew_ms);
        Self { name, program, socket, config, side }
    }

    /// Ends it at once and starts it again.
    pub fn restart(self, lab: &Lab) -> Self {
        let Self { name, program, socket, config, side } = self;
        program.kill();
        let program = run(lab, side, &name, &config, 0);
        Self { name, program, socket, config, side }
    }

    /// Its program.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// All that it says of itself.
    pub fn status(&self) -> Value {
        socket::ask(&self.socket, &json!({"bridge": "status"}))["status"].clone()
    }

    /// What it says of the other side's bridge.
    pub fn peer(&self) -> Value {
        self.status()["peer"][0].clone()
    }

    /// Waits until what it says of itself is so, and returns how long that took.
    pub fn until(&self, what: &str, within: Duration, is_so: impl Fn(&Value) -> bool) -> Duration {
        let began = Instant::now();
        let mut socket = Socket::open(&self.socket);
        loop {
            let status = socket.ask(&json!({"bridge": "status"}))["status"].clone();
            if is_so(&status) {
                return began.elapsed();
            }
            assert!(began.elapsed() < within, "{}: not {what} within {within:?}: {status:#}", self.name);
            thread::sleep(LOOK);
        }
    }

    /// Waits until it serves its unit.
    pub fn until_it_serves(&self) {
        self.until("connected to its station", PATIENCE, |status| status["station"][0]["connected"] == true);
    }
}

/// Whether a status says that the peer is reached this way.
pub fn is_path(status: &Value, path: &str) -> bool {
    status["peer"][0]["path"] == path
}

fn run(lab: &Lab, side: Side, name: &str, config: &Path, skew_ms: i32) -> Program {
    lab.start_skewed(
        skew_ms,
        side.host(),
        name,
        &station::bridge(),
        &[&detail(), "run", "--config", &text(config)],
    )
}

/// How much bridges log: `ROADCAST_NETS_LOG=-vv` has them say everything.
fn detail() -> String {
    std::env::var("ROADCAST_NETS_LOG").unwrap_or_else(|_| "-v".to_owned())
}

/// Starts the relay, with a certificate of an authority of the lab's own.
pub fn start_relay(lab: &Lab) -> Program {
    let directory = lab.directory();
    if !directory.join("ca.pem").exists() {
        make_certificate(directory);
        let mut settings =
            format!("[relay]\nlisten = \"{RELAY}:443\"\ncertificate = \"relay.pem\"\nkey = \"relay.key\"\n");
        for side in Side::BOTH {
            settings +=
                &format!("[[allow]]\nname = \"{}\"\nkey = \"{}\"\n", side.host(), public_key(lab, side));
        }
        fs::write(directory.join("relay.toml"), settings).expect("a configuration can be written");
    }
    let config = text(&directory.join("relay.toml"));
    let mut relay = lab.start("relay", "relay", &station::bridge(), &["-v", "relay", "--config", &config]);
    relay.until_said("relay serves", PATIENCE);
    relay
}

fn make_certificate(directory: &Path) {
    const RIGHT: &str = "a certificate can be made";
    let mut params = CertificateParams::new(Vec::new()).expect(RIGHT);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().expect(RIGHT);
    let authority = params.self_signed(&authority_key).expect(RIGHT);
    let issuer = Issuer::new(params, authority_key);
    let key = KeyPair::generate().expect(RIGHT);
    let params = CertificateParams::new(vec![RELAY.to_string()]).expect(RIGHT);
    let certificate = params.signed_by(&key, &issuer).expect(RIGHT);
    for (name, text) in
        [("ca.pem", authority.pem()), ("relay.pem", certificate.pem()), ("relay.key", key.serialize_pem())]
    {
        fs::write(directory.join(name), text).expect("a file can be written");
    }
    use std::os::unix::fs::PermissionsExt as _;
    let own = fs::Permissions::from_mode(0o600);
    fs::set_permissions(directory.join("relay.key"), own).expect("the file is this user's");
}

/// Starts the broker, which keeps what is retained over a restart.
pub fn start_broker(lab: &Lab) -> Program {
    let folder = lab.directory().join("mosquitto");
    fs::create_dir_all(&folder).expect("a directory can be made");
    let config = folder.join("mosquitto.conf");
    let settings = format!(
        "listener 1883 {BROKER}\nallow_anonymous true\nuser root\npersistence true\n\
         persistence_location {}/\nautosave_interval 1\nautosave_on_changes true\nlog_dest stderr\n",
        folder.display()
    );
    fs::write(&config, settings).expect("a configuration can be written");
    let mut broker = lab.start("broker", "broker", Path::new("mosquitto"), &["-c", &text(&config)]);
    broker.until_said("running", PATIENCE);
    broker
}
