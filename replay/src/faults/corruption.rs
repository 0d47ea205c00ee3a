//! Frames with some of their bits turned over.

use bytes::Bytes;

use super::draws::{FaultDraw, FaultDraws};
use super::passage::OnLink;

/// The frame with this many of its bits, drawn for the link and the frame, turned over; one that is drawn twice is as it was.
pub(crate) fn corrupted(bytes: &Bytes, bits: u32, draws: FaultDraws, on: &OnLink) -> Bytes {
    let mut changed = bytes.to_vec();
    let length = changed.len() as u64 * 8;
    for bit in 0..u64::from(bits) {
        let number = on.number.wrapping_mul(MAX_BITS).wrapping_add(bit);
        let at = draws.bits(FaultDraw::Bit, on.from, on.to, number) % length.max(1);
        if let Some(byte) = changed.get_mut((at / 8) as usize) {
            *byte ^= 1 << (at % 8);
        }
    }
    changed.into()
}

/// Draws of one frame.
const MAX_BITS: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_bits_change_as_the_plan_says_and_the_same_each_time() {
        let bytes = Bytes::from(vec![0; 300]);
        let draws = FaultDraws::new(1, "corrupt", 0);
        let on =
            |number| OnLink { from: 1, to: 2, number, start_ns: 0, end_ns: 0, from_at: None, to_at: None };
        let one = corrupted(&bytes, 1, draws, &on(7));
        assert_eq!(one.iter().map(|byte| byte.count_ones()).sum::<u32>(), 1);
        assert_eq!(one, corrupted(&bytes, 1, draws, &on(7)));
        assert_ne!(one, corrupted(&bytes, 1, draws, &on(8)));
        assert_eq!(corrupted(&Bytes::new(), 3, draws, &on(7)), Bytes::new());
    }
}
