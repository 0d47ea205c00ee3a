//! One request to the daemon's control socket, and its answer.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// Why a daemon did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// None is there, or it ended.
    #[error("no daemon answers: {0}")]
    NoDaemon(#[from] io::Error),
    /// It refused: the reason's name, and its text.
    #[error("the daemon refused: {text}")]
    Refused {
        /// Its name.
        reason: String,
        /// For people.
        text: String,
    },
}

/// Sends a request, a line of JSON, and waits for its answer.
///
/// # Errors
/// [`DaemonError`].
pub async fn ask(socket: &Path, request: &str) -> Result<Value, DaemonError> {
    let slow = |_| io::Error::new(io::ErrorKind::TimedOut, "it does not answer");
    timeout(PATIENCE, exchange(socket, request)).await.map_err(slow)?
}

async fn exchange(socket: &Path, request: &str) -> Result<Value, DaemonError> {
    let (from, mut to) = UnixStream::connect(socket).await?.into_split();
    to.write_all(format!("{request}\n").as_bytes()).await?;
    let mut lines = BufReader::new(from.take(LONGEST_ANSWER)).lines();
    let line = lines.next_line().await?.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
    let invalid = |_| io::Error::new(io::ErrorKind::InvalidData, "its answer is no JSON");
    let answer: Value = serde_json::from_str(&line).map_err(invalid)?;
    if answer.get("ok").and_then(Value::as_bool) == Some(true) {
        return Ok(answer);
    }
    let text = |key: &str| answer.get(key).and_then(Value::as_str).unwrap_or("without a reason").to_owned();
    Err(DaemonError::Refused { reason: text("reason"), text: text("error") })
}

/// A daemon answers within a turn; a busy machine takes longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Of a status, the longest answer asked for here.
const LONGEST_ANSWER: u64 = 1 << 20;
