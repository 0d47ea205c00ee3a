//! A radio inside one process: a hub that hands each frame to every other member, in order.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};

use crate::clock::monotonic_ns;
use crate::radio::{Capabilities, Counters, LinkAddress, MAX_FRAME_BYTES, Radio, RxMeta, TxFrame, too_long};

/// The medium all its members share. Clones are the same hub.
#[derive(Debug, Clone)]
pub struct MemHub {
    shared: Arc<Mutex<Shared>>,
}

impl Default for MemHub {
    fn default() -> Self {
        Self::new()
    }
}

impl MemHub {
    /// A hub whose members hold up to 1024 frames not yet read.
    pub fn new() -> Self {
        Self::with_capacity(1024)
    }

    /// A hub whose members hold up to `frames` frames not yet read; further ones are dropped and
    /// counted at the member.
    pub fn with_capacity(frames: usize) -> Self {
        let shared = Shared { members: Vec::new(), capacity: frames, next_id: 0 };
        Self { shared: Arc::new(Mutex::new(shared)) }
    }

    /// A new member; it leaves when dropped.
    pub fn join(&self, address: LinkAddress) -> MemRadio {
        let mut shared = lock(&self.shared);
        let id = shared.next_id;
        shared.next_id += 1;
        shared.members.push(Member { id, queue: VecDeque::new(), waker: None, dropped: 0 });
        MemRadio { shared: Arc::clone(&self.shared), id, address, counters: Counters::default() }
    }

    /// How many members there are.
    pub fn members(&self) -> usize {
        lock(&self.shared).members.len()
    }
}

/// A member of a [`MemHub`].
#[derive(Debug)]
pub struct MemRadio {
    shared: Arc<Mutex<Shared>>,
    id: u64,
    address: LinkAddress,
    counters: Counters,
}

impl Radio for MemRadio {
    fn poll_recv(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<RxMeta>> {
        let mut shared = lock(&self.shared);
        let member = shared.member(self.id);
        let Some(frame) = member.queue.pop_front() else {
            member.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        drop(shared);
        buf.extend_from_slice(&frame.bytes);
        self.counters.received += 1;
        self.counters.received_bytes += frame.bytes.len() as u64;
        Poll::Ready(Ok(RxMeta {
            source: frame.source,
            kernel_receive_ns: Some(frame.sent_ns),
            user_receive_ns: monotonic_ns(),
            ..RxMeta::default()
        }))
    }

    fn poll_send(&mut self, _: &mut Context<'_>, frame: &TxFrame<'_>) -> Poll<io::Result<u64>> {
        if frame.bytes.len() > MAX_FRAME_BYTES {
            self.counters.oversized += 1;
            self.counters.send_errors += 1;
            return Poll::Ready(Err(too_long(frame.bytes.len())));
        }
        let sent_ns = monotonic_ns();
        let frame = Frame {
            source: frame.source.unwrap_or(self.address),
            sent_ns,
            bytes: Bytes::copy_from_slice(frame.bytes),
        };
        self.counters.sent += 1;
        self.counters.sent_bytes += frame.bytes.len() as u64;
        let mut wakers = Vec::new();
        {
            let mut shared = lock(&self.shared);
            let capacity = shared.capacity;
            for member in shared.members.iter_mut().filter(|m| m.id != self.id) {
                if member.queue.len() < capacity {
                    member.queue.push_back(frame.clone());
                    wakers.extend(member.waker.take());
                } else {
                    member.dropped += 1;
                }
            }
        }
        // Outside the lock: a waker may run the receiver at once.
        wakers.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(sent_ns))
    }

    /// Its frames are never on any air; their stamp is the moment they were sent.
    fn capabilities(&self) -> Capabilities {
        Capabilities { source_per_frame: true, receive_stamps: true, ..Capabilities::plain(MAX_FRAME_BYTES) }
    }

    fn link_address(&self) -> LinkAddress {
        self.address
    }

    fn counters(&self) -> Counters {
        let kernel_dropped = lock(&self.shared).member(self.id).dropped;
        Counters { kernel_dropped, ..self.counters }
    }

    fn describe(&self) -> String {
        format!("mem {}", self.address)
    }
}

impl Drop for MemRadio {
    fn drop(&mut self) {
        lock(&self.shared).members.retain(|m| m.id != self.id);
    }
}

#[derive(Debug)]
struct Shared {
    /// In order of joining, which is the order of delivery.
    members: Vec<Member>,
    capacity: usize,
    next_id: u64,
}

impl Shared {
    fn member(&mut self, id: u64) -> &mut Member {
        let found = self.members.iter_mut().find(|m| m.id == id);
        found.expect("invariant: a member stays until its radio is dropped")
    }
}

#[derive(Debug)]
struct Member {
    id: u64,
    queue: VecDeque<Frame>,
    waker: Option<Waker>,
    dropped: u64,
}

#[derive(Debug, Clone)]
struct Frame {
    source: LinkAddress,
    sent_ns: u64,
    bytes: Bytes,
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    // Nothing under this lock can leave the queues half-changed, so a panic elsewhere is no reason
    // to stop.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radio::RadioExt;
    use crate::testnet::run;
    use v2x_proto::link::AccessCategory;

    fn frame(bytes: &[u8]) -> TxFrame<'_> {
        TxFrame::new(bytes, AccessCategory::BestEffort)
    }

    fn address(n: u8) -> LinkAddress {
        LinkAddress([2, 0, 0, 0, 0, n])
    }

    #[test]
    fn every_other_member_hears_frames_in_the_order_sent() {
        run(async {
            let hub = MemHub::new();
            let (mut a, mut b, mut c) = (hub.join(address(1)), hub.join(address(2)), hub.join(address(3)));
            a.send(&frame(b"one")).await.unwrap();
            b.send(&frame(b"two")).await.unwrap();
            a.send(&frame(b"three").from_source(Some(address(9)))).await.unwrap();
            let mut heard = Vec::new();
            for _ in 0..3 {
                let mut buf = BytesMut::new();
                let meta = c.recv(&mut buf).await.unwrap();
                assert!(meta.kernel_receive_ns.unwrap() <= meta.user_receive_ns);
                heard.push((meta.source, buf.to_vec()));
            }
            let expected = [(1, "one"), (2, "two"), (9, "three")];
            assert_eq!(heard, expected.map(|(n, text)| (address(n), text.as_bytes().to_vec())));
            let mut buf = BytesMut::new();
            a.recv(&mut buf).await.unwrap();
            assert_eq!(&buf[..], b"two", "its own frames do not come back");
            assert_eq!(a.counters().received, 1);
        });
    }

    #[test]
    fn a_full_queue_drops_the_newest_and_counts() {
        run(async {
            let hub = MemHub::with_capacity(2);
            let (mut a, mut b) = (hub.join(address(1)), hub.join(address(2)));
            for text in [b"1", b"2", b"3"] {
                a.send(&frame(text)).await.unwrap();
            }
            let mut buf = BytesMut::new();
            b.recv(&mut buf).await.unwrap();
            b.recv(&mut buf).await.unwrap();
            assert_eq!(&buf[..], b"12", "frames are appended");
            assert_eq!(b.counters().kernel_dropped, 1);
        });
    }

    #[test]
    fn a_waiting_member_is_woken() {
        run(async {
            let hub = MemHub::new();
            let (mut a, mut b) = (hub.join(address(1)), hub.join(address(2)));
            let mut buf = BytesMut::new();
            let frame = frame(b"x");
            let (received, sent) = tokio::join!(b.recv(&mut buf), a.send(&frame));
            assert_eq!(received.unwrap().source, address(1));
            sent.unwrap();
        });
    }

    #[test]
    fn a_dropped_member_leaves_and_an_oversized_frame_is_refused() {
        run(async {
            let hub = MemHub::new();
            let mut a = hub.join(address(1));
            drop(hub.join(address(2)));
            assert_eq!(hub.members(), 1);
            let long = [0; MAX_FRAME_BYTES + 1];
            let error = a.send(&frame(&long)).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert_eq!((a.counters().send_errors, a.counters().oversized), (1, 1));
        });
    }
}
