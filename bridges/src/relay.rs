//! A relay of one's own: carries sealed packets between bridges that cannot reach each other, and tells each where it is seen
//! from. It can read nothing of what it carries.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use iroh::EndpointId;
use iroh_relay::server::{
    Access, AccessControl, CertConfig, ClientRateLimit, ClientRequest, ConnectionId, QuicConfig, RelayConfig,
    Server, ServerConfig, TlsConfig, reloading_resolver,
};
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tracing::{debug, warn};

use crate::peers::PeerKey;

/// `relay.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelaySettings {
    /// Where it listens: HTTPS with a certificate, plain HTTP without.
    pub listen: SocketAddr,
    /// Its certificate; none only where `plain = true` says so.
    pub tls: Option<RelayTls>,
    /// Who may use it, by name.
    pub allow: Vec<(String, PeerKey)>,
    /// Bytes a second that are taken from each.
    pub bytes_s: NonZeroU32,
}

/// The certificate of a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayTls {
    /// The chain, PEM. Read again each hour.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// UDP port at which bridges learn where they are seen from, at the same address; none does not say.
    pub quic_port: Option<u16>,
}

/// Why a relay cannot be started. Prints as one line.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// Others can read the private key.
    #[error("{}: everybody can read this private key (mode {mode:04o}); take the right away: chmod o= {}", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The certificate or its key cannot be used.
    #[error("{} with {}: {why}; expected a certificate chain and its private key, each PEM", certificate.display(), key.display())]
    Certificate {
        /// The chain.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A socket cannot be bound.
    #[error("relay.listen {listen}: {why}")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// The library's error.
        why: String,
    },
}

/// A running relay. Dropping it ends it.
#[derive(Debug)]
pub struct Relay {
    server: Server,
    access: Arc<AllowList>,
}

impl Relay {
    /// Starts it.
    ///
    /// # Errors
    /// [`RelayError`].
    pub async fn start(settings: &RelaySettings) -> Result<Self, RelayError> {
        let access = Arc::new(AllowList::new(settings.allow.iter().map(|(_, key)| *key)));
        let mut config = ServerConfig::default();
        // With TLS, plain HTTP is of use to nobody here: it answers browsers and looks for captive portals.
        let http =
            if settings.tls.is_some() { SocketAddr::from(([127, 0, 0, 1], 0)) } else { settings.listen };
        let mut relay = RelayConfig::new(http);
        let mut limit = ClientRateLimit::new(settings.bytes_s);
        limit.max_burst_bytes = Some(settings.bytes_s);
        relay.limits.client_rx = Some(limit);
        relay.access = access.clone();
        if let Some(tls) = &settings.tls {
            relay.tls = Some(TlsConfig::new(
                settings.listen,
                CertConfig::Manual { server_config: tls.read().await? },
            ));
            config.quic =
                tls.quic_port.map(|port| QuicConfig::new(SocketAddr::new(settings.listen.ip(), port)));
        }
        config.relay = Some(relay);
        let failed = |error: &dyn core::error::Error| RelayError::Listen {
            listen: settings.listen,
            why: chain(error),
        };
        let server = Server::spawn(config).await.map_err(|error| failed(&error))?;
        Ok(Self { server, access })
    }

    /// Where bridges connect.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.server.https_addr().or_else(|| self.server.http_addr())
    }

    /// Where bridges learn where they are seen from.
    #[must_use]
    pub fn quic_address(&self) -> Option<SocketAddr> {
        self.server.quic_addr()
    }

    /// Bridges connected now, and connections refused so far.
    #[must_use]
    pub fn counts(&self) -> (usize, u64) {
        (self.access.connected().len(), self.access.refused.load(Ordering::Relaxed))
    }

    /// Takes another list of keys; who is not on it any more loses its connections.
    pub fn allow(&self, allow: &[(String, PeerKey)]) {
        let gone = self.access.replace(allow.iter().map(|(_, key)| *key));
        let Some(service) = self.server.relay_service() else { return };
        for key in gone {
            service.clients().disconnect(key, None);
        }
    }

    /// Ends it, and the connections to it.
    pub async fn stop(self) {
        if let Err(error) = self.server.shutdown().await {
            debug!(target: "relay", %error, "the relay's end");
        }
    }
}

impl RelayTls {
    async fn read(&self) -> Result<rustls::ServerConfig, RelayError> {
        let why = |why: String| RelayError::Certificate {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            why,
        };
        let mode =
            fs::metadata(&self.key).map_err(|error| why(error.to_string()))?.permissions().mode() & 0o7777;
        if mode & 0o007 != 0 {
            return Err(RelayError::Exposed { path: self.key.clone(), mode });
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        // What is read again later is only watched there: that it can be used at all is found here.
        let chain =
            CertificateDer::pem_file_iter(&self.certificate).map_err(|error| why(error.to_string()))?;
        let chain = chain.collect::<Result<Vec<_>, _>>().map_err(|error| why(error.to_string()))?;
        if chain.is_empty() {
            return Err(why("no certificate".to_owned()));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| why(error.to_string()))?;
        rustls::sign::CertifiedKey::from_der(chain, key, &provider)
            .map_err(|error| why(error.to_string()))?;
        let resolver =
            reloading_resolver(&provider, self.certificate.clone(), self.key.clone(), RELOAD).await;
        let resolver = resolver.map_err(|error| why(format!("{error:#}").replace('\n', ", ")))?;
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| why(error.to_string()))?;
        Ok(config.with_no_client_auth().with_cert_resolver(resolver))
    }
}

/// The keys that may use a relay; each has proved its key when it is asked for here.
#[derive(Debug)]
struct AllowList {
    keys: Mutex<BTreeSet<EndpointId>>,
    connected: Mutex<BTreeMap<EndpointId, usize>>,
    refused: AtomicU64,
}

impl AllowList {
    fn new(keys: impl Iterator<Item = PeerKey>) -> Self {
        let keys = Mutex::new(keys.map(|key| key.id()).collect());
        Self { keys, connected: Mutex::default(), refused: AtomicU64::new(0) }
    }

    /// Takes another list; the keys that it does not have any more.
    fn replace(&self, keys: impl Iterator<Item = PeerKey>) -> Vec<EndpointId> {
        let next: BTreeSet<EndpointId> = keys.map(|key| key.id()).collect();
        let before = std::mem::replace(&mut *self.keys(), next.clone());
        before.difference(&next).copied().collect()
    }

    fn keys(&self) -> MutexGuard<'_, BTreeSet<EndpointId>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connected(&self) -> MutexGuard<'_, BTreeMap<EndpointId, usize>> {
        self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refuse(&self, key: EndpointId, reason: &str) -> Access {
        // The first for people; strangers do not fill the log.
        if self.refused.fetch_add(1, Ordering::Relaxed) == 0 {
            warn!(target: "relay", "{} is refused: {reason}; others are only counted", PeerKey::from(key));
        }
        Access::Deny { reason: Some(reason.to_owned()) }
    }
}

impl AccessControl for AllowList {
    async fn on_connect(&self, request: &ClientRequest) -> Access {
        let key = request.endpoint_id();
        if !self.keys().contains(&key) {
            return self.refuse(key, "this relay's list does not have the key");
        }
        let mut connected = self.connected();
        let count = connected.entry(key).or_default();
        if *count >= MOST_CONNECTIONS {
            return self.refuse(key, "too many connections with the key");
        }
        *count += 1;
        Access::Allow
    }

    fn on_disconnect(&self, key: EndpointId, _connection: ConnectionId) {
        let mut connected = self.connected();
        if let Some(count) = connected.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                connected.remove(&key);
            }
        }
    }
}

fn chain(error: &dyn core::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

/// How often a certificate is read again: authorities that certify for days renew days before.
const RELOAD: Duration = Duration::from_secs(3600);
/// Of one bridge: those that its network dropped are found dead late.
const MOST_CONNECTIONS: usize = 4;
