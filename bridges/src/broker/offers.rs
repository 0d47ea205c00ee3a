//! Offers to meet between bridges, carried by the broker: a topic for each bridge, nothing retained.

use std::future::pending;

use super::expiry::offer_expiry;
use super::link::{Arrival, Note};
use super::topic::Topics;
use crate::rendezvous::OfferCarrier;

/// The carrier's end of offers, with their topics.
#[derive(Debug)]
pub(super) struct Offers {
    carrier: OfferCarrier,
    topics: Topics,
    own: String,
}

impl Offers {
    pub fn new(carrier: OfferCarrier, topics: &Topics) -> Self {
        let own = topics.rendezvous(&carrier.own);
        Self { carrier, topics: topics.clone(), own }
    }

    /// The next offer to be sent.
    pub async fn next(&mut self) -> Note {
        match self.carrier.out.recv().await {
            Some(offer) => Note {
                topic: self.topics.rendezvous(&offer.to),
                payload: offer.offer,
                expiry_s: Some(offer_expiry()),
                retain: false,
            },
            // The peers are gone, and with them the program.
            None => pending().await,
        }
    }

    /// Without a connection an offer cannot be sent, and later it is of no use.
    pub fn forget(&mut self) {
        while self.carrier.out.try_recv().is_ok() {}
    }

    /// Hands over an offer for this bridge; false when the arrival is something else.
    pub fn take(&self, arrival: &Arrival) -> bool {
        let is_offer = arrival.topic.as_ref() == self.own.as_bytes();
        if is_offer {
            self.carrier.arrived(arrival.payload.slice(..));
        }
        is_offer
    }
}
