//! Content at most so fast: hazards go over the same link.

use std::time::Duration;

/// Spreads bytes over time. Time is since any start that does not change.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    bytes_s: Option<u64>,
    free_at: Duration,
}

impl Pace {
    /// So many bytes a second, at least 1; without, as fast as the link.
    #[must_use]
    pub const fn new(bytes_s: Option<u64>) -> Self {
        Self { bytes_s, free_at: Duration::ZERO }
    }

    /// How long to wait after these bytes.
    pub fn after(&mut self, bytes: usize, now: Duration) -> Duration {
        let Some(bytes_s) = self.bytes_s else { return Duration::ZERO };
        let takes = Duration::from_secs_f64(bytes as f64 / bytes_s as f64);
        self.free_at = self.free_at.max(now) + takes;
        self.free_at - now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_at_their_rate_whatever_their_pieces() {
        for piece in [1_000, 16_384, 65_536] {
            let (mut pace, mut now, mut bytes) = (Pace::new(Some(100_000)), Duration::from_secs(7), 0);
            while bytes < 1_000_000 {
                now += pace.after(piece, now);
                bytes += piece;
            }
            let seconds = (now - Duration::from_secs(7)).as_secs_f64();
            assert!((seconds - bytes as f64 / 100_000.0).abs() < 0.01, "{piece}: {seconds}");
        }
        assert_eq!(Pace::new(None).after(1 << 20, Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn a_pause_earns_no_burst() {
        let mut pace = Pace::new(Some(1_000));
        pace.after(1_000, Duration::ZERO);
        assert_eq!(pace.after(1_000, Duration::from_secs(60)), Duration::from_secs(1));
    }
}
