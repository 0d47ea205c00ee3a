//! Writes the reports of a running station to their file.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use radio_adapters::writer::{Work, Writer};
use rtrb::{Consumer, Producer, RingBuffer};
use v2x_report::Report;

use crate::machine::report_text;
use crate::whole_file;

/// The thread that writes reports. A report is moved to it, and becomes text there.
#[derive(Debug)]
pub struct ReportWriter {
    reports: Producer<Report>,
    writer: Writer<ReportFile>,
    state: Arc<ReportState>,
}

/// Counts of both sides.
#[derive(Debug, Default)]
struct ReportState {
    /// Reports the file refused.
    refused: AtomicU64,
    /// Reports that came before the one before was written.
    too_soon: AtomicU64,
}

impl ReportWriter {
    /// Starts the thread; the file is written with the first report.
    ///
    /// # Errors
    /// There is no thread.
    pub fn start(path: &Path) -> io::Result<Self> {
        let (reports, taken) = RingBuffer::new(WAITING);
        let state = Arc::new(ReportState::default());
        let file =
            ReportFile { path: path.to_owned(), reports: taken, state: Arc::clone(&state), failed: None };
        Ok(Self { reports, writer: Writer::start("report", file)?, state })
    }

    /// Hands a report over; it is dropped and counted when those before it still wait.
    pub fn write(&mut self, report: Report) {
        if self.reports.push(report).is_err() {
            self.state.too_soon.fetch_add(1, Relaxed);
        }
    }

    /// Reports that were not written: refused, and not taken in time.
    pub fn unwritten(&self) -> [u64; 2] {
        [self.state.refused.load(Relaxed), self.state.too_soon.load(Relaxed)]
    }

    /// Hands over the last report and waits until it is written, `until` at most.
    ///
    /// # Errors
    /// Why it is not.
    pub fn finish(mut self, report: Report, until: Instant) -> io::Result<()> {
        let late = || io::Error::new(io::ErrorKind::TimedOut, "it takes nothing, so the last report is lost");
        self.reports.push(report).map_err(|_| late())?;
        let file = self.writer.wait(until).ok_or_else(late)?;
        file.failed.map_or(Ok(()), Err)
    }
}

/// The thread's side.
struct ReportFile {
    path: PathBuf,
    reports: Consumer<Report>,
    state: Arc<ReportState>,
    /// Why the last report was not written.
    failed: Option<io::Error>,
}

impl Work for ReportFile {
    fn round(&mut self) {
        // The newest replaces the others.
        let Some(report) = core::iter::from_fn(|| self.reports.pop().ok()).last() else { return };
        let path = self.path.display();
        match whole_file::write(&self.path, report_text(&report).as_bytes()) {
            Ok(()) => {
                if self.failed.take().is_some() {
                    tracing::warn!("{path}: reports are written again");
                }
            }
            Err(error) => {
                self.state.refused.fetch_add(1, Relaxed);
                if self.failed.is_none() {
                    tracing::warn!("{path}: report not written, trying again with the next: {error}");
                }
                self.failed = Some(error);
            }
        }
    }
}

impl fmt::Debug for ReportFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReportFile").field("path", &self.path).finish_non_exhaustive()
    }
}

/// One that is being taken and one that waits; the next makes both old.
const WAITING: usize = 2;
