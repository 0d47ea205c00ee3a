//! One simulation from its start to its files: progress, interruption, results.

use core::ops::ControlFlow;
use core::time::Duration;
use std::io::{self, IsTerminal as _, Write};
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use v2x_replay::rows::Rows;
use v2x_replay::run::{Progress, RunOutcome};
use v2x_report::{Machine, WhatRan, hlog, html};

use super::error::ReplayError;
use super::interrupt::Interrupt;
use super::options::ReplayArgs;
use super::outputs::{self, Role};
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

/// Runs the simulation, shows its progress, and writes its results; that they can be written was [checked](check_outputs).
pub(super) fn run(args: &ReplayArgs, ready: Ready, out: &mut dyn Write) -> Result<(), Error> {
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

/// What is written is told apart from what is read before an hour's run, and not after it.
pub(super) fn check_outputs(args: &ReplayArgs) -> Result<(), Error> {
    let written = outputs::given([
        ("the page", args.html.as_deref()),
        ("the report", args.json.as_deref()),
        ("the rows", args.rows.as_deref()),
    ]);
    let read = outputs::given([
        ("the tables", args.parquet.as_deref()),
        ("the histograms", args.hdr.as_deref()),
        ("the trace", args.trace.as_deref()),
        ("the plan", args.plan.as_deref()),
        ("the plan of attacks", args.attack.as_deref()),
        ("the radio's profile", args.radio.as_deref().map(Path::new)),
        ("the polygons", args.polygons.as_deref()),
        ("the intervals", args.awareness.as_deref()),
    ]);
    let read: Vec<Role<'_>> = read.into_iter().chain(args.reading.files()).collect();
    outputs::check(&written, &read)?;
    if let Some(path) = &args.parquet {
        TablesFolder::check_place(path)?;
        outputs::apart(&[("the tables", path)], &read[1..])?;
    }
    match &args.hdr {
        Some(path) if path.exists() && !path.is_dir() => {
            let found = "it is a file";
            Err(ReplayError::NoFolder { path: path.display().to_string(), found }.into())
        }
        _ => Ok(()),
    }
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
        whole_file::write(path, page.as_bytes())
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
