//! Beginning a recording with its station.

use std::path::PathBuf;

use v2x_core::{Anchor, Pool};
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
    let (roots, issuers) = (all(&config.identity.roots)?, all(&config.identity.issuers)?);
    Ok(record::header(SOFTWARE, &config.station, pool, roots, issuers, seed, anchor))
}
