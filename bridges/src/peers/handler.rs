//! What other parts of the program do with connections of peers.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use iroh::endpoint::Connection;
use v2x_api::Right;

use super::key::PeerKey;

/// Who is at the other end, as admitted here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerIdentity {
    /// Its name in the configuration, or `credential-<digest>` of one that is admitted by its credential.
    pub name: String,
    /// Its key, which the handshake proved.
    pub key: PeerKey,
    /// What it may do at this machine's daemons; none is nothing.
    pub rights: Option<Right>,
}

/// Serves the connections of one protocol, which peers open.
pub trait Handler: Send + Sync + core::fmt::Debug {
    /// Serves a connection until it is closed. The hello is over; each further stream is the handler's. The future is dropped when
    /// the peer is no longer admitted, or the program ends.
    fn serve(&self, peer: PeerIdentity, connection: Connection) -> BoxFuture<'static, ()>;
}

/// Protocols and who serves them; [`MESSAGES_ALPN`] is not among them.
pub type Handlers = BTreeMap<Vec<u8>, Arc<dyn Handler>>;

/// Messages as on the air, with the heartbeat: served by the peers themselves.
pub const MESSAGES_ALPN: &[u8] = b"roadcast/messages/1";
/// Control connections to a daemon, a bidirectional stream each.
pub const REMOTE_ALPN: &[u8] = b"roadcast/remote/1";
/// What an operator distributes, and what units report.
pub const OPERATOR_ALPN: &[u8] = b"roadcast/operator/1";
