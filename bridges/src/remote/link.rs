//! The operator's side: control connections to a unit, over a link that is dialled again when it is lost.

use std::time::Duration;

use bytes::BytesMut;
use iroh::endpoint::{Connection, RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::error::RemoteError;
use super::line::LineReader;
use super::opening::{LONGEST_OPENING, Opened, Opening};
use crate::peers::{ConnectError, Peers, REMOTE_ALPN};

/// A unit.
#[derive(Debug)]
pub(super) struct UnitLink {
    peers: Peers,
    name: String,
    station: Option<String>,
    connection: Mutex<Option<Connection>>,
}

/// A control connection to a daemon of it, whose lines follow.
#[derive(Debug)]
pub(super) struct Carried<R, W> {
    pub opened: Opened,
    pub from: LineReader<R>,
    pub to: W,
}

/// How a unit is reached.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Way {
    pub relayed: bool,
    pub rtt: Duration,
}

/// Where control connections come from.
pub(super) trait Opens: Send + Sync + 'static {
    type From: AsyncRead + Unpin + Send;
    type To: AsyncWrite + Unpin + Send;

    /// A new one.
    fn open(&self) -> impl Future<Output = Result<Carried<Self::From, Self::To>, RemoteError>> + Send;
}

/// A unit that can be watched.
pub(super) trait Watched: Opens {
    /// Its name.
    fn name(&self) -> &str;
    /// How it is reached now.
    fn way(&self) -> impl Future<Output = Option<Way>> + Send;
}

impl UnitLink {
    /// To the peer of this name, and this one of its stations.
    pub fn new(peers: &Peers, name: &str, station: Option<&str>) -> Self {
        let (peers, name, station) = (peers.clone(), name.to_owned(), station.map(ToOwned::to_owned));
        Self { peers, name, station, connection: Mutex::default() }
    }

    async fn over(
        &self,
        connection: &Connection,
        patience: Duration,
    ) -> Result<Carried<RecvStream, SendStream>, RemoteError> {
        let opened = async {
            let (to, from) = connection.open_bi().await.map_err(|error| self.silent(&error.to_string()))?;
            greet(&self.name, self.station.as_deref(), from, to).await
        };
        timeout(patience, opened).await.unwrap_or_else(|_| Err(self.silent("it does not answer in time")))
    }

    /// As a network that was lost, and is back.
    #[cfg(test)]
    pub(super) async fn close_for_a_test(&self) {
        if let Some(connection) = &*self.connection.lock().await {
            connection.close(iroh::endpoint::VarInt::from_u32(0), b"test");
        }
    }

    fn silent(&self, why: &str) -> RemoteError {
        RemoteError::Silent { peer: self.name.clone(), why: why.to_owned() }
    }
}

impl Opens for UnitLink {
    type From = RecvStream;
    type To = SendStream;

    async fn open(&self) -> Result<Carried<RecvStream, SendStream>, RemoteError> {
        let mut held = self.connection.lock().await;
        // One that is there may be gone without a word: then it is dialled again at once.
        if let Some(connection) = held.take().filter(|connection| connection.close_reason().is_none()) {
            match self.over(&connection, STALE).await {
                Err(RemoteError::Silent { .. }) => {}
                other => {
                    *held = Some(connection);
                    return other;
                }
            }
        }
        let dialled = timeout(PATIENCE, self.peers.connect(&self.name, REMOTE_ALPN)).await;
        let nowhere =
            |_| ConnectError::NotReached { name: self.name.clone(), why: "no answer within 30 s".to_owned() };
        let connection = dialled.map_err(nowhere)??;
        let carried = self.over(&connection, PATIENCE).await;
        *held = Some(connection);
        carried
    }
}

impl Watched for UnitLink {
    fn name(&self) -> &str {
        &self.name
    }

    async fn way(&self) -> Option<Way> {
        let held = self.connection.lock().await;
        let paths = held.as_ref()?.paths();
        let path = paths.iter().find(|path| path.is_selected())?;
        Some(Way { relayed: path.is_relay(), rtt: path.rtt() })
    }
}

/// Says which station is meant, and reads what the unit says to that.
pub(super) async fn greet<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    peer: &str,
    station: Option<&str>,
    from: R,
    mut to: W,
) -> Result<Carried<R, W>, RemoteError> {
    let silent = |why: String| RemoteError::Silent { peer: peer.to_owned(), why };
    let opening = Opening { station: station.map(ToOwned::to_owned) };
    let mut from = LineReader::new(from, LONGEST_OPENING);
    to.write_all(opening.line().as_bytes()).await.map_err(|error| silent(error.to_string()))?;
    let line = from.next().await.map_err(|error| silent(error.to_string()))?;
    let line = line.ok_or_else(|| silent("it hung up".to_owned()))?;
    match Opened::parse(&line) {
        Ok(opened) => Ok(Carried { opened, from, to }),
        Err(refusal) => Err(RemoteError::Refused { peer: peer.to_owned(), refusal }),
    }
}

impl<R: AsyncRead + Unpin, W> Carried<R, W> {
    /// What was read beyond the first line, and the two directions.
    pub fn into_parts(self) -> (BytesMut, R, W) {
        let (read, from) = self.from.into_parts();
        (read, from, self.to)
    }
}

/// For a connection that is new: a handshake through a relay has several round trips.
const PATIENCE: Duration = Duration::from_secs(30);
/// For one that is there: many round trips.
const STALE: Duration = Duration::from_secs(5);
