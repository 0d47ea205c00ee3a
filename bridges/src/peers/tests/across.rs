//! Peers that have no address of each other: they meet through a relay, a carrier of offers, or a DHT.

use std::num::NonZeroU32;
use std::path::PathBuf;

use iroh::RelayUrl;

use super::*;
use crate::relay::{Relay, RelayError, RelaySettings, RelayTls};
use crate::rendezvous;

fn relay_for(seeds: &[u8]) -> RelaySettings {
    RelaySettings {
        listen: "127.0.0.1:0".parse().unwrap(),
        tls: None,
        allow: seeds.iter().map(|seed| (format!("unit-{seed}"), key(*seed))).collect(),
        bytes_s: NonZeroU32::new(1_000_000).unwrap(),
    }
}

fn url(scheme: &str, relay: &Relay) -> RelayUrl {
    format!("{scheme}://{}", relay.address().unwrap()).parse().unwrap()
}

/// Two bridges that no network joins: one has IPv4 alone, the other IPv6. What they share is the relay.
async fn apart(relay: &RelayUrl) -> [Unit; 2] {
    let relays = vec![relay.clone()];
    let of = |listen: &str, seed| PeersSettings {
        listen: vec![listen.parse().unwrap()],
        relays: relays.clone(),
        silence: Duration::from_secs(2),
        ..settings(vec![peer(seed, Vec::new())])
    };
    [unit(1, of("127.0.0.1:0", 2)).await, unit(2, of("[::1]:0", 1)).await]
}

#[tokio::test]
async fn two_bridges_that_only_a_relay_joins_talk_through_it_and_again_after_it_was_away() {
    let mut settings = relay_for(&[1, 2]);
    let relay = Relay::start(&settings).await.unwrap();
    settings.listen = relay.address().unwrap();
    let [first, second] = apart(&url("http", &relay)).await;
    let mut listener = second.hub.listen();
    let hazard = message(Class::D3, 0);
    first.tell(&hazard);
    assert_eq!(heard(&mut listener).await.message.frame(), hazard.frame());
    let status = first.until(2, |peer| peer["path"] == "relayed").await;
    assert_eq!(status["address"], url("http", &relay).to_string(), "{status}");
    relay.stop().await;
    first.until(2, |peer| peer["state"] != "connected").await;
    let hazard = message(Class::D3, 0);
    first.tell(&hazard);
    let relay = Relay::start(&settings).await.unwrap();
    assert_eq!(heard(&mut listener).await.message.frame(), hazard.frame());
    assert_eq!(relay.counts(), (2, 0));
}

#[tokio::test]
async fn bridges_that_meet_at_a_relay_go_on_directly_where_they_can() {
    let relay = Relay::start(&relay_for(&[1, 2])).await.unwrap();
    let relays = vec![url("http", &relay)];
    let of = |seed| PeersSettings { relays: relays.clone(), ..settings(vec![peer(seed, Vec::new())]) };
    let (first, second) = tokio::join!(unit(1, of(2)), unit(2, of(1)));
    first.until(2, |peer| peer["path"] == "direct").await;
    second.until(1, |peer| peer["path"] == "direct").await;
}

#[tokio::test]
async fn a_relay_refuses_keys_that_its_list_does_not_have() {
    let relay = Relay::start(&relay_for(&[1])).await.unwrap();
    let [first, second] = apart(&url("http", &relay)).await;
    let says = |own: &Value| {
        own["relay"][0]["last_error"].as_str().is_some_and(|error| error.contains("list does not have"))
    };
    second.own_until(says).await;
    assert_ne!(first.of(2)["state"], "connected");
    assert!(relay.counts().1 > 0);
}

#[tokio::test]
async fn a_relay_that_takes_another_list_lets_new_keys_in_and_those_that_are_gone_go() {
    let relay = Relay::start(&relay_for(&[1])).await.unwrap();
    let [first, second] = apart(&url("http", &relay)).await;
    let mut listener = second.hub.listen();
    let refused = |own: &Value| {
        own["relay"][0]["last_error"].as_str().is_some_and(|error| error.contains("list does not have"))
    };
    second.own_until(refused).await;
    relay.allow(&relay_for(&[1, 2]).allow);
    let hazard = message(Class::D3, 0);
    first.tell(&hazard);
    assert_eq!(heard(&mut listener).await.message.frame(), hazard.frame());
    relay.allow(&relay_for(&[2]).allow);
    first.own_until(refused).await;
    second.until(1, |peer| peer["state"] != "connected").await;
}

/// A certificate for this machine, and its authority.
struct Certificates(PathBuf);

impl Certificates {
    fn new(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("roadcast-bridge-relay-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut authority = rcgen::CertificateParams::default();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority_key = rcgen::KeyPair::generate().unwrap();
        std::fs::write(folder.join("ca.pem"), authority.self_signed(&authority_key).unwrap().pem()).unwrap();
        let issuer = rcgen::Issuer::new(authority, authority_key);
        let key = rcgen::KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = rcgen::CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        std::fs::write(folder.join("relay.pem"), certificate.pem()).unwrap();
        std::fs::write(folder.join("relay.key"), key.serialize_pem()).unwrap();
        let certificates = Self(folder);
        certificates.mode(0o640);
        certificates
    }

    fn mode(&self, mode: u32) {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(self.0.join("relay.key"), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn relay(&self, seeds: &[u8]) -> RelaySettings {
        let tls = RelayTls {
            certificate: self.0.join("relay.pem"),
            key: self.0.join("relay.key"),
            quic_port: Some(0),
        };
        RelaySettings { tls: Some(tls), ..relay_for(seeds) }
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

#[tokio::test]
async fn a_relay_with_a_certificate_of_one_s_own_authority_serves_those_who_believe_it_and_tells_their_addresses()
 {
    let certificates = Certificates::new("tls");
    let relay = Relay::start(&certificates.relay(&[1, 2, 3])).await.unwrap();
    let relays = vec![url("https", &relay)];
    let of = |seed, ca: Option<PathBuf>| PeersSettings {
        relays: relays.clone(),
        relay_quic_port: relay.quic_address().map(|address| address.port()),
        relay_ca: ca,
        ..settings(vec![peer(seed, Vec::new())])
    };
    let first = unit(1, of(2, Some(certificates.0.join("ca.pem")))).await;
    let second = unit(2, of(1, Some(certificates.0.join("ca.pem")))).await;
    first.connected(2).await;
    second.connected(1).await;
    second.own_until(|own| own["relay"][0]["connected"] == true).await;
    // The public authorities did not certify it.
    let doubter = unit(3, of(1, None)).await;
    doubter.until(1, |peer| peer["failures"].as_u64() > Some(0)).await;
    let status = &doubter.own()["relay"][0];
    let why = status["last_error"].as_str().unwrap();
    assert!(why.starts_with("no answer yet: not reached, or its certificate is not believed"), "{status}");
    assert_eq!(relay.counts().0, 2);
}

#[tokio::test]
async fn a_relay_does_not_start_with_a_key_that_everybody_can_read_or_without_a_certificate() {
    let certificates = Certificates::new("files");
    certificates.mode(0o644);
    let error = Relay::start(&certificates.relay(&[1])).await.unwrap_err();
    assert!(matches!(error, RelayError::Exposed { mode: 0o644, .. }), "{error}");
    certificates.mode(0o600);
    std::fs::write(certificates.0.join("relay.pem"), "no certificate").unwrap();
    let error = Relay::start(&certificates.relay(&[1])).await.unwrap_err().to_string();
    assert!(error.contains("expected a certificate chain") && !error.contains('\n'), "{error}");
}

#[tokio::test]
async fn two_bridges_without_addresses_meet_by_offers_that_something_carries() {
    let start = async |seed: u8, other: u8| {
        let (meetings, carrier) = rendezvous::channel(key(seed).plain());
        let settings = PeersSettings { rendezvous: true, ..settings(vec![peer(other, Vec::new())]) };
        let hub = Hub::new();
        let peers =
            Peers::start(&settings, &signing_key(seed), &hub, Handlers::new(), Some(meetings)).await.unwrap();
        (Unit { peers, hub }, carrier)
    };
    let ((first, mut a), (second, mut b)) = (start(1, 2).await, start(2, 1).await);
    let carried = tokio::spawn(async move {
        let mut forged = 0;
        loop {
            tokio::select! {
                Some(out) = a.out.recv() => {
                    assert_eq!(out.to, b.own);
                    // What a broker makes up is not used.
                    let mut bytes = out.offer.to_vec();
                    *bytes.last_mut().unwrap() ^= 1;
                    b.arrived(bytes.into());
                    forged += 1;
                    b.arrived(out.offer);
                }
                Some(out) = b.out.recv() => a.arrived(out.offer),
                else => return forged,
            }
        }
    });
    first.connected(2).await;
    second.connected(1).await;
    assert!(first.of(2)["offers"].as_u64() > Some(0));
    drop((first, second));
    assert!(timeout(PATIENCE, carried).await.unwrap().unwrap() > 0);
}

#[tokio::test]
async fn a_bridge_finds_another_in_a_dht_of_its_operator() {
    let node = |bootstrap: Vec<String>| {
        let mut builder = n0_mainline::Dht::builder();
        builder.bootstrap(&bootstrap).server_mode().port(free_port());
        builder.build().unwrap()
    };
    let first_node = node(Vec::new());
    let begin = |address: std::net::SocketAddrV4| vec![format!("127.0.0.1:{}", address.port())];
    let bootstrap = begin(first_node.info().await.unwrap().local_addr());
    let second_node = node(bootstrap.clone());
    assert!(second_node.bootstrapped().await.unwrap());
    let of = |seed| PeersSettings { dht: bootstrap.clone(), ..settings(vec![peer(seed, Vec::new())]) };
    let first = unit(1, of(2)).await;
    let second = unit(2, of(1)).await;
    second.connected(1).await;
    first.connected(2).await;
}

fn free_port() -> u16 {
    std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
