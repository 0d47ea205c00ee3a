//! What the tests of this module share.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use ed25519_dalek::SigningKey;
use v2x_core::WireTime;

use super::kind::ContentKind;
use super::manifest::{ContentHash, Manifest, ManifestDraft, OperatorKeys};

/// A folder of the test's own, removed with it.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Relaxed);
        let folder = std::env::temp_dir().join(format!("roadcast-operator-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub fn at(&self) -> &Path {
        &self.0
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// What is in it, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

pub const NOW: WireTime = WireTime::from_secs(700_000_000);

pub fn operator_key() -> SigningKey {
    SigningKey::from_bytes(&[0x0b; 32])
}

pub fn operator_keys() -> OperatorKeys {
    OperatorKeys::new(vec![operator_key().verifying_key()]).unwrap()
}

/// A manifest for `rsu-7` that ends in an hour.
pub fn manifest(kind: ContentKind, version: u64, content: &[u8]) -> Manifest {
    manifest_for("rsu-7", kind, version, content)
}

pub fn manifest_for(target: &str, kind: ContentKind, version: u64, content: &[u8]) -> Manifest {
    let draft = ManifestDraft {
        target: target.to_owned(),
        kind,
        version,
        hash: ContentHash::of(content),
        size: content.len() as u64,
        ends: NOW + core::time::Duration::from_secs(3600),
    };
    Manifest::sign(&draft, &operator_key()).unwrap()
}
