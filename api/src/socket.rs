//! Where daemons have their control sockets, and how a program finds them.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// Where the daemon of `config` listens by default: `NAME.sock`, after the configuration's file name, in
/// `$XDG_RUNTIME_DIR/roadcast`, or in `/run/roadcast` where that variable is not set.
pub fn default_path(config: &Path) -> PathBuf {
    let stem = config.file_stem().unwrap_or(config.as_os_str());
    let mut name = stem.to_owned();
    name.push(".sock");
    // There is always one.
    directories().first().cloned().unwrap_or_default().join(name)
}

/// Directories in which daemons of this machine put their sockets, that of this user first.
pub fn directories() -> Vec<PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    runtime.into_iter().chain([PathBuf::from(SYSTEM_DIRECTORY)]).map(|path| path.join("roadcast")).collect()
}

/// Sockets in `directory` on which a daemon answers, sorted, at most [`MOST_LISTED`].
pub fn live(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let paths = entries.take(MOST_LOOKED_AT).filter_map(|entry| Some(entry.ok()?.path()));
    let mut found: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|ending| ending == "sock")).collect();
    found.sort();
    found.retain(|path| UnixStream::connect(path).is_ok());
    found.truncate(MOST_LISTED);
    found
}

const SYSTEM_DIRECTORY: &str = "/run";
/// Sockets shown to choose from.
pub const MOST_LISTED: usize = 32;
/// Entries of a directory looked at.
const MOST_LOOKED_AT: usize = 1024;
