//! Messages from a peer, no faster than its budget allows.

use core::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use iroh::endpoint::{Connection, RecvStream, VarInt};
use tokio::time::{Instant, sleep, timeout};
use v2x_proto::envelope::MAX_FRAME;

use super::gauges::Gauges;
use super::sending::MOST_STREAMS;
use crate::hub::{End, Refused};

/// Hands in what the peer sends, until it is dropped or the connection ends. `began`: since when its budget is counted.
pub(super) async fn run(connection: &Connection, end: &End, began: Instant, gauges: &Gauges) {
    tokio::select! {
        never = datagrams(connection, end, began, gauges) => if let Some(never) = never { match never {} },
        never = streams(connection, end, began, gauges) => if let Some(never) = never { match never {} },
    }
}

/// What comes above the budget is dropped and counted. Then nothing is read for a moment: the transport drops the rest, before
/// anybody looks at it.
async fn datagrams(
    connection: &Connection,
    end: &End,
    began: Instant,
    gauges: &Gauges,
) -> Option<Infallible> {
    let mut batch = [const { Bytes::new() }; BATCH];
    loop {
        let read = connection.read_many_datagrams(&mut batch).await.ok()?;
        let mut over = false;
        for frame in batch.iter_mut().take(read) {
            over |= end.hand_in(core::mem::take(frame), began.elapsed()) == Err(Refused::OverBudget);
        }
        if over {
            gauges.count(|counters| counters.slowed += 1);
            sleep(PAUSE).await;
        } else {
            // A peer that never stops does not keep the program from its other peers.
            tokio::task::yield_now().await;
        }
    }
}

/// What comes above the budget waits, and with it the peer, which may open no further streams.
async fn streams(connection: &Connection, end: &End, began: Instant, gauges: &Gauges) -> Option<Infallible> {
    let mut open = FuturesUnordered::new();
    loop {
        let frame = tokio::select! {
            stream = connection.accept_uni(), if open.len() < MOST_STREAMS => {
                open.push(read(stream.ok()?));
                continue;
            }
            Some(frame) = open.next() => frame,
        };
        let Some(frame) = frame else {
            gauges.count(|counters| counters.broken_streams += 1);
            continue;
        };
        let mut slowed = false;
        while !end.has_room(frame.len(), began.elapsed()) {
            slowed = true;
            sleep(PAUSE).await;
        }
        if slowed {
            gauges.count(|counters| counters.slowed += 1);
        }
        // What is refused is counted there.
        let _refused = end.hand_in(frame.into(), began.elapsed()).err();
    }
}

async fn read(mut stream: RecvStream) -> Option<Vec<u8>> {
    match timeout(SLOWEST, stream.read_to_end(MAX_FRAME)).await {
        Ok(Ok(frame)) => Some(frame),
        _ => {
            // An error says that it is over already.
            drop(stream.stop(VarInt::from_u32(0)));
            None
        }
    }
}

/// Datagrams looked at in one go.
const BATCH: usize = 16;
/// Of a budget of 500 messages a second, five.
const PAUSE: Duration = Duration::from_millis(10);
/// A frame at one kilobit a second.
const SLOWEST: Duration = Duration::from_secs(10);
