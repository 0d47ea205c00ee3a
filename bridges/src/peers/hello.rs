//! The first exchange on a connection of any protocol: who dialled opens a stream and says hello, and the other answers on it.

use std::io;
use std::time::Duration;

use iroh::TransportAddr;
use iroh::endpoint::{Connection, RecvStream, SendStream, VarInt};
use tokio::io::AsyncWrite;
use tokio::time::timeout;

use super::close::{Close, reason};
use super::endpoint::WINDOW;
use super::records::{self, Hello, LONGEST_HELLO};

/// A connection whose other side has said hello.
#[derive(Debug)]
pub(super) struct Greeted {
    pub connection: Connection,
    pub send: SendStream,
    pub receive: RecvStream,
    /// The other side's.
    pub hello: Hello,
}

/// Why there was no hello.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoHello {
    #[error("no hello within {} s", HELLO_TIMEOUT.as_secs())]
    Timeout,
    #[error("no hello: {0}")]
    Malformed(String),
    #[error("{}", _0.name())]
    Closed(Close),
    #[error("{0}")]
    Lost(String),
}

/// Says hello on a connection that was dialled, and waits for the answer.
pub(super) async fn say(connection: Connection, hello: &Hello) -> Result<Greeted, NoHello> {
    let exchange = async {
        let (mut send, mut receive) =
            connection.open_bi().await.map_err(|error| lost(&connection, &error))?;
        records::write(&mut send, hello).await.map_err(|error| lost(&connection, &error))?;
        let hello =
            records::read(&mut receive, LONGEST_HELLO).await.map_err(|error| lost(&connection, &error))?;
        Ok((send, receive, hello))
    };
    let (send, receive, hello) = timeout(ANSWER_TIMEOUT, exchange).await.unwrap_or(Err(NoHello::Timeout))?;
    Ok(Greeted { connection, send, receive, hello })
}

/// Waits for the hello on a connection that came. Nothing else is read of it. The answer is still owed.
pub(super) async fn hear(connection: Connection) -> Result<Greeted, NoHello> {
    let exchange = async {
        let (send, mut receive) = connection.accept_bi().await.map_err(|error| lost(&connection, &error))?;
        let hello =
            records::read(&mut receive, LONGEST_HELLO).await.map_err(|error| lost(&connection, &error))?;
        Ok((send, receive, hello))
    };
    let (send, receive, hello) = timeout(HELLO_TIMEOUT, exchange).await.unwrap_or(Err(NoHello::Timeout))?;
    Ok(Greeted { connection, send, receive, hello })
}

/// Answers a hello on the stream on which it came. Who gives no room for the answer is given up: it holds a place here.
pub(super) async fn answer(send: &mut (impl AsyncWrite + Unpin), hello: &Hello) -> io::Result<()> {
    timeout(HELLO_TIMEOUT, records::write(send, hello)).await?
}

/// Lets the other side send: `streams` of each kind at once, and a whole window.
pub(super) fn open_up(connection: &Connection, streams: u32) {
    connection.set_receive_window(VarInt::from_u32(WINDOW));
    connection.set_max_concurrent_uni_streams(VarInt::from_u32(streams));
    connection.set_max_concurrent_bi_streams(VarInt::from_u32(streams));
}

/// The path that carries the data of a connection now.
pub(super) fn path(connection: &Connection) -> Option<TransportAddr> {
    let paths = connection.paths();
    let selected = paths.iter().find(|path| path.is_selected()).or_else(|| paths.iter().next());
    selected.map(|path| path.remote_addr().clone())
}

/// Where the other side is seen, for it to know; empty over a relay.
pub(super) fn seen_at(connection: &Connection) -> String {
    match path(connection) {
        Some(TransportAddr::Ip(address)) => address.to_string(),
        _ => String::new(),
    }
}

fn lost(connection: &Connection, error: &dyn core::error::Error) -> NoHello {
    match connection.close_reason() {
        Some(closed) => Close::of(&closed).map_or_else(|| NoHello::Lost(reason(&closed)), NoHello::Closed),
        None => NoHello::Malformed(error.to_string()),
    }
}

/// Streams at once on a connection of a handler, each way.
pub(super) const STREAMS: u32 = 64;
/// A stranger is heard no longer, and nobody's answer waits longer for room.
pub(super) const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// Who answers may wait for a connection that it dialled itself.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(8);

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_gives_no_room_for_the_answer_to_its_hello_is_given_up() {
        let (_caller, mut send) = duplex(1);
        let hello = Hello { instance: 7, ..Hello::default() };
        let given_up = answer(&mut send, &hello).await.unwrap_err();
        assert_eq!(given_up.kind(), io::ErrorKind::TimedOut);
    }
}
