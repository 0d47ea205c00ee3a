//! Whether a bridge is there, for whoever looks at the broker.

use serde_json::Value;

use crate::mosquitto::{Lines, Mosquitto};
use crate::unit::Unit;

async fn status(watch: &mut Lines) -> (String, Value, u32) {
    let line = watch.next().await;
    let [topic, _, expiry, payload] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
    let bytes: Vec<u8> = (0..payload.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&payload[at..at + 2], 16).unwrap())
        .collect();
    (topic.to_owned(), serde_json::from_slice(&bytes).unwrap(), expiry.parse().unwrap())
}

#[tokio::test]
async fn a_bridge_is_up_until_it_says_farewell() {
    let Some(broker) = Mosquitto::start("") else { return };
    let unit = Unit::start("rsu-7", broker.port());
    unit.connected().await;
    let mut watch = broker.subscriber(&["-t", "roadcast/status/+"]);
    let (topic, up, expiry) = status(&mut watch).await;
    assert_eq!(
        (topic.as_str(), up["name"].as_str(), up["state"].as_str()),
        ("roadcast/status/rsu-7", Some("rsu-7"), Some("up"))
    );
    assert!((1..=90).contains(&expiry), "{expiry}");
    unit.link.stop().await;
    let (_, stopped, _) = status(&mut watch).await;
    assert_eq!(stopped["state"], "stopped");
}

#[tokio::test]
async fn a_bridge_that_is_killed_is_lost_at_once() {
    let Some(broker) = Mosquitto::start("") else { return };
    let unit = Unit::start("rsu-7", broker.port());
    unit.connected().await;
    let mut watch = broker.subscriber(&["-t", "roadcast/status/+"]);
    assert_eq!(status(&mut watch).await.1["state"], "up");
    drop(unit);
    let (_, lost, expiry) = status(&mut watch).await;
    assert_eq!(lost["state"], "lost");
    assert!((80_000..=86_400).contains(&expiry), "{expiry}");
}
