//! 802.11 frames that are left out, by what is wrong with them.

use v2x_proto::link::Unread;

/// 802.11 frames that a monitor interface gave and that carry no message for the link. Where the kernel filters, most of
/// them never come this far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UnreadFrames {
    /// Beacons, acknowledgements and other frames without data.
    pub no_data: u64,
    /// Encrypted ones.
    pub encrypted: u64,
    /// Several messages in one frame (A-MSDU).
    pub aggregated: u64,
    /// Fragments.
    pub fragments: u64,
    /// Those whose check sequence, or preamble, the receiver found wrong.
    pub damaged: u64,
    /// Those whose headers are cut short or contradict themselves.
    pub malformed: u64,
    /// Other protocols than the link's own.
    pub other_protocol: u64,
    /// Those of a cell, which a station outside of it could not answer.
    pub of_cells: u64,
}

impl UnreadFrames {
    /// Counts a frame.
    pub(crate) fn count(&mut self, unread: Unread) {
        *match unread {
            Unread::NoData => &mut self.no_data,
            Unread::Encrypted => &mut self.encrypted,
            Unread::Aggregate => &mut self.aggregated,
            Unread::Fragment => &mut self.fragments,
            Unread::BadCheckSequence => &mut self.damaged,
            Unread::Llc => &mut self.other_protocol,
            _ => &mut self.malformed,
        } += 1;
    }

    /// Those that somebody sent to the link's stations and that were lost on them, each with its name.
    pub fn lost(&self) -> [(u64, &'static str); 5] {
        [
            (self.encrypted, "encrypted"),
            (self.aggregated, "aggregated (A-MSDU)"),
            (self.fragments, "fragments"),
            (self.damaged, "with a wrong check sequence"),
            (self.malformed, "with a header that is not understood"),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_frame_has_its_counter() {
        let mut counts = UnreadFrames::default();
        for unread in [
            Unread::NoData,
            Unread::Encrypted,
            Unread::Encrypted,
            Unread::Aggregate,
            Unread::Fragment,
            Unread::BadCheckSequence,
            Unread::Llc,
            Unread::Header,
            Unread::Short,
        ] {
            counts.count(unread);
        }
        assert_eq!(counts.lost().map(|(count, _)| count), [2, 1, 1, 1, 2]);
        assert_eq!((counts.no_data, counts.other_protocol, counts.of_cells), (1, 1, 0));
    }
}
