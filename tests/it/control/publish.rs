//! What a program has the station send, and the second encoding of the socket.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use prost::Message as _;
use serde_json::json;
use v2x_api::{AnsweredMessage, MessageFilter, PublishRequest};
use v2x_apps::roadside::content::Intersection;
use v2x_core::{Permissions, SendingState};
use v2x_node::config::RoadsideConfig;
use v2x_node::daemon::control::publish::OwnContent;
use v2x_proto::envelope::SignedView;
use v2x_proto::payload::{self, Message};
use v2x_proto::v1::{control_answer, watched_message};

use super::*;

/// Two daemons near each other, with these permissions.
pub(super) fn near<F: Future<Output = ()>>(
    name: &str,
    permissions: Permissions,
    test: impl FnOnce([Daemon; 2], [PathBuf; 2]) -> F,
) {
    run_with(name, permissions, async |mut daemons, sockets| {
        daemons[0].drive(PLACE);
        daemons[1].drive(PLACE.moved(300.0, 0.0));
        test(daemons, sockets).await;
    });
}

pub(super) fn pedestrian() -> PublishRequest {
    Message::from(v1::Vru {
        profile: v1::VruProfile::Pedestrian as i32,
        speed: Some(120),
        ..v1::Vru::default()
    })
    .into()
}

fn asked(message_type: v1::MessageType, payload: serde_json::Value) -> PublishRequest {
    PublishRequest { message_type, payload, class: None, lifetime_ms: None, hops: None, area: None, to: None }
}

fn refused(client: &mut Client, asked: &PublishRequest) -> (String, String) {
    match client.publish(asked).unwrap_err() {
        ClientError::Refused { reason, error } => (reason, error),
        ClientError::BadRequest(error) => ("bad_request".to_owned(), error),
        other => panic!("{other}"),
    }
}

#[test]
fn a_message_of_a_program_is_heard_by_others_and_answered_when_it_left() {
    near("publish", ALL, async |mut daemons, [a, b]| {
        let digest = daemons[0].station.node().digest().to_string();
        let (published, heard) = serve(&mut daemons, move || {
            let mut watch = Client::connect(&b).unwrap().watch_messages(MessageFilter::default()).unwrap();
            let published = Client::connect(&a).unwrap().publish(&pedestrian()).unwrap();
            (published, watch.next_change().unwrap())
        })
        .await;
        assert!(published.message.starts_with(&format!("{digest}/D2/")), "{published:?}");
        assert!(published.bytes > 100 && published.sent_us > 0.0, "{published:?}");
        let Some(AnsweredMessage::Whole(heard)) = heard.message else { panic!("{heard:?}") };
        assert_eq!((&heard.message, &*heard.r#type), (&published.message, "vru"));
        let payload = heard.payload.unwrap();
        assert_eq!((&payload["profile"], &payload["speed"]), (&json!("pedestrian"), &json!(120)));
    });
}

#[test]
fn a_manifest_of_an_update_goes_from_a_unit_that_may_relay_it_to_one_without_backhaul() {
    let manifest = || {
        let signed = v1::UpdateManifest {
            target: "north".to_owned(),
            kind: v1::UpdateKind::Software as i32,
            version: 12,
            sha256: vec![7; 32].into(),
            size: 5_000_000,
            not_after_s: 800_000_000,
            operator: vec![1; 8].into(),
            signature: vec![2; 64].into(),
        };
        PublishRequest::from(Message::from(signed))
    };
    near("manifest", ALL, async |mut daemons, [a, b]| {
        let (published, heard) = serve(&mut daemons, move || {
            let types = Some(vec![v1::MessageType::UpdateManifest]);
            let filter = MessageFilter { types, ..MessageFilter::default() };
            let mut watch = Client::connect(&b).unwrap().watch_messages(filter).unwrap();
            let published = Client::connect(&a).unwrap().publish(&manifest()).unwrap();
            (published, watch.next_change().unwrap())
        })
        .await;
        assert!(published.message.contains("/D5/") && published.bytes < 600, "{published:?}");
        let Some(AnsweredMessage::Whole(heard)) = heard.message else { panic!("{heard:?}") };
        let payload = heard.payload.unwrap();
        assert_eq!((&*heard.r#type, &payload["kind"]), ("update_manifest", &json!("software")));
        assert_eq!((&payload["version"], &payload["sha256"]), (&json!(12), &json!("07".repeat(32))));
    });
    near("no-relay", ALL.without(Permissions::UPDATE_RELAY), async |mut daemons, [a, _]| {
        let refusal =
            serve(&mut daemons, move || refused(&mut Client::connect(&a).unwrap(), &manifest())).await;
        assert_eq!(refusal.0, "publish_not_permitted");
        assert!(refusal.1.contains("the permission update-relay"), "{}", refusal.1);
    });
}

#[test]
fn what_is_not_a_program_s_to_say_is_refused_with_how_to_say_it() {
    near("not-yours", ALL, async |mut daemons, [a, _]| {
        let config = RoadsideConfig {
            intersections: vec![Intersection {
                map: vec![v1::IntersectionMap::default()],
                groups: vec![1],
                ..Intersection::planned(18, PLACE, Vec::new())
            }],
            signs: vec![v1::SignInfo { sign_id: 4, ..v1::SignInfo::default() }],
            ..RoadsideConfig::default()
        };
        daemons[0].control.leave_to_the_station(OwnContent::of(&config));
        serve(&mut daemons, move || {
            use v1::MessageType as T;
            let mut client = Client::connect(&a).unwrap();
            for (message_type, hint) in [
                (T::Awareness, "the station sends beacons itself"),
                (T::Hazard, "declare it with {\"hazard\":\"new\""),
                (T::PriorityRequest, "ask with {\"priority\":\"request\""),
                (T::CredentialRequest, "the station exchanges credentials itself"),
                (T::CredentialResponse, "the station exchanges credentials itself"),
                (T::RevocationDelta, "[revocation] files"),
                (T::MisbehaviourReport, "the station reports what it finds itself"),
            ] {
                let (reason, error) = refused(&mut client, &asked(message_type, json!({})));
                assert_eq!(reason, "publish_not_yours");
                assert!(error.contains(hint), "{error}");
            }
            let state = |id| {
                let group = json!({"group": 1, "phase": "stop_and_remain"});
                let payload = json!({"intersection_id": id, "state_time_us": 5, "groups": [group]});
                asked(T::SignalState, payload)
            };
            let sign = |id| asked(T::SignInfo, json!({"sign_id": id, "signs": [{"code": 7}]}));
            for own in [state(18), sign(4), asked(T::PriorityStatus, json!({"intersection_id": 18}))] {
                let (reason, error) = refused(&mut client, &own);
                assert_eq!(reason, "publish_not_yours");
                assert!(error.contains("by its configuration ([roadside], "), "{error}");
            }
            for others in [state(19), sign(5)] {
                client.publish(&others).unwrap();
            }
        })
        .await;
    });
}

#[test]
fn what_is_wrong_with_a_message_is_named_and_nothing_is_sent() {
    near("wrong", ALL.without(Permissions::PERCEPTION), async |mut daemons, [a, _]| {
        let before = daemons[0].station.node().counters();
        serve(&mut daemons, move || {
            use v1::MessageType as T;
            let mut client = Client::connect(&a).unwrap();
            let pedestrian = pedestrian();
            let padded = |bytes| asked(T::Echo, json!({"padding": "00".repeat(bytes)}));
            for (asked, name, text) in [
                (
                    asked(T::Perception, json!({"measurement_time_us": 5})),
                    "publish_not_permitted",
                    "the permission perception: issue one with --also perception",
                ),
                (
                    asked(T::Vru, json!({"speed": 16_383})),
                    "bad_request",
                    "payload: field `speed` is out of its range",
                ),
                (
                    asked(T::Vru, json!({"sped": 1})),
                    "bad_request",
                    "payload: `vru.sped` is not known; there are profile, ",
                ),
                (
                    asked(T::Vru, json!({"profile": "dog"})),
                    "bad_request",
                    "`vru.profile` is \"dog\", and must be one of unspecified, pedestrian",
                ),
                (
                    PublishRequest { class: Some(Class::D0), ..pedestrian.clone() },
                    "bad_request",
                    "class: found D0; vru goes in D2",
                ),
                (
                    PublishRequest { lifetime_ms: Some(1_001), ..pedestrian.clone() },
                    "bad_request",
                    "lifetime_ms: found 1001; a message of D2 lives at most 1000 ms",
                ),
                (
                    PublishRequest { hops: Some(2), ..pedestrian.clone() },
                    "bad_request",
                    "hops: found 2; a message of D2 makes 1 to 1",
                ),
                (padded(1_001), "bad_request", "field `padding` has more than 1000 entries"),
            ] {
                let (found, error) = refused(&mut client, &asked);
                assert_eq!(found, name, "{error}");
                assert!(error.contains(text), "{error}");
            }
        })
        .await;
        assert_eq!(daemons[0].station.node().counters(), before);
    });
}

#[test]
fn a_message_that_fits_no_frame_is_refused_with_the_frame_s_length() {
    near("long", ALL, async |mut daemons, [a, _]| {
        serve(&mut daemons, move || {
            let mut client = Client::connect(&a).unwrap();
            let rtcm = json!({"rtcm": ["d3".repeat(700), "d3".repeat(700)]});
            let (reason, error) = refused(&mut client, &asked(v1::MessageType::GnssCorrection, rtcm));
            assert_eq!(reason, "send_too_long");
            assert!(error.contains("a frame of 1398 bytes"), "{error}");
        })
        .await;
    });
}

#[test]
fn at_the_wrong_time_a_message_is_refused_with_what_is_missing() {
    run("blocked", async |mut daemons, [a, b]| {
        let wire = daemons[1].station.node().anchor().wire_at(monotonic());
        daemons[1].drive(PLACE);
        daemons[1].input(Input::Clock { wire, state: ClockState::Untrusted });
        assert_eq!(daemons[1].station.node().sending(), SendingState::ClockUntrusted);
        serve(&mut daemons, move || {
            for (socket, now) in [(a, "no_fix"), (b, "clock_untrusted")] {
                let (reason, error) = refused(&mut Client::connect(&socket).unwrap(), &pedestrian());
                assert_eq!(reason, "sending_blocked");
                assert!(error.ends_with(&format!("(now: {now})")), "{error}");
            }
        })
        .await;
    });
}

#[test]
fn of_two_messages_on_one_subject_that_wait_the_older_is_told_that_it_was_replaced() {
    near("replaced", ALL, async |mut daemons, [socket, _]| {
        daemons[0].input(Input::Link { ready: false });
        let answers = serve(&mut daemons, move || {
            let mut programs = [1, 2].map(|number| (number, Client::connect(&socket).unwrap()));
            for (number, client) in &mut programs {
                // Its answer comes when it left or will not, so the second is asked before the first is answered.
                let request = Request::Publish(Box::new(pedestrian()));
                client.send(&Call { id: Some(RequestId::Number(*number)), request }).unwrap();
                // Another's answer shows that it was taken.
                Client::connect(&socket).unwrap().ask(&Request::Status).unwrap();
            }
            programs.map(|(_, mut client)| client.receive().unwrap())
        })
        .await;
        let reasons = answers.each_ref().map(|answer| answer.reason.as_deref().unwrap());
        // The link stays full, and so the second one's time runs out.
        assert_eq!(reasons, ["send_replaced", "send_expired"]);
    });
}

#[test]
fn a_client_that_went_away_loses_its_answer_and_its_message_is_sent() {
    near("gone", ALL, async |mut daemons, [a, b]| {
        let heard = serve(&mut daemons, move || {
            let mut watch = Client::connect(&b).unwrap().watch_messages(MessageFilter::default()).unwrap();
            let mut client = Client::connect(&a).unwrap();
            client.send(&Request::Publish(Box::new(pedestrian())).into()).unwrap();
            drop(client);
            let heard = watch.next_change().unwrap();
            Client::connect(&a).unwrap().publish(&pedestrian()).unwrap();
            heard
        })
        .await;
        assert!(matches!(heard.message, Some(AnsweredMessage::Whole(message)) if message.r#type == "vru"));
    });
}

/// A connection in the second encoding.
pub(super) struct Wire {
    stream: UnixStream,
    held: Vec<u8>,
}

impl Wire {
    pub(super) fn open(socket: &Path) -> Self {
        let mut stream = UnixStream::connect(socket).unwrap();
        stream.write_all(b"{\"encoding\":\"protobuf\"}\n").unwrap();
        let mut first = [0; 17];
        stream.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"{\"v\":1,\"ok\":true}");
        let mut end = [0; 1];
        stream.read_exact(&mut end).unwrap();
        Self { stream, held: Vec::new() }
    }

    pub(super) fn ask(&mut self, json: &str) -> String {
        let request = Some(v1::control_request::Request::Json(json.to_owned()));
        self.send(&v1::ControlRequest { request });
        self.json()
    }

    pub(super) fn send(&mut self, request: &v1::ControlRequest) {
        self.stream.write_all(&request.encode_length_delimited_to_vec()).unwrap();
    }

    fn json(&mut self) -> String {
        match self.next() {
            Some(control_answer::Answer::Json(json)) => json,
            other => panic!("{other:?}"),
        }
    }

    /// The next answer; `None` at the end.
    pub(super) fn next(&mut self) -> Option<control_answer::Answer> {
        loop {
            let mut rest = self.held.as_slice();
            if let Ok(answer) = v1::ControlAnswer::decode_length_delimited(&mut rest) {
                let left = rest.len();
                self.held.drain(..self.held.len() - left);
                return answer.answer;
            }
            let mut bytes = [0; 512];
            match self.stream.read(&mut bytes).unwrap() {
                0 => return None,
                read => self.held.extend_from_slice(&bytes[..read]),
            }
        }
    }
}

#[test]
fn in_protobuf_a_watched_message_has_the_bytes_that_were_signed_and_all_else_is_json() {
    near("protobuf", ALL, async |mut daemons, [a, b]| {
        let digest = daemons[0].station.node().digest();
        let (published, status, watched, without) = serve(&mut daemons, move || {
            let mut wire = Wire::open(&b);
            let status = wire.ask(r#"{"station":"status","id":"s"}"#);
            let started = wire.ask(r#"{"messages":"watch","id":7}"#);
            assert_eq!(started, r#"{"v":1,"id":7,"ok":true,"watch":"started"}"#);
            let mut without = Wire::open(&b);
            without.ask(r#"{"messages":"watch","payload":false}"#);
            let published = Client::connect(&a).unwrap().publish(&pedestrian()).unwrap();
            (published, status, wire.next().unwrap(), without.next().unwrap())
        })
        .await;
        assert!(status.starts_with(r#"{"v":1,"id":"s","ok":true,"status":{"#), "{status}");
        let control_answer::Answer::Message(watched) = watched else { panic!("{watched:?}") };
        assert_eq!(watched.id, Some(watched_message::Id::IdNumber(7)));
        assert_eq!((watched.signer.as_ref(), watched.r#type()), (&digest.0[..], v1::MessageType::Vru));
        assert_eq!(published.message, format!("{digest}/D2/{}", watched.sequence));
        assert_eq!((watched.hops, watched.verified, watched.own), (1, true, false));
        assert_eq!(watched.standing(), v1::MessageStanding::Trusted);
        assert_eq!(watched.link_address.as_ref(), testkit::address(1));
        assert!(watched.distance_cm.is_some_and(|cm| (29_900..30_100).contains(&cm)), "{watched:?}");
        assert!(watched.stages.iter().any(|stage| stage.name == "verified_to_delivered"), "{watched:?}");
        let signed = SignedView::parse(&watched.signed_message).unwrap();
        let fields = v2x_proto::envelope::TbsView::parse(signed.tbs).unwrap();
        let said = payload::decode(fields.message_type, fields.payload.to_vec().into()).unwrap();
        assert!(matches!(said, Message::Vru(vru) if vru.speed == Some(120)));
        let length = watched.hop_header.len() + watched.signed_message.len();
        assert_eq!((watched.hop_header.len(), length as u64), (12, published.bytes));
        let control_answer::Answer::Message(without) = without else { panic!("{without:?}") };
        assert_eq!((without.sequence, without.id), (watched.sequence, None));
        assert!(without.signed_message.is_empty() && without.hop_header.is_empty());
    });
}

#[test]
fn what_is_no_protobuf_is_answered_and_ends_the_connection() {
    near("garbage", ALL, async |mut daemons, [socket, _]| {
        serve(&mut daemons, move || {
            for (garbage, text) in [
                (&b"\x05hello"[..], "no ControlRequest after its length"),
                (&[0xff; 64], "longer than 16384 bytes"),
            ] {
                let mut wire = Wire::open(&socket);
                wire.stream.write_all(garbage).unwrap();
                let said = wire.json();
                assert!(said.contains("bad_request") && said.contains(text), "{said}");
                assert_eq!(wire.next(), None);
            }
            let mut cut = Wire::open(&socket);
            cut.stream.write_all(&[9, 0x0a]).unwrap();
            cut.stream.shutdown(Shutdown::Write).unwrap();
            assert!(cut.json().contains("the connection ended within a request"));
            // Within its bounds, it is only a bad request.
            let mut wire = Wire::open(&socket);
            assert!(wire.ask("{").contains("no JSON at column"));
            assert!(wire.ask(r#"{"encoding":"json"}"#).contains("the first line chooses it"));
            assert!(wire.ask(r#"{"encoding":"protobuf"}"#).contains("\"ok\":true"));
            assert!(wire.ask(r#"{"hazard":"list"}"#).contains("\"hazards\":[]"));
            let mut late = Client::connect(&socket).unwrap();
            late.ask(&Request::Status).unwrap();
            let late = late.ask(&Request::Encoding(v2x_api::Encoding::Protobuf)).unwrap_err();
            assert!(late.to_string().contains("the first line chooses it"), "{late}");
        })
        .await;
    });
}

#[test]
fn a_position_is_taken_from_programs_only_where_that_is_configured() {
    near("fix", ALL, async |mut daemons, [socket, _]| {
        let error =
            serve(&mut daemons, move || Client::connect(&socket).unwrap().fix(None).unwrap_err()).await;
        assert!(matches!(error, ClientError::Refused { reason, .. } if reason == "fix_not_configured"));
    });
}

#[test]
fn a_message_to_one_station_is_sealed_or_refused_with_the_reason() {
    near("sealed", ALL, async |mut daemons, [a, b]| {
        let there = daemons[1].station.node().digest();
        let (keyless, nobody) = serve(&mut daemons, move || {
            let mut client = Client::connect(&a).unwrap();
            // The other's beacons, and with them its credential, have to be heard first.
            let mut watch = Client::connect(&a).unwrap().watch_messages(MessageFilter::default()).unwrap();
            Client::connect(&b).unwrap().publish(&pedestrian()).unwrap();
            watch.next_change().unwrap();
            let echo = asked(v1::MessageType::Echo, json!({"token": 7}));
            let to = |station| PublishRequest { to: Some(station), ..echo.clone() };
            let keyless = refused(&mut client, &to(there));
            let nobody = refused(&mut client, &to(Digest([9; 8])));
            let (reason, error) = refused(&mut client, &PublishRequest { to: Some(there), ..pedestrian() });
            assert_eq!(reason, "bad_request");
            assert!(error.contains("to: a message to one station goes in D4 or D5"), "{error}");
            let sealed = refused(&mut client, &asked(v1::MessageType::Confidential, json!({})));
            assert_eq!(sealed.0, "publish_not_yours");
            (keyless, nobody)
        })
        .await;
        assert_eq!(keyless.0, "no_encryption_key", "{}", keyless.1);
        assert!(keyless.1.contains("roadcast keys issue --encryption"), "{}", keyless.1);
        assert_eq!(nobody.0, "no_such_neighbour", "{}", nobody.1);
    });
}
