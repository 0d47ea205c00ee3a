//! The thread's side of a tap: takes frames from the queue and writes them as blocks.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use v2x_proto::link::ethernet;

use super::pcapng::{self, Direction};
use super::state::{DEFAULT_LIMIT_BYTES, QUEUE_BYTES, Shared, Tell};
use crate::blocks::{Blocks, Medium};
use crate::destination;
use crate::queue::Records;
use crate::radio::MAX_FRAME_BYTES;
use crate::writer::Work;

/// Opens what the capture is written to, and opens it again when a pipe's reader has gone.
pub(super) type Open<M> = Box<dyn FnMut() -> io::Result<M> + Send>;

/// A capture being written.
pub(super) struct TapFile<M> {
    records: Records,
    shared: Arc<Shared>,
    tell: Tell,
    path: PathBuf,
    head: Vec<u8>,
    ether_type: u16,
    open: Open<M>,
    blocks: Option<Blocks<M>>,
    limit_bytes: u64,
    bytes_left: u64,
    /// Nothing is tried before, after an error.
    retry: Option<Instant>,
    /// The last error, until frames were written for a while.
    troubled: Option<Instant>,
    frame: Vec<u8>,
}

impl TapFile<File> {
    /// Writes to a file at `path`, opened already when that succeeded.
    pub(super) fn new(parts: Parts, file: Option<File>) -> Self {
        let path = parts.path.clone();
        Self::with(parts, file, Box::new(move || destination::create(&path)))
    }
}

/// What a capture needs besides its medium.
pub(super) struct Parts {
    pub(super) records: Records,
    pub(super) shared: Arc<Shared>,
    pub(super) tell: Tell,
    pub(super) path: PathBuf,
    pub(super) head: Vec<u8>,
    pub(super) ether_type: u16,
    pub(super) limit_bytes: u64,
}

impl<M: Medium> TapFile<M> {
    pub(super) fn with(parts: Parts, medium: Option<M>, open: Open<M>) -> Self {
        let Parts { records, shared, tell, path, head, ether_type, limit_bytes } = parts;
        Self {
            records,
            shared,
            tell,
            path,
            head,
            ether_type,
            open,
            blocks: medium.map(Blocks::new),
            limit_bytes,
            bytes_left: limit_bytes,
            retry: None,
            troubled: None,
            frame: Vec::with_capacity(ethernet::Header::LEN + MAX_FRAME_BYTES),
        }
    }

    /// Writes what the queue holds.
    pub(super) fn round_at(&mut self, now: Instant) {
        if self.blocks.as_ref().is_some_and(|blocks| !blocks.is_at(&self.path)) {
            self.blocks = None;
            self.bytes_left = self.limit_bytes;
            (self.tell)(format!(
                "{}: the capture's file was moved, removed or emptied; a new one is begun",
                self.path.display()
            ));
        }
        let ready = self.is_ready(now);
        let mut bytes = 0;
        while bytes < ROUND_BYTES {
            let Some(record) = self.records.take() else { break };
            bytes += record.len();
            if !ready {
                self.shared.write_errors.fetch_add(1, Relaxed);
                continue;
            }
            let Some(block) = block(record, self.ether_type, &mut self.frame) else { continue };
            if block.len() as u64 > self.bytes_left {
                self.reach_limit();
                continue;
            }
            self.bytes_left -= block.len() as u64;
            let Some(blocks) = &mut self.blocks else { continue };
            self.shared.written.fetch_add(1, Relaxed);
            if let Err(unwritten) = blocks.push(&block) {
                self.fail(unwritten.blocks, &unwritten.source, now);
            }
        }
        let Some(blocks) = self.blocks.as_mut().filter(|blocks| ready && blocks.buffered() > 0) else {
            return;
        };
        if let Err(unwritten) = blocks.flush() {
            self.fail(unwritten.blocks, &unwritten.source, now);
        } else if self.troubled.is_some_and(|since| now >= since + RECOVERED) {
            // Not at the first frame that fits into what is left of a full disk.
            self.troubled = None;
            let lost = self.shared.write_errors.load(Relaxed);
            (self.tell)(format!("{}: capture goes on; {lost} frames are missing in it", self.path.display()));
        }
    }

    /// Whether frames can be written: opens what is closed, and begins what is empty with its head.
    fn is_ready(&mut self, now: Instant) -> bool {
        if self.retry.is_some_and(|retry| now < retry) {
            return false;
        }
        if self.blocks.is_none() {
            match (self.open)() {
                Ok(medium) => self.blocks = Some(Blocks::new(medium)),
                Err(error) => {
                    self.fail(0, &error, now);
                    return false;
                }
            }
        }
        let Some(blocks) = &mut self.blocks else { return false };
        if blocks.length() == 0 && blocks.buffered() == 0 {
            let begun = blocks.push(&self.head).and_then(|()| blocks.flush());
            if let Err(unwritten) = begun {
                self.fail(0, &unwritten.source, now);
                return false;
            }
        }
        true
    }

    fn reach_limit(&mut self) {
        // A shorter frame later would leave an invisible gap.
        self.bytes_left = 0;
        if self.shared.over_limit.fetch_add(1, Relaxed) == 0 {
            let mib = DEFAULT_LIMIT_BYTES >> 20;
            (self.tell)(format!(
                "{}: capture ends here: its limit of {mib} MiB is reached",
                self.path.display()
            ));
        }
    }

    fn fail(&mut self, lost: u64, error: &io::Error, now: Instant) {
        self.shared.written.fetch_sub(lost.min(self.shared.written.load(Relaxed)), Relaxed);
        self.shared.write_errors.fetch_add(lost, Relaxed);
        self.retry = Some(now + RETRY);
        if self.troubled.replace(now).is_none() {
            (self.tell)(format!("{}: capture stopped, trying again: {error}", self.path.display()));
        }
        if error.kind() == io::ErrorKind::BrokenPipe {
            self.blocks = None;
        }
    }
}

impl<M> fmt::Debug for TapFile<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TapFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl<M: Medium + 'static> Work for TapFile<M> {
    fn round(&mut self) {
        self.round_at(Instant::now());
    }
}

/// A frame as the station hands it over: direction, wall-clock nanoseconds, source, bytes.
fn block(record: &[u8], ether_type: u16, frame: &mut Vec<u8>) -> Option<Vec<u8>> {
    let (direction, rest) = record.split_first()?;
    let (at, rest) = rest.split_first_chunk::<8>()?;
    let (source, bytes) = rest.split_first_chunk::<6>()?;
    let direction =
        if *direction == Direction::Inbound as u8 { Direction::Inbound } else { Direction::Outbound };
    frame.clear();
    frame.extend(ethernet::Header::broadcast(*source, ether_type).encode());
    frame.extend_from_slice(bytes);
    Some(pcapng::packet(direction, u64::from_le_bytes(*at), frame))
}

/// How long after an error a capture is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How long nothing must fail before it is said that a capture goes on.
const RECOVERED: Duration = Duration::from_secs(5);
/// Taken from the queue before it is written out, so that an end that is asked for is seen.
const ROUND_BYTES: usize = QUEUE_BYTES;
