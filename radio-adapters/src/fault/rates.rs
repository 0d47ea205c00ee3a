//! The rate of each fault, and its bounds.

/// What to do to frames in one direction. Rates are probabilities per frame, 0..=1, independent of
/// each other. The default does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FaultRates {
    /// Frames that vanish.
    pub loss: f64,
    /// Frames that arrive twice.
    pub duplication: f64,
    /// Frames that are overtaken by 1..=`hold_back` later ones. Only frames move time here: one held
    /// back waits for others to come.
    pub reordering: f64,
    /// Frames with one or three bits flipped.
    pub corruption: f64,
    /// How many frames may overtake one, and how many are held at a time; 0..=[`MAX_HOLD_BACK`].
    pub hold_back: usize,
}

/// A rate or bound outside its range.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum FaultError {
    /// Not a probability.
    #[error("fault rate {name} is {value}; it must be between 0 and 1")]
    Rate {
        /// Which rate.
        name: &'static str,
        /// What it was.
        value: f64,
    },
    /// Too many frames to hold.
    #[error("fault hold_back is {value}; it must be at most {MAX_HOLD_BACK}")]
    HoldBack {
        /// What it was.
        value: usize,
    },
}

/// Most frames held back at a time.
pub const MAX_HOLD_BACK: usize = 64;
