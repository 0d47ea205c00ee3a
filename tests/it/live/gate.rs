//! A link that can be full, or fail.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use radio_adapters::{Capabilities, ChannelLoad, Counters, LinkAddress, Radio, RxMeta, TransmitStatus, TxFrame};

/// Shut: every send is pending. Errors: that many calls fail first. Loads: what it has measured of its channel.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<Mutex<GateState>>);

#[derive(Debug, Default)]
pub struct GateState {
    pub shut: bool,
    pub errors: u32,
    pub waker: Option<Waker>,
    pub loads: VecDeque<ChannelLoad>,
    pub load_waker: Option<Waker>,
    /// Of the frames sent, what the radio says: nothing, unless it is to confirm them.
    pub confirms: bool,
    pub statuses: VecDeque<TransmitStatus>,
}

impl Gate {
    pub fn lock(&self) -> MutexGuard<'_, GateState> {
        self.0.lock().unwrap()
    }

    pub fn close(&self) {
        self.lock().shut = true;
    }

    pub fn open(&self) {
        let waker = {
            let mut state = self.lock();
            state.shut = false;
            state.waker.take()
        };
        waker.unwrap().wake();
    }

    pub fn measures(&self, load: ChannelLoad) {
        let waker = {
            let mut state = self.lock();
            state.loads.push_back(load);
            state.load_waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    pub fn fails(&self) -> Option<io::Error> {
        let mut state = self.lock();
        let left = state.errors.checked_sub(1)?;
        state.errors = left;
        Some(io::Error::from(io::ErrorKind::NotConnected))
    }
}

#[derive(Debug)]
pub struct GatedRadio {
    pub inner: Box<dyn Radio>,
    pub gate: Gate,
}

impl Radio for GatedRadio {
    fn poll_recv(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<RxMeta>> {
        match self.gate.fails() {
            Some(error) => Poll::Ready(Err(error)),
            None => self.inner.poll_recv(cx, buf),
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, frame: &TxFrame<'_>) -> Poll<io::Result<u64>> {
        if let Some(error) = self.gate.fails() {
            return Poll::Ready(Err(error));
        }
        let mut state = self.gate.lock();
        if state.shut {
            state.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let sent = self.inner.poll_send(cx, frame);
        if let (true, Poll::Ready(Ok(sent_ns))) = (state.confirms, &sent) {
            // One that nobody sent, and this one.
            state.statuses.extend([*sent_ns + 1, *sent_ns].map(|sent_ns| TransmitStatus { sent_ns, took_ns: WAIT_NS }));
        }
        sent
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn poll_channel_load(&mut self, cx: &mut Context<'_>) -> Poll<ChannelLoad> {
        let mut state = self.gate.lock();
        let load = state.loads.pop_front();
        if load.is_none() {
            state.load_waker = Some(cx.waker().clone());
        }
        load.map_or(Poll::Pending, Poll::Ready)
    }

    fn poll_transmit_status(&mut self) -> Poll<TransmitStatus> {
        self.gate.lock().statuses.pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    fn link_address(&self) -> LinkAddress {
        self.inner.link_address()
    }

    fn counters(&self) -> Counters {
        self.inner.counters()
    }

    fn describe(&self) -> String {
        format!("gated {}", self.inner.describe())
    }
}

/// How long a frame waits for its channel.
pub const WAIT_NS: u64 = 250_000;
