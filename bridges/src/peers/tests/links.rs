//! Links between peers that are named.

use futures_util::future::join_all;

use super::super::records::Hello;
use super::raw::{Raw, beat};
use super::*;

#[tokio::test]
async fn a_message_told_at_one_unit_is_heard_at_the_other() {
    let [first, second] = pair().await;
    let mut listener = first.hub.listen();
    let hazard = message(Class::D3, 0);
    second.tell(&hazard);
    let heard = heard(&mut listener).await;
    assert_eq!((heard.from.as_str(), heard.message.frame()), ("unit-2", hazard.frame()));
    first.connected(2).await;
    let status = second.until(1, |peer| peer["sent_streams"] == 1).await;
    assert_eq!((&status["path"], &status["state"]), (&"direct".into(), &"connected".into()), "{status}");
}

#[tokio::test]
async fn what_is_soon_over_goes_as_a_datagram_and_what_is_longer_than_one_by_a_stream() {
    let first = unit(1, settings(vec![peer(2, Vec::new())])).await;
    // Takes datagrams as short as those of a path at its smallest.
    let raw = Raw::with_datagrams(2, 1200).await;
    let (connection, send, _receive) = raw.call(&first, Hello::default()).await;
    let beats = tokio::spawn(beat(send));
    let (short, long) = (message(Class::D1, 0), longest(Class::D1));
    first.tell(&short);
    assert_eq!(connection.read_datagram().await.unwrap(), short.frame());
    first.tell(&long);
    let mut stream = connection.accept_uni().await.unwrap();
    assert_eq!(stream.read_to_end(MAX_FRAME).await.unwrap(), **long.frame());
    let hazard = message(Class::D3, 0);
    first.tell(&hazard);
    let mut stream = connection.accept_uni().await.unwrap();
    assert_eq!(stream.read_to_end(MAX_FRAME).await.unwrap(), **hazard.frame(), "what must arrive");
    let status = first.until(2, |peer| peer["sent_streams"] == 2).await;
    assert_eq!(status["sent_datagrams"], 1, "{status}");
    beats.abort();
}

#[tokio::test]
async fn of_two_bridges_that_dial_each_other_at_once_one_connection_stays() {
    // Both addresses are known before either endpoint is there.
    let sockets = [0, 0].map(|_| std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
    let [a, b] = sockets.each_ref().map(|socket| socket.local_addr().unwrap());
    drop(sockets);
    let settings =
        |own, seed, other| PeersSettings { listen: vec![own], ..settings(vec![peer(seed, vec![other])]) };
    let (first, second) = tokio::join!(unit(1, settings(a, 2, b)), unit(2, settings(b, 1, a)));
    let [mut at_first, mut at_second] = [&first, &second].map(|unit| unit.hub.listen());
    for _ in 0..20 {
        let [there, back] = [message(Class::D3, 0), message(Class::D3, 0)];
        first.tell(&there);
        second.tell(&back);
        assert_eq!(heard(&mut at_second).await.message.frame(), there.frame());
        assert_eq!(heard(&mut at_first).await.message.frame(), back.frame());
    }
    let beats = |peer: &Value| peer["heartbeats"].as_u64() > Some(1) && peer["state"] == "connected";
    let (of_second, of_first) = tokio::join!(first.until(2, beats), second.until(1, beats));
    assert_eq!((&of_second["silences"], &of_first["silences"]), (&0.into(), &0.into()));
}

#[tokio::test]
async fn what_waits_for_a_peer_that_is_away_goes_when_it_comes() {
    let first = unit(1, settings(vec![peer(2, Vec::new())])).await;
    let waiting: Vec<AirMessage> = (0..20).map(|_| message(Class::D3, 0)).collect();
    waiting.iter().for_each(|message| first.tell(message));
    assert_eq!((&first.of(2)["waiting"], &first.of(2)["state"]), (&20.into(), &"waiting".into()));
    let second = unit(2, settings(vec![peer(1, first.peers.addresses())])).await;
    let mut listener = second.hub.listen();
    let mut got = Vec::new();
    for _ in &waiting {
        got.push(heard(&mut listener).await.message.frame().clone());
    }
    // By a stream each: in any order.
    got.sort();
    let mut sent: Vec<Bytes> = waiting.iter().map(|message| message.frame().clone()).collect();
    sent.sort();
    assert_eq!(got, sent);
}

#[tokio::test]
async fn a_peer_that_was_started_again_is_linked_again_at_once_and_nothing_is_lost() {
    let first = unit(1, settings(vec![peer(2, Vec::new())])).await;
    let again = || settings(vec![peer(1, first.peers.addresses())]);
    let second = unit(2, again()).await;
    first.connected(2).await;
    // Gone without a word: its endpoint says nothing.
    drop(second);
    let hazard = message(Class::D3, 0);
    first.tell(&hazard);
    let second = unit(2, again()).await;
    let mut listener = second.hub.listen();
    assert_eq!(heard(&mut listener).await.message.frame(), hazard.frame());
    assert!(first.of(2)["connections"].as_u64() >= Some(2), "{}", first.of(2));
}

#[tokio::test]
async fn only_what_the_other_side_takes_is_sent() {
    let mut wants = peer(2, Vec::new());
    wants.terms.receive = Selection { classes: vec![Class::D5], types: None, area: None };
    let first = unit(1, settings(vec![wants])).await;
    let second = unit(2, settings(vec![peer(1, first.peers.addresses())])).await;
    second.connected(1).await;
    let mut listener = first.hub.listen();
    second.tell(&message(Class::D3, 0));
    let background = message(Class::D5, 0);
    second.tell(&background);
    assert_eq!(heard(&mut listener).await.message.frame(), background.frame());
    let status = second.of(1);
    assert_eq!(status["not_wanted"], 1, "{status}");
    assert_eq!(first.of(2)["dropped"]["not_selected"], 0);
}

#[tokio::test]
async fn messages_within_the_budget_all_arrive_and_the_sender_waits_for_it() {
    let mut slow = peer(1, Vec::new());
    slow.terms.budget.messages_s = 40;
    let first = unit(1, settings(vec![peer(2, Vec::new())])).await;
    slow.addresses = first.peers.addresses();
    let second = unit(2, settings(vec![slow])).await;
    let mut listener = first.hub.listen();
    for _ in 0..60 {
        second.tell(&message(Class::D3, 0));
    }
    for _ in 0..60 {
        heard(&mut listener).await;
    }
    let status = second.until(1, |peer| peer["sent_streams"] == 60).await;
    assert!(status["held_back"].as_u64() > Some(0), "{status}");
}

#[tokio::test]
async fn many_peers_of_one_unit_each_get_a_message_once() {
    let seeds: Vec<u8> = (10..22).collect();
    let centre = unit(1, settings(seeds.iter().map(|seed| peer(*seed, Vec::new())).collect())).await;
    let units =
        join_all(seeds.iter().map(|seed| unit(*seed, settings(vec![peer(1, centre.peers.addresses())]))))
            .await;
    let mut listeners: Vec<_> = units.iter().map(|unit| unit.hub.listen()).collect();
    let hazard = message(Class::D3, 0);
    centre.tell(&hazard);
    for listener in &mut listeners {
        assert_eq!(heard(listener).await.message.frame(), hazard.frame());
    }
    for (unit, seed) in units.iter().zip(&seeds) {
        unit.connected(1).await;
        centre.until(*seed, |peer| peer["sent_streams"] == 1).await;
        assert_eq!(unit.of(1)["taken"], 1);
    }
}

#[tokio::test]
async fn a_bridge_that_is_ended_tells_its_peers_at_once() {
    let [first, second] = pair().await;
    first.connected(2).await;
    second.connected(1).await;
    second.peers.close().await;
    let status = first.until(2, |peer| peer["state"] == "waiting").await;
    assert_eq!(status["silences"], 0, "{status}");
    assert!(status["last_error"].as_str().unwrap().contains("closed"), "{status}");
}

#[tokio::test]
async fn a_configuration_with_this_bridge_s_own_key_as_a_peer_is_refused() {
    let error = Peers::start(
        &settings(vec![peer(1, Vec::new())]),
        &signing_key(1),
        &Hub::new(),
        Handlers::new(),
        None,
    )
    .await;
    let error = error.unwrap_err().to_string();
    assert!(error.starts_with("peer \"unit-1\" has the key of this bridge itself"), "{error}");
}
