//! Why recordings cannot be merged.

use v2x_proto::Digest;
use v2x_recording::check::CheckError;

/// Why there is nothing to show. Each prints as one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// A file cannot be read, or is no recording of a version that is read.
    #[error(transparent)]
    Recording(#[from] CheckError),
    /// One recording has nobody to be merged with; too many take too long.
    #[error("{0} recordings; give 2 to {MAX_RECORDINGS}, of different stations on one drive")]
    Count(usize),
    /// Two files are of the same station.
    #[error(
        "{other}: is of the same station as {one} (credential {digest}); give one recording of each station"
    )]
    SameStation {
        /// The first file.
        one: String,
        /// The second.
        other: String,
        /// A credential that both have.
        digest: Digest,
    },
    /// Some stations were under test and some in service.
    #[error(
        "{test}: its station sent test traffic, and {service} none: a station in service drops that; merge recordings of one \
         kind"
    )]
    TestMixed {
        /// A recording with test traffic.
        test: String,
        /// One without.
        service: String,
    },
    /// Nobody heard anybody.
    #[error(
        "{}: no frame that one of these stations sent was heard by another; give recordings of one drive, within radio \
         range",
        .0.join(", ")
    )]
    NothingInCommon(Vec<String>),
}

/// Recordings that are merged at once: each pair of them is looked at.
pub const MAX_RECORDINGS: usize = 16;
