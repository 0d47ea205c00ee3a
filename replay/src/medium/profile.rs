//! What a radio and its surroundings are like: a profile, read from a TOML file.

use std::path::Path;

use v2x_proto::link::DataRate;
use v2x_settings::{SettingsError, one_of};

use crate::text_file;

mod parse;

/// Why a profile cannot be used. Each prints as one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// It is none that comes with the program, and no file that can be read.
    #[error(
        "{file}: cannot be read: {source}; a profile is {} or a TOML file such as replay/plans/radio/highway.toml",
        one_of(AirProfile::names())
    )]
    Open {
        /// The file as given.
        file: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// A profile that comes with the program has the name of a file.
    #[error(
        "{0}: the name of a profile that comes with the program, and of a file here; give ./{0} for the file"
    )]
    TwoOfOneName(String),
    /// The file is no profile by its size alone.
    #[error("{file}: longer than {MAX_PROFILE_BYTES} bytes; a profile has some dozens of lines")]
    TooLong {
        /// The file as given.
        file: String,
    },
    /// Something in it is not as it has to be.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

/// How frames are received, as a profile says it.
#[derive(Clone, Debug, PartialEq)]
pub enum AirProfile {
    /// By every station within this many metres; nothing is lost, and nobody waits for another.
    Range(f64),
    /// By a model of the channel.
    Radio(Box<RadioProfile>),
}

/// A radio channel and the radios on it.
#[derive(Clone, Debug, PartialEq)]
pub struct RadioProfile {
    /// What it is, in a line.
    pub about: String,
    /// The rate of all frames.
    pub rate: DataRate,
    /// Sent, with both antennas' gains, dBm.
    pub power_dbm: f64,
    /// Noise of the channel and the receiver, dBm.
    pub noise_dbm: f64,
    /// A frame weaker than this is neither received nor makes the channel busy, dBm.
    pub sensing_dbm: f64,
    /// All frames together make the channel busy from this power on, whether the receiver follows one or not, dBm.
    pub energy_dbm: f64,
    /// A frame needs this much over interference and noise at its beginning for a receiver to follow it, dB.
    pub preamble_db: Option<f64>,
    /// How a later, stronger frame takes over a receiver.
    pub capture: Option<CaptureRule>,
    /// Path loss by distance.
    pub path_loss: PathLoss,
    /// Standard deviation of shadowing, dB.
    pub shadowing_db: f64,
    /// The side of the squares within which a link's shadowing stays the same, m.
    pub correlation_m: f64,
    /// Shapes of Nakagami fading, each from a distance on, m; nearest first.
    pub fading: Vec<(f64, f64)>,
    /// What buildings take where there are any.
    pub obstacles: ObstacleLoss,
    /// What vehicles in the way take; `None`: nothing.
    pub vehicles: Option<VehicleLoss>,
    /// How a frame counts whose interference changes.
    pub overlap: Overlap,
    /// Lost frames by signal over interference and noise.
    pub errors: Vec<ErrorTable>,
}

/// A frame that begins while a receiver follows another takes it over when it is stronger by so much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CaptureRule {
    /// By how much, dB.
    pub by_db: f64,
    /// Until how long after the first frame's beginning, us.
    pub within_us: f64,
}

/// What a straight line through buildings loses. The default is of Sommer et al., WONS 2011.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ObstacleLoss {
    /// At each wall, dB.
    pub wall_db: f64,
    /// At each metre inside, dB.
    pub metre_db: f64,
}

impl Default for ObstacleLoss {
    fn default() -> Self {
        Self { wall_db: 9.0, metre_db: 0.4 }
    }
}

/// What a vehicle in the way takes, normal in dB and never below 0. The default is of 3GPP TR 37.885, 6.2.1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VehicleLoss {
    /// Mean of one that is higher than both antennas, dB.
    pub higher_db: f64,
    /// Its standard deviation, dB.
    pub higher_sigma_db: f64,
    /// Mean of one that is higher than one antenna, or as high, dB.
    pub level_db: f64,
    /// Its standard deviation, dB.
    pub level_sigma_db: f64,
}

impl Default for VehicleLoss {
    fn default() -> Self {
        Self { higher_db: 9.0, higher_sigma_db: 4.5, level_db: 5.0, level_sigma_db: 4.0 }
    }
}

/// How a frame counts whose interference changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// Each part by its share of the airtime, with the interference that it had.
    Shares,
    /// As if all of it had the most interference that a part of it had.
    Worst,
}

/// Path loss, dB: the largest of lines over the logarithm of distance.
#[derive(Clone, Debug, PartialEq)]
pub struct PathLoss {
    /// Loss at 1 m, dB, and dB for each tenfold distance.
    pub lines_db: Vec<(f64, f64)>,
    /// Nearer counts as this far, m.
    pub least_m: f64,
}

/// The share of frames that is lost, by a ratio in dB.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorTable {
    /// Of frames at this rate; `None`: at any.
    pub rate: Option<DataRate>,
    /// Of frames of this length, MAC header and check sequence included; `None`: of any.
    pub mpdu_bytes: Option<u32>,
    /// Whether the ratio is of energy per bit to noise density (Eb/N0), otherwise of signal to interference and noise.
    pub per_bit: bool,
    /// Ratio, dB, and share lost; ratios rise, shares do not. Linear in between, constant outside.
    pub points: Vec<(f64, f64)>,
}

impl AirProfile {
    /// Names of the profiles that come with the program.
    pub fn names() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|(name, _)| *name)
    }

    /// A profile that comes with the program.
    pub fn shipped(name: &str) -> Option<Self> {
        let (name, text) = SHIPPED.iter().find(|(shipped, _)| *shipped == name)?;
        Some(Self::parse(name, text).expect("invariant: the profiles that come with the program are valid"))
    }

    /// The profile of this name, or else in this file, a relative one from `folder`.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub fn named(name: &str, folder: &Path) -> Result<Self, ProfileError> {
        let file = folder.join(name);
        match Self::shipped(name) {
            Some(_) if file.is_file() => Err(ProfileError::TwoOfOneName(name.to_owned())),
            Some(profile) => Ok(profile),
            None => Self::read(&file),
        }
    }

    /// Reads a profile from a file.
    ///
    /// # Errors
    /// The first violation.
    pub fn read(path: &Path) -> Result<Self, ProfileError> {
        let file = path.display().to_string();
        let text = match text_file::read(path, MAX_PROFILE_BYTES) {
            Ok(Some(text)) => text,
            Ok(None) => return Err(ProfileError::TooLong { file }),
            Err(source) => return Err(ProfileError::Open { file, source }),
        };
        Ok(Self::parse(&file, &text)?)
    }
}

impl RadioProfile {
    /// The text of a profile that comes with the program.
    pub fn shipped_text(name: &str) -> Option<&'static str> {
        SHIPPED.iter().find(|(shipped, _)| *shipped == name).map(|(_, text)| *text)
    }

    /// The channel of the published table: one model for all of its configurations.
    pub fn published() -> Self {
        match AirProfile::shipped("published") {
            Some(AirProfile::Radio(profile)) => *profile,
            _ => unreachable!("invariant: the published channel is a radio profile"),
        }
    }

    /// Beyond this distance a frame adds less than a tenth of the noise, shadowing at its usual: it is not followed, m.
    pub fn reach_m(&self) -> f64 {
        self.path_loss.distance_m(self.power_dbm - self.least_dbm()).min(MOST_REACH_M)
    }

    /// A tenth of the noise, dBm.
    pub(super) fn least_dbm(&self) -> f64 {
        self.noise_dbm - BELOW_NOISE_DB
    }

    /// The distance at which half of the frames are strong enough to be sensed, m.
    pub fn sensed_m(&self) -> f64 {
        self.path_loss.distance_m(self.power_dbm - self.sensing_dbm)
    }
}

impl PathLoss {
    /// At a distance, dB.
    pub(super) fn db(&self, distance_m: f32) -> f32 {
        let log = distance_m.max(self.least_m as f32).log2() * core::f32::consts::LOG10_2;
        let line = |(at_1_m, per_decade): &(f64, f64)| *at_1_m as f32 + *per_decade as f32 * log;
        self.lines_db.iter().map(line).fold(0.0, f32::max)
    }

    /// Where it comes to this, m.
    fn distance_m(&self, db: f64) -> f64 {
        let line = |(at_1_m, per_decade): &(f64, f64)| 10f64.powf((db - at_1_m) / per_decade);
        self.lines_db.iter().map(line).fold(f64::INFINITY, f64::min).max(self.least_m)
    }
}

impl ErrorTable {
    /// The profile's key of its points.
    fn key(&self) -> &'static str {
        if self.per_bit { "eb_n0_db" } else { "sinr_db" }
    }

    /// The share lost at a ratio, dB.
    pub(super) fn lost(&self, db: f64) -> f64 {
        let above = self.points.partition_point(|(at, _)| *at <= db);
        match (above.checked_sub(1).and_then(|below| self.points.get(below)), self.points.get(above)) {
            (Some((from, lost)), Some((to, next))) => lost + (next - lost) * (db - from) / (to - from),
            (Some((_, lost)), None) | (None, Some((_, lost))) => *lost,
            (None, None) => 1.0,
        }
    }
}

macro_rules! shipped {
    ($($name:literal,)+) => {
        const SHIPPED: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../plans/radio/", $name, ".toml")))),+];
    };
}

shipped! {
    "published",
    "highway",
    "urban",
    "crossing",
    "ideal",
}

const MAX_PROFILE_BYTES: u64 = 1 << 20;
/// A frame this much below the noise adds a tenth to it.
const BELOW_NOISE_DB: f64 = 10.0;
/// Whatever the profile says: places are kept for a few kilometres.
const MOST_REACH_M: f64 = 5_000.0;

#[cfg(test)]
mod tests;
