//! Why a link could not be opened.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::radio::Unfit;

/// Why a link could not be opened, in words for the person who configured it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No interface has this name.
    #[error("no network interface {name:?}; this machine has: {known}")]
    NoInterface {
        /// The name asked for.
        name: String,
        /// The names there are, separated by commas.
        known: String,
    },
    /// No interface has this address.
    #[error("no network interface has the address {address}; this machine has: {known}")]
    NoAddress {
        /// The address asked for.
        address: Ipv4Addr,
        /// The addresses there are, with their interfaces, separated by commas.
        known: String,
    },
    /// The interface cannot carry this link as it is set up.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The group is no multicast address.
    #[error("{group} is not an IPv4 multicast address; use one of 224.0.0.0/4, such as 239.255.86.2")]
    NotMulticast {
        /// The address given.
        group: Ipv4Addr,
    },
    /// A program that shares it with nobody holds the port.
    #[error(
        "another program keeps UDP port {} for itself: end it (ss -ulpn sport = :{}), or use another port in link.group",
        group.port(),
        group.port()
    )]
    PortInUse {
        /// The group of the link.
        group: SocketAddrV4,
    },
    /// Raw sockets need a privilege.
    #[error(
        "opening a packet socket on {name:?} needs CAP_NET_RAW: run it as a service that has it (examples/roadcast.service) or as root, or use link.kind = \"udp\""
    )]
    NoPrivilege {
        /// The interface asked for.
        name: String,
    },
    /// A system call failed.
    #[error("{step}: {source}")]
    System {
        /// What was being done.
        step: String,
        /// The kernel's error.
        #[source]
        source: io::Error,
    },
}

impl OpenError {
    /// Wraps a kernel error with what was being done.
    pub(crate) fn at(step: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let step = step.into();
        move |source| Self::System { step, source }
    }
}
