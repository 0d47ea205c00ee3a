//! `bridge.toml`: what the program links, parsed into types.
//!
//! [`Config::load`] returns the first thing wrong with a file as one line; a configuration that loads is consistent. Paths are
//! taken from the directory of the file. Each part reads its own tables.

mod bridge;
mod broker;
mod named_key;
mod operator;
mod peers;
mod relay;
mod remote;
mod selection;
mod station;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use v2x_settings::{Document, SettingsError};

pub use self::bridge::BridgeSettings;
pub use self::relay::load_relay;
use crate::broker::BrokerSettings;
use crate::operator::settings::OperatorSettings;
use crate::peers::PeersSettings;
use crate::station::StationSettings;

/// The program as configured.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `[bridge]`.
    pub bridge: BridgeSettings,
    /// `[[station]]`: the daemons of this machine, at most 16.
    pub stations: Vec<StationSettings>,
    /// `[broker]`.
    pub broker: Option<BrokerSettings>,
    /// `[peers]` and `[[peer]]`; none without them.
    pub peers: Option<PeersSettings>,
    /// `[operator]`; none without it.
    pub operator: Option<OperatorSettings>,
    /// `[remote]`: the log of remote control; there is one where a peer has rights to it.
    pub remote_log: Option<PathBuf>,
}

/// Why a configuration cannot be used. Prints as one line.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{file}: cannot read the configuration: {}", crate::words::without_number(source))]
    Read {
        /// The file as given.
        file: String,
        /// The system's error.
        source: io::Error,
    },
    /// A key or value in it is wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigError`]: the first thing wrong with it.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let read = |source| ConfigError::Read { file: file.display().to_string(), source };
        let mut text = String::new();
        File::open(file).and_then(|file| file.take(LONGEST_FILE).read_to_string(&mut text)).map_err(read)?;
        Ok(Self::parse(file, &text)?)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// The first thing wrong with it.
    pub fn parse(file: &Path, text: &str) -> Result<Self, SettingsError> {
        let document = Document::parse(file, text)?;
        let top = document.top(TABLES)?;
        let bridge = bridge::read(&top)?;
        let stations = station::read(&top)?;
        let broker = broker::read(&top, &bridge.name)?;
        let peers = peers::read(&top, &bridge)?;
        let operator = operator::read(&top, &bridge, &stations, peers.as_ref())?;
        let remote_log = remote::read(&top, peers.as_ref())?;
        Ok(Self { bridge, stations, broker, peers, operator, remote_log })
    }
}

/// Tables of the file.
const TABLES: &[&str] = &["bridge", "station", "broker", "peers", "peer", "operator", "remote"];
/// A file of a thousand peers has some 300 KiB.
const LONGEST_FILE: u64 = 1024 * 1024;

#[cfg(test)]
mod tests;
