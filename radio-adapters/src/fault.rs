//! A radio that misbehaves on purpose: loses, duplicates, reorders and corrupts frames, the same way
//! for the same seed.

mod lane;
mod rates;

use std::io;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;

use self::lane::Lane;
use crate::clock::monotonic_ns;
use crate::radio::{
    Capabilities, ChannelLoad, Counters, LinkAddress, LinkState, Radio, RxMeta, TransmitStatus, TxFrame,
};

pub use lane::FaultCounters;
pub use rates::{FaultError, FaultRates, MAX_HOLD_BACK};

/// Faults in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FaultConfig {
    /// Decides everything; frame n of a direction always meets the same fate.
    pub seed: u64,
    /// Faults on frames received.
    pub receive: FaultRates,
    /// Faults on frames sent.
    pub send: FaultRates,
}

/// A radio with faults around another.
///
/// [`Radio::counters`] are those of the radio inside; [`Fault::fault_counters`] has the rest.
#[derive(Debug)]
pub struct Fault<R> {
    radio: R,
    receive: Lane<RxMeta>,
    send: Lane<Manner>,
    scratch: BytesMut,
}

impl<R: Radio> Fault<R> {
    /// Puts faults around `radio`.
    ///
    /// # Errors
    /// [`FaultError`] for a rate outside 0..=1 or too deep a hold-back.
    pub fn new(radio: R, config: &FaultConfig) -> Result<Self, FaultError> {
        Ok(Self {
            radio,
            receive: Lane::new(config.seed, 0, config.receive)?,
            send: Lane::new(config.seed, 1, config.send)?,
            scratch: BytesMut::new(),
        })
    }

    /// What was done to received frames, and to sent ones.
    pub fn fault_counters(&self) -> [FaultCounters; 2] {
        [self.receive.counters(), self.send.counters()]
    }

    /// Lets frames held back go, in order, at the next calls: for the end of a run.
    pub fn release_held(&mut self) {
        self.receive.release_held();
        self.send.release_held();
    }

    /// The radio inside.
    pub fn inner(&self) -> &R {
        &self.radio
    }

    /// Hands frames whose fate is decided to the radio inside.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<u64>>> {
        let mut last = None;
        while let Some((bytes, manner)) = self.send.front() {
            let sent = ready!(self.radio.poll_send(cx, &manner.of(bytes)));
            self.send.pop();
            last = Some(sent?);
        }
        Poll::Ready(Ok(last))
    }
}

impl<R: Radio> Radio for Fault<R> {
    fn poll_recv(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<RxMeta>> {
        // A copy that waited for room must not wait for the next frame; its errors were counted
        // inside and concern no caller here.
        let _drained = self.poll_drain(cx);
        for _ in 0..MAX_TURNS {
            if let Some((bytes, mut meta, late)) = self.receive.pop() {
                buf.extend_from_slice(&bytes);
                if late {
                    meta.user_receive_ns = monotonic_ns();
                }
                return Poll::Ready(Ok(meta));
            }
            let meta = ready!(self.radio.poll_recv(cx, &mut self.scratch))?;
            self.receive.admit(self.scratch.split(), meta);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// As the radio inside, except that a frame lost or held back counts as sent, and that a copy for
    /// which the radio inside has no room goes out at a later call.
    fn poll_send(&mut self, cx: &mut Context<'_>, frame: &TxFrame<'_>) -> Poll<io::Result<u64>> {
        // Before taking the new frame: its fate is drawn once, so it cannot be given back.
        ready!(self.poll_drain(cx))?;
        let bytes = BytesMut::from(frame.bytes);
        self.send.admit(bytes, Manner(TxFrame { bytes: &[], ..*frame }));
        match self.poll_drain(cx) {
            Poll::Ready(Ok(Some(sent_ns))) => Poll::Ready(Ok(sent_ns)),
            Poll::Ready(Ok(None)) | Poll::Pending => Poll::Ready(Ok(monotonic_ns())),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
        }
    }

    fn capabilities(&self) -> Capabilities {
        self.radio.capabilities()
    }

    fn poll_channel_load(&mut self, cx: &mut Context<'_>) -> Poll<ChannelLoad> {
        self.radio.poll_channel_load(cx)
    }

    fn poll_transmit_status(&mut self) -> Poll<TransmitStatus> {
        self.radio.poll_transmit_status()
    }

    fn link_address(&self) -> LinkAddress {
        self.radio.link_address()
    }

    fn counters(&self) -> Counters {
        self.radio.counters()
    }

    fn describe(&self) -> String {
        format!("{} with faults", self.radio.describe())
    }

    fn state(&self) -> LinkState {
        self.radio.state()
    }
}

/// How a frame is sent: the request without its bytes.
#[derive(Debug, Clone, Copy)]
struct Manner(TxFrame<'static>);

impl Manner {
    fn of<'a>(&self, bytes: &'a [u8]) -> TxFrame<'a> {
        TxFrame { bytes, ..self.0 }
    }
}

/// Lost frames handled in one poll before other tasks get their turn.
const MAX_TURNS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mem::{MemHub, MemRadio};
    use crate::radio::RadioExt;
    use crate::testnet::run;
    use v2x_proto::link::AccessCategory;

    const SENDER: LinkAddress = LinkAddress([2, 0, 0, 0, 0, 1]);
    const RECEIVER: LinkAddress = LinkAddress([2, 0, 0, 0, 0, 2]);

    fn rates() -> FaultRates {
        FaultRates { loss: 0.2, duplication: 0.2, reordering: 0.2, corruption: 0.2, hold_back: 4 }
    }

    async fn send_all(radio: &mut impl Radio, frames: u8) {
        for n in 0..frames {
            let bytes = &[n; 40];
            let frame = TxFrame::new(bytes, AccessCategory::Video);
            radio.send(&frame).await.unwrap();
        }
    }

    /// All frames there are. A lossy radio may return `Pending` to let others run, so one is not the end.
    async fn receive_all(radio: &mut impl Radio) -> Vec<Vec<u8>> {
        let mut heard = Vec::new();
        for _ in 0..=200 / MAX_TURNS {
            loop {
                let mut buf = BytesMut::new();
                let polled = std::future::poll_fn(|cx| Poll::Ready(radio.poll_recv(cx, &mut buf)));
                if polled.await.is_pending() {
                    break;
                }
                heard.push(buf.to_vec());
            }
        }
        heard
    }

    fn pair() -> (MemRadio, MemRadio) {
        let hub = MemHub::new();
        (hub.join(SENDER), hub.join(RECEIVER))
    }

    fn through(config: FaultConfig) -> (Vec<Vec<u8>>, [FaultCounters; 2]) {
        run(async {
            let (a, b) = pair();
            let mut a = Fault::new(a, &config).unwrap();
            // Both directions on one frame path: the receive lane of `b` is fed by the send lane of `a`.
            let mut b = Fault::new(b, &config).unwrap();
            send_all(&mut a, 200).await;
            let heard = receive_all(&mut b).await;
            (heard, [b.fault_counters()[0], a.fault_counters()[1]])
        })
    }

    #[test]
    fn the_same_seed_does_the_same_and_another_does_not() {
        let config = FaultConfig { seed: 7, receive: rates(), send: rates() };
        let first = through(config);
        assert_eq!(first, through(config));
        assert_ne!(first.0, through(FaultConfig { seed: 8, ..config }).0);
        for lane in first.1 {
            assert!(lane.frames > 0 && lane.lost > 0 && lane.duplicated > 0, "{lane:?}");
            assert!(lane.reordered > 0 && lane.corrupted > 0, "{lane:?}");
        }
    }

    #[test]
    fn no_faults_change_nothing() {
        let (heard, [receive, send]) = through(FaultConfig::default());
        assert_eq!(heard, (0..200).map(|n| vec![n; 40]).collect::<Vec<_>>());
        assert_eq!((receive, send), (receive, FaultCounters { frames: 200, ..Default::default() }));
    }

    #[test]
    fn a_link_that_loses_everything_is_silent() {
        let receive = FaultRates { loss: 1.0, ..Default::default() };
        let (heard, [lane, _]) = through(FaultConfig { receive, ..Default::default() });
        assert_eq!((heard.len(), lane.lost), (0, 200));
    }

    #[test]
    fn frames_held_back_at_the_end_can_be_released() {
        run(async {
            let (mut a, b) = pair();
            let receive = FaultRates { reordering: 1.0, hold_back: 3, ..Default::default() };
            let config = FaultConfig { receive, ..Default::default() };
            let mut b = Fault::new(b, &config).unwrap();
            send_all(&mut a, 20).await;
            let mut heard = receive_all(&mut b).await;
            assert!(heard.len() >= 17 && heard.len() < 20, "{}", heard.len());
            b.release_held();
            heard.extend(receive_all(&mut b).await);
            heard.sort();
            assert_eq!(heard, (0..20).map(|n| vec![n; 40]).collect::<Vec<_>>());
        });
    }

    #[test]
    fn rates_outside_their_range_are_refused() {
        let with = |receive| FaultConfig { receive, ..Default::default() };
        for bad in [-0.1, 1.1, f64::NAN] {
            let error = Fault::new(pair().0, &with(FaultRates { loss: bad, ..Default::default() }));
            assert!(error.unwrap_err().to_string().contains("loss"));
        }
        let deep = FaultRates { hold_back: MAX_HOLD_BACK + 1, ..Default::default() };
        assert!(Fault::new(pair().0, &with(deep)).is_err());
    }
}
