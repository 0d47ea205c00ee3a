//! Huge pages for a world's memory.
//!
//! What hundreds of stations keep of each other is visited in no order, a few lines here and there among hundreds of
//! megabytes: with pages of 4 KB a processor looks for a page as long as for its contents. Most systems give huge pages
//! to programs that ask ("madvise"), and the GNU C library asks for all it allocates when it is told so before a program
//! starts (`glibc.malloc.hugetlb`, glibc 2.35). So the program starts itself once more, as the same process.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Has this process, which has done nothing yet, ask for huge pages. Where that is not possible, or would change nothing, it goes
/// on with what it has.
pub(super) fn ask() {
    if !cfg!(all(target_os = "linux", target_env = "gnu")) {
        return;
    }
    let known = Surroundings {
        told: env::var_os(VARIABLE),
        tunables: env::var_os(TUNABLES),
        preloaded: env::var_os("LD_PRELOAD").is_some_and(|list| !list.is_empty()),
        system: fs::read_to_string(SYSTEM).unwrap_or_default(),
    };
    let (Some(tunables), Ok(program)) = (known.tunables(), env::current_exe()) else { return };
    let mut own = env::args_os();
    let mut again = Command::new(program);
    if let Some(name) = own.next() {
        again.arg0(name);
    }
    // It returns only when it fails.
    let _failed = again.args(own).env(TUNABLES, tunables).env(VARIABLE, DONE).exec();
}

/// What decides whether to ask.
struct Surroundings {
    told: Option<OsString>,
    tunables: Option<OsString>,
    /// Another allocator, or a tool such as Valgrind, which would lose sight of a program that starts anew.
    preloaded: bool,
    system: String,
}

impl Surroundings {
    /// The library's settings with huge pages; `None` when there is nothing to be asked for.
    fn tunables(&self) -> Option<OsString> {
        let own = self.tunables.as_deref().unwrap_or_else(|| OsStr::new(""));
        let set = own.to_string_lossy().contains(SETTING);
        if self.told.is_some() || self.preloaded || set || !self.system.contains("[madvise]") {
            return None;
        }
        let mut all = own.to_owned();
        if !all.is_empty() {
            all.push(":");
        }
        all.push(SETTING);
        all.push("=1");
        Some(all)
    }
}

/// Set by this program once it has asked, and by a user who does not want it to.
const VARIABLE: &str = "ROADCAST_HUGE_PAGES";
const DONE: &str = "asked";
const TUNABLES: &str = "GLIBC_TUNABLES";
const SETTING: &str = "glibc.malloc.hugetlb";
/// To whom the system gives huge pages.
const SYSTEM: &str = "/sys/kernel/mm/transparent_hugepage/enabled";

#[cfg(test)]
mod tests {
    use super::*;

    fn tunables(told: Option<&str>, tunables: Option<&str>, preloaded: bool, system: &str) -> Option<String> {
        let [told, tunables] = [told, tunables].map(|text| text.map(OsString::from));
        let known = Surroundings { told, tunables, preloaded, system: system.to_owned() };
        known.tunables().map(|all| all.into_string().unwrap())
    }

    #[test]
    fn huge_pages_are_asked_for_where_the_system_gives_them_to_who_asks() {
        let asked = Some("glibc.malloc.hugetlb=1".to_owned());
        assert_eq!(tunables(None, None, false, "always [madvise] never\n"), asked);
        for system in ["[always] madvise never\n", "always madvise [never]\n", ""] {
            assert_eq!(tunables(None, None, false, system), None);
        }
    }

    #[test]
    fn they_are_asked_for_once_and_not_against_a_user_s_setting_or_beside_another_allocator() {
        let system = "always [madvise] never\n";
        let kept = tunables(None, Some("glibc.malloc.check=1"), false, system);
        assert_eq!(kept.as_deref(), Some("glibc.malloc.check=1:glibc.malloc.hugetlb=1"));
        assert_eq!(tunables(None, Some("glibc.malloc.hugetlb=0"), false, system), None);
        assert_eq!(tunables(Some(DONE), None, false, system), None);
        assert_eq!(tunables(Some("off"), None, false, system), None);
        assert_eq!(tunables(None, None, true, system), None);
    }
}
