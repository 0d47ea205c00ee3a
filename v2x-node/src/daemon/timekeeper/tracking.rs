//! The `tracking` question and answer of chrony's command protocol, version 6 (chronyd 2.0 of 2015 and later), and what the answer says
//! of the clock.
//!
//! Both are one datagram of big-endian fields. A request begins with 20 bytes: version, type, two reserved bytes, command (16 bit),
//! attempt (16 bit), sequence number (32 bit), 8 bytes of nothing; it must be as long as its answer. An answer begins with 28 bytes:
//! version, type, two reserved bytes, command, kind of answer, status (16 bit each), 6 bytes of nothing, the request's sequence
//! number, 8 bytes of nothing. Layouts by chrony's `candm.h` and observed of chronyd 4.3.

use core::time::Duration;

/// What chrony says of the clock it disciplines.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tracking {
    /// What it follows; an IPv4 address, a hash of an IPv6 address, or a reference clock's name.
    pub reference: u32,
    /// It follows something (the leap status is not "not synchronised").
    pub synchronised: bool,
    /// When the clock was last measured, time since 1970 by the clock itself.
    pub measured: Duration,
    /// How far the clock is from what chrony believes, s; chrony is about to correct it, or never does (`chronyd -x`).
    pub correction_s: f64,
    /// Error of the frequency that is not corrected yet, ppm.
    pub residual_ppm: f64,
    /// Bound on the error of the frequency, ppm.
    pub skew_ppm: f64,
    /// Delay to the source of its time, there and back, s.
    pub root_delay_s: f64,
    /// Dispersion against it now, s; grows by the skew and the largest wander that chrony assumes.
    pub root_dispersion_s: f64,
}

/// Why a datagram is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrackingError {
    /// Shorter than an answer.
    #[error("{0} bytes, an answer has {ANSWER_LENGTH}")]
    Length(usize),
    /// Not an answer of version 6 to this question, or to another request.
    #[error("not an answer to this request")]
    Foreign,
    /// chronyd refuses.
    #[error("chronyd refuses with status {0}")]
    Refused(u16),
}

impl Tracking {
    /// Bound on the clock's error when it was said, microseconds: half the delay to the source, the dispersion (RFC 5905 11.2,
    /// root distance), and what is not corrected yet.
    pub fn error_us(&self) -> u64 {
        let seconds = self.correction_s.abs() + self.root_delay_s.abs() / 2.0 + self.root_dispersion_s.abs();
        (seconds * 1e6).ceil() as u64
    }

    /// By how much the bound grows while chrony says nothing new, parts in 1,000,000,000.
    pub fn drift_ppb(&self) -> u64 {
        ((self.skew_ppm.abs() + self.residual_ppm.abs()) * 1000.0).ceil() as u64
    }

    /// How long ago the clock was last measured, by the clock itself, which reads `unix_ns`. Ages ago if that lies ahead by more
    /// than is being corrected: then the clock was set back since.
    pub fn measured_ago(&self, unix_ns: u128) -> Duration {
        match unix_ns.checked_sub(self.measured.as_nanos()) {
            Some(ago) => Duration::from_nanos(u64::try_from(ago).unwrap_or(u64::MAX)),
            None => {
                let ahead_s = (self.measured.as_nanos() - unix_ns) as f64 / 1e9;
                let is_corrected = ahead_s <= self.correction_s.abs() + CORRECTED_SLACK_S;
                if is_corrected { Duration::ZERO } else { Duration::MAX }
            }
        }
    }

    /// It serves its own time (`local stratum`) and follows nothing.
    pub fn is_local(&self) -> bool {
        self.reference == LOCAL_REFERENCE
    }
}

/// The request with this sequence number.
pub fn request(sequence: u32) -> [u8; ANSWER_LENGTH] {
    let mut datagram = [0; ANSWER_LENGTH];
    datagram[0] = VERSION;
    datagram[1] = REQUEST;
    datagram[4..6].copy_from_slice(&TRACKING_COMMAND.to_be_bytes());
    datagram[8..12].copy_from_slice(&sequence.to_be_bytes());
    datagram
}

/// Reads the answer to the request with this sequence number.
///
/// # Errors
/// [`TrackingError`]; no bytes make it panic.
pub fn answer(datagram: &[u8], sequence: u32) -> Result<Tracking, TrackingError> {
    let head = Fields(datagram.get(..HEAD_LENGTH).ok_or(TrackingError::Length(datagram.len()))?);
    let ours = head.0[0] == VERSION
        && head.0[1] == ANSWER
        && head.u16(4) == TRACKING_COMMAND
        && head.u32(16) == sequence;
    if !ours {
        return Err(TrackingError::Foreign);
    }
    // Before the length: a refusal has no content.
    if head.u16(8) != SUCCESS {
        return Err(TrackingError::Refused(head.u16(8)));
    }
    if head.u16(6) != TRACKING_ANSWER {
        return Err(TrackingError::Foreign);
    }
    let all = Fields(datagram.get(..ANSWER_LENGTH).ok_or(TrackingError::Length(datagram.len()))?);
    let high = match all.u32(56) {
        // chronyd writes this where it has no upper half.
        NO_UPPER_HALF => 0,
        high => u64::from(high) << 32,
    };
    Ok(Tracking {
        reference: all.u32(28),
        synchronised: all.u16(54) != NOT_SYNCHRONISED,
        measured: Duration::from_secs(high | u64::from(all.u32(60)))
            .saturating_add(Duration::from_nanos(u64::from(all.u32(64)))),
        correction_s: all.float(68),
        residual_ppm: all.float(84),
        skew_ppm: all.float(88),
        root_delay_s: all.float(92),
        root_dispersion_s: all.float(96),
    })
}

/// Big-endian fields by their place in a slice that is long enough.
struct Fields<'d>(&'d [u8]);

impl Fields<'_> {
    fn u16(&self, at: usize) -> u16 {
        u16::from_be_bytes([self.0[at], self.0[at + 1]])
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_be_bytes([self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3]])
    }

    /// Seven bits of exponent, 25 of coefficient, both two's complement; the value is coefficient x 2^(exponent - 25).
    fn float(&self, at: usize) -> f64 {
        let bits = self.u32(at) as i32;
        let coefficient = (bits << 7) >> 7;
        f64::from(coefficient) * 2.0_f64.powi((bits >> 25) - 25)
    }
}

const VERSION: u8 = 6;
const REQUEST: u8 = 1;
const ANSWER: u8 = 2;
const TRACKING_COMMAND: u16 = 33;
const TRACKING_ANSWER: u16 = 5;
const SUCCESS: u16 = 0;
const HEAD_LENGTH: usize = 28;
/// Length of request and answer.
pub const ANSWER_LENGTH: usize = 104;
/// Leap status: the clock is not synchronised (RFC 5905, figure 9).
const NOT_SYNCHRONISED: u16 = 3;
const NO_UPPER_HALF: u32 = 0x7fff_ffff;
/// What chrony's idea of the time may be ahead of the clock besides: the correction is of another moment.
const CORRECTED_SLACK_S: f64 = 2.0;
/// 127.127.1.1, the reference of `local stratum`.
const LOCAL_REFERENCE: u32 = 0x7f7f_0101;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An answer of chronyd 4.3 that followed another one on the same machine; `chronyc tracking` said: system time 1.389 us
    /// fast, frequency 0.016 ppm fast, residual -0.002 ppm, skew 0.135 ppm, root delay 6.510 us, root dispersion 1.271 us.
    const REAL: &str = "06020000002100050000000000000000abcdef0100000000000000007f0000017f0000010000000000000000000000\
                        000001000000020000000000006b0c932f19a07b9fdd459c34d36abcc6d88230ecf883aeedf36e7fb1fe89ec2fe0da\
                        7079dca81cb900811051";

    fn real() -> Vec<u8> {
        let digits: Vec<u8> = REAL.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    #[test]
    fn an_answer_of_chronyd_is_read() {
        let tracking = answer(&real(), 0xabcd_ef01).unwrap();
        assert!(tracking.synchronised && !tracking.is_local());
        assert_eq!(tracking.reference, 0x7f00_0001);
        assert_eq!(tracking.measured, Duration::new(1_795_986_223, 429_947_807));
        let near = |value: f64, right: f64| assert!((value - right).abs() < right.abs() * 0.01, "{value}");
        near(tracking.correction_s, -1.389e-6);
        near(tracking.skew_ppm, 0.135);
        near(tracking.residual_ppm, -0.002_22);
        near(tracking.root_delay_s, 6.51e-6);
        near(tracking.root_dispersion_s, 1.2525e-6);
        assert_eq!((tracking.error_us(), tracking.drift_ppb()), (6, 137));
        assert_eq!(tracking.measured_ago(1_795_986_225_429_947_807), Duration::from_secs(2));
        // Ahead by less than chrony's idea of the time may be, and by more.
        assert_eq!(tracking.measured_ago(1_795_986_223_000_000_000), Duration::ZERO);
        assert_eq!(tracking.measured_ago(1_795_986_220_000_000_000), Duration::MAX);
        let correcting = Tracking { correction_s: -5.0, ..tracking };
        assert_eq!(correcting.measured_ago(1_795_986_220_000_000_000), Duration::ZERO);
    }

    #[test]
    fn what_is_no_answer_to_this_request_is_refused_with_the_reason() {
        let sequence = 0xabcd_ef01;
        assert_eq!(answer(&real(), 1), Err(TrackingError::Foreign), "another request's");
        assert_eq!(answer(&request(sequence), sequence), Err(TrackingError::Foreign), "a request");
        assert_eq!(answer(&real()[..103], sequence), Err(TrackingError::Length(103)));
        assert_eq!(answer(&[], sequence), Err(TrackingError::Length(0)));
        let mut refusal = real();
        refusal.truncate(HEAD_LENGTH);
        refusal[9] = 2;
        assert_eq!(answer(&refusal, sequence), Err(TrackingError::Refused(2)));
        let mut newer = real();
        newer[0] = 7;
        assert_eq!(answer(&newer, sequence), Err(TrackingError::Foreign));
    }

    #[test]
    fn leap_seconds_ahead_are_synchronised_and_status_3_is_not() {
        for (leap, synchronised) in [(0, true), (1, true), (2, true), (3, false)] {
            let mut datagram = real();
            datagram[55] = leap;
            assert_eq!(answer(&datagram, 0xabcd_ef01).unwrap().synchronised, synchronised);
        }
        let mut local = real();
        local[28..32].copy_from_slice(&[127, 127, 1, 1]);
        assert!(answer(&local, 0xabcd_ef01).unwrap().is_local());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_refused_or_read_to_numbers(
            content in proptest::collection::vec(any::<u8>(), 0..200),
            keep_head in any::<bool>(),
        ) {
            let mut datagram = content;
            if keep_head && datagram.len() >= HEAD_LENGTH {
                datagram[..HEAD_LENGTH].copy_from_slice(&real()[..HEAD_LENGTH]);
            }
            if let Ok(tracking) = answer(&datagram, 0xabcd_ef01) {
                prop_assert!(tracking.correction_s.is_finite() && tracking.skew_ppm.is_finite());
                let (error, drift) = (tracking.error_us(), tracking.drift_ppb());
                prop_assert!(error > 0 || tracking.root_dispersion_s == 0.0);
                prop_assert!(drift > 0 || tracking.skew_ppm == 0.0);
            }
        }
    }
}
