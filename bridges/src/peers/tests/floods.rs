//! Peers that are let in and do not behave.

use super::super::records::Hello;
use super::raw::{Raw, beat, closed};
use super::*;

/// A peer of 100 messages a second, and a well-behaved one.
async fn with_two() -> Unit {
    let mut flooder = peer(2, Vec::new());
    flooder.terms.budget.messages_s = 100;
    unit(1, settings(vec![flooder, peer(3, Vec::new())])).await
}

#[tokio::test]
async fn a_flood_of_datagrams_is_cut_to_the_budget_and_another_peer_s_message_passes_it() {
    // Made before anybody waits for a heartbeat: signing takes its time.
    let frames: Vec<Bytes> = (0..500).map(|_| message(Class::D3, 0).frame().clone()).collect();
    let first = with_two().await;
    let good = unit(3, settings(vec![peer(1, first.peers.addresses())])).await;
    good.connected(1).await;
    let raw = Raw::new(2).await;
    let began = tokio::time::Instant::now();
    let (connection, send, _receive) = raw.call(&first, Hello::default()).await;
    let beats = tokio::spawn(beat(send));
    let flood = tokio::spawn(async move {
        for frame in frames.iter().cycle().take(20_000) {
            if connection.send_datagram_wait(frame.clone()).await.is_err() {
                break;
            }
        }
        connection
    });
    first.until(2, |peer| peer["dropped"]["over_budget"].as_u64() > Some(0)).await;
    let mut listener = first.hub.listen();
    let hazard = message(Class::D3, 0);
    good.tell(&hazard);
    while heard(&mut listener).await.message.frame() != hazard.frame() {}
    let connection = flood.await.unwrap();
    let status = first.of(2);
    let seconds = began.elapsed().as_secs_f64();
    let taken = status["taken"].as_u64().unwrap() as f64;
    // A second's worth at once, and what time brought.
    assert!(taken <= 101.0 + 100.0 * seconds, "{taken} in {seconds} s: {status}");
    assert!(status["slowed"].as_u64() > Some(0), "{status}");
    assert!(connection.close_reason().is_none(), "it keeps its link");
    beats.abort();
}

#[tokio::test]
async fn a_flood_by_streams_waits_for_the_budget_and_loses_nothing() {
    let first = with_two().await;
    let raw = Raw::new(2).await;
    let (connection, send, _receive) = raw.call(&first, Hello::default()).await;
    let beats = tokio::spawn(beat(send));
    let began = tokio::time::Instant::now();
    let mut listener = first.hub.listen();
    let flood = tokio::spawn(async move {
        for _ in 0..250 {
            let mut stream = connection.open_uni().await.unwrap();
            stream.write_all(message(Class::D3, 0).frame()).await.unwrap();
            stream.finish().unwrap();
        }
        connection
    });
    for _ in 0..250 {
        heard(&mut listener).await;
    }
    assert!(began.elapsed() >= Duration::from_secs(1), "250 messages of 100 a second and 100 at once");
    let status = first.of(2);
    assert_eq!((&status["taken"], &status["dropped"]["over_budget"]), (&250.into(), &0.into()), "{status}");
    drop(flood.await.unwrap());
    beats.abort();
}

#[tokio::test]
async fn garbage_yesterday_s_messages_and_others_areas_are_each_counted_and_none_is_heard() {
    let mut near = peer(2, Vec::new());
    let far = v2x_core::Position::from_degrees(-10.0, 10.0).unwrap();
    near.terms.receive.area = Some(crate::select::Circle { centre: far, radius_m: 1000 });
    let first = unit(1, settings(vec![near])).await;
    let mut listener = first.hub.listen();
    let raw = Raw::new(2).await;
    let (connection, send, _receive) = raw.call(&first, Hello::default()).await;
    let beats = tokio::spawn(beat(send));
    for bytes in [
        Bytes::new(),
        Bytes::from_static(b"garbage"),
        vec![0xff; 1200].into(),
        message(Class::D3, 0).frame().clone(),
    ] {
        connection.send_datagram(bytes.clone()).unwrap();
        let mut stream = connection.open_uni().await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        stream.finish().unwrap();
    }
    let counted = |peer: &Value| peer["dropped"]["malformed"] == 6 && peer["dropped"]["not_selected"] == 2;
    first.until(2, counted).await;
    // Longer than any frame: the stream is broken off.
    let mut stream = connection.open_uni().await.unwrap();
    let _cut = stream.write_all(&[7; 100_000]).await.err();
    first.until(2, |peer| peer["broken_streams"] == 1).await;
    assert!(listener.try_recv().is_err());
    assert!(connection.close_reason().is_none());
    beats.abort();
}

#[tokio::test]
async fn what_is_replayed_after_its_end_is_dropped_as_expired() {
    let [first, _second] = [with_two().await, with_two().await];
    let raw = Raw::new(2).await;
    let (connection, send, _receive) = raw.call(&first, Hello::default()).await;
    let beats = tokio::spawn(beat(send));
    let mut listener = first.hub.listen();
    let craft = Crafter::station(3);
    let yesterday = clock::now().as_micros() - 86_400_000_000;
    let fields = TbsRepr {
        generation_time_us: yesterday,
        lifetime_ms: 30_000,
        ..craft.fields_in(Class::D3, Moment::ZERO)
    };
    connection.send_datagram(craft.full(&fields)).unwrap();
    let again = message(Class::D3, 0);
    for _ in 0..3 {
        connection.send_datagram(again.frame().clone()).unwrap();
    }
    let status = first.until(2, |peer| peer["dropped"]["known"] == 2).await;
    assert_eq!((&status["dropped"]["expired"], &status["taken"]), (&1.into(), &1.into()), "{status}");
    assert_eq!(heard(&mut listener).await.message.frame(), again.frame());
    assert!(listener.try_recv().is_err());
    beats.abort();
}

#[tokio::test]
async fn for_a_peer_that_never_reads_no_more_waits_than_its_queue() {
    let mut mute = peer(2, Vec::new());
    mute.terms.queue = 50;
    let first = unit(1, settings(vec![mute])).await;
    let raw = Raw::new(2).await;
    let (connection, send, _receive) = raw.call(&first, Hello::default()).await;
    let beats = tokio::spawn(beat(send));
    first.connected(2).await;
    for _ in 0..300 {
        first.tell(&longest(Class::D3));
        tokio::task::yield_now().await;
    }
    // The streams that it lets be opened, and the queue; the rest had no room, those that would end first.
    let status = first.until(2, |peer| peer["waiting"] == 50).await;
    let gone = status["no_room"].as_u64().unwrap() + status["sent_streams"].as_u64().unwrap();
    assert!(gone >= 300 - 50 - 100, "{status}");
    assert!(connection.close_reason().is_none());
    beats.abort();
}

#[tokio::test]
async fn a_peer_whose_heartbeat_stops_is_given_up_and_called_again() {
    let quick = PeersSettings { silence: Duration::from_millis(1500), ..settings(vec![peer(2, Vec::new())]) };
    let first = unit(1, quick).await;
    let raw = Raw::new(2).await;
    let (connection, _send, _receive) = raw.call(&first, Hello::default()).await;
    assert_eq!(closed(&connection).await, Some(Close::Silent));
    let status = first.until(2, |peer| peer["state"] == "waiting").await;
    assert_eq!((&status["silences"], &status["last_error"]), (&1.into(), &"no heartbeat".into()), "{status}");
    let second = unit(2, settings(vec![peer(1, first.peers.addresses())])).await;
    second.connected(1).await;
    first.connected(2).await;
}

#[tokio::test]
async fn garbage_in_place_of_a_heartbeat_closes_the_connection() {
    let first = with_two().await;
    let raw = Raw::new(2).await;
    for bytes in [&[0xff_u8, 0xff, 0, 0][..], &[0, 2, 0xff, 0xff]] {
        let (connection, mut send, _receive) = raw.call(&first, Hello::default()).await;
        send.write_all(bytes).await.unwrap();
        assert_eq!(closed(&connection).await, Some(Close::Malformed));
    }
    assert_eq!(first.of(2)["malformed"], 2);
}

#[tokio::test]
async fn a_peer_that_calls_again_and_again_has_one_connection() {
    let first = with_two().await;
    let raw = Raw::new(2).await;
    let mut before = None;
    for instance in 0..5 {
        let call = raw.call(&first, Hello { instance, ..Hello::default() }).await;
        if let Some((connection, _send, _receive)) = before.replace(call) {
            assert_eq!(closed(&connection).await, Some(Close::Duplicate));
        }
    }
    assert_eq!(first.of(2)["connections"], 5);
}
