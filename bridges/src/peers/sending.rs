//! Messages to a peer: what is late when it is lost goes as a datagram, what must arrive goes by a stream of its own.

use core::convert::Infallible;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use iroh::endpoint::Connection;
use tokio::time::{Instant, sleep};

use super::gauges::Gauges;
use crate::budget::Budget;
use crate::clock;
use crate::message::AirMessage;
use crate::outbox::Outbox;
use crate::select::Selection;

/// Sends what is in the outbox and wanted, until it is dropped; what was not acknowledged by then is put back.
pub(super) async fn run(
    connection: &Connection,
    outbox: &Outbox,
    wanted: Option<&Selection>,
    mut budget: Budget,
    gauges: &Gauges,
) -> Infallible {
    let began = Instant::now();
    let mut streams = FuturesUnordered::new();
    // Taken out of the outbox, and waiting for the budget or for room in the connection.
    let mut held: Option<Taken<'_>> = None;
    loop {
        let mut taken = tokio::select! {
            Some(sent) = streams.next() => {
                if sent {
                    gauges.count(|counters| counters.sent_streams += 1);
                } else {
                    gauges.count(|counters| counters.broken_streams += 1);
                    // The connection may be at its end: then this future is dropped now, and what it took is put back.
                    sleep(BREATH).await;
                }
                continue;
            }
            message = outbox.next(clock::now), if held.is_none() && streams.len() < MOST_STREAMS => {
                Taken { outbox, message: Some(message), waited: false }
            }
            () = sleep(BREATH), if held.is_some() => held.take().expect("it is held"),
        };
        if wanted.is_some_and(|wanted| !wanted.takes(taken.message().head())) {
            gauges.count(|counters| counters.not_wanted += 1);
            taken.done();
            continue;
        }
        // The size changes with the path: it is asked each time.
        let length = taken.message().frame().len();
        let fits = connection.max_datagram_size().is_some_and(|most| length <= most);
        let by_datagram = fits && !taken.message().head().is_for_stations();
        let has_room = !by_datagram || connection.datagram_send_buffer_space() >= length;
        if !has_room || !budget.take(length, began.elapsed()) {
            if !taken.waited {
                gauges.count(|counters| counters.held_back += 1);
            }
            taken.waited = true;
            held = Some(taken);
        } else if by_datagram && connection.send_datagram(taken.message().frame().clone()).is_ok() {
            gauges.count(|counters| counters.sent_datagrams += 1);
            taken.done();
        } else {
            streams.push(by_stream(connection, taken));
        }
    }
}

/// Sends a message by a stream of its own; true once the peer has it.
async fn by_stream(connection: &Connection, taken: Taken<'_>) -> bool {
    let Ok(mut stream) = connection.open_uni().await else { return false };
    if stream.write_all(taken.message().frame()).await.is_err() || stream.finish().is_err() {
        return false;
    }
    match stream.stopped().await {
        Ok(None) => {
            taken.done();
            true
        }
        // The peer does not want to read it: it is not sent again.
        Ok(Some(_)) => {
            taken.done();
            false
        }
        Err(_) => false,
    }
}

/// A message that was taken out of the outbox, and goes back unless it was sent.
struct Taken<'o> {
    outbox: &'o Outbox,
    message: Option<AirMessage>,
    /// It has waited for the budget.
    waited: bool,
}

impl Taken<'_> {
    fn message(&self) -> &AirMessage {
        self.message.as_ref().expect("it is there until it is done")
    }

    fn done(mut self) {
        self.message = None;
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let Some(message) = self.message.take() {
            self.outbox.put_back(message, clock::now());
        }
    }
}

/// Streams open at once: 640 messages a second at a round trip of 100 ms.
pub(super) const MOST_STREAMS: usize = 64;
/// Between two looks at a budget.
const BREATH: Duration = Duration::from_millis(5);
