//! What a link leaves behind a message: a check sequence that the network device passes on (`ethtool -K eth0 rx-fcs on`), or the
//! padding of a switch. The node takes frames whole, or not at all, so it is left out before.

use v2x_proto::envelope::SignedView;
use v2x_proto::hop;

/// Bytes behind the message in a frame; 0 for what is no message.
pub fn length(frame: &[u8]) -> usize {
    let behind = hop::parse(frame).ok().and_then(|(_, header)| {
        let (_, behind) = SignedView::parse_prefix(frame.get(header..)?).ok()?;
        Some(behind.len())
    });
    behind.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use testkit::draft::Stander;
    use testkit::{Authority, START};

    use super::*;

    #[test]
    fn a_check_sequence_or_padding_is_no_part_of_a_message() {
        let stander = Stander::new(&Authority::new(), 1);
        let beacon = stander.beacon(7, START);
        for whole in [beacon.bytes(), beacon.in_full(&stander.credential).bytes()] {
            assert_eq!(length(&whole), 0);
            for trailer in [&[0xde, 0xad, 0xbe, 0xef][..], &[0; 18]] {
                assert_eq!(length(&[&whole[..], trailer].concat()), trailer.len());
            }
            assert_eq!(length(&whole[..whole.len() - 1]), 0, "cut: for the node to name");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_have_no_more_behind_them_than_there_are(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(length(&bytes) <= bytes.len());
        }
    }
}
