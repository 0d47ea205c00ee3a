//! Keeping keys and seeds out of core dumps.

use std::io;

use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};

/// Has the kernel write no core dump of this process: neither to a file nor to a collector behind a pipe, to which the limit on
/// its size does not apply. Other processes of this user can no longer trace it or read its memory either (prctl(2),
/// `PR_SET_DUMPABLE`); root's can.
///
/// # Errors
/// The kernel's own.
pub fn forbid() -> io::Result<()> {
    prctl::set_dumpable(false)?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    Ok(())
}
