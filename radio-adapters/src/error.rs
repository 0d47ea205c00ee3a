//! Why a link could not be opened.

use std::io;
use std::net::Ipv4Addr;

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
    /// The interface cannot carry frames yet.
    #[error("network interface {name:?} is down; bring it up: ip link set {name} up")]
    InterfaceDown {
        /// Its name.
        name: String,
    },
    /// The interface is not Ethernet-like.
    #[error(
        "network interface {name:?} has no 6-byte hardware address; a packet link needs an Ethernet-like interface"
    )]
    NoHardwareAddress {
        /// Its name.
        name: String,
    },
    /// The interface cannot be a UDP link.
    #[error("network interface {name:?} has no IPv4 address; give it one or name another interface")]
    NoIpv4Address {
        /// Its name.
        name: String,
    },
    /// The group is no multicast address.
    #[error("{group} is not an IPv4 multicast address; use one of 224.0.0.0/4, such as 239.255.86.2")]
    NotMulticast {
        /// The address given.
        group: Ipv4Addr,
    },
    /// Raw sockets need a privilege.
    #[error(
        "opening a packet socket on {name:?} needs CAP_NET_RAW: run as root, or setcap cap_net_raw+ep on the binary (again after each build), or use link.kind = \"udp\""
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
