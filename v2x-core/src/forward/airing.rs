//! What a station may let show of the floods it holds, so that none of them marks it across a change of pseudonym.
//!
//! A flood that one station alone has is a mark: whoever gave it to that station recognises it by it, under any name.
//! Two facts decide. Whether the flood was on the air here since the last change: then a station that came at that
//! moment would have it too, and nothing older shows. And whether another station than its signer named it in a beacon,
//! which is signed, as copies are not: then it marks no single one.
//!
//! | on the air since | shared | it is |
//! |---|---|---|
//! | yes | any | listed, served, relayed, kept alive |
//! | no | yes | served, relayed and kept alive, so that it crosses gaps; not listed |
//! | no | no | kept for the application alone, until it is heard again |

use v2x_proto::Digest;

/// Who else has a flood, as far as this station heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Airing {
    /// It was on the air here since our last change of pseudonym.
    pub here: bool,
    /// Another station than its signer named it in a beacon.
    pub shared: bool,
}

impl Airing {
    /// Of a flood that is heard, or sent by us, for the first time.
    pub(super) const FIRST: Self = Self { here: true, shared: false };

    /// Of one that came from afar, and is to be sent.
    pub(super) const NOWHERE: Self = Self { here: false, shared: false };

    /// A verified neighbour named it.
    pub(super) fn named(&mut self, signer: &Digest, by: &Digest) {
        self.shared |= signer != by;
    }

    /// Nothing of it may show.
    pub(super) fn is_hidden(self) -> bool {
        !self.here && !self.shared
    }
}
