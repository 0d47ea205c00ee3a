//! When awareness passes a closed gate: others no longer know where the station is.
//!
//! SAE J2945/1, 6.3.8: receivers reckon a station on from its last message. The farther it really is from there, the more
//! likely its next message leaves before the rate allows it.

/// How likely a message leaves in spite of the rate, 0..=1, when the station is this far from where others reckon it to
/// be, m.
pub fn chance(error_m: f64) -> f64 {
    if error_m < LEAST_M {
        0.0
    } else if error_m < MOST_M {
        1.0 - (-SENSITIVITY * (error_m - LEAST_M) * (error_m - LEAST_M)).exp()
    } else {
        1.0
    }
}

/// Less than the error of a position.
const LEAST_M: f64 = 0.2;
/// From here on the message always leaves.
const MOST_M: f64 = 0.5;
/// Per square metre.
const SENSITIVITY: f64 = 75.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chance_grows_from_20_to_50_cm() {
        assert_eq!([0.0, 0.19, 0.5, 9.0].map(chance), [0.0, 0.0, 1.0, 1.0]);
        assert!((chance(0.3) - 0.528).abs() < 0.001);
        assert!(chance(0.499) > 0.99);
    }
}
