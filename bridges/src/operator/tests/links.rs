//! Over the links of bridges on loopback, and told of on the air.

use std::net::SocketAddr;

use testkit::craft::Crafter;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::UnixListener;
use tokio::time::timeout;
use v2x_core::Instant;
use v2x_proto::envelope::TbsRepr;
use v2x_proto::{Class, v1};

use super::super::air;
use super::super::over_peers::{OperatorHandler, PeerStreams, keep_asking};
use super::*;
use crate::hub::Hub;
use crate::message::AirMessage;
use crate::peers::{Handlers, OPERATOR_ALPN, PeerKey, PeerSettings, PeerTerms, Peers, PeersSettings};

fn signing_key(seed: u8) -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[seed; 32])
}

fn peer(seed: u8, addresses: Vec<SocketAddr>, rights: Option<Right>) -> PeerSettings {
    let key = PeerKey::of(&signing_key(seed));
    let terms = PeerTerms { rights, ..PeerTerms::default() };
    PeerSettings { name: format!("unit-{seed}"), key, addresses, relays: Vec::new(), terms }
}

/// The peers of a bridge, which serves this unit.
async fn bridge(seed: u8, unit: Option<&TestUnit>, peers: Vec<PeerSettings>) -> Peers {
    let listen = vec!["127.0.0.1:0".parse().unwrap()];
    let settings = PeersSettings { listen, peers, ..PeersSettings::default() };
    let mut handlers = Handlers::new();
    if let Some(unit) = unit {
        handlers.insert(OPERATOR_ALPN.to_vec(), Arc::new(OperatorHandler(Arc::clone(&unit.unit))));
    }
    Peers::start(&settings, &signing_key(seed), &Hub::new(), handlers, None).await.unwrap()
}

#[tokio::test]
async fn a_bundle_goes_over_the_link_and_the_report_comes_back() {
    let (unit, desk) = (TestUnit::new(), Folder::new());
    let bytes = content(3 << 20);
    let (bundle, manifest) = bundle_of(&desk, ContentKind::Software, 12, &bytes);
    let served = bridge(1, Some(&unit), vec![peer(2, Vec::new(), Some(Right::Read))]).await;
    let operator = bridge(2, None, vec![peer(1, served.addresses(), None)]).await;
    let connection = operator.connect("unit-1", OPERATOR_ALPN).await.unwrap();
    let mut streams = PeerStreams(connection);
    let opener = streams.clone();
    let end = push(&opener, &mut streams, manifest.encoded(), &bundle, &mut |_, _| {}).await.unwrap();
    assert_eq!((&*ended(end).result, unit.installed() == bytes), (APPLIED, true));
    let report = report(&streams).await.unwrap();
    let software = report["kinds"].as_array().unwrap().iter().find(|it| it["name"] == "software").unwrap();
    assert_eq!(software["version"], 12);
}

#[tokio::test]
async fn a_unit_that_hears_of_something_newer_fetches_it_from_its_source() {
    let (depot, desk) = (TestUnit::new(), Folder::new());
    let (bundle, software) = bundle_of(&desk, ContentKind::Software, 4, b"four");
    depot.offer(&bundle, &software).await.unwrap();
    let unit = TestUnit::with(|settings| settings.sources = vec!["unit-1".to_owned()]);
    let served = bridge(1, Some(&depot), vec![peer(2, Vec::new(), None)]).await;
    let own = bridge(2, Some(&unit), vec![peer(1, served.addresses(), None)]).await;
    let asking = tokio::spawn(keep_asking(Arc::clone(&unit.unit), Some(own)));
    let fetched = async {
        while unit.standing().of(ContentKind::Software).running.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // It tidies up after that.
        while unit.unit.follow(&software, None).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(60), fetched).await.unwrap();
    assert_eq!(unit.installed(), b"four");
    asking.abort();
}

#[tokio::test]
async fn a_manifest_that_a_station_hears_is_known_here() {
    let (unit, hub) = (TestUnit::new(), Hub::new());
    let software = manifest(ContentKind::Software, 4, b"four");
    let hears = tokio::spawn(air::hear(Arc::clone(&unit.unit), hub.clone()));
    let sender = Crafter::station(1);
    let at = Instant::from_millis(1_000);
    let fields = TbsRepr {
        message_type: v1::MessageType::UpdateManifest as u32,
        lifetime_ms: 10_000,
        payload: software.encoded(),
        ..sender.fields_in(Class::D5, at)
    };
    let message = AirMessage::read(sender.full(&fields)).unwrap();
    let heard = async {
        while hub.ends().is_empty() {
            tokio::task::yield_now().await;
        }
        hub.tell(&message, message.head().generation);
        while unit.unit.manifests().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(60), heard).await.unwrap();
    let report = unit.unit.report();
    let software = report["kinds"].as_array().unwrap().iter().find(|it| it["name"] == "software").unwrap();
    assert_eq!(software["known_newer"], 4);
    assert_eq!(software["known_from"], format!("air {}", message.head().signer));
    hears.abort();
}

#[tokio::test]
async fn a_unit_with_backhaul_has_its_daemon_send_each_manifest() {
    let relay = TestUnit::with(|settings| {
        settings.announce = true;
        settings.daemon = Some(settings.directory.with_file_name("daemon.sock"));
    });
    let listener = UnixListener::bind(relay.folder.path("daemon.sock")).unwrap();
    let south = manifest_for("south", ContentKind::Trust, 9, b"roots");
    relay.unit.hear(south.encoded(), "operator").unwrap();
    let announces = tokio::spawn(air::announce(Arc::clone(&relay.unit)));
    let (stream, _) = timeout(Duration::from_secs(60), listener.accept()).await.unwrap().unwrap();
    let (from, mut to) = stream.into_split();
    let line = BufReader::new(from).lines().next_line().await.unwrap().unwrap();
    to.write_all(b"{\"ok\":true}\n").await.unwrap();
    let Ok(v2x_api::Request::Publish(request)) = v2x_api::Request::parse(line.as_bytes()) else {
        panic!("{line}")
    };
    let message = v2x_proto::payload::Message::from_json(request.message_type, &request.payload).unwrap();
    let mut bytes = Vec::new();
    message.encode(&mut bytes);
    assert_eq!(Manifest::read(&bytes, &operator_keys()), Ok(south));
    announces.abort();
}
