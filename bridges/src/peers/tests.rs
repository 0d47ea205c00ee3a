//! Bridges on loopback, each with an endpoint of its own.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use testkit::craft::Crafter;
use v2x_core::Instant as Moment;
use v2x_proto::Class;
use v2x_proto::envelope::{MAX_FRAME, TbsRepr};

use super::*;
use crate::clock;
use crate::hub::Heard;
use crate::message::AirMessage;
use crate::select::Selection;

mod across;
mod admitted;
mod floods;
mod links;
mod networks;
mod raw;

/// A bridge with its hub.
struct Unit {
    peers: Peers,
    hub: Hub,
}

fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn key(seed: u8) -> PeerKey {
    PeerKey::from_bytes(signing_key(seed).verifying_key().as_bytes()).unwrap()
}

fn every_class() -> Selection {
    Selection { classes: Class::ALL.to_vec(), types: None, area: None }
}

/// A peer that gets and gives everything, named by its seed.
fn peer(seed: u8, addresses: Vec<SocketAddr>) -> PeerSettings {
    let terms = PeerTerms { send: every_class(), receive: every_class(), ..PeerTerms::default() };
    PeerSettings { name: format!("unit-{seed}"), key: key(seed), addresses, relays: Vec::new(), terms }
}

fn settings(peers: Vec<PeerSettings>) -> PeersSettings {
    PeersSettings { listen: vec!["127.0.0.1:0".parse().unwrap()], peers, ..PeersSettings::default() }
}

async fn unit(seed: u8, settings: PeersSettings) -> Unit {
    let hub = Hub::new();
    let peers = Peers::start(&settings, &signing_key(seed), &hub, Handlers::new(), None).await.unwrap();
    Unit { peers, hub }
}

/// Two bridges that know each other; the second dials the first.
async fn pair() -> [Unit; 2] {
    let first = unit(1, settings(vec![peer(2, Vec::new())])).await;
    let second = unit(2, settings(vec![peer(1, first.peers.addresses())])).await;
    [first, second]
}

impl Unit {
    /// The object of the peer in the status.
    fn of(&self, seed: u8) -> Value {
        let name = format!("unit-{seed}");
        let status = self.peers.status();
        let found = status.as_array().unwrap().iter().find(|peer| peer["name"] == name.as_str());
        found.unwrap_or_else(|| panic!("no {name} in {status}")).clone()
    }

    fn own(&self) -> Value {
        self.peers.board.own_status()
    }

    /// Waits until the status of a peer is as wanted.
    async fn until(&self, seed: u8, wanted: impl Fn(&Value) -> bool) -> Value {
        let poll = async {
            loop {
                let now = self.of(seed);
                if wanted(&now) {
                    return now;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, poll).await.unwrap_or_else(|_| panic!("for too long: {}", self.of(seed)))
    }

    /// Waits until the status of the endpoint is as wanted.
    async fn own_until(&self, wanted: impl Fn(&Value) -> bool) {
        let poll = async {
            while !wanted(&self.own()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, poll).await.unwrap_or_else(|_| panic!("for too long: {}", self.own()));
    }

    async fn connected(&self, seed: u8) -> Value {
        self.until(seed, |peer| peer["state"] == "connected" && peer["heartbeats"].as_u64() > Some(0)).await
    }

    fn tell(&self, message: &AirMessage) {
        self.hub.tell(message, clock::now());
    }
}

async fn heard(from: &mut tokio::sync::broadcast::Receiver<Arc<Heard>>) -> Arc<Heard> {
    timeout(PATIENCE, from.recv()).await.expect("nothing came").unwrap()
}

/// A good message of now, with `more` bytes of payload besides.
fn message(class: Class, more: usize) -> AirMessage {
    // Of as many bytes for all that any test counts.
    static NEXT: AtomicU32 = AtomicU32::new(1 << 22);
    static CRAFT: LazyLock<Crafter> = LazyLock::new(|| Crafter::station(3));
    let payload = vec![7; more];
    let fields = CRAFT.fields_in(class, Moment::ZERO);
    let fields = TbsRepr {
        generation_time_us: clock::now().as_micros(),
        lifetime_ms: 30_000,
        sequence: NEXT.fetch_add(1, Ordering::Relaxed),
        payload: if more == 0 { fields.payload } else { &payload },
        ..fields
    };
    AirMessage::read(CRAFT.full(&fields)).unwrap()
}

/// As long as a frame can be.
fn longest(class: Class) -> AirMessage {
    let rest = MAX_FRAME - message(class, 200).frame().len();
    let longest = message(class, 200 + rest);
    assert_eq!(longest.frame().len(), MAX_FRAME);
    longest
}

/// For a machine on which everything else runs at once.
const PATIENCE: Duration = Duration::from_secs(60);
