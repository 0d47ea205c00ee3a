//! Brokers that do not keep to the protocol, and clients that put anything on our topics.

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use v2x_bridges::broker::link::{Link, LinkEvent, Note};
use v2x_bridges::hub::Refused;
use v2x_proto::v1::HazardState;

use crate::mosquitto::Mosquitto;
use crate::unit::{Declarer, Unit, settings, topic};

/// Answers that a connection is taken: no session, no reason, no properties.
const CONNACK: [u8; 5] = [0x20, 3, 0, 0, 0];

/// A broker of the test's own.
struct Fake {
    listener: TcpListener,
}

impl Fake {
    async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    /// The next client, whose connection was taken.
    async fn client(&self) -> TcpStream {
        let (mut stream, _) = self.listener.accept().await.unwrap();
        packet(&mut stream).await.expect("a client connects");
        stream.write_all(&CONNACK).await.unwrap();
        stream
    }
}

/// The first byte of the next packet from a client, and the rest of it.
async fn packet(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let head = stream.read_u8().await.ok()?;
    let (mut length, mut shift) = (0usize, 0);
    loop {
        let byte = stream.read_u8().await.ok()?;
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest).await.ok()?;
    Some((head, rest))
}

/// A message of quality 0.
fn publish(topic: &str, payload: &[u8]) -> Vec<u8> {
    let mut length = 2 + topic.len() + 1 + payload.len();
    let mut bytes = vec![0x30];
    loop {
        let more = length >= 0x80;
        bytes.push((length & 0x7f) as u8 | if more { 0x80 } else { 0 });
        length >>= 7;
        if !more {
            break;
        }
    }
    bytes.extend_from_slice(&(topic.len() as u16).to_be_bytes());
    bytes.extend_from_slice(topic.as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(payload);
    bytes
}

#[tokio::test]
async fn a_broker_that_closes_each_connection_loses_nothing_of_the_queue() {
    let fake = Fake::start().await;
    let unit = Unit::start("a", fake.port());
    for event in 1..=5 {
        unit.tell(&Declarer::new(3).hazard(event, 0));
    }
    drop(fake.client().await);
    unit.reaches("failures", 1).await;
    let mut second = fake.client().await;
    while packet(&mut second).await.is_some_and(|(head, _)| head & 0xf0 != 0x30) {}
    drop(second);
    unit.reaches("failures", 2).await;
    let error = unit.status("error");
    assert!(error.as_str().unwrap().contains("closed the connection"), "{error}");
    // The third time it acknowledges.
    let mut third = fake.client().await;
    let mut topics = Vec::new();
    while topics.len() < 6 {
        let (head, rest) = packet(&mut third).await.unwrap();
        if head & 0xf0 == 0x30 {
            let length = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
            topics.push(String::from_utf8(rest[2..2 + length].to_vec()).unwrap());
            third.write_all(&[0x40, 2, rest[2 + length], rest[3 + length]]).await.unwrap();
        } else if head & 0xf0 == 0x80 {
            third.write_all(&[0x90, 4, rest[0], rest[1], 0, 1]).await.unwrap();
        }
    }
    unit.reaches("published", 5).await;
    topics.sort();
    topics.dedup();
    assert_eq!(topics.len(), 6, "its status, and each hazard once: {topics:?}");
}

#[tokio::test]
async fn a_broker_that_acknowledges_nothing_is_left_and_the_queue_stays() {
    let fake = Fake::start().await;
    let unit = Unit::start("a", fake.port());
    unit.tell(&Declarer::new(3).hazard(1, 0));
    let mut client = fake.client().await;
    let mut published = 0;
    while published < 2 {
        published += u32::from(packet(&mut client).await.unwrap().0 & 0xf0 == 0x30);
    }
    unit.reaches("under_way", 2).await;
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(31)).await;
    tokio::time::resume();
    unit.reaches("failures", 1).await;
    let error = unit.status("error");
    assert!(error.as_str().unwrap().contains("has not acknowledged a message for 30 s"), "{error}");
    assert_eq!((unit.count("put_back"), unit.hub.ends()[0].1.waiting), (1, 1));
}

#[tokio::test]
async fn a_broker_that_sends_a_megabyte_is_left_and_tried_again() {
    let fake = Fake::start().await;
    let mut unit = Unit::start("a", fake.port());
    let hazard = Declarer::new(3).hazard(1, 0);
    let mut first = fake.client().await;
    // It does not read to the end.
    drop(first.write_all(&publish(&topic(&hazard), &vec![7; 1_000_000])).await);
    unit.reaches("failures", 1).await;
    assert!(unit.status("error").as_str().unwrap().contains("sent a packet of more than 16384 bytes"));
    let mut second = fake.client().await;
    second.write_all(&publish(&topic(&hazard), hazard.frame())).await.unwrap();
    assert_eq!(unit.next().await.head(), hazard.head());
}

#[tokio::test]
async fn what_is_no_broker_is_told_as_that() {
    let fake = Fake::start().await;
    let unit = Unit::start("a", fake.port());
    for garbage in [b"HTTP/1.1 400 Bad Request\r\n\r\n".as_slice(), &[0xff; 64], &[0x20, 3, 0, 0x87, 0]] {
        let failures = unit.count("failures");
        let (mut stream, _) = fake.listener.accept().await.unwrap();
        drop(stream.write_all(garbage).await);
        drop(stream);
        unit.reaches("failures", failures + 1).await;
        let error = unit.status("error").as_str().unwrap().to_owned();
        let named = [
            "does not speak MQTT 5 properly",
            "refuses the connection: not authorised",
            "sent a packet of more than",
        ];
        assert!(named.iter().any(|named| error.contains(named)), "{garbage:?}: {error}");
        assert_eq!(error.lines().count(), 1);
    }
}

#[tokio::test]
async fn anything_on_our_topics_is_dropped_by_name() {
    let Some(broker) = Mosquitto::start("") else { return };
    let mut unit = Unit::start("a", broker.port());
    unit.connected().await;
    let settings = settings("anybody", broker.port()).link(None).unwrap();
    let mut anybody = Link::open(&settings).await.unwrap();
    let declarer = Declarer::new(3);
    let (hazard, expired) = (declarer.hazard(1, 0), declarer.message(2, 0, HazardState::New, 1));
    let here = topic(&hazard);
    for (topic, payload) in [
        (here.as_str(), Bytes::from_static(b"garbage")),
        (&here, hazard.frame().slice(..hazard.frame().len() - 1)),
        (&here, vec![0x10; 10_000].into()),
        ("roadcast/v1/d3/2/none/0011223344556677-1", hazard.frame().clone()),
        ("roadcast/v1/d3/2/x", hazard.frame().clone()),
        // An old hazard that a broker kept for longer than it should have.
        (&topic(&expired), expired.frame().clone()),
        (&here, hazard.frame().clone()),
        // Again: the same is known.
        (&here, hazard.frame().clone()),
        // Too large for the bridge: the broker passes it over.
        (&here, vec![0x10; 1_000_000].into()),
        (&here, Bytes::new()),
    ] {
        send(&mut anybody, topic, payload).await;
    }
    assert_eq!(unit.next().await.head(), hazard.head());
    unit.until("all dropped", |unit| unit.status("arrivals_dropped")["cleared"] == 1).await;
    let drops = unit.status("arrivals_dropped");
    assert_eq!(drops, serde_json::json!({ "cleared": 1, "malformed": 2, "other_topic": 2, "too_long": 1 }));
    let counts = unit.hub.ends()[0].1;
    assert_eq!((counts.refused[Refused::Expired as usize], counts.refused[Refused::Known as usize]), (1, 1));
    assert_eq!((unit.count("failures"), counts.taken), (0, 1));
    assert!(unit.station.try_recv().is_none());
}

/// Publishes, and waits until the broker has it.
async fn send(link: &mut Link, topic: &str, payload: Bytes) {
    let note = Note { topic: topic.to_owned(), payload, expiry_s: None, retain: false };
    let ticket = link.publish(&note).unwrap();
    loop {
        if let LinkEvent::Taken(taken) = link.next().await.unwrap() {
            assert_eq!(taken, ticket);
            return;
        }
    }
}

#[tokio::test]
async fn a_broker_that_floods_is_cut_to_its_budget() {
    let Some(broker) = Mosquitto::start("max_queued_messages 0") else { return };
    let mut settings = settings("a", broker.port());
    settings.budget.messages_s = 10;
    let unit = Unit::with("a", &settings);
    unit.connected().await;
    let mut anybody =
        Link::open(&crate::unit::settings("anybody", broker.port()).link(None).unwrap()).await.unwrap();
    let declarer = Declarer::new(3);
    for event in 1..=300 {
        let hazard = declarer.hazard(event, 0);
        send(&mut anybody, &topic(&hazard), hazard.frame().clone()).await;
    }
    unit.until("all arrived", |unit| unit.count("arrived") == 300).await;
    let counts = unit.hub.ends()[0].1;
    assert!(counts.refused[Refused::OverBudget as usize] > 200, "{counts:?}");
    assert_eq!(counts.taken + counts.refused[Refused::OverBudget as usize], 300);
}

#[tokio::test]
async fn a_client_of_the_same_name_ends_the_link_and_that_is_said() {
    let fake = Fake::start().await;
    let unit = Unit::start("a", fake.port());
    let mut client = fake.client().await;
    // DISCONNECT: session taken over.
    client.write_all(&[0xe0, 2, 0x8e, 0]).await.unwrap();
    unit.reaches("failures", 1).await;
    let error = unit.status("error");
    assert!(error.as_str().unwrap().contains("another client came with this `client_id`"), "{error}");
    // Mosquitto says nothing, so what it does is explained.
    let Some(broker) = Mosquitto::start("") else { return };
    let unit = Unit::start("a", broker.port());
    unit.connected().await;
    let _other = Link::open(&settings("a", broker.port()).link(None).unwrap()).await.unwrap();
    unit.reaches("failures", 1).await;
    let error = unit.status("error");
    assert!(error.as_str().unwrap().contains("`client_id`"), "{error}");
}
