//! Manifests that a unit knows of, also those for others: to be passed on over the air, and to peers that ask.

use std::fs;
use std::io;
use std::path::Path;

use v2x_core::WireTime;

use super::manifest::{Manifest, OperatorKeys};
use super::whole;

/// The newest manifest of each target and kind, bounded.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    manifests: Vec<Manifest>,
}

impl Shelf {
    /// What is stored in a directory; what is over or not the operator's any more is left out. A shelf that cannot be read is an
    /// empty one: it fills again.
    #[must_use]
    pub fn read(directory: &Path, keys: &OperatorKeys, now: WireTime) -> Self {
        let mut shelf = Self::default();
        let text = fs::read_to_string(directory.join(FILE)).unwrap_or_default();
        for line in text.lines().take(MOST_MANIFESTS) {
            let bytes = data_encoding::HEXLOWER.decode(line.as_bytes()).unwrap_or_default();
            if let Ok(manifest) = Manifest::read(&bytes, keys) {
                shelf.put(&manifest, now);
            }
        }
        shelf
    }

    /// Stores it.
    ///
    /// # Errors
    /// The system's.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        let lines = self.manifests.iter().map(|it| data_encoding::HEXLOWER.encode(it.encoded()) + "\n");
        whole::replace(&directory.join(FILE), lines.collect::<String>().as_bytes(), 0o600)
    }

    /// Puts a manifest that was verified there, in place of an older one of its target and kind. Whether it changed. When there
    /// are too many, the one that ends first goes.
    pub fn put(&mut self, manifest: &Manifest, now: WireTime) -> bool {
        if manifest.is_over(now) {
            return false;
        }
        let same = |it: &Manifest| it.kind == manifest.kind && it.target == manifest.target;
        if self.manifests.iter().any(|it| same(it) && it.version >= manifest.version) {
            return false;
        }
        self.manifests.retain(|it| !same(it) && !it.is_over(now));
        self.manifests.push(manifest.clone());
        if self.manifests.len() > MOST_MANIFESTS {
            let first = self.manifests.iter().enumerate().min_by_key(|(_, it)| it.ends);
            if let Some((first, _)) = first {
                self.manifests.remove(first);
            }
        }
        true
    }

    /// Those that are not over.
    pub fn iter(&self, now: WireTime) -> impl Iterator<Item = &Manifest> {
        self.manifests.iter().filter(move |it| !it.is_over(now))
    }
}

const FILE: &str = "manifests";
/// A unit, its groups, and its neighbours' units, of each kind.
pub const MOST_MANIFESTS: usize = 64;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::fixture::{Folder, NOW, manifest, manifest_for, operator_keys};
    use super::super::kind::ContentKind;
    use super::*;

    #[test]
    fn the_newest_of_each_target_and_kind_is_kept_over_a_restart() {
        let folder = Folder::new();
        let mut shelf = Shelf::default();
        let software = |version| manifest(ContentKind::Software, version, b"x");
        assert!(shelf.put(&software(2), NOW) && shelf.put(&software(4), NOW));
        assert!(!shelf.put(&software(3), NOW) && !shelf.put(&software(4), NOW));
        assert!(shelf.put(&manifest(ContentKind::Trust, 1, b"x"), NOW));
        assert!(shelf.put(&manifest_for("north", ContentKind::Software, 1, b"x"), NOW));
        shelf.write(folder.at()).unwrap();
        let read = Shelf::read(folder.at(), &operator_keys(), NOW);
        let versions: Vec<u64> = read.iter(NOW).map(|it| it.version).collect();
        assert_eq!(versions, [4, 1, 1]);
        let later = NOW + Duration::from_secs(7_200);
        assert_eq!(read.iter(later).count(), 0);
        assert!(!shelf.put(&software(9), later), "it is over");
        fs::write(folder.path(FILE), [0xff; 9]).unwrap();
        assert_eq!(Shelf::read(folder.at(), &operator_keys(), NOW).iter(NOW).count(), 0);
    }

    #[test]
    fn a_thousand_manifests_take_no_more_room_than_there_is() {
        let mut shelf = Shelf::default();
        for number in 0..1_000 {
            let manifest = manifest_for(&format!("unit-{number}"), ContentKind::Software, 1, b"x");
            assert!(shelf.put(&manifest, NOW));
        }
        assert_eq!(shelf.iter(NOW).count(), MOST_MANIFESTS);
    }
}
