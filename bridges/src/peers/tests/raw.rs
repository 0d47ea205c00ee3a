//! The other end of a link, by hand: it keeps to the protocol as far as a test wants.

use iroh::endpoint::{Connection, Endpoint, QuicTransportConfig, RecvStream, SendStream, presets};
use iroh::{EndpointAddr, SecretKey};

use super::super::records::{self, Beat, Hello, LONGEST_HELLO};
use super::*;

/// An endpoint that sends what it is told.
pub(super) struct Raw {
    pub endpoint: Endpoint,
}

impl Raw {
    pub(super) async fn new(seed: u8) -> Self {
        Self::with_datagrams(seed, 65_000).await
    }

    /// That takes datagrams of at most so many bytes.
    pub(super) async fn with_datagrams(seed: u8, most: usize) -> Self {
        let transport = QuicTransportConfig::builder().datagram_receive_buffer_size(Some(most)).build();
        let key = SecretKey::from_bytes(&[seed; 32]);
        let builder = Endpoint::builder(presets::Minimal)
            .clear_ip_transports()
            .secret_key(key)
            .transport_config(transport);
        Self { endpoint: builder.bind_addr("127.0.0.1:0").unwrap().bind().await.unwrap() }
    }

    pub(super) async fn dial(&self, unit: &Unit, alpn: &[u8]) -> Connection {
        let addresses = unit.peers.addresses().into_iter().map(iroh::TransportAddr::Ip);
        let to = EndpointAddr::from_parts(unit.peers.key().id(), addresses);
        timeout(PATIENCE, self.endpoint.connect(to, alpn)).await.unwrap().unwrap()
    }

    /// Dials and says hello.
    pub(super) async fn call(&self, unit: &Unit, hello: Hello) -> (Connection, SendStream, RecvStream) {
        let connection = self.dial(unit, MESSAGES_ALPN).await;
        let (mut send, mut receive) = connection.open_bi().await.unwrap();
        records::write(&mut send, &hello).await.unwrap();
        let answer = timeout(PATIENCE, records::read::<Hello>(&mut receive, LONGEST_HELLO)).await.unwrap();
        answer.unwrap();
        (connection, send, receive)
    }
}

/// Sends heartbeats, and reads none, until the stream ends.
pub(super) async fn beat(mut send: SendStream) {
    for number in 1.. {
        let beat = Beat { number, ..Beat::default() };
        if records::write(&mut send, &beat).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// How the unit closed a connection.
pub(super) async fn closed(connection: &Connection) -> Option<Close> {
    let error = timeout(PATIENCE, connection.closed()).await.expect("it stays open");
    Close::of(&error)
}
