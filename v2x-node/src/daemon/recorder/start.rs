//! Beginning a recording with its station.

use std::path::PathBuf;

use v2x_core::{Anchor, Config, Pool};
use v2x_proto::v1;
use v2x_recording::record;

use crate::config::StationConfig;
use crate::error::Error;
use crate::key_files;
use crate::version::SOFTWARE;

/// All that makes the station what it is, apart from its keys.
///
/// # Errors
/// A credential of an authority cannot be read.
pub fn header(
    config: &StationConfig,
    pool: &Pool,
    seed: u64,
    anchor: Anchor,
) -> Result<v1::RecordingHeader, Error> {
    let all = |paths: &[PathBuf]| {
        paths.iter().map(|path| key_files::read_credential(path)).collect::<Result<_, _>>()
    };
    Ok(v1::RecordingHeader {
        version: record::VERSION,
        software: SOFTWARE.to_owned(),
        config_json: config_json(&config.station),
        credential: pool.active().credential().clone(),
        issuers: all(&config.identity.issuers)?,
        roots: all(&config.identity.roots)?,
        seed,
        anchor_instant_ns: anchor.instant.as_nanos(),
        anchor_wire_us: anchor.wire.as_micros(),
        pool: record::identities(pool),
        lost_inputs: None,
    })
}

fn config_json(config: &Config) -> String {
    serde_json::to_string(config).expect("invariant: a configuration has no keys that are not strings")
}
