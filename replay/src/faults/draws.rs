//! Random numbers of faults.

use crate::medium::hash;

/// The draws of one fault under one seed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FaultDraws(u64);

/// What a draw is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FaultDraw {
    /// Whether a station takes part.
    Member = 1,
    /// Whether a link's state changes.
    Change,
    /// Whether a frame is taken.
    Frame,
    /// Which bit of a frame.
    Bit,
}

impl FaultDraws {
    /// Of a kind of fault by its name, the `of_its_kind`th of it.
    pub(crate) fn new(seed: u64, kind: &str, of_its_kind: u32) -> Self {
        let named = kind.bytes().fold(hash(seed ^ FAULTS), |sum, byte| hash(sum ^ u64::from(byte)));
        Self(hash(named ^ u64::from(of_its_kind) << 8))
    }

    /// 64 bits for a link and a number.
    pub(crate) fn bits(self, draw: FaultDraw, from: u32, to: u32, number: u64) -> u64 {
        let link = u64::from(from) << 32 | u64::from(to);
        hash(hash(link ^ self.0.rotate_left(draw as u32)) ^ hash(number ^ self.0))
    }

    /// Whether something of this probability happens.
    pub(crate) fn happens(self, probability: f64, draw: FaultDraw, from: u32, to: u32, number: u64) -> bool {
        let drawn = (self.bits(draw, from, to, number) >> 11) as f64 / (1u64 << 53) as f64;
        drawn < probability
    }
}

const FAULTS: u64 = 0x6661_756c_7473_2121;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_depends_on_its_fault_its_link_and_its_number_alone() {
        let draws = FaultDraws::new(1, "corrupt", 0);
        let bits = draws.bits(FaultDraw::Frame, 1, 2, 3);
        assert_eq!(bits, FaultDraws::new(1, "corrupt", 0).bits(FaultDraw::Frame, 1, 2, 3));
        for other in [
            FaultDraws::new(2, "corrupt", 0).bits(FaultDraw::Frame, 1, 2, 3),
            FaultDraws::new(1, "corrupt", 1).bits(FaultDraw::Frame, 1, 2, 3),
            FaultDraws::new(1, "reorder", 0).bits(FaultDraw::Frame, 1, 2, 3),
            draws.bits(FaultDraw::Bit, 1, 2, 3),
            draws.bits(FaultDraw::Frame, 2, 1, 3),
            draws.bits(FaultDraw::Frame, 1, 2, 4),
        ] {
            assert_ne!(other, bits);
        }
        let count = |probability| {
            (0..10_000).filter(|n| draws.happens(probability, FaultDraw::Frame, 1, 2, *n)).count()
        };
        assert_eq!((count(0.0), count(1.0)), (0, 10_000));
        assert!(count(0.3).abs_diff(3_000) < 150, "{}", count(0.3));
    }
}
