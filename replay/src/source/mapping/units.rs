//! Units of columns, as factors to those of a trace.

/// Time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::source) enum TimeUnit {
    /// s, or SUMO's `h:m:s`.
    Seconds,
    /// Whole or broken numbers of so many ns.
    Nanoseconds(f64),
}

/// Length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) enum LengthUnit {
    Metres,
    Feet,
}

/// Speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) enum SpeedUnit {
    MetresPerSecond,
    KilometresPerHour,
    MilesPerHour,
    FeetPerSecond,
    Knots,
}

/// Acceleration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) enum AccelerationUnit {
    Metres,
    Feet,
    Gravity,
}

/// Where headings count from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) enum HeadingZero {
    /// North, clockwise.
    North,
    /// The x axis, anticlockwise.
    East,
}

/// Which point of a vehicle x and y are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) enum PlacePoint {
    /// Its middle, or whatever point is meant.
    Centre,
    /// The corner of least x and y of a box whose sides along x and y are length and width.
    Corner,
}

impl LengthUnit {
    /// Metres.
    pub(in crate::source) const fn metres(self) -> f64 {
        match self {
            Self::Metres => 1.0,
            Self::Feet => FOOT_M,
        }
    }
}

impl SpeedUnit {
    /// m/s.
    pub(in crate::source) const fn mps(self) -> f64 {
        match self {
            Self::MetresPerSecond => 1.0,
            Self::KilometresPerHour => 1.0 / 3.6,
            Self::MilesPerHour => 0.447_04,
            Self::FeetPerSecond => FOOT_M,
            Self::Knots => 1_852.0 / 3_600.0,
        }
    }
}

impl AccelerationUnit {
    /// m/s2.
    pub(in crate::source) const fn mps2(self) -> f64 {
        match self {
            Self::Metres => 1.0,
            Self::Feet => FOOT_M,
            Self::Gravity => 9.806_65,
        }
    }
}

/// The international foot.
const FOOT_M: f64 = 0.3048;
