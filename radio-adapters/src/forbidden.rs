//! Why this user may not open a file, and what would be right: "permission denied" alone says neither whose the file is nor
//! who asks.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{Gid, Group, Uid, User, getegid, geteuid, getgroups};

/// What a file is opened for, as a bit of its mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Purpose {
    /// To read it.
    Read = 0o4,
    /// To write it.
    Write = 0o2,
}

/// The error of opening `path`, in words that name whose file or directory stands in the way and who asked, where it is
/// EACCES; every other one as it is.
pub fn explained(error: io::Error, path: &Path, purpose: Purpose) -> io::Error {
    if error.raw_os_error() != Some(Errno::EACCES as i32) {
        return error;
    }
    let words = Obstacle::before(path, purpose).map(|obstacle| obstacle.in_words(&Asking::this_process()));
    words.map_or_else(|| io::Error::from(error.kind()), |words| io::Error::new(error.kind(), words))
}

/// What stands in the way: the file, or the nearest directory above it that can be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Obstacle {
    /// `None`: the file itself.
    directory: Option<PathBuf>,
    owner: u32,
    group: u32,
    mode: u32,
    /// Bits of a mode that are needed, for one kind of user.
    needs: u32,
}

impl Obstacle {
    fn before(path: &Path, purpose: Purpose) -> Option<Self> {
        let is_new = fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        let directories =
            path.ancestors().map(|one| if one.as_os_str().is_empty() { Path::new(".") } else { one });
        let (at, found) = directories.into_iter().find_map(|one| Some((one, fs::metadata(one).ok()?)))?;
        let needs = match (at == path, is_new) {
            (true, _) => purpose as u32,
            // A file is made in it, or one is looked up.
            (false, true) => 0o3,
            (false, false) => 0o1,
        };
        let directory = (at != path).then(|| at.to_owned());
        Some(Self { directory, owner: found.uid(), group: found.gid(), mode: found.mode() & 0o7777, needs })
    }

    fn in_words(&self, asking: &Asking) -> String {
        let what = self
            .directory
            .as_ref()
            .map_or_else(|| "it".to_owned(), |at| format!("the directory {}", at.display()));
        let (owner, group, who) = (user_name(self.owner), group_name(self.group), user_name(asking.user));
        let whose = format!("{what} belongs to {owner}:{group}, mode {:04o}", self.mode);
        if self.permits(asking) {
            return format!(
                "permission denied: {whose}, which permits it to {who}; a sandbox or security module forbids it (systemd, \
                 AppArmor, SELinux)"
            );
        }
        format!(
            "permission denied: {whose}, and this runs as {who}; give it to that user or its group, or run this as {owner}"
        )
    }

    fn permits(&self, asking: &Asking) -> bool {
        let bits = if self.owner == asking.user {
            self.mode >> 6
        } else if asking.groups.contains(&self.group) {
            self.mode >> 3
        } else {
            self.mode
        };
        bits & self.needs == self.needs
    }
}

/// Who wants to open it.
#[derive(Debug)]
struct Asking {
    user: u32,
    groups: Vec<u32>,
}

impl Asking {
    fn this_process() -> Self {
        let groups = getgroups().unwrap_or_default().into_iter().chain([getegid()]);
        Self { user: geteuid().as_raw(), groups: groups.map(Gid::as_raw).collect() }
    }
}

fn user_name(number: u32) -> String {
    let found = User::from_uid(Uid::from_raw(number)).ok().flatten();
    found.map_or_else(|| format!("user {number}"), |user| user.name)
}

fn group_name(number: u32) -> String {
    let found = Group::from_gid(Gid::from_raw(number)).ok().flatten();
    found.map_or_else(|| format!("group {number}"), |group| group.name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// No system has names for these.
    const CAR: u32 = 3_999_999_901;
    const OTHER: u32 = 3_999_999_902;

    fn folder() -> PathBuf {
        let folder = std::env::temp_dir().join(format!("roadcast-forbidden-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn car() -> Asking {
        Asking { user: CAR, groups: vec![CAR] }
    }

    #[test]
    fn a_file_of_another_user_is_told_with_its_owner_its_mode_and_who_asked() {
        let obstacle = Obstacle { directory: None, owner: OTHER, group: OTHER, mode: 0o600, needs: 0o4 };
        let right = "permission denied: it belongs to user 3999999902:group 3999999902, mode 0600, and this runs as user \
                     3999999901; give it to that user or its group, or run this as user 3999999902";
        assert_eq!(obstacle.in_words(&car()), right);
        let directory = Some(PathBuf::from("keys"));
        let words = Obstacle { directory, mode: 0o700, needs: 0o1, ..obstacle }.in_words(&car());
        assert!(
            words.starts_with("permission denied: the directory keys belongs to user 3999999902:"),
            "{words}"
        );
    }

    #[test]
    fn what_the_mode_permits_is_forbidden_by_something_else() {
        let file = |owner, group, mode| Obstacle { directory: None, owner, group, mode, needs: 0o4 };
        for (obstacle, permitted) in [
            (file(CAR, CAR, 0o400), true),
            (file(CAR, CAR, 0o044), false),
            (file(OTHER, CAR, 0o040), true),
            (file(OTHER, CAR, 0o404), false),
            (file(OTHER, OTHER, 0o004), true),
            (file(OTHER, OTHER, 0o440), false),
        ] {
            let words = obstacle.in_words(&car());
            assert_eq!(words.contains("a sandbox or security module"), permitted, "{words}");
        }
    }

    #[test]
    fn the_nearest_that_can_be_looked_at_is_in_the_way() {
        let folder = folder();
        let file = folder.join("car-1.cred");
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        let found = Obstacle::before(&file, Purpose::Write).unwrap();
        assert_eq!((&found.directory, found.mode, found.needs), (&None, 0o640, 0o2));
        assert_eq!(found.owner, geteuid().as_raw());
        let found = Obstacle::before(&folder.join("new.json"), Purpose::Write).unwrap();
        assert_eq!((found.directory, found.needs), (Some(folder.clone()), 0o3));
        // Below a file nothing can be looked up.
        let found = Obstacle::before(&file.join("a"), Purpose::Read).unwrap();
        assert_eq!((found.directory, found.needs), (Some(file), 0o1));
        assert_eq!(
            Obstacle::before(Path::new("none"), Purpose::Read).unwrap().directory,
            Some(PathBuf::from("."))
        );
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn only_the_refusal_of_a_file_is_explained() {
        let path = Path::new("/proc/self/status");
        let refused = explained(io::Error::from(Errno::EACCES), path, Purpose::Read);
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
        assert!(refused.to_string().starts_with("permission denied: it belongs to "), "{refused}");
        for errno in [Errno::ENOENT, Errno::EPERM, Errno::EIO] {
            assert_eq!(
                explained(io::Error::from(errno), path, Purpose::Read).raw_os_error(),
                Some(errno as i32)
            );
        }
    }
}
