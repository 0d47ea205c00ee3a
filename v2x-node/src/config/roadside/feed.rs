//! `roadside.feed`: where the controller reports what the signals show.

use core::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use v2x_settings::{Section, SettingsError};

/// Where the unit listens for its controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedAddress {
    /// A stream socket in the file system, made at start.
    Unix(PathBuf),
    /// Datagrams.
    Udp(SocketAddr),
}

impl FeedAddress {
    /// Whether other machines can reach it. What comes by a feed is believed.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Udp(address) if !address.ip().is_loopback())
    }
}

impl fmt::Display for FeedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Udp(address) => write!(f, "udp:{address}"),
        }
    }
}

pub(super) fn read(section: &Section<'_>) -> Result<Option<FeedAddress>, SettingsError> {
    let right =
        "\"unix:\" with a path, or \"udp:\" with a port, or address and port, such as \"udp:127.0.0.1:5055\"";
    let Some(text) = section.string("feed", right)? else { return Ok(None) };
    let wrong = || section.wrong("feed", format!("{text:?}"), right.to_owned());
    match text.split_once(':') {
        Some(("unix", path)) if !path.is_empty() => {
            let path = section.beside(path);
            if path.as_os_str().len() > LONGEST_SOCKET_PATH {
                let found = format!("a path of {} bytes", path.as_os_str().len());
                return Err(section.wrong(
                    "feed",
                    found,
                    format!("at most {LONGEST_SOCKET_PATH}, as sockets have"),
                ));
            }
            Ok(Some(FeedAddress::Unix(path)))
        }
        Some(("udp", address)) => {
            let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let address = address.parse::<SocketAddr>().or_else(|_| address.parse().map(loopback));
            match address {
                Ok(address) if address.port() != 0 => Ok(Some(FeedAddress::Udp(address))),
                _ => Err(wrong()),
            }
        }
        _ => Err(wrong()),
    }
}

/// Linux `sockaddr_un` has 108 bytes, the last of them zero.
const LONGEST_SOCKET_PATH: usize = 107;
