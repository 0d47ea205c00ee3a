//! What a broker link says about itself.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};

use super::arrival::ArrivalDrop;
use super::link::Abilities;
use super::link_error::LinkError;
use super::publisher::PublisherCounts;

/// Shared between the link's task and who asks.
#[derive(Debug)]
pub(super) struct BrokerStatus {
    address: String,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    connected: Option<(Instant, Abilities)>,
    connections: u64,
    failures: u64,
    error: Option<LinkError>,
    /// Filters that the broker took, and those that it did not.
    filters: (u64, u64),
    arrived: u64,
    drops: BTreeMap<ArrivalDrop, u64>,
    sent: PublisherCounts,
    under_way: usize,
    standing: (usize, u64),
    offers: OfferCounts,
}

/// Offers to meet that were carried.
#[derive(Clone, Copy, Debug, Default)]
struct OfferCounts {
    sent: u64,
    arrived: u64,
}

impl BrokerStatus {
    pub fn new(address: String) -> Self {
        Self { address, inner: Mutex::default() }
    }

    pub fn connected(&self, abilities: Abilities) {
        let mut inner = self.inner();
        inner.connections += 1;
        inner.connected = Some((Instant::now(), abilities));
        inner.error = None;
        tracing::info!(target: "broker", address = %self.address, "broker connected");
        if !abilities.retain {
            tracing::warn!(target: "broker", address = %self.address, "the broker retains nothing: who subscribes later misses hazards");
        }
    }

    /// There is no connection; told once for each reason.
    pub fn lost(&self, error: &LinkError) {
        let mut inner = self.inner();
        let was_connected = inner.connected.take().is_some();
        inner.failures += 1;
        inner.under_way = 0;
        inner.filters = (0, 0);
        if was_connected || inner.error.as_ref() != Some(error) {
            tracing::warn!(target: "broker", address = %self.address, "broker lost: it {error}");
        }
        inner.error = Some(error.clone());
    }

    pub fn arrived(&self, result: Result<(), ArrivalDrop>) {
        let mut inner = self.inner();
        match result {
            Ok(()) => inner.arrived += 1,
            Err(why) => *inner.drops.entry(why).or_default() += 1,
        }
    }

    /// The broker answered a subscription to so many filters, and did not take these.
    pub fn subscribed(&self, filters: usize, refused: &[String]) {
        self.inner().filters = ((filters - refused.len()) as u64, refused.len() as u64);
        if let Some(first) = refused.first() {
            tracing::warn!(target: "broker", address = %self.address, filters = refused.len(), first, "the broker does not take subscriptions: its rules for this client");
        }
    }

    pub fn published(&self, counts: PublisherCounts, under_way: usize, standing: (usize, u64)) {
        let mut inner = self.inner();
        if counts.refused > 0 && inner.sent.refused == 0 {
            tracing::warn!(target: "broker", address = %self.address, "the broker refuses what is published: its rules for this client");
        }
        (inner.sent, inner.under_way, inner.standing) = (counts, under_way, standing);
    }

    pub fn offer_sent(&self) {
        self.inner().offers.sent += 1;
    }

    pub fn offer_arrived(&self) {
        self.inner().offers.arrived += 1;
    }

    /// For the board.
    pub fn value(&self) -> Value {
        let inner = self.inner();
        let PublisherCounts {
            published,
            repeated,
            cleared,
            put_back,
            superseded,
            already_there,
            too_late,
            too_large,
            refused,
        } = inner.sent;
        let drops: serde_json::Map<String, Value> =
            inner.drops.iter().map(|(why, count)| (why.to_string(), (*count).into())).collect();
        json!({
            "address": self.address,
            "connected": inner.connected.is_some(),
            "connected_s": inner.connected.map(|(since, _)| since.elapsed().as_secs()),
            "retains": inner.connected.map(|(_, abilities)| abilities.retain),
            "window": inner.connected.map(|(_, abilities)| abilities.window),
            "connections": inner.connections,
            "failures": inner.failures,
            "error": inner.error.as_ref().map(|error| format!("it {error}")),
            "filters": inner.filters.0,
            "filters_refused": inner.filters.1,
            "arrived": inner.arrived,
            "arrivals_dropped": drops,
            "published": published,
            "under_way": inner.under_way,
            "repeated": repeated,
            "cleared": cleared,
            "put_back": put_back,
            "superseded": superseded,
            "already_there": already_there,
            "too_late": too_late,
            "too_large": too_large,
            "refused": refused,
            "events_standing": inner.standing.0,
            "events_no_room": inner.standing.1,
            "offers_sent": inner.offers.sent,
            "offers_arrived": inner.offers.arrived,
        })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
