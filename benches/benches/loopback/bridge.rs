//! A bridge beside the receiver that carries 500 messages a second from another bridge: two processes of `roadcast-bridge`, linked
//! over the loopback interface of the receiver's namespace, and behind the far one a made-up station that tells signed hazards.

use core::time::Duration;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use bytes::Bytes;
use prost::Message as _;
use serde_json::Value;
use testkit::craft::Crafter;
use v2x_core::{Instant as Moment, Position, WireTime};
use v2x_node::daemon::station::monotonic;
use v2x_node::key_files;
use v2x_node::machine::read_anchor;
use v2x_proto::envelope::{SignerRef, TbsRepr};
use v2x_proto::v1::{self, ControlAnswer, WatchedMessage, control_answer};
use v2x_proto::{Class, hop};

use crate::lab::{Child, Lab, Program};
use crate::stack::text;

/// What runs beside the receiver; ended when dropped.
#[derive(Debug)]
pub struct Bridges {
    _near: Program,
    _far: Program,
    _station: Child,
    socket: PathBuf,
    began: (Instant, Value),
}

impl Bridges {
    /// Starts all of it beside the receiver, which runs, and waits until messages are handed in there.
    pub fn start(lab: &Lab) -> Result<Self, String> {
        let program = program()?;
        let at = |name: &str| lab.directory().join(name);
        let station = lab.spawn(
            1,
            "far-station",
            &[text(&at("far.sock")), text(&at("keys")), SIGNERS.to_string(), RATE.to_string()],
        );
        let mut station = station?;
        station.ready()?;
        // A station serves its socket a moment after it says that it runs.
        let receiver = v2x_api::socket::default_name(&at("receiver.toml"));
        let receiver = (0..SOCKET_TRIES).find_map(|tried| {
            if tried > 0 {
                thread::sleep(SOCKET_PAUSE);
            }
            let places = v2x_api::socket::directories().into_iter();
            places.map(|place| place.join(&receiver)).find(|path| UnixStream::connect(path).is_ok())
        });
        let receiver = receiver.ok_or("the receiver has no control socket")?;
        let key = |name: &str| {
            let key =
                key_files::read_key(&at(&format!("keys/{name}.key"))).map_err(|error| error.to_string())?;
            Ok::<_, String>(hex(key.verifying_key().as_bytes()))
        };
        let write = |name: &str, port: u16, socket: &Path, peer: &str, peer_port: u16| {
            let config = format!(
                "[bridge]\nname = \"{name}\"\nkey = \"keys/{name}.key\"\nsocket = \"{}\"\n\
                 [[station]]\nname = \"station\"\nsocket = \"{}\"\n\
                 [peers]\nlisten = \"127.0.0.1:{port}\"\n\
                 [[peer]]\nname = \"{peer}\"\nkey = \"{}\"\naddresses = [\"127.0.0.1:{peer_port}\"]\n\
                 messages_s = 2000\nbytes_s = 3000000\n",
                at(&format!("{name}-bridge.sock")).display(),
                socket.display(),
                key(peer)?
            );
            fs::write(at(&format!("{name}.toml")), config).map_err(|error| format!("{name}.toml: {error}"))
        };
        write("near", 4747, &receiver, "far", 4748)?;
        write("far", 4748, &at("far.sock"), "near", 4747)?;
        let run = |name: &str| {
            let config = text(&at(&format!("{name}.toml")));
            lab.program(1, name, &program, &["run", "--config", &config])
        };
        let (far, near) = (run("far")?, run("near")?);
        let socket = at("near-bridge.sock");
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = status(&socket)
                && status["station"][0]["handed_in"].as_u64() > Some(u64::from(RATE))
            {
                return Ok(Self {
                    _near: near,
                    _far: far,
                    _station: station,
                    socket,
                    began: (Instant::now(), status),
                });
            }
            if Instant::now() > end {
                let log = |name: &str| fs::read_to_string(at(&format!("{name}.log"))).unwrap_or_default();
                return Err(format!("no message is handed in\n{}{}", log("near"), log("far")));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends all of it: what it carried, in a line.
    pub fn end(self) -> Result<String, String> {
        let (since, before) = &self.began;
        let after = status(&self.socket).ok_or("the bridge does not answer")?;
        let seconds = since.elapsed().as_secs_f64();
        let rate = |key: &str| {
            let count = |status: &Value| status["station"][0][key].as_u64().unwrap_or_default();
            (count(&after) - count(before)) as f64 / seconds
        };
        Ok(format!(
            "the bridge was told {:.0} messages/s and handed in {:.0}/s, of which {:.0}/s were delivered, {:.0}/s dropped and {:.0}/s refused",
            rate("told"),
            rate("handed_in"),
            rate("delivered"),
            rate("dropped"),
            rate("refused")
        ))
    }
}

/// The program, built beside this one unless `ROADCAST_BRIDGE` names it.
pub fn program() -> Result<PathBuf, String> {
    let named = std::env::var_os("ROADCAST_BRIDGE").map(PathBuf::from);
    let beside = || {
        // target/release/deps/loopback-...
        let own = std::env::current_exe().ok()?;
        Some(own.parent()?.parent()?.join("roadcast-bridge"))
    };
    named.or_else(beside).filter(|path| path.exists()).ok_or_else(|| {
        "needs roadcast-bridge: cargo build --release -p v2x-bridges, or ROADCAST_BRIDGE=PATH".to_owned()
    })
}

/// Keys for the two bridges and for those that sign what comes from afar.
pub fn make_keys(lab: &Lab) -> Result<(), String> {
    let keys = text(&lab.directory().join("keys"));
    let issue = |words: &[&str]| {
        let words =
            ["keys", "issue", "--dir", &keys].into_iter().chain(words.iter().copied()).map(str::to_owned);
        lab.spawn(0, "roadcast", &words.collect::<Vec<_>>())?.end()
    };
    // A bridge's key has the form of a station's.
    issue(&["--name", "near"])?;
    issue(&["--name", "far"])?;
    issue(&["--name", "afar", "--count", &SIGNERS.to_string(), "--also", "wide-area"])
}

/// The process that a far bridge takes for a daemon: its socket, the directory of keys, how many of them, messages a second.
pub fn far_station(arguments: &[String]) -> Result<(), String> {
    let [socket, keys, signers, rate] = arguments else {
        return Err("expected a socket, a directory of keys, their number and a rate".to_owned());
    };
    let number = |text: &String| text.parse::<u32>().map_err(|error| format!("{text}: {error}"));
    let (signers, rate) = (number(signers)?, number(rate)?);
    let crafter = |number: u32| {
        let file = |suffix: &str| Path::new(keys).join(format!("afar-{number}.{suffix}"));
        let key = key_files::read_key(&file("key")).map_err(|error| error.to_string())?;
        let credential = key_files::read_credential(&file("cred")).map_err(|error| error.to_string())?;
        Ok::<_, String>(Crafter::new(key, credential))
    };
    let crafters = (1..=signers).map(crafter).collect::<Result<Vec<_>, _>>()?;
    drop(fs::remove_file(socket));
    let listener = UnixListener::bind(socket).map_err(|error| format!("{socket}: {error}"))?;
    println!("listening");
    loop {
        let (stream, _) = listener.accept().map_err(|error| format!("{socket}: {error}"))?;
        // The bridge that leaves comes back, or this process is ended.
        let left = tell(stream, &crafters, rate);
        eprintln!("far station: {left:?}");
    }
}

/// Answers what a bridge asks for, then tells messages, each of the signers in turn, at even distances.
fn tell(stream: UnixStream, crafters: &[Crafter], rate: u32) -> std::io::Result<()> {
    let mut from = BufReader::new(stream.try_clone()?);
    let mut to = stream;
    let mut line = String::new();
    from.read_line(&mut line)?;
    to.write_all(b"{\"v\":1,\"ok\":true}\n")?;
    for _ in 0..REQUESTS {
        let mut length = [0];
        from.read_exact(&mut length)?;
        let mut request = vec![0; usize::from(length[0])];
        from.read_exact(&mut request)?;
        send(&mut to, control_answer::Answer::Json("{\"v\":1,\"ok\":true}".to_owned()))?;
    }
    let anchor = read_anchor();
    let wire = |now: Moment| anchor.wire_at(now);
    let mut numbers = BTreeMap::new();
    let began = Instant::now();
    for count in 0_u32.. {
        let due = Duration::from_secs(1) * count / rate;
        thread::sleep(due.saturating_sub(began.elapsed()));
        let signer = (count as usize) % crafters.len();
        let number = numbers.entry(signer).or_insert(0);
        *number += 1;
        send(
            &mut to,
            control_answer::Answer::Message(message(&crafters[signer], *number, wire(monotonic()))),
        )?;
    }
    Ok(())
}

fn send(to: &mut UnixStream, answer: control_answer::Answer) -> std::io::Result<()> {
    to.write_all(&ControlAnswer { answer: Some(answer) }.encode_length_delimited_to_vec())
}

/// A new hazard of this signer, for an area about the receiver.
fn message(crafter: &Crafter, number: u32, now: WireTime) -> WatchedMessage {
    let hazard =
        v1::Hazard { validity_s: Some(10), ..testkit::hazard::new(crafter.digest, number, PLACE, now) };
    let payload = hazard.encode_to_vec();
    let fields = TbsRepr {
        message_type: v1::MessageType::Hazard as u32,
        generation_time_us: now.as_micros(),
        latitude: PLACE.latitude,
        longitude: PLACE.longitude,
        class: Class::D3,
        lifetime_ms: 10_000,
        max_hops: 5,
        area: Some(testkit::hazard::circle(PLACE, 2000)),
        payload: &payload,
        ..crafter.fields(Moment::ZERO)
    };
    // Both stations of the bench are in test mode, and leave out what is not of a test.
    let mut header = crafter.header(&fields);
    header.flags.test = true;
    let frame: Bytes = crafter.frame(&header, &fields, SignerRef::Credential(&crafter.credential));
    let (_, length) = hop::parse(&frame).expect("a frame begins with a hop header");
    WatchedMessage {
        hop_header: frame.slice(..length),
        signed_message: frame.slice(length..),
        verified: true,
        ..WatchedMessage::default()
    }
}

fn status(socket: &Path) -> Option<Value> {
    let stream = UnixStream::connect(socket).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    (&stream).write_all(b"{\"bridge\":\"status\"}\n").ok()?;
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line).ok()?;
    Some(serde_json::from_str::<Value>(&line).ok()?["status"].clone())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where both stations of the bench are.
const PLACE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };
/// Of which each declares two events a second, as many as a station takes from one.
const SIGNERS: u32 = 250;
/// Messages a second.
const RATE: u32 = 500;
/// What a bridge asks a daemon for.
const REQUESTS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(20);
/// Two seconds.
const SOCKET_TRIES: u32 = 100;
const SOCKET_PAUSE: Duration = Duration::from_millis(20);
