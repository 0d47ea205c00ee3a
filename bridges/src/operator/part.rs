//! Content on its way to the disk: a file that has a name only when its hash holds.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::statvfs::statvfs;

use super::fetch::Fetch;
use super::manifest::{ContentHash, Manifest};
use super::whole;

/// A file that grows until it is whole.
#[derive(Debug)]
pub struct PartFile {
    file: File,
    part: PathBuf,
    whole: PathBuf,
}

impl PartFile {
    /// Opens the file of a manifest's content, and the fetch of what it lacks: what came before a break is kept.
    ///
    /// # Errors
    /// The system's; `StorageFull` when the disk has no room for what is missing and [`SPARE`] more.
    pub fn open(directory: &Path, manifest: &Manifest, now: Duration) -> io::Result<(Self, Fetch)> {
        let whole = path_of(directory, manifest.hash);
        let part = whole::beside(&whole, "part");
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&part)?;
        let mut fetch = Fetch::new(manifest.hash, manifest.size, now);
        if file.metadata()?.len() > manifest.size {
            file.set_len(0)?;
        }
        let mut buffer = vec![0; 64 << 10];
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                length => fetch.kept(&buffer[..length]).map_err(io::Error::other)?,
            }
        }
        file.seek(SeekFrom::Start(fetch.have()))?;
        let free = free(directory)?;
        if free < (manifest.size - fetch.have()).saturating_add(SPARE) {
            let text = format!("{free} bytes free, and {} are missing", manifest.size - fetch.have());
            return Err(io::Error::new(io::ErrorKind::StorageFull, text));
        }
        Ok((Self { file, part, whole }, fetch))
    }

    /// Appends bytes that a fetch has taken.
    ///
    /// # Errors
    /// The system's.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Onto the disk, and under its name. The hash of all bytes was compared before.
    ///
    /// # Errors
    /// The system's.
    pub fn finish(self) -> io::Result<PathBuf> {
        self.file.sync_all()?;
        whole::rename(&self.part, &self.whole)?;
        Ok(self.whole)
    }

    /// Forgets all that came: it is not the content.
    ///
    /// # Errors
    /// The system's.
    pub fn discard(self) -> io::Result<()> {
        whole::remove(&self.part)
    }
}

/// Bytes of the disk of a directory that are free for this user.
#[allow(clippy::useless_conversion, reason = "both are 32 bits wide on some machines")]
fn free(directory: &Path) -> io::Result<u64> {
    let found = statvfs(directory)?;
    Ok(u64::from(found.blocks_available()).saturating_mul(u64::from(found.fragment_size())))
}

/// Where whole content is, once it is there.
#[must_use]
pub fn path_of(directory: &Path, hash: ContentHash) -> PathBuf {
    directory.join(hash.to_string())
}

/// Bytes of a part that is there.
#[must_use]
pub fn have(directory: &Path, hash: ContentHash) -> u64 {
    let whole = path_of(directory, hash);
    let length = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
    length(&whole).max(length(&whole::beside(&whole, "part")))
}

/// Whether whole content is there, and still what its name says: a disk may have lost it.
///
/// # Errors
/// The system's.
pub fn is_whole(directory: &Path, manifest: &Manifest) -> io::Result<bool> {
    let mut file = match File::open(path_of(directory, manifest.hash)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        opened => opened?,
    };
    if file.metadata()?.len() != manifest.size {
        return Ok(false);
    }
    let mut fetch = Fetch::new(manifest.hash, manifest.size, Duration::ZERO);
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(fetch.finish().is_ok()),
            length => fetch.kept(&buffer[..length]).map_err(io::Error::other)?,
        }
    }
}

/// Removes content and its part, but that of `kept`: what no version needs any more.
///
/// # Errors
/// The system's.
pub fn tidy(directory: &Path, kept: &[ContentHash]) -> io::Result<()> {
    for entry in fs::read_dir(directory)?.take(MOST_ENTRIES) {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let hash = ContentHash::parse(name.strip_suffix(".part").unwrap_or(name));
        if hash.is_some_and(|hash| !kept.contains(&hash)) {
            whole::remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Room on the disk that is left to others.
pub const SPARE: u64 = 16 << 20;
/// Far more than one of each kind and its part.
const MOST_ENTRIES: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::super::fetch::{FetchFault, FetchStep};
    use super::super::fixture::{Folder, manifest};
    use super::super::kind::ContentKind;
    use super::*;

    const CONTENT: &[u8] = b"a bundle of software, as it came from its build";

    fn put(part: &mut PartFile, fetch: &mut Fetch, bytes: &[u8]) {
        assert!(matches!(fetch.next(Duration::ZERO), Ok(FetchStep::Ask(_) | FetchStep::Wait)));
        fetch.take(bytes, Duration::ZERO).unwrap();
        part.append(bytes).unwrap();
    }

    #[test]
    fn what_came_before_a_break_is_kept_and_nothing_has_a_name_before_it_is_whole() {
        let folder = Folder::new();
        let manifest = manifest(ContentKind::Software, 1, CONTENT);
        for cut in 0..CONTENT.len() {
            let (mut part, mut fetch) = PartFile::open(folder.at(), &manifest, Duration::ZERO).unwrap();
            assert_eq!(fetch.have(), cut as u64);
            put(&mut part, &mut fetch, &CONTENT[cut..=cut]);
            assert_eq!(folder.names(), [format!("{}.part", manifest.hash)]);
            assert!(!is_whole(folder.at(), &manifest).unwrap());
        }
        let (part, mut fetch) = PartFile::open(folder.at(), &manifest, Duration::ZERO).unwrap();
        assert_eq!(fetch.next(Duration::ZERO), Ok(FetchStep::Whole));
        fetch.finish().unwrap();
        let path = part.finish().unwrap();
        assert_eq!(fs::read(path).unwrap(), CONTENT);
        assert!(is_whole(folder.at(), &manifest).unwrap());
        assert_eq!(have(folder.at(), manifest.hash), CONTENT.len() as u64);
    }

    #[test]
    fn a_part_that_a_power_cut_left_as_zeros_is_not_the_content() {
        let folder = Folder::new();
        let manifest = manifest(ContentKind::Software, 1, CONTENT);
        let whole = path_of(folder.at(), manifest.hash);
        fs::write(whole::beside(&whole, "part"), vec![0; CONTENT.len()]).unwrap();
        let (part, fetch) = PartFile::open(folder.at(), &manifest, Duration::ZERO).unwrap();
        assert_eq!(fetch.finish(), Err(FetchFault::WrongHash));
        part.discard().unwrap();
        assert!(folder.names().is_empty());
        // Longer than the content: of something else.
        fs::write(whole::beside(&whole, "part"), vec![0; CONTENT.len() + 1]).unwrap();
        let (_, fetch) = PartFile::open(folder.at(), &manifest, Duration::ZERO).unwrap();
        assert_eq!(fetch.have(), 0);
        // Whole once, and damaged since.
        fs::write(&whole, &CONTENT[1..]).unwrap();
        assert!(!is_whole(folder.at(), &manifest).unwrap());
        fs::write(&whole, vec![7; CONTENT.len()]).unwrap();
        assert!(!is_whole(folder.at(), &manifest).unwrap());
    }

    #[test]
    fn content_that_the_disk_has_no_room_for_is_not_begun() {
        let folder = Folder::new();
        let mut large = manifest(ContentKind::Software, 1, CONTENT);
        large.size = u64::MAX - SPARE;
        let error = PartFile::open(folder.at(), &large, Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(error.to_string().contains("bytes free"), "{error}");
    }

    #[test]
    fn only_what_a_version_needs_is_kept() {
        let folder = Folder::new();
        let [one, two] = [b"one", b"two"].map(|content| ContentHash::of(content));
        for name in [one.to_string(), format!("{two}.part"), "versions.json".to_owned(), "lock".to_owned()] {
            fs::write(folder.path(&name), "").unwrap();
        }
        tidy(folder.at(), &[one]).unwrap();
        assert_eq!(folder.names(), {
            let mut left = [one.to_string(), "lock".to_owned(), "versions.json".to_owned()];
            left.sort();
            left
        });
    }
}
