//! A connection to a daemon's control socket, with no more rights than who asks through it.

use core::time::Duration;
use std::io;
use std::path::PathBuf;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use v2x_api::{Answer, Request, Right};

use super::answer::refusal_line;
use super::patience::within;
use crate::error::without_numbers;

/// An open connection.
#[derive(Debug)]
pub(super) struct Door {
    lines: Lines,
    writer: OwnedWriteHalf,
}

/// Lines of a daemon.
#[derive(Debug)]
pub(super) struct Lines {
    reader: OwnedReadHalf,
    /// What was read and not given out.
    buffer: BytesMut,
    /// Bytes of it without an end of a line.
    searched: usize,
}

/// Why a daemon cannot be asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum DoorError {
    /// None listens.
    #[error("no daemon answers at the control socket: {}", without_numbers(&.0.to_string()))]
    NoDaemon(#[source] io::Error),
    /// It does not let this process in, or not with these rights; its own line says why.
    #[error("the daemon refused")]
    Refused(Bytes),
    /// The connection ended before an answer.
    #[error("the daemon hung up")]
    Ended,
    /// No answer.
    #[error("the daemon gave no answer within {} s", PATIENCE.as_secs())]
    Silent,
    /// What came is no line of a daemon.
    #[error("what listens at the control socket is no daemon")]
    NoAnswer,
}

impl DoorError {
    /// A line for who asked.
    pub(super) fn line(&self) -> Bytes {
        match self {
            Self::Refused(line) => line.clone(),
            other => refusal_line("no_daemon", &other.to_string()).into(),
        }
    }
}

impl Door {
    /// Connects to the first that listens, and gives up what is beyond `right`.
    pub(super) async fn open(sockets: &[PathBuf], right: Right) -> Result<Self, DoorError> {
        let stream = connect(sockets).await.map_err(DoorError::NoDaemon)?;
        let (reader, writer) = stream.into_split();
        let lines = Lines { reader, buffer: BytesMut::new(), searched: 0 };
        let mut door = Self { lines, writer };
        let answer = door.ask(Request::Rights(Some(right)).line().as_bytes()).await?;
        match serde_json::from_slice::<Answer>(&answer) {
            Ok(Answer { ok: Some(true), .. }) => Ok(door),
            Ok(Answer { ok: Some(false), .. }) => Err(DoorError::Refused(answer)),
            _ => Err(DoorError::NoAnswer),
        }
    }

    /// Sends a line and waits for its answer.
    pub(super) async fn ask(&mut self, request: &[u8]) -> Result<Bytes, DoorError> {
        let asked = async {
            // A daemon that hangs up sends the reason first: read on.
            let _sent = send(&mut self.writer, request).await;
            self.lines.next().await
        };
        within(PATIENCE, asked).await.ok_or(DoorError::Silent)??.ok_or(DoorError::Ended)
    }

    /// What reads its lines, and what takes requests.
    pub(super) fn split(self) -> (Lines, OwnedWriteHalf) {
        (self.lines, self.writer)
    }
}

impl Lines {
    /// The next line, without its end; `None` once the daemon hung up. Given up while it waits, it loses nothing.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, DoorError> {
        loop {
            if let Some(line) = self.ready() {
                return Ok(Some(line));
            }
            if self.buffer.len() > LONGEST_LINE {
                return Err(DoorError::NoAnswer);
            }
            self.buffer.reserve(READ_BYTES);
            match self.reader.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return Ok(None),
                Ok(_) => {}
            }
        }
    }

    /// The next line, if all of it was read already.
    pub(super) fn ready(&mut self) -> Option<Bytes> {
        let found = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n');
        let Some(found) = found else {
            self.searched = self.buffer.len();
            return None;
        };
        let mut line = self.buffer.split_to(self.searched + found + 1);
        self.searched = 0;
        line.truncate(line.len() - 1);
        Some(line.freeze())
    }
}

async fn connect(sockets: &[PathBuf]) -> io::Result<UnixStream> {
    let mut failed = io::ErrorKind::NotFound.into();
    for socket in sockets {
        match UnixStream::connect(socket).await {
            Ok(stream) => return Ok(stream),
            // What it says of one that is there counts more.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Sends a request on one line: an end of a line within it is white space of its JSON.
pub(super) async fn send(writer: &mut OwnedWriteHalf, request: &[u8]) -> io::Result<()> {
    let space = |byte: &u8| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte };
    let mut line: Vec<u8> = request.iter().map(space).collect();
    line.push(b'\n');
    writer.write_all(&line).await
}

/// A daemon answers within a millisecond; one this late is stopped or hopelessly busy.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest line of a daemon, bytes: twice the longest that a client of `api` takes.
const LONGEST_LINE: usize = 1024 * 1024;
const READ_BYTES: usize = 16 * 1024;
