//! What kind of fix a receiver reports, whether it counts as one, and how far off it may be.

/// Kind of a fix (NMEA 0183 GGA quality and mode indicators; gpsd_json(5) TPV `status`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quality {
    /// By satellites alone, or the receiver does not say.
    Autonomous,
    /// With corrections of code measurements: SBAS, DGPS.
    Differential,
    /// Real-time kinematic with whole cycles.
    RtkFixed,
    /// Real-time kinematic, cycles not resolved.
    RtkFloat,
    /// Carried on from the last satellites by sensors.
    DeadReckoning,
    /// By a simulator, or typed in, where the configuration allows that.
    Simulated,
}

/// Why a report of a receiver is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PositionRefusal {
    /// The receiver has no fix.
    NoFix,
    /// It gives no time: the place is not current, or nobody can tell.
    NoTime,
    /// The last place again, as if it were current.
    Repeated,
    /// Within 0.001 degree of 0, 0.
    Unset,
    /// A simulator's.
    Simulated,
    /// Typed in or surveyed, not measured.
    Manual,
    /// Its date is before 2004.
    Date,
}

/// What is known of a fix's error; each may be absent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Errors {
    /// The receiver's own estimate (NMEA GST, gpsd's GST object): 95 % radius, m.
    pub estimated_m: Option<f64>,
    /// gpsd's `eph`, which gpsd mostly computes itself: 95 % radius, m.
    pub stated_m: Option<f64>,
    /// Horizontal dilution of precision.
    pub hdop: Option<f64>,
}

impl Quality {
    /// Horizontal accuracy (95 %), m: the receiver's own estimate, else gpsd's, else a rule for this kind of fix.
    pub(super) fn accuracy_m(self, errors: &Errors) -> Option<f64> {
        let known = |value: Option<f64>| value.filter(|value| value.is_finite() && *value > 0.0);
        let (stated, hdop) = (known(errors.stated_m), known(errors.hdop));
        known(errors.estimated_m).or_else(|| match self {
            // gpsd states 15.2 m for RTK fixes that it reads from NMEA; only small values are a receiver's.
            Self::RtkFixed => Some(stated.filter(|metres| *metres <= LARGEST_RTK_M).unwrap_or(RTK_FIXED_M)),
            Self::RtkFloat => Some(stated.filter(|metres| *metres <= LARGEST_RTK_M).unwrap_or(RTK_FLOAT_M)),
            Self::DeadReckoning => Some(stated.unwrap_or(0.0).max(DEAD_RECKONING_M)),
            Self::Differential => stated.or(hdop.map(|hdop| hdop * DIFFERENTIAL_M_PER_HDOP)),
            Self::Autonomous | Self::Simulated => stated.or(hdop.map(|hdop| hdop * AUTONOMOUS_M_PER_HDOP)),
        })
    }

    /// Half the long axis of the 95 % ellipse whose standard deviations are given, m.
    pub(super) fn radius_95(major_m: f64) -> f64 {
        major_m * SIGMAS_95
    }
}

/// Of a two-dimensional normal distribution: the square root of the 95 % quantile of chi-squared with two degrees of
/// freedom.
const SIGMAS_95: f64 = 2.4477;
/// A few centimetres of the receiver's and as much of the base's.
const RTK_FIXED_M: f64 = 0.1;
/// Half a metre, doubled for 95 %.
const RTK_FLOAT_M: f64 = 1.0;
const LARGEST_RTK_M: f64 = 2.0;
/// A tunnel of a kilometre at the 2 % of distance that automotive dead reckoning promises.
const DEAD_RECKONING_M: f64 = 20.0;
/// Twice the usual 3 m of range error per unit of dilution: about 95 %.
const AUTONOMOUS_M_PER_HDOP: f64 = 6.0;
/// With corrections half of that is left.
const DIFFERENTIAL_M_PER_HDOP: f64 = 3.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_receiver_s_own_estimate_comes_before_any_rule() {
        let errors = Errors { estimated_m: Some(0.034), stated_m: Some(15.2), hdop: Some(0.8) };
        for quality in [Quality::RtkFixed, Quality::Autonomous, Quality::DeadReckoning] {
            assert_eq!(quality.accuracy_m(&errors), Some(0.034));
        }
    }

    #[test]
    fn without_an_estimate_the_kind_of_fix_decides() {
        let hdop = Errors { hdop: Some(0.8), ..Errors::default() };
        let stated = Errors { stated_m: Some(15.2), ..hdop };
        let metres = |quality: Quality, errors: &Errors| quality.accuracy_m(errors).unwrap();
        assert!((metres(Quality::Autonomous, &hdop) - 4.8).abs() < 1e-9);
        assert!((metres(Quality::Differential, &hdop) - 2.4).abs() < 1e-9);
        assert!(metres(Quality::RtkFixed, &hdop) <= 0.1 && metres(Quality::RtkFixed, &stated) <= 0.1);
        assert!(metres(Quality::RtkFloat, &stated) <= 1.0);
        assert!(metres(Quality::DeadReckoning, &hdop) >= 20.0);
        assert!((metres(Quality::Autonomous, &stated) - 15.2).abs() < 1e-9);
    }

    #[test]
    fn what_is_no_number_is_unknown() {
        let errors = Errors { estimated_m: Some(f64::NAN), stated_m: Some(-1.0), hdop: Some(0.0) };
        assert_eq!(Quality::Autonomous.accuracy_m(&errors), None);
    }
}
