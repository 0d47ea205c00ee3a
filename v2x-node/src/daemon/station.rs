//! One station on a live link: a [`Node`], a [`Radio`] and a timer, driven by one task.
//!
//! Order of a turn: due timers and a few waiting verifications, their output, then the frames the kernel
//! holds, then the channel load the link measured. Reading a frame and its cheap checks take a fiftieth of its
//! verification, so the socket is read (nearly) empty each turn: under a flood the station decides by deadline
//! what is shed, not the order of arrival in a kernel queue. Both batches are bounded, so neither timers nor frames wait
//! for the other for more than a millisecond. While only demoted frames wait, the station rests now and then. Last in a turn is
//! one frame from afar, when nothing of all that is left to do and [its signatures were checked](crate::daemon::ahead).

use core::time::Duration;
use std::collections::VecDeque;
use std::io;
use std::task::{Context, Poll};

use bytes::BytesMut;
use radio_adapters::clock;
use radio_adapters::timer::DeadlineTimer;
use radio_adapters::{ChannelLoad, LinkAddress, MAX_FRAME_BYTES, Radio, RxMeta, TxFrame};
use v2x_core::{
    Event, Host, Input, Instant, LoadSource, Node, Output, ReceivedFrame, SealBinding, Sealed, TimerKind,
    Transmit, Way, seal,
};
use v2x_proto::Class;

use crate::daemon::ahead::{Ahead, CheckedAhead};
use crate::daemon::recorder::Recorder;
use crate::daemon::rest::Rest;
use crate::daemon::trailer;

/// Listens to a station: the application's side.
pub trait Observer {
    /// An event, at the moment the node's output was drained.
    fn event(&mut self, event: &Event);
    /// The same, with the node that it is an event of, for whoever looks something up there.
    fn event_of(&mut self, event: &Event, node: &Node) {
        let _not_asked = node;
        self.event(event);
    }
    /// A frame went to the kernel at `on_air`.
    fn transmitted(&mut self, frame: &Transmit, on_air: Instant);
    /// The link refused a frame.
    fn transmit_failed(&mut self, frame: &Transmit, error: &io::Error);
    /// A frame of this class, handed over before, is on the air: the radio says so, `waited` after it was handed over.
    fn on_air(&mut self, class: Class, waited: Duration) {
        let _not_asked = (class, waited);
    }
}

/// The live host: stages are stamped with `CLOCK_MONOTONIC`, every signature is checked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Live;

impl Host for Live {
    fn stamp(&mut self, _now: Instant) -> Instant {
        monotonic()
    }

    fn seal(&mut self, to: &[u8; 32], bound: &SealBinding, content: &[u8]) -> Option<Sealed> {
        // From the system and kept nowhere: a recording has the seed of everything else.
        let mut random = [0; 32];
        getrandom::fill(&mut random).ok()?;
        seal(to, bound, content, random)
    }
}

/// The core's time on this machine: `CLOCK_MONOTONIC`.
pub fn monotonic() -> Instant {
    Instant::from_nanos(clock::monotonic_ns())
}

/// A running station.
#[derive(Debug)]
pub struct Station {
    node: Node,
    radio: Box<dyn Radio>,
    timer: DeadlineTimer,
    deadline: Instant,
    kind: TimerKind,
    rest: Rest,
    ahead: Option<Ahead>,
    /// From when on a frame from afar may be taken.
    afar: Instant,
    buffer: BytesMut,
    /// Frames the link did not take yet, in the order the node let them go.
    waiting: VecDeque<Transmit>,
    recorder: Option<Recorder>,
    receive_errors: u64,
    flights: Flights,
}

impl Station {
    /// Joins a node and a link. Call inside a tokio runtime with IO.
    ///
    /// # Errors
    /// The kernel gives no timer.
    pub fn new(node: Node, radio: Box<dyn Radio>, recorder: Option<Recorder>) -> io::Result<Self> {
        Ok(Self {
            node,
            radio,
            timer: DeadlineTimer::new()?,
            deadline: Instant::ZERO,
            kind: TimerKind::Idle,
            rest: Rest::default(),
            ahead: None,
            afar: Instant::ZERO,
            buffer: BytesMut::with_capacity(RECEIVE_POOL),
            waiting: VecDeque::new(),
            recorder,
            receive_errors: 0,
            flights: Flights::default(),
        })
    }

    /// Has the signatures of frames from afar checked ahead, on another thread. `checked` is where the node's host finds the answers.
    #[must_use]
    pub fn checking_ahead(mut self, checked: CheckedAhead) -> Self {
        self.ahead = Some(Ahead::new(checked));
        self
    }

    /// The node, for inspection.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The link, for inspection.
    pub fn radio(&self) -> &dyn Radio {
        &*self.radio
    }

    /// The recording, when there is one.
    pub fn recorder(&mut self) -> Option<&mut Recorder> {
        self.recorder.as_mut()
    }

    /// Receive errors of the link that were survived.
    pub fn receive_errors(&self) -> u64 {
        self.receive_errors
    }

    /// Hands an input of the application or the position source to the node, now.
    pub fn input(&mut self, input: Input, observer: &mut impl Observer) {
        self.handle(monotonic(), input, observer);
    }

    /// Runs turns until nothing is due: pending until a frame, a timer or the link's readiness wakes it.
    ///
    /// # Errors
    /// The machine's timer failed; nothing else ends a station.
    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
        observer: &mut impl Observer,
    ) -> Poll<io::Result<core::convert::Infallible>> {
        self.rest.wake(monotonic());
        for _ in 0..TURNS_PER_POLL {
            let worked = self.due_work(observer);
            let sent = self.retry_waiting(cx, observer);
            let took = self.take_frames(cx, observer);
            let loaded = self.take_load(cx, observer);
            self.take_statuses(observer);
            // After work alone the link has been asked already, and others may wait for what was sent.
            let more = worked && self.deadline <= monotonic();
            if !(more || sent || took || loaded || self.take_afar(cx, observer)) {
                return self.sleep(cx);
            }
        }
        self.rest.sleep(monotonic());
        // Others share this thread: come back after them.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn due_work(&mut self, observer: &mut impl Observer) -> bool {
        let mut worked = false;
        let began = monotonic();
        for _ in 0..WORK_BATCH {
            let now = monotonic();
            let rests = self.rests() && self.rest.is_due(now);
            if self.deadline > now || rests || now.since(began) >= WORK_TIME {
                break;
            }
            self.handle(now, Input::Timeout, observer);
            worked = true;
        }
        worked
    }

    /// Has the node take one frame from afar, when nothing else is to be done: what the kernel holds is looked at before the next.
    fn take_afar(&mut self, cx: &mut Context<'_>, observer: &mut impl Observer) -> bool {
        if self.kind != TimerKind::Afar {
            return false;
        }
        let now = monotonic();
        self.afar = match &mut self.ahead {
            _ if self.rest.is_due(now) => self.rest.until(now),
            Some(ahead) => ahead.turn(cx, &self.node, now),
            None => now,
        };
        if self.afar > now {
            return false;
        }
        self.handle(now, Input::Timeout, observer);
        if let Some(ahead) = &mut self.ahead {
            ahead.done();
        }
        true
    }

    fn retry_waiting(&mut self, cx: &mut Context<'_>, observer: &mut impl Observer) -> bool {
        if self.waiting.is_empty() {
            return false;
        }
        let cap = self.node.congestion().power_cap_dbm;
        while let Some(frame) = self.waiting.pop_front() {
            if frame.expires <= monotonic() {
                observer.transmit_failed(&frame, &io::Error::from(io::ErrorKind::TimedOut));
                continue;
            }
            match self.radio.poll_send(cx, &tx_frame(&frame, cap)) {
                Poll::Ready(result) => self.report(&frame, result, observer),
                Poll::Pending => {
                    self.waiting.push_front(frame);
                    return false;
                }
            }
        }
        self.handle(monotonic(), Input::Link { ready: true }, observer);
        true
    }

    fn take_frames(&mut self, cx: &mut Context<'_>, observer: &mut impl Observer) -> bool {
        let mut took = false;
        for _ in 0..READ_BATCH {
            // Reclaims the block when its frames are gone, else starts a new one.
            self.buffer.reserve(MAX_FRAME_BYTES);
            match self.radio.poll_recv(cx, &mut self.buffer) {
                Poll::Ready(Ok(meta)) => {
                    let frame = self.received(&meta);
                    self.handle(monotonic(), Input::Frame(frame), observer);
                    took = true;
                }
                Poll::Ready(Err(_)) => {
                    // It concerned this one call; a ready result registers no waker, so ask again.
                    self.receive_errors += 1;
                    return true;
                }
                Poll::Pending => break,
            }
        }
        took
    }

    /// Passes a new measurement of the channel load to the node: true when there was one, and the next turn asks again.
    fn take_load(&mut self, cx: &mut Context<'_>, observer: &mut impl Observer) -> bool {
        let Poll::Ready(ChannelLoad { busy_permille, measured }) = self.radio.poll_channel_load(cx) else {
            return false;
        };
        let source = if measured { LoadSource::Survey } else { LoadSource::Estimate };
        self.handle(monotonic(), Input::ChannelLoad { busy_permille, source }, observer);
        true
    }

    /// Passes on which frames the radio has sent: it learned that while frames were taken.
    fn take_statuses(&mut self, observer: &mut impl Observer) {
        while let Poll::Ready(status) = self.radio.poll_transmit_status() {
            if let Some(class) = self.flights.land(status.sent_ns) {
                observer.on_air(class, Duration::from_nanos(status.took_ns));
            }
        }
    }

    fn report(&mut self, frame: &Transmit, result: io::Result<u64>, observer: &mut impl Observer) {
        match result {
            Ok(sent_ns) => {
                self.flights.begin(sent_ns, frame.class);
                observer.transmitted(frame, Instant::from_nanos(sent_ns));
            }
            Err(error) => observer.transmit_failed(frame, &error),
        }
    }

    fn received(&mut self, meta: &RxMeta) -> ReceivedFrame {
        let mut bytes = self.buffer.split().freeze();
        bytes.truncate(bytes.len() - trailer::length(&bytes));
        ReceivedFrame {
            bytes,
            link_source: meta.source.0,
            kernel_receive: meta.kernel_receive_ns.map(Instant::from_nanos),
            user_receive: Some(Instant::from_nanos(meta.user_receive_ns)),
            signal_dbm: meta.signal_dbm,
            way: Way::Air,
        }
    }

    fn handle(&mut self, now: Instant, input: Input, observer: &mut impl Observer) {
        if let Some(recorder) = &mut self.recorder {
            recorder.input(now, &input);
        }
        self.node.handle_input(now, input);
        let mut link_full = false;
        loop {
            let output = self.node.poll_output();
            if let Some(recorder) = &mut self.recorder {
                recorder.output(now, &output);
            }
            match output {
                Output::Event(event) => observer.event_of(&event, &self.node),
                Output::Transmit(frame) => link_full |= self.transmit(frame, observer),
                Output::Timeout(at, kind) => {
                    self.kind = kind;
                    // What is from afar has a turn of its own.
                    let (at, kind) =
                        if kind == TimerKind::Afar { self.node.next_timer() } else { (at, kind) };
                    self.deadline = if kind == TimerKind::Idle { Instant::FAR_FUTURE } else { at };
                    break;
                }
            }
        }
        if link_full {
            self.handle(monotonic(), Input::Link { ready: false }, observer);
        }
    }

    /// Puts a frame on the link; true when the link was full and the frame waits.
    fn transmit(&mut self, frame: Transmit, observer: &mut impl Observer) -> bool {
        if self.waiting.is_empty() {
            // The next turn asks again and leaves a waker.
            let mut cx = Context::from_waker(std::task::Waker::noop());
            let cap = self.node.congestion().power_cap_dbm;
            if let Poll::Ready(result) = self.radio.poll_send(&mut cx, &tx_frame(&frame, cap)) {
                self.report(&frame, result, observer);
                return false;
            }
        }
        self.waiting.push_back(frame);
        true
    }

    /// Whether all that is due may wait while others have the processor.
    fn rests(&self) -> bool {
        self.kind == TimerKind::Demoted
    }

    fn sleep(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<core::convert::Infallible>> {
        let now = monotonic();
        let until = if self.rests() { self.rest.until(now) } else { Instant::ZERO };
        self.rest.sleep(now);
        let deadline = self.deadline.max(until);
        let deadline = if self.kind == TimerKind::Afar { deadline.min(self.afar) } else { deadline };
        let deadline = (deadline < Instant::FAR_FUTURE).then(|| deadline.as_nanos());
        self.timer.set(deadline)?;
        match self.timer.poll_expired(cx)? {
            Poll::Ready(()) => cx.waker().wake_by_ref(),
            Poll::Pending => {}
        }
        Poll::Pending
    }
}

/// With no more power than the gate allows, where the link can set it for a frame.
fn tx_frame(frame: &Transmit, cap_dbm: Option<i8>) -> TxFrame<'_> {
    let it = TxFrame::new(&frame.bytes, frame.access()).from_source(frame.source.map(LinkAddress));
    cap_dbm.map_or(it, |dbm| it.at_power_dbm(dbm))
}

/// The classes of the last frames handed over, by when.
#[derive(Debug, Default)]
struct Flights {
    last: [Option<(u64, Class)>; FLIGHTS],
    next: usize,
}

impl Flights {
    fn begin(&mut self, sent_ns: u64, class: Class) {
        self.last[self.next % FLIGHTS] = Some((sent_ns, class));
        self.next = self.next.wrapping_add(1);
    }

    fn land(&mut self, sent_ns: u64) -> Option<Class> {
        let flight = self.last.iter_mut().find(|flight| flight.is_some_and(|(at_ns, _)| at_ns == sent_ns))?;
        flight.take().map(|(_, class)| class)
    }
}

/// Frames whose class is remembered: as many as a link asks its radio about.
const FLIGHTS: usize = 32;
/// Timers or verifications handled in one go: half a millisecond of verifications.
const WORK_BATCH: usize = 16;
/// And no longer than this where a verification takes longer.
const WORK_TIME: Duration = Duration::from_micros(500);
/// Frames read in one go: half a millisecond of cheap checks, and more than arrive while a batch of
/// verifications runs, on any link up to 200,000 frames/s.
const READ_BATCH: usize = 128;
/// Turns before other tasks of the thread get theirs.
const TURNS_PER_POLL: usize = 8;
/// Frames are cut from blocks of this size.
const RECEIVE_POOL: usize = 64 * 1024;
