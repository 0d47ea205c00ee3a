//! What other clients see of what a bridge publishes.

use v2x_bridges::select::{Circle, Selection};
use v2x_bridges::{broker, clock};
use v2x_proto::v1::HazardState;

use crate::mosquitto::Mosquitto;
use crate::unit::{Declarer, Unit, hex, settings, topic, topics};

#[tokio::test]
async fn a_hazard_is_retained_for_what_is_left_of_its_life_and_its_end_clears_it() {
    let Some(broker) = Mosquitto::start("") else { return };
    let unit = Unit::start("a", broker.port());
    unit.connected().await;
    let mut live = broker.subscriber(&["-t", "roadcast/v1/#", "-q", "1"]);
    let declarer = Declarer::new(3);
    // The subscriber is there when it gets a message of its own.
    broker.publish(&["-t", "roadcast/v1/there", "-m", "x", "-r"]);
    assert!(live.next().await.starts_with("roadcast/v1/there "));
    let (hazard, update, end) = (declarer.hazard(1, 0), declarer.hazard(1, 5), declarer.end(1, 9));
    for (published, message) in [&hazard, &update, &end].into_iter().enumerate() {
        unit.tell(message);
        let line = live.next().await;
        let [topic_seen, _, expiry, payload] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        assert_eq!((topic_seen, payload), (topic(message).as_str(), hex(message).as_str()), "unchanged");
        let expiry: u32 = expiry.parse().unwrap();
        assert!((1..60).contains(&expiry), "less than the 60 s of its life: {expiry}");
        if published < 2 {
            unit.reaches("published", published as u64 + 1).await;
            let mut later = broker.subscriber(&["-t", "roadcast/v1/+/2/#", "-C", "1"]);
            let line = later.next().await;
            assert!(
                line.starts_with(&format!("{} 1 ", topic(message))) && line.ends_with(&hex(message)),
                "{line}"
            );
        }
    }
    let line = live.next().await;
    assert_eq!(line.trim_end(), format!("{} 0", topic(&end)), "what was retained is cleared");
    unit.reaches("cleared", 1).await;
    let later = broker.subscriber(&["-t", "roadcast/v1/+/2/#", "-C", "1", "-W", "1"]);
    assert_eq!(later.all().await, Vec::<String>::new(), "nothing is retained");
}

#[tokio::test]
async fn an_event_that_moves_to_another_tile_leaves_nothing_behind() {
    let Some(broker) = Mosquitto::start("") else { return };
    let unit = Unit::start("a", broker.port());
    let declarer = Declarer::new(3);
    let small = declarer.sized(1, 0, HazardState::New, 60_000, 100);
    let large = declarer.sized(1, 5, HazardState::Update, 60_000, 20_000);
    assert_ne!(topic(&small), topic(&large));
    unit.tell(&small);
    unit.reaches("published", 1).await;
    unit.tell(&large);
    unit.reaches("cleared", 1).await;
    unit.reaches("published", 2).await;
    broker.publish(&["-t", "roadcast/v1/last", "-m", "x", "-r"]);
    let retained = broker.subscriber(&["-t", "roadcast/v1/#", "-C", "2"]).all().await;
    assert!(retained.iter().any(|line| line.starts_with(&topic(&large))), "{retained:?}");
    assert!(!retained.iter().any(|line| line.starts_with(&topic(&small))), "{retained:?}");
}

#[tokio::test]
async fn what_has_less_than_a_second_left_is_not_published() {
    let Some(broker) = Mosquitto::start("") else { return };
    let unit = Unit::start("a", broker.port());
    unit.connected().await;
    let declarer = Declarer::new(3);
    unit.tell(&declarer.message(1, 0, HazardState::New, 900));
    unit.tell(&declarer.hazard(2, 0));
    unit.reaches("published", 1).await;
    assert_eq!((unit.count("too_late"), unit.count("published")), (1, 1));
}

#[tokio::test]
async fn a_region_is_taken_by_its_filters_and_no_other() {
    let Some(broker) = Mosquitto::start("") else { return };
    let unit = Unit::start("a", broker.port());
    let circle = |east: f64| Circle { centre: testkit::PLACE.moved(east, 0.0), radius_m: 3_000 };
    let region = |area| Selection { area: Some(area), ..Selection::default() };
    let near = broker::BrokerSettings { receive: region(circle(0.0)), ..settings("near", broker.port()) };
    let far = broker::BrokerSettings { receive: region(circle(80_000.0)), ..settings("far", broker.port()) };
    let (mut near, far) = (Unit::with("near", &near), Unit::with("far", &far));
    near.connected().await;
    far.connected().await;
    let hazard = Declarer::new(3).hazard(1, 0);
    unit.tell(&hazard);
    assert_eq!(near.next().await.head(), hazard.head());
    unit.reaches("published", 1).await;
    // The broker does one thing after the other: what comes to all says that all has come.
    let wide = Declarer::new(4).sized(2, 0, HazardState::New, 60_000, 60_000);
    unit.tell(&wide);
    far.reaches("arrived", 1).await;
    assert_eq!(far.count("arrived"), 1, "a wide one reaches both");
    assert_eq!(near.next().await.head(), wide.head());
    assert!(topics().filters(&region(circle(0.0))).len() < 60);
    assert!(clock::now() < wide.head().expires);
}

#[tokio::test]
async fn a_bridge_gets_nothing_of_its_own_back() {
    let Some(broker) = Mosquitto::start("") else { return };
    let (one, mut other) = (Unit::start("a", broker.port()), Unit::start("b", broker.port()));
    one.connected().await;
    other.connected().await;
    for event in 1..=20 {
        one.tell(&Declarer::new(3).hazard(event, 0));
    }
    for _ in 1..=20 {
        other.next().await;
    }
    one.reaches("published", 20).await;
    assert_eq!((one.count("arrived"), other.count("arrived"), other.count("published")), (0, 20, 0));
}
