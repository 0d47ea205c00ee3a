//! Rights that the program has and whoever started it does not: any user who may run its file gets them, and chooses
//! configuration, interface and files.
//!
//! Set-user-ID and set-group-ID are refused, since every path would be opened with them. Of capabilities in the file (`setcap`)
//! the one for packet sockets is kept, in commands that open one, and then [`permitted`] binds it to what root has written down.
//! Rights of a service or of root are theirs to use.

pub mod permitted;

use std::io;

use nix::unistd::{getegid, geteuid, getgid, getuid};
use radio_adapters::privilege::{self, CapabilitySet};

use crate::error::Complaint;

/// Rights that the program does not run with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RightsError {
    /// It is set-user-ID or set-group-ID.
    #[error(
        "this file is set-user-ID or set-group-ID, so every user could read and write files with the rights of its owner; \
         remove that: chmod ug-s on it"
    )]
    SetId,
    /// The kernel does not take capabilities back.
    #[error("giving up capabilities of the program's file: {0}")]
    Kept(#[from] io::Error),
}

impl Complaint for RightsError {
    fn hint(&self) -> Option<&'static str> {
        matches!(self, Self::SetId).then_some("rights belong to a service: examples/roadcast.service")
    }
}

/// Gives up what the program's file brings beyond packet sockets. To be called first of all: nothing that the user chose has
/// been read, and no thread started.
///
/// # Errors
/// [`RightsError`].
pub fn begin() -> Result<(), RightsError> {
    if getuid() != geteuid() || getgid() != getegid() {
        return Err(RightsError::SetId);
    }
    privilege::keep_of_the_file(CapabilitySet::NET_RAW)?;
    Ok(())
}

/// Gives up all that the program's file brings, in a command that opens no packet socket.
///
/// # Errors
/// [`RightsError::Kept`].
pub fn give_up() -> Result<(), RightsError> {
    privilege::keep_of_the_file(CapabilitySet::NONE)?;
    Ok(())
}
