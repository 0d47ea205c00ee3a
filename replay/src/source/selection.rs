//! Which stations of a trace are wanted.

use core::hash::Hasher as _;
use std::collections::BTreeSet;
use std::path::Path;

use siphasher::sip::SipHasher13;

use super::side_file::{SideFileError, text};
use super::station_kind::StationKind;

/// The stations wanted: those that fit all that is given. `Default` wants every one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// These, by their names in the trace.
    pub names: Option<BTreeSet<String>>,
    /// Those of these kinds.
    pub kinds: Option<Vec<StationKind>>,
    /// A share of them, drawn by name.
    pub share: Option<Share>,
}

/// A share of a trace's stations. Whether a station is of it depends on its name and the seed alone: who is in a small share
/// is in every larger one of that seed, whatever else the trace has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// 0 to 100.
    pub percent: f64,
    /// Seed of the draw.
    pub seed: u64,
}

/// Names from a file, one a line; blank lines and those that begin with `#` are none.
///
/// # Errors
/// The file cannot be read, or has no name.
pub fn names_in(path: &Path) -> Result<BTreeSet<String>, SideFileError> {
    let names: BTreeSet<String> = text(path, MAX_BYTES, NAMES)?
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    if names.is_empty() {
        let found = "no name in it".to_owned();
        return Err(SideFileError::Line { file: path.display().to_string(), line: 1, found, right: NAMES });
    }
    Ok(names)
}

impl Selection {
    /// Whether a station of this name can be wanted.
    pub(super) fn takes_name(&self, name: &str) -> bool {
        self.names.as_ref().is_none_or(|names| names.contains(name))
            && self.share.is_none_or(|share| share.takes(name))
    }

    /// Whether a station of this kind can be wanted.
    pub(super) fn takes_kind(&self, kind: StationKind) -> bool {
        self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind))
    }
}

impl Share {
    fn takes(self, name: &str) -> bool {
        let mut hash = SipHasher13::new_with_keys(self.seed, 0);
        hash.write(name.as_bytes());
        // 53 bits are what a float holds exactly.
        let drawn = (hash.finish() >> 11) as f64 / (1u64 << 53) as f64;
        drawn * 100.0 < self.percent
    }
}

const NAMES: &str = "needed are names of stations, one a line";
/// A million names.
const MAX_BYTES: u64 = 1 << 26;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_as_large_as_it_says_and_grows_by_adding() {
        let taken = |percent, seed| -> BTreeSet<u32> {
            let share = Share { percent, seed };
            (0..10_000).filter(|number| share.takes(&format!("veh{number}"))).collect()
        };
        let (small, large) = (taken(10.0, 1), taken(30.0, 1));
        assert!(small.len().abs_diff(1_000) < 100 && large.len().abs_diff(3_000) < 150);
        assert!(small.is_subset(&large));
        assert_eq!((taken(0.0, 1).len(), taken(100.0, 1).len()), (0, 10_000));
        assert_ne!(taken(10.0, 2), small);
    }
}
