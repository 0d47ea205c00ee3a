//! What a station's processor takes for its work.

use v2x_settings::{Section, SettingsError};

/// Virtual time that the work of a station takes on its one core; 0: none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Processor {
    /// Checking one signature, of a message or a credential, ns.
    pub verify_ns: u64,
    /// Making one signature, ns.
    pub sign_ns: u64,
    /// All other work of one frame that is read, or of one message that is made, ns.
    pub frame_ns: u64,
}

impl Processor {
    /// Its keys in a plan, which are its options on the command line.
    pub const KEYS: [&'static str; 3] = ["verify_us", "sign_us", "frame_us"];
    /// The longest that a piece of work may take, us: beyond a second no deadline can be met, nor anything be learnt.
    pub const MAX_US: f64 = 1e6;

    /// Whether work takes no time.
    pub fn is_instant(self) -> bool {
        self == Self::default()
    }

    /// The same with other figures, us, in the order of [`KEYS`](Self::KEYS); `None` keeps one.
    #[must_use]
    pub fn with(self, [verify, sign, frame]: [Option<f64>; 3]) -> Self {
        let ns = |us: Option<f64>, kept| us.map_or(kept, |us| (us * 1_000.0).round() as u64);
        Self {
            verify_ns: ns(verify, self.verify_ns),
            sign_ns: ns(sign, self.sign_ns),
            frame_ns: ns(frame, self.frame_ns),
        }
    }

    /// Its keys in a table; `None` where none is given.
    pub(crate) fn read(table: &Section<'_>) -> Result<Option<Self>, SettingsError> {
        let mut figures = [None; 3];
        for (figure, key) in figures.iter_mut().zip(Self::KEYS) {
            *figure = table.number(key, 0.0..=Self::MAX_US, " us")?;
        }
        Ok(figures.iter().any(Option::is_some).then(|| Self::default().with(figures)))
    }
}
