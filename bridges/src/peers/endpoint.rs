//! The endpoint: one UDP socket for each family, and nothing contacted that is not configured.

use std::net::SocketAddr;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use iroh::address_lookup::AddrFilter;
use iroh::endpoint::{
    Endpoint, IdleTimeout, NetReportConfig, PortmapperConfig, QuicTransportConfig, VarInt, presets,
};
use iroh::tls::CaTlsConfig;
use iroh::{RelayConfig, RelayMap, RelayMode, RelayUrl, SecretKey};
use iroh_mainline_address_lookup::DhtAddressLookup;
use iroh_mdns_address_lookup::MdnsAddressLookup;
use iroh_relay::RelayQuicConfig;
use n0_mainline::DhtBuilder;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use super::error::PeersError;
use super::settings::PeersSettings;

/// Opens it. `listen` in place of the configured addresses is for programs that only dial.
pub(super) async fn open(
    settings: &PeersSettings,
    listen: &[SocketAddr],
    key: &SigningKey,
    alpns: Vec<Vec<u8>>,
) -> Result<Endpoint, PeersError> {
    let failed = |why: String| PeersError::Listen { listen: listen.to_vec(), why };
    // `Minimal` and an empty list of relays: nothing of the library's own servers, no DNS of theirs, no port mapper.
    let mut builder = Endpoint::builder(presets::Minimal)
        .clear_ip_transports()
        .secret_key(SecretKey::from_bytes(key.as_bytes()))
        .alpns(alpns)
        .portmapper_config(PortmapperConfig::Disabled)
        .net_report_config(net_report(&settings.relays))
        .relay_mode(relay_mode(settings))
        .transport_config(transport());
    for address in listen {
        builder = builder.bind_addr(*address).map_err(|error| failed(error.to_string()))?;
    }
    for address in &settings.external {
        builder = builder.external_addr(*address);
    }
    if let Some(path) = &settings.relay_ca {
        let why = |error: String| PeersError::File {
            path: path.clone(),
            why: format!("no certificates (PEM) in it: {error}"),
        };
        let read = CertificateDer::pem_file_iter(path).map_err(|error| why(error.to_string()))?;
        let roots = read.collect::<Result<Vec<_>, _>>().map_err(|error| why(error.to_string()))?;
        if roots.is_empty() {
            return Err(why("the file has none".to_owned()));
        }
        builder = builder.ca_tls_config(CaTlsConfig::custom_roots(roots));
    }
    if settings.mdns {
        builder = builder.address_lookup(MdnsAddressLookup::builder().service_name(MDNS_SERVICE));
    }
    if !settings.dht.is_empty() {
        let mut dht = DhtBuilder::default();
        dht.bootstrap(&settings.dht);
        // Addresses too: who has no relay has nothing else to publish.
        builder = builder.address_lookup(
            DhtAddressLookup::builder().dht_builder(dht).addr_filter(AddrFilter::unfiltered()),
        );
    }
    builder.bind().await.map_err(|error| failed(chain(&error)))
}

/// With relays, HTTPS probes of them: without, a bridge whose network lets no UDP through finds none of them. No captive portal is
/// looked for.
fn net_report(relays: &[RelayUrl]) -> NetReportConfig {
    let mut config = NetReportConfig::minimal();
    config.https_probes = !relays.is_empty();
    config
}

fn relay_mode(settings: &PeersSettings) -> RelayMode {
    if settings.relays.is_empty() {
        return RelayMode::Disabled;
    }
    let config = |url: &RelayUrl| relay(url, settings.relay_quic_port);
    RelayMode::Custom(RelayMap::from_iter(settings.relays.iter().map(config)))
}

/// A relay as the endpoint uses it. Inserting it again makes the endpoint ask anew where it is seen from.
pub(super) fn relay(url: &RelayUrl, quic_port: Option<u16>) -> RelayConfig {
    // Address discovery needs the relay's certificate.
    let quic = quic_port.filter(|_| url.scheme() == "https").map(RelayQuicConfig::new);
    RelayConfig::new(url.clone(), quic)
}

/// Windows so small that a peer which never reads, or never stops, holds little of this machine's memory. Before it is admitted a
/// peer may open one stream and fill [`STRANGER_WINDOW`].
fn transport() -> QuicTransportConfig {
    QuicTransportConfig::builder()
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(STRANGER_WINDOW))
        .send_window(u64::from(WINDOW))
        .datagram_receive_buffer_size(Some(DATAGRAMS))
        .datagram_send_buffer_size(DATAGRAMS)
        .max_idle_timeout(Some(IdleTimeout::try_from(IDLE).expect("30 s is a timeout of QUIC")))
        .build()
}

/// An error with what caused it, in one line.
pub(super) fn chain(error: &dyn core::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = error.source();
    }
    text.replace('\n', ", ")
}

/// Not the library's own name: other programs of the network do not see bridges, nor bridges them.
const MDNS_SERVICE: &str = "roadcast";
/// Bytes of a peer that is admitted, on its way and not read: 250 KB/s at a round trip of a second.
pub(super) const WINDOW: u32 = 256 * 1024;
const STREAM_WINDOW: u32 = 128 * 1024;
/// Four hellos.
const STRANGER_WINDOW: u32 = 16 * 1024;
/// 45 frames of the longest.
const DATAGRAMS: usize = 64 * 1024;
/// Longer than any silence after which a peer is dialled anew.
const IDLE: Duration = Duration::from_secs(61);
