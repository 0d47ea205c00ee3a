//! One simulation from its start to its files: progress, interruption, results.

use core::ops::ControlFlow;
use core::time::Duration;
use std::io::{self, IsTerminal as _, Write};
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use v2x_replay::rows::Rows;
use v2x_replay::run::{Progress, RunOutcome};
use v2x_replay::source::convert;
use v2x_report::{Machine, WhatRan, hlog, html};

use super::error::ReplayError;
use super::interrupt::Interrupt;
use super::options::ReplayArgs;
use super::rows_file::RowsFile;
use super::tables_folder::TablesFolder;
use crate::commands::judged::judged;
use crate::commands::shown::shown;
use crate::daemon::station::monotonic;
use crate::error::Error;
use crate::machine::write_json;
use crate::whole_file;

/// A run whose inputs are read, and which has not begun.
pub(super) struct Ready {
    ran: WhatRan,
    simulate: Box<Simulation>,
}

type Simulation =
    dyn FnOnce(&mut Option<Rows>, &mut dyn FnMut(Progress) -> ControlFlow<()>) -> Result<RunOutcome, Error>;

impl Ready {
    /// `ran` is what the report says was run.
    pub(super) fn new(
        ran: WhatRan,
        simulate: impl FnOnce(
            &mut Option<Rows>,
            &mut dyn FnMut(Progress) -> ControlFlow<()>,
        ) -> Result<RunOutcome, Error>
        + 'static,
    ) -> Self {
        Self { ran, simulate: Box::new(simulate) }
    }

    /// Runs it to its end, or until `progress` ends it.
    pub(super) fn simulate(
        self,
        rows: &mut Option<Rows>,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<RunOutcome, Error> {
        let mut outcome = (self.simulate)(rows, progress)?;
        outcome.report.run = WhatRan { seeds: core::mem::take(&mut outcome.report.run.seeds), ..self.ran };
        Ok(outcome)
    }
}

/// Runs the simulation, shows its progress, and writes its results.
pub(super) fn run(args: &ReplayArgs, ready: Ready, out: &mut dyn Write) -> Result<(), Error> {
    // Checked now, not after an hour's run.
    for path in [&args.json, &args.html, &args.rows].into_iter().flatten() {
        check_place(path)?;
    }
    args.parquet.as_deref().map_or(Ok(()), TablesFolder::check_place)?;
    check_apart(args)?;
    let file = args.rows.as_deref().map(RowsFile::create).transpose()?;
    let folder = args.parquet.as_deref().map(TablesFolder::create).transpose()?;
    let mut rows = file.as_ref().map(RowsFile::rows).transpose()?;
    if let Some(folder) = &folder {
        rows = Some(rows.unwrap_or_default().with_tables(folder.tables()?));
    }
    let interrupt = Interrupt::listen()?;
    let bar = if args.quiet { ProgressBar::hidden() } else { bar() };
    let started = monotonic();
    let mut progress = |progress| {
        show(&bar, progress);
        if interrupt.asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let outcome = ready.simulate(&mut rows, &mut progress);
    bar.finish_and_clear();
    let outcome = outcome?;
    let wall_s = monotonic().since(started).as_secs_f64();
    // Before the others: when the disk was full, the run was cut short.
    if let Some(mut rows) = rows {
        if let Some(folder) = folder {
            folder.finish(&mut rows, &outcome.report.run, !outcome.interrupted)?;
        }
        if let Some(file) = file {
            file.finish(rows)?;
        }
    }
    write_results(args, &outcome, wall_s, out)?;
    if outcome.interrupted {
        let seconds = outcome.simulated_ns as f64 / 1e9;
        return Err(Error::Interrupted(format!("interrupted after {seconds:.1} simulated seconds")));
    }
    judged(&outcome.report)
}

/// Whether a file can be written there, as far as can be known without writing it.
fn check_place(path: &Path) -> Result<(), ReplayError> {
    match whole_file::impossible(path) {
        Some(found) => Err(ReplayError::NoPlace { path: path.display().to_string(), found }),
        None => Ok(()),
    }
}

/// Whether the files to write are none of those to read, nor each other.
fn check_apart(args: &ReplayArgs) -> Result<(), ReplayError> {
    let all = [
        ("the page", &args.html),
        ("the report", &args.json),
        ("the rows", &args.rows),
        ("the tables", &args.parquet),
        ("the trace", &args.trace),
        ("the plan", &args.plan),
        ("the plan of attacks", &args.attack),
    ];
    for (number, (one, written)) in all[..4].iter().enumerate() {
        for (other, path) in &all[number + 1..] {
            if let (Some(written), Some(path)) = (written, path)
                && whole_file::is_same(written, path)
            {
                return Err(ReplayError::OneFile { path: written.display().to_string(), one, other });
            }
        }
    }
    Ok(())
}

/// The files do not say how long the run took: equal runs have equal files.
fn write_results(
    args: &ReplayArgs,
    outcome: &RunOutcome,
    wall_s: f64,
    out: &mut dyn Write,
) -> Result<(), Error> {
    if !args.quiet {
        let mut report = outcome.report.clone();
        report.machine = Some(Machine::new(outcome.simulated_ns as f64 / 1e9, wall_s, None));
        write!(out, "{}", shown(&report))?;
    }
    let mut say = |what: &str, path: &Path| {
        if args.quiet { Ok(()) } else { writeln!(out, "{what}: {}", path.display()) }
    };
    if let Some(path) = &args.json {
        write_json(path, &outcome.report)?;
        say("report", path)?;
    }
    if let Some(path) = &args.html {
        let page = html::render(&outcome.report, &outcome.map);
        convert::write_atomically(path, |file| file.write_all(page.as_bytes()))
            .map_err(|source| Error::File { path: path.clone(), source })?;
        say("page", path)?;
    }
    if let Some(path) = &args.rows {
        say("rows", path)?;
    }
    if let Some(path) = args.parquet.as_ref().filter(|_| !outcome.interrupted) {
        say("tables", path)?;
    }
    if let Some(directory) = &args.hdr {
        let simulated = Duration::from_nanos(outcome.simulated_ns);
        let path = hlog::write(directory, "replay", &outcome.stats, simulated).map_err(ReplayError::from)?;
        say("histograms", &path)?;
    }
    Ok(())
}

/// On a terminal only.
fn bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg}  {eta} left")
        .expect("invariant: the template is well-formed");
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style)
}

fn show(bar: &ProgressBar, progress: Progress) {
    let seconds = |ns: u64| ns as f64 / 1e9;
    bar.set_length(progress.end_ns);
    bar.set_position(progress.simulated_ns);
    bar.set_message(format!("{:.1} of {:.1} s", seconds(progress.simulated_ns), seconds(progress.end_ns)));
}
