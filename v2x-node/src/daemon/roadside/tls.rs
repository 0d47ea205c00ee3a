//! TLS to casters, where this build has it (feature `tls`).

#[cfg(feature = "tls")]
pub use self::with::Tls;
#[cfg(not(feature = "tls"))]
pub use self::without::NoTls as Tls;

#[cfg(feature = "tls")]
use std::path::PathBuf;

use crate::error::Complaint;

/// Why there can be no TLS with casters.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// This build has none.
    #[cfg(not(feature = "tls"))]
    #[error(
        "roadside.corrections: this build has no TLS: build it with the feature `tls`, or use ntrip:// without it"
    )]
    NotBuilt,
    /// A file of authorities that cannot be used.
    #[cfg(feature = "tls")]
    #[error("roadside.corrections_ca: {path}: {why}; it has to be certificates of authorities in PEM")]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl Complaint for TlsError {}

#[cfg(not(feature = "tls"))]
mod without {
    use core::convert::Infallible;
    use std::io;
    use std::path::Path;

    use tokio::net::TcpStream;

    use super::TlsError;

    /// Not in this build.
    #[derive(Clone, Debug)]
    pub struct NoTls(Infallible);

    impl NoTls {
        pub fn new(_authorities: Option<&Path>) -> Result<Self, TlsError> {
            Err(TlsError::NotBuilt)
        }

        pub async fn connect(&self, _host: &str, _stream: TcpStream) -> io::Result<TcpStream> {
            match self.0 {}
        }
    }
}

#[cfg(feature = "tls")]
mod with {
    use std::io;
    use std::path::Path;
    use std::sync::Arc;

    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::client::TlsStream;
    use tokio_rustls::rustls::crypto::ring;
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;
    use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
    use tokio_rustls::rustls::{CertificateError, ClientConfig, Error, RootCertStore};

    use super::TlsError;

    /// How to talk to casters in secret: the authorities that are believed.
    #[derive(Clone)]
    pub struct Tls(TlsConnector);

    impl core::fmt::Debug for Tls {
        fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            f.write_str("Tls")
        }
    }

    impl Tls {
        /// Believes the authorities in a file, or else the system's.
        ///
        /// # Errors
        /// [`TlsError::Authorities`]: no file, or no certificate in it.
        pub fn new(authorities: Option<&Path>) -> Result<Self, TlsError> {
            let path = authorities.unwrap_or(Path::new(SYSTEM));
            let failed = |why: String| TlsError::Authorities { path: path.to_owned(), why };
            let certificates =
                CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?;
            let mut roots = RootCertStore::empty();
            for certificate in certificates {
                let certificate = certificate.map_err(|error| failed(error.to_string()))?;
                let added = roots.add(certificate);
                // A system's bundle may have one of a kind that is not supported; a file of one's own may not.
                if let (Err(error), true) = (added, authorities.is_some()) {
                    return Err(failed(error.to_string()));
                }
            }
            if roots.is_empty() {
                return Err(failed("no certificate in it".to_owned()));
            }
            let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(|error| failed(error.to_string()))?
                .with_root_certificates(roots)
                .with_no_client_auth();
            Ok(Self(TlsConnector::from(Arc::new(config))))
        }

        /// Shakes hands with `host` over a connection to it.
        ///
        /// # Errors
        /// A certificate that is not believed, not for this host, or not valid now; no TLS at the other end.
        pub async fn connect(&self, host: &str, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
            let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
            let connected = self.0.connect(name, stream).await;
            connected.map_err(|error| {
                io::Error::new(error.kind(), format!("no TLS with the caster: {}", reason(&error)))
            })
        }
    }

    /// Why a handshake failed, with what would be right.
    fn reason(error: &io::Error) -> String {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        match inner {
            Some(Error::InvalidMessage(_)) => {
                "it answers without TLS on this port (its port for TLS, or ntrip:// without)".to_owned()
            }
            Some(Error::InvalidCertificate(wrong)) => match wrong {
                CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                    "none of the authorities believed has signed its certificate \
                    (roadside.corrections_ca names a file with its authority)"
                        .to_owned()
                }
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                    "its certificate has expired, or this machine's clock is ahead".to_owned()
                }
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                    "its certificate is not valid yet, or this machine's clock is behind".to_owned()
                }
                CertificateError::NotValidForName => {
                    "its certificate is for another name than the host in roadside.corrections".to_owned()
                }
                CertificateError::NotValidForNameContext { presented, .. } => format!(
                    "its certificate is for another name than the host in roadside.corrections: {}",
                    presented.join(", ")
                ),
                other => other.to_string(),
            },
            _ if error.kind() == io::ErrorKind::UnexpectedEof => {
                "it hung up during the handshake (a port without TLS?)".to_owned()
            }
            _ => error.to_string(),
        }
    }

    /// Debian's, and where most others have a link.
    const SYSTEM: &str = "/etc/ssl/certs/ca-certificates.crt";
}
