//! Further attempts at a direct path while a relay carries a connection.
//!
//! The library punches through NATs when a connection comes about and when addresses change, and otherwise once a minute. Where packets
//! of the first attempt are lost, as on a busy machine, a link would stay relayed for that long. A further connection to the same peer
//! makes the library try again, and the path that it finds serves every connection to that peer.

use core::convert::Infallible;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use iroh::endpoint::Connection;
use tokio::time::sleep;

use super::close::Close;
use super::handler::{Handler, PeerIdentity};
use super::hello;

/// Serves further connections, which carry nothing.
#[derive(Debug)]
pub(super) struct PunchHandler;

impl Handler for PunchHandler {
    fn serve(&self, _peer: PeerIdentity, connection: Connection) -> BoxFuture<'static, ()> {
        async move { drop(connection.closed().await) }.boxed()
    }
}

/// Tries again whenever `connection`, which this side dialled, goes by a relay; until it is dropped. `dial` dials the same peer by
/// [`PUNCH_ALPN`].
pub(super) async fn run<F>(dial: impl Fn() -> F, connection: &Connection) -> Infallible
where
    F: Future<Output = Option<Connection>>,
{
    let mut wait = FIRST_WAIT;
    loop {
        sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
        if !hello::path(connection).is_some_and(|path| path.is_relay()) {
            continue;
        }
        // A peer that does not answer is found out by the heartbeat.
        if let Some(further) = dial().await {
            sleep(ATTEMPT).await;
            Close::Done.close(&further);
        }
    }
}

/// Further connections for another attempt.
pub(super) const PUNCH_ALPN: &[u8] = b"roadcast/punch/1";
/// The library leaves five seconds between two attempts: asked now, it makes the next when they are over.
const FIRST_WAIT: Duration = Duration::from_secs(3);
/// Where a NAT keeps a path from coming about, this costs some twenty packets.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Longer than an attempt and what is left of those five seconds.
const ATTEMPT: Duration = Duration::from_secs(4);
