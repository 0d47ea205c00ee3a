use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixListener;
use v2x_proto::v1::control_request::Request;
use v2x_proto::v1::{AfarFrame, ControlAnswer, ControlRequest, WatchedMessage, control_answer};

use super::frames::FrameReader;
use super::*;

fn answer(json: &str) -> Vec<u8> {
    ControlAnswer { answer: Some(control_answer::Answer::Json(json.to_owned())) }
        .encode_length_delimited_to_vec()
}

/// A daemon of the test's own: answers the first three requests, then tells `told`, and returns what was handed in.
async fn daemon(listener: UnixListener, told: Vec<Vec<u8>>) -> Vec<Request> {
    let (stream, _) = listener.accept().await.unwrap();
    let (from, mut to) = stream.into_split();
    let mut from = BufReader::new(from);
    let mut line = String::new();
    from.read_line(&mut line).await.unwrap();
    assert_eq!(line, "{\"encoding\":\"protobuf\"}\n");
    to.write_all(b"{\"v\":1,\"ok\":true}\n").await.unwrap();
    let mut from = FrameReader::new(from);
    let mut requests = Vec::new();
    while requests.len() < 3 {
        let request: ControlRequest = from.message().await.unwrap();
        requests.push(request.request.unwrap());
        to.write_all(&answer(r#"{"v":1,"ok":true}"#)).await.unwrap();
    }
    for bytes in told {
        to.write_all(&bytes).await.unwrap();
    }
    let request: ControlRequest = from.message().await.unwrap();
    requests.push(request.request.unwrap());
    requests
}

#[tokio::test]
async fn a_daemon_tells_the_hub_and_takes_what_comes_from_afar() {
    let directory = std::env::temp_dir().join(format!("roadcast-bridge-station-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let socket = directory.join("unit.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let link = StationLink::new(StationSettings { name: "unit".to_owned(), socket });
    let hub = Hub::new();
    let broken =
        WatchedMessage { verified: true, hop_header: Bytes::from_static(&[1]), ..WatchedMessage::default() };
    let broken = ControlAnswer { answer: Some(control_answer::Answer::Message(broken)) };
    let told = vec![
        broken.encode_length_delimited_to_vec(),
        answer(r#"{"v":1,"watch":"afar","peer":3,"message":"a","outcome":"aired"}"#),
        answer(r#"{"v":1,"watch":"afar","peer":3,"message":"b","outcome":"dropped","reason":"stale"}"#),
        answer(r#"{"v":1,"watch":"lost","of":"messages","changes":7}"#),
        answer(r#"{"v":1,"ok":false,"reason":"afar_budget","error":"too many"}"#),
    ];
    let serve = tokio::spawn(Arc::clone(&link).run(hub.clone()));
    let daemon = tokio::spawn(daemon(listener, told));
    while link.counts().refused == 0 {
        tokio::task::yield_now().await;
    }
    let craft = testkit::craft::Crafter::station(3);
    let fields = craft.fields_in(v2x_proto::Class::D3, v2x_core::Instant::ZERO);
    let frame: Bytes = craft.full(&fields);
    let end = hub.attach(crate::hub::EndSettings {
        name: "peer".to_owned(),
        send: crate::select::Selection::default(),
        receive: crate::select::Selection::default(),
        budget: crate::budget::BudgetLimits { messages_s: 10, bytes_s: 10_000 },
        queue: 1,
    });
    let now = v2x_core::WireTime::from_micros(fields.generation_time_us);
    end.hand_in_at(frame.clone(), Duration::ZERO, now).unwrap();
    let requests = daemon.await.unwrap();
    assert_eq!(requests[0], Request::Json(r#"{"rights":"declare"}"#.to_owned()));
    assert_eq!(requests[3], Request::Afar(AfarFrame { frame, peer: end.number().into() }));
    let counts = link.counts();
    assert_eq!((counts.told, counts.unreadable, counts.lost), (1, 1, 7));
    assert_eq!((counts.handed_in, counts.refused, counts.aired, counts.dropped), (1, 1, 1, 1));
    serve.abort();
    std::fs::remove_dir_all(&directory).unwrap();
}

#[tokio::test]
async fn bytes_that_are_no_messages_end_the_connection_with_a_reason() {
    for bytes in [vec![0xff; 64], vec![0xff, 0xff, 0xff, 0x7f], vec![3, 1, 2, 3]] {
        let (mut to, from) = tokio::io::duplex(256);
        to.write_all(&bytes).await.unwrap();
        drop(to);
        let error = FrameReader::new(from).message::<ControlAnswer>().await.unwrap_err();
        assert!(matches!(error, StationError::Protocol(_)), "{error}");
    }
    let (to, mut from) = tokio::io::duplex(16);
    drop(to);
    assert_eq!(from.read_u8().await.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
}
