//! Notices another station that signs with our credential.
//!
//! Our messages come back all the time: as an echo of the link, relayed, or replayed. They are recognised by the
//! exact-copy cache, which [`Receiver::sent`](super::receiver::Receiver::sent) feeds. A frame that is not in it, was
//! generated just now and carries a valid signature under our key was made elsewhere: by a cloned station, or with a
//! credential that was given out twice. A forged frame costs at most one signature each [`OWN_NAME_CHECK_INTERVAL`] and
//! changes nothing. Nor does a message generated before this station started: it may be ours, from before a restart,
//! and anybody who recorded it could otherwise make the station change its pseudonym at will.

use v2x_proto::envelope::{SignedView, TbsView};

use super::situation::Situation;
use crate::base::limits::{MAX_OWN_NAME_AGE, OWN_NAME_CHECK_INTERVAL};
use crate::base::{Host, Instant, WireTime};
use crate::trust::signing_input;

/// Whether a clone was heard, and when a signature was last checked for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CloneWatch {
    started: Instant,
    heard: bool,
    checked: Option<Instant>,
}

impl CloneWatch {
    /// For a station that starts now.
    pub(crate) fn new(now: Instant) -> Self {
        Self { started: now, heard: false, checked: None }
    }

    /// Checks a frame with our active digest that is no copy of one of ours. `buffer` is scratch space.
    pub(crate) fn watch(
        &mut self,
        signed: &SignedView<'_>,
        tbs: &TbsView<'_>,
        buffer: &mut Vec<u8>,
        situation: &Situation<'_>,
        host: &mut dyn Host,
    ) {
        let now = situation.moment.now;
        let age = situation.moment.wire().since(WireTime::from_micros(tbs.generation_time_us));
        let soon = self.checked.is_some_and(|checked| now.since(checked) < OWN_NAME_CHECK_INTERVAL);
        // A station alone with its credential has nothing to change to.
        if situation.own.len() == 1 || soon || age > MAX_OWN_NAME_AGE.min(now.since(self.started)) {
            return;
        }
        self.checked = Some(now);
        let own = situation.own.active();
        signing_input(buffer, own.hash(), signed.tbs);
        self.heard |= host.verify(own.key(), buffer, signed.signature);
    }

    /// Whether a clone was heard and not yet reported.
    pub(crate) fn is_heard(&self) -> bool {
        self.heard
    }

    /// Whether a clone was heard since the last call.
    pub(crate) fn take(&mut self) -> bool {
        core::mem::take(&mut self.heard)
    }
}
