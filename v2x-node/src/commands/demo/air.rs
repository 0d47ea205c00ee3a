//! Radio range on loopback: which stations receive a frame is decided when it is sent, by their positions then.

use std::collections::VecDeque;
use std::hash::Hasher as _;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use hashbrown::HashMap;
use radio_adapters::{Capabilities, ChannelLoad, Counters, LinkAddress, LinkState, Radio, RxMeta, TransmitStatus, TxFrame};
use v2x_core::Position;
use v2x_proto::Digest;

/// The stations' places and the frames in the air, shared by all of them.
#[derive(Clone, Debug)]
pub(crate) struct Air(Arc<Mutex<Shared>>);

#[derive(Debug)]
struct Shared {
    range_m: f64,
    places: Vec<Option<Position>>,
    numbers: HashMap<Digest, u32>,
    /// Frames by key, with the stations meant to receive them. The queue keeps them few.
    audiences: HashMap<u64, Vec<bool>>,
    order: VecDeque<u64>,
}

/// A radio that hears only frames sent within range of its station.
#[derive(Debug)]
pub(crate) struct RangeRadio<R> {
    inner: R,
    air: Air,
    number: u32,
}

impl Air {
    /// For stations numbered from 0; none has a place yet.
    pub(crate) fn new(stations: u32, range_m: f64) -> Self {
        Self(Arc::new(Mutex::new(Shared {
            range_m,
            places: vec![None; stations as usize],
            numbers: HashMap::new(),
            audiences: HashMap::new(),
            order: VecDeque::new(),
        })))
    }

    /// A station moved, or left.
    pub(crate) fn place(&self, number: u32, place: Option<Position>) {
        if let Some(slot) = self.shared().places.get_mut(number as usize) {
            *slot = place;
        }
    }

    /// Stations that have a place.
    pub(crate) fn present(&self) -> usize {
        self.shared().places.iter().flatten().count()
    }

    /// The stations that hear `number` now, and from how far, m.
    pub(crate) fn audience(&self, number: u32) -> Vec<(u32, f32)> {
        self.shared().audience(number).collect()
    }

    /// The other stations within this distance of `number` now.
    pub(crate) fn within(&self, number: u32, metres: f64) -> impl Iterator<Item = u32> {
        let shared = self.shared();
        let near: Vec<u32> = shared.near(number, metres).map(|(station, _)| station).collect();
        near.into_iter()
    }

    /// Remembers which station signs with `digest`.
    pub(crate) fn signed_by(&self, signer: Digest, number: u32) {
        self.shared().numbers.insert(signer, number);
    }

    /// The station with this digest.
    pub(crate) fn number_of(&self, signer: Digest) -> Option<u32> {
        self.shared().numbers.get(&signer).copied()
    }

    /// A frame was not sent after all.
    pub(crate) fn forget(&self, key: u64) {
        self.shared().audiences.remove(&key);
    }

    fn send(&self, number: u32, key: u64) {
        let mut shared = self.shared();
        let mut heard = vec![false; shared.places.len()];
        for (station, _) in shared.audience(number) {
            heard[station as usize] = true;
        }
        if shared.order.len() >= IN_THE_AIR
            && let Some(oldest) = shared.order.pop_front()
        {
            shared.audiences.remove(&oldest);
        }
        shared.order.push_back(key);
        shared.audiences.insert(key, heard);
    }

    fn hears(&self, number: u32, key: u64) -> bool {
        let shared = self.shared();
        shared.audiences.get(&key).and_then(|heard| heard.get(number as usize)).copied().unwrap_or(false)
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        // Whole between any two statements, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn audience(&self, number: u32) -> impl Iterator<Item = (u32, f32)> {
        self.near(number, self.range_m)
    }

    fn near(&self, number: u32, range_m: f64) -> impl Iterator<Item = (u32, f32)> {
        let here = self.places.get(number as usize).copied().flatten();
        let places = self.places.iter().enumerate().filter(move |(station, _)| *station != number as usize);
        places.filter_map(move |(station, place)| {
            let distance = here?.distance_m((*place)?);
            (distance <= range_m).then_some((station as u32, distance as f32))
        })
    }
}

impl<R> RangeRadio<R> {
    /// Wraps the radio of station `number`.
    pub(crate) fn new(inner: R, air: Air, number: u32) -> Self {
        Self { inner, air, number }
    }
}

impl<R: Radio> Radio for RangeRadio<R> {
    fn poll_recv(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<RxMeta>> {
        loop {
            let start = buf.len();
            let meta = ready!(self.inner.poll_recv(cx, buf))?;
            if self.air.hears(self.number, frame_key(&buf[start..])) {
                return Poll::Ready(Ok(meta));
            }
            buf.truncate(start);
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, frame: &TxFrame<'_>) -> Poll<io::Result<u64>> {
        // Before it is sent: receivers of this process may be quicker than this call returns.
        self.air.send(self.number, frame_key(frame.bytes));
        self.inner.poll_send(cx, frame)
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn poll_channel_load(&mut self, cx: &mut Context<'_>) -> Poll<ChannelLoad> {
        self.inner.poll_channel_load(cx)
    }

    fn poll_transmit_status(&mut self) -> Poll<TransmitStatus> {
        self.inner.poll_transmit_status()
    }

    fn link_address(&self) -> LinkAddress {
        self.inner.link_address()
    }

    fn counters(&self) -> Counters {
        self.inner.counters()
    }

    fn describe(&self) -> String {
        format!("{}, range limited", self.inner.describe())
    }

    fn state(&self) -> LinkState {
        self.inner.state()
    }
}

/// Names a frame by its bytes.
pub(crate) fn frame_key(bytes: &[u8]) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

/// Frames remembered: minutes of this town's traffic, far longer than any frame is on its way.
const IN_THE_AIR: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::*;
    use radio_adapters::{AccessCategory, RadioExt, mem::MemHub};

    #[test]
    fn a_frame_is_heard_by_those_in_range_when_it_was_sent() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async {
            let hub = MemHub::new();
            let air = Air::new(3, 100.0);
            let mut radios: Vec<_> = (0..3u8)
                .map(|n| RangeRadio::new(hub.join(LinkAddress([n; 6])), air.clone(), u32::from(n)))
                .collect();
            let place = Position { latitude: 496_000_000, longitude: 61_300_000 };
            air.place(0, Some(place));
            air.place(1, Some(place.moved(99.0, 0.0)));
            air.place(2, Some(place.moved(101.0, 0.0)));
            let frame = TxFrame::new(b"hello", AccessCategory::BestEffort);
            radios[0].send(&frame).await.unwrap();
            // Moving afterwards changes nothing.
            air.place(2, Some(place));
            let mut buf = BytesMut::new();
            radios[1].recv(&mut buf).await.unwrap();
            assert_eq!(&buf[..], b"hello");
            let mut cx = Context::from_waker(std::task::Waker::noop());
            let mut buf = BytesMut::new();
            assert!(radios[2].poll_recv(&mut cx, &mut buf).is_pending());
            assert!(buf.is_empty());
        });
    }
}
