//! Offers to meet: sent when a link wants one, answered, and passed on to the link that dials.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ed25519_dalek::SigningKey;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::debug;
use v2x_core::WireTime;

use super::gauges::Gauges;
use super::key::PeerKey;
use super::link::Meeting;
use crate::clock;
use crate::rendezvous::{self, MOST_ADDRESSES, Meetings, Offer, OfferOut};

/// One peer as far as meetings go.
#[derive(Debug)]
pub(super) struct Friend {
    pub link: mpsc::Sender<Meeting>,
    pub gauges: Arc<Gauges>,
}

/// What it takes to meet.
#[derive(Debug)]
pub(super) struct Matchmaker {
    pub key: SigningKey,
    pub friends: BTreeMap<PeerKey, Friend>,
    pub meetings: Meetings,
    /// Peers with which a meeting is wanted.
    pub wanted: mpsc::Receiver<PeerKey>,
}

impl Matchmaker {
    /// Serves until the carrier is gone; `addresses` says where this bridge is now.
    pub(super) async fn run(mut self, addresses: impl Fn() -> Vec<SocketAddr>) {
        let own = self.key.verifying_key().to_bytes();
        let mut ledger = Ledger::default();
        loop {
            tokio::select! {
                Some(peer) = self.wanted.recv() => {
                    let dial_at = ledger.begin(peer, clock::now());
                    self.send(own, peer, dial_at, false, &addresses);
                }
                offer = self.meetings.arrived.recv() => {
                    let Some(offer) = offer else { return };
                    self.arrived(own, &offer, &mut ledger, &addresses);
                }
            }
        }
    }

    fn arrived(
        &self,
        own: [u8; 32],
        offer: &Bytes,
        ledger: &mut Ledger,
        addresses: &impl Fn() -> Vec<SocketAddr>,
    ) {
        let offer = match Offer::read(offer) {
            Ok(offer) => offer,
            Err(why) => return debug!(target: "peer", %why, "an offer to meet is not used"),
        };
        let from = PeerKey::from_bytes(&offer.from).ok();
        let Some((peer, friend)) =
            from.and_then(|key| Some((key, self.friends.get(&key)?))).filter(|_| offer.to == own)
        else {
            return debug!(target: "peer", "an offer to meet from or for somebody else is not used");
        };
        if !ledger.accepts(peer, &offer) {
            return debug!(target: "peer", %peer, "an offer to meet was used before");
        }
        if friend.gauges.is_connected() {
            return;
        }
        if !offer.is_answer {
            self.send(own, peer, offer.dial_at, true, addresses);
        }
        let at = Instant::now() + rendezvous::wait(offer.dial_at, clock::now());
        if friend.link.try_send(Meeting { addresses: offer.addresses, at }).is_err() {
            debug!(target: "peer", %peer, "two meetings wait for it already");
        }
    }

    fn send(
        &self,
        own: [u8; 32],
        to: PeerKey,
        dial_at: WireTime,
        is_answer: bool,
        addresses: &impl Fn() -> Vec<SocketAddr>,
    ) {
        let mut addresses = addresses();
        addresses.truncate(MOST_ADDRESSES);
        let offer = Offer { from: own, to: *to.as_bytes(), addresses, dial_at, is_answer };
        if !self.meetings.send(OfferOut { to: to.plain(), offer: offer.sign(&self.key) }) {
            debug!(target: "peer", peer = %to, "an offer to meet was not carried");
        }
    }
}

/// The times of offers: each is used once, and what is repeated later is not used again.
#[derive(Debug, Default)]
struct Ledger {
    /// The last of ours, and whether its answer is still to come.
    ours: BTreeMap<PeerKey, (WireTime, bool)>,
    /// The last of theirs.
    theirs: BTreeMap<PeerKey, WireTime>,
}

impl Ledger {
    fn begin(&mut self, peer: PeerKey, now: WireTime) -> WireTime {
        // A clock may be set back: offers must grow all the same.
        let after = self.ours.get(&peer).map_or(now, |(before, _)| *before + Duration::from_micros(1));
        let dial_at = after.max(now + AHEAD);
        self.ours.insert(peer, (dial_at, true));
        dial_at
    }

    fn accepts(&mut self, peer: PeerKey, offer: &Offer) -> bool {
        if offer.is_answer {
            return match self.ours.get_mut(&peer) {
                Some((dial_at, waits)) if *dial_at == offer.dial_at => core::mem::replace(waits, false),
                _ => false,
            };
        }
        let last = self.theirs.entry(peer).or_insert(WireTime::from_micros(0));
        let is_newer = offer.dial_at > *last;
        *last = offer.dial_at.max(*last);
        is_newer
    }
}

/// For the offer to travel, and the answer: a broker across a continent.
const AHEAD: Duration = Duration::from_millis(700);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_and_an_answer_are_used_once_each() {
        let peer = PeerKey::from(iroh::SecretKey::from_bytes(&[1; 32]).public());
        let offer = |dial_at, is_answer| Offer {
            from: [0; 32],
            to: [0; 32],
            addresses: Vec::new(),
            dial_at,
            is_answer,
        };
        let at = WireTime::from_secs;
        let mut ledger = Ledger::default();
        assert!(ledger.accepts(peer, &offer(at(10), false)));
        assert!(!ledger.accepts(peer, &offer(at(10), false)), "repeated");
        assert!(!ledger.accepts(peer, &offer(at(9), false)), "older");
        assert!(!ledger.accepts(peer, &offer(at(11), true)), "an answer to nothing");
        let ours = ledger.begin(peer, at(100));
        assert!(ours > at(100) && ours < at(101));
        assert!(ledger.accepts(peer, &offer(ours, true)));
        assert!(!ledger.accepts(peer, &offer(ours, true)), "repeated");
        assert!(ledger.begin(peer, at(50)) > ours, "the clock was set back");
    }
}
