//! What a program may do at the control socket.

use core::fmt;

/// What a program may do; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Lists, watches and status.
    Read,
    /// What the station tells others, or is told of itself: hazards, priority, messages, positions, the vehicle, frames from
    /// afar.
    Declare,
    /// The station itself: reading its credentials and lists anew.
    Administer,
}

impl Right {
    /// Every right.
    pub const ALL: [Self; 3] = [Self::Read, Self::Declare, Self::Administer];

    /// `"read"`, `"declare"` or `"administer"`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Declare => "declare",
            Self::Administer => "administer",
        }
    }

    /// The right of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.name() == text)
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
