//! Updates over the links to peers.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use iroh::endpoint::Connection;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::protocol::{ByteStream, LinkStream, Streams};
use super::push::Accept;
use super::serve::{Host, pull};
use super::unit::Unit;
use crate::backoff::Backoff;
use crate::peers::{Handler, OPERATOR_ALPN, PeerIdentity, Peers};

/// Streams of one connection.
#[derive(Clone, Debug)]
pub struct PeerStreams(pub Connection);

impl Streams for PeerStreams {
    fn open(&self) -> BoxFuture<'_, io::Result<ByteStream>> {
        Box::pin(async {
            let (to, from) = self.0.open_bi().await.map_err(io::Error::other)?;
            Ok(ByteStream { from: Box::new(from), to: Box::new(to) })
        })
    }
}

impl Accept for PeerStreams {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<ByteStream>> {
        Box::pin(async {
            let (to, from) = self.0.accept_bi().await.map_err(io::Error::other)?;
            Ok(ByteStream { from: Box::new(from), to: Box::new(to) })
        })
    }
}

/// Answers peers for a unit.
#[derive(Debug)]
pub struct OperatorHandler(pub Arc<Unit>);

impl Handler for OperatorHandler {
    fn serve(&self, peer: PeerIdentity, connection: Connection) -> BoxFuture<'static, ()> {
        let mut streams = PeerStreams(connection);
        let host = Host {
            unit: Arc::clone(&self.0),
            peer: peer.name,
            rights: peer.rights,
            back: Arc::new(streams.clone()),
        };
        Box::pin(async move {
            let mut serving = JoinSet::new();
            while let Ok(stream) = streams.accept().await {
                while serving.len() >= MOST_STREAMS {
                    serving.join_next().await;
                }
                let host = host.clone();
                serving.spawn(async move {
                    if let Err(error) = host.serve(LinkStream::new(stream)).await {
                        tracing::debug!(target: "operator", "{}: {error}", host.peer);
                    }
                });
            }
        })
    }
}

/// Goes on with what an earlier run left, and asks the configured peers for what is new: at the start, regularly, and when
/// something newer was heard of. For ever.
pub async fn keep_asking(unit: Arc<Unit>, peers: Option<Peers>) {
    unit.resume().await;
    let sources = unit.settings().sources.clone();
    let Some(peers) = peers.filter(|_| !sources.is_empty()) else { return };
    let every = unit.settings().every;
    let mut backoff = Backoff::new(FIRST_PAUSE, every);
    loop {
        let mut all = true;
        for source in &sources {
            let asked = async {
                let connection =
                    peers.connect(source, OPERATOR_ALPN).await.map_err(|error| error.to_string())?;
                let streams: Arc<dyn Streams> = Arc::new(PeerStreams(connection));
                pull(&unit, source, &streams).await.map_err(|error| error.to_string())
            };
            if let Err(error) = asked.await {
                tracing::info!(target: "operator", "{source}: {error}");
                all = false;
            }
        }
        let pause = if all { every } else { backoff.wait() };
        if all {
            backoff.reset();
        }
        // Whoever heard of something newer waits no longer, but not less than a moment either.
        tokio::time::sleep(FIRST_PAUSE.min(pause)).await;
        drop(timeout(pause.saturating_sub(FIRST_PAUSE), unit.news()).await);
    }
}

/// Streams of one peer at once.
const MOST_STREAMS: usize = 8;
/// The shortest time between two rounds.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
