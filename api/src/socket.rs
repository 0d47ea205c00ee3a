//! Where daemons have their control sockets, and how a program finds them.

use std::fs;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// Name of the socket of `config` where it names none: `NAME.sock`, after the configuration's file name.
pub fn default_name(config: &Path) -> PathBuf {
    let mut name = config.file_stem().unwrap_or(config.as_os_str()).to_owned();
    name.push(".sock");
    PathBuf::from(name)
}

/// Where a daemon puts a socket whose place is not configured, the first that it may write: `$XDG_RUNTIME_DIR/roadcast`
/// where that variable is set, `/run/roadcast`, and `/tmp/roadcast-UID`, which is for users that have neither. One that a
/// group is to use, `shared`, is not in the first, which no other user may enter.
pub fn places(shared: bool) -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = runtime_directory().filter(|_| !shared).into_iter().collect();
    places.push(PathBuf::from(SYSTEM_DIRECTORY));
    places.extend(user().map(temporary_directory));
    places
}

/// Where a program looks for daemons, those of this user first: [`places`], and `/run/user/UID/roadcast`, so that a
/// daemon is found by a program whose environment lacks the variable.
pub fn directories() -> Vec<PathBuf> {
    let mut directories: Vec<PathBuf> = runtime_directory().into_iter().collect();
    directories.extend(user().map(|user| PathBuf::from(format!("/run/user/{user}/roadcast"))));
    directories.extend(places(true));
    let mut seen = Vec::new();
    directories.retain(|directory| {
        let new = !seen.contains(directory);
        seen.push(directory.clone());
        new
    });
    directories
}

/// The directory for sockets of the user with this number that has no runtime directory.
pub fn temporary_directory(user: u32) -> PathBuf {
    PathBuf::from(format!("/tmp/roadcast-{user}"))
}

/// What there is in a directory of sockets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Sockets on which a daemon answers, sorted, at most [`MOST_LISTED`].
    pub live: Vec<PathBuf>,
    /// Sockets, or the directory itself, that this user may not use.
    pub forbidden: Vec<PathBuf>,
}

/// Looks for daemons in `directory`.
pub fn find(directory: &Path) -> Found {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Found { live: Vec::new(), forbidden: vec![directory.to_owned()] };
        }
        Err(_) => return Found::default(),
    };
    let paths = entries.take(MOST_LOOKED_AT).filter_map(|entry| Some(entry.ok()?.path()));
    let mut sockets: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|ending| ending == "sock")).collect();
    sockets.sort();
    let mut found = Found::default();
    for path in sockets {
        match UnixStream::connect(&path) {
            Ok(_) => found.live.push(path),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => found.forbidden.push(path),
            Err(_) => {}
        }
    }
    found.live.truncate(MOST_LISTED);
    found.forbidden.truncate(MOST_LISTED);
    found
}

/// Sockets in `directory` on which a daemon answers, sorted, at most [`MOST_LISTED`].
pub fn live(directory: &Path) -> Vec<PathBuf> {
    find(directory).live
}

fn runtime_directory() -> Option<PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from)?;
    runtime.is_absolute().then(|| runtime.join("roadcast"))
}

/// The effective user of this process (proc(5)). Not the owner of `/proc/self`: that is root where the program's file has
/// capabilities.
fn user() -> Option<u32> {
    effective_user(&fs::read_to_string("/proc/self/status").ok()?)
}

fn effective_user(status: &str) -> Option<u32> {
    let users = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    users.split_whitespace().nth(1)?.parse().ok()
}

const SYSTEM_DIRECTORY: &str = "/run/roadcast";
/// Sockets shown to choose from.
pub const MOST_LISTED: usize = 32;
/// Entries of a directory looked at.
const MOST_LOOKED_AT: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_named_after_its_configuration() {
        for (config, name) in
            [("car-1.toml", "car-1.sock"), ("/etc/roadcast/unit.toml", "unit.sock"), ("a", "a.sock")]
        {
            assert_eq!(default_name(Path::new(config)), Path::new(name));
        }
    }

    #[test]
    fn the_effective_user_is_the_second_of_the_kernel_s_line() {
        assert_eq!(effective_user("Name:\troadcast\nUid:\t1000\t1001\t1002\t1003\nGid:\t5\n"), Some(1001));
        for odd in ["", "Uid:", "Uid:\t1000", "Uid:\t1000\tx"] {
            assert_eq!(effective_user(odd), None);
        }
        assert!(user().is_some());
    }

    #[test]
    fn daemons_are_looked_for_wherever_one_may_be() {
        let (places, directories) = (places(false), directories());
        assert!(places.iter().all(|place| directories.contains(place)), "{places:?} {directories:?}");
        assert!(places.contains(&PathBuf::from("/run/roadcast")));
        assert_eq!(places.last(), user().map(temporary_directory).as_ref());
    }
}
