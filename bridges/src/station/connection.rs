//! One connection to a daemon.

use prost::Message as _;
use serde_json::Value;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use v2x_core::WireTime;
use v2x_proto::v1::control_request::Request;
use v2x_proto::v1::{AfarFrame, ControlAnswer, ControlRequest, WatchedMessage, control_answer};

use super::error::StationError;
use super::frames::FrameReader;
use super::link::StationLink;
use crate::hub::{HandIn, Hub};
use crate::message::AirMessage;

/// Serves one connection until it ends: the reason.
pub async fn serve(link: &StationLink, hub: &Hub, now: impl Fn() -> WireTime + Copy) -> StationError {
    match connect(link, hub, now).await {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

async fn connect(
    link: &StationLink,
    hub: &Hub,
    now: impl Fn() -> WireTime + Copy,
) -> Result<core::convert::Infallible, StationError> {
    let stream = UnixStream::connect(&link.settings().socket).await.map_err(StationError::NoDaemon)?;
    let (from, mut to) = stream.into_split();
    let mut from = FrameReader::new(from);
    to.write_all(b"{\"encoding\":\"protobuf\"}\n").await.map_err(StationError::Lost)?;
    let greeting = from.line().await?;
    accepted(&greeting)?;
    for request in REQUESTS {
        send(&mut to, Request::Json(request.to_owned())).await?;
        answer(&mut from, link, hub, now).await?;
    }
    link.connected();
    let mut frames = hub.station(now());
    let tell = async {
        loop {
            if let Some(line) = told(&mut from, link, hub, now).await? {
                note(&line, link);
            }
        }
    };
    let hand_in = async {
        loop {
            let HandIn { frame, end, .. } = frames.recv().await;
            link.count(|counts| counts.handed_in += 1);
            send(&mut to, Request::Afar(AfarFrame { frame, peer: end.into() })).await?;
        }
    };
    tokio::select! {
        ended = tell => ended,
        ended = hand_in => ended,
    }
}

/// What a bridge asks for first, each with an `id` of its own that no frame's answer has.
const REQUESTS: [&str; 3] = [
    r#"{"rights":"declare"}"#,
    r#"{"messages":"watch","own":true,"credential":true}"#,
    r#"{"afar":"watch"}"#,
];

async fn send(to: &mut (impl AsyncWrite + Unpin), request: Request) -> Result<(), StationError> {
    let request = ControlRequest { request: Some(request) }.encode_length_delimited_to_vec();
    to.write_all(&request).await.map_err(StationError::Lost)
}

/// The answer to a request that must be accepted; messages that come before it are told.
async fn answer(
    from: &mut FrameReader<OwnedReadHalf>,
    link: &StationLink,
    hub: &Hub,
    now: impl Fn() -> WireTime,
) -> Result<(), StationError> {
    loop {
        if let Some(answer) = told(from, link, hub, &now).await?
            && answer.get("ok").is_some()
        {
            return accepted(answer.to_string().as_bytes());
        }
    }
}

fn accepted(answer: &[u8]) -> Result<(), StationError> {
    let answer: Value =
        serde_json::from_slice(answer).map_err(|error| StationError::Protocol(error.to_string()))?;
    match answer.get("ok") {
        Some(Value::Bool(true)) => Ok(()),
        Some(Value::Bool(false)) => {
            let error = answer.get("error").or_else(|| answer.get("reason")).and_then(Value::as_str);
            Err(StationError::Refused(error.unwrap_or("without a reason").to_owned()))
        }
        _ => Err(StationError::Protocol("an answer without `ok`".to_owned())),
    }
}

/// The next thing that the daemon says: a message is told to the hub, all else returned.
async fn told(
    from: &mut FrameReader<OwnedReadHalf>,
    link: &StationLink,
    hub: &Hub,
    now: impl Fn() -> WireTime,
) -> Result<Option<Value>, StationError> {
    match from.message::<ControlAnswer>().await?.answer {
        Some(control_answer::Answer::Message(message)) => {
            tell(&message, link, hub, now());
            Ok(None)
        }
        Some(control_answer::Answer::Json(json)) => {
            serde_json::from_str(&json).map(Some).map_err(|error| StationError::Protocol(error.to_string()))
        }
        None => Ok(None),
    }
}

fn tell(watched: &WatchedMessage, link: &StationLink, hub: &Hub, now: WireTime) {
    let message = AirMessage::join(&watched.hop_header, &watched.signed_message);
    link.count(|counts| {
        counts.told += 1;
        counts.unreadable += u64::from(message.is_err());
    });
    // What was not verified is not told further as if it had been.
    if let Ok(message) = message
        && (watched.verified || watched.own)
    {
        hub.tell(&message, now);
    }
}

/// Counts what a line says of frames from afar.
fn note(line: &Value, link: &StationLink) {
    let text = |key: &str| line.get(key).and_then(Value::as_str);
    link.count(|counts| match (line.get("ok"), text("watch"), text("outcome")) {
        (Some(Value::Bool(false)), ..) => counts.refused += 1,
        (_, Some("afar"), Some("delivered")) => counts.delivered += 1,
        (_, Some("afar"), Some("aired")) => counts.aired += 1,
        (_, Some("afar"), Some("dropped")) => counts.dropped += 1,
        (_, Some("lost"), _) => counts.lost += line.get("changes").and_then(Value::as_u64).unwrap_or(1),
        _ => {}
    });
}
