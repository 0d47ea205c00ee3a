//! What a broker link is set up with, and what of it can be wrong at the start.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rumqttc::tokio_rustls::rustls::RootCertStore;
use rumqttc::tokio_rustls::rustls::pki_types::CertificateDer;
use rumqttc::tokio_rustls::rustls::pki_types::pem::PemObject as _;

use super::address::BrokerAddress;
use super::link::{LinkSettings, Note, Trust};
use super::topic::Topics;
use crate::budget::BudgetLimits;
use crate::hub::EndSettings;
use crate::select::Selection;

/// `[broker]` of a configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct BrokerSettings {
    /// Where it is.
    pub address: BrokerAddress,
    /// The file of the one authority that is trusted, PEM; without it the platform's.
    pub ca: Option<PathBuf>,
    /// Name among the broker's clients.
    pub client_id: String,
    /// User name.
    pub username: Option<String>,
    /// The file of the password, which ends with its first line.
    pub password_file: Option<PathBuf>,
    /// Topics.
    pub topics: Topics,
    /// What is published.
    pub send: Selection,
    /// What is subscribed to.
    pub receive: Selection,
    /// The most that is taken from the broker.
    pub budget: BudgetLimits,
    /// Messages that wait for the broker, and events that are sent again.
    pub queue: usize,
}

/// Why a broker link cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum BrokerSetupError {
    /// A file cannot be read.
    #[error("{}: cannot read {what}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is in it.
        what: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// The authority's file has no certificate that can be used.
    #[error("{}: no certificate that can be used; broker.ca names the authority's certificate in PEM", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// Anybody can read the password.
    #[error("{}: everybody on this machine can read this password: chmod 600", path.display())]
    OpenPassword {
        /// The file.
        path: PathBuf,
    },
    /// A group that no filter can name.
    #[error("{0:?} names no group: letters, digits, -, _ and .")]
    Group(String),
    /// There is no password in the file.
    #[error("{}: no password in it: it is one line", path.display())]
    NoPassword {
        /// The file.
        path: PathBuf,
    },
}

impl BrokerSettings {
    /// With what a connection is opened; reads the files.
    ///
    /// # Errors
    /// [`BrokerSetupError`]: the first file that cannot be used.
    pub fn link(&self, will: Option<Note>) -> Result<LinkSettings, BrokerSetupError> {
        let trust = match &self.ca {
            None => Trust::Platform,
            Some(path) => Trust::Authority(authority(path)?.into()),
        };
        let login = match (&self.username, &self.password_file) {
            (Some(name), Some(path)) => Some((name.clone(), password(path)?)),
            (Some(name), None) => Some((name.clone(), Bytes::new())),
            (None, _) => None,
        };
        Ok(LinkSettings {
            address: self.address.clone(),
            trust,
            client_id: self.client_id.clone(),
            login,
            will,
        })
    }

    /// As an end of the hub.
    #[must_use]
    pub fn end(&self) -> EndSettings {
        EndSettings {
            name: "broker".to_owned(),
            send: self.send.clone(),
            receive: self.receive.clone(),
            budget: self.budget,
            queue: self.queue,
        }
    }
}

fn authority(path: &Path) -> Result<Vec<u8>, BrokerSetupError> {
    let read = |source| BrokerSetupError::File {
        path: path.to_owned(),
        what: "the authority's certificate",
        source,
    };
    let pem = fs::read(path).map_err(read)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let usable = certificates.is_ok_and(|certificates| {
        let (usable, _) = RootCertStore::empty().add_parsable_certificates(certificates);
        usable > 0
    });
    if usable { Ok(pem) } else { Err(BrokerSetupError::NoCertificate { path: path.to_owned() }) }
}

fn password(path: &Path) -> Result<Bytes, BrokerSetupError> {
    let read = |source| BrokerSetupError::File { path: path.to_owned(), what: "the password", source };
    if fs::metadata(path).map_err(read)?.permissions().mode() & OTHERS_READ != 0 {
        return Err(BrokerSetupError::OpenPassword { path: path.to_owned() });
    }
    let text = fs::read(path).map_err(read)?;
    let line = text.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    if line.is_empty() {
        return Err(BrokerSetupError::NoPassword { path: path.to_owned() });
    }
    Ok(Bytes::copy_from_slice(line))
}

const OTHERS_READ: u32 = 0o004;

#[cfg(test)]
mod tests {
    use std::process;

    use super::*;

    fn settings(directory: &Path) -> BrokerSettings {
        BrokerSettings {
            address: "mqtts://broker.example".parse().unwrap(),
            ca: Some(directory.join("ca.pem")),
            client_id: "a".to_owned(),
            username: Some("unit".to_owned()),
            password_file: Some(directory.join("password")),
            topics: Topics::new("roadcast").unwrap(),
            send: Selection::default(),
            receive: Selection::default(),
            budget: BudgetLimits { messages_s: 100, bytes_s: 100_000 },
            queue: 8,
        }
    }

    #[test]
    fn files_that_cannot_be_used_are_told_apart() {
        let directory = std::env::temp_dir().join(format!("broker-settings-{}", process::id()));
        fs::create_dir_all(&directory).unwrap();
        let settings = settings(&directory);
        let error = || settings.link(None).err().unwrap().to_string();
        assert!(error().contains("ca.pem: cannot read the authority's certificate"), "{}", error());
        fs::write(directory.join("ca.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
            .unwrap();
        assert!(error().contains("ca.pem: no certificate that can be used"), "{}", error());
        let ca = rcgen::generate_simple_self_signed(["broker.example".to_owned()]).unwrap();
        fs::write(directory.join("ca.pem"), ca.cert.pem()).unwrap();
        assert!(error().contains("password: cannot read the password"), "{}", error());
        let password = directory.join("password");
        fs::write(&password, "\n").unwrap();
        fs::set_permissions(&password, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(error().contains("chmod 600"), "{}", error());
        fs::set_permissions(&password, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(error().contains("no password in it"), "{}", error());
        fs::write(&password, "secret\r\n").unwrap();
        let link = settings.link(None).unwrap();
        assert_eq!(link.login, Some(("unit".to_owned(), Bytes::from_static(b"secret"))));
        fs::remove_dir_all(&directory).unwrap();
    }
}
