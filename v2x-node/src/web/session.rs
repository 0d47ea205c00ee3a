//! A browser session: a WebSocket and a connection to the daemon, and lines both ways.
//!
//! Nothing is queued here but the line that is being written: a browser that does not read is a program that does not read to
//! the daemon, whose rule for slow readers applies.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::OwnedSemaphorePermit;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};
use v2x_api::{LONGEST_REQUEST, Right};

use super::answer::refusal_line;
use super::door::{Door, Lines, send};
use super::patience::within;
use super::site::{Site, SiteSource};

/// Serves a session until either side ends it. Without a `right` the first frame has to bring a token. `_place` is free again
/// afterwards.
pub(super) async fn run(
    site: Arc<Site>,
    upgraded: OnUpgrade,
    right: Option<Right>,
    _place: OwnedSemaphorePermit,
) {
    let SiteSource::Daemon(sockets) = &site.source else { return };
    let Some(Ok(upgraded)) = within(UPGRADE_PATIENCE, upgraded).await else { return };
    let config = WebSocketConfig::default()
        .max_message_size(Some(LONGEST_REQUEST))
        .max_frame_size(Some(LONGEST_REQUEST))
        .read_buffer_size(LONGEST_REQUEST)
        .write_buffer_size(WRITE_BYTES)
        .max_write_buffer_size(MOST_UNSENT);
    let stream = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    let (mut sink, mut stream) = stream.split();
    let end = async {
        let right = match right {
            Some(right) => right,
            None => admit(&site, &mut stream).await?,
        };
        let door =
            Door::open(sockets, right).await.map_err(|error| End::Refused(error.line(), CloseCode::Again))?;
        let (lines, writer) = door.split();
        tokio::select! {
            end = down(lines, &mut sink) => Err(end),
            end = up(&mut stream, writer) => Err(end),
        }
    };
    let Err(end): Result<core::convert::Infallible, End> = end.await;
    // To a browser that reads no longer nothing can be said.
    let _said = within(LAST_WORDS_PATIENCE, end.say(&mut sink)).await;
}

/// Why a session ends.
#[derive(Debug)]
enum End {
    /// With a line that says why.
    Refused(Bytes, CloseCode),
    /// Without one.
    Closed(CloseCode, &'static str),
    /// The browser left, or does not read.
    Gone,
}

impl End {
    async fn say(
        self,
        sink: &mut SplitSink<WebSocketStream<TokioIo<Upgraded>>, Message>,
    ) -> Result<(), tungstenite::Error> {
        let (code, reason) = match self {
            // What it still reads is the answer to its own end.
            Self::Gone => return sink.close().await,
            Self::Refused(line, code) => {
                sink.send(text(line).ok_or(tungstenite::Error::ConnectionClosed)?).await?;
                (code, "see the last line")
            }
            Self::Closed(code, reason) => (code, reason),
        };
        sink.send(Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) }))).await?;
        sink.close().await
    }
}

/// Waits for the frame with a token.
async fn admit(
    site: &Site,
    stream: &mut SplitStream<WebSocketStream<TokioIo<Upgraded>>>,
) -> Result<Right, End> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Admission {
        token: String,
    }
    let refused = |reason, error| End::Refused(refusal_line(reason, error).into(), CloseCode::Policy);
    let frame = within(TOKEN_PATIENCE, frame(stream)).await;
    let frame = frame.ok_or_else(|| refused("token_missing", TOKEN_RIGHT))??;
    let admission = serde_json::from_str::<Admission>(&frame);
    let token = admission.map_err(|_| refused("token_missing", TOKEN_RIGHT))?.token;
    let right = site.tokens.right_of(token.as_bytes());
    right.ok_or_else(|| refused("token_unknown", "this token is not one of this server's"))
}

/// Passes on the daemon's lines. Reads the next one only once this one went out.
async fn down(mut lines: Lines, sink: &mut SplitSink<WebSocketStream<TokioIo<Upgraded>>, Message>) -> End {
    loop {
        let message = match lines.ready() {
            Some(line) => line,
            None => {
                match within(SEND_PATIENCE, sink.flush()).await {
                    Some(Ok(())) => {}
                    Some(Err(_)) | None => return End::Gone,
                }
                match within(PING_EVERY, lines.next()).await {
                    Some(Ok(Some(line))) => line,
                    Some(Ok(None)) => return End::Closed(CloseCode::Away, "the daemon hung up"),
                    Some(Err(_)) => return End::Closed(CloseCode::Error, "no line of a daemon"),
                    None => match within(SEND_PATIENCE, sink.send(Message::Ping(Bytes::new()))).await {
                        Some(Ok(())) => continue,
                        Some(Err(_)) | None => return End::Gone,
                    },
                }
            }
        };
        let Some(message) = text(message) else {
            return End::Closed(CloseCode::Error, "no line of a daemon");
        };
        match within(SEND_PATIENCE, sink.feed(message)).await {
            Some(Ok(())) => {}
            Some(Err(_)) | None => return End::Gone,
        }
    }
}

/// Passes on the browser's requests. Reads the next one only once the daemon took this one.
async fn up(stream: &mut SplitStream<WebSocketStream<TokioIo<Upgraded>>>, mut writer: OwnedWriteHalf) -> End {
    loop {
        match frame(stream).await {
            Ok(request) if send(&mut writer, request.as_bytes()).await.is_err() => {
                // Its last line says why, and is on its way.
                core::future::pending::<()>().await;
            }
            Ok(_) => {}
            Err(end) => return end,
        }
    }
}

/// The next text frame. Answers to pings count as life.
async fn frame(stream: &mut SplitStream<WebSocketStream<TokioIo<Upgraded>>>) -> Result<Utf8Bytes, End> {
    loop {
        let Some(next) = within(IDLE, stream.next()).await else {
            return Err(End::Closed(CloseCode::Away, "nothing was heard for too long"));
        };
        match next {
            Some(Ok(Message::Text(text))) => return Ok(text),
            Some(Ok(Message::Binary(_))) => {
                return Err(End::Closed(CloseCode::Unsupported, "a request is a text frame"));
            }
            Some(Ok(Message::Close(_)) | Err(tungstenite::Error::ConnectionClosed)) | None => {
                return Err(End::Gone);
            }
            Some(Ok(_)) => {}
            Some(Err(tungstenite::Error::Capacity(_))) => {
                return Err(End::Closed(CloseCode::Size, "the request is too long"));
            }
            Some(Err(tungstenite::Error::Utf8(_))) => {
                return Err(End::Closed(CloseCode::Invalid, "a request is UTF-8"));
            }
            Some(Err(tungstenite::Error::Protocol(_))) => {
                return Err(End::Closed(CloseCode::Protocol, "no frame of RFC 6455"));
            }
            Some(Err(_)) => return Err(End::Gone),
        }
    }
}

fn text(line: Bytes) -> Option<Message> {
    Utf8Bytes::try_from(line).ok().map(Message::Text)
}

const TOKEN_RIGHT: &str = r#"a token is needed: in the first frame, {"token":"..."}, within 10 s"#;
const UPGRADE_PATIENCE: Duration = Duration::from_secs(10);
const TOKEN_PATIENCE: Duration = Duration::from_secs(10);
const LAST_WORDS_PATIENCE: Duration = Duration::from_secs(2);
/// A browser that is there answers a ping.
const PING_EVERY: Duration = Duration::from_secs(30);
/// Two pings unanswered, half a frame, or a machine asleep.
const IDLE: Duration = Duration::from_secs(90);
/// A daemon gives a program up after 60 s in which it read nothing; its place here is free soon after.
const SEND_PATIENCE: Duration = Duration::from_secs(90);
/// Lines are gathered up to this before they go out, as long as more are there.
const WRITE_BYTES: usize = 16 * 1024;
/// Of one line at most, and those gathered before it.
const MOST_UNSENT: usize = 2 * 1024 * 1024;
