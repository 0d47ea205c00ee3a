//! How a frame came: by air, or from afar.

/// How a frame came to the station.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Way {
    /// By its own radio.
    #[default]
    Air,
    /// Handed in by a program that has it from another station far away, under the program's number for where.
    Afar(u16),
}

impl Way {
    /// Whether it did not come by air.
    #[must_use]
    pub const fn is_afar(self) -> bool {
        matches!(self, Self::Afar(_))
    }

    /// The program's number for where it is from; `None` for what came by air.
    #[must_use]
    pub const fn peer(self) -> Option<u16> {
        match self {
            Self::Air => None,
            Self::Afar(peer) => Some(peer),
        }
    }
}
