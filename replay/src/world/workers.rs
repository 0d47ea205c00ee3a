//! Threads that verify signatures whose result is already assumed, and report only those that fail.

use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use ed25519_dalek::VerifyingKey;
use v2x_core::{MessageId, strict};
use v2x_proto::Digest;
use v2x_proto::envelope::{MESSAGE_DOMAIN, TbsView};

/// The number of a check and the frame it was about.
pub(super) type Failure = (u64, String);

/// Threads with a bounded queue of batches before them.
#[derive(Debug)]
pub(super) struct Workers {
    queue: SyncSender<Batch>,
    threads: Vec<JoinHandle<Option<Failure>>>,
    batch: Batch,
    failed: Option<Failure>,
}

impl Workers {
    /// Starts `count` threads, or as many as the system gives.
    pub(super) fn start(count: usize) -> Self {
        let (queue, batches) = sync_channel(QUEUE);
        let batches = Arc::new(Mutex::new(batches));
        let start = |n| {
            let batches = Arc::clone(&batches);
            Builder::new().name(format!("verify-{n}")).spawn(move || work(&batches)).ok()
        };
        // The queue takes nothing once the last receiver is gone, so without a thread the caller does all the work.
        let threads = (0..count.min(MAX_THREADS)).map_while(start).collect();
        Self { queue, threads, batch: Batch::default(), failed: None }
    }

    /// Verifies later. When the queue is full the caller does a batch itself: that bounds the queue, and no core idles.
    pub(super) fn defer(&mut self, number: u64, key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) {
        self.batch.push(number, key, message, signature);
        if self.batch.checks.len() >= BATCH {
            self.hand_over();
        }
    }

    /// Waits until all is verified: the first check that failed, in order of their numbers.
    pub(super) fn finish(mut self) -> Option<Failure> {
        self.hand_over();
        let Self { queue, threads, failed, .. } = self;
        drop(queue);
        let joined = threads.into_iter().filter_map(|thread| {
            // Verifying does not panic; if it did, nothing may pass for verified.
            thread
                .join()
                .unwrap_or_else(|_| Some((u64::MAX, "of a batch whose thread ended early".to_owned())))
        });
        failed.into_iter().chain(joined).min()
    }

    fn hand_over(&mut self) {
        let batch = core::mem::take(&mut self.batch);
        if let Err(TrySendError::Full(batch) | TrySendError::Disconnected(batch)) = self.queue.try_send(batch)
        {
            self.failed = batch.verify().into_iter().chain(self.failed.take()).min();
        }
    }
}

/// Checks to be made, their messages one after the other.
#[derive(Debug, Default)]
struct Batch {
    messages: Vec<u8>,
    checks: Vec<Check>,
}

#[derive(Debug)]
struct Check {
    number: u64,
    key: VerifyingKey,
    message: Range<usize>,
    signature: [u8; 64],
}

impl Batch {
    fn push(&mut self, number: u64, key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) {
        let start = self.messages.len();
        self.messages.extend_from_slice(message);
        let message = start..self.messages.len();
        self.checks.push(Check { number, key: *key, message, signature: *signature });
    }

    /// The first that fails, in order of their numbers.
    fn verify(&self) -> Option<Failure> {
        let mut failing = self.checks.iter().filter_map(|check| {
            let message = &self.messages[check.message.clone()];
            let holds = strict(&check.key, message, &check.signature);
            (!holds).then(|| (check.number, frame_name(message)))
        });
        failing.next()
    }
}

/// Names the frame whose signed bytes these are: domain, hash of the credential, signed part.
pub(super) fn frame_name(message: &[u8]) -> String {
    let parts =
        message.strip_prefix(MESSAGE_DOMAIN.as_slice()).and_then(|rest| rest.split_first_chunk::<32>());
    let id = parts.and_then(|(hash, tbs)| {
        let tbs = TbsView::parse(tbs).ok()?;
        Some(MessageId { signer: Digest::of_hash(hash), class: tbs.class, sequence: tbs.sequence })
    });
    id.map_or_else(|| "of no known form".to_owned(), |id| id.to_string())
}

fn work(batches: &Mutex<Receiver<Batch>>) -> Option<Failure> {
    let mut failed: Option<Failure> = None;
    loop {
        let batch = batches.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(batch) = batch else { return failed };
        failed = batch.verify().into_iter().chain(failed).min();
    }
}

/// Checks handed over together: about two milliseconds of work.
const BATCH: usize = 64;
/// Batches waiting: a tenth of a second of work for one thread, a few megabytes.
const QUEUE: usize = 64;
/// More threads than a machine has cores are of no use.
const MAX_THREADS: usize = 256;
