//! A radio written by hand: the trait every link implements, on a cable that loses every third frame.
//!
//! ```sh
//! cargo run --example custom_radio
//! ```
//!
//! A daemon, a bench or a test takes any `radio_adapters::radio::Radio`. An implementation is asked for three things:
//! take a frame, give a frame, and account for every frame that ends here. `Cable` keeps frames in a queue; a driver would
//! talk to a device in the same places.

use std::collections::VecDeque;
use std::error::Error;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use radio_adapters::AccessCategory;
use radio_adapters::clock::monotonic_ns;
use radio_adapters::radio::{
    Capabilities, Counters, LinkAddress, MAX_FRAME_BYTES, Radio, RadioExt, RxMeta, TxFrame,
};

fn main() -> Result<(), Box<dyn Error>> {
    run(&mut io::stdout().lock())
}

/// The example, writing to `out`.
pub fn run(out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(talk(out))
}

async fn talk(out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let (mut left, mut right) = cable();
    for number in 1..=6_u8 {
        let text = format!("frame {number}");
        left.send(&TxFrame::new(text.as_bytes(), AccessCategory::BestEffort)).await?;
    }
    let mut buffer = BytesMut::new();
    for _ in 0..4 {
        let meta = right.recv(&mut buffer).await?;
        let text = String::from_utf8_lossy(&buffer).into_owned();
        writeln!(out, "{} heard {text:?} from {}", right.link_address(), meta.source)?;
        buffer.clear();
    }
    // A frame that no link carries is refused, and counted.
    let long = [0; MAX_FRAME_BYTES + 1];
    let refused = left.send(&TxFrame::new(&long, AccessCategory::BestEffort)).await;
    if let Err(error) = refused {
        writeln!(out, "refused: {error}")?;
    }
    let (sent, received) = (left.counters(), right.counters());
    writeln!(
        out,
        "{}: {} sent, {} refused; {}: {} received, {} lost on the way",
        left.describe(),
        sent.sent,
        sent.send_errors,
        right.describe(),
        received.received,
        received.kernel_dropped
    )?;
    Ok(())
}

/// One end of the cable.
#[derive(Debug)]
struct Cable {
    name: &'static str,
    address: LinkAddress,
    /// What comes here, filled by the other end.
    inbox: Arc<Mutex<Inbox>>,
    /// The other end's.
    outbox: Arc<Mutex<Inbox>>,
    counters: Counters,
}

#[derive(Debug, Default)]
struct Inbox {
    frames: VecDeque<(LinkAddress, u64, Vec<u8>)>,
    /// The task that waits for a frame.
    waker: Option<Waker>,
    arrived: u64,
    lost: u64,
}

impl Radio for Cable {
    fn poll_recv(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<RxMeta>> {
        let mut inbox = lock(&self.inbox);
        let Some((source, sent_ns, frame)) = inbox.frames.pop_front() else {
            // Only a `Pending` result keeps the waker: the caller has to poll until then.
            inbox.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        drop(inbox);
        buf.extend_from_slice(&frame);
        self.counters.received += 1;
        self.counters.received_bytes += frame.len() as u64;
        Poll::Ready(Ok(RxMeta {
            source,
            kernel_receive_ns: Some(sent_ns),
            user_receive_ns: monotonic_ns(),
            ..RxMeta::default()
        }))
    }

    fn poll_send(&mut self, _: &mut Context<'_>, frame: &TxFrame<'_>) -> Poll<io::Result<u64>> {
        if frame.bytes.len() > MAX_FRAME_BYTES {
            self.counters.oversized += 1;
            self.counters.send_errors += 1;
            let error = format!("{} bytes, at most {MAX_FRAME_BYTES}", frame.bytes.len());
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidInput, error)));
        }
        let now_ns = monotonic_ns();
        let mut outbox = lock(&self.outbox);
        outbox.arrived += 1;
        let waker = if outbox.arrived.is_multiple_of(3) {
            outbox.lost += 1;
            None
        } else {
            let source = frame.source.unwrap_or(self.address);
            outbox.frames.push_back((source, now_ns, frame.bytes.to_vec()));
            outbox.waker.take()
        };
        drop(outbox);
        // Outside the lock: a waker may run the receiver at once.
        waker.into_iter().for_each(Waker::wake);
        // A sender on the air does not learn that no station heard it: the frame counts as sent.
        self.counters.sent += 1;
        self.counters.sent_bytes += frame.bytes.len() as u64;
        Poll::Ready(Ok(now_ns))
    }

    /// A cable stamps what it carries and takes any source address; it knows no categories and no channel load.
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::plain(MAX_FRAME_BYTES);
        capabilities.source_per_frame = true;
        capabilities.receive_stamps = true;
        capabilities
    }

    fn link_address(&self) -> LinkAddress {
        self.address
    }

    fn counters(&self) -> Counters {
        Counters { kernel_dropped: lock(&self.inbox).lost, ..self.counters }
    }

    fn describe(&self) -> String {
        format!("cable {}", self.name)
    }
}

fn cable() -> (Cable, Cable) {
    let [one, other] = [(); 2].map(|()| Arc::new(Mutex::new(Inbox::default())));
    let end = |name, number, inbox: &Arc<Mutex<Inbox>>, outbox: &Arc<Mutex<Inbox>>| Cable {
        name,
        address: LinkAddress([2, 0, 0, 0, 0, number]),
        inbox: Arc::clone(inbox),
        outbox: Arc::clone(outbox),
        counters: Counters::default(),
    };
    (end("left", 1, &one, &other), end("right", 2, &other, &one))
}

fn lock(inbox: &Mutex<Inbox>) -> MutexGuard<'_, Inbox> {
    inbox.lock().unwrap_or_else(PoisonError::into_inner)
}
