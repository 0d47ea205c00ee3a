//! A daemon that speaks the control protocol as far as tests of remote control go.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;
use v2x_api::{Call, Right};

/// Listens at `socket`, and has these rights to give to each program. A `reload` makes it hang up.
pub(super) fn daemon(socket: &Path, own: Right) -> JoinHandle<()> {
    drop(fs::remove_file(socket));
    let listener = UnixListener::bind(socket).unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(speak(stream, own));
        }
    })
}

/// One connection of the daemon.
async fn speak(stream: UnixStream, mut right: Right) {
    let (from, mut to) = stream.into_split();
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let request: Value = serde_json::from_str(&line).unwrap_or_default();
        let needs = Call::parse(line.as_bytes()).map_or(Right::Read, |call| call.request.needs());
        let mut answer = match () {
            () if needs > right => json!({ "ok": false, "reason": "right_missing", "error": "no" }),
            () if request["rights"] == "show" => json!({ "ok": true, "rights": right.name() }),
            () if request["rights"].is_string() => {
                right = request["rights"].as_str().and_then(Right::parse).unwrap();
                json!({ "ok": true, "rights": right.name() })
            }
            () if request["hazard"] == "new" => json!({ "ok": true, "event": "3f01020304050607/2" }),
            () if request["hazard"] == "watch" => json!({ "ok": true, "watch": "started" }),
            () if request["station"] == "reload" => return,
            () => json!({ "ok": request.is_object() }),
        };
        answer["id"] = request["id"].clone();
        let told = if request["hazard"] == "watch" { "{\"watch\":\"hazard\"}\n" } else { "" };
        to.write_all(format!("{answer}\n{told}").as_bytes()).await.unwrap();
    }
}
