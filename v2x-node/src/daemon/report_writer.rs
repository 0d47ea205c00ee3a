//! Writes the reports of a running station to their file.
//!
//! A report's figures come from the histograms of all classes and stages, and going through them takes milliseconds. So the
//! station copies them a part at a time, one a turn, and the thread does the rest.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use radio_adapters::writer::{Work, Writer};
use rtrb::{Consumer, Producer, RingBuffer};
use v2x_report::{Report, Stats};

use crate::machine::report_text;
use crate::whole_file;

/// The thread that writes reports. A report is moved to it, is judged and becomes text there.
#[derive(Debug)]
pub struct ReportWriter {
    reports: Producer<Draft>,
    /// Histograms to copy to, when the thread has given them back.
    spare: Option<Box<Stats>>,
    returned: Consumer<Box<Stats>>,
    /// The next part to copy, while a report is being made.
    part: Option<usize>,
    writer: Writer<ReportFile>,
    state: Arc<ReportState>,
}

/// A report, and the histograms by which it is to be judged; the last one is judged already.
#[derive(Debug)]
struct Draft {
    report: Report,
    stats: Option<Box<Stats>>,
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
        let (give, returned) = RingBuffer::new(1);
        let state = Arc::new(ReportState::default());
        let file = ReportFile {
            path: path.to_owned(),
            reports: taken,
            returned: give,
            state: Arc::clone(&state),
            failed: None,
        };
        let spare = Some(Box::new(Stats::new()));
        Ok(Self { reports, spare, returned, part: None, writer: Writer::start("report", file)?, state })
    }

    /// Begins to make a report; counts it as lost when the one before it is not written yet.
    pub fn begin(&mut self) {
        if self.spare.is_none() {
            self.spare = self.returned.pop().ok();
        }
        if self.spare.is_some() && self.part.is_none() {
            self.part = Some(0);
        } else {
            self.state.too_soon.fetch_add(1, Relaxed);
        }
    }

    /// Whether a report is being made.
    pub fn is_copying(&self) -> bool {
        self.part.is_some()
    }

    /// Copies the next part of `stats`; the whole copy once that was the last one.
    pub fn copy(&mut self, stats: &Stats) -> Option<Box<Stats>> {
        let (part, spare) = (self.part.as_mut()?, self.spare.as_mut()?);
        while *part < Stats::PARTS {
            let copied = spare.copy_part(*part, stats);
            *part += 1;
            if copied {
                return None;
            }
        }
        self.part = None;
        self.spare.take()
    }

    /// Hands a report over, to be judged by `stats`.
    pub fn write(&mut self, report: Report, stats: Box<Stats>) {
        if self.reports.push(Draft { report, stats: Some(stats) }).is_err() {
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
        self.reports.push(Draft { report, stats: None }).map_err(|_| late())?;
        let file = self.writer.wait(until).ok_or_else(late)?;
        file.failed.map_or(Ok(()), Err)
    }
}

/// The thread's side.
struct ReportFile {
    path: PathBuf,
    reports: Consumer<Draft>,
    returned: Producer<Box<Stats>>,
    state: Arc<ReportState>,
    /// Why the last report was not written.
    failed: Option<io::Error>,
}

impl Work for ReportFile {
    fn round(&mut self) {
        let mut newest = None;
        while let Ok(Draft { mut report, stats }) = self.reports.pop() {
            if let Some(stats) = stats {
                report.judge(&stats);
                self.returned.push(stats).expect("invariant: there is one copy, and room for it");
            }
            // It replaces the one before.
            newest = Some(report);
        }
        let Some(report) = newest else { return };
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
