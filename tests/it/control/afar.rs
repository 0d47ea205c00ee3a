//! Frames from afar, handed in at a daemon's socket, and what its programs are told of them.

use testkit::craft::{self, Crafter};
use v2x_api::{AfarFrame, AnsweredMessage, ClientError, MessageFilter};
use v2x_core::limits;
use v2x_proto::envelope::{SignedView, SignerRef, TbsRepr};
use v2x_proto::v1::control_answer::Answer as Answered;

use super::publish::{Wire, near, pedestrian};
use super::*;

/// A probe in the background of a station that no daemon here hears.
fn background(by: &Crafter) -> AfarFrame {
    let fields = by.fields(v2x_core::Instant::from_millis(1));
    let fields = TbsRepr {
        message_type: v1::MessageType::Echo as u32,
        class: Class::D5,
        lifetime_ms: 60_000,
        payload: craft::ECHO,
        ..fields
    };
    AfarFrame::new(by.full(&fields), 7).unwrap()
}

#[test]
fn a_frame_handed_in_is_delivered_and_each_outcome_is_told_with_its_peer() {
    near("afar", ALL, async |mut daemons, [a, _]| {
        let far = Crafter::station(40);
        let digest = far.digest.to_string();
        let (heard, outcomes, stats, status) = serve(&mut daemons, move || {
            let watch = MessageFilter::default();
            let mut messages = Client::connect(&a).unwrap().watch_messages(watch).unwrap();
            let mut outcomes = Client::connect(&a).unwrap().watch_afar().unwrap();
            let mut bridge = Client::connect(&a).unwrap();
            let frame = background(&far);
            bridge.hand_in(&frame).unwrap();
            let heard = messages.next_change().unwrap();
            let first = outcomes.next_change().unwrap();
            bridge.hand_in(&AfarFrame { peer: 9, ..frame }).unwrap();
            bridge
                .hand_in(&AfarFrame::new(far.full(&far.fields(v2x_core::Instant::ZERO)), 65_535).unwrap())
                .unwrap();
            let others = [(); 2].map(|()| outcomes.next_change().unwrap());
            (heard, [&[first][..], &others].concat(), bridge.stats().unwrap(), bridge.status().unwrap())
        })
        .await;
        let Some(AnsweredMessage::Whole(heard)) = heard.message else { panic!("{heard:?}") };
        assert_eq!((&heard.signer, heard.afar, heard.afar_peer), (&digest, true, Some(7)));
        assert_eq!((heard.link_address, heard.verified), (None, true));
        let told: Vec<_> = outcomes
            .into_iter()
            .map(|line| (line.outcome.unwrap(), line.peer.unwrap(), line.reason, line.message))
            .collect();
        let name = Some(AnsweredMessage::Name(heard.message));
        let because = |reason: &str| Some(reason.to_owned());
        assert_eq!(told[0], ("delivered".to_owned(), 7, None, name.clone()));
        assert_eq!(told[1], ("dropped".to_owned(), 9, because("replayed"), name));
        assert_eq!(told[2], ("dropped".to_owned(), 65_535, because("not_from_afar"), None));
        assert_eq!((stats.afar.received, stats.afar.delivered, stats.afar.dropped), (3, 1, 2));
        assert!(stats.afar.drops["replayed"] == 1 && stats.afar.age_p50_us.is_some());
        assert_eq!(
            (&stats.report["frames"]["received"], &stats.report["afar"]["received"]),
            (&0.into(), &3.into())
        );
        assert_eq!((status.frames_received, status.neighbours, status.afar), (0, 0, Some(stats.afar)));
    });
}

#[test]
fn in_protobuf_frames_go_in_as_they_are_and_messages_come_with_their_signers_credentials() {
    near("credential", ALL, async |mut daemons, [a, b]| {
        let credential = daemons[0].station.node().pool().active().credential().clone();
        let far = Crafter::station(40);
        let (forms, [answer, heard]) = serve(&mut daemons, {
            let frame = background(&far);
            move || {
                let mut with = Wire::open(&b);
                with.ask(r#"{"messages":"watch","credential":true}"#);
                let mut without = Wire::open(&b);
                without.ask(r#"{"messages":"watch"}"#);
                let mut own = Wire::open(&a);
                own.ask(r#"{"messages":"watch","own":true,"credential":true}"#);
                let mut client = Client::connect(&a).unwrap();
                let mut forms = Vec::new();
                // Beacons are off: the first message shows the credential, and the next ones its digest for a while.
                for _ in 0..3 {
                    client.publish(&pedestrian()).unwrap();
                    forms.push([&mut with, &mut without, &mut own].map(|wire| signed(wire.next().unwrap())));
                }
                let request = v1::AfarFrame { frame: frame.frame, peer: u32::from(frame.peer) };
                let request = Some(v1::control_request::Request::Afar(request));
                with.send(&v1::ControlRequest { request });
                let answers = [with.next().unwrap(), with.next().unwrap()];
                (forms, answers)
            }
        })
        .await;
        let names = |bytes: &[u8]| matches!(SignedView::parse(bytes).unwrap().signer, SignerRef::Credential(it) if it == credential);
        assert!(forms.iter().any(|[_, without, _]| !names(without)), "some name it by digest");
        for [with, without, own] in &forms {
            assert!(names(with) && names(own));
            let [with, without] = [with, without].map(|bytes| SignedView::parse(bytes).unwrap());
            assert_eq!((with.tbs, with.signature), (without.tbs, without.signature));
        }
        assert_eq!(answer, Answered::Json(r#"{"v":1,"ok":true}"#.to_owned()));
        let Answered::Message(heard) = heard else { panic!("{heard:?}") };
        assert_eq!((heard.afar_peer, heard.link_address.len()), (Some(7), 0));
        assert_eq!(heard.signer.as_ref(), &far.digest.0);
    });
}

fn signed(answer: Answered) -> bytes::Bytes {
    match answer {
        Answered::Message(message) => message.signed_message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_may_only_read_hands_in_nothing_and_what_is_too_much_is_refused_at_once() {
    near("budget", ALL, async |mut daemons, [a, _]| {
        let (missing, refused, stats) = serve(&mut daemons, move || {
            let far = Crafter::station(40);
            let mut reader = Client::connect(&a).unwrap();
            reader.lower_rights(Right::Read).unwrap();
            let missing = reader.hand_in(&background(&far)).unwrap_err();
            let mut bridge = Client::connect(&a).unwrap();
            // However slow the machine: far more than the rate lets through while they are written.
            let frame = background(&far);
            let mut refused = 0;
            while refused == 0 {
                for _ in 0..200 {
                    bridge.send(&Request::Afar(frame.clone()).into()).unwrap();
                }
                let answers = (0..200).map(|_| bridge.receive().unwrap());
                refused = answers.filter(|answer| answer.reason.as_deref() == Some("afar_budget")).count();
            }
            (missing, refused as u64, bridge.stats().unwrap().afar)
        })
        .await;
        assert!(matches!(missing, ClientError::Refused { reason, .. } if reason == "right_missing"));
        assert!(stats.drops["afar_budget"] >= refused, "{stats:?}");
        assert_eq!(
            (stats.received, stats.dropped),
            (stats.delivered + stats.dropped, stats.drops.values().sum())
        );
        assert!(limits::AFAR_BURST > 1);
    });
}
