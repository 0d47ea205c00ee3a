//! What a program reads of a station, and watches.

use v2x_api::{AnsweredMessage, MessageFilter, Neighbour, Standing};
use v2x_core::{DropReason, Dropped, FrameHead, MessageId, Way};

use super::*;

const HERE: Position = PLACE;

fn message(answer: v2x_api::Answer) -> v2x_api::Message {
    match answer.message {
        Some(AnsweredMessage::Whole(message)) => *message,
        other => panic!("{other:?}"),
    }
}

/// The accident that the second daemon declares.
fn declared() -> Declaration {
    Declaration { cause: Some(2), place: Some(Place::Here), quality: Some(3), ..Declaration::default() }
}

#[test]
fn a_message_is_told_with_payload_sender_stages_and_latency_to_those_whose_filter_lets_it_pass() {
    run("messages", async |mut daemons, [a, b]| {
        daemons[0].drive(HERE);
        daemons[1].drive(HERE.moved(300.0, 0.0));
        let digest = daemons[1].station.node().digest().to_string();
        let (all, own, nothing) = serve(&mut daemons, move || {
            let watch = |filter: MessageFilter| Client::connect(&a).unwrap().watch_messages(filter).unwrap();
            let mut all = watch(MessageFilter::default());
            let hazards = Some(vec![v1::MessageType::Hazard]);
            let mut own = Client::connect(&b)
                .unwrap()
                .watch_messages(MessageFilter {
                    types: hazards.clone(),
                    own: true,
                    payload: false,
                    ..MessageFilter::default()
                })
                .unwrap();
            // Matches nothing: the only line is the answer to a later request.
            let standing = Some(vec![Standing::Isolated]);
            let mut nothing = Client::connect(&a).unwrap();
            let filter = MessageFilter { types: hazards, standing, ..MessageFilter::default() };
            nothing.ask(&Request::WatchMessages(filter)).unwrap();
            Client::connect(&b).unwrap().declare(&declared()).unwrap();
            let told = (all.next_change().unwrap(), own.next_change().unwrap());
            let status = Request::Status.into();
            nothing.send(&status).unwrap();
            (told.0, told.1, nothing.receive().unwrap())
        })
        .await;
        assert!(nothing.status.is_some(), "{nothing:?}");
        assert!(all.age_us.is_some() && all.watch.as_deref() == Some("message"));
        let heard = message(all);
        let name = format!("{digest}/D3/{}", heard.sequence);
        assert_eq!((&*heard.message, &*heard.r#type, &*heard.class), (&*name, "hazard", "D3"));
        assert_eq!((&heard.signer, heard.hops, heard.own, heard.late), (&digest, 1, false, false));
        assert_eq!((heard.verified, &*heard.standing, heard.deadline_us), (true, "trusted", Some(300_000)));
        assert_eq!(heard.distance_m.map(f64::round), Some(300.0));
        assert_eq!(heard.link_address.as_deref(), Some(&*LinkAddress(testkit::address(2)).to_string()));
        assert!(heard.latency_us.unwrap() >= 0.0 && heard.generation_time_utc.starts_with("20"));
        assert!(heard.stages.contains_key("prefiltered_to_verified"), "{:?}", heard.stages);
        let payload = heard.payload.unwrap();
        assert_eq!((&payload["cause"], &payload["quality"]), (&2.into(), &3.into()), "{payload}");
        let sent = message(own);
        assert_eq!((sent.message, sent.own, sent.payload), (name, true, None));
        assert!(sent.stages.contains_key("built_to_signed") && sent.link_address.is_none());
    });
}

#[test]
fn neighbours_are_listed_whole_and_a_watch_begins_with_those_there_are() {
    run("neighbours", async |mut daemons, [a, b]| {
        daemons[0].drive(HERE);
        daemons[1].drive(HERE.moved(0.0, 100.0));
        let digest = daemons[1].station.node().digest().to_string();
        let (listed, present, updated) = serve(&mut daemons, move || {
            let mut program = Client::connect(&a).unwrap();
            let mut declares = Client::connect(&b).unwrap();
            assert_eq!(program.neighbours().unwrap(), []);
            let event = declares.declare(&declared()).unwrap();
            while program.neighbours().unwrap().is_empty() {}
            let listed = program.neighbours().unwrap();
            let mut watch = program.watch_neighbours().unwrap();
            let present = watch.next_change().unwrap();
            declares.cancel(event).unwrap();
            (listed, present, watch.next_change().unwrap())
        })
        .await;
        let Neighbour { standing, direct, signal_dbm, permissions, age_ms, distance_m, .. } = &listed[0];
        assert_eq!((listed.len(), &listed[0].digest), (1, &digest));
        assert_eq!(
            (standing.as_deref(), *direct, *signal_dbm),
            (Some("trusted"), Some(false), None),
            "a flood says nothing of who is near"
        );
        assert!(permissions.iter().any(|one| one == "awareness"), "{permissions:?}");
        assert!(age_ms.is_some() && listed[0].why.is_empty());
        assert_eq!(distance_m.map(f64::round), Some(100.0));
        let change = |answer: &v2x_api::Answer| {
            let digest = answer.neighbour.as_ref().map(|neighbour| neighbour.digest.clone());
            (answer.change.clone().unwrap(), digest)
        };
        assert_eq!(change(&present), ("present".to_owned(), Some(digest.clone())));
        assert_eq!(change(&updated), ("updated".to_owned(), Some(digest)));
    });
}

#[test]
fn a_second_watch_of_neighbours_repeats_nothing_to_the_first() {
    run("neighbours-twice", async |mut daemons, [a, b]| {
        daemons[0].drive(HERE);
        daemons[1].drive(HERE.moved(0.0, 100.0));
        let told = serve(&mut daemons, move || {
            let mut asks = Client::connect(&a).unwrap();
            let mut declares = Client::connect(&b).unwrap();
            let event = declares.declare(&declared()).unwrap();
            while asks.neighbours().unwrap().is_empty() {}
            let [mut first, mut second] = [(); 2].map(|()| {
                let mut watch = Client::connect(&a).unwrap().watch_neighbours().unwrap();
                let present = watch.next_change().unwrap().change;
                assert_eq!(present.as_deref(), Some("present"));
                watch
            });
            declares.cancel(event).unwrap();
            [&mut first, &mut second].map(|watch| watch.next_change().unwrap().change)
        })
        .await;
        assert_eq!(told, ["updated", "updated"].map(|change| Some(change.to_owned())));
    });
}

#[test]
fn a_second_watch_of_signals_repeats_nothing_to_the_first() {
    run("signals-twice", async |mut daemons, [a, _]| {
        let answer = serve(&mut daemons, move || {
            let [mut first, _second] = [(); 2].map(|()| {
                let mut watch = Client::connect(&a).unwrap();
                watch.ask(&Request::WatchSignals).unwrap();
                assert_eq!(watch.receive().unwrap().watch.as_deref(), Some("signals"));
                watch
            });
            first.send(&Request::Status.into()).unwrap();
            first.receive().unwrap()
        })
        .await;
        assert!(answer.status.is_some(), "{answer:?}");
    });
}

#[test]
fn drops_are_counted_and_sampled_with_the_start_of_the_frame() {
    run("drops", async |mut daemons, [a, _]| {
        let (refused, mut watch) = serve(&mut daemons, {
            let a = a.clone();
            move || {
                let unknown = Some(vec!["too_late".to_owned()]);
                let refused = Client::connect(&a).unwrap().watch_drops(unknown).unwrap_err().to_string();
                let reasons = Some(vec!["stale".to_owned(), "truncated".to_owned()]);
                (refused, Client::connect(&a).unwrap().watch_drops(reasons).unwrap())
            }
        })
        .await;
        assert!(
            refused.starts_with("reasons: found \"too_late\", expected some of truncated, too_long"),
            "{refused}"
        );
        let id = MessageId { signer: Digest([7; 8]), class: Class::D2, sequence: 5 };
        let mut drop = |reason, claimed| {
            daemons[0].listeners.event(&Event::Dropped(Dropped {
                reason,
                field: Some("payload"),
                link_source: [2; 6],
                claimed,
                head: FrameHead::of(&[0xab; 300]),
                signal_dbm: Some(-71),
                way: Way::Air,
            }));
        };
        for _ in 0..100 {
            drop(DropReason::Stale, Some(id));
            drop(DropReason::ExactCopy, None);
        }
        drop(DropReason::Truncated, None);
        let (told, drops) = serve(&mut daemons, move || {
            let told = [(); 5].map(|()| *watch.next_change().unwrap().drop.unwrap());
            (told, Client::connect(&a).unwrap().drops().unwrap())
        })
        .await;
        let reasons = told.each_ref().map(|drop| drop.reason.as_str());
        assert_eq!(reasons, ["stale", "stale", "stale", "stale", "truncated"]);
        let first = &told[0];
        assert_eq!((first.claimed.as_deref(), first.bytes), (Some("0707070707070707/D2/5"), Some(300)));
        assert_eq!(first.header.as_deref(), Some(&*"ab".repeat(20)));
        assert_eq!((first.signal_dbm, first.field.as_deref()), (Some(-71), Some("payload")));
        assert_eq!((drops["stale"], drops["exact_copy"], drops["truncated"]), (100, 100, 1));
    });
}

#[test]
fn figures_have_the_report_and_histograms_in_buckets() {
    run("figures", async |mut daemons, [a, b]| {
        daemons.iter_mut().for_each(|daemon| daemon.drive(HERE));
        let stats = serve(&mut daemons, move || {
            let mut program = Client::connect(&a).unwrap();
            Client::connect(&b).unwrap().declare(&declared()).unwrap();
            while program.neighbours().unwrap().is_empty() {}
            let first = program.stats().unwrap();
            assert_eq!(program.stats().unwrap().neighbours, first.neighbours, "and again");
            first
        })
        .await;
        assert_eq!((stats.neighbours, stats.hazards, stats.longest_turn_us), (1, 1, 12.5));
        assert_eq!(stats.report["frames"]["delivered"], 1);
        let delivered = &stats.histograms["D3"]["send_to_delivered"];
        assert_eq!((delivered.count, delivered.counts.last()), (1, Some(&1)));
        assert!(delivered.bounds_us.is_sorted() && delivered.counts.is_sorted());
        assert_eq!(stats.queue.send_by_class.len(), 6);
        assert_eq!((stats.position.state.as_str(), stats.clock.state.as_str()), ("known", "locked"));
        assert!(stats.control.clients >= 1);
    });
}

#[test]
fn a_reload_is_passed_on_and_takes_the_right_to_administer() {
    run("reload", async |mut daemons, [a, _]| {
        let refused = serve(&mut daemons, move || {
            let mut program = Client::connect(&a).unwrap();
            assert_eq!(program.rights().unwrap(), Right::Administer);
            program.reload().unwrap();
            assert_eq!(program.lower_rights(Right::Read).unwrap(), Right::Read);
            assert_eq!(program.signals().unwrap(), []);
            [program.reload().unwrap_err(), program.lower_rights(Right::Declare).unwrap_err()]
        })
        .await;
        let reasons = refused.map(|error| match error {
            ClientError::Refused { reason, .. } => reason,
            other => panic!("{other}"),
        });
        assert_eq!(reasons, ["right_missing", "rights_not_held"]);
        assert_eq!(daemons[0].reloads, 1);
    });
}
