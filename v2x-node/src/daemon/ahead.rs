//! Signatures of frames from afar, checked ahead of their turn by a thread that gives way to the station at once.
//!
//! A signature takes longer than all else that a frame costs, and whatever comes by air while the station checks one from afar waits
//! for it. So the station asks its node which signatures come next, has the thread check them, and lets the node take a frame from
//! afar when its answers are there: the node asks its host, which answers from [`CheckedAhead`]. What is not there is checked in
//! place. A thread that gets no processor delays frames from afar by [`PATIENCE`]; then the station checks them itself for [`ALONE`],
//! and so it does where the thread cannot be had.

use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use ed25519_dalek::VerifyingKey;
use radio_adapters::realtime;
use tokio::sync::mpsc;
use v2x_core::{AfarTicket, Instant, Node, SignatureCheck, strict};

/// Answers for the node's host: those of the frame whose turn it is. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct CheckedAhead(Arc<Mutex<Vec<Answer>>>);

impl CheckedAhead {
    /// What is known of a signature.
    pub fn answer(&self, key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> Option<bool> {
        let known = self.answers();
        known.iter().find(|answer| answer.check.is_of(key, message, signature)).map(|answer| answer.valid)
    }

    fn put(&self, answers: Vec<Answer>) {
        *self.answers() = answers;
    }

    fn answers(&self) -> MutexGuard<'_, Vec<Answer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A signature, and whether it holds.
#[derive(Clone, Debug)]
struct Answer {
    check: SignatureCheck,
    valid: bool,
}

/// The signatures of one frame: to be checked, or checked up to the first that does not hold.
#[derive(Debug)]
struct Checks<C> {
    ticket: AfarTicket,
    checks: Vec<C>,
}

/// The station's end of it.
#[derive(Debug)]
pub struct Ahead {
    worker: Worker,
    /// Of frames that wait: those that the thread was asked about, with its answers as far as they are there.
    asked: Vec<(AfarTicket, Option<Vec<Answer>>)>,
    checked: CheckedAhead,
    /// Since when the next frame waits for its answers.
    waits: Option<Instant>,
    /// Until when the thread is not waited for.
    alone: Instant,
}

/// The thread.
#[derive(Debug)]
enum Worker {
    /// No frame came from afar so far.
    NotStarted,
    Runs(Ends),
    /// It cannot be had, or has ended.
    Gone,
}

/// The station's ends of the channels to the thread and back.
#[derive(Debug)]
struct Ends {
    asks: SyncSender<Checks<SignatureCheck>>,
    answers: mpsc::Receiver<Checks<Answer>>,
}

impl Ahead {
    /// The answers go where the node's host finds them. The thread starts with the first frame from afar.
    pub const fn new(checked: CheckedAhead) -> Self {
        Self { worker: Worker::NotStarted, asked: Vec::new(), checked, waits: None, alone: Instant::ZERO }
    }

    /// A frame from afar waits, and nothing else does: from when on the node may take it. When that is now, the host has the answers
    /// until [`done`](Self::done). Otherwise an answer of the thread wakes the task.
    pub fn turn(&mut self, cx: &mut Context<'_>, node: &Node, now: Instant) -> Instant {
        if matches!(self.worker, Worker::NotStarted) {
            self.worker = start().map_or(Worker::Gone, Worker::Runs);
        }
        if self.take_answers(cx).and_then(|()| self.ask(node)).is_err() {
            self.worker = Worker::Gone;
        }
        let Some(next) = node.afar_waiting().next() else { return now };
        let place = self.asked.iter().position(|(ticket, answers)| *ticket == next && answers.is_some());
        if let Some(place) = place {
            self.checked.put(self.asked.swap_remove(place).1.unwrap_or_default());
            return now;
        }
        if matches!(self.worker, Worker::Gone) || now < self.alone {
            return now;
        }
        let until = *self.waits.get_or_insert(now) + PATIENCE;
        if now >= until {
            self.alone = now + ALONE;
        }
        until
    }

    /// The node took a frame from afar.
    pub fn done(&mut self) {
        self.waits = None;
        self.checked.put(Vec::new());
    }

    fn take_answers(&mut self, cx: &mut Context<'_>) -> Result<(), Gone> {
        let Worker::Runs(Ends { answers, .. }) = &mut self.worker else { return Ok(()) };
        while let Poll::Ready(answered) = answers.poll_recv(cx) {
            let Checks { ticket, checks } = answered.ok_or(Gone)?;
            if let Some((_, answers)) = self.asked.iter_mut().find(|(asked, _)| *asked == ticket) {
                *answers = Some(checks);
            }
        }
        Ok(())
    }

    /// Asks about the next frames, those that the thread has room for.
    fn ask(&mut self, node: &Node) -> Result<(), Gone> {
        let Worker::Runs(Ends { asks, .. }) = &self.worker else { return Ok(()) };
        self.asked.retain(|(asked, _)| node.afar_waiting().any(|ticket| ticket == *asked));
        for ticket in node.afar_waiting().take(AT_ONCE) {
            if self.asked.iter().any(|(asked, _)| *asked == ticket) {
                continue;
            }
            let checks = node.afar_checks(ticket);
            // Its credential is refused without any.
            let answers = checks.is_empty().then(Vec::new);
            if answers.is_none() {
                match asks.try_send(Checks { ticket, checks }) {
                    Ok(()) => {}
                    Err(TrySendError::Full(_)) => break,
                    Err(TrySendError::Disconnected(_)) => return Err(Gone),
                }
            }
            self.asked.push((ticket, answers));
        }
        Ok(())
    }
}

/// The thread has ended.
#[derive(Debug)]
struct Gone;

/// Starts the thread, which ends when the station's end of its channel is gone; `None` where the machine has no thread left.
fn start() -> Option<Ends> {
    let (ends, asks, answers) = channels();
    // A station of real-time priority takes the processor from every ordinary thread; an ordinary one at once from idle ones alone.
    let real_time = realtime::effective().is_ok_and(|station| station.policy.is_real_time());
    let give_way = if real_time { realtime::make_ordinary } else { realtime::make_idle };
    let thread = thread::Builder::new().name("afar".to_owned()).spawn(move || {
        give_way();
        work(&asks, &answers);
    });
    // It is not waited for at the end: it holds nothing.
    thread.is_ok().then_some(ends)
}

fn channels() -> (Ends, Receiver<Checks<SignatureCheck>>, mpsc::Sender<Checks<Answer>>) {
    let (asks, asked) = sync_channel(AT_ONCE);
    let (answered, answers) = mpsc::channel(AT_ONCE);
    (Ends { asks, answers }, asked, answered)
}

fn work(asks: &Receiver<Checks<SignatureCheck>>, answers: &mpsc::Sender<Checks<Answer>>) {
    for asked in asks {
        if answers.blocking_send(checked(asked)).is_err() {
            return;
        }
    }
}

/// Checks the signatures of a frame, as the node would ask about them.
fn checked(asked: Checks<SignatureCheck>) -> Checks<Answer> {
    let mut answers = Vec::with_capacity(asked.checks.len());
    for check in asked.checks {
        let valid = strict(&check.key, &check.message, &check.signature);
        answers.push(Answer { check, valid });
        if !valid {
            break;
        }
    }
    Checks { ticket: asked.ticket, checks: answers }
}

/// Frames whose signatures are on their way: while the station takes one, the thread has the next.
const AT_ONCE: usize = 8;
/// How long a frame from afar waits for the thread: half of the 20 ms that a station and its bridge may add to the way of a hazard.
pub const PATIENCE: Duration = Duration::from_millis(10);
/// How long the station checks signatures from afar itself when the thread got no processor.
pub const ALONE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
