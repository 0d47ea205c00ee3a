//! How large a station of a trace is.

/// Length and width, where they are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StationSize {
    /// 0.1 m, 1 to [`Self::MAX_LENGTH_DM`].
    pub length_dm: Option<u16>,
    /// 0.1 m, 1 to [`Self::MAX_WIDTH_DM`].
    pub width_dm: Option<u16>,
}

impl StationSize {
    /// The longest a message can say: 102.2 m or more (TS 102 894-2 `VehicleLengthValue`).
    pub const MAX_LENGTH_DM: u16 = 1_022;
    /// The widest a message can say: 6.2 m or more (TS 102 894-2 `VehicleWidth`).
    pub const MAX_WIDTH_DM: u16 = 62;

    /// Of metres; what is not above 0 is unknown, and what is beyond the scale its end.
    pub fn of_metres(length_m: Option<f64>, width_m: Option<f64>) -> Self {
        let dm = |metres: Option<f64>, most: u16| {
            let dm = (metres? * 10.0).round();
            (dm >= 1.0).then(|| dm.min(f64::from(most)) as u16)
        };
        Self { length_dm: dm(length_m, Self::MAX_LENGTH_DM), width_dm: dm(width_m, Self::MAX_WIDTH_DM) }
    }

    /// This size, and what it does not know from another.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { length_dm: self.length_dm.or(other.length_dm), width_dm: self.width_dm.or(other.width_dm) }
    }
}
