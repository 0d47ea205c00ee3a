//! Notices another station that speaks with the own credential.
//!
//! Own messages come back all the time: as an echo of the link, relayed, or played again by somebody. They are known by
//! the exact-copy cache, which [`Receiver::sent`](super::receiver::Receiver::sent) feeds. What is not in it, was
//! generated just now and carries a signature that holds under the own key was made elsewhere: a cloned station, or a
//! credential that was given out twice. A forged frame costs at most one signature each [`OWN_NAME_CHECK_INTERVAL`] and
//! changes nothing. Nor does what was generated before this station started: it may be its own, from before a restart, and
//! whoever recorded it could make it change its pseudonym at will.

use v2x_proto::envelope::{SignedView, TbsView};

use super::situation::Situation;
use crate::base::limits::{MAX_OWN_NAME_AGE, OWN_NAME_CHECK_INTERVAL};
use crate::base::{Host, Instant, WireTime};
use crate::trust::signing_input;

/// Remembers what was heard, and when a signature was last checked for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CloneWatch {
    started: Instant,
    heard: bool,
    checked: Option<Instant>,
}

impl CloneWatch {
    /// Of a station that starts now.
    pub(crate) fn new(now: Instant) -> Self {
        Self { started: now, heard: false, checked: None }
    }

    /// Looks at a frame with the own active digest that is no copy of an own one. `buffer` is scratch space.
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

    /// Whether another one was heard and nobody asked yet.
    pub(crate) fn is_heard(&self) -> bool {
        self.heard
    }

    /// Whether another one was heard since the last call.
    pub(crate) fn take(&mut self) -> bool {
        core::mem::take(&mut self.heard)
    }
}
