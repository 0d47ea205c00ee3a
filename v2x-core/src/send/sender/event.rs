//! Messages about events: repeated with the bytes they were signed with, and signed by the credential that declared the
//! event even after another has taken over.

use core::time::Duration;

use v2x_proto::{Class, Digest};

use super::{ALERT_REPEATS, Sender, Sequences};
use crate::base::{Host, Instant, NotSent, SendStamps, Sent};
use crate::send::outgoing::{Here, Outgoing, OwnFrame};
use crate::send::queue::{Subject, send_by};
use crate::trust::CredentialDistribution;

/// A signed message that may be repeated.
#[derive(Clone, Debug)]
pub struct Signed {
    frame: OwnFrame,
    message_type: u32,
    /// Receivers accept it until then.
    fresh_until: Instant,
}

impl Signed {
    /// When its signed lifetime ends.
    pub fn fresh_until(&self) -> Instant {
        self.fresh_until
    }
}

impl Sender {
    /// Signs a message with one of our identities, former ones included, and queues it. With it what was evicted for
    /// it.
    ///
    /// # Errors
    ///
    /// As for any message: it is not permitted, too long, or malformed.
    pub fn say(
        &mut self,
        signer: Digest,
        outgoing: &Outgoing<'_>,
        payload: &[u8],
        here: &Here<'_>,
        distribution: &mut CredentialDistribution,
        host: &mut dyn Host,
    ) -> Result<(Sent, Signed, Option<NotSent>), NotSent> {
        let (sent, frame) = self.sign(signer, outgoing, payload, here, distribution, host)?;
        let fresh_until = here.moment.now + Duration::from_millis(u64::from(outgoing.lifetime_ms));
        let signed = Signed { frame: frame.clone(), message_type: outgoing.message_type, fresh_until };
        Ok((sent, signed, self.enqueue(frame, outgoing)))
    }

    /// Queues the same bytes once more; it was due at `due`. Returns what was evicted for it.
    pub fn repeat(
        &mut self,
        signed: &Signed,
        due: Instant,
        now: Instant,
        host: &mut dyn Host,
    ) -> Option<NotSent> {
        let mut again = signed.frame.clone();
        let frame = &mut again.transmit;
        let stamp = host.stamp(now);
        let generated = due.min(stamp);
        frame.stamps = SendStamps { generated, built: stamp, signed: stamp, queued: stamp, gate_open: stamp };
        frame.expires = (now + send_by(frame.class, Duration::MAX)).min(signed.fresh_until);
        if matches!(frame.class, Class::D0 | Class::D1) {
            self.alert_until = self.alert_until.max(now + ALERT_REPEATS);
        }
        self.queue.push(again, Subject { message_type: signed.message_type, number: 0 }, None)
    }

    /// Forgets the numbers of former identities except for those that still sign.
    pub fn keep_former(&mut self, speaks: impl Fn(&Digest) -> bool) {
        self.former.retain(|(digest, _)| speaks(digest));
    }

    /// Another identity took over from `old`: its numbers continue when it signs again for an event.
    pub(super) fn change_sequences(&mut self, old: Digest) {
        let new = self.digest();
        let back = self.former.iter().position(|(digest, _)| *digest == new);
        let sequences = back.map(|place| self.former.swap_remove(place).1).unwrap_or_default();
        self.former.push((old, core::mem::replace(&mut self.sequences, sequences)));
    }

    pub(super) fn next_sequence(&mut self, signer: &Digest, class: Class) -> &mut Option<u32> {
        if *signer == self.pool.active().digest() {
            return &mut self.sequences.0[class.index()];
        }
        let place = self.former.iter().position(|(digest, _)| digest == signer).unwrap_or_else(|| {
            self.former.push((*signer, Sequences::default()));
            self.former.len() - 1
        });
        &mut self.former[place].1.0[class.index()]
    }
}
