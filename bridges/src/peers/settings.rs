//! How peers are reached and what they may do, as configured.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use iroh::RelayUrl;
use v2x_api::Right;

use super::key::PeerKey;
use crate::budget::BudgetLimits;
use crate::select::Selection;

/// `[peers]` and every `[[peer]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct PeersSettings {
    /// Addresses to listen at: at most one of IPv4 and one of IPv6.
    pub listen: Vec<SocketAddr>,
    /// Addresses under which this bridge is reached from outside, as where a router forwards a port.
    pub external: Vec<SocketAddr>,
    /// Relays of one's own: nothing is relayed when there are none.
    pub relays: Vec<RelayUrl>,
    /// UDP port at which relays with TLS say where a bridge is seen from; none asks none.
    pub relay_quic_port: Option<u16>,
    /// Certificates (PEM) of who certifies the relays, in place of the public authorities.
    pub relay_ca: Option<PathBuf>,
    /// Whether peers on the local network are looked for by multicast DNS, and this bridge told there.
    pub mdns: bool,
    /// Nodes of the DHT where addresses are looked up and published, `host:port`; none uses no DHT.
    pub dht: Vec<String>,
    /// Whether the broker carries offers to meet.
    pub rendezvous: bool,
    /// Without a heartbeat for this long a peer is dialled anew.
    pub silence: Duration,
    /// The credential by which others may admit this bridge, whose key is the bridge's.
    pub credential: Option<PathBuf>,
    /// Who is admitted besides the peers that are named.
    pub admission: Option<AdmissionSettings>,
    /// The peers that are named.
    pub peers: Vec<PeerSettings>,
}

/// Admission by a credential of the operator's authority.
#[derive(Clone, Debug, PartialEq)]
pub struct AdmissionSettings {
    /// Files of the roots that are trusted.
    pub roots: Vec<PathBuf>,
    /// Files of the issuers below them.
    pub issuers: Vec<PathBuf>,
    /// Files of revocation deltas of those: what they name is let in no more, and loses its connection.
    pub revocation: Vec<PathBuf>,
    /// What everyone admitted so may do and gets.
    pub terms: PeerTerms,
}

/// A peer that is named.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerSettings {
    /// Its name here.
    pub name: String,
    /// Its key.
    pub key: PeerKey,
    /// Where it is dialled.
    pub addresses: Vec<SocketAddr>,
    /// Relays at which it can be reached besides this bridge's.
    pub relays: Vec<RelayUrl>,
    /// What it may do and gets.
    pub terms: PeerTerms,
}

/// What a peer may do, and which messages pass.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerTerms {
    /// What it may do at this machine's daemons; none is nothing.
    pub rights: Option<Right>,
    /// What goes to it.
    pub send: Selection,
    /// What is taken from it.
    pub receive: Selection,
    /// The most that goes to it and the most that is taken from it, a second.
    pub budget: BudgetLimits,
    /// Messages that wait for it while it is slow or away.
    pub queue: usize,
}

impl Default for PeersSettings {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            external: Vec::new(),
            relays: Vec::new(),
            relay_quic_port: Some(RELAY_QUIC_PORT),
            relay_ca: None,
            mdns: false,
            dht: Vec::new(),
            rendezvous: false,
            silence: SILENCE,
            credential: None,
            admission: None,
            peers: Vec::new(),
        }
    }
}

impl Default for PeerTerms {
    fn default() -> Self {
        Self {
            rights: None,
            send: Selection::default(),
            receive: Selection::default(),
            budget: BUDGET,
            queue: QUEUE,
        }
    }
}

/// Where a relay of iroh answers QUIC address discovery by default.
pub const RELAY_QUIC_PORT: u16 = 7842;
/// Four heartbeats: of those that a link at its limit loses, three in a row are rare.
pub const SILENCE: Duration = Duration::from_secs(4);
/// What a station takes from afar a second, by default, in frames of the longest.
const BUDGET: BudgetLimits = BudgetLimits { messages_s: 500, bytes_s: 500 * 1400 };
/// More than a place has hazards at a time.
const QUEUE: usize = 1024;
