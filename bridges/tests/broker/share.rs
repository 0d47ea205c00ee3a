//! Workers that share a subscription.

use std::collections::BTreeSet;

use tokio::sync::mpsc;
use v2x_bridges::broker::follow::Follow;
use v2x_bridges::message::AirMessage;
use v2x_proto::EventId;

use crate::mosquitto::Mosquitto;
use crate::unit::{Declarer, PATIENCE, Unit, settings};

struct Worker {
    messages: mpsc::Receiver<AirMessage>,
    task: tokio::task::JoinHandle<()>,
}

impl Worker {
    fn start(broker: &Mosquitto) -> Self {
        let follow = Follow::new(&settings("worker", broker.port()), Some("workers")).unwrap();
        let (to, messages) = mpsc::channel(1000);
        Self { messages, task: tokio::spawn(follow.run(to)) }
    }

    async fn next(&mut self) -> AirMessage {
        tokio::time::timeout(PATIENCE, self.messages.recv()).await.unwrap().unwrap()
    }
}

fn event(message: &AirMessage) -> EventId {
    message.head().event.unwrap().id
}

#[tokio::test]
async fn workers_share_what_is_published_and_each_has_a_retained_hazard_once() {
    let Some(broker) = Mosquitto::start("") else { return };
    let publisher = Unit::start("a", broker.port());
    let declarer = Declarer::new(3);
    for number in 1..=10 {
        publisher.tell(&declarer.hazard(number, 0));
    }
    publisher.reaches("published", 10).await;
    // Each gets everything that is retained, so both have to know what they had.
    let mut workers = [Worker::start(&broker), Worker::start(&broker)];
    for worker in &mut workers {
        let mut retained = BTreeSet::new();
        for _ in 0..10 {
            assert!(retained.insert(event(&worker.next().await)), "each event once");
        }
    }
    for number in 11..=30 {
        publisher.tell(&declarer.hazard(number, 0));
    }
    let [one, two] = &mut workers;
    let (mut shared, mut parts) = (BTreeSet::new(), [0, 0]);
    for _ in 0..20 {
        let (part, message) = tokio::select! {
            message = one.next() => (0, message),
            message = two.next() => (1, message),
        };
        parts[part] += 1;
        assert!(shared.insert(event(&message)), "one of them gets it");
    }
    assert!(parts[0] > 0 && parts[1] > 0, "{parts:?}");
    // An older state than a worker had is nothing new to it, wherever it comes from.
    publisher.tell(&declarer.hazard(31, 5));
    publisher.reaches("published", 31).await;
    for worker in workers {
        drop(worker.messages);
        tokio::time::timeout(PATIENCE, worker.task)
            .await
            .expect("it ends when nobody takes messages")
            .unwrap();
    }
}
