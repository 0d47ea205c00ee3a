//! Notices another station that signs with one of our credentials.
//!
//! Our messages come back all the time: as an echo of the link, relayed, or replayed from elsewhere. They are told apart by
//! number and time ([`SignedLog`](crate::send::SignedLog)), which nobody else can write. A fresh frame that this station did
//! not sign since it started, generated since then and with a valid signature under our key, was made elsewhere: by a cloned
//! station, or with a credential that was given out twice. One from before the start may be ours, from before a restart, and
//! anybody who recorded it could otherwise raise the alarm at will.
//!
//! Forged frames in our name cost at most about [`OWN_NAME_CHECKS`] signatures a second and change nothing. Which are checked
//! is drawn by their keyed hash, so that a flood of forgeries delays the alarm and does not keep it away.

use core::time::Duration;

use arrayvec::ArrayVec;
use v2x_proto::Digest;
use v2x_proto::envelope::{SignedView, TbsView};

use super::situation::Situation;
use crate::base::limits::OWN_NAME_CHECKS;
use crate::base::{FrameHash, Host, Instant, MessageId, Position, WireTime};
use crate::trust::{freshness, signing_input};

/// A message that another station signed with one of our credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeardElsewhere {
    /// The message; its signer is the credential.
    pub id: MessageId,
    /// When it was signed, by the other's clock.
    pub generation: WireTime,
    /// Where the other says that it is: signed.
    pub position: Position,
    /// Link address of the frame: not signed, and a relay's for one that travelled.
    pub link_source: [u8; 6],
    /// Received power of the frame.
    pub signal_dbm: Option<i8>,
}

/// A frame in our name, before its signature is checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InOurName<'a> {
    pub(crate) id: MessageId,
    pub(crate) hash: FrameHash,
    pub(crate) signed: SignedView<'a>,
    pub(crate) tbs: TbsView<'a>,
    pub(crate) link_source: [u8; 6],
    pub(crate) signal_dbm: Option<i8>,
}

/// What was heard from elsewhere, and how many frames in our name came lately.
#[derive(Clone, Debug)]
pub(crate) struct CloneWatch {
    started: Instant,
    heard: Option<HeardElsewhere>,
    /// The newest messages heard from elsewhere, under the last few credentials: a replay of an older one is no news.
    newest: ArrayVec<(Digest, WireTime), MOST_CLONED>,
    second: u64,
    /// Frames that might be another's, in the second before this one and in this.
    frames: [u32; 2],
}

impl CloneWatch {
    /// For a station that starts now.
    pub(crate) fn new(now: Instant) -> Self {
        Self { started: now, heard: None, newest: ArrayVec::new_const(), second: 0, frames: [0; 2] }
    }

    /// Looks at a frame in our name. `buffer` is scratch space.
    pub(crate) fn watch(
        &mut self,
        frame: &InOurName<'_>,
        buffer: &mut Vec<u8>,
        situation: &Situation<'_>,
        host: &mut dyn Host,
    ) {
        let InOurName { id, hash, signed, tbs, link_source, signal_dbm } = *frame;
        let (now, wire) = (situation.moment.now, situation.moment.wire());
        let generation = WireTime::from_micros(tbs.generation_time_us);
        // A clock that was set right since may have been ahead by as much as receivers tolerate.
        let may_be_from_before = wire.since(generation) + AHEAD >= now.since(self.started);
        if situation.signed.may_hold(&id, generation)
            || may_be_from_before
            || freshness::check(wire, id.class, generation, tbs.lifetime_ms).is_err()
        {
            return;
        }
        // The newest is ahead of the clock when that was set back.
        let newest = self.newest.iter().find(|(signer, _)| *signer == id.signer).map(|(_, newest)| *newest);
        let replayed = newest.is_some_and(|newest| generation <= newest && newest <= wire + AHEAD);
        if replayed || !hash.is_one_in(self.one_in(now)) {
            return;
        }
        let Some(position) = Position::new(tbs.latitude, tbs.longitude) else { return };
        let Some(own) = situation.own.identity(&id.signer) else { return };
        signing_input(buffer, own.hash(), signed.tbs);
        if host.verify(own.key(), buffer, signed.signature) {
            self.newest.retain(|(signer, _)| *signer != id.signer);
            if self.newest.is_full() {
                self.newest.remove(0);
            }
            self.newest.push((id.signer, generation));
            self.heard = Some(HeardElsewhere { id, generation, position, link_source, signal_dbm });
        }
    }

    /// Whether another station was heard and that is not yet reported.
    pub(crate) fn is_heard(&self) -> bool {
        self.heard.is_some()
    }

    /// What was heard since the last call.
    pub(crate) fn take(&mut self) -> Option<HeardElsewhere> {
        self.heard.take()
    }

    /// One more came: one in how many is checked.
    fn one_in(&mut self, now: Instant) -> u32 {
        let second = now.as_nanos() / 1_000_000_000;
        if second != self.second {
            let before = if second == self.second + 1 { self.frames[1] } else { 0 };
            (self.second, self.frames) = (second, [before, 0]);
        }
        self.frames[1] = self.frames[1].saturating_add(1);
        self.frames[0].max(self.frames[1]) / OWN_NAME_CHECKS + 1
    }
}

/// Credentials of ours whose copies are remembered: the one in use, and those that a thief of the pool tries beside it.
const MOST_CLONED: usize = 8;
/// As far as another's clock may be ahead of ours.
const AHEAD: Duration = Duration::from_micros(freshness::FUTURE);
