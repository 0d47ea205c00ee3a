//! Watches the interface a link is on, for all links alike: when to close the link, when to open it anew, and what its
//! state is in between.
//!
//! The kernel announces changes, so that one of a few milliseconds is noticed too. Once a second the interface is
//! looked at all the same, because announcements can be lost.

mod facts;
mod machine;

use std::fmt;
use std::io::{self, Read};
use std::task::{Context, Poll};

use socket2::{Domain, Socket, Type};

use self::facts::Interest;
use self::machine::{Machine, Verdict};
use crate::clock::monotonic_ns;
use crate::error::OpenError;
use crate::glance::glance;
use crate::interface;
use crate::netlink::{self, Query};
use crate::radio::{self, Counters, LinkFault, LinkState, Subject};
use crate::socket::AsyncSocket;
use crate::timer::DeadlineTimer;

pub(crate) use self::facts::{Demand, Facts};

/// What the link has to do.
#[derive(Debug)]
pub(crate) enum Step {
    /// Open its sockets anew on this interface, and answer with [`Watch::opened`] or [`Watch::refused`].
    Open(Facts),
    /// Close them.
    Close,
}

/// The watch over one link's interface.
pub(crate) struct Watch {
    machine: Machine,
    interest: Interest,
    query: Query,
    events: AsyncSocket,
    /// Any socket, to look at the interface by.
    eye: Socket,
    buffer: Vec<u8>,
    timer: DeadlineTimer,
    looked_ns: u64,
    /// The first look is still to be had.
    unseen: bool,
    /// An error of the link's own sockets says that something happened.
    suspect: bool,
    /// Since when the link takes no frame.
    full_since_ns: Option<u64>,
}

impl Watch {
    /// Begins to watch. The first step comes from the first [`Watch::poll`].
    ///
    /// # Errors
    /// [`OpenError`]: no such interface unless `wait`, or one that cannot carry the link as it is set up; a system call
    /// that failed; also when called outside a tokio runtime. An interface that is down, without carrier or without
    /// address is no error: it may be coming up.
    pub(crate) fn new(subject: Subject, demand: Demand, wait: bool) -> Result<Self, OpenError> {
        let failed = |e| OpenError::at("watching network interfaces")(e);
        let interest = Interest { subject, demand };
        let mut query = Query::new().map_err(failed)?;
        match interest.facts(&mut query, None).map_err(failed)? {
            None if !wait => return Err(interface::missing(&interest.subject)),
            None => {}
            Some(facts) => match interest.judge(&facts) {
                Err(LinkFault::Unfit(unfit)) if !unfit.may_pass() => return Err(unfit.into()),
                _ => {}
            },
        }
        let mut watch = Self {
            machine: Machine::new(monotonic_ns(), interest.subject.clone()),
            interest,
            query,
            // What changed before this is seen by the first look.
            events: netlink::events().and_then(AsyncSocket::new).map_err(failed)?,
            eye: Socket::new(Domain::IPV4, Type::DGRAM, None).map_err(failed)?,
            buffer: vec![0; netlink::BUFFER_BYTES],
            timer: DeadlineTimer::new().map_err(failed)?,
            looked_ns: 0,
            unseen: true,
            suspect: false,
            full_since_ns: None,
        };
        watch.arm(monotonic_ns() + EVERY_NS).map_err(failed)?;
        Ok(watch)
    }

    /// The next thing to do. To be polled whenever the link is.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        let mut look = std::mem::take(&mut self.unseen);
        let (mut interrupted, mut doubted) = (false, false);
        for turn in 0.. {
            if turn == MOST_EVENTS {
                cx.waker().wake_by_ref();
                break;
            }
            let buffer = &mut self.buffer;
            match self.events.poll_read(cx, |socket| {
                let mut socket = socket;
                socket.read(buffer)
            }) {
                Poll::Ready(Ok(length)) => {
                    for news in netlink::news(&self.buffer[..length]) {
                        let noted = self.machine.note(&self.interest.subject, &news);
                        look |= noted.concerns;
                        interrupted |= noted.interrupts;
                    }
                }
                // Announcements were lost.
                Poll::Ready(Err(_)) => look = true,
                Poll::Pending => break,
            }
        }
        let now = monotonic_ns();
        if matches!(self.timer.poll_expired(cx), Poll::Ready(_)) {
            look |= self.suspect || !self.seems_unchanged();
            doubted = std::mem::take(&mut self.suspect);
            self.watch_queue(now);
            if self.arm(now + EVERY_NS).is_err() {
                // Without its timer the watch has the announcements alone.
                look = true;
            }
            // Polled once more: it is this that leaves a waker for the new deadline.
            if matches!(self.timer.poll_expired(cx), Poll::Ready(_)) {
                cx.waker().wake_by_ref();
            }
        }
        if !look {
            return Poll::Pending;
        }
        self.looked_ns = now;
        let verdict = match self.interest.facts(&mut self.query, self.machine.ipv4()) {
            Ok(None) => self.machine.gone(now),
            Ok(Some(facts)) => match self.interest.judge(&facts) {
                Err(fault) => self.machine.unfit(now, fault),
                Ok(limit) if interrupted => self.machine.interrupted(facts, limit),
                // Its sockets say otherwise: others may do better.
                Ok(limit) if doubted => self.machine.renew(facts, limit),
                Ok(limit) => self.machine.fit(now, facts, limit),
            },
            Err(error) => {
                self.machine.unfit(now, LinkFault::Refused { reason: format!("asking the kernel: {error}") })
            }
        };
        match verdict {
            Verdict::Keep => Poll::Pending,
            Verdict::Close => Poll::Ready(Step::Close),
            Verdict::Open(facts) => Poll::Ready(Step::Open(facts)),
        }
    }

    /// The link has its sockets.
    pub(crate) fn opened(&mut self) {
        self.full_since_ns = None;
        self.machine.opened(monotonic_ns());
    }

    /// The kernel refused the link's sockets; it is tried again within a second.
    pub(crate) fn refused(&mut self, error: &impl ToString) {
        self.machine.unfit(monotonic_ns(), LinkFault::Refused { reason: error.to_string() });
    }

    /// A socket of the link says that its interface is down or gone: look soon.
    pub(crate) fn suspect(&mut self) {
        self.suspect = true;
        // Not at each frame, should the interface look well.
        let _unarmed = self.arm(monotonic_ns().max(self.looked_ns + SOONEST_NS));
    }

    /// The send queue is full.
    pub(crate) fn full(&mut self) {
        self.full_since_ns.get_or_insert_with(monotonic_ns);
    }

    /// The link took a frame.
    pub(crate) fn took(&mut self) {
        if self.full_since_ns.take().is_some() {
            self.machine.flows();
        }
    }

    /// The link's state.
    pub(crate) fn state(&self) -> LinkState {
        self.machine.state()
    }

    /// The error of sending while the link has no sockets.
    pub(crate) fn down_error(&self) -> io::Error {
        match self.machine.state().fault() {
            Some(fault) => radio::down(fault),
            None => io::ErrorKind::NotConnected.into(),
        }
    }

    /// Adds what the watch counts.
    pub(crate) fn counted(&self, counters: Counters) -> Counters {
        let (outages, down_ns) = self.machine.outages();
        Counters { outages, down_ns, ..counters }
    }

    /// The interface's name, as far as it is known.
    pub(crate) fn interface(&self) -> String {
        self.machine.interface().map_or_else(|| self.interest.subject.to_string(), str::to_owned)
    }

    /// Bytes the interface takes, as far as it is known.
    pub(crate) fn mtu(&self) -> usize {
        self.machine.open().map_or(usize::MAX, |open| open.mtu)
    }

    fn arm(&mut self, at_ns: u64) -> io::Result<()> {
        self.timer.set(Some(at_ns))
    }

    /// Whether a glance at the interface shows what is known of it. A look that may wait for others is only worth it
    /// when something has changed.
    fn seems_unchanged(&self) -> bool {
        let Some(open) = self.machine.open() else { return false };
        glance(&self.eye, &open.name).is_ok_and(|seen| {
            seen.index == open.index
                && seen.up == open.up
                && seen.running == open.running
                && seen.mtu == open.mtu
        })
    }

    fn watch_queue(&mut self, now: u64) {
        let Some(since) = self.full_since_ns else { return };
        if now.saturating_sub(since) >= STALLED_NS {
            let interface = self.interface();
            let seconds = STALLED_NS / 1_000_000_000;
            self.machine.stalls(since, LinkFault::Stalled { interface, seconds });
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("machine", &self.machine)
            .field("interest", &self.interest)
            .finish_non_exhaustive()
    }
}

/// How often the interface is looked at without an announcement.
const EVERY_NS: u64 = 1_000_000_000;
/// Errors of sockets make it no more often than this: what really happens is announced.
const SOONEST_NS: u64 = 1_000_000_000;
/// A frame's time is over long before: nothing leaves, whatever the kernel says of the interface.
const STALLED_NS: u64 = 3_000_000_000;
/// Announcements read in one go.
const MOST_EVENTS: u32 = 64;
