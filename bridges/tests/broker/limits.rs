//! Limits of brokers and of other clients.

use std::fs;

use v2x_bridges::broker::BrokerSettings;

use crate::mosquitto::Mosquitto;
use crate::unit::{Declarer, Unit, hex, settings};

#[tokio::test]
async fn a_full_offline_queue_keeps_the_oldest_and_who_starts_clean_has_the_newest() {
    let Some(broker) = Mosquitto::start("max_queued_messages 10") else { return };
    let publisher = Unit::start("a", broker.port());
    publisher.connected().await;
    let sleeper = ["-t", "roadcast/v1/#", "-q", "1", "-c", "-i", "sleeper", "-x", "300"];
    broker.publish(&["-t", "roadcast/v1/first", "-m", "x", "-r"]);
    // It comes, so that the broker has a session for it, and goes.
    drop(broker.subscriber(&[&sleeper[..], &["-C", "1"]].concat()).all().await);
    let declarer = Declarer::new(3);
    let states: Vec<_> = (0..30).map(|second| declarer.hazard(1, second)).collect();
    for (count, state) in states.iter().enumerate() {
        publisher.tell(state);
        publisher.reaches("published", count as u64 + 1).await;
    }
    let woken = broker.subscriber(&[&sleeper[..], &["-C", "10"]].concat()).all().await;
    let has = |state| woken.iter().any(|line| line.ends_with(&hex(state)));
    assert!(has(&states[0]) && !has(&states[29]), "the queue has the oldest");
    let mut clean = Unit::start("b", broker.port());
    assert_eq!(clean.next().await.head(), states[29].head());
    clean.reaches("arrived", 1).await;
}

#[tokio::test]
async fn a_client_with_a_small_maximum_is_passed_over_and_the_bridge_notices_nothing() {
    let Some(broker) = Mosquitto::start("") else { return };
    let publisher = Unit::start("a", broker.port());
    publisher.connected().await;
    broker.publish(&["-t", "roadcast/v1/x", "-m", "small", "-r"]);
    let mut small =
        broker.subscriber(&["-t", "roadcast/v1/#", "-q", "1", "-D", "connect", "maximum-packet-size", "100"]);
    assert!(small.next().await.starts_with("roadcast/v1/x"));
    let mut other = Unit::start("b", broker.port());
    let hazard = Declarer::new(3).hazard(1, 0);
    assert!(hazard.frame().len() > 100);
    publisher.tell(&hazard);
    assert_eq!(other.next().await.head(), hazard.head());
    publisher.reaches("published", 1).await;
    broker.publish(&["-t", "roadcast/v1/y", "-m", "small"]);
    assert!(small.next().await.starts_with("roadcast/v1/y"), "without a word the hazard was left out");
}

#[tokio::test]
async fn what_is_larger_than_the_broker_takes_is_counted_and_the_link_stays() {
    let Some(broker) = Mosquitto::start("max_packet_size 200") else { return };
    let publisher = Unit::start("a", broker.port());
    publisher.connected().await;
    let declarer = Declarer::new(3);
    let hazard = declarer.hazard(1, 0);
    assert!(hazard.frame().len() > 200);
    publisher.tell(&hazard);
    publisher.reaches("too_large", 1).await;
    assert_eq!((publisher.count("connections"), publisher.count("failures")), (1, 0));
    publisher.until("its status is taken", |unit| unit.count("under_way") == 0).await;
}

#[tokio::test]
async fn what_the_broker_s_rules_refuse_is_counted_and_not_repeated() {
    let Some(broker) = Mosquitto::start_with(|directory| {
        fs::write(directory.join("acl"), "topic read roadcast/#\ntopic write roadcast/status/#\n").unwrap();
        "listener {port} 127.0.0.1\nallow_anonymous true\nacl_file {dir}/acl\n".to_owned()
    }) else {
        return;
    };
    let publisher = Unit::start("a", broker.port());
    publisher.connected().await;
    let declarer = Declarer::new(3);
    for event in 1..=5 {
        publisher.tell(&declarer.hazard(event, 0));
    }
    publisher.reaches("refused", 5).await;
    assert_eq!((publisher.count("published"), publisher.count("failures")), (0, 0));
}

#[tokio::test]
async fn a_password_is_taken_from_its_file_and_a_wrong_one_is_said_once() {
    let Some(broker) = Mosquitto::start_with(|directory| {
        fs::write(directory.join("users"), "unit:right\n").unwrap();
        let status =
            std::process::Command::new("mosquitto_passwd").arg("-U").arg(directory.join("users")).status();
        assert!(status.unwrap().success());
        "listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {dir}/users\n".to_owned()
    }) else {
        return;
    };
    let with = |password: &str| {
        let file = broker.file("password");
        fs::write(&file, password).unwrap();
        std::process::Command::new("chmod").arg("600").arg(&file).status().unwrap();
        BrokerSettings {
            username: Some("unit".to_owned()),
            password_file: Some(file),
            ..settings("a", broker.port())
        }
    };
    let wrong = Unit::with("a", &with("wrong\n"));
    wrong.reaches("failures", 1).await;
    let error = wrong.status("error");
    assert!(error.as_str().unwrap().contains("refuses the connection: not authorised"), "{error}");
    drop(wrong);
    let right = Unit::with("a", &with("right\n"));
    right.connected().await;
    assert_eq!(right.count("failures"), 0);
}
