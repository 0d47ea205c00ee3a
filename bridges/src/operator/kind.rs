//! What an operator sends to its units.

use core::fmt;
use core::str::FromStr;

use v2x_proto::v1;

/// A kind of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContentKind {
    /// Revocation deltas.
    Revocation,
    /// Roots and issuers.
    Trust,
    /// Credentials of the unit, with their keys.
    Credentials,
    /// The configuration of the unit's daemon.
    Configuration,
    /// A bundle of software.
    Software,
}

impl ContentKind {
    /// Every kind, in the order in which they are applied: what says who is believed comes before what makes use of it.
    pub const ALL: [Self; 5] =
        [Self::Revocation, Self::Trust, Self::Credentials, Self::Configuration, Self::Software];

    /// `"revocation"`, `"trust"`, `"credentials"`, `"configuration"` or `"software"`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Revocation => "revocation",
            Self::Trust => "trust",
            Self::Credentials => "credentials",
            Self::Configuration => "configuration",
            Self::Software => "software",
        }
    }

    /// Its number in `v2x.v1.UpdateKind`.
    #[must_use]
    pub const fn number(self) -> i32 {
        let kind = match self {
            Self::Revocation => v1::UpdateKind::Revocation,
            Self::Trust => v1::UpdateKind::Trust,
            Self::Credentials => v1::UpdateKind::Credentials,
            Self::Configuration => v1::UpdateKind::Configuration,
            Self::Software => v1::UpdateKind::Software,
        };
        kind as i32
    }

    /// The kind of a number; `None` for one of a newer version.
    #[must_use]
    pub fn of(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// Whether content of this kind may be given to other units. Keys, and passwords of a configuration, go from the operator to
    /// the unit and nowhere else.
    #[must_use]
    pub const fn may_be_passed_on(self) -> bool {
        matches!(self, Self::Revocation | Self::Trust | Self::Software)
    }

    /// The longest content, bytes. Of what is read whole into memory, far more than a unit can use.
    #[must_use]
    pub const fn longest(self, software: u64) -> u64 {
        match self {
            Self::Software => software,
            Self::Configuration => 1 << 20,
            Self::Revocation | Self::Trust | Self::Credentials => 256 << 10,
        }
    }
}

impl fmt::Display for ContentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that is no kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no kind; use revocation, trust, credentials, configuration or software")]
pub struct UnknownContentKind(String);

impl FromStr for ContentKind {
    type Err = UnknownContentKind;

    fn from_str(text: &str) -> Result<Self, UnknownContentKind> {
        let known = Self::ALL.into_iter().find(|kind| kind.name() == text);
        known.ok_or_else(|| UnknownContentKind(text.to_owned()))
    }
}
