//! Offers to meet, carried between bridges.

use bytes::Bytes;
use v2x_bridges::broker::{BrokerLink, Updates};
use v2x_bridges::hub::Hub;
use v2x_bridges::rendezvous::{self, Meetings, OfferOut};

use crate::mosquitto::Mosquitto;
use crate::unit::{PATIENCE, Unit, settings};

/// The peers' end of a bridge with this key, and its link.
fn bridge(key: &str, broker: &Mosquitto) -> (Meetings, BrokerLink) {
    let (meetings, carrier) = rendezvous::channel(key.to_owned());
    let link =
        BrokerLink::start(&settings(key, broker.port()), key, &Hub::new(), Some(carrier), Updates::none())
            .unwrap();
    (meetings, link)
}

async fn count(link: &BrokerLink, key: &str, least: u64) {
    let status = link.status();
    let wait = async {
        while status()[key].as_u64().unwrap_or_default() < least {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect(key);
}

#[tokio::test]
async fn an_offer_goes_to_the_bridge_it_is_for_and_is_not_kept() {
    let Some(broker) = Mosquitto::start("") else { return };
    let (one, one_link) = bridge("ybnd", &broker);
    let (mut two, two_link) = bridge("rfg8", &broker);
    let watcher = Unit::start("watcher", broker.port());
    watcher.connected().await;
    for link in [&one_link, &two_link] {
        count(link, "connections", 1).await;
    }
    // The second subscribes before it acknowledges anything: its own status says that it has.
    count(&two_link, "filters", 1).await;
    let offer = Bytes::from_static(b"an offer is opaque here");
    assert!(one.send(OfferOut { to: "rfg8".to_owned(), offer: offer.clone() }));
    let arrived = tokio::time::timeout(PATIENCE, two.arrived.recv()).await.unwrap().unwrap();
    assert_eq!(arrived, offer);
    assert_eq!(
        (one_link.status()()["offers_sent"].as_u64(), two_link.status()()["offers_arrived"].as_u64()),
        (Some(1), Some(1))
    );
    let later = broker.subscriber(&["-t", "roadcast/rendezvous/#", "-C", "1", "-W", "1"]);
    assert_eq!(later.all().await, Vec::<String>::new());
    assert_eq!(watcher.count("arrived"), 0);
}
