//! A connection for messages, from its hello to its end.

use std::time::Duration;

use futures_util::StreamExt as _;
use iroh::endpoint::PathEvent;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::close::{Close, reason};
use super::gauges::Gauges;
use super::heartbeat::{self, NoBeat};
use super::hello::{self, Greeted, open_up};
use super::lease::{self, Lease};
use super::sending::{self, MOST_STREAMS};
use super::{receiving, settings::PeerTerms};
use crate::budget::Budget;
use crate::hub::End;

/// What a session needs besides its connection.
#[derive(Debug)]
pub(super) struct Bench<'a> {
    pub end: &'a End,
    pub terms: &'a PeerTerms,
    pub silence: Duration,
    /// Since when budgets are counted: the same over all sessions.
    pub began: Instant,
    /// What a guest is admitted by.
    pub lease: Option<&'a Lease>,
    pub gauges: &'a Gauges,
}

/// How a session ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// The connection was closed, or broke.
    Closed(String),
    /// No heartbeat came.
    Silent,
    /// The peer called anew.
    Replaced(Box<Greeted>),
    /// Its credential has ended or is revoked.
    Over(Close),
}

/// Serves a connection whose hellos are over. `keeps` decides, of a connection that comes meanwhile, whether this one stays.
pub(super) async fn run(
    greeted: Greeted,
    bench: &Bench<'_>,
    arrivals: &mut mpsc::Receiver<Greeted>,
    keeps: impl Fn(&Greeted) -> bool,
) -> Ended {
    let Greeted { connection, mut send, mut receive, hello } = greeted;
    let Bench { end, terms, silence, began, lease, gauges } = *bench;
    open_up(&connection, MOST_STREAMS as u32);
    gauges.connected(&connection);
    gauges.seen_at(&hello.seen_at);
    let wanted = hello.wanted.map(|wanted| wanted.selection());
    let paths = async {
        if let Some(path) = hello::path(&connection) {
            gauges.path(path);
        }
        let mut events = connection.path_events();
        while let Some(event) = events.next().await {
            if let PathEvent::Selected { remote_addr, .. } = event {
                gauges.path(remote_addr);
            } else if let Some(path) = hello::path(&connection) {
                gauges.path(path);
            }
        }
        std::future::pending::<()>().await;
    };
    let called = async {
        while let Some(arrival) = arrivals.recv().await {
            if keeps(&arrival) {
                gauges.count(|counters| counters.duplicates += 1);
                Close::Duplicate.close(&arrival.connection);
            } else {
                return arrival;
            }
        }
        std::future::pending().await
    };
    let ended = tokio::select! {
        beat = heartbeat::run(&connection, &mut send, &mut receive, silence, gauges) => match beat {
            NoBeat::Silent => Ended::Silent,
            NoBeat::Malformed => {
                gauges.count(|counters| counters.malformed += 1);
                Close::Malformed.close(&connection);
                Ended::Closed(Close::Malformed.name().to_owned())
            }
            NoBeat::Lost => Ended::Closed(connection.close_reason().as_ref().map_or_else(|| "its heartbeat ended".to_owned(), reason)),
        },
        never = sending::run(&connection, end.outbox(), wanted.as_ref(), Budget::new(terms.budget), gauges) => match never {},
        () = receiving::run(&connection, end, began, gauges) => {
            Ended::Closed(connection.close_reason().as_ref().map_or_else(String::new, reason))
        }
        () = paths => unreachable!("it never ends"),
        arrival = called => Ended::Replaced(Box::new(arrival)),
        close = lease::end(lease) => Ended::Over(close),
    };
    match &ended {
        Ended::Closed(_) => Close::Done.close(&connection),
        Ended::Silent => {
            gauges.count(|counters| counters.silences += 1);
            Close::Silent.close(&connection);
        }
        Ended::Replaced(_) => Close::Duplicate.close(&connection),
        Ended::Over(close) => close.close(&connection),
    }
    ended
}
