//! The program's own Unix socket: JSON lines, as those of a daemon. `{"bridge":"status"}`, `{"bridge":"metrics"}` and
//! `{"bridge":"listen"}`.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Interest};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;
use v2x_proto::v1;

use crate::board::Board;
use crate::hub::{Heard, Hub};
use crate::metrics;

/// Where the socket is when none is configured: in `$XDG_RUNTIME_DIR/roadcast`, else in `/run/roadcast`.
#[must_use]
pub fn default_path() -> PathBuf {
    let base = std::env::var_os("XDG_RUNTIME_DIR").filter(|directory| !directory.is_empty());
    base.map_or_else(|| PathBuf::from("/run"), PathBuf::from).join("roadcast/bridge.sock")
}

/// A socket that takes connections; its file is removed when this is dropped.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    /// Opens it for this user alone. One that a killed program left behind is replaced; that of a live one never is.
    ///
    /// # Errors
    /// The system's, or that another program serves it.
    pub async fn open(path: &Path) -> io::Result<Self> {
        if UnixStream::connect(path).await.is_ok() {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "another roadcast-bridge serves it"));
        }
        if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            fs::create_dir_all(directory)?;
        }
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, path: path.to_owned() })
    }

    /// Serves connections for ever.
    pub async fn serve(&self, board: Board, hub: Hub) {
        let places = Arc::new(Semaphore::new(MOST_CLIENTS));
        loop {
            let Ok((stream, _)) = self.listener.accept().await else {
                // Out of file descriptors: some come back.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
            let (board, hub) = (board.clone(), hub.clone());
            tokio::spawn(async move {
                // A client that goes away is no error of ours.
                drop(client(stream, &board, &hub).await);
                drop(place);
            });
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Nothing is left to do about one that cannot be removed: the next program replaces it.
        drop(fs::remove_file(&self.path));
    }
}

async fn client(stream: UnixStream, board: &Board, hub: &Hub) -> io::Result<()> {
    let (from, mut to) = stream.into_split();
    let mut lines = BufReader::new(from.take(MOST_BYTES)).lines();
    while let Some(line) = timeout(PATIENCE, lines.next_line()).await?? {
        let request: Value = serde_json::from_str(&line).unwrap_or(Value::Null);
        let answer = match request.get("bridge").and_then(Value::as_str) {
            Some("status") => json!({ "v": 1, "ok": true, "status": board.status() }),
            Some("metrics") => json!({ "v": 1, "ok": true, "metrics": metrics::text(&board.status()) }),
            Some("listen") => return listen(to, hub).await,
            _ => json!({ "v": 1, "ok": false, "reason": "bad_request",
                "error": "expected {\"bridge\":\"status\"}, {\"bridge\":\"metrics\"} or {\"bridge\":\"listen\"}" }),
        };
        timeout(PATIENCE, to.write_all(format!("{answer}\n").as_bytes())).await??;
    }
    Ok(())
}

async fn listen(mut to: OwnedWriteHalf, hub: &Hub) -> io::Result<()> {
    let mut heard = hub.listen();
    timeout(PATIENCE, to.write_all(b"{\"v\":1,\"ok\":true,\"watch\":\"started\"}\n")).await??;
    loop {
        let line = match timeout(PATIENCE, heard.recv()).await {
            Ok(Ok(heard)) => line_of(&heard),
            Ok(Err(RecvError::Lagged(lost))) => {
                json!({ "v": 1, "watch": "lost", "of": "afar", "changes": lost })
            }
            Ok(Err(RecvError::Closed)) => return Ok(()),
            // Nothing is heard: nothing else would tell that the client is gone, and its place free.
            Err(_) if is_gone(&to) => return Ok(()),
            Err(_) => continue,
        };
        timeout(PATIENCE, to.write_all(format!("{line}\n").as_bytes())).await??;
    }
}

/// Whether the client has closed its connection. One that has closed its sending half alone still reads.
fn is_gone(to: &OwnedWriteHalf) -> bool {
    let ready = to.ready(Interest::WRITABLE).now_or_never();
    ready.is_some_and(|ready| ready.map_or(true, |ready| ready.is_write_closed()))
}

/// A message from afar as a line of JSON.
pub(crate) fn line_of(heard: &Heard) -> Value {
    let head = heard.message.head();
    let (latitude, longitude) = head.place.degrees();
    json!({
        "v": 1,
        "watch": "afar",
        "from": heard.from,
        "message": head.name(),
        "class": head.class.name(),
        "type": type_of(head.message_type),
        "generation_time_us": head.generation.as_micros(),
        "expires_us": head.expires.as_micros(),
        "latitude_deg": latitude,
        "longitude_deg": longitude,
        "event": head.event.map(|event| event.id.to_string()),
        "verified": false,
        "frame": data_encoding::HEXLOWER.encode(heard.message.frame()),
    })
}

fn type_of(number: u32) -> String {
    let known = i32::try_from(number).ok().and_then(|number| v1::MessageType::try_from(number).ok());
    known.map_or_else(|| number.to_string(), |known| v2x_api::type_name(known).to_owned())
}

/// People and a scraper or two. One that does not read leaves its place after [`PATIENCE`].
const MOST_CLIENTS: usize = 32;
/// Requests of one connection together: it asks, it does not send.
const MOST_BYTES: u64 = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ends of a connection, and what serves it.
    async fn served(hub: &Hub, request: &str) -> (UnixStream, tokio::task::JoinHandle<()>) {
        let (mut client_end, stream) = UnixStream::pair().unwrap();
        client_end.write_all(request.as_bytes()).await.unwrap();
        let (board, hub) = (Board::default(), hub.clone());
        let serving = tokio::spawn(async move { drop(client(stream, &board, &hub).await) });
        (client_end, serving)
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_and_reads_nothing_leaves_its_place_also_where_it_asks_to_listen() {
        let hub = Hub::new();
        // More answers than the kernel holds.
        let (deaf, serving) = served(&hub, &"{\"bridge\":\"what\"}\n".repeat(2000)).await;
        timeout(2 * PATIENCE, serving).await.expect("its place is free").unwrap();
        drop(deaf);
        let (_deaf, stream) = UnixStream::pair().unwrap();
        let (_from, to) = stream.into_split();
        to.writable().await.unwrap();
        while to.try_write(&[b'\n'; 4096]).is_ok() {}
        let ended = timeout(2 * PATIENCE, listen(to, &hub)).await.expect("its place is free");
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn who_listens_and_leaves_makes_room_though_nothing_is_heard_and_who_half_closes_stays() {
        let hub = Hub::new();
        let (mut half, stays) = served(&hub, "{\"bridge\":\"listen\"}\n").await;
        half.shutdown().await.unwrap();
        let (gone, leaves) = served(&hub, "{\"bridge\":\"listen\"}\n").await;
        drop(gone);
        timeout(2 * PATIENCE, leaves).await.expect("its place is free").unwrap();
        assert!(timeout(10 * PATIENCE, stays).await.is_err(), "it still listens");
    }
}
