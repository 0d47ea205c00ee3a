//! What a running station writes besides its frames: lines, reports, a recording, a capture. Each has a thread of its own, and
//! none of them decides whether the station lives.

use core::time::Duration;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use radio_adapters::tap::{TapCounters, TapWatch};
use v2x_report::{Report, Stats};

use crate::console::ConsoleState;
use crate::daemon::recorder::Recorder;
use crate::daemon::report_writer::ReportWriter;
use crate::error::{Complaint, Error};
use crate::log::{self, events};
use crate::whole_file;

/// An output that was asked for and cannot be had, or was not had whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The report can never be written there.
    #[error("{}: cannot be written: {found}; name a file in a directory that exists", path.display())]
    NoPlace {
        /// The file.
        path: PathBuf,
        /// Why not.
        found: &'static str,
    },
    /// Two of them are to be one file.
    #[error("{}: is to be both {one} and {other}; give each a file of its own", path.display())]
    OneFile {
        /// The file.
        path: PathBuf,
        /// What is written there.
        one: &'static str,
        /// And what else.
        other: &'static str,
    },
    /// The recording misses something.
    #[error("recording: {0}")]
    Recording(String),
    /// The capture misses something.
    #[error("capture: {0}")]
    Capture(String),
}

impl Complaint for OutputError {}

/// The outputs of a running station, but for the recording, which is the station's own.
#[derive(Debug)]
pub struct Outputs {
    console: Arc<ConsoleState>,
    capture: Option<TapWatch>,
    report: Option<(PathBuf, ReportWriter)>,
    /// What was said of each output that stalls: lines, captured frames, reports.
    told: [u64; 3],
}

impl Outputs {
    /// Starts the thread for reports, if they are wanted.
    ///
    /// # Errors
    /// There is no thread.
    pub fn start(
        console: Arc<ConsoleState>,
        capture: Option<TapWatch>,
        report: Option<&Path>,
    ) -> Result<Self, Error> {
        let start = |path: &Path| {
            let writer = ReportWriter::start(path)
                .map_err(|source| Error::System { what: "starting a thread for reports", source });
            Ok::<_, Error>((path.to_owned(), writer?))
        };
        Ok(Self { console, capture, report: report.map(start).transpose()?, told: [0; 3] })
    }

    /// Once a second: says of each output that stalls that it does, once. Those that fail say so themselves.
    pub fn keep(&mut self) {
        let lines = self.console.lost()[0];
        let frames = self.capture.as_ref().map_or(0, |capture| capture.counters().too_slow);
        let reports = self.report.as_ref().map_or(0, |(_, writer)| writer.unwritten()[1]);
        let what = [
            (lines, "lines lost: nobody reads standard output"),
            (frames, "frames are missing in the capture: its file takes less than the link gives"),
            (reports, "reports lost: their file takes nothing"),
        ];
        for (told, (lost, why)) in self.told.iter_mut().zip(what) {
            if *told == 0 && lost > 0 {
                *told = lost;
                tracing::warn!(
                    event = events::OUTPUT_LOST.name,
                    count = lost,
                    "{lost} {why}; the station goes on"
                );
            }
        }
    }

    /// A report is due: begins to make one, if they are written.
    pub fn begin_report(&mut self) {
        if let Some((_, writer)) = &mut self.report {
            writer.begin();
        }
    }

    /// When [`copy_for_report`](Self::copy_for_report) has something to do.
    pub fn report_due(&self, now: v2x_core::Instant) -> v2x_core::Instant {
        let copying = self.report.as_ref().is_some_and(|(_, writer)| writer.is_copying());
        if copying { now + BETWEEN_PARTS } else { v2x_core::Instant::FAR_FUTURE }
    }

    /// While a report is being made, copies a part of the histograms; all of them once they are whole, for
    /// [`report`](Self::report).
    pub fn copy_for_report(&mut self, stats: &Stats) -> Option<Box<Stats>> {
        self.report.as_mut().and_then(|(_, writer)| writer.copy(stats))
    }

    /// Hands over a report, and the histograms that it is to be judged by.
    pub fn report(&mut self, report: Report, stats: Box<Stats>) {
        if let Some((_, writer)) = &mut self.report {
            writer.write(report, stats);
        }
    }

    /// What is missing so far, for the report.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let mut warn = |count: u64, what: &str| {
            if count > 0 {
                warnings.push(format!("{count} {what}"));
            }
        };
        let [unread, refused] = self.console.lost();
        warn(unread, "lines not printed: nobody read standard output");
        warn(refused, "lines not printed: standard output refused them");
        if let Some(log) = log::state() {
            warn(log.lost().iter().sum(), "lines of the log not written to standard error");
        }
        if let Some(capture) = &self.capture {
            let TapCounters { over_limit, write_errors, too_slow, .. } = capture.counters();
            warn(over_limit, "frames not captured: the capture is at its size limit");
            warn(write_errors, "frames not captured: the capture could not be written");
            warn(too_slow, "frames not captured: the capture was written too slowly");
        }
        if let Some((_, writer)) = &self.report {
            let [refused, too_soon] = writer.unwritten();
            warn(refused, "reports not written: their file refused them");
            warn(too_soon, "reports not written: their file took nothing");
        }
        warnings
    }

    /// Ends recording and capture: waits until they are written, `FILES_WAIT` at most. What was asked for and is not whole
    /// is an error.
    pub fn end_files(&mut self, mut recorder: Option<&mut Recorder>) -> Result<(), OutputError> {
        let until = Instant::now() + FILES_WAIT;
        if let Some(recorder) = &recorder {
            recorder.end();
        }
        if let Some(capture) = &self.capture {
            capture.end();
        }
        let recorded = recorder.as_mut().is_none_or(|recorder| recorder.wait(until));
        let captured = self.capture.as_mut().is_none_or(|capture| capture.wait(until));
        if let Some(losses) = recorder.and_then(|recorder| recorder.losses()) {
            return Err(OutputError::Recording(losses.to_string()));
        }
        if !recorded {
            return Err(OutputError::Recording(STANDS_STILL.to_owned()));
        }
        if !captured {
            return Err(OutputError::Capture(STANDS_STILL.to_owned()));
        }
        match self.capture.as_ref().map(|capture| capture.counters()) {
            Some(TapCounters { write_errors, too_slow, .. }) if write_errors + too_slow > 0 => {
                Err(OutputError::Capture(format!("{} frames are missing in it", write_errors + too_slow)))
            }
            _ => Ok(()),
        }
    }

    /// Writes the last report, and waits for that, `REPORT_WAIT` at most.
    ///
    /// # Errors
    /// It is not written.
    pub fn end_report(self, report: Report) -> Result<(), Error> {
        let Some((path, writer)) = self.report else { return Ok(()) };
        let until = Instant::now() + REPORT_WAIT;
        writer.finish(report, until).map_err(|source| Error::File { path, source })
    }
}

/// Refuses what was asked for on the command line and can never be written.
///
/// # Errors
/// It is a directory, or in one that is not there.
pub fn check_place(path: &Path) -> Result<(), OutputError> {
    match whole_file::impossible(path) {
        Some(found) => Err(OutputError::NoPlace { path: path.to_owned(), found }),
        None => Ok(()),
    }
}

/// Refuses outputs that would overwrite each other.
///
/// # Errors
/// Two of them lead to one file.
pub fn check_apart(
    report: Option<&Path>,
    recording: Option<&Path>,
    capture: Option<&Path>,
) -> Result<(), OutputError> {
    let all = [("the report", report), ("the recording", recording), ("the capture", capture)];
    for (number, (one, path)) in all.iter().enumerate() {
        for (other, another) in &all[number + 1..] {
            if let (Some(path), Some(another)) = (path, another)
                && whole_file::is_same(path, another)
            {
                return Err(OutputError::OneFile { path: path.to_path_buf(), one, other });
            }
        }
    }
    Ok(())
}

/// Parts of a report take some 0.1 ms each; frames come between them.
const BETWEEN_PARTS: Duration = Duration::from_millis(1);
const STANDS_STILL: &str = "its file takes nothing, so the last records are lost";
/// How long the end waits for a recording and a capture.
const FILES_WAIT: Duration = Duration::from_secs(2);
/// How long it waits for the report.
const REPORT_WAIT: Duration = Duration::from_secs(1);
