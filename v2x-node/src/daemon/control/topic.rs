//! What a program may watch.

/// What a program may watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Topic {
    /// Changes of hazards.
    Hazards,
    /// The state of requests for priority.
    Priority,
    /// The signal ahead.
    Signal,
    /// Stations heard.
    Neighbours,
    /// Messages delivered, and sent.
    Messages,
    /// Frames dropped.
    Drops,
    /// Figures.
    Stats,
    /// Intersections.
    Signals,
    /// What becomes of frames from afar.
    Afar,
}

impl Topic {
    /// Number of topics.
    pub const COUNT: usize = 9;

    /// Every topic.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Hazards,
        Self::Priority,
        Self::Signal,
        Self::Neighbours,
        Self::Messages,
        Self::Drops,
        Self::Stats,
        Self::Signals,
        Self::Afar,
    ];

    /// Its name where events of it were lost.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hazards => "hazards",
            Self::Priority => "priority",
            Self::Signal => "signal",
            Self::Neighbours => "neighbours",
            Self::Messages => "messages",
            Self::Drops => "drops",
            Self::Stats => "stats",
            Self::Signals => "signals",
            Self::Afar => "afar",
        }
    }

    /// Its bit in a set of topics.
    pub const fn bit(self) -> u32 {
        1 << self as u32
    }
}
