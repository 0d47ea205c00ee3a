//! What can go wrong when peers are started or dialled.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use v2x_core::CredentialError;

use super::key_file::KeyFileError;

/// Why peers cannot be started. Prints as one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeersError {
    /// The key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// One of the peers has the key of this bridge.
    #[error(
        "peer {0:?} has the key of this bridge itself: name the other one's, which `roadcast-bridge keys show` prints there"
    )]
    OwnKey(String),
    /// A socket cannot be bound.
    #[error("peers.listen {}: {why}", addresses(listen))]
    Listen {
        /// The addresses.
        listen: Vec<SocketAddr>,
        /// The library's error.
        why: String,
    },
    /// A file of certificates or credentials cannot be used.
    #[error("{}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The roots and issuers together are not accepted.
    #[error("peers.admit_roots with peers.admit_issuers: {0}")]
    Trust(CredentialError),
    /// A way of looking up addresses cannot be started.
    #[error("peers.{what}: {why}")]
    Lookup {
        /// Its key in the configuration.
        what: &'static str,
        /// The library's error.
        why: String,
    },
    /// The system has no randomness.
    #[error("no randomness: {0}")]
    Randomness(io::Error),
}

/// Why there is no connection to a peer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// No such peer.
    #[error("no peer {name:?}; peers here: {known}")]
    UnknownPeer {
        /// The name as given.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// It was not reached.
    #[error("peer {name} was not reached: {why}")]
    NotReached {
        /// Its name.
        name: String,
        /// What was seen of it.
        why: String,
    },
    /// It does not admit this bridge.
    #[error(
        "peer {name} does not admit this bridge: its configuration needs a [[peer]] with this bridge's key, which `roadcast-bridge keys show` prints"
    )]
    NotAdmitted {
        /// Its name.
        name: String,
    },
}

fn addresses(listen: &[SocketAddr]) -> String {
    let texts: Vec<String> = listen.iter().map(SocketAddr::to_string).collect();
    texts.join(", ")
}
