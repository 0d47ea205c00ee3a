//! `roadcast-bridge keys`: the key of this bridge.

use std::io::Write as _;
use std::path::Path;

use crate::error::BridgeError;
use crate::peers::{PeerKey, make_key, read_key};

/// Makes a key and prints its public half.
///
/// # Errors
/// There is a file already, or it cannot be made.
pub fn new(out: &Path) -> Result<(), BridgeError> {
    print(PeerKey::of(&make_key(out)?))
}

/// Prints the public half of a key.
///
/// # Errors
/// The file cannot be read, can be read by others, or is no key.
pub fn show(file: &Path) -> Result<(), BridgeError> {
    print(PeerKey::of(&read_key(file)?))
}

fn print(key: PeerKey) -> Result<(), BridgeError> {
    writeln!(std::io::stdout(), "{key}")?;
    Ok(())
}
